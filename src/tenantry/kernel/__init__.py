"""The shared words: what content declares and the machine runs."""

from .capability import Capability
from .catalog import Catalog
from .context import AccessRole, Context, Principal, Row
from .dataset import Dataset
from .sandbox import Code, Sandbox
from .source import Batch, Format, RemoteSource, RowMapping, Sample, Source
from .time import Window
from .tool import Effect, Tool, tool

__all__ = [
    "AccessRole",
    "Batch",
    "Capability",
    "Catalog",
    "Code",
    "Context",
    "Dataset",
    "Effect",
    "Format",
    "Principal",
    "RemoteSource",
    "Row",
    "RowMapping",
    "Sample",
    "Sandbox",
    "Source",
    "Tool",
    "Window",
    "tool",
]  # fmt: skip

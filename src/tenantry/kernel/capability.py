"""A capability: a question the product answers, with the datasets and tools that answer it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .dataset import Dataset
from .tool import Tool


@dataclass(frozen=True)
class Capability:
    """Frozen declaration from which every gateway derives its face of the capability."""

    name: str
    question: str
    datasets: tuple[type[Dataset], ...]
    tools: tuple[Tool, ...]
    examples: tuple[str, ...]
    instructions: str
    run: Tool | None = None
    """The scheduled job, for `tenantry run`; by default the first tool over the newest month."""

    @property
    def outward(self) -> bool:
        """Whether strangers answer it: it is asked when somebody asks, and by no schedule."""
        return any(tool.outward for tool in self.tools)

    @staticmethod
    def instructions_beside(file: str) -> str:
        """The Markdown page next to a capability's module: help, documentation and agent instructions."""
        return Path(file).with_suffix(".md").read_text(encoding="utf-8")

    def tool_named(self, name: str) -> Tool | None:
        return next((tool for tool in self.tools if tool.name == name), None)

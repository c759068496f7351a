"""Live records: what comes in over the network one by one, and how it becomes rows of datasets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from .source import RowMapping

Cells = tuple[str | int | None, ...]
"""A row in the order of its dataset's columns: texts, and decimals as plain text; days since 1970-01-01 for a DATE,
microseconds since then for a TIMESTAMP."""
Columns = Sequence[Sequence[str | int | None]]
"""The same of many rows, by column; of numbers perhaps an `array`, as wide as the column's (int32 for a DATE)."""


@dataclass(frozen=True)
class Live:
    """What the live intake asks of content about one kind of record."""

    mappings: tuple[RowMapping, ...]
    """The very ones by which files of such records land: a record is the same row however it comes."""
    records: tuple[type[Any], ...] = ()
    """msgspec `Struct`s for those that are written as most are, the narrowest first; fields in alphabetical order."""
    plain: Callable[[Sequence[Any], int], tuple[Columns, Collection[int]]] | None = None
    """The rows of such, some at least, of one mapping only; and the places of those that the mapping must read, where
    a row says nothing. The number is when they came, in microseconds since 1970."""
    stamp: str = ""
    """The member that a record without it gets: when it came."""

"""Live records: what comes in over the network one by one, and how it becomes rows of datasets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .source import RowMapping

Cells = tuple[str | int | None, ...]
"""A row in the order of its dataset's columns: texts, and decimals as plain text; days since 1970-01-01 for a DATE,
microseconds since then for a TIMESTAMP."""


@dataclass(frozen=True)
class Live:
    """What the live intake asks of content about one kind of record."""

    mappings: tuple[RowMapping, ...]
    """The very ones by which files of such records land: a record is the same row however it comes."""
    plain: Callable[[Mapping[str, Any], int], Cells | None] | None = None
    """The row of a record that is written as most are, read at once; None for all others, which the mapping reads.
    Of one mapping only. The number is when the record came, in microseconds since 1970."""
    stamp: str = ""
    """The member that a record without it gets: when it came."""

"""What one request brought, and what became of each of its points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

from ...engine.cells import Rows
from ...errors import TenantryError
from ...kernel.live import Cells

Row = tuple[str, bytes, bytes, Cells]
"""Table, key, payload, cells."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A point that could not be read, and why. `id` is that of an event that says one."""

    index: int
    id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """The same key came before with another payload, which is the one that counts. Hashes are in hexadecimal."""

    index: int
    id: str | None
    stored: str
    sent: str


@dataclass(frozen=True, slots=True)
class Plain:
    """Points of one row each, all of one table; by column. Of one parcel, or of several one after another."""

    table: str
    spans: Sequence[tuple[Parcel, int]]
    """The parcels, each with the number of its points."""
    indexes: Sequence[int]
    names: Sequence[str | None]
    keys: Sequence[bytes]
    payloads: Sequence[bytes]
    rows: Rows

    def only(self, chosen: Sequence[bool]) -> Plain | None:
        """Those, of one parcel, at the places that are chosen; None where none are."""
        [(parcel, _)] = self.spans
        if not any(chosen):
            return None
        return Plain(
            self.table, [(parcel, sum(chosen))], [*compress(self.indexes, chosen)], [*compress(self.names, chosen)],
            [*compress(self.keys, chosen)], [*compress(self.payloads, chosen)], self.rows.only(chosen),
        )  # fmt: skip


@dataclass
class Parcel:
    """Points: an event is one, a data point, a span, a log record. Each has an index, which the sender knows.

    A point that is read is among `plain` ones, or has rows; one that a mapping has yet to read is `odd`.
    """

    door: str
    size: int
    """Bytes."""
    content: Callable[[int], bytes]
    """A point as it came, by its index."""
    tenant: str | None = None
    """The tenant whose rows the sender may send; None: of all."""
    received: int = 0
    unread: bytes | None = None
    """A body that is yet to be read into points."""
    problem: Exception | None = None
    """Why it cannot be."""
    points: list[tuple[int, str | None, Sequence[Row]]] = field(
        default_factory=list[tuple[int, "str | None", Sequence[Row]]]
    )
    plain: Plain | None = None
    odd: list[tuple[int, Any]] = field(default_factory=list[tuple[int, Any]])
    left_out: dict[str, int] = field(default_factory=dict[str, int])
    """Points that are no usage, by why; no fault of theirs."""
    again: bool = False
    """A replay: indexes are numbers of the ledger."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[Rejected] = field(default_factory=list[Rejected])
    conflicts: list[Conflict] = field(default_factory=list[Conflict])
    tell: Callable[[TenantryError | None], object] = lambda _: None
    """Called once, by another thread: all of it is on the disk, or why none is."""

    def row_keys(self) -> list[bytes]:
        """Of all rows that are read."""
        of_points = [row[1] for _, _, rows in self.points for row in rows]
        return [*self.plain.keys, *of_points] if self.plain else of_points

    def reject(self, index: int, name: str | None, reason: str) -> None:
        self.rejected.append(Rejected(index, name, reason))

    def leave_out(self, reason: str) -> None:
        self.left_out[reason] = self.left_out.get(reason, 0) + 1

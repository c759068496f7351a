"""Logs that grow: a file that begins with what was delivered before takes its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ..kernel.dataset import Dataset
from ..kernel.landing import Deliveries
from .duckdb import DuckDB, literal
from .raw import RawFile


@dataclass
class Growth:
    """The deliveries that a tallied dataset has had, and those that files of this batch begin with."""

    table: str
    known: dict[str, Deliveries]
    orphans: list[str]
    """Deliveries whose rows landed before their run was killed: no ledger has them."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes by delivery; what is read next may begin with any of them."""
    newer: dict[str, RawFile] = field(default_factory=dict)
    """By delivery: the file that begins with it."""
    stale: list[Deliveries] = field(default_factory=list)
    """Accounts of files that came again as they were before they grew."""

    @classmethod
    def of(
        cls, engine: DuckDB, dataset: type[Dataset], entries: Mapping[tuple[str, str], Deliveries]
    ) -> Growth:
        """What the lake's ledger and this run's `entries` say."""
        engine.attach([Deliveries, dataset])
        table = dataset.table()
        rows = engine.query(f"SELECT * FROM deliveries WHERE dataset = {literal(table)}")
        known = {row["delivery"]: Deliveries(**row) for row in rows}
        landed = [row["delivery"] for row in engine.query(f"SELECT DISTINCT delivery FROM {table}")]
        orphans = [delivery for delivery in landed if delivery not in known]
        known |= {entry.delivery: entry for (_, name), entry in entries.items() if name == table}
        return cls(table, known, orphans, {entry.delivery: entry.bytes for entry in known.values()})

    def is_new(self, file: RawFile) -> bool:
        """Notes a file that was read; false where a later state of the same log has landed."""
        former = self.known.get(file.delivery)
        if former is not None and former.superseded_by is not None:
            self.stale.append(former)
            return False
        self.sizes[file.delivery] = file.size
        self.newer |= dict.fromkeys(file.begins, file)
        return True

    def outgrown(self, files: Iterable[RawFile], source: str, now: datetime) -> list[Deliveries]:
        """The ledger's accounts, as they are now, of all that newer files begin with."""
        here = {file.delivery: file for file in files}
        entries = {d: self.known.get(d) or _entry(here[d], self.table, source, now) for d in self.newer}
        return [
            _superseded(entry, self.newer[delivery])
            for delivery, entry in entries.items()
            if entry.superseded_by is None
        ]


def _superseded(entry: Deliveries, newer: RawFile) -> Deliveries:
    note = f"{entry.rows} x the beginning of {newer.path}"
    changes = {
        "accepted": 0,
        "quarantined": 0,
        "left_out": entry.rows,
        "superseded_by": newer.delivery,
        "note": note,
    }
    return entry.model_copy(update=changes)


def _entry(file: RawFile, table: str, source: str, now: datetime) -> Deliveries:
    return Deliveries(
        delivery=file.delivery, dataset=table, source=source, file=str(file.path), bytes=file.size, landed_at=now,
        rows=file.rows, accepted=0, quarantined=0, left_out=file.rows, superseded_by=None, note=None,
    )  # fmt: skip

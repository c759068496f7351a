"""A folder of files and a lake to land them in, for tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tenantry.engine.duckdb import DuckDB
from tenantry.engine.files import find, recognise, samples
from tenantry.engine.land import Landed, Landing
from tenantry.kernel import Row
from tenantry.kernel.dataset import Dataset
from tenantry.sources import SOURCES


@dataclass
class Shop:
    """A folder of files and a lake to land them in."""

    folder: Path
    engine: DuckDB
    now: datetime

    def put(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def land(self, *paths: Path) -> Landed:
        """What became of all files of the folder, or of these, in one run."""
        good, bad = samples(find([str(p) for p in paths or [self.folder]]).files)
        recognition = recognise(good, SOURCES)
        problems = [*bad, *recognition.unknown]
        quarantined: dict[tuple[str, str], int] = {}
        with Landing(self.engine, self.now) as landing:
            for source, few in recognition.of.items():
                reader = source(path="")
                for batch in reader.batches(few):
                    landed = landing.land(batch, source.kind, reader)
                    problems += landed.problems
                    quarantined |= landed.quarantined
            entries = landing.ledger
        assert all(e.rows == e.accepted + e.quarantined + e.left_out for e in entries)
        return Landed(entries, tuple(problems), quarantined)

    def rows(self, dataset: type[Dataset]) -> list[Row]:
        self.engine.attach([dataset])
        return self.engine.query(f"SELECT * FROM {dataset.table()} ORDER BY ALL NULLS FIRST")

    def column(self, dataset: type[Dataset], name: str) -> list[Any]:
        return [row[name] for row in self.rows(dataset)]

    def lines(self, dataset: type[Dataset], columns: str) -> list[str]:
        """Of each row these cells with spaces between them: times to the hour, `-` for nothing."""
        return [" ".join(_shown(row[name]) for name in columns.split()) for row in self.rows(dataset)]


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H}"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return "-" if value in {"", None} else str(value)


def reasons(landed: Landed) -> dict[str, int]:
    return {reason: rows for (_, reason), rows in landed.quarantined.items()}


def csv(columns: str, rows: Iterable[Sequence[object]]) -> str:
    return "\n".join([columns, *(",".join(map(str, row)) for row in rows), ""])

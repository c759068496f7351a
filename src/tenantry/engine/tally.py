"""Tallies: a mapping whose rows are added up while they are read, and only their sums are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..kernel.dataset import Dataset
from ..kernel.source import RowMapping
from .duckdb import DuckDB, literal, quoted
from .raw import SHOWN
from .stage import content, fate, marked, raw_asked


@dataclass
class Tally:
    """One mapping's sums in a Parquet file, each with how many rows of `raw` it is of; bad rows beside it.

    Takes the place of a `Stage` where the mapping has `sums`. Its rows have no keys, so none repeats another.
    """

    engine: DuckDB
    mapping: RowMapping
    path: Path
    """Of its files without their ending: there is one for each time that it was filled."""
    copies: dict[str, str] = field(default_factory=dict)
    _sums: list[Path] = field(default_factory=list)
    _unfit: list[Path] = field(default_factory=list)

    @property
    def dataset(self) -> type[Dataset]:
        return self.mapping.dataset

    def fill(self, raw_columns: Sequence[str]) -> None:
        """Add what the mapping makes of the relation `raw`, which has these columns."""
        said = content(raw_columns)
        self._sums.append(self._written(self._statement(said)))
        bad = f"SELECT DISTINCT _delivery, _bad FROM {_read(self._sums[-1:])} WHERE _bad IS NOT NULL"
        if self.engine.query(f"{bad} LIMIT 1"):
            self._unfit.append(self._written(self._judged(said, bad)))

    def _written(self, query: str) -> Path:
        path = self.path.with_suffix(f".{len(self._sums)}.{len(self._unfit)}.parquet")
        self.engine.query(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet)")
        return path

    def _judged(self, said: str, bad: str) -> str:
        """SQL of the rows that could not be added up, looked up once more by what they say, for where they stood."""
        kept = {"_delivery": "_delivery", "_row": "_row", "_file": "_file", "_said": said}
        rows = f"SELECT r.* FROM (SELECT *, {said} AS _content FROM raw) AS r SEMI JOIN ({bad}) AS b"
        few = f"({rows} ON r._delivery = b._delivery AND r._content = b._bad)"
        shown = f"_delivery, _row, _file, _said, _inside, _aside, {fate(self.mapping, None)}"
        return f"SELECT {shown} FROM ({marked(self.mapping, kept, few)})"

    def _statement(self, said: str) -> str:
        """SQL of the sums; what a row that is bad, or no request, says is kept beside them."""
        mapping, types = self.mapping, self.dataset.columns()
        named = {name: sql for name, sql in mapping.columns.items() if sql in mapping.asked}
        others = {name: sql for name, sql in mapping.columns.items() if name not in named}
        wrong = " OR ".join(
            [f"({mapping.where}) IS NOT TRUE", *(f"({sql})" for _, sql in (*mapping.aside, *mapping.rejects))]
        )
        nth = f"row_number() OVER (PARTITION BY {mapping.once} ORDER BY _delivery, {said})"
        again = f"{mapping.once} IS NOT NULL AND {nth} > 1" if mapping.once else "FALSE"
        asked = ", ".join(["_delivery", *named.values()])
        bad = f"CASE WHEN {wrong} THEN {said} END AS _bad"
        summed = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in mapping.sums.items())
        rows = f"SELECT {asked}, {bad}, {again} AS _again, {summed} FROM {raw_asked(mapping)}"
        sums = ", ".join(
            f"CAST(sum({quoted(name)}) AS {types[name].sql}) AS {quoted(name)}" for name in mapping.sums
        )
        agreeing = f"{asked}, _bad, _again"
        grouped = f"SELECT {agreeing}, count(*) AS _rows, {sums} FROM ({rows}) GROUP BY {agreeing}"
        cells = ", ".join(
            f"CAST({sql} AS {types[name].sql}) AS {quoted(name)}" for name, sql in (named | others).items()
        )
        added = ", ".join(map(quoted, mapping.sums))
        return f"SELECT _delivery, {cells}, _bad, _again, _rows, {added} FROM ({grouped})"

    @property
    def rows(self) -> str:
        """SQL of the rows to land, as the dataset has them."""
        told = {*self.mapping.columns, *self.mapping.sums}
        cells = (
            quoted(name) if name in told else f"CAST(NULL AS {column.sql}) AS {quoted(name)}"
            for name, column in self.dataset.columns().items()
        )
        return f"SELECT {', '.join(cells)} FROM {_read(self._sums)} WHERE {_FIT}"

    def quarantined(self, _raw_columns: Sequence[str]) -> str:
        """As a stage's."""
        if not self._unfit:
            return ""
        shown = f"_delivery, _row, _file, _reason AS reason, left(_said, {SHOWN}) AS content"
        return f"SELECT {shown} FROM {_read(self._unfit)} WHERE _reason IS NOT NULL"

    def counts(self) -> dict[str, dict[str, int]]:
        """As a stage's, in rows of `raw`."""
        told = {
            "outside": "NOT _inside AND _aside IS NULL",
            **{f"aside{n}": f"_aside = {n}" for n in range(len(self.mapping.aside))},
            "rejected": "_reason IS NOT NULL",
        }
        found: dict[str, dict[str, int]] = {}
        fit = (
            f"SELECT _delivery, coalesce(sum(_rows) FILTER ({_FIT}), 0)::BIGINT AS accepted,"
            " coalesce(sum(_rows) FILTER (_again AND _bad IS NULL), 0)::BIGINT AS duplicates"
            f" FROM {_read(self._sums)} GROUP BY ALL"
        )
        counted = ", ".join(f"count(*) FILTER ({sql})::BIGINT AS {name}" for name, sql in told.items())
        judged = (
            [f"SELECT _delivery, {counted} FROM {_read(self._unfit)} GROUP BY ALL"] if self._unfit else []
        )
        for sql in (fit, *judged):
            for row in self.engine.query(sql):
                found.setdefault(row.pop("_delivery"), {}).update(row)
        return found


_FIT = "_bad IS NULL AND NOT _again"


def _read(paths: Sequence[Path]) -> str:
    return f"read_parquet([{', '.join(literal(str(path)) for path in paths)}], hive_partitioning = false)"

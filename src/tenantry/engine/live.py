"""Live records read by the mappings by which files of such records land."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from ..kernel.dataset import Column
from ..kernel.live import Cells
from ..kernel.source import RowMapping
from .duckdb import DuckDB, quoted
from .stage import typed, types_given

_RAW = "live_raw"
_PLAIN = {
    "DATE": "date_diff('day', DATE '1970-01-01', {})",
    "TIMESTAMP": "epoch_us({})",
    # Without zeros at its end: the hashes of points that came long ago are of such cells.
    "DECIMAL": "regexp_replace(regexp_replace(CAST({} AS VARCHAR), '([.][0-9]*?)0+$', '\\1'), '[.]$', '')",
}


class Fate(NamedTuple):
    """What a mapping makes of one record: a row, or why there is none."""

    cells: Cells | None = None
    aside: str = ""
    """It is no row of this dataset, and that is no fault."""
    reason: str = ""
    """It cannot be one."""


class LiveReader:
    """Evaluates mappings over records that did not come as files. One thread's, as its engine.

    `columns` are those of the records: texts, null for nothing.
    """

    def __init__(self, engine: DuckDB, mappings: Sequence[RowMapping], columns: Sequence[str]) -> None:
        self._engine = engine
        self._mappings = mappings
        text = [(name, pa.string()) for name in (*columns, "_file", "_delivery")]
        self._schema = pa.schema([*text, ("_row", pa.int64())])
        self._statements: list[str] = []

    def read(self, columns: Mapping[str, Sequence[str | None]], rows: int) -> list[list[Fate]]:
        """For each mapping, what it makes of each of the records, in their order."""
        given = {**columns, "_file": [""] * rows, "_delivery": [""] * rows, "_row": range(rows)}
        raw = pa.table([pa.array(given[f.name], f.type) for f in self._schema], schema=self._schema)
        with self._engine.registered(_RAW, raw):
            self._statements = self._statements or [self._statement(one) for one in self._mappings]
            return [
                self._fates(mapping, statement, rows)
                for mapping, statement in zip(self._mappings, self._statements, strict=True)
            ]

    def _statement(self, mapping: RowMapping) -> str:
        given = types_given(self._engine, mapping, _RAW)
        cells = ", ".join(_plain(name, column) for name, column in mapping.dataset.columns().items())
        return f"SELECT _row, _looked, _aside, _reason, {cells} FROM ({typed(mapping, given, (), _RAW)})"

    def _fates(self, mapping: RowMapping, statement: str, rows: int) -> list[Fate]:
        fates = [Fate()] * rows
        for row, looked, aside, reason, *cells in self._engine.tuples(statement):
            if reason is not None:
                fates[row] = Fate(reason=reason)
            elif looked:
                fates[row] = Fate(tuple(cells))
            else:
                fates[row] = Fate(aside=mapping.left_out if aside is None else mapping.aside[aside][0])
        return fates


def _plain(name: str, column: Column) -> str:
    """SQL: a column as a plain cell."""
    shape = _PLAIN.get(column.sql.partition("(")[0], "{}")
    return f"{shape.format(quoted(name))} AS {quoted(name)}"

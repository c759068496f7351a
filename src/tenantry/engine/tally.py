"""Tallies: a mapping whose rows are added up while they are read, and only their sums are kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..kernel.dataset import Dataset
from ..kernel.source import RowMapping
from .duckdb import DuckDB, literal, quoted
from .pieces import COLUMNS as LINES
from .pieces import cut
from .raw import SHOWN
from .stage import content, fate, marked, named_in

_FIELD = r'"[^"]*(?:api[_-]?key|token|secret|passw|authorization|cookie)[^"]*"'
_VALUE = r'\[[^\]]*\]?|"(?:[^"\\]|\\.)*"?|[^",}\s]+'
_USER = '"(?:remote_user|cs-username|ClientUsername|user_id)"'
# What a log may say in confidence, and what is shown in its place: queries, values, users of URLs, fields, and users
# that may be a key.
_SECRETS = (
    (r'\?[^\s"]+', "?..."),
    (r'(=|%(?:25)*3[Dd])[^&;\s"]+', r"\1..."),
    (r'://[^/\s"@]*@', "://...@"),
    (rf"(?i)({_FIELD}\s*:\s*)({_VALUE})", r'\1"..."'),
    (rf'(?i)({_USER}\s*:\s*)"[^"]*[a-z0-9]{{16}}[^"]*"', r'\1"..."'),
    (r"^((?:\S+ )+)\S*[A-Za-z0-9]{16}\S*( \[\d)", r"\1...\2"),
)


def discreet(content: str) -> str:
    """SQL: a record of a log that could not be read without its queries, and without what may be an API key."""
    for pattern, shown in _SECRETS:
        content = f"regexp_replace({content}, {literal(pattern)}, {literal(shown)}, 'g')"
    return content


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
    alike: dict[str, tuple[int, str]] = field(default_factory=dict)
    _sums: list[Path] = field(default_factory=list)
    _unfit: list[Path] = field(default_factory=list)

    @property
    def dataset(self) -> type[Dataset]:
        return self.mapping.dataset

    def fill(self, raw_columns: Sequence[str]) -> None:
        """Add what the mapping makes of the relation `raw`, which has these columns."""
        self._sums.append(self._written(self._statement(raw_columns)))
        for kind, few in (("_bad", self._bad(raw_columns)), ("_unread", self._unread(raw_columns))):
            if self.engine.query(f"SELECT 1 FROM {_read(self._sums[-1:])} WHERE {kind} IS NOT NULL LIMIT 1"):
                self._unfit.append(self._written(self._judged(few)))

    def _written(self, query: str) -> Path:
        path = self.path.with_suffix(f".{len(self._sums)}.{len(self._unfit)}.parquet")
        self.engine.query(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet)")
        return path

    def _judged(self, few: str) -> str:
        """SQL of rows that could not be added up, with what is wrong with them."""
        kept = {"_delivery": "_delivery", "_row": "_row", "_file": "_file", "_said": "_said"}
        shown = f"_delivery, _row, _file, _said, _inside, _aside, {fate(self.mapping, None)}"
        return f"SELECT {shown} FROM ({marked(self.mapping, kept, few)})"

    def _bad(self, raw_columns: Sequence[str]) -> str:
        """SQL of the rows of `raw` whose own words are wrong, which the sums hold; lines are whole there."""
        bad = f"SELECT DISTINCT _delivery, _bad FROM {_read(self._sums[-1:])} WHERE _bad IS NOT NULL"
        if [*raw_columns] == [*LINES]:
            rows = f"SELECT _delivery, _bad._file, _bad._row, _bad._said, _bad._said AS line FROM ({bad})"
            return cut(f"({rows})")
        rows = f"SELECT *, {content(raw_columns)} AS _said FROM raw"
        same = "r._delivery = b._delivery AND r._said = b._bad"
        return f"(SELECT r.* FROM ({rows}) AS r SEMI JOIN ({bad}) AS b ON {same})"

    def _unread(self, raw_columns: Sequence[str]) -> str:
        """SQL of the rows of `raw` whose parts are well and of which nothing could be told; few logs have any.

        Rows that are bad in themselves may agree with them in what was asked.
        """
        keys = ", ".join(["_delivery", *self._keys])
        unread = f"SELECT _delivery, unnest(_unread) FROM {_read(self._sums[-1:])} WHERE _unread IS NOT NULL"
        parts = f"SELECT {keys} FROM ({unread})"
        same = " AND ".join(f"r.{key} IS NOT DISTINCT FROM b.{key}" for key in ["_delivery", *self._keys])
        shown = ", ".join(f"r.{quoted(name)}" for name in ("_delivery", "_row", "_file", *raw_columns))
        return (
            f"(SELECT {shown}, {content(raw_columns)} AS _said"
            f" FROM {named_in('raw', self.mapping.asked)} AS r SEMI JOIN ({parts}) AS b ON {same}"
            f" WHERE ({self._wrong}) IS NOT TRUE)"
        )

    @cached_property
    def _keys(self) -> list[str]:
        """What was asked that columns, and what is told, are made of: rows that agree in it are added up."""
        mapping = self.mapping
        made = " ".join([*mapping.columns.values(), *mapping.told.values()])
        return [name for name in mapping.asked if re.search(rf"\b{name}\b", made)]

    @cached_property
    def _conditions(self) -> list[str]:
        return [sql for _, sql in (*self.mapping.aside, *self.mapping.rejects)]

    @cached_property
    def _wrong(self) -> str:
        """SQL: true for a row whose own words are wrong, or no request's."""
        own = [f"({c})" for c in self._conditions if not self._is_told(c)]
        return " OR ".join([f"({self.mapping.where}) IS NOT TRUE", *own])

    def _is_told(self, condition: str) -> bool:
        return any(re.search(rf"\b{name}\b", condition) for name in self.mapping.told)

    def _statement(self, raw_columns: Sequence[str]) -> str:
        """SQL of the sums; what a row that is bad, or no request, says is kept beside them."""
        mapping, types = self.mapping, self.dataset.columns()
        said = content(raw_columns)
        if [*raw_columns] == [*LINES]:
            said = f"{{'_file': _file, '_row': _row, '_said': {said}}}"
        keys = ", ".join(["_delivery", *self._keys])
        bad = f"CASE WHEN {self._wrong} THEN {said} END AS _bad"
        summed = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in mapping.sums.items())
        # Of rows with an id all have to be held: without what they say.
        id_ = f", {mapping.once} AS _id, _row" if mapping.once else ""
        rows = f"SELECT {keys}, {bad}, {summed}{id_} FROM {named_in('raw', mapping.asked)}"
        nth = "row_number() OVER (PARTITION BY _id ORDER BY _delivery, _row)"
        again = f"_id IS NOT NULL AND {nth} > 1" if mapping.once else "FALSE"
        rows = f"SELECT *, {again} AS _again FROM ({rows})"
        marks = "_bad, _again"
        sums = ", ".join(f"sum({quoted(name)}) AS {quoted(name)}" for name in mapping.sums)
        agreeing = f"SELECT {keys}, {marks}, count(*) AS _rows, {sums} FROM ({rows}) GROUP BY {keys}, {marks}"
        unread = " OR ".join(f"({c})" for c in self._conditions if self._is_told(c)) or "FALSE"
        parts = f"{{{', '.join(f'{literal(key)}: {key}' for key in self._keys)}}}"
        cells = ", ".join(
            f"CAST({sql} AS {types[name].sql}) AS {quoted(name)}" for name, sql in mapping.columns.items()
        )
        added = ", ".join(map(quoted, mapping.sums))
        told = (
            f"SELECT _delivery, {cells}, {marks}, CASE WHEN _bad IS NULL AND ({unread}) THEN {parts} END AS _unread,"
            f" _rows, {added} FROM {named_in(f'({agreeing})', mapping.told)}"
        )
        totals = ", ".join(
            f"CAST(sum({quoted(name)}) AS {types[name].sql}) AS {quoted(name)}" for name in mapping.sums
        )
        rows = "CAST(sum(_rows) AS BIGINT) AS _rows"
        return f"SELECT * EXCLUDE (_rows, {added}), {rows}, {totals} FROM ({told}) GROUP BY ALL"

    @property
    def rows(self) -> str:
        """SQL of the rows to land, as the dataset has them."""
        given = {*self.mapping.columns, *self.mapping.sums}
        cells = (
            quoted(name) if name in given else f"CAST(NULL AS {column.sql}) AS {quoted(name)}"
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
            " coalesce(sum(_rows) FILTER (_again AND _bad IS NULL AND _unread IS NULL), 0)::BIGINT AS duplicates"
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


_FIT = "_bad IS NULL AND _unread IS NULL AND NOT _again"


def _read(paths: Sequence[Path]) -> str:
    return f"read_parquet([{', '.join(literal(str(path)) for path in paths)}], hive_partitioning = false)"

"""Staging: a mapping evaluated once over `raw`, each row with its fate, before anything is written to the lake."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..kernel.dataset import Dataset
from ..kernel.source import Division, RowMapping
from .duckdb import DuckDB, literal, quoted
from .pieces import COLUMNS as LINES
from .raw import SHOWN

# Where a row came from is no part of what it says.
_ORIGIN = ("x_delivery", "x_row")
_YEARS = {
    "DATE": "BETWEEN DATE '1900-01-01' AND DATE '2199-12-31'",
    "TIMESTAMP": "BETWEEN TIMESTAMP '1900-01-01' AND TIMESTAMP '2199-12-31 23:59:59.999999'",
}


@dataclass
class Stage:
    """One mapping's rows in a Parquet file, all of them, with where they stood and what is wrong with them.

    `copies` are deliveries all of whose rows are in another one, with the file of that one; `alike` those of which half
    or more are, with how many.
    """

    engine: DuckDB
    mapping: RowMapping
    path: Path
    copies: dict[str, str] = field(default_factory=dict)
    alike: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def dataset(self) -> type[Dataset]:
        return self.mapping.dataset

    def fill(self, raw_columns: Sequence[str], *, hashed: bool) -> None:
        """Evaluate the mapping over the relation `raw`, which has these columns; `hashed` for `find_copies`."""
        given = types_given(self.engine, self.mapping)
        statement = typed(self.mapping, given, raw_columns if hashed else ())
        self.engine.query(f"COPY ({statement}) TO {literal(str(self.path))} (FORMAT parquet)")

    def mark_repeats(self, earlier: Sequence[Stage] = ()) -> None:
        """Find the rows whose key an earlier row has: the same row again, or one that says something else.

        Rows that earlier stages of the same dataset accepted come before all of these.
        """
        keys = ", ".join(map(quoted, self.dataset.keys))
        said = ", ".join(quoted(n) for n in self.dataset.columns() if n not in (*self.dataset.keys, *_ORIGIN))
        stages = [*(stage.accepted for stage in earlier), self._fit]
        found = " UNION ALL ".join(f"SELECT {keys} FROM ({stage})" for stage in stages)
        self.engine.query(
            "CREATE OR REPLACE TEMP TABLE repeated AS"
            f" SELECT {keys} FROM ({found}) GROUP BY ALL HAVING count(*) > 1"
        )
        placed = " UNION ALL ".join(
            f"SELECT {n} AS nth_stage, _file, _row, _delivery, {keys}, row({said}) AS said FROM ({stage})"
            f" SEMI JOIN repeated USING ({keys})"
            for n, stage in enumerate(stages)
        )
        self.engine.query(
            f"CREATE OR REPLACE TEMP TABLE {self._repeats} AS"
            " SELECT _delivery, _row, said IS DISTINCT FROM first_said AS conflict"
            " FROM (SELECT *, row_number() OVER before AS nth, first(said) OVER before AS first_said"
            f" FROM ({placed}) WINDOW before AS (PARTITION BY {keys}"
            " ORDER BY nth_stage NULLS FIRST, _file NULLS FIRST, _row NULLS FIRST))"
            f" WHERE nth > 1 AND nth_stage = {len(earlier)}"
        )
        self.engine.query("DROP TABLE repeated")

    @property
    def accepted(self) -> str:
        """SQL of the rows to land, undivided and with all their marks."""
        return f"SELECT * FROM ({self._fit}) ANTI JOIN {self._repeats} USING (_delivery, _row)"

    @property
    def rows(self) -> str:
        """SQL of the rows to land, as the dataset has them."""
        whole = f"SELECT {', '.join(map(quoted, self.dataset.columns()))} FROM ({self.accepted})"
        divided = self.mapping.divided
        return whole if divided is None else " UNION ALL ".join(self._halves(whole, divided))

    def _halves(self, whole: str, divided: Division) -> Iterator[str]:
        first = {
            name: f"CASE WHEN {divided.where} THEN {sql} ELSE {quoted(name)} END"
            for name, sql in divided.first.items()
        }
        yield f"SELECT {_changed(self.dataset, first)} FROM ({whole})"
        yield f"SELECT {_changed(self.dataset, divided.second)} FROM ({whole}) WHERE {divided.where}"

    def quarantined(self, raw_columns: Sequence[str]) -> str:
        """SQL over `_delivery`, `_row`, `_file`, `reason`, `content` of the rows that were read and cannot be landed;
        empty where there are none.
        """
        conflict = literal(
            f"the same {', '.join(self.dataset.keys)} as an earlier row, but not the same values"
        )
        bad = (
            f"SELECT _delivery, _row, _reason AS reason FROM ({self._originals}) WHERE _reason IS NOT NULL"
            f" UNION ALL SELECT _delivery, _row, {conflict} FROM {self._repeats} WHERE conflict"
        )
        if not self.engine.query(f"FROM ({bad}) LIMIT 1"):
            return ""
        shown = f"left({content(raw_columns)}, {SHOWN}) AS content"
        return f"SELECT _delivery, _row, _file, reason, {shown} FROM raw JOIN ({bad}) USING (_delivery, _row)"

    def counts(self) -> dict[str, dict[str, int]]:
        """Per delivery: rows left out, `outside` or `asideN` for each reason, accepted, of these divided, duplicates,
        conflicts, rejected, and `rN` for each repair.
        """
        repairs = ", ".join(
            f"count_if(_repair_{n})::BIGINT AS r{n}" for n in range(len(self.mapping.repairs))
        )
        found: dict[str, dict[str, int]] = {}
        aside = ", ".join(
            f"count(*) FILTER (_aside = {n})::BIGINT AS aside{n}" for n in range(len(self.mapping.aside))
        )
        looked = (
            "SELECT _delivery, count_if(NOT _looked AND _aside IS NULL)::BIGINT AS outside,"
            f" count(_reason) AS rejected{', ' if aside else ''}{aside}"
            f" FROM ({self._originals}) GROUP BY ALL"
        )
        divided = self.mapping.divided.where if self.mapping.divided else "FALSE"
        landed = (
            f"SELECT _delivery, count(*) AS accepted, count_if({divided}) AS divided, {repairs}"
            f" FROM ({self.accepted}) GROUP BY ALL"
        )
        again = (
            "SELECT _delivery, count_if(NOT conflict)::BIGINT AS duplicates, count_if(conflict)::BIGINT AS conflicts"
            f" FROM {self._repeats} GROUP BY ALL"
        )
        for sql in (looked, landed, again):
            for row in self.engine.query(sql):
                found.setdefault(row.pop("_delivery"), {}).update(row)
        return found

    def forget(self) -> None:
        self.engine.query(f"DROP TABLE IF EXISTS {self._repeats}")

    @property
    def _table(self) -> str:
        return f"read_parquet({literal(str(self.path))}, hive_partitioning = false)"

    @property
    def _repeats(self) -> str:
        return f"repeats_{self.path.stem}"

    @property
    def _originals(self) -> str:
        copies = ", ".join(map(literal, self.copies))
        return f"FROM {self._table}" + (f" WHERE _delivery NOT IN ({copies})" if copies else "")

    @property
    def _fit(self) -> str:
        return f"FROM ({self._originals}) WHERE _looked AND _reason IS NULL"


def content(raw_columns: Sequence[str]) -> str:
    """SQL of a row of `raw` as the ledger shows it: its line, its JSON, or its filled cells as JSON."""
    if "_record" in raw_columns:
        return "_record"
    if [*raw_columns] == [*LINES]:
        return "coalesce(line, '')"
    cells = ", ".join(f"{literal(name)}: {quoted(name)}" for name in raw_columns)
    return f"CAST(json_merge_patch('{{}}', to_json({{{cells}}})) AS VARCHAR)"


def find_copies(
    engine: DuckDB,
    stages: Sequence[Path],
    candidates: Sequence[str],
    columns: Mapping[str, Mapping[str, str]],
) -> tuple[dict[str, str], dict[str, tuple[int, str]]]:
    """Which of the candidate deliveries have all their rows, as often, in another delivery of these stages; and which
    others have half of them or more in another candidate that stays, with how many.

    Rows are the same if all their cells are; for the half, and between deliveries that write a column as two types (CSV
    and Parquet), if they say the same. `columns` are the SQL types of each delivery's. Of two deliveries with the same
    rows the first stays. `candidates` are in order. One row alone is no copy: two bills may well hold an equal row.
    """
    files = ", ".join(literal(str(path)) for path in stages)
    engine.query(
        "CREATE OR REPLACE TEMP TABLE row_hashes AS SELECT _delivery, _hash, _said, count(*) AS n"
        f" FROM read_parquet([{files}], union_by_name = true, hive_partitioning = false) GROUP BY ALL"
    )
    sizes = {
        r["_delivery"]: r["n"]
        for r in engine.query("SELECT _delivery, sum(n) AS n FROM row_hashes GROUP BY ALL")
    }
    equal, said = (_shared(engine, hashed) for hashed in ("_hash", "_said"))
    engine.query("DROP TABLE row_hashes")
    places = {delivery: place for place, delivery in enumerate(candidates)}
    within: dict[str, set[str]] = {}
    shared: dict[str, list[tuple[int, str]]] = {}
    for part, whole in {**equal, **said}:
        rows = said if _written_otherwise(columns[part], columns[whole]) else equal
        if rows.get((part, whole)) == sizes[part] > 1:
            within.setdefault(part, set()).add(whole)
        elif whole in places and 2 * said.get((part, whole), 0) >= sizes[part] > 1:
            shared.setdefault(part, []).append((said[part, whole], whole))
    copies: dict[str, str] = {}
    smallest_first = sorted(candidates, key=lambda delivery: (sizes.get(delivery, 0), -places[delivery]))
    for delivery in smallest_first:
        if whole := within.get(delivery, set()) - copies.keys():
            copies[delivery] = max(whole, key=lambda w: (sizes[w], w))
    alike = {
        part: max(found)
        for part, others in shared.items()
        if part not in copies and (found := [(n, other) for n, other in others if other not in copies])
    }
    return copies, alike


def _shared(engine: DuckDB, hashed: str) -> dict[tuple[str, str], int]:
    """How many rows of a delivery are in another one too, as often."""
    counted = f"SELECT _delivery, {hashed} AS hash, sum(n) AS n FROM row_hashes GROUP BY ALL"
    found = engine.query(
        f"WITH counted AS ({counted}) SELECT a._delivery AS part, b._delivery AS whole, sum(least(a.n, b.n)) AS n"
        " FROM counted AS a JOIN counted AS b ON a.hash = b.hash AND a._delivery <> b._delivery GROUP BY ALL"
    )
    return {(row["part"], row["whole"]): row["n"] for row in found}


def _written_otherwise(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    types = {name.lower(): kind for name, kind in other.items()}
    return any(kind != types.get(name.lower(), kind) for name, kind in one.items())


def types_given(engine: DuckDB, mapping: RowMapping, raw: str = "raw") -> dict[str, str]:
    """The SQL types that the mapping's expressions have, by column."""
    values = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in mapping.columns.items())
    described = engine.query(f"DESCRIBE SELECT {values} FROM {raw_asked(mapping, raw)}")
    return {row["column_name"]: row["column_type"] for row in described}


def typed(mapping: RowMapping, given: Mapping[str, str], hashed: Sequence[str] = (), raw: str = "raw") -> str:
    """SQL of the mapping over `raw`: each row typed by the dataset's contract, with its marks and its fate.

    `given` are the SQL types that the mapping's expressions have.
    """
    # Conditions stand by themselves, so that the engine computes what they share with the values once.
    cells = ", ".join(map(quoted, sorted(hashed))) or "0"
    said = ", ".join(_said(mapping, given)) if hashed else "0"
    kept = {"_file": "_file", "_row": "_row", "_delivery": "_delivery", "_hash": f"hash({cells})"}
    marks = ", ".join([*kept, f"hash({said}) AS _said", _LOOKED, "_aside", *repair_marks(mapping)])
    values = ", ".join(_typed(mapping.dataset, given))
    return f"SELECT {marks}, {fate(mapping, given)}, {values} FROM ({marked(mapping, kept, raw)})"


def _said(mapping: RowMapping, given: Mapping[str, str]) -> Iterator[str]:
    """SQL of what a row says, wherever it stands."""
    for name, sql in mapping.columns.items():
        if not re.search(r"\b_(delivery|row|file)\b", sql):
            value = quoted(name)
            yield f"list_sort(map_entries({value}))" if given[name].startswith("MAP") else value


_LOOKED = "_inside AND _aside IS NULL AS _looked"


def repair_marks(mapping: RowMapping) -> list[str]:
    """Columns of `marked` that say which repairs a row had."""
    return [f"_repair_{n}" for n in range(len(mapping.repairs))]


def marked(mapping: RowMapping, kept: Mapping[str, str], raw: str = "raw") -> str:
    """SQL: what a mapping makes of each row of `raw`, beside what is kept of it (SQL by name), with all its marks."""
    outside = " ".join(f"WHEN ({sql}) THEN {n}" for n, (_, sql) in enumerate(mapping.aside))
    parts = [
        *(f"{sql} AS {name}" for name, sql in kept.items()),
        f"({mapping.where}) IS TRUE AS _inside",
        f"CASE {outside} END AS _aside" if outside else "CAST(NULL AS INTEGER) AS _aside",
        *(f"({sql}) IS TRUE AS _reject_{n}" for n, (_, sql) in enumerate(mapping.rejects)),
        *(f"({sql}) IS TRUE AS _repair_{n}" for n, (_, sql) in enumerate(mapping.repairs)),
        *(f"{sql} AS {quoted(name)}" for name, sql in mapping.columns.items() if not mapping.sums),
    ]
    return f"SELECT {', '.join(parts)} FROM {raw_asked(mapping, raw)}"


def fate(mapping: RowMapping, given: Mapping[str, str] | None) -> str:
    """SQL over `marked`: why a row is rejected, as `_reason`; null where it is not, or not looked at.

    `given` are the SQL types of the mapping's columns; without them only the mapping's own reasons count.
    """
    rejects = {f"_reject_{n}": literal(reason) for n, (reason, _) in enumerate(mapping.rejects)}
    broken = {} if given is None else _broken(mapping.dataset, given)
    unseen = "NOT (_inside AND _aside IS NULL)"
    return f"CASE WHEN {unseen} THEN NULL {_reasons(rejects)} {_reasons(broken)} END AS _reason"


def raw_asked(mapping: RowMapping, raw: str = "raw") -> str:
    """SQL of `raw` with what the mapping asks of it, and what is told of that, by name."""
    return named_in(raw, {**mapping.asked, **mapping.told})


def named_in(relation: str, names: Mapping[str, str]) -> str:
    """SQL of a relation with expressions over it by name, later ones over the former too, each computed once."""
    for name, sql in names.items():
        relation = f"(SELECT *, {sql} AS {quoted(name)} FROM {relation})"
    return relation


def _reasons(conditions: Mapping[str, str]) -> str:
    """SQL: a WHEN that gives the reasons of all the conditions that hold, if any does; reasons are SQL."""
    if not conditions:
        return ""
    reasons = ", ".join(
        f"CASE WHEN {condition} THEN {reason} END" for condition, reason in conditions.items()
    )
    return f"WHEN {' OR '.join(conditions)} THEN array_to_string([{reasons}], '; ')"


def _changed(dataset: type[Dataset], changes: Mapping[str, str]) -> str:
    """SQL: all columns of the dataset, some of them changed."""
    return ", ".join(
        f"CAST({changes[name]} AS {column.sql}) AS {quoted(name)}" if name in changes else quoted(name)
        for name, column in dataset.columns().items()
    )


def _typed(dataset: type[Dataset], given: Mapping[str, str]) -> Iterator[str]:
    for name, column in dataset.columns().items():
        value = quoted(name) if name in given else "NULL"
        yield (
            value if given.get(name) == column.sql else f"TRY_CAST({value} AS {column.sql}) AS {quoted(name)}"
        )


def _broken(dataset: type[Dataset], given: Mapping[str, str]) -> dict[str, str]:
    """The ways in which values can break the dataset's contract, as SQL: condition -> reason."""
    found: dict[str, str] = {}
    required = dataset.required()
    for name, column in dataset.columns().items():
        value = quoted(name) if name in given else "NULL"
        cast = value if given.get(name) == column.sql else f"TRY_CAST({value} AS {column.sql})"
        if name in required:
            found[f"{value} IS NULL"] = literal(f"{name} is missing or cannot be read")
        if cast != value and name in given:
            found[f"({value} IS NOT NULL AND {cast} IS NULL)"] = literal(f"{name} does not fit {column.sql}")
        if column.sql in _YEARS and name in given:
            found[f"{cast} NOT {_YEARS[column.sql]}"] = literal(f"{name} is not between 1900 and 2199")
    return found

"""New rows into a table and those whose place they take out of it, in one commit."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from ..errors import Kind, TenantryError
from ..kernel.dataset import Dataset
from .duckdb import DuckDB, literal, quoted
from .lake import Mark, arrow_schema

_GIVEN = "given"


def merge_rows(engine: DuckDB, rows: Sequence[Dataset]) -> None:
    """Put rows of one dataset into its table, each in the place of the one with its keys."""
    dataset = type(rows[0])
    table = pa.Table.from_pylist([row.model_dump() for row in rows], arrow_schema(dataset))
    keys = ", ".join(map(quoted, dataset.keys))
    with engine.registered(_GIVEN, table):
        merge(
            engine,
            dataset,
            f"SELECT * FROM {_GIVEN}",
            f"SELECT {keys} FROM {_GIVEN}",
            dataset.keys,
            len(rows),
        )


def merge(
    engine: DuckDB, dataset: type[Dataset], new: str, gone: str, by: Sequence[str], expected: int
) -> None:
    """Add the rows of the query `new`; rows that agree with a row of the query `gone` in the columns `by` leave.

    Only the partitions that this touches are written again. Waits for others who write the table. Raises
    `broken_contract`, with nothing changed, where not `expected` rows come to be written.
    """
    with engine.lake.writing(dataset):
        merge_alone(engine, dataset, new, gone, by, expected)


def merge_alone(
    engine: DuckDB,
    dataset: type[Dataset],
    new: str,
    gone: str,
    by: Sequence[str],
    expected: int,
    mark: Mark | None = None,
) -> None:
    """As `merge`, for a caller who holds others off already; `mark` is kept with the commit."""
    table, partition = dataset.table(), dataset.partition
    engine.attach([dataset])
    same = " AND ".join(f"old.{quoted(c)} IS NOT DISTINCT FROM gone.{quoted(c)}" for c in by)
    leaving = f"{table} old SEMI JOIN ({gone}) gone ON ({same})"
    staying = f"SELECT old.* FROM {table} old ANTI JOIN ({gone}) gone ON ({same})"
    days: list[str] | None = None
    if partition:
        found = engine.query(
            f"SELECT {partition} AS day FROM ({new}) UNION SELECT {partition} FROM {leaving}"
        )
        days = sorted(str(row["day"]) for row in found)
        staying += f" WHERE old.{partition} IN ({', '.join(f'DATE {literal(day)}' for day in days)})"
        touched = bool(days)
    else:
        touched = bool(
            engine.query(f"(FROM ({new}) SELECT 1 LIMIT 1) UNION ALL (SELECT 1 FROM {leaving} LIMIT 1)")
        )
    if not touched:
        return
    added = engine.write(dataset, new, days)
    must_be(expected, sum(file.rows for file in added), f"new rows of {table}")
    kept = engine.write(dataset, staying, days) if engine.lake.files(dataset) else []
    engine.lake.commit(dataset, [*added, *kept], replaces=days, mark=mark)
    engine.attach([dataset])


def must_be(expected: int, actual: int, what: str) -> None:
    """Raises `broken_contract` where two counts of the same rows differ."""
    if expected != actual:
        raise TenantryError(
            Kind.BROKEN_CONTRACT,
            f"{what}: {expected} rows expected, {actual} counted",
            "this is a bug in Tenantry",
        )

"""The same month through the product's own lake, engine and datasets."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
from hand_sql import BASES

from tenantry.datasets import DATASETS, Allocation, Charges, TenantCost, Tenants, Usage
from tenantry.datasets.default_policy import settings_from
from tenantry.engine.build import Builder
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import DataFile, Lake
from tenantry.kernel import Catalog, Dataset

ALLOCATED, WANTED = (Allocation,), (TenantCost,)
# Where pandas is installed, as for the contenders here, pyarrow imports it with its first array.
pa.array([1])

CATALOG = Catalog(capabilities=(), sources=(), datasets=DATASETS)


def land(folder: Path, path: Path, threads: int) -> None:
    """A lake that holds the made data: usage files as they are, bill and tenants written to their contracts."""
    shutil.rmtree(path, ignore_errors=True)
    lake = Lake(path)
    engine = DuckDB(lake, threads=threads)
    counts = engine.query(
        f"SELECT file_name, num_rows FROM parquet_file_metadata('{folder}/usage/*/*.parquet')"
    )
    files = []
    for count in counts:
        source = Path(count.file_name)
        day = source.parent.name.removeprefix("day=")
        target = lake.new_name(Usage, day)
        os.link(source, target)
        name = str(target.relative_to(lake.folder(Usage)))
        files.append(DataFile(name, day, count.num_rows, source.stat().st_size))
    lake.commit(Usage, files)
    bill = f"read_parquet('{folder}/charges/*/*.parquet', hive_types = {{'billing_period': DATE}})"
    _write(engine, Charges, bill, {})
    accounts = {"isolation": "'pool'", "accounts": "[account]"}
    _write(engine, Tenants, f"read_parquet('{folder}/tenants.parquet')", accounts)


def _write(engine: DuckDB, dataset: type[Dataset], source: str, computed: dict[str, str]) -> None:
    """Land the rows of a source; columns that it lacks and nobody computes are null."""
    found = {row.column_name for row in engine.query(f"DESCRIBE SELECT * FROM {source}")}
    columns = ", ".join(
        f"{computed.get(name, name if name in found else 'NULL')}::{column.sql} AS {name}"
        for name, column in dataset.columns().items()
    )
    engine.lake.commit(dataset, engine.write(dataset, f"SELECT {columns} FROM {source}", None))


def fresh_lake(landed: Path, path: Path) -> Lake:
    """A copy of a landed lake, by links: nothing is built in it."""
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(landed, path, copy_function=os.link)
    return Lake(path)


def builder(lake: Lake, threads: int) -> Builder:
    """What `tenantry build` uses, under the default policy."""
    return Builder(DuckDB(lake, threads=threads), CATALOG, settings_from({}))


def change_day(builder: Builder, day: date) -> None:
    """Restate a day of usage: its first event counts twice as much."""
    lake, engine = builder.lake, builder.engine
    engine.attach([Usage])
    columns = ", ".join(
        f"CASE WHEN id = first THEN 2 * quantity ELSE quantity END::{c.sql} AS quantity"
        if n == "quantity"
        else n
        for n, c in Usage.columns().items()
    )
    files = engine.write(
        Usage,
        f"SELECT {columns} FROM usage, (SELECT min(id) AS first FROM usage WHERE day = DATE '{day}')"
        f" WHERE day = DATE '{day}'",
        [str(day)],
    )
    lake.commit(Usage, files, replaces={str(day)})


def compare(connection: Any, path: Path, folder: Path, by_hand: Path) -> dict[str, Any]:
    """Ours against the bill (exactly) and against hand_sql, whose money has ten places.

    The last day is left out of the second: `change_day` restated it.
    """
    lake = Lake(path)

    def files(dataset: type[Dataset]) -> str:
        return f"read_parquet({lake.paths(dataset)}, hive_partitioning = true, hive_types = {{'charge_day': DATE}})"

    ours = files(Allocation)
    sums = ", ".join(f"sum({b})::DECIMAL(38, 18) AS {b}" for b in BASES)
    off = connection.execute(
        f"""
        SELECT count(*) FROM (
            SELECT charge_day, service_name, {sums} FROM read_parquet('{folder}/charges/*/*.parquet') GROUP BY ALL
            EXCEPT SELECT charge_day, service_name, {sums} FROM {ours} GROUP BY ALL
        )"""
    ).fetchone()[0]
    difference = ", ".join(f"max(abs(o.{b} - h.{b}))" for b in BASES)
    hand = (
        f"SELECT *, filename[-18:-9]::DATE AS day FROM read_parquet('{by_hand}/*.parquet', filename = true)"
    )
    rows, missing, largest = connection.execute(
        f"""
        WITH o AS (
            SELECT charge_day AS day, tenant_id, feature_id, service_name, {sums} FROM {ours}
            WHERE charge_day < (SELECT max(charge_day) FROM {ours}) GROUP BY ALL
        ),
        h AS (SELECT * FROM ({hand}) WHERE day < (SELECT max(day) FROM ({hand})))
        SELECT count(*), count(*) FILTER (WHERE o.tenant_id IS NULL OR h.tenant_id IS NULL),
            greatest({difference})::VARCHAR
        FROM o FULL JOIN h USING (day, tenant_id, feature_id, service_name)"""
    ).fetchone()
    return {
        "ours: sums that differ from the bill": off,
        "ours: rows compared": rows,
        "ours: rows without counterpart": missing,
        "ours: largest difference": largest,
    }

"""Landing changes into a small vendor's lake, and comparing what a build makes of them."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
from small_vendor import SmallVendor

from tenantry.datasets import DATASETS
from tenantry.engine.lake import arrow_schema
from tenantry.kernel import Dataset

LANDING = [d for d in DATASETS if not d.derived()]
DERIVED = [d for d in DATASETS if d.derived() and d.stored]


def land(
    vendor: SmallVendor, dataset: type[Dataset], rows: Sequence[Mapping[str, Any]], *partitions: date
) -> None:
    """Replace partitions of a landing table (or, without any, all of it)."""
    numbered = [
        {"charge_key": f"d:{i}", "x_row": i, "id": f"{partitions}{i}", **row} for i, row in enumerate(rows)
    ]
    table = pa.Table.from_pylist(numbered, schema=arrow_schema(dataset))
    with vendor.engine.registered("landed", table):
        files = vendor.engine.write(dataset, "SELECT * FROM landed", None) if rows else []
    vendor.lake.commit(dataset, files, replaces={str(p) for p in partitions} or None)


def build(vendor: SmallVendor, *wanted: type[Dataset]) -> dict[str, int]:
    """How many days of which tables (by default all) were built, without those that were not."""
    built = vendor.builder().build(wanted or None)
    vendor.engine.attach(DATASETS)
    return {b.dataset: b.days for b in built if b.days}


def contents(vendor: SmallVendor, dataset: type[Dataset]) -> Counter[str]:
    return Counter(repr(tuple(row.values())) for row in vendor.query(f"SELECT * FROM {dataset.table()}"))


def differs_from_a_build_from_nothing(vendor: SmallVendor, *wanted: type[Dataset]) -> list[str]:
    """The tables (by default of all) that do."""
    with tempfile.TemporaryDirectory() as folder:
        for dataset in LANDING:
            if vendor.lake.folder(dataset).exists():
                (Path(folder) / dataset.table()).symlink_to(vendor.lake.folder(dataset))
        fresh = SmallVendor(Path(folder), vendor.policy, vendor.routing).build(*wanted)
        return [d.table() for d in wanted or DERIVED if contents(fresh, d) != contents(vendor, d)]


def versions(vendor: SmallVendor) -> dict[str, int]:
    return {d.table(): vendor.lake.version(d) for d in DATASETS}

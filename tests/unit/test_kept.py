"""Rows of a day just built, in place of its files."""

from __future__ import annotations

import pyarrow as pa

from tenantry.datasets import MeterHours, UsageHourly
from tenantry.engine.kept import Kept
from tenantry.engine.lake import DataFile

FILES = [
    DataFile("day=2026-03-01/a.parquet", "2026-03-01", 1, 99),
    DataFile("b.parquet", "2026-03-01", 1, 99),
]
ROWS = pa.table({"units": [1, 2]})


def test_rows_are_those_of_all_their_files_and_of_no_others():
    kept = Kept()
    kept.keep(UsageHourly, FILES, ROWS)
    assert kept.rows(UsageHourly, FILES[::-1]) is ROWS
    assert kept.rows(UsageHourly, FILES[:1]) is None
    assert kept.rows(UsageHourly, [*FILES, DataFile("c.parquet", "2026-03-01", 1, 99)]) is None
    assert kept.rows(UsageHourly, []) is None
    assert kept.rows(MeterHours, FILES) is None


def test_rows_are_forgotten_with_the_build():
    kept = Kept()
    kept.keep(UsageHourly, FILES, ROWS)
    kept.clear()
    assert kept.rows(UsageHourly, FILES) is None

"""What holds for every dataset of the catalog. Nobody edits this for a new dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from small_vendor import SmallVendor
from three_months import CATALOG, POLICY

from tenantry.engine.duckdb import DuckDB, bound
from tenantry.kernel import Dataset, Principal, Row, Window
from tenantry.kernel.dataset import Role
from tenantry.runtime.reader import Reader

ALL = Window(date(2026, 1, 1), date(2026, 4, 1))
MONEY_KEYS = ("billing_period", "charge_day")


def each(datasets: Iterable[type[Dataset]]) -> Any:
    listed = list(datasets)
    return pytest.mark.parametrize("dataset", listed, ids=[d.table() for d in listed])


each_dataset = each(CATALOG.datasets)
each_derived = each(d for d in CATALOG.datasets if d.derived())
each_conserving = each(d for d in CATALOG.datasets if d.conserves)


@pytest.fixture
def reader(vendor: SmallVendor) -> Reader:
    return Reader(
        vendor.engine.fork(), Principal(), datetime(2026, 7, 1, tzinfo=UTC), lambda: {"policy": POLICY}
    )


def settings(dataset: type[Dataset]) -> dict[str, Any]:
    return {"policy": POLICY} if dataset.configured else {}


def currency(dataset: type[Dataset]) -> str:
    return "currency" if "currency" in dataset.columns() else "billing_currency"


@each_dataset
def test_a_dataset_says_what_a_row_is_and_names_its_columns(dataset: type[Dataset]):
    assert (dataset.__doc__ or "").strip().endswith(".")
    columns = dataset.columns()
    assert set(dataset.keys) <= set(columns)
    assert set(dataset.sort) <= set(columns)
    assert {dataset.partition, dataset.day_column()} - {""} <= set(columns)
    assert dataset.table().replace("_", "").isalnum()


@each_dataset
def test_money_stands_beside_its_currency(dataset: type[Dataset]):
    columns = dataset.columns()
    if any(c.unit == "money" for c in columns.values()):
        assert {"currency", "billing_currency"} & set(columns)
    assert all(c.unit for c in columns.values() if c.role is Role.MEASURE)


@each_derived
def test_a_query_reads_what_the_dataset_declares_and_gives_the_columns_of_its_contract(
    dataset: type[Dataset], vendor: SmallVendor
):
    engine = DuckDB(vendor.lake, memory_limit="1GB")
    statement = dataset.statement(settings(dataset))
    attach(engine, dataset.reads)
    if statement is None:
        for computed in dataset.compute(engine, ALL, settings(dataset)):
            if isinstance(computed, Mapping):
                assert set(computed) == set(dataset.columns())
                for row in pa.table(dict(computed)).to_pylist():
                    dataset(**row)
            else:
                assert isinstance(computed, dataset)
        return
    described = engine.query(f"DESCRIBE {bound(statement, ALL)}")
    found = {row.column_name: row.column_type.replace(" ", "") for row in described}
    assert found == {name: c.sql.replace(" ", "") for name, c in dataset.columns().items()}
    engine.connection.close()


def attach(engine: DuckDB, datasets: Iterable[type[Dataset]]) -> None:
    for dataset in datasets:
        if dataset.stored:
            engine.attach([dataset])
            continue
        attach(engine, dataset.reads)
        statement = bound(dataset.statement(settings(dataset)) or "", ALL)
        engine.query(f"CREATE OR REPLACE TEMP VIEW {dataset.table()} AS {statement}")


@each_dataset
def test_rows_are_valid_and_named_by_their_keys(dataset: type[Dataset], reader: Reader):
    rows = reader.rows(dataset)
    names = [tuple(getattr(row, key) for key in dataset.keys) for row in rows]
    assert not dataset.keys or len(set(names)) == len(names)
    assert all(getattr(row, name) is not None for row in rows for name in dataset.required())


@each_conserving
def test_sums_equal_the_upstreams_to_the_last_unit(dataset: type[Dataset], reader: Reader):
    assert dataset.conserves
    measures, name = dataset.conserves
    upstream = CATALOG.dataset(name)

    def sums(of: type[Dataset]) -> list[tuple[Any, ...]]:
        days = [key for key in MONEY_KEYS if key in dataset.columns()]
        found: list[Row] = reader.totals(of, by=(currency(of), *days), measures=measures)
        return sorted(tuple(row.values()) for row in found)

    assert sums(dataset) == sums(upstream)
    assert sums(dataset)


def test_the_vendor_of_these_tests_has_rows_in_almost_every_derived_dataset(reader: Reader):
    """Else the tests above would hold for nothing."""
    assert {d.table() for d in CATALOG.datasets if d.derived() and not reader.rows(d, limit=1)} == {
        "pool_routes",
        "corrections",  # these two: tests/capabilities/test_closed_months.py
        "correction_entries",
    }

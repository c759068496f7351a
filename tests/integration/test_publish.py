"""What other programs read: the lake's rows, whole versions at a time, in folders and in PostgreSQL."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from time import time
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.dataset as pads
import pytest
from postgres import Server
from small_vendor import SmallVendor, charge
from three_months import CATALOG, HOSTILE, three_months

from tenantry.datasets import Charges
from tenantry.engine.lake import arrow_schema
from tenantry.errors import Kind, TenantryError
from tenantry.runtime.publish import Published, Publisher


@pytest.fixture
def vendor(tmp_path: Path) -> SmallVendor:
    return three_months(tmp_path / "lake")[0]


@pytest.fixture
def database(postgres: Server) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres.database(), autocommit=True) as connection:
        yield connection


def url(database: psycopg.Connection[Any]) -> str:
    info = database.info
    return f"postgresql://{info.user}@{info.host}:{info.port}/{info.dbname}"


def changed(published: list[Published]) -> dict[str, int]:
    return {one.dataset: one.partitions for one in published if one.partitions}


def in_lake(vendor: SmallVendor, table: str) -> list[tuple[Any, ...]]:
    dataset = CATALOG.dataset(table)
    vendor.engine.attach([dataset])
    return sorted((tuple(row.values()) for row in vendor.engine.query(f"FROM {table}")), key=repr)


def in_folder(folder: Path, table: str) -> list[tuple[Any, ...]]:
    schema = arrow_schema(CATALOG.dataset(table))
    found: pa.Table = pads.dataset(folder / table, schema=schema, partitioning="hive").to_table()
    return sorted(
        (tuple(row[name] for name in schema.names) for row in found.to_pylist(maps_as_pydicts="strict")),
        key=repr,
    )


def in_table(database: psycopg.Connection[Any], table: str) -> list[tuple[Any, ...]]:
    database.execute("SET TimeZone = 'UTC'")
    rows = database.execute(f"SELECT * FROM tenantry.{table}").fetchall()  # pyright: ignore[reportArgumentType, reportCallIssue]
    bare = [tuple(v.replace(tzinfo=None) if hasattr(v, "tzinfo") else v for v in row) for row in rows]
    return sorted(bare, key=repr)


def billed(vendor: SmallVendor, **columns: Any) -> None:
    """Another row of the bill, on a day of its own."""
    row = {
        "charge_key": f"late:{columns}",
        "x_row": 0,
        **charge("0.000000000000000001", "2026-05-01", **columns),
    }
    rows = pa.Table.from_pylist([row], schema=arrow_schema(Charges))
    with vendor.engine.registered("late", rows):
        files = vendor.engine.write(Charges, "SELECT * FROM late", ["2026-05-01"])
    vendor.lake.commit(Charges, files, replaces=())


def test_a_folder_holds_the_rows_of_the_lake(vendor: SmallVendor, tmp_path: Path):
    publisher = Publisher(vendor.engine, CATALOG, tmp_path / "out")
    published = publisher.publish()
    for dataset in publisher.datasets:
        if vendor.engine.lake.files(dataset):
            assert len(in_folder(tmp_path / "out", dataset.table())) == len(in_lake(vendor, dataset.table()))
    assert in_folder(tmp_path / "out", "tenant_cost") == in_lake(vendor, "tenant_cost")
    assert {p.dataset for p in published} == {d.table() for d in publisher.datasets}
    assert changed(publisher.publish()) == {}


def test_a_folder_follows_the_lake_and_keeps_one_version_for_those_who_read(
    vendor: SmallVendor, tmp_path: Path
):
    out = tmp_path / "out"
    publisher = Publisher(vendor.engine, CATALOG, out)
    publisher.publish()
    reading = pads.dataset((out / "charges").resolve(), schema=arrow_schema(Charges), partitioning="hive")
    rows = reading.count_rows()
    for service in ("a", "b"):
        billed(vendor, service_name=service)
        assert "charges" in changed(publisher.publish())
        assert reading.count_rows() == rows or service == "b"
        assert in_folder(out, "charges") == in_lake(vendor, "charges")
    assert len(list((out / ".versions").glob("charges-*"))) == 2


def test_what_a_killed_publisher_left_half_made_is_removed_after_a_day(vendor: SmallVendor, tmp_path: Path):
    out = tmp_path / "out"
    publisher = Publisher(vendor.engine, CATALOG, out)
    publisher.publish()
    left = [out / ".versions" / name for name in (".new-old", ".new-young")]
    for folder in left:
        folder.mkdir()
        (folder / "half.parquet").write_bytes(b"PAR1")
    (out / ".versions" / ".charges.link").symlink_to("charges-00000000-0")
    long_ago = time() - 90_000
    os.utime(left[0], (long_ago, long_ago))
    billed(vendor)
    assert "charges" in changed(publisher.publish())
    assert in_folder(out, "charges") == in_lake(vendor, "charges")
    assert [folder.exists() for folder in left] == [False, True]
    assert {path.name for path in (out / ".versions").glob(".*")} == {".new-young"}


def test_tables_hold_the_rows_of_the_lake_to_the_last_digit(
    vendor: SmallVendor, database: psycopg.Connection[Any]
):
    publisher = Publisher(vendor.engine, CATALOG, url=url(database))
    publisher.publish()
    for table in ("tenant_cost", "margin", "charges", "tenants"):
        ours, theirs = in_lake(vendor, table), in_table(database, table)
        assert len(theirs) == len(ours) > 0
        if table != "charges":  # maps come back as documents
            assert theirs == ours
    [(total,)] = database.execute(
        "SELECT sum(effective_cost) FROM tenantry.tenant_cost WHERE currency = 'USD'"
    )
    assert total == sum(vendor.tenant_totals().values()) - 50, "50 are EUR"
    assert database.execute("SELECT 1 FROM tenantry.tenants WHERE tenant_id = %s", [HOSTILE]).fetchone()
    assert changed(publisher.publish()) == {}


def test_only_the_days_that_changed_are_written_again(vendor: SmallVendor, database: psycopg.Connection[Any]):
    publisher = Publisher(vendor.engine, CATALOG, url=url(database))
    publisher.publish()
    billed(vendor, resource_id='nul \x00, quote " and \\N')
    assert changed(publisher.publish()) == {"charges": 1}
    found = database.execute(
        "SELECT resource_id, billed_cost FROM tenantry.charges WHERE charge_day = '2026-05-01'"
    )
    assert found.fetchall() == [('nul \ufffd, quote " and \\N', Decimal("0.000000000000000001"))]


def test_who_reads_sees_the_old_or_the_new_whole(vendor: SmallVendor, database: psycopg.Connection[Any]):
    publisher = Publisher(vendor.engine, CATALOG, url=url(database))
    publisher.publish()
    with psycopg.connect(url(database)) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        count = "SELECT count(*) FROM tenantry.charges"
        [(before,)] = reader.execute(count)
        billed(vendor)
        publisher.publish()  # would wait for ever, were readers in its way
        assert reader.execute(count).fetchone() == (before,)
    assert database.execute(count).fetchone() == (before + 1,)


def test_a_reader_may_read_and_no_more(vendor: SmallVendor, database: psycopg.Connection[Any]):
    database.execute("CREATE ROLE bi LOGIN")
    Publisher(vendor.engine, CATALOG, url=url(database), reader="bi").publish()
    with psycopg.connect(url(database).replace("postgres@", "bi@"), autocommit=True) as reader:
        assert reader.execute("SELECT 1 FROM tenantry.margin LIMIT 1").fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("DELETE FROM tenantry.margin")


def test_a_table_that_went_is_empty_there_too(vendor: SmallVendor, database: psycopg.Connection[Any]):
    publisher = Publisher(vendor.engine, CATALOG, url=url(database))
    publisher.publish()
    shutil.rmtree(vendor.engine.lake.folder(Charges))
    publisher.publish()
    assert in_table(database, "charges") == []


def test_a_place_that_cannot_be_written_is_unavailable(vendor: SmallVendor, tmp_path: Path):
    (tmp_path / "file").write_text("")
    for publisher, kind in (
        (Publisher(vendor.engine, CATALOG, tmp_path / "file" / "out"), Kind.UNAVAILABLE),
        (Publisher(vendor.engine, CATALOG, url="postgresql://x:hidden@127.0.0.1:1/x"), Kind.UNAVAILABLE),
        (Publisher(vendor.engine, CATALOG, url="mysql://x:hidden@h/x"), Kind.INVALID),
    ):
        with pytest.raises(TenantryError) as raised:
            publisher.publish()
        assert raised.value.kind is kind
        assert "hidden" not in raised.value.message

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tenantry.engine.files import find, recognise, sample, samples
from tenantry.errors import TenantryError
from tenantry.kernel.source import Format
from tenantry.sources import SOURCES

TABLE = b"tenant_id,name\nacme,Acme\n"


def put(folder: Path, name: str, content: bytes = TABLE) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def refused(path: Path) -> str:
    with pytest.raises(TenantryError) as caught:
        sample(path)
    assert caught.value.exit_code == 2
    return caught.value.message


# --- which files there are ---


def test_a_folder_gives_all_files_below_it_in_order_and_says_what_it_passes_over(tmp_path: Path) -> None:
    b, a = put(tmp_path, "b.csv"), put(tmp_path, "deep/er/a.csv")
    beside = [
        put(tmp_path, name)
        for name in ("_SUCCESS", ".hidden.csv", "x.crc", "Bill-Manifest.json", "README.md")
    ]
    put(tmp_path, "_delta_log/0.json")

    found = find([str(tmp_path)])

    assert found.files == (b, a)
    assert {path for path, _ in found.ignored} == {*beside, tmp_path / "_delta_log"}


def test_what_is_named_itself_is_read_even_where_a_folder_would_hide_it(tmp_path: Path) -> None:
    hidden = put(tmp_path, "_part.csv")
    assert find([str(hidden)]).files == (hidden,)


def test_a_folder_may_be_called_like_a_file_and_a_glob_may_cross_folders(tmp_path: Path) -> None:
    part = put(tmp_path, "x.csv/part-0.csv")
    assert find([str(tmp_path / "*.csv")]).files == (part,)
    assert find([str(tmp_path / "**/*.csv")]).files == (part,)


def test_a_file_reached_by_several_ways_is_one_file(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv")
    (tmp_path / "link.csv").symlink_to(path)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "nowhere.csv").symlink_to(tmp_path / "gone")

    found = find([str(tmp_path), str(path), str(tmp_path / "*.csv")])

    assert len(found.files) == 1
    assert (tmp_path / "nowhere.csv", "a link that leads nowhere") in found.ignored


def test_all_missing_paths_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(TenantryError) as caught:
        find([str(put(tmp_path, "a.csv")), "nowhere/x.csv", str(tmp_path / "*.parquet")])
    assert "nowhere/x.csv" in caught.value.message
    assert "*.parquet" in caught.value.message


def test_a_folder_without_data_says_what_it_passed_over(tmp_path: Path) -> None:
    put(tmp_path, "_SUCCESS")
    with pytest.raises(TenantryError, match=r"no data files.*_SUCCESS"):
        find([str(tmp_path)])


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(TenantryError, match="not a regular file"):
        find([str(tmp_path / "pipe.csv")])


# --- what a file is ---


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        (b"a,b\n1,2\n", ("a", "b")),
        (b"a\tb\n1\t2\n", ("a", "b")),
        (b"a;b\n1;2,5\n", ("a", "b")),
        (b"a|b\r\n1|2\r\n", ("a", "b")),
        (b"sep=;\na;b\n1;2\n", ("a", "b")),
        (b"\xef\xbb\xbfa,b\n1,2\n", ("a", "b")),
        ("a,b\n1,2\n".encode("utf-16"), ("a", "b")),
        ("a,b\n1,2\n".encode("utf-16-le"), ("a", "b")),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), ("a", "b")),
        (b"\n\r\n  \na,b\n1,2\n", ("a", "b")),
        (b'"a\nz",b\n1,2\n', ("a\nz", "b")),
        (b" a , b \n1,2\n", ("a", "b")),
        (b"a,,_row\n1,2,3\n", ("a", "column 2", "_row (2)")),
        (b"a,A,a\n1,2,3\n", ("a", "A (2)", "a (3)")),
        (b"a,b", ("a", "b")),
        (b"tenant_id\nacme\n", ("tenant_id",)),
        (b'{"a":1}\n{"b":2}\n', ("a", "b")),
        (b'[{"a":1},\n{"b":{"c":2}}]', ("a", "b")),
        (b'{\n "a": 1,\n "b": [\n  {"k": "v"}\n ]\n}', ("a", "b")),
    ],
)
def test_layout_and_columns_are_told_from_the_content(
    tmp_path: Path, content: bytes, columns: tuple[str, ...]
) -> None:
    assert sample(put(tmp_path, "whatever.bin", content)).columns == columns


def test_rows_are_text_and_empty_cells_are_none(tmp_path: Path) -> None:
    assert sample(put(tmp_path, "a.csv", b'a,b\n"x ""y""",\n')).rows == ({"a": 'x "y"', "b": None},)
    nested = json.dumps({"a": 1.50, "b": {"c": [1]}, "d": None}).encode()
    assert sample(put(tmp_path, "a.json", nested)).rows == (
        {"a": "1.5", "b": '{"c": [1]}', "/b/c/0": "1", "d": None},
    )


@pytest.mark.parametrize("codec", ["zstd", "gzip", "snappy"])
def test_parquet_gives_types_and_rows_as_text(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "odd [1]*'.bin"
    name = str(path).replace("'", "''")
    duckdb.sql(
        f"COPY (SELECT 1.50::DECIMAL(9,2) AS amount, MAP {{'k': 'v'}} AS tags) TO '{name}'"
        f" (FORMAT parquet, COMPRESSION {codec})"
    )
    found = sample(path)
    assert found.format is Format.PARQUET
    assert found.types == {"amount": "DECIMAL(9,2)", "tags": "MAP(VARCHAR, VARCHAR)"}
    assert found.rows[0]["amount"] == "1.50"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (gzip.compress(b"", mtime=0), "the file is empty"),
        (b"PK\x03\x04....", "zip archive"),
        (b"\x28\xb5\x2f\xfd....", "zstd"),
        (b"%PDF-1.7", "PDF"),
        (b"PAR1 and no more", "damaged Parquet"),
        (gzip.compress(b"PAR1", mtime=0), "Parquet file inside gzip"),
        (b"\x7fELF\0\0\0\0", "binary"),
    ],
)
def test_what_is_no_table_is_refused_with_a_reason(tmp_path: Path, content: bytes, why: str) -> None:
    path = put(tmp_path, "file.csv", content)
    message = refused(path)
    assert why in message
    assert str(path) in message


@pytest.mark.parametrize(
    "content", [b"once upon a time\nthere was\n", b"1,2,3\n4,5,6\n", b"{]\n", b"x" * 3_000_000]
)
def test_text_that_no_source_knows_is_refused_with_a_reason(tmp_path: Path, content: bytes) -> None:
    path = put(tmp_path, "file.csv", content)
    ((refused_path, why),) = recognise([sample(path)], SOURCES).unknown
    assert refused_path == path
    assert "without a header" in why


def test_real_files_are_told_apart(fixtures: Path) -> None:
    good, bad = samples(find([str(fixtures)]).files)
    formats = [one.format for one in good]
    assert [formats.count(one) for one in (Format.PARQUET, Format.CSV, Format.OTLP)] == [30, 27, 3]
    assert [one.path.name for one in good if one.format is Format.LINES] == ["apache_combined.log"]
    assert not bad


# --- whose kind of file ---

KINDS: dict[str, bytes] = {
    "tenants": b"Customer ID,Tenant Name,tier\nacme,Acme,gold\n",
    "subscriptions": b"tenant_id,plan,started_on,amount,currency\nacme,gold,2026-01-01,10,USD\n",
    "active_users": b"date;customer;DAU\n2026-07-01;acme;5\n",
    "usage": b"time,tenant_id,meter,quantity\n2026-07-01,acme,calls,1\n",
    "invoices": b"Invoice Number,Issuer,Amount,Currency\nI-1,AWS,10.50,USD\n",
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_table_is_recognised_by_its_columns(tmp_path: Path, kind: str) -> None:
    found = recognise([sample(put(tmp_path, "x", KINDS[kind]))], SOURCES)
    assert [source.kind for source in found.of] == [kind]


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ("id,name,tier", "tenants"),
        ("workspace_id,workspace_name,plan", "tenants"),
        ("tenant_id,plan", "tenants"),
        ("tenant_id,name,plan,mrr", "tenants"),
        ("id,tier,name,description,rank", "tiers"),
        ("tier,name", "tiers"),
        ("id,name,plan,amount,currency,started_on", None),
        ("id,name,email,created_at", None),
        ("id,name,feature,tier", "entitlements"),
        ("id,name,price", None),
    ],
)
def test_a_list_of_customers_is_told_from_others_that_have_ids_and_names(
    tmp_path: Path, columns: str, kind: str | None
) -> None:
    row = ",".join("1" for _ in columns.split(","))
    found = recognise([sample(put(tmp_path, "x", f"{columns}\n{row}\n".encode()))], SOURCES)
    assert [source.kind for source in found.of] == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("columns", "hint"),
    [
        ("tenant_id,plan,mrr,currency", "with a column started_on it would be subscriptions"),
        ("timestamp,customer,quantity", "with a column meter it would be usage"),
        ("name,email,plan", "with a column tenant_id it would be tenants"),
    ],
)
def test_a_table_that_lacks_one_column_is_told_which(tmp_path: Path, columns: str, hint: str) -> None:
    row = ",".join("1" for _ in columns.split(","))
    ((_, why),) = recognise([sample(put(tmp_path, "x", f"{columns}\n{row}\n".encode()))], SOURCES).unknown
    assert f"; {hint}" in why


def test_an_invoice_to_a_tenant_is_none_of_the_providers(tmp_path: Path) -> None:
    mine = put(tmp_path, "x", b"invoice_id,customer,amount,currency\nI-1,acme,10.50,USD\n")
    assert not recognise([sample(mine)], SOURCES).of


def test_cloud_events_are_usage(tmp_path: Path) -> None:
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": "1",
        "source": "s",
        "type": "calls",
        "subject": "acme",
    }
    found = recognise([sample(put(tmp_path, "x", json.dumps(event).encode()))], SOURCES)
    assert [source.kind for source in found.of] == ["usage"]


@pytest.mark.parametrize(
    "content",
    [
        b"time,tenant_id,resource_id,metric,value\n2026-07-01,acme,i-1,cpu,0.5\n",
        b"a,b\n1,2\n",
        b"tenant_id,tier,time\nx,y,z\n",
    ],
)
def test_what_no_source_knows_is_reported_with_what_was_tried(tmp_path: Path, content: bytes) -> None:
    path = put(tmp_path, "x.csv", content)
    found = recognise([sample(path)], SOURCES)
    assert not found.of
    [(unknown, why)] = found.unknown
    assert unknown == path
    assert all(source.kind in why for source in SOURCES)

"""Cells as strangers write them, read by the engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tenantry.kernel.source import Format, Sample
from tenantry.sources.cells import Cell, Columns, day_first

Read = Callable[..., Any]


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'America/New_York'")  # what is read must not depend on it
    return connection


@pytest.fixture
def read(connection: duckdb.DuckDBPyConnection) -> Read:
    """The value of an expression over a cell `v` that is written so."""

    def value(sql: str, written: Any, kind: str = "VARCHAR") -> Any:
        rows = connection.execute(f"SELECT {sql} FROM (SELECT CAST(? AS {kind}) AS v)", [written]).fetchall()
        return rows[0][0]

    return value


CELL = Cell("v")


@pytest.mark.parametrize(
    "written", ["", "  ", "NULL", "null", "None", "N/A", " NULL ", "\u00a0", "<NA>", "\\N", None]
)
def test_nothing_is_null_and_not_bad(read: Read, written: str | None):
    for reading in (CELL.text(), CELL.number(), CELL.time(), CELL.tags()):
        assert read(reading, written) is None
    for bad in (CELL.bad_number(), CELL.rounded_number(), CELL.bad_time(), CELL.bad_tags()):
        assert not read(bad, written)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (" a b ", "a b"),
        ("\ufeffx\u00a0", "x"),
        ("é", "é"),
        ("Nullable", "Nullable"),
        ("\ta", "a"),
        ("-", "-"),
    ],
)
def test_text_is_trimmed(read: Read, written: str, text: str):
    assert read(CELL.text(), written) == text


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0", "0"),
        ("-0.0", "0"),
        ("12.50", "12.5"),
        ("  12.50 ", "12.5"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("+5.", "5"),
        ("$10,000.00 ", "10000"),
        ("$1,234", "1234"),
        ("£1,234", "1234"),
        ("1,234.5", "1234.5"),
        ("1,234,567", "1234567"),
        ("(12.50)", "-12.5"),
        ("($1,234.50)", "-1234.5"),
        ("12.50-", "-12.5"),
        ("-$5.00", "-5"),
        ("$-5.00", "-5"),
        ("\u22125", "-5"),
        ("USD 5", "5"),
        ("5.00 EUR", "5"),
        ("1.234,56", "1234.56"),
        ("1.234.567", "1234567"),
        ("-1.234,56 €", "-1234.56"),
        ("1,23", "1.23"),
        ("0,123", "0.123"),
        ("1 234,56", "1234.56"),
        ("1\u00a0234.56", "1234.56"),
        ("1'234.50", "1234.5"),
        ("1e-7", "0.0000001"),
        ("1.5E+3", "1500"),
        ("-2.5e3", "-2500"),
        ("1.23456789012345e-05", "0.000012345678901234"),
        ("1.0000000000000005e-3", "0.001"),
        ("1.0000000000000015e-3", "0.001000000000000002"),
        ("0.0000000000000000005", "0"),
        ("0.0000000000000000015", "0.000000000000000002"),
        ("0.00000000000000000051", "0.000000000000000001"),
        ("5e-19", "0"),
        ("1.5e-18", "0.000000000000000002"),
        ("2.5e-18", "0.000000000000000002"),
        ("1e-300", "0"),
        ("9999999999999999999.999999999999999999", "9999999999999999999.999999999999999999"),
    ],
)
def test_a_number_is_exact(read: Read, written: str, number: str):
    assert read(CELL.number(), written) == Decimal(number)
    assert read(CELL.bad_number(), written) is False


@pytest.mark.parametrize(
    "written",
    ["abc", "1,234", "€1,234", "1,2345.0", "1.2.3", "--5", "1-2", "(5", "5)", "$", ".", "e5", "1e30", "12 34", "1,23,4",
     "123456789012345678901234567890", "infinity", "0x10", "5%", "٣"],
)  # fmt: skip
def test_what_is_no_one_number_is_bad(read: Read, written: str):
    assert read(CELL.number(), written) is None
    assert read(CELL.bad_number(), written) is True


@pytest.mark.parametrize("written", ["nan", "NaN", "-"])
def test_not_a_number_is_no_number_and_not_bad(read: Read, written: str):
    assert read(CELL.number(), written) is None
    assert read(CELL.bad_number(), written) is False


@pytest.mark.parametrize(
    ("written", "rounded"),
    [
        ("1.5", False),
        ("0.000235520300000", False),
        ("0.1000000000000000000000", False),
        ("0.0000000000000000001", True),
        ("1.23456789012345e-05", True),
        ("1.5e-17", False),
        ("1.55e-17", True),
        ("1e-300", True),
        ("0e-300", False),
        ("abc", False),
    ],
)
def test_lost_digits_are_told(read: Read, written: str, rounded: int):
    assert read(CELL.rounded_number(), written) == rounded


def test_a_quantity_is_rounded_half_to_even_at_nine_places(read: Read):
    for written, quantity in (("0.0000000005", "0"), ("0.0000000015", "2e-9"), ("-0.0000000025", "-2e-9"),
                              ("0.00000000050000001", "1e-9"), ("2.5e-9", "2e-9")):  # fmt: skip
        assert read(CELL.number(9), written) == Decimal(quantity)


@pytest.mark.parametrize(
    ("value", "kind", "number"),
    [
        ("12.345", "DECIMAL(18,3)", "12.345"),
        ("-7", "BIGINT", "-7"),
        ("255", "UTINYINT", "255"),
        ("0.0000000015", "DECIMAL(38,18)", "2e-9"),  # rounded as text is: half to even
        ("99999999999999999999999999999999999999", "DECIMAL(38,0)", None),
    ],
)
def test_an_exact_number_is_taken_as_it_is(read: Read, value: str, kind: str, number: str | None):
    cell = Cell("v", kind)
    assert read(cell.number(9), value, kind) == (None if number is None else Decimal(number))
    assert read(cell.bad_number(9), value, kind) is (number is None)
    assert read(cell.rounded_number(9), value, kind) is (kind == "DECIMAL(38,18)")


def test_an_empty_exact_number_is_null_and_not_bad(read: Read):
    cell = Cell("v", "DECIMAL(18,3)")
    assert read(cell.number(), None, cell.type) is None
    assert read(cell.bad_number(), None, cell.type) is False


@pytest.mark.parametrize(
    ("value", "number"), [(0.1, "0.1"), (1.6e-09, "0.0000000016"), (1e15, "1000000000000000")]
)
def test_a_double_is_its_shortest_text(read: Read, value: float, number: str):
    assert read(Cell("v", "DOUBLE").number(), value, "DOUBLE") == Decimal(number)


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("2024-09-01T00:00:00Z", "2024-09-01 00:00:00"),
        ("2024-09-01 01:02:03.5", "2024-09-01 01:02:03.500000"),
        ("2024-09-01T01:02Z", "2024-09-01 01:02:00"),
        ("2024-09-01 01:02:03 UTC", "2024-09-01 01:02:03"),
        (" 2024-09-01 ", "2024-09-01 00:00:00"),
        ("2024-09-01T00:00:00+02:00", "2024-08-31 22:00:00"),
        ("2024-09-01 00:00:00 -0530", "2024-09-01 05:30:00"),
        ("2024-09-01 00:00:00+00", "2024-09-01 00:00:00"),
        ("4/1/25", "2025-04-01 00:00:00"),
        ("04/01/2025", "2025-04-01 00:00:00"),
        ("4/1/25 1:05", "2025-04-01 01:05:00"),
        ("4/1/25 13:05:09", "2025-04-01 13:05:09"),
        ("1704067200", "2024-01-01 00:00:00"),
        ("1704067200000", "2024-01-01 00:00:00"),
        ("1704067200000000000", "2024-01-01 00:00:00"),
        ("2024-01-31T24:00:00Z", "2024-02-01 00:00:00"),
    ],
)
def test_a_time_is_utc(read: Read, written: str, time: str):
    assert read(CELL.time(), written) == datetime.fromisoformat(time)
    assert read(CELL.bad_time(), written) is False


@pytest.mark.parametrize(
    "written",
    [
        "2023-02-01T30:00:00Z",
        "2024-02-30",
        "13/1/25",
        "0001-01-01",
        "20240901",
        "infinity",
        "epoch",
        "soon",
        "4/1/1925",
    ],
)
def test_what_is_no_time_is_bad(read: Read, written: str):
    assert read(CELL.time(), written) is None
    assert read(CELL.bad_time(), written) is True


def test_a_day_may_come_first(read: Read):
    assert read(CELL.time(day_first=True), "13/1/25") == datetime.fromisoformat("2025-01-13 00:00:00")
    assert read(CELL.time(day_first=True), "4/1/25") == datetime.fromisoformat("2025-01-04 00:00:00")


@pytest.mark.parametrize(
    ("dates", "first"),
    [
        ([], False),
        (["2024-01-13", None], False),
        (["4/1/25", "5/1/25"], False),
        (["1/4/25", "1/5/25"], True),
        (["1/1/25"], False),
        (["13/1/25", "1/4/25"], True),
        (["1/13/25", "1/4/25"], False),
        (["1/13/25", "13/1/25"], False),
    ],
)
def test_the_dates_of_a_file_show_their_order(dates: list[str | None], first: int):
    assert day_first(dates) == first


@pytest.mark.parametrize("kind", ["TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DATE", "TIMESTAMP_NS"])
def test_a_native_time_is_utc(read: Read, kind: str):
    written = "2024-09-01 00:00:00+00" if "ZONE" in kind else "2024-09-01"
    assert read(Cell("v", kind).time(), written, kind) == datetime.fromisoformat("2024-09-01 00:00:00")
    assert read(Cell("v", kind).bad_time(), written, kind) is False


@pytest.mark.parametrize(
    ("written", "tags"),
    [
        ('{"a": "b", "c": 1, "d": true, "e": null, "f": {"x": [1]}}',
         {"a": "b", "c": "1", "d": "true", "e": "", "f": '{"x":[1]}'}),
        ('{"application": "A", " org": "x", "org": "y"}', {"application": "A", " org": "x", "org": "y"}),
        ('{"a": 1, "a": 2}', {"a": "1"}),
        ('{"a~/\\"k": "1"}', {'a~/"k': "1"}),
        ('"env": "prod", "org": "trey"', {"env": "prod", "org": "trey"}),
        ('[{"key": "k", "value": "v"}, {"Key": "l", "Value": "w"}]', {"k": "v", "l": "w"}),
        ("k=v;k2=v=2", {"k": "v", "k2": "v=2"}),
        ("{user_a=b, c=}", {"user_a": "b", "c": ""}),
        ("{}", None),
        ("[]", None),
    ],
)  # fmt: skip
def test_tags_are_a_map(read: Read, written: str, tags: dict[str, str] | None):
    assert read(CELL.tags(), written) == tags
    assert read(CELL.bad_tags(), written) is False


@pytest.mark.parametrize("written", ['{"a": 1', "nonsense", '"x"', "5", "[1]", "a=b, c", '{"": "x"}'])
def test_what_are_no_tags_is_bad(read: Read, written: str):
    assert read(CELL.tags(), written) is None
    assert read(CELL.bad_tags(), written) is True


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("MAP(VARCHAR, VARCHAR)", "MAP {'a': '1', 'b': NULL}"),
        ("MAP(VARCHAR, INTEGER)", "MAP {'a': 1, 'b': NULL}"),
        ("STRUCT(a INTEGER, b VARCHAR)", "{'a': 1, 'b': NULL}"),
        (
            'STRUCT("key" VARCHAR, "value" VARCHAR)[]',
            "[{'key': 'a', 'value': '1'}, {'key': 'b', 'value': NULL}]",
        ),
    ],
)
def test_native_tags_are_a_map(connection: duckdb.DuckDBPyConnection, kind: str, written: str):
    cell = Cell("v", kind)
    found = connection.execute(
        f"SELECT {cell.tags()}, {cell.bad_tags()} FROM (SELECT CAST({written} AS {kind}) AS v)"
    )
    assert found.fetchall() == [({"a": "1", "b": ""}, False)]


def test_columns_are_one_whatever_their_spelling():
    columns = Columns(
        [Sample(*_csv("lineItem/UnblendedCost", "billed cost")), Sample(*_csv("Billed_Cost", 'X"Y'))]
    )
    assert list(columns.named("line_item_unblended_cost", "BilledCost", "absent")) == [
        "lineItem/UnblendedCost", "billed cost", "Billed_Cost",
    ]  # fmt: skip
    assert columns.named("xy")['X"Y'].sql == '"X""Y"'
    assert "BILLED COST" in columns
    assert "absent" not in columns


def test_a_column_whose_type_differs_between_files_is_text():
    csv, parquet = (
        Sample(*_csv("Tags", "a")),
        Sample(Path("y"), Format.PARQUET, ("tags", "b"), (), {"b": "DOUBLE"}),
    )
    columns = Columns(
        [csv, Sample(csv.path, Format.PARQUET, ("tags",), (), {"tags": "MAP(VARCHAR, VARCHAR)"}), parquet]
    )
    assert {name: cell.type for name, cell in columns.named("tags", "b").items()} == {
        "Tags": "VARCHAR",
        "b": "DOUBLE",
    }


def _csv(*names: str) -> tuple[Path, Format, tuple[str, ...]]:
    return Path("x.csv"), Format.CSV, names

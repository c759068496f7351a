from __future__ import annotations

import gzip
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from shop import Shop, reasons

from tenantry.datasets.charges import Charges
from tenantry.datasets.tenants import Tenants
from tenantry.datasets.usage import Usage
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.engine.land import land
from tenantry.engine.layouts import layout
from tenantry.engine.raw import read, relation
from tenantry.kernel.landing import Deliveries, Quarantine
from tenantry.kernel.source import Batch, Format, RowMapping

FOCUS = (
    "BillingAccountId,BillingCurrency,BillingPeriodStart,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,"
    "ProviderName,BilledCost,EffectiveCost,ListCost,ContractedCost\n"
)


def charge(cost: str, service: str = "EC2", day: int = 1, account: str = "1") -> str:
    time = f"2026-07-{day:02}T00:00:00Z"
    return (
        f"{account},USD,2026-07-01T00:00:00Z,{time},{time},Usage,{service},AWS,{cost},{cost},{cost},{cost}\n"
    )


USAGE = "id,source,time,tenant_id,meter,quantity\n"


@pytest.fixture
def shop(tmp_path: Path, now: datetime) -> Shop:
    (tmp_path / "in").mkdir()
    return Shop(tmp_path / "in", DuckDB(Lake(tmp_path / "lake"), "1GB"), now)


# --- broken files ---


def test_bad_rows_are_quarantined_and_the_rest_lands(shop: Shop) -> None:
    shop.put(
        "t.csv",
        b'tenant_id,name\na,1\nb\nc,3,4\n\nd,"never closed\ne,5\nf,"two\nlines"\ng,"x"y\nh,nul\0\ni,caf\xe9\n'
        b"j," + b"x" * 2_000_000 + b"\nk,\n",
    )
    landed = shop.land()
    [entry] = landed.deliveries
    assert (entry.rows, entry.accepted, entry.quarantined) == (11, 5, 6)
    assert {r["tenant_id"]: r["name"] for r in shop.rows(Tenants)} == {
        "a": "1",
        "e": "5",
        "f": "two\nlines",
        "i": "café",
        "k": None,
    }
    assert entry.note == "1 x bytes that are not UTF-8 read as Windows-1252"
    assert {(r["row"], r["reason"]) for r in shop.rows(Quarantine)} == {
        (2, "1 fields where the header has 2"),
        (3, "3 fields where the header has 2"),
        (4, "a quote inside quotes that is not doubled"),
        (7, "a quote inside quotes that is not doubled"),
        (8, "a NUL byte"),
        (10, "longer than 1,048,576 bytes"),
    }
    assert max(len(r["content"]) for r in shop.rows(Quarantine)) == 2_000


def test_an_open_quote_does_not_swallow_the_file(shop: Shop) -> None:
    rows = "".join(f"t{n},name\n" for n in range(5_000))
    shop.put("t.csv", f'tenant_id,name\n{rows}x,"open\n{rows.replace("t", "u")}')
    [entry] = shop.land().deliveries
    assert (entry.rows, entry.accepted, entry.quarantined) == (10_001, 10_000, 1)


@pytest.mark.parametrize(
    ("content", "rows"), [("tenant_id,name\n", 0), ("tenant_id,name", 0), ("\n\ntenant_id,name\n\n\n", 0)]
)
def test_a_header_alone_lands_nothing_and_is_in_the_ledger(shop: Shop, content: str, rows: int) -> None:
    shop.put("t.csv", content)
    [entry] = shop.land().deliveries
    assert (entry.rows, entry.accepted) == (rows, 0)


def test_a_cut_gzip_gives_the_rows_before_the_cut_and_one_entry_for_the_rest(shop: Shop) -> None:
    text = USAGE + "".join(
        f"{n},s,2026-07-01T00:00:{n % 60:02}Z,a,calls,{n * 7919 % 1000}\n" for n in range(5_000)
    )
    packed = gzip.compress(text.encode())
    shop.put("u.csv.gz", packed[: len(packed) // 2])
    landed = shop.land()
    [entry] = landed.deliveries
    assert 1_000 < entry.accepted < 5_000
    assert reasons(landed) == {"the gzip data ends early: the rest of the file is missing": 1}
    assert shop.rows(Quarantine)[0]["row"] == entry.accepted + 1 == entry.rows


def test_a_damaged_parquet_file_is_a_problem_of_that_file_alone(shop: Shop) -> None:
    for name in ("good", "cut", "scratched"):
        path = shop.folder / f"{name}.parquet"
        duckdb.sql(
            f"COPY (SELECT '{name}' || i AS tenant_id, repeat('x', 40) || hash(i) AS name FROM range(2000) r(i))"
            f" TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
        )
    cut, scratched = shop.folder / "cut.parquet", shop.folder / "scratched.parquet"
    cut.write_bytes(cut.read_bytes()[:3_000])
    data = bytearray(scratched.read_bytes())
    data[2_000:2_600] = bytes(600)
    scratched.write_bytes(data)

    landed = shop.land()

    assert {path for path, _ in landed.problems} == {cut, scratched}
    assert all("damaged" in why for _, why in landed.problems)
    assert {name[:4] for name in shop.column(Tenants, "tenant_id")} == {"good"}
    assert [e.accepted for e in landed.deliveries] == [2_000]


def test_a_file_that_vanishes_is_a_problem_and_the_others_land(shop: Shop) -> None:
    kept, gone = shop.put("a.csv", "tenant_id\na\n"), shop.put("b.csv", "tenant_id\nb\n")
    mapping = RowMapping(Tenants, {"tenant_id": "tenant_id", "isolation": "'pool'"})
    gone.unlink()
    landed = land(shop.engine, Batch((kept, gone), Format.CSV, (mapping,)), "tenants", shop.now)
    assert [path for path, _ in landed.problems] == [gone]
    assert shop.column(Tenants, "tenant_id") == ["a"]


# --- one batch of several files ---


def test_files_of_a_batch_may_differ_in_their_columns(shop: Shop) -> None:
    shop.put("a.csv", "tenant_id,Name,extra\na,A,1\n")
    shop.put("b.csv", "tier;TENANT_ID;seats\ngold;b;3\n")
    shop.put("c.csv", "tenant_id,name,name\nc,C,again\n")
    landed = shop.land()
    assert [(r["tenant_id"], r["name"], r["tier"], r["seats"]) for r in shop.rows(Tenants)] == [
        ("a", "A", None, None), ("b", None, "gold", 3), ("c", "C", None, None),
    ]  # fmt: skip
    assert "column name more than once: the first counts" in (landed.deliveries[2].note or "")


def test_the_same_content_counts_once_even_packed(shop: Shop) -> None:
    first = shop.put("a.csv", USAGE + "1,s,2026-07-01,a,calls,1\n")
    again = shop.put("b.csv.gz", gzip.compress(first.read_bytes()))
    landed = shop.land()
    assert shop.column(Usage, "quantity") == [1]
    entries = {e.file: e for e in landed.deliveries}
    assert entries[str(again)].left_out == 1
    assert entries[str(again)].note == f"1 x the same content as {first}"
    assert entries[str(first)].note == f"the same content came as {again}"
    assert len(shop.rows(Deliveries)) == 1


def test_landing_again_changes_nothing(shop: Shop) -> None:
    shop.put("t.csv", "tenant_id,name\na,A\n(b),B\nc\n")
    shop.put("u.csv", USAGE + "1,s,2026-07-01,a,calls,1\n,,2026-07-02,a,calls,1\n")
    shop.put("bill.csv", FOCUS + charge("1.5") + charge("2.5"))
    tables = (Tenants, Usage, Charges, Quarantine, Deliveries)
    shop.land()
    before = [shop.rows(table) for table in tables]
    shop.land()
    assert [shop.rows(table) for table in tables] == before


def test_working_files_are_gone_afterwards(shop: Shop) -> None:
    shop.put("t.csv", "tenant_id,name\na,A\nb\n")
    shop.land()
    assert not [path for path in shop.engine.lake.path.iterdir() if path.name.startswith(".landing")]


# --- bills: what replaces what ---


def test_a_newer_delivery_of_a_bill_replaces_the_older_and_no_other(shop: Shop) -> None:
    shop.land(shop.put("old/bill.csv", FOCUS + charge("1") + charge("2") + charge("7", account="2")))
    shop.land(shop.put("new/bill.csv", FOCUS + charge("1") + charge("3") + charge("4")))
    assert sorted(shop.column(Charges, "billed_cost")) == [1, 3, 4, 7]


def test_a_bill_whose_rows_are_all_in_another_of_the_run_is_left_out(shop: Shop) -> None:
    shop.put("bill/a.csv", FOCUS + charge("1") + charge("2") + charge("2"))
    part = shop.put("bill/b.csv", FOCUS + charge("2") + charge("1") + charge("2"))
    more = shop.put("bill/c.csv", FOCUS + charge("2") + charge("2") + charge("2"))
    landed = shop.land()
    assert sorted(shop.column(Charges, "billed_cost")) == [1, 2, 2, 2, 2, 2]
    entries = {e.file: e for e in landed.deliveries}
    assert (entries[str(part)].accepted, entries[str(part)].left_out) == (0, 3)
    assert "all rows are in" in (entries[str(part)].note or "")
    assert entries[str(more)].accepted == 3


def test_a_bill_half_of_whose_rows_another_beside_it_has_says_so(shop: Shop) -> None:
    half = shop.put("bill/to-15th.csv", FOCUS + "".join(charge("1", day=day) for day in range(1, 16)))
    rows = [charge("2" if day == 5 else "1", day=day) for day in range(1, 31)]
    whole = shop.put("bill/to-30th.csv", FOCUS + "".join(rows))
    other = shop.put("bill/other.csv", FOCUS + "".join(charge("1", day=d, account="2") for d in range(1, 31)))
    notes = {e.file: e.note for e in shop.land().deliveries}
    said = f"14 x also in {whole}, and counted in both: is one an older delivery of the bill?"
    assert notes == {str(half): said, str(whole): None, str(other): None}


def test_a_bill_as_csv_and_as_parquet_counts_once(shop: Shop) -> None:
    text = shop.put("bill/bill.csv", FOCUS + charge("1.50") + charge("2", day=2) + charge("0.1", day=3))
    shop.put("bill/part.csv", FOCUS + charge("1.50", service="S3") + charge("2", day=2, service="S3"))
    typed = text.with_suffix(".parquet")
    duckdb.sql(f"COPY (FROM read_csv('{text}')) TO '{typed}'")
    entries = {e.file: e for e in shop.land().deliveries}
    assert sorted(shop.column(Charges, "billed_cost")) == [Decimal("0.1"), 1.5, 1.5, 2, 2]
    assert (entries[str(typed)].left_out, entries[str(typed)].note) == (3, f"3 x all rows are in {text}")


def test_a_bill_that_another_beside_it_says_in_other_words_says_so(shop: Shop) -> None:
    named = FOCUS.replace("\n", ",x_LineItemId\n")

    def items(word: str, days: range) -> str:
        return named + "".join(charge("1", day=day).replace("\n", f",{word}{day}\n") for day in days)

    half = shop.put("bill/to-15th.csv", items("a", range(1, 16)))
    whole = shop.put("bill/to-31st.csv", items("b", range(1, 32)))
    notes = {e.file: e.note for e in shop.land().deliveries}
    said = f"15 x also in {whole}, and counted in both: is one an older delivery of the bill?"
    assert notes == {str(half): said, str(whole): None}


def test_what_a_later_file_of_the_same_run_replaces_is_left_out_in_the_ledger(shop: Shop) -> None:
    first = shop.put("v1/bill.csv", FOCUS + charge("1") + charge("2"))
    last = shop.put("v2/bill.csv", FOCUS + charge("1") + charge("3"))
    landed = shop.land()
    entries = {e.file: e for e in landed.deliveries}
    assert sorted(shop.column(Charges, "billed_cost")) == [1, 3]
    assert (entries[str(first)].accepted, entries[str(first)].left_out) == (0, 2)
    assert entries[str(first)].note == "2 x replaced by a later file of the same bill"
    assert entries[str(last)].accepted == 2


def test_a_bill_divided_into_folders_is_whole_and_its_copies_count_once(shop: Shop) -> None:
    shop.land(shop.put("before/bill.csv", FOCUS + charge("9", day=3)))
    days = [shop.put(f"run/{day}/bill.csv", FOCUS + charge(str(day), day=day)) for day in (1, 2)]
    copy = shop.put("run/3/bill.csv", FOCUS + charge("1.5", day=1))
    landed = shop.land(*days, copy)
    assert sorted(shop.column(Charges, "billed_cost")) == [Decimal("1.5"), 2]
    assert [(e.accepted, e.left_out) for e in landed.deliveries] == [(0, 1), (1, 0), (1, 0)]


def test_the_real_sample_lands_whole(shop: Shop, fixtures: Path) -> None:
    landed = shop.land(fixtures / "focus" / "focus_1.0_sample.csv")
    [entry] = landed.deliveries
    assert (entry.rows, entry.accepted) == (1_000, 1_000)
    assert sum(shop.column(Charges, "billed_cost")) == Decimal("20.52022672899")


def test_a_real_bill_of_thirty_parquet_files_lands_whole(shop: Shop, fixtures: Path) -> None:
    landed = shop.land(fixtures / "cur")
    assert sum(e.rows for e in landed.deliveries) == 14_218
    assert sum(e.accepted for e in landed.deliveries) == len(shop.rows(Charges))


# --- two ways to read, one result ---


def test_both_ways_to_read_a_file_give_the_same_rows(shop: Shop, fixtures: Path, tmp_path: Path) -> None:
    data = (fixtures / "focus" / "focus_1.0_sample.csv").read_bytes()
    straight = shop.put("a.csv", data)
    # A row that cannot be read sends the whole file the other way.
    other = shop.put("b.csv", data + b"bad\n")
    one, two = (read(shop.engine, path, tmp_path) for path in (straight, other))
    assert (one.bad_rows, two.bad_rows, two.rows) == (0, 1, one.rows + 1)
    columns = ", ".join(f'"{name}"' for name in layout(straight).columns)
    rows = [
        shop.engine.query(f"SELECT _row, {columns} FROM ({relation([f])}) ORDER BY _row") for f in (one, two)
    ]
    assert rows[0] == rows[1]


def test_rows_of_a_large_file_are_numbered_as_they_stand(shop: Shop, tmp_path: Path) -> None:
    pad = "x" * 60
    path = shop.put("u.csv", "n,pad\n" + "".join(f"{n},{pad}\n" for n in range(1, 600_001)))
    file = read(shop.engine, path, tmp_path)
    assert path.stat().st_size > 32 * 1024 * 1024
    wrong = f"SELECT count(*) AS rows, count_if(CAST(n AS BIGINT) <> _row) AS wrong FROM ({relation([file])})"
    assert shop.engine.query(wrong)[0] == {"rows": 600_000, "wrong": 0}


def test_a_line_without_end_takes_no_memory(shop: Shop) -> None:
    path = shop.put("t.csv", "tenant_id,name\na,A\n")
    with path.open("ab") as file:
        for _ in range(40):
            file.write(b"x" * 1_000_000)
        file.write(b"\nb,B\n")
    [entry] = shop.land().deliveries
    assert (entry.rows, entry.accepted, entry.quarantined) == (3, 2, 1)


# --- the contract ---


def test_values_that_break_the_contract_are_quarantined_by_its_words(shop: Shop) -> None:
    path = shop.put("t.csv", "id,born,seats\na,2026-01-01,1\n,2026-01-01,1\nb,0001-01-01,1\nc,,x\n")
    mapping = RowMapping(
        Tenants,
        {"tenant_id": "id", "isolation": "'pool'", "started_on": "CAST(born AS DATE)", "seats": "seats"},
        where="id IS DISTINCT FROM 'z'",
    )
    landed = land(shop.engine, Batch((path,), Format.CSV, (mapping,)), "tenants", shop.now)
    assert reasons(landed) == {
        "tenant_id is missing or cannot be read": 1,
        "started_on is not between 1900 and 2199": 1,
        "seats does not fit DECIMAL(38,9)": 1,
    }
    assert shop.column(Tenants, "tenant_id") == ["a"]


def test_rows_that_a_mapping_does_not_look_at_are_counted(shop: Shop) -> None:
    path = shop.put("t.csv", "id,kind\na,t\nb,x\nc,x\n")
    mapping = RowMapping(
        Tenants, {"tenant_id": "id", "isolation": "'pool'"}, where="kind = 't'", left_out="no tenants"
    )
    [entry] = land(shop.engine, Batch((path,), Format.CSV, (mapping,)), "tenants", shop.now).deliveries
    assert (entry.rows, entry.accepted, entry.left_out, entry.note) == (3, 1, 2, "2 x no tenants")

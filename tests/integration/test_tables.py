from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from shop import Shop, csv, reasons

from tenantry.datasets.invoices import Invoices
from tenantry.datasets.subscriptions import Subscriptions
from tenantry.datasets.tenants import Tenants
from tenantry.datasets.usage import ActiveUsers, Usage
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.kernel.landing import Quarantine
from tenantry.sources.tables import NAMES
from tenantry.sources.tenants import LISTED_AS


@pytest.fixture
def shop(tmp_path: Path, now: datetime) -> Shop:
    (tmp_path / "in").mkdir()
    return Shop(tmp_path / "in", DuckDB(Lake(tmp_path / "lake"), "1GB"), now)


def test_tenants_land_with_their_other_names_and_dates_as_people_write_them(shop: Shop) -> None:
    shop.put(
        "customers.csv",
        "Customer ID;Tenant Name;Isolation;Accounts;Aliases;Start-Date;End Date;Seats\n"
        'acme;"Acme; Inc";Dedicated; 111 ;a1@2026-01-01..2026-02-01;1/31/2026;9999-12-31;5\n'
        'beta;;;"111; 222 ;;";;;;\n'
        "gamma;;weird;;g@2026-02-30..;;;\n",
    )
    landed = shop.land()
    acme, beta, gamma = shop.rows(Tenants)
    assert (acme["name"], acme["isolation"], acme["accounts"]) == ("Acme; Inc", "silo", ["111"])
    assert acme["aliases"] == ["a1@2026-01-01..2026-02-01"]
    assert (acme["started_on"], acme["ended_on"], acme["seats"]) == (date(2026, 1, 31), None, Decimal(5))
    assert (beta["isolation"], beta["accounts"], beta["aliases"]) == ("pool", ["111", "222"], None)
    assert gamma["isolation"] == "pool"
    assert landed.deliveries[0].note == (
        "1 x isolation is none of pool, silo, bridge: pool taken;"
        " 1 x aliases with a date that is none: a name that is not used"
    )


def test_a_database_s_own_list_of_customers_is_read_as_it_is(shop: Shop) -> None:
    shop.put(
        "accounts.csv",
        "id,name,slug,plan,created_at,deleted_at,users_count\n"
        "17,Acme,acme,gold,2026-01-02 10:00:00+00,,3\n"
        "18,Beta,beta,,2026-02-02 23:59:59.123456+00,2026-03-01 00:00:00+00,4\n",
    )
    shop.put("crm.csv", "Account ID,Account Name,Plan,Seats\n19,Gamma,silver,7\n")
    shop.put("made.csv", "org_id,tier,plan\n20,,gold\n")
    shop.land()
    acme, beta, gamma, delta = sorted(shop.rows(Tenants), key=lambda row: row["tenant_id"])
    assert (acme["tenant_id"], acme["name"], acme["tier"], acme["aliases"]) == (
        "17",
        "Acme",
        "gold",
        ["acme"],
    )
    assert (acme["started_on"], acme["ended_on"]) == (date(2026, 1, 2), None)
    assert (beta["tier"], beta["ended_on"]) == (None, date(2026, 3, 1))
    assert (gamma["tenant_id"], gamma["name"], gamma["tier"]) == ("19", "Gamma", "silver")
    assert (gamma["seats"], gamma["aliases"]) == (Decimal(7), None)
    assert (delta["tenant_id"], delta["tier"]) == ("20", None), "it has a tier of its own, and that is empty"


def test_what_customers_pay_beside_their_names_is_counted_and_not_read(shop: Shop) -> None:
    shop.put("t.csv", "tenant_id,name,tier,mrr\nacme,Acme,gold,100\nbeta,Beta,free,\n")
    landed = shop.land()
    assert shop.column(Tenants, "tenant_id") == ["acme", "beta"]
    assert (
        landed.deliveries[0].note
        == "1 x what it pays is not read here: that needs plan, amount, currency and started_on"
    )


HOSTILE = [
    "o'brien", 'say "hi"', "a,b", "a;b", "'; DROP TABLE tenants; --", "💥", "line\nbreak", "\u202etfel\u202c",
    "x" * 4096, "ACME", "acme", "../../etc", "{0}", "%s", "(half", "a(b)c",
]  # fmt: skip


def test_tenant_ids_are_data_whatever_they_say(shop: Shop) -> None:
    quoted = ['"' + name.replace('"', '""') + '"' for name in HOSTILE]
    shop.put("t.csv", csv("tenant_id,name", [*((q, "x") for q in quoted), ("  spaced  ", "x")]))
    shop.land()
    assert set(shop.column(Tenants, "tenant_id")) == {*HOSTILE, "spaced"}


def test_reserved_and_missing_tenants_are_quarantined_as_they_came(shop: Shop) -> None:
    path = shop.put("t.csv", "tenant_id,name\n(unallocated),a\n(unknown:x),b\n  ,c\nnull,d\nacme,e\n")
    landed = shop.land()
    assert reasons(landed) == {
        "tenant_id in parentheses is reserved": 2,
        "tenant_id is missing or cannot be read": 2,
    }
    assert shop.column(Tenants, "tenant_id") == ["acme"]
    first = shop.rows(Quarantine)[0]
    assert (first["row"], first["file"], json.loads(first["content"])) == (
        1, str(path), {"tenant_id": "(unallocated)", "name": "a"},
    )  # fmt: skip


def test_subscriptions_read_prices_intervals_and_currencies(shop: Shop) -> None:
    shop.put(
        "s.csv",
        "tenant,plan,start_date,monthly_price,currency,billing_cycle\n"
        'a,gold,2026-01-01,"$1,200.50",usd,\nb,gold,2026-01-01,99,EUR,Annual\n'
        "c,gold,2026-01-01,99,EUR,weekly\nd,gold,2026-01-01,cheap,EUR,\ne,gold,2026-13-01,9,EUR,\nf,gold,2026-01-01,9,$,\n",
    )
    landed = shop.land()
    a, b = shop.rows(Subscriptions)
    assert (a["amount"], a["currency"], a["interval"], a["quantity"]) == (
        Decimal("1200.5"),
        "USD",
        "month",
        1,
    )
    assert (b["amount"], b["interval"]) == (Decimal(99), "year")
    assert reasons(landed) == {
        "interval is neither month nor year": 1,
        "amount is missing or cannot be read": 1,
        "started_on is missing or cannot be read": 1,
        "currency is not an ISO 4217 code": 1,
    }


def test_active_users_come_as_parquet_and_csv_alike(shop: Shop) -> None:
    shop.put("u.csv", "day,tenant_id,users\n2026-07-01,a,5\n2026-07-01,b,-1\n")
    path = shop.folder / "u.parquet"
    duckdb.sql(
        f"COPY (SELECT DATE '2026-07-02' AS day, 'a' AS tenant_id, 7 AS users) TO '{path}' (FORMAT parquet)"
    )
    landed = shop.land()
    assert [(r["day"].day, r["users"]) for r in shop.rows(ActiveUsers)] == [(1, 5), (2, 7)]
    assert reasons(landed) == {"users is negative": 1}


def test_invoices_land_with_what_cannot_be_one_in_quarantine(shop: Shop) -> None:
    shop.put(
        "invoices.csv",
        "Invoice Number;Issuer;Amount;Currency\n"
        "I-1;AWS;1,234.50;usd\nI-2;;-3.10;EUR\n;AWS;1;USD\nI-3;AWS;;USD\nI-4;AWS;5;$\n",
    )
    landed = shop.land()
    assert [tuple(row.values()) for row in shop.rows(Invoices)] == [
        ("I-1", "AWS", "USD", Decimal("1234.5")),
        ("I-2", "", "EUR", Decimal("-3.1")),
    ]
    assert reasons(landed) == {
        "invoice_id is missing or cannot be read": 1,
        "amount is missing or cannot be read": 1,
        "currency is not an ISO 4217 code": 1,
    }


USAGE = "id,source,time,tenant_id,meter,quantity\n"


def test_usage_is_in_utc_exact_and_keyed(shop: Shop) -> None:
    path = shop.put(
        "usage.csv",
        USAGE + "1,s,2026-07-01T23:30:00-02:00,a,calls,0.1\n2,s,1782864000,a,calls,-3\n3,s,2026-07-01,a,calls,1e-12\n"
        ",,2026-07-01,a,calls,1\n4,s,,a,calls,1\n5,s,2026-07-01,a,calls,inf\n6,s,2026-07-01,a,,1\n7,s,2026-07-01,a,calls,\n",
    )  # fmt: skip
    landed = shop.land()
    [entry] = landed.deliveries
    rows = {row["id"]: row for row in shop.rows(Usage)}
    minted = f"{entry.delivery}:4"
    assert rows.keys() == {"1", "2", "3", minted}
    assert (rows["1"]["time"], rows["1"]["day"]) == (datetime(2026, 7, 2, 1, 30), date(2026, 7, 2))  # noqa: DTZ001
    assert (rows["2"]["day"], rows["2"]["quantity"]) == (date(2026, 7, 1), -3)
    assert rows[minted]["source"] == path.name
    assert reasons(landed) == {
        "day is missing or cannot be read; time is missing or cannot be read": 1,
        "quantity is missing or cannot be read": 2,
        "meter is missing or cannot be read": 1,
    }
    for note in (
        "1 x negative quantity",
        "1 x no id",
        "1 x no source",
        "1 x quantity has more than 9 decimals",
    ):
        assert note in (entry.note or "")


def test_an_event_counts_once_and_contradiction_is_a_conflict(shop: Shop) -> None:
    shop.put(
        "a.csv", USAGE + "1,s,2026-07-01,a,calls,1\n1,s,2026-07-01,a,calls,1\n1,s,2026-07-01,a,calls,2\n"
    )
    shop.put(
        "b.json",
        json.dumps(
            {
                "id": "1",
                "source": "s",
                "time": "2026-07-01",
                "tenant_id": "a",
                "meter": "calls",
                "quantity": 1,
            }
        ),
    )
    landed = shop.land()
    assert shop.column(Usage, "quantity") == [1]
    assert reasons(landed) == {"the same source, id as an earlier row, but not the same values": 1}
    assert sorted((e.accepted, e.quarantined, e.left_out) for e in landed.deliveries) == [
        (0, 0, 1),
        (1, 1, 1),
    ]


def test_a_newer_event_of_a_later_run_takes_the_place_of_the_older_wherever_it_lay(shop: Shop) -> None:
    shop.land(shop.put("a.csv", USAGE + "1,s,2026-07-01,a,calls,1\n2,s,2026-07-01,a,calls,5\n"))
    shop.land(shop.put("b.csv", USAGE + "1,s,2026-07-09,a,calls,3\n"))
    assert [(r["id"], r["day"].day, r["quantity"]) for r in shop.rows(Usage)] == [("1", 9, 3), ("2", 1, 5)]


EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "s",
    "type": "calls",
    "subject": "a",
    "time": "2026-07-01T00:00:00Z",
}


@pytest.mark.parametrize("form", ["single", "lines", "array", "pretty"])
def test_cloud_events_land_in_every_form(shop: Shop, form: str) -> None:
    events: list[dict[str, Any]] = [
        {**EVENT, "id": str(n), "data": {"value": n, "serviceName": "EC2"}} for n in (1, 2)
    ]
    events = events[:1] if form == "single" else events
    texts = {
        "single": json.dumps(events[0], indent=1),
        "lines": "\n".join(map(json.dumps, events)),
        "array": json.dumps(events),
        "pretty": json.dumps(events, indent=2),
    }
    shop.put("events", texts[form])
    landed = shop.land()
    assert not landed.quarantined
    assert [(r["quantity"], r["service_name"], r["tenant_id"], r["meter"]) for r in shop.rows(Usage)] == [
        (n + 1, "EC2", "a", "calls") for n in range(len(events))
    ]


def test_json_numbers_keep_every_digit_and_late_keys_are_read(shop: Shop) -> None:
    flat = {"id": "1", "source": "s", "time": "2026-07-01", "tenant_id": "a", "meter": "m"}
    lines = [json.dumps({**flat, "id": str(n), "quantity": 1}) for n in range(300)]
    lines += [
        json.dumps({**flat, "id": "x", "featureId": "late"})[:-1]
        + ', "quantity": 12345678901234567.123456789}'
    ]
    shop.put("u.ndjson", "\n".join(lines))
    shop.land()
    [last] = [row for row in shop.rows(Usage) if row["id"] == "x"]
    assert (last["quantity"], last["feature_id"]) == (Decimal("12345678901234567.123456789"), "late")


def test_the_page_lists_every_name_a_column_may_have() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/tables.md").read_text(encoding="utf-8")
    missing = [
        name
        for names in (NAMES, LISTED_AS)
        for column, others in names.items()
        for name in (column, *others)
        if f"`{name}`" not in page
    ]
    assert not missing

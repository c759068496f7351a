"""Tiers, entitlements and resources as files bring them, and that allocation meets them all in one way."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from shop import Shop, csv, reasons
from small_vendor import SmallVendor, charge, tenant

from tenantry.datasets import Entitlements, Resources, Tenants, Tiers
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.methods.policy import Policy, Rule, Strategy


@pytest.fixture
def shop(tmp_path: Path, now: datetime) -> Shop:
    (tmp_path / "in").mkdir()
    return Shop(tmp_path / "in", DuckDB(Lake(tmp_path / "lake"), "1GB"), now)


def test_each_table_is_told_from_its_columns(shop: Shop):
    shop.put("1.csv", csv("tier,name,rank", [("pro", "Pro", "2"), ("free", "Free", "1.5"), ("", "x", "")]))
    shop.put(
        "2.csv",
        csv(
            "tier,tenant,feature,meter,limit,reset period,valid_until",
            [
                ("pro", "", "", "requests", "1000.5", "", "9999-12-31"),
                ("", "acme", "sso", "", "", "", "2026-02-01"),
                ("pro", "acme", "sso", "", "", "", ""),
                ("pro", "", "", "", "5", "", ""),
                ("pro", "", "", "gb", "-1", "", ""),
                ("pro", "", "", "gb", "5", "fortnight", ""),
            ],
        ),
    )
    shop.put(
        "3.csv", csv("tenant_id,account_id,started_on", [("acme", "111", "2026-01-01"), ("(idle)", "1", "")])
    )
    shop.put(
        "4.csv",
        csv("tenant_id,resource_id,kind,isolation", [("a", "db*", "", "shared"), ("a", "x", "car", "")]),
    )
    shop.put("5.csv", csv("tenant_id,tier,started_on", [("acme", "pro", "2026-01-01")]))
    landed = shop.land()
    assert [(r["tier"], r["rank"]) for r in shop.rows(Tiers)] == [("pro", 2)]
    own, pro = shop.rows(Entitlements)
    assert (own["tenant_id"], own["feature_id"], own["ended_on"]) == ("acme", "sso", date(2026, 2, 1))
    assert (pro["quota"], pro["period"], pro["started_on"], pro["ended_on"]) == (
        Decimal("1000.5"), "month", date(1970, 1, 1), None,
    )  # fmt: skip
    assert [(r["kind"], r["resource_id"], r["isolation"]) for r in shop.rows(Resources)] == [
        ("account", "111", "silo"), ("resource", "db*", "pool"),
    ]  # fmt: skip
    assert shop.column(Tenants, "tier") == ["pro"]
    assert reasons(landed) == {
        "tier is missing or cannot be read": 1,
        "rank is not a whole number": 1,
        "not of either a tier or a tenant": 1,
        "neither feature nor meter": 1,
        "quota is negative": 1,
        "period is none of day, month, year, total": 1,
        "tenant_id in parentheses is reserved": 1,
        "kind is none of resource, account, namespace": 1,
    }


SILO = Policy(rules=(Rule(strategy=Strategy.SILO, by="resource"), Rule(strategy=Strategy.SILO, by="account")))
BILL = [
    charge(10, "2026-03-01", resource_id="db-acme-1"),
    charge(20, "2026-03-20", resource_id="db-acme-1"),
    charge(5, "2026-03-20", sub_account_id="111"),
]


def assigned(
    resource_id: str, start: str, kind: str = "resource", tenant_id: str = "acme", **more: object
) -> dict[str, object]:
    first = date.fromisoformat(start)
    return {
        "kind": kind,
        "resource_id": resource_id,
        "tenant_id": tenant_id,
        "isolation": "silo",
        "started_on": first,
        **more,
    }


def test_what_is_assigned_and_what_tenants_list_give_cost_alike_and_a_later_build_is_a_whole_one(
    tmp_path: Path,
):
    listed = [tenant("acme", resources=["db-acme-*@2026-03-10.."], accounts=["111"]), tenant("beta")]
    one = SmallVendor(tmp_path / "one", SILO).land(BILL, listed).build()
    bare = [tenant("acme"), tenant("beta")]
    rows = [assigned("db-acme-*", "2026-03-10"), assigned("111", "2026-01-01", "account")]
    two = SmallVendor(tmp_path / "two", SILO).land(BILL, bare).build()
    assert two.tenant_totals()["acme"] == Decimal("17.5"), "nothing is anybody's: evenly shared"
    two.land(BILL, bare, more={Resources: rows}).build()
    assert one.tenant_totals() == two.tenant_totals()
    assert one.tenant_totals()["acme"] == 5 + 20 + 5
    moved = [*rows[1:], assigned("db-acme-*", "2026-03-10", ended_on=date(2026, 3, 15)),
             assigned("db-acme-*", "2026-03-15", tenant_id="beta")]  # fmt: skip
    two.land(BILL, bare, more={Resources: moved}).build()
    whole = SmallVendor(tmp_path / "three", SILO).land(BILL, bare, more={Resources: moved}).build()
    assert two.tenant_totals() == whole.tenant_totals()
    assert (whole.tenant_totals()["acme"], whole.tenant_totals()["beta"]) == (5 + 5, 5 + 20)
    assert not two.unbalanced()

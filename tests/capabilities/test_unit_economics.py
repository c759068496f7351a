"""Unit economics on the vendor of three months; the figures are worked in tests/three_months.py."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from small_vendor import SmallVendor, charge, tenant
from three_months import CATALOG, NOW, POLICY, as_worked, subscription

from tenantry.gateways.profile import profile
from tenantry.gateways.report import print_profile
from tenantry.kernel import Window
from tenantry.runtime.call import Runtime


def ask(runtime: Runtime, tool: str, **arguments: Any) -> list[Any]:
    return as_worked(runtime.call("unit_economics", tool, {"window": "2026-03", **arguments}).data)


def test_margin_per_tenant_highest_first(runtime: Runtime):
    lines = [x for x in ask(runtime, "margin") if x.currency == "USD"]
    assert [(x.name, x.revenue, x.effective_cost, x.margin) for x in lines] == [
        ("beacon-legal", 200, Decimal("103.4"), Decimal("96.6")),
        ("(unallocated)", 0, -20, 20),
        ("lumen-retail", 0, Decimal("28.6"), Decimal("-28.6")),
        ("teal-partners", 100, Decimal("156.2"), Decimal("-56.2")),
    ]
    assert lines[0].margin_ratio == pytest.approx(0.483)
    assert lines[1].margin_ratio is None
    # 90 + 4 by fine driver and active users, 9.4 of support that follows: 90 sure, 13.4 half.
    assert lines[0].confidence == pytest.approx((90 + 13.4 / 2) / 103.4)


def test_who_pays_in_another_currency_is_named(runtime: Runtime):
    by_name = {(x.name, x.currency): x for x in ask(runtime, "margin")}
    assert by_name["lumen-retail", "USD"].pays_in == "EUR"
    assert by_name["lumen-retail", "EUR"].pays_in is None
    assert by_name["teal-partners", "USD"].pays_in is None


def test_margin_by_tier_and_by_plan(runtime: Runtime):
    tiers = {(x.name, x.currency): (x.tenants, x.margin) for x in ask(runtime, "margin", by="tier")}
    assert tiers["pro", "EUR"] == (1, 30)
    assert tiers["(none)", "USD"] == (1, 20)
    plans = {(x.name, x.currency): x.revenue for x in ask(runtime, "margin", by="plan")}
    assert plans["basic", "EUR"] == 10


def test_a_window_is_widened_to_its_months_because_revenue_is_monthly(runtime: Runtime):
    assert ask(runtime, "margin", window="2026-03-08..2026-03-15") == ask(runtime, "margin")
    year = {(x.name, x.currency): x.revenue for x in ask(runtime, "margin", window="2026-01-31..2026-03-02")}
    assert year["beacon-legal", "USD"] == 600


def test_unprofitable_leaves_out_whom_it_cannot_judge_and_who_is_no_tenant(runtime: Runtime):
    [teal] = ask(runtime, "unprofitable")
    assert (teal.tenant_id, teal.name, teal.tier, teal.plan) == (
        "teal-partners", "Teal Partners", "enterprise", "enterprise",
    )  # fmt: skip
    assert (teal.revenue, teal.effective_cost, teal.margin) == (100, Decimal("156.2"), Decimal("-56.2"))


def test_a_tenant_without_revenue_anywhere_is_unprofitable(runtime: Runtime):
    january = ask(runtime, "unprofitable", window="2026-01")
    assert [(x.revenue, x.margin, x.margin_ratio) for x in january] == [(0, -1, None)]


def test_the_largest_loss_is_found_behind_many_that_cannot_be_judged(tmp_path: Path):
    # Forty tenants pay in EUR what they cost in USD; one pays in USD and loses a little.
    names = [f"t{i:02}" for i in range(40)]
    vendor = SmallVendor(tmp_path, POLICY).land(
        charges=[charge("9", tags={"tenant": name}) for name in names]
        + [charge("3", tags={"tenant": "small"})],
        tenants=[tenant(name) for name in [*names, "small"]],
        subscriptions=[subscription(name, "p", 50, "EUR") for name in names]
        + [subscription("small", "p", 1)],
    )
    runtime = Runtime(vendor.build().engine, CATALOG, lambda: NOW, lambda _: {"policy": POLICY})
    assert [(x.tenant_id, x.margin) for x in ask(runtime, "unprofitable", top=1)] == [("small", -2)]


def test_cost_per_unit_of_each_meter_and_per_active_user(runtime: Runtime):
    lines = ask(runtime, "cost_per_unit")
    assert [(x.meter, x.service_name, x.currency, x.cost, x.units, x.cost_per_unit) for x in lines] == [
        ("active_users", "(all services)", "EUR", 50, 6, Decimal("8.333333333333333333")),
        ("active_users", "(all services)", "USD", Decimal("268.2"), 6, Decimal("44.7")),
        ("gb", "Storage", "USD", 30, 3, 10),
        ("ms", "Compute", "USD", 160, 120, Decimal("1.333333333333333333")),
    ]
    assert [x.meter for x in ask(runtime, "cost_per_unit", meter="gb")] == ["gb"]
    assert ask(runtime, "cost_per_unit", meter="parsecs") == []


def test_who_is_paid_more_than_it_pays_has_no_ratio(tmp_path: Path):
    vendor = SmallVendor(tmp_path, POLICY).land(
        charges=[charge("4", tags={"tenant": "a"})],
        tenants=[tenant("a")],
        subscriptions=[subscription("a", "discount", -10)],
    )
    runtime = Runtime(vendor.build().engine, CATALOG, lambda: NOW, lambda _: {"policy": POLICY})
    for tool in ("margin", "unprofitable"):
        assert [(x.revenue, x.margin, x.margin_ratio) for x in ask(runtime, tool)] == [(-10, -14, None)]
    for tool in ("summary", "months", "tenants"):
        told = runtime.call("overview", tool, {} if tool == "months" else {"window": "2026-03"}).data
        assert [x.margin_ratio for x in getattr(told, "standings", told)] == [None]


def test_a_profile_shows_tenants_that_pay_and_cost_nothing(tmp_path: Path):
    paid = [
        subscription("acme", "pro", 40, "USD"),
        subscription("globex", "pro", 25, "EUR"),
        subscription("quiet", "basic", 30, "USD"),
    ]
    own = [charge("10", "2026-03", tags={"tenant": name}) for name in ("acme", "globex")]
    names = [tenant(name) for name in ("acme", "globex", "quiet")]
    vendor = SmallVendor(tmp_path, POLICY).land(own, names, subscriptions=paid).build()
    runtime = Runtime(vendor.engine, CATALOG, lambda: NOW, lambda _: {"policy": POLICY})
    console = Console(file=StringIO(), width=160, record=True)
    print_profile(console, profile(runtime, None, Window.parse("2026-03")))
    lines = [line.split() for line in console.export_text().splitlines()]
    assert ["acme", "40.00", "USD", "10.00", "30.00", "75.0", "%", "50.0", "%", "100.0", "%"] in lines
    assert [line[:4] for line in lines if line[:1] == ["quiet"]] == [["quiet", "30.00", "USD", "0.00"]]
    assert [line[:3] for line in lines if line[:1] == ["globex"]] == [["globex", "in", "EUR"]]

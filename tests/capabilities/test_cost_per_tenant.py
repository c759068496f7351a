"""Cost per tenant on the vendor of three months; the figures are worked in tests/three_months.py."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from small_vendor import SmallVendor, charge, tenant, usage
from three_months import CATALOG, HOSTILE, NOW, as_worked

from tenantry.errors import Kind, TenantryError
from tenantry.methods.policy import Meter, Policy, Rule
from tenantry.runtime.call import Runtime

PARTS = ("volume", "mix", "price", "driver", "rule", "other")
METERED = Policy(rules=(Rule(pool="Compute", meters=(Meter(meter="ms", service="Compute"),)),))


def ask(runtime: Runtime, tool: str, **arguments: Any) -> list[Any]:
    return as_worked(runtime.call("cost_per_tenant", tool, {"window": "2026-03", **arguments}).data)


def test_rank_is_dearest_first_and_sums_to_the_bill(runtime: Runtime):
    lines = ask(runtime, "rank")
    assert [(x.currency, x.tenant_id, x.cost) for x in lines] == [
        ("EUR", "fjord-bank", 50),
        ("USD", "teal-partners", Decimal("156.2")),
        ("USD", "beacon-legal", Decimal("103.4")),
        ("USD", "lumen-retail", Decimal("28.6")),
        ("USD", "(unallocated)", -20),
    ]
    assert sum(x.cost for x in lines if x.currency == "USD") == Decimal("268.2")
    assert (lines[1].name, lines[1].tier) == ("Teal Partners", "enterprise")
    assert (lines[4].name, lines[4].tier) == (None, None)


def test_confidence_is_the_rungs_weighed_by_money(runtime: Runtime):
    teal = ask(runtime, "rank", top=1)[1]
    assert teal.confidence == pytest.approx((40 * 1 + 100 * 0.95 + 16.2 * 0.6) / 156.2)
    assert teal.share == pytest.approx(156.2 / 268.2)


def test_rank_on_another_basis(runtime: Runtime):
    assert [x.cost for x in ask(runtime, "rank", top=1, basis="list")] == [100, Decimal("312.4")]


def test_a_tenants_lines_say_rung_and_reason_and_add_up(runtime: Runtime):
    lines = ask(runtime, "tenant", tenant_id="teal-partners")
    assert [(x.service_name, x.pool, x.rung, x.reason, x.cost) for x in lines] == [
        ("Compute", "Compute", "fine", "usage by day", 90),
        ("Database", "Silo", "silo", "named by tag:tenant", 40),
        ("Support", "Support", "coarse", "follows all cost", Decimal("14.2")),
        ("Storage", "Storage", "fine", "usage by day", 10),
        ("Queue", "Queue", "coarse", "active users", 2),
    ]
    assert sum(x.share for x in lines) == pytest.approx(1)


def test_a_tenant_without_cost_has_no_lines_and_one_that_is_none_is_not_found(runtime: Runtime):
    assert ask(runtime, "tenant", tenant_id=HOSTILE) == []
    assert ask(runtime, "tenant", tenant_id="(idle)") == []
    for tool in ("tenant", "change"):
        with pytest.raises(TenantryError) as raised:
            ask(runtime, tool, tenant_id="teal-partner")
        assert raised.value.kind is Kind.NOT_FOUND
        assert "teal-partners" in raised.value.hint


def test_coverage_is_the_money_on_each_rung(runtime: Runtime):
    lines = [x for x in ask(runtime, "coverage") if x.currency == "USD"]
    assert [(x.rung, x.cost) for x in lines] == [
        ("silo", 40), ("fine", 210), ("coarse", Decimal("38.2")), ("unallocated", -20),
    ]  # fmt: skip
    assert sum(x.share for x in lines) == pytest.approx(1)


def test_a_change_is_volume_and_price_where_units_are_known(runtime: Runtime):
    compute, support, queue = ask(runtime, "change", tenant_id="beacon-legal")
    # 40 ms for 40 became 60 ms for 90: 20 more at the old 1.00, then 0.50 more for each of 60.
    assert (compute.service_name, compute.before, compute.after) == ("Compute", 40, 90)
    assert [getattr(compute, part) for part in PARTS] == [20, 0, 30, 0, 0, 0]
    assert (support.service_name, support.other) == ("Support", Decimal("9.4"))
    assert (queue.service_name, queue.other) == ("Queue", 4)


def test_the_parts_of_every_change_add_up(runtime: Runtime):
    for tenant_id in (
        "teal-partners",
        "beacon-legal",
        "lumen-retail",
        "fjord-bank",
        HOSTILE,
        "(unallocated)",
    ):
        for window in ("2026-02", "2026-03", "2026-02-20..2026-03-12"):
            for line in ask(runtime, "change", tenant_id=tenant_id, window=window):
                assert sum(getattr(line, part) for part in PARTS) == line.change == line.after - line.before


def test_a_new_meter_is_a_change_of_driver(tmp_path: Path):
    vendor = SmallVendor(tmp_path, METERED).land(
        charges=[charge("10", "2026-02-01"), charge("10", "2026-03-01")],
        tenants=[tenant("a"), tenant("b")],
        usages=[usage("a", 1, "2026-03-01")],
    )
    runtime = Runtime(vendor.build().engine, CATALOG, lambda: NOW, lambda _: {"policy": METERED})
    [line] = ask(runtime, "change", tenant_id="a")
    assert (line.before, line.after, line.driver) == (5, 10, 5)
    [line] = ask(runtime, "change", tenant_id="b")
    assert (line.before, line.after, line.driver) == (5, 0, 0)
    assert line.other == -5


def test_tiers_are_todays_and_rows_that_are_no_tenants_stand_apart(runtime: Runtime):
    lines = [x for x in ask(runtime, "tiers") if x.currency == "USD"]
    assert [(x.tier, x.tenants, x.cost, x.per_tenant) for x in lines] == [
        ("enterprise", 1, Decimal("156.2"), Decimal("156.2")),
        ("pro", 1, Decimal("103.4"), Decimal("103.4")),
        ("basic", 1, Decimal("28.6"), Decimal("28.6")),
        ("(unallocated)", 0, -20, None),
    ]
    january = ask(runtime, "tiers", window="2026-01")
    assert ("(no tier)", 1, 1) in [(x.tier, x.tenants, x.cost) for x in january]

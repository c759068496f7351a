"""Overview on the vendor of three months; the figures are worked in tests/three_months.py."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from small_vendor import SmallVendor, charge, tenant
from three_months import CATALOG, NOW, POLICY, as_worked

from tenantry.kernel import Principal
from tenantry.runtime.call import Runtime


def ask(runtime: Runtime, tool: str, **arguments: Any) -> Any:
    return as_worked(runtime.call("overview", tool, arguments).data)


def test_a_currency_stands_as_its_tenants_sum(runtime: Runtime):
    summary = ask(runtime, "summary", window="2026-03")
    usd = next(s for s in summary.standings if s.currency == "USD")
    assert (usd.revenue, usd.effective_cost, usd.margin) == (300, Decimal("268.2"), Decimal("31.8"))
    rows = [t for t in ask(runtime, "tenants", window="2026-03") if t.currency == "USD"]
    assert sum(t.effective_cost for t in rows) == usd.effective_cost
    assert sum(t.cost_before for t in rows) <= usd.cost_before
    assert usd.named == pytest.approx(288.2 / 308.2)
    assert usd.losing == 1, "lumen-retail pays in EUR and is not judged in USD"
    assert usd.tenants == 3


def test_months_are_those_of_the_tenants(runtime: Runtime):
    months = [m for m in ask(runtime, "months") if m.currency == "USD"]
    assert [m.month.month for m in months] == [1, 2, 3]
    march = ask(runtime, "summary", window="2026-03").standings
    usd = next(s for s in march if s.currency == "USD")
    assert (months[-1].revenue, months[-1].effective_cost) == (usd.revenue, usd.effective_cost)
    teal = [m for m in ask(runtime, "months", tenant_id="teal-partners") if m.currency == "USD"]
    assert teal[-1].effective_cost == Decimal("156.2")


def test_compared_with_the_months_before_with_none_and_with_a_year_that_is_not_there(runtime: Runtime):
    assert ask(runtime, "summary", window="2026-03").compared_with == "2026-02-01..2026-03-01"
    assert ask(runtime, "summary", window="2026-03-08..2026-03-15").window == ("2026-03-01..2026-04-01")
    for compare in ("none", "year"):
        summary = ask(runtime, "summary", window="2026-03", compare=compare)
        assert summary.compared_with is None
        assert summary.movers == []
        assert all(s.cost_before is None and s.losing_before is None for s in summary.standings)
        assert all(t.cost_change is None for t in ask(runtime, "tenants", window="2026-03", compare=compare))
    nothing = ask(runtime, "summary", window="1900-01", compare="previous")
    assert (nothing.standings, nothing.compared_with) == ([], None)


def test_compared_with_any_months(runtime: Runtime):
    said = {"window": "2026-03", "against": "2026-01"}
    summary = ask(runtime, "summary", **said)
    assert summary.compared_with == "2026-01-01..2026-02-01"
    january = {s.currency: s.effective_cost for s in ask(runtime, "summary", window="2026-01").standings}
    assert {s.currency: s.cost_before for s in summary.standings} == january
    tenants = ask(runtime, "tenants", **said)
    assert sum(t.cost_before for t in tenants if t.currency == "USD") <= january["USD"]
    [teal] = [t for t in tenants if (t.tenant_id, t.currency) == ("teal-partners", "USD")]
    changes = runtime.call("cost_per_tenant", "change", {"tenant_id": "teal-partners", **said}).data
    assert sum(c.change for c in changes if c.currency == "USD") == pytest.approx(teal.cost_change)


def test_a_currency_that_is_gone_stands_at_nothing(tmp_path: Path):
    own = {"tags": {"tenant": "acme"}}
    bill = [
        charge("10", "2026-02", **own),
        charge("31", "2026-02", billing_currency="EUR", **own),
        charge("12", "2026-03", **own),
    ]
    vendor = SmallVendor(tmp_path, POLICY).land(bill, [tenant("acme")]).build()
    gone = Runtime(vendor.engine, CATALOG, lambda: NOW, lambda _: {"policy": POLICY})
    summary = ask(gone, "summary", window="2026-03")
    assert [(s.currency, s.effective_cost, s.cost_before) for s in summary.standings] == [
        ("EUR", 0, 31), ("USD", 12, 10),
    ]  # fmt: skip
    assert [(m.tenant_id, m.currency, m.cost_change) for m in summary.movers] == [
        ("acme", "EUR", -31), ("acme", "USD", 2),
    ]  # fmt: skip
    assert ask(gone, "summary", window="2026-04").standings == [], "a month that holds no rows is no change"


def test_movers_are_the_largest_changes_either_way(runtime: Runtime):
    movers = [m for m in ask(runtime, "summary", window="2026-03", top=50).movers if m.currency == "USD"]
    changes = [abs(m.cost_change) for m in movers]
    assert changes == sorted(changes, reverse=True)
    for mover in movers:
        assert mover.cost_change == mover.effective_cost - mover.cost_before
    [first] = [m for m in ask(runtime, "summary", window="2026-03", top=1).movers if m.currency == "USD"]
    assert first == movers[0]


def test_a_tenant_carries_its_plan_name_and_confidence(runtime: Runtime):
    [teal] = [
        t for t in ask(runtime, "tenants", window="2026-03")
        if (t.tenant_id, t.currency) == ("teal-partners", "USD")
    ]  # fmt: skip
    assert (teal.name, teal.tier, teal.plan) == ("Teal Partners", "enterprise", "enterprise")
    assert 0 < teal.confidence <= 1


def test_who_is_bound_to_a_tenant_sees_its_own(runtime: Runtime):
    own = Principal("teal", "teal-partners")
    summary = runtime.call("overview", "summary", {"window": "2026-03"}, own).data
    assert summary.arrivals is None
    assert {m.tenant_id for m in summary.movers} == {"teal-partners"}
    assert {t.tenant_id for t in runtime.call("overview", "tenants", {}, own).data} == {"teal-partners"}
    assert ask(runtime, "summary").arrivals is not None


def test_what_is_ahead_is_the_newest_forecast_of_the_whole_cost(runtime: Runtime):
    ahead = ask(runtime, "summary", window="2026-01").ahead
    told = runtime.call("cost_forecast", "forecast", {"level": "total", "measure": "cost"}).data
    assert [(a.month, a.currency, a.mean, a.lo80, a.hi80) for a in ahead] == [
        (f.month, f.currency, f.mean, f.lo80, f.hi80) for f in told
    ]
    assert len(ahead) == 12, "six months in two currencies"
    bound = runtime.call("overview", "summary", {"window": "2026-03"}, Principal("kim", "teal-partners"))
    assert bound.data.ahead == []

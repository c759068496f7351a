"""Figures on the vendor of three months; they are worked in tests/three_months.py."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from three_months import as_worked

from tenantry.errors import TenantryError
from tenantry.runtime.call import Runtime


def ask(runtime: Runtime, measure: str, **arguments: Any) -> list[Any]:
    asked = {"window": "2026-03", "measure": measure, **arguments}
    return as_worked(runtime.call("figures", "totals", asked).data)


def usd(runtime: Runtime, measure: str, **arguments: Any) -> dict[str, Decimal]:
    return {x.name: x.value for x in ask(runtime, measure, **arguments) if x.currency == "USD"}


def test_cost_of_all_and_by_each_dimension(runtime: Runtime):
    assert usd(runtime, "cost") == {"": Decimal("268.2")}
    assert usd(runtime, "cost", by="tenant", top=2) == {
        "teal-partners": Decimal("156.2"),
        "beacon-legal": Decimal("103.4"),
    }
    assert usd(runtime, "cost", by="tier")["pro"] == Decimal("103.4")
    assert usd(runtime, "cost", by="service", tenant="teal-partners")["Compute"] == 90
    assert usd(runtime, "cost", by="plan")["enterprise"] == Decimal("156.2")
    assert usd(runtime, "list_cost", service="Database") == {"": 80}


def test_some_can_be_left_out_and_the_smallest_come_first(runtime: Runtime):
    assert usd(runtime, "cost", except_tier="enterprise", except_tenant="(unallocated)") == {"": 132}
    assert [*usd(runtime, "cost", by="tenant", order="asc", top=2)] == ["(unallocated)", "lumen-retail"]
    assert usd(runtime, "cost", except_service="Database")[""] == Decimal("228.2")


def test_shares_are_of_the_whole_of_a_currency_before_top_cuts(runtime: Runtime):
    [euro, dollar] = ask(runtime, "cost", by="tenant", top=1)
    assert (euro.name, euro.currency, euro.share) == ("fjord-bank", "EUR", 1)
    assert dollar.share == pytest.approx(156.2 / 268.2)


def test_periods_are_cut_at_the_calendar_and_empty_ones_are_zero(runtime: Runtime):
    rows = ask(runtime, "cost", window="2026-01-15..2026-04-01", grain="month", tenant="teal-partners")
    dollars = [(x.start, x.end, x.value) for x in rows if x.currency == "USD"]
    assert [(start, end) for start, end, _ in dollars] == [
        (date(2026, 1, 15), date(2026, 2, 1)),
        (date(2026, 2, 1), date(2026, 3, 1)),
        (date(2026, 3, 1), date(2026, 4, 1)),
    ]
    assert [value for _, _, value in dollars] == [0, 100, Decimal("156.2")]
    days = [x for x in ask(runtime, "cost", grain="day", service="Queue") if x.currency == "USD"]
    assert len(days) == 31
    assert [(x.start, x.value) for x in days if x.value] == [(date(2026, 3, 20), 12)]


def test_revenue_and_margin_are_of_whole_months(runtime: Runtime):
    [euro, dollar] = ask(runtime, "revenue", window="2026-03-10..2026-03-20")
    assert (euro.value, dollar.value, dollar.start, dollar.end) == (
        90,
        300,
        date(2026, 3, 1),
        date(2026, 4, 1),
    )
    assert usd(runtime, "margin", by="tenant")["teal-partners"] == Decimal("-56.2")
    assert usd(runtime, "margin_ratio", tenant="beacon-legal") == {"": Decimal("0.483")}
    with pytest.raises(TenantryError, match="monthly"):
        ask(runtime, "revenue", grain="day")


def test_use_is_counted_meter_by_meter(runtime: Runtime):
    assert [(x.name, x.value, x.unit) for x in ask(runtime, "usage", meter="ms", by="tenant")] == [
        ("beacon-legal", 60, "ms"),
        ("teal-partners", 60, "ms"),
    ]
    assert [(x.name, x.value, x.share) for x in ask(runtime, "usage", by="meter")] == [
        ("ms", 120, None),
        ("gb", 3, None),
    ]
    with pytest.raises(TenantryError, match="meters is not added"):
        ask(runtime, "usage", by="tenant")


def test_requests_are_those_logged_where_none_are_metered(runtime: Runtime):
    january = {"window": "2026-01"}
    assert {x.name: x.value for x in ask(runtime, "requests", by="tenant", **january)}["teal-partners"] == 4
    assert [x.value for x in ask(runtime, "errors", **january)] == [1]


def test_users_tenants_and_what_each_costs(runtime: Runtime):
    assert [x.value for x in ask(runtime, "active_users")] == [6]
    assert {x.name: x.value for x in ask(runtime, "tenants", by="tier")}["pro"] == 2
    assert usd(runtime, "cost_per_user", tenant="teal-partners") == {"": Decimal("156.2")}
    assert usd(runtime, "average_cost", tier="pro") == {"": Decimal("103.4")}
    assert usd(runtime, "average_revenue") == {"": 150}


def test_a_dimension_that_a_measure_has_not_is_refused(runtime: Runtime):
    for cut in ({"service": "Compute"}, {"feature": "search"}, {"except_service": "Compute"}):
        with pytest.raises(TenantryError, match=r"cost by plan is not known by (service|feature)"):
            ask(runtime, "cost", by="plan", **cut)
    with pytest.raises(TenantryError, match="revenue is not known by service"):
        ask(runtime, "revenue", by="service")

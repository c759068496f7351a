"""Cost forecast: figures worked by hand on the vendor of three months, and longer histories over a real lake.

Of 3 months a forecast is the mean of the last and of all. Teal Partners cost 50, 100 and 156.2 in January to March, so
(156.2 + 102.0666...) / 2 = 129.133333; it pays 100 a month, so its margin is -29.133333. Nothing was forecast from one
month on but January's 50 for February; what came was 100.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from small_vendor import SmallVendor, charge, tenant
from three_months import HOSTILE

from tenantry.datasets import ForecastAccuracy, Forecasts
from tenantry.errors import Kind, TenantryError
from tenantry.kernel import Dataset, Principal
from tenantry.kernel.time import next_month
from tenantry.methods.policy import Match, Policy, Rule, Strategy
from tenantry.runtime.call import Runtime

MILLIONTH = Decimal("0.000001")


def ask(runtime: Runtime, tool: str, **arguments: Any) -> Any:
    return runtime.call("cost_forecast", tool, arguments).data


def test_three_months_are_forecast_by_the_last_and_the_mean(runtime: Runtime):
    cost = ask(runtime, "forecast", level="tenant", key="teal-partners", measure="cost")
    assert [(r.month, r.mean) for r in cost] == [
        (date(2026, 3 + k, 1), Decimal("129.133333")) for k in range(1, 7)
    ]
    assert {(r.made_on, r.history, r.method) for r in cost} == {(date(2026, 4, 1), 3, "naive+mean")}
    assert all("3 months of history" in r.note and "fewer than 50" in r.note for r in cost)
    assert all(0 <= r.lo95 <= r.lo80 < r.mean < r.hi80 < r.hi95 for r in cost)
    margin = ask(runtime, "forecast", level="tenant", key="teal-partners", measure="margin", window="2026-05")
    assert [(r.month, r.mean) for r in margin] == [(date(2026, 5, 1), Decimal("-29.133333"))]


def test_tenants_add_up_to_tiers_and_these_to_the_total(runtime: Runtime):
    def sums(level: str) -> dict[tuple[Any, ...], Decimal]:
        found: dict[tuple[Any, ...], Decimal] = {}
        for row in ask(runtime, "forecast", level=level, top=100):
            place = (row.currency, row.measure, row.month)
            found[place] = found.get(place, Decimal(0)) + row.mean
        return found

    assert sums("tenant") == sums("tier") == sums("total")
    total = sums("total")
    for currency, measure, month in total:
        if measure == "margin":
            assert total[currency, "margin", month] == (
                total[currency, "revenue", month] - total[currency, "cost", month]
            )
    assert {currency for currency, _, _ in total} == {"EUR", "USD"}


def test_who_cost_nothing_in_the_newest_month_is_not_forecast(runtime: Runtime):
    """One paid and cost nothing after January."""
    with pytest.raises(TenantryError) as raised:
        ask(runtime, "forecast", level="tenant", key=HOSTILE)
    assert raised.value.kind is Kind.NOT_FOUND
    keys = {r.key for r in ask(runtime, "forecast", level="tenant", top=100)}
    assert "(unallocated)" in keys


def test_errors_of_past_forecasts_stand_beside_each(runtime: Runtime):
    rows = {(r.currency, r.level, r.measure): r for r in ask(runtime, "accuracy")}
    cost = rows["USD", "total", "cost"]
    [shown] = {(r.wape, r.tested) for r in ask(runtime, "forecast", level="total", measure="cost")
               if r.currency == "USD"}  # fmt: skip
    assert shown == (cost.wape, cost.tested)
    # From February: (140 + 115.5) / 2 for March, when 268.2 came.
    assert cost.tested == 1
    assert cost.wape == pytest.approx(
        float((Decimal("268.2") - forecast_of_february()) / Decimal("268.2")), abs=1e-6
    )


def forecast_of_february() -> Decimal:
    """January came to 91 with the tenant of the tag, who was gone in February: tenants of February cost 90 then."""
    return (Decimal(140) + Decimal(90 + 140) / 2) / 2


def test_drivers_add_up_to_the_change(runtime: Runtime):
    rows = ask(runtime, "drivers", measure="cost")
    for row in rows:
        assert row.months == 3
        assert row.change == row.ahead - row.before == row.volume + row.mix + row.rate
    [enterprise] = [r for r in rows if (r.tier, r.currency) == ("enterprise", "USD")]
    assert enterprise.before.quantize(MILLIONTH) == Decimal("306.2")
    assert enterprise.ahead == 3 * Decimal("129.133333")
    assert enterprise.rate.quantize(MILLIONTH) == enterprise.change.quantize(MILLIONTH)


def test_scenarios_are_arithmetic_on_the_forecast(runtime: Runtime):
    def first(**asked: Any) -> dict[str, Any]:
        rows = [r for r in ask(runtime, "scenario", **asked) if (r.currency, r.month.month) == ("USD", 4)]
        return {r.measure: r for r in rows}

    same, dearer, gone, more = first(), first(price=10), first(leaver="teal-partners"), first(tenants=60)
    assert all(row.effect == 0 for row in same.values())
    assert dearer["revenue"].scenario == same["revenue"].forecast * Decimal("1.1")
    assert dearer["margin"].effect == dearer["revenue"].effect > 0 == dearer["cost"].effect
    assert gone["cost"].effect == Decimal("-129.133333")
    assert gone["margin"].effect == Decimal("29.133333")
    assert more["cost"].scenario == same["cost"].forecast * Decimal("1.1")
    for row in (*dearer.values(), *gone.values(), *more.values()):
        assert row.lo80 < row.scenario < row.hi80


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("scenario", {"tier": "gold"}), ("scenario", {"leaver": "nobody"}), ("forecast", {"window": "2031-01"}),
     ("forecast", {"level": "tenant", "key": "teal-partner"})],
)  # fmt: skip
def test_what_is_not_forecast_is_not_found(runtime: Runtime, tool: str, arguments: dict[str, Any]):
    with pytest.raises(TenantryError) as raised:
        ask(runtime, tool, **arguments)
    assert raised.value.kind is Kind.NOT_FOUND
    assert raised.value.hint


def test_a_tenant_does_not_see_forecasts(runtime: Runtime):
    with pytest.raises(TenantryError) as raised:
        runtime.call("cost_forecast", "forecast", {}, Principal("kim", "teal-partners"))
    assert raised.value.kind is Kind.FORBIDDEN


# --- a longer history, month by month -------------------------------------------------------------------

TAGGED = Policy(
    rules=(Rule(pool="Silo", match=Match(service=("Compute",)), strategy=Strategy.SILO, by="tag:t"),)
)


def bill(months: int, until: int = 31) -> list[dict[str, Any]]:
    """Of two tenants, one flat and one growing; the newest month as far as day `until`, the others whole."""
    rows, month = [], date(2024, 1, 1)
    for k in range(months):
        last = (next_month(month) - date.resolution).day
        for day in (1, min(until, last) if k == months - 1 else last):
            for name, cost in (("flat", 50), ("grows", 10 + k)):
                when = month.replace(day=day).isoformat()
                rows.append(charge(cost, when, tags={"t": name}, x_delivery=f"{month}"))
        month = next_month(month)
    return rows


def landed(made: SmallVendor, months: int, until: int = 31) -> SmallVendor:
    people = [tenant("flat", tier="a"), tenant("grows", tier="b")]
    return made.land(bill(months, until), people).build(ForecastAccuracy)


def rows_of(made: SmallVendor, dataset: type[Dataset]) -> list[Any]:
    return made.query(f"SELECT * FROM {dataset.table()} ORDER BY ALL")


def test_month_by_month_ends_where_all_at_once_does_and_no_month_counts_before_it_is_over(tmp_path: Path):
    grown = landed(SmallVendor(tmp_path / "grown", TAGGED), 4, until=20)
    first = rows_of(grown, Forecasts)
    assert max(r.origin for r in first) == date(2024, 3, 1)
    landed(grown, 5)
    newest = [r for r in rows_of(grown, Forecasts) if r.origin == date(2024, 5, 1)]
    assert {r.mean for r in newest if (r.key, r.measure) == ("flat", "cost")} == {Decimal(100)}
    assert [r for r in rows_of(grown, Forecasts) if r.origin < date(2024, 4, 1)] == first
    at_once = landed(SmallVendor(tmp_path / "once", TAGGED), 5)
    for dataset in (Forecasts, ForecastAccuracy):
        assert rows_of(grown, dataset) == rows_of(at_once, dataset)

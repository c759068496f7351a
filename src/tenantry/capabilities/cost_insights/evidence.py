"""The months behind a finding, read anew from the datasets it was made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, Field

from ...datasets import CostProfile, FeatureCost, Insights, Margin, MeterHours, UsageHourly
from ...kernel import Context, Window, tool
from ...kernel.dataset import Dimension, OptionalDay, OptionalDimension, OptionalMoney, OptionalQuantity
from ...kernel.money import quantity
from ...methods.insight import WEEKDAYS
from .listing import Of, one_finding, told

_TOP = 5


class EvidencePoint(BaseModel):
    """One figure of one month behind a finding; of one day of the week, where that is what it is about."""

    series: Annotated[Dimension, Field(description="cost, revenue, margin, or a meter")]
    month: OptionalDay
    weekday: OptionalDimension
    part: Annotated[
        OptionalDimension, Field(description="before or after the change; null: counts as neither")
    ]
    currency: Dimension
    amount: OptionalMoney
    units: OptionalQuantity


@tool(finding="service:Support:new:USD", window="2026-03")
def evidence(
    ctx: Context,
    finding: Annotated[str, Field(description="as `findings` names it")],
    window: Of = None,
) -> list[EvidencePoint]:
    """The series behind a finding, month by month, and which months it compares.

    `before` and `after` of a finding follow from these: of a cost, a revenue or something new they are their averages.
    """
    row = one_finding(ctx, finding, window)
    document = told(row)
    months = Window.parse(document["window"])
    sides = {m: side for side in ("before", "after") for m in document[side]["months"]}
    if row.kind == "day_of_week":
        return _by_weekday(ctx, row, months, set(document["days"]))
    filters = document["filters"]
    found = [*_money(ctx, row, filters, months), *_units(ctx, row, filters, months)]
    return [
        EvidencePoint(
            series=series,
            month=month,
            weekday=None,
            part=sides.get(f"{month:%Y-%m}"),
            currency=row.currency,
            amount=amount,
            units=units,
        )
        for series, month, amount, units in found
    ]


_Figure = tuple[str, date, Decimal | None, Decimal | None]


def _money(ctx: Context, row: Insights, filters: dict[str, Any], months: Window) -> Iterator[_Figure]:
    if row.kind == "concentration":
        for month in months.months():
            most = ctx.totals(
                Margin,
                month,
                by=("currency", "tenant_id"),
                measures=("revenue",),
                order="-revenue",
                limit=_TOP,
                currency=row.currency,
            )
            yield (
                "revenue of the five that pay most",
                month.start,
                sum((r.revenue for r in most), Decimal(0)),
                None,
            )
    if row.level in ("service", "feature") or row.kind == "unit_cost":
        table = FeatureCost if row.level == "feature" else CostProfile
        spent = ctx.totals(table, months, by=("charge_day",), measures=("effective_cost",), **filters)
        for month, amount in _by_month((r.charge_day, r.effective_cost) for r in spent):
            yield "cost", month, amount, None
    else:
        yield from _margins(ctx, months, filters, "")
    if row.kind == "mix" and row.level == "tier":
        yield from _margins(ctx, months, {"currency": row.currency}, " of all")


def _margins(ctx: Context, months: Window, filters: dict[str, Any], suffix: str) -> Iterator[_Figure]:
    measures = {"cost": "effective_cost", "revenue": "revenue", "margin": "margin"}
    rows = ctx.totals(Margin, months, by=("month",), measures=tuple(measures.values()), **filters)
    for name, column in measures.items():
        for row in rows:
            yield name + suffix, row.month, row[column], None


def _units(ctx: Context, row: Insights, filters: dict[str, Any], months: Window) -> Iterator[_Figure]:
    """What was used, by meter, where the finding rests on that."""
    if row.kind == "usage_without_revenue":
        found = ctx.totals(
            UsageHourly, months, by=("service_name", "meter", "day"), measures=("units",), tenant_id=row.name
        )
    elif row.kind == "unit_cost":
        services = filters["service_name"]
        found = ctx.totals(
            MeterHours,
            months,
            by=("service_name", "meter", "day"),
            measures=("units",),
            service_name=services,
        )
    else:
        return
    meters: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
    for one in found:
        meters[" ".join(filter(None, (one.service_name, one.meter)))].append((one.day, quantity(one.units)))
    for meter, days in meters.items():
        for month, units in _by_month(days):
            yield meter, month, None, units


def _by_month(days: Iterable[tuple[date, Decimal]]) -> list[tuple[date, Decimal]]:
    return _summed(days, lambda day: day.replace(day=1))


def _summed(days: Iterable[tuple[date, Decimal]], by: Callable[[date], Any]) -> list[tuple[Any, Decimal]]:
    found: dict[Any, Decimal] = defaultdict(Decimal)
    for day, amount in days:
        found[by(day)] += amount
    return sorted(found.items())


def _by_weekday(ctx: Context, row: Insights, months: Window, apart: set[str]) -> list[EvidencePoint]:
    """Cost and units by day of the week, over the days of the months that were looked at."""
    days = Window(max(months.start, row.since), months.end)
    cost = ctx.totals(
        CostProfile,
        days,
        by=("charge_day",),
        measures=("effective_cost",),
        currency=row.currency,
        service_name=row.name,
    )
    used = ctx.totals(MeterHours, days, by=("day", "meter"), measures=("units",), service_name=row.name)
    series = [("cost", _summed(((r.charge_day, r.effective_cost) for r in cost), date.weekday), False)]
    for meter in sorted({r.meter for r in used}):
        own = ((r.day, quantity(r.units)) for r in used if r.meter == meter)
        series.append((meter, _summed(own, date.weekday), True))
    return [
        EvidencePoint(
            series=name,
            month=None,
            weekday=WEEKDAYS[day],
            part="after" if WEEKDAYS[day] in apart else "before",
            currency=row.currency,
            amount=None if counted else figure,
            units=figure if counted else None,
        )
        for name, figures, counted in series
        for day, figure in figures
    ]

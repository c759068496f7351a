"""The months ahead, their record so far, what drives them, and what they would be otherwise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, WithJsonSchema

from ...datasets import ForecastAccuracy, Forecasts, Margin
from ...datasets.forecasts import NO_TIER
from ...errors import Kind, TenantryError, unknown
from ...kernel import Context, Window, tool
from ...kernel.dataset import Count, Day, Dimension, Money, Note, OptionalMoney, Ratio
from ...kernel.parameters import Top
from ...kernel.time import next_month
from ...methods.forecast import HORIZON, TOTAL, Level, Measure
from ...methods.variance import Spend, decompose

# Described as a number alone: no schema could hold a text between the two.
Per100 = Annotated[
    Decimal,
    Field(ge=-100, le=1000, description="per cent; 10 is a tenth more"),
    WithJsonSchema({"type": "number", "minimum": -100, "maximum": 1000}),
]
MadeAfter = Annotated[
    Window | None,
    Field(description="the month after which the forecast was made, as YYYY-MM; by default the newest"),
]


class ForecastMonth(BaseModel):
    """One month ahead of a tenant, a tier or the total, with how such forecasts have done so far."""

    level: Dimension
    key: Annotated[Dimension, Field(description="the tenant, the tier or `(all)`")]
    measure: Dimension
    currency: Dimension
    month: Annotated[Day, Field(description="first day of the month forecast")]
    mean: Money
    lo80: Annotated[OptionalMoney, Field(description="4 of 5 months come to lie between lo80 and hi80")]
    hi80: OptionalMoney
    lo95: Annotated[OptionalMoney, Field(description="19 of 20 months come to lie between lo95 and hi95")]
    hi95: OptionalMoney
    made_on: Annotated[Day, Field(description="the day after the last whole month known")]
    method: Dimension
    history: Annotated[Count, Field(description="months of history")]
    note: Annotated[Note, Field(description="what to beware of")]
    wape: Annotated[Ratio, Field(description="error of past forecasts of this level: sum |F - Y| / sum |Y|")]
    owa: Annotated[Ratio, Field(description="that error beside repeating the last month; below 1 is better")]
    cover80: Annotated[Ratio, Field(description="part of past months inside their 80 % interval")]
    tested: Annotated[Count, Field(description="past forecast months that these figures rest on")]


class Driver(BaseModel):
    """Why the months ahead differ from as many months before: a tier's part, added up from its tenants."""

    tier: Dimension
    currency: Dimension
    months: Annotated[Count, Field(description="months on either side")]
    before: Annotated[Money, Field(description="what the last months came to")]
    ahead: Annotated[Money, Field(description="what the next as many are forecast to come to")]
    change: Annotated[Money, Field(description="ahead - before = volume + mix + rate")]
    volume: Annotated[Money, Field(description="more or fewer tenant months, at what one came to before")]
    mix: Annotated[Money, Field(description="other tenants than before, at what each came to before")]
    rate: Annotated[Money, Field(description="the same tenants at other amounts a month")]


class ScenarioMonth(BaseModel):
    """A month ahead as forecast, and as it would be."""

    measure: Dimension
    currency: Dimension
    month: Day
    forecast: Money
    scenario: Money
    effect: Annotated[Money, Field(description="scenario - forecast")]
    lo80: Annotated[OptionalMoney, Field(description="of the scenario")]
    hi80: OptionalMoney


@tool(level="tier", measure="cost")
def forecast(
    ctx: Context,
    level: Level = "total",
    key: Annotated[str | None, Field(description="one tenant or tier; by default the largest")] = None,
    measure: Annotated[Measure | None, Field(description="by default all three")] = None,
    window: Annotated[
        Window | None, Field(description="the months ahead to show; by default all six")
    ] = None,
    top: Top = 10,
) -> list[ForecastMonth]:
    """Cost, revenue and margin of the six months ahead with 80 % and 95 % intervals, made after the newest whole month.

    Beside each: the error and the coverage of past forecasts on your own data.
    """
    made = newest(ctx, None)
    asked: dict[str, Any] = {"measure": measure} if measure else {}
    keys = [key] if key is not None else _largest(ctx, made, level, measure or "cost", top)
    rows = [
        row
        for row in ctx.rows(Forecasts, made, level=level, key=keys, **asked)
        if window is None or row.month in window
    ]
    if not rows and key is not None:
        names = ctx.totals(Forecasts, made, by=("currency", "key"), measures=("mean",), level=level)
        raise unknown(
            level, key, {n.key for n in names}, "cost-forecast forecast --level LEVEL lists the largest"
        )
    if not rows:
        raise TenantryError(
            Kind.NOT_FOUND,
            f"nothing is forecast for {window}",
            f"the forecast is of the six months from {made.end}",
        )
    place = {name: i for i, name in enumerate(keys)}
    rows.sort(key=lambda r: (r.currency, place[r.key], r.measure, r.month))
    return [ForecastMonth.model_validate(vars(row)) for row in rows]


def newest(ctx: Context, window: Window | None) -> Window:
    """The month after which the forecast was made: the one asked for, or the newest."""
    span = ctx.span(Forecasts)
    if span is None:
        raise TenantryError(
            Kind.NOT_FOUND,
            "there is no forecast yet",
            "land a whole month of a bill and run `tenantry build`",
        )
    if window is not None:
        return window.widened_to_months()
    last = span.widened_to_months()
    return next(m for m in last.months() if m.end == last.end)


def _largest(ctx: Context, made: Window, level: Level, measure: Measure, top: int) -> list[str]:
    rows = ctx.totals(
        Forecasts, made, by=("currency", "key"), measures=("mean",), order="-mean", limit=top,
        level=level, measure=measure,
    )  # fmt: skip
    return list(dict.fromkeys(row.key for row in rows))


@tool()
def accuracy(ctx: Context, window: MadeAfter = None) -> list[ForecastAccuracy]:
    """How the forecasts of the last 12 months did on your own data: their error, and how often intervals held."""
    return ctx.rows(ForecastAccuracy, newest(ctx, window))


@tool(measure="cost")
def drivers(ctx: Context, measure: Literal["cost", "revenue"] = "cost") -> list[Driver]:
    """Why the months ahead differ from the same number of months before, tier by tier: volume, mix and rate."""
    made = newest(ctx, None)
    ahead = [made.end]
    while len(ahead) < HORIZON:
        ahead.append(next_month(ahead[-1]))
    past = [made]
    first = (ctx.span(Margin) or made).start
    while len(past) < HORIZON and past[0].start > first:
        past.insert(0, past[0].previous)
    column = "effective_cost" if measure == "cost" else "revenue"
    before = ctx.totals(
        Margin, Window(past[0].start, made.end), by=("currency", "tier", "tenant_id"), measures=(column,),
        distinct="month",
    )  # fmt: skip
    after = ctx.totals(
        Forecasts, made, by=("currency", "tier", "key"), measures=("mean",), distinct="month",
        level="tenant", measure=measure, month=ahead[: len(past)],
    )  # fmt: skip
    spent: dict[tuple[str, str], tuple[dict[str, Spend], dict[str, Spend]]] = defaultdict(lambda: ({}, {}))
    for row in before:
        spent[row.currency, row.tier or NO_TIER][0][row.tenant_id] = Spend(row.distinct, row[column])
    for row in after:
        spent[row.currency, row.tier][1][row.key] = Spend(row.distinct, row.mean)
    return [
        _driver(tier, currency, len(past), was, will)
        for (currency, tier), (was, will) in sorted(spent.items())
    ]


def _driver(
    tier: str, currency: str, months: int, was: Mapping[str, Spend], will: Mapping[str, Spend]
) -> Driver:
    before, ahead = (sum((s.cost for s in side.values()), Decimal(0)) for side in (was, will))
    parts = decompose(was, will)
    return Driver(
        tier=tier, currency=currency, months=months, before=before, ahead=ahead, change=ahead - before,
        volume=parts.volume, mix=parts.mix, rate=parts.price,
    )  # fmt: skip


@tool(price="5")
def scenario(
    ctx: Context,
    tenants: Annotated[
        Per100, Field(description="more tenants like today's, reached evenly over six months")
    ] = Decimal(0),
    price: Annotated[Per100, Field(description="change of what tenants pay, from the first month")] = Decimal(
        0
    ),
    unit_cost: Annotated[
        Per100, Field(description="change of what they cost, from the first month")
    ] = Decimal(0),
    leaver: Annotated[str | None, Field(description="a tenant that leaves at once")] = None,
    tier: Annotated[str | None, Field(description="only this tier")] = None,
) -> list[ScenarioMonth]:
    """The months ahead if there were more tenants, other prices or costs, or one tenant less.

    Arithmetic on the forecast: it does not guess who leaves because of a price. The interval is as wide, beside the
    amounts it stands for, as that of the forecast.
    """
    made = newest(ctx, None)
    whole = ctx.rows(Forecasts, made, level="tier" if tier else "total", key=tier or TOTAL)
    if tier and not whole:
        rows = ctx.totals(Forecasts, made, by=("currency", "key"), measures=("mean",), level="tier")
        raise unknown("tier", tier, {r.key for r in rows}, "cost-forecast forecast --level tier lists them")
    gone = _leaving(ctx, made, leaver, tier)
    months = sorted({row.month for row in whole})
    of = {(row.currency, row.month, row.measure): row for row in whole}
    found: list[ScenarioMonth] = []
    for currency in sorted({row.currency for row in whole}):
        for place, month in enumerate(months, start=1):
            more = 1 + tenants / 100 * place / len(months)
            factors = {"cost": more * (1 + unit_cost / 100), "revenue": more * (1 + price / 100)}
            rows = {name: of[currency, month, name] for name in ("cost", "revenue", "margin")}
            then = {
                name: (rows[name].mean - gone.get((currency, month, name), Decimal(0))) * factor
                for name, factor in factors.items()
            }
            then["margin"] = then["revenue"] - then["cost"]
            found += [_would_be(rows, then, name) for name in rows]
    return sorted(found, key=lambda s: (s.currency, s.measure, s.month))


def _leaving(
    ctx: Context, made: Window, leaver: str | None, tier: str | None
) -> dict[tuple[str, date, str], Decimal]:
    if leaver is None:
        return {}
    of: dict[str, Any] = {"tier": tier} if tier else {}
    rows = ctx.rows(Forecasts, made, level="tenant", key=leaver, **of)
    if not rows:
        raise TenantryError(
            Kind.NOT_FOUND,
            f"nothing is forecast for a tenant {leaver!r}" + (f" of the tier {tier}" if tier else ""),
            "cost-forecast forecast --level tenant lists the largest",
        )
    return {(row.currency, row.month, row.measure): row.mean for row in rows}


def _would_be(rows: Mapping[str, Forecasts], then: Mapping[str, Decimal], name: str) -> ScenarioMonth:
    row, mean = rows[name], then[name]

    def size(of: Mapping[str, Any]) -> Decimal:
        return abs(of["cost"]) + abs(of["revenue"]) if name == "margin" else abs(of[name])

    base = size({n: r.mean for n, r in rows.items()})
    wider = size(then) / base if base else Decimal(1)
    low, high = (
        None if bound is None else mean + (bound - row.mean) * wider for bound in (row.lo80, row.hi80)
    )
    return ScenarioMonth(
        measure=name, currency=row.currency, month=row.month, forecast=row.mean, scenario=mean,
        effect=mean - row.mean, lo80=low, hi80=high,
    )  # fmt: skip

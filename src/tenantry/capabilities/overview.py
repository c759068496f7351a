"""Overview: where the vendor stands, against which months, and which tenants moved it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from heapq import nsmallest
from itertools import groupby
from operator import attrgetter
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from ..datasets import Forecasts, Margin, TenantCost, Tenants
from ..datasets.margin import by_size, margin_ratio
from ..kernel import Capability, Context, Row, Window, tool
from ..kernel.dataset import (
    Count,
    Day,
    Dimension,
    Money,
    OptionalDimension,
    OptionalMoney,
    OptionalTime,
    Ratio,
)
from ..kernel.landing import Deliveries
from ..kernel.parameters import Month, Top

_MONEY = ("revenue", "effective_cost", "margin")
_MONTHS_OF_YEAR = 12

Compare = Annotated[
    Literal["previous", "year", "none"],
    Field(description="as many months just before, the same of the year before, or nothing"),
]


Against = Annotated[
    Window | None,
    Field(description="START..END or YYYY-MM: other months to compare with, in the place of `compare`"),
]


class Standing(BaseModel):
    """The whole of one currency."""

    currency: Dimension
    tenants: Annotated[Count, Field(description="with revenue or cost")]
    losing: Annotated[
        Count, Field(description="tenants that cost more than they pay, where that can be said")
    ]
    revenue: Money
    effective_cost: Money
    margin: Money
    margin_ratio: Annotated[Ratio, Field(description="margin / revenue; null where revenue is not above 0")]
    named: Annotated[
        Ratio, Field(description="part of the cost, credits as their size, that has a tenant's name")
    ]
    confidence: Annotated[
        Ratio, Field(description="part of the cost known by silo or fine driver, coarse counts half")
    ]
    revenue_before: OptionalMoney
    cost_before: OptionalMoney
    margin_before: OptionalMoney
    ratio_before: Ratio
    losing_before: Annotated[int | None, Field(description="`losing` of the window compared with")]


class MonthStanding(BaseModel):
    """One month in one currency. `month` is its first day."""

    month: Day
    currency: Dimension
    revenue: Money
    effective_cost: Money
    margin: Money
    margin_ratio: Ratio
    whole: Annotated[bool, Field(description="false: it, or its bill, begins later or is not over")]


class TenantStanding(BaseModel):
    """One tenant in one currency. `(unallocated)`, `(idle)` and `(unknown:<id>)` are rows like others."""

    tenant_id: Dimension
    name: OptionalDimension
    tier: OptionalDimension
    plan: Annotated[OptionalDimension, Field(description="of the window's last month")]
    currency: Dimension
    revenue: Money
    effective_cost: Money
    margin: Money
    margin_ratio: Annotated[Ratio, Field(description="margin / revenue; null where revenue is not above 0")]
    cost_before: OptionalMoney
    margin_before: OptionalMoney
    cost_change: Annotated[OptionalMoney, Field(description="effective_cost - cost_before")]
    confidence: Annotated[
        Ratio, Field(description="part of the cost known by silo or fine driver, coarse counts half")
    ]


class Arrivals(BaseModel):
    """What came in, of all time."""

    deliveries: Count
    rows: Count
    accepted: Count
    quarantined: Count
    left_out: Count
    newest: OptionalTime


class MonthAhead(BaseModel):
    """What all tenants together are forecast to cost in a month to come, of the newest forecast."""

    month: Day
    currency: Dimension
    mean: Money
    lo80: Annotated[OptionalMoney, Field(description="4 of 5 months come to lie between lo80 and hi80")]
    hi80: OptionalMoney


class Summary(BaseModel):
    """A window, what it is compared with, who changed most, and what is ahead."""

    window: Dimension
    compared_with: OptionalDimension
    standings: list[Standing]
    movers: Annotated[list[TenantStanding], Field(description="the largest changes of cost, either way")]
    arrivals: Annotated[Arrivals | None, Field(description="null for a principal bound to a tenant")]
    ahead: Annotated[list[MonthAhead], Field(description="none for a principal bound to a tenant")]


@tool(window="2026-03", top=3)
def summary(
    ctx: Context, window: Month = None, compare: Compare = "previous", against: Against = None, top: Top = 5
) -> Summary:
    """Revenue, cost and margin of a window beside those of another, the tenants whose cost changed most, and the cost
    forecast for the months ahead.
    """
    now, before = _windows(ctx, window, compare, against)
    after, was = _whole(ctx, now), _whole(ctx, before)
    if after:  # a currency that is gone has no cost; without any row nothing is known
        after |= {name: _Currency(name) for name in was.keys() - after.keys()}
    vendors = ctx.principal.tenant_id is None
    return Summary(
        window=str(now),
        compared_with=str(before) if was else None,
        standings=[_standing(after[currency], was.get(currency)) for currency in sorted(after)],
        movers=_movers(ctx, after, was, top),
        arrivals=_arrivals(ctx) if vendors else None,
        ahead=_ahead(ctx) if vendors else [],
    )


@tool(tenant_id="teal-partners")
def months(
    ctx: Context,
    tenant_id: Annotated[
        str | None, Field(description="of this tenant only; by default of all together")
    ] = None,
) -> list[MonthStanding]:
    """Revenue, cost and margin of each month, by currency."""
    span = ctx.span(TenantCost)
    by = ("currency", "month")
    if tenant_id is None:
        rows = ctx.totals(Margin, by=by, measures=_MONEY)
    else:
        rows = ctx.totals(Margin, by=by, measures=_MONEY, tenant_id=tenant_id)
    return [
        MonthStanding(
            month=row.month,
            currency=row.currency,
            revenue=row.revenue,
            effective_cost=row.effective_cost,
            margin=row.margin,
            margin_ratio=margin_ratio(row.margin, row.revenue),
            whole=span is not None and row.month >= span.start and _last(row.month) <= span.end,
        )
        for row in rows
    ]


@tool(window="2026-03", top=3)
def tenants(
    ctx: Context,
    window: Month = None,
    compare: Compare = "previous",
    against: Against = None,
    top: Top = 10_000,
) -> list[TenantStanding]:
    """Every tenant's revenue, cost and margin in a window beside those of another, dearest first."""
    now, before = _windows(ctx, window, compare, against)
    found: list[TenantStanding] = []
    was = _whole(ctx, before)
    for _, currency in sorted(_whole(ctx, now).items()):
        dearest = sorted(currency.rows.values(), key=lambda r: (-r.effective_cost, r.tenant_id))
        found += _tenants(ctx, now, dearest[:top], was)
    return found


class _Currency:
    """All rows of one currency in a window, one for each tenant. Thousands of them: keys are read as such."""

    def __init__(
        self,
        name: str,
        rows: Sequence[Row] = (),
        sure: Iterable[Row] = (),
        payers: Mapping[str, set[str]] | None = None,
    ) -> None:
        self.name = name
        self.rows = {row["tenant_id"]: row for row in rows}
        self.confidence = by_size((r.effective_cost, r.confidence) for r in sure)
        self._payers = payers or {}

    def total(self, measure: str) -> Decimal:
        return sum((row[measure] for row in self.rows.values()), Decimal(0))

    @property
    def losing(self) -> int:
        return sum(row["margin"] < 0 and self._judged(name) for name, row in self.rows.items())

    @property
    def named(self) -> float | None:
        return by_size((row["effective_cost"], _is_tenant(name)) for name, row in self.rows.items())

    @property
    def tenants(self) -> int:
        return sum(map(_is_tenant, self.rows))

    def _judged(self, tenant_id: str) -> bool:
        pays = self._payers.get(tenant_id)
        return _is_tenant(tenant_id) and (not pays or self.name in pays)


def _is_tenant(tenant_id: str) -> bool:
    return not tenant_id.startswith("(")


def _last(month: date) -> date:
    return Window(month, month.replace(day=2)).widened_to_months().end


def _windows(
    ctx: Context, window: Window | None, compare: str, against: Window | None
) -> tuple[Window, Window | None]:
    now = (window or ctx.month(TenantCost)).widened_to_months()
    if against is not None:
        return now, against.widened_to_months()
    if compare == "none":
        return now, None
    count = _MONTHS_OF_YEAR if compare == "year" else len(list(now.months()))
    return now, Window(_earlier(now.start, count), _earlier(now.end, count))


def _earlier(month: date, count: int) -> date:
    year, place = divmod(month.year * _MONTHS_OF_YEAR + month.month - 1 - count, _MONTHS_OF_YEAR)
    return date(year, place + 1, 1)


def _whole(ctx: Context, window: Window | None) -> dict[str, _Currency]:
    """By currency."""
    if window is None:
        return {}
    rows = ctx.totals(Margin, window, by=("currency", "tenant_id"), measures=_MONEY)
    sure = ctx.totals(Margin, window, by=("currency", "confidence"), measures=("effective_cost",))
    known = {name: list(own) for name, own in groupby(sure, attrgetter("currency"))}
    of_currency = {name: list(own) for name, own in groupby(rows, attrgetter("currency"))}
    payers: dict[str, set[str]] = defaultdict(set)
    if len(of_currency) > 1:  # in a single one, who pays, pays in it
        for row in rows:
            if row["revenue"]:
                payers[row["tenant_id"]].add(row["currency"])
    return {name: _Currency(name, own, known[name], payers) for name, own in of_currency.items()}


def _standing(now: _Currency, before: _Currency | None) -> Standing:
    revenue, margin = now.total("revenue"), now.total("margin")
    return Standing(
        currency=now.name,
        tenants=now.tenants,
        losing=now.losing,
        revenue=revenue,
        effective_cost=now.total("effective_cost"),
        margin=margin,
        margin_ratio=margin_ratio(margin, revenue),
        named=now.named,
        confidence=now.confidence,
        revenue_before=before and before.total("revenue"),
        cost_before=before and before.total("effective_cost"),
        margin_before=before and before.total("margin"),
        ratio_before=before and margin_ratio(before.total("margin"), before.total("revenue")),
        losing_before=before and before.losing,
    )


def _movers(
    ctx: Context, now: Mapping[str, _Currency], was: Mapping[str, _Currency], top: int
) -> list[TenantStanding]:
    found: list[TenantStanding] = []
    for name in sorted(now.keys() & was.keys()):
        before, after = was[name].rows, now[name].rows
        changes = {
            tenant: _cost(after.get(tenant)) - _cost(before.get(tenant))
            for tenant in before.keys() | after.keys()
        }
        moved = (tenant for tenant, change in changes.items() if change)
        largest = nsmallest(top, moved, key=lambda t: (-abs(changes[t]), t))
        rows = [after.get(t) or Row(before[t], **dict.fromkeys(_MONEY, Decimal(0))) for t in largest]
        found += _tenants(ctx, None, rows, was)
    return found


def _cost(row: Row | None) -> Decimal:
    return row["effective_cost"] if row else _NONE


def _tenants(
    ctx: Context, now: Window | None, rows: Sequence[Row], was: Mapping[str, _Currency]
) -> list[TenantStanding]:
    """These rows with what else is known of whom they are of: plans and confidence only of a window."""
    listed = {row.tenant_id for row in rows}
    named = {r.tenant_id: r for r in ctx.totals(Tenants, by=("tenant_id", "name", "tier"), tenant_id=listed)}
    plans, sure = _plans(ctx, now, listed) if now else ({}, {})
    found: list[TenantStanding] = []
    for row in rows:
        person = named.get(row.tenant_id)
        currency = was.get(row.currency)
        # Of a currency that was there before, a tenant without a row had no cost.
        before = currency.rows.get(row.tenant_id, _NOTHING) if currency else None
        found.append(
            TenantStanding(
                tenant_id=row.tenant_id,
                name=person["name"] if person else None,
                tier=person.tier if person else None,
                plan=plans.get(row.tenant_id) or None,
                currency=row.currency,
                revenue=row.revenue,
                effective_cost=row.effective_cost,
                margin=row.margin,
                margin_ratio=margin_ratio(row.margin, row.revenue),
                cost_before=before.effective_cost if before else None,
                margin_before=before.margin if before else None,
                cost_change=row.effective_cost - before.effective_cost if before else None,
                confidence=by_size(sure.get((row.currency, row.tenant_id), ())),
            )
        )
    return found


_NONE = Decimal(0)
_NOTHING = Row(dict.fromkeys(_MONEY, _NONE))


def _plans(
    ctx: Context, window: Window, listed: set[str]
) -> tuple[dict[str, str], dict[tuple[str, str], list[tuple[Decimal, float | None]]]]:
    """By tenant the plan of the last month; by currency and tenant (cost, confidence) of each month."""
    sure: dict[tuple[str, str], list[tuple[Decimal, float | None]]] = defaultdict(list)
    plans: dict[str, str] = {}
    for row in ctx.totals(
        Margin,
        window,
        by=("month", "currency", "tenant_id", "plan", "confidence"),
        measures=("effective_cost",),
    ):
        if row.tenant_id in listed:
            sure[row.currency, row.tenant_id].append((row.effective_cost, row.confidence))
            plans[row.tenant_id] = row.plan
    return plans, sure


def _arrivals(ctx: Context) -> Arrivals:
    counts = ("rows", "accepted", "quarantined", "left_out")
    by_time = ctx.totals(Deliveries, by=("landed_at",), measures=counts, distinct="delivery")
    return Arrivals(
        deliveries=sum(row.distinct for row in by_time),
        newest=by_time[-1].landed_at if by_time else None,
        **{name: sum(row[name] for row in by_time) for name in counts},
    )


def _ahead(ctx: Context) -> list[MonthAhead]:
    span = ctx.span(Forecasts)
    if span is None:
        return []
    newest = [*span.widened_to_months().months()][-1]
    rows = ctx.rows(Forecasts, newest, level="total", measure="cost")
    return [MonthAhead(**{name: getattr(r, name) for name in MonthAhead.model_fields}) for r in rows]


CAPABILITY = Capability(
    name="overview",
    question="Where do we stand, and what changed?",
    datasets=(Margin, TenantCost, Tenants, Deliveries, Forecasts),
    tools=(summary, months, tenants),
    examples=(
        "How do we stand this month?",
        "How did our margin develop over the year?",
        "Whose cost changed most since last month?",
    ),
    instructions=Capability.instructions_beside(__file__),
)

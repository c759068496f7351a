"""Unit economics: what tenants earn, who costs more than they pay, and what a unit of use costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from ..datasets import ActiveUsers, Margin, TenantCost, Tenants, UsageHourly
from ..datasets.margin import by_size, margin_ratio
from ..kernel import Capability, Context, Row, Window, tool
from ..kernel.dataset import Count, Dimension, Money, OptionalDimension, Quantity, Ratio
from ..kernel.money import Basis, per, quantity
from ..kernel.parameters import Cost, Month, Top

ALL_SERVICES = "(all services)"
ACTIVE_USERS = "active_users"
_COLUMNS = {"tenant": "tenant_id", "tier": "tier", "plan": "plan"}


class GroupMargin(BaseModel):
    """Revenue, cost and margin of one tenant, tier or plan in one currency."""

    name: Annotated[Dimension, Field(description="the tenant, tier or plan")]
    currency: Dimension
    tenants: Count
    revenue: Money
    effective_cost: Money
    margin: Annotated[Money, Field(description="revenue - effective_cost")]
    margin_ratio: Annotated[Ratio, Field(description="margin / revenue; null where revenue is not above 0")]
    confidence: Annotated[
        Ratio, Field(description="part of the cost known by silo or fine driver, coarse counts half")
    ]
    pays_in: Annotated[
        OptionalDimension,
        Field(description="other currencies with revenue: this margin is not the whole story"),
    ]


class UnprofitableTenant(BaseModel):
    """A tenant that cost more than it paid, in one currency."""

    tenant_id: Dimension
    name: OptionalDimension
    tier: OptionalDimension
    plan: Dimension
    currency: Dimension
    revenue: Money
    effective_cost: Money
    margin: Money
    margin_ratio: Annotated[Ratio, Field(description="margin / revenue; null where revenue is not above 0")]
    confidence: Annotated[
        Ratio, Field(description="part of the cost known by silo or fine driver, coarse counts half")
    ]


class UnitCost(BaseModel):
    """What one unit of a meter costs, in one currency."""

    meter: Dimension
    service_name: Annotated[Dimension, Field(description="the service metered, or `(all services)`")]
    currency: Dimension
    cost: Annotated[Money, Field(description="the service's cost in the window")]
    units: Annotated[
        Quantity,
        Field(description="units used; active users: a day's average"),
    ]
    cost_per_unit: Money


@tool(window="2026-03", by="tier")
def margin(
    ctx: Context,
    window: Month = None,
    by: Literal["tenant", "tier", "plan"] = "tenant",
    top: Top = 50,
) -> list[GroupMargin]:
    """Revenue, effective cost and margin by tenant, tier or plan, highest margin first, over whole months."""
    column, months = _COLUMNS[by], _months(ctx, window)
    rows = ctx.totals(
        Margin,
        months,
        by=("currency", column),
        measures=("revenue", "effective_cost", "margin"),
        distinct="tenant_id",
        order="-margin",
        limit=top,
    )
    listed: dict[str, Any] = {column: {row[column] for row in rows}}
    paid = ctx.totals(Margin, months, by=("currency", column), measures=("revenue",), **listed)
    pays = _currencies_paid((r[column], r.currency, r.revenue) for r in paid)
    sure = ctx.totals(
        Margin, months, by=("currency", column, "confidence"), measures=("effective_cost",), **listed
    )
    confidence = {
        key: by_size((r.effective_cost, r.confidence) for r in own)
        for key, own in groupby(sure, attrgetter("currency", column))
    }
    return [
        GroupMargin(
            name=row[column] or "(none)",
            currency=row.currency,
            tenants=row.distinct,
            revenue=row.revenue,
            effective_cost=row.effective_cost,
            margin=row.margin,
            margin_ratio=margin_ratio(row.margin, row.revenue),
            confidence=confidence[row.currency, row[column]],
            pays_in=", ".join(sorted(pays[row[column]] - {row.currency})) or None,
        )
        for row in rows
    ]


def _months(ctx: Context, window: Window | None) -> Window:
    """The window widened to whole months, because revenue is monthly."""
    return (window or ctx.month(TenantCost)).widened_to_months()


def _currencies_paid(revenues: Iterable[tuple[str, str, Decimal]]) -> dict[str, set[str]]:
    """The currencies in which each has revenue, from (who, currency, revenue)."""
    paid: dict[str, set[str]] = defaultdict(set)
    for name, currency, revenue in revenues:
        if revenue:
            paid[name].add(currency)
    return paid


@tool(window="2026-03", top=5)
def unprofitable(ctx: Context, window: Month = None, top: Top = 20) -> list[UnprofitableTenant]:
    """The tenants that cost more than they paid, largest loss first, over whole months.

    A tenant that pays only in other currencies than it costs is not judged: `margin` shows it with `pays_in`.
    """
    months, look_at = _months(ctx, window), 2 * top
    while (found := _losses(ctx, months, top, look_at)) is None:
        look_at *= 8
    return found


def _losses(ctx: Context, months: Window, top: int, look_at: int) -> list[UnprofitableTenant] | None:
    """The largest losses that can be judged, among the largest of all; None where it must look at more."""
    rows = ctx.totals(
        Margin,
        months,
        by=("currency", "tenant_id"),
        measures=("revenue", "effective_cost", "margin"),
        order="margin",
        limit=look_at,
    )
    found: list[UnprofitableTenant] = []
    for _, of_currency in groupby(rows, attrgetter("currency")):
        seen = list(of_currency)
        losses = _judged(ctx, months, [row for row in seen if row.margin < 0])
        if len(losses) < top and len(seen) == look_at and seen[-1].margin < 0:
            return None
        found += losses[:top]
    return found


def _judged(ctx: Context, months: Window, rows: Sequence[Row]) -> list[UnprofitableTenant]:
    """The losses of those who are tenants, and pay in the currency of the loss or in none."""
    listed = {row.tenant_id for row in rows}
    known = {t.tenant_id: t for t in ctx.rows(Tenants, tenant_id=listed)}
    months_of: dict[tuple[str, str], list[Margin]] = defaultdict(list)
    for month in ctx.rows(Margin, months, tenant_id=listed):
        months_of[month.currency, month.tenant_id].append(month)
    pays = _currencies_paid((t, c, m.revenue) for (c, t), own in months_of.items() for m in own)
    return [
        UnprofitableTenant(
            tenant_id=row.tenant_id,
            name=known[row.tenant_id].name,
            tier=known[row.tenant_id].tier,
            plan=own[-1].plan,
            currency=row.currency,
            revenue=row.revenue,
            effective_cost=row.effective_cost,
            margin=row.margin,
            margin_ratio=margin_ratio(row.margin, row.revenue),
            confidence=by_size((m.effective_cost, m.confidence) for m in own),
        )
        for row in rows
        if row.tenant_id in known and (row.currency in pays[row.tenant_id] or not pays[row.tenant_id])
        for own in [months_of[row.currency, row.tenant_id]]
    ]


@tool(window="2026-03")
def cost_per_unit(
    ctx: Context,
    window: Month = None,
    meter: Annotated[
        str | None, Field(description="only this meter; `active_users` for cost per active user")
    ] = None,
    basis: Cost = Basis.EFFECTIVE,
) -> list[UnitCost]:
    """What a unit of each meter costs: the cost of its service, divided by its units; and cost per active user.

    A meter that names no service is divided into the cost of all. Two meters of one service each carry all of its
    cost: they are views of the same money, not parts of it.
    """
    when = window or ctx.month(TenantCost)
    of_service: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for row in ctx.totals(TenantCost, when, by=("service_name", "currency"), measures=(basis.column,)):
        of_service[row.service_name][row.currency] = row[basis.column]
        whole = of_service[ALL_SERVICES]
        whole[row.currency] = whole.get(row.currency, Decimal(0)) + row[basis.column]
    return [
        UnitCost(
            meter=name,
            service_name=service_name,
            currency=currency,
            cost=cost,
            units=units,
            cost_per_unit=per(cost, units),
        )
        for name, service_name, units in _units(ctx, when)
        if units and meter in (None, name)
        for currency, cost in sorted(of_service[service_name].items())
    ]


def _units(ctx: Context, window: Window) -> Iterator[tuple[str, str, Decimal]]:
    """(meter, service, units) of all that was metered; active users as the average of the days that have any."""
    seen = [row.users for row in ctx.totals(ActiveUsers, window, by=("day",))]
    if seen:
        yield ACTIVE_USERS, ALL_SERVICES, per(sum(seen, Decimal(0)), len(seen))
    for row in ctx.totals(UsageHourly, window, by=("meter", "service_name")):
        units = quantity(row.units)
        yield row.meter, row.service_name or ALL_SERVICES, units


CAPABILITY = Capability(
    name="unit_economics",
    question="What does each tenant earn us, and who costs more than they pay?",
    datasets=(Margin, TenantCost, Tenants, UsageHourly, ActiveUsers),
    tools=(margin, unprofitable, cost_per_unit),
    examples=(
        "What is our margin by tier?",
        "Which tenants are unprofitable, and how sure are we?",
        "What does an active user cost us?",
    ),
    instructions=Capability.instructions_beside(__file__),
)

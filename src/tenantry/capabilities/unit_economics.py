"""Unit economics: what tenants earn, who costs more than they pay, and what a unit of use costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from ..datasets import ActiveUsers, Margin, TenantCost, Tenants, UsageHourly
from ..kernel import Capability, Context, Row, Window, tool
from ..kernel.dataset import Count, Dimension, Money, OptionalDimension, Quantity, Ratio
from ..kernel.money import EXACT, QUANTITY_PLACES, Basis, part, per
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
    margin_ratio: Annotated[Ratio, Field(description="margin / revenue; null without revenue")]
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
    margin_ratio: Annotated[Ratio, Field(description="margin / revenue; null without revenue")]
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
    rows = _months(ctx, window)
    pays = _currencies_paid(rows, _COLUMNS[by])
    rows.sort(key=lambda r: (r.currency, r[_COLUMNS[by]]))
    found: list[GroupMargin] = []
    for currency, of_currency in groupby(rows, attrgetter("currency")):
        groups = [
            _margin(name, currency, list(own), pays[name])
            for name, own in groupby(of_currency, attrgetter(_COLUMNS[by]))
        ]
        found += sorted(groups, key=lambda g: (-g.margin, g.name))[:top]
    return found


def _months(ctx: Context, window: Window | None) -> list[Row]:
    """Margin per tenant and month: the window widened to whole months, because revenue is monthly."""
    months = (window or ctx.month(TenantCost)).widened_to_months()
    return ctx.totals(Margin, months, by=("currency", "tenant_id", "month", "tier", "plan", "confidence"))


def _currencies_paid(rows: Iterable[Row], column: str) -> dict[str, set[str]]:
    paid: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.revenue:
            paid[row[column]].add(row.currency)
    return paid


def _margin(name: str, currency: str, rows: Sequence[Row], pays: set[str]) -> GroupMargin:
    revenue, cost = (sum((r[c] for r in rows), Decimal(0)) for c in ("revenue", "effective_cost"))
    return GroupMargin(
        name=name or "(none)",
        currency=currency,
        tenants=len({r.tenant_id for r in rows}),
        revenue=revenue,
        effective_cost=cost,
        margin=revenue - cost,
        margin_ratio=part(revenue - cost, revenue),
        confidence=_confidence(rows),
        pays_in=", ".join(sorted(pays - {currency})) or None,
    )


def _confidence(rows: Sequence[Row]) -> float | None:
    """The rows' confidence, weighted by their money, whatever its sign."""
    known = [(abs(r.effective_cost), Decimal(r.confidence)) for r in rows if r.confidence is not None]
    return part(sum((w * c for w, c in known), Decimal(0)), sum((w for w, _ in known), Decimal(0)))


@tool(window="2026-03", top=5)
def unprofitable(ctx: Context, window: Month = None, top: Top = 20) -> list[UnprofitableTenant]:
    """The tenants that cost more than they paid, largest loss first, over whole months.

    A tenant that pays only in other currencies than it costs is not judged: `margin` shows it with `pays_in`.
    """
    rows = _months(ctx, window)
    pays = _currencies_paid(rows, "tenant_id")
    rows.sort(key=lambda r: (r.currency, r.tenant_id, r.month))
    known = {r.tenant_id: r.tier for r in ctx.totals(Tenants, by=("tenant_id", "tier"))}
    losses = [
        loss
        for (currency, tenant_id), own in groupby(rows, lambda r: (r.currency, r.tenant_id))
        if tenant_id in known
        and (currency in pays[tenant_id] or not pays[tenant_id])
        and (loss := _loss(list(own), known[tenant_id])).margin < 0
    ]
    losses.sort(key=lambda loss: (loss.currency, loss.margin, loss.tenant_id))
    found = [x for _, own in groupby(losses, attrgetter("currency")) for x in list(own)[:top]]
    names = {t.tenant_id: t.name for t in ctx.rows(Tenants, tenant_id={x.tenant_id for x in found})}
    for loss in found:
        loss.name = names[loss.tenant_id]
    return found


def _loss(rows: Sequence[Row], tier: str | None) -> UnprofitableTenant:
    newest = rows[-1]
    whole = _margin(newest.tenant_id, newest.currency, rows, set())
    return UnprofitableTenant(
        tenant_id=newest.tenant_id,
        name=None,
        tier=tier,
        plan=newest.plan,
        currency=newest.currency,
        revenue=whole.revenue,
        effective_cost=whole.effective_cost,
        margin=whole.margin,
        margin_ratio=whole.margin_ratio,
        confidence=whole.confidence,
    )


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
    seen = [row.users for row in ctx.totals(ActiveUsers, by=("day",)) if row.day in window]
    if seen:
        yield ACTIVE_USERS, ALL_SERVICES, per(sum(seen, Decimal(0)), len(seen))
    for row in ctx.totals(UsageHourly, window, by=("meter", "service_name")):
        units = EXACT.scaleb(Decimal(row.units), -QUANTITY_PLACES)
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

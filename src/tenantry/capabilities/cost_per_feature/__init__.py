"""Cost per feature: what each feature costs, per use and per tenant, and whether many use it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from ...datasets import FeatureCost, FeatureCostFull, Tenants, UsageHourly
from ...datasets.names import NOBODY
from ...datasets.tenants import tier_name
from ...datasets.usage import NO_FEATURE
from ...errors import invalid, unknown
from ...kernel import Capability, Context, Row, tool
from ...kernel.dataset import (
    Count,
    Dimension,
    Money,
    OptionalDimension,
    OptionalMoney,
    OptionalQuantity,
    Ratio,
)
from ...kernel.money import Basis, part, per
from ...kernel.parameters import Cost, Month, Top
from .sums import Costs, Metered, costs_of, main_meters, units_used

Shared = Annotated[
    Literal["apart", "spread"],
    Field(
        description="cost that names no feature: apart, as `(no feature)`; or spread over each tenant's features in "
        "proportion to their own cost, over whole months"
    ),
]
FeatureId = Annotated[str, Field(description="as in the usage, or `(no feature)`")]
MeterName = Annotated[
    str | None,
    Field(description="divide by units of this meter; by default the one with the fewest that counts uses"),
]
Covered = Annotated[
    Ratio,
    Field(
        description="part of the currency's whole cost in the window, credits as their size, that has a feature"
    ),
]
MainMeter = Annotated[OptionalDimension, Field(description="what the units are")]
Units = Annotated[OptionalQuantity, Field(description="units used of the meter")]
Bearing = Annotated[Count, Field(description="tenants that bear cost of it")]
PerUnit = Annotated[OptionalMoney, Field(description="cost / units; null where nothing was metered")]


class FeatureTotal(BaseModel):
    """One feature in one currency, over all tenants. `(no feature)` is always there, and last."""

    feature_id: Dimension
    currency: Dimension
    cost: Money
    share: Annotated[Ratio, Field(description="part of the currency's whole cost")]
    tenants: Bearing
    meter: MainMeter
    units: Units
    cost_per_unit: PerUnit
    covered: Covered


class FeaturePart(BaseModel):
    """A tenant's, tier's, service's, day's or month's part of one feature's cost."""

    name: Annotated[Dimension, Field(description="the tenant, tier, service, day, or first day of the month")]
    currency: Dimension
    cost: Money
    share: Annotated[Ratio, Field(description="part of the feature's cost in the currency")]
    covered: Covered


class UnitCost(BaseModel):
    """What a use of a feature costs, and a tenant of it: over all, for a tier, or for one tenant."""

    feature_id: Dimension
    name: Annotated[Dimension, Field(description="the tier or tenant; `(all)` over all tenants")]
    currency: Dimension
    cost: Money
    meter: MainMeter
    units: Units
    cost_per_unit: PerUnit
    tenants: Bearing
    cost_per_tenant: Annotated[
        OptionalMoney, Field(description="cost / tenants; null where no tenant bears it")
    ]
    covered: Covered


class FeatureAdoption(BaseModel):
    """A feature's cost beside how many use it."""

    feature_id: Dimension
    currency: Dimension
    cost: Money
    share: Annotated[Ratio, Field(description="part of the currency's whole cost")]
    users: Annotated[Count, Field(description="active tenants that used it")]
    cost_per_tenant: Annotated[OptionalMoney, Field(description="cost / users; null where none did")]
    active: Annotated[Count, Field(description="tenants active in the window")]
    adoption: Annotated[Ratio, Field(description="users / active")]
    quadrant: Annotated[
        Dimension,
        Field(description="dear: costs more than the median feature; wide: adoption is at least `wide`"),
    ]
    covered: Covered


def _per(cost: Decimal, units: Decimal | None) -> Decimal | None:
    return per(cost, units) if units else None


@tool(window="2026-03", top=5)
def rank(
    ctx: Context,
    window: Month = None,
    top: Top = 20,
    basis: Cost = Basis.EFFECTIVE,
    shared: Shared = "apart",
    meter: MeterName = None,
) -> list[FeatureTotal]:
    """What each feature costs, dearest first, with its share and the cost of a unit of its main meter.

    Money that no feature names is the row `(no feature)`, whatever `top`: shares sum to 1 where all are listed.
    """
    costs = costs_of(ctx, window, basis, shared)
    mains = main_meters(costs, meter)
    used = units_used(costs, mains.values(), ("feature_id",))
    found: list[FeatureTotal] = []
    for currency, of_currency in groupby(costs.features, attrgetter("currency")):
        listed = list(of_currency)
        named = [row for row in listed if row.feature_id][:top]
        for row in [*named, *(row for row in listed if not row.feature_id)]:
            main = mains.get((currency, row.feature_id))
            units = used.get((main, row.feature_id)) if main else None
            found.append(
                FeatureTotal(
                    feature_id=row.feature_id or NO_FEATURE,
                    currency=currency,
                    cost=row[costs.column],
                    share=part(row[costs.column], costs.whole[currency]),
                    tenants=costs.bearing[currency, row.feature_id],
                    meter=main.meter if main else None,
                    units=units,
                    cost_per_unit=_per(row[costs.column], units),
                    covered=costs.covered[currency],
                )
            )
    return found


@tool(feature_id="search", window="2026-03", by="tier")
def feature(
    ctx: Context,
    feature_id: FeatureId,
    window: Month = None,
    by: Literal["tenant", "tier", "service", "day", "month"] = "tenant",
    top: Top = 50,
    basis: Cost = Basis.EFFECTIVE,
    shared: Shared = "apart",
) -> list[FeaturePart]:
    """What one feature's cost is made of: by tenant, tier or service, dearest first; or day by day, month by month."""
    if by == "day" and shared == "spread":
        raise invalid("shared cost is spread by month", "ask by month, or leave shared cost apart")
    costs = costs_of(ctx, window, basis, shared)
    asked = "" if feature_id == NO_FEATURE else feature_id
    column = {"tenant": "tenant_id", "tier": "tenant_id", "service": "service_name"}.get(
        by, costs.dataset.day_column()
    )
    rows = costs.by(column, feature_id=asked)
    if not rows:
        _refuse_unknown(costs, asked)
    tiers = _tiers(ctx) if by == "tier" else {}
    sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in rows:
        sums[row.currency][_named(row[column], by, tiers)] += row[costs.column]
    found: list[FeaturePart] = []
    for currency, of_name in sums.items():
        whole = sum(of_name.values(), Decimal(0))
        dearest = sorted(of_name.items(), key=lambda item: (-item[1], item[0]))[:top]
        for name, cost in sorted(of_name.items()) if by in ("day", "month") else dearest:
            found.append(
                FeaturePart(
                    name=name,
                    currency=currency,
                    cost=cost,
                    share=part(cost, whole),
                    covered=costs.covered[currency],
                )
            )
    return found


def _named(value: Any, by: str, tiers: Mapping[str, str | None]) -> str:
    if by == "month":
        return str(value.replace(day=1))
    return tier_name(value, tiers) if by == "tier" else str(value)


def _tiers(ctx: Context) -> dict[str, str | None]:
    return {r.tenant_id: r.tier for r in ctx.totals(Tenants, by=("tenant_id", "tier"))}


def _refuse_unknown(costs: Costs, feature_id: str) -> None:
    if costs.ctx.principal.tenant_id is not None:  # What others use is not told.
        return
    names = [r.feature_id for r in costs.ctx.totals(FeatureCost, by=("feature_id",), measures=("units",))]
    if feature_id in names:
        return
    listed = "`cost_per_feature rank` lists the features with cost"
    raise unknown("feature", feature_id, filter(None, names), listed)


@tool(window="2026-03", by="tier")
def unit_cost(
    ctx: Context,
    window: Month = None,
    feature_id: Annotated[str | None, Field(description="only this feature")] = None,
    by: Literal["feature", "tier", "tenant"] = "feature",
    meter: MeterName = None,
    top: Top = 50,
    basis: Cost = Basis.EFFECTIVE,
    shared: Shared = "apart",
) -> list[UnitCost]:
    """What a use of a feature costs, and what it costs per tenant: over all, by tier, or tenant by tenant.

    A use is a unit of the meter. The meter is one for all tenants of a feature, so that their unit costs compare.
    """
    costs = costs_of(ctx, window, basis, shared)
    asked = {} if feature_id is None else {"feature_id": feature_id}
    mains = main_meters(costs, meter, **asked)
    tiers = _tiers(ctx) if by == "tier" else {}

    def named(tenant_id: str) -> str:
        return "(all)" if by == "feature" else _named(tenant_id, by, tiers)

    # Use that bears no cost is use all the same: its hours were free, or another meter drives the cost.
    used: dict[tuple[Metered, str, str], Decimal] = defaultdict(Decimal)
    by_tenant = units_used(costs, mains.values(), ("feature_id", "tenant_id"), **asked)
    for (main, of, tenant_id), units in by_tenant.items():
        used[main, of, named(tenant_id)] += units
    groups: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in costs.by("feature_id", "tenant_id", **asked):
        if row.feature_id:
            groups[row.currency, row.feature_id, named(row.tenant_id)].append(row)
    if not groups and feature_id is not None:
        _refuse_unknown(costs, feature_id)
    found = [
        _unit_cost(costs, name, rows, mains.get((currency, of)), used)
        for (currency, of, name), rows in groups.items()
    ]
    found.sort(key=lambda line: (line.currency, -line.cost, line.feature_id, line.name))
    return [line for _, own in groupby(found, attrgetter("currency")) for line in list(own)[:top]]


def _unit_cost(
    costs: Costs,
    name: str,
    rows: Sequence[Row],
    main: Metered | None,
    used: Mapping[tuple[Metered, str, str], Decimal],
) -> UnitCost:
    cost = sum((row[costs.column] for row in rows), Decimal(0))
    tenants = sum(row.tenant_id not in NOBODY for row in rows)
    units = used.get((main, rows[0].feature_id, name), Decimal(0)) if main else None
    return UnitCost(
        feature_id=rows[0].feature_id,
        name=name,
        currency=rows[0].currency,
        cost=cost,
        meter=main.meter if main else None,
        units=units,
        cost_per_unit=_per(cost, units),
        tenants=tenants,
        cost_per_tenant=per(cost, tenants) if tenants else None,
        covered=costs.covered[rows[0].currency],
    )


@tool(window="2026-03")
def adoption(
    ctx: Context,
    window: Month = None,
    wide: Annotated[float, Field(ge=0, le=1, description="from which adoption a feature is wide")] = 0.5,
    basis: Cost = Basis.EFFECTIVE,
    shared: Shared = "apart",
) -> list[FeatureAdoption]:
    """Which features cost much and serve few: cost beside the share of active tenants that use them.

    The quadrant is `dear, narrow`, `dear, wide`, `cheap, narrow` or `cheap, wide`. Features in the first come first.
    """
    costs = costs_of(ctx, window, basis, shared)
    active = {t.tenant_id for t in ctx.rows(Tenants) if t.active(costs.window)}
    users: dict[str, int] = defaultdict(int)
    for row in ctx.totals(UsageHourly, costs.window, by=("feature_id", "tenant_id"), measures=("units",)):
        users[row.feature_id] += row.units > 0 and row.tenant_id in active
    found: list[FeatureAdoption] = []
    for currency, rows in groupby((r for r in costs.features if r.feature_id), attrgetter("currency")):
        listed = list(rows)
        middle = median(row[costs.column] for row in listed)
        for row in listed:
            share = part(Decimal(users[row.feature_id]), Decimal(len(active)))
            dear = row[costs.column] > middle
            found.append(
                FeatureAdoption(
                    feature_id=row.feature_id,
                    currency=currency,
                    cost=row[costs.column],
                    share=part(row[costs.column], costs.whole[currency]),
                    users=users[row.feature_id],
                    cost_per_tenant=_per(row[costs.column], Decimal(users[row.feature_id])),
                    active=len(active),
                    adoption=share,
                    quadrant=f"{'dear' if dear else 'cheap'}, {'wide' if (share or 0) >= wide else 'narrow'}",
                    covered=costs.covered[currency],
                )
            )
    order = ("dear, narrow", "dear, wide", "cheap, narrow", "cheap, wide")
    return sorted(found, key=lambda f: (f.currency, order.index(f.quadrant), -f.cost, f.feature_id))


CAPABILITY = Capability(
    name="cost_per_feature",
    question="What does each feature cost, per use and per tenant, and is it worth it?",
    datasets=(FeatureCost, FeatureCostFull, UsageHourly, Tenants),
    tools=(rank, feature, unit_cost, adoption),
    examples=(
        "Which features cost most in March?",
        "What does one search cost us, by tier?",
        "Which dear features do few tenants use?",
    ),
    instructions=Capability.instructions_beside(str(Path(__file__).parent)),
)

"""Feature usage: who uses what, how much, whether that grows, and how broadly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from ..datasets import Tenants, UsageHourly
from ..datasets.names import NOBODY
from ..datasets.tenants import NO_TIER
from ..datasets.usage import NO_FEATURE
from ..errors import unknown
from ..kernel import Capability, Context, Row, Window, tool
from ..kernel.dataset import Count, Dimension, OptionalDimension, Quantity, Ratio
from ..kernel.money import part, quantity
from ..kernel.parameters import Month

MeterName = Annotated[str | None, Field(description="only this meter; by default all")]
FewOfMeter = Annotated[int, Field(ge=1, description="at most how many, for each meter")]
Meter = Annotated[Dimension, Field(description="what was counted")]
Metered = Annotated[
    OptionalDimension, Field(description="the service it was counted in; null: none was named")
]
Units = Annotated[Quantity, Field(description="units of the meter")]
Before = Annotated[Quantity, Field(description="units in the window before")]
Growth = Annotated[Ratio, Field(description="change / before; null where nothing was used before")]


class FeatureUse(BaseModel):
    """Use of one feature by one meter, over all tenants. `(no feature)` is usage that names none."""

    meter: Meter
    service_name: Metered
    feature_id: Dimension
    units: Units
    share: Annotated[Ratio, Field(description="part of all units of the meter")]
    tenants: Annotated[Count, Field(description="active tenants that used it")]
    adoption: Annotated[Ratio, Field(description="tenants / tenants active in the window")]


class TenantUse(BaseModel):
    """One tenant's use of one feature, by one meter."""

    meter: Meter
    service_name: Metered
    tenant_id: Dimension
    name: OptionalDimension
    tier: OptionalDimension
    units: Units
    share: Annotated[Ratio, Field(description="part of the feature's units of the meter")]


class OwnUse(BaseModel):
    """What a tenant uses of one feature, by one meter, beside the window before."""

    meter: Meter
    service_name: Metered
    feature_id: Dimension
    units: Units
    share: Annotated[Ratio, Field(description="part of the tenant's units of the meter")]
    before: Before
    change: Annotated[Quantity, Field(description="units - before")]
    growth: Growth


class FeatureTrend(BaseModel):
    """Use of one feature by one meter in two windows of the same length."""

    meter: Meter
    service_name: Metered
    feature_id: Dimension
    units: Units
    before: Before
    change: Annotated[Quantity, Field(description="units - before")]
    growth: Growth
    tenants: Count
    came: Annotated[Count, Field(description="tenants that did not use it in the window before")]
    went: Annotated[Count, Field(description="tenants that used it in the window before, and no more")]


class Breadth(BaseModel):
    """How many features a tenant uses of those that its tier uses; of a tier, the mean over its active tenants."""

    name: Annotated[Dimension, Field(description="the tenant or tier")]
    tier: Dimension
    tenants: Count
    features: Annotated[float, Field(description="features used; of a tier, per tenant")]
    of_tier: Annotated[Count, Field(description="features that any active tenant of the tier used")]
    breadth: Annotated[Ratio, Field(description="features / of_tier; null where the tier uses none")]


Key = tuple[str, str, str]
"""Meter, service, and feature or tenant."""


def _used(ctx: Context, window: Window, column: str, **asked: Any) -> dict[Key, Decimal]:
    """Units by meter, service and the column."""
    return {
        (row.meter, row.service_name, row[column]): quantity(row.units)
        for row in ctx.totals(
            UsageHourly, window, by=("meter", "service_name", column), measures=("units",), **asked
        )
        if row.units > 0
    }


def _users(ctx: Context, window: Window, **asked: Any) -> dict[Key, set[str]]:
    """Who used each feature, by meter and service."""
    found: dict[Key, set[str]] = defaultdict(set)
    for row in ctx.totals(
        UsageHourly,
        window,
        by=("meter", "service_name", "feature_id", "tenant_id"),
        measures=("units",),
        **asked,
    ):
        if row.units > 0 and row.tenant_id not in NOBODY:
            found[row.meter, row.service_name, row.feature_id].add(row.tenant_id)
    return found


def _only(meter: str | None) -> dict[str, str]:
    return {} if meter is None else {"meter": meter}


def _largest(used: dict[Key, Decimal], top: int) -> Iterator[tuple[Key, Decimal, Decimal]]:
    """(key, units, all units of the meter): meter by meter, the most used first."""
    ordered = sorted(used.items(), key=lambda item: (item[0][:2], -item[1], item[0]))
    for _, of_meter in groupby(ordered, lambda item: item[0][:2]):
        listed = list(of_meter)
        whole = sum((units for _, units in listed), Decimal(0))
        for key, units in listed[:top]:
            yield key, units, whole


def _active(ctx: Context, window: Window) -> dict[str, Tenants]:
    return {t.tenant_id: t for t in ctx.rows(Tenants) if t.active(window)}


@tool(window="2026-03", top=5)
def features(
    ctx: Context, window: Month = None, meter: MeterName = None, top: FewOfMeter = 20
) -> list[FeatureUse]:
    """How much each feature is used and by how many, meter by meter, the most used first."""
    when = window or ctx.month(UsageHourly)
    users, active = _users(ctx, when, **_only(meter)), _active(ctx, when)
    return [
        FeatureUse(
            meter=key[0],
            service_name=key[1] or None,
            feature_id=key[2] or NO_FEATURE,
            units=units,
            share=part(units, whole),
            tenants=len(users[key] & active.keys()),
            adoption=part(Decimal(len(users[key] & active.keys())), Decimal(len(active))),
        )
        for key, units, whole in _largest(_used(ctx, when, "feature_id", **_only(meter)), top)
    ]


@tool(feature_id="search", window="2026-03", top=5)
def users(
    ctx: Context,
    feature_id: Annotated[str, Field(description="as in the usage, or `(no feature)`")],
    window: Month = None,
    meter: MeterName = None,
    top: FewOfMeter = 20,
) -> list[TenantUse]:
    """Who uses one feature, meter by meter, the heaviest user first."""
    asked = "" if feature_id == NO_FEATURE else feature_id
    used = _used(ctx, window or ctx.month(UsageHourly), "tenant_id", feature_id=asked, **_only(meter))
    if not used:
        _refuse_unknown(ctx, UsageHourly, "feature_id", asked)
    known = {t.tenant_id: t for t in ctx.rows(Tenants)}
    return [
        TenantUse(
            meter=key[0],
            service_name=key[1] or None,
            tenant_id=key[2],
            name=known[key[2]].name if key[2] in known else None,
            tier=known[key[2]].tier if key[2] in known else None,
            units=units,
            share=part(units, whole),
        )
        for key, units, whole in _largest(used, top)
    ]


@tool(tenant_id="teal-partners", window="2026-03")
def tenant(
    ctx: Context,
    tenant_id: Annotated[str, Field(description="as in the tenants table, or `(unknown:<id>)`")],
    window: Month = None,
    meter: MeterName = None,
) -> list[OwnUse]:
    """What one tenant uses, feature by feature, beside what it used in the window before."""
    when = window or ctx.month(UsageHourly)
    now, before = (
        _used(ctx, w, "feature_id", tenant_id=tenant_id, **_only(meter)) for w in (when, when.previous)
    )
    if not now and not before and not ctx.rows(Tenants, tenant_id=tenant_id):
        _refuse_unknown(ctx, Tenants, "tenant_id", tenant_id)
    both = {key: now.get(key, Decimal(0)) for key in now.keys() | before.keys()}
    return [
        OwnUse(
            meter=key[0],
            service_name=key[1] or None,
            feature_id=key[2] or NO_FEATURE,
            units=units,
            share=part(units, whole),
            before=(was := before.get(key, Decimal(0))),
            change=units - was,
            growth=part(units - was, was),
        )
        for key, units, whole in _largest(both, len(both))
    ]


def _refuse_unknown(ctx: Context, dataset: type[Tenants | UsageHourly], column: str, name: str) -> None:
    if ctx.principal.tenant_id is not None:  # What others use is not told.
        return
    names = [row[column] for row in ctx.totals(dataset, by=(column,))]
    if name in names:
        return
    what, listed = column.removesuffix("_id"), "`feature_usage features` lists what is used"
    raise unknown(what, name, filter(None, names), listed)


@tool(window="2026-03")
def trend(ctx: Context, window: Month = None, meter: MeterName = None) -> list[FeatureTrend]:
    """How use of each feature changed against the window before, and who came and went; the fastest fall first.

    The window before a whole month is the month before; of any other window, the same number of days just before it.
    """
    when = window or ctx.month(UsageHourly)
    now, before = (_used(ctx, w, "feature_id", **_only(meter)) for w in (when, when.previous))
    here, there = (_users(ctx, w, **_only(meter)) for w in (when, when.previous))
    found = [
        FeatureTrend(
            meter=key[0],
            service_name=key[1] or None,
            feature_id=key[2] or NO_FEATURE,
            units=(units := now.get(key, Decimal(0))),
            before=(was := before.get(key, Decimal(0))),
            change=units - was,
            growth=part(units - was, was),
            tenants=len(here[key]),
            came=len(here[key] - there[key]),
            went=len(there[key] - here[key]),
        )
        for key in now.keys() | before.keys()
    ]
    return sorted(
        found,
        key=lambda t: (
            t.meter,
            t.service_name or "",
            t.growth if t.growth is not None else float("inf"),
            -t.units,
            t.feature_id,
        ),
    )


@tool(window="2026-03", by="tier")
def breadth(ctx: Context, window: Month = None, by: Literal["tenant", "tier"] = "tenant") -> list[Breadth]:
    """How broadly the product is used: features each active tenant uses of those its tier uses, narrowest first."""
    when = window or ctx.month(UsageHourly)
    active = _active(ctx, when)
    own: dict[str, set[str]] = {name: set() for name in active}
    rows: list[Row] = ctx.totals(UsageHourly, when, by=("tenant_id", "feature_id"), measures=("units",))
    for row in rows:
        if row.feature_id and row.units > 0 and row.tenant_id in own:
            own[row.tenant_id].add(row.feature_id)
    tiers: dict[str, list[str]] = defaultdict(list)
    for name, who in active.items():
        tiers[who.tier or NO_TIER].append(name)
    found = [
        line
        for tier, names in tiers.items()
        for line in (_of_tier(tier, names, own) if by == "tier" else _of_tenants(tier, names, own))
    ]
    return sorted(found, key=lambda b: (b.breadth if b.breadth is not None else 2.0, b.tier, b.name))


def _of_tenants(tier: str, names: Sequence[str], own: Mapping[str, set[str]]) -> Iterator[Breadth]:
    any_uses = len({feature for name in names for feature in own[name]})
    for name in names:
        yield Breadth(
            name=name,
            tier=tier,
            tenants=1,
            features=len(own[name]),
            of_tier=any_uses,
            breadth=part(Decimal(len(own[name])), Decimal(any_uses)),
        )


def _of_tier(tier: str, names: Sequence[str], own: Mapping[str, set[str]]) -> Iterator[Breadth]:
    any_uses = len({feature for name in names for feature in own[name]})
    together = sum(len(own[name]) for name in names)
    yield Breadth(
        name=tier,
        tier=tier,
        tenants=len(names),
        features=together / len(names),
        of_tier=any_uses,
        breadth=part(Decimal(together), Decimal(any_uses * len(names))),
    )


CAPABILITY = Capability(
    name="feature_usage",
    question="Who uses which features, how much, and does it grow?",
    datasets=(UsageHourly, Tenants),
    tools=(features, users, tenant, trend, breadth),
    examples=(
        "Which features did tenants use most in March?",
        "Whose use of search falls?",
        "Which tenants use little of what their tier offers?",
    ),
    instructions=Capability.instructions_beside(__file__),
)

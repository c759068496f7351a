"""What is there: tenants, tiers, and what a tenant may use beside what it did."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, Field

from ...datasets import (
    Entitlements,
    Resources,
    Subscriptions,
    TenantEntitlements,
    Tenants,
    TenantTiers,
    Tiers,
    UsageHourly,
    Workflows,
)
from ...errors import unknown
from ...kernel import Context, Window, tool
from ...kernel.dataset import (
    Count,
    Day,
    Dimension,
    Note,
    OptionalDay,
    OptionalDimension,
    OptionalQuantity,
    Ratio,
)
from ...kernel.money import part, quantity
from .act import one_tenant, over, running, span, version_of
from .parameters import AsOf, RunsOn, TenantId


class InForce(BaseModel):
    """Something a tenant may use on a day, and what it used of it in the period up to the end of that day."""

    feature_id: Annotated[Dimension, Field(description="empty: whatever the feature")]
    meter: Annotated[Dimension, Field(description="empty: the feature as such, unmeasured")]
    origin: Annotated[Dimension, Field(description="tier, or tenant: agreed with it alone")]
    tier: Annotated[Dimension, Field(description="the tier that grants it")]
    quota: Annotated[OptionalQuantity, Field(description="null: without limit")]
    unit: OptionalDimension
    period: Dimension
    since: Annotated[Day, Field(description="first day of the period")]
    used: Annotated[OptionalQuantity, Field(description="null where no meter is named")]
    share: Annotated[Ratio, Field(description="used / quota")]
    left: Annotated[OptionalQuantity, Field(description="quota - used; below zero: used beyond it")]
    started_on: Day
    ended_on: OptionalDay


class TenantWhole(BaseModel):
    """One tenant with all that is kept about it. `version` tells this state of its row from others."""

    tenant: Tenants
    version: Dimension
    entitlements: list[InForce]
    subscriptions: list[Subscriptions]
    resources: list[Resources]
    tiers: list[TenantTiers]
    workflows: list[Workflows]


class TierLine(BaseModel):
    """A tier that is defined, or that a tenant is in."""

    tier: Dimension
    name: OptionalDimension
    description: Note
    rank: Annotated[int | None, Field(description="the higher, the higher the tier")]
    importance: OptionalDimension
    ended_on: OptionalDay
    defined: Annotated[bool, Field(description="false: tenants are in it, and nothing else is known")]
    tenants: Annotated[Count, Field(description="in it today")]
    entitlements: Annotated[Count, Field(description="in force today")]


@tool(tenant_id="teal-partners")
def get(ctx: Context, tenant_id: TenantId) -> TenantWhole:
    """One tenant whole: what it may use, pays, has, was in, and what was done to it."""
    tenant = one_tenant(ctx, tenant_id)
    return TenantWhole(
        tenant=tenant,
        version=version_of(tenant),
        entitlements=_in_force(ctx, tenant_id, ctx.now.date()),
        subscriptions=ctx.rows(Subscriptions, tenant_id=tenant_id),
        resources=ctx.rows(Resources, tenant_id=tenant_id),
        tiers=ctx.rows(TenantTiers, tenant_id=tenant_id),
        workflows=ctx.rows(Workflows, tenant_id=tenant_id),
    )


@tool()
def tiers(ctx: Context) -> list[TierLine]:
    """The tiers, highest first, each with how many tenants are in it and what it entitles to."""
    today = ctx.now.date()
    inside = Counter(row.tier for row in ctx.rows(Tenants) if row.tier and not over(row, today))
    granted = Counter(row.tier for row in running(ctx.rows(Entitlements, tenant_id=""), today))
    defined = {row.tier: row for row in ctx.rows(Tiers)}
    return [
        TierLine(
            tier=name,
            name=tier.name if tier else None,
            description=tier.description if tier else None,
            rank=tier.rank if tier else None,
            importance=tier.importance if tier else None,
            ended_on=tier.ended_on if tier else None,
            defined=tier is not None,
            tenants=inside[name],
            entitlements=granted[name],
        )
        for name, tier in sorted(
            ((name, defined.get(name)) for name in {*defined, *inside}),
            key=lambda found: (-(found[1].rank or 0) if found[1] else 1, found[0]),
        )
    ]


@tool(tenant_id="teal-partners", on="2026-03-31")
def entitlements(ctx: Context, tenant_id: TenantId, on: AsOf = None) -> list[InForce]:
    """What a tenant may use on a day, and how much of it is used: a tenant's own goes before its tier's."""
    one_tenant(ctx, tenant_id)
    return _in_force(ctx, tenant_id, on or ctx.now.date())


@tool(tier="enterprise")
def tier_entitlements(
    ctx: Context, tier: Annotated[str, Field(description="as `tiers` lists them")]
) -> list[Entitlements]:
    """What a tier entitles to, entitled to and will entitle to."""
    found = ctx.rows(Entitlements, tier=tier, tenant_id="")
    if not found and not ctx.rows(Tiers, tier=tier):
        raise unknown("tier", tier, (row.tier for row in ctx.rows(Tiers)), "`tenants tiers` lists them")
    return found


@tool(tenant_id="teal-partners")
def subscriptions(
    ctx: Context,
    tenant_id: Annotated[str | None, Field(description="by default of all tenants")] = None,
    on: RunsOn = None,
) -> list[Subscriptions]:
    """What tenants pay, paid and will pay, by tenant and plan."""
    found = ctx.rows(Subscriptions, **_of(tenant_id))
    return found if on is None else running(found, on)


@tool(tenant_id="teal-partners")
def resources(
    ctx: Context,
    tenant_id: Annotated[str | None, Field(description="by default of all tenants")] = None,
    on: RunsOn = None,
) -> list[Resources]:
    """The resources, accounts and namespaces assigned to tenants, beside those that the tenants table lists."""
    found = ctx.rows(Resources, **_of(tenant_id))
    return found if on is None else running(found, on)


@tool(tenant_id="teal-partners")
def workflows(
    ctx: Context, tenant_id: Annotated[str | None, Field(description="by default of all tenants")] = None
) -> list[Workflows]:
    """Onboardings, changes of tier and entitlements, and offboardings, step by step."""
    return ctx.rows(Workflows, **_of(tenant_id))


def _of(tenant_id: str | None) -> dict[str, Any]:
    return {} if tenant_id is None else {"tenant_id": tenant_id}


def holding(rows: Iterable[TenantEntitlements], on: date) -> dict[tuple[str, str], TenantEntitlements]:
    """What holds on a day, by feature and meter: of two that speak of one thing the tenant's own, else the later."""
    found: dict[tuple[str, str], TenantEntitlements] = {}
    for row in sorted(rows, key=lambda r: (r.origin == "tenant", r.granted_on)):
        if on in span(row):
            found[row.feature_id, row.meter] = row
    return dict(sorted(found.items()))


def _in_force(ctx: Context, tenant_id: str, on: date) -> list[InForce]:
    held = [
        (row, _first_day(row, on))
        for row in holding(ctx.rows(TenantEntitlements, tenant_id=tenant_id), on).values()
    ]
    used = {since: _used(ctx, tenant_id, since, on) for since in {since for _, since in held}}
    return [_line(row, since, used[since]) for row, since in held]


def _first_day(row: TenantEntitlements, on: date) -> date:
    """Of the period that holds a day; in all means since it is in force."""
    of_calendar = {"day": on, "month": on.replace(day=1), "year": on.replace(month=1, day=1)}
    return of_calendar.get(row.period, row.started_on)


def _used(ctx: Context, tenant_id: str, since: date, on: date) -> dict[tuple[str, str], Decimal]:
    """Units by feature and meter; under the empty feature those of all features."""
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    days = Window(since, on + timedelta(days=1))
    for row in ctx.totals(
        UsageHourly, days, by=("feature_id", "meter"), measures=("units",), tenant_id=tenant_id
    ):
        for feature in {row.feature_id, ""}:
            found[feature, row.meter] += quantity(row.units)
    return found


def _line(row: TenantEntitlements, since: date, units: Mapping[tuple[str, str], Decimal]) -> InForce:
    used = units.get((row.feature_id, row.meter), Decimal(0))
    quota = row.quota if row.meter else None
    return InForce(
        feature_id=row.feature_id,
        meter=row.meter,
        origin=row.origin,
        tier=row.tier,
        quota=row.quota,
        unit=row.unit,
        period=row.period,
        since=since,
        used=used if row.meter else None,
        share=None if quota is None else part(used, quota),
        left=None if quota is None else quota - used,
        started_on=row.started_on,
        ended_on=row.ended_on,
    )

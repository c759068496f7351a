"""What a tier, or one tenant, may use."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from ...datasets import Entitlements, Tenants
from ...errors import Kind, TenantryError
from ...kernel import Context, Effect, tool
from .act import Act, changed, ended, running, span
from .parameters import (
    Ended,
    Feature,
    Meter,
    OfTenant,
    OfTier,
    On,
    Period,
    Quota,
    Started,
    Unit,
    Until,
    Why,
)
from .tiering import known_tier


@tool(Effect.ACT, tier="pro", meter="ms", quota="1000")
def grant(
    ctx: Context,
    tier: OfTier = "",
    tenant_id: OfTenant = "",
    feature_id: Feature = "",
    meter: Meter = "",
    quota: Quota = None,
    unit: Unit = None,
    period: Period = "month",
    started_on: Started = None,
    ended_on: Ended = None,
    note: Why = None,
) -> Entitlements:
    """Entitle a tier or a tenant to a feature, or to so much of a meter. Said again, it changes nothing."""
    act = Act(ctx)
    tenant = _holder(act, tier, tenant_id)
    first = act.day("started_on", started_on, tenant and tenant.started_on, "the tenant begins there")
    if tenant is not None:
        act.living(tenant, first)
    elif tier:
        known_tier(act, tier, first)
    act.end("ended_on", ended_on, first, tenant)
    if not feature_id and not meter:
        act.refuse("feature_id", "name a feature, a meter or both")
    if not meter and quota is not None:
        act.refuse("meter", "a quota is of a meter")
    new = Entitlements(
        tier=tier,
        tenant_id=tenant_id,
        feature_id=act.text("feature_id", feature_id) or "",
        meter=act.text("meter", meter) or "",
        quota=quota,
        unit=act.text("unit", unit),
        period=period,
        started_on=first,
        ended_on=ended_on or (tenant and tenant.ended_on),
    )
    there = _granted(ctx, tier, tenant_id, new.feature_id, new.meter)
    why = act.note(note)
    if new not in there:
        for other in there:
            if span(other).meets(span(new)):
                until = other.ended_on or "now on"
                act.refuse("started_on", f"granted from {other.started_on} to {until}: change or end that")
        act.leave(new)
        act.workflow("entitlement_change", tenant_id or None, [("grant", described(new))], why)
    act.done("`change_entitlement` changes one that is in force")
    return new


@tool(Effect.ACT, tier="pro", meter="ms", quota="2000")
def change_entitlement(
    ctx: Context,
    tier: OfTier = "",
    tenant_id: OfTenant = "",
    feature_id: Feature = "",
    meter: Meter = "",
    quota: Quota = None,
    unlimited: Annotated[bool, Field(description="take the limit away")] = False,
    unit: Unit = None,
    period: Annotated[
        Literal["day", "month", "year", "total"] | None, Field(description="by default it stays")
    ] = None,
    on: On = None,
    note: Why = None,
) -> Entitlements:
    """Change how much of a meter a tier or a tenant may use from a day on: only what is given changes.

    What held before stays on record.
    """
    act = Act(ctx)
    tenant = _holder(act, tier, tenant_id)
    when = act.day("on", on)
    row = _one(ctx, tier, tenant_id, feature_id, meter, when)
    if tenant is not None:
        act.living(tenant, when)
    if unlimited and quota is not None:
        act.refuse("unlimited", "and a quota exclude each other")
    if quota is not None and not row.meter:
        act.refuse("quota", "a quota is of a meter")
    given = {"quota": quota, "unit": act.text("unit", unit), "period": period}
    changes = {k: v for k, v in given.items() if v is not None} | ({"quota": None} if unlimited else {})
    new, rows = changed(row, when, **changes)
    why = act.note(note)
    if rows:
        act.leave(*rows)
        done = f"{described(row)} -> {described(new)}"
        act.workflow("entitlement_change", tenant_id or None, [("change", done)], why)
    act.done()
    return new


@tool(Effect.ACT, tier="pro", meter="ms")
def end_entitlement(
    ctx: Context,
    tier: OfTier = "",
    tenant_id: OfTenant = "",
    feature_id: Feature = "",
    meter: Meter = "",
    on: Until = None,
    note: Why = None,
) -> Entitlements:
    """End what a tier or a tenant may use. Said again, it changes nothing."""
    act = Act(ctx)
    _holder(act, tier, tenant_id)
    when = act.day("on", on)
    row = _one(ctx, tier, tenant_id, feature_id, meter, when, already_ended=True)
    new = ended(row, when)
    why = act.note(note)
    if new != row:
        act.leave(new)
        act.workflow("entitlement_change", tenant_id or None, [("end", described(new))], why)
    act.done()
    return new


def described(row: Entitlements) -> str:
    """In words, for the record."""
    whose = row.tenant_id or f"tier {row.tier}"
    what = " of ".join(filter(None, [row.meter, row.feature_id]))
    much = (
        "" if not row.meter else f" {_much(row.quota)} a {row.period}" if row.period != "total" else " in all"
    )
    until = f" to {row.ended_on}" if row.ended_on else ""
    return f"{whose}: {what}{much} from {row.started_on}{until}"


def _much(quota: Decimal | None) -> str:
    return "without limit" if quota is None else f"{quota.normalize():f}"


def _holder(act: Act, tier: str, tenant_id: str) -> Tenants | None:
    """The tenant, where it is one's. Refuses both and neither."""
    if bool(tier) == bool(tenant_id):
        act.refuse("tier", "name a tier or a tenant, one of them")
    return act.tenant(tenant_id) if tenant_id else None


def _granted(ctx: Context, tier: str, tenant_id: str, feature_id: str, meter: str) -> list[Entitlements]:
    return ctx.rows(
        Entitlements, tier=tier, tenant_id=tenant_id, feature_id=feature_id.strip(), meter=meter.strip()
    )


def _one(
    ctx: Context,
    tier: str,
    tenant_id: str,
    feature_id: str,
    meter: str,
    on: date,
    *,
    already_ended: bool = False,
) -> Entitlements:
    """The one in force on a day, or that ended there. Raises `not_found`."""
    rows = _granted(ctx, tier, tenant_id, feature_id, meter)
    found = running(rows, on) or [row for row in rows if already_ended and row.ended_on == on]
    if not found:
        held = ctx.rows(Entitlements, tier=tier, tenant_id=tenant_id)
        listed = "; ".join(described(row) for row in held) or "nothing"
        raise TenantryError(
            Kind.NOT_FOUND, f"{tenant_id or tier} has no such entitlement on {on}", f"it has: {listed}"
        )
    return found[-1]

"""How a tenant begins."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from ...datasets import Resources, Tenants, TenantTiers, Workflows
from ...datasets.entitlements import Entitlements
from ...kernel import Context, Effect, tool
from ...methods.validity import Claim, Span
from .act import Act, running
from .names import listed, undisputed
from .parameters import (
    Assigned,
    Interval,
    Isolation,
    Listed,
    Name,
    NewAmount,
    NewTenant,
    Quantity,
    Seats,
    Started,
    Text,
    Tier,
    Why,
)
from .subscribing import subscription
from .tiering import known_tier


@tool(Effect.ACT, tenant_id="north-wind", name="North Wind")
def create(
    ctx: Context,
    tenant_id: NewTenant,
    name: Name = None,
    tier: Tier = None,
    isolation: Isolation = "pool",
    aliases: Listed = None,
    accounts: Assigned = None,
    resources: Assigned = None,
    started_on: Started = None,
    seats: Seats = None,
    region: Text = None,
    importance: Text = None,
    contact_email: Text = None,
) -> Tenants:
    """Add a tenant, and assign accounts and resources to it. Said again, it changes nothing."""
    act = Act(ctx)
    given = {
        "name": name, "tier": tier, "isolation": isolation, "aliases": aliases, "seats": seats,
        "region": region, "importance": importance, "contact_email": contact_email,
    }  # fmt: skip
    tenant, is_new = _tenant(act, tenant_id, started_on, given)
    if is_new:
        _assign(act, tenant, accounts, resources)
    act.done()
    return tenant


@tool(Effect.ACT, tenant_id="north-wind", tier="pro", plan="pro", amount="200", currency="USD")
def onboard(
    ctx: Context,
    tenant_id: NewTenant,
    tier: Tier = None,
    name: Name = None,
    isolation: Isolation = "pool",
    aliases: Listed = None,
    accounts: Assigned = None,
    resources: Assigned = None,
    plan: Text = None,
    amount: NewAmount = None,
    currency: Text = None,
    interval: Interval = "month",
    quantity: Quantity = Decimal(1),
    started_on: Started = None,
    seats: Seats = None,
    region: Text = None,
    importance: Text = None,
    contact_email: Text = None,
    note: Why = None,
) -> list[Workflows]:
    """Begin with a tenant: the tenant, its tier and what that entitles to, a subscription, its resources; all or none.

    The answer is the steps; it is empty where the tenant is there already, as asked for.
    """
    act = Act(ctx)
    given = {
        "name": name, "tier": tier, "isolation": isolation, "aliases": aliases, "seats": seats,
        "region": region, "importance": importance, "contact_email": contact_email,
    }  # fmt: skip
    tenant, is_new = _tenant(act, tenant_id, started_on, given)
    why, steps = act.note(note), []
    if is_new:
        done = [
            ("tenant", f"{tenant.tenant_id} from {tenant.started_on} on"),
            ("tier", tenant.tier),
            ("entitlements", _granted(act, tenant)),
            ("subscription", _subscribe(act, tenant, plan, amount, currency, interval, quantity)),
            ("resources", _assign(act, tenant, accounts, resources)),
        ]
        steps = act.workflow("onboarding", tenant.tenant_id, done, why)
    act.done()
    return steps


def _tenant(act: Act, tenant_id: str, started_on: date | None, given: dict[str, Any]) -> tuple[Tenants, bool]:
    """The tenant, and whether it is new."""
    known = act.name("tenant_id", tenant_id)
    first = act.day("started_on", started_on)
    names = listed(act, "aliases", "alias", given["aliases"], known)
    if given["tier"] is not None:
        known_tier(act, given["tier"], first)
    texts = {k: act.text(k, given[k]) for k in ("name", "tier", "region", "importance", "contact_email")}
    row = Tenants(
        tenant_id=known,
        isolation=given["isolation"],
        aliases=[claim.entry for claim in names] or None,
        accounts=None,
        resources=None,
        started_on=first,
        ended_on=None,
        seats=given["seats"],
        **texts,
    )
    if there := act.ctx.rows(Tenants, tenant_id=known):
        if there[0] != row:
            act.refuse(
                "tenant_id",
                f"there is a tenant {known} already: `update` changes it; an ended one is not begun again",
            )
        return there[0], False
    undisputed(act, "tenant_id", [Claim("id", known, known)])
    undisputed(act, "aliases", names)
    act.leave(row)
    if row.tier is not None:
        act.leave(TenantTiers(tenant_id=known, tier=row.tier, started_on=first, ended_on=None))
    return row, True


def _assign(act: Act, tenant: Tenants, accounts: str | None, resources: str | None) -> str | None:
    first = tenant.started_on or act.today
    named = [
        (parameter, claim)
        for parameter, kind, given in (
            ("accounts", "account", accounts),
            ("resources", "resource", resources),
        )
        for claim in listed(act, parameter, kind, given, tenant.tenant_id)
    ]
    for parameter, claim in named:
        if claim.span != Span():
            act.refuse(parameter, f"{claim.entry}: `assign` takes dates")
        undisputed(act, parameter, [replace(claim, span=Span(first))])
        act.leave(
            Resources(
                kind=claim.kind,
                resource_id=claim.name,
                tenant_id=tenant.tenant_id,
                isolation="silo",
                started_on=first,
                ended_on=None,
            )
        )
    return ", ".join(f"{claim.kind} {claim.name}" for _, claim in named) or None


def _granted(act: Act, tenant: Tenants) -> str | None:
    if tenant.tier is None:
        return None
    granted = running(
        act.ctx.rows(Entitlements, tier=tenant.tier, tenant_id=""), tenant.started_on or act.today
    )
    return f"{len(granted)} of {tenant.tier} begin"


def _subscribe(
    act: Act,
    tenant: Tenants,
    plan: str | None,
    amount: Decimal | None,
    currency: str | None,
    interval: str,
    quantity: Decimal,
) -> str | None:
    if plan is None and amount is None and currency is None:
        return None
    for parameter, value in (("plan", plan), ("amount", amount), ("currency", currency)):
        if value is None:
            act.refuse(parameter, "is needed for a subscription")
    row = subscription(act, tenant, plan or "?", amount or Decimal(0), currency or "XXX",
                       interval=interval, quantity=quantity, started_on=tenant.started_on)  # fmt: skip
    act.leave(row)
    return f"{row.plan}: {row.quantity} x {row.amount} {row.currency} a {row.interval}"

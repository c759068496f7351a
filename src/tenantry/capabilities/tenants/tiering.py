"""The vendor's tiers, and which tenant is in which."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from ...datasets import Entitlements, TenantEntitlements, Tenants, TenantTiers, Tiers, Workflows
from ...datasets.entitlements import BEGINNING
from ...errors import unknown
from ...kernel import Context, Effect, tool
from .act import Act, ended, over, running
from .looking import holding
from .parameters import On, TenantId, Text, Until, Version, Why


@tool(Effect.ACT, tier="scale", name="Scale", rank=3)
def define_tier(
    ctx: Context,
    tier: Annotated[str, Field(description="its name in all data; never changes")],
    name: Text = None,
    description: Text = None,
    rank: Annotated[int | None, Field(ge=0, le=10_000, description="the higher, the higher")] = None,
    importance: Text = None,
) -> Tiers:
    """Define a tier, or change what is said about it: only what is given changes."""
    act = Act(ctx)
    was = ctx.rows(Tiers, tier=tier)
    found = (
        was[0]
        if was
        else Tiers(
            tier=act.name("tier", tier),
            name=None,
            description=None,
            rank=None,
            importance=None,
            ended_on=None,
        )
    )
    changes = {
        "name": name if name is None else act.text("name", name),
        "description": description if description is None else act.text("description", description, 4000),
        "importance": importance if importance is None else act.text("importance", importance),
        "rank": rank,
    }
    given = {"name": name, "description": description, "importance": importance, "rank": rank}
    new = found.model_copy(update={k: v for k, v in changes.items() if given[k] is not None})
    if not was or new != found:
        act.leave(new)
    act.done()
    return new


@tool(Effect.ACT, tier="legacy")
def end_tier(ctx: Context, tier: str, on: Until = None) -> Tiers:
    """End a tier and what it entitles to. Refused while tenants are in it."""
    act = Act(ctx)
    found = ctx.rows(Tiers, tier=tier)
    if not found:
        raise unknown("tier", tier, (row.tier for row in ctx.rows(Tiers)), "`tenants tiers` lists them")
    when = act.day("on", on)
    inside = [row.tenant_id for row in ctx.rows(Tenants, tier=tier) if not over(row, when)]
    if inside:
        act.refuse(
            "tier", f"{len(inside)} tenants are in it, {inside[0]} among them: change their tier first"
        )
    if found[0].ended_on is not None and found[0].ended_on < when:
        act.refuse("on", f"it ended on {found[0].ended_on}")
    new = found[0].model_copy(update={"ended_on": when})
    if new != found[0]:
        granted = ctx.rows(Entitlements, tier=tier, tenant_id="")
        act.leave(new, *(after for row in granted if (after := ended(row, when)) != row))
    act.done()
    return new


@tool(Effect.ACT, tenant_id="beacon-legal", tier="enterprise")
def change_tier(
    ctx: Context,
    tenant_id: TenantId,
    tier: Annotated[str, Field(description="as `tiers` lists them")],
    on: On = None,
    version: Version = None,
    note: Why = None,
) -> list[Workflows]:
    """Move a tenant to another tier from a day on, today at the latest; what was in force before stays on record.

    What the tenant's old tier entitled to ends there, what the new one does begins; its own entitlements stay.
    Nothing to do, and the answer is empty.
    """
    act = Act(ctx)
    tenant = act.tenant(tenant_id, version)
    history = stays(ctx, tenant)
    when = act.day(
        "on", on, history[-1].started_on if history else tenant.started_on, "the past stays as it was"
    )
    if when > act.today:
        act.refuse("on", f"{when} is still to come: change it on that day")
    act.living(tenant, when)
    known_tier(act, tier, when)
    why = act.note(note)
    steps: list[Workflows] = []
    if tenant.tier != tier:
        last = history[-1] if history else None
        if last and last.started_on < when:
            act.leave(last.model_copy(update={"ended_on": when}))
        act.leave(TenantTiers(tenant_id=tenant_id, tier=tier, started_on=when, ended_on=tenant.ended_on))
        act.leave(tenant.model_copy(update={"tier": tier}))
        done = [
            ("tier", f"{tenant.tier or '(no tier)'} -> {tier} from {when} on"),
            ("entitlements", _entitled(ctx, tenant, tier, when)),
        ]
        steps = act.workflow("tier_change", tenant_id, done, why)
    act.done()
    return steps


def stays(ctx: Context, tenant: Tenants) -> list[TenantTiers]:
    """The tenant's times in tiers, in order: as recorded, else always in the one that its row says."""
    found = ctx.rows(TenantTiers, tenant_id=tenant.tenant_id)
    if found or tenant.tier is None:
        return sorted(found, key=lambda row: row.started_on)
    first = tenant.started_on or BEGINNING
    return [
        TenantTiers(tenant_id=tenant.tenant_id, tier=tenant.tier, started_on=first, ended_on=tenant.ended_on)
    ]


def known_tier(act: Act, tier: str, on: date) -> None:
    """Refuses a tier that is neither defined nor was any tenant's, and one that is over."""
    defined = {row.tier: row for row in act.ctx.rows(Tiers)}
    if (found := defined.get(tier)) is not None:
        if found.ended_on is not None and found.ended_on <= on:
            act.refuse("tier", f"{tier} ended on {found.ended_on}")
        return
    used = {row.tier for d in (Tenants, TenantTiers) for row in act.ctx.totals(d, by=("tier",)) if row.tier}
    if tier not in used:
        known = ", ".join(sorted({*defined, *used})) or "none yet"
        act.refuse("tier", f"no tier {tier!r}; there are: {known}; `define_tier` makes one")


def _entitled(ctx: Context, tenant: Tenants, tier: str, on: date) -> str:
    before = holding(ctx.rows(TenantEntitlements, tenant_id=tenant.tenant_id), on).values()
    own = sum(row.origin == "tenant" for row in before)
    new = len(running(ctx.rows(Entitlements, tier=tier, tenant_id=""), on))
    return f"{len(before) - own} end, {new} begin, {own} of its own stay"

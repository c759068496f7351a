"""Which resources are whose."""

from __future__ import annotations

from datetime import date

from ...datasets import Resources, Tenants
from ...datasets.entitlements import BEGINNING
from ...errors import Kind, TenantryError
from ...kernel import Context, Effect, tool
from .act import Act, ended, running, span
from .names import LISTS, of_resource, of_tenant, undisputed
from .parameters import Ended, Isolation, Resource, Started, TenantId, Until
from .parameters import Kind as OfKind


@tool(Effect.ACT, resource_id="db-teal", tenant_id="teal-partners")
def assign(
    ctx: Context,
    resource_id: Resource,
    tenant_id: TenantId,
    kind: OfKind = "resource",
    isolation: Isolation = "silo",
    started_on: Started = None,
    ended_on: Ended = None,
) -> Resources:
    """Assign a resource, an account or a namespace to a tenant; `silo`: alone, so that its cost is the tenant's.

    Said again, it changes nothing. No two tenants may have one alone on one day.
    """
    act = Act(ctx)
    tenant = act.tenant(tenant_id)
    first = act.day("started_on", started_on, tenant.started_on, "the tenant begins there")
    act.living(tenant, first)
    act.end("ended_on", ended_on, first, tenant)
    new = Resources(
        kind=kind,
        resource_id=act.name("resource_id", resource_id),
        tenant_id=tenant_id,
        isolation=isolation,
        started_on=first,
        ended_on=ended_on or tenant.ended_on,
    )
    there = ctx.rows(Resources, kind=kind, resource_id=new.resource_id, tenant_id=tenant_id)
    if new not in there:
        for other in there:
            if span(other).meets(span(new)):
                act.refuse(
                    "resource_id", f"assigned to it from {other.started_on} to {other.ended_on or 'now on'}"
                )
        if isolation == "silo":
            undisputed(act, "resource_id", [of_resource(new)])
        act.leave(new)
    act.done("`release` ends an assignment")
    return new


@tool(Effect.ACT, resource_id="db-teal", tenant_id="teal-partners")
def release(
    ctx: Context, resource_id: Resource, tenant_id: TenantId, kind: OfKind = "resource", on: Until = None
) -> Resources:
    """End an assignment, one that the tenants table lists too. Said again, it changes nothing."""
    act = Act(ctx)
    tenant = act.tenant(tenant_id)
    when = act.day("on", on)
    rows = ctx.rows(Resources, kind=kind, resource_id=resource_id, tenant_id=tenant_id)
    listed = _listed(tenant, resource_id, kind, when)
    found = running(rows, when) or listed or [row for row in rows if row.ended_on == when]
    if not found:
        raise TenantryError(
            Kind.NOT_FOUND,
            f"{kind} {resource_id} is not assigned to {tenant_id} on {when}",
            "`tenants resources` lists what is",
        )
    new = ended(found[0], when)
    if new not in rows:
        act.leave(new)
    if listed:
        act.leave(_without(tenant, resource_id, kind, when))
    act.done()
    return new


def _listed(tenant: Tenants, resource_id: str, kind: str, on: date) -> list[Resources]:
    """What the tenants table lists, as an assignment."""
    return [
        Resources(
            kind=kind,
            resource_id=resource_id,
            tenant_id=tenant.tenant_id,
            isolation="silo",
            started_on=claim.span.start or BEGINNING,
            ended_on=claim.span.end,
        )
        for claim in of_tenant(tenant)
        if (claim.kind, claim.name) == (kind, resource_id) and on in claim.span
    ]


def _without(tenant: Tenants, resource_id: str, kind: str, on: date) -> Tenants:
    """The tenant's row without the name from a day on: it is an assignment now."""
    column = LISTS[kind]
    kept = [
        claim.entry
        for claim in of_tenant(tenant)
        if claim.kind == kind and (claim.name != resource_id or on not in claim.span)
    ]
    return tenant.model_copy(update={column: kept or None})

"""How a tenant changes and ends."""

from __future__ import annotations

from datetime import date
from typing import Any, TypeVar

from ...datasets import Entitlements, Resources, Subscriptions, Tenants, Workflows
from ...errors import Kind, TenantryError
from ...kernel import Context, Dataset, Effect, tool
from ...methods.validity import Claim
from .act import Act, ended
from .names import LISTS, listed, of_tenant, undisputed
from .parameters import Isolation, Listed, Seats, TenantId, Text, Until, Version, Why
from .tiering import stays

T = TypeVar("T", bound=Dataset)
_ITS_OWN = frozenset({"name", "contact_email"})
"""What a principal bound to a tenant may change of it."""


@tool(Effect.ACT, tenant_id="lumen-retail", name="Lumen Retail", importance="high")
def update(
    ctx: Context,
    tenant_id: TenantId,
    name: Text = None,
    isolation: Isolation | None = None,
    aliases: Listed = None,
    seats: Seats = None,
    region: Text = None,
    importance: Text = None,
    contact_email: Text = None,
    version: Version = None,
) -> Tenants:
    """Change what is said about a tenant: only what is given changes. Its tier, `change_tier` changes."""
    act = Act(ctx, tenants_may=True)
    given: dict[str, Any] = {
        "name": name, "isolation": isolation, "aliases": aliases, "seats": seats, "region": region,
        "importance": importance, "contact_email": contact_email,
    }  # fmt: skip
    given = {column: value for column, value in given.items() if value is not None}
    others = given.keys() - _ITS_OWN
    if ctx.principal.tenant_id is not None and others:
        raise TenantryError(
            Kind.FORBIDDEN,
            f"{ctx.principal.name} is bound to a tenant, and may not change its {', '.join(sorted(others))}",
            "ask as a principal that is not bound to a tenant",
        )
    tenant = act.tenant(tenant_id, version)
    for column in ("name", "region", "importance", "contact_email"):
        if column in given:
            given[column] = act.text(column, given[column])
    if aliases is not None:
        names = listed(act, "aliases", "alias", aliases, tenant_id)
        undisputed(act, "aliases", names)
        given["aliases"] = [claim.entry for claim in names] or None
    new = tenant.model_copy(update=given)
    if new != tenant:
        act.leave(new)
    act.done()
    return new


@tool(Effect.ACT, tenant_id="lumen-retail", note="did not renew")
def offboard(
    ctx: Context, tenant_id: TenantId, on: Until = None, version: Version = None, note: Why = None
) -> list[Workflows]:
    """End a tenant and all that runs for it: subscriptions, entitlements of its own, resources, names, its time in
    its tier. What it cost until then stays. The answer is the steps; it is empty where it had ended there already.
    """
    act = Act(ctx)
    tenant = act.tenant(tenant_id, version)
    when = act.day("on", on, tenant.started_on, "the tenant begins there")
    if tenant.ended_on is not None and tenant.ended_on < when:
        act.refuse("on", f"{tenant_id} ended on {tenant.ended_on}")
    why = act.note(note)
    steps: list[Workflows] = []
    if tenant.ended_on != when:
        done = [
            ("subscriptions", _end(act, ctx.rows(Subscriptions, tenant_id=tenant_id), when)),
            ("entitlements", _end(act, ctx.rows(Entitlements, tenant_id=tenant_id), when)),
            ("resources", _end(act, ctx.rows(Resources, tenant_id=tenant_id), when)),
            ("tier", _end(act, stays(ctx, tenant), when)),
            ("tenant", f"{tenant_id} ends on {when}"),
        ]
        names = {column: _until(tenant, kind, when) for kind, column in LISTS.items()}
        act.leave(tenant.model_copy(update={"ended_on": when, **names}))
        steps = act.workflow("offboarding", tenant_id, done, why)
    act.done()
    return steps


def _end(act: Act, rows: list[T], on: date) -> str | None:
    """End all that goes on after a day; in words how many."""
    over = [new for row in rows if (new := ended(row, on)) != row]
    act.leave(*over)
    return f"{len(over)} end" if over else None


def _until(tenant: Tenants, kind: str, on: date) -> list[str] | None:
    """The tenant's list of names of a kind, ended on a day; so that another tenant may have them from there on."""
    names: list[Claim] = [claim.until(on) for claim in of_tenant(tenant) if claim.kind == kind]
    return [claim.entry for claim in names if claim.span] or None

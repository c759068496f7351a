"""Whose name a name is: no two tenants may claim one on one day, for then it would be nobody's."""

from __future__ import annotations

from collections.abc import Sequence

from ...datasets import Resources, Tenants
from ...kernel import Context
from ...methods.validity import Claim
from .act import Act, span

LISTS = {"alias": "aliases", "account": "accounts", "resource": "resources"}
"""Kind of name to the column of `tenants` that lists them."""


def listed(act: Act, parameter: str, kind: str, given: str | None, tenant_id: str) -> list[Claim]:
    """The entries of a `;`-separated list. Refuses names that will not do and dates that are none."""
    found: list[Claim] = []
    for entry in filter(None, map(str.strip, (given or "").split(";"))):
        try:
            claim = Claim.read(kind, entry, tenant_id)
        except ValueError:
            act.refuse(parameter, f"{entry}: write name@2026-01-01..2026-02-01, either date left out or not")
            continue
        if not claim.span:
            act.refuse(parameter, f"{entry} holds no day")
        act.name(parameter, claim.name)
        found.append(claim)
    return found


def of_tenant(tenant: Tenants) -> list[Claim]:
    """All names in a row of `tenants`; dates that are none are open, as in `tenant_names`."""
    found = [Claim("id", tenant.tenant_id, tenant.tenant_id)]
    for kind, column in LISTS.items():
        for entry in getattr(tenant, column) or ():
            try:
                found.append(Claim.read(kind, entry, tenant.tenant_id))
            except ValueError:
                found.append(Claim(kind, entry.rpartition("@")[0].strip(), tenant.tenant_id))
    return found


def of_resource(row: Resources) -> Claim:
    kind = "alias" if row.kind == "namespace" else row.kind
    return Claim(kind, row.resource_id, row.tenant_id, span(row))


def undisputed(act: Act, parameter: str, wanted: Sequence[Claim]) -> None:
    """Refuses names that another tenant has on some of the same days."""
    if not wanted:
        return
    held = _held(act.ctx)
    for claim in wanted:
        for other in claim.disputed(held)[:1]:
            what = "id" if other.kind == "id" else f"{other.kind} {other.entry}"
            act.refuse(
                parameter,
                f"{claim.entry} is the {what} of {other.tenant_id}: end that first, or write name@START..END",
            )


def _held(ctx: Context) -> list[Claim]:
    return [
        *(claim for tenant in ctx.rows(Tenants) for claim in of_tenant(tenant)),
        *(of_resource(row) for row in ctx.rows(Resources, isolation="silo")),
    ]

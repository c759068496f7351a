"""Whose cost a service is."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Annotated

from pydantic import BaseModel, Field

from ...datasets import TenantCost, Tenants
from ...errors import unknown
from ...kernel import Context, tool
from ...kernel.dataset import Dimension, Money, OptionalDimension, Ratio
from ...kernel.money import Basis, part
from ...kernel.parameters import Cost, Month, Top


class ServiceUser(BaseModel):
    """A tenant's part of one service in one currency. `(unallocated)` and `(idle)` are rows like others."""

    tenant_id: Dimension
    name: OptionalDimension
    tier: OptionalDimension
    currency: Dimension
    cost: Money
    share: Annotated[Ratio, Field(description="part of the service's cost in the currency")]
    known: Annotated[Ratio, Field(description="part of it that the bill or a meter of that service says")]


@tool(service_name="Compute", window="2026-03", top=3)
def users(
    ctx: Context,
    service_name: Annotated[str, Field(description="as the bill has it; `services` lists them")],
    window: Month = None,
    top: Top = 10_000,
    basis: Cost = Basis.EFFECTIVE,
) -> list[ServiceUser]:
    """Which tenants a service's cost is of, dearest first, idle and unallocated cost among them."""
    when, cost = window or ctx.month(TenantCost), basis.column
    rows = ctx.totals(
        TenantCost, when, by=("currency", "tenant_id", "rung"), measures=(cost,), service_name=service_name
    )
    if not rows and ctx.principal.tenant_id is None:
        names = [r.service_name for r in ctx.totals(TenantCost, by=("currency", "service_name"))]
        if service_name not in names:
            raise unknown("service", service_name, names, "`cost_profile services` lists them")
    people = {r.tenant_id: r for r in ctx.totals(Tenants, by=("tenant_id", "name", "tier"))}
    found: list[ServiceUser] = []
    for currency, own in groupby(rows, attrgetter("currency")):
        costs: dict[str, Decimal] = defaultdict(Decimal)
        sure: dict[str, Decimal] = defaultdict(Decimal)
        for row in own:
            costs[row.tenant_id] += row[cost]
            if row.rung in {"silo", "fine"}:
                sure[row.tenant_id] += row[cost]
        whole = sum(costs.values(), Decimal(0))
        for tenant_id in sorted(costs, key=lambda t: (-costs[t], t))[:top]:
            person = people.get(tenant_id)
            found.append(
                ServiceUser(
                    tenant_id=tenant_id,
                    name=person["name"] if person else None,
                    tier=person.tier if person else None,
                    currency=currency,
                    cost=costs[tenant_id],
                    share=part(costs[tenant_id], whole),
                    known=part(sure[tenant_id], costs[tenant_id]),
                )
            )
    return found

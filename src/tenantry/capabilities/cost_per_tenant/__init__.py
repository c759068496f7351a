"""Cost per tenant: who costs what, how sure that is, and why it changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from ...datasets import Allocation, CorrectionEntries, TenantCost, Tenants
from ...datasets.allocation_rules import AllocationRules
from ...datasets.names import NOBODY
from ...datasets.tenants import tier_name
from ...kernel import Capability, Context, Row, Window, tool
from ...kernel.dataset import Count, Dimension, Money, OptionalDay, OptionalDimension, OptionalMoney, Ratio
from ...kernel.money import Basis, part, per
from ...kernel.parameters import Cost, Month, Top
from .asked import TenantId, refuse_unknown
from .change import change
from .held import policy
from .preview import preview

_RUNGS = ("silo", "fine", "coarse", "fallback", "unallocated")
_LINE = ("currency", "service_name", "pool", "rung", "reason")
_SURE = {"silo": Decimal(1), "fine": Decimal("0.95"), "coarse": Decimal("0.6"), "fallback": Decimal("0.3")}
"""What `confidence` of `tenant_cost` is for each rung."""


class TenantTotal(BaseModel):
    """One tenant in one currency. `(unallocated)`, `(idle)` and `(unknown:<id>)` are rows like others."""

    tenant_id: Dimension
    name: OptionalDimension
    tier: OptionalDimension
    currency: Dimension
    cost: Money
    share: Annotated[Ratio, Field(description="part of the currency's whole cost")]
    cumulative_share: Annotated[Ratio, Field(description="share of this and all dearer tenants")]
    confidence: Annotated[
        Ratio, Field(description="1 where the bill itself names the tenant, 0 where nothing does")
    ]


class TenantLine(BaseModel):
    """A tenant's cost of one service and pool that is known in one way."""

    service_name: Dimension
    pool: Dimension
    rung: Annotated[Dimension, Field(description="silo, fine, coarse, fallback or unallocated")]
    reason: Annotated[Dimension, Field(description="why that rung")]
    corrects: Annotated[
        OptionalDay, Field(description="the closed month, its first day, whose cost this corrects; else null")
    ]
    currency: Dimension
    cost: Money
    share: Annotated[Ratio, Field(description="part of the tenant's cost in the currency")]
    confidence: Annotated[Ratio, Field(description="the rung as a number")]


class RungCost(BaseModel):
    """How much money is known how directly."""

    rung: Dimension
    currency: Dimension
    cost: Money
    share: Annotated[Ratio, Field(description="part of the currency's whole cost")]
    confidence: Annotated[Ratio, Field(description="the rung as a number")]
    rests_on: Dimension


class TierCost(BaseModel):
    """One tier in one currency. Rows that are no tenants stand under their own names."""

    tier: Dimension
    currency: Dimension
    tenants: Annotated[Count, Field(description="tenants with cost; 0 for `(unallocated)` and `(idle)`")]
    cost: Money
    share: Annotated[Ratio, Field(description="part of the currency's whole cost")]
    per_tenant: Annotated[OptionalMoney, Field(description="cost / tenants")]


@tool(window="2026-03", top=3)
def rank(
    ctx: Context, window: Month = None, top: Top = 20, basis: Cost = Basis.EFFECTIVE
) -> list[TenantTotal]:
    """The tenants that cost most in a window, dearest first, each with its share and how sure the figure is."""
    when, cost = window or ctx.month(TenantCost), basis.column
    rows = ctx.totals(
        TenantCost, when, by=("currency", "tenant_id"), measures=(cost,), order=f"-{cost}", limit=top
    )
    listed = {r.tenant_id for r in rows}
    rungs = ctx.totals(
        TenantCost, when, by=("currency", "tenant_id", "rung"), measures=(cost,), tenant_id=listed
    )
    sure = {
        key: _confidence(list(own), basis) for key, own in groupby(rungs, attrgetter("currency", "tenant_id"))
    }
    known = {t.tenant_id: t for t in ctx.rows(Tenants, tenant_id=listed)}
    whole = _whole(ctx, when, basis)
    found: list[TenantTotal] = []
    for currency, own in groupby(rows, attrgetter("currency")):
        before = Decimal(0)
        for row in own:
            before += row[cost]
            person = known.get(row.tenant_id)
            found.append(
                TenantTotal(
                    tenant_id=row.tenant_id,
                    name=person and person.name,
                    tier=person and person.tier,
                    currency=currency,
                    cost=row[cost],
                    share=part(row[cost], whole[currency]),
                    cumulative_share=part(before, whole[currency]),
                    confidence=sure[currency, row.tenant_id],
                )
            )
    return found


def _whole(ctx: Context, window: Window, basis: Basis) -> dict[str, Decimal]:
    """All cost of the window, by currency."""
    rows = ctx.totals(TenantCost, window, by=("currency",), measures=(basis.column,))
    return {row.currency: row[basis.column] for row in rows}


def _confidence(rows: Sequence[Row], basis: Basis) -> float | None:
    """The rungs as numbers, weighted by the money on each, whatever its sign."""
    weights = [(abs(r[basis.column]), _SURE.get(r.rung, Decimal(0))) for r in rows]
    return part(sum((w * sure for w, sure in weights), Decimal(0)), sum((w for w, _ in weights), Decimal(0)))


@tool(tenant_id="teal-partners", window="2026-03")
def tenant(
    ctx: Context, tenant_id: TenantId, window: Month = None, basis: Cost = Basis.EFFECTIVE
) -> list[TenantLine]:
    """What one tenant's cost is made of: by service and pool, with rung, reason and confidence."""
    rows = ctx.totals(
        TenantCost,
        window or ctx.month(TenantCost),
        by=(*_LINE, "corrects"),
        measures=(basis.column,),
        tenant_id=tenant_id,
    )
    if not rows:
        refuse_unknown(ctx, tenant_id)
    whole: dict[str, Decimal] = defaultdict(Decimal)
    costs: dict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    for row in rows:
        whole[row.currency] += row[basis.column]
        month = row.corrects and row.corrects.replace(day=1)
        costs[*(row[name] for name in _LINE), month] += row[basis.column]
    lines = [
        TenantLine(
            **dict(zip(_LINE, line, strict=True)),
            corrects=month,
            cost=cost,
            share=part(cost, whole[line[0]]),
            confidence=float(_SURE.get(line[3], Decimal(0))),
        )
        for (*line, month), cost in costs.items()
    ]
    return sorted(lines, key=lambda line: (line.currency, -line.cost))


@tool(window="2026-03")
def coverage(ctx: Context, window: Month = None, basis: Cost = Basis.EFFECTIVE) -> list[RungCost]:
    """How much of the money is known directly, by a fine or coarse driver, by fallback, or not at all."""
    when = window or ctx.month(TenantCost)
    rows = ctx.totals(TenantCost, when, by=("currency", "rung"), measures=(basis.column,))
    whole = _whole(ctx, when, basis)
    return [
        RungCost(
            rung=r.rung,
            currency=r.currency,
            cost=r[basis.column],
            share=part(r[basis.column], whole[r.currency]),
            confidence=float(_SURE.get(r.rung, Decimal(0))),
            rests_on=_RESTS_ON[r.rung],
        )
        for r in sorted(rows, key=lambda r: (r.currency, _RUNGS.index(r.rung)))
    ]


_RESTS_ON = {
    "silo": "the bill: account, tag or resource names the tenant",
    "fine": "metered usage of that pool",
    "coarse": "active users, calls, or a stated policy",
    "fallback": "an earlier ratio, other cost, or equal parts",
    "unallocated": "nothing: the reason says what is missing",
}


@tool(window="2026-03")
def tiers(ctx: Context, window: Month = None, basis: Cost = Basis.EFFECTIVE) -> list[TierCost]:
    """What the tenants of each tier cost together and on average. The tier is the one a tenant has today."""
    rows = ctx.totals(
        TenantCost,
        window or ctx.month(TenantCost),
        by=("currency", "tenant_id"),
        measures=(basis.column,),
    )
    tier_of = {r.tenant_id: r.tier for r in ctx.totals(Tenants, by=("tenant_id", "tier"))}
    found: list[TierCost] = []
    for currency, of_currency in groupby(rows, attrgetter("currency")):
        costs: dict[str, list[Decimal]] = defaultdict(list)
        for row in of_currency:
            costs[tier_name(row.tenant_id, tier_of)].append(row[basis.column])
        cost = {tier: sum(of_tier, Decimal(0)) for tier, of_tier in costs.items()}
        whole = sum(cost.values(), Decimal(0))
        found += [
            TierCost(
                tier=tier,
                currency=currency,
                tenants=0 if tier in NOBODY else len(costs[tier]),
                cost=cost[tier],
                share=part(cost[tier], whole),
                per_tenant=None if tier in NOBODY else per(cost[tier], len(costs[tier])),
            )
            for tier in sorted(cost, key=lambda t: (-cost[t], t))
        ]
    return found


CAPABILITY = Capability(
    name="cost_per_tenant",
    question="What does each tenant cost us, and why did it change?",
    datasets=(TenantCost, Allocation, CorrectionEntries, Tenants, AllocationRules),
    tools=(rank, tenant, coverage, change, tiers, policy, preview),
    examples=(
        "Which five tenants cost most in March?",
        "What is teal-partners' cost made of, and how sure is that?",
        "Why did beacon-legal get dearer?",
        "Who would pay more if requests drove the load balancers?",
    ),
    instructions=Capability.instructions_beside(str(Path(__file__).parent)),
)

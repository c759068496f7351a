"""What another policy would make of the same bill, before it is published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby, islice
from operator import attrgetter
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, Field

from ...datasets import TenantCost
from ...datasets.default_policy import settings_in
from ...errors import Kind, TenantryError
from ...kernel import Context, Window, tool
from ...kernel.dataset import Count, Dimension, Money, Ratio
from ...kernel.money import Basis, part, per
from ...kernel.parameters import Cost, Month, Top
from .asked import PolicyText

Now = Annotated[Money, Field(description="as built")]
Then = Annotated[Money, Field(description="under the policy given")]
Difference = Annotated[Money, Field(description="then - now; sums to exactly 0 in each currency")]

_EXAMPLE = """
[[allocation.rules]]
pool = "Silo"
strategy = "silo"
by = "tag:tenant"

[[allocation.rules]]
pool = "Everything else"
strategy = "even"
"""


class Moved(BaseModel):
    """One currency: the cost stays, tenants change."""

    currency: Dimension
    now: Now
    then: Then
    difference: Annotated[Money, Field(description="exactly 0: a policy moves money, it makes none")]
    moved: Annotated[Money, Field(description="what changes tenants: half of all differences, signs aside")]
    tenants: Annotated[Count, Field(description="whose cost changes")]


class TenantMove(BaseModel):
    """One tenant in one currency. `(unallocated)`, `(idle)` and `(unknown:<id>)` are rows like others."""

    tenant_id: Dimension
    currency: Dimension
    now: Now
    then: Then
    difference: Difference
    change: Annotated[Ratio, Field(description="difference / now; null where there was no cost")]


class PoolMove(BaseModel):
    """One pool, or one rung, in one currency."""

    name: Dimension
    currency: Dimension
    now: Now
    then: Then
    difference: Difference


class PolicyPreview(BaseModel):
    """What a policy would change. Each list leaves out what stays as it is, largest difference first."""

    totals: list[Moved]
    tenants: list[TenantMove]
    pools: Annotated[list[PoolMove], Field(description="charges that fall into another pool")]
    rungs: Annotated[list[PoolMove], Field(description="money known more or less directly")]


@tool(policy=_EXAMPLE, window="2026-03", top=10)
def preview(
    ctx: Context,
    policy: PolicyText,
    window: Month = None,
    tenant: Annotated[
        str | None, Field(description="only this tenant: between which pools and rungs its cost moves")
    ] = None,
    top: Top = 50,
    basis: Cost = Basis.EFFECTIVE,
) -> PolicyPreview:
    """What each tenant would cost under another policy: now, then and the difference. Nothing is stored.

    Evaluates the policy over what the stored tables were built from, so that nothing but the policy makes a difference.
    """
    when = window or ctx.month(TenantCost)
    sides = (ctx, ctx.under(settings_in(policy)))

    def moves(column: str) -> list[_Move]:
        of: dict[str, Any] = {} if tenant is None else {"tenant_id": tenant}
        return _moves(*(_costs(side, when, column, basis, of) for side in sides))

    by_tenant = moves("tenant_id")
    totals = list(_totals(by_tenant))
    if tenant is None and ctx.principal.tenant_id is None:
        _check(totals)
    return PolicyPreview(
        totals=totals,
        tenants=[
            TenantMove(
                tenant_id=m.name,
                currency=m.currency,
                now=m.now,
                then=m.then,
                difference=m.difference,
                change=part(m.difference, m.now),
            )
            for m in _largest(by_tenant, top)
        ],
        pools=[_pool_move(m) for m in _largest(moves("pool"), top)],
        rungs=[_pool_move(m) for m in _largest(moves("rung"), top)],
    )


class _Move(NamedTuple):
    currency: str
    name: str
    now: Decimal
    then: Decimal

    @property
    def difference(self) -> Decimal:
        return self.then - self.now


def _costs(
    ctx: Context, window: Window, column: str, basis: Basis, of: Mapping[str, Any]
) -> dict[tuple[str, str], Decimal]:
    rows = ctx.totals(TenantCost, window, by=("currency", column), measures=(basis.column,), **of)
    return {(row.currency, row[column]): row[basis.column] for row in rows}


def _moves(now: Mapping[tuple[str, str], Decimal], then: Mapping[tuple[str, str], Decimal]) -> list[_Move]:
    """All, by currency; the largest difference of each first."""
    nothing = Decimal(0)
    found = [_Move(*key, now.get(key, nothing), then.get(key, nothing)) for key in now.keys() | then.keys()]
    return sorted(found, key=lambda m: (m.currency, -abs(m.difference), m.name))


def _largest(moves: Sequence[_Move], top: int) -> Iterator[_Move]:
    """Those that change anything, at most `top` of each currency."""
    for _, own in groupby((m for m in moves if m.difference), attrgetter("currency")):
        yield from islice(own, top)


def _totals(moves: Sequence[_Move]) -> Iterator[Moved]:
    for currency, own in groupby(moves, attrgetter("currency")):
        listed = list(own)
        yield Moved(
            currency=currency,
            now=sum((m.now for m in listed), Decimal(0)),
            then=sum((m.then for m in listed), Decimal(0)),
            difference=sum((m.difference for m in listed), Decimal(0)),
            moved=per(sum((abs(m.difference) for m in listed), Decimal(0)), 2),
            tenants=sum(1 for m in listed if m.difference),
        )


def _check(totals: Sequence[Moved]) -> None:
    """Raises `broken_contract` where money appears or vanishes."""
    if off := [f"{t.difference} {t.currency}" for t in totals if t.difference]:
        raise TenantryError(
            Kind.BROKEN_CONTRACT,
            f"the policy would change the bill by {', '.join(off)}",
            "run `tenantry build`, then ask again; if it stays, this is a bug in Tenantry",
        )


def _pool_move(move: _Move) -> PoolMove:
    return PoolMove(
        name=move.name, currency=move.currency, now=move.now, then=move.then, difference=move.difference
    )

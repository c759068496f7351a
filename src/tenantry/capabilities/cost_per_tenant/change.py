"""Why a tenant's cost differs from the window before."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Annotated, NamedTuple

from pydantic import BaseModel, Field

from ...datasets import Allocation, CorrectionEntries, TenantCost
from ...datasets.default_policy import settings_in
from ...kernel import Context, Window, tool
from ...kernel.dataset import Dimension, Money
from ...kernel.money import Basis
from ...kernel.parameters import Cost, Month
from ...methods.variance import Spend, decompose
from .asked import PolicyBefore, TenantId, refuse_unknown


class Change(BaseModel):
    """One service's part in the change of a tenant's cost.

    volume + mix + price + driver + rule + correction + other = change, exactly.
    """

    service_name: Dimension
    currency: Dimension
    before: Money
    after: Money
    change: Money
    volume: Annotated[Money, Field(description="more or less used")]
    mix: Annotated[Money, Field(description="other features or hours used")]
    price: Annotated[Money, Field(description="a unit costs more or less")]
    driver: Annotated[Money, Field(description="shared in another way than before, such as by a new meter")]
    rule: Annotated[
        Money,
        Field(description="other rules: the window before under today's, less what it was under its own"),
    ]
    correction: Annotated[
        Money,
        Field(description="booked for closed months, or booked later because a window's month is closed"),
    ]
    other: Annotated[
        Money, Field(description="without units: dedicated resources, tax, overhead, new bill lines")
    ]


@tool(tenant_id="beacon-legal", window="2026-03")
def change(
    ctx: Context,
    tenant_id: TenantId,
    window: Month = None,
    basis: Cost = Basis.EFFECTIVE,
    rules_before: PolicyBefore = None,
    against: Annotated[
        Window | None,
        Field(description="START..END or YYYY-MM: another window in the place of the one before"),
    ] = None,
) -> list[Change]:
    """Why a tenant's cost differs from the window before: volume, mix, price and more, service by service.

    The window before a whole month is the month before; of any other window, the same number of days just before it;
    `against` names any other.
    Tables are built under one policy, so both windows are. With `rules_before` the window before is taken as it was
    under those, and `rule` is what today's make of it, so that the other parts compare like with like.
    """
    now = window or ctx.month(TenantCost)
    earlier = against or now.previous
    before, after = (_spent(ctx, tenant_id, w, basis) for w in (earlier, now))
    was = before
    if rules_before is not None:
        was = _spent(ctx.under(settings_in(rules_before)), tenant_id, earlier, basis)
    if not before and not after:
        refuse_unknown(ctx, tenant_id)
    nothing = _Spent()
    changes = [
        _change(key, was.get(key, nothing), before.get(key, nothing), after.get(key, nothing))
        for key in sorted(was.keys() | before.keys() | after.keys())
    ]
    return sorted(changes, key=lambda c: (c.currency, -abs(c.change)))


class _Spent:
    """A tenant's cost of a service in a window; what of it is corrections of closed months; and the rest by pool and
    rung, with its units where there are any.
    """

    def __init__(self) -> None:
        self.cost = Decimal(0)
        self.correction = Decimal(0)
        self.pools: dict[str, dict[str, Decimal]] = defaultdict(dict)
        self.metered: dict[_Line, dict[str, Spend]] = defaultdict(dict)

    def correct(self, pool: str, rung: str, cost: Decimal) -> None:
        """Take a correction out of its pool: what is left is as if no month were closed."""
        self.correction += cost
        rungs = self.pools.pop(pool, {})
        rungs[rung] = rungs.get(rung, Decimal(0)) - cost
        if left := {name: part for name, part in rungs.items() if part}:
            self.pools[pool] = left


class _Line(NamedTuple):
    """Bill lines of a pool that one driver shares in one way: their units are of one kind."""

    pool: str
    driver_pool: str
    sub_account_id: str
    reason: str


def _spent(ctx: Context, tenant_id: str, window: Window, basis: Basis) -> dict[tuple[str, str], _Spent]:
    spent: dict[tuple[str, str], _Spent] = defaultdict(_Spent)
    by = ("currency", "service_name", "pool", "rung")
    for row in ctx.totals(TenantCost, window, by=by, measures=(basis.column,), tenant_id=tenant_id):
        service = spent[row.currency, row.service_name]
        service.cost += row[basis.column]
        service.pools[row.pool][row.rung] = row[basis.column]
    for row in ctx.totals(CorrectionEntries, window, by=by, measures=(basis.column,), tenant_id=tenant_id):
        spent[row.currency, row.service_name].correct(row.pool, row.rung, row[basis.column])
    for row in ctx.totals(
        Allocation,
        window,
        by=("currency", "service_name", *_Line._fields, "feature_id"),
        measures=("units", basis.column),
        tenant_id=tenant_id,
        rung="fine",
    ):
        line = _Line(row.pool, row.driver_pool, row.sub_account_id, row.reason)
        spent[row.currency, row.service_name].metered[line][row.feature_id] = Spend(
            row.units, row[basis.column]
        )
    return dict(spent)


def _change(key: tuple[str, str], was: _Spent, before: _Spent, after: _Spent) -> Change:
    currency, service_name = key
    rule = (before.cost - before.correction) - (was.cost - was.correction)
    correction = after.correction - was.correction
    lines = [
        line
        for line in sorted(before.metered.keys() | after.metered.keys())
        if line in before.metered.keys() & after.metered.keys()
        or line.pool not in before.pools.keys() & after.pools.keys()
    ]
    parts = [decompose(before.metered.get(line, {}), after.metered.get(line, {})) for line in lines]
    volume, mix, price = (sum((p[i] for p in parts), Decimal(0)) for i in range(3))
    driver = _shared_in_another_way(before, after)
    return Change(
        service_name=service_name,
        currency=currency,
        before=was.cost,
        after=after.cost,
        change=after.cost - was.cost,
        volume=volume,
        mix=mix,
        price=price,
        driver=driver,
        rule=rule,
        correction=correction,
        other=after.cost - was.cost - volume - mix - price - driver - rule - correction,
    )


def _shared_in_another_way(before: _Spent, after: _Spent) -> Decimal:
    """The change on rungs that a pool had in one window only, having others in the other."""
    return sum(
        (
            after.pools[pool].get(rung, Decimal(0)) - before.pools[pool].get(rung, Decimal(0))
            for pool in before.pools.keys() & after.pools.keys()
            for rung in before.pools[pool].keys() ^ after.pools[pool].keys()
        ),
        Decimal(0),
    )

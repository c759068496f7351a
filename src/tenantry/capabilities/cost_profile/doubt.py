"""What to meter next: what each pool's coarse driver costs in uncertainty, and which meter would end it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby, islice
from operator import attrgetter
from typing import Annotated, NamedTuple

from pydantic import BaseModel, Field

from ...datasets import ActiveUsers, AllocationRules, Charges, TenantCost, TenantNames, Tenants, UsageHourly
from ...datasets.names import NOBODY
from ...errors import Kind, TenantryError
from ...kernel import Context, Row, Window, tool
from ...kernel.dataset import Count, Dimension, Money, OptionalMoney, Ratio
from ...kernel.money import Basis
from ...kernel.parameters import Cost, Month, Top
from ...methods.policy import Strategy
from ...methods.uncertainty import Shares, expected_misplaced, misplaced, shares, spread

_DECIDED = (
    "follows ",
    "fixed shares",
    "central by policy",
    "capacity nobody used",
    "idle capacity",
)
_EVEN = "even over active tenants"
"""Reasons that a policy gives, not missing data: a meter would not change them."""

_PLACES = 6


class PoolDoubt(BaseModel):
    """A pool whose money is shared without a meter of its own, in one currency."""

    pool: Dimension
    service_name: Annotated[Dimension, Field(description="of which most of the money is")]
    currency: Dimension
    cost: Annotated[Money, Field(description="what no fine driver or silo explains")]
    uncertainty: Annotated[
        OptionalMoney,
        Field(
            description="how much of it is at the wrong tenant, on average over plausible drivers; null where fewer "
            "than two are known"
        ),
    ]
    at_most: Annotated[OptionalMoney, Field(description="the same under the driver that differs most")]
    part: Annotated[Ratio, Field(description="uncertainty as a part of cost")]
    drivers: Annotated[Count, Field(description="plausible drivers compared")]
    reason: Annotated[Dimension, Field(description="how most of it is shared today")]
    meter: Annotated[Dimension, Field(description="what to meter per tenant, to shrink it")]


class TenantDoubt(BaseModel):
    """One tenant's part of such money, and how far off it may be, in one currency."""

    tenant_id: Dimension
    currency: Dimension
    cost: Annotated[Money, Field(description="its part as shared today")]
    uncertainty: Annotated[
        Money, Field(description="plus or minus: the root mean square over plausible drivers")
    ]
    lowest: Annotated[Money, Field(description="its part under the driver that gives it least")]
    highest: Annotated[Money, Field(description="its part under the driver that gives it most")]


@tool(window="2026-03", top=5)
def meter_next(
    ctx: Context, window: Month = None, top: Top = 10, basis: Cost = Basis.EFFECTIVE
) -> list[PoolDoubt]:
    """The pools whose coarse driver leaves most money uncertain, largest first, each with the meter that would end it.

    Compares how a pool is shared with how each plausible driver would share it: evenly over active tenants, by direct
    cost, by active users, and by each meter that any usage has. Money that policy decides is left out.
    """
    when = _open(ctx, window)
    known = _Known(ctx, when, basis)
    meters = {**_units_of_services(ctx, when, basis), **_meters_of_rules(ctx)}
    return [
        doubt
        for currency, pools in groupby(_unmetered(ctx, when, basis), attrgetter("currency"))
        for doubt in _most_doubtful(list(pools), known, known.plausible(currency), meters, top)
    ]


@tool(window="2026-03", top=5)
def uncertainty(
    ctx: Context,
    window: Month = None,
    pool: Annotated[str | None, Field(description="only this pool; by default all without a meter")] = None,
    top: Top = 20,
    basis: Cost = Basis.EFFECTIVE,
) -> list[TenantDoubt]:
    """The tenants whose cost is least sure for want of meters, with how far off it may be, largest first.

    All pools are taken together, under one driver at a time: drivers that favour a tenant favour it in each.
    """
    when = _open(ctx, window)
    known = _Known(ctx, when, basis)
    pools = [p for p in _unmetered(ctx, when, basis) if pool in (None, p.name)]
    return [
        line
        for currency, own in groupby(pools, attrgetter("currency"))
        for line in islice(_tenant_doubts(currency, known.cost(list(own)), known.plausible(currency)), top)
    ]


def decided_pools(ctx: Context) -> set[str]:
    """Pools that the policy shares by something else than use, whatever stands in for it. A tenant is told of none."""
    if ctx.principal.tenant_id is not None:
        return set()
    rules = ctx.rows(AllocationRules)
    return {rule.pool for rule in rules if rule.strategy not in (Strategy.DRIVER, Strategy.SILO)}


def guessed(row: Row, decided: Container[str]) -> bool:
    """Whether a row of `tenant_cost` is shared without a meter, for want of one; not in pools that are `decided`."""
    known = row.pool in decided or row.reason.startswith(_DECIDED) or row.reason == _EVEN
    return row.rung in ("coarse", "fallback", "unallocated") and not known


def _open(ctx: Context, window: Window | None) -> Window:
    """The window. Raises `forbidden` for a principal bound to a tenant: shares are about all tenants."""
    if ctx.principal.tenant_id is not None:
        raise TenantryError(
            Kind.FORBIDDEN,
            f"{ctx.principal.name} sees one tenant only, and this compares all",
            "ask as a principal that is not bound to a tenant",
        )
    return window or ctx.month(TenantCost)


class _Pool(NamedTuple):
    """Money of a pool that nothing of its own explains, and the rungs and reasons that say so."""

    currency: str
    name: str
    service: str
    cost: Decimal
    rungs: frozenset[str]
    reasons: tuple[str, ...]


def _unmetered(ctx: Context, window: Window, basis: Basis) -> Iterator[_Pool]:
    """By currency. Pools in credit are left out: a share of nothing says nothing."""
    rows = ctx.totals(
        TenantCost,
        window,
        by=("currency", "pool", "service_name", "rung", "reason"),
        measures=(basis.column,),
    )
    decided = decided_pools(ctx)
    unsure = (row for row in rows if guessed(row, decided))
    for (currency, pool), own in groupby(unsure, attrgetter("currency", "pool")):
        lines = sorted(own, key=lambda r: -r[basis.column])
        cost = sum((line[basis.column] for line in lines), Decimal(0))
        if cost > 0:
            rungs, reasons = frozenset(line.rung for line in lines), tuple(line.reason for line in lines)
            yield _Pool(currency, pool, lines[0].service_name, cost, rungs, reasons)


class _Known:
    """What is known of tenants by which money might be shared."""

    def __init__(self, ctx: Context, window: Window, basis: Basis) -> None:
        self._ctx, self._window, self._basis = ctx, window, basis
        self._of: dict[str, list[Shares]] = {}
        self._everywhere = [
            {t.tenant_id: Decimal(1) for t in ctx.rows(Tenants) if t.active(window)},
            self._users(),
            *self._meters(),
        ]

    def plausible(self, currency: str) -> list[Shares]:
        """The shares of each driver that is not empty; direct cost is of the currency."""
        if currency not in self._of:
            direct = self._ctx.totals(
                TenantCost,
                self._window,
                by=("currency", "tenant_id"),
                measures=(self._basis.column,),
                currency=currency,
                rung=("silo", "fine"),
            )
            weights = [
                *self._everywhere,
                {r.tenant_id: r[self._basis.column] for r in direct if r.tenant_id not in NOBODY},
            ]
            self._of[currency] = [found for each in weights if (found := shares(each))]
        return self._of[currency]

    def cost(self, pools: Sequence[_Pool]) -> dict[str, Decimal]:
        """What nothing of their own explains of these pools of one currency, by tenant."""
        rows = self._ctx.totals(
            TenantCost,
            self._window,
            by=("currency", "tenant_id"),
            measures=(self._basis.column,),
            currency=pools[0].currency,
            pool={pool.name for pool in pools},
            rung=frozenset[str]().union(*(pool.rungs for pool in pools)),
            reason={reason for pool in pools for reason in pool.reasons},
        )
        return {row.tenant_id: row[self._basis.column] for row in rows}

    def _users(self) -> dict[str, Decimal]:
        rows = self._ctx.totals(ActiveUsers, self._window, by=("tenant_id",), measures=("users",))
        names = self._ctx.rows(TenantNames, kind=("id", "alias")) if rows else []
        whose = {n.name: n.tenant_id for n in sorted(names, key=lambda n: n.kind == "id")}
        users: dict[str, Decimal] = defaultdict(Decimal)
        for row in rows:
            name: str = row.tenant_id
            users[whose.get(name, name)] += row.users
        return users

    def _meters(self) -> Iterator[dict[str, Decimal]]:
        rows = self._ctx.totals(UsageHourly, self._window, by=("service_name", "meter", "tenant_id"))
        for _, own in groupby(rows, attrgetter("service_name", "meter")):
            yield {row.tenant_id: Decimal(row.units) for row in own if row.tenant_id not in NOBODY}


def _most_doubtful(
    pools: Sequence[_Pool], known: _Known, plausible: Sequence[Shares], meters: Mapping[str, str], top: int
) -> list[PoolDoubt]:
    """The largest doubts of a currency. None is larger than its pool: smaller pools than those need no look."""
    found: list[PoolDoubt] = []
    for pool in sorted(pools, key=lambda p: (-p.cost, p.name)):
        least = found[top - 1].uncertainty if len(found) >= top else Decimal(0)
        if least is None or pool.cost <= least:
            break
        meter = meters.get(pool.name) or meters.get(pool.service) or "usage"
        found.append(_pool_doubt(pool, shares(known.cost([pool])), plausible, meter))
        found.sort(key=lambda p: (-(p.uncertainty or Decimal(0)), -p.cost, p.pool))
    return found[:top]


def _pool_doubt(pool: _Pool, present: Shares, plausible: Sequence[Shares], meter: str) -> PoolDoubt:
    enough = len(plausible) > 1
    expected = expected_misplaced(present, plausible) if enough else 0.0
    return PoolDoubt(
        pool=pool.name,
        service_name=pool.service,
        currency=pool.currency,
        cost=pool.cost,
        uncertainty=_times(pool.cost, expected) if enough else None,
        at_most=_times(pool.cost, max(misplaced(present, true) for true in plausible)) if enough else None,
        part=expected if enough else None,
        drivers=len(plausible),
        reason=pool.reasons[0],
        meter=meter,
    )


def _tenant_doubts(
    currency: str, cost: Mapping[str, Decimal], plausible: Sequence[Shares]
) -> Iterator[TenantDoubt]:
    if len(plausible) < 2:  # noqa: PLR2004 - one driver alone disagrees with nothing
        return
    whole, present = sum(cost.values(), Decimal(0)), shares(cost)
    names = {name for every in (present, *plausible) for name in every}
    spreads = {name: spread(name, present, plausible) for name in names}
    for name in sorted(names, key=lambda n: (-spreads[n], n)):
        possible = [true.get(name, 0.0) for true in plausible]
        yield TenantDoubt(
            tenant_id=name,
            currency=currency,
            cost=cost.get(name, Decimal(0)),
            uncertainty=_times(whole, spreads[name]),
            lowest=_times(whole, min(possible)),
            highest=_times(whole, max(possible)),
        )


def _times(amount: Decimal, ratio: float) -> Decimal:
    """An estimate: the ratio to six places."""
    return amount * Decimal(f"{ratio:.{_PLACES}f}")


def _meters_of_rules(ctx: Context) -> dict[str, str]:
    """The meters that the policy waits for, by pool."""
    named: dict[str, dict[str, None]] = defaultdict(dict)
    for row in ctx.rows(AllocationRules):
        if row.meter:
            named[row.pool][row.meter] = None
    return {pool: ", ".join(meters) for pool, meters in named.items()}


def _units_of_services(ctx: Context, window: Window, basis: Basis) -> dict[str, str]:
    """What the bill counts most of each service's money in, as something that can be metered per tenant."""
    rows = ctx.totals(
        Charges,
        window,
        by=("billing_currency", "service_name", "service_category", "pricing_unit"),
        measures=(basis.column,),
        charge_category="Usage",
    )
    best: dict[str, Row] = {}
    for row in rows:
        if row.service_name not in best or row[basis.column] > best[row.service_name][basis.column]:
            best[row.service_name] = row
    return {
        name: _meter_for(row.pricing_unit or "", row.service_category or "") for name, row in best.items()
    }


_METER_FOR = (
    (r"token", "tokens"),
    (r"\b[gmtk]i?b.?(mo|month|hour|hr)", "GB stored, by the hour"),
    (r"gb.?(s|sec|second)", "seconds x memory"),
    (r"req|call|quer|event|message|operation|unit", "requests"),
    (r"\b[gmtk]i?b\b|byte", "bytes"),
)


def _meter_for(unit: str, category: str) -> str:
    """A tenant's use of what is billed by this unit. What is billed by time is used in seconds of work."""
    for pattern, meter in _METER_FOR:
        if re.search(pattern, unit, re.IGNORECASE):
            return meter
    return "query seconds" if "database" in category.lower() else "seconds of work"

"""A policy as SQL tables that the allocation query joins: pools, drivers, fixed shares, capacities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from ..methods.policy import (
    SERVICE_POOL,
    Meter,
    Policy,
    Rule,
    Rung,
    Strategy,
    part_pool,
)
from ..methods.sharing import whole_weights
from .names import text

CALLS = "@calls"
USERS = "@users"
ACTIVE = "@active"
ANY = "*"
"""A driver of any service, or in any region."""


def plan_tables(policy: Policy) -> str:
    """CTEs `plan`, `driver`, `fixed` and `capacity`, joined by commas."""
    pools = policy.pools()
    plan = [
        *(_plan(pool, rule) for pool, rule in pools.items()),
        *sorted({_plan(part, rule) for rule in pools.values() for part, _ in _parts(rule)}),
        *_silos(policy, pools),
    ]
    fixed = [
        (pool, tenant, weight)
        for pool, rule in pools.items()
        if rule.strategy is Strategy.FIXED
        for tenant, weight in whole_weights({t: Fraction(p) for t, p in rule.shares.items()}).items()
    ]
    columns = "pool, strategy, coarse, last_good, proportional, even, basis, largest"
    return ",\n    ".join(
        (
            _table("plan", columns, plan, "'', '', '', 0, 0, 0, '', 0"),
            _table(
                "driver", "pool, meter, service_name, region, weight", drivers(policy), "'', '', '', '', 0"
            ),
            _table("fixed", "pool, tenant_id, weight", fixed, "'', '', 0"),
            _table(
                "capacity",
                "pool, weight, meter, idle",
                [row for rule in pools.values() for row in _capacity(rule)],
                "'', 0, '', ''",
            ),
        )
    )


def drivers(policy: Policy) -> list[tuple[str, str, str, str, int]]:
    """(pool, meter, service, region, weight): what one unit of a meter counts for a pool. `*`: of any, in any."""
    found: list[tuple[str, str, str, str, int]] = []
    for pool, rule in policy.pools().items():
        if rule.combine == "shares":
            found += [(part, meter.meter, *_place(meter), 1) for part, meter in _parts(rule)]
        else:
            found += [(pool, meter.meter, *_place(meter), weight) for meter, weight in _weighted(rule.meters)]
    return found + [
        (pool, meter.meter, *_place(meter), weight)
        for pool, meters in stand_ins(policy).items()
        for meter, weight in _weighted(meters)
    ]


def stand_in(rule: Rule) -> str:
    """The pool that stands in where the rule's own meters are silent."""
    return f"{CALLS}:{rule.pool}" if rule.coarse else CALLS


def stand_ins(policy: Policy) -> dict[str, tuple[Meter, ...]]:
    """The pools that stand in for others, with what drives each."""
    own = {stand_in(rule): rule.coarse for rule in policy.pools().values() if rule.coarse}
    return {CALLS: policy.coarse, **own}


def uses_any_service(policy: Policy) -> bool:
    return any(service == ANY for _, _, service, _, _ in drivers(policy))


def uses_region(policy: Policy) -> bool:
    return any(region != ANY for _, _, _, region, _ in drivers(policy))


def _plan(pool: str, rule: Rule) -> tuple[str | int, ...]:
    return (
        pool,
        rule.strategy.value,
        stand_in(rule) if Rung.COARSE in rule.fallback else "",
        rule.last_good_days if Rung.LAST_GOOD in rule.fallback else 0,
        int(Rung.PROPORTIONAL in rule.fallback),
        int(Rung.EVEN in rule.fallback),
        rule.basis,
        int(rule.combine == "max"),
    )


def _silos(policy: Policy, pools: Mapping[str, Rule]) -> list[tuple[str | int, ...]]:
    """What cascades into a silo pool goes to whom that pool's charges name, in proportion."""
    names = {rule.pool for rule in policy.rules if rule.strategy is Strategy.SILO} - {*pools, SERVICE_POOL}
    follow = Rule(strategy=Strategy.PROPORTIONAL)
    return [_plan(pool, follow.model_copy(update={"pool": pool, "basis": pool})) for pool in sorted(names)]


def _parts(rule: Rule) -> list[tuple[str, Meter]]:
    """The pools that a pool split by meter falls into, and what drives each."""
    return [(part_pool(rule, meter), meter) for meter in rule.meters] if rule.combine == "shares" else []


def _place(meter: Meter) -> tuple[str, str]:
    return ANY if meter.service is None else meter.service, ANY if meter.region is None else meter.region


def _weighted(meters: Iterable[Meter]) -> list[tuple[Meter, int]]:
    listed = list(meters)
    weights = whole_weights({str(i): Fraction(m.weight) for i, m in enumerate(listed)}, 10**12)
    return [(meter, weights[str(i)]) for i, meter in enumerate(listed)]


def _capacity(rule: Rule) -> list[tuple[str, int, str, str]]:
    """What a pool can carry in an hour, as weight: of one unit of the meter that tells it, or in all."""
    capacity = rule.capacity
    if capacity is None or capacity.idle == "proportional":
        return []
    tenant = "(idle)" if capacity.idle == "show" else "(unallocated)"
    first = _weighted(rule.meters)[0][1]
    if capacity.units_per_hour is None:
        return [(rule.pool, first, capacity.meter or "", tenant)]
    return [(rule.pool, int(Fraction(capacity.units_per_hour) * first * 10**9), "", tenant)]


def _table(name: str, columns: str, rows: Iterable[tuple[str | int, ...]], shape: str) -> str:
    values = ", ".join("(" + ", ".join(map(_value, row)) + ")" for row in rows)
    if not values:
        return f"{name}({columns}) AS (SELECT * FROM (VALUES ({shape})) AS v WHERE FALSE)"
    return f"{name}({columns}) AS (SELECT * FROM (VALUES {values}) AS v)"


def _value(value: str | int) -> str:
    return text(value) if isinstance(value, str) else str(value)

"""A policy as SQL tables that the allocation query joins: pools, drivers, fixed shares, capacities."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from ..methods.policy import Meter, Policy, Rule, Rung, Strategy, whole_weights
from .names import text

CALLS = "@calls"
USERS = "@users"
ACTIVE = "@active"
ANY_SERVICE = "*"


def plan_tables(policy: Policy) -> str:
    """CTEs `plan`, `driver`, `fixed` and `capacity`, joined by commas."""
    pools = {rule.pool: rule for rule in policy.rules if rule.strategy is not Strategy.SILO}
    plan = [
        (
            pool,
            rule.strategy.value,
            int(Rung.COARSE in rule.fallback),
            rule.last_good_days if Rung.LAST_GOOD in rule.fallback else 0,
            int(Rung.PROPORTIONAL in rule.fallback),
            int(Rung.EVEN in rule.fallback),
            rule.basis,
            int(rule.combine == "max"),
        )
        for pool, rule in pools.items()
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
            _table("plan", columns, plan, "'', '', 0, 0, 0, 0, '', 0"),
            _table("driver", "pool, meter, service_name, weight", drivers(policy), "'', '', '', 0"),
            _table("fixed", "pool, tenant_id, weight", fixed, "'', '', 0"),
            _table(
                "capacity",
                "pool, per_hour, meter, idle",
                [row for rule in pools.values() for row in _capacity(rule)],
                "'', 0, '', ''",
            ),
        )
    )


def drivers(policy: Policy) -> list[tuple[str, str, str, int]]:
    """(pool, meter, service, weight): what one unit of a meter counts for a pool. Service `*`: of any service."""
    found: list[tuple[str, str, str, int]] = []
    for rule in policy.rules:
        if rule.strategy is not Strategy.DRIVER or not rule.meters:
            continue
        if rule.combine == "shares":
            found += [(f"{rule.pool}#{m.meter}", m.meter, m.service or ANY_SERVICE, 1) for m in rule.meters]
        else:
            found += [
                (rule.pool, meter.meter, meter.service or ANY_SERVICE, weight)
                for meter, weight in _weighted(rule.meters)
            ]
    return found + [
        (CALLS, meter.meter, meter.service or ANY_SERVICE, weight) for meter, weight in _weighted(policy.coarse)
    ]


def uses_any_service(policy: Policy) -> bool:
    return any(service == ANY_SERVICE for _, _, service, _ in drivers(policy))


def _weighted(meters: Iterable[Meter]) -> list[tuple[Meter, int]]:
    listed = list(meters)
    weights = whole_weights({str(i): Fraction(m.weight) for i, m in enumerate(listed)}, 10**6)
    return [(meter, weights[str(i)]) for i, meter in enumerate(listed)]


def _capacity(rule: Rule) -> list[tuple[str, int, str, str]]:
    if rule.capacity is None or rule.capacity.idle == "proportional":
        return []
    tenant = "(idle)" if rule.capacity.idle == "show" else "(unallocated)"
    scale = _first_weight(rule) * 10**9
    per_hour = int((rule.capacity.units_per_hour or Decimal(0)) * scale)
    return [(rule.pool, per_hour, rule.capacity.meter or "", tenant)]


def _first_weight(rule: Rule) -> int:
    """What one unit of capacity counts: as one unit of the pool's first meter."""
    return _weighted(rule.meters)[0][1] if rule.meters else 1


def _table(name: str, columns: str, rows: Iterable[tuple[str | int, ...]], shape: str) -> str:
    values = ", ".join("(" + ", ".join(map(_value, row)) + ")" for row in rows)
    if not values:
        return f"{name}({columns}) AS (SELECT * FROM (VALUES ({shape})) AS v WHERE FALSE)"
    return f"{name}({columns}) AS (SELECT * FROM (VALUES {values}) AS v)"


def _value(value: str | int) -> str:
    return text(value) if isinstance(value, str) else str(value)



"""Where shared pools go first: the cascade from pool to pool, solved for each day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar

from ..kernel.dataset import Dataset, Day, Key, Units
from ..kernel.time import Window
from ..methods.policy import Policy, Rule, Strategy, closure, whole_weights
from .pool_cost import PoolCost
from .usage import UsageHourly


class PoolRoutes(Dataset):
    """The part of a pool's money, by integer weight, that is shared as another pool is.

    Cascades follow their steps to the pools that keep what they get; a pool split by meter goes to one part per meter,
    `pool#meter`, among the meters seen that day.
    """

    keys: ClassVar[tuple[str, ...]] = ("charge_day", "pool", "driver_pool")
    reads: ClassVar[tuple[type[Dataset], ...]] = (PoolCost, UsageHourly)
    configured: ClassVar[bool] = True

    charge_day: Day
    pool: Key
    driver_pool: Key
    weight: Units

    @classmethod
    def compute(cls, read: Any, window: Window, settings: Mapping[str, Any]) -> Iterator[PoolRoutes]:
        policy: Policy = settings["policy"]
        splits = {r.pool: r for r in policy.rules if r.strategy is Strategy.DRIVER and r.combine == "shares"}
        if not policy.cascades() and not splits:
            return
        costs: dict[date, dict[str, Decimal]] = defaultdict(dict)
        for row in read.query(
            "SELECT charge_day, pool, sum(effective_cost) AS cost FROM pool_cost"
            f" WHERE charge_day >= DATE '{window.start}' AND charge_day < DATE '{window.end}' GROUP BY ALL"
        ):
            costs[row.charge_day][row.pool] = row.cost
        meters: dict[date, set[tuple[str, str]]] = defaultdict(set)
        for row in read.query(
            "SELECT DISTINCT day, meter, service_name FROM usage_hourly"
            f" WHERE day >= DATE '{window.start}' AND day < DATE '{window.end}' AND units > 0"
        ):
            meters[row.day].add((row.meter, row.service_name))
        for day in sorted(costs):
            steps = {
                **{p: part for p, r in splits.items() if (part := _by_meter(r, meters[day]))},
                **{p: part for p, r in policy.cascades().items() if (part := _by_pool(r, costs[day]))},
            }
            for pool, parts in closure(steps).items():
                for driver_pool, weight in whole_weights(parts).items():
                    yield cls(charge_day=day, pool=pool, driver_pool=driver_pool, weight=weight)


def _by_meter(rule: Rule, seen: set[tuple[str, str]]) -> dict[str, Fraction]:
    names = {meter for meter, _ in seen}
    live = {
        f"{rule.pool}#{m.meter}": Fraction(m.weight)
        for m in rule.meters
        if (m.meter, m.service) in seen or (m.service is None and m.meter in names)
    }
    total = sum(live.values())
    return {pool: weight / total for pool, weight in live.items()}


def _by_pool(rule: Rule, cost: Mapping[str, Decimal]) -> dict[str, Fraction]:
    if rule.shares:
        return {pool: Fraction(part) for pool, part in rule.shares.items() if part}
    live = {pool: Fraction(cost[pool]) for pool in rule.targets if cost.get(pool, 0) > 0}
    total = sum(live.values())
    return {pool: value / total for pool, value in live.items()}

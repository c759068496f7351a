"""Where shared pools go first: the cascade from pool to pool, solved for each day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from typing import Any, ClassVar

from ..kernel.dataset import Count, Dataset, Day, Key, Units
from ..kernel.time import Window, month_start
from ..methods.policy import Policy, Rule, part_pool
from ..methods.sharing import closure, whole_weights, with_exit
from .pool_cost import PoolCost
from .usage import MeterHours

Seen = set[tuple[str, str, str]]


class PoolRoutes(Dataset):
    """The part of a pool's money, by integer weight, that is shared as another pool is.

    Cascades follow their steps to the pools that keep what they get; a pool split by meter goes to one part per meter,
    `pool#meter`, among the meters seen that day (where none was, to all). `whole_month` is 1 for monthly charges: they
    go by the cost and the meters of their month.
    """

    keys: ClassVar[tuple[str, ...]] = ("charge_day", "currency", "pool", "whole_month", "driver_pool")
    reads: ClassVar[tuple[type[Dataset], ...]] = (PoolCost, MeterHours)
    configured: ClassVar[bool] = True
    touches: ClassVar[str | None] = """
        SELECT DISTINCT p.charge_day AS day FROM pool_cost AS p
        JOIN changed AS c ON date_trunc('month', p.charge_day) = date_trunc('month', c.day)
        WHERE p.span = 'month'
    """

    charge_day: Day
    currency: Key
    pool: Key
    whole_month: Count
    driver_pool: Key
    weight: Units

    @classmethod
    def compute(cls, read: Any, window: Window, settings: Mapping[str, Any]) -> Iterator[PoolRoutes]:
        policy: Policy = settings["policy"]
        splits = {pool: rule for pool, rule in policy.pools().items() if rule.combine == "shares"}
        cascades = policy.cascades()
        if not cascades and not splits:
            return
        costs, due = _costs(read, window.widened_to_months())
        seen = _seen(read, window.widened_to_months())
        for (day, currency, whole_month), pools in sorted(due.items()):
            if day not in window:
                continue
            when = (month_start(day) if whole_month else day, whole_month)
            steps: dict[str, Mapping[str, Fraction]] = {}
            reached = list(pools)
            while reached:
                pool = reached.pop()
                if pool in splits:
                    steps[pool] = _by_meter(splits[pool], seen[when])
                elif pool in cascades and pool not in steps:
                    steps[pool] = _by_pool(cascades[pool], costs[*when, currency])
                    reached += steps[pool]
            for pool, parts in closure(with_exit({p: parts for p, parts in steps.items() if parts})).items():
                if pool not in pools:
                    continue
                for driver_pool, weight in whole_weights(parts).items():
                    yield cls(
                        charge_day=day,
                        currency=currency,
                        pool=pool,
                        whole_month=int(whole_month),
                        driver_pool=driver_pool,
                        weight=weight,
                    )


def _costs(
    read: Any, months: Window
) -> tuple[dict[tuple[date, bool, str], dict[str, Fraction]], dict[tuple[date, str, bool], set[str]]]:
    """Cost of each pool by (day, False, currency) and (month, True, currency); and the pools with charges by (day,
    currency, monthly).
    """
    costs: dict[tuple[date, bool, str], dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    due: dict[tuple[date, str, bool], set[str]] = defaultdict(set)
    for row in read.query(
        "SELECT charge_day, currency, pool, span = 'month' AS monthly, sum(effective_cost) AS cost FROM pool_cost"
        f" WHERE charge_day >= DATE '{months.start}' AND charge_day < DATE '{months.end}' GROUP BY ALL"
    ):
        due[row.charge_day, row.currency, row.monthly].add(row.pool)
        costs[row.charge_day, False, row.currency][row.pool] += Fraction(row.cost)
        costs[month_start(row.charge_day), True, row.currency][row.pool] += Fraction(row.cost)
    return costs, due


def _seen(read: Any, months: Window) -> dict[tuple[date, bool], Seen]:
    """The meters used, with the service they were used of, by (day, False) and (month, True)."""
    seen: dict[tuple[date, bool], Seen] = defaultdict(set)
    for row in read.query(
        "SELECT DISTINCT day, meter, service_name, region FROM meter_hours"
        f" WHERE day >= DATE '{months.start}' AND day < DATE '{months.end}'"
    ):
        seen[row.day, False].add((row.meter, row.service_name, row.region))
        seen[month_start(row.day), True].add((row.meter, row.service_name, row.region))
    return seen


def _by_meter(rule: Rule, seen: Seen) -> dict[str, Fraction]:
    every = {part_pool(rule, m): Fraction(m.weight) for m in rule.meters}
    live = {
        part_pool(rule, m): Fraction(m.weight)
        for m in rule.meters
        if any(
            m.meter == meter and m.service in (None, service) and m.region in (None, region)
            for meter, service, region in seen
        )
    }
    parts = live or every
    total = sum(parts.values())
    return {pool: weight / total for pool, weight in parts.items()}


def _by_pool(rule: Rule, cost: Mapping[str, Fraction]) -> dict[str, Fraction]:
    if rule.shares:
        return {pool: Fraction(part) for pool, part in rule.shares.items() if part}
    live = {pool: cost[pool] for pool in rule.targets if cost.get(pool, 0) > 0}
    total = sum(live.values())
    return {pool: value / total for pool, value in live.items()}

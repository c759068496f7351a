"""The allocation policy that the lake was built under, rule by rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from ..kernel.dataset import Column, Dataset, Dimension, Key, Role
from ..kernel.money import MONEY_SQL
from ..methods.policy import Meter, Policy, Rule
from .allocation_plan import stand_ins
from .names import text
from .pool_cost import PoolCost

Place = Annotated[int, Column(Role.DIMENSION, "BIGINT")]
"""A number that names and orders, and is never summed."""
Weight = Annotated[Decimal, Column(Role.DIMENSION, MONEY_SQL)]


class AllocationRules(Dataset):
    """One meter of one rule of the policy, or one rule without meters (`meter` is then empty).

    `place` counts rules from 1, in the policy's order; 0 holds the meters that stand in where a pool's own are silent
    (pool `@calls`). `rule` is what its author wrote, as JSON. `weight` is what one unit of the meter counts. A view.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("place", "meter", "meter_service")
    reads: ClassVar[tuple[type[Dataset], ...]] = (PoolCost,)
    configured: ClassVar[bool] = True
    stored: ClassVar[bool] = False

    policy_version: Dimension
    place: Place
    pool: Key
    strategy: Dimension
    rule: Dimension
    meter: Key
    meter_service: Dimension
    weight: Weight

    @classmethod
    def statement(cls, settings: Mapping[str, Any]) -> str:
        policy: Policy = settings["policy"]
        rows = ", ".join(f"({', '.join(row)})" for row in _rows(policy))
        shape = "policy_version, place, pool, strategy, rule, meter, meter_service, weight"
        return f"""
        SELECT policy_version, CAST(place AS BIGINT) AS place, pool, strategy, rule, meter, meter_service,
            CAST(weight AS DECIMAL(38, 18)) AS weight
        FROM (VALUES {rows}) AS v({shape})
        """


def _rows(policy: Policy) -> Iterator[list[str]]:
    calls, *others = [Rule(pool=pool, meters=meters) for pool, meters in stand_ins(policy).items()]
    for place, rule in enumerate((calls, *policy.rules, *others)):
        written = rule.model_dump_json(exclude_defaults=True)
        for meter in rule.meters or (None,):
            yield [
                text(policy.version),
                str(place),
                text(rule.pool),
                text(rule.strategy.value),
                text(written),
                *_meter(meter),
            ]


def _meter(meter: Meter | None) -> list[str]:
    if meter is None:
        return ["''", "''", "CAST(0 AS DECIMAL(38, 18))"]
    return [text(meter.meter), text(meter.service or ""), f"CAST('{meter.weight:f}' AS DECIMAL(38, 18))"]

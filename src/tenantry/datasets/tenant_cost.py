"""Cost per tenant: the product's central table."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import Dataset, Day, Dimension, Key, Money, OptionalDay, Ratio
from .feature_cost import FeatureCost
from .shares import BASES, each_basis

_KEYS = "charge_day, billing_period, tenant_id, service_name, pool, rung, reason, currency, corrects"


class TenantCost(Dataset):
    """Every unit of the bill at its tenant, per day, service and pool, on all four cost bases.

    `rung` is how it got there: `silo`, `fine`, `coarse`, `fallback` or `unallocated`; `reason` says why that rung;
    `confidence` is the rung as a number: 1, 0.95, 0.6, 0.3, 0. `(unallocated)`, `(idle)` and `(unknown:<id>)` are
    ordinary rows. `corrects` is null but for corrections of closed months: there it is the day corrected. Each cost
    column sums to that of `charges` per currency, billing period and day, to the last unit.
    """

    keys: ClassVar[tuple[str, ...]] = tuple(_KEYS.split(", "))
    sort: ClassVar[tuple[str, ...]] = ("tenant_id",)
    reads: ClassVar[tuple[type[Dataset], ...]] = (FeatureCost,)
    conserves: ClassVar = (BASES, "charges")
    query: ClassVar[str | None] = f"""
        SELECT {_KEYS},
            CASE rung WHEN 'silo' THEN 1.0::DOUBLE WHEN 'fine' THEN 0.95::DOUBLE WHEN 'coarse' THEN 0.6::DOUBLE
                WHEN 'fallback' THEN 0.3::DOUBLE ELSE 0.0::DOUBLE END AS confidence,
            {each_basis("CAST(sum(#) AS DECIMAL(38, 18)) AS #")}
        FROM feature_cost WHERE charge_day >= $start AND charge_day < $end
        GROUP BY {_KEYS}
    """

    charge_day: Day
    billing_period: Day
    tenant_id: Key
    service_name: Key
    pool: Key
    rung: Dimension
    reason: Dimension
    currency: Key
    corrects: OptionalDay
    confidence: Ratio
    billed_cost: Money
    effective_cost: Money
    list_cost: Money
    contracted_cost: Money

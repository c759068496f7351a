"""Cost per tenant: the product's central table."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import Dataset, Day, Dimension, Key, Money


class TenantCost(Dataset):
    """Every unit of the bill at its tenant, per day, service and pool, on all four cost bases.

    `rung` is how it got there: `silo`, `fine`, `coarse`, `fallback` or `unallocated`; `reason` says why that rung.
    `(unallocated)`, `(idle)` and `(unknown:<id>)` are ordinary rows. Each cost column sums to that of `charges` per
    currency, billing period and day, to the last unit.
    """

    keys: ClassVar[tuple[str, ...]] = (
        "charge_day", "billing_period", "tenant_id", "service_name", "pool", "rung", "reason", "currency",
    )  # fmt: skip
    sort: ClassVar[tuple[str, ...]] = ("tenant_id",)
    conserves: ClassVar = (
        ("billed_cost", "effective_cost", "list_cost", "contracted_cost"), "charges"
    )  # fmt: skip

    charge_day: Day
    billing_period: Day
    tenant_id: Key
    service_name: Key
    pool: Key
    rung: Dimension
    reason: Dimension
    currency: Key
    billed_cost: Money
    effective_cost: Money
    list_cost: Money
    contracted_cost: Money

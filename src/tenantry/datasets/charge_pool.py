"""Bill rows with the pool that each fell into: from a pool's money back to the bill."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..kernel.dataset import Count, Dataset, Day, Dimension, Key, Money, Note
from ..methods.policy import Policy
from .allocation_rules import Place
from .charges import Charges
from .pool_cost import placed_charges
from .tenants import TenantNames


class ChargePool(Dataset):
    """One charge, the pool it is in and the rule (its place in the policy; 0: none) that put it there.

    `tenant_id` is set where a silo rule named the tenant, else empty. `place` counts the charges of one currency,
    pool, service and tenant by the size of their effective cost, the largest first. `x_delivery` and `x_row` say where
    in which file the charge stood. A view: it is read, not stored.
    """

    partition: ClassVar[str] = "charge_day"
    keys: ClassVar[tuple[str, ...]] = ("currency", "pool", "service_name", "tenant_id", "place")
    reads: ClassVar[tuple[type[Dataset], ...]] = (Charges, TenantNames)
    conserves: ClassVar = (("billed_cost", "effective_cost", "list_cost", "contracted_cost"), "charges")
    configured: ClassVar[bool] = True
    stored: ClassVar[bool] = False

    charge_day: Day
    billing_period: Day
    currency: Key
    pool: Key
    service_name: Key
    tenant_id: Key
    place: Place
    charge_key: Dimension
    sub_account_id: Dimension
    charge_category: Dimension
    charge_description: Note
    span: Dimension
    rule: Place
    policy_version: Dimension
    x_delivery: Dimension
    x_row: Place
    charges: Count
    billed_cost: Money
    effective_cost: Money
    list_cost: Money
    contracted_cost: Money

    @classmethod
    def statement(cls, settings: Mapping[str, Any]) -> str:
        policy: Policy = settings["policy"]
        return f"""
        WITH {placed_charges(policy, "charge_day >= $start AND charge_day < $end")}
        SELECT charge_day, billing_period, billing_currency AS currency, pool, service_name, tenant_id,
            row_number() OVER (PARTITION BY billing_currency, pool, service_name, tenant_id
                ORDER BY abs(effective_cost) DESC NULLS LAST, abs(billed_cost) DESC NULLS LAST, charge_key NULLS FIRST)
                AS place,
            charge_key, coalesce(sub_account_id, '') AS sub_account_id, charge_category, charge_description,
            span, CAST(rule AS BIGINT) AS rule, '{policy.version}' AS policy_version,
            x_delivery, x_row, CAST(1 AS BIGINT) AS charges,
            billed_cost, effective_cost, list_cost, contracted_cost
        FROM placed
        """

"""The bill cut into pools: which rule each charge fell under, and whose it is where the bill says so."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import Count, Dataset, Day, Dimension, Key, Money, Time
from .charges import Charges
from .tenants import TenantNames


class PoolCost(Dataset):
    """Money of one pool, service, account and span of time, before it is given to tenants.

    `tenant_id` is set where a silo rule named the tenant, else empty. `span` is `hour`, `day` or `month` and
    `span_start` its beginning: over which usage the money is spread. `note` says which silo rule matched.
    """

    keys: ClassVar[tuple[str, ...]] = (
        "charge_day", "billing_period", "currency", "pool", "tenant_id", "service_name", "sub_account_id",
        "span", "span_start", "note",
    )  # fmt: skip
    reads: ClassVar[tuple[type[Dataset], ...]] = (Charges, TenantNames)
    conserves: ClassVar = (
        ("billed_cost", "effective_cost", "list_cost", "contracted_cost"), "charges"
    )  # fmt: skip

    charge_day: Day
    billing_period: Day
    currency: Key
    pool: Key
    tenant_id: Key
    service_name: Key
    sub_account_id: Key
    span: Dimension
    span_start: Time
    note: Dimension
    charges: Count
    billed_cost: Money
    effective_cost: Money
    list_cost: Money
    contracted_cost: Money

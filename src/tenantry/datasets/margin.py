"""Revenue, cost and margin per tenant and month."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import Column, Dataset, Day, Dimension, Key, Money, Ratio, Role
from .subscriptions import Subscriptions
from .tenant_cost import TenantCost
from .tenants import Tenants
from typing import Annotated


class Margin(Dataset):
    """One tenant, month and currency. `month` is its first day.

    Revenue is each subscription's amount spread evenly over the days of its interval (calendar month, or 12 of them)
    and summed over its days in the month. `margin_ratio` is margin / revenue, null without revenue. `confidence` is
    the part of the absolute cost that came by `silo` or `fine`, plus half of that by `coarse`.
    """

    partition: ClassVar[str] = "month"
    keys: ClassVar[tuple[str, ...]] = ("month", "tenant_id", "currency")
    reads: ClassVar[tuple[type[Dataset], ...]] = (TenantCost, Subscriptions, Tenants)
    whole_months: ClassVar[bool] = True

    month: Day
    tenant_id: Key
    tier: Dimension
    plan: Dimension
    currency: Key
    revenue: Money
    effective_cost: Money
    margin: Money
    margin_ratio: Ratio
    confidence: Ratio

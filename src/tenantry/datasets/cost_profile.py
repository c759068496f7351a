"""Which services make up the bill."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import Count, Dataset, Day, Dimension, Key, Money, Quantity
from .charges import Charges


class CostProfile(Dataset):
    """The bill per day, provider, service and category, on all four cost bases, credits apart."""

    keys: ClassVar[tuple[str, ...]] = (
        "charge_day", "billing_period", "provider_name", "service_name", "charge_category", "currency",
    )  # fmt: skip
    reads: ClassVar[tuple[type[Dataset], ...]] = (Charges,)
    conserves: ClassVar = (
        ("billed_cost", "effective_cost", "list_cost", "contracted_cost"), "charges"
    )  # fmt: skip

    charge_day: Day
    billing_period: Day
    provider_name: Key
    service_name: Key
    charge_category: Key
    currency: Key
    charges: Count
    billed_cost: Money
    effective_cost: Money
    list_cost: Money
    contracted_cost: Money

"""What tenants pay."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import Dataset, Day, Dimension, Key, Money, OptionalDay, Quantity


class Subscriptions(Dataset):
    """One subscription of a tenant to a plan: `amount` x `quantity` per `interval` (month or year).

    `ended_on` is exclusive, null: still running.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("tenant_id", "plan", "started_on", "currency")

    tenant_id: Key
    plan: Dimension
    started_on: Day
    ended_on: OptionalDay
    amount: Money
    currency: Dimension
    interval: Dimension
    quantity: Quantity

"""Closed months: which days are closed, and what had been published of them."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import Dataset, Day, Dimension, Key, Money, Time, Units


def is_closed(table: str) -> str:
    """SQL: whether the charge day of a table's row is closed."""
    return f"EXISTS (SELECT 1 FROM closed_days AS c WHERE c.day = {table}.charge_day)"


class ClosedDays(Dataset):
    """A day of a closed month, and when that was closed.

    Filled by closing (`[books] closed_through`), not by a source. Kept: deleted, all months are open, and what is built
    next is what data and policy say today.
    """

    partition: ClassVar[str] = ""
    windowed_by: ClassVar[str] = "day"
    keys: ClassVar[tuple[str, ...]] = ("day",)

    day: Day
    closed_at: Time


class ClosedCost(Dataset):
    """What `feature_cost` said of a month when it was closed: row for row, never changed.

    `incurred_day` is the day whose cost a row is: `charge_day`, or of a correction the day that it corrects. A window
    means the days of incurrence. Filled by closing, not by a source. Kept: nothing can restore it.
    """

    partition: ClassVar[str] = "charge_day"
    windowed_by: ClassVar[str] = "incurred_day"
    keys: ClassVar[tuple[str, ...]] = (
        "charge_day", "incurred_day", "billing_period", "tenant_id", "feature_id", "service_name", "pool", "rung",
        "reason", "currency",
    )  # fmt: skip
    sort: ClassVar[tuple[str, ...]] = ("tenant_id",)

    charge_day: Day
    incurred_day: Day
    billing_period: Day
    tenant_id: Key
    feature_id: Key
    service_name: Key
    pool: Key
    rung: Dimension
    reason: Dimension
    currency: Key
    units: Units
    billed_cost: Money
    effective_cost: Money
    list_cost: Money
    contracted_cost: Money

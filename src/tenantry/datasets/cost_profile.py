"""Which services make up the bill."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import Count, Dataset, Day, Key, Money
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

    query: ClassVar[str | None] = """
        SELECT charge_day, billing_period, provider_name, service_name, charge_category, billing_currency AS currency,
            CAST(count(*) AS BIGINT) AS charges,
            CAST(sum(billed_cost) AS DECIMAL(38, 18)) AS billed_cost,
            CAST(sum(effective_cost) AS DECIMAL(38, 18)) AS effective_cost,
            CAST(sum(list_cost) AS DECIMAL(38, 18)) AS list_cost,
            CAST(sum(contracted_cost) AS DECIMAL(38, 18)) AS contracted_cost
        FROM charges WHERE charge_day >= $start AND charge_day < $end
        GROUP BY charge_day, billing_period, provider_name, service_name, charge_category, billing_currency
    """

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

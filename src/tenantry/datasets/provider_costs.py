"""What a provider's own cost service says, to be laid beside the bill."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import Dataset, Day, Dimension, Key, Money, OptionalDay


class ProviderCosts(Dataset):
    """The cost of a day, account and service as the provider's cost service told it, such as AWS Cost Explorer.

    Beside the bill, never part of it: nothing is allocated from here. `service_name` is the bill's name of
    `told_service`. Days are UTC. A month that is told again replaces what the same server told of it, whole;
    `status` says whether the provider calls the day final or estimated.
    """

    partition: ClassVar[str] = "billing_period"
    windowed_by: ClassVar[str] = "charge_day"
    keys: ClassVar[tuple[str, ...]] = ("told_by", "charge_day", "sub_account_id", "told_service", "currency")

    told_by: Key
    told_on: OptionalDay
    provider_name: Dimension
    billing_period: Day
    charge_day: Day
    sub_account_id: Key
    told_service: Key
    service_name: Dimension
    status: Dimension
    currency: Key
    billed_cost: Money
    effective_cost: Money

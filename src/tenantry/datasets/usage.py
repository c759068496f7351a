"""Metered events, and the hourly cube that allocation reads."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import (
    Dataset,
    Day,
    Dimension,
    Key,
    Quantity,
    OptionalDimension,
    Time,
    Units,
)


class Usage(Dataset):
    """One metered event or hourly cell, as its source told it; `tenant_id` is the name the source used.

    (`source`, `id`) is unique: an event delivered twice counts once.
    """

    partition: ClassVar[str] = "day"
    keys: ClassVar[tuple[str, ...]] = ("source", "id")
    sort: ClassVar[tuple[str, ...]] = ("time",)

    id: Key
    source: Dimension
    day: Day
    time: Time
    tenant_id: Dimension
    feature_id: OptionalDimension
    service_name: OptionalDimension
    resource_id: OptionalDimension
    region: OptionalDimension
    meter: Dimension
    quantity: Quantity


class UsageHourly(Dataset):
    """Units used per hour, tenant, feature, service and meter: an integer count of 10^-9 of the meter's unit.

    `tenant_id` is resolved: a name that no tenant has is `(unknown:<name>)`. Empty text where the event named none.
    """

    partition: ClassVar[str] = "day"
    keys: ClassVar[tuple[str, ...]] = ("hour", "tenant_id", "feature_id", "service_name", "meter")
    sort: ClassVar[tuple[str, ...]] = ("hour", "service_name")

    day: Day
    hour: Time
    tenant_id: Key
    feature_id: Key
    service_name: Key
    meter: Key
    units: Units


class ActiveUsers(Dataset):
    """Users of a tenant seen on a day: the coarse driver."""

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("day", "tenant_id")

    day: Day
    tenant_id: Key
    users: Quantity

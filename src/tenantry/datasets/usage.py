"""Metered events, and the hourly cube that allocation reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..kernel.dataset import (
    Dataset,
    Day,
    Dimension,
    Key,
    OptionalDimension,
    Quantity,
    Time,
    Units,
)
from .names import lookup
from .tenants import TenantNames


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
    """Units used per hour, tenant, feature, service, region and meter: an integer count of 10^-9 of the meter's unit.

    `tenant_id` is resolved: a name that no tenant has is `(unknown:<name>)`. Empty text where the event named none.
    """

    partition: ClassVar[str] = "day"
    keys: ClassVar[tuple[str, ...]] = ("hour", "tenant_id", "feature_id", "service_name", "region", "meter")
    reads: ClassVar[tuple[type[Dataset], ...]] = (Usage, TenantNames)

    @classmethod
    def statement(cls, settings: Mapping[str, Any]) -> str:
        asked = "SELECT DISTINCT tenant_id AS name, day FROM usage WHERE day >= $start AND day < $end"
        return f"""
        WITH {lookup("named", asked, ("id", "alias"))}
        SELECT u.day, CAST(date_trunc('hour', u.time) AS TIMESTAMP) AS hour,
            coalesce(n.tenant_id, '(unknown:' || u.tenant_id || ')') AS tenant_id,
            coalesce(u.feature_id, '') AS feature_id, coalesce(u.service_name, '') AS service_name,
            coalesce(u.region, '') AS region, u.meter,
            CAST(nano_units(sum(u.quantity)) AS DECIMAL(38, 0)) AS units
        FROM usage AS u
        LEFT JOIN named AS n ON n.name = u.tenant_id AND n.day = u.day
        WHERE u.day >= $start AND u.day < $end
        GROUP BY u.day, CAST(date_trunc('hour', u.time) AS TIMESTAMP),
            coalesce(n.tenant_id, '(unknown:' || u.tenant_id || ')'),
            coalesce(u.feature_id, ''), coalesce(u.service_name, ''), coalesce(u.region, ''), u.meter
        """

    day: Day
    hour: Time
    tenant_id: Key
    feature_id: Key
    service_name: Key
    region: Key
    meter: Key
    units: Units


class ActiveUsers(Dataset):
    """Users of a tenant seen on a day: the coarse driver."""

    partition: ClassVar[str] = ""
    windowed_by: ClassVar[str] = "day"
    keys: ClassVar[tuple[str, ...]] = ("day", "tenant_id")

    day: Day
    tenant_id: Key
    users: Quantity

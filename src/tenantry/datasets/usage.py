"""Metered events, and the hourly cube that allocation reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..kernel.dataset import (
    Count,
    Dataset,
    Day,
    Dimension,
    Key,
    OptionalDimension,
    Quantity,
    Time,
    Units,
)
from .counters import NEXT_DAYS, UsageCounters, growth
from .names import UNATTRIBUTED, known, lookup, text
from .requests import Requests
from .tenants import TenantNames

NO_FEATURE = "(no feature)"
"""What usage, and cost, that names no feature is called where people read it."""
LOGGED = {
    "logged_requests": "requests",
    "logged_seconds": "seconds",
    "logged_bytes": "bytes",
}
"""Meters of what access logs tell, with the column of `requests` that each counts. Of no service: a log is of all."""


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


def _tenants(asked: str) -> str:
    """CTEs that end in `tenant(name, day, tenant_id)`: whose the asked names of (name, day) are, all of them."""
    return f"""{lookup("named", asked, ("id", "alias"))},
        tenant AS (
            SELECT a.name, a.day, CASE WHEN a.name = {text(UNATTRIBUTED)} THEN a.name
                ELSE {known("n.tenant_id", "a.name")} END AS tenant_id
            FROM named_asked AS a LEFT JOIN named AS n ON n.name = a.name AND n.day = a.day
        )"""


class UsageHourly(Dataset):
    """Units used per hour, tenant, feature, service, region and meter: an integer count of 10^-9 of the meter's unit.

    `tenant_id` is resolved: a name that no tenant has is `(unknown:<name>)`, usage without any `(unattributed)`. Empty
    text where the event named no feature, service or region. Access logs count here as the meters `logged_requests`,
    `logged_seconds` and `logged_bytes`, of no service.
    """

    partition: ClassVar[str] = "day"
    keys: ClassVar[tuple[str, ...]] = ("hour", "tenant_id", "feature_id", "service_name", "region", "meter")
    reads: ClassVar[tuple[type[Dataset], ...]] = (Usage, UsageCounters, Requests, TenantNames)
    spines: ClassVar[int] = 3
    touches: ClassVar[str | None] = NEXT_DAYS
    hourly: ClassVar[str | None] = f"""
        WITH {_tenants("SELECT name, day FROM asked")} SELECT name, tenant_id FROM tenant"""

    @classmethod
    def statement(cls, settings: Mapping[str, Any]) -> str:
        named = "SELECT DISTINCT tenant_id AS name, day FROM {} WHERE day >= $start AND day < $end"
        asked = f"{named.format('usage')} UNION {named.format('usage_counters')}"
        # No condition on a column of usage: the engine would take it for small, and hash it instead of the names.
        resolved = """SELECT u.day, date_trunc('hour', u.time) AS hour, t.tenant_id, u.feature_id, u.service_name,
                u.region, u.meter, u.quantity
            FROM {} AS u JOIN tenant AS t ON t.name = u.tenant_id AND t.day = u.day WHERE {}"""
        # Grouped by the columns as they are stored, which the engine does by dictionary; nulls are filled afterwards.
        return f"""
        WITH {growth("grown")},
        {_tenants(asked)},
        used AS (
            {resolved.format("usage", "u.day >= $start AND u.day < $end")}
            UNION ALL {resolved.format("grown", "u.quantity > 0")}
            UNION ALL {_logged()}
        ),
        added AS (
            SELECT day, hour, tenant_id, feature_id, service_name, region, meter, sum(quantity) AS quantity
            FROM used GROUP BY day, hour, tenant_id, feature_id, service_name, region, meter
        )
        SELECT day, CAST(hour AS TIMESTAMP) AS hour, tenant_id, coalesce(feature_id, '') AS feature_id,
            coalesce(service_name, '') AS service_name, coalesce(region, '') AS region, meter,
            CAST(nano_units(quantity) AS DECIMAL(38, 0)) AS units
        FROM added
        """

    day: Day
    hour: Time
    tenant_id: Key
    feature_id: Key
    service_name: Key
    region: Key
    meter: Key
    units: Units


def _logged() -> str:
    """SQL: what access logs tell, as usage. Seconds and bytes that a log does not have are left out."""
    return " UNION ALL ".join(
        f"""SELECT day, hour, tenant_id, nullif(feature_id, '') AS feature_id, CAST(NULL AS VARCHAR) AS service_name,
            nullif(region, '') AS region, {text(meter)} AS meter, CAST(sum({column}) AS DECIMAL(38, 9)) AS quantity
            FROM requests WHERE day >= $start AND day < $end AND {column} > 0
            GROUP BY day, hour, tenant_id, feature_id, region"""
        for meter, column in LOGGED.items()
    )


class MeterHours(Dataset):
    """Units of each meter used per hour, service and region, by all tenants: totals of what drives allocation.

    Only what counts there: `units` above zero. `cells` is how many rows of `usage_hourly` name whose they are.
    """

    partition: ClassVar[str] = "day"
    keys: ClassVar[tuple[str, ...]] = ("hour", "service_name", "region", "meter")
    reads: ClassVar[tuple[type[Dataset], ...]] = (UsageHourly,)
    query: ClassVar[str | None] = f"""
        SELECT day, hour, service_name, region, meter,
            count(CASE WHEN tenant_id <> {text(UNATTRIBUTED)} THEN 1 END) AS cells,
            CAST(sum(units) AS DECIMAL(38, 0)) AS units
        FROM usage_hourly WHERE day >= $start AND day < $end AND units > 0
        GROUP BY day, hour, service_name, region, meter
    """

    day: Day
    hour: Time
    service_name: Key
    region: Key
    meter: Key
    cells: Count
    units: Units


class ActiveUsers(Dataset):
    """Users of a tenant seen on a day: the coarse driver."""

    partition: ClassVar[str] = ""
    windowed_by: ClassVar[str] = "day"
    keys: ClassVar[tuple[str, ...]] = ("day", "tenant_id")

    day: Day
    tenant_id: Key
    users: Quantity

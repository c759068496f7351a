"""The vendor's customers, and every other name they go by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..kernel.dataset import (
    Dataset,
    Dimension,
    Key,
    Names,
    Note,
    OptionalDay,
    OptionalDimension,
    OptionalQuantity,
)
from ..kernel.time import Window
from .resources import Resources

NO_TIER = "(no tier)"


def tier_name(tenant_id: str, tiers: Mapping[str, str | None]) -> str:
    """The tier of a tenant; of a row that is no tenant its own name, `(unknown)` for all that no table knows."""
    if tenant_id in tiers:
        return tiers[tenant_id] or NO_TIER
    return "(unknown)" if tenant_id.startswith("(unknown:") else tenant_id


class Tenants(Dataset):
    """One tenant. `ended_on` is exclusive; both dates null: always active.

    `accounts`, `aliases` and `resources` are lists; an entry may carry its validity as
    `name@START..END` (either side open), for names that moved from one tenant to another.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("tenant_id",)

    tenant_id: Key
    name: OptionalDimension
    tier: OptionalDimension
    isolation: Dimension
    accounts: Names
    aliases: Names
    resources: Names
    started_on: OptionalDay
    ended_on: OptionalDay
    seats: OptionalQuantity
    region: OptionalDimension
    importance: OptionalDimension
    contact_email: Note

    def active(self, window: Window) -> bool:
        """Whether it was a tenant on any day of the window."""
        return (self.started_on is None or self.started_on < window.end) and (
            self.ended_on is None or self.ended_on > window.start
        )


class TenantNames(Dataset):
    """Every name by which a tenant may appear in data, with the days on which it meant that tenant.

    `kind` is `id`, `alias`, `account` or `resource` (an exact resource id, or a prefix ending in `*`).
    An entry with a date that is none means nobody: without it, it would mean one tenant on all days.
    `folded` is the name trimmed and in lower case: lookups try the name as written, then folded. What `resources`
    assigns to a tenant alone is a name of it, a namespace an alias.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("kind", "name", "tenant_id", "valid_from")
    reads: ClassVar[tuple[type[Dataset], ...]] = (Tenants, Resources)

    query: ClassVar[str | None] = """
    WITH listed AS (
        SELECT tenant_id, 'id' AS kind, tenant_id AS entry FROM tenants
        UNION ALL SELECT tenant_id, 'alias', unnest(aliases) FROM tenants
        UNION ALL SELECT tenant_id, 'account', unnest(accounts) FROM tenants
        UNION ALL SELECT tenant_id, 'resource', unnest(resources) FROM tenants
    ),
    dated AS (
        SELECT tenant_id, kind, trim(entry) AS entry,
            CASE WHEN kind = 'id' THEN '' ELSE regexp_extract(trim(entry), '@[0-9-]*[.][.][0-9-]*$') END AS dates
        FROM listed
    ),
    cut AS (
        SELECT tenant_id, kind, left(entry, length(entry) - length(dates)) AS name,
            regexp_extract(dates, '^@([0-9-]*)', 1) AS first, regexp_extract(dates, '([0-9-]*)$', 1) AS last
        FROM dated
    ),
    named AS (
        SELECT kind, name, tenant_id,
            TRY_CAST(nullif(first, '') AS DATE) AS valid_from, TRY_CAST(nullif(last, '') AS DATE) AS valid_to
        FROM cut WHERE name IS NOT NULL AND name <> ''
            AND (first = '' OR TRY_CAST(first AS DATE) IS NOT NULL)
            AND (last = '' OR TRY_CAST(last AS DATE) IS NOT NULL)
        UNION ALL
        SELECT CASE kind WHEN 'namespace' THEN 'alias' ELSE kind END, resource_id, tenant_id, started_on, ended_on
        FROM resources WHERE isolation = 'silo' AND (ended_on IS NULL OR started_on < ended_on)
    )
    SELECT kind, name, lower(trim(name)) AS folded, tenant_id, valid_from,
        CASE WHEN count(*) = count(valid_to) THEN max(valid_to) END AS valid_to
    FROM named GROUP BY kind, name, tenant_id, valid_from
    """

    kind: Dimension
    name: Key
    folded: Dimension
    tenant_id: Dimension
    valid_from: OptionalDay
    valid_to: OptionalDay

"""What tenants may use: by their tier, and by what was agreed with them alone."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from ..kernel.dataset import (
    Dataset,
    Day,
    Dimension,
    Key,
    OptionalDay,
    OptionalDimension,
    OptionalQuantity,
)
from .tenants import Tenants
from .tiers import TenantTiers

BEGINNING = date(1970, 1, 1)
"""Since when something holds of which nobody says since when."""


class Entitlements(Dataset):
    """What a tier, or one tenant, may use: a feature, or so much of a meter (of a feature's, where it names both).

    Either `tier` or `tenant_id` is empty text, and so may be `feature_id` or `meter`. `quota` counts in each `period`
    of the calendar (day, month, year, UTC) or in all (total); null: without limit. `ended_on` is exclusive.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("tier", "tenant_id", "feature_id", "meter", "started_on")

    tier: Key
    tenant_id: Key
    feature_id: Key
    meter: Key
    quota: OptionalQuantity
    unit: OptionalDimension
    period: Dimension
    started_on: Day
    ended_on: OptionalDay


class TenantEntitlements(Dataset):
    """What each tenant may use and may have used, from when to when: what its tiers had while it was in them, and its
    own. `origin` is `tier` or `tenant`; where both speak of one thing on a day, the tenant's own holds. A view.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = (
        "tenant_id", "feature_id", "meter", "origin", "tier", "started_on", "granted_on",
    )  # fmt: skip
    reads: ClassVar[tuple[type[Dataset], ...]] = (Entitlements, Tenants, TenantTiers)
    stored: ClassVar[bool] = False

    query: ClassVar[str | None] = f"""
        WITH recorded AS (SELECT DISTINCT tenant_id FROM tenant_tiers),
        stay AS (
            SELECT tenant_id, tier, started_on, ended_on FROM tenant_tiers
            UNION ALL
            SELECT t.tenant_id, t.tier, coalesce(t.started_on, DATE '{BEGINNING}'), t.ended_on
            FROM tenants AS t LEFT JOIN recorded AS r ON r.tenant_id = t.tenant_id
            WHERE r.tenant_id IS NULL AND t.tier IS NOT NULL
        ),
        met AS (
            SELECT s.tenant_id, e.feature_id, e.meter, 'tier' AS origin, e.tier, e.quota, e.unit, e.period,
                CASE WHEN s.started_on > e.started_on THEN s.started_on ELSE e.started_on END AS started_on,
                CASE WHEN s.ended_on < e.ended_on OR e.ended_on IS NULL THEN s.ended_on ELSE e.ended_on END
                    AS ended_on,
                e.started_on AS granted_on
            FROM stay AS s JOIN entitlements AS e ON e.tier = s.tier
            UNION ALL
            SELECT tenant_id, feature_id, meter, 'tenant', '', quota, unit, period, started_on, ended_on, started_on
            FROM entitlements WHERE tenant_id <> ''
        )
        SELECT * FROM met WHERE ended_on IS NULL OR started_on < ended_on
    """

    tenant_id: Key
    feature_id: Key
    meter: Key
    origin: Key
    tier: Key
    quota: OptionalQuantity
    unit: OptionalDimension
    period: Dimension
    started_on: Day
    ended_on: OptionalDay
    granted_on: Day

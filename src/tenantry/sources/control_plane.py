"""Tables of what the control plane keeps: tiers, entitlements and assigned resources.

CSV, Parquet or JSON, as the vendor's other tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..datasets.entitlements import Entitlements
from ..datasets.resources import Resources
from ..datasets.tiers import Tiers
from ..kernel.dataset import Dataset
from ..kernel.source import RowMapping, Sample
from .tables import Table, TableSource, has
from .tenants import ISOLATIONS

_PERIODS = {
    "day": "day", "daily": "day", "month": "month", "monthly": "month", "year": "year", "yearly": "year",
    "annual": "year", "total": "total", "lifetime": "total",
}  # fmt: skip
_METERED = ("time", "day", "quantity", "users", "amount")


class TiersTable(TableSource):
    """What the vendor offers."""

    kind: ClassVar[str] = "tiers"
    lands: ClassVar[tuple[type[Dataset], ...]] = (Tiers,)

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        about = ("name", "description", "rank", "importance")
        other = ("tenant_id", "meter", "feature_id", *_METERED)
        return (
            has(sample, "tier")
            and any(has(sample, column) for column in about)
            and not any(has(sample, column) for column in other)
        )

    def mapping(self, samples: Sequence[Sample]) -> RowMapping:
        table = Table(samples)
        table.texts("tier", "name", "description", "importance")
        table.optional_number("rank")
        table.rejects["rank is not a whole number"] = f"{table.sql['rank']} <> trunc({table.sql['rank']})"
        table.sql["rank"] = f"TRY_CAST({table.sql['rank']} AS BIGINT)"
        table.optional_days("ended_on")
        return table.mapping(Tiers)


class EntitlementsTable(TableSource):
    """What tiers and tenants may use."""

    kind: ClassVar[str] = "entitlements"
    lands: ClassVar[tuple[type[Dataset], ...]] = (Entitlements,)

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        whose = has(sample, "tier") or has(sample, "tenant_id")
        what = has(sample, "feature_id") or has(sample, "meter")
        return whose and what and not any(has(sample, column) for column in _METERED)

    def mapping(self, samples: Sequence[Sample]) -> RowMapping:
        table = Table(samples)
        table.tenant()
        table.texts("tier", "feature_id", "meter", "unit")
        tier, tenant, feature, meter = (table.sql[n] for n in ("tier", "tenant_id", "feature_id", "meter"))
        table.rejects["not of either a tier or a tenant"] = f"({tier} IS NULL) = ({tenant} IS NULL)"
        table.rejects["neither feature nor meter"] = f"{feature} IS NULL AND {meter} IS NULL"
        for column in ("tier", "tenant_id", "feature_id", "meter"):
            table.sql[column] = f"COALESCE({table.sql[column]}, '')"
        table.optional_number("quota")
        table.rejects["quota is negative"] = table.negative("quota")
        table.rejects["period is none of day, month, year, total"] = table.word("period", _PERIODS, "month")
        table.validity()
        return table.mapping(Entitlements)


class ResourcesTable(TableSource):
    """Which resources, accounts and namespaces are whose."""

    kind: ClassVar[str] = "resources"
    lands: ClassVar[tuple[type[Dataset], ...]] = (Resources,)

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        what = any(has(sample, column) for column in ("resource_id", "account_id", "namespace"))
        other = ("meter", "metric", "feature_id", "tier", "name", "plan", *_METERED)
        return has(sample, "tenant_id") and what and not any(has(sample, column) for column in other)

    def mapping(self, samples: Sequence[Sample]) -> RowMapping:
        table = Table(samples)
        table.tenant()
        resource, account, namespace = (
            table.text(column) for column in ("resource_id", "account_id", "namespace")
        )
        table.sql["resource_id"] = f"COALESCE({resource}, {account}, {namespace})"
        said = " ".join(
            f"WHEN {text} IS NOT NULL THEN '{kind}'"
            for kind, text in (("resource", resource), ("account", account), ("namespace", namespace))
        )
        unknown = table.word("kind", {kind: kind for kind in ("resource", "account", "namespace")}, "")
        table.sql["kind"] = f"COALESCE(NULLIF({table.sql['kind']}, ''), CASE {said} END)"
        table.rejects["kind is none of resource, account, namespace"] = unknown
        table.rejects["isolation is none of silo, pool, bridge"] = table.word("isolation", ISOLATIONS, "silo")
        table.validity()
        return table.mapping(Resources)

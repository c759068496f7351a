"""The vendor's customers: a table made for us, or what a service or database of its own lists of them.

CSV, Parquet or JSON; the names that columns go by are on the page docs/reference/tables.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from ..datasets.tenants import Tenants
from ..kernel.dataset import Dataset
from ..kernel.source import Batch, RowMapping, Sample
from .cells import plain
from .tables import NAMES, Table, TableSource, has

TENANT_COLUMNS = (
    "tenant_id", "name", "tier", "isolation", "accounts", "aliases", "resources", "started_on", "ended_on", "seats",
    "region", "importance", "contact_email",
)  # fmt: skip
# What a list of customers calls it, the best first, besides what a column of any table may be called.
LISTED_AS: Mapping[str, tuple[str, ...]] = {
    "tenant_id": ("account_id", "company_id", "record_id", "id", "uuid", "key", "slug"),
    "name": (
        "account_name", "organization_name", "organisation_name", "org_name", "workspace_name", "company_name",
        "display_name", "title", "label",
    ),
    "tier": ("plan", "plan_name", "package", "edition", "subscription_tier"),
    "started_on": ("created_at", "created", "activated_at", "onboarded_at"),
    "ended_on": ("deleted_at", "offboarded_at", "terminated_at", "closed_at"),
    "contact_email": ("owner_email", "admin_email", "billing_email"),
    "aliases": ("slug", "domain", "domains", "subdomain", "external_id"),
    "region": ("location",),
}  # fmt: skip
_ABOUT = ("name", "tier", "plan", "isolation", "accounts", "aliases", "resources", "seats", "started_on")
ISOLATIONS = {
    "pool": "pool", "pooled": "pool", "shared": "pool",
    "silo": "silo", "siloed": "silo", "dedicated": "silo",
    "bridge": "bridge", "mixed": "bridge", "hybrid": "bridge",
}  # fmt: skip


def meanings(names: Sequence[str]) -> dict[str, str]:
    """Columns of the tenants table to the names that, in a list of customers, say the same; each name once."""
    there = {plain(name): name for name in reversed(names)}
    found: dict[str, str] = {}
    for column in TENANT_COLUMNS:
        for name in (column, *NAMES.get(column, ()), *LISTED_AS.get(column, ())):
            field = there.get(plain(name))
            if field and field not in found.values():
                found[column] = field
                break
    return found


class TenantsTable(TableSource):
    """The vendor's customers."""

    kind: ClassVar[str] = "tenants"
    lands: ClassVar[tuple[type[Dataset], ...]] = (Tenants,)

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        if any(has(sample, column) for column in ("time", "day", "meter", "metric", "users", "invoice_id")):
            return False
        if not has(sample, "tenant_id"):
            return _lists(sample)
        # What has a price and no name is half a table of subscriptions.
        known = ("name",) if has(sample, "amount") else _ABOUT
        return len(sample.columns) == 1 or any(has(sample, column) for column in known)

    def batches(self, samples: Sequence[Sample]) -> Iterator[Batch]:
        alike: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
        for sample in samples:
            alike.setdefault(tuple(_unusual(sample).items()), []).append(sample)
        for several in alike.values():
            yield from super().batches(several)

    def mapping(self, samples: Sequence[Sample]) -> RowMapping:
        unusual = _unusual(samples[0])
        called = {column: (*NAMES.get(column, ()), name) for column, name in unusual.items()}
        table = Table(samples, called={**NAMES, **called})
        table.tenant()
        table.texts("name", "tier", "region", "importance", "contact_email")
        unknown = table.word("isolation", ISOLATIONS, default="pool")
        table.repairs["isolation is none of pool, silo, bridge: pool taken"] = unknown
        for column in ("accounts", "aliases", "resources"):
            table.names(column)
            table.repairs[f"{column} with a date that is none: a name that is not used"] = _badly_dated(
                table.sql[column]
            )
        table.optional_days("started_on", "ended_on")
        table.optional_number("seats")
        if any(has(sample, "amount") for sample in samples):
            unread = "what it pays is not read here: that needs plan, amount, currency and started_on"
            table.repairs[unread] = f"{table.text('amount')} IS NOT NULL"
        return table.mapping(Tenants)


def _lists(sample: Sample) -> bool:
    """Whether a table whose ids are nobody's in particular is of customers: they have a name, and buy something."""
    listed = meanings(sample.columns)
    buys = any(column in listed for column in ("tier", "isolation", "seats"))
    other = ("amount", "quantity", "feature_id", "resource_id", "rank", "description", "quota")
    return {"tenant_id", "name"} <= listed.keys() and buys and not any(has(sample, name) for name in other)


def _unusual(sample: Sample) -> dict[str, str]:
    """Columns of ours to the names in the sample that they go by only in a list of customers."""
    return {column: name for column, name in meanings(sample.columns).items() if not has(sample, column)}


def _badly_dated(names: str) -> str:
    """SQL: one of these names is valid from or to what is no date."""
    dates = [f"regexp_extract(n, '@([0-9-]*)[.][.]([0-9-]*)$', {place})" for place in (1, 2)]
    bad = " OR ".join(f"({date} <> '' AND TRY_CAST({date} AS DATE) IS NULL)" for date in dates)
    return f"len(list_filter({names}, lambda n: {bad})) > 0"

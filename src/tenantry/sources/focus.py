"""FOCUS bills, 1.0 to 1.4, of any provider. The rules are on the page docs/reference/bills.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from ..datasets.charges import Charges
from ..kernel.dataset import Dataset
from ..kernel.source import Batch, RowMapping, Sample, Source
from .assemblies import superseded, together
from .bills import REPLACES, WITHIN, Rows
from .cells import Columns, union, words

_BILL = ("BillingPeriodStart", "BillingAccountId", "ProviderName", "ServiceProviderName")
_CATEGORIES = ("Usage", "Purchase", "Tax", "Credit", "Adjustment")

# Charges column: the columns to read it from, the first that is filled counts. All others have FOCUS's own name.
_NAMES: dict[str, tuple[str, ...]] = {
    "provider_name": ("ProviderName", "ServiceProviderName", "HostProviderName", "InvoiceIssuerName"),
    "publisher_name": ("PublisherName", "ServiceProviderName"),
    "x_usage_type": ("x_UsageType", "SkuMeter"),
}


class Focus(Source):
    """FOCUS cost and usage files: CSV, Parquet or JSON, from a provider or from `tenantry export`."""

    kind: ClassVar[str] = "focus"
    lands: ClassVar[tuple[type[Dataset], ...]] = (Charges,)

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        columns = Columns([sample])
        return all(name in columns for name in ("BilledCost", "ChargePeriodStart", "ChargeCategory"))

    def batches(self, samples: Sequence[Sample]) -> Iterator[Batch]:
        for files in together(samples, _BILL):
            yield Batch(tuple(s.path for s in files), files[0].format, (_mapping(files),), REPLACES, WITHIN)

    def superseded(self, samples: Sequence[Sample]) -> list[tuple[Path, str]]:
        """The files that `batches` leaves out, because a newer delivery of the same bill is there."""
        return superseded(samples)


def _mapping(samples: Sequence[Sample]) -> RowMapping:
    rows = Rows(samples)
    rows.periods("ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart", "BillingPeriodEnd")
    _costs(rows)
    _category(rows)
    for column in Charges.columns():
        if column not in rows.sql:
            rows.read(column, *_NAMES.get(column, (column,)))
    _allocated(rows)
    return rows.mapping()


def _costs(rows: Rows) -> None:
    """The four costs, exact. An empty cost is the nearest one that says as much, and counted."""
    billed, effective = rows.amount("BilledCost"), rows.amount("EffectiveCost")
    contracted, listed = rows.amount("ContractedCost"), rows.amount("ListCost")
    rows.repairs |= {
        "BilledCost is empty: 0 taken": f"{billed} IS NULL",
        "EffectiveCost is empty: BilledCost taken": f"{effective} IS NULL",
        "ContractedCost is empty: EffectiveCost taken": f"{contracted} IS NULL",
        "ListCost is empty: ContractedCost taken": f"{listed} IS NULL",
    }
    rows.sql |= {
        "billed_cost": f"COALESCE({billed}, 0)",
        "effective_cost": f"COALESCE({effective}, {billed}, 0)",
        "contracted_cost": f"COALESCE({contracted}, {effective}, {billed}, 0)",
        "list_cost": f"COALESCE({listed}, {contracted}, {effective}, {billed}, 0)",
    }


def _category(rows: Rows) -> None:
    category = rows.text("ChargeCategory")
    rows.repairs["ChargeCategory is none of FOCUS's: Usage taken"] = (
        f"{words(category, _CATEGORIES, 'NULL')} IS NULL"
    )
    rows.sql["charge_category"] = words(category, _CATEGORIES, "'Usage'")


def _allocated(rows: Rows) -> None:
    """A row that its provider allocated (1.3): the resource it went to, its tags, and the one it came from."""
    if "AllocatedMethodId" not in rows.columns and "AllocatedResourceId" not in rows.columns:
        return
    target = rows.text("AllocatedResourceId")
    allocated = f"{rows.text('AllocatedMethodId', 'AllocatedResourceId')} IS NOT NULL"
    rows.read("resource_id", "AllocatedResourceId", "ResourceId")
    rows.sql["resource_name"] = (
        f"CASE WHEN {target} IS NOT NULL THEN {rows.text('AllocatedResourceName')}"
        f" ELSE {rows.text('ResourceName')} END"
    )
    origin = f"CASE WHEN {allocated} THEN {rows.text('ResourceId')} END"
    rows.sql["x_allocated_from"] = f"COALESCE({rows.text('x_AllocatedFrom')}, {origin})"
    if tags := rows.tags("AllocatedTags", "Tags"):
        rows.sql["tags"] = union(tags)

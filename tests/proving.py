"""A control plane over a folder, and vendors whose bills are hard to keep whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from small_vendor import SmallVendor, books, charge, tenant, usage

from tenantry import app
from tenantry.capabilities.reconciliation import CAPABILITY
from tenantry.datasets.default_policy import settings_from, settings_of
from tenantry.datasets.pool_cost import PoolCost
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake, arrow_schema
from tenantry.kernel import Catalog, Dataset, Window
from tenantry.methods.policy import Capacity, Match, Meter, Policy, Rule, Strategy
from tenantry.runtime.call import Runtime
from tenantry.runtime.plane import ControlPlane
from tenantry.runtime.sandbox import Rooms

NOW = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)


def catalog() -> Catalog:
    """All that the product knows, reconciliation with it."""
    known = app.catalog()
    capabilities = [c for c in known.capabilities if c.name != CAPABILITY.name]
    datasets = dict.fromkeys((*known.datasets, *CAPABILITY.datasets))
    return Catalog((*capabilities, CAPABILITY), known.sources, tuple(datasets))


CATALOG = catalog()

POLICY = Policy(
    rules=(
        Rule(pool="Credits", match=Match(category=("Credit",)), strategy=Strategy.CENTRAL),
        Rule(pool="Silo", strategy=Strategy.SILO, by="tag:tenant"),
        Rule(
            pool="Tax", match=Match(category=("Tax",)), strategy=Strategy.PROPORTIONAL, basis="service"
        ),
        Rule(pool="Network", match=Match(service=("Network",)), strategy=Strategy.CASCADE, targets=("Compute", "Disk")),
        Rule(
            pool="Compute",
            match=Match(service=("Compute",)),
            meters=(Meter(meter="ms", service="Compute"),),
            capacity=Capacity(units_per_hour=Decimal(10)),
        ),
        Rule(pool="Disk", match=Match(service=("Disk",)), strategy=Strategy.EVEN),
    )
)  # fmt: skip

PRICED = {"pricing_quantity": Decimal("2.5"), "list_unit_price": Decimal(4), "consumed_quantity": Decimal(-7)}
COMMITTED = {"commitment_discount_id": "plan"}
LATER = {"billing_period": date(2026, 4, 1), "charge_class": "Correction"}

HARD = (
    charge("10", "2026-03-01", invoice_id="I-1", pricing_unit="Hours", **PRICED),
    charge("7.000000000000000001", "2026-03-01T05", invoice_id="I-1"),
    charge("1.23", "2026-03-01", charge_category="Tax"),
    charge("-4", "2026-03-01", charge_category="Credit", charge_description="promotion"),
    charge("-33.33", "2026-03-02", service_name="Disk"),
    charge("0.1", "2026-03-02", service_name="Network"),
    charge("5", "2026-03-02", tags={"tenant": "ada"}),
    charge("5", "2026-03-02", tags={"tenant": "nobody knows"}),
    charge("100", "2026-03", service_name="AWS Support"),
    charge("0.000000000000000001", "2026-03-03", service_name="Disk"),
    charge("1000000000000", "2026-03-04", effective_cost=Decimal("-0.000000001")),
    charge("9", "2026-03-01", billing_currency="EUR", provider_name="OVH"),
    charge("-2.5", "2026-03-01", billing_currency="EUR", provider_name="OVH", charge_category="Credit"),
    charge("-3", "2026-03-01", **LATER),
    charge("6", "2026-02-20"),
    charge("2", "2026-03-05", charge_category="Purchase", effective_cost=Decimal(0), **COMMITTED),
    charge("0", "2026-03-05", effective_cost=Decimal(2), commitment_discount_status="Used", **COMMITTED),
)
PEOPLE = ({**tenant("ada", aliases=["countess"]), "name": "Ada"}, tenant("bob"), tenant("cyd"))
USED = (
    usage("ada", 1),
    usage("bob", "2"),
    usage("countess", "0.5", "2026-03-01T05"),
    usage("stranger", 3),
    usage("bob", "4", "2026-03-04"),
    usage("cyd", "1", "2026-02-20"),
)


def runtime(vendor: SmallVendor) -> Runtime:
    """The door to a small vendor's lake."""
    return Runtime(vendor.engine, CATALOG, lambda: NOW, lambda _: {"policy": vendor.policy}, sandbox=Rooms())


def hard_vendor(folder: Path, charges: Sequence[Mapping[str, Any]] = HARD) -> SmallVendor:
    """Negative pools, credits, two currencies, a cascade, idle capacity, 1e-18 and 1e12, a later correction."""
    return SmallVendor(folder, POLICY).land(charges, PEOPLE, USED).build()


def plane(folder: Path, policy: Policy | None = None, closed_through: str | None = None) -> ControlPlane:
    """Verbs over an empty lake, under a policy or the one that the data suggests."""
    ask = settings_from({} if policy is None else policy.model_dump(mode="json"))

    def built_under(reader: DuckDB) -> Mapping[str, Any]:
        return settings_of(reader.lake.notes(PoolCost)) or ask(reader)

    engine = DuckDB(Lake(folder), memory_limit="1GB")
    verbs = ControlPlane(engine, CATALOG, ask, built_under, lambda: NOW)
    verbs.books = books(closed_through) if closed_through else None
    return verbs


def put(vendor: SmallVendor, dataset: type[Dataset], rows: Sequence[Mapping[str, Any]]) -> None:
    """Replace a landing or a derived table by these rows, as if it had been so written."""
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=arrow_schema(dataset))
    with vendor.engine.registered("rows", table):
        files = vendor.engine.write(dataset, "SELECT * FROM rows", None) if rows else []
    vendor.lake.commit(dataset, files)


def rows_of(door: Runtime, dataset: str, window: Window | None = None) -> list[dict[str, Any]]:
    return [row for batch in door.batches(dataset, window) for row in batch.to_pylist()]

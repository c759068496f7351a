"""A vendor of a few rows, landed straight into a lake: what tests of allocation start from."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from tenantry.datasets import (
    DATASETS,
    AccessHours,
    ActiveUsers,
    ApiDocuments,
    Charges,
    ClosedCost,
    ClosedDays,
    FeatureCost,
    Subscriptions,
    Tenants,
    Usage,
    UsageCounters,
)
from tenantry.engine.build import Builder
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake, arrow_schema
from tenantry.kernel import Catalog, Dataset
from tenantry.kernel.money import EXACT
from tenantry.methods.policy import Policy
from tenantry.methods.routes import Routing
from tenantry.runtime.books import Books

CATALOG = Catalog(capabilities=(), sources=(), datasets=DATASETS)
BASES = ("billed_cost", "effective_cost", "list_cost", "contracted_cost")


def charge(cost: str | int | Decimal, start: str = "2026-03-01", **columns: Any) -> dict[str, Any]:
    """A bill row: `start` is a day, or an hour as `2026-03-01T05`, or a month as `2026-03`."""
    begin, end = _period(start)
    amount = Decimal(cost)
    row: dict[str, Any] = {
        "billing_period": begin.date().replace(day=1),
        "charge_day": begin.date(),
        "charge_period_start": begin,
        "charge_period_end": end,
        "billing_account_id": "payer",
        "provider_name": "AWS",
        "charge_category": "Usage",
        "service_name": "Compute",
        "billing_currency": "USD",
        "x_delivery": "d",
        **dict.fromkeys(BASES, amount),
        **columns,
    }
    row["billing_period_start"] = datetime.combine(row["billing_period"], datetime.min.time())
    return row


def usage(
    tenant: str, quantity: str | int | Decimal, time: str = "2026-03-01T00", **columns: Any
) -> dict[str, Any]:
    """A metered event."""
    begin, _ = _period(time)
    return {
        "source": "test",
        "day": begin.date(),
        "time": begin,
        "tenant_id": tenant,
        "service_name": "Compute",
        "meter": "ms",
        "quantity": Decimal(quantity),
        **columns,
    }


def reading(
    tenant: str, count: str | int, time: str, started: str = "1970-01-01T00", **columns: Any
) -> dict[str, Any]:
    """A reading of a counter of `usage`."""
    row = usage(tenant, count, time, series=tenant, started=datetime.fromisoformat(started), **columns)
    return {**row, "reading": row.pop("quantity")}


def asked(path: str, time: str = "2026-03-01T00", requests: int = 1, **columns: Any) -> dict[str, Any]:
    """Requests of an hour of an access log that asked for the same."""
    begin, _ = _period(time)
    return {
        "delivery": "d",
        "source": "access_log",
        "day": begin.date(),
        "hour": begin,
        "host": "api.example.com",
        "method": "GET",
        "path": path,
        "status": 200,
        "agent": "",
        "requests": requests,
        "seconds": Decimal(requests) / 8,
        "bytes": Decimal(requests * 100),
        **columns,
    }


def document(paths: Mapping[str, Any], **columns: Any) -> dict[str, Any]:
    """An OpenAPI document with these paths."""
    text = json.dumps({"openapi": "3.1.0", "info": {"title": "Shop", "version": "1"}, "paths": paths})
    return {
        "name": "openapi.json",
        "title": "Shop",
        "server": "",
        "version": "1",
        "delivery": "d",
        "document": text,
        **columns,
    }


def tenant(name: str, **columns: Any) -> dict[str, Any]:
    return {"tenant_id": name, "isolation": "pool", **columns}


def books(through: str) -> Books:
    return Books(ClosedDays, ClosedCost, FeatureCost, date.fromisoformat(f"{through}-01"))


class SmallVendor:
    """A lake in a folder, landed with rows and built under a policy."""

    def __init__(self, folder: Path, policy: Policy | None = None, routing: Routing | None = None) -> None:
        self.lake = Lake(folder)
        self.engine = DuckDB(self.lake, memory_limit="1GB")
        self.policy = policy or Policy()
        self.routing = routing or Routing()

    def land(
        self,
        charges: Sequence[Mapping[str, Any]] = (),
        tenants: Sequence[Mapping[str, Any]] = (),
        usages: Sequence[Mapping[str, Any]] = (),
        users: Sequence[Mapping[str, Any]] = (),
        subscriptions: Sequence[Mapping[str, Any]] = (),
        counters: Sequence[Mapping[str, Any]] = (),
        logs: Sequence[Mapping[str, Any]] = (),
        documents: Sequence[Mapping[str, Any]] = (),
        *,
        more: Mapping[type[Dataset], Sequence[Mapping[str, Any]]] | None = None,
    ) -> SmallVendor:
        self._put(Charges, [{"charge_key": f"d:{i}", "x_row": i, **row} for i, row in enumerate(charges)])
        self._put(Tenants, tenants)
        self._put(Usage, [{"id": str(i), **row} for i, row in enumerate(usages)])
        self._put(UsageCounters, [{"id": str(i), **row} for i, row in enumerate(counters)])
        self._put(ActiveUsers, users)
        self._put(Subscriptions, subscriptions)
        self._put(AccessHours, logs)
        self._put(ApiDocuments, documents)
        for dataset, rows in (more or {}).items():
            self._put(dataset, rows)
        return self

    def build(self, *wanted: type[Dataset]) -> SmallVendor:
        """Build these datasets and what they read; without any, all."""
        self.builder().build(wanted or None)
        self.engine.attach(DATASETS)
        return self

    def builder(self) -> Builder:
        told = {"routing": self.routing}
        return Builder(self.engine, CATALOG, lambda _engine: {"policy": self.policy}, told)

    def copied(self, folder: Path) -> SmallVendor:
        """The same as built, in a folder of its own: for a test that changes it."""
        shutil.copytree(self.lake.path, folder)
        other = SmallVendor(folder, self.policy, self.routing)
        other.engine.attach(DATASETS)
        return other

    def query(self, sql: str) -> list[Any]:
        return self.engine.query(sql)

    def close(self, through: str) -> SmallVendor:
        """Close the months built so far up to this one, and open those after it."""
        books(through).settle(self.engine, datetime(2030, 1, 1))  # noqa: DTZ001 - as good as any later day
        return self

    def tenant_totals(self, basis: str = "effective_cost") -> dict[str, Decimal]:
        rows = self.query(
            f"SELECT tenant_id, sum({basis}) AS cost FROM tenant_cost GROUP BY tenant_id ORDER BY 1"
        )
        return {row.tenant_id: row.cost for row in rows}

    def unbalanced(self) -> list[Any]:
        """The (period, day, currency) whose four sums differ between bill and tenants, at any stage; none is 0."""
        some = " OR ".join(f"sum({b}) <> 0" for b in BASES)
        sums = ", ".join(f"sum({b}) AS {b}" for b in BASES)
        key = "billing_period, charge_day"
        stages = [
            f"SELECT {key}, currency, {sums} FROM {table} GROUP BY ALL HAVING {some}"
            for table in ("pool_cost", "allocation", "feature_cost", "tenant_cost", "cost_profile")
        ]
        bill = f"SELECT {key}, billing_currency AS currency, {sums} FROM charges GROUP BY ALL HAVING {some}"
        return [
            row
            for stage in stages
            for row in self.query(f"({bill} EXCEPT {stage}) UNION ALL ({stage} EXCEPT {bill})")
        ]

    def _put(self, dataset: type[Dataset], rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            table = pa.Table.from_pylist([dict(r) for r in rows], schema=arrow_schema(dataset))
            with self.engine.registered("rows", table):
                self.lake.commit(dataset, self.engine.write(dataset, "SELECT * FROM rows", None))
        elif self.lake.files(dataset):
            self.lake.commit(dataset, [])


def exact_sum(rows: Sequence[Mapping[str, Any]], column: str) -> dict[Any, Decimal]:
    """The exact sum of a column by currency."""
    sums: dict[Any, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row["billing_currency"]] = EXACT.add(sums[row["billing_currency"]], row[column])
    return dict(sums)


def _period(text: str) -> tuple[datetime, datetime]:
    if len(text) == len("2026-03"):
        first = date.fromisoformat(f"{text}-01")
        begin = datetime.combine(first, datetime.min.time())
        return begin, (begin + timedelta(days=32)).replace(day=1)
    begin = datetime.fromisoformat(text)
    return begin, begin + (timedelta(hours=1) if "T" in text else timedelta(days=1))

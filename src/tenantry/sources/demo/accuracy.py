"""The product's allocation of the demo vendor, held against the truth."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...methods.accuracy import AllocationError, allocation_error
from .bill import CURRENCY
from .prices import EC2, ELB, RDS
from .rules import OVERHEAD_POOLS

METERED_BY_FEATURE = (EC2, RDS, ELB)
"""Services whose meters name the feature. So do requests, but the delivery network's bytes beside them do not."""


class Reader(Protocol):
    """What tables are read through."""

    def query(self, sql: str) -> Sequence[Any]: ...


def accuracy(engine: Reader, vendor: Path, month: date | None = None) -> AllocationError:
    """The error per tenant and month of `tenant_cost`, built under the vendor's rules or under none.

    Counts what a tenant can cause: its own resources, and shared services without overhead. `vendor` is the folder that
    `write_vendor` filled; `month` limits it to one.
    """
    known = json.loads((vendor / "truth" / "truth.json").read_text(encoding="utf-8"))
    return _compared(_allocated(engine, known), _true(vendor, known), month)


def feature_accuracy(engine: Reader, vendor: Path, month: date | None = None) -> AllocationError:
    """The error per feature and month of what `feature_cost` gives to features, over services metered by feature.

    Of other services the truth knows features too, but their meters name none: that money has no feature.
    """
    services = ", ".join(f"'{service.name}'" for service in METERED_BY_FEATURE)
    truth = str(vendor / "truth" / "feature_cost.parquet").replace("'", "''")
    true = _by_feature(
        engine, f"SELECT month, feature_id, effective_cost FROM '{truth}' WHERE service_name IN ({services})"
    )
    given = _by_feature(
        engine,
        "SELECT CAST(date_trunc('month', charge_day) AS DATE) AS month, feature_id, effective_cost"
        f" FROM feature_cost WHERE feature_id <> '' AND service_name IN ({services})",
    )
    return _compared(given, true, month)


def _compared(
    given: Mapping[tuple[date, str], Decimal], true: Mapping[tuple[date, str], Decimal], month: date | None
) -> AllocationError:
    keys = sorted(key for key in true.keys() | given.keys() if month in (None, key[0]))
    return allocation_error((*key, given.get(key, Decimal(0)), true.get(key, Decimal(0))) for key in keys)


def _by_feature(engine: Reader, rows: str) -> dict[tuple[date, str], Decimal]:
    found = engine.query(
        f"SELECT month, feature_id, sum(effective_cost) AS cost FROM ({rows}) AS r GROUP BY month, feature_id"
    )
    return {(row.month, row.feature_id): row.cost for row in found}


def _true(vendor: Path, known: dict[str, Any]) -> dict[tuple[date, str], Decimal]:
    lines = pq.read_table(vendor / "truth" / "tenant_cost.parquet")
    lines = lines.filter(
        (pc.field("currency") == CURRENCY) & pc.field("part").isin(known["attributable_parts"])
    )
    total: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for line in lines.to_pylist():
        if line["tenant_id"] not in known["not_tenants"]:
            total[line["month"], line["tenant_id"]] += line["effective_cost"]
    return total


def _allocated(engine: Reader, known: dict[str, Any]) -> dict[tuple[date, str], Decimal]:
    services = ", ".join(f"'{name}'" for name in known["shared_services"])
    overhead = ", ".join(f"'{name}'" for name in sorted(OVERHEAD_POOLS))
    nobody = ", ".join(f"'{name}'" for name in ("(unallocated)", *known["not_tenants"]))
    rows = engine.query(
        "SELECT CAST(date_trunc('month', charge_day) AS DATE) AS month, tenant_id, sum(effective_cost) AS cost"
        f" FROM tenant_cost WHERE currency = '{CURRENCY}' AND tenant_id NOT IN ({nobody})"
        f" AND (rung = 'silo' OR (service_name IN ({services}) AND pool NOT IN ({overhead})))"
        " GROUP BY CAST(date_trunc('month', charge_day) AS DATE), tenant_id"
    )
    return {(row.month, row.tenant_id): row.cost for row in rows}

"""The demo vendor from its access logs alone: a stranger's bill, logs, tenants and API document, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tenantry.datasets import DATASETS, FeatureCost, Requests, TenantCost
from tenantry.datasets.default_policy import settings_from
from tenantry.engine.build import Builder
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.kernel import Catalog
from tenantry.runtime.ingest import Ingested, ingest
from tenantry.sources import SOURCES
from tenantry.sources.demo import write_vendor
from tenantry.sources.demo.accuracy import accuracy, feature_accuracy

MONTH = date(2026, 6, 1)


class Logged:
    """A lake with a month's bill, the tenants and the logs, allocated without a policy."""

    def __init__(self, vendor: Path, lake: Path) -> None:
        self.vendor = vendor
        self.known: dict[str, Any] = json.loads((vendor / "truth" / "truth.json").read_text())
        self.engine = DuckDB(Lake(lake), memory_limit="1GB")
        now = datetime(2026, 7, 2, tzinfo=UTC).replace(tzinfo=None)
        inputs = [
            str(vendor / name) for name in (f"bills/BILLING_PERIOD={MONTH:%Y-%m}", "tenants.csv", "logs")
        ]
        self.ingested: Ingested = ingest(self.engine, SOURCES, inputs, now)
        catalog = Catalog(capabilities=(), sources=(), datasets=DATASETS)
        Builder(self.engine, catalog, settings_from({})).build([Requests, TenantCost, FeatureCost])
        self.engine.attach(DATASETS)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.engine.query(sql)]


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Logged:
    vendor = tmp_path_factory.mktemp("vendor")
    write_vendor(vendor, months=3, tenants=60, end=date(2026, 7, 1))
    return Logged(vendor, tmp_path_factory.mktemp("lake"))


def test_every_line_is_a_request_or_accounted_for(logged: Logged):
    rows = logged.known["rows"]
    logs = [d for d in logged.ingested.deliveries if d.source == "access_log"]
    assert sum(logged.ingested.quarantined.values()) == rows["log_malformed"] == len(logs) == 60
    assert sum(d.left_out for d in logs) == rows["log_connections"]
    (counted,) = logged.rows("SELECT sum(requests) FROM requests")
    (bots,) = logged.rows("SELECT sum(requests) FROM requests WHERE agent = 'bot'")
    (scans,) = logged.rows("SELECT sum(requests) FROM requests WHERE origin = 'none'")
    assert (bots, scans) == ((rows["log_bots"],), (rows["log_scans"],))
    assert counted == (rows["log_requests"] + rows["log_bots"] + rows["log_scans"],)


def test_requests_are_the_hidden_ones_by_hour_tenant_and_feature(logged: Logged):
    """Each is attributed as it names its tenant: by host, path, trace field, key, or not at all."""
    unknown = logged.known["answers"]["unknown"]
    found = logged.rows(
        "SELECT hour, tenant_id, feature_id, resolved_by, sum(requests) AS requests FROM requests"
        " WHERE origin = 'specification' GROUP BY ALL"
    )
    given = {
        (hour, unknown if tenant.startswith("(unknown:key:") else tenant, feature, how): requests
        for hour, tenant, feature, how, requests in found
    }
    true: dict[tuple[Any, ...], int] = {}
    for row in pq.read_table(logged.vendor / "truth" / "logged_requests.parquet").to_pylist():
        nobody = row["named_by"] == "none"
        tenant = "(unattributed)" if nobody else row["tenant_id"]
        key = (row["hour"].replace(tzinfo=None), tenant, row["feature_id"], row["named_by"])
        true[key] = true.get(key, 0) + row["requests"]
    assert {how for *_, how in true} == {"none", "subdomain", "path", "trace", "key"}
    assert given == true


def test_regions_are_told_by_the_load_balancers(logged: Logged):
    regions = dict(
        logged.rows(
            "SELECT t.region, count(DISTINCT r.region) FROM requests AS r"
            " JOIN tenants AS t ON t.tenant_id = r.tenant_id"
            " WHERE t.region = r.region GROUP BY t.region"
        )
    )
    assert regions == {"eu-central-1": 1, "us-east-1": 1}
    pools = logged.rows(
        "SELECT DISTINCT pool FROM tenant_cost WHERE pool LIKE 'Amazon Elastic Compute Cloud %'"
    )
    assert sorted(pools) == [
        ("Amazon Elastic Compute Cloud eu-central-1",), ("Amazon Elastic Compute Cloud us-east-1",),
    ]  # fmt: skip


def test_the_error_from_logs_alone_is_what_the_documentation_says(logged: Logged):
    tenants = accuracy(logged.engine, logged.vendor, MONTH)
    features = feature_accuracy(logged.engine, logged.vendor, MONTH)
    print(f"\ntenants {tenants}\nfeatures {features}")
    assert tenants.counted > 50
    assert features.counted == 12
    assert tenants.mean is not None
    assert features.mean is not None
    assert 0.2 < tenants.mean < 0.37
    assert 0.4 < features.mean < 0.75

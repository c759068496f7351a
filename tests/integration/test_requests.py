"""From access logs to tenants, features and money."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from building import build, differs_from_a_build_from_nothing, land
from small_vendor import SmallVendor, asked, charge, document, tenant
from three_months import CATALOG, NOW

from tenantry.datasets import AccessHours, ApiDocuments, FocusAllocated, Requests, Routes
from tenantry.datasets.default_policy import default_policy
from tenantry.kernel import Principal, Window
from tenantry.methods.policy import Policy
from tenantry.methods.routes import Naming, Routing
from tenantry.runtime.call import Runtime
from tenantry.runtime.reader import Reader

PEOPLE = [tenant("acme", aliases=["key:00ff00ff00ff00ff", "4711", "old-name@..2026-03-02"]), tenant("globex")]


def resolved(folder: Path, *logs: dict[str, Any], routing: Routing | None = None) -> list[tuple[str, str]]:
    """(tenant, rule) of each row of the log, in order of path."""
    paths = document({log["path"]: {"get": {}} for log in logs})
    vendor = (
        SmallVendor(folder, routing=routing)
        .land(tenants=PEOPLE, logs=logs, documents=[paths])
        .build(Requests)
    )
    rows = vendor.query("SELECT tenant_id, resolved_by FROM requests ORDER BY template, day")
    return [(row.tenant_id, row.resolved_by) for row in rows]


def test_a_name_given_on_purpose_counts_though_no_tenant_has_it(tmp_path: Path):
    given = [
        ("claim", "ACME"),
        ("header", "zeta"),
        ("key", "key:00ff00ff00ff00ff"),
        ("key", "4711"),
        ("key", "x"),
    ]
    logs = [asked(f"/{chr(97 + n)}", claim=claim, claimed_by=how) for n, (how, claim) in enumerate(given)]
    assert resolved(tmp_path, *logs) == [
        ("acme", "claim"), ("(unknown:zeta)", "header"), ("acme", "key"), ("acme", "key"), ("(unknown:x)", "key"),
    ]  # fmt: skip


def test_where_there_are_no_access_logs_there_are_no_routes(tmp_path: Path):
    vendor = SmallVendor(tmp_path).land(tenants=PEOPLE).build(Requests)
    assert vendor.query("SELECT * FROM routes") == vendor.query("SELECT * FROM requests") == []


def test_a_hint_counts_only_where_it_is_a_tenants_name_that_day(tmp_path: Path):
    hints = [
        ("user", "globex"),
        ("user", "jane"),
        ("query", "acme"),
        ("trace", "globex"),
        ("trace", "1-67891233"),
    ]
    logs = [asked(f"/{chr(97 + n)}", claim=claim, claimed_by=how) for n, (how, claim) in enumerate(hints)]
    days = [asked("/w", f"2026-03-0{day}", claim="old-name", claimed_by="user") for day in (1, 2)]
    unnamed = ("(unattributed)", "none")
    assert resolved(tmp_path, *logs, days[0], days[1]) == [
        ("globex", "user"), unnamed, ("acme", "query"), ("globex", "trace"), unnamed, ("acme", "user"), unnamed,
    ]  # fmt: skip


def test_host_and_path_name_tenants_and_the_first_rule_that_names_one_counts(tmp_path: Path):
    logs = [
        asked("/a", host="acme.example.com"),
        asked("/b", host="acme.example.com", claim="globex", claimed_by="header"),
        asked("/c", host="acme.example.com", claim="globex", claimed_by="query"),
        asked("/d", host="acme.example.com", claim="nobody", claimed_by="header"),
        asked("/e", host="www.example.com"),
        asked("/t/acme/f"),
        asked("/t/globex/f"),
    ]
    assert sorted(resolved(tmp_path / "1", *logs)) == sorted([
        ("acme", "subdomain"), ("globex", "header"), ("acme", "subdomain"), ("(unknown:nobody)", "header"),
        ("(unattributed)", "none"), ("acme", "path"), ("globex", "path"),
    ])  # fmt: skip
    order = Routing(tenant=(Naming.QUERY, Naming.SUBDOMAIN))
    assert sorted(resolved(tmp_path / "2", *logs, routing=order)) == sorted([
        ("acme", "subdomain"), ("acme", "subdomain"), ("globex", "query"), ("acme", "subdomain"),
        ("(unattributed)", "none"), ("(unattributed)", "none"), ("(unattributed)", "none"),
    ])  # fmt: skip


def test_requests_are_counted_with_their_errors_and_bots_apart(tmp_path: Path):
    logs = [
        asked("/pets/1", requests=3),
        asked("/pets/2", requests=2, status=499),
        asked("/pets/2", requests=5, status=503),
        asked("/pets/2", requests=7, agent="bot"),
    ]
    vendor = SmallVendor(tmp_path).land(logs=logs, documents=[document({"/pets/{id}": {"get": {}}})])
    vendor.build(Requests)
    rows = vendor.query(
        "SELECT agent, template, operation, requests, errors, seconds, bytes FROM requests ORDER BY 1"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("", "/pets/{id}", "read", 10, 5, Decimal("1.25"), 1000),
        ("bot", "/pets/{id}", "read", 7, 0, Decimal("0.875"), 700),
    ]


def test_logs_alone_drive_cost_to_tenant_and_feature(tmp_path: Path):
    vendor = SmallVendor(tmp_path).land(
        [charge(100, service_name="Amazon EC2"), charge(10, service_name="Amazon S3")],
        PEOPLE,
        logs=[
            asked("/search", requests=6, host="acme.example.com"),
            asked("/export", requests=3, host="globex.example.com"),
            asked("/health", requests=1),
        ],
    )
    vendor.build()
    vendor.policy = default_policy(vendor.engine)
    vendor.build()
    rows = vendor.query(
        "SELECT tenant_id, feature_id, sum(effective_cost) AS cost FROM feature_cost GROUP BY ALL ORDER BY 1"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("(unattributed)", "health", 11), ("acme", "search", 66), ("globex", "export", 33),
    ]  # fmt: skip
    assert vendor.unbalanced() == []


def test_what_computes_goes_by_seconds_what_carries_by_bytes_and_the_rest_by_requests(tmp_path: Path):
    vendor = SmallVendor(tmp_path).land(
        [
            charge(100, service_name="Amazon Elastic Compute Cloud"),
            charge(200, "2026-03", service_name="Postgres", service_category="Databases"),
            charge(10, service_name="Amazon CloudFront"),
            charge(1, service_name="Amazon S3"),
        ],
        PEOPLE,
        logs=[
            asked(
                "/search", requests=1, seconds=Decimal(9), bytes=Decimal(2), claim="acme", claimed_by="claim"
            ),
            asked(
                "/export",
                requests=1,
                seconds=Decimal(1),
                bytes=Decimal(8),
                claim="globex",
                claimed_by="claim",
            ),
        ],
    )
    vendor.build()
    vendor.policy = default_policy(vendor.engine)
    vendor.build()
    rows = vendor.query(
        "SELECT tenant_id, service_name, rung, reason, sum(effective_cost) AS cost, min(feature_id) AS feature"
        " FROM feature_cost GROUP BY ALL ORDER BY ALL"
    )
    assert [tuple(row.values()) for row in rows if row.tenant_id == "acme"] == [
        ("acme", "Amazon CloudFront", "coarse", "stand-in usage by day", 2, "search"),
        ("acme", "Amazon Elastic Compute Cloud", "coarse", "stand-in usage by day", 90, "search"),
        ("acme", "Amazon S3", "coarse", "all usage by day", Decimal("0.5"), "search"),
        ("acme", "Postgres", "coarse", "stand-in usage by month", 180, "search"),
    ]
    assert vendor.unbalanced() == []
    runtime = Runtime(vendor.engine, CATALOG, lambda: NOW, lambda _: {"policy": vendor.policy})
    explained = runtime.call("reconciliation", "explain", {"tenant_id": "acme", "window": "2026-03"}).data
    services = {part.part: part.service_name for part in explained.parts}
    assert {(services[sample.part], sample.meter) for sample in explained.drivers} == {
        ("Amazon Elastic Compute Cloud", "logged_seconds"), ("Amazon CloudFront", "logged_bytes"),
        ("Amazon S3", "logged_requests"), ("Postgres", "logged_seconds"),
    }  # fmt: skip
    reader = Reader(vendor.engine.fork(), Principal(), NOW, lambda: {"policy": vendor.policy})
    exported = reader.rows(FocusAllocated, Window.parse("2026-03"))
    units = {
        row.service_name: re.findall('"UsageUnit":"([^"]+)"', row.allocated_method_details)
        for row in exported
    }
    assert units == {
        "Amazon CloudFront": ["logged_bytes"], "Amazon Elastic Compute Cloud": ["logged_seconds"],
        "Amazon S3": ["logged_requests"], "Postgres": ["logged_seconds"],
    }  # fmt: skip


def test_a_new_day_of_logs_builds_that_day_and_those_whose_routes_it_changes(tmp_path: Path):
    documents = [document({"/pets/{id}": {"get": {}}})]
    vendor = SmallVendor(tmp_path, Policy()).land(
        logs=[asked(f"/pets/{day}", f"2026-03-0{day}") for day in range(1, 6)], documents=documents
    )
    assert build(vendor, Requests)["requests"] == 5
    sixth = [asked("/pets/6", "2026-03-06")]
    land(vendor, AccessHours, sixth, sixth[0]["day"])
    assert build(vendor, Requests)["requests"] == 1
    other_host = [asked("/pets/2", "2026-03-07", template="GET /animals/{id}")]
    land(vendor, AccessHours, other_host, other_host[0]["day"])
    assert build(vendor, Requests)["requests"] == 1
    assert differs_from_a_build_from_nothing(vendor, Requests, Routes) == []


def test_a_changed_specification_changes_the_days_it_is_about(tmp_path: Path):
    logs = [asked(f"/pets/{day}", f"2026-03-0{day}") for day in range(1, 4)] + [
        asked("/toys/1", "2026-03-04")
    ]
    vendor = SmallVendor(tmp_path, Policy()).land(
        logs=logs, documents=[document({"/pets/{id}": {"get": {}}, "/toys/{id}": {"get": {}}})]
    )
    build(vendor, Requests)
    changed = document({"/pets/{id}": {"get": {"tags": ["Pets"]}}, "/toys/{id}": {"get": {}}})
    land(vendor, ApiDocuments, [changed])
    assert build(vendor, Requests)["requests"] == 3
    assert {row.feature_id for row in vendor.query("SELECT feature_id FROM requests")} == {"Pets", "toys"}
    assert differs_from_a_build_from_nothing(vendor, Requests, Routes) == []

"""Requests of access logs: attribution, routes, and what is to be looked at."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from small_vendor import SmallVendor, asked, charge, document, tenant
from three_months import CATALOG, NOW

from tenantry.datasets import Requests, RouteTemplates
from tenantry.datasets.default_policy import default_policy
from tenantry.gateways.profile import profile
from tenantry.gateways.report import print_profile
from tenantry.kernel import Window
from tenantry.runtime.call import Runtime


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    folder: Path = tmp_path_factory.mktemp("logged")
    logs = [
        asked("/pets/1", requests=50, claim="acme", claimed_by="header"),
        asked("/pets/2", requests=20, claim="zeta", claimed_by="header", status=500),
        asked("/pets/3", requests=10, host="acme.example.com", agent="bot"),
        asked("/cats/list", requests=4, claim="globex", claimed_by="key"),
        asked("/dogs/list", requests=5, claim="key:0123456789abcdef", claimed_by="key"),
        asked("/toys/7", requests=1, source="alb", template="GET /toys/{toy}"),
        asked("/wp-login.php", requests=10, status=404, agent="bot"),
    ]
    vendor = SmallVendor(folder).land(
        tenants=[tenant("acme"), tenant("globex")],
        logs=logs,
        documents=[document({"/pets/{id}": {"get": {"tags": ["Pets"]}}})],
    )
    vendor.build(Requests, RouteTemplates)
    return Runtime(vendor.engine, CATALOG, lambda: NOW, lambda _: {})


def ask(runtime: Runtime, name: str, **arguments: Any) -> list[Any]:
    return runtime.call("requests", name, {"window": "2026-03", **arguments}).data


def test_attribution_says_what_named_the_tenants_of_each_source(logged: Runtime):
    lines = ask(logged, "attribution")
    assert [(a.source, a.resolved_by, a.requests, a.tenants, a.unknown, a.bots) for a in lines] == [
        ("access_log", "header", 70, 2, 20, 0),
        ("access_log", "none", 10, 0, 0, 10),
        ("access_log", "subdomain", 10, 1, 0, 10),
        ("access_log", "key", 9, 2, 5, 0),
        ("alb", "none", 1, 0, 0, 0),
    ]
    assert [a.share for a in lines if a.resolved_by == "none"] == [pytest.approx(10 / 99), 1]


def test_origins_and_routes(logged: Runtime):
    assert [(o.origin, o.requests, o.share, o.routes, o.features) for o in ask(logged, "origins")] == [
        ("specification", 80, 0.8, 2, 1), ("none", 10, 0.1, 0, 0), ("learned", 9, 0.09, 2, 2),
        ("gateway", 1, 0.01, 1, 1),
    ]  # fmt: skip
    first, *_ = ask(logged, "routes")
    assert (first.template, first.feature_id, first.operation, first.requests, first.tenants) == (
        "/pets/{id}", "Pets", "read", 70, 2,
    )  # fmt: skip
    assert first.errors == pytest.approx(2 / 7)
    assert [r.template for r in ask(logged, "routes", origin="gateway")] == ["/toys/{toy}"]
    assert [(r.template, r.requests) for r in ask(logged, "routes", feature_id="(no feature)")] == [("", 10)]


def test_review_lists_what_hangs_on_a_doubtful_decision(logged: Runtime):
    doubts = ask(logged, "review")
    assert doubts
    assert sum(d.requests for d in doubts) == 9
    assert all(d.example.startswith(("/cats", "/dogs")) and d.confidence < 0.85 for d in doubts)
    assert len(ask(logged, "review", top=1)) == 1


def test_names_that_nobody_has_are_listed(logged: Runtime):
    assert [(u.name, u.resolved_by, u.requests) for u in ask(logged, "unknown")] == [
        ("zeta", "header", 20), ("key:0123456789abcdef", "key", 5),
    ]  # fmt: skip


def test_the_profile_of_a_bill_and_a_log_tells_tenants_features_coverage_and_what_to_do_next(tmp_path: Path):
    logs = [
        asked("/search", requests=60, host="acme.example.com"),
        asked("/export", requests=30, claim="zeta", claimed_by="header"),
        asked("/health", requests=10),
    ]
    vendor = SmallVendor(tmp_path).land([charge(100)], [tenant("acme")], logs=logs).build()
    vendor.policy = default_policy(vendor.engine)
    vendor.build()
    runtime = Runtime(vendor.engine, CATALOG, lambda: NOW, lambda _: {"policy": vendor.policy})
    found = profile(runtime, None, Window.parse("2026-03"))
    assert [(x["name"], x["feature_id"], x["cost"]) for x in found["tenant_features"]] == [
        ("acme", "search", "60"), ("(unknown:zeta)", "export", "30"), ("(unattributed)", "health", "10"),
    ]  # fmt: skip
    console = Console(file=StringIO(), width=160, record=True)
    print_profile(console, found)
    text = console.export_text()
    assert "100 in the logs, 90.0 % with a tenant" in text
    assert [(x["add"].split(":")[0], x["buys"], x["cost"]) for x in found["next"]][:3] == [
        ("the tenant in the access log", "a name for 10.0 % of requests", "10"),
        ("aliases in tenants.csv for zeta", "known tenants in place of (unknown)", None),
        ("openapi.yaml", "certain routes for 100.0 % of requests", None),
    ]

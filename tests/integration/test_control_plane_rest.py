"""The control plane over HTTP: its resources are ways to the tools, with the same approval and the same errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from acting import Vendor
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from tenantry.gateways.http.app import build_app
from tenantry.kernel import Principal

API = "/api/v1"
YES = {"approved": "true"}


@pytest.fixture
def rest(tmp_path: Path) -> Iterator[TestClient]:
    vendor = Vendor(tmp_path / "lake", f"sqlite:///{tmp_path / 'state.db'}")
    inner = build_app(vendor.plane.runtime, "0", lambda app: app)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["principal"] = Principal("ada")
        await inner(scope, receive, send)

    outer: ASGIApp = app
    with TestClient(outer) as client:
        yield client
    vendor.state.close()


def done(response: Any) -> Any:
    assert response.status_code == 200, response.text
    return response.json()["data"]


def test_a_tenant_is_made_read_changed_and_ended(rest: TestClient):
    body = {"tenant_id": "a b", "name": "A", "seats": "5"}
    waiting = rest.post(f"{API}/tenants", json=body)
    assert (waiting.status_code, waiting.json()["arguments"]["name"]) == (409, "A")
    assert done(rest.get(f"{API}/tenants")) == []
    assert done(rest.post(f"{API}/tenants", json=body, params=YES))["seats"] == "5"
    done(rest.post(f"{API}/tiers", json={"tier": "pro"}, params=YES))
    done(rest.patch(f"{API}/tiers/pro", json={"rank": 7}, params=YES))
    assert [(t["tier"], t["rank"]) for t in done(rest.get(f"{API}/tiers"))] == [("pro", 7)]
    assert done(rest.patch(f"{API}/tenants/a%20b", json={"region": "eu"}, params=YES))["region"] == "eu"
    done(rest.post(f"{API}/tenants/a%20b/tier", json={"tier": "pro"}, params=YES))
    quota = {"tier": "pro", "meter": "gb", "quota": "5"}
    done(rest.post(f"{API}/entitlements", json=quota, params=YES))
    done(rest.patch(f"{API}/entitlements", json={**quota, "quota": "9"}, params=YES))
    [held] = done(rest.get(f"{API}/tenants/a%20b/entitlements"))
    assert (held["quota"], held["tier"]) == ("9", "pro")
    paid = {"tenant_id": "a b", "plan": "pro", "amount": "9.5", "currency": "EUR"}
    done(rest.post(f"{API}/subscriptions", json=paid, params=YES))
    db = {"tenant_id": "a b", "resource_id": "db-1"}
    done(rest.post(f"{API}/resources", json=db, params=YES))
    assert done(rest.delete(f"{API}/resources", params={**db, **YES}))["ended_on"] == "2026-07-01"
    done(rest.post(f"{API}/tenants/a%20b/offboard", json={"on": "2026-08-01"}, params=YES))
    whole = rest.get(f"{API}/tenants/a%20b")
    assert done(whole)["subscriptions"][0]["ended_on"] == "2026-08-01"
    again = rest.get(f"{API}/tenants/a%20b", headers={"If-None-Match": whole.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/tenants/nobody", {}, 404),
        ("GET", "/tenants/create", {}, 405),
        ("PATCH", "/tenants/list", {"json": {}}, 405),
        ("DELETE", "/tenants", {}, 405),
        ("POST", "/tenants", {"json": {"tenant_id": 5}}, 422),
        ("POST", "/tenants", {"json": {"tenant_id": "(x)"}, "params": YES}, 422),
        ("PATCH", "/tenants/x", {"json": ["name"]}, 422),
        ("PATCH", "/tenants/x", {"json": {"tenant_id": "y"}}, 422),
        ("PATCH", "/tenants/x", {"content": b"{"}, 422),
        ("DELETE", "/tiers/pro", {"params": {"tier": "x"}}, 422),
        ("DELETE", "/resources", {"params": {"tenant_id": "x", "resource_id": "y"}}, 409),
        ("GET", "/entitlements", {}, 422),
    ],
)
def test_what_is_wrong_is_a_problem_document(
    rest: TestClient, method: str, path: str, more: dict[str, Any], status: int
):
    response = rest.request(method, f"{API}{path}", **more)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["hint"]

"""Tenants of another service: whatever way it pages its list, all of them land, or none."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from acting import Vendor

from tenantry.datasets import Tenants
from tenantry.errors import Kind, TenantryError
from tenantry.sources.tenant_service import TenantService, meanings

TOKEN = "t0ken-secret"
PEOPLE = [
    {"id": f"org-{n:02}", "displayName": f"Org {n}", "plan": {"id": n % 2, "name": "pro"},
     "createdAt": "2026-02-01T10:00:00Z", "owner": {"email": f"o{n}@x.example"}, "domains": [f"o{n}.example"]}
    for n in range(25)
]  # fmt: skip
PAGE = 10
Answer = tuple[Any, dict[str, str]]
Paging = Callable[[dict[str, str]], Answer]


def document(*parameters: dict[str, Any], **paths: Any) -> dict[str, Any]:
    listed = {"get": {"parameters": [{"in": "query", "schema": {}, **one} for one in parameters]}}
    return {"openapi": "3.1.0", "servers": [{"url": "/api"}], "paths": {"/v2/organizations": listed, **paths}}


@contextmanager
def service(described: Any, paging: Paging, statuses: list[int] | None = None) -> Iterator[str]:
    fails = list(statuses or [])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return self.answer(401, {}, {})
            if parts.path == "/openapi.json":
                return self.answer(200, described, {})
            if fails:
                return self.answer(fails.pop(0), {}, {"Retry-After": "0"})
            body, headers = paging(dict(parse_qsl(parts.query)))
            return self.answer(200 if parts.path == "/api/v2/organizations" else 404, body, headers)

        def answer(self, status: int, body: Any, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    found = Vendor(tmp_path / "lake", f"sqlite:///{tmp_path / 'state.db'}")
    yield found
    found.state.close()


def pull(vendor: Vendor, url: str, **more: Any) -> list[Any]:
    source = TenantService.model_validate({"url": url, "token": TOKEN, **more})
    vendor.plane.pull({"crm": source})
    return vendor.rows(Tenants)[0]


def cut(start: int) -> list[Any]:
    return PEOPLE[start : start + PAGE]


def by_token(asked: dict[str, str]) -> Answer:
    start = int(asked.get("page_token", 0))
    more = start + PAGE < len(PEOPLE)
    return {"organizations": cut(start), "nextPageToken": str(start + PAGE) if more else ""}, {}


def by_page(asked: dict[str, str]) -> Answer:
    return {"items": cut((int(asked.get("page", 1)) - 1) * PAGE), "total": len(PEOPLE)}, {}


def by_page_from_0(asked: dict[str, str]) -> Answer:
    return {"items": cut(int(asked.get("page", 0)) * PAGE)}, {}


def by_offset(asked: dict[str, str]) -> Answer:
    return cut(int(asked.get("offset", 0))), {}


def by_header(asked: dict[str, str]) -> Answer:
    start = int(asked.get("from", 0))
    more = start + PAGE < len(PEOPLE)
    return cut(start), {"Link": f'</api/v2/organizations?from={start + PAGE}>; rel="next"'} if more else {}


def by_link(asked: dict[str, str]) -> Answer:
    start = int(asked.get("from", 0))
    more = start + PAGE < len(PEOPLE)
    return {
        "data": cut(start),
        "links": {"next": f"/api/v2/organizations?from={start + PAGE}" if more else None},
    }, {}


def by_id(asked: dict[str, str]) -> Answer:
    ids = [one["id"] for one in PEOPLE]
    start = ids.index(asked["starting_after"]) + 1 if "starting_after" in asked else 0
    return {"data": cut(start), "has_more": start + PAGE < len(PEOPLE)}, {}


@pytest.mark.parametrize(
    ("paging", "parameters"),
    [
        (by_token, ["page_token"]), (by_page, ["page", "limit"]), (by_offset, ["offset"]),
        (by_header, []), (by_link, []), (by_id, ["starting_after"]),
    ],
    ids=lambda found: getattr(found, "__name__", ""),
)  # fmt: skip
def test_all_pages_land_and_fields_are_known_by_name(vendor: Vendor, paging: Paging, parameters: list[str]):
    with service(document(*({"name": name} for name in parameters)), paging) as url:
        found = pull(vendor, url)
    assert [t.tenant_id for t in found] == [one["id"] for one in PEOPLE]
    first = found[0]
    assert (first.name, first.tier, str(first.started_on)) == ("Org 0", "pro", "2026-02-01")
    assert (first.aliases, first.contact_email) == (["o0.example"], "o0@x.example")


def test_pages_may_be_counted_from_0_and_fields_said(vendor: Vendor):
    described = document({"name": "page", "schema": {"type": "integer", "default": 0}})
    with service(described, by_page_from_0) as url:
        found = pull(vendor, url, fields={"region": "owner.email", "aliases": "displayName"})
    assert len(found) == 25
    assert (found[3].region, found[3].aliases) == ("o3@x.example", ["Org 3"])


def again(asked: dict[str, str]) -> Answer:
    return {"data": cut(0), "next_cursor": "same"}, {}


def short(asked: dict[str, str]) -> Answer:
    return {"data": cut(0), "total": 25}, {}


def elsewhere(asked: dict[str, str]) -> Answer:
    return {"data": cut(0), "next": "https://evil.example/more"}, {}


@pytest.mark.parametrize(
    ("paging", "why"),
    [(again, "a page comes again"), (short, "10 of 25 came"), (elsewhere, "sends us on to evil.example")],
)
def test_a_list_that_is_not_whole_lands_nothing(vendor: Vendor, paging: Paging, why: str):
    with service(document(), paging) as url, pytest.raises(TenantryError, match=why) as raised:
        pull(vendor, url)
    assert raised.value.kind is Kind.UNAVAILABLE
    assert vendor.rows(Tenants)[0] == []


def test_a_busy_service_is_asked_again_and_a_bad_token_is_not(vendor: Vendor):
    with service(document(), by_offset, [429, 503]) as url:
        assert len(pull(vendor, url)) == PAGE
        with pytest.raises(TenantryError) as raised:
            pull(vendor, url, token="wrong")
    assert raised.value.kind is Kind.FORBIDDEN
    assert "wrong" not in str(raised.value)


def test_what_cannot_be_guessed_is_asked_for(vendor: Vendor):
    with service({"paths": {"/things": {"get": {}}}}, by_offset) as url:
        with pytest.raises(TenantryError, match="names no path") as raised:
            pull(vendor, url)
        assert "/things" in raised.value.hint
        found = pull(vendor, url, tenants="/api/v2/organizations")
        with pytest.raises(TenantryError, match="no column tier_name"):
            pull(vendor, url, fields={"tier_name": "plan"})
    assert len(found) == PAGE


def test_a_field_means_one_column():
    assert meanings(["id", "slug", "email", "plan"]) == {
        "tenant_id": "id", "tier": "plan", "aliases": "slug", "contact_email": "email",
    }  # fmt: skip
    assert meanings(["customerId", "id", "name"]) == {"tenant_id": "customerId", "name": "name"}

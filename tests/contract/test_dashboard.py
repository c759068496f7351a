"""The dashboard's files: how they are served, under any prefix, and that its client is typed from our own document."""

from __future__ import annotations

import runpy
from collections.abc import Generator
from gzip import compress
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from tenantry import app
from tenantry.gateways.http.app import build_app
from tenantry.gateways.ui import dashboard
from tenantry.runtime.call import LOCAL

ROOT = Path(__file__).parents[2]
HTML = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Generator[TestClient]:
    folder = tmp_path_factory.mktemp("served")
    static = folder / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html><html><head><title>T</title></head></html>")
    (static / "begin.js").write_text("1")
    (static / "assets" / "index-1.js").write_text("let a = 1")
    (static / "assets" / "index-1.js.gz").write_bytes(compress(b"let a = 1"))
    with served(folder, static) as found:
        yield found


def as_administrator(asgi: ASGIApp) -> ASGIApp:
    async def admitted(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["principal"] = LOCAL
        await asgi(scope, receive, send)

    return admitted


def served(lake: Path, static: Path) -> TestClient:
    plane = app.open_plane(str(lake / "lake"))
    asgi = build_app(plane.runtime, "0", as_administrator, [dashboard(static)])
    return TestClient(asgi, "http://127.0.0.1", client=("127.0.0.1", 1))


def test_pages_are_the_index_with_the_way_back_to_the_root(client: TestClient):
    for path, base in {"/": "./", "/tenants": "./", "/tenants/acme": "../", "/lineage/a/b": "../../"}.items():
        page = client.get(path, headers=HTML)
        assert page.status_code == 200
        assert f'<head><base href="{base}">' in page.text
        assert page.headers["cache-control"] == "no-cache"
        assert client.get(path, headers={**HTML, "If-None-Match": page.headers["etag"]}).status_code == 304


def test_assets_are_kept_for_ever_and_unknown_ones_are_not_the_index(client: TestClient):
    asset = client.get("/assets/index-1.js")
    assert asset.text == "let a = 1"
    assert asset.headers["content-encoding"] == "gzip"
    assert asset.headers["content-type"].startswith("text/javascript")
    assert "immutable" in asset.headers["cache-control"]
    assert (
        "content-encoding" not in client.get("/assets/index-1.js", headers={"Accept-Encoding": "br"}).headers
    )
    assert client.get("/begin.js").headers["cache-control"] == "no-cache"
    gone = client.get("/assets/index-0.js", headers=HTML)
    assert (gone.status_code, gone.headers["content-type"]) == (404, "application/problem+json")


def test_nothing_comes_from_elsewhere_or_into_a_frame(client: TestClient):
    policy = client.get("/").headers["content-security-policy"]
    for part in ("default-src 'self'", "script-src 'self'", "object-src 'none'", "frame-ancestors 'none'"):
        assert part in policy
    assert "unsafe-eval" not in policy


@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/auth/nothing", "/mcp/nothing", "/v1/nothing", "/nothing"]
)
def test_programs_are_told_what_is_not_there(client: TestClient, path: str):
    headers = {"Accept": "application/json"} if path == "/nothing" else HTML
    answer = client.get(path, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_what_is_outside_the_folder_stays_there(client: TestClient):
    for path in ("/assets/%2e%2e/%2e%2e/lake", "/assets/../index.html", "/..%2f..%2fetc/passwd"):
        assert client.get(path).status_code == 404


def test_without_a_build_the_page_says_how_to_make_one(tmp_path: Path):
    answer = served(tmp_path, tmp_path / "nothing").get("/", headers=HTML)
    assert answer.status_code == 200
    assert "make web" in answer.text


def test_pages_and_assets_are_the_dashboards_beside_all_other_protocols(tmp_path: Path):
    asgi = app.open_app(app.open_plane(str(tmp_path)))
    client = TestClient(asgi, "http://127.0.0.1", client=("127.0.0.1", 1))
    assert client.get("/tenants/acme", headers=HTML).headers["content-type"].startswith("text/html")
    assert client.get("/assets/index-0.js").json()["detail"] == "no /assets/index-0.js here"
    assert client.get("/api/v1/nothing", headers=HTML).status_code == 404


def test_the_client_is_typed_from_the_document_that_is_served():
    generated = runpy.run_path(str(ROOT / "docs" / "catalog.py"))
    assert (ROOT / "web" / "openapi.json").read_text(encoding="utf-8") == generated["openapi"](), (
        "run `make docs` and commit web/openapi.json"
    )


def test_no_address_stands_in_the_lock():
    """npm writes those of who takes gifts for a package into it, under `funding`: take them out, nothing reads them."""
    assert "://" not in (ROOT / "web" / "package-lock.json").read_text(encoding="utf-8")

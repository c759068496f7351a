"""What the file says is shown to administrators, without what is secret; and sources are tried."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from bringing import bill
from starlette.testclient import TestClient

from tenantry import app
from tenantry.kernel import AccessRole
from tenantry.runtime.access import Tokens
from tenantry.runtime.call import LOCAL

FILE = """
business_context = "We sell shoes."
[lake]
path = "lake"
[sources.bills]
kind = "focus"
path = "bills/*.csv"
[sources.people]
kind = "tenants"
path = "nowhere.csv"
[sources.paid]
kind = "stripe"
[agent]
model = "ollama:x"
base_url = "http://kim:hunter2@models.example:1234"
"""


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[TestClient]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TENANTRY_SOURCES__PAID__KEY", "sk_test_hunter2")
    monkeypatch.setenv("TENANTRY_AGENT__API_KEY", "hunter2")
    (tmp_path / "tenantry.toml").write_text(FILE)
    (tmp_path / "bills").mkdir()
    (tmp_path / "bills" / "may.csv").write_bytes(bill())
    asgi = app.open_app(app.open_plane(None))
    with TestClient(asgi, "http://127.0.0.1", client=("127.0.0.1", 1)) as found:
        yield found


def test_settings_and_sources_without_secrets(client: TestClient):
    told = client.get("/api/v1/settings")
    found = {one["name"]: one["value"] for one in told.json()["settings"]}
    assert found["business_context"] == "We sell shoes."
    assert found["agent.base_url"] == "http://(hidden)@models.example:1234"
    sources = client.get("/api/v1/sources")
    assert [(s["name"], s["kind"], s["remote"]) for s in sources.json()["sources"]] == [
        ("bills", "focus", False),
        ("paid", "stripe", True),
        ("people", "tenants", False),
    ]
    assert "hunter2" not in told.text + sources.text


def test_a_source_is_tried_and_nothing_landed(client: TestClient, tmp_path: Path):
    assert client.post("/api/v1/sources/bills/test").json() == {"files": 1, "problems": []}
    [problem] = client.post("/api/v1/sources/people/test").json()["problems"]
    assert "nowhere.csv" in problem
    (tmp_path / "bills" / "other.csv").write_text("a,b\n1,2\n")
    assert client.post("/api/v1/sources/bills/test").json() == {
        "files": 1,
        "problems": ["bills/other.csv: not a file of kind focus"],
    }
    assert client.post("/api/v1/sources/nothing/test").status_code == 404
    assert not (tmp_path / "lake" / "charges").exists()


def test_each_is_for_its_role(client: TestClient):
    plane = app.open_plane(None)
    tokens = Tokens(plane.state, plane.now)
    for role, tenant_id, seen in (
        (AccessRole.VIEWER, None, [403, 200, 403]),
        (AccessRole.OPERATOR, None, [403, 200, 200]),
        (AccessRole.ADMIN, "acme", [403, 403, 403]),
    ):
        _, secret = tokens.create(LOCAL, role.value, role, tenant_id)
        client.headers["Authorization"] = f"Bearer {secret}"
        answers = [
            client.get("/api/v1/settings"),
            client.get("/api/v1/sources"),
            client.post("/api/v1/sources/bills/test"),
        ]
        assert [answer.status_code for answer in answers] == seen

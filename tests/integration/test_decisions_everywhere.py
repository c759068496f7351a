"""Decisions over HTTP, MCP and the command line: proposed, shown as they would be done, decided on once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from acting import Vendor
from mcp_clients import NEW, OLD, Known, over_http, talking
from mcp_types import ElicitResult
from serving import serving
from starlette.testclient import TestClient

from tenantry.app import main
from tenantry.gateways.http.app import Part, build_app
from tenantry.gateways.mcp import catalog_server, mounted
from tenantry.kernel import AccessRole, Principal
from tenantry.runtime.call import LASTS
from tenantry.runtime.decisions import Decisions

API = "/api/v1"
PEOPLE = {
    name: Principal(name, tenant, role)
    for name, tenant, role in (
        ("local", None, AccessRole.ADMIN),
        ("ann", None, AccessRole.ANALYST),
        ("otto", None, AccessRole.OPERATOR),
        ("vic", None, AccessRole.VIEWER),
        ("kim", "acme", AccessRole.OPERATOR),
    )
}
BODY = {"tenant_id": "north-wind", "name": "North Wind"}


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    found = Vendor(tmp_path / "lake", f"sqlite:///{tmp_path / 'lake' / 'state.db'}")
    yield found
    found.state.close()


@pytest.fixture
def app(vendor: Vendor) -> Any:
    runtime = vendor.plane.runtime
    routes, lifespan = mounted(catalog_server(runtime, "0", None, Decisions(runtime)))
    return build_app(runtime, "0", lambda app: Known(app, PEOPLE), [Part(routes=routes, lifespan=lifespan)])


@pytest.fixture
def rest(app: Any) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


def ask(rest: TestClient, who: str, method: str, path: str, **more: Any) -> Any:
    return rest.request(method, f"{API}{path}", headers={"x-principal": who}, **more)


def proposed(rest: TestClient, who: str = "ann", **query: str) -> Any:
    found = ask(rest, who, "POST", "/tenants", json=BODY, params={"propose": "true", **query})
    assert found.status_code == 202, found.text
    return found.json()


def decided(rest: TestClient, waits: Any, verdict: str = "approve", who: str = "otto", **more: Any) -> Any:
    body = {"verdict": verdict, "digest": waits["digest"], **more}
    return ask(rest, who, "POST", f"/decisions/{waits['id']}", json=body)


def test_rest_from_proposal_to_deed(rest: TestClient):
    assert ask(rest, "ann", "POST", "/tenants", json=BODY, params={"approved": "true"}).status_code == 403
    waits = proposed(rest, why="they signed")
    assert (waits["state"], waits["proposed_by"], waits["why"]) == ("proposed", "ann", "they signed")
    page = ask(rest, "vic", "GET", "/decisions", params={"state": "proposed", "limit": "1"}).json()
    assert (page["decisions"], page["waiting"], page["next"]) == ([waits], 1, waits["id"])
    assert decided(rest, waits, who="ann").status_code == 403
    assert decided(rest, {**waits, "digest": "0" * 64}).status_code == 409
    done = decided(rest, waits, note="fine").json()
    assert (done["state"], done["decided_by"], done["result"]["name"]) == ("acted", "otto", "North Wind")
    late = decided(rest, waits, "reject")
    assert (late.status_code, late.json()["type"], late.json()["decision"]) == (409, "/errors/conflict", done)
    assert ask(rest, "vic", "GET", f"/decisions/{waits['id']}").json() == done
    assert ask(rest, "vic", "GET", "/decisions").json()["waiting"] == 0


def test_rest_says_what_is_wrong(rest: TestClient, vendor: Vendor):
    waits = proposed(rest)
    both = {"propose": "true", "approved": "true"}
    assert ask(rest, "otto", "POST", "/tenants", json=BODY, params=both).status_code == 422
    assert ask(rest, "vic", "POST", "/tenants", json=BODY, params={"propose": "true"}).status_code == 403
    assert ask(rest, "ann", "POST", "/tenants", json={"x": 1}, params={"propose": "true"}).status_code == 422
    assert ask(rest, "otto", "DELETE", "/tiers/pro", params={"why": "so"}).status_code == 422
    assert (
        ask(rest, "otto", "POST", f"/decisions/{waits['id']}", json={"verdict": "approve"}).status_code == 422
    )
    assert decided(rest, waits, "maybe").status_code == 422
    assert decided(rest, waits, note="\0").status_code == 422
    assert ask(rest, "kim", "GET", f"/decisions/{waits['id']}").status_code == 404
    assert ask(rest, "kim", "GET", "/decisions").json() == {"decisions": [], "next": None, "waiting": 0}
    vendor.now += LASTS
    late = decided(rest, waits)
    assert (late.status_code, late.json()["decision"]["state"]) == (409, "expired")


def test_the_command_line_proposes_lists_and_decides(
    vendor: Vendor, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)

    def run(*words: str, code: int = 0) -> str:
        assert main([*words, "--lake", str(tmp_path / "lake")]) == code
        said = capsys.readouterr()
        return said.out or said.err

    create = ("tenants", "create", "--tenant-id", "north-wind", "--name", "North \x1b[2J Wind")
    assert "nothing waits" in run("decisions")
    assert "decision 1, tenants.create, waits for a person until" in run(*create, "--propose", "they signed")
    shown = run("decisions")
    assert 'name = "North \\u001b[2J Wind"' in shown
    assert "proposed by local: they signed" in shown
    assert "tenantry decide 1 approve|reject" in shown
    assert "is not what was shown" in run("decide", "1", "approve", "--digest", "0" * 64, code=5)
    run("decide", "1", "reject", "--note", "a strange name")
    assert "was rejected by local: a strange name" in run("decide", "1", "approve", code=5)
    waits = json.loads(run("tenants", "create", "--tenant-id", "west", "--propose", "--json"))
    done = json.loads(run("decide", str(waits["id"]), "approve", "--digest", waits["digest"], "--json"))
    assert (done["state"], done["result"]["tenant_id"]) == ("acted", "west")
    run("tenants", "change-tier", "--tenant-id", "nobody", "--tier", "pro", "--propose")
    assert "and failed: " in run("decide", "3", "approve", code=4)
    assert [d["id"] for d in json.loads(run("decisions", "--all", "--json"))["decisions"]] == [3, 2, 1]
    assert json.loads(run("decisions", "--state", "failed", "--json"))["decisions"][0]["id"] == 3
    run("decisions", "--state", "done", code=2)
    run("decide", "99", "approve", code=4)


@pytest.mark.parametrize("wire", [OLD, NEW])
def test_mcp_lists_and_proposes_and_lets_the_person_decide(app: Any, wire: str):
    asked: list[str] = []
    said = ElicitResult(action="accept", content={"approve": True, "note": "go"})

    async def person(_: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        return said

    with serving(app) as url:
        with talking(over_http(url, wire, "ann")) as analyst:
            call = {"capability": "tenants", "tool": "create", "arguments": BODY, "why": "they signed"}
            waits = analyst(lambda c: c.call_tool("decisions_propose", call)).structured_content
            alone = analyst(lambda c: c.call_tool("decisions_decide", {"id": waits["id"]}))
            assert "/errors/approval_required" in alone.content[0].text
            assert analyst(lambda c: c.call_tool("decisions_list", {})).structured_content["waiting"] == 1
            assert analyst(lambda c: c.call_tool("decisions_list", {"status": "x"})).is_error
        with talking(over_http(url, wire, "otto", elicitation_callback=person)) as operator:
            done = operator(lambda c: c.call_tool("decisions_decide", {"id": waits["id"]})).structured_content
            assert (done["state"], done["decided_by"], done["note"]) == ("acted", "otto", "go")
            assert asked[0].startswith("Approve decision 1, tenants.create?\nAdd a tenant")
            assert 'tenant_id: "north-wind"' in asked[0]
            again = operator(lambda c: c.call_tool("decisions_propose", call)).structured_content
            said = ElicitResult(action="decline")
            refused = operator(lambda c: c.call_tool("decisions_decide", {"id": again["id"]}))
            assert "/errors/approval_required" in refused.content[0].text
            said = ElicitResult(action="accept", content={"approve": False})
            no = operator(lambda c: c.call_tool("decisions_decide", {"id": again["id"]})).structured_content
            assert no["state"] == "rejected"

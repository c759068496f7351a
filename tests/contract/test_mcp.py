"""What holds for every tool and dataset over MCP. Nobody edits this for a new capability."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_clients import NEW, OLD, Ask, app_of, over_http, talking
from mcp_types import CallToolResult, TextContent
from serving import serving
from three_months import CATALOG, HOSTILE, TENANTS

from tenantry.engine.lake import arrow_schema
from tenantry.errors import PROTOCOLS, Kind
from tenantry.gateways.export import write_json
from tenantry.kernel import Capability, Dataset, Effect, Principal, Tool
from tenantry.runtime.call import Runtime

pytestmark = pytest.mark.slow

TEAL = Principal("kim", "teal-partners")
STRANGERS = [json.dumps(name)[1:-1] for name in TENANTS if name != TEAL.tenant_id]
TOOLS = [(c, t) for c in CATALOG.capabilities for t in c.tools]
# Tools that act change what they are asked about: tests/integration/test_mcp.py has them.
HARMLESS = [(c, t) for c, t in TOOLS if t.effect is not Effect.ACT]
each_tool = pytest.mark.parametrize(
    ("capability", "tool"), HARMLESS, ids=[f"{c.name}.{t.name}" for c, t in HARMLESS]
)
each_dataset = pytest.mark.parametrize("dataset", CATALOG.datasets, ids=[d.table() for d in CATALOG.datasets])


@pytest.fixture(scope="module")
def url(runtime: Runtime) -> Iterator[str]:
    with serving(app_of(runtime, TEAL)) as address:
        yield address


@pytest.fixture(scope="module", params=[OLD, NEW])
def either(url: str, request: pytest.FixtureRequest) -> Iterator[Ask]:
    with talking(over_http(url, request.param)) as ask:
        yield ask


@pytest.fixture(scope="module")
def vendor_asks(url: str) -> Iterator[Ask]:
    with talking(over_http(url, NEW)) as ask:
        yield ask


@pytest.fixture(scope="module")
def teal_asks(url: str) -> Iterator[Ask]:
    with talking(over_http(url, OLD, TEAL.name)) as ask:
        yield ask


def call(ask: Ask, capability: Capability, tool: Tool, **more: Any) -> CallToolResult:
    name = f"{capability.name}_{tool.name}"
    return ask(lambda client: client.call_tool(name, {**tool.example, **more}))


def text_of(found: CallToolResult) -> str:
    [part] = found.content
    assert isinstance(part, TextContent)
    return part.text


def pages(ask: Ask, uri: str) -> list[dict[str, Any]]:
    """All rows, page after page."""
    rows: list[dict[str, Any]] = []
    following: str | None = uri
    while following:
        [contents] = ask(lambda client, at=following: client.read_resource(at)).contents
        document = json.loads(contents.text)
        rows += document["data"]
        following = document["next"]
    return rows


def test_every_tool_is_listed_with_what_it_was_declared_to_be(either: Ask):
    listed = {t.name: t for t in either(lambda client: client.list_tools()).tools}
    assert [*listed] == [f"{c.name}_{t.name}" for c, t in TOOLS]
    for capability, tool in TOOLS:
        shown = listed[f"{capability.name}_{tool.name}"]
        assert shown.title
        assert shown.description == tool.doc
        assert [*shown.input_schema["properties"]] == [*tool.parameters.model_fields]
        assert shown.input_schema["examples"] == [tool.example]
        assert shown.output_schema
        assert shown.annotations
        assert shown.annotations.read_only_hint == (tool.effect is Effect.READ)


@each_tool
def test_the_answer_is_the_one_that_every_gateway_gives(
    vendor_asks: Ask, runtime: Runtime, capability: Capability, tool: Tool
):
    # The client holds the structured content to the tool's output schema.
    found = call(vendor_asks, capability, tool)
    assert not found.is_error
    document = runtime.call(capability.name, tool.name, tool.example).document()
    assert found.structured_content == document
    assert json.loads(text_of(found)) == document


@each_tool
def test_a_principal_bound_to_a_tenant_sees_no_other(teal_asks: Ask, capability: Capability, tool: Tool):
    own = {"tenant_id": TEAL.tenant_id} if "tenant_id" in tool.parameters.model_fields else {}
    found = call(teal_asks, capability, tool, **own)
    if found.is_error:
        assert json.loads(text_of(found))["type"] == "/errors/forbidden"
    data = json.dumps((found.structured_content or {}).get("data"))
    assert not [name for name in (*STRANGERS, "(unallocated)", "(idle)", "(unknown") if name in data]


@each_dataset
def test_a_dataset_is_read_page_by_page_to_its_last_row(
    vendor_asks: Ask, runtime: Runtime, dataset: type[Dataset]
):
    whole = io.BytesIO()
    write_json(arrow_schema(dataset), runtime.batches(dataset.table()), whole)
    assert pages(vendor_asks, f"tenantry://datasets/{dataset.table()}") == json.loads(whole.getvalue())


@each_dataset
def test_a_principal_bound_to_a_tenant_reads_its_own_rows(teal_asks: Ask, dataset: type[Dataset]):
    uri = f"tenantry://datasets/{dataset.table()}"
    if "tenant_id" not in dataset.columns():
        with pytest.raises(MCPError) as refused:
            pages(teal_asks, uri)
        assert refused.value.error.code == PROTOCOLS[Kind.FORBIDDEN][2]
        return
    rows = pages(teal_asks, uri)
    assert {row["tenant_id"] for row in rows} <= {TEAL.tenant_id}
    assert not [name for name in STRANGERS if name in json.dumps(rows)]


def test_pages_of_capabilities_are_prompts(either: Ask):
    listed = either(lambda client: client.list_prompts()).prompts
    assert [(p.name, p.description) for p in listed] == [(c.name, c.question) for c in CATALOG.capabilities]
    question = {"question": f"About {HOSTILE}?"}
    for capability in CATALOG.capabilities:
        [message] = either(lambda client, c=capability: client.get_prompt(c.name, question)).messages
        text = message.content.text
        assert text.startswith(capability.instructions.rstrip())
        assert text.endswith(question["question"])
        assert all(f"{capability.name}_{tool.name}" in text for tool in capability.tools)


def test_the_server_says_which_questions_it_answers(either: Ask):
    async def told(client: Client) -> str:
        return client.instructions or ""

    instructions = either(told)
    assert all(capability.question in instructions for capability in CATALOG.capabilities)

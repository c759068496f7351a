"""What holds for REST, whatever the catalog holds. Nobody edits this for a new capability."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import httpx
import pyarrow as pa
import pytest
from pyarrow import parquet
from serving import serving
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send
from three_months import CATALOG

from tenantry.errors import Kind, TenantryError
from tenantry.gateways.http.app import build_app
from tenantry.gateways.http.live import Live, live_part
from tenantry.kernel import Capability, Dataset, Effect, Principal, Tool
from tenantry.runtime.call import Runtime

pytestmark = pytest.mark.slow

TOOLS = [(c, t) for c in CATALOG.capabilities for t in c.tools if t.effect is not Effect.ACT]
each_tool = pytest.mark.parametrize(
    ("capability", "tool"), TOOLS, ids=[f"{c.name}.{t.name}" for c, t in TOOLS]
)
each_dataset = pytest.mark.parametrize("dataset", CATALOG.datasets, ids=[d.table() for d in CATALOG.datasets])
VOLATILE = {"as_of"}


class As:
    """Every request is this principal's."""

    def __init__(self, app: ASGIApp, principal: Principal) -> None:
        self._app = app
        self._principal = principal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["principal"] = self._principal
        await self._app(scope, receive, send)


def client(runtime: Runtime, principal: Principal) -> TestClient:
    app = build_app(runtime, "0", lambda app: As(app, principal))
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture(scope="session")
def rest(runtime: Runtime) -> Iterator[TestClient]:
    with client(runtime, Principal()) as found:
        yield found


@pytest.fixture(scope="session")
def bound(runtime: Runtime) -> Iterator[TestClient]:
    with client(runtime, Principal("kim", "teal-partners")) as found:
        yield found


def path(capability: Capability, tool: Tool) -> str:
    return f"/api/v1/{capability.name}/{tool.name}"


def asked(rest: TestClient, capability: Capability, tool: Tool, arguments: Mapping[str, Any]) -> Any:
    if tool.effect is Effect.READ:
        return rest.get(path(capability, tool), params=dict(arguments))
    return rest.post(path(capability, tool), json=dict(arguments))


def said(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in VOLATILE}


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found = response.json()
    assert found["status"] == status
    assert {"type", "title", "detail", "hint"} <= found.keys()
    return found


@each_tool
def test_a_tool_answers_over_rest_as_anywhere(
    runtime: Runtime, rest: TestClient, capability: Capability, tool: Tool
):
    answer = runtime.call(capability.name, tool.name, dict(tool.example)).document()
    response = asked(rest, capability, tool, tool.example)
    assert response.status_code == 200, response.text
    assert said(response.json()) == said(json.loads(json.dumps(answer)))


@each_tool
def test_what_is_wrong_is_said_of_every_parameter_at_once(
    rest: TestClient, capability: Capability, tool: Tool
):
    wrong = {"no_such": "x", "nor_this": "y"}
    found = problem(asked(rest, capability, tool, wrong), 422)
    assert wrong.keys() <= {p["param"] for p in found["params"]}


def test_an_answer_that_the_client_holds_is_not_sent_again(rest: TestClient):
    url = "/api/v1/cost_per_tenant/rank?window=2026-03"
    first = rest.get(url)
    again = rest.get(url, headers={"If-None-Match": f'"other", {first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert {name: again.headers[name] for name in ("etag", "cache-control")} == {
        name: first.headers[name] for name in ("etag", "cache-control")
    }
    assert rest.get(url + "&top=1").headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize(
    "url", ["/api/v1/cost_per_tenant/rank?window=2026-03", "/api/v1/datasets", "/api/v1/datasets/tenants"]
)
@pytest.mark.parametrize(
    ("held", "status"), [("{}", 304), ("W/{}", 304), ("*", 304), ('"a", W/{}', 304), ("x{}", 200), ("", 200)]
)
def test_tags_are_compared_weakly(rest: TestClient, url: str, held: str, status: int):
    tag = rest.get(url).headers["etag"].removeprefix("W/")
    assert rest.get(url, headers={"If-None-Match": held.format(tag)}).status_code == status


@pytest.mark.parametrize("refused", ["gzip;q=0", "br, GZIP ; Q=0.00"])
def test_what_is_refused_packed_is_sent_as_it_is(rest: TestClient, refused: str):
    packed = rest.get("/api/v1/catalog", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert packed.headers["content-encoding"] == "gzip"
    found = rest.get("/api/v1/catalog", headers={"Accept-Encoding": refused})
    assert "content-encoding" not in found.headers
    assert found.json()["capabilities"]


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/api/v1/cost_per_tenant/rank?window=2026-13", 422),
        ("/api/v1/cost_per_tenant/rank?top=1&top=2", 422),
        ("/api/v1/cost_per_tenant/rang", 404),
        ("/api/v1/datasets/tenant_costs", 404),
        ("/api/v1/datasets/tenants?window=2026-03", 422),
        ("/api/v1/datasets/tenant_cost?limit=\u0663", 422),
        ("/api/v1/datasets/tenant_cost?limit=99999999999999999999999", 422),
        ("/api/v1/datasets/tenant_cost?cursor=e30", 422),
        ("/api/v1/datasets/tenant_cost?cursor=%00", 422),
        ("/api/v1/datasets/tenant_cost?cursor=W3sidGVuYW50X2Nvc3QiOjk5OX0sbnVsbCwwXQ", 422),
        ("/api/v1/datasets/tenant_cost?format=xls", 422),
        ("/api/v1/datasets/tenant_cost?format=csv&limit=1", 422),
        ("/api/v1/datasets/tenant_cost?fromat=csv", 422),
        ("/nowhere", 404),
    ],
)
def test_what_cannot_be_answered_is_a_problem_document(rest: TestClient, url: str, status: int):
    assert problem(rest.get(url), status)["hint"]


def test_another_method_is_refused(rest: TestClient):
    refused = rest.delete("/api/v1/cost_per_tenant/rank")
    assert problem(refused, 405)
    assert refused.headers["allow"] == "GET, HEAD", "RFC 9110, 15.5.6: it says which there are"
    assert rest.delete("/api/v1/tenants").headers["allow"] == "GET, HEAD, POST", "of all routes of the path"


@pytest.mark.parametrize(
    "url", ["/healthz", "/api/v1/tenants", "/api/v1/datasets/tenants?format=csv", "/api/v1/nope"]
)
def test_head_is_get_without_its_content(runtime: Runtime, url: str):
    with serving(build_app(runtime, "0", lambda app: As(app, Principal()))) as address:
        got, head = httpx.get(address + url), httpx.head(address + url)
        counted = httpx.get(f"{address}/metrics").text
    volatile = {"date", "x-request-id"}
    assert head.status_code == got.status_code
    assert head.content == b""
    assert {**head.headers, **dict.fromkeys(volatile, "")} == {**got.headers, **dict.fromkeys(volatile, "")}
    assert url == "/api/v1/nope" or f'method="HEAD",route="{url.partition("?")[0][:17]}' in counted


def test_head_of_a_stream_ends_at_once(runtime: Runtime):
    part = live_part(Live([]))
    with serving(build_app(runtime, "0", lambda app: As(app, Principal()), [part])) as address:
        head = httpx.head(f"{address}/api/v1/live", timeout=5)
    assert head.headers["content-type"].startswith("text/event-stream")


def test_a_body_that_is_no_json_or_too_large_is_refused(rest: TestClient):
    url = "/api/v1/cost_per_tenant/preview"
    assert problem(rest.post(url, content=b"{"), 422)
    assert problem(rest.post(url, json={"policy": "x", "top": "5"}), 422), "strict: a number is no text"
    for path in (url, "/api/v1/decisions/1"):
        large = rest.post(path, content=b" " * 1_000_001, headers={"Content-Type": "application/json"})
        assert problem(large, 413)["type"] == "/errors/limit_exceeded"


def test_a_client_that_leaves_is_no_bug(rest: TestClient, caplog: pytest.LogCaptureFixture):
    status = list[int]()

    async def leave() -> None:
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "headers": [],
            "query_string": b"",
            "state": {},
        }
        await rest.app({**scope, "root_path": "", "client": None}, receive, send)

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        status.extend([message["status"]] if "status" in message else [])

    path = "/api/v1/cost_per_tenant/preview"
    asyncio.run(leave())
    assert status == [400]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def pages(rest: TestClient, name: str, limit: int) -> Iterator[list[dict[str, Any]]]:
    cursor = ""
    while cursor is not None:
        response = rest.get(
            f"/api/v1/datasets/{name}?limit={limit}" + (f"&cursor={cursor}" if cursor else "")
        )
        assert response.status_code == 200, response.text
        yield response.json()["data"]
        cursor = response.json()["next"]


@each_dataset
def test_pages_of_any_size_are_the_whole_dataset(rest: TestClient, dataset: type[Dataset]):
    whole = rest.get(f"/api/v1/datasets/{dataset.table()}?format=json")
    assert whole.status_code == 200, whole.text
    rows = whole.json()
    small = max(1, len(rows) // 3)
    for limit in {small, 10_000}:
        found = list(pages(rest, dataset.table(), limit))
        assert [row for page in found for row in page] == rows
        assert all(len(page) == limit for page in found[:-1])


@each_dataset
def test_every_form_of_a_dataset_says_the_same(rest: TestClient, dataset: type[Dataset]):
    url = f"/api/v1/datasets/{dataset.table()}?format="
    rows = rest.get(url + "json").json()
    answer = rest.get(url + "csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{dataset.table()}.csv"'
    table = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert table[0] == list(dataset.columns())
    assert len(table) == len(rows) + 1
    stored: pa.Table = parquet.read_table(io.BytesIO(rest.get(url + "parquet").content))
    assert (stored.num_rows, stored.column_names) == (len(rows), table[0])


@each_dataset
def test_a_tenant_sees_its_own_rows_alone(bound: TestClient, rest: TestClient, dataset: type[Dataset]):
    for form in ("", "?format=json", "?format=csv"):
        response = bound.get(f"/api/v1/datasets/{dataset.table()}{form}")
        if "tenant_id" not in dataset.columns():
            assert problem(response, 403)
        elif form != "?format=csv":
            document = response.json()
            found = document if form else document["data"]
            every = rest.get(f"/api/v1/datasets/{dataset.table()}?format=json").json()
            assert found == [row for row in every if row["tenant_id"] == "teal-partners"]


def test_the_list_of_datasets_is_what_one_may_see(bound: TestClient, rest: TestClient):
    assert [d["name"] for d in rest.get("/api/v1/datasets").json()["data"]] == [
        d.table() for d in CATALOG.datasets
    ]
    for found in bound.get("/api/v1/datasets").json()["data"]:
        assert "tenant_id" in [column["name"] for column in found["columns"]]


def test_nobody_is_refused_before_anything_is_read(runtime: Runtime):
    app = build_app(runtime, "0", lambda app: app)
    with TestClient(app) as nobody:
        assert problem(nobody.get("/api/v1/cost_per_tenant/rank"), 403)
        assert problem(nobody.get("/api/v1/datasets/tenants"), 403)
        assert nobody.get("/healthz").status_code == 200


def test_ready_says_what_is_away(runtime: Runtime):
    from tenantry.gateways.http.app import Part

    def away() -> None:
        raise TenantryError(Kind.UNAVAILABLE, "the lake is dry", "fill it")

    app = build_app(runtime, "0", lambda app: app, [Part(check={"lake": away, "sky": lambda: None})])
    with TestClient(app) as nobody:
        found = problem(nobody.get("/readyz"), 503)
    assert found["checks"] == {"lake": "the lake is dry", "sky": "ok"}


def test_the_openapi_document_describes_every_tool(rest: TestClient):
    document = rest.get("/api/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    names = [o["operationId"] for paths in document["paths"].values() for o in paths.values()]
    assert len(names) == len(set(names))
    assert {f"{c.name}_{t.name}" for c, t in TOOLS} <= set(names)
    assert document["security"] == [{"token": []}, {}], "else no generated client sends one"
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    references = set(_references(document))
    assert {r.removeprefix("#/components/schemas/") for r in references} <= document["components"][
        "schemas"
    ].keys()


def _references(document: Any) -> Iterator[str]:
    if isinstance(document, Mapping):
        for name, value in document.items():
            if name == "$ref":
                yield value
            yield from _references(value)
    elif isinstance(document, list):
        for value in document:
            yield from _references(value)


def test_figures_count_requests_by_route(rest: TestClient):
    rest.get("/api/v1/datasets/tenants")
    text = rest.get("/metrics").text
    assert 'tenantry_http_requests_total{method="GET",route="/api/v1/datasets/{name}",status="200"}' in text

"""A principal bound to a tenant: what it is shown holds no row of another, and depends on none.

By the runtime and by REST, with real tokens; for each tool and dataset of the catalog. Nobody edits this for a new
capability.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from deltalake import DeltaTable
from mcp_clients import NEW, OLD, over_http, talking
from serving import serving
from small_vendor import SmallVendor
from three_months import CATALOG, HOSTILE, NOW, POLICY, TENANTS

from tenantry import app
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.errors import Kind, TenantryError
from tenantry.kernel import AccessRole, Capability, Dataset, Effect, Principal, Tool
from tenantry.runtime.access import Tokens
from tenantry.runtime.call import LOCAL, Runtime, plain
from tenantry.runtime.plane import ControlPlane
from tenantry.runtime.sandbox import Rooms
from tenantry.runtime.state import audit

pytestmark = pytest.mark.slow

TOOLS = [(c, t) for c in CATALOG.capabilities for t in c.tools]
each_called = pytest.mark.parametrize(
    ("capability", "tool"),
    [pytest.param(c, t, id=f"{c.name}.{t.name}") for c, t in TOOLS if t.effect is not Effect.ACT],
)
each_acting = pytest.mark.parametrize(
    ("capability", "tool"),
    [pytest.param(c, t, id=f"{c.name}.{t.name}") for c, t in TOOLS if t.effect is Effect.ACT],
)
each_dataset = pytest.mark.parametrize("dataset", CATALOG.datasets, ids=[d.table() for d in CATALOG.datasets])
OWN = "beacon-legal"
BOUND = Principal("kim", OWN, AccessRole.ADMIN)
OTHERS = [name for name in TENANTS if name != OWN]


@pytest.fixture(scope="module")
def alone(vendor: SmallVendor, tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    """The same lake without any row of another tenant."""
    folder = tmp_path_factory.mktemp("alone") / "lake"
    shutil.copytree(vendor.engine.lake.path, folder)
    lake = Lake(folder)
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in OTHERS)
    for dataset in CATALOG.datasets:
        if (
            dataset.stored
            and "tenant_id" in dataset.columns()
            and DeltaTable.is_deltatable(str(lake.folder(dataset)))
        ):
            DeltaTable(str(lake.folder(dataset))).delete(f"tenant_id IN ({names})")
    return Runtime(DuckDB(lake, "1GB"), CATALOG, lambda: NOW, lambda _: {"policy": POLICY}, sandbox=Rooms())


@pytest.fixture(scope="module")
def plane(vendor: SmallVendor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A copy of the lake that tools may act on."""
    folder = tmp_path_factory.mktemp("acting") / "lake"
    shutil.copytree(vendor.engine.lake.path, folder)
    found = app.open_plane(str(folder))
    yield found
    found.state.close()


@pytest.fixture(scope="module")
def url(plane: ControlPlane) -> Iterator[str]:
    with serving(app.open_app(plane)) as address:
        yield address


@pytest.fixture(scope="module")
def rest(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def as_(plane: ControlPlane) -> Mapping[str | None, dict[str, str]]:
    """By tenant, and None for all of them, the header that says who asks."""
    tokens = Tokens(plane.state, plane.now)
    return {
        tenant: {"Authorization": f"Bearer {tokens.create(LOCAL, 'test', AccessRole.ADMIN, tenant)[1]}"}
        for tenant in (None, *TENANTS)
    }


def arguments(tool: Tool, tenant_id: str) -> dict[str, Any]:
    own = {"tenant_id": tenant_id} if "tenant_id" in tool.parameters.model_fields else {}
    return {**tool.example, **own}


def outcome(runtime: Runtime, capability: Capability, tool: Tool) -> Any:
    try:
        return plain(runtime.call(capability.name, tool.name, arguments(tool, OWN), BOUND).data)
    except TenantryError as problem:
        return problem.problem()


def asked(
    rest: httpx.Client, capability: Capability, tool: Tool, given: Mapping[str, Any], headers: dict[str, str]
) -> Any:
    path = f"/api/v1/{capability.name}/{tool.name}"
    if tool.effect is Effect.READ:
        return rest.get(path, params=dict(given), headers=headers)
    return rest.post(path, json=dict(given), headers=headers)


def named(text: str, tenants: list[str]) -> list[str]:
    return [
        name for name in [*tenants, "(unallocated)", "(idle)", "(unknown"] if json.dumps(name)[1:-1] in text
    ]


def test_the_lake_without_others_holds_none(runtime: Runtime, alone: Runtime):
    held = [
        {row["tenant_id"] for batch in of.batches("tenant_cost") for row in batch.to_pylist()}
        for of in (runtime, alone)
    ]
    assert held[0] - held[1] == {*OTHERS}
    assert OWN in held[1]


@each_called
def test_an_answer_depends_on_no_row_of_another(
    capability: Capability, tool: Tool, runtime: Runtime, alone: Runtime
):
    assert outcome(runtime, capability, tool) == outcome(alone, capability, tool)


@each_dataset
def test_rows_depend_on_no_row_of_another(dataset: type[Dataset], runtime: Runtime, alone: Runtime):
    def rows(of: Runtime) -> list[Any] | Kind:
        try:
            return [row for batch in of.batches(dataset.table(), None, BOUND) for row in batch.to_pylist()]
        except TenantryError as problem:
            return problem.kind

    assert rows(runtime) == rows(alone)


@each_called
def test_rest_shows_a_tenant_its_own(
    capability: Capability, tool: Tool, rest: httpx.Client, as_: Mapping[str | None, dict[str, str]]
):
    for tenant in (OWN, HOSTILE):
        answer = asked(rest, capability, tool, arguments(tool, tenant), as_[tenant])
        assert answer.status_code in {200, 403, 404}, answer.text
        assert not named(
            json.dumps(answer.json().get("data", answer.json())), [t for t in TENANTS if t != tenant]
        )
        if "tenant_id" in tool.parameters.model_fields:
            for other in (OTHERS[0], "nobody-at-all"):
                foreign = asked(rest, capability, tool, arguments(tool, other), as_[tenant])
                assert (foreign.status_code, foreign.json()["type"]) == (403, "/errors/forbidden")


@each_dataset
def test_rest_gives_a_tenant_its_rows(
    dataset: type[Dataset], rest: httpx.Client, as_: Mapping[str | None, dict[str, str]]
):
    path = f"/api/v1/datasets/{dataset.table()}"
    if "tenant_id" not in dataset.columns():
        for query in ("", "?format=csv", "?limit=1"):
            assert rest.get(path + query, headers=as_[OWN]).status_code == 403
        return
    every = rest.get(f"{path}?format=json", headers=as_[None]).json()
    for tenant in (OWN, HOSTILE):
        own = [row for row in every if row["tenant_id"] == tenant]
        assert rest.get(f"{path}?format=json", headers=as_[tenant]).json() == own
    own = [row for row in every if row["tenant_id"] == OWN]
    half = len(own) // 2 + 1
    first = rest.get(path, params={"limit": half}, headers=as_[OWN]).json()
    assert first["data"] == own[:half]
    if first["next"]:
        assert rest.get(path, params={"cursor": first["next"]}, headers=as_[OWN]).json()["data"] == own[half:]


@each_acting
def test_nothing_is_done_to_another(capability: Capability, tool: Tool, plane: ControlPlane):
    other = Principal("kim", "fjord-bank", AccessRole.ADMIN)
    with pytest.raises(TenantryError) as raised:
        plane.runtime.call(capability.name, tool.name, tool.example, other, approved=True)
    assert raised.value.kind is Kind.FORBIDDEN
    assert not named(f"{raised.value.message} {raised.value.hint}", [t for t in TENANTS if t != "fjord-bank"])


@pytest.mark.parametrize("path", ["/api/v1/tokens", "/metrics"])
def test_what_is_of_all_tenants_is_not_for_one(
    path: str, rest: httpx.Client, as_: Mapping[str | None, dict[str, str]]
):
    assert rest.get(path, headers=as_[None]).status_code == 200
    assert rest.get(path, headers=as_[OWN]).status_code == 403


@pytest.mark.parametrize("wire", [OLD, NEW])
def test_what_an_agent_is_refused_is_written_down(
    wire: str, url: str, plane: ControlPlane, as_: Mapping[str | None, dict[str, str]]
):
    with plane.state.read() as connection:
        before = audit.verify(connection)
    tool = {OLD: "cost_profile_services", NEW: "cost_profile_trend"}[wire]
    token = as_[OWN]["Authorization"].removeprefix("Bearer ")
    with talking(over_http(url, wire, token=token)) as ask:
        assert ask(lambda client: client.call_tool(tool, {})).is_error
    with plane.state.read() as connection:
        [entry] = audit.entries(connection, before)
    assert (entry.principal, entry.tenant_id, entry.action) == ("token:test", OWN, "refused")
    assert entry.details["refused"] == f"mcp {tool}"


def test_no_policy_makes_what_others_cost_its_own(runtime: Runtime):
    policy = '[[allocation.rules]]\npool = "mine"\nstrategy = "fixed"\nshares = { beacon-legal = 1 }\n'
    found = runtime.call("cost_per_tenant", "preview", {"policy": policy, "window": "2026-03"})
    assert {move.tenant_id for move in found.data.tenants if move.then} == {OWN}
    for tool, given in (
        ("preview", {"policy": policy}),
        ("change", {"rules_before": policy, "tenant_id": OWN}),
    ):
        with pytest.raises(TenantryError) as raised:
            runtime.call("cost_per_tenant", tool, {**given, "window": "2026-03"}, BOUND)
        assert raised.value.kind is Kind.FORBIDDEN

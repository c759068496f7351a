"""What tools that act leave behind: approved, audited, kept, landed, and holding over files."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tenantry.datasets import DATASETS, Tenants
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.errors import Kind, TenantryError
from tenantry.kernel import AccessRole, Capability, Catalog, Context, Effect, Principal, tool
from tenantry.kernel.landing import Deliveries, Quarantine
from tenantry.runtime.plane import ControlPlane
from tenantry.runtime.records import Records
from tenantry.runtime.state import Entry, State, audit
from tenantry.sources import SOURCES

NOW = datetime(2026, 7, 1, tzinfo=UTC)
ADA = Principal("ada", role=AccessRole.OPERATOR)


def tenant(tenant_id: str, tier: str | None) -> Tenants:
    given: dict[str, Any] = dict.fromkeys(Tenants.model_fields)
    return Tenants(**{**given, "tenant_id": tenant_id, "tier": tier, "isolation": "pool"})


@tool(Effect.ACT)
def name(ctx: Context, tenants: str, tier: str | None = None) -> int:
    """Record tenants, `;`-separated, in a tier."""
    rows = [tenant(one, tier) for one in tenants.split(";")]
    ctx.record(*rows)
    return len(rows)


@tool()
def tiers(ctx: Context) -> dict[str, str | None]:
    """The tenants and their tiers."""
    return {row.tenant_id: row.tier for row in ctx.rows(Tenants)}


class World:
    """A control plane over a lake and a state store, with a tool that acts."""

    def __init__(self, lake: Path, url: str) -> None:
        capability = Capability("people", "Who?", (Tenants,), (name, tiers), (), "# Who")
        catalog = Catalog((capability,), SOURCES, (*DATASETS, Deliveries, Quarantine))
        engine = DuckDB(Lake(lake))
        self.state = State(url)
        self.records = Records(self.state, engine, catalog)
        self.plane = ControlPlane(
            engine, catalog, lambda _: {}, lambda _: {}, lambda: NOW, {}, lambda: self.records, lambda: True
        )

    def do(self, tenants: str, principal: Principal = ADA, *, approved: bool = True, **more: Any) -> Any:
        given = {"tenants": tenants, **more}
        return self.plane.runtime.call("people", "name", given, principal, approved=approved).data

    def tiers(self) -> Mapping[str, str | None]:
        return self.plane.runtime.call("people", "tiers", {}).data

    def audit(self) -> list[Entry]:
        with self.state.read() as connection:
            found = audit.entries(connection)
            assert audit.verify(connection) == len(found)
        return found


@pytest.fixture
def world(tmp_path: Path, state_url: str) -> Generator[World]:
    found = World(tmp_path / "lake", state_url)
    yield found
    found.state.close()


def refused(kind: Kind, world: World, *words: Any, **more: Any) -> TenantryError:
    with pytest.raises(TenantryError) as raised:
        world.do(*words, **more)
    assert raised.value.kind is kind
    assert raised.value.hint
    assert world.tiers() == {}
    assert world.audit() == []
    return raised.value


def test_what_is_recorded_is_there_at_the_next_call_with_its_account(world: World):
    assert world.do("a;b; 'drop\u202e", tier="gold") == 3
    world.do("b", tier="iron")
    assert world.tiers() == {" 'drop\u202e": "gold", "a": "gold", "b": "iron"}
    first, second = world.audit()
    assert (first.principal, first.action) == ("ada", "people.name")
    assert second.details["arguments"] == {"tenants": "b", "tier": "iron"}


def test_nothing_is_done_without_a_yes_or_by_those_who_may_not(world: World):
    problem = refused(Kind.APPROVAL_REQUIRED, world, "a", approved=False)
    assert problem.details["arguments"] == {"tenants": "a", "tier": None}
    refused(Kind.FORBIDDEN, world, "a", Principal("eve", role=AccessRole.ANALYST))
    refused(Kind.FORBIDDEN, world, "a;b", Principal("eve", "a", AccessRole.OPERATOR))


def test_what_is_recorded_holds_over_what_a_file_says(world: World, tmp_path: Path):
    file = tmp_path / "tenants.csv"
    file.write_text("tenant_id,tier\na,wood\nb,wood\n")
    world.plane.ingest([str(file)])
    world.do("a", tier="gold")
    file.write_text("tenant_id,tier\na,stone\nb,stone\n")
    world.plane.ingest([str(file)])
    assert world.tiers() == {"a": "gold", "b": "stone"}


def test_what_a_killed_process_did_not_land_is_landed_by_the_next_call(world: World, tmp_path: Path):
    world.do("a", tier="gold")
    shutil.rmtree(tmp_path / "lake" / "tenants")
    (tmp_path / "lake" / "tenants").write_text("in the way")
    with pytest.raises(TenantryError) as raised:
        world.do("b", tier="gold")
    assert raised.value.kind is Kind.UNAVAILABLE
    (tmp_path / "lake" / "tenants").unlink()
    world.records.land()
    assert world.tiers() == {"b": "gold"}
    world.records.land(again={"tenants"})
    assert world.tiers() == {"a": "gold", "b": "gold"}

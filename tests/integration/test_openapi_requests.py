"""Requests made up from the OpenAPI document: no server error, and nothing that the document does not say."""

from __future__ import annotations

import os
from collections.abc import Generator
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from serving import serving
from starlette.testclient import TestClient
from starlette.types import ASGIApp
from taking import by
from three_months import CATALOG, NOW, three_months

from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.gateways.http.administration import administration_routes
from tenantry.gateways.http.app import Part, build_app
from tenantry.gateways.http.jobs import job_routes
from tenantry.gateways.http.login import session_routes
from tenantry.gateways.intake import intake_routes, open_intake
from tenantry.gateways.intake_paths import intake_paths
from tenantry.kernel import Principal
from tenantry.runtime.access import Tokens
from tenantry.runtime.call import Runtime
from tenantry.runtime.intake import Intake
from tenantry.runtime.jobs import Jobs
from tenantry.runtime.kinds import job_kinds
from tenantry.runtime.sandbox import Rooms
from tenantry.runtime.schedules import Schedules
from tenantry.runtime.state import State
from tenantry.runtime.worker import Worker
from tenantry.sources.live import live_events, live_telemetry

CASES = 400 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 2
"""For each operation; under HYPOTHESIS_PROFILE=long some 2,000 for each kind of operation."""
DAYS = st.dates(date(2025, 11, 1), date(2026, 6, 1))
WINDOWS = DAYS.map(lambda day: f"{day:%Y-%m}") | st.tuples(DAYS, st.integers(1, 200)).map(
    lambda of: f"{of[0]}..{of[0] + timedelta(of[1])}"
)


def parts(folder: Path, engine: DuckDB) -> list[Part]:
    """All that the server has besides the catalog: jobs that are asked for and never done, tokens, the intake."""
    state = State(f"sqlite:///{folder / 'state.db'}")
    jobs = Jobs(state, job_kinds(CATALOG, dict), lambda: NOW)
    never: Any = None
    intake = Intake(engine, live_events(), live_telemetry(), lambda: NOW)
    return [
        Part([job_routes(Worker(jobs, Schedules(jobs, ()), never))]),
        Part([administration_routes(Tokens(state, lambda: NOW), state), session_routes()]),
        Part(straight=intake_routes(intake), lifespan=lambda: open_intake(intake), paths=intake_paths()),
    ]


def app_of(runtime: Runtime, folder: Path) -> ASGIApp:
    """Every request is the administrator's."""
    return by(Principal())(build_app(runtime, "0", lambda app: app, parts(folder, runtime.engine)))


def described() -> dict[str, Any]:
    """The document follows from the catalog and the routes alone."""
    with TemporaryDirectory() as folder:
        runtime = Runtime(DuckDB(Lake(Path(folder))), CATALOG, lambda: NOW, lambda _: {}, sandbox=Rooms())
        return TestClient(app_of(runtime, Path(folder))).get("/api/openapi.json").json()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    folder = tmp_path_factory.mktemp("three_months")
    _, runtime = three_months(folder / "lake")
    with serving(app_of(runtime, folder)) as address:
        yield address


schemathesis.openapi.format("window", WINDOWS)
schemathesis.openapi.media_type("application/x-protobuf", st.binary(max_size=200))
schema = schemathesis.openapi.from_dict(described())


@schema.parametrize()
@settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_no_request_breaks_the_server_or_the_document(case: schemathesis.Case, address: str):
    excluded = [positive_data_acceptance] if may_be_refused(case) else []
    if (
        case.operation.path == "/api/v1/events"
    ):  # each event has its own verdict, in an answer that is a success
        excluded.append(negative_data_rejection)
    case.call_and_validate(base_url=address, excluded_checks=excluded)


def may_be_refused(case: schemathesis.Case) -> bool:
    """Whether rules that no schema can say may refuse a request that fits the schema: text that is a document (a
    policy, code, Protobuf), a name that is not known, what a figure is not known by, a cursor, a window of a dataset
    that has no days, a file together with a page, and what is done against the state of things.
    """
    named = (
        "/api/v1/jobs",
        "/api/v1/decisions",
        "/api/v1/figures",
        "/api/v1/cost_forecast/try_method",
        "/v1/",
    )
    if case.operation.path.startswith(named):
        return True
    acts = any(p["name"] == "approved" for p in case.operation.definition.raw.get("parameters", ()))
    if acts:
        return True
    query = case.query or {}
    body = case.body if isinstance(case.body, dict) else {}
    if case.operation.path.endswith("/datasets/{name}"):
        return bool(query.keys() & {"cursor", "window", "format"})
    return "preview" in case.operation.path or "rules_before" in {*query, *body}

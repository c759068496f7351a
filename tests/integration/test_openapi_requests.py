"""Requests made up from the OpenAPI document: no server error, and nothing that the document does not say.

HYPOTHESIS_PROFILE=long makes at least 2,000 for each class of operations, and says how many they were.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Generator, Iterable
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import schemathesis
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
from tenantry.gateways.http.ask import ask_part
from tenantry.gateways.http.jobs import job_routes
from tenantry.gateways.http.login import person_routes, session_routes
from tenantry.gateways.http.settings import setting_part
from tenantry.gateways.http.uploads import upload_part
from tenantry.gateways.intake import intake_routes, open_intake
from tenantry.gateways.intake_paths import intake_paths
from tenantry.kernel import Principal
from tenantry.runtime.access import Sessions, Tokens
from tenantry.runtime.asking.asking import Asking
from tenantry.runtime.asking.memory import Memory
from tenantry.runtime.call import Runtime
from tenantry.runtime.intake import Intake
from tenantry.runtime.jobs import Jobs
from tenantry.runtime.kinds import job_kinds
from tenantry.runtime.sandbox import Rooms
from tenantry.runtime.schedules import Schedules
from tenantry.runtime.state import State
from tenantry.runtime.uploads import Uploads
from tenantry.runtime.worker import Worker
from tenantry.sources import SOURCES
from tenantry.sources.live import live_events, live_telemetry

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
CASES = 2_000
"""Of each class, in the long run; else two of each operation."""
PLANE = r"/api/v1/(tenants|tiers|entitlements|subscriptions|resources)"
CLASSES = {
    "intake": r"\w+ (/api/v1/events|/v1/)",
    "jobs": r"\w+ /api/v1/(jobs|schedules)",
    "decisions": r"\w+ /api/v1/decisions",
    "ask": r"\w+ /api/v1/ask",
    "access": r"\w+ (/api/v1/(tokens|audit)|/auth/)",
    "dataset": r"GET /api/v1/datasets/",
    "control plane: create": rf"POST {PLANE}$",
    "control plane: read": rf"GET {PLANE}(/\{{.*)?$",
    "control plane: update": r"PATCH|POST /api/v1/tenants/\{tenant_id\}/tier",
    "control plane: delete": r"DELETE|POST /api/v1/tenants/\{tenant_id\}/offboard",
    "service": r"\w+ (/\w+$|/api/v1/(catalog|datasets|profile|uploads|settings|sources))",
    "acting tool": r"POST /api/v1/(tenants/\w+|cost_insights/dismiss|cost_forecast/(use|stop)_method)$",
    "reading tool": "",
}
"""Each class by what its operations begin with; the first that fits."""
ENDLESS = "/api/v1/live"
"""A stream that has no end, of no parameters: tests/integration/test_live.py."""
made = Counter[str]()
DAYS = st.dates(date(2025, 11, 1), date(2026, 6, 1))
WINDOWS = DAYS.map(lambda day: f"{day:%Y-%m}") | st.tuples(DAYS, st.integers(1, 200)).map(
    lambda of: f"{of[0]}..{of[0] + timedelta(of[1])}"
)


def parts(folder: Path, runtime: Runtime) -> list[Part]:
    """All that the server has besides the catalog; jobs are asked for and never done."""
    state = State(f"sqlite:///{folder / 'state.db'}")
    jobs = Jobs(state, job_kinds(CATALOG, dict), lambda: NOW)
    never: Any = None
    tokens, memory = Tokens(state, lambda: NOW), Memory(state, lambda: NOW)
    asking = Asking(runtime, lambda: memory)
    intake = Intake(runtime.engine, live_events(), live_telemetry(), lambda: NOW)
    return [
        Part([job_routes(Worker(jobs, Schedules(jobs, ()), never))]),
        Part([administration_routes(tokens, state), session_routes()]),
        Part([person_routes(tokens, Sessions(state, lambda: NOW))]),
        ask_part(asking),
        setting_part(dict, dict),
        upload_part(runtime, Uploads(folder / "uploads", SOURCES)),
        Part(straight=intake_routes(intake), lifespan=lambda: open_intake(intake), paths=intake_paths()),
    ]


def app_of(runtime: Runtime, folder: Path) -> ASGIApp:
    """Every request is the administrator's."""
    return by(Principal())(build_app(runtime, "0", lambda app: app, parts(folder, runtime)))


def described() -> dict[str, Any]:
    """The document follows from the catalog and the routes alone."""
    with TemporaryDirectory() as folder:
        runtime = Runtime(DuckDB(Lake(Path(folder))), CATALOG, lambda: NOW, lambda _: {}, sandbox=Rooms())
        return TestClient(app_of(runtime, Path(folder))).get("/api/openapi.json").json()


def class_of(method: str, path: str) -> str:
    return next(name for name, begins in CLASSES.items() if re.match(begins, f"{method.upper()} {path}"))


def asked_often(document: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """How many requests to make of each operation, so that each class has enough; none says more than it can vary."""
    of: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if operation.get("parameters") or "requestBody" in operation:
                of.setdefault(class_of(method, path), []).append(operation["operationId"])
    assert {*of} == {*CLASSES}
    for names in of.values():
        yield {"include-operation-id": names, "generation": {"max-examples": -(-CASES // len(names))}}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    folder = tmp_path_factory.mktemp("three_months")
    _, runtime = three_months(folder / "lake")
    with serving(app_of(runtime, folder)) as address:
        yield address
    print(*(f"{n:>7,} {name}" for name, n in made.most_common()), sep="\n")
    assert not LONG or {*made} != {*CLASSES} or min(made.values()) >= CASES


schemathesis.openapi.format("window", WINDOWS)
schemathesis.openapi.media_type("application/x-protobuf", st.binary(max_size=200))
document = described()
schema = schemathesis.openapi.from_dict(
    document,
    config=schemathesis.Config.from_dict(
        {
            "suppress-health-check": ["too_slow", "filter_too_much"],
            "generation": {"max-examples": 2},
            "operations": [*asked_often(document)] if LONG else [],
        }
    ),
).exclude(path=ENDLESS)


@schema.parametrize()
def test_no_request_breaks_the_server_or_the_document(case: schemathesis.Case, address: str):
    excluded = [positive_data_acceptance] if may_be_refused(case) else []
    if (
        case.operation.path == "/api/v1/events"
    ):  # each event has its own verdict, in an answer that is a success
        excluded.append(negative_data_rejection)
    made[class_of(case.operation.method, case.operation.path)] += 1
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
        "/auth/logout",
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

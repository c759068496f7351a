"""Requests made up from the OpenAPI document: no server error, and nothing that the document does not say."""

from __future__ import annotations

import os
import tempfile
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send
from three_months import CATALOG, NOW, three_months

from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.gateways.http.app import Part, build_app
from tenantry.gateways.http.jobs import job_routes
from tenantry.kernel import Principal
from tenantry.runtime.call import Runtime
from tenantry.runtime.jobs import Jobs
from tenantry.runtime.kinds import job_kinds
from tenantry.runtime.schedules import Schedules
from tenantry.runtime.state import State
from tenantry.runtime.worker import Worker

CASES = 400 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 2
"""For each operation; under HYPOTHESIS_PROFILE=long some 2,000 for each kind of operation."""
DAYS = st.dates(date(2025, 11, 1), date(2026, 6, 1))
WINDOWS = DAYS.map(lambda day: f"{day:%Y-%m}") | st.tuples(DAYS, st.integers(1, 200)).map(
    lambda of: f"{of[0]}..{of[0] + timedelta(of[1])}"
)


class Admin:
    """The vendor of three months, made at the first request; every request is the administrator's."""

    @cached_property
    def _app(self) -> ASGIApp:
        _, runtime = three_months(Path(tempfile.mkdtemp(prefix="tenantry-three-months-")))
        return build_app(runtime, "0", lambda app: app, [jobs()])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["principal"] = Principal()
        await self._app(scope, receive, send)


def jobs() -> Part:
    """Jobs that are asked for and never done."""
    state = State(f"sqlite:///{tempfile.mkdtemp(prefix='tenantry-jobs-')}/state.db")
    found = Jobs(state, job_kinds(CATALOG, dict), lambda: NOW)
    never: Any = None
    return Part([job_routes(Worker(found, Schedules(found, ()), never))])


def described() -> dict[str, Any]:
    """The document follows from the catalog and the routes alone."""
    runtime = Runtime(DuckDB(Lake(Path())), CATALOG, lambda: NOW, lambda _: {})
    with TestClient(build_app(runtime, "0", lambda app: app, [jobs()])) as client:
        return client.get("/api/openapi.json").json()


schemathesis.openapi.format("window", WINDOWS)
schema = schemathesis.openapi.from_dict(described())
schema.app = Admin()


@schema.parametrize()
@settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_no_request_breaks_the_server_or_the_document(case: schemathesis.Case):
    case.call_and_validate(excluded_checks=[positive_data_acceptance] if may_be_refused(case) else [])


def may_be_refused(case: schemathesis.Case) -> bool:
    """Whether rules that no schema can say may refuse a request that fits the schema: text that is a document (a
    policy), a name that is not known, a cursor, a window of a dataset that has no days, a file together with a page,
    and what is done against the state of things.
    """
    if case.operation.path.startswith("/api/v1/jobs"):
        return True
    acts = any(p["name"] == "approved" for p in case.operation.definition.raw.get("parameters", ()))
    if acts:
        return True
    query = case.query or {}
    body = case.body if isinstance(case.body, dict) else {}
    if case.operation.path.endswith("/datasets/{name}"):
        return bool(query.keys() & {"cursor", "window", "format"})
    return "preview" in case.operation.path or "rules_before" in {*query, *body}

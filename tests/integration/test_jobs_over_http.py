"""Jobs over HTTP and on the command line, on a vendor's real files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from time import monotonic, sleep
from typing import Any

import pytest
from others import free_port
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from tenantry.app import main, open_plane, open_worker, sources
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.gateways.http.app import build_app
from tenantry.gateways.http.jobs import job_part
from tenantry.kernel import AccessRole, Catalog, Principal
from tenantry.runtime.jobs import JobState
from tenantry.runtime.kinds import job_kinds
from tenantry.runtime.plane import ControlPlane

BILL = (
    "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,"
    "ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ProviderName,BillingAccountId,ServiceName\n"
    "9.00,9.00,9.00,9.00,USD,2026-10-01,2026-11-01,2026-10-02,2026-10-03,Usage,AWS,1,Amazon EC2\n"
)
SETTINGS = """
[sources.bill]
kind = "focus"
path = "bill.csv"

[schedules.nightly]
cron = "0 3 * * *"
job = "build"
names = ["tenant_cost"]
"""
JOBS = "/api/v1/jobs"


class As:
    """Every request is this principal's."""

    def __init__(self, app: ASGIApp, principal: Principal) -> None:
        self._app = app
        self._principal = principal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["principal"] = self._principal
        await self._app(scope, receive, send)


@pytest.fixture(autouse=True)
def _vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bill.csv").write_text(BILL)
    (tmp_path / "tenantry.toml").write_text(SETTINGS)
    # The default is a path from the working directory, and a process opens a URL's store once.
    monkeypatch.setenv("TENANTRY_STATE__URL", f"sqlite:///{tmp_path}/state.db")


@contextmanager
def client(role: AccessRole = AccessRole.OPERATOR, tenant_id: str | None = None) -> Generator[TestClient]:
    who = Principal("ada", tenant_id, role)
    app = build_app(open_plane(None).runtime, "0", lambda app: As(app, who), [job_part(open_worker(None))])
    with TestClient(app, raise_server_exceptions=False) as found:
        yield found


def problem(response: Any, status: int) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["hint"]
    return response.json()["detail"]


def over(rest: TestClient, number: int) -> dict[str, Any]:
    until = monotonic() + 60
    while (job := rest.get(f"{JOBS}/{number}").json())["state"] in {"queued", "running"}:
        assert monotonic() < until
        sleep(0.05)
    return job


def test_a_job_is_asked_for_done_and_looked_at():
    with client() as rest:
        asked = rest.post(JOBS, json={"kind": "land", "key": "k"})
        assert asked.status_code == 202
        assert rest.post(JOBS, json={"kind": "land", "key": "k"}).json()["id"] == asked.json()["id"]
        done = over(rest, asked.json()["id"])
        assert (done["state"], done["asked_by"], done["error"]) == ("succeeded", "ada", None)
        assert done["steps"]["land"]["accepted"] == 1
        more = rest.post(JOBS, json={"kind": "build", "names": ["pool_cost"]}).json()["id"]
        assert "pool_cost" in {built["dataset"] for built in over(rest, more)["steps"]["build"]}
        page = rest.get(JOBS, params={"limit": 1, "state": "succeeded"}).json()
        assert ([job["id"] for job in page["jobs"]], page["next"]) == ([more], more)
        page = rest.get(JOBS, params={"limit": 2, "before": page["next"]}).json()
        assert ([job["id"] for job in page["jobs"]], page["next"]) == ([asked.json()["id"]], None)
        nightly, tidy = rest.get("/api/v1/schedules").json()["schedules"]
        assert (nightly["name"], nightly["cron"], nightly["last_job"]) == ("nightly", "0 3 * * *", None)
        assert (tidy["name"], tidy["job"]) == ("tidy", "tidy")


def test_errors_are_problems():
    with client() as rest:
        assert "did" not in problem(rest.post(JOBS, json={"kind": "lend"}), 404)
        problem(rest.post(JOBS, json={"kind": "land", "names": ["bull"]}), 404)
        problem(rest.post(JOBS, json={"kind": "land", "nimes": []}), 422)
        problem(rest.post(JOBS, content=b"{"), 422)
        problem(rest.get(f"{JOBS}/77"), 404)
        problem(rest.get(f"{JOBS}/{2**70}"), 422)
        problem(rest.get(JOBS, params={"state": "lost"}), 422)
        problem(rest.get(JOBS, params={"limit": 0}), 422)
        problem(rest.post(f"{JOBS}/77/cancel"), 404)
        done = rest.post(JOBS, json={"kind": "land"}).json()["id"]
        over(rest, done)
        problem(rest.post(f"{JOBS}/{done}/cancel"), 422)
        problem(rest.post(f"{JOBS}/{done}/retry"), 422)


def test_a_bill_that_is_torn_fails_its_job_and_mended_lands(tmp_path: Path):
    (tmp_path / "bill.csv").write_text("this is no bill\n")
    with client() as rest:
        number = rest.post(JOBS, json={"kind": "land"}).json()["id"]
        failed = over(rest, number)
        assert (failed["state"], failed["error"]["kind"]) == ("failed", "invalid")
        assert "bill.csv" in failed["error"]["message"]
        (tmp_path / "bill.csv").write_text(BILL)
        assert rest.post(f"{JOBS}/{number}/retry").json()["state"] == "queued"
        assert over(rest, number)["state"] == "succeeded"


def test_a_viewer_looks_and_a_tenant_does_not():
    with client(AccessRole.ANALYST) as rest:
        assert rest.get(JOBS).json() == {"jobs": [], "next": None}
        assert "operator" in problem(rest.post(JOBS, json={"kind": "land"}), 403)
    with client(AccessRole.ADMIN, "acme") as rest:
        for path in (JOBS, f"{JOBS}/1", "/api/v1/schedules"):
            problem(rest.get(path), 403)


def test_the_commands_say_the_same(capsys: pytest.CaptureFixture[str]):
    def said(*words: str, code: int = 0) -> Any:
        assert main([*words, "--json"]) == code
        text = capsys.readouterr()
        return json.loads(text.err if code else text.out)

    number = said("jobs", "submit", "build", "tenant_cost", "--key", "k")["id"]
    assert said("jobs", "list", "--state", "queued")["jobs"][0]["id"] == number
    assert said("jobs", "cancel", str(number))["state"] == "cancelled"
    assert said("jobs", "cancel", str(number), code=2)["detail"] == f"job {number} is cancelled"
    assert said("jobs", "retry", str(number))["state"] == "queued"
    assert said("jobs", "show", "99", code=4)["hint"]
    assert said("jobs", "list", "--state", "last", code=4)["hint"]
    words = [sys.executable, "-m", "tenantry", "jobs", "work", "--once"]
    assert subprocess.run(words, check=True, capture_output=True, timeout=60).stdout == b""
    assert said("jobs", "show", str(number))["state"] == "succeeded"
    assert said("schedules")["schedules"][0]["job"] == "build"
    capsys.readouterr()
    for words in (["jobs", "list"], ["jobs", "show", str(number)], ["schedules"]):
        assert main(words) == 0
        assert "build" in capsys.readouterr().out


def test_a_schedule_that_cannot_be_is_told_with_all_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    wrong = '[schedules.a]\ncron = "0 3 * *"\njob = "run"\n[schedules.b]\ncron = "@daily"\njob = "ran"\n'
    (tmp_path / "tenantry.toml").write_text(wrong)
    assert main(["schedules"]) == 2
    text = capsys.readouterr().err
    assert "schedules.a" in text
    assert "schedules.b" in text


def test_a_source_that_fails_keeps_no_other_from_landing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tenantry.sources.asking.sleep", lambda _: None)
    monkeypatch.setenv("TENANTRY_SOURCES__BOOKS__KEY", "sk_test")
    away = f'[sources.books]\nkind = "stripe"\nurl = "http://127.0.0.1:{free_port()}"\n'
    gone = '[sources.people]\nkind = "tenants"\npath = "gone.csv"\n'
    (tmp_path / "tenantry.toml").write_text(SETTINGS + away + gone)
    assert main(["land", "--json"]) == 6
    text = capsys.readouterr()
    told = json.loads(text.out)
    assert told["accepted"] == 1
    assert [(one["source"], one["kind"]) for one in told["failed"]] == [
        ("books", "unavailable"),
        ("people", "invalid"),
    ]
    assert all(one["message"] and one["hint"] for one in told["failed"])
    problem = json.loads(text.err)
    assert problem["type"] == "/errors/unavailable"
    assert "gone.csv" in problem["detail"]
    assert main(["land", "books", "people"]) == 6, "nothing is left to land"
    assert not capsys.readouterr().out

    worker = open_worker(None)
    ada = Principal("ada", role=AccessRole.OPERATOR)
    asked = worker.jobs.submit("land", [], ada)
    worker.run(Event(), until_idle=True)
    job = worker.jobs.get(asked.id, ada)
    assert (job.state, job.step, [*job.steps]) == (JobState.PARTIAL, None, ["land"])
    assert job.error
    assert (job.error.kind, job.error.message, job.error.hint) == (
        "unavailable",
        problem["detail"],
        problem["hint"],
    )

    steps: list[str] = []

    def step(name: str, do: Any) -> Any:
        steps.append(name)
        return do(lambda *_: None)

    none, at = Catalog((), (), ()), datetime(2026, 7, 1, tzinfo=UTC)
    plane = ControlPlane(DuckDB(Lake(tmp_path / "lake")), none, lambda _: {}, lambda _: {}, lambda: at)
    failed = job_kinds(none, sources)["run"].work(plane, (), step)
    assert steps == ["land", "build"], "what landed is built"
    assert failed
    assert failed.message == problem["detail"]

    (tmp_path / "tenantry.toml").write_text(SETTINGS)
    monkeypatch.delenv("TENANTRY_SOURCES__BOOKS__KEY")
    worker.jobs.retry(asked.id, ada)
    worker.run(Event(), until_idle=True)
    job = worker.jobs.get(asked.id, ada)
    assert (job.state, job.error, job.steps["land"]["failed"]) == (JobState.SUCCEEDED, None, [])

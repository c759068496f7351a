"""What changes reaches who listens, as it happens and as far as it is theirs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
from serving import serving
from three_months import three_months

from tenantry import app
from tenantry.gateways.http.live import Live, Look
from tenantry.kernel import AccessRole, Principal
from tenantry.runtime.access import Tokens
from tenantry.runtime.call import LOCAL
from tenantry.runtime.decisions import Decisions
from tenantry.runtime.plane import ControlPlane
from tenantry.runtime.worker import Worker


class World:
    def __init__(self, lake: Path) -> None:
        self.plane: ControlPlane = app.open_plane(str(lake))
        self.worker: Worker = app.open_worker(str(lake))
        self.live = app.open_live(self.plane, self.worker)
        self.site = ""

    @contextmanager
    def listening(self, **headers: str) -> Iterator[Iterator[tuple[str, Any]]]:
        with (
            httpx.Client(base_url=self.site, headers=headers, timeout=30) as client,
            client.stream("GET", "/api/v1/live") as answer,
        ):
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["x-accel-buffering"] == "no"
            assert "no-transform" in answer.headers["cache-control"]
            yield events(answer)


def events(answer: httpx.Response) -> Iterator[tuple[str, Any]]:
    name = ""
    for line in answer.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    lake = tmp_path_factory.mktemp("lake")
    three_months(lake)
    found = World(lake)
    with serving(app.open_app(found.plane, worker=found.worker, live=found.live)) as site:
        found.site = site
        yield found


def test_a_job_is_told_of_from_its_asking_to_its_end(world: World):
    with world.listening() as said:
        first = dict([next(said), next(said), next(said)])
        assert first.keys() == {"figures", "decisions", "jobs"}
        assert first["figures"]["changed"]["margin"] == world.plane.engine.lake.version(
            world.plane.catalog.dataset("margin")
        )
        assert "charges" not in first["figures"]["changed"]
        job = world.worker.jobs.submit("build", [], LOCAL)
        states: list[str] = []
        for name, data in said:
            if name == "jobs" and (found := data["changed"].get(str(job.id))):
                states.append(found["state"])
                if found["state"] == "succeeded":
                    break
        assert states[-1] == "succeeded"
    with world.listening() as said:
        jobs = next(data for name, data in said if name == "jobs")
        assert jobs["changed"][str(job.id)]["state"] == "succeeded", "who was cut off misses nothing"


def test_each_is_told_what_is_theirs(tmp_path: Path):
    world = World(tmp_path)
    world.worker.jobs.submit("build", [], LOCAL)
    tokens = Tokens(world.plane.state, world.plane.now)
    _, bound = tokens.create(LOCAL, "acme", AccessRole.ADMIN, "acme")
    looks = [
        Look("others", lambda: {"a": 1}, lambda who: who.may(AccessRole.OPERATOR)),
        Look("all", lambda: {"b": 2}),
    ]
    _, viewer = tokens.create(LOCAL, "kim", AccessRole.VIEWER)
    live = app.open_live(world.plane, world.worker)
    with serving(app.open_app(world.plane, live=live)) as world.site:
        assert httpx.get(f"{world.site}/api/v1/live").status_code == 401
        with world.listening(Authorization=f"Bearer {bound}") as said:
            assert [next(said)[0] for _ in range(2)] == ["figures", "decisions"]
            live._looks = [*live._looks, *looks]  # noqa: SLF001
            assert [next(said)[0] for _ in looks] == ["others", "all"]
        with world.listening(Authorization=f"Bearer {viewer}") as said:
            assert {next(said)[0] for _ in range(4)} == {"figures", "decisions", "jobs", "all"}


def test_a_decision_that_waits_is_told_to_those_whose_it_is(tmp_path: Path):
    world = World(tmp_path)
    tokens = Tokens(world.plane.state, world.plane.now)
    decisions = Decisions(world.plane.runtime)
    sees: dict[str, set[str]] = {}
    numbers = {}
    for tenant_id in (None, "acme", "beta"):
        who = Principal("kim", tenant_id, AccessRole.ANALYST)
        found = decisions.propose("tenants", "update", {"tenant_id": tenant_id or "x", "name": "N"}, who)
        numbers[str(tenant_id)] = str(found.id)
    with serving(app.open_app(world.plane, live=app.open_live(world.plane))) as world.site:
        for tenant_id in (None, "acme"):
            _, secret = tokens.create(LOCAL, str(tenant_id), AccessRole.VIEWER, tenant_id)
            with world.listening(Authorization=f"Bearer {secret}") as said:
                sees[str(tenant_id)] = {*next(d for name, d in said if name == "decisions")["changed"]}
    assert sees == {"None": {*numbers.values()}, "acme": {numbers["acme"]}}


def test_only_so_many_listen(tmp_path: Path):
    live = Live([Look("a", lambda: {"n": 1})], most=2, each=1)
    who = [LOCAL, LOCAL]
    assert not any(map(live.full_for, who))
    plane = app.open_plane(str(tmp_path))
    with (
        serving(app.open_app(plane, live=live)) as site,
        httpx.Client(base_url=site, timeout=10) as client,
        client.stream("GET", "/api/v1/live") as first,
    ):
        said = events(first)
        assert next(said) == ("a", {"changed": {"n": 1}, "gone": []})
        full = client.get("/api/v1/live")
        assert (full.status_code, full.headers["retry-after"]) == (429, "30")
        live.end()
        assert list(said) == []


def test_what_changes_is_told_once_and_what_is_gone_is_gone(tmp_path: Path):
    now: dict[str, Any] = {"a": 1, "b": 1}
    live = Live([Look("things", lambda: dict(now))], every=0.02, beat=0.05)
    with (
        serving(app.open_app(app.open_plane(str(tmp_path)), live=live)) as site,
        httpx.stream("GET", f"{site}/api/v1/live", timeout=10) as answer,
    ):
        said = events(answer)
        assert next(said)[1] == {"changed": {"a": 1, "b": 1}, "gone": []}
        now["a"] = 2
        assert next(said)[1] == {"changed": {"a": 2}, "gone": []}
        del now["b"]
        assert next(said)[1] == {"changed": {}, "gone": ["b"]}
        live.end()


def test_who_comes_after_all_have_gone_hears_of_what_is(tmp_path: Path):
    now = {"a": 1}
    world = World(tmp_path)
    live = Live([Look("one", lambda: dict(now))], every=0.05)
    with serving(app.open_app(world.plane, live=live)) as world.site:
        with world.listening() as said:
            assert next(said) == ("one", {"changed": {"a": 1}, "gone": []})
        looking = live._looking  # noqa: SLF001
        while looking and not looking.done():
            sleep(0.01)
        now["a"] = 2
        with world.listening() as said:
            assert next(said) == ("one", {"changed": {"a": 2}, "gone": []})


def test_the_server_stops_at_once_although_somebody_listens(tmp_path: Path):
    command = [sys.executable, "-m", "tenantry", "serve", "--lake", str(tmp_path), "--bind", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout
        site = server.stdout.readline().strip()
        with httpx.stream("GET", f"{site}/api/v1/live", timeout=30) as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith("retry:")
            began = monotonic()
            server.send_signal(signal.SIGTERM)
            assert not [line for line in lines if line.startswith("problem")]
        server.wait(30)
        assert monotonic() - began < 10
        assert server.returncode == 0

"""Jobs and schedules on SQLite and PostgreSQL: asked for once, done in turn, stopped between steps, gone on with."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import pytest
from postgres import Server

from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.errors import Kind, TenantryError, invalid
from tenantry.kernel import AccessRole, Catalog, Principal
from tenantry.runtime import worker as worker_module
from tenantry.runtime.cron import Cron
from tenantry.runtime.jobs import Job, JobKind, Jobs, JobState, Step
from tenantry.runtime.plane import ControlPlane
from tenantry.runtime.schedules import Schedule, Schedules
from tenantry.runtime.state import Entry, State, audit
from tenantry.runtime.worker import Worker

ADA = Principal("ada", role=AccessRole.OPERATOR)
VIC = Principal("vic", role=AccessRole.VIEWER)
Do = Callable[[Sequence[str], Step], None]


class World:
    """A store with a kind of job, `try`, that does what a test says; the clock is the test's."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.now = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)
        self.state = State(url)
        self.work: Do = lambda _, __: None
        self.jobs = Jobs(
            self.state,
            {
                "try": JobKind("thing", lambda: ["a", "b"], lambda _, names, step: self.work(names, step)),
                "gone": JobKind("thing", list, lambda _, __, ___: None),
            },
            lambda: self.now,
        )

    def plane(self) -> ControlPlane:
        engine = DuckDB(Lake(self.folder / "lake"))
        return ControlPlane(engine, Catalog((), (), ()), lambda _: {}, lambda _: {}, lambda: self.now)

    def worker(self, schedules: Sequence[Schedule] = (), retry_after: Sequence[float] = (5, 30)) -> Worker:
        return Worker(self.jobs, Schedules(self.jobs, schedules), self.plane, retry_after)

    def submit(self, *names: str, **more: Any) -> Job:
        return self.jobs.submit("try", names, ADA, **more)

    def done(self, job: Job) -> Job:
        """The job, after a worker has done all there was to do."""
        self.worker().run(Event(), until_idle=True)
        return self.jobs.get(job.id, ADA)

    def audit(self) -> list[Entry]:
        with self.state.read() as connection:
            found = audit.entries(connection)
            assert audit.verify(connection) == len(found)
        return found


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "POLL", 0.02)
    monkeypatch.setattr(worker_module, "TELL", 0.0)
    monkeypatch.setattr(worker_module, "MOST_INTERRUPTIONS", 2)


@pytest.fixture
def world(tmp_path: Path, state_url: str) -> Generator[World]:
    found = World(tmp_path, state_url)
    yield found
    found.state.close()


@pytest.fixture
def small(tmp_path: Path) -> Generator[World]:
    """A world for what does not depend on the kind of database."""
    found = World(tmp_path, f"sqlite:///{tmp_path / 'state.db'}")
    yield found
    found.state.close()


def refused(kind: Kind, call: Callable[..., Any], *words: Any, **more: Any) -> TenantryError:
    with pytest.raises(TenantryError) as raised:
        call(*words, **more)
    assert raised.value.kind is kind
    assert raised.value.hint
    return raised.value


def eventually(holds: Callable[[], bool]) -> None:
    until = monotonic() + 10
    while not holds():
        assert monotonic() < until, "not within ten seconds"
        sleep(0.01)


class Running:
    """A worker in a thread, stopped after the block."""

    def __init__(self, worker: Worker) -> None:
        self._stop = Event()
        self._thread = Thread(target=worker.run, args=(self._stop,))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()


def test_a_job_is_done_and_says_what_it_came_to(world: World):
    def work(names: Sequence[str], step: Step) -> None:
        step("one", lambda tell: tell("one", 1, 2) or {"names": list(names)})
        step("two", lambda _: "\u202e'; DROP TABLE job;--")

    world.work = work
    asked = world.submit("b", "a")
    assert (asked.state, asked.asked_by, asked.attempts) == (JobState.QUEUED, "ada", 0)
    found = world.done(asked)
    assert (found.state, found.attempts, found.error, found.step) == (JobState.SUCCEEDED, 1, None, None)
    assert found.steps == {"one": {"names": ["b", "a"]}, "two": "\u202e'; DROP TABLE job;--"}
    assert found.queued_at == found.started_at == found.ended_at == "2026-07-01T03:00:00.000000Z"
    assert [(e.principal, e.action, e.details["job"]) for e in world.audit()] == [
        ("ada", "jobs.submit", asked.id)
    ]


def test_the_same_key_is_the_same_job(world: World):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: world.submit("a", key="night 1").id, range(16)))
    assert len({*found}) == 1
    assert len(world.audit()) == 1
    refused(Kind.INVALID, world.submit, "b", key="night 1")
    assert world.submit("a", key="night 2").id != found[0]
    refused(Kind.INVALID, world.submit, "a", key="")
    refused(Kind.INVALID, world.submit, "a", key="x" * 201)


def test_nobody_asks_for_what_is_not_there_or_not_theirs(small: World):
    refused(Kind.NOT_FOUND, small.jobs.submit, "tyr", (), ADA)
    refused(Kind.NOT_FOUND, small.submit, "a", "c")
    refused(Kind.NOT_FOUND, small.jobs.get, 7, ADA)
    refused(Kind.NOT_FOUND, small.jobs.cancel, 2**70, ADA)
    refused(Kind.INVALID, small.jobs.list, ADA, limit=0)
    asked = small.submit()
    tenant = Principal("eve", "acme", AccessRole.ADMIN)
    for who in (tenant, VIC):
        refused(Kind.FORBIDDEN, small.jobs.submit, "try", (), who)
        refused(Kind.FORBIDDEN, small.jobs.cancel, asked.id, who)
        refused(Kind.FORBIDDEN, small.jobs.retry, asked.id, who)
    refused(Kind.FORBIDDEN, small.jobs.list, tenant)
    refused(Kind.FORBIDDEN, small.jobs.get, asked.id, tenant)
    refused(Kind.FORBIDDEN, small.worker().schedules.list, tenant)
    assert small.jobs.get(asked.id, VIC) == asked
    assert len(small.audit()) == 1


def test_pages_lose_nothing(small: World):
    asked = [small.submit(*"ab"[: n % 3]).id for n in range(7)]
    small.jobs.cancel(asked[2], ADA)
    found: list[int] = []
    before = None
    while page := small.jobs.list(VIC, before=before, limit=3):
        found += [job.id for job in page]
        before = found[-1]
    assert found == asked[::-1]
    assert [j.id for j in small.jobs.list(VIC, states=[JobState.CANCELLED])] == [asked[2]]
    assert small.jobs.list(VIC, kinds=["other"]) == []


def test_what_waits_is_cancelled_at_once_and_tried_again_when_asked(world: World):
    asked = world.submit()
    assert world.jobs.cancel(asked.id, ADA).state is JobState.CANCELLED
    assert world.done(asked).attempts == 0
    refused(Kind.INVALID, world.jobs.cancel, asked.id, ADA)
    assert world.jobs.retry(asked.id, ADA).state is JobState.QUEUED
    assert world.done(asked).state is JobState.SUCCEEDED
    refused(Kind.INVALID, world.jobs.retry, asked.id, ADA)
    assert [e.action for e in world.audit()] == ["jobs.submit", "jobs.cancel", "jobs.retry"]


def test_what_is_at_work_stops_before_its_next_step(world: World):
    steps: list[str] = []
    begun, go = Event(), Event()

    def first(_: Any) -> None:
        steps.append("first")
        begun.set()
        assert go.wait(10)

    def work(_: Sequence[str], step: Step) -> None:
        step("first", first)
        step("second", lambda _: steps.append("second"))

    world.work = work
    asked = world.submit()
    with Running(world.worker()):
        assert begun.wait(10)
        told = world.jobs.cancel(asked.id, ADA)
        assert (told.state, told.cancelling, told.step) == (JobState.RUNNING, True, "first")
        go.set()
        eventually(lambda: world.jobs.get(asked.id, ADA).state is JobState.CANCELLED)
    assert steps == ["first"]
    world.jobs.retry(asked.id, ADA)
    assert world.done(asked).state is JobState.SUCCEEDED
    assert steps == ["first", "second"]


def test_a_worker_that_is_told_to_stop_leaves_its_job_to_the_next(small: World):
    begun, go = Event(), Event()

    def wait(tell: Any) -> None:
        begun.set()
        while not go.is_set():
            tell("wait", 1, 2)
            sleep(0.01)

    small.work = lambda _, step: step("wait", wait)
    asked, later = small.submit(), small.submit()
    with Running(small.worker()):
        assert begun.wait(10)
    assert small.jobs.get(asked.id, ADA).state is JobState.QUEUED
    go.set()
    assert small.done(asked).attempts == 2
    assert small.jobs.get(later.id, ADA).state is JobState.SUCCEEDED


def test_a_failure_says_why_and_a_retry_goes_on_where_it_failed(small: World):
    done: list[str] = []
    problems: list[Exception] = [invalid("the bill is torn", "mend it"), ZeroDivisionError("by zero")]

    def work(_: Sequence[str], step: Step) -> None:
        def second(__: Any) -> None:
            if problems:
                raise problems.pop(0)

        step("first", lambda _: done.append("first"))
        step("second", second)

    small.work = work
    asked = small.submit()
    found = small.done(asked)
    assert (found.state, found.step, list(found.steps)) == (JobState.FAILED, "second", ["first"])
    assert found.error
    assert (found.error.kind, found.error.message, found.error.hint) == (
        Kind.INVALID,
        "the bill is torn",
        "mend it",
    )
    small.jobs.retry(asked.id, ADA)
    found = small.done(asked)
    assert found.error
    assert (found.error.kind, found.error.message) == (
        Kind.INTERNAL,
        "a bug in Tenantry: ZeroDivisionError: by zero",
    )
    small.jobs.retry(asked.id, ADA)
    found = small.done(asked)
    assert (found.state, found.attempts, found.error) == (JobState.SUCCEEDED, 3, None)
    assert done == ["first"]


def test_what_is_unavailable_is_tried_again_twice_by_itself(small: World):
    tried: list[datetime] = []

    def away(_: Any) -> None:
        tried.append(small.now)
        raise TenantryError(Kind.UNAVAILABLE, "no space left", "make some")

    small.work = lambda _, step: step("only", away)
    asked = small.submit()
    with Running(small.worker(retry_after=(5, 30))):
        for attempt, wait in enumerate((5, 30), start=1):
            eventually(lambda n=attempt: len(tried) == n)
            eventually(lambda: small.jobs.get(asked.id, ADA).state is JobState.QUEUED)
            found = small.jobs.get(asked.id, ADA)
            assert found.error
            assert found.error.message == "no space left"
            sleep(0.1)
            assert len(tried) == attempt
            small.now += timedelta(seconds=wait)
        eventually(lambda: small.jobs.get(asked.id, ADA).state is JobState.FAILED)
    assert len(tried) == 3


def test_one_worker_at_a_time_and_each_job_once(world: World):
    at_once: list[int] = []
    done: list[int] = []
    active = [0]

    def work(_: Sequence[str], step: Step) -> None:
        def count(_: Any) -> None:
            active[0] += 1
            at_once.append(active[0])
            sleep(0.005)
            done.append(1)
            active[0] -= 1

        step("count", count)

    world.work = work
    asked = [world.submit().id for _ in range(6)]
    other = World(world.folder, world.state._engine.url.render_as_string(hide_password=False))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    other.work = work
    with Running(world.worker()), Running(other.worker()), Running(other.worker()):
        eventually(lambda: len(world.jobs.list(ADA, states=[JobState.SUCCEEDED])) == len(asked))
    assert ({*at_once}, len(done)) == ({1}, len(asked))
    other.state.close()


def test_a_job_whose_process_ends_again_and_again_fails_in_the_end(small: World):
    class Killed(BaseException):
        """What ends the thread as a kill ends a process: nothing is written any more."""

    def die(_: Any) -> None:
        raise Killed

    small.work = lambda _, step: step("die", die)
    asked = small.submit()
    for _ in range(3):
        with pytest.raises(Killed):
            small.worker().run(Event())
        assert small.jobs.get(asked.id, ADA).state is JobState.RUNNING
    found = small.done(asked)
    assert found.state is JobState.FAILED
    assert found.error
    assert "3 times" in found.error.message
    small.work = lambda _, step: step("die", lambda _: None)
    small.jobs.retry(asked.id, ADA)
    assert small.done(asked).state is JobState.SUCCEEDED


def nightly(cron: str = "0 3 * * *", *names: str) -> Schedule:
    return Schedule("nightly", Cron.parse(cron), "try", names)


def test_a_schedule_asks_once_for_what_it_missed(small: World):
    def asked(schedule: Schedule) -> list[int]:
        """What there is after a process has begun, looked, and ended."""
        worker = small.worker([schedule])
        worker.schedules.submit_due()
        worker.schedules.submit_due()
        return [job.id for job in small.jobs.list(ADA)]

    small.now += timedelta(minutes=30)
    assert asked(nightly()) == []
    small.now += timedelta(hours=23, minutes=29)
    assert asked(nightly()) == []
    small.now += timedelta(minutes=1)
    assert len(asked(nightly())) == 1
    small.now += timedelta(days=3)
    assert len(asked(nightly())) == 1, "the job before is not over"
    small.worker().run(Event(), until_idle=True)
    assert len(asked(nightly())) == 1, "that moment has passed"
    small.now += timedelta(days=5)
    assert len(asked(nightly())) == 2, "five nights missed, one job"
    small.worker().run(Event(), until_idle=True)
    small.now += timedelta(days=2)
    assert len(asked(nightly("0 4 * * *"))) == 2, "a new cron begins now"
    small.now += timedelta(hours=1)
    newest = asked(nightly("0 4 * * *"))[0]
    job = small.jobs.get(newest, ADA)
    assert (job.asked_by, job.schedule, job.state) == ("schedule nightly", "nightly", JobState.QUEUED)
    status = small.worker([nightly("0 4 * * *")]).schedules.list(VIC)[0]
    assert (status.next_due, status.last_job) == ("2026-07-13T04:00:00.000000Z", job)


def test_no_schedule_is_doubled_by_workers_that_share_a_store(world: World):
    workers = [world.worker([nightly("* * * * *")]) for _ in range(3)]
    workers[0].schedules.submit_due()
    with Running(workers[0]), Running(workers[1]), Running(workers[2]):
        for minute in range(1, 6):
            world.now += timedelta(minutes=1)
            eventually(lambda n=minute: len(world.jobs.list(ADA, states=[JobState.SUCCEEDED])) == n)
    assert len(world.jobs.list(ADA)) == 5


def test_a_database_that_restarts_under_a_job_loses_nothing(tmp_path: Path, postgres: Server):
    world = World(tmp_path, postgres.database())
    begun, go = Event(), Event()
    steps: list[str] = []

    def wait(tell: Any) -> None:
        begun.set()
        assert go.wait(20)
        tell("wait", 1, 1)
        steps.append("wait")

    def work(_: Sequence[str], step: Step) -> None:
        step("before", lambda _: steps.append("before"))
        step("wait", wait)

    world.work = work
    asked = world.submit()
    with Running(world.worker()):
        assert begun.wait(10)
        postgres.stop()
        problem = refused(Kind.UNAVAILABLE, world.submit)
        assert "state store" in problem.message
        go.set()
        sleep(0.3)
        assert steps == ["before"], "without its lock it goes no further"
        postgres.start()
        eventually(lambda: world.jobs.get(asked.id, ADA).state is JobState.SUCCEEDED)
    assert steps == ["before", "wait"]
    assert world.jobs.get(asked.id, ADA).attempts == 2
    world.state.close()

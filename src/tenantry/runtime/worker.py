"""Does jobs, one after another, so that a killed process loses none and does none of their steps twice."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from datetime import timedelta
from threading import Event
from time import monotonic
from typing import Any

from sqlalchemy import Row, select, update

from ..errors import Kind, TenantryError
from .ingest import Progress
from .jobs import OVER, Jobs, JobState
from .plane import ControlPlane
from .schedules import Schedules
from .state.tables import JOB, moment

POLL = 1.0
"""Seconds between looks for work."""
TELL = 0.5
"""Seconds between writes of a job's progress, and so between looks whether it is to stop."""
RETRY_AFTER = (5.0, 30.0)
"""Seconds until a job is tried again that met something unavailable: each time, then it fails."""
MOST_INTERRUPTIONS = 20
"""So often a process may end under a job, with no step done in between: it may be the job that ends it."""
_log = logging.getLogger("tenantry.jobs")


class _Stopped(BaseException):
    """The attempt ends before its work does, the job being in this state then; None: it is not ours to say.

    No `Exception`: nothing between the worker and the work may take it for a failure.
    """

    def __init__(self, state: JobState | None) -> None:
        self.state = state


class Worker:
    """Does the jobs of a store, oldest first, one at a time of all workers that share it.

    The lock of the store says whose turn it is. It goes with the process that held it, so a job that is at work when
    a worker gets the lock was left by one that was killed: it is gone on with first.
    """

    def __init__(
        self,
        jobs: Jobs,
        schedules: Schedules,
        open_plane: Callable[[], ControlPlane],
        retry_after: Sequence[float] = RETRY_AFTER,
    ) -> None:
        self.jobs = jobs
        self.schedules = schedules
        self._open_plane = open_plane
        self._retry_after = retry_after
        self._lock = jobs.state.lock("jobs")
        self._away = False

    def run(self, stop: Event, *, until_idle: bool = False) -> None:
        """Work until `stop` is set, or until no job waits.

        While the store cannot be reached it waits, and goes on when it is back; `until_idle` it raises `unavailable`.
        """
        try:
            while not stop.is_set():
                if not self._look(stop, patient=not until_idle):
                    if until_idle and not self._some_wait():
                        return
                    stop.wait(POLL)
        finally:
            self._lock.release()

    def _look(self, stop: Event, *, patient: bool) -> bool:
        """Whether there was a job to do, which is done then, or left to another attempt."""
        try:
            if not self._lock.acquire():
                return False
            self.schedules.submit_due()
            job = self._take()
        except Exception as problem:
            if not patient:
                raise
            if not self._away:
                known = isinstance(problem, TenantryError)
                _log.warning("jobs wait: %s", problem, exc_info=None if known else problem)
            self._away = True
            return False
        self._away = False
        if job is not None:
            _Attempt(self, job, stop).do(self._open_plane)
        return job is not None

    def _some_wait(self) -> bool:
        waiting = JOB.c.state.in_((JobState.QUEUED, JobState.RUNNING))
        with self.jobs.state.read() as connection:
            return connection.execute(select(JOB.c.id).where(waiting).limit(1)).first() is not None

    def _take(self) -> Row[Any] | None:
        """The next job, which is ours until the lock is lost."""
        now = moment(self.jobs.now())
        due = (JOB.c.state == JobState.QUEUED) & (JOB.c.run_after.is_(None) | (JOB.c.run_after <= now))
        left = JOB.c.state == JobState.RUNNING
        # "running" sorts behind "queued".
        wanted = select(JOB).where(left | due).order_by(JOB.c.state.desc(), JOB.c.id).limit(1)
        with self.jobs.state.read() as connection:
            row = connection.execute(wanted).first()
        if row is None:
            return None
        interruptions = row.interruptions + (row.state == JobState.RUNNING)
        values = {
            "state": JobState.RUNNING, "attempts": row.attempts + 1, "interruptions": interruptions,
            "started_at": row.started_at or now, "run_after": None,
        }  # fmt: skip
        with self.jobs.state.begin() as connection:
            same = (JOB.c.id == row.id) & (JOB.c.state == row.state) & (JOB.c.attempts == row.attempts)
            if not connection.execute(update(JOB).where(same).values(values)).rowcount:
                return None  # cancelled meanwhile
            return connection.execute(select(JOB).where(JOB.c.id == row.id)).one()

    def holds_lock(self) -> bool:
        return self._lock.held()

    def patience(self, refusals: int) -> float | None:
        """Seconds to wait after something was unavailable so many times in a row; None: no longer."""
        return self._retry_after[refusals - 1] if refusals <= len(self._retry_after) else None


class _Attempt:
    """A job at work in this process. What it writes, it writes only while the job is still its own."""

    def __init__(self, worker: Worker, row: Row[Any], stop: Event) -> None:
        self._worker = worker
        self._state = worker.jobs.state
        self._row = row
        self._stop = stop
        self._steps: dict[str, Any] = dict(row.steps)
        self._told = 0.0

    def do(self, open_plane: Callable[[], ControlPlane]) -> None:
        """Bring the job to an end, or leave it to the next attempt."""
        self._log(JobState.RUNNING)
        try:
            self._must_not_have_ended_too_many()
            self._go_on()
            plane = open_plane()
            with closing(plane.engine.connection):
                failed = self._worker.jobs.kinds[self._row.kind].work(plane, self._row.names, self._step)
            if failed:
                self._over(JobState.PARTIAL, error=_told(failed))
            else:
                self._over(JobState.SUCCEEDED)
        except _Stopped as stopped:
            self._stopped(stopped)
        except TenantryError as problem:
            self._failed(problem)
        except Exception as bug:  # noqa: BLE001 - a job that fails must not end the worker
            _log.error("job %d: a bug", self._row.id, exc_info=bug)
            why = f"a bug in Tenantry: {type(bug).__name__}: {bug}"
            self._failed(TenantryError(Kind.INTERNAL, why, "the log has more; please report it"))

    def _step(self, name: str, do: Callable[[Progress], Any]) -> Any:
        if name not in self._steps:
            self._go_on(step=name, done=0, total=0)
            self._steps[name] = do(self._tell)
            self._go_on(steps=self._steps, interruptions=0, refusals=0)
        return self._steps[name]

    def _tell(self, step: str, done: int, total: int) -> None:
        if monotonic() - self._told >= TELL:
            self._go_on(step=step, done=done, total=total)

    def _go_on(self, **progress: Any) -> None:
        """Write down how far it is. Raises `_Stopped` where the attempt is to end here."""
        if not self._worker.holds_lock():
            raise _Stopped(None)
        if self._write({"attempts": self._row.attempts, **progress}):
            raise _Stopped(JobState.CANCELLED)
        if self._stop.is_set():
            raise _Stopped(JobState.QUEUED)
        self._told = monotonic()

    def _write(self, values: Mapping[str, Any]) -> bool:
        """Write to the job, if it is ours; whether it is to be cancelled. Raises `_Stopped` where it is not ours."""
        ours = (JOB.c.id == self._row.id) & (JOB.c.attempts == self._row.attempts)
        try:
            with self._state.begin() as connection:
                changed = connection.execute(
                    update(JOB).where(ours & (JOB.c.state == JobState.RUNNING)).values(values)
                )
                asked = connection.execute(select(JOB.c.cancelling).where(ours)).scalar()
        except TenantryError as problem:
            _log.warning("job %d waits: %s", self._row.id, problem.message)
            raise _Stopped(None) from problem
        if not changed.rowcount:
            raise _Stopped(None)
        return bool(asked)

    def _must_not_have_ended_too_many(self) -> None:
        if self._row.interruptions > MOST_INTERRUPTIONS:
            raise TenantryError(
                Kind.LIMIT_EXCEEDED,
                f"its process ended {self._row.interruptions} times while it was at work",
                "the system's log says why; if it was memory, lower engine.memory_limit; then retry the job",
            )

    def _stopped(self, stopped: _Stopped) -> None:
        if stopped.state is None:
            _log.warning("job %d is left to another attempt", self._row.id)
        else:
            self._over(stopped.state)

    def _failed(self, problem: TenantryError) -> None:
        error = _told(problem)
        refusals = self._row.refusals + 1
        wait = self._worker.patience(refusals) if problem.kind is Kind.UNAVAILABLE else None
        if wait is None:
            self._over(JobState.FAILED, error=error)
        else:
            after = moment(self._worker.jobs.now() + timedelta(seconds=wait))
            self._over(JobState.QUEUED, error=error, refusals=refusals, run_after=after)

    def _over(self, state: JobState, **values: Any) -> None:
        """End the attempt: the job is over, or waits for the next one."""
        self._log(state, **{k: v["message"] for k, v in values.items() if k == "error"})
        if state in (JobState.SUCCEEDED, JobState.PARTIAL):
            values |= {"step": None, "done": 0, "total": 0}
        values = {"error": None, **values, "state": state}
        if state in OVER:
            values["ended_at"] = moment(self._worker.jobs.now())
        with suppress(_Stopped):
            self._write(values)

    def _log(self, state: JobState, **more: Any) -> None:
        told = {"what": self._row.kind, "who": self._row.asked_by, "job": self._row.id, "state": str(state)}
        _log.info("job", extra={**told, "attempt": self._row.attempts, **more})


def _told(problem: TenantryError) -> dict[str, str]:
    return {"kind": problem.kind, "message": problem.message, "hint": problem.hint}

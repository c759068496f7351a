"""Schedules: jobs that are asked for by the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, func, insert, select, update

from ..errors import TenantryError, invalid
from ..kernel import AccessRole, Principal
from .cron import Cron
from .jobs import OVER, Job, Jobs, must_be, read_job
from .state.tables import JOB, SCHEDULE, moment


@dataclass(frozen=True)
class Schedule:
    """A job to ask for whenever it is due."""

    name: str
    cron: Cron
    job: str
    names: tuple[str, ...]


class ScheduleStatus(BaseModel):
    """A schedule, when it is due next, and the newest job it asked for. Moments are UTC."""

    model_config = ConfigDict(frozen=True)

    name: str
    cron: Annotated[str, Field(description="minute hour day month weekday, in UTC")]
    job: Annotated[str, Field(description="the kind of job")]
    names: tuple[str, ...]
    next_due: str
    last_job: Job | None


class Schedules:
    """The configured schedules, and up to when the state store says that each was dealt with."""

    def __init__(self, jobs: Jobs, schedules: Sequence[Schedule]) -> None:
        self._jobs = jobs
        self._schedules = schedules
        self._looked = ""

    def submit_due(self) -> None:
        """Ask for what is due; for a worker whose turn it is.

        What fell due more than once since the last look, as while nothing ran, is asked for once. What falls due while
        the job before it is not over is left out. A schedule that is new, or whose cron changed, waits for its next
        moment.
        """
        now = self._jobs.now()
        minute = moment(now)[:16]
        if not self._schedules or minute == self._looked:
            return
        with self._jobs.state.read() as connection:
            known = {row.name: row for row in connection.execute(select(SCHEDULE))}
        for schedule in self._schedules:
            due = schedule.cron.latest(now)
            before = known.get(schedule.name)
            if before is None or before.cron != schedule.cron.text:
                self._begin(schedule, now, known=before is not None)
            elif moment(due) > before.last_due:
                self._submit(schedule, due)
        self._looked = minute

    def list(self, principal: Principal) -> list[ScheduleStatus]:
        """Every schedule, by name. Raises `forbidden` as `Jobs` does."""
        must_be(principal, AccessRole.VIEWER)
        now = self._jobs.now()
        with self._jobs.state.read() as connection:
            return [
                ScheduleStatus(
                    name=one.name,
                    cron=one.cron.text,
                    job=one.job,
                    names=one.names,
                    next_due=moment(one.cron.next(now)),
                    last_job=_newest(connection, one.name),
                )
                for one in sorted(self._schedules, key=lambda s: s.name)
            ]

    def _begin(self, schedule: Schedule, now: datetime, *, known: bool) -> None:
        row = {"name": schedule.name, "cron": schedule.cron.text, "last_due": moment(now)}
        of_it = SCHEDULE.c.name == schedule.name
        with self._jobs.state.begin() as connection:
            connection.execute(
                update(SCHEDULE).where(of_it).values(row) if known else insert(SCHEDULE).values(row)
            )

    def _submit(self, schedule: Schedule, due: datetime) -> None:
        """Ask for the job and write down that it was asked for: both or neither."""
        at = moment(due)
        with self._jobs.state.begin() as connection:
            connection.execute(update(SCHEDULE).where(SCHEDULE.c.name == schedule.name).values(last_due=at))
            newest = _newest(connection, schedule.name)
            if newest is None or newest.state in OVER:
                who = Principal(f"schedule {schedule.name}", role=AccessRole.OPERATOR)
                self._jobs.submit_in(connection, schedule.job, schedule.names, who, schedule=schedule.name)


def read_schedules(jobs: Jobs, settings: Mapping[str, Any]) -> tuple[Schedule, ...]:
    """The schedules of `[schedules]`, by name. Raises `invalid` with every problem."""
    found: list[Schedule] = []
    problems: list[str] = []
    for name, table in settings.items():
        try:
            jobs.must_be_known(table.job, table.names)
            found.append(Schedule(name, Cron.parse(table.cron), table.job, tuple(table.names)))
        except TenantryError as problem:
            problems.append(f"schedules.{name}: {problem.message}: {problem.hint}")
    if problems:
        raise invalid("; ".join(problems), "mend [schedules] in tenantry.toml")
    return tuple(found)


def _newest(connection: Connection, schedule: str) -> Job | None:
    newest = select(func.max(JOB.c.id)).where(JOB.c.schedule == schedule).scalar_subquery()
    row = connection.execute(select(JOB).where(JOB.c.id == newest)).mappings().first()
    return None if row is None else read_job(row)

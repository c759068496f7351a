"""REST of the jobs and schedules, and the thread that does them while the app is served."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from threading import Event, Thread
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from ...runtime.jobs import LONGEST_KEY, MOST, Job, JobState
from ...runtime.schedules import ScheduleStatus
from ...runtime.worker import Worker
from .access import principal_of
from .app import Part
from .closed import CLOSED, LARGEST, Number
from .problems import PROBLEMS
from .tools import PREFIX

_PATIENCE = 20.0
"""Seconds that a job at work has to come to its next step when the server stops; else the next start resumes it."""


class JobsWanted(BaseModel):
    """Which jobs to list."""

    model_config = CLOSED

    state: Annotated[list[JobState], Field(description="only of these states")] = []
    kind: Annotated[list[str], Field(description="only of these kinds")] = []
    before: Annotated[
        int | None, Field(ge=1, le=LARGEST, description="only older than the job of this id")
    ] = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50


class JobRequest(BaseModel):
    """A job to ask for."""

    model_config = CLOSED

    kind: Annotated[
        str,
        Field(
            description="land, build, run, tidy, profile (of batches that were brought) or demo",
            examples=["build"],
        ),
    ]
    names: Annotated[
        list[str], Field(max_length=MOST, description="of the sources, datasets or capabilities; none: all")
    ] = []
    key: Annotated[
        str | None,
        Field(min_length=1, max_length=LONGEST_KEY,
              description="the caller's own name for it: asked for again, it is the same job"),
    ] = None  # fmt: skip


class JobPage(BaseModel):
    """Jobs, the newest first."""

    jobs: list[Job]
    next: Annotated[int | None, Field(description="`before` of the next page; null: this is the last")]


class ScheduleList(BaseModel):
    """Every schedule, by name."""

    schedules: list[ScheduleStatus]


def job_part(worker: Worker) -> Part:
    """Jobs over HTTP, and done in this process for as long as it serves."""

    @asynccontextmanager
    async def lifespan() -> AsyncGenerator[None]:
        stop = Event()
        thread = Thread(target=worker.run, args=(stop,), name="jobs", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            await run_sync(thread.join, _PATIENCE)

    return Part(routers=[job_routes(worker)], lifespan=lifespan)


def job_routes(worker: Worker) -> APIRouter:
    jobs = worker.jobs
    router = APIRouter(prefix=PREFIX, tags=["jobs"], responses=PROBLEMS)

    @router.get("/jobs", operation_id="jobs_list")
    def listed(request: Request, wanted: Annotated[JobsWanted, Query()]) -> JobPage:
        """The newest jobs first."""
        found = jobs.list(
            principal_of(request.scope), states=wanted.state, kinds=wanted.kind, before=wanted.before,
            limit=wanted.limit,
        )  # fmt: skip
        return JobPage(jobs=found, next=found[-1].id if len(found) == wanted.limit else None)

    @router.post("/jobs", operation_id="jobs_submit", status_code=202)
    def submit(request: Request, asked: JobRequest) -> Job:
        """Ask for a job. It waits until those before it are over."""
        return jobs.submit(asked.kind, asked.names, principal_of(request.scope), key=asked.key)

    @router.get("/jobs/{job}", operation_id="jobs_show")
    def show(request: Request, job: Number) -> Job:
        """One job, and how far it is."""
        return jobs.get(job, principal_of(request.scope))

    @router.post("/jobs/{job}/cancel", operation_id="jobs_cancel")
    def cancel(request: Request, job: Number) -> Job:
        """Cancel a job: one that waits is over at once, one at work stops before its next step (`cancelling`)."""
        return jobs.cancel(job, principal_of(request.scope))

    @router.post("/jobs/{job}/retry", operation_id="jobs_retry")
    def retry(request: Request, job: Number) -> Job:
        """Try a job again that failed or was cancelled. Its steps that are done are not done again."""
        return jobs.retry(job, principal_of(request.scope))

    @router.get("/schedules", operation_id="schedules_list")
    def schedules(request: Request) -> ScheduleList:
        """When each schedule is due, and the newest job it asked for."""
        return ScheduleList(schedules=worker.schedules.list(principal_of(request.scope)))

    return router

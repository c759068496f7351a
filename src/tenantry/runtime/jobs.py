"""Jobs as people see them: asked for, looked at, cancelled, tried again. runtime/worker.py does them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, insert, select, update

from ..errors import Kind, TenantryError, invalid, unknown
from ..kernel import AccessRole, Principal
from .state import State, audit
from .state.tables import JOB, moment

if TYPE_CHECKING:
    from .ingest import Progress
    from .plane import ControlPlane

LONGEST_KEY = 200
MOST = 1000
"""Jobs that one page holds at most, and names that one job takes."""
_LARGEST = 2**63 - 1
"""Further no database counts."""


class JobState(StrEnum):
    """A job waits, is at work, or is over in one of four ways."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    """All is done that could be; its error says what could not."""
    FAILED = "failed"
    CANCELLED = "cancelled"


OVER = (JobState.SUCCEEDED, JobState.PARTIAL, JobState.FAILED, JobState.CANCELLED)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class JobError(_Frozen):
    """Why a job failed, or a part of it; or why it waits to be tried again."""

    kind: Kind
    message: Annotated[str, Field(description="what happened")]
    hint: Annotated[str, Field(description="what to do")]


class Job(_Frozen):
    """Long work, and how far it is. Moments are UTC."""

    id: int
    kind: Annotated[str, Field(description="what it does, such as land, build, run or tidy")]
    names: Annotated[
        tuple[str, ...], Field(description="of the sources, datasets or capabilities; none: all")
    ]
    asked_by: str
    key: Annotated[
        str | None, Field(description="the caller's own name for it: asked for again, it is the same job")
    ]
    schedule: Annotated[str | None, Field(description="the schedule that asked for it")]
    state: JobState
    cancelling: Annotated[bool, Field(description="it will stop before its next step")]
    step: Annotated[str | None, Field(description="what it is at, or was last")]
    done: Annotated[int, Field(description="how much of the step is done")]
    total: Annotated[int, Field(description="of how much")]
    steps: Annotated[dict[str, Any], Field(description="the steps that are done, and what they came to")]
    queued_at: str
    run_after: Annotated[str | None, Field(description="it is not tried again before")]
    started_at: str | None
    ended_at: str | None
    attempts: Annotated[int, Field(description="how often it was begun, or gone on with after a kill")]
    error: JobError | None


Step = Callable[[str, "Callable[[Progress], Any]"], Any]
"""`step(name, do)` does what no attempt of the job before has done, keeps what it came to, as JSON, and returns it."""


@dataclass(frozen=True)
class JobKind:
    """A kind of job: what its names are names of, which there are, and the work itself.

    A step that is cut short is done again from its beginning: that must leave the same as doing it once. The work
    returns why a part of it could not be done, where all else is.
    """

    what: str
    known: Callable[[], Collection[str]]
    work: Callable[[ControlPlane, Sequence[str], Step], TenantryError | None]


class Jobs:
    """The jobs of a state store. One object serves many threads.

    Looking needs the role of a viewer; asking, cancelling and trying again that of an operator. Principals bound to a
    tenant may none of it: jobs are the vendor's. Raises `forbidden` for those, `not_found` for a job that is not
    there, and `unavailable` where the store cannot be reached.
    """

    def __init__(self, state: State, kinds: Mapping[str, JobKind], now: Callable[[], datetime]) -> None:
        self.state = state
        self.kinds = kinds
        self.now = now

    def submit(
        self,
        kind: str,
        names: Sequence[str],
        principal: Principal,
        *,
        key: str | None = None,
        schedule: str | None = None,
    ) -> Job:
        """Ask for a job: it waits until those before it are over. With a key that was given before, that job.

        Raises `not_found` for names that are not known, `invalid` for a key that was given for something else.
        """
        must_be(principal, AccessRole.OPERATOR)
        self.must_be_known(kind, names)
        if key is not None and not 0 < len(key) <= LONGEST_KEY:
            raise invalid(f"a key of {len(key)} characters", f"give 1 to {LONGEST_KEY}")
        with self.state.begin() as connection:
            return self.submit_in(connection, kind, names, principal, key=key, schedule=schedule)

    def submit_in(
        self,
        connection: Connection,
        kind: str,
        names: Sequence[str],
        principal: Principal,
        *,
        key: str | None = None,
        schedule: str | None = None,
    ) -> Job:
        """As `submit`, within a transaction of the caller's who has looked at kind, names and principal."""
        audit.lock(connection)
        same = key is not None and connection.execute(select(JOB).where(JOB.c.key == key)).mappings().first()
        if same:
            found = read_job(same)
            if (found.kind, found.names) != (kind, tuple(names)):
                raise invalid(
                    f"the key {key!r} is that of job {found.id}, which is another: {described(found)}",
                    "give each job a key of its own",
                )
            return found
        now = self.now()
        row: dict[str, Any] = {
            "kind": kind, "names": list(names), "asked_by": principal.name, "key": key, "schedule": schedule,
            "state": JobState.QUEUED, "cancelling": 0, "done": 0, "total": 0, "steps": {},
            "queued_at": moment(now), "attempts": 0, "interruptions": 0, "refusals": 0,
        }  # fmt: skip
        number = connection.execute(insert(JOB).values(row).returning(JOB.c.id)).scalar_one()
        details: dict[str, Any] = {
            "job": number,
            "kind": kind,
            "names": list(names),
            "key": key,
            "schedule": schedule,
        }
        audit.append(connection, now, principal, "jobs.submit", details)
        return _get(connection, number)

    def get(self, number: int, principal: Principal) -> Job:
        must_be(principal, AccessRole.VIEWER)
        with self.state.read() as connection:
            return _get(connection, number)

    def list(
        self,
        principal: Principal,
        *,
        states: Collection[JobState] = (),
        kinds: Collection[str] = (),
        before: int | None = None,
        limit: int = 50,
    ) -> list[Job]:
        """The newest jobs first, of these states and kinds (none: all), older than the one of number `before`."""
        must_be(principal, AccessRole.VIEWER)
        if not 1 <= limit <= MOST:
            raise invalid(f"limit = {limit}", f"1 to {MOST}")
        wanted = select(JOB).order_by(JOB.c.id.desc()).limit(limit)
        wanted = wanted.where(JOB.c.state.in_(states)) if states else wanted
        wanted = wanted.where(JOB.c.kind.in_(kinds)) if kinds else wanted
        wanted = wanted if before is None else wanted.where(JOB.c.id < min(before, _LARGEST))
        with self.state.read() as connection:
            return [read_job(row) for row in connection.execute(wanted).mappings()]

    def cancel(self, number: int, principal: Principal) -> Job:
        """Cancel a job: one that waits is over at once, one at work stops before its next step; see `cancelling`.

        What was landed or built until then stays. Raises `invalid` for a job that is over.
        """
        waiting = {"state": JobState.CANCELLED, "ended_at": moment(self.now()), "run_after": None}
        return self._change(
            "cancel", number, principal, ((JobState.QUEUED, waiting), (JobState.RUNNING, {"cancelling": 1}))
        )

    def retry(self, number: int, principal: Principal) -> Job:
        """Try a job again that failed or was cancelled; its steps that are done are not done again. One that is partial
        is done anew.

        Raises `invalid` for any other.
        """
        again: dict[str, Any] = {
            "state": JobState.QUEUED, "cancelling": 0, "ended_at": None, "run_after": None, "error": None,
            "interruptions": 0, "refusals": 0,
        }  # fmt: skip
        anew = again | {"steps": dict[str, Any]()}
        changes = ((JobState.FAILED, again), (JobState.CANCELLED, again), (JobState.PARTIAL, anew))
        return self._change("retry", number, principal, changes)

    def must_be_known(self, kind: str, names: Sequence[str]) -> None:
        """Raises `not_found` for a kind of job, or names, that are not known."""
        if kind not in self.kinds:
            raise unknown("kind of job", kind, self.kinds, f"there are: {', '.join(self.kinds)}")
        if len(names) > MOST:
            raise invalid(f"{len(names)} names", f"give at most {MOST}")
        what, known = self.kinds[kind].what, self.kinds[kind].known() if names else ()
        for name in names:
            if name not in known:
                raise unknown(what, name, known, f"there are: {', '.join(known) or 'none'}")

    def _change(
        self,
        action: str,
        number: int,
        principal: Principal,
        changes: Sequence[tuple[JobState, Mapping[str, Any]]],
    ) -> Job:
        """Make the first of these changes whose state is the job's, with an audit entry."""
        must_be(principal, AccessRole.OPERATOR)
        with self.state.begin() as connection:
            audit.lock(connection)
            found = _get(connection, number)
            for state, values in changes:
                of_it = (JOB.c.id == number) & (JOB.c.state == state)
                if connection.execute(update(JOB).where(of_it).values(values)).rowcount:
                    audit.append(connection, self.now(), principal, f"jobs.{action}", {"job": number})
                    return _get(connection, number)
        may = " or ".join(state for state, _ in changes)
        raise invalid(f"job {number} is {found.state}", f"only a job that is {may} takes a {action}")


def states_named(names: Sequence[str]) -> list[JobState]:
    """Raises `not_found` for a name that is no state's."""
    for name in names:
        if name not in [*JobState]:
            raise unknown("state", name, [*JobState], f"there are: {', '.join(JobState)}")
    return [JobState(name) for name in names]


def described(job: Job) -> str:
    """What a job does, as the command line has it."""
    return " ".join((job.kind, *job.names))


def read_job(row: Mapping[Any, Any]) -> Job:
    return Job.model_validate({name: row[name] for name in Job.model_fields})


def _get(connection: Connection, number: int) -> Job:
    # Beyond what a database counts to there is no job either.
    found = (
        connection.execute(select(JOB).where(JOB.c.id == number)).mappings()
        if 0 < number <= _LARGEST
        else None
    )
    row = found.first() if found else None
    if row is None:
        raise TenantryError(Kind.NOT_FOUND, f"no job {number}", "`tenantry jobs list` shows which there are")
    return read_job(row)


def must_be(principal: Principal, role: AccessRole) -> None:
    """Raises `forbidden` for who may not do what this role of the vendor may."""
    if principal.tenant_id is not None or not principal.may(role):
        who = f"bound to tenant {principal.tenant_id}" if principal.tenant_id is not None else principal.role
        raise TenantryError(
            Kind.FORBIDDEN,
            f"{principal.name} is {who}; this needs {role} of the vendor",
            "ask an administrator for another role",
        )

"""Tasks that other agents gave us, kept in the state store: they outlive the process that works on them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, update

from .state import State
from .state.lock import ProcessLock
from .state.tables import GIVEN_TASK

MOST = 200
"""Tasks of one owner that are kept: the newest."""


@dataclass(frozen=True)
class GivenTask:
    """A task. `document` is the protocol's own, as is `state`; `updated` a moment as the state store writes it."""

    id: str
    owner: str
    context: str
    state: str
    updated: str
    document: Mapping[str, Any]


@dataclass(frozen=True)
class Wanted:
    """Which tasks of an owner: of a context, in a state, changed since; `after` is where the last page ended."""

    owner: str
    context: str = ""
    state: str = ""
    since: str = ""
    after: tuple[str, str] | None = None


class GivenTasks:
    """The tasks of one state store, each its owner's alone. One object serves many threads."""

    def __init__(self, state: State, most: int = MOST) -> None:
        self._state, self._most = state, most

    def save(self, task: GivenTask) -> None:
        """Keep a task as it now stands; with a new one the owner's oldest goes, where there are too many."""
        values = asdict(task)
        with self._state.begin() as connection:
            held = connection.execute(
                update(GIVEN_TASK).where(_key(task.id, task.owner)).values(**values)
            ).rowcount
            if held:
                return
            connection.execute(insert(GIVEN_TASK).values(**values))
            newest = _newest(select(GIVEN_TASK.c.id).where(GIVEN_TASK.c.owner == task.owner))
            surplus = [row.id for row in connection.execute(newest.offset(self._most))]
            if surplus:
                connection.execute(delete(GIVEN_TASK).where(GIVEN_TASK.c.id.in_(surplus)))

    def get(self, task_id: str, owner: str) -> GivenTask | None:
        with self._state.read() as connection:
            row = connection.execute(select(GIVEN_TASK).where(_key(task_id, owner))).mappings().first()
        return None if row is None else GivenTask(**row)

    def page(self, wanted: Wanted, size: int) -> tuple[list[GivenTask], int]:
        """At most so many of those wanted, the one changed last first; and how many there are on all pages."""
        of = GIVEN_TASK.c
        found = [
            of.owner == wanted.owner,
            *([of.context == wanted.context] if wanted.context else []),
            *([of.state == wanted.state] if wanted.state else []),
            *([of.updated >= wanted.since] if wanted.since else []),
        ]
        here = [*found, *([_after(*wanted.after)] if wanted.after else [])]
        with self._state.read() as connection:
            total = connection.execute(select(func.count()).where(*found)).scalar_one()
            rows = connection.execute(_newest(select(GIVEN_TASK).where(*here)).limit(size)).mappings()
            return [GivenTask(**row) for row in rows], total

    def in_states(self, states: Collection[str]) -> list[GivenTask]:
        """Everybody's tasks in these states."""
        with self._state.read() as connection:
            rows = connection.execute(select(GIVEN_TASK).where(GIVEN_TASK.c.state.in_([*states]))).mappings()
            return [GivenTask(**row) for row in rows]

    def delete(self, task_id: str, owner: str) -> None:
        with self._state.begin() as connection:
            connection.execute(delete(GIVEN_TASK).where(_key(task_id, owner)))

    def lock(self) -> ProcessLock:
        """Held by one of the processes that work on tasks of this store."""
        return self._state.lock("tasks")


def _key(task_id: str, owner: str) -> ColumnElement[bool]:
    return and_(GIVEN_TASK.c.id == task_id, GIVEN_TASK.c.owner == owner)


def _newest(wanted: Any) -> Any:
    return wanted.order_by(GIVEN_TASK.c.updated.desc(), GIVEN_TASK.c.id.desc())


def _after(updated: str, task_id: str) -> ColumnElement[bool]:
    of = GIVEN_TASK.c
    return or_(of.updated < updated, and_(of.updated == updated, of.id < task_id))

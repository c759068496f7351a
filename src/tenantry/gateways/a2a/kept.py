"""Where A2A's library keeps tasks: the state store."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from a2a.helpers.proto_helpers import new_text_message
from a2a.server.context import ServerCallContext
from a2a.server.tasks import TaskStore
from a2a.types import ListTasksRequest, ListTasksResponse, Role, Task, TaskState
from a2a.utils.constants import DEFAULT_LIST_TASKS_PAGE_SIZE
from a2a.utils.errors import InvalidParamsError
from a2a.utils.task import ListTasksCursor, decode_list_tasks_cursor, encode_list_tasks_cursor
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.timestamp_pb2 import Timestamp

from ...runtime.decision import Decision
from ...runtime.given_tasks import GivenTask, GivenTasks, Wanted
from .verdicts import numbers_of

T = TypeVar("T")
STEP = "step"
"""In the metadata of a message that tells of a step: such are not kept once the next message has come."""
_UNDER_WAY = [TaskState.Name(s) for s in (TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_WORKING)]
_WAITS, _MOST_OF_ONE = TaskState.TASK_STATE_INPUT_REQUIRED, 200
_LATEST = 4_000_000_000 * 10**9
"""Nanoseconds since 1970, in 2096: beyond it a page token is made up."""
_STOPPED = "the server stopped while it worked on this; ask again"


class KeptTasks(TaskStore):
    """The tasks of a state store, each its principal's alone."""

    def __init__(self, tasks: GivenTasks) -> None:
        self._tasks = tasks
        self._threads = CapacityLimiter(
            4
        )  # of its own: questions under way must not keep theirs from being kept

    async def save(self, task: Task, context: ServerCallContext) -> None:
        await self._in_thread(partial(self._tasks.save, _given(task, context.user.user_name)))

    async def get(self, task_id: str, context: ServerCallContext) -> Task | None:
        found = await self._in_thread(partial(self._tasks.get, task_id, context.user.user_name))
        return None if found is None else _task(found)

    async def list(self, params: ListTasksRequest, context: ServerCallContext) -> ListTasksResponse:
        size = params.page_size or DEFAULT_LIST_TASKS_PAGE_SIZE
        wanted = Wanted(
            context.user.user_name,
            params.context_id,
            TaskState.Name(params.status) if params.status else "",
            _moment(params.status_timestamp_after) if params.HasField("status_timestamp_after") else "",
            _after(params.page_token) if params.page_token else None,
        )
        found, total = await self._in_thread(partial(self._tasks.page, wanted, size + 1))
        page = found[:size]
        more = encode_list_tasks_cursor(_cursor(page[-1])) if len(found) > size else None
        return ListTasksResponse(
            tasks=[_task(one) for one in page], total_size=total, next_page_token=more, page_size=size
        )

    async def delete(self, task_id: str, context: ServerCallContext) -> None:
        await self._in_thread(partial(self._tasks.delete, task_id, context.user.user_name))

    async def waiting_for(self, decision: Decision, owner: str) -> Task | None:
        """The owner's task that waits for a person and asked for this decision."""
        wanted = Wanted(owner, decision.conversation or "", TaskState.Name(_WAITS))
        given, _ = await self._in_thread(partial(self._tasks.page, wanted, _MOST_OF_ONE))
        return next((t for t in map(_task, given) if decision.id in numbers_of(t)), None)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """While it is open tasks are worked on here. Those on which a process worked that is gone have failed, unless
        another process works on tasks of this store: then they may be its own.
        """
        lock = self._tasks.lock()
        try:
            if lock.acquire():
                for given in self._tasks.in_states(_UNDER_WAY):
                    self._tasks.save(_given(_failed(_task(given)), given.owner))
            yield
        finally:
            lock.release()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await run_sync(work, limiter=self._threads)


def _failed(task: Task) -> Task:
    task.status.state = TaskState.TASK_STATE_FAILED
    task.status.timestamp.FromDatetime(datetime.now(UTC))
    said = new_text_message(_STOPPED, context_id=task.context_id, task_id=task.id, role=Role.ROLE_AGENT)
    task.status.message.CopyFrom(said)
    return task


def _given(task: Task, owner: str) -> GivenTask:
    kept = Task()
    kept.CopyFrom(task)
    del kept.history[:]
    kept.history.extend(message for message in task.history if STEP not in message.metadata)
    state = TaskState.Name(task.status.state)
    return GivenTask(
        task.id, owner, task.context_id, state, _moment(task.status.timestamp), MessageToDict(kept)
    )


def _task(given: GivenTask) -> Task:
    return ParseDict(dict(given.document), Task())


def _moment(at: Timestamp) -> str:
    """As the state store writes it, which sorts as it is."""
    return at.ToDatetime().isoformat(timespec="microseconds") + "Z"


def _cursor(given: GivenTask) -> ListTasksCursor:
    at = Timestamp()
    at.FromJsonString(given.updated)
    return ListTasksCursor(at.ToNanoseconds(), given.id)


def _after(token: str) -> tuple[str, str]:
    found, at = decode_list_tasks_cursor(token), Timestamp()
    if found is None or found.timestamp_ns is None or abs(found.timestamp_ns) > _LATEST:
        raise InvalidParamsError(message="that is no page token of ours")
    at.FromNanoseconds(found.timestamp_ns)
    return _moment(at), found.task_id

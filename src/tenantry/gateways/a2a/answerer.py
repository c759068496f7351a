"""The executor behind A2A: each question is a task, its answer an artifact of text and data."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from threading import Event
from typing import Any

from a2a.helpers.proto_helpers import new_data_part, new_task_from_user_message, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.tasks import TaskUpdater
from a2a.types import Message, Role, Task, TaskState
from a2a.utils.errors import InvalidParamsError
from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from ...errors import Kind, TenantryError
from ...kernel import Principal
from ...runtime.asking.asking import Answering, AskAnswer
from ...runtime.decision import Decision
from .kept import STEP
from .verdicts import Verdicts, asked_of, metadata_of, numbers_of, said_in

_log = logging.getLogger("tenantry.a2a")
_AT_ONCE = 8
"""Questions that are worked on at once; others wait for their turn."""
_WAITING, _OF_ONE = 128, 32
"""Questions under way, those that wait included: of all principals, and of one."""
_PATIENCE = 30.0
"""Seconds for a step to be told, before the work on it is given up."""
_TURNS = 40
"""Messages of theirs in a task."""


class Answerer(AgentExecutor):
    """Answers a message's text for whoever sent it. A question that is unclear waits for another message, and so does
    what agents propose: for a yes or no.
    """

    def __init__(self, answering: Answering, verdicts: Verdicts) -> None:
        self._answering, self._verdicts = answering, verdicts
        self._threads = CapacityLimiter(_AT_ONCE)
        self._under_way: Counter[str] = Counter()

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        task, began = context.current_task, False
        if task is None:
            task, began = _task(context), True
            await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        whose = context.call_context.user.user_name
        if sum(message.role == Role.ROLE_USER for message in task.history) >= _TURNS:
            await updater.failed(_said(updater, "the task has too many messages; begin another"))
            return
        if self._under_way[whose] >= _OF_ONE or self._under_way.total() >= _WAITING:
            full = _said(updater, "too many questions are under way; send it again later")
            await (updater.reject(full) if began else updater.requires_input(full))
            return
        self._under_way[whose] += 1
        try:
            await self._work(context, updater, task)
        finally:
            self._under_way[whose] -= 1
            if not self._under_way[whose]:
                del self._under_way[whose]

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        task = context.current_task
        if task is not None:
            await TaskUpdater(event_queue, task.id, task.context_id).cancel()

    async def _work(self, context: RequestContext, updater: TaskUpdater, task: Task) -> None:
        await updater.start_work()
        principal = context.call_context.state["principal"]
        try:
            answer = await self._answer(updater, context, principal, task)
        except TenantryError as problem:
            if problem.kind is Kind.FORBIDDEN:  # which the answer's status does not tell
                context.call_context.state["refused"]()
            await self._tell_problem(updater, problem, principal, task)
        except Exception as bug:  # noqa: BLE001 - the last line of defence: a client never sees a stack trace
            _log.exception("a bug while answering")
            found = TenantryError(
                Kind.INTERNAL, f"a bug in Tenantry: {type(bug).__name__}", "please report it"
            )
            await updater.failed(_said(updater, found.message, found.problem()))
        else:
            await self._tell(updater, answer, principal, task)

    async def _tell(self, updater: TaskUpdater, answer: AskAnswer, principal: Principal, task: Task) -> None:
        document = answer.document()
        if answer.outcome == "asked":
            await updater.requires_input(_said(updater, answer.text, document))
            return
        parts = [new_text_part(answer.text), new_data_part(document, "application/json")]
        await updater.add_artifact(parts, name="answer", last_chunk=True)
        numbers = [*dict.fromkeys([*numbers_of(task), *(one.id for one in answer.decisions)])]
        if waiting := await self._waiting(numbers, principal):
            await _ask_for(updater, waiting, numbers)
        else:
            await updater.complete()

    async def _tell_problem(
        self, updater: TaskUpdater, problem: TenantryError, principal: Principal, task: Task
    ) -> None:
        said = f"{problem.message}; {problem.hint}" if problem.hint else problem.message
        told = _said(updater, said, problem.problem())
        # Where one waits still, another verdict may follow, also somebody else's.
        waits = await self._waiting(numbers_of(task), principal)
        await (updater.requires_input(told) if waits else updater.failed(told))

    async def _waiting(self, numbers: Sequence[int], principal: Principal) -> list[Decision]:
        if not numbers:
            return []
        return await run_sync(self._verdicts.waiting, numbers, principal, limiter=self._threads)

    async def _answer(
        self, updater: TaskUpdater, context: RequestContext, principal: Principal, task: Task
    ) -> AskAnswer:
        loop, cancelled = asyncio.get_running_loop(), Event()

        def listen(event: str, data: Mapping[str, Any]) -> None:
            if cancelled.is_set():  # nobody waits for the rest
                raise TenantryError(Kind.UNAVAILABLE, "the task was cancelled")
            step = f"{event}: {data.get('capability', '')} {data.get('tool', '')}".rstrip()
            message = updater.new_agent_message([new_text_part(step)], metadata={STEP: event})
            told = updater.update_status(TaskState.TASK_STATE_WORKING, message)
            # Agents tell of steps from loops of their own.
            asyncio.run_coroutine_threadsafe(told, loop).result(_PATIENCE)

        if verdict := said_in(context.message):
            numbers = numbers_of(task)
            work = partial(self._verdicts.taken, verdict, numbers, principal, task.context_id, listen)
        else:
            work = partial(self._answering, context.get_user_input(), principal, task.context_id, listen)
        try:
            return await run_sync(work, abandon_on_cancel=True, limiter=self._threads)
        finally:
            cancelled.set()


async def _ask_for(updater: TaskUpdater, waiting: Sequence[Decision], numbers: Sequence[int]) -> None:
    document = {"decisions": [one.model_dump(mode="json") for one in waiting]}
    await updater.update_status(
        TaskState.TASK_STATE_INPUT_REQUIRED,
        _said(updater, asked_of(waiting), document),
        metadata=metadata_of(numbers),
    )


def _said(updater: TaskUpdater, text: str, document: Mapping[str, Any] | None = None) -> Message:
    data = [new_data_part(dict(document), "application/json")] if document else []
    return updater.new_agent_message([new_text_part(text), *data])


def _task(context: RequestContext) -> Task:
    """The task that a message begins. Raises `InvalidParamsError` for one that begins none."""
    message = Message()
    message.CopyFrom(context.message or Message())
    message.task_id, message.context_id = context.task_id or "", context.context_id or ""
    try:
        return new_task_from_user_message(message)
    except ValueError as problem:  # else the library takes it for a fault of ours
        raise InvalidParamsError(message=str(problem)) from None

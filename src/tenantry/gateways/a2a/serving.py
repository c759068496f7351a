"""A2A messages taken and answered: each question is a task, its answer an artifact of text and data."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Any

import anyio.from_thread
import anyio.to_thread
from a2a.auth.user import User
from a2a.helpers.proto_helpers import new_data_part, new_task_from_user_message, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.context import ServerCallContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import ServerCallContextBuilder, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import Message, Task, TaskState
from google.protobuf.json_format import MessageToDict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ...errors import Kind, TenantryError
from ...kernel import Catalog, Principal
from ...runtime.asking.asking import Answering, AskAnswer
from ..http.access import principal_of
from .card import REST, RPC, card

CARD = "/.well-known/agent-card.json"
_log = logging.getLogger("tenantry.a2a")
_KEPT = 1_000
"""Tasks that can be asked for again, the newest."""


def routes(catalog: Catalog, version: str, answering: Answering, public_url: str | None) -> list[BaseRoute]:
    """The card, open to everybody, and where messages are taken. Without `public_url` the card names the address that
    it was asked at.
    """

    async def show(request: Request) -> Response:
        address = (public_url or str(request.base_url)).rstrip("/")
        headers = {"Cache-Control": "public, max-age=300"} if public_url else {"Cache-Control": "no-store"}
        return JSONResponse(MessageToDict(card(catalog, version, address)), headers=headers)

    handler = DefaultRequestHandler(
        agent_executor=Answerer(answering),
        task_store=_Tasks(),
        agent_card=card(catalog, version, public_url or ""),
    )
    rest = create_rest_routes(handler, _Callers(), path_prefix=REST)
    return [
        Route(CARD, show),
        *create_jsonrpc_routes(handler, RPC, _Callers()),
        *(route for route in rest if isinstance(route, Route)),  # not those that take any path for a tenant's
    ]


class Answerer(AgentExecutor):
    """Answers a message's text for whoever sent it. A question that is unclear waits for another message."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        task = context.current_task
        if task is None:
            task = new_task_from_user_message(_message(context))
            await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        await updater.start_work()
        principal = context.call_context.state["principal"]
        try:
            answer = await self._answer(updater, context.get_user_input(), principal, task)
        except TenantryError as problem:
            said = f"{problem.message}; {problem.hint}" if problem.hint else problem.message
            await updater.failed(_said(updater, said, problem.problem()))
        except Exception as bug:  # noqa: BLE001 - the last line of defence: a client never sees a stack trace
            _log.exception("a bug while answering")
            found = TenantryError(
                Kind.INTERNAL, f"a bug in Tenantry: {type(bug).__name__}", "please report it"
            )
            await updater.failed(_said(updater, found.message, found.problem()))
        else:
            await _tell(updater, answer)

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        task = context.current_task
        if task is not None:
            await TaskUpdater(event_queue, task.id, task.context_id).cancel()

    async def _answer(self, updater: TaskUpdater, text: str, principal: Principal, task: Task) -> AskAnswer:
        def listen(event: str, data: Mapping[str, Any]) -> None:
            step = f"{event}: {data.get('capability', '')} {data.get('tool', '')}".rstrip()
            anyio.from_thread.run(
                partial(updater.update_status, TaskState.TASK_STATE_WORKING, _said(updater, step))
            )

        work = partial(self._answering, text, principal, task.context_id, listen)
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)


async def _tell(updater: TaskUpdater, answer: AskAnswer) -> None:
    document = answer.document()
    if answer.outcome == "asked":
        await updater.requires_input(_said(updater, answer.text, document))
        return
    parts = [new_text_part(answer.text), new_data_part(document, "application/json")]
    await updater.add_artifact(parts, name="answer", last_chunk=True)
    await updater.complete()


def _said(updater: TaskUpdater, text: str, document: Mapping[str, Any] | None = None) -> Message:
    data = [new_data_part(dict(document), "application/json")] if document else []
    return updater.new_agent_message([new_text_part(text), *data])


def _message(context: RequestContext) -> Message:
    if context.message is None:
        raise TenantryError(Kind.INVALID, "there is no message", "send one with text")
    message = Message()
    message.CopyFrom(context.message)
    message.task_id, message.context_id = context.task_id or "", context.context_id or ""
    return message


class _Caller(User):
    """The principal of a request as A2A's library knows it. Its name keeps tasks of different principals apart."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def user_name(self) -> str:
        return f"{self._principal.name}\n{self._principal.tenant_id or ''}"


class _Callers(ServerCallContextBuilder):
    def build(self, request: Request) -> ServerCallContext:
        principal = principal_of(request.scope)
        state = {"principal": principal, "headers": dict(request.headers)}
        return ServerCallContext(user=_Caller(principal), state=state)


class _Tasks(InMemoryTaskStore):
    """The newest tasks; each its principal's alone."""

    def __init__(self) -> None:
        super().__init__()
        self._newest: deque[tuple[str, ServerCallContext]] = deque()
        self._held: set[str] = set()

    async def save(self, task: Task, context: ServerCallContext) -> None:
        await super().save(task, context)
        if task.id in self._held:
            return
        self._held.add(task.id)
        self._newest.append((task.id, context))
        if len(self._newest) > _KEPT:
            oldest, of = self._newest.popleft()
            self._held.discard(oldest)
            await self.delete(oldest, of)

"""Asking another's agent: one question, streamed where it can, until it answers, asks back, fails or takes too long."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress

import httpx
from a2a.client import A2ACardResolver, Client, ClientConfig, ClientFactory
from a2a.helpers.proto_helpers import new_text_message
from a2a.types import (
    Artifact,
    CancelTaskRequest,
    GetTaskRequest,
    Message,
    Part,
    Role,
    SendMessageRequest,
    StreamResponse,
    Task,
    TaskState,
)
from google.protobuf.json_format import MessageToDict

from ...errors import Kind, TenantryError
from ...kernel.text import shown
from .agent import Agent
from .wire import Wire

logging.getLogger("a2a.client").setLevel(logging.CRITICAL)  # it logs what a stranger said as it was said
_BINDINGS = ["JSONRPC", "HTTP+JSON"]
_ENDED = {
    TaskState.TASK_STATE_COMPLETED,
    TaskState.TASK_STATE_CANCELED,
    TaskState.TASK_STATE_FAILED,
    TaskState.TASK_STATE_REJECTED,
}
_ASKS_BACK = {TaskState.TASK_STATE_INPUT_REQUIRED, TaskState.TASK_STATE_AUTH_REQUIRED}
_POLL_SECONDS = 1.0
_GOODBYE_SECONDS = 5.0


class Reply:
    """What an agent has said so far to one question."""

    def __init__(self) -> None:
        self.task_id = ""
        self.state = TaskState.TASK_STATE_UNSPECIFIED
        self._artifacts: dict[str, str] = {}
        self._message = ""

    @property
    def over(self) -> bool:
        return self.state in _ENDED or self.state in _ASKS_BACK

    @property
    def asks_back(self) -> bool:
        return self.state in _ASKS_BACK

    @property
    def text(self) -> str:
        """Its artifacts, else its last message; where it asks back, that message."""
        of_artifacts = "\n".join(filter(None, self._artifacts.values()))
        return (of_artifacts if not self.asks_back else "") or self._message

    def take(self, event: StreamResponse) -> None:
        match event.WhichOneof("payload"):
            case "message":
                self._message, self.state = _text(event.message.parts), TaskState.TASK_STATE_COMPLETED
            case "task":
                self.take_task(event.task)
            case "status_update":
                self.task_id = event.status_update.task_id
                self._status(event.status_update.status.state, event.status_update.status.message)
            case "artifact_update":
                self.task_id = event.artifact_update.task_id
                self._artifact(event.artifact_update.artifact, append=event.artifact_update.append)
            case _:
                pass

    def take_task(self, task: Task) -> None:
        self.task_id = task.id
        self._status(task.status.state, task.status.message)
        for artifact in task.artifacts:
            self._artifact(artifact, append=False)

    def _status(self, state: TaskState, message: Message) -> None:
        self.state = state
        if message.parts:
            self._message = _text(message.parts)

    def _artifact(self, artifact: Artifact, *, append: bool) -> None:
        before = self._artifacts.get(artifact.artifact_id, "") if append else ""
        self._artifacts[artifact.artifact_id] = before + _text(artifact.parts)


def ask(agent: Agent, question: str) -> Reply:
    """What the agent replies. Raises `unavailable` where it cannot be asked, fails, or takes too long, and
    `limit_exceeded` where it says too much; what it worked on is cancelled there.
    """
    return asyncio.run(_asked(agent, question))


async def _asked(agent: Agent, question: str) -> Reply:
    wire = Wire(agent)
    try:
        async with (
            httpx.AsyncClient(transport=wire, timeout=agent.timeout_seconds) as http,
            asyncio.timeout(agent.timeout_seconds + _GOODBYE_SECONDS),
        ):
            reply = await _talk(agent, http, question)
    except Exception as problem:  # noqa: BLE001 - a stranger's reply may break the library in any way
        raise wire.problem or _failure(agent, problem) from None
    if reply.state in _ENDED - {TaskState.TASK_STATE_COMPLETED}:
        words = TaskState.Name(reply.state).removeprefix("TASK_STATE_").lower()
        raise TenantryError(
            Kind.UNAVAILABLE,
            f"{agent.name} ended with {words}; it says: {shown(reply.text) or 'nothing'}",
            "ask it something else",
        )
    return reply


async def _talk(agent: Agent, http: httpx.AsyncClient, question: str) -> Reply:
    reply = Reply()
    client: Client | None = None
    try:
        async with asyncio.timeout(agent.timeout_seconds):
            card = await A2ACardResolver(http, agent.url).get_agent_card()
            config = ClientConfig(httpx_client=http, supported_protocol_bindings=_BINDINGS)
            client = ClientFactory(config).create(card)
            said = SendMessageRequest(message=new_text_message(question, role=Role.ROLE_USER))
            await _listen(client.send_message(said), reply)
            while not reply.over:
                await asyncio.sleep(_POLL_SECONDS)
                reply.take_task(await client.get_task(GetTaskRequest(id=reply.task_id)))
    finally:
        if client and reply.task_id and reply.state not in _ENDED:
            with suppress(Exception):
                async with asyncio.timeout(_GOODBYE_SECONDS):
                    await client.cancel_task(CancelTaskRequest(id=reply.task_id))
    return reply


async def _listen(events: AsyncIterator[StreamResponse], reply: Reply) -> None:
    async for event in events:
        reply.take(event)
        if reply.over:
            return


def _failure(agent: Agent, problem: Exception) -> TenantryError:
    slow = isinstance(problem, TimeoutError) or "Timeout" in type(problem).__name__
    why = (
        f"no answer in {agent.timeout_seconds:g} s" if slow else f"no reply of A2A: {type(problem).__name__}"
    )
    return TenantryError(Kind.UNAVAILABLE, f"{agent.name}: {why}", "see whether it runs, and try again")


def _text(parts: Iterable[Part]) -> str:
    """The text parts; where there are none, the data as JSON."""
    found = [*parts]
    said = [part.text for part in found if part.HasField("text")]
    data = [part.data for part in found if part.HasField("data")]
    return "\n".join(said or (json.dumps(MessageToDict(one), ensure_ascii=False) for one in data))

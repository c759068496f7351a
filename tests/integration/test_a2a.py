"""A2A with the SDK's own client, over both bindings: questions answered, streamed, asked back about, kept apart."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from a2a.client import ClientConfig, create_client
from a2a.helpers.proto_helpers import get_data_parts, get_text_parts, new_text_message
from a2a.types import GetTaskRequest, Role, SendMessageRequest, StreamResponse, TaskState
from a2a_serving import BINDINGS, served
from three_months import three_months

from tenantry.runtime.asking.asking import Asking
from tenantry.runtime.asking.memory import Memory
from tenantry.runtime.state import State


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("a2a")
    _, runtime = three_months(folder / "lake")
    state = State(f"sqlite:///{folder / 'state.db'}")
    asking = Asking(runtime, lambda: Memory(state, runtime.now))
    with served(state, asking) as url:
        yield url
    state.close()


def talk(
    url: str, *texts: str, binding: str = "JSONRPC", who: str = "ada", streaming: bool = False
) -> list[list[StreamResponse]]:
    """What comes back for each message of one conversation, and of one task as long as that waits for more."""

    async def talked() -> list[list[StreamResponse]]:
        async with httpx.AsyncClient(headers={"x-who": who}, timeout=30) as http:
            config = ClientConfig(
                streaming=streaming, httpx_client=http, supported_protocol_bindings=[binding]
            )
            client = await create_client(url, config)
            found: list[list[StreamResponse]] = []
            context = task = None
            for text in texts:
                message = new_text_message(text, context_id=context, task_id=task, role=Role.ROLE_USER)
                events = [e async for e in client.send_message(SendMessageRequest(message=message))]
                found.append(events)
                first = events[0].task
                context, task = first.context_id, first.id
            return found

    return asyncio.run(talked())


def last(events: list[StreamResponse]) -> Any:
    return events[-1].task


def said(events: list[StreamResponse]) -> tuple[str, Mapping[str, Any]]:
    (artifact,) = last(events).artifacts
    return get_text_parts(artifact.parts)[0], get_data_parts(artifact.parts)[0]


@pytest.mark.parametrize("binding", BINDINGS)
def test_a_question_is_answered_with_text_and_data(url: str, binding: str) -> None:
    (events,) = talk(url, "Cost by tenant in March 2026?", binding=binding)
    assert last(events).status.state == TaskState.TASK_STATE_COMPLETED
    text, document = said(events)
    assert "156.20 USD" in text
    assert document["outcome"] == "answered"
    assert document["facts"][0]["value"]
    assert document["trace"]


@pytest.mark.parametrize("binding", BINDINGS)
def test_steps_are_streamed_before_the_answer(url: str, binding: str) -> None:
    (events,) = talk(url, "Cost by tenant in March 2026?", binding=binding, streaming=True)
    kinds = [event.WhichOneof("payload") for event in events]
    assert kinds[0] == "task"
    assert "artifact_update" in kinds
    steps = [
        get_text_parts(e.status_update.status.message.parts) for e in events if e.HasField("status_update")
    ]
    assert any(step and step[0].startswith("tool_start") for step in steps)
    assert events[-1].status_update.status.state == TaskState.TASK_STATE_COMPLETED


def test_an_unclear_question_waits_for_a_choice(url: str) -> None:
    first, second = talk(url, "What about teal?", "1")
    assert last(first).status.state == TaskState.TASK_STATE_INPUT_REQUIRED
    assert get_text_parts(last(first).status.message.parts)[0].startswith("What do you mean?")
    assert last(second).status.state == TaskState.TASK_STATE_COMPLETED
    assert last(second).id == last(first).id


def test_a_bound_principal_sees_its_own_alone(url: str) -> None:
    (events,) = talk(url, "Cost by tenant in March 2026?", who="teal")
    assert "beacon" not in str(events)
    assert "156.20 USD" in str(events)


def test_a_task_is_its_principals_alone(url: str) -> None:
    (events,) = talk(url, "Cost by tenant in March 2026?")

    async def fetched(who: str) -> Any:
        async with httpx.AsyncClient(headers={"x-who": who}) as http:
            client = await create_client(url, ClientConfig(httpx_client=http))
            return await client.get_task(GetTaskRequest(id=last(events).id))

    assert asyncio.run(fetched("ada")).id == last(events).id
    with pytest.raises(Exception, match=r"(?i)not found"):
        asyncio.run(fetched("teal"))


def test_nobody_is_refused(url: str) -> None:
    card = httpx.get(f"{url}/.well-known/agent-card.json").json()
    assert [i["protocolBinding"] for i in card["supportedInterfaces"]] == BINDINGS
    assert card["version"] == "1.2.3"
    for path in ("/a2a/rpc", "/a2a/message:send"):
        answer = httpx.post(
            f"{url}{path}", json={"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {}}
        )
        assert answer.status_code >= 400 or "error" in answer.json()
        assert "Traceback" not in answer.text


def test_paths_that_are_not_its_own_are_left_alone(url: str) -> None:
    for path in ("/teal/a2a/message:send", "/anything/else"):
        assert httpx.post(f"{url}{path}", json={}, headers={"x-who": "ada"}).status_code == 404

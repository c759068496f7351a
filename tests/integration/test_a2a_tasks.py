"""A2A's tasks: kept over a restart, listed page by page, and never more of them held than one client may have."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
from a2a.client import Client, ClientConfig, create_client
from a2a.helpers.proto_helpers import get_text_parts, new_text_message
from a2a.server.agent_execution.active_task import ActiveTask
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    Task,
    TaskState,
)
from a2a_serving import BINDINGS, served
from three_months import three_months

from tenantry.gateways.a2a import answerer
from tenantry.gateways.a2a import serving as of_gateway
from tenantry.gateways.a2a.bounds import AT_ONCE, BODY
from tenantry.runtime.asking.asking import Asking
from tenantry.runtime.asking.memory import Memory
from tenantry.runtime.given_tasks import GivenTask, GivenTasks, Wanted
from tenantry.runtime.state import State

QUESTION, UNCLEAR = "Cost by tenant in March 2026?", "What about teal?"
SEND = {"message": {"messageId": "1", "role": "ROLE_USER", "parts": [{"text": "Cost in March 2026?"}]}}
HEADERS = {"x-who": "ada", "A2A-Version": "1.0"}
MOST = 20


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Generator[State]:
    state = State(f"sqlite:///{tmp_path_factory.mktemp('tasks') / 'state.db'}")
    yield state
    state.close()


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory, state: State) -> Asking:
    folder: Path = tmp_path_factory.mktemp("lake")
    _, runtime = three_months(folder / "lake")
    return Asking(runtime, lambda: Memory(state, runtime.now))


@asynccontextmanager
async def connected(url: str, binding: str = "JSONRPC") -> AsyncGenerator[Client]:
    async with httpx.AsyncClient(headers={"x-who": "ada"}, timeout=30) as http:
        yield await create_client(
            url, ClientConfig(streaming=False, httpx_client=http, supported_protocol_bindings=[binding])
        )


async def asked(client: Client, text: str, *, wait: bool = True, **of: Any) -> Task:
    """The task of a question, as it stands when it is answered, or as it was begun."""
    said = SendMessageRequest(
        message=new_text_message(text, role=Role.ROLE_USER, **of),
        configuration=SendMessageConfiguration(return_immediately=not wait),
    )
    return [event async for event in client.send_message(said)][-1].task


def has(what: Any, seconds: float = 20) -> None:
    """Waits until it is so."""
    until = monotonic() + seconds
    while not what():
        assert monotonic() < until, "it did not come to be so"
        sleep(0.05)


@pytest.mark.parametrize("binding", BINDINGS)
def test_a_task_goes_on_after_a_restart(state: State, asking: Asking, binding: str) -> None:
    async def begun(url: str) -> tuple[Task, Task]:
        async with connected(url, binding) as client:
            return await asked(client, QUESTION), await asked(client, UNCLEAR)

    async def went_on(url: str, done: Task, open_: Task) -> tuple[Task, Task]:
        async with connected(url, binding) as client:
            found = await client.get_task(GetTaskRequest(id=done.id))
            return found, await asked(client, "1", task_id=open_.id, context_id=open_.context_id)

    with served(state, asking) as url:
        done, open_ = asyncio.run(begun(url))
    with served(state, asking) as url:
        found, answered = asyncio.run(went_on(url, done, open_))
    assert (found.id, found.status, found.artifacts) == (done.id, done.status, done.artifacts)
    assert open_.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
    assert answered.status.state == TaskState.TASK_STATE_COMPLETED
    assert [m.role for m in answered.history][:3] == [Role.ROLE_USER, Role.ROLE_AGENT, Role.ROLE_USER]
    assert not any("tool_start" in str(m) for m in found.history)


def test_what_a_server_worked_on_as_it_died_has_failed(state: State, asking: Asking) -> None:
    document = {"id": "t1", "contextId": "c1", "status": {"state": "TASK_STATE_WORKING"}}
    GivenTasks(state).save(
        GivenTask("t1", "ada\n", "c1", "TASK_STATE_WORKING", "2026-07-01T03:00:00.000000Z", document)
    )

    async def fetched(url: str) -> Task:
        async with connected(url) as client:
            return await client.get_task(GetTaskRequest(id="t1"))

    with served(state, asking) as url:
        task = asyncio.run(fetched(url))
    assert task.status.state == TaskState.TASK_STATE_FAILED
    assert "ask again" in get_text_parts(task.status.message.parts)[0]


@pytest.mark.parametrize("binding", BINDINGS)
def test_tasks_are_listed_page_by_page(state: State, asking: Asking, binding: str) -> None:
    async def listed(url: str) -> None:
        async with connected(url, binding) as client:
            first = await asked(client, "What can you do?")
            done = [
                first.id, *[(await asked(client, QUESTION, context_id=first.context_id)).id for _ in range(4)]
            ]  # fmt: skip
            seen: list[str] = []
            token = ""
            while True:
                page = await client.list_tasks(
                    ListTasksRequest(context_id=first.context_id, page_size=2, page_token=token)
                )
                assert page.total_size == len(done)
                assert not any(task.artifacts for task in page.tasks)
                seen += [task.id for task in page.tasks]
                token = page.next_page_token
                if not token:
                    break
            assert seen == done[::-1]
            waiting = await client.list_tasks(
                ListTasksRequest(context_id=first.context_id, status=TaskState.TASK_STATE_INPUT_REQUIRED)
            )
            assert waiting.total_size == 0
            with pytest.raises(Exception, match="page token"):
                await client.list_tasks(ListTasksRequest(page_token="nonsense"))

    with served(state, asking) as url:
        asyncio.run(listed(url))


def test_either_store_keeps_the_newest_of_each(state_url: str) -> None:
    state = State(state_url)
    tasks = GivenTasks(state, most=3)

    def given(number: int, owner: str = "ada\n") -> GivenTask:
        at = f"2026-07-01T03:00:0{number}.000000Z"
        return GivenTask(f"{owner}{number}", owner, "c", "TASK_STATE_WORKING", at, {"number": number})

    for number in range(5):
        tasks.save(given(number))
        tasks.save(given(number, "bob\n"))
    tasks.save(replace(given(4), state="TASK_STATE_COMPLETED"))
    page, total = tasks.page(Wanted("ada\n", since="2026-07-01T03:00:03"), 1)
    assert ([one.document for one in page], total) == ([{"number": 4}], 2)
    rest, _ = tasks.page(Wanted("ada\n", "c", after=(page[0].updated, page[0].id)), 9)
    assert [one.id for one in rest] == ["ada\n3", "ada\n2"]
    assert len(tasks.in_states(["TASK_STATE_WORKING"])) == 5
    tasks.delete("ada\n3", "bob\n")
    assert tasks.get("ada\n3", "ada\n")
    tasks.delete("ada\n3", "ada\n")
    assert tasks.get("ada\n3", "ada\n") is None
    state.close()


def test_the_oldest_tasks_go(state: State, asking: Asking) -> None:
    async def listed(url: str) -> tuple[int, Task]:
        async with connected(url) as client:
            first = await asked(client, UNCLEAR)
            for _ in range(MOST):
                await asked(client, UNCLEAR)
            with pytest.raises(Exception, match=r"(?i)not found"):
                await client.get_task(GetTaskRequest(id=first.id))
            return (await client.list_tasks(ListTasksRequest())).total_size, first

    with served(state, asking, MOST) as url:
        held, _ = asyncio.run(listed(url))
    assert held == MOST


def test_tasks_that_wait_are_not_held_in_memory(
    state: State, asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_gateway, "_HELD_SECONDS", 0.2)

    def held() -> int:
        gc.collect()
        return sum(isinstance(found, ActiveTask) for found in gc.get_objects())

    async def flood(url: str) -> None:
        async with connected(url) as client:
            for _ in range(20):
                task = await asked(client, UNCLEAR)
                assert task.status.state == TaskState.TASK_STATE_INPUT_REQUIRED

    with served(state, asking) as url:
        asyncio.run(flood(url))
        has(lambda: held() == 0)


def test_a_task_does_not_grow_for_ever(state: State, asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answerer, "_TURNS", 3)

    async def talked(url: str) -> list[TaskState]:
        async with connected(url) as client:
            task = await asked(client, UNCLEAR)
            states = [task.status.state]
            for _ in range(3):
                task = await asked(client, UNCLEAR, task_id=task.id, context_id=task.context_id)
                states.append(task.status.state)
            return states

    with served(state, asking) as url:
        states = asyncio.run(talked(url))
    assert states == [TaskState.TASK_STATE_INPUT_REQUIRED] * 3 + [TaskState.TASK_STATE_FAILED]


def test_questions_beyond_a_clients_share_are_turned_away(state: State, asking: Asking) -> None:
    go_on = Event()

    def slowly(*asked: Any) -> Any:
        go_on.wait(30)
        return asking.answer(*asked)

    async def flood(url: str) -> list[Task]:
        async with connected(url) as client:
            begun = [await asked(client, QUESTION, wait=False) for _ in range(40)]
            over = {TaskState.TASK_STATE_REJECTED, TaskState.TASK_STATE_COMPLETED}
            for _ in range(200):
                found = [await client.get_task(GetTaskRequest(id=task.id)) for task in begun]
                if any(task.status.state == TaskState.TASK_STATE_REJECTED for task in found):
                    go_on.set()
                if all(task.status.state in over for task in found):
                    return found
                await asyncio.sleep(0.1)
            raise AssertionError("they did not come to an end")

    with served(state, asking, answering=slowly) as url:
        found = asyncio.run(flood(url))
    refused = [task for task in found if task.status.state == TaskState.TASK_STATE_REJECTED]
    assert len(refused) == 40 - 32
    assert "too many" in get_text_parts(refused[0].status.message.parts)[0]


def test_a_cancelled_question_is_worked_on_no_further(state: State, asking: Asking) -> None:
    began, told, ended = Event(), Event(), Event()
    problems: list[BaseException] = []

    def slowly(text: str, principal: Any, conversation: Any, listen: Any) -> Any:
        began.set()
        told.wait(30)
        try:
            return asking.answer(text, principal, conversation, listen)
        except BaseException as problem:
            problems.append(problem)
            raise
        finally:
            ended.set()

    async def cancelled(url: str) -> Task:
        async with connected(url) as client:
            task = await asked(client, QUESTION, wait=False)
            assert began.wait(20)
            return await client.cancel_task(CancelTaskRequest(id=task.id))

    with served(state, asking, answering=slowly) as url:
        task = asyncio.run(cancelled(url))
        told.set()
        assert ended.wait(20)
    assert task.status.state == TaskState.TASK_STATE_CANCELED
    assert "cancelled" in str(problems[0])


def test_streams_beyond_a_clients_share_are_turned_away(state: State, asking: Asking) -> None:
    async def flood(url: str) -> list[int]:
        async with connected(url) as client, httpx.AsyncClient(headers=HEADERS, timeout=30) as http:
            task = await asked(client, UNCLEAR)
            streams = [
                http.build_request("POST", f"{url}/a2a/tasks/{task.id}:subscribe") for _ in range(AT_ONCE + 3)
            ]
            answers = [await http.send(one, stream=True) for one in streams]
            for answer in answers:
                await answer.aclose()
            return [answer.status_code for answer in answers]

    with served(state, asking) as url:
        statuses = asyncio.run(flood(url))
    assert statuses == [200] * AT_ONCE + [429] * 3


def test_what_is_too_large_or_no_json_is_refused(state: State, asking: Asking) -> None:
    rpc = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": SEND}

    async def pieces() -> AsyncGenerator[bytes]:
        for _ in range(BODY // 1024 + 1):
            yield b" " * 1024

    async def refused(url: str) -> list[httpx.Response]:
        async with httpx.AsyncClient(headers=HEADERS, base_url=url) as http:
            json = {**HEADERS, "content-type": "application/json"}
            return [
                await http.post("/a2a/message:send", content=b" " * (BODY + 1), headers=json),
                await http.post("/a2a/rpc", content=pieces(), headers=json),
                await http.post("/a2a/rpc", content="{}", headers={"content-type": "text/plain"}),
                await http.post("/a2a/message:send", content="{}", headers={"content-type": "text/plain"}),
                await http.post("/a2a/rpc/", json=rpc),
            ]

    with served(state, asking) as url:
        large, larger, of_rpc, of_rest, taken = asyncio.run(refused(url))
    assert [large.status_code, larger.status_code] == [413, 413]
    assert [of_rpc.status_code, of_rpc.json()["error"]["code"]] == [415, -32005]
    assert [of_rest.status_code, of_rest.json()["error"]["code"]] == [415, 400]
    assert taken.json()["result"]["task"]["status"]["state"] == "TASK_STATE_COMPLETED"


def test_a_part_of_another_media_type_is_refused(state: State, asking: Asking) -> None:
    message = {**SEND["message"], "parts": [{"raw": "dGNr", "mediaType": "application/x-other"}]}
    with served(state, asking) as url:
        answer = httpx.post(f"{url}/a2a/message:send", json={"message": message}, headers=HEADERS)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["reason"] == "CONTENT_TYPE_NOT_SUPPORTED"


@pytest.mark.parametrize(
    "wrong", [{"parts": [{"text": ""}]}, {"parts": [{"text": "cost"}, {"text": ""}]}, {"role": "ROLE_AGENT"}]
)
def test_a_message_that_begins_no_task_is_its_senders_fault(
    state: State, asking: Asking, wrong: dict[str, Any]
) -> None:
    sent = {"message": {**SEND["message"], **wrong}}
    rpc = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": sent}
    with served(state, asking) as url:
        answer = httpx.post(f"{url}/a2a/message:send", json=sent, headers=HEADERS)
        of_rpc = httpx.post(f"{url}/a2a/rpc", json=rpc, headers=HEADERS)
    assert answer.status_code == 400
    assert of_rpc.json()["error"]["code"] == -32602


def test_the_card_is_not_sent_twice(state: State, asking: Asking) -> None:
    with served(state, asking) as url:
        card = httpx.get(f"{url}/.well-known/agent-card.json")
        again = httpx.get(
            f"{url}/.well-known/agent-card.json", headers={"if-none-match": card.headers["etag"]}
        )
    assert card.headers["cache-control"] == "private, max-age=300"
    assert (again.status_code, again.content) == (304, b"")
    assert card.json()["supportedInterfaces"][0]["url"].startswith(url)

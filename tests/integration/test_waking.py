"""A decision made elsewhere: the conversation or A2A task that waits for it goes on by itself, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
from a2a.client import ClientConfig, create_client
from a2a.helpers.proto_helpers import get_text_parts, new_text_message
from a2a.types import GetTaskRequest, Role, SendMessageRequest, SubscribeToTaskRequest, Task, TaskState
from a2a_serving import let_in
from deciding import ASKER, DECIDER, NESTED, agency_of, runtime_of
from serving import serving
from starlette.applications import Starlette

from tenantry.gateways import a2a
from tenantry.gateways.waking import Waking
from tenantry.runtime.agents.agency import Agency
from tenantry.runtime.decision import Decision, DecisionState, Verdict
from tenantry.runtime.given_tasks import GivenTasks

AT_ONCE = timedelta(0)


@pytest.fixture
def agency(tmp_path: Path) -> Generator[Agency]:
    runtime = runtime_of(tmp_path, f"sqlite:///{tmp_path / 'state.db'}")
    yield agency_of(runtime)
    runtime.state.close()


def decide_all(agency: Agency, verdict: Verdict = Verdict.APPROVE) -> None:
    for one in agency.decisions.list(DECIDER, states=[DecisionState.PROPOSED]):
        agency.decisions.decide(one.id, verdict, DECIDER, digest=one.digest)


async def pushed_nothing(_: Decision, __: Any) -> bool:
    return False


def wake_once(agency: Agency) -> None:
    waking = Waking(agency, pushed_nothing, agency.runtime.state.lock("waking"), 0.01, AT_ONCE)
    asyncio.run(waking._wake())  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def test_a_conversation_goes_on_as_who_asked_and_says_the_same_when_asked_again(agency: Agency) -> None:
    talk = agency.advise("Give teal more seats", ASKER).conversation
    wake_once(agency)
    assert len(agency._runs().all()) == 1  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    for count in range(1, len(NESTED) + 1):
        decide_all(agency)
        wake_once(agency)
        wake_once(agency)
        runs = agency._runs().all()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        assert [run.principal for run in runs] == ["ada"] * (1 + count)
    last = agency.decisions.list(DECIDER)[0]
    assert agency.go_on(last.id, ASKER, talk).text == "All is done."
    assert len(agency._runs().all()) == 1 + len(NESTED)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    assert {one.state for one in agency.decisions.list(DECIDER)} == {DecisionState.ACTED}


def test_what_expired_is_told_too_and_its_time_can_be_set(agency: Agency) -> None:
    agency.runtime.proposals_last = timedelta(microseconds=1)
    agency.advise("Give teal more seats", ASKER)
    agency.decisions.expire()
    wake_once(agency)
    (one, *_) = agency.decisions.list(DECIDER)[::-1]
    assert one.state is DecisionState.EXPIRED
    assert [run.decision for run in agency._runs().all()][:2] == [None, one.id]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


@contextmanager
def waking_server(agency: Agency) -> Generator[str]:
    verdicts = a2a.Verdicts(agency.decisions, agency.go_on)
    part = a2a.Serving(agency.runtime.catalog, "1", agency.answer, verdicts, GivenTasks(agency.runtime.state))
    waking = Waking(agency, part.push, agency.runtime.state.lock("waking"), 0.1, AT_ONCE)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncGenerator[None]:
        async with part.open(), waking.open():
            yield

    with serving(let_in(Starlette(routes=part.routes(), lifespan=lifespan))) as url:
        yield url


def test_a_task_goes_on_by_itself(agency: Agency) -> None:
    with waking_server(agency) as url:
        task = asked(url)
        assert task.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
        for place in range(len(NESTED)):
            decide_all(agency)
            task = until(url, task, place + 2)
    assert task.status.state == TaskState.TASK_STATE_COMPLETED
    assert get_text_parts(task.artifacts[-1].parts)[0] == "All is done."


def test_who_listens_to_a_task_hears_that_it_goes_on(agency: Agency) -> None:
    with waking_server(agency) as url:
        task = asked(url)
        heard = asyncio.run(heard_of(url, task, agency))
    assert heard[-1] == TaskState.TASK_STATE_COMPLETED
    assert TaskState.TASK_STATE_WORKING in heard


async def heard_of(url: str, task: Task, agency: Agency) -> list[TaskState]:
    """The states that a listener is told, while all that waits is decided elsewhere."""
    heard: list[TaskState] = []
    async with httpx.AsyncClient(headers={"x-who": "ada"}, timeout=30) as http:
        client = await create_client(url, ClientConfig(streaming=True, httpx_client=http))
        async with asyncio.timeout(60):
            while TaskState.TASK_STATE_COMPLETED not in heard:
                async for event in client.subscribe(SubscribeToTaskRequest(id=task.id)):
                    status = event.task.status if event.HasField("task") else event.status_update.status
                    if status.state and status.state not in heard[-1:]:
                        heard.append(status.state)
                    if status.state == TaskState.TASK_STATE_INPUT_REQUIRED:
                        await asyncio.to_thread(decide_all, agency)
    return heard


def asked(url: str) -> Task:
    async def ask() -> Task:
        async with httpx.AsyncClient(headers={"x-who": "ada"}, timeout=30) as http:
            client = await create_client(url, ClientConfig(streaming=False, httpx_client=http))
            message = new_text_message("Give teal more seats", role=Role.ROLE_USER)
            return [e async for e in client.send_message(SendMessageRequest(message=message))][-1].task

    return asyncio.run(ask())


def until(url: str, task: Task, artifacts: int) -> Task:
    """The task once it has so many artifacts and waits or is over."""
    ends, found = monotonic() + 20, task
    while monotonic() < ends:
        found = asyncio.run(looked(url, task))
        if len(found.artifacts) >= artifacts and found.status.state != TaskState.TASK_STATE_WORKING:
            break
        sleep(0.1)
    return found


async def looked(url: str, task: Task) -> Task:
    async with httpx.AsyncClient(headers={"x-who": "ada"}, timeout=30) as http:
        client = await create_client(url, ClientConfig(streaming=False, httpx_client=http))
        return await client.get_task(GetTaskRequest(id=task.id))

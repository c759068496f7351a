"""What agents propose over A2A: it waits as `input-required`, over restarts, and is done once with a yes."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from a2a.client import ClientConfig, create_client
from a2a.helpers.proto_helpers import get_data_parts, get_text_parts, new_data_message, new_text_message
from a2a.types import Role, SendMessageRequest, Task, TaskState
from a2a_serving import guarded, refused, served
from deciding import DECIDER, NESTED, agency_of, runtime_of
from starlette.types import ASGIApp

from tenantry.datasets import Tenants
from tenantry.kernel import AccessRole, Principal
from tenantry.runtime.agents.agency import Agency
from tenantry.runtime.decision import DecisionState, Verdict

QUESTION = "Give teal more seats"
WAITS, DONE = TaskState.TASK_STATE_INPUT_REQUIRED, TaskState.TASK_STATE_COMPLETED


@pytest.fixture
def agency(tmp_path: Path) -> Generator[Agency]:
    runtime = runtime_of(tmp_path, f"sqlite:///{tmp_path / 'state.db'}")
    yield agency_of(runtime)
    runtime.state.close()


def say(url: str, what: str | Mapping[str, Any], task: Task | None = None, who: str = "ada") -> Task:
    """The task after a message: words, or data."""

    async def said() -> Task:
        async with httpx.AsyncClient(headers={"x-who": who}, timeout=30) as http:
            client = await create_client(url, ClientConfig(streaming=False, httpx_client=http))
            of = {"task_id": task.id, "context_id": task.context_id} if task else {}
            if isinstance(what, str):
                message = new_text_message(what, role=Role.ROLE_USER, **of)
            else:
                message = new_data_message(
                    dict(what), media_type="application/json", role=Role.ROLE_USER, **of
                )
            return [e async for e in client.send_message(SendMessageRequest(message=message))][-1].task

    return asyncio.run(said())


def waiting(task: Task) -> Mapping[str, Any]:
    """The one decision that a task waits for."""
    assert task.status.state == WAITS
    (decision,) = get_data_parts(task.status.message.parts)[0]["decisions"]
    return decision


def told(task: Task) -> str:
    return get_text_parts(task.status.message.parts)[0]


def seats(agency: Agency) -> int:
    agency.runtime.engine.attach([Tenants])
    agency.runtime._kept().land()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return sum(int(row["seats"]) for row in agency.runtime.engine.query("FROM tenants"))


def test_a_yes_has_it_done_once_and_the_agents_go_on(agency: Agency) -> None:
    with served(agency.runtime.state, agency) as url:
        task = say(url, QUESTION)
        first = waiting(task)
        assert first["arguments"] == {"tenant_id": "teal", "by": NESTED[0]}
        assert first["digest"] in told(task)
        assert (first["proposed_by"], first["agent"]) == ("ada", "seats")
        task = say(url, {"verdict": "approve", "digest": first["digest"], "note": "fine"}, task)
        second = waiting(task)
        assert second["arguments"]["by"] == NESTED[1]
        again = say(url, f"approve {first['digest']}", task)  # said again, the same
        assert waiting(again)["digest"] == second["digest"]
        task = say(url, f"Approve {second['digest'][:12]}: agreed with finance", task)
    assert task.status.state == DONE
    assert get_text_parts(task.artifacts[-1].parts)[0] == "All is done."
    found = agency.decisions.list(DECIDER)[::-1]
    assert [one.state for one in found] == [DecisionState.ACTED] * len(NESTED)
    assert [one.note for one in found] == ["fine", "agreed with finance"]
    assert seats(agency) == sum(NESTED)


def test_a_no_leaves_it_undone(agency: Agency) -> None:
    with served(agency.runtime.state, agency) as url:
        task = say(url, QUESTION)
        digest = waiting(task)["digest"]
        task = say(url, f"reject {digest} not now", task)
    (first, *_) = agency.decisions.list(DECIDER)[::-1]
    assert (first.state, first.note, first.decided_by) == (DecisionState.REJECTED, "not now", "ada")


def test_who_may_not_do_it_may_not_decide_and_another_may(agency: Agency) -> None:
    with served(agency.runtime.state, agency) as url:
        task = say(url, QUESTION, who="ann")
        first = waiting(task)
        task = say(url, f"approve {first['digest']}", task, "ann")
        assert task.status.state == WAITS
        assert "operator" in told(task)
        assert agency.decisions.get(first["id"], DECIDER).state is DecisionState.PROPOSED
        agency.decisions.decide(first["id"], Verdict.APPROVE, DECIDER, digest=first["digest"])
        task = say(url, f"approve {first['digest']}", task, "ann")
        assert waiting(task)["arguments"]["by"] == NESTED[1]


def test_a_refusal_is_written_down(agency: Agency) -> None:
    known = dict[str, str]()

    def behind(app: ASGIApp) -> ASGIApp:
        door, headers = guarded(app, agency.runtime.state, Principal("ann", role=AccessRole.ANALYST))
        known.update({**headers, "A2A-Version": "1.0"})
        return door

    with served(agency.runtime.state, agency, behind=behind) as url, httpx.Client(timeout=30) as client:
        message: dict[str, Any] = {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": QUESTION}]}
        sent = client.post(f"{url}/a2a/message:send", json={"message": message}, headers=known).json()["task"]
        (first,) = agency.decisions.list(DECIDER)
        message |= {"parts": [{"text": f"approve {first.digest}"}], "taskId": sent["id"]}
        client.post(f"{url}/a2a/message:send", json={"message": message}, headers=known)
    assert agency.decisions.get(first.id, DECIDER).state is DecisionState.PROPOSED
    assert refused(agency.runtime.state) == ["a2a"]


@pytest.mark.parametrize("said", ["approve " + "0" * 64, {"verdict": "maybe", "digest": "0" * 64}])
def test_what_is_no_verdict_on_it_decides_nothing(agency: Agency, said: str | dict[str, str]) -> None:
    with served(agency.runtime.state, agency) as url:
        task = say(url, QUESTION)
        digest = waiting(task)["digest"]
        task = say(url, said, task)
        assert task.status.state == WAITS
        other = say(url, f"approve {digest}")  # of no task that asked for it
        assert other.status.state == TaskState.TASK_STATE_FAILED
    assert [one.state for one in agency.decisions.list(DECIDER)] == [DecisionState.PROPOSED]


def test_a_task_waits_over_restarts(agency: Agency) -> None:
    with served(agency.runtime.state, agency) as url:
        task = say(url, QUESTION)
    while task.status.state == WAITS:
        with served(agency.runtime.state, agency) as url:
            task = say(url, f"approve {waiting(task)['digest']}", task)
    assert task.status.state == DONE
    assert seats(agency) == sum(NESTED)

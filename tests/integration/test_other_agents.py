"""Others' agents asked over A2A: real ones, that hang, flood and give orders; nothing of theirs becomes ours."""

from __future__ import annotations

import re
from collections.abc import Generator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from other_agent import Other, other_agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from serving import serving
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from tenantry.app import catalog, main
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.errors import Kind, TenantryError
from tenantry.gateways.a2a import card
from tenantry.kernel import Capability, Catalog, Principal
from tenantry.runtime.agents import team
from tenantry.runtime.agents.agency import Advice, Agency
from tenantry.runtime.agents.figures import ungrounded
from tenantry.runtime.agents.framework.agents import FREE, Limits
from tenantry.runtime.agents.runs import Daily, Runs
from tenantry.runtime.call import Answer, Runtime
from tenantry.runtime.state import State
from tenantry.sources.a2a import Agent, capability_of, read_agents

ADA = Principal("ada")


@pytest.fixture(scope="module")
def other() -> Generator[Other]:
    with other_agent() as other:
        yield other


def agent(url: str, **of: Any) -> Agent:
    return Agent(name="rain", url=url, about="Why did it rain?", **of)


def runtime(folder: Path, one: Agent) -> Runtime:
    known = Catalog((capability_of(one),), (), ())
    return Runtime(
        DuckDB(Lake(folder / "lake")), known, lambda: datetime(2026, 7, 1, tzinfo=UTC), lambda _: {}
    )


def ask(folder: Path, one: Agent, question: str, principal: Principal = ADA) -> Answer:
    return runtime(folder, one).call("a2a_rain", "ask", {"question": question}, principal)


def refused(folder: Path, one: Agent, question: str, principal: Principal = ADA) -> TenantryError:
    with pytest.raises(TenantryError) as found:
        ask(folder, one, question, principal)
    return found.value


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
def test_an_agent_is_asked(tmp_path: Path, binding: str, *, streaming: bool) -> None:
    with other_agent(streaming=streaming, binding=binding) as other:
        one = agent(other.url, token="s3cret")
        answers = {
            q: ask(tmp_path, one, q).data for q in ("Why rain?", "In pieces?", "With data?", "A message?")
        }
        asking = ask(tmp_path, one, "For which region?").data
    assert (
        answers["Why rain?"].quote
        == "rain says, and Tenantry has not checked it: “Rain cost us 1,234.56 USD.”"
    )
    assert answers["In pieces?"].quote.endswith("“It rains in March.”")
    assert "12" in answers["With data?"].quote
    assert answers["A message?"].quote.endswith("“Said at once.”")
    assert (asking.manner, asking.quote[-15:]) == ("asks_back", "“Which region?”")
    assert other.questions == [*answers, "For which region?"]
    assert len(other.cancelled) == 1  # what waits for us waits for nobody
    assert {h.get("authorization") for h in other.headers} == {"Bearer s3cret"}


def test_what_it_says_is_a_quotation_and_no_more(tmp_path: Path, other: Other) -> None:
    said = ask(tmp_path, agent(other.url), "Give orders").data.quote
    assert said.count("“") == said.count("”") == 1
    for word in ("https", "evil", "<img", "\u202e", "\x1b", "[["):
        assert word not in said


def test_a_hanging_one_is_left_and_told_so(tmp_path: Path, other: Other) -> None:
    other.cancelled.clear()
    began = monotonic()
    problem = refused(tmp_path, agent(other.url, timeout_seconds=1), "Please hang")
    assert problem.kind is Kind.UNAVAILABLE
    assert "no answer in 1 s" in problem.message
    assert monotonic() - began < 20
    until = monotonic() + 20
    while not other.cancelled and monotonic() < until:
        sleep(0.05)
    assert len(other.cancelled) == 1


def test_a_flood_ends_at_the_limit(tmp_path: Path, other: Other) -> None:
    problem = refused(tmp_path, agent(other.url, max_reply_bytes=50_000), "Please flood")
    assert problem.kind is Kind.LIMIT_EXCEEDED
    assert "50,000 bytes" in problem.message


def test_a_failure_is_told_without_its_markup(tmp_path: Path, other: Other) -> None:
    problem = refused(tmp_path, agent(other.url), "Please fail")
    assert problem.kind is Kind.UNAVAILABLE
    assert "failed" in problem.message
    assert "\x1b" not in problem.message


def test_its_card_cannot_send_our_token_elsewhere(tmp_path: Path, other: Other) -> None:
    before = len(other.headers)
    with other_agent(elsewhere=other.url) as liar:
        problem = refused(tmp_path, agent(liar.url, token="s3cret"), "Why rain?")
    assert "another address" in problem.message
    assert len(other.headers) == before


@pytest.mark.parametrize(
    "answer",
    [
        PlainTextResponse("no card"),
        RedirectResponse("http://127.0.0.1:1/"),
        Response(b"\x1f\x8b", headers={"content-encoding": "gzip"}, media_type="application/json"),
        Response("[" * 100_000, media_type="application/json"),
        Response("{}" + " " * 2_000_000, media_type="application/json"),
    ],
)
def test_what_is_no_agent_is_said_to_be_none(tmp_path: Path, answer: Response) -> None:
    async def any_path(_: Any) -> Response:
        return answer

    with serving(Starlette(routes=[Route("/{path:path}", any_path)])) as url:
        problem = refused(tmp_path, agent(url), "Why rain?")
    assert problem.kind in {Kind.UNAVAILABLE, Kind.LIMIT_EXCEEDED}


def test_nobody_listens(tmp_path: Path) -> None:
    assert refused(tmp_path, agent("http://127.0.0.1:1"), "Why rain?").kind is Kind.UNAVAILABLE


def test_who_is_bound_to_a_tenant_asks_no_stranger(tmp_path: Path, other: Other) -> None:
    asked = len(other.questions)
    assert refused(tmp_path, agent(other.url), "Why rain?", Principal("bob", "teal")).kind is Kind.FORBIDDEN
    assert len(other.questions) == asked


def test_settings_are_checked_all_at_once() -> None:
    with pytest.raises(TenantryError) as found:
        read_agents(
            {"Rain": {}, "snow": {"url": "http://example.com", "about": "?"}, "hail": {"url": "https://x"}}
        )
    for name in ("Rain", "snow", "hail"):
        assert name in found.value.message
    assert (
        read_agents({"rain": {"url": "https://rain.example/agent", "about": "Why?"}})["rain"].name == "rain"
    )


def test_the_page_says_what_our_agents_may_say(other: Other) -> None:
    found: Capability = capability_of(agent(other.url))
    assert found.outward
    assert "Why did it rain?" in found.instructions


def test_our_card_does_not_tell_whom_we_ask(other: Other) -> None:
    own = catalog()
    whole = Catalog((*own.capabilities, capability_of(agent(other.url))), own.sources, own.datasets)
    assert [skill.id for skill in card(whole, "1", "").skills] == [c.name for c in own.capabilities]


def test_the_command_line_asks(
    tmp_path: Path, other: Other, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tenantry.toml").write_text(f'[a2a.rain]\nurl = "{other.url}"\nabout = "Why did it rain?"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TENANTRY_A2A__RAIN__TOKEN", "fr0m-the-environment")
    assert main(["a2a-rain", "ask", "--question", "Why rain?"]) == 0
    assert "has not checked it: “Rain cost us 1,234.56 USD.”" in capsys.readouterr().out
    assert other.headers[-1]["authorization"] == "Bearer fr0m-the-environment"


QUESTION = "Ask rain: why did it rain in March?"
WORDS = "Why did it rain in March?"


def asking(question: str = WORDS) -> list[Any]:
    """A supervisor who has the specialist ask the agent, and passes on what that says."""
    delegated = {"specialist": "a2a_rain", "question": question}
    return [
        ToolCallPart("ask_specialist", delegated),
        ToolCallPart("ask", {"question": question}),
        "It says QUOTE.",
    ]


def advised(folder: Path, one: Agent, *turns: Any, question: str = QUESTION) -> tuple[Advice, str]:
    """What is answered, and all that the model was sent."""
    sent: list[str] = []
    said = [*turns]

    def reply(messages: list[ModelMessage], _: AgentInfo) -> ModelResponse:
        sent.append(str(messages))
        turn = said.pop(0)
        if isinstance(turn, ToolCallPart):
            return ModelResponse([turn])
        handle = re.search(r"\[\[quote:\d+\]\]", sent[-1])
        return ModelResponse([TextPart(turn.replace("QUOTE", handle[0] if handle else ""))])

    state = State(f"sqlite:///{folder / 'state.db'}")
    runs = Runs(state, lambda: datetime(2026, 7, 1, tzinfo=UTC), Daily(10**9, Decimal(10**6)))
    over, voice = runtime(folder, one), (FunctionModel(reply), ungrounded)
    agency = Agency(
        over, team(over.catalog), "function:test", lambda _who: voice, Limits(price=FREE), lambda: runs
    )
    try:
        return agency.advise(question, ADA), "".join(sent)
    finally:
        state.close()


def test_our_agents_pass_on_what_it_said_as_a_quotation(tmp_path: Path, other: Other) -> None:
    advice, sent = advised(tmp_path, agent(other.url), *asking(), "The rain agent answers: QUOTE")
    assert advice.worded
    assert advice.text == (
        "The rain agent answers: rain says, and Tenantry has not checked it: “Rain cost us 1,234.56 USD.”"
    )
    assert other.questions[-1] == WORDS
    assert "1,234.56" not in sent  # the model never read it
    assert advice.answers[0].data.agent == "rain"


def test_its_figure_is_none_of_ours(tmp_path: Path, other: Other) -> None:
    said = "Rain cost 1,234.56 USD."
    advice, _ = advised(tmp_path, agent(other.url), *asking(), said, said)
    assert not advice.worded
    assert said not in advice.text


def test_its_orders_reach_no_model(tmp_path: Path, other: Other) -> None:
    question = "Ask rain: give orders"
    advice, sent = advised(
        tmp_path, agent(other.url), *asking("give orders"), "It says: QUOTE", question=question
    )
    assert "CALL" not in sent
    assert "SYSTEM" not in sent
    assert advice.text.count("”") == 1
    assert "evil.example" not in advice.text


@pytest.mark.parametrize(
    "told", ["Teal's margin is 12. Why did it rain in March?", "Why rain for [[tenant_id:1]]?"]
)
def test_what_nobody_typed_does_not_leave(tmp_path: Path, other: Other, told: str) -> None:
    before = len(other.questions)
    advice, _ = advised(
        tmp_path, agent(other.url), ToolCallPart("ask_specialist", {"specialist": "a2a_rain", "question": "?"}),
        ToolCallPart("ask", {"question": told}), "It may not be asked that.", "It waits.",
    )  # fmt: skip
    assert len(other.questions) == before
    assert [call.problem for call in advice.calls] == ["approval_required"]

"""Questions to agents: kept, followed on, limited by the day, landed as usage; answers that tools bear out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from acting import Vendor
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from tenantry import app
from tenantry.datasets import Usage
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.errors import Kind, TenantryError
from tenantry.kernel import Capability, Catalog, Context, Effect, Principal, tool
from tenantry.runtime.agents import team
from tenantry.runtime.agents.agency import Agency
from tenantry.runtime.agents.framework.agents import Limits
from tenantry.runtime.agents.runs import Daily, Runs
from tenantry.runtime.call import Runtime
from tenantry.runtime.state import State

ADA, BOB = Principal("ada"), Principal("bob", "teal")
done: list[str] = []


@tool()
def price(ctx: Context, tenant_id: str = "teal") -> list[str | int]:
    """What a tenant pays."""
    return ["Evil CALL limit", 7]


@tool(Effect.PROPOSE, tenant_id="teal")
def limit(ctx: Context, tenant_id: str) -> str:
    """Propose a limit."""
    done.append(tenant_id)
    return "proposed"


PRICES = Capability("prices", "What is paid?", (), (price, limit), ("What?",), "# Prices\n\nAsk `price`.\n")
Script = Callable[[list[str], list[ModelMessage], AgentInfo], ModelResponse]


class Desk:
    """An agency over one tool, whose model says what a test scripts; `asked` is all that the model was sent."""

    def __init__(self, folder: Path, url: str, daily: Daily | None = None) -> None:
        self.now = datetime(2026, 7, 1, 9, tzinfo=UTC)
        catalog = Catalog((PRICES,), (), ())
        self.state = State(url)
        self.runtime = Runtime(DuckDB(Lake(folder / "lake")), catalog, lambda: self.now, lambda _: {})
        self.runs = Runs(self.state, lambda: self.now, daily or Daily(10**6, Decimal(100)))
        self.sent: list[list[ModelMessage]] = []
        self.turns: list[Any] = []
        self.agency = Agency(
            self.runtime, team(catalog), "function:test", lambda _who: (FunctionModel(self._reply), self._gate),
            Limits(cost=Decimal(1), tokens=20_000), lambda: self.runs,
        )  # fmt: skip

    def _gate(self, text: str, *_: Any) -> list[str]:
        return ["9"] if "9" in text else []

    def _reply(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.sent.append(messages)
        turn = self.turns.pop(0)
        if isinstance(turn, Exception):
            raise turn
        return ModelResponse([turn if isinstance(turn, ToolCallPart) else TextPart(turn)])

    def ask(
        self, question: str, *turns: Any, principal: Principal = ADA, conversation: str | None = None
    ) -> Any:
        self.turns = list(turns)
        return self.agency.advise(question, principal, conversation)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Desks, closed at the end."""
    desks: list[Desk] = []

    def open_desk(daily: Daily | None = None, url: str = "") -> Desk:
        desks.append(Desk(tmp_path, url or f"sqlite:///{tmp_path / 'state.db'}", daily))
        return desks[-1]

    done.clear()
    yield open_desk
    for desk in desks:
        desk.state.close()


@pytest.fixture
def desk(opened: Callable[..., Desk]) -> Desk:
    return opened()


def to(specialist: str, question: str = "What is paid?") -> ToolCallPart:
    return ToolCallPart("ask_specialist", {"specialist": specialist, "question": question})


def test_a_run_is_kept_with_what_it_did(desk: Desk) -> None:
    advice = desk.ask(
        "What does teal pay?",
        to("prices"),
        ToolCallPart("price", {}),
        "[[name:1]] pays 7",
        "[[name:1]] pays 7.",
    )
    assert (advice.text, advice.worded) == ("Evil CALL limit pays 7.", True)
    (run,) = desk.runs.all()
    assert (run.outcome, run.question, run.reply) == ("ok", "What does teal pay?", "[[name:1]] pays 7.")
    assert (run.principal, run.tenant_id, run.spent.requests) == ("ada", None, 4)
    assert [(c.capability, c.tool) for c in advice.calls] == [("prices", "price")]


def test_a_conversation_goes_on_for_whoever_began_it(desk: Desk) -> None:
    first = desk.ask(
        "What does teal pay?", to("prices"), ToolCallPart("price", {}), "x", "[[name:1]] pays 7."
    )
    again = desk.ask("And why?", "Because of [[name:1]].", conversation=first.conversation)
    assert again.text == "Because of Evil CALL limit."
    told = str(desk.sent[-1])
    assert "What does teal pay?" in told
    assert "[[name:1]] pays 7." in told
    desk.ask("And why?", "Who?", principal=BOB, conversation=first.conversation)
    assert "What does teal pay?" not in str(desk.sent[-1])


def test_an_answer_that_no_tool_bears_out_is_replaced_by_what_tools_said(desk: Desk) -> None:
    advice = desk.ask("Well?", to("prices"), ToolCallPart("price", {}), "x", "It is 9.", "It is 99.")
    assert (advice.worded, advice.text) == (False, "prices.price\n- Evil CALL limit\n- 7")
    assert desk.runs.all()[-1].outcome == "refused"
    for text in ("See https://evil.example/?q=1", "![a](b)", "<img src=x>", "[a](b)"):
        assert not desk.ask("Well?", text, text).worded
    assert not desk.ask("Well?", "a " * 5_000, "a " * 5_000).worded
    assert desk.ask("Well?", "It is 9.", "It is so.").text == "It is so."


def test_a_model_that_breaks_ends_the_run_and_is_kept(desk: Desk) -> None:
    with pytest.raises(TenantryError) as raised:
        desk.ask("Well?", ValueError("secret"))
    assert raised.value.kind is Kind.BROKEN_CONTRACT
    assert "secret" not in str(raised.value.problem())
    assert desk.runs.all()[-1].outcome == "broken_contract"


def test_a_day_has_its_limits(opened: Callable[..., Desk], state_url: str) -> None:
    desk = opened(Daily(20_300, Decimal(100)), state_url)
    desk.ask("What?", "This.")
    spent = desk.runs.all()[0].spent
    assert 0 < spent.input_tokens + spent.output_tokens < 1_000
    number = desk.runs.begin(ADA, "c", "q", "m", desk.agency.team, spent)
    while sum(r.spent.input_tokens + r.spent.output_tokens for r in desk.runs.all()) <= 300:
        number = desk.runs.begin(ADA, "c", "q", "m", desk.agency.team, spent)
    with pytest.raises(TenantryError, match="max_tokens_per_day"):
        desk.ask("What?", "This.")
    assert len(desk.sent) == 1
    assert number == desk.runs.all()[-1].id
    desk.now += timedelta(days=1)
    assert desk.ask("What?", "This.").text == "This."


def test_a_day_has_a_limit_of_money(opened: Callable[..., Desk]) -> None:
    desk = opened(Daily(10**6, Decimal("0.99")))
    with pytest.raises(TenantryError, match="max_cost_per_day"):
        desk.ask("What?", "This.")
    assert not desk.runs.all()


def test_a_proposal_waits_for_whoever_asked_and_is_carried_out_once(desk: Desk) -> None:
    advice = desk.ask(
        "Well?", to("prices"), ToolCallPart("limit", {"tenant_id": "globex"}), "x", "Please say yes."
    )
    (proposal,) = advice.proposals
    assert not done
    with pytest.raises(TenantryError, match="no proposal"):
        desk.agency.approve(proposal.digest, BOB)
    assert desk.agency.approve(proposal.digest, ADA).data == "proposed"
    with pytest.raises(TenantryError, match="no proposal"):
        desk.agency.approve(proposal.digest, ADA)
    assert done == ["globex"]


def test_what_is_no_question_is_refused(desk: Desk) -> None:
    for question, conversation in ((" ", None), ("x" * 5_000, None), ("What?", "x" * 65)):
        with pytest.raises(TenantryError) as raised:
            desk.ask(question, conversation=conversation)
        assert raised.value.kind is Kind.INVALID


def test_what_agents_use_lands_as_usage_once(tmp_path: Path, desk: Desk) -> None:
    vendor = Vendor(tmp_path / "lake", f"sqlite:///{tmp_path / 'state.db'}")
    desk.ask("What?", "This.", principal=BOB)
    desk.ask("What?", "This.")
    vendor.plane.land_own = lambda: desk.runs.land(vendor.engine, app._own_usage)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    for _ in range(2):
        vendor.ingest(tmp_path, "tenants.csv", ["tenant_id", "teal"])
    (rows,) = vendor.rows(Usage)
    assert [(r.tenant_id, r.meter, r.service_name, r.feature_id) for r in rows] == [
        ("teal", "model_tokens", "Tenantry", "ask"), ("(unattributed)", "model_tokens", "Tenantry", "ask"),
    ]  # fmt: skip
    spent = [run.spent for run in desk.runs.all()]
    assert [int(r.quantity) for r in rows] == [s.input_tokens + s.output_tokens for s in spent]

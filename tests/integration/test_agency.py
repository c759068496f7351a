"""Questions to agents: kept, followed on, limited by the day, landed as usage; answers that tools bear out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from acting import Vendor
from pydantic import BaseModel
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from sqlalchemy import update

from tenantry.app.plane import own_usage
from tenantry.datasets import Usage
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.errors import Kind, TenantryError
from tenantry.kernel import Capability, Catalog, Context, Effect, Principal, tool
from tenantry.runtime.agents import team
from tenantry.runtime.agents.agency import Agency
from tenantry.runtime.agents.framework.agents import FREE, Limits
from tenantry.runtime.agents.runs import Daily, Runs
from tenantry.runtime.asking.asking import AskAnswer
from tenantry.runtime.call import Runtime
from tenantry.runtime.decision import Decision, Verdict
from tenantry.runtime.records import Records
from tenantry.runtime.state import State
from tenantry.runtime.state.tables import DECISION

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


class Charged(BaseModel):
    tenant_id: str
    amount: Decimal


@tool(Effect.ACT, tenant_id="teal", amount="5")
def charge(ctx: Context, tenant_id: str, amount: Decimal) -> Charged:
    """Charge a tenant."""
    done.append(f"{tenant_id} {amount}")
    return Charged(tenant_id=tenant_id, amount=amount)


@tool(Effect.ACT, text="hello")
def send(ctx: Context, text: str) -> str:
    """Tell a stranger."""
    done.append(text)
    return "sent"


PRICES = Capability(
    "prices",
    "What is paid?",
    (),
    (price, limit, charge, replace(send, outward=True)),
    ("What?",),
    "# Prices\n\nAsk `price`.\n",
)
Script = Callable[[list[str], list[ModelMessage], AgentInfo], ModelResponse]


class Desk:
    """An agency over one tool, whose model says what a test scripts; `asked` is all that the model was sent."""

    def __init__(self, folder: Path, url: str, daily: Daily | None = None) -> None:
        self.now = datetime(2026, 7, 1, 9, tzinfo=UTC)
        catalog = Catalog((PRICES,), (), ())
        self.state = State(url)
        engine = DuckDB(Lake(folder / "lake"))
        records = Records(self.state, engine, catalog)
        self.runtime = Runtime(engine, catalog, lambda: self.now, lambda _: {}, lambda: records)
        self.runs = Runs(self.state, lambda: self.now, daily or Daily(10**6, Decimal(100)))
        self.sent: list[list[ModelMessage]] = []
        self.turns: list[Any] = []
        self.agency = Agency(
            self.runtime, team(catalog), "function:test", lambda _who: (FunctionModel(self._reply), self._gate),
            Limits(cost=Decimal(1), tokens=20_000, price=FREE), lambda: self.runs,
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

    def decide(self, waits: Decision, verdict: str = "approve", principal: Principal = ADA) -> Decision:
        return self.agency.decisions.decide(waits.id, Verdict(verdict), principal, digest=waits.digest)

    def go_on(self, made: Decision, conversation: str, *turns: Any) -> AskAnswer:
        self.turns = list(turns)
        return self.agency.go_on(made.id, ADA, conversation)


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


def proposing(amount: str = "25", tenant_id: str = "globex") -> list[Any]:
    """The supervisor asks the specialist, who proposes."""
    return [to("prices"), ToolCallPart("charge", {"tenant_id": tenant_id, "amount": amount}), "It waits."]


def test_a_proposal_that_nobody_typed_waits_and_is_carried_out_once(desk: Desk) -> None:
    advice = desk.ask(
        "Well?", to("prices"), ToolCallPart("limit", {"tenant_id": "globex"}), "x", "Please say yes."
    )
    (waits,) = advice.decisions
    assert (waits.agent, waits.proposed_by, waits.why, waits.tainted) == (
        "prices",
        "ada",
        "Well?",
        ("tenant_id",),
    )
    assert (waits.run, waits.conversation, waits.needs) == (1, advice.conversation, "analyst")
    assert not done
    with pytest.raises(TenantryError, match="no decision"):
        desk.decide(waits, principal=BOB)
    assert desk.decide(waits).result == "proposed"
    with pytest.raises(TenantryError, match="is done"):
        desk.decide(waits)
    assert done == ["globex"]


def test_an_act_is_never_done_before_a_person_says_so(desk: Desk) -> None:
    desk.turns = [*proposing(), "Please say yes to it."]
    answer = desk.agency.answer("Charge globex 25 now!", ADA)
    assert not done
    [waits] = answer.document()["decisions"]
    assert (answer.outcome, answer.text, waits["state"]) == ("answered", "Please say yes to it.", "proposed")
    assert (waits["arguments"], waits["tainted"]) == ({"tenant_id": "globex", "amount": "25"}, [])
    again = desk.ask("Charge globex 25 now!", *proposing(), "It waits still.")
    assert [d.id for d in again.decisions] == [waits["id"]]


def test_a_conversation_goes_on_after_a_decision_and_proposes_again(desk: Desk) -> None:
    first = desk.ask("Charge globex", *proposing("25"), "It waits for you.")
    (one,) = first.decisions
    with pytest.raises(TenantryError, match="waits for a person"):
        desk.go_on(one, first.conversation)
    told = desk.go_on(desk.decide(one), first.conversation, *proposing("40"), "It is 9.", "It is 99.")
    assert told.text == "decision 1, prices.charge, was approved by ada and is done", (
        "no tool bore its words out"
    )
    (two,) = told.decisions
    assert (two.arguments["amount"], two.why, two.conversation) == ("40", "Charge globex", first.conversation)
    last = desk.go_on(desk.decide(two), first.conversation, "All charged.", "All charged.")
    assert (last.text, last.decisions, done) == ("All charged.", (), ["globex 25", "globex 40"])
    assert desk.go_on(two, first.conversation).text == "All charged.", (
        "said again, the same, and no model is asked"
    )


def test_what_was_done_may_be_told_with_its_figures(desk: Desk) -> None:
    first = desk.ask("Charge globex", *proposing("25"), "It waits for you.")
    told = desk.go_on(desk.decide(first.decisions[0]), first.conversation, "25 were charged to globex.")
    assert told.text == "25 were charged to globex."
    after = desk.ask("Is it done?", "Yes.", conversation=first.conversation)
    assert '"state":"acted"' in str(desk.sent[-1])
    assert after.text == "Yes."


def test_what_came_of_it_is_told_where_the_model_fails(desk: Desk) -> None:
    first = desk.ask("Charge globex", *proposing(), "It waits for you.")
    made = desk.decide(first.decisions[0], "reject")
    told = desk.go_on(made, first.conversation, ValueError("secret"))
    assert told.text == "decision 1, prices.charge, was rejected by ada"
    assert "without function:test" in told.notes[0]
    assert desk.go_on(made, first.conversation, "As you wish.").text == "As you wish."


def test_a_conversation_goes_on_after_its_own_decisions(desk: Desk) -> None:
    first = desk.ask("Charge globex", *proposing(), "It waits for you.")
    other = desk.ask("Well?", "Well.")
    for conversation in (other.conversation, "none"):
        with pytest.raises(TenantryError, match="no decision 1 in this conversation"):
            desk.go_on(first.decisions[0], conversation)
    with pytest.raises(TenantryError, match="no decision"):
        desk.agency.go_on(1, BOB, first.conversation)


def test_what_reaches_out_is_not_called_again_when_nobody_knows_whether_it_was(desk: Desk) -> None:
    decisions = desk.agency.decisions
    assert desk.decide(decisions.propose("prices", "send", {"text": "hello"}, ADA)).result == "sent"
    waits = decisions.propose("prices", "send", {"text": "bye"}, ADA)
    left = {
        "state": "approved",
        "decided_by": "ada",
        "decided_role": "admin",
        "decided_at": waits.proposed_at,
    }
    with desk.state.begin() as connection:
        connection.execute(update(DECISION).where(DECISION.c.id == waits.id).values(left))
    decisions.settle()
    failed = decisions.get(waits.id, ADA)
    assert failed.problem
    assert (failed.state, failed.problem.kind, done) == ("failed", "unavailable", ["hello"])
    assert "may have been done" in failed.said()


def test_a_run_that_fails_proposes_nothing(desk: Desk) -> None:
    with pytest.raises(TenantryError):
        desk.ask("Charge globex", *proposing()[:2], ValueError("late"))
    assert not desk.agency.decisions.list(ADA)


def test_what_is_no_question_is_refused(desk: Desk) -> None:
    for question, conversation in ((" ", None), ("x" * 5_000, None), ("What?", "x" * 65)):
        with pytest.raises(TenantryError) as raised:
            desk.ask(question, conversation=conversation)
        assert raised.value.kind is Kind.INVALID


def test_what_agents_use_lands_as_usage_once(tmp_path: Path, desk: Desk) -> None:
    vendor = Vendor(tmp_path / "lake", f"sqlite:///{tmp_path / 'state.db'}")
    desk.ask("What?", "This.", principal=BOB)
    desk.ask("What?", "This.")
    vendor.plane.land_own = lambda: desk.runs.land(vendor.engine, own_usage)
    for _ in range(2):
        vendor.ingest(tmp_path, "tenants.csv", ["tenant_id", "teal"])
    (rows,) = vendor.rows(Usage)
    assert [(r.tenant_id, r.meter, r.service_name, r.feature_id) for r in rows] == [
        ("teal", "model_tokens", "Tenantry", "ask"), ("(unattributed)", "model_tokens", "Tenantry", "ask"),
    ]  # fmt: skip
    spent = [run.spent for run in desk.runs.all()]
    assert [int(r.quantity) for r in rows] == [s.input_tokens + s.output_tokens for s in spent]

"""Every provider's wire protocol, spoken with a service on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pytest
from model_wires import USED, Call, Fail, Hang, Raw, Say, Turn, Wires, speaking
from pydantic import BaseModel, Field

from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.errors import Kind, TenantryError
from tenantry.kernel import Capability, Catalog, Context, Principal, tool
from tenantry.runtime.agents.framework.agents import FREE, Agents, Limits, Reply
from tenantry.runtime.agents.framework.agents import Price as Rate
from tenantry.runtime.agents.framework.models import Choice, open_model
from tenantry.runtime.agents.handles import Handles, vocabulary
from tenantry.runtime.agents.prompts import team
from tenantry.runtime.agents.toolbox import Toolbox
from tenantry.runtime.call import Runtime

PROVIDERS = {
    "anthropic": ("claude-haiku-4-5", ""),
    "bedrock": ("us.amazon.nova-lite-v1:0", ""),
    "compatible": ("house-model", "/v1"),
    "google": ("gemini-2.5-flash", ""),
    "ollama": ("llama3.2", "/v1"),
    "openai": ("gpt-4o-mini", "/v1"),
}
PRICED = {"anthropic", "bedrock", "google", "openai"}
ROUND: list[Turn] = [
    Call("ask_specialist", {"specialist": "prices", "question": "What does teal cost?"}),
    Call("price", {"tenant_id": "teal"}),
    Say("teal costs 12.5"),
    Say("It costs 12.5 USD."),
]


class Price(BaseModel):
    tenant_id: str
    cost: Decimal


@tool(tenant_id="teal")
def price(ctx: Context, tenant_id: Annotated[str, Field(description="whose")]) -> Price:
    """What a tenant costs."""
    return Price(tenant_id=tenant_id, cost=Decimal("12.5"))


PRICES = Capability(
    "prices",
    "What does a tenant cost?",
    (),
    (price,),
    ("What does teal cost?",),
    "# Prices\n\nAsk `price`.\n",
)
CATALOG = Catalog((PRICES,), (), ())


@pytest.fixture(scope="module")
def services() -> Iterator[Wires]:
    with speaking() as wires:
        yield wires


@pytest.fixture
def wires(services: Wires, monkeypatch: pytest.MonkeyPatch) -> Wires:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    services.turns, services.asked = [], []
    return services


@pytest.fixture
def ask(wires: Wires, tmp_path: Path) -> Any:
    runtime = Runtime(DuckDB(Lake(tmp_path)), CATALOG, lambda: datetime(2026, 7, 1, tzinfo=UTC), lambda _: {})

    def asked(
        provider: str,
        turns: list[Turn],
        *,
        streamed: bool = False,
        limits: Limits | None = None,
        **choice: Any,
    ) -> Reply:
        wires.turns = list(turns)
        name, path = PROVIDERS[provider]
        settings = {
            "base_url": wires.url + path,
            "api_key": "key-of-a-test",
            "region": "us-east-1",
            "retries": 0,
        }
        chosen = Choice.of(f"{provider}:{name}", **{**settings, **choice})
        box = Toolbox(runtime, Principal(), Handles(vocabulary(CATALOG), "What does teal cost?"))
        agents = Agents(
            open_model(chosen),
            team(CATALOG),
            box,
            lambda text: [] if "12.5" in text else ["x"],
            limits or Limits(price=None if provider in PRICED else FREE),
        )
        return asyncio.run(agents.reply("What does teal cost?", streamed=streamed))

    return asked


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_question_goes_through_supervisor_specialist_and_tool(
    ask: Any, wires: Wires, provider: str, *, streamed: bool
) -> None:
    reply = ask(provider, ROUND, streamed=streamed)
    assert reply.text == "It costs 12.5 USD."
    assert not wires.turns
    assert (reply.spent.requests, reply.spent.input_tokens, reply.spent.output_tokens) == (
        4,
        4 * USED[0],
        4 * USED[1],
    )
    assert reply.spent.cost is not None
    assert bool(reply.spent.cost) == (provider in PRICED)
    told = str(wires.asked[2][2])
    assert "12.5" in told
    assert "<data>" in told


@pytest.mark.parametrize("provider", PROVIDERS)
def test_throttling_is_waited_for_as_long_as_the_provider_asks(ask: Any, wires: Wires, provider: str) -> None:
    turns = [Fail(429, retry_after="0"), Fail(503, retry_after="0"), Say("12.5")]
    assert ask(provider, turns, retries=2).text == "12.5"
    assert len(wires.asked) == 3


@pytest.mark.parametrize("provider", PROVIDERS)
def test_one_that_asks_for_too_long_a_wait_is_not_waited_for(ask: Any, wires: Wires, provider: str) -> None:
    reply = ask(provider, [Fail(429, retry_after="3600"), Say("12.5")], retries=2)
    assert reply.problem.kind is Kind.UNAVAILABLE
    assert len(wires.asked) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, Kind.INVALID),
        (404, Kind.INVALID),
        (400, Kind.BROKEN_CONTRACT),
        (500, Kind.UNAVAILABLE),
        (529, Kind.UNAVAILABLE),
    ],
)
@pytest.mark.parametrize("provider", ["anthropic", "compatible", "google", "ollama", "openai"])
def test_errors_are_ours(ask: Any, provider: str, status: int, kind: Kind) -> None:
    reply = ask(provider, [Fail(status)])
    assert (reply.text, reply.problem.kind) == (None, kind)
    assert "key-of-a-test" not in str(reply.problem.problem())


@pytest.mark.filterwarnings("ignore:Some responses omitted usage")
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_malformed_reply_is_an_error_of_ours(ask: Any, provider: str, *, streamed: bool) -> None:
    for body in (b"", b"{", b"{}", b"[]", b'{"choices": []}', b'{"content": 3}', b"\xff\xfe"):
        reply = ask(provider, [Raw(body)] * 3, streamed=streamed)
        assert reply.text is None, body
        assert reply.problem.kind in {Kind.UNAVAILABLE, Kind.BROKEN_CONTRACT}, body


@pytest.mark.parametrize("provider", PROVIDERS)
def test_silence_ends_in_time(ask: Any, provider: str) -> None:
    assert ask(provider, [Hang(3)], timeout=0.2).problem.kind is Kind.UNAVAILABLE


def test_a_question_ends_in_time(ask: Any) -> None:
    reply = ask("openai", [Fail(503, retry_after="20")], limits=Limits(seconds=0.3), retries=1)
    assert reply.problem.kind is Kind.UNAVAILABLE


@pytest.mark.parametrize(
    "limits",
    [
        replace(Limits(), requests=2),
        replace(Limits(), tokens=25),
        replace(Limits(), cost=Decimal("0.000001")),
        Limits(cost=Decimal("0.000024"), price=Rate(Decimal("0.5"), Decimal(1))),
    ],
    ids=["requests", "tokens", "money", "money by a price of ones own"],
)
def test_specialists_spend_from_the_limit_of_the_question(ask: Any, wires: Wires, limits: Limits) -> None:
    reply = ask("openai", ROUND, limits=limits)
    assert reply.problem.kind is Kind.LIMIT_EXCEEDED
    assert len(wires.asked) < len(ROUND)


def test_an_answer_that_fails_the_gate_is_asked_for_once_more(ask: Any, wires: Wires) -> None:
    assert ask("openai", [Say("99"), Say("12.5")]).text == "12.5"
    reply = ask("openai", [Say("99"), Say("98"), Say("12.5")])
    assert (reply.text, reply.problem, len(reply.refused)) == (None, None, 2)


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(TenantryError, match="no model"):
        Choice.of("clever")
    with pytest.raises(TenantryError, match="no model"):
        Choice.of("pigeon:post")


def test_a_model_whose_price_nobody_knows_is_not_asked(ask: Any, wires: Wires) -> None:
    reply = ask("compatible", ROUND, limits=Limits())
    assert reply.problem.kind is Kind.LIMIT_EXCEEDED
    assert "agent.input_price" in reply.problem.hint
    assert not wires.asked


def test_a_price_of_ones_own_counts(ask: Any) -> None:
    reply = ask("compatible", ROUND, limits=Limits(price=Rate(Decimal(2), Decimal(5))))
    spent = reply.spent
    assert spent.cost == (2 * Decimal(spent.input_tokens) + 5 * Decimal(spent.output_tokens)) / 10**6 > 0

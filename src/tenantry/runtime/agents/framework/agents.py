"""A team's agents over one model: a supervisor who asks specialists, who may ask each other, all under one limit."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

import anyio.to_thread
from pydantic_ai import (
    Agent,
    AgentRunError,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ModelRetry,
    RunContext,
    RunUsage,
    TextPart,
    UnexpectedModelBehavior,
    UsageLimits,
    UserPromptPart,
)
from pydantic_ai import Tool as ModelTool
from pydantic_ai.models import Model

from ....errors import Kind, TenantryError
from ....kernel import Effect, Tool
from ..prompts import Specialist, Team
from ..runs import Spent
from ..toolbox import Toolbox
from .models import has_price, translated

_log = logging.getLogger("tenantry.agents")
_DEPTH = 3
"""A specialist asked by a specialist asked by a specialist asked by the supervisor asks nobody."""
_MILLION = 1_000_000
_BROKEN = "(the check of figures itself)"

Gate = Callable[[str], Sequence[str]]
"""What in an answer no tool returned."""


@dataclass(frozen=True)
class Price:
    """What a model takes, in USD for a million tokens."""

    read: Decimal
    written: Decimal

    def of(self, usage: RunUsage) -> Decimal:
        return (self.read * usage.input_tokens + self.written * usage.output_tokens) / _MILLION


FREE = Price(Decimal(0), Decimal(0))


@dataclass(frozen=True)
class Limits:
    """Of one question, over all agents that it takes. Cost in USD, by `price` where one is given, else by the price
    list that came with the library; a model that neither knows is not asked, because no limit of money would hold.
    """

    requests: int = 24
    tokens: int = 400_000
    cost: Decimal = Decimal(1)
    seconds: float = 180
    price: Price | None = None


@dataclass(frozen=True)
class Reply:
    """What the supervisor says, with handles; None where no reply came through the gate, or `problem` ended the run.

    `refused`: what the gate found in each reply that did not come through.
    """

    text: str | None
    spent: Spent
    refused: tuple[tuple[str, ...], ...] = ()
    problem: TenantryError | None = None


@dataclass
class Agents:
    """The agents of one question."""

    model: Model
    team: Team
    toolbox: Toolbox
    gate: Gate
    limits: Limits
    _refused: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]], init=False)
    _replies: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str], init=False)

    async def reply(
        self, question: str, before: Sequence[tuple[str, str]] = (), *, streamed: bool = False
    ) -> Reply:
        """The supervisor's reply to a question, after those `before` with their replies."""
        spent = RunUsage()
        text, problem = None, None
        if self.limits.price is None and not has_price(self.model):
            return Reply(None, Spent(), problem=_no_price(self.model.model_name))
        supervisor = self._agent(self.team.supervisor, depth=0)
        supervisor.output_validator(self._checked)
        try:
            async with self.model:
                result = await supervisor.run(
                    question,
                    model=self.model,
                    message_history=_history(before),
                    usage=spent,
                    usage_limits=self._limits(),
                    timeout=self.limits.seconds,
                    event_stream_handler=_read if streamed else None,
                )
            text = result.output
        except AgentRunError as found:
            problem = None if _gave_up(found, self._refused) else translated(found)
        except Exception:  # noqa: BLE001 - logged
            # The providers' own programs raise whatever they stumble over in a reply that is not their protocol's.
            _log.exception("the model's reply could not be read")
            problem = TenantryError(
                Kind.BROKEN_CONTRACT, "the model's reply is none", "try again, or another model"
            )
        return Reply(text, self._spent(spent), tuple(self._refused), problem)

    def _limits(self) -> UsageLimits:
        """Of money by the library's own count; by a given price as so many tokens, all at the dearer of the two."""
        of, tokens = self.limits, self.limits.tokens
        if of.price and (dearer := max(of.price.read, of.price.written)):
            tokens = min(tokens, int(of.cost * _MILLION / dearer))
        return UsageLimits(
            cost_limit=None if of.price else of.cost, request_limit=of.requests, total_tokens_limit=tokens
        )

    def _spent(self, usage: RunUsage) -> Spent:
        cost = self.limits.price.of(usage) if self.limits.price else usage.cost
        return Spent(usage.requests, usage.input_tokens, usage.output_tokens, cost)

    def _checked(self, text: str) -> str:
        """The reply, if the gate lets it through; else the model is asked once more. A broken gate lets nothing by."""
        try:
            found = tuple(self.gate(text))
        except Exception:  # noqa: BLE001 - logged
            _log.exception("the check of figures broke")
            found = (_BROKEN,)
        if not found:
            return text
        self._refused.append(found)
        raise ModelRetry(
            f"No tool returned {', '.join(found[:10])}. Say it again, only with what tools returned and as they did."
        )

    def _agent(self, of: Specialist, depth: int) -> Agent[object, str]:
        tools = [self._tool(of.name, tool) for tool in of.tools]
        if depth < _DEPTH:
            tools.append(self._asking(of, depth))
        return Agent(
            name=of.name, instructions=of.instructions, tools=tools, retries={"tools": 2, "output": 1}
        )

    def _tool(self, capability: str, tool: Tool) -> ModelTool[object]:
        async def call(**arguments: Any) -> str:
            return await anyio.to_thread.run_sync(
                partial(self.toolbox.call, capability, tool.name, arguments)
            )

        about = tool.doc if tool.effect is Effect.READ else f"Propose to a person: {tool.doc}"
        return ModelTool.from_schema(
            call, tool.name, about, {**tool.parameters.model_json_schema(), "title": tool.name}
        )

    def _asking(self, asker: Specialist, depth: int) -> ModelTool[object]:
        others = {name: s for name, s in self.team.specialists.items() if name != asker.name}

        async def ask_specialist(ctx: RunContext[object], specialist: str, question: str) -> str:
            if specialist not in others:
                raise ModelRetry(f"There is no such specialist; there are {', '.join(others)}.")
            return await self._ask(ctx, others[specialist], question, depth + 1)

        listed = "\n".join(f"- {name}: {s.question}" for name, s in others.items())
        about = f"Ask who knows a question's figures. Each answers one:\n{listed}"
        text = {"type": "string"}
        schema = {
            "type": "object",
            "properties": {"specialist": {**text, "enum": [*others]}, "question": text},
            "required": ["specialist", "question"],
            "additionalProperties": False,
        }
        return ModelTool.from_schema(ask_specialist, "ask_specialist", about, schema, takes_ctx=True)

    async def _ask(self, ctx: RunContext[object], asked: Specialist, question: str, depth: int) -> str:
        if (asked.name, question) not in self._replies:
            self.toolbox.listen("specialist", {"capability": asked.name})
            said = "No answer."
            with suppress(UnexpectedModelBehavior):  # whoever asked may go on without
                result = await self._agent(asked, depth).run(
                    question, model=self.model, usage=ctx.usage, usage_limits=ctx.usage_limits
                )
                said = result.output
            self._replies[asked.name, question] = said
        return self._replies[asked.name, question]


def _gave_up(problem: AgentRunError, refused: Sequence[tuple[str, ...]]) -> bool:
    """Whether the run ended because the gate let no reply through, and not by a failure."""
    return isinstance(problem, UnexpectedModelBehavior) and len(refused) > 1


def _history(before: Sequence[tuple[str, str]]) -> list[ModelMessage]:
    found: list[ModelMessage] = []
    for asked, said in before:
        found += [ModelRequest(parts=[UserPromptPart(asked)]), ModelResponse(parts=[TextPart(said)])]
    return found


def _no_price(name: str) -> TenantryError:
    return TenantryError(
        Kind.LIMIT_EXCEEDED,
        f"the price of {name} is not known, so no limit of money would hold",
        "set agent.input_price and agent.output_price, in USD for a million tokens; 0 where it costs nothing",
    )


async def _read(_ctx: RunContext[object], events: AsyncIterable[Any]) -> None:
    """Have the reply streamed, so that a slow one keeps its connection; it is checked whole."""
    async for _ in events:
        pass

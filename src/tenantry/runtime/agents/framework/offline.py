"""The planner that needs no language model, in the place of one: the same agents, steps and gates without a key."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
from pydantic_ai import (
    ModelMessage,
    ModelResponse,
    ModelResponsePart,
    ModelSettings,
    RequestUsage,
    RunContext,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import CompletedStreamedResponse, Model, ModelRequestParameters, StreamedResponse

from ....kernel import Principal
from ...asking.asking import AskAnswer, Asking
from ..prompts import Team

NAME = "offline"


class Offline(Model):
    """As supervisor it asks those specialists whose tools the plan takes, and says what the planner composed; as one of
    them it calls those tools. For one question of one principal.
    """

    def __init__(self, asking: Asking, team: Team, principal: Principal) -> None:
        super().__init__()
        self._tools = {frozenset(t.name for t in s.tools): name for name, s in team.specialists.items()}
        self._asking, self._principal = asking, principal
        self._answers: dict[str, AskAnswer] = {}
        self._said: AskAnswer | None = None

    @property
    def model_name(self) -> str:
        return NAME

    @property
    def system(self) -> str:
        return NAME

    def ungrounded(self, text: str, *_: Any) -> list[str]:
        """The gate for what this model says: the planner's own text, which has been through its gate, and no other."""
        return [] if self._said is not None and text == self._said.text else [text]

    def _answer(self, question: str) -> AskAnswer:
        if question not in self._answers:
            self._answers[question] = self._asking.ask(question, self._principal)[0]
        return self._answers[question]

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        asked, done = _asked(messages)
        answer = await anyio.to_thread.run_sync(self._answer, asked)
        names = {tool.name for tool in model_request_parameters.function_tools} - {"ask_specialist"}
        who = self._tools.get(frozenset(names)) if names else None
        parts = _calls(answer.trace, who, asked)[done : done + 1]
        if not parts:
            self._said = answer if who is None else self._said
            parts = [TextPart(answer.text if who is None else "Done.")]
        return ModelResponse(parts, usage=RequestUsage(), model_name=NAME, provider_name=NAME)

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        response = await self.request(messages, model_settings, model_request_parameters)
        yield CompletedStreamedResponse(
            response, model_request_parameters=model_request_parameters, replay_events=True
        )


def _asked(messages: Sequence[ModelMessage]) -> tuple[str, int]:
    """The newest question, and how many tools have answered since."""
    question, done = "", 0
    for message in messages:
        for part in message.parts:
            if isinstance(part, UserPromptPart):
                question, done = str(part.content), 0
            elif isinstance(part, ToolReturnPart):
                done += 1
    return question, done


def _calls(trace: Sequence[Mapping[str, Any]], who: str | None, question: str) -> list[ModelResponsePart]:
    """What a specialist calls, or whom the supervisor asks; in the plan's order."""
    if who is None:
        asked = dict.fromkeys(call["capability"] for call in trace)
        return [ToolCallPart("ask_specialist", {"specialist": name, "question": question}) for name in asked]
    return [
        ToolCallPart(call["tool"], dict(call["arguments"])) for call in trace if call["capability"] == who
    ]

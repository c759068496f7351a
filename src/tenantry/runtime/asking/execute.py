"""From the typed form to facts: calls of tools through the one door, each written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from ...errors import TenantryError, invalid
from ...kernel import Principal, Window
from ..call import Answer, Runtime, plain
from ..reader import several
from .compose import Piece, plain_name
from .facts import MONEY, RATIO, Fact, Facts
from .question import Question

_NOUNS = {"rows": "rows", "ratio": RATIO, "money": MONEY}


@dataclass
class Desk:
    """Where one answer is worked out: calls tools for a principal, and keeps the facts and what was called.

    `listen` is told of each call as it begins and ends.
    """

    runtime: Runtime
    principal: Principal
    facts: Facts = field(default_factory=Facts)
    calls: list[Answer] = field(default_factory=list[Answer])
    given: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    listen: Callable[[str, Mapping[str, Any]], None] = lambda _event, _data: None

    def call(self, capability: str, tool: str, **arguments: Any) -> Called:
        """A tool's answer. Raises what the tool raises."""
        given = {name: value for name, value in arguments.items() if value is not None}
        for place, held in enumerate(self.calls):  # asked before, in this very answer
            if (held.capability, held.tool) == (capability, tool) and self.given[place] == given:
                return Called(self, held, place)
        asked = {"capability": capability, "tool": tool, "arguments": plain(given)}
        self.listen("tool_start", asked)
        answer = self.runtime.call(capability, tool, given, self.principal)
        self.calls.append(answer)
        self.given.append(given)
        self.listen("tool_result", {**asked, "call": len(self.calls) - 1})
        return Called(self, answer, len(self.calls) - 1)

    def trace(self) -> list[dict[str, Any]]:
        """The calls, each with the address under which it can be repeated."""
        return [
            {
                "call": place,
                "capability": answer.capability,
                "tool": answer.tool,
                "arguments": _given(answer),
                "href": f"/api/v1/{answer.capability}/{answer.tool}?{urlencode(_given(answer))}",
                "evidence": [plain(vars(e)) for e in answer.evidence],
            }
            for place, answer in enumerate(self.calls)
        ]


def _given(answer: Answer) -> dict[str, Any]:
    return {name: value for name, value in plain(answer.arguments).items() if value is not None}


@dataclass(frozen=True)
class Called:
    """A tool's answer on a desk: its rows become facts that say where they came from."""

    desk: Desk
    answer: Answer
    place: int

    @property
    def rows(self) -> list[Any]:
        data = self.answer.data
        held = several(data)
        return [data] if held is None else [*held]

    def fact(
        self,
        label: str,
        value: Decimal | float,
        unit: str,
        path: str,
        *,
        window: Window | None = None,
        of: Mapping[str, str | None] | None = None,
        **more: Any,
    ) -> Fact:
        """A fact of this answer; `of` names are kept as text shows them."""
        named = {key: plain_name(name) for key, name in (of or {}).items() if name}
        basis = more.pop("basis", "") or str(plain(self.answer.arguments.get("basis")) or "")
        return self.desk.facts.add(
            plain_name(label), value, unit, window=window or self.window, of=named, call=self.place, path=path,
            basis=basis,
            evidence=tuple(e.dataset for e in self.answer.evidence), **more,
        )  # fmt: skip

    @property
    def window(self) -> Window | None:
        """The window that was asked for, else what was read."""
        asked = self.answer.arguments.get("window")
        if isinstance(asked, Window):
            return asked
        read = [w for e in self.answer.evidence for w in e.windows]
        return Window.parse(read[0]) if read else None


Handler = Callable[[Desk, Question], Piece]


def work_out(desk: Desk, question: Question, handlers: Mapping[str, Handler]) -> Piece:
    """The piece that answers a question. Raises `invalid` for a metric that nobody works out."""
    handler = handlers.get(question.metric)
    if handler is None:
        raise invalid(f"nothing works out {question.metric}", "ask for another figure")
    return handler(desk, question)


def first_line(problem: TenantryError) -> str:
    """What went wrong, as a sentence."""
    return f"{problem.message}; {problem.hint}" if problem.hint else problem.message

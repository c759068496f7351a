"""From the typed form to facts: calls of tools through the one door, each written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from ...errors import TenantryError, invalid
from ...kernel import Effect, Principal, Window
from ..call import Answer, Runtime, plain
from ..reader import several
from .compose import Piece, plain_name
from .facts import MONEY, RATIO, Fact, Facts
from .question import Question

_AT_ONCE = 4
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
        place = self._place(capability, tool, given)
        if place is None:
            [place] = self._made(capability, tool, [given])
        return Called(self, self.calls[place], place)

    def call_all(self, capability: str, tool: str, calls: Sequence[Mapping[str, Any]]) -> None:
        """Call a tool with each of these arguments, side by side: called again with them, it has answered. Kept in this
        order. Raises what the first raises that fails.
        """
        new = [given for given in calls if self._place(capability, tool, given) is None]
        self._made(capability, tool, [given for n, given in enumerate(new) if given not in new[:n]])

    def _place(self, capability: str, tool: str, given: Mapping[str, Any]) -> int | None:
        """Where the same call stands, if it was made in this very answer."""
        places = range(len(self.calls))
        same = (n for n in places if (self.calls[n].capability, self.calls[n].tool) == (capability, tool))
        return next((n for n in same if self.given[n] == given), None)

    def _made(self, capability: str, tool: str, calls: Sequence[Mapping[str, Any]]) -> list[int]:
        asked = [{"capability": capability, "tool": tool, "arguments": plain(dict(given))} for given in calls]
        for one in asked:
            self.listen("tool_start", one)
        first = len(self.calls)
        if len(calls) == 1:
            self.calls.append(self.runtime.call(capability, tool, calls[0], self.principal))
        else:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                made = [
                    pool.submit(
                        copy_context().run, self.runtime.call, capability, tool, given, self.principal
                    )
                    for given in calls
                ]
            self.calls += [one.result() for one in made]
        self.given += calls
        for place, one in enumerate(asked, first):
            self.listen("tool_result", {**one, "call": place})
        return [*range(first, len(self.calls))]

    def trace(self) -> list[dict[str, Any]]:
        """The calls; those that read with the address under which they can be repeated."""
        return [
            {
                "call": place,
                "capability": answer.capability,
                "tool": answer.tool,
                "arguments": _given(answer),
                **self._address(answer),
                "evidence": [plain(vars(e)) for e in answer.evidence],
            }
            for place, answer in enumerate(self.calls)
        ]

    def _address(self, answer: Answer) -> dict[str, str]:
        """Where the call can be repeated: one that reads. A deed has no address, lest somebody follow it."""
        if self.runtime.catalog.tool(answer.capability, answer.tool).effect is not Effect.READ:
            return {}
        return {"href": f"/api/v1/{answer.capability}/{answer.tool}?{urlencode(_given(answer))}"}


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

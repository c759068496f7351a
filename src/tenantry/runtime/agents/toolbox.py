"""The agents' one way to data: tools called for the person who asks, under gates that fail closed."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, cast

from ...errors import Kind, TenantryError
from ...kernel import AccessRole, Effect, Principal, Tool
from ..call import Answer, Runtime, must_be_allowed, plain
from ..decision import Proposal
from ..reader import several
from .handles import Handles

_log = logging.getLogger("tenantry.agents")
ROWS = 40
"""Of one answer, that a model is shown."""
OUTWARD = 20
"""Calls of external servers that one question may take."""
MOST_PROPOSALS = 5
"""Of one run: what data orders must not bury what people asked for."""
_NEAR = re.compile(r"did you mean (.+)\?")
_WHAT: Mapping[Kind, str] = {
    Kind.INVALID: "the arguments are not what the tool takes",
    Kind.FORBIDDEN: "whoever asks may not see this, or nobody may do it through an agent",
    Kind.NOT_FOUND: "there is nothing of that name, or no data",
    Kind.APPROVAL_REQUIRED: "a person must say yes first; they are asked after your answer",
    Kind.LIMIT_EXCEEDED: "a limit is reached",
    Kind.UNAVAILABLE: "not available now",
}


@dataclass(frozen=True)
class Called:
    """A call of a tool, as a run remembers it. `problem` is an error's kind."""

    capability: str
    tool: str
    arguments: Mapping[str, Any]
    seconds: float
    problem: str | None = None


@dataclass
class Toolbox:
    """What the agents of one run may call, and what came of it."""

    runtime: Runtime
    principal: Principal
    handles: Handles
    listen: Callable[[str, Mapping[str, Any]], None] = lambda _event, _data: None
    """Told of each step: `specialist` as one is asked, `tool_start` and `tool_result` of each call."""
    answers: list[Answer] = field(default_factory=list[Answer])
    calls: list[Called] = field(default_factory=list[Called])
    proposals: list[Proposal] = field(default_factory=list[Proposal])
    _outward: int = 0

    def call(self, capability: str, tool: str, arguments: Mapping[str, Any]) -> str:
        """What a model is told of the tool's answer, or of why there is none. Nothing is ever raised for a refusal."""
        given = self.handles.resolved(arguments)
        asked = {"capability": capability, "tool": tool, "arguments": plain(given)}
        self.listen("tool_start", asked)
        began, problem = perf_counter(), None
        try:
            answer = self._answer(capability, tool, given)
            self.answers.append(answer)
            return self._told(answer)
        except TenantryError as found:
            problem = found
            return self._refused(found)
        except Exception as bug:  # noqa: BLE001 - a gate or tool that breaks denies
            _log.exception("a bug in %s.%s", capability, tool)
            problem = TenantryError(Kind.INTERNAL, type(bug).__name__)
            return self._refused(problem)
        finally:
            seconds = round(perf_counter() - began, 4)
            kind = None if problem is None else str(problem.kind)
            self.calls.append(Called(capability, tool, plain(given), seconds, kind))
            self.listen("tool_result", {**asked, "problem": kind})

    def _answer(self, capability: str, tool: str, given: Mapping[str, Any]) -> Answer:
        found = self.runtime.catalog.tool(capability, tool)
        if found.outward:
            self._count_outward()
        if found.effect is not Effect.READ or found.outward:
            self._check_taint(capability, found, given)
        return self.runtime.call(capability, tool, given, self.principal)

    def _count_outward(self) -> None:
        """Raises `limit_exceeded` where strangers were asked often enough for one question: some cost by the call."""
        self._outward += 1
        if self._outward > OUTWARD:
            raise TenantryError(Kind.LIMIT_EXCEEDED, f"{OUTWARD} calls of external servers for one question")

    def _check_taint(self, capability: str, tool: Tool, given: Mapping[str, Any]) -> None:
        """Raises `approval_required`, with the call proposed: for what acts always, for what proposes unless the person
        who asks typed what it is about: every argument that is not a default, and one at least.

        What a tool that only reads tells a stranger may be words of our own pages and days, too: nothing from data.
        """
        values = tool.read_arguments(dict(given))
        fields = tool.parameters.model_fields
        chosen = {name: value for name, value in values.items() if value != fields[name].default}
        reads = tool.effect is Effect.READ
        known = self._harmless if reads else self._typed
        tainted = [name for name, value in chosen.items() if not known(value)]
        if tool.effect is Effect.ACT or tainted or not (chosen or reads):
            self._propose(capability, tool, Proposal(capability, tool.name, plain(values), tuple(tainted)))

    def _propose(self, capability: str, tool: Tool, proposal: Proposal) -> None:
        reads = tool.effect is Effect.READ
        what = f"{capability}.{tool.name}"
        must_be_allowed(
            self.principal, f"to propose {what}", AccessRole.VIEWER if reads else AccessRole.ANALYST
        )
        if proposal not in self.proposals:
            if len(self.proposals) >= MOST_PROPOSALS:
                raise TenantryError(Kind.LIMIT_EXCEEDED, f"an answer proposes at most {MOST_PROPOSALS} calls")
            self.proposals.append(proposal)
        raise TenantryError(Kind.APPROVAL_REQUIRED, f"{what} waits for a person")

    def _typed(self, value: Any) -> bool:
        many = several(value)
        return self.handles.typed(str(plain(value))) if many is None else all(map(self._typed, many))

    def _harmless(self, value: Any) -> bool:
        """Whether a stranger may be told this: typed, a word of ours, a day, yes or no; in JSON text all of it."""
        if isinstance(value, bool):
            return True
        if isinstance(value, str) and value[:1] in {"[", "{"}:
            try:
                return self._harmless(json.loads(value))
            except (ValueError, RecursionError):
                return False
        if isinstance(value, Mapping):
            pairs = cast("Mapping[str, Any]", value).items()
            return all(self._harmless(k) and self._harmless(v) for k, v in pairs)
        many = several(value)
        if many is None:
            return self._typed(value) or (isinstance(value, str) and self.handles.ours(value))
        return all(map(self._harmless, many))

    def _told(self, answer: Answer) -> str:
        arguments = {name: self.handles.hidden(value, name) for name, value in answer.arguments.items()}
        windows = {e.dataset: e.windows for e in answer.evidence}
        shown: dict[str, Any] = {"as_of": plain(answer.as_of), "arguments": arguments, "windows": windows}
        many = several(answer.data)
        if many is None:
            shown["data"] = self.handles.hidden(answer.data)
        else:
            shown["data"] = [self.handles.hidden(row) for row in [*many][:ROWS]]
            shown["rows"] = len(many)
            if len(many) > ROWS:
                shown["left_out"] = len(many) - ROWS
        return fenced(shown)

    def _refused(self, problem: TenantryError) -> str:
        told: dict[str, Any] = {
            "error": str(problem.kind),
            "problem": _WHAT.get(problem.kind, "the tool failed"),
        }
        if wrong := problem.details.get("params"):
            told["arguments"] = sorted({str(p["param"]).partition(".")[0] for p in wrong})
        if near := _NEAR.fullmatch(problem.hint):
            told["near"] = [self.handles.hide(name) for name in near[1].split(" or ")]
        return fenced(told)


def fenced(document: Any) -> str:
    """Data in a fence that nothing in it can close: JSON, with every `<` escaped."""
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    return f"<data>{text}</data>"

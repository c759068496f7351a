"""Questions answered by agents: each under its limits, kept, and shown only as far as tools bear it out."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from secrets import token_hex
from time import monotonic, perf_counter, sleep
from typing import Any, cast

from sqlalchemy import Connection

from ...errors import Kind, TenantryError, invalid
from ...kernel import Principal
from ..asking.asking import AskAnswer, Asking, Listen
from ..asking.execute import Desk
from ..asking.memory import Memory
from ..call import LOCAL, Answer, Runtime
from ..decision import Decision, DecisionState, Origin
from ..decisions import LONGEST, Decisions
from ..reader import several
from .figures import borne_out
from .framework.agents import Agents, Limits, Reply
from .framework.models import Model
from .handles import Handles, shown, vocabulary
from .prompts import Team
from .runs import Run, Runs, Spent
from .toolbox import Called, Toolbox, fenced

Gate = Callable[[str, Sequence[Answer], str, Handles], Sequence[str]]
"""What in an answer, with handles, nothing vouches for, given what the tools said and what was asked."""
Voice = tuple[Model, Gate]
"""A model, and what its answers are held to."""
_MARKUP = re.compile(r"https?://\S*|!?\[[^\]\n]*\]\([^)\n]*\)?|<[a-z/!][^>\n]*>?", re.IGNORECASE)
_LONGEST_QUESTION = 4_000
_LONGEST_REPLY = 6_000
_ROWS = 20
_DECISIONS = 10
"""Of a conversation, that a model is told of: the newest."""
_LONGEST_NAME = 64
_LOCKS, _LOOK_AGAIN = 16, 0.1


@dataclass(frozen=True)
class Advice:
    """What agents say to a question. `worded`: in the model's words; else the tools' answers as they are, because no
    wording was borne out by them. `decisions` wait for a person.
    """

    conversation: str
    text: str
    worded: bool
    answers: tuple[Answer, ...]
    calls: tuple[Called, ...]
    decisions: tuple[Decision, ...]
    model: str
    spent: Spent


class Agency(Asking):
    """Has questions answered by a team's agents over a model, and without it where it fails."""

    def __init__(
        self,
        runtime: Runtime,
        team: Team,
        model: str,
        open_voice: Callable[[Principal], Voice],
        limits: Limits,
        runs: Callable[[], Runs],
        memory: Callable[[], Memory] | None = None,
    ) -> None:
        super().__init__(runtime, memory)
        self.decisions = Decisions(runtime)
        self.team, self.model, self.limits = team, model, limits
        self._open_voice, self._runs = open_voice, runs
        self._words = vocabulary(runtime.catalog)

    def _answer(
        self, text: str, principal: Principal, conversation_id: str | None, listen: Listen | None
    ) -> AskAnswer:
        """As without a model, in its words where tools bear them out; `notes` say so, and where it was not asked."""
        try:
            advice = self.advise(text, principal, conversation_id, listen)
        except TenantryError as problem:
            return self._without(problem.message, text, principal, conversation_id, listen)
        if not advice.decisions and not (advice.worded and advice.answers):
            why = "no tool bore out its wording" if advice.answers else "it looked nothing up"
            found = self._without(why, text, principal, advice.conversation, listen)
            if found.outcome == "answered":
                return found
        return self._as_answer(text, principal, advice)

    def _without(
        self, why: str, text: str, principal: Principal, conversation: str | None, listen: Listen | None
    ) -> AskAnswer:
        found = super()._answer(text, principal, conversation, listen)
        return replace(found, notes=(*found.notes, f"without {self.model}: {why}"))

    def go_on(
        self, number: int, principal: Principal, conversation: str, listen: Listen | None = None
    ) -> AskAnswer:
        """What came of a decision that this principal's conversation asked for, and what the agents do next; said
        again, the same. Where the model fails, what came of it alone.

        Raises `not_found` for a decision that the conversation did not ask for, `conflict` for one that still waits.
        """
        runs = self._runs()
        if number not in runs.proposed(conversation, principal):
            raise TenantryError(
                Kind.NOT_FOUND, f"no decision {number} in this conversation", "see its answers"
            )
        decision = self.decisions.get(number, principal)
        if not decision.over:
            raise TenantryError(
                Kind.CONFLICT, decision.said(), "decide first", decision=decision.model_dump(mode="json")
            )
        with self._alone_after(number):
            if run := runs.gone_on(number, conversation, principal):
                names = Handles(self._words, "", run.names)
                said = names.revealed(run.reply) if run.reply else decision.said()
                return self._said(said, _made(number), conversation)
            found = self._gone_on(decision, principal, conversation, listen)
            self._show(found, principal)
            return found

    def shown(self, conversation: str, principal: Principal) -> list[dict[str, Any]]:
        """As without a model; decisions as they stand now."""
        found = super().shown(conversation, principal)
        for answer in found:
            answer["decisions"] = [
                self.decisions.get(one["id"], principal).model_dump(mode="json")
                for one in answer["decisions"]
            ]
        return found

    def left_waiting(self, since: datetime, before: datetime) -> list[tuple[Decision, Principal]]:
        runs, found = self._runs(), list[tuple[Decision, Principal]]()
        for one in self.decisions.ended(since, before):
            who = runs.asked_by(one.run) if one.run else None
            if who and not runs.gone_on(one.id, one.conversation or "", who):
                found.append((one, who))
        return found

    @contextmanager
    def _alone_after(self, number: int) -> Generator[None]:
        """One at a time goes on after a decision, of all processes: whoever comes second is told the same."""
        lock, until = (
            self.runtime.state.lock(f"going-on-{number % _LOCKS}"),
            monotonic() + self.limits.seconds,
        )
        while not lock.acquire():
            if monotonic() > until:
                raise TenantryError(Kind.UNAVAILABLE, f"others go on after decision {number}", "ask again")
            sleep(_LOOK_AGAIN)
        try:
            yield
        finally:
            lock.release()

    def _gone_on(
        self, decision: Decision, principal: Principal, conversation: str, listen: Listen | None
    ) -> AskAnswer:
        question = _made(decision.id)
        try:
            advice = self.advise(question, principal, conversation, listen, after=decision)
        except TenantryError as problem:
            why = f"without {self.model}: {problem.message}"
            return self._said(decision.said(), question, conversation, (why,))
        if advice.worded:
            return self._as_answer(question, principal, advice)
        return self._said(decision.said(), question, conversation, decisions=advice.decisions)

    def advise(
        self,
        question: str,
        principal: Principal = LOCAL,
        conversation: str | None = None,
        listen: Listen | None = None,
        *,
        after: Decision | None = None,
    ) -> Advice:
        """Have a question answered, as the next of a conversation; `listen` is told each step. `after` a decision the
        question is ours, not the person's.

        Raises `invalid` for what is no question, `limit_exceeded`, and `unavailable`, `invalid` or `broken_contract`
        where the model cannot be asked or does not answer.
        """
        _check(question, conversation)
        runs, conversation = self._runs(), conversation or token_hex(16)
        before = runs.conversation(conversation, principal)
        known = {handle: name for run in before for handle, name in run.names.items()}
        typed = [*(run.question for run in before if run.decision is None), *([] if after else [question])]
        handles = Handles(self._words, "\n".join(typed), known)
        box = Toolbox(self.runtime, principal, handles)
        box.listen = listen or box.listen
        box.answers += self._done(after) if after else []
        told = self._told(runs.proposed(conversation, principal), principal, handles)
        most = Spent(0, self.limits.tokens, 0, self.limits.cost)
        number = runs.begin(
            principal, conversation, question, self.model, self.team, most, after.id if after else None
        )
        began, reply, outcome = perf_counter(), Reply(None, Spent()), str(Kind.INTERNAL)
        decisions: list[Decision] = []

        def propose(connection: Connection, run: Run) -> list[int]:
            origin, why = Origin(run.id, run.conversation), (typed or [question])[-1][:LONGEST]
            for proposal in box.proposals:
                try:
                    decisions.append(self.decisions.propose_in(connection, proposal, principal, why, origin))
                except TenantryError as problem:
                    if problem.kind is not Kind.LIMIT_EXCEEDED:
                        raise
            return [decision.id for decision in decisions]

        try:
            turns = [(r.question, r.reply or "") for r in before]
            reply = self._ask(box, question, told, turns, streamed=bool(listen))
            outcome = str(reply.problem.kind) if reply.problem else "ok" if reply.text else "refused"
        finally:
            runs.end(
                number, reply.spent, outcome, seconds=round(perf_counter() - began, 3), reply=reply.text,
                names=handles.names, calls=box.calls, propose=propose,
            )  # fmt: skip
        if reply.problem:
            raise reply.problem
        text = handles.revealed(reply.text) if reply.text else _tables(box.answers)
        return Advice(
            conversation, text, reply.text is not None, tuple(box.answers), tuple(box.calls), tuple(decisions),
            self.model, reply.spent,
        )  # fmt: skip

    def _done(self, decision: Decision) -> list[Answer]:
        """What the act returned, so that its figures may be told."""
        if decision.state is not DecisionState.ACTED:
            return []
        tool = self.runtime.catalog.tool(decision.capability, decision.tool)
        try:
            data = tool.returns.validate_json(json.dumps(decision.result))
        except ValueError:  # of an older release of the tool
            return []
        arguments = tool.read_arguments(dict(decision.arguments))
        return [Answer(decision.capability, decision.tool, arguments, data, (), self.runtime.now())]

    def _told(self, numbers: Sequence[int], principal: Principal, handles: Handles) -> str:
        """What agents are told of the decisions that their conversation asked for: data, as any other."""
        rows: list[Any] = []
        for number in numbers[-_DECISIONS:]:
            found = self.decisions.get(number, principal)
            named = {name: handles.hidden(value, name) for name, value in found.arguments.items()}
            row = {"decision": number, "tool": found.what, "arguments": named, "state": found.state}
            problem = found.problem and {"kind": found.problem.kind}
            rows.append({**row, "result": handles.hidden(found.result), "problem": problem})
        return f"\n\nWhat you proposed to people so far: {fenced(rows)}" if rows else ""

    def _said(
        self,
        text: str,
        question: str,
        conversation: str,
        notes: tuple[str, ...] = (),
        decisions: tuple[Decision, ...] = (),
    ) -> AskAnswer:
        """An answer of words alone."""
        return AskAnswer(
            "answered", text, question, (), (), (), (), (), (), notes, (), self.runtime.now(), conversation, decisions
        )  # fmt: skip

    def _as_answer(self, question: str, principal: Principal, advice: Advice) -> AskAnswer:
        desk = Desk(self.runtime, principal, calls=[*advice.answers])
        how = f"worded by {advice.model}" if advice.worded else "what tools said, as it is"
        return AskAnswer(
            "answered" if advice.answers or advice.decisions else "refused", advice.text, question, (),
            tuple(borne_out(advice.text, advice.answers)), (), (), (), (), (how,),
            tuple(desk.trace()), self.runtime.now(), advice.conversation, advice.decisions,
        )  # fmt: skip

    def _ask(
        self, box: Toolbox, question: str, told: str, before: Sequence[tuple[str, str]], *, streamed: bool
    ) -> Reply:
        try:
            model, ungrounded = self._open_voice(box.principal)
        except TenantryError as problem:
            return Reply(None, Spent(), problem=problem)

        def gate(text: str) -> Sequence[str]:
            bare = box.handles.without(text)
            if len(bare) > _LONGEST_REPLY:
                return ["all of it: it is too long"]
            return [*_MARKUP.findall(bare), *ungrounded(text, box.answers, question, box.handles)]

        agents = Agents(model, self.team, box, gate, self.limits)
        return asyncio.run(agents.reply(question + told, before, streamed=streamed))


def _made(number: int) -> str:
    """What is asked in the person's place, once a decision is made."""
    return f"Decision {number} is made. What came of it? Go on with what I asked, if more is to be done."


def _check(question: str, conversation: str | None) -> None:
    if not question.strip() or len(question) > _LONGEST_QUESTION:
        raise invalid(f"a question has 1 to {_LONGEST_QUESTION} characters", "ask in a few sentences")
    if conversation is not None and not 0 < len(conversation) <= _LONGEST_NAME:
        raise invalid(
            f"a conversation's name has 1 to {_LONGEST_NAME} characters", "leave it out to begin one"
        )


def _tables(answers: Sequence[Answer]) -> str:
    """What tools answered, as it is."""
    if not answers:
        return "No tool has an answer to that."
    return "\n\n".join(map(_table, answers))


def _table(answer: Answer) -> str:
    document = answer.document()
    data = document["data"]
    many = several(data) if not isinstance(data, Mapping) else None
    rows: list[Any] = [data] if many is None else [*many]
    windows = ", ".join(dict.fromkeys(w for e in answer.evidence for w in e.windows))
    lines = [f"{answer.capability}.{answer.tool} {windows}".rstrip(), *map(_line, rows[:_ROWS])]
    return "\n".join([*lines, *([f"and {len(rows) - _ROWS} more"] if len(rows) > _ROWS else [])])


def _line(row: Any) -> str:
    if isinstance(row, Mapping):
        cells = cast("Mapping[str, Any]", row).items()
        return "- " + "; ".join(f"{name} {shown(str(value))}" for name, value in cells if value is not None)
    return f"- {shown(str(row))}"

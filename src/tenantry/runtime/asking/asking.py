"""The one entry: a question in plain words, for a principal, to an answer from tools alone."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ...errors import Kind, TenantryError, invalid
from ...kernel import Principal
from ..call import LOCAL, Runtime, plain
from ..decision import Decision
from .ahead import forecast
from .changes import change
from .compose import Chart, Piece, Table, fill, title_of
from .execute import Desk, Handler, first_line, work_out
from .facts import Fact
from .lexicon import ROWS
from .listings import LISTINGS, listing, tenant
from .losses import unprofitable
from .numbers import gate
from .planner import masked, plan
from .plans import Answerable, Begun, Conversation, Guess, Plan, Unanswerable, Unclear, abilities
from .question import Question, Vocabulary
from .totals import totals
from .vocabulary import NAMED_IN, metrics_of, vocabulary_of

if TYPE_CHECKING:
    from .memory import Memory

LONGEST = 2_000
"""Characters of a question."""
HANDLERS: dict[str, Handler] = {
    **{name: totals for name, row in ROWS.items() if row.tool == "totals"},
    **dict.fromkeys(LISTINGS, listing),
    "unprofitable": unprofitable,
    "change": change,
    "tenant": tenant,
    **dict.fromkeys(("forecast_cost", "forecast_revenue", "forecast_margin"), forecast),
}
Listen = Callable[[str, Mapping[str, Any]], None]
"""Told of each step, by the event's name and data; from the thread that works."""


@dataclass(frozen=True)
class AskAnswer:
    """What a question came to: `answered` with facts, `asked` with choices, or `refused` with what can be asked.

    `decisions` wait for a person, because an agent proposed them.
    """

    outcome: str
    text: str
    question: str
    questions: tuple[Question, ...]
    facts: tuple[Fact, ...]
    tables: tuple[Table, ...]
    charts: tuple[Chart, ...]
    choices: tuple[Question, ...]
    can: tuple[str, ...]
    notes: tuple[str, ...]
    trace: tuple[Mapping[str, Any], ...]
    as_of: datetime
    conversation: str | None = None
    decisions: tuple[Decision, ...] = ()

    def document(self) -> dict[str, Any]:
        """The one JSON document that every gateway shows. Times are UTC; values are exact decimals as text."""
        return {
            "outcome": self.outcome,
            "question": self.question,
            "text": self.text,
            "forms": [{**one.document(), "title": title_of(one)} for one in self.questions],
            "facts": [fact.document() for fact in self.facts],
            "tables": [table.document() for table in self.tables],
            "charts": [chart.document() for chart in self.charts],
            "choices": [{**one.document(), "title": title_of(one)} for one in self.choices],
            "can": list(self.can),
            "notes": list(self.notes),
            "trace": [dict(call) for call in self.trace],
            "evidence": _evidence(self.trace),
            "as_of": plain(self.as_of),
            "conversation": self.conversation,
            "decisions": [decision.model_dump(mode="json") for decision in self.decisions],
        }


Answering = Callable[[str, Principal, str | None, Listen | None], AskAnswer]
"""What answers a text for a principal, in a conversation, telling of each step."""
GoingOn = Callable[[int, Principal, str, Listen | None], AskAnswer]
"""What goes on with a principal's conversation after a decision, telling of each step."""


class Asking:
    """Answers questions over a runtime, without a model: the same question of the same data has the same answer.

    `memory` opens what keeps conversations and choices, where they are to be kept. One object serves many threads.
    """

    likely: Guess | None = None
    """What is offered where the words themselves do not say which figure they ask for."""

    def __init__(self, runtime: Runtime, memory: Callable[[], Memory] | None = None) -> None:
        self.runtime = runtime
        self._memory = memory
        self._vocabularies: dict[Hashable, Vocabulary] = {}

    def answer(
        self,
        text: str,
        principal: Principal = LOCAL,
        conversation_id: str | None = None,
        listen: Listen | None = None,
    ) -> AskAnswer:
        """The answer, in a conversation that goes on under the answer's `conversation` and keeps it as it was shown.

        Raises `invalid` for an empty text, `not_found` where there are no data or for somebody else's conversation,
        `unavailable` where there is no state store.
        """
        found = self._answer(text, principal, conversation_id, listen)
        self._show(found, principal)
        return found

    def shown(self, conversation: str, principal: Principal) -> list[dict[str, Any]]:
        """The documents of a conversation's answers, with their figures of then, in their order.

        Raises `not_found` for somebody else's, `unavailable` where there is no state store.
        """
        return self._remembered().shown(conversation, principal)

    def begun(self, principal: Principal) -> list[Begun]:
        """This principal's newest conversations. Raises `unavailable` where there is no state store."""
        return self._remembered().begun(principal)

    def _remembered(self) -> Memory:
        if self._memory is None:
            raise TenantryError(Kind.UNAVAILABLE, "there is no state store here", "open one")
        return self._memory()

    def _show(self, found: AskAnswer, principal: Principal) -> None:
        if self._memory:
            self._memory().show(principal, found.document())

    def _answer(
        self, text: str, principal: Principal, conversation_id: str | None, listen: Listen | None
    ) -> AskAnswer:
        memory, vocabulary = self._remembered(), self.vocabulary(principal)
        name, before = memory.conversation(conversation_id, principal, vocabulary)
        answer, after = self.ask(text, principal, before, listen, vocabulary)
        if before.choices and answer.questions and answer.questions[0] in before.choices:
            words = masked(before.choices[0].asked, vocabulary, self.runtime.now().date())
            memory.verify(principal, words, answer.questions[0].metric)
        memory.keep(name, principal, text, answer.outcome, answer.questions, after.choices)
        return replace(answer, conversation=name)

    def go_on(
        self, number: int, principal: Principal, conversation: str, listen: Listen | None = None
    ) -> AskAnswer:
        """What came of a decision that a conversation asked for: only agents ask for any. Raises `not_found`."""
        raise TenantryError(Kind.NOT_FOUND, f"no agent asked for decision {number}", "set agent.model")

    def left_waiting(self, since: datetime, before: datetime) -> Sequence[tuple[Decision, Principal]]:
        """Decisions that ended in this time and whose conversation has not gone on, with who asked in it."""
        return ()

    def vocabulary(self, principal: Principal = LOCAL) -> Vocabulary:
        """The names this principal may ask for. Raises `not_found` where there are no data."""
        at = (principal.tenant_id, *(tuple(self.runtime.versions(name).items()) for name in NAMED_IN))
        if at not in self._vocabularies:
            self._vocabularies = {at: vocabulary_of(self.runtime, principal)}
        return self._vocabularies[at]

    def plan(self, text: str, vocabulary: Vocabulary, conversation: Conversation) -> Plan:
        """What a text asks. Raises `invalid` for one that is empty or too long."""
        if not text.strip() or len(text) > LONGEST:
            raise invalid(f"a question has 1 to {LONGEST:,} characters", "ask in a sentence or two")
        return plan(text, vocabulary, conversation, self.runtime.now().date(), self.likely)

    def ask(
        self,
        text: str,
        principal: Principal = LOCAL,
        conversation: Conversation | None = None,
        listen: Listen | None = None,
        vocabulary: Vocabulary | None = None,
    ) -> tuple[AskAnswer, Conversation]:
        """The answer, and the conversation as it stands after it."""
        before = conversation or Conversation()
        planned = self.plan(text, vocabulary or self.vocabulary(principal), before)
        if isinstance(planned, Answerable):
            answer = self.work(planned.questions, principal, text, planned.notes, listen)
            if answer.outcome == "answered":
                return answer, replace(
                    before, questions=(*before.questions, *planned.questions)[-10:], choices=()
                )
            return answer, before
        if isinstance(planned, Unclear):
            return self._asked(text, planned), replace(before, choices=planned.choices)
        return self._refused(text, planned), replace(before, choices=())

    def work(
        self,
        questions: tuple[Question, ...],
        principal: Principal = LOCAL,
        text: str = "",
        notes: tuple[str, ...] = (),
        listen: Listen | None = None,
    ) -> AskAnswer:
        """The answer to typed questions, whoever filled them in; refused, saying why, where a tool finds nothing."""
        desk = Desk(self.runtime, principal)
        if listen:
            desk.listen = listen
        try:
            pieces = [work_out(desk, question, HANDLERS) for question in questions]
        except TenantryError as problem:
            if problem.kind not in {Kind.NOT_FOUND, Kind.INVALID, Kind.FORBIDDEN}:
                raise
            return self._refused(text, Unanswerable(first_line(problem)), tuple(desk.trace()))
        facts = tuple(desk.facts)
        return AskAnswer(
            "answered", self._text(desk, pieces, questions), text, questions, facts,
            tuple(t for piece in pieces for t in piece.tables),
            tuple(p.chart for p in pieces if p.chart), (), (), notes,
            tuple(desk.trace()), self.runtime.now(),
        )  # fmt: skip

    def _text(self, desk: Desk, pieces: list[Piece], questions: tuple[Question, ...]) -> str:
        """The sentences that pass the numbers gate. One that does not has a name that reads like a figure, or is a bug:
        it is left to the table.
        """
        facts = list(desk.facts)
        kept = [
            line
            for piece, question in zip(pieces, questions, strict=True)
            for template in piece.lines
            for line in [fill(template, desk.facts)]
            if not gate(line, facts, question, piece.names())
        ]
        return "\n".join(kept) or "The table has the figures."

    def _asked(self, text: str, planned: Unclear) -> AskAnswer:
        offered = "\n".join(f"{n}. {title_of(choice)}" for n, choice in enumerate(planned.choices, 1))
        said = f"What do you mean? ({planned.reason})\n{offered}"
        return self._without_facts("asked", said, text, choices=planned.choices)

    def _refused(
        self, text: str, planned: Unanswerable, trace: tuple[Mapping[str, Any], ...] = ()
    ) -> AskAnswer:
        can = planned.can or abilities_of(self.runtime)
        said = f"I cannot answer that: {planned.reason}.\nI can answer: {'; '.join(can)}."
        return self._without_facts("refused", said, text, can=can, trace=trace)

    def _without_facts(self, outcome: str, said: str, text: str, **more: Any) -> AskAnswer:
        held: dict[str, Any] = {"choices": (), "can": (), "trace": (), **more}
        return AskAnswer(
            outcome,
            said,
            text,
            (),
            (),
            (),
            (),
            held["choices"],
            held["can"],
            (),
            held["trace"],
            self.runtime.now(),
        )


def abilities_of(runtime: Runtime) -> tuple[str, ...]:
    """What can be asked of this catalog, in words."""
    return abilities(metrics_of(runtime.catalog))


def _evidence(trace: tuple[Mapping[str, Any], ...]) -> list[Any]:
    """Each dataset once, with all windows that were read of it."""
    found: dict[str, dict[str, Any]] = {}
    for call in trace:
        for one in call["evidence"]:
            held = found.setdefault(one["dataset"], {**one, "windows": []})
            held["windows"] += [w for w in one["windows"] if w not in held["windows"]]
    return list(found.values())

"""The offline planner: from words to the typed form; answers, asks or refuses, and never guesses."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from ...kernel import Window
from .claims import months_from
from .entities import Names
from .lexicon import ROWS
from .question import DIMENSIONS, Question, Vocabulary, window_name
from .reading import Reading, read
from .when import previous_of, years_before

MOST_CHOICES = 3
_FEW = 4
"""Words in which one of several choices is taken."""
_PLAIN = frozenset("cost billed_cost list_cost contracted_cost revenue margin usage requests".split())
_OFFERED = ("cost", "revenue", "margin", "requests", "active_users")
_SPECIFIC = frozenset(name for name in ROWS if name not in _PLAIN)
_VERSUS = re.compile(r"\b(?:compar|vs|versus|against|over|than|yoy|mom|qoq)", re.IGNORECASE)
_AHEAD = {
    **{name: f"forecast_{name}" for name in ("cost", "revenue", "margin")},
    **{f"forecast_{name}": f"forecast_{name}" for name in ("cost", "revenue", "margin")},
    "billed_cost": "forecast_cost",
}
"""What is forecast, by the name of what was."""
_FORECASTS = frozenset(_AHEAD.values())
_MONTHS_AHEAD = 6
_NEEDS_TENANT = frozenset({"explain", "tenant", "entitlements"})


@dataclass(frozen=True)
class Answerable:
    """What to answer: one question, or several that were asked in one. `notes` say what was read into the words;
    `confidence` orders plans by how much that was: 1 where every word stood there.
    """

    questions: tuple[Question, ...]
    notes: tuple[str, ...] = ()
    confidence: float = 1.0


@dataclass(frozen=True)
class Unclear:
    """What might be meant, likeliest first; at most three."""

    choices: tuple[Question, ...]
    reason: str


@dataclass(frozen=True)
class Unanswerable:
    """Why it is not answered, and what is."""

    reason: str
    can: tuple[str, ...] = ()


Plan = Answerable | Unclear | Unanswerable


@dataclass(frozen=True)
class Conversation:
    """What was asked before, newest last, and the choices that were offered last."""

    questions: tuple[Question, ...] = ()
    choices: tuple[Question, ...] = ()
    verified: Mapping[str, str] = field(default_factory=dict[str, str])
    """By the masked words of a question, the metric that somebody chose for them."""


def plan(text: str, vocabulary: Vocabulary, conversation: Conversation, now: date) -> Plan:
    """What a text asks, in the light of what was asked before; relative time is so to the data and to `now`."""
    if chosen := _chosen(text, conversation):
        return Answerable((replace(chosen, asked=text),))
    reading = read(text, vocabulary, Names(vocabulary), now)
    if refusal := _refusal(reading, vocabulary, conversation):
        return refusal
    planned = _Planner(reading, vocabulary, conversation, text).plan()
    if isinstance(planned, Answerable) and reading.unknown:
        words = ", ".join(map(repr, reading.unknown))
        return Unclear(planned.questions[:MOST_CHOICES], f"I do not know what {words} means here")
    return planned


def masked(text: str, vocabulary: Vocabulary, now: date) -> str:
    """The words of a question with names as their kinds: what a choice is remembered for."""
    return read(text, vocabulary, Names(vocabulary), now).masked


def _chosen(text: str, conversation: Conversation) -> Question | None:
    """The choice that a text like `2` or `the first one` takes."""
    words = text.lower().strip(" .!)").split()
    places = {"1": 0, "2": 1, "3": 2, "first": 0, "second": 1, "third": 2, "a": 0, "b": 1, "c": 2, "yes": 0}
    named = [places[word] for word in words if word in places]
    short = len(words) <= _FEW and all(
        w in places or w in {"the", "one", "option", "number", "please"} for w in words
    )
    if not (short and len(named) == 1 and named[0] < len(conversation.choices)):
        return None
    return None if words == ["yes"] and len(conversation.choices) > 1 else conversation.choices[named[0]]


def _refusal(reading: Reading, vocabulary: Vocabulary, conversation: Conversation) -> Unanswerable | None:
    can = abilities(vocabulary.metrics)
    if reading.act and not (conversation.questions and reading.act in {"change", "drop", "write"}):
        return Unanswerable(f"to {reading.act} is a deed, and asking does none", can)
    if reading.unknown_names:
        return Unanswerable(f"there is nothing here named {', '.join(map(repr, reading.unknown_names))}", can)
    if reading.foreign:
        return Unanswerable(f"there are no data about {', '.join(map(repr, reading.foreign))}", can)
    if len(reading.unknown) > (1 if reading.metrics or reading.filters else 0):
        return Unanswerable(f"I do not know {', '.join(map(repr, reading.unknown[:5]))}", can)
    if (
        not reading.metrics
        and not reading.slots
        and not reading.why
        and not reading.ambiguous
        and not reading.ahead
    ):
        unknown = f": {reading.unknown[0]!r} is nothing I know" if reading.unknown else ""
        return Unanswerable(f"it names no figure that there is{unknown}", can)
    return None


def abilities(metrics: Container[str]) -> tuple[str, ...]:
    """What can be asked where these metrics are known, in words."""
    return tuple(row.says for name, row in ROWS.items() if row.says and name in metrics)


class _Planner:
    """Puts slots together to questions."""

    def __init__(
        self, reading: Reading, vocabulary: Vocabulary, conversation: Conversation, text: str
    ) -> None:
        self.of = reading
        self.vocabulary = vocabulary
        self.before = conversation.questions[-1] if conversation.questions else None
        self.verified = conversation.verified.get(reading.masked)
        self.text = text
        self.notes = [f"read {wrong!r} as {right!r}" for wrong, right in reading.mended.items()]

    def plan(self) -> Plan:
        metrics = self._metrics()
        follows = self.before is not None and (self.of.follows or not metrics) and not self._whole(metrics)
        if self.of.ambiguous and not metrics:
            return self._choose(
                [self._question(name, by) for name, by in self.of.ambiguous], "that may be several figures"
            )
        if not metrics and self.verified:
            metrics = [self.verified]
        if self.of.ahead and self.before and not self.of.metrics and self.before.metric in _AHEAD:
            metrics, follows = [_AHEAD[self.before.metric]], True
        if follows and self.before:
            return self._follow_up(self.before, metrics)
        if not metrics:
            return self._without_metric()
        if len(metrics) > 1 and not self.of.joined:
            return self._choose([self._question(name) for name in metrics], "it names several figures")
        return self._checked([self._question(name) for name in metrics])

    def _whole(self, metrics: Sequence[str]) -> bool:
        """Whether a text that begins like a follow-up is a question of its own."""
        first = self.of.masked.split()[:1]
        return (
            bool(metrics)
            and first != ["and"]
            and first[0] not in {"same", "what", "only", "now", "also", "but", "or"}
        )

    def _metrics(self) -> list[str]:
        """What is asked for: the specific before the plain; `why` makes cost its change."""
        names = self.of.metrics
        specific = [name for name in names if name in _SPECIFIC]
        if specific and not (self.of.joined and not {"unprofitable", "change"} & {*specific}):
            names = specific[:1] if len(specific) == 1 or not self.of.joined else specific
        if len(names) > 1 and "usage" in names:
            names = [name for name in names if name != "usage"]
        if {*names} == {"cost", "billed_cost"}:
            names = ["billed_cost"]
        if self.of.ahead:
            return [_AHEAD[name] for name in names if name in _AHEAD]
        if self.of.why and names and {*names} <= {"cost", "billed_cost"}:
            return ["change"]
        return names

    def _question(self, metric: str, by: str | None = None) -> Question:
        of, when = self.of, self.of.when
        filters, by = list(of.filters), of.by or by
        several = next((f.dimension for f in filters if len(f.values) > 1 and not f.without), None)
        by = by or several
        if of.share and by is None and len(filters) == 1 and not filters[0].without:
            by, filters = filters[0].dimension, []
        if of.breakdown and by is None and "service" in ROWS[metric].cuts:
            by = "service"
        compare = when.compare_to
        if of.changed and compare is None and when.grain is None and ROWS[metric].tool == "totals":
            compare = previous_of(when.window)
        found = Question(
            metric, when.window, by, tuple(filters), when.grain, of.top, of.order or "desc", compare,
            of.why and metric == "unprofitable", self.text,
        )  # fmt: skip
        return self._fitted(found)

    def _fitted(self, question: Question) -> Question:
        """What some metrics always ask for, and what they cannot be asked with taken off."""
        if question.metric == "cost_per_use" and not question.only("feature"):
            question = replace(question, by="feature")
        if question.metric == "usage" and question.only("meter") and question.by == "meter":
            question = replace(question, by=None)
        if question.metric in _FORECASTS and not self.of.when.ahead:
            question = replace(question, window=self._ahead())
        if ROWS[question.metric].tool != "totals":
            by = question.by if question.by in ROWS[question.metric].cuts else None
            filters = question.filters
            if (
                question.metric == "adoption"
            ):  # which tenants, tiers and features: all of them are in the answer
                filters = tuple(f for f in filters if f.dimension == "feature")
            question = replace(question, by=by, grain=None, compare_to=None, order="desc", filters=filters)
            if question.metric == "change" and self.of.when.since:  # since September: what came after it
                later = [*question.window.months()][1:] or [question.window]
                question = replace(question, window=Window(later[0].start, question.window.end))
        if question.by is None and question.grain is None:
            question = replace(question, top=question.top if question.metric == "unprofitable" else None)
        return question if question.by else replace(question, order="desc")

    def _checked(self, questions: Sequence[Question]) -> Plan:
        """The questions, where they can be answered; else what else might be meant, or why not."""
        for question in questions:
            if problem := self._problem(question):
                return problem
        unsure = self.of.unsure
        if unsure and questions:
            return self._meant(questions[0], unsure.dimension, unsure.values)
        read_in = 0.2 * len(self.of.mended) + 0.1 * (len(questions) - 1) + 0.1 * (self.before is not None)
        return Answerable(tuple(questions), tuple(self.notes), max(0.0, 1 - read_in - 0.1 * self._untold()))

    def _untold(self) -> int:
        """How many slots were filled without a word for them."""
        return (not self.of.when.named) + (not self.of.metrics) + self.of.breakdown

    def _meant(self, question: Question, dimension: str, values: Sequence[str]) -> Plan:
        choices = [
            question.filtered(
                *(replace(f, values=(value,)) for f in question.filters if f.dimension == dimension)
            )
            for value in values
        ]
        return self._choose(
            choices, f"{len(values)} names fit" if len(values) > 1 else "only a part of a name is said"
        )

    def _problem(self, question: Question) -> Plan | None:
        row, can = ROWS[question.metric], abilities(self.vocabulary.metrics)
        span, window = self.vocabulary.span, question.window
        if question.metric in _FORECASTS:
            return self._not_forecast(question)
        if window.start >= span.end or window.end <= span.start:
            last = span.end.fromordinal(span.end.toordinal() - 1)
            return Unanswerable(
                f"there are data of {span.start} to {last}, not of {window_name(window)}", can
            )
        if question.metric in _NEEDS_TENANT and not question.only("tenant"):
            return Unanswerable(f"{row.title} is told of a tenant, and none is named", can)
        if question.metric == "usage" and not any(
            question.only(d) or question.by == d for d in ("meter", "feature")
        ):
            others = [replace(question, metric=name) for name in ("requests", "active_users")]
            return self._choose([*others, replace(question, by="meter")], "use is measured in several ways")
        wrong = [f.dimension for f in question.filters if f.dimension not in row.known]
        if question.by and question.by not in row.cuts:
            wrong.append(question.by)
        if wrong or (
            (question.by == "plan" or question.only("plan"))
            and (question.only("service") or question.only("feature"))
        ):
            by = ", ".join(d for d in DIMENSIONS if d in row.known) or "the whole alone"
            return Unanswerable(
                f"{row.title} is not known by {' and '.join(wrong or ['plan with these'])}; it is by {by}",
                can,
            )
        return None

    def _not_forecast(self, question: Question) -> Plan | None:
        """Why there is no such forecast: it is of six months after the newest whole one."""
        ahead = self._ahead()
        if question.window.end > ahead.end or question.window.start < ahead.start:
            return Unanswerable(
                f"forecasts are of {window_name(ahead)}, not of {window_name(question.window)}",
                abilities(self.vocabulary.metrics),
            )
        if any(f.without or f.dimension not in {"tenant", "tier"} for f in question.filters):
            return Unanswerable(
                "forecasts are of tenants, tiers and the whole", abilities(self.vocabulary.metrics)
            )
        return None

    def _ahead(self) -> Window:
        start = self.vocabulary.newest_month.end
        return months_from(start.year, start.month, _MONTHS_AHEAD)

    def _without_metric(self) -> Plan:
        """Slots and no figure: what they might be asked of."""
        if self.of.ahead:
            if self.of.metrics:
                return Unanswerable(
                    "forecasts are of cost, revenue and margin", abilities(self.vocabulary.metrics)
                )
            return self._choose([self._question(name) for name in sorted(_FORECASTS)], "it names no figure")
        if self.of.why:
            return self._choose(
                [self._question("change"), self._question("unprofitable")], "it does not say why what"
            )
        return self._choose([self._question(name) for name in _OFFERED], "it names no figure")

    def _choose(self, questions: Sequence[Question], reason: str) -> Plan:
        """At most three of these that can be answered; none is no choice."""
        known = [
            q
            for q in questions
            if q.metric in self.vocabulary.metrics and not isinstance(self._problem(q), Unanswerable)
        ]
        choices = tuple({str(q): q for q in known}.values())[:MOST_CHOICES]
        if not choices:
            return Unanswerable(reason, abilities(self.vocabulary.metrics))
        return Unclear(choices, reason)

    def _follow_up(self, before: Question, metrics: Sequence[str]) -> Plan:
        """The question before with what this text changes of it."""
        of, when = self.of, self.of.when
        found = replace(before, asked=self.text)
        if of.why and not metrics:
            return self._why(found)
        if metrics:
            found = replace(found, metric=metrics[0])
            if before.metric in {"change", "unprofitable"} and metrics[0] not in {"change", "unprofitable"}:
                found = replace(found, why=False)
        found = self._moved(found.filtered(*of.filters), plain=not metrics and not of.changed)
        if of.changed and not when.compares and not found.grain and ROWS[found.metric].tool == "totals":
            found = replace(found, compare_to=previous_of(found.window))
        several = next((f.dimension for f in of.filters if len(f.values) > 1 and not f.without), None)
        found = replace(
            found, by=of.by or several or found.by, top=of.top or found.top, order=of.order or found.order
        )
        return self._checked([self._fitted(found)])

    def _moved(self, found: Question, *, plain: bool) -> Question:
        """The question in the time of this text; `plain`: nothing but time may be meant by it."""
        when = self.of.when
        if when.named:
            ways = {previous_of(found.window): previous_of, years_before(found.window): years_before}
            way = ways.get(found.compare_to) if found.compare_to else None
            found = replace(
                found, window=when.window, compare_to=way(when.window) if way else found.compare_to
            )
        if when.grain:
            short = not when.named and found.window == self.vocabulary.newest_month and when.grain != "day"
            found = replace(found, grain=when.grain, window=when.window if short else found.window)
        if not when.compare_to:
            return found
        ways = {previous_of(when.window): previous_of, years_before(when.window): years_before}
        way = ways.get(when.compare_to)
        other = way(found.window) if way else when.compare_to
        if plain and way and not _VERSUS.search(self.text):  # `and the month before?`
            return replace(found, window=other)
        return replace(found, compare_to=other)

    def _why(self, before: Question) -> Plan:
        """`why?`: of losses the reasons, of cost its change."""
        if before.metric in {"unprofitable", "margin", "margin_ratio"}:
            only = tuple(f for f in before.filters if f.dimension == "tenant" and not f.without)
            found = Question(
                "unprofitable", before.window, filters=only, top=before.top, why=True, asked=self.text
            )
            return (
                self._checked([found])
                if before.metric == "unprofitable"
                else self._choose(
                    [found, replace(found, metric="change", why=False, top=None)], "it does not say why what"
                )
            )
        window = self.of.when.window if self.of.when.named else before.window
        filters = tuple(f for f in before.filters if not f.without)
        change = Question("change", window, filters=filters, asked=self.text)
        return (
            self._checked([change])
            if before.metric in {"cost", "billed_cost", "change"}
            else self._choose([change], "why is told of cost")
        )

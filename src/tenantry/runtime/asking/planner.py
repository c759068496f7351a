"""The offline planner: from words to the typed form; answers, asks or refuses, and never guesses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

from ...errors import TenantryError
from ...kernel import Window
from ...kernel.time import next_month
from .able import FORECASTS, MOST_CHOICES, Able, each, last_day
from .before import after, period_of, previous_of, step_within, years_before
from .entities import Entity, names_of
from .familiar import unfamiliar
from .heeded import unheeded
from .lexicon import ROWS
from .outside import CURRENCIES
from .plans import Answerable, Conversation, Guess, Plan, Unanswerable, Unclear, abilities
from .question import Filter, Order, Question, Vocabulary
from .reading import Reading, read
from .words import words_of

_FEW = 4
"""Words in which one of several choices is taken."""
_STRANGE = 5
"""Words that nobody knows beside a name or a time alone, with which a text is still asked back and not refused."""
_EDITS = frozenset(
    "change drop write add remove set switch move update run put replace swap start cut".split()
)
"""Verbs of deeds that may also be done to the question before."""
_PLAIN_EDITS = frozenset("change drop write".split())
"""Those that leave no doubt that they are."""
_GOING_ON = frozenset("again also instead then".split())
"""Words that change nothing beyond saying that a question goes on from the one before."""
_WHO = re.compile(r"(?<!\S)who(?!\S)")
_FIGURES = frozenset("active_users errors error_rate margin_ratio".split())
"""Figures of their own, which are not how another is meant."""
_PLAIN = frozenset("cost billed_cost list_cost contracted_cost revenue margin usage requests".split())
_KIND_OF = (
    ("cost", "billed_cost"), ("cost", "list_cost"), ("cost", "contracted_cost"), ("errors", "error_rate"),
    ("tenants", "unprofitable"),
)  # fmt: skip
"""Figures of which the second is a kind of the first."""
_OFFERED = ("cost", "revenue", "margin", "requests", "active_users")
_BAD = frozenset(
    name for name in ROWS if name.startswith(("error", "average_cost", "cost")) or name.endswith("_cost")
)
"""Figures of which less is better."""
_RATIOS = {"errors": "error_rate", "margin": "margin_ratio"}
"""What a figure is as a part of another."""
_RANKED = ("tenant", "feature", "service")
"""What is ranked, where nobody says what."""
_SPECIFIC = frozenset(name for name in ROWS if name not in _PLAIN)
_USAGE = re.compile(r"\b(?:usage|consumption|volumes?|popularity)\b")
"""Use as a figure; `used` may only say what is done with a thing."""
_NEXT = re.compile(r"\bnext (day|week|month|quarter|year)\b", re.IGNORECASE)
_THEY = re.compile(r"\b(?:they|them|theirs?)\b")
_PARTS = re.compile("[,;:.!?]\\s+|\\s[-\N{EN DASH}\N{EM DASH}]\\s")
_IF = re.compile(r"\s*(?:(?:and|but|or) )?(?:if|suppose|assum(?:e|ing)|what if)\b", re.IGNORECASE)
_ALL_OF_US = re.compile(
    r"(?<!\S)(?:from|of|serving|to|with|for|expect) (?:all of )?(?:our |my |the )*"
    r"(?:customers|tenants|clients|accounts)(?!\S)"
)
"""Said of all of them or of each."""
_BESIDE = re.compile(
    r"(?:and |how does (?:it|that|this) )?(?:vs|versus|against|compared?(?: (?:to|with|against))?) (?:the |our )?@"
)
_SORT = ("sort", "sorted", "order", "ordered", "rank", "ranked")
_VERSUS = re.compile(r"\b(?:compar|vs|versus|against|over|than|yoy|mom|qoq)", re.IGNORECASE)
_THEN = re.compile(
    r"(?<!from )(?<!with )(?<!and )(?:\b(?:an?|one|the) (?:day|week|month|quarter|year)|\b(?:twelve|12) months) "
    r"(?:ago|earlier|before)\b|\b(?:same \w+|this time) (?:of )?last year",
    re.IGNORECASE,
)
"""A time before that may be meant itself, where nothing says that something is compared with it."""
_ASKED_FOR = re.compile(
    r"(?:which|how many|how much) (?:(?:of|the|our) )*(\S+)"
    r"(?= (?:is|are|was|were|do|does|did|has|have|had|\S+ed|\S+ing)(?!\S))"
)
_UNIT = re.compile(r"(?<!\S)(day|week|month|quarter)s?(?!\S)")
_UNTIL = re.compile(r"(?<!not )\b(?:until|till|up to) (?!and including)", re.IGNORECASE)
_LEADING = re.compile(r"^(?:(?:so|ok|okay|and|well|then),? )+", re.IGNORECASE)
_AHEAD = {
    **{name: f"forecast_{name}" for name in ("cost", "revenue", "margin")},
    **{f"forecast_{name}": f"forecast_{name}" for name in ("cost", "revenue", "margin")},
    "billed_cost": "forecast_cost",
}
"""What is forecast, by the name of what was."""


def plan(
    text: str,
    vocabulary: Vocabulary,
    conversation: Conversation,
    now: date,
    likely: Guess | None = None,
    *,
    trusting: bool = False,
) -> Plan:
    """What a text asks, in the light of what was asked before; relative time is so to the data and to `now`.

    Where its words leave open which figure it asks for, those that `likely` gives for its masked words are offered.
    `trusting`: answered, too, where what no slot took was never met; for learning what was.
    """
    if chosen := _chosen(text, conversation):
        return Answerable((replace(chosen, asked=text),))
    planned = _of_the_whole(text, vocabulary, conversation, now, likely, trusting=trusting)
    part = _of_a_part(text, vocabulary, now) if isinstance(planned, Unanswerable) else None
    return part or planned


def _of_the_whole(
    text: str,
    vocabulary: Vocabulary,
    conversation: Conversation,
    now: date,
    likely: Guess | None = None,
    *,
    trusting: bool,
) -> Plan:
    try:
        reading = read(text, vocabulary, names_of(vocabulary), now)
    except TenantryError as problem:  # a day that is none
        return Unanswerable(problem.message, abilities(vocabulary.metrics))
    if refusal := _refusal(reading, vocabulary, conversation):
        return refusal
    planner = _Planner(reading, vocabulary, conversation, text)
    planned = _strange(reading, vocabulary, conversation) or planner.plan()
    if isinstance(planned, Answerable):
        follows = bool(conversation.questions)
        doubt = _doubt(reading, vocabulary, follows=follows)
        doubt = doubt or unheeded(reading, planned.questions, follows=follows)
        if not (doubt or trusting or reading.masked in conversation.verified):
            doubt = unfamiliar(reading, follows=follows)
        if not doubt:
            return planned
        planned = Unclear(planned.questions[:MOST_CHOICES], doubt)
    if likely and _is_unread(reading, conversation):
        return planner.beside(planned, likely(reading.masked))
    return planned


def _of_a_part(text: str, vocabulary: Vocabulary, now: date) -> Unclear | None:
    """The one part of a text that asks what is known, where the others only tell why it is asked."""
    parts = [part for part in _PARTS.split(text) if part.strip()]
    try:
        readings = [read(part, vocabulary, names_of(vocabulary), now) for part in parts]
    except TenantryError:
        return None
    if any(reading.act or _IF.match(part) for part, reading in zip(parts, readings, strict=True)):
        return None
    of_each = [{f.values for f in reading.filters if f.dimension == "tenant"} for reading in readings]
    named = {values for some in of_each for values in some}
    about = next(iter(named))[0] if len(named) == 1 else None
    asked = [
        _of_the_whole(
            part if some or not about else _THEY.sub(about, part),
            vocabulary,
            Conversation(),
            now,
            trusting=True,
        )
        for part, some in zip(parts, of_each, strict=True)
    ]
    found = [one for one in asked if isinstance(one, Answerable)]
    if len(parts) == 1 or len(found) != 1:
        return None
    questions = tuple(replace(question, asked=text) for question in found[0].questions[:MOST_CHOICES])
    return Unclear(questions, "I know nothing of the rest")


def _is_unread(reading: Reading, conversation: Conversation) -> bool:
    """Whether all that a text lacks is a word for its figure."""
    otherwise = reading.act or reading.negated or _goes_on(reading, conversation)
    named = reading.metrics or reading.ambiguous
    return not otherwise and bool(reading.unknown or not named)


def _goes_on(reading: Reading, conversation: Conversation) -> bool:
    """Whether a text says that it goes on from the question before."""
    return bool(conversation.questions) and (reading.follows or reading.points_back)


def _doubt(reading: Reading, vocabulary: Vocabulary, *, follows: bool) -> str:
    """Why a plan is offered and not carried out."""
    if reading.act and reading.act not in _PLAIN_EDITS:
        return f"to {reading.act} may be meant of the question before"
    if reading.negated:
        return "only names can be left out; what is not so is not looked for"
    if strange := reading.unknown + [word for word in reading.weighty if not (follows and word in _GOING_ON)]:
        return f"I do not know what {', '.join(map(repr, strange))} means here"
    if reading.currency and not _is_billed_in(reading.currency, vocabulary):
        return (
            f"amounts are in the currencies they were billed in, and none is changed into {reading.currency}"
        )
    return ""


def _is_billed_in(said: str, vocabulary: Vocabulary) -> bool:
    """Whether all money here is of the currency that was said."""
    codes = frozenset(code for code, words in CURRENCIES.items() if re.fullmatch(words, said))
    return bool(codes) and vocabulary.currencies == codes


def masked(text: str, vocabulary: Vocabulary, now: date) -> str:
    """The words of a question with names as their kinds: what a choice is remembered for."""
    return read(text, vocabulary, names_of(vocabulary), now).masked


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
    """What a text asks that nothing here does or knows."""
    can = abilities(vocabulary.metrics)
    if reading.act and not (conversation.questions and reading.act in _EDITS):
        return Unanswerable(f"to {reading.act} is a deed, and asking does none", can)
    if reading.unknown_names:
        return Unanswerable(f"there is nothing here named {', '.join(map(repr, reading.unknown_names))}", can)
    if reading.foreign:
        return Unanswerable(f"there are no data about {', '.join(map(repr, reading.foreign))}", can)
    return Unanswerable("no tool puts these figures in proportion", can) if reading.ratio else None


def _strange(reading: Reading, vocabulary: Vocabulary, conversation: Conversation) -> Plan | None:
    """Why too little of a text is known; of what only goes on from the question before, that one as a choice."""
    can = abilities(vocabulary.metrics)
    before = conversation.questions
    goes_on = _goes_on(reading, conversation) or bool(before and reading.slots)
    if len(reading.unknown) > _bearable(reading, goes_on=goes_on) or _asks_for_unknown(reading):
        return Unanswerable(f"I do not know {', '.join(map(repr, reading.unknown[:5]))}", can)
    if reading.says_something:
        return None
    unknown = f": {reading.unknown[0]!r} is nothing I know" if reading.unknown else ""
    reason = f"it names no figure that there is{unknown}"
    return Able(vocabulary).choose(before[-1:], reason) if goes_on else Unanswerable(reason, can)


def _asks_for_unknown(reading: Reading) -> bool:
    """Whether what it asks for is a thing that nobody knows: `which salesperson`, `how many connections`."""
    found = _ASKED_FOR.search(reading.masked)
    figure = reading.metrics or reading.ambiguous or reading.why
    return not figure and found is not None and found[1] in {*reading.unknown} - {*reading.mended.values()}


def _bearable(reading: Reading, *, goes_on: bool) -> int:
    """With how many words that nobody knows a text is asked back and not refused: a figure is one that is asked of,
    whatever else was said; who somebody is, is hardly one.
    """
    figure = bool(reading.metrics or reading.ambiguous)
    asks_who = not figure and _WHO.search(reading.masked) is not None
    slots = bool(
        reading.filters or reading.when.named or reading.top or (reading.by and not asks_who) or goes_on
    )
    if figure:
        return len(reading.unknown)
    return (1 if asks_who else _STRANGE) if slots else 0


class _Planner:
    """Puts slots together to questions."""

    def __init__(
        self, reading: Reading, vocabulary: Vocabulary, conversation: Conversation, text: str
    ) -> None:
        self.of = reading
        self.vocabulary = vocabulary
        self.able = Able(vocabulary)
        self.before = conversation.questions[-1] if conversation.questions else None
        self.verified = conversation.verified.get(reading.masked)
        self.text = text
        self.notes = [f"read {wrong!r} as {right!r}" for wrong, right in reading.mended.items()]

    def plan(self) -> Plan:
        metrics = self._metrics()
        follows = self.before is not None and (self.of.follows or not metrics) and not self._whole(metrics)
        if self.of.ambiguous and not metrics:
            return self.able.choose(
                [self._question(name, by) for name, by in self.of.ambiguous], "that may be several figures"
            )
        if not metrics and self.verified:
            metrics = [self.verified]
        if self.before and (unit := _NEXT.search(self.text)) and not metrics and self.of.when.ahead:
            then = replace(self.before, window=after(self.before.window, unit[1].lower()), asked=self.text)
            if then.window.end <= self.vocabulary.span.end:
                ahead = self._question(_AHEAD.get(then.metric, "forecast_cost"))
                return self.able.choose([then, ahead], "next after that, or after today")
        if self.before and (others := self._of_before(self.before.metric, metrics, follows=follows)):
            metrics, follows = others, True
        bare = (
            metrics
            and not self.of.slots
            and (_LEADING.match(self.text) or len(self.text.split()) <= _FEW or self.of.points_back)
        )
        if self.before and (follows or bare):
            return self._follow_up(self.before, metrics) if follows else self._either(self.before, metrics)
        if not metrics:
            return self._without_metric()
        found = [self._question(name) for name in metrics]
        if len(metrics) > 1 and not self.of.joined:
            return self.able.choose(found, "it names several figures")
        return self._settled(found)

    def beside(self, planned: Unclear | Unanswerable, likely: Sequence[str]) -> Plan:
        """The plan, with these figures as what may be meant beside one that was named."""
        named = planned.choices[:1] if isinstance(planned, Unclear) and self.of.metrics else ()
        offered = self.able.choose([*named, *map(self._question, likely)], planned.reason)
        return offered if likely and isinstance(offered, Unclear) else planned

    def _either(self, before: Question, metrics: Sequence[str]) -> Plan:
        """A figure alone: of what was asked before, or of all."""
        ways = [self._follow_up(before, metrics), self._settled([self._question(metrics[0])])]
        found = [q for way in ways if isinstance(way, Answerable) for q in way.questions]
        return self.able.choose(found, "of what was asked before, or of all")

    def _of_before(self, before: str, metrics: Sequence[str], *, follows: bool) -> list[str]:
        """What is asked now of what was asked before: its forecast, its rate, or the forecast of another figure."""
        if self.of.ahead and not self.of.metrics and before in _AHEAD:
            return [_AHEAD[before]]
        if self.of.as_ratio and not metrics and before in _RATIOS:
            return [_RATIOS[before]]
        if self.of.as_amount and not metrics:
            return [amount for amount, ratio in _RATIOS.items() if ratio == before]
        if before in FORECASTS and follows and not self.of.when.named:
            return [_AHEAD.get(name, name) for name in metrics]
        return []

    def _settled(self, found: Sequence[Question]) -> Plan:
        """These questions, of each time and name that was said, where nothing else may be meant."""
        if unsure := self._two_ways(found):
            return unsure
        also = [replace(question, window=window) for question in found for window in self.of.when.also]
        return self._checked([one for question in (*found, *also) for one in each(question)])

    def _two_ways(self, found: Sequence[Question]) -> Plan | None:
        """What may be meant where names of two kinds are joined, or figures cut twice or ranked by what ranks none."""
        of = self.of
        if of.mixed:
            apart = [replace(q, filters=(f,), by=None) for q in found for f in q.filters]
            return self.able.choose(apart, "it names things of two kinds")
        if of.cuts[1:]:
            cut = [replace(q, by=by) for q in found for by in of.cuts]
            return self.able.choose(cut, "figures are cut by one thing at a time")
        each_of = [q for q in found if q.by == "tenant" and not (q.top or q.only("tenant"))]
        if each_of and not (of.order or of.all_of) and _ALL_OF_US.search(of.masked):
            ways = [replace(q, by=by) for q in each_of for by in (None, "tenant")]
            return self.able.choose(ways, "of all of them, or of each")
        used = [q for q in found if q.metric == "usage" and q.by == "feature" and not q.only("meter")]
        if used and not _USAGE.search(of.masked):
            ways = [self._question("adoption"), *(replace(q, metric="requests") for q in used), *used]
            return self.able.choose(ways, "use is measured in several ways")
        return self._two_times(found) or self._unranked(found)

    def _two_times(self, found: Sequence[Question]) -> Plan | None:
        """What may be meant by a time that something is compared with, perhaps."""
        steps = [step_within(self.text, q.window) for q in found if not self.of.when.grain]
        if step := next(filter(None, steps), ""):
            by_step = [replace(q, grain=step, compare_to=None) for q in found]
            return self.able.choose([*by_step, *found], "that is of another length than the window")
        then = [replace(q, window=q.compare_to, compare_to=None) for q in found if q.compare_to]
        if then and _THEN.search(self.text) and not (self.of.changed or _VERSUS.search(self.text)):
            return self.able.choose([*then, *found], "of then, or compared with it")
        span = self.vocabulary.span
        if (
            _UNTIL.search(self.text)
            and found[0].window.start == span.start
            and found[0].window.end < span.end
        ):
            with_it = [replace(q, window=_with_end(q.window)) for q in found]
            return self.able.choose([*with_it, *found], "with that time or without it")
        if self.of.together and self.of.when.also:
            return self.able.choose(found, "times apart are not added together")
        return None

    def _unranked(self, found: Sequence[Question]) -> Plan | None:
        """What may be meant by the most of what changed, by the most of periods, and by all of a ranking."""
        of, ranked = self.of, bool(self.of.top or self.of.order)
        ranked = ranked or (of.changed and of.masked.split()[0] in _SORT)
        if ranked and (of.changed or of.when.compare_to) and any(q.compare_to for q in found):
            costs = [q for q in found if q.metric == "cost"]
            changes = [Question("change", q.window, filters=q.filters, asked=self.text) for q in costs]
            return self.able.choose(
                [*changes, *found], "names are ranked by their size, not by how it changed"
            )
        if of.ranks_periods or (ranked and of.when.grain and not any(q.by for q in found)):
            unit = _UNIT.search(of.masked)
            grain = of.when.grain or (unit[1] if unit else "month")
            in_a_row = [replace(q, grain=grain, by=None, top=None) for q in found]
            return self.able.choose(in_a_row, "periods are not ranked")
        if ranked and not any(q.by or q.grain for q in found):
            ways = [
                replace(q, by=by, top=of.top, order=of.order or "desc")
                for q in found
                for by in _RANKED
                if by in ROWS[q.metric].cuts
            ]
            return self.able.choose(ways, "it does not say what is ranked") if ways else None
        if of.together and of.top:
            return self.able.choose(found, "what is ranked is not added together")
        if of.changed and of.when.since and any(q.compare_to for q in found):
            return self.able.choose([self._since(q) for q in found], "since then, or now against then")
        return None

    def _since(self, question: Question) -> Question:
        """The newest month against the one that is said."""
        then = next(iter(question.window.months()))
        return replace(question, window=self.vocabulary.newest_month, compare_to=then)

    def _whole(self, metrics: Sequence[str]) -> bool:
        """Whether a text that begins like a follow-up is a question of its own."""
        first = self.of.masked.split()[:1]
        same = re.match(r"(?:\S+ ){0,2}same(?!\S)", self.of.masked) is not None
        return (
            bool(metrics)
            and not (self.of.theirs or self.of.as_amount or same)
            and first != ["and"]
            and first[0] not in {"leave", "take", "what", "only", "now", "also", "but", "or", *_SORT}
        )

    def _metrics(self) -> list[str]:
        """What is asked for: the specific before the plain; `why` makes cost its change."""
        names = self._apart(self.of.metrics)
        specific = [name for name in names if name in _SPECIFIC]
        if len(names) > 1 and {*specific} & _FIGURES and {*names} - {*specific} - {"usage"}:
            return names
        if specific and not (self.of.joined and not {"unprofitable", "change", "movers"} & {*specific}):
            names = specific[:1] if len(specific) == 1 or not self.of.joined else specific
        if len(names) > 1 and "usage" in names and not _USAGE.search(self.of.masked):
            names = [name for name in names if name != "usage"]
        if names == ["tenants"] and any(f.dimension == "feature" for f in self.of.filters):
            return ["adoption"]
        if self.of.as_ratio:
            names = [_RATIOS.get(name, name) for name in names]
        if self.of.ahead:
            return [_AHEAD[name] for name in names if name in _AHEAD]
        if self.of.why and names and {*names} <= {"cost", "billed_cost"}:
            return ["change"]
        if self.of.changed and {"explain"} <= {*self.of.metrics} <= {"explain", "cost", "billed_cost"}:
            return ["change"]
        return names

    def _apart(self, names: Sequence[str]) -> list[str]:
        """The figures without those that only say what kind another is of, as `cost` in `cost at list prices`."""
        kinds = {kind for plain, kind in _KIND_OF if plain == "cost" and kind in names}
        gone = {plain for plain, kind in _KIND_OF if {plain, kind} <= {*names} and not self.of.joined}
        gone |= {"cost"} if len(kinds) > 1 else set()
        return [name for name in names if name not in gone]

    def _question(self, metric: str, by: str | None = None) -> Question:
        of, when = self.of, self.of.when
        filters, by = list(of.filters), of.by or by
        several = next((f.dimension for f in filters if len(f.values) > 1 and not f.without), None)
        by = by or (None if of.together else several)
        ratio = metric in _RATIOS.values()
        if (
            of.share
            and not (of.changed or ratio)
            and by is None
            and len(filters) == 1
            and not filters[0].without
        ):
            by, filters = filters[0].dimension, []
        of_services = any(f.dimension == "service" and not f.without for f in filters)
        if of.breakdown and by is None and "service" in ROWS[metric].cuts and not of_services:
            by = "service"
        compare = when.compare_to
        if of.changed and compare is None and when.grain is None and ROWS[metric].tool == "totals":
            compare = previous_of(when.window)
        found = Question(
            metric, when.window, by, tuple(filters), when.grain, of.top, self._order(metric), compare,
            of.why and metric == "unprofitable", self.text,
        )  # fmt: skip
        return self._fitted(found)

    def _order(self, metric: str) -> Order:
        """Which end first: of the worst the largest, where less is better."""
        turned = self.of.judged and metric in _BAD
        return "asc" if (self.of.order == "asc") is not turned else "desc"

    def _fitted(self, question: Question) -> Question:
        """What some metrics always ask for, and what they cannot be asked with taken off."""
        if question.metric == "cost_per_use" and not question.only("feature"):
            question = replace(question, by="feature")
        if question.metric == "usage" and question.only("meter") and question.by == "meter":
            question = replace(question, by=None)
        if question.metric in FORECASTS and question.window.start < self.able.ahead.start:
            question = replace(question, window=self.able.ahead)
        if ROWS[question.metric].tool != "totals":
            by = question.by if question.by in ROWS[question.metric].cuts else None
            filters = question.filters
            if (
                question.metric == "adoption"
            ):  # which tenants, tiers and features: all of them are in the answer
                filters = tuple(f for f in filters if f.dimension == "feature")
            question = replace(question, by=by, grain=None, compare_to=None, order="desc", filters=filters)
            if (
                question.metric in {"change", "movers"} and self.of.when.since
            ):  # since September: what came after it
                later = [*question.window.months()][1:] or [question.window]
                question = replace(question, window=Window(later[0].start, question.window.end))
        if question.by is None and question.grain is None:
            question = replace(question, top=question.top if question.metric == "unprofitable" else None)
        return question if question.by else replace(question, order="desc")

    def _checked(self, questions: Sequence[Question]) -> Plan:
        """The questions, where they can be answered; else what else might be meant, or why not."""
        questions = [self._of_known_days(question) for question in questions]
        for question in questions:
            if problem := self.able.problem(question):
                return self._nearest(question, problem)
        unsure = self.of.unsure
        if unsure and questions:
            return self._meant(questions[0], unsure.dimension, unsure.values)
        read_in = 0.2 * len(self.of.mended) + 0.1 * (len(questions) - 1) + 0.1 * (self.before is not None)
        return Answerable(tuple(questions), tuple(self.notes), max(0.0, 1 - read_in - 0.1 * self._untold()))

    def _nearest(self, question: Question, problem: Plan) -> Plan:
        """The problem; where another figure or a little less can be told, those as choices."""
        if not isinstance(problem, Unanswerable):
            return problem
        return self.able.choose([*self._kindred(question), self._curtailed(question)], problem.reason)

    def _kindred(self, question: Question) -> Iterator[Question]:
        """What may be meant by a figure that is not known so: of a meter, of months to come, of a name."""
        if question.metric == "cost" and question.only("meter"):
            yield from (replace(question, metric=name, by=None) for name in ("cost_per_unit", "usage"))
        months = question.window == question.window.widened_to_months()
        if question.metric in _AHEAD and months and question.window.start >= self.vocabulary.span.end:
            yield replace(question, metric=_AHEAD[question.metric], grain=None, compare_to=None)
        if question.by == "plan" and "tier" in ROWS[question.metric].cuts:
            yield replace(question, by="tier")
        if question.metric == "entitlements":
            yield replace(question, filters=tuple(f for f in question.filters if f.dimension == "tenant"))
        if question.metric == "unprofitable" and question.filters:
            yield replace(question, metric="margin", by="tenant", order="asc", why=False)
        if question.metric == "insights" and question.filters:
            yield replace(question, metric="change")

    def _curtailed(self, question: Question) -> Question:
        """The question without what its figure is not known by: a cut, months too far ahead, names perhaps misread."""
        misread = {e.dimension for e in self.of.entities if not e.whole or self._is_mended(e)}
        row, ahead, window = ROWS[question.metric], self.able.ahead, question.window
        if question.metric in FORECASTS:
            window = _within(window, ahead)
        by = question.by if question.by in row.cuts else None
        kept = tuple(f for f in question.filters if f.dimension in row.known or f.dimension not in misread)
        return self._fitted(replace(question, window=window, by=by, filters=kept))

    def _is_mended(self, entity: Entity) -> bool:
        """Whether a name was read where something else was typed."""
        right = {*self.of.mended.values()}
        return any(right & {*words_of(value)} for value in entity.values)

    def _of_known_days(self, question: Question) -> Question:
        """The question of those days of its window that there are data of, with a note where they are not all."""
        span, window = self.vocabulary.span, question.window
        months = span.widened_to_months()
        known = _within(window, months)
        if question.metric in FORECASTS or known == window:
            return question
        note = f"there are data of {span.start} to {last_day(span)}, and none of the rest of what was asked"
        self.notes += [note] if note not in self.notes else []
        return replace(question, window=known)

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
        if len(values) in range(2, MOST_CHOICES) and dimension in ROWS[question.metric].cuts:
            both = [replace(f, values=tuple(values)) for f in question.filters if f.dimension == dimension]
            choices.append(replace(question.filtered(*both), by=dimension))
        return self.able.choose(
            choices, f"{len(values)} names fit" if len(values) > 1 else "only a part of a name is said"
        )

    def _without_metric(self) -> Plan:
        """Slots and no figure: what they might be asked of."""
        if self.of.ahead:
            if self.of.metrics:
                return Unanswerable(
                    "forecasts are of cost, revenue and margin", abilities(self.vocabulary.metrics)
                )
            return self.able.choose(
                [self._question(name) for name in sorted(FORECASTS)], "it names no figure"
            )
        if self.of.why:
            return self.able.choose(
                [self._question("change"), self._question("unprofitable")], "it does not say why what"
            )
        return self.able.choose([self._question(name) for name in _OFFERED], "it names no figure")

    def _follow_up(self, before: Question, metrics: Sequence[str]) -> Plan:
        """The question before with what this text changes of it."""
        of, when = self.of, self.of.when
        of.filters = [self._as_cut(before, new) for new in of.filters]
        found = replace(before, asked=self.text)
        if of.ahead and found.metric not in _AHEAD and not metrics:
            return Unanswerable(
                "forecasts are of cost, revenue and margin", abilities(self.vocabulary.metrics)
            )
        if _BESIDE.match(of.masked) and len(of.filters) == 1 and not metrics:
            return self._beside(before, of.filters[0])
        if of.why and not metrics:
            return self._why(found)
        if metrics:
            known = ROWS[metrics[0]].known
            if strange := [f.dimension for f in found.filters if f.dimension not in known]:
                rest = tuple(f for f in found.filters if f.dimension in known)
                title, by = ROWS[metrics[0]].title, found.by if found.by in known else None
                without = self._fitted(replace(found, metric=metrics[0], filters=rest, by=by))
                return self.able.choose([without], f"{title} is not known by {' and '.join(strange)}")
            by = found.by if found.by in ROWS[metrics[0]].cuts else None
            found = replace(found, metric=metrics[0], by=by)
            if before.metric in {"change", "unprofitable"} and metrics[0] not in {"change", "unprofitable"}:
                found = replace(found, why=False)
        if of.all_of and not any(f.dimension == of.all_of for f in of.filters):
            kept = tuple(f for f in found.filters if f.dimension != of.all_of or f.without)
            found = replace(found, filters=kept)
        found = self._moved(found.filtered(*of.filters), plain=not metrics and not of.changed)
        if of.changed and not when.compares and not found.grain and ROWS[found.metric].tool == "totals":
            found = replace(found, compare_to=previous_of(found.window))
        several = next((f.dimension for f in of.filters if len(f.values) > 1 and not f.without), None)
        listed = before.top or not (ROWS[before.metric].tool == "totals" or before.filters)
        if _THEY.search(of.masked) and listed and (metrics or of.by not in {None, before.by}):
            largest = replace(found, order=self._order(found.metric))
            return self.able.choose(
                [self._fitted(largest)], "who they were is not kept: these are ranked anew"
            )
        found = replace(
            found,
            by=None if of.together else of.by or several or found.by,
            top=of.top or found.top,
            order=self._order(found.metric) if of.order else found.order,
        )
        return self._settled([self._fitted(found)])

    def _as_cut(self, before: Question, new: Filter) -> Filter:
        """A name that is several things, as a tier and a plan, is of what the figures before are cut by."""
        told = before.by and {*new.values} <= {*self.vocabulary.values.get(before.by, ())}
        return replace(new, dimension=before.by) if told and before.by else new

    def _beside(self, before: Question, new: Filter) -> Plan:
        """The question before of its names and of one that it is now compared with: `vs pro`."""
        known = before.only(new.dimension)
        both = replace(new, values=tuple(dict.fromkeys([*known, *new.values])))
        if not known:
            alone = replace(before.filtered(new), asked=self.text)
            return self.able.choose([alone], "it does not say what is compared with that")
        return self._settled([replace(before.filtered(both), by=new.dimension, asked=self.text)])

    def _moved(self, found: Question, *, plain: bool) -> Question:
        """The question in the time of this text; `plain`: nothing but time may be meant by it."""
        when = self.of.when
        if when.after:
            return replace(found, window=after(found.window, when.after))
        if when.before and (around := period_of(found.window, when.before)):
            return replace(found, window=previous_of(around))
        if when.named:
            ways = {previous_of(found.window): previous_of, years_before(found.window): years_before}
            way = ways.get(found.compare_to) if found.compare_to else None
            found = replace(
                found, window=when.window, compare_to=way(when.window) if way else found.compare_to
            )
        if when.grain:
            longer = when.grain in {"month", "quarter"} and not when.named
            longer = longer and found.window == self.vocabulary.newest_month
            found = replace(found, grain=when.grain, window=when.window if longer else found.window)
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
                else self.able.choose(
                    [found, replace(found, metric="change", why=False, top=None)], "it does not say why what"
                )
            )
        window = self.of.when.window if self.of.when.named else before.window
        filters = tuple(f for f in before.filters if not f.without)
        change = Question("change", window, filters=filters, asked=self.text).filtered(*self.of.filters)
        return (
            self._checked([change])
            if before.metric in {"cost", "billed_cost", "change"}
            else self.able.choose([change], "why is told of cost")
        )


def _with_end(window: Window) -> Window:
    """The window and the month or day that follows it."""
    end = window.end
    return Window(window.start, next_month(end) if end.day == 1 else end + timedelta(days=1))


def _within(window: Window, bounds: Window) -> Window:
    """The part of a window that lies in another; the window itself where none does."""
    start, end = max(window.start, bounds.start), min(window.end, bounds.end)
    return Window(start, end) if start < end else window

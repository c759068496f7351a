"""What of the typed form can be answered: by which dimensions, of which times, and one name at a time or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from ...kernel import Window
from .before import previous_of
from .claims import months_from
from .lexicon import ROWS
from .plans import Plan, Unanswerable, Unclear, abilities
from .question import DIMENSIONS, Question, Vocabulary, window_name

MOST_CHOICES = 3
FORECASTS = frozenset({"forecast_cost", "forecast_revenue", "forecast_margin"})
_MONTHS_AHEAD = 6
_MONTHLY = frozenset({"revenue", "margin", "margin_ratio", "average_revenue"})
_NEEDS_TENANT = frozenset({"explain", "tenant", "entitlements"})
_TOLD_AT_ONCE = frozenset({"change", "unprofitable", "adoption"})


@dataclass(frozen=True)
class Able:
    """What can be answered of a vocabulary."""

    vocabulary: Vocabulary

    def choose(self, questions: Sequence[Question], reason: str) -> Plan:
        """At most three of these that can be answered; none is no choice."""
        known = [
            q
            for q in questions
            if q.metric in self.vocabulary.metrics and not isinstance(self.problem(q), Unanswerable)
        ]
        choices = tuple({str(q): q for q in known}.values())[:MOST_CHOICES]
        if not choices:
            return Unanswerable(reason, abilities(self.vocabulary.metrics))
        return Unclear(choices, reason)

    def problem(self, question: Question) -> Plan | None:
        """Why a question cannot be answered, or what else might be meant; None where it can be."""
        if question.metric in FORECASTS:
            return self._not_forecast(question)
        return self._not_known(question) or self._not_at(question)

    def _no(self, reason: str) -> Unanswerable:
        return Unanswerable(reason, abilities(self.vocabulary.metrics))

    def _not_known(self, question: Question) -> Plan | None:
        """By what the metric is not known that is asked for."""
        row, filters = ROWS[question.metric], question.filters
        if question.metric in _NEEDS_TENANT and not question.only("tenant"):
            return self._no(f"{row.title} is told of a tenant, and none is named")
        if question.metric == "usage" and not {"meter", "feature"} & {question.by, *_only(question)}:
            others = [replace(question, metric=name) for name in ("requests", "active_users")]
            bought = [replace(question, metric="cost")] if question.by == "service" else []
            ways = [*bought, *others, replace(question, by="meter")]
            return self.choose(ways, "use is measured in several ways")
        if row.tool != "totals" and question.metric != "change" and any(f.without for f in filters):
            return self._no(f"{row.title} is not known without some")
        wrong = [f.dimension for f in filters if f.dimension not in row.known]
        wrong += [question.by] if question.by and question.by not in row.cuts else []
        if (
            not wrong
            and "plan" in {question.by, *_only(question)}
            and {"service", "feature"} & _only(question)
        ):
            wrong = ["plan with these"]
        if question.metric == "cost_per_use" and not wrong:
            whose = {"tenant", "tier"} & {question.by, *_only(question)}
            if whose and not question.only("feature"):
                return self._no(f"{row.title} by tenant or tier is told of a feature, and none is named")
            wrong = sorted(whose) if len(whose) > 1 else []
        if wrong:
            by = ", ".join(d for d in DIMENSIONS if d in row.known) or "the whole alone"
            return self._no(f"{row.title} is not known by {' and '.join(wrong)}; it is by {by}")
        return None

    def _not_at(self, question: Question) -> Plan | None:
        """Of which times there are no such data."""
        span, window = self.vocabulary.span, question.window
        if window.start >= span.end or window.end <= span.start:
            return self._no(
                f"there are data of {span.start} to {last_day(span)}, not of {window_name(window)}"
            )
        if question.metric in _MONTHLY and window != window.widened_to_months():
            whole = replace(question, window=window.widened_to_months(), compare_to=None)
            return self.choose([whole], f"{ROWS[question.metric].title} is known by the month")
        return self._unlike(question, question.compare_to) if question.compare_to else None

    def _unlike(self, question: Question, other: Window) -> Plan | None:
        """Why two windows are not compared: one is longer, or there are not data of all of it."""
        span, window = self.vocabulary.span, question.window
        months = span.widened_to_months()
        if other.start < months.start or other.end > months.end:
            known = f"{span.start} to {last_day(span)}"
            return self._no(f"there are data of {known}, not of all of {window_name(other)} to compare with")
        if _size(window) == _size(other) and window != other:
            return None
        alike = [replace(question, compare_to=previous_of(window)), replace(question, compare_to=None)]
        return self.choose(alike, f"{window_name(window)} and {window_name(other)} are not two of one length")

    def _not_forecast(self, question: Question) -> Plan | None:
        """Why there is no such forecast: it is of six months after the newest whole one."""
        ahead = self.ahead
        if question.window.end > ahead.end or question.window.start < ahead.start:
            return self._no(f"forecasts are of {window_name(ahead)}, not of {window_name(question.window)}")
        cuts = {f.dimension for f in question.filters} | {*filter(None, [question.by])}
        if len(cuts) > 1 or not cuts <= {"tenant", "tier"} or any(f.without for f in question.filters):
            return self._no("forecasts are of tenants, tiers and the whole, each by itself")
        return None

    @property
    def ahead(self) -> Window:
        """The months that are forecast."""
        start = self.vocabulary.newest_month.end
        return months_from(start.year, start.month, _MONTHS_AHEAD)


def _only(question: Question) -> set[str]:
    """The dimensions of which it asks of some."""
    return {f.dimension for f in question.filters if not f.without}


def each(question: Question) -> list[Question]:
    """A question for each of several values, where the tool answers for one at a time."""
    if ROWS[question.metric].tool == "totals" or question.metric in _TOLD_AT_ONCE:
        return [question]
    found = [question]
    for one in question.filters:
        if not one.without:
            found = [q.filtered(replace(one, values=(value,))) for q in found for value in one.values]
    return found


def _size(window: Window) -> tuple[int, bool]:
    """How long it is: in months where it is of whole ones, which are alike, else in days."""
    whole = window == window.widened_to_months()
    return (len([*window.months()]) if whole else window.days, whole)


def last_day(window: Window) -> date:
    return window.end - timedelta(days=1)

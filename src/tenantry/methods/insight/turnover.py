"""What is new, and what is gone: facts, not tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from .claims import Pattern, Weighed, floor_of, margin_of, mean
from .figures import Figures, Measure, Subject
from .finding import Kind

RECENT = 3
"""Months in which what came or went is told."""
_STEADY = 2
"""Months without gap that something must have been there to be missed, or away to be new."""
_NONE = Decimal(0)


def turnover(figures: Figures) -> list[Pattern]:
    """What came and went, where its cost or revenue matters; tenants too small for that are told together."""
    if len(figures.months) <= _STEADY:
        return []
    least = floor_of(figures)
    found: list[Pattern] = []
    small: dict[Kind, list[Pattern]] = {}
    for one in _turns(figures):
        if _size(one) >= least > 0:
            found.append(one)
        elif one.subject.level == "tenant":
            small.setdefault(one.kind, []).append(one)
    for kind, turns in sorted(small.items()):
        if sum(map(_size, turns)) >= least > 0:
            found.append(_together(kind, turns))
    return found


def _turns(figures: Figures) -> Iterator[Pattern]:
    for subject in figures.subjects:
        if subject.level in ("total", "tier") or (subject.level == "tenant" and subject.name.startswith("(")):
            continue
        there = _there(subject)
        if not any(there):
            continue
        first, last = there.index(True), len(there) - 1 - there[::-1].index(True)
        measure: Measure = "margin" if subject.level == "tenant" else "cost"
        if max(_STEADY, len(there) - RECENT) <= first and last == len(there) - 1:
            yield _turn(figures, subject, measure, came=True, at=first)
        elif len(there) - 1 - RECENT <= last < len(there) - 1 and _steady(there, last):
            yield _turn(figures, subject, measure, came=False, at=last + 1)


def _there(subject: Subject) -> list[bool]:
    """Month by month; of who pays or paid, whether it does."""
    paying = any(subject.revenue)
    return [r > 0 for r in subject.revenue] if paying else [c != 0 for c in subject.cost]


def _steady(there: Sequence[bool], last: int) -> bool:
    return last + 1 >= _STEADY and all(there[max(0, last - RECENT + 1) : last + 1])


def _turn(figures: Figures, subject: Subject, measure: Measure, *, came: bool, at: int) -> Pattern:
    """Of what went, the months before it went; of what came, those since."""
    amounts = margin_of(subject) if measure == "margin" else subject.cost
    before, after = range(max(0, at - RECENT), at), range(at, len(amounts))
    was, became = (_NONE, mean(amounts, after)) if came else (mean(amounts, before), _NONE)
    impact = was - became if measure == "cost" else became - was
    return Pattern(
        subject,
        "new" if came else "lost",
        measure,
        Weighed(was, became, impact),
        figures.months[at],
        (before, after),
    )


def _size(turn: Pattern) -> Decimal:
    """The cost or revenue a month, whichever is larger, while it was there."""
    there = turn.months[1 if turn.kind == "new" else 0]
    return max(abs(mean(rows, there)) for rows in (turn.subject.cost, turn.subject.revenue) if rows)


def _together(kind: Kind, turns: Sequence[Pattern]) -> Pattern:
    was, became, impact = (sum((t.weighed[i] for t in turns), _NONE) for i in range(3))
    first = min(turns, key=lambda t: t.since)
    return Pattern(
        Subject("tenants", "", ()),
        kind,
        "margin",
        Weighed(was, became, impact),
        first.since,
        first.months,
        tuple(sorted(t.subject.name for t in turns)),
    )

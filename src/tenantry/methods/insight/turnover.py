"""What is new, and what is gone: facts, not tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from .claims import Measure, Months, floor_of, margin_of, mean
from .figures import Figures, Subject

RECENT = 3
"""Months in which what came or went is told."""
_STEADY = 2
"""Months without gap that something must have been there to be missed, or away to be new."""
_NONE = Decimal(0)


@dataclass(frozen=True)
class Turn:
    """Something that came or went in the last months, or several such tenants together (`names`)."""

    came: bool
    subject: Subject
    measure: Measure
    money: tuple[Decimal, Decimal, Decimal]
    since: date
    months: tuple[Months, Months]
    size: Decimal
    """Its cost or revenue a month, whichever is larger."""
    names: tuple[str, ...] = ()


def turnover(figures: Figures) -> list[Turn]:
    """What came and went, where it matters; tenants too small for that are told together, if that matters."""
    if len(figures.months) <= _STEADY:
        return []
    least = floor_of(figures)
    found: list[Turn] = []
    small: dict[bool, list[Turn]] = {True: [], False: []}
    for turn in _turns(figures):
        if turn.size >= least > 0:
            found.append(turn)
        elif turn.subject.level == "tenant":
            small[turn.came].append(turn)
    for turns in small.values():
        together = _together(turns)
        if together is not None and together.size >= least > 0:
            found.append(together)
    return found


def _turns(figures: Figures) -> Iterator[Turn]:
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


def _turn(figures: Figures, subject: Subject, measure: Measure, *, came: bool, at: int) -> Turn:
    """Of what went, the months before it went, whole ones alone; of what came, those since."""
    amounts = margin_of(subject) if measure == "margin" else subject.cost
    before, after = range(max(0, at - RECENT), at), range(at, len(amounts))
    there = after if came else before
    size = max(abs(mean(rows, there)) for rows in (subject.cost, subject.revenue or subject.cost))
    money = (_NONE, mean(amounts, after)) if came else (mean(amounts, before), _NONE)
    more = money[1] - money[0]
    impact = -more if measure == "cost" else more
    return Turn(came, subject, measure, (*money, impact), figures.months[at], (before, after), size)


def _together(turns: Sequence[Turn]) -> Turn | None:
    if not turns:
        return None
    money = tuple(sum((t.money[i] for t in turns), _NONE) for i in range(3))
    first = min(turns, key=lambda t: t.since)
    return Turn(
        first.came,
        Subject("tenants", "", ()),
        "margin",
        (money[0], money[1], money[2]),
        first.since,
        first.months,
        sum((t.size for t in turns), _NONE),
        tuple(sorted(t.subject.name for t in turns)),
    )

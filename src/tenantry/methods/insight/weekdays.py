"""Days of the week that cost more than others, or more for what is used on them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from ...kernel.money import EXACT, MONEY_PLACES
from ...kernel.time import next_month
from .claims import Pattern, Weighed
from .figures import Daily, Figures, Subject
from .weekly import DAYS, FEWEST_WEEKS, weekday_p

Floats = np.ndarray[Any, np.dtype[np.float64]]
NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_APART = 2
"""So many days of the week are set against the others."""
_PLACE = Decimal(1).scaleb(-MONEY_PLACES)
_WEEKS_OF_12_MONTHS = 52
_MONTHS = 6


def weekdays(figures: Figures) -> Iterator[Pattern]:
    """One for each daily series: how likely days differ so much by chance, in cost per unit where there are units, else
    in cost; and the money a month of the days that differ most.
    """
    ends = next_month(figures.months[-1])
    months = range(max(0, len(figures.months) - _MONTHS), len(figures.months))
    for daily in figures.days:
        weeks = len(daily.cost) // DAYS
        if weeks < FEWEST_WEEKS:
            continue
        cost, units = daily.cost[-weeks * DAYS :], daily.units[-weeks * DAYS :]
        if units and not all(u > 0 for u in units):
            continue
        values = np.array([float(c) for c in cost])
        if units:
            values /= np.array([float(u) for u in units])
        logs: Floats = np.log(values) if (values > 0).all() else values
        found = _weighed(cost, units, logs, weeks)
        apart = tuple(_day(ends, weeks, i) for i in found[1])
        yield Pattern(
            _subject(figures, daily), "day_of_week", "cost", found[0], figures.months[months[0]], (months, months),
            apart, weekday_p(logs),
        )  # fmt: skip


def _subject(figures: Figures, daily: Daily) -> Subject:
    own = (s for s in figures.subjects if s.level == daily.level and s.name == daily.name)
    return next(own, Subject(daily.level, daily.name, cost=()))


def _weighed(
    cost: tuple[Decimal, ...], units: tuple[Decimal, ...], logs: Floats, weeks: int
) -> tuple[Weighed, list[int]]:
    """Of the two days that are dearest for a unit: what their use would cost as on other days, and does cost. Without
    units, of the other days than the two cheapest: as on those two.
    """
    by_day = logs.reshape(weeks, DAYS).mean(axis=0)
    order = list(np.argsort(-by_day, kind="stable"))
    dear = sorted(int(i) for i in (order[:_APART] if units else order[:-_APART]))
    spent = [_every(cost, i) for i in range(DAYS)]
    used = [_every(units, i) if units else Decimal(weeks) for i in range(DAYS)]
    rest = [i for i in range(DAYS) if i not in dear]
    wanted = _total(used, dear)
    before = EXACT.divide(EXACT.multiply(_total(spent, rest), wanted), _total(used, rest))
    months = Decimal(weeks * 12) / _WEEKS_OF_12_MONTHS
    was, is_ = (
        EXACT.divide(x, months).quantize(_PLACE, context=EXACT) for x in (before, _total(spent, dear))
    )
    return Weighed(was, is_, was - is_), dear


def _every(values: tuple[Decimal, ...], day: int) -> Decimal:
    return _total(list(values), list(range(day, len(values), DAYS)))


def _total(values: list[Decimal], which: list[int]) -> Decimal:
    total = Decimal(0)
    for i in which:
        total = EXACT.add(total, values[i])
    return total


def _day(ends: date, weeks: int, index: int) -> str:
    return NAMES[(ends - timedelta(days=weeks * DAYS - index)).weekday()]

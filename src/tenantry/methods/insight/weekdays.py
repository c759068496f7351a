"""Days of the week that cost more for what is used on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

import numpy as np

from ...kernel.money import EXACT, MONEY_PLACES
from ...kernel.time import next_month
from .claims import Pattern, Weighed, summed
from .figures import WEEKDAYS, Amounts, Daily, Figures, Subject
from .movement import Floats
from .weekly import DAYS, FEWEST_WEEKS, weekday_p

_APART = 2
"""So many days of the week are set against the others."""
_PLACE = Decimal(1).scaleb(-MONEY_PLACES)
_WEEKS_OF_12_MONTHS = 52
_MONTHS = 6


def weekdays(figures: Figures) -> Iterator[Pattern]:
    """One for each daily series with use on every day: how likely days differ so much in cost per unit by chance, and
    the money a month of the two that are dearest.
    """
    ends = next_month(figures.months[-1])
    months = range(max(0, len(figures.months) - _MONTHS), len(figures.months))
    for daily in figures.days:
        days = len(daily.cost) // DAYS * DAYS
        cost, units = daily.cost[-days:], daily.units[-days:]
        if days < FEWEST_WEEKS * DAYS or not all(u > 0 for u in units):
            continue
        prices = np.array([float(c / u) for c, u in zip(cost, units, strict=True)])
        values: Floats = np.log(prices) if (prices > 0).all() else prices
        dear = _dearest(values)
        yield Pattern(
            _subject(figures, daily),
            "day_of_week",
            "cost",
            _weighed(cost, units, dear),
            figures.months[months[0]],
            (months, months),
            tuple(WEEKDAYS[(ends - timedelta(days=days - i)).weekday()] for i in dear),
            weekday_p(values),
        )


def _dearest(values: Floats) -> list[int]:
    """The places in a week, which begins as the values do, of the two days with the highest averages."""
    by_day = values.reshape(-1, DAYS).mean(axis=0)
    return sorted(int(i) for i in np.argsort(-by_day, kind="stable")[:_APART])


def _subject(figures: Figures, daily: Daily) -> Subject:
    own = (s for s in figures.subjects if s.level == daily.level and s.name == daily.name)
    return next(own, Subject(daily.level, daily.name, cost=()))


def _weighed(cost: Amounts, units: Amounts, dear: Sequence[int]) -> Weighed:
    """What the use on these days of the week would cost as on the others, and does cost, a month."""
    those = [i for i in range(len(cost)) if i % DAYS in dear]
    others = [i for i in range(len(cost)) if i % DAYS not in dear]
    spent = summed(cost, those)
    as_others = EXACT.divide(
        EXACT.multiply(summed(cost, others), summed(units, those)), summed(units, others)
    )
    months = Decimal(len(cost) // DAYS * 12) / _WEEKS_OF_12_MONTHS
    before, after = (EXACT.divide(x, months).quantize(_PLACE, context=EXACT) for x in (as_others, spent))
    return Weighed(before, after, before - after)

"""Months of the year in which more is spent or earned, as the year before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from .calibration import p_values
from .claims import Pattern, Weighed, amounts_of, logs, mean
from .figures import Figures
from .movement import Floats, returns

NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
YEAR = 12
_HIGH = 3
"""Months that are told as those of the season."""
_MEASURES: tuple[Literal["cost", "revenue"], ...] = ("cost", "revenue")


def seasons(figures: Figures, memory: float) -> Iterator[Pattern]:
    """Of cost and revenue of all, how likely the year would be so like the one before by chance; and what the three
    highest months had, beside the others of these twelve. Nothing without two whole years.
    """
    if figures.year_before is None:
        return
    months = (*(first.replace(year=first.year - 1) for first in figures.months), *figures.months)
    for measure in _MEASURES:
        amounts = (*amounts_of(figures.year_before, measure), *amounts_of(figures.total, measure))
        values = logs(months, amounts, daily=measure == "cost")[None, :]
        if not np.isfinite(values).all():
            continue
        profile = _profile(values.reshape(2, YEAR))
        order = np.argsort(-profile, kind="stable")
        high, rest = (sorted(int(i) for i in part) for part in (order[:_HIGH], order[_HIGH:]))
        was, became = (mean(amounts_of(figures.total, measure), part) for part in (rest, high))
        yield Pattern(
            figures.total,
            "season",
            measure,
            Weighed(was, became, was - became if measure == "cost" else became - was),
            figures.months[0],
            (rest, high),
            tuple(NAMES[figures.months[i].month - 1] for i in high),
            float(p_values(values, memory, returns)[0, 0]),
        )


def _profile(years: Floats) -> Floats:
    """A month's deviation from its year, without what the years grew."""
    growth = (years[1].mean() - years[0].mean()) / YEAR
    return years.mean(axis=0) - years.mean() - growth * (np.arange(YEAR) - (YEAR - 1) / 2)

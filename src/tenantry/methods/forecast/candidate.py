"""Forecasts by code that somebody wrote: asked month by month for what was known then, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import Kind, TenantryError, invalid
from ...kernel import Code, Sandbox
from . import HORIZON, LARGEST
from .rolling import LOOK_BACK, Points
from .smoothing import SHORTEST, Floats
from .verdict import Backtest, breaks

FUNCTION = "forecast"
"""What the code defines: `forecast(series, horizon)`, to return a list of `horizon` amounts for each of the series."""


@dataclass(frozen=True)
class Chosen:
    """Code that a person chose when `since` months were over."""

    code: Code
    since: int


def name(code: Code) -> str:
    """What forecasts made by it name as their method."""
    return f"code {code.digest}"


def candidate(
    points: Points, code: Code, sandbox: Sandbox, last: int, seconds: float | None = None, first: int = 0
) -> tuple[Points, TenantryError | None, int]:
    """The points with the code's means where it gave any, what went wrong, and at which month (else after `last`).

    It is asked at each month from as far back as the interval of `first` (by default of `last`) rests on, each as if it
    were the only one; at the last twice, because the same question must have the same answer.
    """
    begin = max(SHORTEST, (first or last) - 2 * LOOK_BACK)
    months = [at for at in range(begin, last + 1) if at in points.made and points.series(at)]
    asked = [*months, *months[-1:]]
    found: dict[int, Floats] = {}
    problem: TenantryError | None = None
    try:
        with closing(
            sandbox.run(code, FUNCTION, _calls(points, asked), list[list[float]], seconds)
        ) as answers:
            for at, answer in zip(asked, answers, strict=True):
                means = _checked(answer, len(points.series(at)))
                before = found.pop(at, means)
                if not np.array_equal(before, means):
                    raise invalid("it gives another forecast when it is asked again", "leave chance out")
                found[at] = means
    except TenantryError as wrong:
        problem = wrong
    broken = next((at for at in months if at not in found), last + 1)
    return points.with_means(found, name(code)), problem, broken


def _calls(points: Points, months: Sequence[int]) -> Iterator[dict[str, Any]]:
    for at in months:
        yield {"series": points.series(at), "horizon": HORIZON}


def _checked(answer: list[list[float]], count: int) -> Floats:
    """Raises `invalid` for what is no forecast of all the series."""
    if len(answer) != count or any(len(ahead) != HORIZON for ahead in answer):
        raise invalid(
            f"it must give {count} forecasts of {HORIZON} months each",
            "one list for each of the series, in order",
        )
    means = np.array(answer, np.float64).reshape(count, HORIZON)
    if not np.isfinite(means).all():
        raise invalid("it gave something that is no amount: nan or inf", "give a number for each month")
    if np.abs(means).sum(axis=0).max() > LARGEST:
        raise invalid(
            f"its forecasts of a month come to more than {LARGEST:,}", "look for a division by nearly nothing"
        )
    return means


def in_use(
    default: Backtest, chosen: Mapping[int, Chosen], sandbox: Sandbox | None
) -> dict[int, tuple[Backtest, str | None]]:
    """By month, for which code is chosen: the forecasts to use, and why they are not the code's where they are not."""
    found: dict[int, tuple[Backtest, str | None]] = {}
    for one in dict.fromkeys(chosen.values()):
        months = [at for at, who in chosen.items() if who == one]
        if sandbox is None:
            points, problem, broken = (
                default.points,
                TenantryError(Kind.UNAVAILABLE, "there is no sandbox here"),
                0,
            )
        else:
            points, problem, broken = candidate(
                default.points, one.code, sandbox, max(months), first=min(months)
            )
        other = Backtest(default.panel, points)
        for at in months:
            why = problem.message if problem and at >= broken else breaks(default, other, at, one.since)
            found[at] = (default, f"{name(one.code)} is not used: {why}") if why else (other, None)
    return found

"""What a statistic comes to where nothing happened: simulated, for short series that remember the point before."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from .movement import Floats, left_by_a_line, movements

WORLDS = 20_000
_WARM_UP = 12
_TAIL = 200
"""So many of the largest values stand for the tail; beyond them it goes on as a power."""
_MOST = 0.8
_PRIOR, _PRIOR_WEIGHT = 0.3, 10.0
"""What series are taken to remember where there are few of them to tell, and how many series that is worth."""

Statistics = Callable[[Floats], Floats]
"""Of rows of points in time, a column for each statistic; the larger, the less like chance."""


def p_values(series: Floats, memory: float, statistics: Statistics = movements) -> Floats:
    """For each row and each statistic, how likely one as large is where nothing happens.

    `series` has a row for each series and a column for each of at least 6 points in time; `memory` is the
    correlation of noise with that of the point before. Noise may be normal, flat or heavy-tailed (Student's with 3
    degrees of freedom): the least favourable counts. Calibrated by simulation, so it holds at 6 points as at 24; beyond
    what was simulated the tail goes on as a power, whose exponent is Hill's estimate (Hill 1975).
    """
    found = statistics(series)
    tables = _null(statistics, series.shape[1], round(min(max(memory, 0.0), _MOST), 1))
    return np.stack([_beyond(table, found[:, i]) for i, table in enumerate(tables)], axis=1)


def memory_of(groups: list[Floats]) -> float:
    """How much noise remembers, of series of one vendor: from the median correlation of what a line leaves with itself
    a point before, corrected for the length of the series, and drawn to 0.3 where series are few.
    """
    known = [(g, np.median(_echo(g))) for g in groups if len(g) and g.shape[1] >= 8]  # noqa: PLR2004 - too few to tell
    count = sum(len(g) for g, _ in known)
    own = sum(len(g) * _memory_at(g.shape[1], float(echo)) for g, echo in known)
    return (own + _PRIOR_WEIGHT * _PRIOR) / (count + _PRIOR_WEIGHT)


def _beyond(table: Floats, values: Floats) -> Floats:
    """P(statistic >= value) by the worst of the noises; each row of the table is one noise's worlds, ascending."""
    worst = np.zeros(len(values))
    for worlds in table:
        above = len(worlds) - np.searchsorted(worlds, values, side="left")
        p = (above + 1.0) / (len(worlds) + 1.0)
        start = worlds[-_TAIL]
        steepness = 1.0 / max(float(np.mean(np.log(worlds[-_TAIL:] / start))), 1e-9)
        tail = _TAIL / len(worlds) * (np.maximum(values, start) / start) ** -steepness
        worst = np.maximum(worst, np.where(values > start, tail, p))
    return np.minimum(worst, 1.0)


@lru_cache(maxsize=128)
def _null(statistics: Statistics, points: int, memory: float) -> tuple[Floats, ...]:
    """For each statistic, sorted, what it is in worlds in which nothing happened: noise x world."""
    found = np.stack([statistics(_worlds(points, memory, noise)) for noise in range(3)])
    return tuple(np.sort(found[:, :, i], axis=1) for i in range(found.shape[2]))


def _worlds(points: int, memory: float, noise: int, count: int = WORLDS) -> Floats:
    generator = np.random.Generator(np.random.PCG64([points, noise, 20260401]))
    size = (count, points + _WARM_UP)
    if noise == 0:
        made = generator.standard_normal(size)
    elif noise == 1:
        made = generator.uniform(-1.0, 1.0, size)
    else:
        made = generator.standard_t(3, size)
    for i in range(1, size[1]):
        made[:, i] += memory * made[:, i - 1]
    return made[:, _WARM_UP:]


def _echo(series: Floats) -> Floats:
    """The correlation of each row's residuals about its line with those a point before."""
    rest = left_by_a_line(series)
    whole = (rest**2).sum(axis=1)
    return (rest[:, 1:] * rest[:, :-1]).sum(axis=1) / np.where(whole > 0, whole, 1.0)


@lru_cache(maxsize=32)
def _echoes(points: int) -> tuple[Floats, Floats]:
    memories = np.arange(0.0, _MOST + 0.05, 0.1)
    seen = [float(np.median(_echo(_worlds(points, m, 0, 4_000)))) for m in memories]
    return np.maximum.accumulate(np.array(seen)), memories


def _memory_at(points: int, echo: float) -> float:
    return float(np.interp(echo, *_echoes(points)))

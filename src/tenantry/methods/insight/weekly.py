"""Whether days of the week differ, in daily series of some months."""

from __future__ import annotations

from math import exp, lgamma, log, log1p

import numpy as np

from .movement import Floats

DAYS = 7
FEWEST_WEEKS = 10
_CLOSE = 1e-14


def weekday_p(daily: Floats) -> float:
    """How likely such a difference between days of the week is where there is none; 1 for fewer than 10 weeks.

    `daily` are values of consecutive days. Weeks are compared as wholes (Hotelling's one-sample test of each week's
    deviations from its own mean), so what days of a week share, a trend and memory within the week do not count.
    """
    weeks = len(daily) // DAYS
    if weeks < FEWEST_WEEKS:
        return 1.0
    table = daily[-weeks * DAYS :].reshape(weeks, DAYS)
    off = (table - table.mean(axis=1, keepdims=True))[:, :-1]
    mean, size = off.mean(axis=0), DAYS - 1
    spread = np.cov(off, rowvar=False) + np.eye(size) * 1e-12 * max(float(np.abs(table).max()) ** 2, 1e-300)
    if not np.abs(off).max() > 1e-9 * np.abs(table).max():
        return 1.0
    square = weeks * float(mean @ np.linalg.solve(spread, mean))
    return _f_beyond(max(square, 0.0) * (weeks - size) / (size * (weeks - 1)), size, weeks - size)


def _f_beyond(value: float, above: int, below: int) -> float:
    """P(F >= value) of Fisher's distribution."""
    return _beta(below / (below + above * value), below / 2, above / 2)


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (Lentz; DLMF 8.17.22)."""
    if x <= 0.0 or x >= 1.0:
        return min(max(x, 0.0), 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _beta(1.0 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1))
    whole = d
    for m in range(1, 300):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d, c = 1.0 / (1.0 + term * d), 1.0 + term / c
            whole *= c * d
        if abs(c * d - 1.0) < _CLOSE:
            break
    return front * whole

"""How much short series move: along a line, to another level, or at their last point."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .finding import Shape

Floats = np.ndarray[Any, np.dtype[np.float64]]
_SIDE = 2
"""Points on either side of a change of level, at least."""
_CALM = 1e-6
"""The least variance that noise is taken to have: a tenth of a percent of the value, squared."""


class Change(NamedTuple):
    """A change by its best fit: `at` is the index of the first point after it; of a trend the middle of the series."""

    shape: Shape
    at: int
    effect: float
    """After less before, in units of the series; of a trend the rise of its line from first to last point."""


def movements(series: Floats) -> Floats:
    """For each row the sizes of its movement in each of `SHAPES`, as t-statistics of one sign.

    Trend: of the slope of a least-squares line. Level: the largest of two-sample statistics over all places for a
    change with at least 2 points on either side. Jump: of the last point against all before. They are not t-distributed
    where noise has a memory or heavy tails: `p_values` knows.
    """
    return np.stack(
        [np.abs(_slopes(series)), np.abs(_steps(series)).max(axis=1), np.abs(_jump(series))], axis=1
    )


def returns(series: Floats) -> Floats:
    """For each row of two years of months how much the second does as the first did, each beside its own line: the
    t-statistic of their correlation, in one column; 0 where they do the opposite.
    """
    first, second = (left_by_a_line(year) for year in np.split(series, 2, axis=1))
    sizes = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    r = np.clip((first * second).sum(axis=1) / np.where(sizes > 0, sizes, 1.0), 0.0, 1.0 - 1e-9)
    return (r * np.sqrt((first.shape[1] - 2) / (1 - r**2)))[:, None]


def left_by_a_line(series: Floats) -> Floats:
    """Each row less its least-squares line."""
    x = np.arange(series.shape[1]) - (series.shape[1] - 1) / 2
    centred = series - series.mean(axis=1, keepdims=True)
    return centred - np.outer(centred @ x / (x @ x), x)


def change(values: Floats, shape: Shape) -> Change:
    """Where one series changed in this shape, and by how much. A trend's slope is Theil's and Sen's (Sen 1968)."""
    n = len(values)
    if shape == "trend":
        i, j = np.triu_indices(n, 1)
        slope = float(np.median((values[j] - values[i]) / (j - i)))
        return Change("trend", n // 2, slope * (n - 1))
    at = n - 1
    if shape == "level":
        at = int(np.abs(_steps(values[None, :])[0]).argmax()) + _SIDE
    return Change(shape, at, float(values[at:].mean() - values[:at].mean()))


def _slopes(series: Floats) -> Floats:
    n = series.shape[1]
    x = np.arange(n) - (n - 1) / 2
    centred = series - series.mean(axis=1, keepdims=True)
    slope = centred @ x / (x @ x)
    left = ((centred - np.outer(slope, x)) ** 2).sum(axis=1) / (n - 2)
    return slope * np.sqrt((x @ x) / np.maximum(left, _CALM))


def _steps(series: Floats) -> Floats:
    """Row x place of the change: the two-sample statistic with one variance for both sides."""
    n = series.shape[1]
    centred = series - series.mean(axis=1, keepdims=True)
    before = np.arange(_SIDE, n - _SIDE + 1)
    sums = np.cumsum(centred, axis=1)[:, before - 1]
    between = sums**2 * n / (before * (n - before))
    within = np.maximum((centred**2).sum(axis=1)[:, None] - between, 0.0) / (n - 2)
    return np.sign(-sums) * np.sqrt(between / np.maximum(within, _CALM))


def _jump(series: Floats) -> Floats:
    n = series.shape[1]
    earlier = series[:, :-1]
    spread = np.maximum(earlier.var(axis=1, ddof=1), _CALM)
    return (series[:, -1] - earlier.mean(axis=1)) / np.sqrt(spread * (1 + 1 / (n - 1)))

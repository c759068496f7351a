"""The dynamic optimised theta model: Fiorucci, Pellegrini, Louzada, Petropoulos and Koehler, Models for optimising the
theta method and their relationship to state space models, International Journal of Forecasting 32 (2016), section 3.2.

For a fixed alpha the one-step errors are linear in the start of the level and in w = 1 - 1/theta, so those two are
least squares with 0 <= w <= 1, and only alpha is searched.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from .smoothing import Floats, Smoothed

_NOTHING = 1e-12
_ALPHAS = tuple(np.round(np.linspace(0.1, 0.99, 46), 4))


def _trend_line(values: Floats) -> tuple[Floats, Floats]:
    """A_t and B_t, intercept and slope of the line through the first t values, for t = 0..n (columns)."""
    count, length = values.shape
    a, b, mean = (np.zeros((count, length + 1)) for _ in range(3))
    for t in range(1, length + 1):
        y = values[:, t - 1]
        a[:, t], b[:, t], mean[:, t] = _line(t, y, mean[:, t - 1], b[:, t - 1])
    return a, b


def _line(t: int, y: Floats, mean: Floats, slope: Floats) -> tuple[Floats, Floats, Floats]:
    """The line (at t = 0, slope) and the mean once the t-th value is known."""
    now = ((t - 1) * mean + y) / t
    b = ((t - 2) * slope + 6 * (y - mean) / t) / (t + 1) if t > 1 else np.zeros_like(y)
    return now - b * (t + 1) / 2, b, now


@cache
def _level_maps(length: int, alpha: float) -> tuple[Floats, Floats]:
    """l_{t-1} for t = 1..n as a map of the values, and its part of l_0."""
    rest = 1 - alpha
    lag = np.arange(length)[:, None] - 1 - np.arange(length)[None, :]
    seen = np.where(lag >= 0, alpha * rest ** np.maximum(lag, 0), 0.0)
    return seen, np.asarray(rest ** np.arange(length), np.float64)


def optimised_theta(values: Floats, horizon: int) -> Smoothed:
    """Forecasts and one-step errors of each series (rows of `values`, months in columns)."""
    count, length = values.shape
    scale = np.maximum(np.mean(np.abs(values), axis=1), np.finfo(float).tiny)
    y = values / scale[:, None]
    a, b = _trend_line(y)
    best = np.full(count, np.inf)
    alpha, start, weight = (np.zeros(count) for _ in range(3))
    errors = np.zeros((count, length))
    for one in _ALPHAS:
        seen, begun = _level_maps(length, one)
        rest = (1 - one) ** np.arange(length)
        target = y - y @ seen.T
        # The second theta line as seen from the month before; at t = 1 there is none.
        line = rest * a[:, :-1] + (1 - (1 - one) ** np.arange(1, length + 1)) / one * b[:, :-1]
        l0, w = _least_squares(target, begun, line)
        found = target - l0[:, None] * begun - w[:, None] * line
        score = np.einsum("ij,ij->i", found, found)
        better = score < best
        best = np.where(better, score, best)
        alpha, start, weight = (
            np.where(better, new, old) for new, old in ((one, alpha), (l0, start), (w, weight))
        )
        errors[better] = found[better]
    return Smoothed(_ahead(y, alpha, start, weight, horizon) * scale[:, None], errors * scale[:, None])


def _least_squares(target: Floats, begun: Floats, line: Floats) -> tuple[Floats, Floats]:
    """l_0 and w in [0, 1] that make the errors least."""
    bb = begun @ begun
    tb, lb = target @ begun, line @ begun
    ll, tl = np.einsum("ij,ij->i", line, line), np.einsum("ij,ij->i", target, line)
    spread = ll - lb * lb / bb
    told = spread > _NOTHING
    w = np.where(told, (tl - tb * lb / bb) / np.where(told, spread, 1.0), 0.5)
    w = np.clip(w, 0.0, 1.0)
    return (tb - w * lb) / bb, w


def _ahead(y: Floats, alpha: Floats, start: Floats, weight: Floats, horizon: int) -> Floats:
    """Forecasts: each is taken for the value when the next is made."""
    count, length = y.shape
    level, mean, a, b = start.copy(), np.zeros(count), np.zeros(count), np.zeros(count)
    out = np.empty((count, horizon))
    rest = 1 - alpha
    for t in range(1, length + horizon + 1):
        if t > length:
            forecast = level + weight * (rest ** (t - 1) * a + (1 - rest**t) / alpha * b)
            out[:, t - 1 - length] = forecast
        seen = y[:, t - 1] if t <= length else out[:, t - 1 - length]
        level = alpha * seen + rest * level
        a, b, mean = _line(t, seen, mean, b)
    return out

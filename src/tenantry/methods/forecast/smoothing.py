"""Exponential smoothing without seasons: ETS(A,N,N), (A,A,N) and (A,Ad,N), chosen by AICc.

With additive errors and fixed smoothing parameters both the one-step errors and the forecasts of a series are linear in
its values, the least-squares start included. So a point of the parameter grid is two matrices that serve every series
of one length, and fitting thousands of series is a few hundred products of small matrices. Formulas: Hyndman, Koehler,
Ord and Snyder, Forecasting with Exponential Smoothing (2008), tables 2.1 and 2.2, section 2.5; AICc: section 7.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

SHORTEST = 7
"""Months that a series must have: below, AICc has no room for a trend."""
_ALPHAS = (1e-4, 0.03, 0.06, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8,
           0.85, 0.9, 0.95, 0.9999)  # fmt: skip
_TREND_ALPHAS = (1e-4, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.9999)
_BETAS = (0.0, 0.05, 0.15, 0.3, 0.5, 0.75, 1.0)
"""As parts of alpha: beta is at most alpha."""
_PLAIN = 3
"""Parameters without a trend: alpha, the start, the variance of the errors."""
_DAMPING = (0.8, 0.86, 0.92, 0.98)


@dataclass(frozen=True)
class _Form:
    """A model form at one point of its grid, for series of one length: errors = residual @ y, forecasts = ahead @ y."""

    residual: Floats
    ahead: Floats


def _filter(length: int, horizon: int, alpha: float, beta: float, phi: float, *, trend: bool) -> _Form:
    """The linear maps of one parameter set, the start (level and slope) by least squares."""
    start = 2 if trend else 1
    # Each state is a row of coefficients over the start and the values seen so far.
    level = np.zeros(start + length)
    slope = np.zeros(start + length)
    level[0] = 1.0
    if trend:
        slope[1] = 1.0
    errors = np.empty((length, start + length))
    for t in range(length):
        forecast = level + phi * slope
        error = -forecast
        error[start + t] += 1.0
        errors[t] = error
        level = forecast + alpha * error
        slope = phi * slope + beta * error if trend else slope
    ahead = np.empty((horizon, start + length))
    for h in range(horizon):
        slope = phi * slope
        level = level + slope
        ahead[h] = level
    # e = A s + B y, least squares: s = -pinv(A) B y.
    solved = -np.linalg.pinv(errors[:, :start]) @ errors[:, start:]
    return _Form(
        errors[:, start:] + errors[:, :start] @ solved,
        ahead[:, start:] + ahead[:, :start] @ solved,
    )


def _grid() -> Iterator[tuple[int, tuple[tuple[float, float, float], ...]]]:
    """Each form: its number of parameters (the error's variance counts) and its points (alpha, beta, phi)."""
    yield _PLAIN, tuple((a, 0.0, 1.0) for a in _ALPHAS)
    yield 5, tuple((a, a * b, 1.0) for a in _TREND_ALPHAS for b in _BETAS)
    yield 6, tuple((a, a * b, phi) for a in _TREND_ALPHAS for b in _BETAS for phi in _DAMPING)


@cache
def _bank(length: int, horizon: int) -> tuple[tuple[int, tuple[_Form, ...]], ...]:
    return tuple(
        (count, tuple(_filter(length, horizon, *point, trend=count > _PLAIN) for point in points))
        for count, points in _grid()
    )


@dataclass(frozen=True)
class Smoothed:
    """Forecasts (series x horizon), one-step errors in sample (series x months)."""

    mean: Floats
    errors: Floats


def auto_ets(values: Floats, horizon: int) -> Smoothed:
    """The form with the least AICc for each series (rows of `values`, months in columns, at least `SHORTEST`)."""
    count, length = values.shape
    best = np.full(count, np.inf)
    mean = np.zeros((count, horizon))
    errors = np.zeros((count, length))
    scale = np.maximum(np.mean(np.abs(values), axis=1), np.finfo(float).tiny)
    scaled = values / scale[:, None]
    # Below this a fit is perfect up to rounding, and the simplest such form is the best.
    floor = length * 1e-24
    for parameters, forms in _bank(length, horizon):
        if length <= parameters + 1:
            break
        penalty = 2 * parameters + 2 * parameters * (parameters + 1) / (length - parameters - 1)
        for form in forms:
            found = scaled @ form.residual.T
            score = length * np.log(np.maximum(np.einsum("ij,ij->i", found, found), floor)) + penalty
            better = np.flatnonzero(score < best)
            if better.size:
                best[better] = score[better]
                mean[better] = scaled[better] @ form.ahead.T
                errors[better] = found[better]
    return Smoothed(mean * scale[:, None], errors * scale[:, None])

"""Intervals from past errors: conformal quantiles pooled over tenants, each on its own scale.

Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005), for the finite-sample quantile. Tenants are
exchangeable only while nothing moves them all at once: `shared_part` says how far that holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .smoothing import Floats, Integers

LEVELS = (0.80, 0.95)
_PULL = 2
"""A series' own mean change counts as one of so many more observations: the pool's typical change for its level."""
_LEAST = 1e-3
"""The least scale, as a part of the level: what never moved may move yet."""
_CHANGES = 12
_OUTLIER = 5
_NORMAL = 1.96 / 1.2816
"""How much wider 95 % is than 80 % of a normal error: the least that is believed of few errors."""
_LEAST_FACTOR = 1.2816 * math.sqrt(math.pi) / 2
"""80 % of a random walk with normal steps, on the scale of its mean absolute change."""
_DRIFT = 4 / 9
"""Growth of the variance with each month ahead where it cannot be seen: ETS(A,N,N) with alpha = 2/3."""


def scales(values: Floats, sizes: Floats, began: Integers) -> Floats:
    """The scale of each series (rows) for its errors: its mean absolute monthly change of late, pulled towards what is
    typical of all for its level (the mean of `sizes`), and never nothing where there is a level.

    Months (columns) before a series `began` do not count.
    """
    late = slice(max(0, values.shape[1] - _CHANGES - 1), None)
    month = np.arange(values.shape[1])[late]
    there = month >= began[:, None]
    both = there[:, :-1]
    changes = np.abs(np.diff(values[:, late], axis=1))
    seen = both.sum(axis=1)
    moved = np.where(both, changes, 0.0).sum(axis=1)
    level = np.where(there, sizes[:, late], 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    known = (level > 0) & (seen > 0)
    typical = float(np.median(moved[known] / seen[known] / level[known])) if known.any() else 0.0
    return np.maximum((moved + _PULL * typical * level) / (seen + _PULL), _LEAST * level)


def quantile(errors: Floats, level: float, moments: int = 0) -> float:
    """The quantile that holds a new error with probability `level`: the ceil(level (n + 1))-th smallest of n.

    `moments`: how many of the errors are independent, where fewer than all.
    """
    count = len(errors)
    part = level * (1 + 1 / (moments or count))
    return float(np.sort(errors)[min(count, math.ceil(part * count)) - 1])


def growth(horizon: int) -> Floats:
    """How much wider each month ahead is than the first, where it cannot be seen from errors."""
    return np.sqrt(1 + _DRIFT * np.arange(horizon))


def by_horizon(errors: Sequence[Floats], horizon: int) -> dict[float, Floats]:
    """By level, a factor of the scale for each month ahead; from the sizes of scaled errors, month by month.

    A longer way is never taken for the surer one; months ahead with too few errors follow the growth of those before.
    """
    ratio = growth(horizon)
    found: dict[float, Floats] = {}
    for level in LEVELS:
        factors = np.empty(horizon)
        for k in range(horizon):
            enough = k < len(errors) and len(errors[k]) >= math.ceil(1 / (1 - level)) - 1
            followed = factors[k - 1] * ratio[k] / ratio[k - 1] if k else _LEAST_FACTOR
            factors[k] = quantile(errors[k], level) if enough else followed
        found[level] = np.maximum.accumulate(factors)
    return _wide_enough(found)


def across_horizons(errors: Sequence[Floats], ratio: Floats, moments: int = 0) -> dict[float, Floats]:
    """The same where errors are few: those of all months ahead together, each divided by its month's `ratio`."""
    pooled = np.concatenate([e / ratio[k] for k, e in enumerate(errors)])
    return _wide_enough({level: quantile(pooled, level, moments) * ratio for level in LEVELS})


def _wide_enough(found: dict[float, Floats]) -> dict[float, Floats]:
    narrow, wide = LEVELS
    least = np.maximum(found[narrow], _LEAST_FACTOR)
    return {narrow: least, wide: np.maximum(found[wide], _NORMAL * least)}


def shared_part(values: Floats, scale: Floats) -> float:
    """The part (0 to 1) of the monthly changes that all series (rows) make together, beyond what chance lets
    agree. Needs 2 series.
    """
    count = len(values)
    changes = np.clip(np.diff(values[:, -_CHANGES - 1 :], axis=1) / scale[:, None], -_OUTLIER, _OUTLIER)
    whole = float(np.mean(changes**2))
    if not whole:
        return 0.0
    together = float(np.mean(changes.mean(axis=0) ** 2)) / whole
    return max(0.0, (together - 1 / count) / (1 - 1 / count))

"""What all series of a kind have in common, so that what all do is not told of each."""

from __future__ import annotations

import numpy as np

from .movement import Floats

FEWEST = 5
"""Series that it takes to say what they have in common."""
_ROUNDS = 4


def in_common(series: Floats) -> Floats | None:
    """What the rows do together at each point; null for gaps; None for fewer than 5 rows.

    Column effects of a median polish (Tukey 1977), so that a few rows that do otherwise, however far, do not matter.
    """
    complete = series[np.isfinite(series).sum(axis=1) >= series.shape[1] // 2]
    if len(complete) < FEWEST or not np.isfinite(complete).any(axis=0).all():
        return None
    rest, effect = complete.copy(), np.zeros(series.shape[1])
    for _ in range(_ROUNDS):
        rest -= np.nanmedian(rest, axis=1, keepdims=True)
        column = np.nanmedian(rest, axis=0)
        rest -= column
        effect += column
    return effect - np.median(effect)

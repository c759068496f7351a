"""Minimum-trace reconciliation: forecasts of totals and of their parts, brought to agree."""

from __future__ import annotations

import numpy as np

from .smoothing import Floats


def reconcile(parts: Floats, sums: Floats, variances: Floats, members: Floats) -> Floats:
    """The parts' forecasts (parts x horizon), moved so that with the sums' forecasts (sums x horizon) they agree best.

    `members` (sums x parts) is 1 where a part belongs to a sum; `variances` are those of the errors, of the parts and
    then of the sums: MinT with a diagonal W (WLS, variance scaling), Wickramasuriya, Athanasopoulos and Hyndman,
    Journal of the American Statistical Association 114 (2019). Sums of the result are the reconciled sums. Forecasts
    that were not negative do not become so: they stop at zero.
    """
    scale = float(np.mean(np.abs(parts))) or 1.0
    # A forecast that was never wrong still gives way a little, else nothing could be solved.
    w = variances / scale**2 + 1e-12
    ours, theirs = w[: len(parts)], w[len(parts) :]
    # Projection onto agreement: y - W C' (C W C')^-1 C y, with C = (-members, 1).
    disagreement = sums - members @ parts
    spread = (members * ours) @ members.T + np.diag(theirs)
    moved = parts + ours[:, None] * (members.T @ np.linalg.solve(spread, disagreement))
    return np.where(parts >= 0, np.maximum(moved, 0.0), moved)

"""What tenants keep: megabytes in the database and in object storage, day by day."""

from __future__ import annotations

from datetime import date

import numpy as np

from .dice import Dice, Ints
from .plan import Plan

_MB_PER_USER = {"database": 1300.0, "objects": 22_000.0}


def stored_mb(plan: Plan, month: date, days: int, kind: str) -> Ints:
    """[tenant, day]: what a tenant keeps on average over the day. Grows as long as it stays, then is deleted."""
    dice = Dice(plan.seed, "stored", kind)
    base = plan.users * dice.lognormal(plan.size, 0.7) * _MB_PER_USER[kind]
    first = plan.day(month)
    whole = plan.level.shape[1]
    age = 0.7 + 0.6 * np.arange(first, first + days) / whole
    here = plan.level[:, first : first + days] > 0
    return np.where(here, np.floor(base[:, None] * age), 0).astype(np.int64)

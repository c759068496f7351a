"""Corrections as entries of two sides: booked on one day, taken out of another."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import Dataset, Day, Dimension, Key, Money
from .closed import ClosedCost, ClosedDays, is_closed
from .corrections import KEPT, Corrections
from .feature_cost import FeatureCost
from .shares import each_basis

_ROW = "tenant_id, feature_id, service_name, pool, rung, reason, currency"
_COSTS = each_basis("#")

ENTRY = f"""
    entry AS (
        SELECT charge_day, 'booked' AS side, corrects AS other_day, {_ROW}, {_COSTS}
        FROM feature_cost WHERE charge_day >= $start AND charge_day < $end AND corrects < charge_day
        UNION ALL
        SELECT corrects, 'corrected', charge_day, {_ROW}, {each_basis("-#")}
        FROM corrections WHERE corrects >= $start AND corrects < $end AND corrects < charge_day
        UNION ALL
        SELECT incurred_day, 'corrected', charge_day, {_ROW}, {each_basis("-#")}
        FROM closed_cost WHERE {KEPT} AND incurred_day < charge_day AND {is_closed("closed_cost")}
    )"""
ENTERED = (FeatureCost, Corrections, ClosedCost, ClosedDays)
"""The CTE `entry`: both sides of each correction, of the days asked for; and what it reads."""


class CorrectionEntries(Dataset):
    """Each correction that was booked, twice: where it counts, and reversed on the closed day that it corrects.

    The day corrected keeps its published cost: so `feature_cost` = `allocation` + `overhead` + these entries, for each
    tenant and day. `side` is `booked` or `corrected`, `other_day` the day of the other side, `month` the first of that
    day's month. `gained` is the effective cost of rows where it is above 0. A view.
    """

    partition: ClassVar[str] = "charge_day"
    keys: ClassVar[tuple[str, ...]] = ("charge_day", "other_day", *_ROW.split(", "))
    reads: ClassVar[tuple[type[Dataset], ...]] = ENTERED
    stored: ClassVar[bool] = False
    query: ClassVar[str | None] = f"""
    WITH {ENTRY}
    SELECT charge_day, side, other_day, CAST(date_trunc('month', other_day) AS DATE) AS month, {_ROW}, {_COSTS},
        CASE WHEN effective_cost > 0 THEN effective_cost ELSE CAST(0 AS DECIMAL(38, 18)) END AS gained
    FROM entry
    """

    charge_day: Day
    side: Dimension
    other_day: Day
    month: Day
    tenant_id: Key
    feature_id: Key
    service_name: Key
    pool: Key
    rung: Dimension
    reason: Dimension
    currency: Key
    billed_cost: Money
    effective_cost: Money
    list_cost: Money
    contracted_cost: Money
    gained: Money

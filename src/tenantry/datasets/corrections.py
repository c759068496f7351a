"""What data and policy say of closed months today, less what was published of them: booked later, as FOCUS does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..kernel.dataset import Dataset, Day, Dimension, Key, Money
from .allocation import Allocation
from .closed import ClosedCost, ClosedDays, is_closed
from .overhead import Overhead
from .shares import each_basis

RESTATED = "restated after the month was closed"
"""The reason of what a bill says more, or less, of a closed month than it did when that was closed."""

_ROW = "tenant_id, feature_id, service_name, pool, rung, reason, currency"
_LINE = f"billing_period, {_ROW}"
_WITHOUT_FEATURE = _LINE.replace("feature_id", "'' AS feature_id")
_SUMS = each_basis("CAST(sum(#) AS DECIMAL(38, 18)) AS #")
_ANY = each_basis("sum(#) <> 0", " OR ")
KEPT = """incurred_day >= $start AND incurred_day < $end
            AND charge_day >= $start AND (charge_day < $end OR extract(day FROM charge_day) = 1)"""
"""Days of incurrence; corrections were booked on the first day of a month, so few files are read."""


class Corrections(Dataset):
    """What is to be added to the published cost of closed days, so that all of it is what it ought to be.

    `corrects` is the closed day, `charge_day` where the row counts. A bill restated after closing must change the sums
    of the closed day itself: that is a row of `(unallocated)` there. All else, and who is to bear what was restated, is
    booked on the first day after the closed months; per corrected day, service and currency these rows sum to 0.
    Source: FOCUS, correction handling: the period charged is the corrected one, the billing period is open.
    """

    partition: ClassVar[str] = "corrects"
    windowed_by: ClassVar[str] = "charge_day"
    keys: ClassVar[tuple[str, ...]] = ("charge_day", "corrects", *_LINE.split(", "))
    reads: ClassVar[tuple[type[Dataset], ...]] = (ClosedDays, ClosedCost, Allocation, Overhead)
    follows: ClassVar[Mapping[str, tuple[str, str]]] = {
        # Where rows are booked depends on the newest closed day.
        "closed_days": ("day", "SELECT day FROM changed UNION SELECT corrects AS day FROM corrections")
    }
    query: ClassVar[str | None] = f"""
    WITH due AS (
        SELECT charge_day AS corrects, {_LINE}, {each_basis("#")} FROM allocation
        WHERE charge_day >= $start AND charge_day < $end AND tenant_id <> '(shared)'
        UNION ALL
        SELECT charge_day, {_WITHOUT_FEATURE}, {each_basis("#")} FROM overhead
        WHERE charge_day >= $start AND charge_day < $end
        UNION ALL
        SELECT incurred_day, {_LINE}, {each_basis("-# AS #")} FROM closed_cost
        WHERE {KEPT} AND {is_closed("closed_cost")}
    ),
    differing AS (
        SELECT corrects, {_LINE}, {_SUMS} FROM due JOIN closed_days AS c ON c.day = due.corrects
        GROUP BY corrects, {_LINE} HAVING {_ANY}
    ),
    restated AS (
        SELECT corrects, billing_period, '(unallocated)' AS tenant_id, '' AS feature_id, service_name,
            service_name AS pool, 'unallocated' AS rung, '{RESTATED}' AS reason, currency, {_SUMS}
        FROM differing GROUP BY corrects, billing_period, service_name, currency HAVING {_ANY}
    ),
    booked AS (
        SELECT corrects, {_ROW}, {_SUMS} FROM (
            SELECT corrects, {_ROW}, {each_basis("#")} FROM differing
            UNION ALL
            SELECT corrects, {_ROW}, {each_basis("-# AS #")} FROM restated
        ) AS d
        GROUP BY corrects, {_ROW} HAVING {_ANY}
    )
    SELECT corrects, corrects AS charge_day, {_LINE}, {each_basis("#")} FROM restated
    UNION ALL
    SELECT b.corrects, o.day AS charge_day, o.day AS billing_period, {_ROW}, {each_basis("#")}
    FROM booked AS b
    CROSS JOIN (SELECT CAST(max(day) + INTERVAL '1' DAY AS DATE) AS day FROM closed_days) AS o
    """

    corrects: Day
    charge_day: Day
    billing_period: Day
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

"""Cost per tenant and feature: the books; and the same with shared cost spread over features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..kernel.dataset import Dataset, Day, Dimension, Key, Money, OptionalDay, Units
from .allocation import Allocation
from .closed import ClosedCost, ClosedDays, is_closed
from .corrections import Corrections
from .overhead import Overhead
from .shares import BASES, each_basis, parts_of

_LINE_OF_DAY = "charge_day, billing_period, tenant_id, feature_id, service_name, pool, rung, reason, currency"
_NO_FEATURE = _LINE_OF_DAY.replace("feature_id", "'' AS feature_id")
_COSTS = each_basis("#")
_ASKED = "charge_day >= $start AND charge_day < $end"


class FeatureCost(Dataset):
    """Every unit of the bill at its tenant and feature, per day, service and pool, on all four cost bases.

    Summed over features, it is `tenant_cost` row for row, to the last unit. `feature_id` is empty for money that no
    metered use of a feature carries: silo, coarse and fallback shares, overhead, and usage that names no feature.
    `units` is what the driver counted, 10^-9 of its pool's weighted unit: comparable within a pool, not between pools;
    0 in corrections. Rungs, reasons and corrections are those of `tenant_cost`.
    """

    keys: ClassVar[tuple[str, ...]] = (*_LINE_OF_DAY.split(", "), "corrects")
    sort: ClassVar[tuple[str, ...]] = ("tenant_id",)
    reads: ClassVar[tuple[type[Dataset], ...]] = (Allocation, Corrections, ClosedDays, ClosedCost, Overhead)
    spines: ClassVar[int] = 3
    follows: ClassVar[Mapping[str, tuple[str, str]]] = {"closed_days": ("day", "SELECT day FROM changed")}
    without: ClassVar[str] = "(shared)"
    conserves: ClassVar = (BASES, "charges")
    query: ClassVar[str | None] = f"""
        SELECT {_LINE_OF_DAY}, CAST(NULL AS DATE) AS corrects, CAST(sum(wide(units)) AS DECIMAL(38, 0)) AS units,
            {each_basis("CAST(sum(#) AS DECIMAL(38, 18)) AS #")}
        FROM (
            SELECT {_LINE_OF_DAY}, units, {_COSTS} FROM allocation
            WHERE {_ASKED} AND tenant_id <> '(shared)' AND NOT {is_closed("allocation")}
            UNION ALL
            SELECT {_NO_FEATURE}, CAST(0 AS DECIMAL(38, 0)) AS units, {_COSTS}
            FROM overhead WHERE {_ASKED} AND NOT {is_closed("overhead")}
        ) AS a
        GROUP BY {_LINE_OF_DAY}
        UNION ALL
        SELECT {_LINE_OF_DAY}, CASE WHEN incurred_day <> charge_day THEN incurred_day END AS corrects, units, {_COSTS}
        FROM closed_cost WHERE {_ASKED} AND {is_closed("closed_cost")}
        UNION ALL
        SELECT {_LINE_OF_DAY}, corrects, CAST(0 AS DECIMAL(38, 0)) AS units, {_COSTS}
        FROM corrections WHERE {_ASKED}
    """

    charge_day: Day
    billing_period: Day
    tenant_id: Key
    feature_id: Key
    service_name: Key
    pool: Key
    rung: Dimension
    reason: Dimension
    currency: Key
    corrects: OptionalDay
    units: Units
    billed_cost: Money
    effective_cost: Money
    list_cost: Money
    contracted_cost: Money


_LINE = "month, billing_period, tenant_id, service_name, currency"
_OWNER = "month, tenant_id, currency"


class FeatureCostFull(Dataset):
    """Fully loaded cost of features by month: each tenant's cost without a feature spread over the features it uses.

    A line of such cost (billing period, service, tenant, currency) goes to the tenant's features in proportion to
    their own effective cost of the month; features in credit weigh nothing. Shares are truncated to 10^-18 and what
    is left goes to the largest (ties by name), so every tenant's cost is that of `feature_cost` to the last unit. A
    tenant without any feature cost keeps its line under the empty feature. `month` is its first day. A view.
    """

    partition: ClassVar[str] = "month"
    keys: ClassVar[tuple[str, ...]] = tuple(f"{_LINE}, feature_id".split(", "))
    reads: ClassVar[tuple[type[Dataset], ...]] = (FeatureCost,)
    conserves: ClassVar = (BASES, "feature_cost")
    stored: ClassVar[bool] = False

    query: ClassVar[str | None] = f"""
    WITH line AS (
        SELECT {_LINE}, feature_id, {each_basis("money_units(sum(#)) AS c@")}
        FROM (
            SELECT *, CAST(date_trunc('month', charge_day) AS DATE) AS month
            FROM feature_cost WHERE charge_day >= $month_start AND charge_day < $month_end
        ) AS f
        GROUP BY {_LINE}, feature_id
    ),
    own AS (
        SELECT {_OWNER}, feature_id, units, sum(units) OVER (PARTITION BY {_OWNER}) AS whole
        FROM (
            SELECT {_OWNER}, feature_id, sum(c1) AS units FROM line WHERE feature_id <> ''
            GROUP BY {_OWNER}, feature_id
        ) AS o WHERE units > 0
    ),
    scaled AS (
        SELECT {_OWNER}, feature_id,
            CASE WHEN digits(whole) > 18 THEN idiv(units, pow10(digits(whole) - 18)) ELSE units END AS weight
        FROM own
    ),
    weighed AS (
        SELECT *, sum(weight) OVER (PARTITION BY {_OWNER}) AS total,
            row_number() OVER (
                PARTITION BY {_OWNER} ORDER BY weight DESC NULLS LAST, feature_id NULLS FIRST) AS place
        FROM scaled WHERE weight > 0
    ),
    cut AS (
        SELECT l.month, l.billing_period, l.tenant_id, l.service_name, l.currency, w.feature_id, w.place,
            {each_basis("l.c@")}, {parts_of("weight", "s")}
        FROM line AS l JOIN weighed AS w
            ON w.month = l.month AND w.tenant_id = l.tenant_id AND w.currency = l.currency
        WHERE l.feature_id = ''
    ),
    given AS (
        SELECT {_LINE}, feature_id, {each_basis("c@")} FROM line
        WHERE feature_id <> '' OR NOT EXISTS (
            SELECT 1 FROM weighed AS w
            WHERE w.month = line.month AND w.tenant_id = line.tenant_id AND w.currency = line.currency)
        UNION ALL
        SELECT {_LINE}, feature_id, {
        each_basis(
            f"s@ + CASE WHEN place = 1 THEN c@ - sum(s@) OVER (PARTITION BY {_LINE}) ELSE wide(0) END AS c@"
        )
    }
        FROM cut
    )
    SELECT {_LINE}, feature_id, {each_basis("units_money(sum(c@)) AS #")}
    FROM given GROUP BY {_LINE}, feature_id
    """

    month: Day
    billing_period: Day
    tenant_id: Key
    feature_id: Key
    service_name: Key
    currency: Key
    billed_cost: Money
    effective_cost: Money
    list_cost: Money
    contracted_cost: Money

"""Shared money given out by drivers: the exact integer kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..kernel.dataset import Dataset, Day, Dimension, Key, Money, Units
from ..methods.policy import Policy
from .allocation_plan import ACTIVE, CALLS, USERS, plan_tables
from .allocation_shares import BY_RATES, BY_SHARES, RATES
from .names import known, lookup
from .pool_cost import PoolCost
from .pool_routes import PoolRoutes
from .pool_usage import DRIVEN, beside, metered
from .shares import BASES, each_basis, parts_of
from .tenants import TenantNames, Tenants
from .usage import ActiveUsers, MeterHours, UsageHourly


class Allocation(Dataset):
    """Money of the bill at tenant and feature, for every charge that a silo or a driver explains.

    What no driver explains, and what by policy follows other cost, stands under tenant `(shared)` with its `span` and
    is given out by `overhead`. `units` is the driver's amount (10^-9 of weighted units) that the share rests on.
    Each cost column sums to `pool_cost` exactly: shares are truncated to 10^-18 and what is left of a cell goes to
    its largest share (ties by tenant, then feature).
    """

    keys: ClassVar[tuple[str, ...]] = (
        "charge_day", "billing_period", "currency", "pool", "driver_pool", "service_name", "sub_account_id",
        "tenant_id", "feature_id", "rung", "reason", "span",
    )  # fmt: skip
    reads: ClassVar[tuple[type[Dataset], ...]] = (
        PoolCost, UsageHourly, MeterHours, ActiveUsers, Tenants, TenantNames, PoolRoutes,
    )  # fmt: skip
    conserves: ClassVar = (BASES, "pool_cost")
    configured: ClassVar[bool] = True
    touches: ClassVar[str | None] = """
        SELECT DISTINCT p.charge_day AS day FROM pool_cost AS p
        JOIN changed AS c ON date_trunc('month', p.charge_day) = date_trunc('month', c.day)
        WHERE p.span = 'month'
        UNION
        SELECT DISTINCT p.charge_day FROM pool_cost AS p
        JOIN changed AS c ON p.charge_day > c.day AND p.charge_day <= c.day + INTERVAL '62' DAY
        JOIN allocation AS a ON a.charge_day = p.charge_day
        WHERE (a.reason LIKE 'ratio of%' OR a.tenant_id = '(shared)')
            AND a.charge_day > $start AND a.charge_day < $end + INTERVAL '62' DAY
    """

    charge_day: Day
    billing_period: Day
    currency: Key
    pool: Key
    driver_pool: Key
    service_name: Key
    sub_account_id: Key
    tenant_id: Key
    feature_id: Key
    rung: Dimension
    reason: Dimension
    span: Dimension
    units: Units
    billed_cost: Money
    effective_cost: Money
    list_cost: Money
    contracted_cost: Money

    @classmethod
    def statement(cls, settings: Mapping[str, Any]) -> str:
        return allocation_sql(settings["policy"])

    @classmethod
    def rates(cls, settings: Mapping[str, Any]) -> tuple[type[Dataset], str] | None:
        policy: Policy = settings["policy"]
        # Their pools are shared by more than what was used.
        if any(rule.capacity or rule.combine == "max" for rule in policy.rules):
            return None
        return UsageHourly, f"{_rated(policy)} {BY_RATES}"


def allocation_sql(policy: Policy) -> str:
    """The statement that builds `allocation` for a policy."""
    return f"{_rated(policy)}, {BY_SHARES}"


def _rated(policy: Policy) -> str:
    """CTEs that end in what a unit of usage costs in each cell of money."""
    return f"""
    WITH {plan_tables(policy)},
    {_DUE},
    {DRIVEN},
    {beside(policy)},
    {_WANT},
    {metered(policy, "month_hour", _MONTHS, "pool IN (SELECT pool FROM month_pool)")},
    {_NEAR},
    {_EVEN},
    {metered(policy, "past_hour", _BEFORE, "pool IN (SELECT driver_pool FROM late)")},
    {_PAST},
    {RATES}"""


_MONTHS = "? >= $month_start AND ? < $month_end"
_BEFORE = "? >= $month_start - INTERVAL '31' DAY AND ? < $end"
_SAME_ROUTE = """route.charge_day = due.charge_day AND route.currency = due.currency AND route.pool = due.pool
                AND route.whole_month = CASE WHEN due.span = 'month' THEN 1 ELSE 0 END"""

_PARTS_IN_FULL = each_basis("""p@ + CASE WHEN place = 1 THEN c@ - sum(p@) OVER (
                PARTITION BY charge_day, billing_period, currency, pool, service_name, sub_account_id, span, span_start)
                ELSE 0 END""")

# Shared money, as integers of 10^-18, cut along the routes from pool to pool.
_DUE = f"""
    due AS (
        SELECT p.charge_day, p.billing_period, p.currency, p.pool, p.service_name, p.sub_account_id,
            p.span, p.span_start, {each_basis("money_units(sum(p.#)) AS c@")}
        FROM pool_cost AS p
        WHERE p.charge_day >= $start AND p.charge_day < $end AND p.tenant_id = ''
        GROUP BY p.charge_day, p.billing_period, p.currency, p.pool, p.service_name, p.sub_account_id,
            p.span, p.span_start
    ),
    route AS (
        SELECT charge_day, currency, pool, whole_month, driver_pool, wide(weight) AS weight,
            sum(wide(weight)) OVER (PARTITION BY charge_day, currency, pool, whole_month) AS total,
            row_number() OVER (PARTITION BY charge_day, currency, pool, whole_month
                ORDER BY weight DESC NULLS LAST, driver_pool NULLS FIRST) AS place
        FROM pool_routes WHERE charge_day >= $start AND charge_day < $end
    ),
    routed AS (
        SELECT due.*, route.driver_pool, route.place,
            {parts_of("route.weight", "p")}
        FROM due JOIN route ON {_SAME_ROUTE}
    ),
    line AS (
        SELECT charge_day, billing_period, currency, pool, pool AS driver_pool, service_name, sub_account_id,
            span, span_start, {each_basis("c@")}
        FROM due WHERE NOT EXISTS (SELECT 1 FROM route WHERE {_SAME_ROUTE})
        UNION ALL
        SELECT charge_day, billing_period, currency, pool, driver_pool, service_name, sub_account_id,
            span, span_start,
            {_PARTS_IN_FULL}
        FROM routed
    )"""


# The pools and spans of time that have money to share.
_WANT = f"""
    want AS (
        SELECT l.driver_pool, l.span, l.span_start, CAST(l.span_start AS DATE) AS day,
            coalesce(plan.strategy, 'driver') AS strategy, coalesce(plan.coarse, '{CALLS}') AS coarse,
            coalesce(plan.last_good, 0) AS last_good
        FROM (SELECT DISTINCT driver_pool, span, span_start FROM line) AS l
        LEFT JOIN plan ON plan.pool = l.driver_pool
    ),
    want_month AS (SELECT DISTINCT driver_pool, day FROM want WHERE span = 'month'),
    month_pool AS (
        SELECT driver_pool AS pool, day FROM want_month
        UNION SELECT coarse, day FROM want WHERE span = 'month' AND coarse <> ''
    )"""

_USER_DAYS = """SELECT DISTINCT tenant_id AS name, day FROM active_users
        WHERE day >= $month_start AND day < $month_end"""

# For each pool and span of time: which weights share it. The first rung of the ladder that has any wins.
_STOOD_IN = f"CASE WHEN w.coarse = '{CALLS}' THEN 'all usage' ELSE 'stand-in usage' END"
_NEAR = f"""
    {lookup("user_named", _USER_DAYS, ("id", "alias"))},
    seen AS (
        SELECT a.day, {known("n.tenant_id", "a.tenant_id")} AS tenant_id,
            sum(nano_units(a.users)) AS units
        FROM active_users AS a
        LEFT JOIN user_named AS n ON n.name = a.tenant_id AND n.day = a.day
        WHERE a.day >= $month_start AND a.day < $month_end AND a.users > 0
        GROUP BY a.day, {known("n.tenant_id", "a.tenant_id")}
    ),
    month_used AS (
        SELECT u.pool, m.day, u.tenant_id, u.feature_id, sum(u.units) AS units
        FROM month_hour AS u
        JOIN month_pool AS m ON m.pool = u.pool AND m.day = CAST(date_trunc('month', u.day) AS DATE)
        GROUP BY u.pool, m.day, u.tenant_id, u.feature_id
    ),
    hour_total AS (
        SELECT pool, hour, min(day) AS day, sum(units) AS total FROM (
            SELECT pool, hour, day, units FROM driven UNION ALL SELECT pool, hour, day, units FROM beside) AS u
        GROUP BY pool, hour
    ),
    day_total AS (
        SELECT pool, day, sum(total) AS total FROM hour_total GROUP BY pool, day
    ),
    month_total AS (
        SELECT pool, day, sum(units) AS total FROM month_used GROUP BY pool, day
    ),
    user_total AS (
        SELECT 'day' AS span, day, sum(units) AS total FROM seen GROUP BY day
        UNION ALL
        SELECT 'month', CAST(date_trunc('month', day) AS DATE), sum(units) FROM seen
        GROUP BY CAST(date_trunc('month', day) AS DATE)
    ),
    near AS (
        SELECT w.driver_pool, w.span, w.span_start, 1 AS grade, 'hour' AS kind, w.driver_pool AS weight_pool,
            w.span_start AS weight_start, t.total, 'fine' AS rung, 'usage by hour' AS reason
        FROM want AS w JOIN hour_total AS t ON t.pool = w.driver_pool AND t.hour = w.span_start
        WHERE w.span = 'hour' AND w.strategy = 'driver'
        UNION ALL
        SELECT w.driver_pool, w.span, w.span_start, 2, 'day', w.driver_pool,
            CAST(w.day AS TIMESTAMP), t.total, 'fine', 'usage by day'
        FROM want AS w JOIN day_total AS t ON t.pool = w.driver_pool AND t.day = w.day
        WHERE w.span <> 'month' AND w.strategy = 'driver'
        UNION ALL
        SELECT w.driver_pool, w.span, w.span_start, 2, 'month', w.driver_pool,
            w.span_start, t.total, 'fine', 'usage by month'
        FROM want AS w JOIN month_total AS t ON t.pool = w.driver_pool AND t.day = w.day
        WHERE w.span = 'month' AND w.strategy = 'driver'
        UNION ALL
        SELECT w.driver_pool, w.span, w.span_start, 3, 'day', w.coarse,
            CAST(w.day AS TIMESTAMP), t.total, 'coarse', {_STOOD_IN} || ' by day'
        FROM want AS w JOIN day_total AS t ON t.pool = w.coarse AND t.day = w.day
        WHERE w.span <> 'month' AND w.strategy = 'driver'
        UNION ALL
        SELECT w.driver_pool, w.span, w.span_start, 3, 'month', w.coarse,
            w.span_start, t.total, 'coarse', {_STOOD_IN} || ' by month'
        FROM want AS w JOIN month_total AS t ON t.pool = w.coarse AND t.day = w.day
        WHERE w.span = 'month' AND w.strategy = 'driver'
        UNION ALL
        SELECT w.driver_pool, w.span, w.span_start, 4, CASE WHEN w.span = 'month' THEN 'month' ELSE 'day' END,
            '{USERS}', CAST(w.day AS TIMESTAMP), t.total, 'coarse', 'active users'
        FROM want AS w JOIN user_total AS t
            ON t.day = w.day AND t.span = CASE WHEN w.span = 'month' THEN 'month' ELSE 'day' END
        WHERE w.strategy = 'driver' AND w.coarse <> ''
        UNION ALL
        SELECT w.driver_pool, w.span, w.span_start, 1, 'fixed', w.driver_pool,
            w.span_start, sum(wide(f.weight)), 'coarse', 'fixed shares'
        FROM want AS w JOIN fixed AS f ON f.pool = w.driver_pool
        WHERE w.strategy = 'fixed' GROUP BY w.driver_pool, w.span, w.span_start
    )"""

# Who is active, in days, for pools shared evenly; and which pools miss their usage.
_EVEN = """
    even_span AS (SELECT DISTINCT span, span_start, day FROM want WHERE strategy = 'even'),
    even_weight AS (
        SELECT * FROM (
            SELECT s.span, s.span_start, t.tenant_id, wide(greatest(0, date_diff('day',
                greatest(s.day, coalesce(t.started_on, s.day)),
                least(CASE WHEN s.span = 'month' THEN CAST(s.day + INTERVAL '1' MONTH AS DATE)
                        ELSE CAST(s.day + INTERVAL '1' DAY AS DATE) END,
                    coalesce(t.ended_on, DATE '9999-01-01'))))) AS units
            FROM even_span AS s CROSS JOIN tenants AS t
        ) AS e WHERE units > 0
    ),
    even_total AS (SELECT span, span_start, sum(units) AS total FROM even_weight GROUP BY span, span_start),
    late AS (
        SELECT w.* FROM want AS w
        WHERE w.strategy = 'driver' AND w.last_good > 0 AND NOT EXISTS (
            SELECT 1 FROM near AS n
            WHERE n.driver_pool = w.driver_pool AND n.span = w.span AND n.span_start = w.span_start)
    )"""

# The newest earlier day with usage, for pools that miss theirs.
_PAST = f"""
    past_used AS (
        SELECT pool, day, tenant_id, feature_id, sum(units) AS units FROM past_hour
        GROUP BY pool, day, tenant_id, feature_id
    ),
    past_total AS (SELECT pool, day, sum(units) AS total FROM past_used GROUP BY pool, day),
    past_day AS (
        SELECT l.driver_pool, l.span, l.span_start, max(t.day) AS day
        FROM late AS l JOIN past_total AS t
            ON t.pool = l.driver_pool AND t.day < l.day AND date_diff('day', t.day, l.day) <= l.last_good
        GROUP BY l.driver_pool, l.span, l.span_start
    ),
    scope AS (
        SELECT driver_pool, span, span_start, kind, weight_pool, weight_start, total, rung, reason FROM (
            SELECT *, min(grade) OVER (PARTITION BY driver_pool, span, span_start) AS best FROM near
        ) AS n WHERE grade = best
        UNION ALL
        SELECT p.driver_pool, p.span, p.span_start, 'past', p.driver_pool,
            CAST(p.day AS TIMESTAMP), t.total, 'fallback', 'ratio of ' || CAST(p.day AS VARCHAR)
        FROM past_day AS p JOIN past_total AS t ON t.pool = p.driver_pool AND t.day = p.day
        UNION ALL
        SELECT w.driver_pool, w.span, w.span_start, 'even ' || w.span, '{ACTIVE}',
            w.span_start, t.total, 'coarse', 'even over active tenants'
        FROM want AS w JOIN even_total AS t ON t.span = w.span AND t.span_start = w.span_start
        WHERE w.strategy = 'even'
    )"""

"""Cost that follows other cost: tax, support, and what no driver explains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..kernel.dataset import Dataset, Day, Dimension, Key, Money
from ..methods.policy import Policy
from .allocation import Allocation
from .allocation_plan import plan_tables
from .shares import each_basis, places, priced, rates
from .tenants import Tenants


class Borne(Dataset):
    """What each tenant bears of a day by name, before overhead follows it: `allocation` without features and bases.

    A table of its own, so that a changed day does not have its whole month read at the grain of features again.
    """

    keys: ClassVar[tuple[str, ...]] = (
        "charge_day", "currency", "pool", "service_name", "sub_account_id", "tenant_id",
    )  # fmt: skip
    reads: ClassVar[tuple[type[Dataset], ...]] = (Allocation,)
    query: ClassVar[str | None] = """
        SELECT charge_day, currency, pool, service_name, sub_account_id, tenant_id,
            CAST(sum(effective_cost) AS DECIMAL(38, 18)) AS effective_cost
        FROM allocation
        WHERE charge_day >= $start AND charge_day < $end
            AND tenant_id NOT IN ('(shared)', '(unallocated)', '(idle)')
        GROUP BY charge_day, currency, pool, service_name, sub_account_id, tenant_id
    """

    charge_day: Day
    currency: Key
    pool: Key
    service_name: Key
    sub_account_id: Key
    tenant_id: Key
    effective_cost: Money


class SharedCost(Dataset):
    """The `(shared)` money of a day, line by line, before overhead gives it out: of what `allocation` has, the little
    that a changed day has read again of its whole month.
    """

    keys: ClassVar[tuple[str, ...]] = (
        "charge_day", "billing_period", "currency", "pool", "driver_pool", "service_name", "sub_account_id", "span",
    )  # fmt: skip
    reads: ClassVar[tuple[type[Dataset], ...]] = (Allocation,)
    query: ClassVar[str | None] = f"""
        SELECT charge_day, billing_period, currency, pool, driver_pool, service_name, sub_account_id, span,
            {each_basis("CAST(sum(#) AS DECIMAL(38, 18)) AS #")}
        FROM allocation WHERE charge_day >= $start AND charge_day < $end AND tenant_id = '(shared)'
        GROUP BY charge_day, billing_period, currency, pool, driver_pool, service_name, sub_account_id, span
    """

    charge_day: Day
    billing_period: Day
    currency: Key
    pool: Key
    driver_pool: Key
    service_name: Key
    sub_account_id: Key
    span: Dimension
    billed_cost: Money
    effective_cost: Money
    list_cost: Money
    contracted_cost: Money


class Overhead(Dataset):
    """The `(shared)` money of `allocation`, given out in proportion to what tenants already bear.

    A `proportional` pool follows its basis: the same account and service in the month, named pools, or all. A pool
    whose driver was silent follows all cost of its day (of its month, for monthly charges), else goes evenly to the
    active tenants, else stays `(unallocated)` with the reason. Each cost column sums to the `(shared)` rows exactly.
    """

    keys: ClassVar[tuple[str, ...]] = (
        "charge_day", "billing_period", "currency", "pool", "driver_pool", "service_name", "sub_account_id",
        "tenant_id", "rung", "reason", "span",
    )  # fmt: skip
    reads: ClassVar[tuple[type[Dataset], ...]] = (SharedCost, Borne, Tenants)
    configured: ClassVar[bool] = True
    whole_months: ClassVar[bool] = True

    charge_day: Day
    billing_period: Day
    currency: Key
    pool: Key
    driver_pool: Key
    service_name: Key
    sub_account_id: Key
    tenant_id: Key
    rung: Dimension
    reason: Dimension
    span: Dimension
    billed_cost: Money
    effective_cost: Money
    list_cost: Money
    contracted_cost: Money

    @classmethod
    def statement(cls, settings: Mapping[str, Any]) -> str:
        return overhead_sql(settings["policy"])


def overhead_sql(policy: Policy) -> str:
    """The statement that builds `overhead` for a policy."""
    return f"""
    WITH {plan_tables(policy)},
    {_LINES},
    {_WANTED},
    {_WEIGHTS},
    {_SHARES}
    {_RESULT}
    """


_LINES = f"""
    shared AS (
        SELECT a.charge_day, a.billing_period, a.currency, a.pool, a.driver_pool, a.service_name, a.sub_account_id,
            a.span, CAST(date_trunc('month', a.charge_day) AS DATE) AS month,
            coalesce(plan.strategy, 'driver') AS strategy,
            CASE WHEN plan.strategy = 'proportional' THEN plan.basis ELSE 'all' END AS basis,
            coalesce(plan.proportional, 1) AS proportional, coalesce(plan.even, 1) AS even,
            {each_basis("money_units(a.#) AS c@")}
        FROM shared_cost AS a LEFT JOIN plan ON plan.pool = a.driver_pool
        WHERE a.charge_day >= $start AND a.charge_day < $end
    ),
    line AS (
        SELECT *, dense_rank() OVER (ORDER BY charge_day NULLS FIRST, billing_period NULLS FIRST,
            currency NULLS FIRST, pool NULLS FIRST, driver_pool NULLS FIRST, service_name NULLS FIRST,
            sub_account_id NULLS FIRST, span NULLS FIRST) AS cell, {places("abs(c@)")}
        FROM shared
    )"""

# Which costs each line may follow, best first: 1 the same account and service, or named pools; 2 the service anywhere;
# 3 all cost; 4 nothing but who is active. `basis_id` names one set of weights, shared by all lines that follow it.
_WANTED = """
    follows AS (
        SELECT cell, 1 AS grade, 'account' AS kind, month AS day, currency, service_name, sub_account_id, '' AS pools
        FROM line WHERE basis = 'service'
        UNION ALL
        SELECT cell, 2, 'service', month, currency, service_name, '', '' FROM line WHERE basis = 'service'
        UNION ALL
        SELECT cell, 1, 'pools ' || span, CASE WHEN span = 'month' THEN month ELSE charge_day END, currency,
            '', '', replace(basis, ' ', '')
        FROM line WHERE basis NOT IN ('service', 'all')
        UNION ALL
        SELECT cell, 3, 'all ' || span, CASE WHEN span = 'month' THEN month ELSE charge_day END, currency, '', '', ''
        FROM line WHERE proportional = 1 OR (strategy = 'proportional' AND basis = 'all')
        UNION ALL
        SELECT cell, 4, 'active ' || span, CASE WHEN span = 'month' THEN month ELSE charge_day END, '', '', '', ''
        FROM line WHERE even = 1
    ),
    wanted AS (
        SELECT *, dense_rank() OVER (ORDER BY kind NULLS FIRST, day NULLS FIRST, currency NULLS FIRST,
            service_name NULLS FIRST, sub_account_id NULLS FIRST, pools NULLS FIRST) AS basis_id
        FROM follows
    ),
    basis AS (
        SELECT DISTINCT basis_id, kind, day, currency, service_name, sub_account_id, pools FROM wanted
    )"""

# What tenants bear already. Only positive sums weigh: a tenant in credit is not charged less than nothing.
_WEIGHTS = """
    bears AS (
        SELECT charge_day, CAST(date_trunc('month', charge_day) AS DATE) AS month, currency, pool,
            service_name, sub_account_id, tenant_id, effective_cost AS cost
        FROM borne WHERE charge_day >= $start AND charge_day < $end
    ),
    cost AS (
        SELECT w.basis_id, b.tenant_id, sum(b.cost) AS cost
        FROM basis AS w JOIN bears AS b ON b.month = w.day AND b.currency = w.currency
            AND b.service_name = w.service_name AND (w.kind = 'service' OR b.sub_account_id = w.sub_account_id)
        WHERE w.kind IN ('account', 'service') GROUP BY w.basis_id, b.tenant_id
        UNION ALL
        SELECT w.basis_id, b.tenant_id, sum(b.cost)
        FROM basis AS w JOIN bears AS b ON b.currency = w.currency AND b.charge_day = w.day
            AND (w.pools = '' OR contains(',' || w.pools || ',', ',' || replace(b.pool, ' ', '') || ','))
        WHERE w.kind IN ('pools day', 'all day') GROUP BY w.basis_id, b.tenant_id
        UNION ALL
        SELECT w.basis_id, b.tenant_id, sum(b.cost)
        FROM basis AS w JOIN bears AS b ON b.currency = w.currency AND b.month = w.day
            AND (w.pools = '' OR contains(',' || w.pools || ',', ',' || replace(b.pool, ' ', '') || ','))
        WHERE w.kind IN ('pools month', 'all month') GROUP BY w.basis_id, b.tenant_id
        UNION ALL
        SELECT w.basis_id, t.tenant_id, CAST(date_diff('day',
            greatest(w.day, coalesce(t.started_on, w.day)),
            least(CASE WHEN w.kind = 'active month' THEN CAST(w.day + INTERVAL '1' MONTH AS DATE)
                    ELSE CAST(w.day + INTERVAL '1' DAY AS DATE) END,
                coalesce(t.ended_on, DATE '9999-01-01'))) AS DECIMAL(38, 18))
        FROM basis AS w CROSS JOIN tenants AS t WHERE w.kind IN ('active day', 'active month')
    ),
    weight AS (SELECT basis_id, tenant_id, money_units(cost) AS units FROM cost WHERE cost > 0),
    total AS (
        SELECT basis_id, sum(units) AS total, max(units) AS most FROM weight GROUP BY basis_id
    )"""

_SHARES = f"""
    chosen AS (
        SELECT cell, min(grade) AS grade FROM wanted WHERE basis_id IN (SELECT basis_id FROM total) GROUP BY cell
    ),
    rated AS (
        SELECT l.cell, c.grade, w.basis_id, t.total, {each_basis("l.c@, l.k@")}
        FROM line AS l
        JOIN chosen AS c ON c.cell = l.cell
        JOIN wanted AS w ON w.cell = c.cell AND w.grade = c.grade
        JOIN total AS t ON t.basis_id = w.basis_id
    ),
    {rates("rated", "cell, grade, basis_id")},
    weighed AS (
        SELECT r.cell, r.grade, w.tenant_id, w.units, r.cut, {each_basis("r.r@")}
        FROM rate AS r JOIN weight AS w ON w.basis_id = r.basis_id
    ),
    given AS (
        SELECT p.cell, p.grade, p.tenant_id, {each_basis("shift_down(p.w@, l.k@) AS s@")}
        FROM ({priced("weighed", "cell, grade, tenant_id")}) AS p JOIN line AS l ON l.cell = p.cell
    ),
    handed AS (
        SELECT cell, {each_basis("sum(s@) AS s@")} FROM given GROUP BY cell
    ),
    first_heir AS (
        SELECT w.basis_id, min(w.tenant_id) AS tenant_id
        FROM weight AS w JOIN total AS t ON t.basis_id = w.basis_id AND t.most = w.units
        GROUP BY w.basis_id
    ),
    heir AS (
        SELECT r.cell, h.tenant_id FROM rate AS r JOIN first_heir AS h ON h.basis_id = r.basis_id
    )"""

_RESULT = f"""
    SELECT l.charge_day, l.billing_period, l.currency, l.pool, l.driver_pool, l.service_name, l.sub_account_id,
        g.tenant_id,
        CASE WHEN l.strategy = 'proportional' AND g.grade < 4 THEN 'coarse' ELSE 'fallback' END AS rung,
        CASE WHEN g.grade = 4 THEN 'even over active tenants: no other cost to follow'
            WHEN l.strategy = 'proportional' AND l.basis = 'service' AND g.grade < 3
                THEN 'follows cost of the same service'
            WHEN l.strategy = 'proportional' AND g.grade = 1 THEN 'follows cost of ' || l.basis
            WHEN l.strategy = 'proportional' THEN 'follows all cost'
            ELSE 'no usage: follows all cost' END AS reason,
        l.span, {each_basis("units_money(g.s@ + CASE WHEN heir.cell IS NULL THEN wide(0) ELSE l.c@ - h.s@ END) AS #")}
    FROM given AS g
    JOIN line AS l ON l.cell = g.cell
    JOIN handed AS h ON h.cell = g.cell
    LEFT JOIN heir ON heir.cell = g.cell AND heir.tenant_id = g.tenant_id
    UNION ALL
    SELECT l.charge_day, l.billing_period, l.currency, l.pool, l.driver_pool, l.service_name, l.sub_account_id,
        '(unallocated)', 'unallocated',
        CASE WHEN l.strategy = 'driver' THEN 'no usage, ' ELSE '' END
            || CASE WHEN l.proportional = 1 OR l.strategy = 'proportional' THEN 'no other cost' ELSE 'no fallback' END
            || CASE WHEN l.even = 1 THEN ', no active tenant' ELSE '' END, l.span,
        {each_basis("units_money(l.c@)")}
    FROM line AS l WHERE NOT EXISTS (SELECT 1 FROM chosen AS c WHERE c.cell = l.cell)
    """

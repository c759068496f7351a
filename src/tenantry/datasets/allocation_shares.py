"""The end of the allocation query: from money and what drives it to rates, and from rates to shares."""

from __future__ import annotations

from .allocation_plan import ACTIVE, USERS
from .pool_usage import HOURS
from .shares import each_basis, places, priced, rates

# Rates of a day stand once for each of its hours: one join serves both. The last step is kept, or the engine joins all
# usage to it in two steps.
RATES = f"""
    placed AS (
        SELECT l.charge_day, l.billing_period, l.currency, l.pool, l.driver_pool, l.service_name, l.sub_account_id,
            s.rung, s.reason, s.kind, s.weight_pool, s.weight_start, s.total, {each_basis("l.c@")},
            dense_rank() OVER (ORDER BY l.charge_day NULLS FIRST, l.billing_period NULLS FIRST,
                l.currency NULLS FIRST, l.pool NULLS FIRST, l.driver_pool NULLS FIRST, l.service_name NULLS FIRST,
                l.sub_account_id NULLS FIRST, s.rung NULLS FIRST, s.reason NULLS FIRST) AS cell
        FROM line AS l
        JOIN scope AS s ON s.driver_pool = l.driver_pool AND s.span = l.span AND s.span_start = l.span_start
    ),
    cell AS (
        SELECT cell, charge_day, billing_period, currency, pool, driver_pool, service_name, sub_account_id,
            rung, reason, {each_basis("sum(c@) AS c@")},
            {places("sum(abs(c@))")}
        FROM placed
        GROUP BY cell, charge_day, billing_period, currency, pool, driver_pool, service_name, sub_account_id,
            rung, reason
    ),
    rated AS (
        SELECT p.cell, {each_basis("c.k@")}, p.kind, p.weight_pool, p.weight_start,
            p.total, {each_basis("sum(p.c@) AS c@")}
        FROM placed AS p JOIN cell AS c ON c.cell = p.cell
        GROUP BY p.cell, {each_basis("c.k@")}, p.kind, p.weight_pool, p.weight_start, p.total
    ),
    {rates("rated", "cell, kind, weight_pool, weight_start")},
    hour_rate AS (
        SELECT cell, weight_pool, weight_start AS hour, cut, {each_basis("r@")}
        FROM rate WHERE kind = 'hour'
        UNION ALL
        SELECT cell, weight_pool, weight_start + n * INTERVAL '1' HOUR, cut, {each_basis("r@")}
        FROM rate CROSS JOIN (VALUES {HOURS}) AS h(n)
        WHERE kind = 'day' AND weight_pool <> '{USERS}'
    ),
    meter_rate AS MATERIALIZED (
        SELECT r.cell, r.cut, d.hour, d.service_name, d.region, d.meter, d.weight, {each_basis("r.r@")}
        FROM hour_rate AS r JOIN driven AS d ON d.pool = r.weight_pool AND d.hour = r.hour
    )"""

_SHARES = f"""
    other_weight AS (
        SELECT 'month' AS kind, pool AS weight_pool, CAST(day AS TIMESTAMP) AS weight_start,
            tenant_id, feature_id, units
        FROM month_used
        UNION ALL
        SELECT 'day', '{USERS}', CAST(day AS TIMESTAMP), tenant_id, '', units FROM seen
        UNION ALL
        SELECT 'month', '{USERS}', CAST(date_trunc('month', day) AS TIMESTAMP), tenant_id, '', units FROM seen
        UNION ALL
        SELECT 'past', pool, CAST(day AS TIMESTAMP), tenant_id, feature_id, units FROM past_used
        UNION ALL
        SELECT DISTINCT 'fixed', w.driver_pool, w.span_start, f.tenant_id, '', wide(f.weight)
        FROM want AS w JOIN fixed AS f ON f.pool = w.driver_pool
        UNION ALL
        SELECT 'even ' || span, '{ACTIVE}', span_start, tenant_id, '', units FROM even_weight
    ),
    weighed AS (
        SELECT r.cell, u.tenant_id, u.feature_id, wide(u.units) * r.weight AS units, r.cut, {each_basis("r.r@")}
        FROM usage_hourly AS u
        JOIN meter_rate AS r
            ON r.hour = u.hour AND r.service_name = u.service_name AND r.region = u.region AND r.meter = u.meter
        WHERE u.day >= $start AND u.day < $end AND u.units > 0
        UNION ALL
        SELECT r.cell, u.tenant_id, u.feature_id, u.units, r.cut, {each_basis("r.r@")}
        FROM beside AS u JOIN hour_rate AS r ON r.weight_pool = u.pool AND r.hour = u.hour
        UNION ALL
        SELECT r.cell, w.tenant_id, w.feature_id, w.units, r.cut, {each_basis("r.r@")}
        FROM rate AS r
        JOIN other_weight AS w
            ON w.kind = r.kind AND w.weight_pool = r.weight_pool AND w.weight_start = r.weight_start
    ),
    summed AS (
        SELECT cell, tenant_id, feature_id, sum(units) AS units, {each_basis("sum(w@) AS w@")}
        FROM ({priced("weighed", "cell, tenant_id, feature_id, units")}) AS p
        GROUP BY cell, tenant_id, feature_id
    ),
    given AS (
        SELECT s.cell, s.tenant_id, s.feature_id, s.units, {each_basis("shift_down(s.w@, c.k@) AS s@")}
        FROM summed AS s JOIN cell AS c ON c.cell = s.cell
    ),
    handed AS (
        SELECT cell, max(units) AS most, {each_basis("sum(s@) AS s@")} FROM given GROUP BY cell
    ),
    heir AS (
        SELECT cell, tenant_id, feature_id FROM (
            SELECT g.cell, g.tenant_id, g.feature_id, row_number() OVER (
                PARTITION BY g.cell ORDER BY g.tenant_id NULLS FIRST, g.feature_id NULLS FIRST) AS place
            FROM given AS g JOIN handed AS h ON h.cell = g.cell AND h.most = g.units
        ) AS p WHERE place = 1
    )"""

_GIVEN = f"""
    SELECT c.charge_day, c.billing_period, c.currency, c.pool, c.driver_pool, c.service_name, c.sub_account_id,
        g.tenant_id, g.feature_id,
        CASE WHEN g.tenant_id IN ('(idle)', '(unallocated)') THEN 'unallocated' ELSE c.rung END AS rung,
        CASE g.tenant_id WHEN '(idle)' THEN 'capacity nobody used: ' || c.reason
            WHEN '(unallocated)' THEN 'idle capacity, central by policy: ' || c.reason ELSE c.reason END AS reason,
        '' AS span, CAST(g.units AS DECIMAL(38, 0)) AS units,
        {each_basis("units_money(g.s@ + CASE WHEN heir.cell IS NULL THEN wide(0) ELSE c.c@ - h.s@ END) AS #")}
    FROM given AS g
    JOIN cell AS c ON c.cell = g.cell
    JOIN handed AS h ON h.cell = g.cell
    LEFT JOIN heir ON heir.cell = g.cell AND heir.tenant_id = g.tenant_id AND heir.feature_id = g.feature_id"""

# What needs no share: charges that name their tenant, and those that no rung places.
_WHOLE = f"""
    SELECT charge_day, billing_period, currency, pool, pool AS driver_pool, service_name, sub_account_id, tenant_id,
        '' AS feature_id, 'silo' AS rung, 'named by ' || note AS reason, '' AS span, CAST(0 AS DECIMAL(38, 0)) AS units,
        {each_basis("CAST(sum(#) AS DECIMAL(38, 18)) AS #")}
    FROM pool_cost
    WHERE charge_day >= $start AND charge_day < $end AND tenant_id <> ''
    GROUP BY charge_day, billing_period, currency, pool, service_name, sub_account_id, tenant_id, note
    UNION ALL
    SELECT l.charge_day, l.billing_period, l.currency, l.pool, l.driver_pool, l.service_name, l.sub_account_id,
        CASE WHEN w.strategy = 'central' THEN '(unallocated)' ELSE '(shared)' END, '', 'unallocated',
        CASE WHEN w.strategy = 'central' THEN 'central by policy'
            WHEN w.strategy IN ('proportional', 'cascade') THEN 'follows other cost' ELSE 'no usage' END,
        CASE WHEN w.strategy = 'central' THEN '' WHEN l.span = 'month' THEN 'month' ELSE 'day' END,
        CAST(0 AS DECIMAL(38, 0)), {each_basis("units_money(sum(l.c@))")}
    FROM line AS l
    JOIN want AS w ON w.driver_pool = l.driver_pool AND w.span = l.span AND w.span_start = l.span_start
    WHERE NOT EXISTS (
        SELECT 1 FROM scope AS s
        WHERE s.driver_pool = l.driver_pool AND s.span = l.span AND s.span_start = l.span_start)
    GROUP BY l.charge_day, l.billing_period, l.currency, l.pool, l.driver_pool, l.service_name, l.sub_account_id,
        w.strategy, CASE WHEN w.strategy = 'central' THEN '' WHEN l.span = 'month' THEN 'month' ELSE 'day' END"""

BY_SHARES = f"""{_SHARES}
    {_GIVEN}
    UNION ALL
    {_WHOLE}"""
"""The rest of the statement after `RATES`."""

# As `meter_rate` joins usage: only where its rates are whole (`cut`) and usage alone has shares of its cells.
BY_RATES = f"""
    SELECT * FROM ({_WHOLE}) AS w
    UNION ALL BY NAME
    SELECT c.cell, c.charge_day, c.billing_period, c.currency, c.pool, c.driver_pool, c.service_name, c.sub_account_id,
        c.rung, c.reason, '' AS span, r.hour, r.service_name AS of_service_name, r.region AS of_region,
        r.meter AS of_meter, CAST(r.weight AS DECIMAL(38, 0)) AS weight,
        {each_basis("CAST(c.c@ AS DECIMAL(38, 0)) AS c@, c.k@, CAST(r.r@ AS DECIMAL(38, 0)) AS r@")}
    FROM meter_rate AS r JOIN cell AS c ON c.cell = r.cell
    UNION ALL BY NAME
    SELECT DISTINCT c.charge_day, TRUE AS beside
    FROM rate AS r JOIN cell AS c ON c.cell = r.cell
    WHERE r.cut >= 0 OR r.kind NOT IN ('hour', 'day') OR r.weight_pool = '{USERS}'"""
"""Instead of it, for our own code (`Dataset.rates`)."""

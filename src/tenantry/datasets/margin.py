"""Revenue, cost and margin per tenant and month."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import ClassVar

from ..kernel.dataset import Dataset, Day, Dimension, Key, Money, Ratio
from ..kernel.money import part
from .charges import Charges
from .names import known, lookup
from .subscriptions import Subscriptions
from .tenant_cost import TenantCost
from .tenants import TenantNames, Tenants

# The parts of a month in which a subscriber's name means one tenant.
_PIECES = """
    changed AS (
        SELECT folded, valid_from AS day FROM tenant_names WHERE kind IN ('id', 'alias')
        UNION SELECT folded, valid_to FROM tenant_names WHERE kind IN ('id', 'alias')
    ),
    subscriber AS (SELECT DISTINCT tenant_id AS name FROM subscriptions),
    began AS (
        SELECT s.name, m.month, m.month AS day FROM subscriber AS s CROSS JOIN month_of AS m
        UNION
        SELECT s.name, m.month, c.day FROM subscriber AS s JOIN changed AS c ON c.folded = lower(trim(s.name))
        JOIN month_of AS m ON c.day > m.month AND c.day < m.month + INTERVAL '1' MONTH
    ),
    piece AS (
        SELECT *, coalesce(lead(day) OVER (PARTITION BY name, month ORDER BY day NULLS FIRST),
            CAST(month + INTERVAL '1' MONTH AS DATE)) AS next_day
        FROM began
    )"""
_NAMED = lookup("named", "SELECT name, day FROM piece", ("id", "alias"))


def margin_ratio(margin: Decimal, revenue: Decimal) -> float | None:
    """Margin as a part of revenue; None where none is left of it to be a part of."""
    return part(margin, revenue) if revenue > 0 else None


def by_size(costs: Iterable[tuple[Decimal, float | None]]) -> float | None:
    """The mean of parts of several costs, each (cost, part): weighted by cost, whatever its sign. So the confidence of
    rows of `Margin` is that of all, and credits make no part of cost more than the whole.
    """
    known = [(abs(cost), Decimal(sure)) for cost, sure in costs if sure is not None]
    return part(sum((w * c for w, c in known), Decimal(0)), sum((w for w, _ in known), Decimal(0)))


class Margin(Dataset):
    """One tenant, month and currency. `month` is its first day.

    Revenue is each subscription's amount spread evenly over the days of its interval (calendar month, or 12 of them)
    and summed over its days in the month; whole months and years come to the amount exactly. Each day's is that of the
    tenant whom the subscription's name meant on that day. A month that only corrections reach has no revenue.
    `margin_ratio` is margin / revenue, null where revenue is not above 0. `confidence` is the part of the absolute cost
    that came by `silo` or `fine`, plus half of that by `coarse`.
    """

    partition: ClassVar[str] = "month"
    keys: ClassVar[tuple[str, ...]] = ("month", "tenant_id", "currency")
    reads: ClassVar[tuple[type[Dataset], ...]] = (
        TenantCost, Charges, Subscriptions, Tenants, TenantNames,
    )  # fmt: skip
    whole_months: ClassVar[bool] = True

    query: ClassVar[str | None] = f"""
    WITH month_of AS (
        SELECT DISTINCT CAST(date_trunc('month', charge_day) AS DATE) AS month
        FROM charges
        WHERE charge_day >= $start AND charge_day < $end AND coalesce(charge_class, '') <> 'Correction'
    ),
    {_PIECES},
    {_NAMED},
    term AS (
        SELECT p.month, {known("n.tenant_id", "s.tenant_id")} AS tenant_id, s.plan, s.currency,
            s.interval, money_units(s.amount) AS amount, nano_units(s.quantity) AS quantity,
            date_diff('day', p.month, CAST(p.month + INTERVAL '1' MONTH AS DATE)) AS days,
            date_diff('day', p.month, greatest(p.day, s.started_on)) AS first,
            date_diff('day', p.month, least(p.next_day, coalesce(s.ended_on, DATE '9999-01-01'))) AS until,
            wide(extract(month FROM p.month)) AS place
        FROM subscriptions AS s JOIN piece AS p ON p.name = s.tenant_id
        LEFT JOIN named AS n ON n.name = p.name AND n.day = p.day
    ),
    price AS (
        SELECT *, idiv(amount, wide(1000000000)) * quantity + idiv(
            (amount - idiv(amount, wide(1000000000)) * wide(1000000000)) * quantity, wide(1000000000)) AS total
        FROM term WHERE until > first
    ),
    monthly AS (
        SELECT *, CASE WHEN interval = 'year'
            THEN idiv(total * place, wide(12)) - idiv(total * (place - wide(1)), wide(12)) ELSE total END AS owed
        FROM price
    ),
    revenue AS (
        SELECT month, tenant_id, currency,
            sum(idiv(owed * wide(until), wide(days)) - idiv(owed * wide(first), wide(days))) AS revenue FROM monthly
        GROUP BY month, tenant_id, currency
    ),
    named_plan AS (
        SELECT month, tenant_id, string_agg(plan, ' + ' ORDER BY plan NULLS FIRST) AS plan
        FROM (SELECT DISTINCT month, tenant_id, plan FROM price) AS p GROUP BY month, tenant_id
    ),
    spent AS (
        SELECT CAST(date_trunc('month', charge_day) AS DATE) AS month, tenant_id, currency,
            money_units(sum(effective_cost)) AS cost,
            sum(abs(effective_cost)) AS weight,
            sum(CASE WHEN rung IN ('silo', 'fine') THEN abs(effective_cost) ELSE 0 END) AS sure,
            sum(CASE WHEN rung = 'coarse' THEN abs(effective_cost) ELSE 0 END) AS rough
        FROM tenant_cost WHERE charge_day >= $start AND charge_day < $end
        GROUP BY CAST(date_trunc('month', charge_day) AS DATE), tenant_id, currency
    ),
    joined AS (
        SELECT coalesce(s.month, r.month) AS month, coalesce(s.tenant_id, r.tenant_id) AS tenant_id,
            coalesce(s.currency, r.currency) AS currency, coalesce(r.revenue, wide(0)) AS revenue,
            coalesce(s.cost, wide(0)) AS cost, s.weight, s.sure, s.rough
        FROM spent AS s FULL OUTER JOIN revenue AS r
            ON r.month = s.month AND r.tenant_id = s.tenant_id AND r.currency = s.currency
    )
    SELECT j.month, j.tenant_id, coalesce(t.tier, '') AS tier, coalesce(p.plan, '') AS plan, j.currency,
        units_money(j.revenue) AS revenue, units_money(j.cost) AS effective_cost,
        units_money(j.revenue - j.cost) AS margin,
        CASE WHEN j.revenue > wide(0) THEN CAST(units_money(j.revenue - j.cost) AS DOUBLE)
            / CAST(units_money(j.revenue) AS DOUBLE) END AS margin_ratio,
        CASE WHEN j.weight > 0 THEN (CAST(j.sure AS DOUBLE) + 0.5::DOUBLE * CAST(j.rough AS DOUBLE))
            / CAST(j.weight AS DOUBLE) END AS confidence
    FROM joined AS j
    LEFT JOIN tenants AS t ON t.tenant_id = j.tenant_id
    LEFT JOIN named_plan AS p ON p.month = j.month AND p.tenant_id = j.tenant_id
    """

    month: Day
    tenant_id: Key
    tier: Dimension
    plan: Dimension
    currency: Key
    revenue: Money
    effective_cost: Money
    margin: Money
    margin_ratio: Ratio
    confidence: Ratio

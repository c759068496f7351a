"""What drives each pool, hour by hour, as CTEs of the allocation query: in all, and by tenant where that is needed."""

from __future__ import annotations

from ..methods.policy import Policy
from .allocation_plan import ANY, uses_any_service, uses_region

HOURS = ", ".join(f"({hour})" for hour in range(24))

# What drove each pool in each hour, in all: who used it is joined once, when the price of a unit is known.
DRIVEN = f"""
    driven AS (
        SELECT d.pool, m.day, m.hour, m.service_name, m.region, m.meter, wide(d.weight) AS weight,
            wide(m.units) * wide(d.weight) AS units
        FROM meter_hours AS m
        JOIN driver AS d ON d.meter = m.meter
            AND (d.service_name = m.service_name OR d.service_name = '{ANY}')
            AND (d.region = m.region OR d.region = '{ANY}')
        WHERE m.day >= $start AND m.day < $end AND d.pool NOT IN (SELECT pool FROM plan WHERE largest = 1)
    )"""

_LARGEST = "pool IN (SELECT pool FROM plan WHERE largest = 1)"
_USED = "pool, day, hour, tenant_id, feature_id"
_NOTHING = """SELECT '' AS pool, $start AS day, CAST($start AS TIMESTAMP) AS hour, '' AS tenant_id, '' AS feature_id,
            wide(0) AS units WHERE FALSE"""


def beside(policy: Policy) -> str:
    """CTEs that end in `beside`, as `metered`: what drives pools beside `driven`, by tenant."""
    days = "? >= $start AND ? < $end"
    ctes: list[str] = []
    rows = [_NOTHING]
    met = ["SELECT pool, day, hour, units FROM driven"]
    if any(rule.combine == "max" for rule in policy.rules):
        ctes.append(f"compared AS ({_compared(_uses(policy, days, _LARGEST))})")
        rows.append(f"SELECT {_USED}, units FROM compared")
        met.append("SELECT pool, day, hour, units FROM compared")
    if any(rule.capacity for rule in policy.rules):
        ctes += [f"met AS ({' UNION ALL '.join(met)})", *_idle("idle", "met", days, "TRUE")]
        rows.append("SELECT * FROM idle")
    return ",\n    ".join([*ctes, f"beside AS ({' UNION ALL '.join(rows)})"])


def metered(policy: Policy, name: str, days: str, pools: str) -> str:
    """CTEs that end in `name`: what was used per pool and hour of these days, through `driver`; in a pool with a
    capacity, what nobody used besides.

    A tenant may have several rows in an hour, one per meter: shares add them up. Only `max` has to compare them first.
    """
    uses = f"SELECT {_USED}, units FROM ({_uses(policy, days, pools)}) AS u"
    if any(rule.combine == "max" for rule in policy.rules):
        uses = f"""
            {uses} WHERE NOT {_LARGEST}
            UNION ALL
            {_compared(f"SELECT * FROM ({_uses(policy, days, pools)}) AS u WHERE {_LARGEST}")}"""
    if not any(rule.capacity for rule in policy.rules):
        return f"{name} AS ({uses})"
    idle = ",\n    ".join(_idle(f"{name}_idle", f"{name}_met", days, pools))
    return f"""{name}_met AS ({uses}),
    {idle},
    {name} AS (SELECT * FROM {name}_met UNION ALL SELECT * FROM {name}_idle)"""


def _uses(policy: Policy, days: str, pools: str) -> str:
    """A query of what was used of these pools on these days, per meter."""
    region = f"AND (d.region = u.region OR d.region = '{ANY}')" if uses_region(policy) else ""
    metered = f"""
        SELECT d.pool, u.day, u.hour, u.tenant_id, u.feature_id, u.meter, wide(u.units) * wide(d.weight) AS units
        FROM usage_hourly AS u
        JOIN (SELECT * FROM driver WHERE {pools}) AS d ON d.meter = u.meter AND # {region}
        WHERE {days.replace("?", "u.day")} AND u.units > 0"""
    if not uses_any_service(policy):
        return metered.replace("#", "d.service_name = u.service_name")
    named = metered.replace("#", f"d.service_name = u.service_name AND d.service_name <> '{ANY}'")
    return named + " UNION ALL " + metered.replace("#", f"d.service_name = '{ANY}'")


def _compared(uses: str) -> str:
    """The largest of a tenant's meters in an hour, in place of all of them."""
    return f"""SELECT {_USED}, max(units) AS units FROM (
            SELECT {_USED}, meter, sum(units) AS units FROM ({uses}) AS e GROUP BY {_USED}, meter) AS m
        GROUP BY {_USED}"""


def _idle(name: str, met: str, days: str, pools: str) -> list[str]:
    """CTEs that end in `name`: what nobody used of pools with a capacity, beside what was used of them (`met`)."""
    return [
        f"""{name}_full AS (
        SELECT k.pool, k.idle, m.day, CAST(m.day AS TIMESTAMP) + n * INTERVAL '1' HOUR AS hour, wide(k.weight) AS units
        FROM capacity AS k JOIN (SELECT DISTINCT pool, day FROM {met}) AS m ON m.pool = k.pool
        CROSS JOIN (VALUES {HOURS}) AS h(n)
        WHERE k.meter = ''
        UNION ALL
        SELECT k.pool, k.idle, m.day, m.hour, sum(wide(m.units) * wide(k.weight))
        FROM (SELECT * FROM capacity WHERE {pools}) AS k JOIN meter_hours AS m ON m.meter = k.meter
        WHERE k.meter <> '' AND {days.replace("?", "m.day")}
        GROUP BY k.pool, k.idle, m.day, m.hour
    )""",
        f"{name}_busy AS (SELECT pool, hour, sum(units) AS units FROM {met} GROUP BY pool, hour)",
        f"""{name} AS (
        SELECT f.pool, f.day, f.hour, f.idle AS tenant_id, '' AS feature_id,
            f.units - coalesce(b.units, wide(0)) AS units
        FROM {name}_full AS f LEFT JOIN {name}_busy AS b ON b.pool = f.pool AND b.hour = f.hour
        WHERE f.units > coalesce(b.units, wide(0))
    )""",
    ]

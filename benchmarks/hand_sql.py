"""The allocation as one plain SQL statement per day, by hand for DuckDB: what our engine is measured against.

Money is integers of 10^-10, a rate is fixed point of 60 binary places, shares are truncated, and what is left of a
service's day goes to its largest share by the first basis (ties by tenant, then feature). It knows one policy, one
currency, one meter a service, no names to resolve and nothing to fall back on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

BASES = ("effective_cost", "billed_cost", "list_cost", "contracted_cost")

# Division of a 128-bit number costs DuckDB up to a microsecond; these multiply and shift instead.
MACROS = """
CREATE MACRO units(q) AS CASE WHEN q BETWEEN -999999999 AND 999999999
    THEN (floor(q::DECIMAL(18, 9))::BIGINT * 1000000000
        + ((q::DECIMAL(18, 9) - floor(q::DECIMAL(18, 9)))::DECIMAL(18, 9) * 1000000000)::BIGINT)::HUGEINT
    ELSE (q * 1000000000)::HUGEINT END;
CREATE MACRO shift_down(w) AS CASE WHEN w < 0 THEN -((-w) >> 60) ELSE w >> 60 END;
CREATE MACRO money(n) AS n::DECIMAL(28, 0) * 0.0000000001::DECIMAL(10, 10);
"""


def scan(folder: Path, day: date) -> str:
    """Every column of a day that our build reads, decoded and looked at."""
    return f"""
    SELECT max(time), max(tenant_id), max(feature_id), max(service_name), max(region), max(meter), sum(quantity)
    FROM read_parquet('{folder}/usage/day={day}/*.parquet')"""


def events(folder: Path, day: date) -> str:
    """A day's usage as `allocate` takes it, straight from the events."""
    return f"""
    SELECT date_trunc('hour', time) AS hour, tenant_id, feature_id, service_name, units(quantity) AS units
    FROM read_parquet('{folder}/usage/day={day}/*.parquet')"""


def cube(folder: Path, day: date, target: Path) -> str:
    """The hourly cube of a day as a file."""
    return f"""
    COPY (
        SELECT date_trunc('hour', time) AS hour, tenant_id, feature_id, service_name, sum(quantity) AS quantity
        FROM read_parquet('{folder}/usage/day={day}/*.parquet') GROUP BY ALL
    ) TO '{target}' (FORMAT parquet)"""


def cells(path: Path) -> str:
    """A day's usage as `allocate` takes it, from the hourly cube."""
    return f"SELECT hour, tenant_id, feature_id, service_name, units(quantity) AS units FROM read_parquet('{path}')"


def allocate(usage: str, folder: Path, day: date, target: Path, bases: Sequence[str]) -> str:
    """The allocation of a day as a file, from `usage`: a query of hour, tenant_id, feature_id, service_name, units."""
    largest = bases[0]

    def each(template: str) -> str:
        return ", ".join(template.replace("#", basis) for basis in bases)

    return f"""
    COPY (
        WITH used AS ({usage}),
        bill AS MATERIALIZED (
            SELECT charge_period_start AS hour, service_name, coalesce(tenant_id, '') AS silo,
                {each("(sum(#) * 10000000000)::HUGEINT AS #")}
            FROM read_parquet('{folder}/charges/*/*.parquet')
            LEFT JOIN read_parquet('{folder}/tenants.parquet') ON account = sub_account_id
            WHERE charge_day = DATE '{day}' GROUP BY ALL
        ),
        cell AS MATERIALIZED (
            SELECT hour, service_name, sum(units) AS units FROM used GROUP BY ALL
        ),
        rate AS MATERIALIZED (
            SELECT hour, service_name, {each("# * (1::HUGEINT << 60) // units AS #")}
            FROM bill JOIN cell USING (hour, service_name) WHERE silo = ''
        ),
        share AS MATERIALIZED (
            SELECT tenant_id, feature_id, service_name, {each("shift_down(sum(units * #)) AS #")}
            FROM used JOIN rate USING (hour, service_name) GROUP BY ALL
        ),
        due AS (
            SELECT service_name, {each("sum(#) AS #")} FROM bill SEMI JOIN cell USING (hour, service_name)
            WHERE silo = '' GROUP BY ALL
        ),
        given AS MATERIALIZED (
            SELECT service_name, max({largest}) AS most, {each("sum(#) AS #")} FROM share GROUP BY ALL
        ),
        heir AS (
            SELECT service_name, min((tenant_id, feature_id)) AS who
            FROM share JOIN given USING (service_name) WHERE share.{largest} = most GROUP BY ALL
        ),
        rest AS MATERIALIZED (
            SELECT service_name, who, {each("due.# - given.# AS #")}
            FROM due JOIN given USING (service_name) JOIN heir USING (service_name)
        )
        SELECT tenant_id, feature_id, service_name,
            {each("money(share.# + CASE WHEN who = (tenant_id, feature_id) THEN rest.# ELSE 0 END) AS #")}
        FROM share JOIN rest USING (service_name)
        UNION ALL
        SELECT silo, '', service_name, {each("money(sum(#)) AS #")} FROM bill WHERE silo <> '' GROUP BY ALL
        UNION ALL
        SELECT '(unallocated)', '', service_name, {each("money(sum(#)) AS #")}
        FROM bill ANTI JOIN cell USING (hour, service_name) WHERE silo = '' GROUP BY ALL
    ) TO '{target}' (FORMAT parquet)"""

"""A SaaS vendor's month at scale: usage events and bill rows, deterministic, as Parquet in the shape of our contracts.

Events: tenants by Zipf's law, features by a flatter one, four of the twelve services behind each feature, one meter a
service, an hour-of-day profile, in order of time. Bill: hourly (and daily) rows per service, resource by resource, a
fifth of them on accounts that belong to one tenant.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import accumulate, pairwise
from pathlib import Path

import duckdb

FIRST_DAY = date(2026, 6, 1)
FEATURES = 40
SERVICES = 12
# fmt: off
HOUR_WEIGHTS = (20, 15, 12, 10, 10, 13, 20, 35, 55, 70, 75, 74, 68, 70, 73, 70, 65, 56, 46, 40, 36, 32, 28, 24)
# fmt: on
SHARED_ACCOUNT = "shared-production"

# u(i, k): the k-th uniform number of row i. zipf(u, n): 1..n with odds 1/k, by the inverse of the continuous law.
MACROS = """
CREATE MACRO u(i, k) AS (hash(i * 16 + k) >> 11)::DOUBLE / 9007199254740992.0;
CREATE MACRO zipf(u, n) AS CAST(floor(exp(u * ln(n + 1))) AS INTEGER);
CREATE MACRO flat_zipf(u, n) AS CAST(floor(pow(1 + u * (pow(n + 1, 0.2) - 1), 5)) AS INTEGER);
CREATE MACRO tenant_name(k) AS printf('tenant-%04d', k);
CREATE MACRO service_name(k) AS printf('service-%02d', k);
"""


@dataclass(frozen=True)
class Size:
    """How much to make. `daily_part`: the part of bill rows that cover a day instead of an hour."""

    events: int
    bill_rows: int
    tenants: int
    days: int
    daily_part: float = 0.0

    def day_list(self) -> list[date]:
        return [FIRST_DAY + timedelta(days=i) for i in range(self.days)]


def make(folder: Path, size: Size, threads: int) -> None:
    """Write `usage/day=*/`, `charges/`, `tenants.parquet` under the folder, unless they are there for this size."""
    stamp = folder / "size.json"
    if stamp.exists() and json.loads(stamp.read_text()) == asdict(size):
        return
    for name in ("usage", "charges"):
        shutil.rmtree(folder / name, ignore_errors=True)
    stamp.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(config={"threads": threads})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(MACROS)
    connection.execute(f"COPY ({_tenants(size)}) TO '{folder}/tenants.parquet' (FORMAT parquet)")
    for path, query in (*_usage(size), *_charges(size)):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        connection.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
    stamp.write_text(json.dumps(asdict(size)))


def _tenants(size: Size) -> str:
    return f"""
    SELECT tenant_name(k) AS tenant_id, printf('account-%04d', k) AS account
    FROM range(1, {size.tenants + 1}) AS r(k)"""


def _usage(size: Size) -> Iterator[tuple[str, str]]:
    """For each day, a file and the query that fills it: events in order of time, spread evenly inside each hour."""
    per_day = size.events // size.days
    total = sum(HOUR_WEIGHTS)
    edges = [per_day * upto // total for upto in accumulate(HOUR_WEIGHTS, initial=0)]
    hours = [(hour, a, b) for hour, (a, b) in enumerate(pairwise(edges)) if b > a]

    def pick(values: list[int]) -> str:
        whens = " ".join(f"WHEN i < {b} THEN {v}" for v, (_, _, b) in zip(values, hours, strict=True))
        return f"CASE {whens} END"

    hour = pick([h for h, _, _ in hours])
    place = f"(i - {pick([a for _, a, _ in hours])}) * 3600000000 // {pick([b - a for _, a, b in hours])}"
    for number, day in enumerate(size.day_list()):
        yield (
            f"usage/day={day}/events.parquet",
            f"""
            WITH event AS (
                SELECT i, {number} * {10**10} + i AS n,
                    TIMESTAMP '{day}' + to_microseconds({hour} * 3600000000 + {place}) AS time
                FROM range({per_day}) AS r(i)
            ),
            drawn AS (
                SELECT n, time, zipf(u(n, 1), {size.tenants}) AS tenant, flat_zipf(u(n, 2), {FEATURES}) AS feature,
                    CAST(floor(4 * u(n, 3) * u(n, 3)) AS INTEGER) AS pick, zipf(u(n, 4), 4095) AS amount
                FROM event
            ),
            placed AS (SELECT *, (feature * 5 + pick * pick) % {SERVICES} AS service FROM drawn)
            SELECT to_hex(n) AS id, 'bench' AS source, time, tenant_name(tenant) AS tenant_id,
                printf('feature-%02d', feature) AS feature_id, service_name(service) AS service_name,
                NULL::VARCHAR AS resource_id, NULL::VARCHAR AS region, printf('meter-%02d', service) AS meter,
                CAST(amount * CASE service % 3 WHEN 0 THEN 1 WHEN 1 THEN 0.001 ELSE 0.000001 END AS DECIMAL(38, 9))
                    AS quantity
            FROM placed""",
        )


def _charges(size: Size) -> Iterator[tuple[str, str]]:
    """The bill in order of day. Amounts have ten places, as providers write them; one row in 50 corrects another."""
    hours = size.days * 24
    yield (
        f"charges/billing_period={FIRST_DAY}/bill.parquet",
        f"""
        WITH line AS (
            SELECT i, i * {hours} // {size.bill_rows} AS hour, i % {SERVICES} AS service,
                u(i, 8) < {size.daily_part} AS daily, u(i, 9) < 0.2 AS silo, u(i, 10) < 0.02 AS correction
            FROM range({size.bill_rows}) AS r(i)
        ),
        priced AS (
            SELECT *, CAST(CASE WHEN daily THEN hour // 24 * 24 ELSE hour END AS INTEGER) AS first_hour,
                CAST(floor(exp(u(i, 11) * ln(1e12))) AS BIGINT) * (CASE WHEN correction THEN -1 ELSE 1 END) AS list
            FROM line
        ),
        timed AS (SELECT *, TIMESTAMP '{FIRST_DAY}' + to_hours(first_hour) AS start FROM priced)
        SELECT printf('row-%08d', i) AS charge_key, start::DATE AS charge_day, start AS charge_period_start,
            start + CASE WHEN daily THEN INTERVAL 1 DAY ELSE INTERVAL 1 HOUR END AS charge_period_end,
            TIMESTAMP '{FIRST_DAY}' AS billing_period_start, 'payer' AS billing_account_id,
            CASE WHEN silo THEN printf('account-%04d', zipf(u(i, 12), {size.tenants})) ELSE '{SHARED_ACCOUNT}' END
                AS sub_account_id,
            'cloud' AS provider_name, 'Usage' AS charge_category,
            CASE WHEN correction THEN 'Correction' END AS charge_class,
            service_name(service) AS service_name, printf('resource-%05d', hash(i) % 20000) AS resource_id,
            'USD' AS billing_currency,
            (list * 90 // 100 * 0.0000000001)::DECIMAL(38, 18) AS billed_cost,
            (list * 83 // 100 * 0.0000000001)::DECIMAL(38, 18) AS effective_cost,
            (list * 0.0000000001)::DECIMAL(38, 18) AS list_cost,
            (list * 95 // 100 * 0.0000000001)::DECIMAL(38, 18) AS contracted_cost,
            'bench' AS x_delivery, i AS x_row
        FROM timed ORDER BY start, service""",
    )

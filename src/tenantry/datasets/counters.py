"""Counters that only grow: what was read off them, and what they counted in between."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import Dataset, Day, Dimension, Key, OptionalDimension, Quantity, Time

UNKNOWN_START = "TIMESTAMP '1970-01-01 00:00:00'"
"""SQL: since when a counter runs whose source does not say; nought nanoseconds, as OTLP writes it."""


class UsageCounters(Dataset):
    """One reading of a counter that only grows. What it counted since the reading before is usage of `usage_hourly`.

    `series` names the counter, `started` since when it runs (1970-01-01 where unknown), `reading` its count at `time`.
    """

    partition: ClassVar[str] = "day"
    keys: ClassVar[tuple[str, ...]] = ("id",)
    sort: ClassVar[tuple[str, ...]] = ("series", "time")

    id: Key
    source: Dimension
    series: Dimension
    day: Day
    time: Time
    started: Time
    tenant_id: Dimension
    feature_id: OptionalDimension
    service_name: OptionalDimension
    resource_id: OptionalDimension
    region: OptionalDimension
    meter: Dimension
    reading: Quantity


# A reading's growth depends on the reading before it, on whatever day that was.
NEXT_DAYS = """
    SELECT next_day AS day FROM (
        SELECT day, lead(day) OVER (PARTITION BY series, started ORDER BY day NULLS FIRST) AS next_day
        FROM (SELECT DISTINCT series, started, day FROM usage_counters)
    ) WHERE next_day IS NOT NULL AND day IN (SELECT day FROM changed)
"""


def growth(answer: str) -> str:
    """CTEs that end in `answer`: the readings of the days to build, with the `quantity` each has grown by.

    Of one run of a counter, which is one `started`, readings count in order of time, in whatever order they came. The
    first counts from nought, or not at all where nobody knows since when the counter ran: its start is unknown, or the
    reading's own time. One below the reading before it began anew. Rule: OpenTelemetry's data model, "Resets and gaps".
    """
    return f"""{answer}_reading AS (
        SELECT * FROM usage_counters WHERE day >= $start AND day < $end
    ),
    {answer}_run AS (SELECT DISTINCT series, started FROM {answer}_reading),
    {answer}_last AS (
        SELECT c.series, c.started, max(c.time) AS time
        FROM usage_counters AS c JOIN {answer}_run AS r ON r.series = c.series AND r.started = c.started
        WHERE c.day < $start GROUP BY c.series, c.started
    ),
    {answer}_before AS (
        SELECT c.series, c.started, c.time, max(c.reading) AS reading
        FROM usage_counters AS c
        JOIN {answer}_last AS l ON l.series = c.series AND l.started = c.started AND l.time = c.time
        WHERE c.day < $start GROUP BY c.series, c.started, c.time
    ),
    {answer}_step AS (
        SELECT *, lag(reading) OVER (
            PARTITION BY series, started ORDER BY time NULLS FIRST, reading NULLS FIRST
        ) AS before
        FROM (
            SELECT day, time, tenant_id, feature_id, service_name, region, meter, series, started, reading
            FROM {answer}_reading
            UNION ALL
            SELECT CAST(NULL AS DATE), time, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR),
                CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), series, started, reading
            FROM {answer}_before
        ) AS readings
    ),
    {answer} AS (
        SELECT day, time, tenant_id, feature_id, service_name, region, meter,
            CAST(CASE
                WHEN before IS NULL THEN
                    CASE WHEN started = {UNKNOWN_START} OR started = time THEN 0 ELSE reading END
                WHEN reading >= before THEN reading - before
                ELSE reading END AS DECIMAL(38, 9)) AS quantity
        FROM {answer}_step WHERE day IS NOT NULL
    )"""

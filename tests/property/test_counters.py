"""Counters: what they counted, however their readings are cut into files and in whatever order these come."""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from otlp_requests import CUMULATIVE, counter, point, request, written
from shop import Shop

from tenantry import app
from tenantry.datasets import UsageHourly
from tenantry.engine.build import Builder
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake

pytestmark = pytest.mark.slow

EXAMPLES = settings.default.max_examples if settings.default else 0
CATALOG = app.catalog()
NOW = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)
FIRST = datetime(2026, 7, 1)  # noqa: DTZ001 times in the lake have no zone
NANO = 10**9
Reading = tuple[str, str, int, int]
"""Tenant, start or nothing, hours since the first, count."""


@st.composite
def runs(draw: st.DrawFn) -> list[Reading]:
    """One counter's readings: hours apart, sometimes days; it may begin anew, with a start of its own or without."""
    tenant = draw(st.sampled_from(["acme", "beta"]))
    hour, count, start = draw(st.integers(0, 30)), draw(st.integers(0, 9)), ""
    if draw(st.booleans()):
        start = (FIRST + timedelta(hours=hour - draw(st.integers(0, 30)))).isoformat()
    found = [(tenant, start, hour, count)]
    for _ in range(draw(st.integers(0, 8))):
        hour += draw(st.sampled_from([1, 1, 1, 5, 30, 80]))
        what = draw(st.sampled_from(["grow", "grow", "grow", "stay", "fall", "restart"]))
        if what == "restart" and start:
            start = (FIRST + timedelta(hours=hour - draw(st.integers(0, 1)))).isoformat()
            count = draw(st.integers(0, 5))
        elif what == "fall":
            count = draw(st.integers(0, count))
        elif what == "grow":
            count += draw(st.integers(1, 9))
        found.append((tenant, start, hour, count))
    return found


HISTORIES = st.lists(runs(), min_size=1, max_size=3).map(
    lambda several: [(n, reading) for n, readings in enumerate(several) for reading in readings]
)
Numbered = tuple[int, Reading]


def expected(history: Sequence[Numbered]) -> Counter[tuple[datetime, str]]:
    """Units by hour and tenant, counter by counter as the page of inputs tells it."""
    counters: dict[tuple[int, str], list[Reading]] = defaultdict(list)
    for number, reading in history:
        counters[number, reading[1]].append(reading)
    units: Counter[tuple[datetime, str]] = Counter()
    for readings in counters.values():
        before: int | None = None
        for tenant, start, hour, count in sorted(readings, key=lambda reading: reading[2]):
            time = FIRST + timedelta(hours=hour)
            if before is None:
                grown = count if start and start != time.isoformat() else 0
            else:
                grown = count - before if count >= before else count
            before = count
            units[time, tenant] += grown * NANO
    return +units


def file(readings: Sequence[Numbered]) -> str:
    return written(
        request(
            counter(
                point(
                    count,
                    (FIRST + timedelta(hours=hour)).isoformat(),
                    start,
                    on={"tenant.id": tenant, "n": number},
                ),
                temporality=CUMULATIVE,
            )
        )
        for number, (tenant, start, hour, count) in readings
    )


def built(engine: DuckDB) -> Counter[tuple[datetime, str]]:
    Builder(engine, CATALOG, lambda _: {}).build([UsageHourly])
    engine.attach([UsageHourly])
    rows = engine.query("SELECT hour, tenant_id, units FROM usage_hourly")
    found = Counter(
        {(r.hour, r.tenant_id.removeprefix("(unknown:").removesuffix(")")): int(r.units) for r in rows}
    )
    assert len(found) == len(rows)
    return found


@settings(max_examples=max(3, EXAMPLES // 10))
@given(HISTORIES, st.data())
def test_however_readings_are_cut_into_files_and_come_they_mean_the_same(
    history: list[Numbered], data: st.DataObject
):
    shuffled = data.draw(st.permutations(history))
    again = data.draw(st.lists(st.sampled_from(history), max_size=3))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=3)))
    pieces = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in").mkdir()
        shop = Shop(Path(folder) / "in", DuckDB(Lake(Path(folder) / "lake"), "1GB"), NOW)
        for n, piece in enumerate([*pieces, again]):
            if piece:
                landed = shop.land(shop.put(f"{n}.json", file(piece)))
                assert not landed.quarantined
            if data.draw(st.booleans()):
                built(shop.engine)
        assert built(shop.engine) == expected(history)


def test_a_day_waits_for_the_reading_before_it(tmp_path: Path):
    (tmp_path / "in").mkdir()
    shop = Shop(tmp_path / "in", DuckDB(Lake(tmp_path / "lake"), "1GB"), NOW)
    start = FIRST.isoformat()

    def deliver(hour: int, count: int) -> dict[Any, Any]:
        shop.land(shop.put(f"{hour}.json", file([(0, ("acme", start, hour, count))])))
        return {
            hour_.isoformat()[:13]: Decimal(units) / NANO for (hour_, _), units in built(shop.engine).items()
        }

    assert deliver(49, 30) == {"2026-07-03T01": 30}
    assert deliver(1, 10) == {"2026-07-01T01": 10, "2026-07-03T01": 20}
    assert deliver(25, 15) == {"2026-07-01T01": 10, "2026-07-02T01": 5, "2026-07-03T01": 15}
    assert deliver(97, 30) == {"2026-07-01T01": 10, "2026-07-02T01": 5, "2026-07-03T01": 15}

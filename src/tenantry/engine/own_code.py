"""Which days our own code builds in place of a dataset's statement, which says what it must make of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pyarrow as pa

from ..kernel.dataset import Dataset
from .duckdb import DuckDB
from .hourly import by_hour
from .kept import Kept
from .rated import by_rates, told_of, used_on
from .summed import by_key

ROWS = 100_000
"""Events, or rows of usage, of a day from which on our own code is faster."""

OwnCode = Callable[[DuckDB, date], pa.Table | None]
"""The rows of a day; None where its statement must be asked."""


def own_code(
    engine: DuckDB, dataset: type[Dataset], settings: Mapping[str, Any], days: Sequence[date], kept: Kept
) -> OwnCode:
    """Our own code for those of these days that it may build. A distributed engine has the statement alone."""
    if engine.dialect != "duckdb":
        return _nothing
    if dataset.hourly is not None:
        events = _alone(engine, dataset.reads[: dataset.spines])
        return lambda engine, day: by_hour(engine, dataset, day) if day in events else None
    if dataset.without:
        alone = _alone(engine, dataset.reads)
        return lambda engine, day: by_key(engine, dataset, day, kept) if day in alone else None
    if (asked := dataset.rates(settings)) is not None:
        usage, query = asked
        rows = engine.lake.days(usage)
        many = [day for day in days if rows.get(day, 0) >= ROWS]
        return _by_rates(engine, dataset, usage, query, many, kept)
    return _nothing


def _nothing(_engine: DuckDB, _day: date) -> None:
    return None


def _by_rates(
    engine: DuckDB, dataset: type[Dataset], usage: type[Dataset], query: str, days: Sequence[date], kept: Kept
) -> OwnCode:
    with ThreadPoolExecutor(1) as pool:
        # A day alone has a thread to spare while its rates are asked.
        early = pool.submit(used_on, engine, usage, days[0], kept) if len(days) == 1 else None
        told = told_of(engine, query, days)

    def shared(engine: DuckDB, day: date) -> pa.Table | None:
        if day not in told:
            return None
        used = early.result() if early else used_on(engine, usage, day, kept)
        return by_rates(dataset, used, told[day], engine.threads) if used else None

    return shared


def _alone(engine: DuckDB, upstreams: Sequence[type[Dataset]]) -> set[date]:
    """The days of so many rows of the first, and of nothing else."""
    first, *others = upstreams
    many = {day for day, rows in engine.lake.days(first).items() if rows >= ROWS}
    return many.difference(*(_days(engine, other) for other in others))


def _days(engine: DuckDB, dataset: type[Dataset]) -> set[date]:
    if dataset.partition:
        return set(engine.lake.days(dataset))
    return {row.day for row in engine.query(f"SELECT {dataset.day_column()} AS day FROM {dataset.table()}")}

"""One measured step in a process of its own: `steps.py STEP FOLDER SCRATCH THREADS SIZE` prints its figures as JSON.

A step is a function of (Job) that returns figures in seconds, by name. Imports and making ready are outside the clock.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import generate
import hand_sql
from generate import Size
from hand_sql import BASES

ONE_BASIS = BASES[:1]
MEMORY = "4GB"


@dataclass
class Job:
    """What a step works on: the made data, a scratch folder for its results, how many threads; and its clock."""

    folder: Path
    scratch: Path
    threads: int
    size: Size
    figures: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def clock(self, name: str) -> Iterator[None]:
        """Measures wall time as `name` and processor time as `name cpu`."""
        wall, cpu = perf_counter(), process_time()
        yield
        self.figures[name] = perf_counter() - wall
        self.figures[f"{name} cpu"] = process_time() - cpu

    def emptied(self, name: str) -> Path:
        target = self.scratch / name
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        return target


def _duckdb(job: Job) -> Any:
    import duckdb

    connection = duckdb.connect(config={"threads": job.threads, "memory_limit": MEMORY})
    connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
    connection.execute(hand_sql.MACROS)
    return connection


# --- beside ours ------------------------------------------------------------------------------------


def make(job: Job) -> None:
    with job.clock("make"):
        generate.make(job.folder, job.size, job.threads)


def decode(job: Job) -> None:
    connection = _duckdb(job)
    with job.clock("decode"):
        for day in job.size.day_list():
            connection.execute(hand_sql.scan(job.folder, day)).fetchall()


def hand_1(job: Job) -> None:
    _by_hand(job, "hand 1", ONE_BASIS)


def hand_4(job: Job) -> None:
    _by_hand(job, "hand 4", BASES)


def _by_hand(job: Job, name: str, bases: tuple[str, ...]) -> None:
    connection, target = _duckdb(job), job.emptied(name)
    with job.clock(name):
        for day in job.size.day_list():
            query = hand_sql.events(job.folder, day)
            connection.execute(hand_sql.allocate(query, job.folder, day, target / f"{day}.parquet", bases))


def hand_cube(job: Job) -> None:
    """By hand as ours does it: first the hourly cube as files, then from the cube."""
    connection, cubes, target = _duckdb(job), job.emptied("cube"), job.emptied("hand cube")
    with job.clock("hand cube made"):
        for day in job.size.day_list():
            connection.execute(hand_sql.cube(job.folder, day, cubes / f"{day}.parquet"))
    with job.clock("hand cube"):
        for day in job.size.day_list():
            query = hand_sql.cells(cubes / f"{day}.parquet")
            connection.execute(hand_sql.allocate(query, job.folder, day, target / f"{day}.parquet", BASES))


def polars(job: Job) -> None:
    os.environ["POLARS_MAX_THREADS"] = str(job.threads)
    import other_engines
    import polars as pl  # noqa: F401

    target = job.emptied("polars")
    with job.clock("polars"):
        other_engines.polars_days(job.folder, job.size.day_list(), target, BASES)


def datafusion(job: Job) -> None:
    import datafusion  # noqa: F401
    import other_engines

    target = job.emptied("datafusion")
    with job.clock("datafusion"):
        other_engines.datafusion_days(job.folder, job.size.day_list(), target, BASES, job.threads)


def chdb(job: Job) -> None:
    import chdb  # noqa: F401
    import other_engines

    target = job.emptied("chdb")
    with job.clock("chdb"):
        other_engines.chdb_days(job.folder, job.size.day_list(), target, BASES, job.threads)


# --- ours -------------------------------------------------------------------------------------------


def land(job: Job) -> None:
    import ours

    with job.clock("land"):
        ours.land(job.folder, job.scratch / "landed", job.threads)


def build(job: Job) -> None:
    """The month from landing to `tenant_cost`; then again after one day of usage was restated."""
    import ours

    builder = ours.builder(ours.fresh_lake(job.scratch / "landed", job.scratch / "lake"), job.threads)
    _built(job, "month", builder)
    ours.change_day(builder, job.size.day_list()[-1])
    _built(job, "day", builder)


def _built(job: Job, name: str, builder: Any) -> None:
    """Seconds up to the allocation and in all; by dataset as the build reports them."""
    import ours

    with job.clock(f"ours, {name}: all"):
        with job.clock(f"ours, {name}"):
            built = builder.build(ours.ALLOCATED)
        rest = builder.build(ours.WANTED)
    job.figures |= {f"ours, {name}: {b.dataset}": b.seconds for b in (*rest, *built)}


def build_bill(job: Job) -> None:
    """From a big bill to `tenant_cost`."""
    import ours

    lake = ours.fresh_lake(job.scratch / "landed", job.scratch / "lake")
    builder = ours.builder(lake, job.threads)
    _built(job, "big bill", builder)


# --- do they agree ----------------------------------------------------------------------------------


def agree(job: Job) -> None:
    """Figures about the results: rows, sums, and how many rows differ from hand_sql's."""
    connection = _duckdb(job)
    key = "tenant_id::VARCHAR, feature_id::VARCHAR, service_name::VARCHAR"

    def seen(name: str, bases: tuple[str, ...]) -> tuple[Any, ...]:
        costs = ", ".join(f"{b}::DECIMAL(28, 10)" for b in bases)
        return connection.execute(
            f"SELECT count(*), sum(effective_cost)::DECIMAL(38, 10)::VARCHAR,"
            f" sum(hash(filename[-18:], {key}, {costs})::HUGEINT)::VARCHAR"
            f" FROM read_parquet('{job.scratch / name}/*.parquet', filename = true)"
        ).fetchone()

    job.figures["rows"] = seen("hand 4", BASES)[0]
    for name in ("hand cube", "polars", "datafusion", "chdb"):
        if (job.scratch / name).exists():
            job.figures[f"{name} agrees"] = seen(name, BASES) == seen("hand 4", BASES)
    if (job.scratch / "hand 1").exists():
        job.figures["hand 1 agrees"] = seen("hand 1", ONE_BASIS) == seen("hand 4", ONE_BASIS)
    if (job.scratch / "lake").exists():
        import ours

        job.figures |= ours.compare(connection, job.scratch / "lake", job.folder, job.scratch / "hand 4")


STEPS: dict[str, Callable[[Job], None]] = {
    step.__name__: step
    for step in (
        make,
        decode,
        hand_1,
        hand_4,
        hand_cube,
        polars,
        datafusion,
        chdb,
        land,
        build,
        build_bill,
        agree,
    )
}


def main() -> None:
    name, folder, scratch, threads, size = sys.argv[1:]
    job = Job(Path(folder), Path(scratch), int(threads), Size(**json.loads(size)))
    STEPS[name](job)
    print(json.dumps(job.figures))


if __name__ == "__main__":
    main()

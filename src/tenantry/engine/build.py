"""Builds derived datasets: in order, by days, and only what changed."""

from __future__ import annotations

import gc
import hashlib
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from queue import SimpleQueue
from time import perf_counter
from typing import Any

import pyarrow as pa

from ..errors import Kind, TenantryError
from ..kernel import Catalog, Row, Window
from ..kernel.dataset import Columns, Dataset
from ..kernel.time import month_start, next_month
from .duckdb import DuckDB, bound
from .kept import Kept
from .lake import DataFile, Lake, arrow_schema
from .own_code import own_code

COMPUTED_ROWS = 50_000
"""Rows of a method that are held as objects at a time."""
ALWAYS = Window(date(1, 1, 1), date(9999, 12, 1))

Settings = Callable[["Answers"], Mapping[str, Any]]
"""Asked when the landing tables and the usage cube are built; each value is a pydantic model."""
Progress = Callable[[str, int, int], None]
Chunk = tuple[Window, list[date]]
"""Days that one statement builds."""


@dataclass(frozen=True)
class Built:
    """What a build did to one dataset. `days` is how many partitions were replaced; 0: nothing had changed."""

    dataset: str
    days: int
    rows: int
    seconds: float


class Builder:
    """Brings the derived tables of a lake up to date with its landing tables.

    A table is rebuilt whole when its statement (and so the policy in it) changed; otherwise only for the days that a
    changed upstream partition touches. Every table is replaced by one commit: readers see the old or the new whole.
    `settings` is asked once per build, when the first dataset that depends on it is reached; `told` are those that need
    no data.
    """

    def __init__(
        self, engine: DuckDB, catalog: Catalog, settings: Settings, told: Mapping[str, Any] | None = None
    ) -> None:
        self.engine = engine
        self.lake: Lake = engine.lake
        self.catalog = catalog
        self._ask = settings
        self._told = told or {}
        self._settings: Mapping[str, Any] | None = None
        self._answers = Answers(engine, catalog.datasets)
        self._kept = Kept()

    def build(
        self, wanted: Sequence[type[Dataset]] | None = None, progress: Progress | None = None
    ) -> list[Built]:
        """Build the wanted derived datasets and what they read; by default all."""
        self._settings = None
        order = self.catalog.build_order()
        if wanted is not None:
            needed = _with_upstreams(wanted)
            if any(d.configured for d in needed):
                # Settings are read off all that does not depend on them.
                needed |= {d for d in order if not depends_on_settings(d)}
            order = [d for d in order if d in needed]
        tell = progress or (lambda _table, _done, _all: None)
        try:
            return [self._build(dataset, tell) for dataset in order]
        finally:
            self._kept.clear()

    def settings_for(self, dataset: type[Dataset]) -> Mapping[str, Any]:
        told = {name: self._told[name] for name in dataset.told if name in self._told}
        if not dataset.configured:
            return told
        if self._settings is None:
            self._settings = self._ask(self._answers)
        return {**told, **self._settings}

    def _build(self, dataset: type[Dataset], tell: Progress) -> Built:
        began = perf_counter()
        # Versions first: what lands before the files are looked up is read now, and built again by the next build.
        inputs = {d.table(): self.lake.version(d) for d in dataset.reads}
        since = self.lake.version(dataset)
        self.engine.attach([*dataset.reads, dataset])
        settings = self.settings_for(dataset)
        statement = dataset.statement(settings)
        notes = {
            "statement": _digest(statement or repr(sorted(settings.items(), key=str)) + dataset.table()),
            "inputs": inputs,
            "tables": {d.table(): self.lake.identity(d) for d in dataset.reads},
            "settings": {name: value.model_dump(mode="json") for name, value in settings.items()},
        }
        if not dataset.partition:
            return self._build_whole(dataset, statement, settings, notes, since, began)
        available = self._available(dataset)
        todo, gone = self._todo(dataset, available, notes)
        files: list[DataFile] = []
        done = 0
        chunks = list(_chunks(todo, available, self.engine.statement_rows, whole_months=dataset.whole_months))
        with closing(self._written(dataset, statement, settings, chunks)) as pieces:
            for days, written in pieces:
                files += written
                done += days
                tell(dataset.table(), done, len(todo))
        if todo or gone or self.lake.notes(dataset) != notes:
            replaced = {str(_partition_of(dataset, day)) for day in [*todo, *gone]}
            self.lake.commit(dataset, files, replaces=replaced, notes=notes, since=since)
        partitions = len({_partition_of(dataset, day) for day in todo})
        return Built(dataset.table(), partitions, sum(f.rows for f in files), perf_counter() - began)

    def _build_whole(
        self,
        dataset: type[Dataset],
        statement: str | None,
        settings: Mapping[str, Any],
        notes: Mapping[str, Any],
        since: int,
        began: float,
    ) -> Built:
        if self.lake.notes(dataset) == notes:
            return Built(dataset.table(), 0, 0, perf_counter() - began)
        with evaluated(self.engine, dataset, statement, settings, ALWAYS) as query:
            files = self.engine.write(dataset, query, None) if query else []
        self.lake.commit(dataset, files, notes=notes, since=since)
        return Built(dataset.table(), 1, sum(f.rows for f in files), perf_counter() - began)

    def _written(
        self,
        dataset: type[Dataset],
        statement: str | None,
        settings: Mapping[str, Any],
        chunks: Sequence[Chunk],
    ) -> Generator[tuple[int, list[DataFile]]]:
        """The files of each chunk, and how many days it has; chunks of SQL are written side by side."""
        own = own_code(
            self.engine, dataset, settings, [days[0] for _, days in chunks if len(days) == 1], self._kept
        )

        def write(engine: DuckDB, window: Window, days: Sequence[date]) -> tuple[int, list[DataFile]]:
            table = own(engine, days[0]) if len(days) == 1 else None
            if table is not None:
                files = engine.write_table(dataset, table, str(days[0]), engine.threads)
                if len(chunks) == 1:
                    self._kept.keep(dataset, files, table)
                return 1, files
            return len(days), self._write(engine, dataset, statement, settings, window, days)

        with self.engine.side_by_side(len(chunks) if statement else 1) as engines:
            if len(engines) == 1:
                yield from (write(engines[0], *chunk) for chunk in chunks)
                return
            free: SimpleQueue[DuckDB] = SimpleQueue()
            for engine in engines:
                engine.attach([*dataset.reads, dataset])
                free.put(engine)

            def write_in_turn(chunk: Chunk) -> tuple[int, list[DataFile]]:
                engine = free.get()
                try:
                    return write(engine, *chunk)
                finally:
                    free.put(engine)

            pool = ThreadPoolExecutor(len(engines))
            try:
                yield from pool.map(write_in_turn, chunks)
            except BaseException:
                for engine in engines:
                    engine.interrupt()
                raise
            finally:
                pool.shutdown(cancel_futures=True)

    def _write(
        self,
        engine: DuckDB,
        dataset: type[Dataset],
        statement: str | None,
        settings: Mapping[str, Any],
        window: Window,
        days: Sequence[date],
    ) -> list[DataFile]:
        partitions = sorted({str(_partition_of(dataset, day)) for day in days})
        with evaluated(engine, dataset, statement, settings, window) as query:
            return engine.write(dataset, query, partitions) if query else []

    def _available(self, dataset: type[Dataset]) -> dict[date, int]:
        """The days there are to build, each with the upstream rows it takes; the first upstreams name the days."""
        weights: dict[date, int] = {}
        for spine in dataset.reads[: dataset.spines]:
            for day, rows in self._days_of(spine).items():
                weights[day] = weights.get(day, 0) + rows
        for upstream in dataset.reads[dataset.spines :]:
            if upstream.partition and upstream.partition != "month":
                for day, rows in self._days_of(upstream).items():
                    if day in weights:
                        weights[day] += rows
        return weights

    def _days_of(self, dataset: type[Dataset]) -> dict[date, int]:
        if dataset.partition == dataset.day_column():
            return self.lake.days(dataset)
        column = dataset.day_column()
        rows = self._answers.query(
            f"SELECT {column} AS day, count(*) AS n FROM {dataset.table()} GROUP BY {column}"
        )
        return {row.day: row.n for row in rows}

    def _todo(
        self, dataset: type[Dataset], available: Mapping[date, int], notes: Mapping[str, Any]
    ) -> tuple[list[date], set[date]]:
        """The days to build, and the days held whose upstream is gone."""
        held = {date.fromisoformat(f.partition) for f in self.lake.files(dataset)}
        partitions = {_partition_of(dataset, day) for day in available}
        before = self.lake.notes(dataset)
        if before.get("statement") != notes["statement"]:
            return sorted(available), held - partitions
        changed: set[date] = set()
        for upstream in dataset.reads:
            name = upstream.table()
            same = before.get("tables", {}).get(name) == notes["tables"][name]
            old = before["inputs"].get(name, -1) if same else -1
            if same and old == notes["inputs"][name]:
                continue
            days = self._changed_days(dataset, upstream, old) if old >= 0 else None
            if days is None:
                return sorted(available), held - partitions
            changed |= days
        changed |= self._touched(dataset, changed)
        if dataset.whole_months:
            months = {month_start(day) for day in changed}
            changed = {day for day in available if month_start(day) in months} | changed
        todo = sorted(day for day in changed if day in available)
        gone = {p for day in changed if (p := _partition_of(dataset, day)) in held and p not in partitions}
        return todo, gone

    def _changed_days(self, dataset: type[Dataset], upstream: type[Dataset], old: int) -> set[date] | None:
        """The days of those partitions whose files differ between the old and the newest version; None for all, as
        where the old one was tidied away.
        """
        if not self.lake.holds(upstream, old):
            return None
        if not upstream.partition:
            follow = dataset.follows.get(upstream.table())
            return None if follow is None else self._followed(upstream, old, *follow)
        before = {(f.partition, f.path) for f in self.lake.files(upstream, old)}
        after = {(f.partition, f.path) for f in self.lake.files(upstream)}
        partitions = sorted({partition for partition, _ in before ^ after})
        if not partitions:
            return set()
        if upstream.partition == upstream.day_column():
            return {date.fromisoformat(p) for p in partitions}
        self.engine.attach_version(upstream, old, "older")
        days = ", ".join(f"DATE '{p}'" for p in partitions)
        column = upstream.day_column()
        rows = self.engine.query(
            f"SELECT {column} AS day FROM older WHERE {upstream.partition} IN ({days})"
            f" UNION SELECT {column} FROM {upstream.table()} WHERE {upstream.partition} IN ({days})"
        )
        return {row.day for row in rows}

    def _followed(self, upstream: type[Dataset], old: int, columns: str, days: str) -> set[date]:
        self.engine.attach_version(upstream, old, "older")
        was, now = f"SELECT {columns} FROM older", f"SELECT {columns} FROM {upstream.table()}"
        rows = self.engine.query(
            f"WITH changed AS (({was} EXCEPT {now}) UNION ALL ({now} EXCEPT {was})) {days}"
        )
        return {row.day for row in rows}

    def _touched(self, dataset: type[Dataset], changed: set[date]) -> set[date]:
        if not changed or dataset.touches is None:
            return set()
        days = pa.table({"day": pa.array(sorted(changed), pa.date32())})
        touches = bound(dataset.touches, Window(min(changed), max(changed) + timedelta(days=1)))
        with self.engine.registered("changed", days):
            return {row.day for row in self.engine.query(touches)}


class Answers:
    """What is asked of attached tables, each answer kept for as long as the tables that it names stay as they are."""

    def __init__(self, engine: DuckDB, datasets: Sequence[type[Dataset]]) -> None:
        self._engine = engine
        self._tables = {dataset.table(): dataset for dataset in datasets}
        self._kept: dict[str, tuple[dict[str, tuple[str, int]], list[Row]]] = {}

    def query(self, sql: str) -> list[Row]:
        """The rows of a query."""
        lake = self._engine.lake
        named = {name: self._tables[name] for name in set(re.findall(r"\w+", sql)) if name in self._tables}
        now = {name: (lake.identity(dataset), lake.version(dataset)) for name, dataset in named.items()}
        then, rows = self._kept.get(sql, (None, []))
        if then != now:
            # What lands meanwhile is read under the name of the version before it, and so asked again.
            self._engine.attach(list(named.values()))
            rows = self._engine.query(sql)
            self._kept[sql] = now, rows
        return rows


@contextmanager
def evaluated(
    engine: DuckDB,
    dataset: type[Dataset],
    statement: str | None,
    settings: Mapping[str, Any],
    window: Window,
) -> Iterator[str | None]:
    """A query of the rows of these days, by the statement or computed; None where there are known to be none."""
    if statement is not None:
        yield bound(statement, window)
        return
    schema = arrow_schema(dataset)
    with _collector_paused():
        pieces = [
            pa.table(columns, schema=schema)
            for columns in _columns(dataset.compute(engine, window, settings), schema.names)
        ]
    if not pieces:
        yield None
        return
    with engine.registered("computed", pa.concat_tables(pieces)):
        yield "SELECT * FROM computed"


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Without Python's search for cycles, which has nothing to find among rows and costs as much as making them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def depends_on_settings(dataset: type[Dataset]) -> bool:
    return any(d.configured for d in _with_upstreams([dataset]))


def inputs_of(lake: Lake, dataset: type[Dataset], version: int) -> dict[type[Dataset], int]:
    """The versions that this version of a table was built from, of all tables that do not depend on settings.

    Raises `unavailable` where they cannot be read as they were: tables built apart, deleted, or tidied away.
    """
    found: dict[type[Dataset], int] = {dataset: version}
    open_ = [dataset]
    while open_:
        table = open_.pop()
        notes = lake.notes(table, found[table])
        for upstream in table.reads:
            then = notes.get("inputs", {}).get(upstream.table(), -1)
            if upstream not in found:
                found[upstream] = then
                _must_be_held(lake, upstream, then, notes)
                if depends_on_settings(upstream):
                    open_.append(upstream)
            elif found[upstream] != then:
                raise apart(upstream)
    return {table: at for table, at in found.items() if not depends_on_settings(table)}


def _must_be_held(lake: Lake, dataset: type[Dataset], version: int, notes: Mapping[str, Any]) -> None:
    """Raises `unavailable` where the version that a table's notes name cannot be read any more."""
    same = version < 0 or notes["tables"][dataset.table()] == lake.identity(dataset)
    if not same or (version not in (-1, lake.version(dataset)) and not lake.holds(dataset, version)):
        raise apart(dataset)


def apart(dataset: type[Dataset]) -> TenantryError:
    return TenantryError(
        Kind.UNAVAILABLE,
        f"{dataset.table()} is no longer what the tables above it were built from",
        "run `tenantry build`, then ask again",
    )


def _with_upstreams(wanted: Sequence[type[Dataset]]) -> set[type[Dataset]]:
    needed: set[type[Dataset]] = set()
    open_ = list(wanted)
    while open_:
        dataset = open_.pop()
        if dataset not in needed:
            needed.add(dataset)
            open_ += dataset.reads
    return needed


def _columns(computed: Iterable[Dataset | Columns], names: Sequence[str]) -> Iterator[Columns]:
    """Rows as columns, so many at a time; columns as they come."""
    left = iter(computed)
    for first in left:
        if isinstance(first, Dataset):
            rows = [first, *islice(left, COMPUTED_ROWS - 1)]
            yield {name: [getattr(row, name) for row in rows] for name in names}
        else:
            yield first


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _partition_of(dataset: type[Dataset], day: date) -> date:
    return month_start(day) if dataset.partition == "month" else day


def _chunks(
    todo: Sequence[date], available: Mapping[date, int], most: int, *, whole_months: bool
) -> Iterator[Chunk]:
    """The days in runs that one statement builds: `most` upstream rows, or a single day (or month) that holds more.

    No day that is not to be built lies inside a run.
    """
    wanted = set(todo)
    run: list[date] = []
    rows = 0
    for day in sorted(available):
        same_month = bool(run) and month_start(run[-1]) == month_start(day)
        full = not same_month if whole_months else rows + available[day] > most
        if run and (day not in wanted or full):
            yield _window(run, whole_months=whole_months), run
            run, rows = [], 0
        if day in wanted:
            run.append(day)
            rows += available[day]
    if run:
        yield _window(run, whole_months=whole_months), run


def _window(run: Sequence[date], *, whole_months: bool) -> Window:
    if whole_months:
        return Window(month_start(run[0]), next_month(run[0]))
    return Window(run[0], run[-1] + timedelta(days=1))

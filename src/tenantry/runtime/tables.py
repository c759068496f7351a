"""The tables under a call: one version of each, as stored, or as other settings would make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import Any

from ..engine.build import apart, depends_on_settings, evaluated, inputs_of
from ..engine.duckdb import DuckDB, bound, quoted
from ..errors import Kind, TenantryError, invalid
from ..kernel import Dataset, Window

_NO_DAYS = Window(date(1, 1, 1), date(1, 1, 2))


@dataclass
class Evidence:
    """A dataset that a call read: the table's version, the newest day in it, and the windows asked for.

    Version and day are null where nothing is stored: a view, or a table that does not exist yet.
    """

    dataset: str
    version: int | None = None
    newest: date | None = None
    windows: list[str] = field(default_factory=list[str])


class Tables:
    """Makes datasets readable by name on one engine; `read` is what was: each in the version it had at first.

    `at` gives versions, by table, to be read instead of the newest; -1 is a table that did not exist.
    """

    def __init__(
        self,
        engine: DuckDB,
        settings: Callable[[], Mapping[str, Any]],
        at: Mapping[str, int] | None = None,
    ) -> None:
        self.engine = engine
        self.read: dict[type[Dataset], Evidence] = {}
        self._settings = cache(settings)
        self._at = at or {}
        self._others: list[Tables] = []

    def make_readable(self, dataset: type[Dataset], window: Window | None) -> None:
        """The dataset's rows under its name; of a view at least those of the window (None: of all days)."""
        if dataset.stored:
            self._fix(dataset)
            return
        self.read.setdefault(dataset, Evidence(dataset.table()))
        spine = dataset.reads[0]
        when = window or (self.span(spine) if spine.day_column() else None) or _NO_DAYS
        for upstream in dataset.reads:
            self.make_readable(upstream, when)
        self._view(dataset, when)

    def span(self, dataset: type[Dataset], where: str = "", values: Sequence[Any] = ()) -> Window | None:
        """From the first to the last day that holds rows of a condition; None if there are none."""
        self.make_readable(dataset, None)
        if not where and dataset.stored and dataset.partition and dataset.partition == dataset.day_column():
            return self._days_of_files(dataset)
        return self._days(dataset, where, values)

    def _days_of_files(self, dataset: type[Dataset]) -> Window | None:
        """As `_days`, of a table whose files are each of one day: to open hundreds of them takes too long."""
        version = self.read[dataset].version
        files = [] if version is None else self.engine.lake.files(dataset, version)
        days = [date.fromisoformat(file.partition) for file in files if file.rows]
        return Window(min(days), max(days) + timedelta(days=1)) if days else None

    def _days(self, dataset: type[Dataset], where: str = "", values: Sequence[Any] = ()) -> Window | None:
        day = quoted(day_of(dataset))
        sql = f"SELECT min({day}) AS first, max({day}) AS last FROM {dataset.table()} {where}"
        [row] = self.engine.query(sql, values)
        return None if row.first is None else Window(row.first, row.last + timedelta(days=1))

    def under(self, settings: Callable[[DuckDB], Mapping[str, Any]]) -> Tables:
        """These tables as they would be, had they been built under other settings. Nothing is stored."""
        self._others.append(_Supposed(self, settings))
        return self._others[-1]

    def close(self) -> None:
        """Let go of all that is held in memory, here and under other settings."""
        for other in self._others:
            other.close()
        self.engine.connection.close()

    def _view(self, dataset: type[Dataset], window: Window) -> None:
        statement = dataset.statement(self._chosen(dataset)) or ""
        self.engine.query(f"CREATE OR REPLACE TEMP VIEW {dataset.table()} AS {bound(statement, window)}")

    def _chosen(self, dataset: type[Dataset]) -> Mapping[str, Any]:
        return self._settings() if dataset.configured else {}

    def _fix(self, dataset: type[Dataset]) -> None:
        """Choose the version that this call reads, at the first read."""
        if dataset in self.read:
            return
        lake = self.engine.lake
        version = self._at.get(dataset.table(), lake.version(dataset))
        if version >= 0 and dataset.table() in self._at and not lake.holds(dataset, version):
            raise invalid(f"version {version} of {dataset.table()} is gone", "begin again at the first page")
        if version < 0:
            self.engine.attach([dataset])
            self.read[dataset] = Evidence(dataset.table())
            return
        self.engine.attach_version(dataset, version, dataset.table())
        partitions = [f.partition for f in lake.files(dataset, version)] if dataset.partition else []
        newest = max(map(date.fromisoformat, partitions), default=None)
        self.read[dataset] = Evidence(dataset.table(), version, newest)


class _Supposed(Tables):
    """The tables of a call as other settings would make them, in memory, month by month as they are asked for.

    What depends on settings is evaluated over the very versions that the stored table was built from: nothing but the
    settings makes a difference. Settings are asked with those attached.
    """

    def __init__(self, stored: Tables, settings: Callable[[DuckDB], Mapping[str, Any]]) -> None:
        super().__init__(stored.engine.fork(), lambda: settings(self.engine))
        self.read = stored.read
        self._stored = stored
        self._attached: set[type[Dataset]] = set()
        self._inputs: dict[type[Dataset], int] = {}
        self._made: set[tuple[type[Dataset], Window]] = set()

    def make_readable(self, dataset: type[Dataset], window: Window | None) -> None:
        self._stored.make_readable(dataset, window)
        self._attach_inputs(dataset)
        self._make(dataset, window)

    def _days_of_files(self, dataset: type[Dataset]) -> Window | None:
        return self._days(dataset)  # what is held in memory is in no file

    def _attach_inputs(self, dataset: type[Dataset]) -> None:
        """Attach what the dataset, as it is stored, was built from, as far as that does not depend on settings."""
        if dataset in self._attached:
            return
        self._attached.add(dataset)
        if not dataset.stored:
            for upstream in dataset.reads:
                self._attach_inputs(upstream)
            return
        version = self.read[dataset].version
        if not depends_on_settings(dataset):
            inputs = {dataset: -1 if version is None else version}
        elif version is None:
            raise empty(dataset)
        else:
            inputs = inputs_of(self.engine.lake, dataset, version)
        for table, at in inputs.items():
            if self._inputs.setdefault(table, at) != at:
                raise apart(table)
            if at < 0:
                self.engine.attach([table])
            else:
                self.engine.attach_version(table, at, table.table())

    def _make(self, dataset: type[Dataset], window: Window | None) -> None:
        if dataset in self._inputs:
            return
        # Rows of any partition may be of the window's days where these are not what divides the table.
        asked = window if dataset.partition == dataset.day_column() else None
        spine = self._spine(dataset)
        when = asked or (self._days(spine) if spine.day_column() else _NO_DAYS)
        if when is None and dataset.stored and dataset.partition:
            self.engine.hold(dataset, None)
            return
        when = when or _NO_DAYS
        if not dataset.stored:
            for upstream in dataset.reads:
                self._make(upstream, when)
            self._view(dataset, when)
            return
        for month in when.widened_to_months().months():
            if (dataset, month) in self._made:
                continue
            for upstream in dataset.reads:
                self._make(upstream, month)
            settings = self._chosen(dataset)
            with evaluated(self.engine, dataset, dataset.statement(settings), settings, month) as query:
                self.engine.hold(dataset, query)
            self._made.add((dataset, month))

    def _spine(self, dataset: type[Dataset]) -> type[Dataset]:
        """What says which days there are: settings may fill a table that is empty as it is stored."""
        return dataset if dataset in self._inputs else self._spine(dataset.reads[0])


def day_of(dataset: type[Dataset]) -> str:
    """The column that windows of the dataset mean. Raises `invalid` where there is none."""
    day = dataset.day_column()
    if not day:
        raise invalid(f"{dataset.table()} is not divided by day", "read it without a window")
    return day


def empty(dataset: type[Dataset]) -> TenantryError:
    return TenantryError(
        Kind.NOT_FOUND, f"{dataset.table()} holds no rows", "land a bill first: `tenantry profile PATH...`"
    )

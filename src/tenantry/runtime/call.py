"""The one door: calls a tool for a principal, and writes down what the answer rests on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from enum import Enum
from functools import cache
from math import isfinite
from time import perf_counter
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from ..engine.build import Settings
from ..engine.duckdb import DuckDB, bound, quoted
from ..errors import Kind, TenantryError, invalid
from ..kernel import Catalog, Dataset, Effect, Principal, Row, Window
from ..kernel.dataset import Role
from ..kernel.money import EXACT, exact

D = TypeVar("D", bound=Dataset)
LOCAL = Principal()
_EARLIEST = date(1, 1, 1)
_TENANT = "tenant_id"
_CURRENCY = ("currency", "billing_currency")
_log = logging.getLogger("tenantry.call")


@dataclass
class Evidence:
    """A dataset that a call read: the table's version, the newest day in it, and the windows asked for.

    Version and day are null where nothing is stored: a view, or a table that does not exist yet.
    """

    dataset: str
    version: int | None = None
    newest: date | None = None
    windows: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Answer:
    """What a tool returned, with what it was asked and what it read. `as_of` is the moment of the call, UTC."""

    capability: str
    tool: str
    arguments: Mapping[str, Any]
    data: Any
    evidence: tuple[Evidence, ...]
    as_of: datetime

    def document(self) -> dict[str, Any]:
        """The one JSON document that every gateway shows."""
        return {
            "capability": self.capability,
            "tool": self.tool,
            "arguments": plain(self.arguments),
            "as_of": plain(self.as_of),
            "data": plain(self.data),
            "evidence": [plain(vars(e)) for e in self.evidence],
        }


class Runtime:
    """Calls tools of a catalog over an engine; `now` is the clock, `settings` are what views depend on.

    One object serves many threads.
    """

    def __init__(
        self, engine: DuckDB, catalog: Catalog, now: Callable[[], datetime], settings: Settings
    ) -> None:
        self.engine = engine
        self.catalog = catalog
        self.now = now
        self.settings = settings

    def call(
        self, capability: str, tool: str, arguments: Mapping[str, Any], principal: Principal = LOCAL
    ) -> Answer:
        """The tool's answer for this principal.

        Raises `not_found` for a name that is not in the catalog, `invalid` for arguments that are not the tool's,
        `forbidden` for data that is not the principal's, `approval_required` for a tool that acts.
        """
        owner, found = self.catalog.capability(capability), self.catalog.tool(capability, tool)
        if found.effect is Effect.ACT:
            raise TenantryError(
                Kind.APPROVAL_REQUIRED, f"{found.name} acts on the world", "a person must approve it first"
            )
        values = found.read_arguments(dict(arguments))
        began, now = perf_counter(), self.now()
        with self._opened(principal, now) as call, localcontext(EXACT):
            data = found.function(call, **values)
        _log.info("call %s.%s by %s: %.3f s", owner.name, found.name, principal.name, perf_counter() - began)
        return Answer(owner.name, found.name, values, data, call.evidence, now)

    def span(self, dataset: str) -> Window:
        """From the first to the last day that the dataset holds. Raises `not_found` where it is empty."""
        found = self.catalog.dataset(dataset)
        with self._opened(LOCAL, self.now()) as call:
            span = call.span(found)
        if span is None:
            raise _empty(found)
        return span

    def batches(
        self, dataset: str, window: Window | None = None, principal: Principal = LOCAL
    ) -> Generator[Any]:
        """All rows of a dataset as `pyarrow.RecordBatch`, by day and key; memory does not grow with the table.

        Raises `not_found` for a name that is not in the catalog, `forbidden` for data that is not the principal's.
        """
        found = self.catalog.dataset(dataset)
        with self._opened(principal, self.now()) as call:
            yield from call.batches(found, window)

    @contextmanager
    def _opened(self, principal: Principal, now: datetime) -> Generator[Call]:
        engine = self.engine.fork()
        with closing(engine.connection):
            yield Call(engine, principal, now, lambda: self._settings(engine))

    def _settings(self, engine: DuckDB) -> Mapping[str, Any]:
        engine.attach([d for d in self.catalog.datasets if d.stored])
        return self.settings(engine)

    def rows_held(self, dataset: str) -> int:
        """How many rows the newest version of a dataset holds."""
        return sum(file.rows for file in self.engine.lake.files(self.catalog.dataset(dataset)))


class Call:
    """The `Context` of one call: its own cursor, its principal's rows, one version of each table."""

    def __init__(
        self,
        engine: DuckDB,
        principal: Principal,
        now: datetime,
        settings: Callable[[], Mapping[str, Any]],
    ) -> None:
        self.principal = principal
        self.now = now
        self._engine = engine
        self._settings = cache(settings)
        self._read: dict[type[Dataset], Evidence] = {}

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        return tuple(self._read.values())

    def rows(
        self, dataset: type[D], window: Window | None = None, *, limit: int | None = None, **equals: Any
    ) -> list[D]:
        where, values = self._where(dataset, window, equals)
        columns = ", ".join(map(quoted, dataset.columns()))
        most = "" if limit is None else f" LIMIT {int(limit)}"
        found = self._query(
            dataset, window, f"SELECT {columns} FROM # {where}{_ordered(dataset.keys)}{most}", values
        )
        try:
            return [dataset.model_validate(row) for row in found]
        except ValidationError as problem:
            raise TenantryError(
                Kind.BROKEN_CONTRACT,
                f"{dataset.table()} holds a row against its contract: {problem}",
                "build it again; a landing table must be landed again",
            ) from problem

    def totals(
        self,
        dataset: type[Dataset],
        window: Window | None = None,
        *,
        by: Sequence[str] = (),
        measures: Sequence[str] = (),
        **equals: Any,
    ) -> list[Row]:
        _refuse_unknown(dataset, [*by, *measures])
        measures = measures or _summable(dataset)
        _refuse_mixed_currencies(
            dataset, measures, {*by, *(n for n, v in equals.items() if isinstance(v, str))}
        )
        where, values = self._where(dataset, window, equals)
        sums = [f"{_sum(dataset, name)} AS {quoted(name)}" for name in measures]
        names = [quoted(name) for name in by]
        group = f" GROUP BY {', '.join(names)}" if names else ""
        select = f"SELECT {', '.join([*names, *sums])} FROM # {where}{group}{_ordered(by)}"
        return self._query(dataset, window, select, values)

    def batches(self, dataset: type[Dataset], window: Window | None = None) -> Generator[Any]:
        """The rows as Arrow: a day at a time, where the dataset has days."""
        spine = dataset if dataset.stored else dataset.reads[0]
        whole = window or (self.span(spine) if dataset.day_column() else None)
        for day in whole.chunks(1) if whole else [window]:
            where, values = self._where(dataset, day, {})
            columns = ", ".join(map(quoted, dataset.columns()))
            self._make_readable(dataset, day)
            sql = f"SELECT {columns} FROM {dataset.table()} {where}{_ordered(dataset.keys)}"
            yield from self._engine.arrow(sql, values).to_batches()

    def span(self, dataset: type[Dataset]) -> Window | None:
        day = quoted(_day(dataset))
        where, values = self._where(dataset, None, {})
        [row] = self._query(
            dataset, None, f"SELECT min({day}) AS first, max({day}) AS last FROM # {where}", values
        )
        return None if row.first is None else Window(row.first, row.last + timedelta(days=1))

    def month(self, dataset: type[Dataset]) -> Window:
        span = self.span(dataset)
        if span is None:
            raise _empty(dataset)
        return span.newest_month

    def _query(
        self, dataset: type[Dataset], window: Window | None, sql: str, values: Sequence[Any]
    ) -> list[Row]:
        """The rows of a statement in which `#` stands for the dataset's table."""
        self._make_readable(dataset, window)
        if window and str(window) not in self._read[dataset].windows:
            self._read[dataset].windows.append(str(window))
        return self._engine.query(sql.replace("#", dataset.table(), 1), values)

    def _make_readable(self, dataset: type[Dataset], window: Window | None) -> None:
        if dataset.stored:
            self._attach(dataset)
            return
        self._read.setdefault(dataset, Evidence(dataset.table()))
        when = window or self.span(dataset.reads[0]) or Window(_EARLIEST, _EARLIEST + timedelta(days=1))
        for upstream in dataset.reads:
            self._make_readable(upstream, when)
        statement = dataset.statement(self._settings() if dataset.configured else {}) or ""
        self._engine.query(f"CREATE OR REPLACE TEMP VIEW {dataset.table()} AS {bound(statement, when)}")

    def _attach(self, dataset: type[Dataset]) -> None:
        """Fix the version that this call reads, at the first read."""
        if dataset in self._read:
            return
        lake = self._engine.lake
        version = lake.version(dataset)
        if version < 0:
            self._engine.attach([dataset])
            self._read[dataset] = Evidence(dataset.table())
            return
        self._engine.attach_version(dataset, version, dataset.table())
        partitions = [f.partition for f in lake.files(dataset, version)] if dataset.partition else []
        newest = max(map(date.fromisoformat, partitions), default=None)
        self._read[dataset] = Evidence(dataset.table(), version, newest)

    def _where(
        self, dataset: type[Dataset], window: Window | None, equals: Mapping[str, Any]
    ) -> tuple[str, list[Any]]:
        _refuse_unknown(dataset, equals)
        conditions: list[str] = []
        values: list[Any] = []
        if window is not None:
            day = quoted(_day(dataset))
            conditions.append(f"{day} >= ? AND {day} < ?")
            values += [window.start, window.end]
        for name, value in {**equals, **self._own(dataset, equals)}.items():
            if value is None:
                conditions.append(f"{quoted(name)} IS NULL")
            elif (several := _several(value)) is not None:
                conditions.append(f"{quoted(name)} IN (SELECT unnest(?))")
                values.append([_bindable(v) for v in several])
            else:
                conditions.append(f"{quoted(name)} = ?")
                values.append(_bindable(value))
        return (f"WHERE {' AND '.join(conditions)}" if conditions else ""), values

    def _own(self, dataset: type[Dataset], equals: Mapping[str, Any]) -> dict[str, str]:
        """The filter that keeps a principal bound to a tenant with that tenant's rows."""
        tenant = self.principal.tenant_id
        if tenant is None:
            return {}
        if _TENANT not in dataset.columns():
            raise TenantryError(
                Kind.FORBIDDEN,
                f"{dataset.table()} is not divided by tenant, and {self.principal.name} sees one tenant only",
                "ask as a principal that is not bound to a tenant",
            )
        asked = equals.get(_TENANT, tenant)
        several = _several(asked)
        if any(name != tenant for name in ([asked] if several is None else several)):
            raise TenantryError(
                Kind.FORBIDDEN,
                f"{self.principal.name} sees its own tenant only",
                "leave the tenant out, or name your own",
            )
        return {_TENANT: tenant}


def plain(value: Any) -> Any:
    """A value as JSON carries it: decimals as plain text, times in ISO 8601, records by field name."""
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in cast("Mapping[Any, Any]", value).items()}
    several = _several(value)
    return _scalar(value) if several is None else [plain(v) for v in several]


def _several(value: Any) -> Collection[Any] | None:
    """A collection of values; None for a single one."""
    if isinstance(value, Collection) and not isinstance(value, str):
        return cast("Collection[Any]", value)
    return None


def _scalar(value: Any) -> str | int | float | None:
    match value:
        case Enum():
            found = value.value
        case Decimal():
            found = exact(value)
        case datetime():
            found = value.isoformat().replace("+00:00", "Z")
        case float():
            found = value if isfinite(value) else None
        case str() | int() | None:
            found = value
        case _:
            found = str(value)
    return found


def _bindable(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _empty(dataset: type[Dataset]) -> TenantryError:
    return TenantryError(
        Kind.NOT_FOUND, f"{dataset.table()} holds no rows", "land a bill first: `tenantry profile PATH...`"
    )


def _refuse_unknown(dataset: type[Dataset], names: Collection[str]) -> None:
    columns = dataset.columns()
    unknown = [name for name in names if name not in columns]
    if unknown:
        raise invalid(
            f"{dataset.table()} has no column {', '.join(map(repr, unknown))}", f"it has {', '.join(columns)}"
        )


def _refuse_mixed_currencies(dataset: type[Dataset], measures: Sequence[str], named: Collection[str]) -> None:
    columns = dataset.columns()
    currency = next((name for name in _CURRENCY if name in columns), None)
    if currency and currency not in named and any(columns[name].unit == "money" for name in measures):
        raise invalid(
            f"sums over {dataset.table()} would add currencies together",
            f"sum by {currency}, or choose one",
        )


def _summable(dataset: type[Dataset]) -> list[str]:
    return [
        name
        for name, column in dataset.columns().items()
        if column.role is Role.MEASURE and column.sql != "DOUBLE"
    ]


def _sum(dataset: type[Dataset], name: str) -> str:
    whole = dataset.columns()[name].sql == "DECIMAL(38,0)"
    found = f"CAST(sum({quoted(name)}) AS HUGEINT)" if whole else f"sum({quoted(name)})"
    return f"coalesce({found}, 0)" if name in dataset.required() else found


def _ordered(names: Sequence[str]) -> str:
    return f" ORDER BY {', '.join(f'{quoted(name)} NULLS FIRST' for name in names)}" if names else ""


def _day(dataset: type[Dataset]) -> str:
    day = dataset.day_column()
    if not day:
        raise invalid(f"{dataset.table()} is not divided by day", "read it without a window")
    return day

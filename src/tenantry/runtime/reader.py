"""What a tool reads: one version of each table, the principal's rows, and a record of both."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from ..engine.duckdb import DuckDB, quoted
from ..errors import Kind, TenantryError, invalid
from ..kernel import Dataset, Principal, Row, Sandbox, Window
from ..kernel.dataset import Role
from .tables import Evidence, Tables, day_of, empty

D = TypeVar("D", bound=Dataset)
_PIECE = 50_000
"""Rows that one statement of `batches` starts from, unless a single day has more."""
_TENANT = "tenant_id"
_CURRENCY = ("currency", "billing_currency")
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Place:
    """Where a page begins: at a day, after so many rows from there on."""

    day: date | None = None
    skip: int = 0


@dataclass(frozen=True)
class Page:
    """Some rows, as Arrow batches, and the place of the rest; None at the end."""

    batches: list[Any]
    rest: Place | None


class Reader:
    """The `Context` of one call: its own cursor, its principal's rows, one version of each table."""

    def __init__(
        self,
        engine: DuckDB,
        principal: Principal,
        now: datetime,
        settings: Callable[[], Mapping[str, Any]],
        at: Mapping[str, int] | None = None,
        sandbox: Sandbox | None = None,
    ) -> None:
        self.principal = principal
        self.now = now
        self.sandbox = sandbox
        self.recorded: list[Dataset] = []
        self._tables = Tables(engine, settings, at)

    def close(self) -> None:
        self._tables.close()

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        return tuple(self._tables.read.values())

    def record(self, *rows: Dataset) -> None:
        for row in rows:
            self._own(type(row), {name: getattr(row, name) for name in (_TENANT,) if name in row.columns()})
            self.recorded.append(row)

    def under(self, settings: Callable[[Any], Mapping[str, Any]]) -> Reader:
        if self.principal.tenant_id is not None:
            raise TenantryError(
                Kind.FORBIDDEN,
                f"{self.principal.name} sees its own tenant only, and other settings could make anything its own",
                "ask as a principal that is not bound to a tenant",
            )
        other = copy(self)
        other._tables = self._tables.under(settings)  # noqa: SLF001 - its own class
        return other

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
        distinct: str = "",
        order: str = "",
        limit: int | None = None,
        **equals: Any,
    ) -> list[Row]:
        sums = _Sums(dataset, tuple(by), tuple(measures) or _summable(dataset), distinct, order, limit)
        sums.check({name for name, value in equals.items() if isinstance(value, str)})
        where, values = self._where(dataset, window, equals)
        return self._query(dataset, window, sums.statement(where), values)

    def batches(self, dataset: type[Dataset], window: Window | None = None) -> Generator[Any]:
        """The rows as Arrow, by day and key; some days at a time, so that memory does not grow with the table."""
        for days in self._pieces(dataset, window):
            yield from self._piece(dataset, days).to_batches()

    def page(self, dataset: type[Dataset], window: Window | None, start: Place, limit: int) -> Page:
        """At most `limit` rows from a place on, by day and key. Days that hold nothing are passed over."""
        when, skip, found = window, start.skip, list[Any]()
        if start.day is not None:
            end = window.end if window else self._whole(dataset).end
            if not (window.start if window else date.min) <= start.day < end:
                raise invalid(f"{start.day} is not a day of these pages", "begin again at the first page")
            when = Window(start.day, end)
        left = limit
        for days in self._pieces(dataset, when):
            rows = self._piece(dataset, days, skip, left + 1)
            found += rows.slice(0, left).to_batches()
            if rows.num_rows > left:
                return Page(found, Place(days.start if days else None, skip + left))
            left, skip = left - rows.num_rows, 0
        return Page(found, None)

    def _piece(self, dataset: type[Dataset], days: Window | None, skip: int = 0, most: int = -1) -> Any:
        where, values = self._where(dataset, days, {})
        self._tables.make_readable(dataset, days)
        columns = ", ".join(map(quoted, dataset.columns()))
        order = _ordered([*dict.fromkeys(filter(None, (dataset.day_column(), *dataset.keys)))])
        cut = "" if most < 0 else f" LIMIT {int(most)} OFFSET {int(skip)}"
        return self._tables.engine.arrow(
            f"SELECT {columns} FROM {dataset.table()} {where}{order}{cut}", values
        )

    def _pieces(self, dataset: type[Dataset], window: Window | None) -> Iterable[Window | None]:
        """The days of the window that hold rows, cut into pieces of some ten thousand, at most a month; by month where
        rows are.
        """
        spine = _spine(dataset)
        whole = self._tables.span(spine) if dataset.day_column() else None
        if whole is None:
            return [window]
        by_month = dataset.day_column() == "month"
        held = whole.widened_to_months() if by_month else whole
        if window and (window.end <= held.start or held.end <= window.start):
            return [window]
        when = Window(max(window.start, held.start), min(window.end, held.end)) if window else held
        if by_month:
            return when.months()
        rows = sum(file.rows for file in self._tables.engine.lake.files(spine))
        return when.chunks(max(1, min(31, _PIECE * whole.days // max(1, rows))))

    def _whole(self, dataset: type[Dataset]) -> Window:
        span = self._tables.span(_spine(dataset))
        if span is None:
            raise empty(dataset)
        return span.widened_to_months() if dataset.day_column() == "month" else span

    def span(self, dataset: type[Dataset]) -> Window | None:
        return self._tables.span(dataset, *self._where(dataset, None, {}))

    def month(self, dataset: type[Dataset]) -> Window:
        span = self.span(dataset)
        if span is None:
            raise empty(dataset)
        month = span.newest_month
        while month.start >= span.start and not self._tables.span(dataset, *self._where(dataset, month, {})):
            month = month.previous  # a gap
        return month if month.start >= span.start else Window(span.end - _DAY, span.end).widened_to_months()

    def _query(
        self, dataset: type[Dataset], window: Window | None, sql: str, values: Sequence[Any]
    ) -> list[Row]:
        """The rows of a statement in which `#` stands for the dataset's table."""
        self._tables.make_readable(dataset, window)
        if window and str(window) not in self._tables.read[dataset].windows:
            self._tables.read[dataset].windows.append(str(window))
        return self._tables.engine.query(sql.replace("#", dataset.table(), 1), values)

    def _where(
        self, dataset: type[Dataset], window: Window | None, equals: Mapping[str, Any]
    ) -> tuple[str, list[Any]]:
        _refuse_unknown(dataset, equals)
        conditions: list[str] = []
        values: list[Any] = []
        if window is not None:
            day = quoted(day_of(dataset))
            conditions.append(f"{day} >= ? AND {day} < ?")
            values += [window.start, window.end]
        for name, value in {**equals, **self._own(dataset, equals)}.items():
            if value is None:
                conditions.append(f"{quoted(name)} IS NULL")
            elif (many := several(value)) is not None:
                conditions.append(f"{quoted(name)} IN (SELECT unnest(?))")
                values.append([_bindable(v) for v in many])
            else:
                conditions.append(f"{quoted(name)} = ?")
                values.append(_bindable(value))
        return (f"WHERE {' AND '.join(conditions)}" if conditions else ""), values

    def _own(self, dataset: type[Dataset], equals: Mapping[str, Any]) -> dict[str, str]:
        """The filter that keeps a principal bound to a tenant with that tenant's rows."""
        tenant = self.principal.tenant_id
        if tenant is None:
            return {}
        if not may_see(self.principal, dataset):
            raise TenantryError(
                Kind.FORBIDDEN,
                f"{dataset.table()} is not divided by tenant, and {self.principal.name} sees one tenant only",
                "ask as a principal that is not bound to a tenant",
            )
        asked = equals.get(_TENANT, tenant)
        many = several(asked)
        if any(name != tenant for name in ([asked] if many is None else many)):
            raise TenantryError(
                Kind.FORBIDDEN,
                f"{self.principal.name} sees its own tenant only",
                "leave the tenant out, or name your own",
            )
        return {_TENANT: tenant}


def may_see(principal: Principal, dataset: type[Dataset]) -> bool:
    """Whether there can be rows of the dataset for this principal."""
    return principal.tenant_id is None or _TENANT in dataset.columns()


def _spine(dataset: type[Dataset]) -> type[Dataset]:
    return dataset if dataset.stored else dataset.reads[0]


def several(value: Any) -> Collection[Any] | None:
    """A collection of values; None for a single one."""
    if isinstance(value, Collection) and not isinstance(value, str):
        return cast("Collection[Any]", value)
    return None


def _bindable(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _refuse_unknown(dataset: type[Dataset], names: Collection[str]) -> None:
    columns = dataset.columns()
    unknown = [name for name in names if name not in columns]
    if unknown:
        raise invalid(
            f"{dataset.table()} has no column {', '.join(map(repr, unknown))}", f"it has {', '.join(columns)}"
        )


@dataclass(frozen=True)
class _Sums:
    """The statement of `totals`, in which `#` stands for the table."""

    dataset: type[Dataset]
    by: tuple[str, ...]
    measures: tuple[str, ...]
    distinct: str
    order: str
    limit: int | None

    @property
    def currency(self) -> str | None:
        return next((name for name in _CURRENCY if name in self.dataset.columns()), None)

    def check(self, chosen: Collection[str]) -> None:
        """Raises `invalid` for names that are not there, and where currencies would be added together."""
        _refuse_unknown(self.dataset, [*self.by, *self.measures, *filter(None, [self.distinct])])
        columns = self.dataset.columns()
        currency = self.currency
        if (
            currency
            and currency not in {*self.by, *chosen}
            and any(columns[name].unit == "money" for name in self.measures)
        ):
            raise invalid(
                f"sums over {self.dataset.table()} would add currencies together",
                f"sum by {currency}, or choose one",
            )
        if self.order and self.order.removeprefix("-") not in self.measures:
            raise invalid(
                f"{self.order!r} is none of the measures summed", f"there are {', '.join(self.measures)}"
            )

    def statement(self, where: str) -> str:
        names = [quoted(name) for name in self.by]
        sums = [f"{_sum(self.dataset, name)} AS {quoted(name)}" for name in self.measures]
        count = [f"count(DISTINCT {quoted(self.distinct)}) AS {quoted('distinct')}"] if self.distinct else []
        group = f" GROUP BY {', '.join(names)}" if names else ""
        select = f"SELECT {', '.join([*names, *sums, *count])} FROM # {where}{group}"
        if self.limit is None:
            return f"{select}{self._ordering()}"
        apart = [f"PARTITION BY {name}" for name in self._currencies()]
        first = f"row_number() OVER ({' '.join(apart)}{self._ordering()}) <= {int(self.limit)}"
        return f"SELECT * FROM ({select}) QUALIFY {first}{self._ordering()}"

    def _currencies(self) -> list[str]:
        return [quoted(name) for name in self.by if name == self.currency]

    def _ordering(self) -> str:
        """By currency and the measure where one is named; rows of equal measure, and all others, by their columns."""
        if not self.order:
            return _ordered(self.by)
        measure = quoted(self.order.removeprefix("-"))
        way = "DESC" if self.order.startswith("-") else "ASC"
        rest = [f"{quoted(name)} NULLS FIRST" for name in self.by]
        return f" ORDER BY {', '.join([*self._currencies(), f'{measure} {way} NULLS LAST', *rest])}"


def _summable(dataset: type[Dataset]) -> tuple[str, ...]:
    return tuple(
        name
        for name, column in dataset.columns().items()
        if column.role is Role.MEASURE and column.sql != "DOUBLE"
    )


def _sum(dataset: type[Dataset], name: str) -> str:
    whole = dataset.columns()[name].sql == "DECIMAL(38,0)"
    found = f"CAST(sum({quoted(name)}) AS HUGEINT)" if whole else f"sum({quoted(name)})"
    return f"coalesce({found}, 0)" if name in dataset.required() else found


def _ordered(names: Sequence[str]) -> str:
    return f" ORDER BY {', '.join(f'{quoted(name)} NULLS FIRST' for name in names)}" if names else ""

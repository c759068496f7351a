"""A dataset: the contract of a table and, when it is derived, the query that builds it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict

from .money import MONEY_SQL, QUANTITY_SQL
from .time import Window


class Role(StrEnum):
    """What a column is for; gateways choose axes, filters and formats by it."""

    TIME = "time"
    KEY = "key"
    DIMENSION = "dimension"
    MEASURE = "measure"
    NOTE = "note"


@dataclass(frozen=True)
class Column:
    """Role, SQL type and unit of one column. `unit` is `money` (of the row's currency) or a noun."""

    role: Role
    sql: str
    unit: str = ""


Day = Annotated[date, Column(Role.TIME, "DATE")]
Time = Annotated[datetime, Column(Role.TIME, "TIMESTAMP")]
Key = Annotated[str, Column(Role.KEY, "VARCHAR")]
Dimension = Annotated[str, Column(Role.DIMENSION, "VARCHAR")]
OptionalDimension = Annotated[str | None, Column(Role.DIMENSION, "VARCHAR")]
Note = Annotated[str | None, Column(Role.NOTE, "VARCHAR")]
OptionalDay = Annotated[date | None, Column(Role.DIMENSION, "DATE")]
OptionalTime = Annotated[datetime | None, Column(Role.DIMENSION, "TIMESTAMP")]
Money = Annotated[Decimal, Column(Role.MEASURE, MONEY_SQL, "money")]
OptionalMoney = Annotated[Decimal | None, Column(Role.MEASURE, MONEY_SQL, "money")]
Quantity = Annotated[Decimal, Column(Role.MEASURE, QUANTITY_SQL, "units")]
OptionalQuantity = Annotated[Decimal | None, Column(Role.MEASURE, QUANTITY_SQL, "units")]
Units = Annotated[int, Column(Role.MEASURE, "DECIMAL(38,0)", "units")]
Count = Annotated[int, Column(Role.MEASURE, "BIGINT", "rows")]
Ratio = Annotated[float | None, Column(Role.MEASURE, "DOUBLE", "ratio")]
Tags = Annotated[dict[str, str] | None, Column(Role.NOTE, "MAP(VARCHAR, VARCHAR)")]
Names = Annotated[list[str] | None, Column(Role.DIMENSION, "VARCHAR[]")]
Columns = Mapping[str, Sequence[Any]]


def snake(name: str) -> str:
    """`TenantCost` -> `tenant_cost`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Dataset(BaseModel):
    """An instance is a row, the class is the contract.

    A derived dataset has a `query` (DuckDB SQL) or a `compute`; a landing dataset has neither and is filled by sources.
    In a query `$start` and `$end` (exclusive) are the days to build, `$month_start` and `$month_end` their months.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    partition: ClassVar[str] = "charge_day"
    """The DATE column by which the lake divides the table; replaced whole. Empty: one partition."""
    keys: ClassVar[tuple[str, ...]] = ()
    """The columns that name a row; unique together."""
    sort: ClassVar[tuple[str, ...]] = ()
    """Order inside a file, so that readers skip what they do not need."""
    reads: ClassVar[tuple[type[Dataset], ...]] = ()
    """The datasets the query reads; the build's order."""
    spines: ClassVar[int] = 1
    """So many of `reads`, from the first, say which days there are to build."""
    query: ClassVar[str | None] = None
    windowed_by: ClassVar[str] = ""
    """The DATE column that windows mean; by default the partition."""
    whole_months: ClassVar[bool] = False
    """True where a day's rows depend on all days of its month: built month by month."""
    touches: ClassVar[str | None] = None
    """SQL over `changed(day)`, all from `$start` to `$end`: further days whose rows depend on one of an upstream."""
    follows: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """By upstream of one partition: the columns whose changes count, and SQL of days over `changed`, old and new."""
    hourly: ClassVar[str | None] = None
    """SQL of (name, tenant_id) for `asked(name, day)`: days of the first upstream alone may be added up by the hour."""
    without: ClassVar[str] = ""
    """The tenant without whom rows of the first upstream, added up by key, are those of a day that it alone has."""
    told: ClassVar[tuple[str, ...]] = ()
    """The settings, by name, that it depends on and that are known before there is data; each has a default."""
    configured: ClassVar[bool] = False
    """True where the statement depends on settings (the allocation policy)."""
    stored: ClassVar[bool] = True
    """False: a view. Never built; its query runs over the asked window whenever it is read."""
    conserves: ClassVar[tuple[tuple[str, ...], str] | None] = None
    """(measures, upstream): their sums per currency, billing period and day equal the upstream's."""

    @classmethod
    def table(cls) -> str:
        """The table's name: the class's, in snake_case."""
        return snake(cls.__name__)

    @classmethod
    def columns(cls) -> dict[str, Column]:
        """Column by name, in order. Raises TypeError for a field without a `Column`: an author's mistake."""
        return {name: column for name, (column, _) in _contract(cls).items()}

    @classmethod
    def required(cls) -> frozenset[str]:
        """The columns that are never null."""
        return frozenset(name for name, (_, optional) in _contract(cls).items() if not optional)

    @classmethod
    def day_column(cls) -> str:
        return cls.windowed_by or cls.partition

    @classmethod
    def derived(cls) -> bool:
        return any(name in cls.__dict__ for name in ("query", "statement", "compute"))

    @classmethod
    def statement(cls, settings: Mapping[str, Any]) -> str | None:
        """The query for these settings; datasets that depend on a policy write theirs here."""
        return cls.query

    @classmethod
    def rates(cls, settings: Mapping[str, Any]) -> tuple[type[Dataset], str] | None:
        """Usage, and SQL of what it costs and of all else, where our own code may share days (engine/rated.py)."""
        return None

    @classmethod
    def compute(cls, read: Any, window: Window, settings: Mapping[str, Any]) -> Iterable[Dataset | Columns]:
        """Rows, or columns of many, from a method over upstream datasets; for what SQL cannot say well."""
        raise NotImplementedError


def _contract(cls: type[Dataset]) -> dict[str, tuple[Column, bool]]:
    if "_contract_cache" not in cls.__dict__:
        hints = get_type_hints(cls, include_extras=True)
        type.__setattr__(cls, "_contract_cache", {n: _column(cls, n, hints[n]) for n in cls.model_fields})
    return cls.__dict__["_contract_cache"]


def _column(cls: type[Dataset], name: str, hint: Any) -> tuple[Column, bool]:
    if get_origin(hint) is Annotated:
        value, *marks = get_args(hint)
        for mark in reversed(marks):
            if isinstance(mark, Column):
                return mark, type(None) in get_args(value)
    message = f"{cls.__name__}.{name} has no Column"
    raise TypeError(message)

"""Windows of time: half-open, whole days, UTC."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

from ..errors import TenantryError, invalid

_MONTH = re.compile(r"\d{4}-\d{2}")
_FIRST, _LAST = date(1900, 1, 1), date(2200, 1, 1)
_HINT = "a window is written START..END with ISO dates, END exclusive, or YYYY-MM for a month"


def month_start(day: date) -> date:
    return day.replace(day=1)


def next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


@dataclass(frozen=True, order=True)
class Window:
    """Days from `start` up to, and without, `end`; both UTC dates."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise invalid(f"window {self.start}..{self.end} holds no day", _HINT)

    @classmethod
    def parse(cls, text: str) -> Window:
        """Read `2026-01-01..2026-02-01` or `2026-01`, of the years that bills can be of. Raises `invalid`."""
        days = f"{text}-01..{text}-02" if _MONTH.fullmatch(text) else text
        try:
            start, end = map(date.fromisoformat, days.split(".."))
        except ValueError:
            raise invalid(f"{text!r} is not a window", _HINT) from None
        if start < _FIRST or end > _LAST:
            raise invalid(f"{text} is not within {_FIRST}..{_LAST}", _HINT)
        return cls(start, end if days == text else next_month(start))

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def previous(self) -> Window:
        """The window of the same length just before this one; of a whole month, the month before."""
        if self.start.day == 1 and self.end == next_month(self.start):
            return Window(month_start(self.start - timedelta(days=1)), self.start)
        return Window(self.start - timedelta(days=self.days), self.start)

    @property
    def newest_month(self) -> Window:
        """The last whole month in this window; where it holds none, the month of its last day."""
        last = month_start(self.end - timedelta(days=1))
        month = Window(last, next_month(last))
        whole_before = month.end > self.end and month.previous.start >= self.start
        return month.previous if whole_before else month

    def months(self) -> Iterator[Window]:
        """This window cut at the first of each month."""
        start = self.start
        while start < self.end:
            end = min(next_month(start), self.end)
            yield Window(start, end)
            start = end

    def chunks(self, days: int) -> Iterator[Window]:
        """This window cut into pieces of at most `days` days."""
        start = self.start
        while start < self.end:
            end = min(start + timedelta(days=days), self.end)
            yield Window(start, end)
            start = end

    def widened_to_months(self) -> Window:
        """The smallest window of whole months that holds this one."""
        return Window(month_start(self.start), next_month(self.end - timedelta(days=1)))

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    def __str__(self) -> str:
        return f"{self.start}..{self.end}"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        def read(value: Any) -> Window:
            if isinstance(value, Window):
                return value
            try:
                return cls.parse(str(value))
            except TenantryError as problem:
                raise ValueError(f"{problem.message}; {problem.hint}") from None

        return core_schema.no_info_plain_validator_function(
            read, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "format": "window", "examples": ["2026-01-01..2026-02-01"]}

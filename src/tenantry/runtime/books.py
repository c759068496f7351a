"""Closing months, and opening them again: what was published of closed ones is kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from time import perf_counter

from ..engine.build import Built
from ..engine.duckdb import DuckDB
from ..errors import invalid
from ..kernel import Dataset
from ..kernel.time import month_start, next_month


@dataclass(frozen=True)
class Books:
    """Months up to `through`, the first day of one, are to be closed, and later ones open.

    `days` lists the closed days, and alone says what is closed; `kept` holds the rows of `published` as they were.
    """

    days: type[Dataset]
    kept: type[Dataset]
    published: type[Dataset]
    through: date

    def settle(self, engine: DuckDB, now: datetime) -> list[Built]:
        """Open the months after `through`, and close those up to it of which something was published.

        Returns what that did to the kept rows: nothing, mostly. Raises `invalid` for a month that is not over.
        """
        end = next_month(self.through)
        if end > now.date():
            raise invalid(
                f"books.closed_through = '{self.through:%Y-%m}': that month is not over",
                "close a month when its bill is final",
            )
        began = perf_counter()
        engine.attach([self.days, self.published])
        before = {row.day: row.closed_at for row in engine.query(f"SELECT * FROM {self.days.table()}")}
        closed = {day: at for day, at in before.items() if day < end}
        if len(closed) < len(before):
            self._list(engine, closed)
        months = {month_start(day) for day in engine.lake.days(self.published) if day < end} - closed.keys()
        stray = {file.partition for file in engine.lake.files(self.kept)} - set(map(str, closed))
        if not months and not stray:
            return []
        rows = self._keep(engine, sorted(months), stray)
        new = [day for month in sorted(months) for day in _days_of(month)]
        if new:
            self._list(engine, closed | dict.fromkeys(new, now.replace(tzinfo=None)))
        return [Built(self.kept.table(), len({*stray, *map(str, new)}), rows, perf_counter() - began)]

    def _keep(self, engine: DuckDB, months: Collection[date], stray: Collection[str]) -> int:
        """Copy the published rows of these months, in place of those on stray days; how many."""
        columns = ", ".join(name for name in self.kept.columns() if name != "incurred_day")
        files = [
            file
            for month in months
            for file in engine.write(
                self.kept,
                f"SELECT {columns}, coalesce(corrects, charge_day) AS incurred_day FROM {self.published.table()}"
                f" WHERE charge_day >= DATE '{month}' AND charge_day < DATE '{next_month(month)}'",
                None,
            )
        ]
        engine.lake.commit(self.kept, files, replaces=stray, since=engine.lake.version(self.kept))
        return sum(file.rows for file in files)

    def _list(self, engine: DuckDB, closed: Mapping[date, datetime]) -> None:
        rows = ", ".join(f"(DATE '{day}', TIMESTAMP '{at}')" for day, at in sorted(closed.items()))
        query = f"SELECT * FROM (VALUES {rows}) AS closed(day, closed_at)"
        files = engine.write(self.days, query, None) if closed else []
        engine.lake.commit(self.days, files, since=engine.lake.version(self.days))


def _days_of(month: date) -> list[date]:
    return [month + timedelta(days=n) for n in range((next_month(month) - month).days)]

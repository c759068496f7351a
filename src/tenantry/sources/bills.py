"""What all bill formats share: the key of a row, its periods, its amounts, and what is rejected or repaired."""

from __future__ import annotations

from collections.abc import Sequence

from ..datasets.charges import Charges
from ..kernel.money import MONEY_PLACES, MONEY_SQL, QUANTITY_PLACES, QUANTITY_SQL
from ..kernel.source import Division, RowMapping, Sample
from .cells import Columns, day_first, first, literal, union, words

# A delivery is the whole bill of an account and a month: it replaces the one before.
REPLACES = ("billing_period", "billing_account_id", "provider_name")
# One delivery may be divided into folders by any of these, and then no folder replaces another.
WITHIN = ("charge_day", "sub_account_id", "service_name", "region_id")

_NEVER_NULL = {
    "billing_account_id": "(none)",
    "provider_name": "(none)",
    "service_name": "(none)",
    "billing_currency": "XXX",
}
_WORDS = {
    "charge_class": ("Correction",),
    "charge_frequency": ("One-Time", "Recurring", "Usage-Based"),
    "commitment_discount_status": ("Used", "Unused"),
}


class Rows:
    """The SQL of `Charges`, column by column, for files that land together.

    A row is rejected only for its charge period's start and for an amount that is no number. Whatever else
    cannot be read is left empty and counted as a repair.
    """

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.columns = Columns(samples)
        self.sql: dict[str, str] = {
            "charge_key": "_delivery || ':' || CAST(_row AS VARCHAR)",
            "x_delivery": "_delivery",
            "x_row": "CAST(_row AS BIGINT)",
        }
        self.rejects: dict[str, str] = {}
        self.repairs: dict[str, str] = {}
        self._samples = samples
        self._day_first = False

    def mapping(self, where: str = "TRUE", left_out: str = "", divided: Division | None = None) -> RowMapping:
        rejects, repairs = tuple(self.rejects.items()), tuple(self.repairs.items())
        return RowMapping(Charges, dict(self.sql), rejects, repairs, where, left_out, divided)

    def text(self, *names: str) -> str:
        """VARCHAR: the first of these columns that is filled."""
        return first([c.text() for c in self.columns.named(*names).values()] or ["CAST(NULL AS VARCHAR)"])

    def number(self, *names: str, places: int = QUANTITY_PLACES) -> str:
        """DECIMAL(38, places): the first of these columns that is filled; null for what is no number."""
        cells = self.columns.named(*names)
        for name, cell in cells.items():
            self.repairs[f"{name} is not a number: left empty"] = cell.bad_number()
        return first([c.number(places) for c in cells.values()] or [f"CAST(NULL AS DECIMAL(38,{places}))"])

    def amount(self, *names: str) -> str:
        """Money: the first of these columns that is filled, or null. What is no number rejects the row."""
        cells = self.columns.named(*names)
        for name, cell in cells.items():
            self.rejects[f"{name} is not a number"] = cell.bad_number()
            self.repairs[f"{name} has more than 18 decimals: rounded half to even"] = cell.rounded_number()
        return first([c.number() for c in cells.values()] or [f"CAST(NULL AS {MONEY_SQL})"])

    def tags(self, *names: str) -> list[str]:
        """MAP(VARCHAR, VARCHAR) of each of these columns that the files have."""
        cells = self.columns.named(*names)
        for name, cell in cells.items():
            self.repairs[f"{name} cannot be read as tags: left empty"] = cell.bad_tags()
        return [cell.tags() for cell in cells.values()]

    def read(self, column: str, *names: str) -> None:
        """Fill a column of `Charges` from the first of these columns that is filled, as its type asks."""
        kind = Charges.columns()[column].sql
        if not self.columns.named(*names) and column not in _NEVER_NULL:
            return
        if kind == MONEY_SQL:
            self.sql[column] = self.number(*names, places=MONEY_PLACES)
        elif kind == QUANTITY_SQL:
            self.sql[column] = self.number(*names)
        elif kind == "VARCHAR":
            self.sql[column] = self._dimension(column, names)
        elif kind == "TIMESTAMP":
            self.sql[column] = self._time(*names)
        else:
            self.sql[column] = union(self.tags(*names))

    def periods(self, start: str, end: str, billing_start: str, billing_end: str) -> None:
        """The charge and billing periods from the columns of these names."""
        dates = self._dates(start, end, billing_start, billing_end)
        self._day_first = day_first(dates)
        if any("/" in date for date in dates):
            order = "day/month/year" if self._day_first else "month/day/year"
            self.repairs[f"dates read as {order}"] = f"contains({self.text(start)}, '/')"
        began, ended, billed = self._time(start), self._time(end), self._time(billing_start)
        self.rejects[f"{start} is empty or not a time"] = f"{began} IS NULL"
        self.repairs[f"{end} is empty or not a time: the end of the first day taken"] = f"{ended} IS NULL"
        self.repairs[f"{billing_start} is empty or not a time: the month of {start} taken"] = (
            f"{billed} IS NULL"
        )
        billed = f"COALESCE({billed}, date_trunc('month', {began}))"
        self.sql |= {
            "charge_period_start": began,
            "charge_day": f"CAST({began} AS DATE)",
            "charge_period_end": f"COALESCE({ended}, date_trunc('day', {began}) + INTERVAL 1 DAY)",
            "billing_period_start": billed,
            "billing_period": f"CAST({billed} AS DATE)",
        }
        self.read("billing_period_end", billing_end)

    def _dimension(self, column: str, names: Sequence[str]) -> str:
        text = self.text(*names)
        if column in _WORDS:
            return words(text, _WORDS[column])
        return f"COALESCE({text}, {literal(_NEVER_NULL[column])})" if column in _NEVER_NULL else text

    def _time(self, *names: str) -> str:
        times = [c.time(day_first=self._day_first) for c in self.columns.named(*names).values()]
        return first(times or ["CAST(NULL AS TIMESTAMP)"])

    def _dates(self, *names: str) -> list[str]:
        written = self.columns.named(*names)
        return [row.get(name) or "" for s in self._samples for row in s.rows for name in written]

"""When a schedule is due: crontab's five fields, in UTC."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ..errors import invalid

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, Sequence[str]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 7, _DAYS),
)
_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_SUNDAY = 7
_EIGHT_YEARS = 8 * 366
"""29 February may be that far away: 2100 is no leap year."""


@dataclass(frozen=True)
class Cron:
    """A crontab expression: minute, hour, day of the month, month, weekday, as crontab(5) has them; UTC.

    Where day and weekday are both restricted, a day of either is due.
    """

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Raises `invalid` for what is no expression, or is never due."""
        words = _NICKNAMES.get(text.strip().lower(), text).split()
        if len(words) != len(_FIELDS):
            raise invalid(
                f"cron = {text!r}: {len(words)} fields, not 5",
                "write minute hour day month weekday, such as `0 3 * * *`: at 3:00 UTC each day",
            )
        fields = [_values(word, *field, text) for word, field in zip(words, _FIELDS, strict=True)]
        weekdays = frozenset(day % _SUNDAY for day in fields[4])
        either = not (words[2].startswith("*") or words[4].startswith("*"))
        found = cls(text, fields[0], fields[1], fields[2], fields[3], weekdays, either)
        found.next(datetime(2000, 1, 1, tzinfo=UTC))
        return found

    def next(self, after: datetime) -> datetime:
        """The first moment after this one."""
        first = after.astimezone(UTC)
        return self._first(
            (first.date() + timedelta(n) for n in range(_EIGHT_YEARS + 1)), lambda at: at > first
        )

    def latest(self, until: datetime) -> datetime:
        """The last moment up to this one."""
        last = until.astimezone(UTC)
        days = (last.date() - timedelta(n) for n in range(_EIGHT_YEARS + 1))
        return self._first(days, lambda at: at <= last, backwards=True)

    def _first(
        self, days: Iterator[date], fits: Callable[[datetime], bool], *, backwards: bool = False
    ) -> datetime:
        times = sorted((time(h, m, tzinfo=UTC) for h in self.hours for m in self.minutes), reverse=backwards)
        due = (datetime.combine(day, at) for day in days if self._is_due(day) for at in times)
        found = next((at for at in due if fits(at)), None)
        if found is None:
            raise invalid(f"cron = {self.text!r} is never due", "none of these months has such a day")
        return found

    def _is_due(self, day: date) -> bool:
        of_month, of_week = day.day in self.days, day.isoweekday() % _SUNDAY in self.weekdays
        return day.month in self.months and (of_month or of_week if self.either else of_month and of_week)


def _values(word: str, field: str, low: int, high: int, names: Sequence[str], text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in word.lower().split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            begin, end = low, high
        else:
            begin = _number(first, low, names)
            # As in 5/15: from 5 on, each fifteenth.
            end = _number(last, low, names) if dash else high if slash else begin
        by = _number(step, 0, ()) if slash else 1
        if begin is None or end is None or not by or not low <= begin <= end <= high:
            raise invalid(
                f"cron = {text!r}: {part!r} is no {field}",
                f"write {low} to {high}, ranges (1-5), lists (1,3) or steps (*/2)",
            )
        found.update(range(begin, end + 1, by))
    return frozenset(found)


def _number(text: str, low: int, names: Sequence[str]) -> int | None:
    if text in names:
        return names.index(text) + low
    return int(text) if text.isascii() and text.isdecimal() else None

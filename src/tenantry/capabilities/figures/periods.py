"""A window cut into periods of the calendar."""

from __future__ import annotations

from datetime import date, timedelta

from ...kernel import Window
from .measures import Grain


def periods(window: Window, grain: Grain | None) -> list[Window]:
    """The window cut at days, Mondays, or the first of months, quarters or years; whole where there is no grain."""
    if grain is None:
        return [window]
    found: list[Window] = []
    start = window.start
    while start < window.end:
        end = min(_next(start, grain), window.end)
        found.append(Window(start, end))
        start = end
    return found


def _next(day: date, grain: Grain) -> date:
    """The first day of the period after the one that holds this day."""
    if grain is Grain.DAY:
        return day + timedelta(days=1)
    if grain is Grain.WEEK:
        return day + timedelta(days=7 - day.weekday())
    months = {Grain.MONTH: 1, Grain.QUARTER: 3, Grain.YEAR: 12}[grain]
    place = day.year * 12 + (day.month - 1) // months * months + months
    return date(place // 12, place % 12 + 1, 1)

"""Windows that others are compared with: the one just before and the one a year before, and the words for them."""

from __future__ import annotations

import re
from datetime import date, timedelta

from ...kernel import Window
from ...kernel.time import next_month
from .claims import months_from
from .words import Words

_DAYS, _MONTHS = {"day": 1, "week": 7}, {"month": 1, "quarter": 3, "year": 12}


def year_before(words: Words) -> bool:
    """Whether the same days a year before are said, which is taken."""
    return bool(
        words.take(
            r"yoy|year (?:over|on) year"
            r"|(?:compared? (?:to|with) |vs |versus |against |than |with )?"
            r"(?:(?:the one |that )?(?:of |from )?(?:(?:a|one|the) year|(?:twelve|12) months) (?:earlier|ago|before)"
            r"|(?:(?:the )?same (?:period|month|quarter|time)|this time) (?:of )?(?:last|the previous|the prior) year"
            r"|(?:(?<=vs )|(?<=to )|(?<=with ))last year)"
        )
        or words.take(
            r"(?:compared? (?:to|with)|vs|versus|against|than) (?:the )?(?:last|previous|prior) year"
        )
    )


def period_before(words: Words) -> bool:
    """Whether the window just before is said, which is taken."""
    unit = "period|day|week|month|quarter|year"
    return bool(
        words.take(r"mom|qoq|wow|(?:month|quarter|week|period) (?:over|on|to) (?:month|quarter|week|period)")
        or words.take(
            rf"(?:compared? (?:to|with|against)|vs|versus|against|than|relative to|over|from) (?:the |that of the )?"
            rf"(?:(?:previous|prior|preceding) (?:{unit})|(?:{unit}) (?:before|prior|preceding|prior to)(?: that| it)?"
            r"|before|previous|one before)"
        )
        or words.take(rf"(?:and )?the (?:{unit}) before(?: that)?$")
        or words.take(
            rf"^(?:and |what about |how about )*(?:an?|one) (?:{unit}) (?:before|earlier|prior)(?: that)?$"
        )
    )


def period_after(words: Words) -> str:
    """The unit of the window just after that is said, which is taken: `and the month after?`."""
    unit = "day|week|month|quarter|year"
    found = words.take(
        rf"(?:and |in |for )*the (?P<unit>{unit}) (?:after|thereafter|following|that follow(?:s|ed))(?: that| it)?$"
    ) or words.take(rf"^(?:and |what about |how about |in |for )*the following (?P<unit>{unit})$")
    found = found or words.take(
        rf"^(?:and |what about |how about |in )*(?:an?|one|the) (?P<unit>{unit}) (?:later|on|after)(?: that)?$"
    )
    return found["unit"] if found else ""


def preceding(words: Words) -> str:
    """The unit of the window just before another that is said: `and the preceding month?`. Nothing is taken."""
    found = words.find("(?:preceding|previous|prior) (?P<unit>day|week|month|quarter|year)")
    return found["unit"] if found else ""


_STEP = re.compile(
    r"\b(?P<said>week|month|quarter) (?:over|on|to) (?:week|month|quarter)\b|\b(?P<short>[wmq])[o/.][wmq]\b"
    r"|\bthe (?P<before>day|week|month|quarter|year) before\b"
)
_SHORT = {"w": "week", "m": "month", "q": "quarter"}


def step_within(text: str, window: Window) -> str:
    """The unit that is said to be compared with the one before it, where the window is no such unit: `week over week`
    of a month.
    """
    found = _STEP.search(text.lower())
    unit = (found["said"] or found["before"] or _SHORT[found["short"]]) if found else ""
    if unit in _DAYS:
        return "" if window.days == _DAYS[unit] else unit
    whole = window == window.widened_to_months() and len([*window.months()]) == _MONTHS.get(unit, 0)
    return "" if whole else unit


def period_of(window: Window, unit: str) -> Window | None:
    """The day, week, month, quarter or year that a window lies in; none where it is longer."""
    if unit in _DAYS:
        return window if window.days <= _DAYS[unit] else None
    months, first = _MONTHS[unit], window.start.month - 1
    whole = months_from(window.start.year, first - first % months + 1, months)
    return whole if window.end <= whole.end else None


def after(window: Window, unit: str) -> Window:
    """The day, week, month, quarter or year that follows a window."""
    if unit in _DAYS:
        return Window(window.end, window.end + timedelta(days=_DAYS[unit]))
    end = window.widened_to_months().end
    return months_from(end.year, end.month, _MONTHS[unit])


def previous_of(window: Window) -> Window:
    """The window of the same length just before: of whole months so many months, else so many days."""
    if window != window.widened_to_months():
        return window.previous
    return _shifted(window, -len([*window.months()]))


def years_before(window: Window) -> Window:
    """The same days a year before."""
    return _shifted(window, -12)


def _shifted(window: Window, months: int) -> Window:
    def moved(day: date) -> date:
        place = day.year * 12 + day.month - 1 + months
        first = date(place // 12, place % 12 + 1, 1)
        return min(first + timedelta(days=day.day - 1), next_month(first) - timedelta(days=1))

    start, end = moved(window.start), moved(window.end)
    return Window(start, end if start < end else start + timedelta(days=1))

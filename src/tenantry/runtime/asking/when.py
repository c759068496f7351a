"""The grammar of time: windows, grains and what to compare with, relative to the days there are data of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from ...errors import invalid
from ...kernel import Window
from ...kernel.time import month_start, next_month
from .claims import MONTH, MONTHS, months_from
from .words import Words

_UNITS = "days?|weeks?|months?|quarters?|years?"
_NUMBERS = {
    word: n
    for n, word in enumerate(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen twenty".split(), 1,
    )
}  # fmt: skip
NUMBER = rf"\d{{1,3}}|{'|'.join(_NUMBERS)}"
_ORDINALS = {
    "first": 1,
    "1st": 1,
    "second": 2,
    "2nd": 2,
    "third": 3,
    "3rd": 3,
    "fourth": 4,
    "4th": 4,
    "last": 4,
}
_YEAR = r"(?:19|20)\d{2}"
_DAY = rf"\d{{4}}-\d{{2}}-\d{{2}}|(?:the )?\d{{1,2}}(?:st|nd|rd|th)? (?:of )?(?:{MONTH})(?: {_YEAR})?|(?:{MONTH}) \d{{1,2}}(?:st|nd|rd|th)?(?: {_YEAR})?(?! {_YEAR})"
_PERIOD = (
    rf"\d{{4}}-\d{{2}}|(?:{MONTH})(?: (?:of )?(?:{_YEAR}|\d{{2}}))?|q[1-4](?: (?:of )?{_YEAR})?|{_YEAR} q[1-4]"
    rf"|(?:the )?(?:first|second|third|fourth|1st|2nd|3rd|4th|last) quarter (?:of )?{_YEAR}"
    r"|(?:the )?(?:first|second|third|fourth|1st|2nd|3rd|4th) quarter"
    rf"|h[12](?: (?:of )?{_YEAR})?|(?:the )?(?:first|second|1st|2nd) half(?: (?:of )?(?:the year|{_YEAR}))?|{_YEAR}"
)
_LAST = r"last|past|previous|prior|trailing|recent|latest|preceding"
_RELATIVE = rf"(?:the )?(?:{_LAST}|this|current) (?:full |whole |calendar )?(?:day|week|month|quarter|year)"
_ANY = rf"{_DAY}|{_PERIOD}|{_RELATIVE}|yesterday|today"
_VS = r"(?:vs|versus|against|compared? (?:to|with|against)|in comparison (?:to|with)|relative to|than|over)"


@dataclass(frozen=True)
class When:
    """What of a question is time: the window, whether one was named, the grain, and what to compare with."""

    window: Window
    named: bool
    grain: str | None = None
    compare_to: Window | None = None
    compares: bool = False
    since: bool = False
    ahead: bool = False


@dataclass(frozen=True)
class Calendar:
    """Reads time words. `span` is the days there are data of; what is relative is so to their end, and days to `now`."""

    span: Window
    now: date

    def read(self, words: Words) -> When:
        """Take what is time from the words."""
        grain, year, previous = self._grain(words), _year_before(words), _period_before(words)
        other = self._compared(words)
        since = words.has("since")
        ahead = self._ahead(words)
        window = ahead or self._window(words)
        named = window is not None
        if window is None:
            window = (
                self._months_back(12) if grain in {"month", "quarter", "week"} else self.span.newest_month
            )
        if grain is None and words.take(
            "trend(?:ing|s)?|over time|develop(?:ed|ment)?|evol(?:ve|ved|ution)|histor(?:y|ical|ically)"
        ):
            grain, window = (
                "month",
                window if named and len([*window.months()]) > 1 else self._months_back(12),
            )
        compare = other or (years_before(window) if year else previous_of(window) if previous else None)
        if compare and grain and not named:
            grain, window = None, self.span.newest_month
            compare = years_before(window) if year else previous_of(window)
        return When(
            window, named, grain, compare, compares=compare is not None, since=since, ahead=ahead is not None
        )

    def _grain(self, words: Words) -> str | None:
        for grain, pattern in (
            ("day", "daily|day by day|per day|by day|each day|every day|a day"),
            ("week", "weekly|week by week|per week|by week|each week|every week"),
            ("month", "monthly|month by month|per month|by month|each month|every month|months? wise"),
            ("quarter", "quarterly|quarter by quarter|per quarter|by quarter|each quarter|every quarter"),
            ("year", "yearly|annually|year by year|per year|by year|each year|every year"),
        ):
            if words.take(pattern):
                return grain
        return None

    def _compared(self, words: Words) -> Window | None:
        """Another window to compare with: `vs July`."""
        kept = list(words.words)
        if found := words.take(rf"{_VS} (?:that of |those of |the figure of |in )?(?P<other>{_ANY})"):
            if words.has(_ANY) or not found.group().startswith(("than", "over")):
                return self._one(found["other"])
            words.words = kept
        return None

    def _window(self, words: Words) -> Window | None:
        for read in (
            self._iso,
            self._between,
            self._since,
            self._to_date,
            self._counted,
            self._relative,
            self._single,
        ):
            if window := read(words):
                return window
        return None

    def _ahead(self, words: Words) -> Window | None:
        """`next 3 months`: those after the newest whole one. A named month or quarter that is to come."""
        found = words.take(
            rf"(?:in |over |for |during |within )?(?:the )?(?:next|coming|following|upcoming)(?: (?P<n>{NUMBER}))? (?P<unit>months?|quarters?|years?|half year)"
        ) or words.take(
            rf"in (?P<n>{NUMBER}) (?P<unit>months?)(?: time)?(?! (?:of|to))|in (?P<unit2>half a year)"
        )
        if found:
            unit = found.groupdict().get("unit") or "half year"
            size = {"month": 1, "quarter": 3, "year": 12, "half year": 6}[unit.rstrip("s")]
            start = self.span.newest_month.end
            return months_from(start.year, start.month, number_of(found["n"] or "1") * size)
        found = words.find(rf"(?:in|for|by|until|during) (?P<one>{_PERIOD})")
        if found and any(word.isdigit() and int(word) >= self.span.end.year for word in found["one"].split()):
            window = self._one(found["one"])
            if window.start >= self.span.end:
                words.take(rf"(?:in|for|by|until|during) (?:{_PERIOD})")
                return window
        return None

    def _iso(self, words: Words) -> Window | None:
        found = words.take(r"\d{4}-\d{2}-\d{2}\.\.\d{4}-\d{2}-\d{2}")
        return Window.parse(found.group()) if found else None

    def _between(self, words: Words) -> Window | None:
        pattern = rf"(?:between|from)? ?(?P<first>{_ANY}) (?:to|until|till|through|thru|and|-) (?:the end of )?(?P<last>{_ANY})"
        found = words.take(pattern)
        if not found:
            return None
        last = self._one(found["last"])
        first = self._one(found["first"], before=last.end)
        return Window(first.start, last.end) if first.start < last.end else Window(last.start, first.end)

    def _since(self, words: Words) -> Window | None:
        if found := words.take(
            rf"(?:since|starting(?: in| from)?|as of|from) (?:the (?:start|beginning) of )?(?P<one>{_ANY})(?: on| onwards?)?"
        ):
            start = self._one(found["one"]).start
            return Window(start, self.span.end) if start < self.span.end else self._one(found["one"])
        if found := words.take(rf"(?:until|till|up to|before|prior to) (?P<one>{_ANY})"):
            end = self._one(found["one"]).start
            return Window(self.span.start, end) if self.span.start < end else self._one(found["one"])
        return None

    def _to_date(self, words: Words) -> Window | None:
        last = self.span.end - timedelta(days=1)
        if words.take("ytd|year to date|so far this year|this year so far"):
            return Window(date(last.year, 1, 1), self.span.end)
        if words.take("qtd|quarter to date|so far this quarter"):
            return Window(months_from(last.year, (last.month - 1) // 3 * 3 + 1, 3).start, self.span.end)
        if words.take("mtd|month to date|so far this month"):
            return Window(month_start(last), self.span.end)
        if words.take("all time|ever|since the beginning|in total so far|all the time|over all time"):
            return self.span
        return None

    def _counted(self, words: Words) -> Window | None:
        """`last 3 months`: whole months, quarters and years; weeks and days up to the end of the data."""
        count = rf"(?:the |over the |in the |for the |during the )*(?:{_LAST})"
        found = words.take(
            rf"{count} (?P<n>{NUMBER}) (?:full |whole |calendar )?(?P<unit>{_UNITS})"
        ) or words.take(rf"(?P<n>{NUMBER}) (?P<unit>{_UNITS}) (?:back|ago to now)")
        if found:
            return self._back(number_of(found["n"]), found["unit"].rstrip("s"))
        if words.take(
            r"(?:over |in |during |for )?(?:the )?(?:past|trailing|preceding) year|(?:last|past|trailing) twelve months|ttm|ltm"
        ):
            return self._months_back(12)
        if words.take(r"(?:last|past|recent) months"):
            return self._months_back(3)
        return None

    def _back(self, count: int, unit: str) -> Window:
        if unit in {"day", "week"}:
            return Window(self.span.end - timedelta(days=count * (7 if unit == "week" else 1)), self.span.end)
        return self._months_back(count * {"month": 1, "quarter": 3, "year": 12}[unit], unit)

    def _months_back(self, count: int, unit: str = "month") -> Window:
        end = self.span.newest_month.end
        if unit == "quarter":
            end = self._quarter(-1).end
        place = end.year * 12 + end.month - 1 - count
        return Window(date(place // 12, place % 12 + 1, 1), end)

    def _relative(self, words: Words) -> Window | None:
        found = words.take(rf"(?:in |for |during |over |of )?(?P<one>{_RELATIVE}|yesterday|today)")
        return self._one(found["one"]) if found else None

    def _single(self, words: Words) -> Window | None:
        """One day or period; `may` is a month after a word like `in`, before a year, or at the end."""
        for pattern in (_DAY, _PERIOD):
            found = words.take(
                rf"(?:in|for|during|of|on) (?P<one>{pattern})|(?P<bare>(?!may(?!\S)(?! {_YEAR}))(?:{pattern})|may(?=$))"
            )
            if found:
                return self._one(found["one"] or found["bare"])
        return None

    def _one(self, text: str, before: date | None = None) -> Window:
        """The window that words for one day or period mean. Without a year it is the newest that has begun."""
        text = text.removeprefix("the ").replace(" of ", " ").replace(".", "")
        words = text.split()
        if (
            (words[0] in {*_LAST.split("|"), "this", "current"} and words[-1] != "quarter")
            or text in {"last quarter", "yesterday", "today"}
            or (words[-1] == "quarter" and words[0] not in _ORDINALS)
        ):
            return self._named(text)
        if text[:4].isdigit() and "-" in text:
            return Window.parse(text) if len(text) == len("2026-10") else _iso_day(text)
        limit = before or self.span.end
        year = next((int(w) for w in words if w.isdigit() and len(w) == 4), None)  # noqa: PLR2004
        if month := next((w for w in words if w[:3] in _SHORT_MONTHS), None):
            return self._month(_SHORT_MONTHS[month[:3]], words, year, limit)
        if (words[0][0] in "qh" and words[0][1:].isdigit()) or (
            len(words) > 1 and words[1][0] == "q" and words[1][1:].isdigit()
        ):
            code = words[0] if words[0][0] in "qh" else words[1]
            size = 3 if code[0] == "q" else 6
            return self._part(int(code[1:]), size, year, limit)
        if words[0] in _ORDINALS:
            return self._part(_ORDINALS[words[0]], 3 if "quarter" in words else 6, year, limit)
        return self._clipped(months_from(int(words[0]), 1, 12))

    def _month(self, number: int, words: list[str], year: int | None, limit: date) -> Window:
        numbers = [word.rstrip("sthndr") for word in words if word[0].isdigit()]
        days = [int(number) for number in numbers if len(number) < len("2026")]
        known = {self.span.start.year % 100, self.span.end.year % 100}
        if year is None and words[-1].isdigit() and days and days[0] in known:  # `sept 26`
            year, days = 2000 + days[0], []
        at = year or (limit.year if date(limit.year, number, 1) < limit else limit.year - 1)
        start = date(at, number, 1)
        if days:
            return _iso_day(f"{start:%Y-%m}-{days[0]:02}")
        return Window(start, next_month(start))

    def _part(self, number: int, size: int, year: int | None, limit: date) -> Window:
        first = (number - 1) * size + 1
        at = year or (limit.year if date(limit.year, first, 1) < limit else limit.year - 1)
        return self._clipped(months_from(at, first, size))

    def _clipped(self, window: Window) -> Window:
        """Up to the end of the data, where that lies in it."""
        return (
            Window(window.start, self.span.end)
            if self.span.end in window and window.start < self.span.end
            else window
        )

    def _named(self, text: str) -> Window:
        if text in {"yesterday", "today"}:
            return _day(self.now - timedelta(days=text == "yesterday"))
        words = text.split()
        this, unit = words[0] in {"this", "current"}, words[-1]
        last_day = self.span.end - timedelta(days=1)
        if unit == "day":
            return _day(last_day)
        if unit == "week":
            monday = self.span.end - timedelta(days=self.span.end.weekday())
            return (
                Window(monday, monday + timedelta(days=7))
                if this
                else Window(monday - timedelta(days=7), monday)
            )
        if unit == "month":
            newest = Window(month_start(last_day), next_month(last_day))
            return self._clipped(newest) if this else self.span.newest_month
        if unit == "quarter":
            return self._clipped(self._quarter(0)) if this else self._quarter(-1)
        return self._clipped(months_from(last_day.year - (not this), 1, 12))

    def _quarter(self, shift: int) -> Window:
        """The quarter that the data's end lies in, or one before: of whole ones the newest is shift -1."""
        end = self.span.end
        return months_from(end.year, (end.month - 1) // 3 * 3 + 1 + 3 * shift, 3)


_SHORT_MONTHS = {name[:3]: number for number, name in enumerate(MONTHS, 1)}


def _year_before(words: Words) -> bool:
    return bool(
        words.take(
            r"yoy|year (?:over|on) year|(?:compared? (?:to|with) |vs |versus |against |than |with )?(?:(?:a|one|the) year (?:earlier|ago|before)"
            r"|the same (?:period|month|quarter|time) (?:of )?(?:last|the previous|the prior) year|(?:(?<=vs )|(?<=to )|(?<=with ))last year)"
        )
        or words.take(
            r"(?:compared? (?:to|with)|vs|versus|against|than) (?:the )?(?:last|previous|prior) year"
        )
    )


def _period_before(words: Words) -> bool:
    unit = "period|day|week|month|quarter|year"
    return bool(
        words.take(r"mom|qoq|wow|(?:month|quarter|week|period) (?:over|on|to) (?:month|quarter|week|period)")
        or words.take(
            rf"(?:compared? (?:to|with|against)|vs|versus|against|than|relative to|over|from) (?:the |that of the )?"
            rf"(?:(?:previous|prior|preceding) (?:{unit})|(?:{unit}) before(?: that)?|before|previous|one before)"
        )
        or words.take(rf"(?:and )?the (?:{unit}) before(?: that)?$")
    )


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


def number_of(text: str) -> int:
    return max(1, int(text) if text.isdigit() else _NUMBERS[text])


def _iso_day(text: str) -> Window:
    try:
        return _day(date.fromisoformat(text))
    except ValueError:
        raise invalid(f"there is no day {text}", "ask for a day of the calendar") from None


def _day(day: date) -> Window:
    return Window(day, day + timedelta(days=1))

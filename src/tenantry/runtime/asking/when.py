"""The grammar of time: windows, grains and what to compare with, relative to the days there are data of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from ...errors import invalid
from ...kernel import Window
from ...kernel.time import month_start, next_month
from .before import period_after, period_before, preceding, previous_of, year_before, years_before
from .claims import MONTH, MONTHS, months_from
from .lexicon import AHEAD, TOGETHER
from .words import TAKEN, Words

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
_DAYS = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "tenth": 10,
    "fifteenth": 15,
    "twentieth": 20,
}
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
CHANGED = (
    r"chang(?:e|es|ed)|differ(?:ed|ence|ent|s)?|growth|grew|grow|grown|increase[ds]?|decrease[ds]?|rise|rose|risen|fall|fell|fallen|delta|jump(?:ed)?"
    r"|cheaper|dearer|more expensive|went up|gone up|go up|went down|gone down|go down"
)
"""Words of a figure that moved."""
_TREND = "trend(?:ing|s)?|curve|trajector(?:y|ies)|progression|(?:chang(?:e|es|ed|ing) )?over time|develop(?:ed|ment)?|evol(?:ve|ved|ving|ution)|histor(?:y|ical|ically)"
_QUARTERS = "qoq|quarter (?:over|on|to) quarter"
_VS = r"(?:vs|versus|against|next to|beside|alongside|compared? (?:to|with|against)|in comparison (?:to|with)|relative to|different (?:from|to|than)|(?:higher|lower|bigger|smaller|better|worse|greater|larger|more|less|fewer) than|than|over)"


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
    after: str = ""
    before: str = ""
    """The unit of the window just after or before another that it speaks of."""
    also: tuple[Window, ...] = ()
    """Further windows that were said side by side with it."""


@dataclass(frozen=True)
class Calendar:
    """Reads time words. `span` is the days there are data of; what is relative is so to their end, and days to `now`."""

    span: Window
    now: date

    def read(self, words: Words) -> When:
        """Take what is time from the words. Raises `invalid` for a day that is none."""
        self._say_years(words)
        quarters, after = words.has(_QUARTERS), period_after(words)
        counted = words.find(rf"(?:{_LAST}) (?:{NUMBER}) (?P<unit>week|quarter|year)s")
        grain, year, previous = self._grain(words), year_before(words), period_before(words)
        other = self._compared(words)
        since = words.has("since")
        ahead = self._ahead(words)
        moved = None if other else self._moved(words)
        several = () if moved or ahead else self._several(words, in_a_row=grain is not None)
        before = preceding(words)
        other = moved[0] if moved else other
        window = ahead or (moved[1] if moved else several[0] if several else self._window(words))
        named = window is not None
        if window is None and quarters:
            window = self._named("last quarter")
        elif window is None:
            several_months = grain in {"month", "quarter"} or (grain == "week" and words.has(_TREND))
            newest = self.span if grain == "year" else self.span.newest_month
            window = self._months_back(12) if several_months else newest
        trend = words.take(_TREND)
        if grain is None and trend and counted:
            grain = counted["unit"]
        elif grain is None and trend:
            if named and len([*window.months()]) == 1:
                grain = "day"
            else:
                grain, window = "month", window if named else self._months_back(12)
        compare = other or (years_before(window) if year else previous_of(window) if previous else None)
        if compare and grain and not named:
            grain, window = None, self.span.newest_month
            compare = years_before(window) if year else previous_of(window)
        return When(
            window, named, grain, compare, compares=compare is not None, since=since, ahead=ahead is not None,
            after=after, before=before, also=several[1:],
        )  # fmt: skip

    def _say_years(self, words: Words) -> None:
        """`October last year` with its year, the first of a month with its number, and both days of `5 to 11 October`."""
        last = self.span.end - timedelta(days=1)
        day, till = r"(?:the )?\d{1,2}(?:st|nd|rd|th)?", r"(?P<till>to|and|until|till|through|thru|-)"
        if found := words.find(
            rf"(?:between |from )?(?P<one>{day}) {till} (?P<two>{day}) (?:of )?(?P<month>{MONTH})"
        ) or words.find(rf"(?P<month>{MONTH}) (?P<one>{day}) {till} (?P<two>{day})"):
            both = f"from {found['one']} {found['month']} to {found['two']} {found['month']}"
            words.put(found, both)
        while found := words.find(rf"(?:the )?(?P<n>{'|'.join(_DAYS)}) (?:day )?of (?P<month>{MONTH})"):
            words.put(found, f"{_DAYS[found['n']]} {found['month']}")
        while found := words.find(
            rf"(?P<one>{MONTH}|q[1-4]|h[12]|(?:first|second|third|fourth|last) quarter|(?:first|second) half) (?:of )?(?:the )?"
            rf"(?:(?:(?P<this>this|current)|last|past|previous|prior) year|(?:an?|one|the) year (?:ago|earlier|before))"
        ):
            year = last.year - (found["this"] is None)
            words.put(found, f"{found['one']} {year}")

    def _moved(self, words: Words) -> tuple[Window, Window] | None:
        """Two periods that a figure changed between: `rose from August to September`."""
        if not words.has(CHANGED):
            return None
        found = words.take(rf"(?:from|between) (?P<first>{_ANY}) (?:to|and|until|till) (?P<last>{_ANY})")
        if not found:
            return None
        last = self._one(found["last"])
        return self._one(found["first"], before=last.end), last

    def _several(self, words: Words, *, in_a_row: bool) -> tuple[Window, ...]:
        """Periods side by side, which are no range: `in March and May`; one where they follow on each other and are to be
        told in a row or together.
        """
        lead = "(?:in |for |during |on )?"
        if words.has(rf"(?:between|from) (?:{_ANY})"):
            return ()
        found = words.take(rf"{lead}(?P<one>{_ANY})(?: {lead}(?P<two>{_ANY}))? and {lead}(?P<last>{_ANY})")
        if not found:
            return ()
        last = self._one(found["last"])
        before = (
            last.end if re.search(_YEAR, found["last"]) else None
        )  # `March and May 2025` are both of 2025
        several = (*(self._one(found[n], before=before) for n in ("one", "two") if found[n]), last)
        in_turn = all(one.end == two.start for one, two in pairwise(several))
        return (
            (Window(several[0].start, last.end),)
            if in_turn and (in_a_row or words.has(TOGETHER))
            else several
        )

    def _grain(self, words: Words) -> str | None:
        for grain, pattern in (
            ("day", "daily|a day"),
            ("week", "weekly"),
            ("month", "monthly"),
            ("quarter", "quarterly"),
            ("year", "yearly|annually"),
        ):
            line = "(?:one|an?) (?:number|figure|value|line|row) (?:an?|per|for each|each|every)"
            if words.take(
                rf"^(?:in |by |use )?(?:{grain}s|{pattern}) (?:(?:will|would) do|instead(?: of \w+)?)|{pattern}|{grain} (?:by|for|after) {grain}|{grain} (?:over|on|to) {grain} (?:series|trend|line|curve|graph)|(?:series|trend) {grain} (?:over|on|to) {grain}|from {grain} to {grain}|(?:{line}|per|by|each|every) {grain}|{grain}s? wise"
            ):
                return grain
        of = words.take(
            rf"(?:each|every one) of(?= (?:the )?(?:{_LAST}|next|coming) (?:{NUMBER}) (?P<unit>day|week|month|quarter|year)s)"
        )
        return of["unit"] if of else None

    def _compared(self, words: Words) -> Window | None:
        """Another window to compare with: `vs July`."""
        kept = list(words.words)
        if found := words.take(
            rf"{_VS} (?:that of |those of |the figure of |it was |they were )?(?:in )?(?P<other>{_ANY})"
        ):
            more = words.has(rf"(?:more|less|fewer|higher|lower) \S+ {TAKEN}")
            if more or words.has(_ANY) or not found.group().startswith(("than", "over")):
                return self._one(found["other"])
            words.words = kept
        if found := words.take(
            rf"with (?P<other>{_ANY}) (?:figures?|numbers?|values?) (?:beside|next to|alongside)(?: (?:it|that|them))?"
        ):
            return self._one(found["other"])
        # `compare October with September`: two periods, the second one to compare with.
        found = words.find(
            rf"compare (?:\S+ )*?(?:{_ANY}) (?P<lead>(?:with|to|and|against) (?:that of |those of |the one (?:of|in|from) )?)(?P<other>{_ANY})"
        ) or words.find(
            rf"compare (?:\S+ )*?(?:{_ANY}) (?:\S+ ){{1,3}}?(?P<lead>(?:with|to|against) (?:that of |those of |the one of )?)(?P<other>{_ANY})"
        )
        if not found:
            return None
        words.take(re.escape(f"{found['lead']}{found['other']}"))
        return self._one(found["other"])

    def _window(self, words: Words) -> Window | None:
        for read in (
            self._iso,
            self._ending,
            self._week_of,
            self._between,
            self._since,
            self._to_date,
            self._counted,
            self._month_of,
            self._before_last,
            self._relative,
            self._single,
        ):
            if window := read(words):
                return window
        return None

    def _ahead(self, words: Words) -> Window | None:
        """`next 3 months`: those after the newest whole one. A named month or quarter that is to come."""
        found = words.take(
            rf"(?:in |over |for |during |within )?(?:the )?(?:next|coming|following|upcoming)(?: (?:(?P<n>{NUMBER})|few|couple of|several))? (?P<unit>months?|quarters?|years?|half year)"
        ) or words.take(
            rf"in (?P<n>{NUMBER}) (?P<unit>months?)(?: time)?(?! (?:of|to))|in (?P<unit2>half a year)"
        )
        if found:
            unit = found.groupdict().get("unit") or "half year"
            if found["n"] is None and unit == "months":
                return months_from(self.span.newest_month.end.year, self.span.newest_month.end.month, 6)
            size = {"month": 1, "quarter": 3, "year": 12, "half year": 6}[unit.rstrip("s")]
            start = self.span.newest_month.end
            return months_from(start.year, start.month, number_of(found["n"] or "1") * size)
        if words.has(AHEAD) and (
            found := words.take(rf"(?:through|until|till|up to|by)(?: the end of)? (?P<one>{MONTH})")
        ):
            start = self.span.newest_month.end
            month = self._one(found["one"]).start.month
            return Window(start, months_from(start.year + (month < start.month), month, 1).end)
        if words.has(AHEAD) and (
            found := words.take(
                rf"(?:(?:in|for|during)(?: the month of| this)? |^)(?P<one>{MONTH})(?! (?:of )?\d)"
            )
        ):
            start = self.span.newest_month.end
            month = self._one(found["one"]).start.month
            return months_from(start.year + (month < start.month), month, 1)
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

    def _week_of(self, words: Words) -> Window | None:
        found = words.take(
            rf"(?:in |for |during |of )?(?:the )?week (?:of|from|starting|beginning) (?P<day>{_DAY})"
        )
        if not found:
            return None
        day = self._one(found["day"]).start
        monday = day - timedelta(days=day.weekday())
        return Window(monday, monday + timedelta(days=7))

    def _month_of(self, words: Words) -> Window | None:
        found = words.take(
            rf"(?:in |for |during |of )?(?:the )?(?P<n>first|last|second|third|middle|final) month (?:of|in) (?P<one>{_PERIOD}|{_RELATIVE})"
        )
        if not found:
            return self._months_of(words)
        months = [*self._one(found["one"]).months()]
        place = {"first": 0, "second": 1, "middle": len(months) // 2, "third": 2}.get(found["n"], -1)
        return months[min(place, len(months) - 1)]

    def _months_of(self, words: Words) -> Window | None:
        found = words.take(
            rf"(?:in |for |during |over |of )?(?:the )?(?P<which>first|last) (?P<n>{NUMBER}) (?P<unit>day|week|month)s (?:of|in) (?P<one>{_PERIOD}|{_RELATIVE})"
        )
        if not found and (
            found := words.take(
                rf"(?:in |for |during |over )?(?:the )?(?P<which>first) (?P<n>{NUMBER}) (?P<unit>month)s"
            )
        ):
            start = self._named("this year").start
            return Window(start, months_from(start.year, number_of(found["n"]), 1).end)
        if not found:
            return None
        whole, count = self._one(found["one"]), number_of(found["n"])
        if found["unit"] != "month":
            some = timedelta(days=count * (7 if found["unit"] == "week" else 1))
            ends = (
                (whole.start, whole.start + some)
                if found["which"] == "first"
                else (whole.end - some, whole.end)
            )
            return Window(*ends)
        months = [*whole.months()]
        some = months[:count] if found["which"] == "first" else months[-count:]
        return Window(some[0].start, some[-1].end)

    def _between(self, words: Words) -> Window | None:
        pattern = rf"(?:between|from)? ?(?P<first>{_ANY}) (?:up )?(?:to|until|till|through|thru|and|-) (?:and including )?(?:the end of )?(?P<last>{_ANY})"
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
        if words.take(
            rf"ytd|year to date|(?:in |for )?{last.year} (?:to date|ytd|so far)|so far this year|(?:for |in |over )?(?:this|the) year so far|since the (?:start|beginning) of (?:the|this) year"
        ):
            return Window(date(last.year, 1, 1), self.span.end)
        if words.take(
            "qtd|quarter to date|so far this quarter|since the (?:start|beginning) of (?:the|this) quarter"
        ):
            return Window(months_from(last.year, (last.month - 1) // 3 * 3 + 1, 3).start, self.span.end)
        if words.take("mtd|month to date|so far this month"):
            return Window(month_start(last), self.span.end)
        if words.take(
            "all time|(?<!hardly )(?<!barely )(?<!rarely )ever|since the beginning|in total so far|all the time|over all time"
        ):
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
            r"(?:over |in |during |for )?(?:the )?(?:past|trailing|preceding) year|(?:over|in|during|within) the last year|(?:last|past|trailing) twelve months|ttm|ltm"
        ):
            return self._months_back(12)
        if words.take(rf"{count} half(?: an?)? year"):
            return self._months_back(6)
        if words.take(r"(?:last|past|recent) months"):
            return self._months_back(3)
        return None

    def _ending(self, words: Words) -> Window | None:
        """`the three months to September`."""
        found = words.find(
            rf"(?:in |for |over |during )?(?:the )?(?P<n>{NUMBER}) (?P<unit>month|week|day)s (?:(?:up )?(?:to|until|till|through)|ending(?: in| on| with)?)"
            rf" (?:and including |the end of )?(?P<one>{_ANY})"
        )
        if not found:
            return None
        end, count, months = self._one(found["one"]).end, number_of(found["n"]), found["unit"] == "month"
        if months and end != month_start(end):
            return None
        words.put(found, TAKEN)
        if months:
            return months_from(end.year, end.month - count, count)
        return Window(end - timedelta(days=count * (7 if found["unit"] == "week" else 1)), end)

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

    def _before_last(self, words: Words) -> Window | None:
        found = words.take("(?:in |for |of |during )?the (?P<unit>week|month|quarter|year) before last")
        return previous_of(self._named(f"last {found['unit']}")) if found else None

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
        text = re.sub(r"^the | (?:of|full|whole|calendar)(?= )|\.", "", text)
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
            return self._month(_SHORT_MONTHS[month[:3]], words, year, before)
        if (words[0][0] in "qh" and words[0][1:].isdigit()) or (
            len(words) > 1 and words[1][0] == "q" and words[1][1:].isdigit()
        ):
            code = words[0] if words[0][0] in "qh" else words[1]
            size = 3 if code[0] == "q" else 6
            return self._part(int(code[1:]), size, year, limit)
        if words[0] in _ORDINALS:
            return self._part(_ORDINALS[words[0]], 3 if "quarter" in words else 6, year, limit)
        return self._clipped(months_from(int(words[0]), 1, 12))

    def _month(self, number: int, words: list[str], year: int | None, before: date | None) -> Window:
        limit = before or self.span.end
        numbers = [word.rstrip("sthndr") for word in words if word[0].isdigit()]
        days = [int(number) for number in numbers if len(number) < len("2026")]
        known = {self.span.start.year % 100, self.span.end.year % 100}
        if year is None and words[-1].isdigit() and days and days[0] in known:  # `sept 26`
            year, days = 2000 + days[0], []
        at = year or (limit.year if date(limit.year, number, 1) < limit else limit.year - 1)
        if not (year or before) and (self.now.month == number and self.now > self.span.end):
            at = (
                self.now.year
            )  # whoever names the month that it is means that one, of which there may be no data
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


def number_of(text: str) -> int:
    return max(1, int(text) if text.isdigit() else _NUMBERS[text])


def _iso_day(text: str) -> Window:
    try:
        return _day(date.fromisoformat(text))
    except ValueError:
        raise invalid(f"there is no day {text}", "ask for a day of the calendar") from None


def _day(day: date) -> Window:
    return Window(day, day + timedelta(days=1))

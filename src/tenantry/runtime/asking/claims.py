"""Finds every number a text claims: digits of any script, spelled-out words, percentages, money, ordinals, dates."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from ...kernel import Window
from ...kernel.time import next_month

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?(?![a-z])"
)
_CURRENCIES = frozenset(
    "USD EUR GBP JPY CHF CAD AUD NZD CNY INR BRL SEK NOK DKK PLN CZK HUF ILS KRW MXN SGD HKD ZAR TRY AED".split()
)
_SYMBOLS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR"}
_CURRENCY_WORDS = {"dollar": "USD", "euro": "EUR", "pound": "GBP"}
_SCALES = {
    "k": 3, "thousand": 3, "m": 6, "mn": 6, "mio": 6, "million": 6, "b": 9, "bn": 9, "billion": 9, "tn": 12,
    "trillion": 12, "hundred": 2,
}  # fmt: skip
_SMALL = {
    word: place
    for place, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen".split()
    )
} | {
    word: 10 * place
    for place, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
_LARGE = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_VAGUE = frozenset(
    "dozen dozens hundreds thousands millions billions trillions couple half halves halved halving thirds fifths "
    "tenths twice thrice double doubled doubles doubling triple tripled triples tripling quadruple quadrupled twofold "
    "threefold fourfold fivefold tenfold".split()
)
_ORDINALS = {
    word: place
    for place, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split(), 1
    )
}
_AFTER = frozenset(
    "in of since for during year until till to through from and by than before after calendar against vs versus with "
    "between".split()
)


NO_YEAR = 4
"""The year of a date that says none; a leap year, so that it holds any day."""


@dataclass(frozen=True)
class Claim:
    """A number that a text claims, from `start` up to `end` of it.

    `kind` is number, money (then `unit` is its currency), ratio (1 is all), multiple, ordinal, date, or vague: a number
    nobody could check. `step` is the precision it is written to; `sign` is 0 where none is written. `window` is what a
    date means, in NO_YEAR where none is said.
    """

    text: str
    kind: str
    start: int
    end: int
    value: Decimal = Decimal(0)
    step: Decimal = Decimal(1)
    unit: str = ""
    sign: int = 0
    window: Window | None = None


def folded(text: str) -> str:
    """The text with one spelling of each character: digits of all scripts, signs, spaces; without what is not seen."""
    return "".join(map(_folded, unicodedata.normalize("NFKC", _without_fractions(text))))


def _without_fractions(text: str) -> str:
    """Characters that are numerals without being digits (½, ², Ⅷ) marked: no answer writes one."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in {"No", "Nl"} else c for c in text
    )


def _folded(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cf", "Mn", "Me"}:
        return ""
    if (digit := unicodedata.decimal(character, None)) is not None:
        return str(digit)
    if category == "Pd" or character == "\N{MINUS SIGN}":
        return "-"
    if category == "Zs" or character == "\t":
        return " "
    return "'" if character == "\N{RIGHT SINGLE QUOTATION MARK}" else character


def claims(text: str) -> list[Claim]:
    """All that a folded text claims, in order. What is a date's or a number's is claimed once."""
    found: list[Claim] = []
    for finder in (_ranges, _numbers, _spelled, _oddities):
        rest = list(text)
        for claim in found:
            rest[claim.start : claim.end] = "\x00" * (claim.end - claim.start)
        found += finder("".join(rest))
    return sorted(found, key=lambda claim: claim.start)


_DATE = re.compile(
    r"(?<![\d,-])(?<!\d\.)(?P<iso>\d{4}-\d{2}(?:-\d{2})?)(?![\d-]|[.,]\d)"
    rf"|\b(?P<day1>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month1>{MONTH})(?:,? (?P<year1>\d{{4}})\b)?"
    rf"|\b(?P<month2>{MONTH}),? (?P<year2>\d{{4}})(?![\d%]|[.,]\d)"
    rf"|\b(?P<month3>{MONTH}) (?P<day3>\d{{1,2}})(?:st|nd|rd|th)?(?![\d%]|[.,]\d)(?:,? (?P<year3>\d{{4}})\b)?"
    r"|\bq(?P<quarter>[1-4])(?![\d.,]*\d)(?:,? ?(?:of )?(?P<year4>\d{4})\b)?"
    r"|\b(?P<worded>first|second|third|fourth|1st|2nd|3rd|4th) quarter(?:,? ?(?:of )?(?P<year5>\d{4})\b)?"
    r"|\bh(?P<half>[12])(?![\d.,]*\d)(?:,? ?(?:of )?(?P<year6>\d{4})\b)?"
    rf"|\b(?P<month4>{MONTH})"
    r"|(?<![\w.,$€£¥₹+-])(?P<year7>(?:19|20)\d{2})(?![\w%$€£¥₹-]|[.,]\d| ?%)",
    re.IGNORECASE,
)


_TO = re.compile(r" ?(?:\.\.| - |-|to|until|till|through|and) ?", re.IGNORECASE)


def _ranges(text: str) -> Iterator[Claim]:
    """Dates, and two joined by a word or sign as one: the last of two is in it, but after two dots."""
    found = [*_dates(text)]
    while found:
        first = found.pop(0)
        between = text[first.end : found[0].start] if found else ""
        if not (found and first.window and found[0].window and _TO.fullmatch(between)):
            yield first
            continue
        last = found.pop(0)
        window = _joined(first, last, open_end=between == "..")
        yield Claim(
            text[first.start : last.end], "date" if window else "vague", first.start, last.end, window=window
        )


def _joined(first: Claim, last: Claim, *, open_end: bool) -> Window | None:
    """From one date to another; the first is of the other's year where it says none. None where they are no range."""
    if not first.window or not last.window:
        return None
    start, end = first.window.start, last.window.start if open_end else last.window.end
    if start.year == NO_YEAR:
        start = start.replace(year=last.window.start.year)
    return Window(start, end) if start < end else None


def _dates(text: str) -> Iterator[Claim]:
    for match in _DATE.finditer(text):
        before = re.findall(r"[A-Za-z]+", text[max(0, match.start() - 20) : match.start()])[-1:]
        after = bool(before) and before[0].lower() in _AFTER
        heads = text[: match.start()].rpartition("\n")[2] == "" and text[match.end() : match.end() + 1] == ":"
        if match["year7"] and not (after or heads):
            continue
        if match["month4"] and not (after or match["month4"][0].isupper()):
            continue  # may and march are verbs
        try:
            window = _window(match)
        except ValueError:
            yield Claim(match.group(), "vague", match.start(), match.end())
            continue
        yield Claim(match.group(), "date", match.start(), match.end(), window=window)


def _window(match: re.Match[str]) -> Window:
    if iso := match["iso"]:
        day = date.fromisoformat(iso if len(iso) > len("2026-01") else f"{iso}-01")
        return Window(day, day + timedelta(days=1) if iso.count("-") > 1 else next_month(day))
    year = int(next((match[f"year{n}"] for n in range(1, 8) if match[f"year{n}"]), 4))
    if month := next((match[f"month{n}"] for n in range(1, 5) if match[f"month{n}"]), None):
        number = next(n for n, name in enumerate(MONTHS, 1) if name.startswith(month.lower()[:3]))
        start = date(year, number, 1)
        if said := match["day1"] or match["day3"]:
            start = start.replace(day=int(said))
            return Window(start, start + timedelta(days=1))
        return Window(start, next_month(start))
    if said := match["quarter"] or match["worded"]:
        number = int(said[0]) if said[0].isdigit() else _ORDINALS[said.lower()]
        return months_from(year, 3 * number - 2, 3)
    if match["half"]:
        return months_from(year, 6 * int(match["half"]) - 5, 6)
    return months_from(year, 1, 12)


def months_from(year: int, first: int, count: int) -> Window:
    """So many months of a year, from its month `first`; that may be past December."""
    start, end = year * 12 + first - 1, year * 12 + first - 1 + count
    return Window(date(start // 12, start % 12 + 1, 1), date(end // 12, end % 12 + 1, 1))


_NUMBER = re.compile(
    r"(?P<open>\((?= ?[$€£¥₹\d.]))?(?P<sign>(?<!\w)[-+])? ?"
    r"(?P<before>[$€£¥₹]|(?-i:\b[A-Z]{3})(?= ?[-+]?[\d.]))? ?(?P<sign2>[-+])?"
    r"(?P<digits>\d[\d.,'_]*\d|\d|\.\d+)(?P<spaced>(?: \d{3})+(?!\d))?(?P<exponent>e[-+]?\d+)?"
    r"(?:[ -]?(?P<scale>thousand|million|billion|trillion|hundred|mio|mn|bn|tn|k|m|b)\b)?"
    r"(?P<ordinal>st|nd|rd|th)?"
    r"(?:[ -]?(?P<percent>%|‰|percentage points?\b|percent\b|per cent\b|pct\b|pp\b|bps\b|basis points?\b)"
    r"| ?(?P<times>x|times|fold)\b|[ -]?(?P<after>[$€£¥₹]|(?-i:[A-Z]{3})\b|dollars?\b|euros?\b|pounds?\b))?",
    re.IGNORECASE,
)


def _numbers(text: str) -> Iterator[Claim]:
    for match in _NUMBER.finditer(text):
        yield _number(match, text)


def _number(match: re.Match[str], text: str) -> Claim:
    start, end = match.end() - len(match.group().lstrip()), match.end()
    unknown = Claim(match.group().strip(), "vague", start, end)
    glued = (start > 0 and text[start - 1].isalnum()) or text[end : end + 1].isalpha()
    if glued or match["spaced"]:
        return unknown
    plain = match["digits"].replace(",", "").replace("'", "").replace("_", "")
    if not _grouped(match["digits"]) or plain.count(".") > 1:
        return unknown
    value = Decimal(plain + (match["exponent"] or ""))
    step = Decimal(1).scaleb(int(value.as_tuple().exponent))
    shift = _SCALES.get((match["scale"] or "").lower(), 0) - _percent(match["percent"])
    value, step = value.scaleb(shift), step.scaleb(shift)
    sign = -1 if "-" in (match["sign"], match["sign2"]) else 1 if match["sign"] or match["sign2"] else 0
    if match["open"] and ((text[end : end + 1] == ")" and match["before"]) or text[start - 1 : start] == "-"):
        sign = -1  # as accountants write a loss
    kind, unit = _kind(match)
    if kind == "vague":
        return unknown
    return Claim(match.group().strip(), kind, start, end, value * (sign or 1), step, unit, sign)


def _grouped(digits: str) -> bool:
    """Whether separators stand where English has them."""
    return bool(re.fullmatch(r"\d+(?:\.\d+)?|\.\d+|\d{1,3}(?:[,'_]\d{3})+(?:\.\d+)?", digits))


def _percent(text: str | None) -> int:
    if not text:
        return 0
    return {"‰": 3, "bps": 4, "basis point": 4, "basis points": 4}.get(text.lower(), 2)


def _kind(match: re.Match[str]) -> tuple[str, str]:
    if match["ordinal"]:
        return "ordinal", ""
    if match["percent"]:
        return ("vague", "") if match["before"] else ("ratio", "")
    if match["times"]:
        return "multiple", ""
    found = [unit for name in ("before", "after") if (unit := _currency(match[name]))]
    if len(set(found)) > 1:
        return "vague", ""
    return ("money", found[0]) if found else ("number", "")


def _currency(text: str | None) -> str:
    if not text:
        return ""
    return (
        _SYMBOLS.get(text)
        or _CURRENCY_WORDS.get(text.lower().rstrip("s"))
        or (text if text in _CURRENCIES else "")
    )


def _spelled(text: str) -> Iterator[Claim]:
    """Runs of number words as numbers; ordinals; and words for numbers that nobody could check."""
    run: list[re.Match[str]] = []
    for match in [*re.finditer(r"[A-Za-z]+", text), None]:
        word = match.group().lower() if match else ""
        between = text[run[-1].end() : match.start()] if run and match else ""
        if (run and not (word in _SMALL or word in _LARGE or word == "and")) or between.strip(" -"):
            yield from _run(run, text)
            run = []
        if match and (word in _SMALL or word in _LARGE or (run and word == "and")):
            run.append(match)
        elif match and word in _VAGUE:
            yield Claim(match.group(), "vague", *match.span())
        elif match and word in _ORDINALS:
            yield Claim(match.group(), "ordinal", *match.span(), value=Decimal(_ORDINALS[word]))


def _run(run: Sequence[re.Match[str]], text: str) -> Iterator[Claim]:
    while run and run[-1].group().lower() == "and":
        run = run[:-1]
    if not run:
        return
    total = part = 0
    for match in run:
        word = match.group().lower()
        if word in _SMALL:
            part += _SMALL[word]
        elif word == "hundred":
            part = max(part, 1) * 100
        elif word in _LARGE:
            total += max(part, 1) * _LARGE[word]
            part = 0
    start, end = run[0].start(), run[-1].end()
    after = re.match(
        r"[ -]?(?:(percent|per cent|%)|(dollars?|euros?|pounds?|(?-i:[A-Z]{3})\b)|(times)|(point))",
        text[end:],
        re.IGNORECASE,
    )
    value, kind, unit = Decimal(total + part), "number", ""
    if after:
        end += after.end()
        kind = "ratio" if after[1] else "money" if _currency(after[2]) else "vague"
        unit = _currency(after[2])
    step = Decimal(1)
    if kind == "ratio":
        value, step = value.scaleb(-2), step.scaleb(-2)
    yield Claim(text[start:end], kind, start, end, value, step, unit)


def _oddities(text: str) -> Iterator[Claim]:
    for match in re.finditer("\N{REPLACEMENT CHARACTER}", text):
        yield Claim(match.group(), "vague", *match.span())

"""Reading a stranger's cells: DuckDB SQL that turns what is written into text, numbers, times and tags.

Nothing here raises on bad input. A reading is null where the cell is empty or cannot be read; the condition
of the same name with `bad_` is true only in the second case, so that a source can reject or count it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..kernel.money import MONEY_PLACES
from ..kernel.source import Sample

_EMPTY = ("", "null", "none", "n/a", "<na>", "\\n")
_SPACES = " \t\r\n\u00a0\u202f\ufeff"

_PLAIN = r"[+-]?(\d+\.?\d*|\.\d+)"
_EXPONENT = r"([+-]?)(\d*)\.?(\d*)[eE]([+-]?\d{1,4})"

# Money as people write it: a currency before or after, a minus before or after, or parentheses.
_CURRENCY = r"([A-Z]{0,3}[$€£¥₹]|[A-Z]{3})"
_MINUS = "[-\u2212]"
_DIGITS = r"[.,]?\d([\d.,' ]*\d)?"
_AMOUNT = rf"({_CURRENCY} *)?{_DIGITS}( *{_CURRENCY})?"
_WRITTEN = (
    rf"\+?{_AMOUNT}|{_MINUS} *{_AMOUNT}|{_CURRENCY} *{_MINUS}{_DIGITS}|{_AMOUNT} *{_MINUS}|\( *{_AMOUNT} *\)"
)
_GROUP = r"[1-9]\d{0,2}"
_ENGLISH = rf"{_GROUP}(,\d{{3}})+\.\d+|{_GROUP}(,\d{{3}}){{2,}}"
# One comma and three digits is 1,234 in London and 1.234 in Paris; a dollar or pound sign settles it.
_ONE_COMMA = rf"{_GROUP},\d{{3}}"
_SPACED = rf"{_GROUP}([' ]\d{{3}})+([.,]\d+)?"
_CONTINENTAL = rf"{_GROUP}(\.\d{{3}})+,\d+|{_GROUP}(\.\d{{3}}){{2,}}|\d+,(\d{{1,2}}|\d{{4,}})|0+,\d+"

_YEAR = r"(19|20|21)\d\d"
_ISO = rf"{_YEAR}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.]\d+)?)?( *(Z|UTC))?)?"
_OFFSET = rf"({_YEAR}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:[.]\d+)?)?) *([+-]\d\d(?::?\d\d)?)"
_SLASHED = r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?: +(\d{1,2})(:\d\d(?::\d\d)?))?"
_MONTHS = 12
_EPOCH = r"\d{10}(\d{3}){0,3}"

_NO_TAGS = r"[{\[] *[}\]]"
_PAIR = "regexp_matches(x, '^[^=]+=')"


@dataclass(frozen=True)
class Cell:
    """One column of `raw`, or any SQL expression over it, and what can be read in it."""

    sql: str
    type: str = "VARCHAR"
    """Its SQL type; everything but times and maps is read through its text."""

    def text(self) -> str:
        """VARCHAR, trimmed. `NULL`, `null`, `None`, `N/A` and nothing are null."""
        cell = self.sql if self.type == "VARCHAR" else f"CAST({self.sql} AS VARCHAR)"
        empty = ", ".join(literal(word) for word in _EMPTY)
        trimmed = f"trim({cell}, {literal(_SPACES)})"
        return let("t", trimmed, f"CASE WHEN lower(t) NOT IN ({empty}) THEN t END")

    def number(self, places: int = MONEY_PLACES) -> str:
        """DECIMAL(38, places), exact; digits beyond `places` are rounded half to even.

        Reads plain numbers, exponents, `$10,000.00 `, `(12.50)`, `12.50-`, `USD 5`, `1 234,56`, `1.234,56`.
        What could mean two amounts (`1,234`) is not read. A DOUBLE counts as its shortest text.
        """
        simple = f"TRY_CAST(t AS DECIMAL(38,{places}))"
        other = let("p", _plain_number("t"), _half_even("p", places))
        return let(
            "t", self._number_text(), f"CASE WHEN {_simple('t', places)} THEN {simple} ELSE {other} END"
        )

    def bad_number(self, places: int = MONEY_PLACES) -> str:
        """True where the cell is neither empty nor a number that fits."""
        return f"({self._number_text()} IS NOT NULL AND {self.number(places)} IS NULL)"

    def rounded_number(self, places: int = MONEY_PLACES) -> str:
        """True where the number has more digits after the point than are kept."""
        fraction = f"rtrim(regexp_extract({_plain_number('t')}, '[.](.*)', 1), '0')"
        return let(
            "t",
            self._number_text(),
            f"CASE WHEN {_simple('t', places)} THEN FALSE"
            f" ELSE COALESCE(length({fraction}) > {places}, FALSE) END",
        )

    def _number_text(self) -> str:
        return let("n", self.text(), "CASE WHEN lower(n) NOT IN ('nan', '-') THEN n END")

    def time(self, *, day_first: bool = False) -> str:
        """TIMESTAMP in UTC, of the years 1900 to 2199.

        Reads ISO 8601 with `T` or a space, with or without seconds, zone or time of day; `m/d/yy[yy]
        [h:mm[:ss]]`, or `d/m/yy[yy]` where the `day_first` of the file's dates says so; Unix time in seconds,
        milli-, micro- or nanoseconds. No zone means UTC.
        """
        if self.type.startswith("TIMESTAMP WITH TIME ZONE"):
            return f"make_timestamp(epoch_us({self.sql}))"
        if self.type.startswith(("TIMESTAMP", "DATE")):
            return f"CAST({self.sql} AS TIMESTAMP)"
        offset = regroup("t", _OFFSET, r"\1 \3\4")
        epoch = "make_timestamp(TRY_CAST(left(rpad(t, 16, '0'), 16) AS BIGINT))"
        return let(
            "t",
            self.text(),
            f"CASE WHEN {full('t', _ISO)} THEN TRY_CAST(t AS TIMESTAMP)"
            f" WHEN {full('t', _OFFSET)} THEN make_timestamp(epoch_us(TRY_CAST({offset} AS TIMESTAMPTZ)))"
            f" WHEN {full('t', _SLASHED)} THEN {_slashed_time('t', day_first=day_first)}"
            f" WHEN {full('t', _EPOCH)} THEN {epoch} END",
        )

    def bad_time(self, *, day_first: bool = False) -> str:
        """True where the cell is neither empty nor a time."""
        return f"({self.text()} IS NOT NULL AND {self.time(day_first=day_first)} IS NULL)"

    def tags(self) -> str:
        """MAP(VARCHAR, VARCHAR), null for none; of equal keys the first counts, a null value is ''.

        Reads maps, JSON objects, JSON lists of `{"key": …, "value": …}`, `k=v; k2=v2` and `{k=v, k2=v2}`.
        Values that are not text are their JSON.
        """
        if self.type.startswith("MAP"):
            return _tag_map(f"map_entries(CAST({self.sql} AS MAP(VARCHAR, VARCHAR)))", "key", "value")
        pairs = let("b", "trim(t, '{} ')", "string_split_regex(b, '[;,] *')")
        entry = "{'k': trim(split_part(x, '=', 1)), 'v': substr(x, strpos(x, '=') + 1)}"
        written = f"list_transform(f, lambda x: {entry})"
        return let(
            "t",
            self._tags_text(),
            f"CASE WHEN json_valid(t) THEN {_json_tags('t')} ELSE "
            + let(
                "f",
                pairs,
                f"CASE WHEN list_bool_and(list_transform(f, lambda x: {_PAIR}))"
                f" THEN {_tag_map(written, 'k', 'v')} END",
            )
            + " END",
        )

    def bad_tags(self) -> str:
        """True where the cell is neither empty nor tags."""
        if self.type.startswith("MAP"):
            return "FALSE"
        return f"({self._tags_text()} IS NOT NULL AND {self.tags()} IS NULL)"

    def _tags_text(self) -> str:
        """Text, or JSON for a list or struct; null for an empty object; with the braces that Azure omits."""
        nested = self.type.startswith("STRUCT") or self.type.endswith("]")
        cell = Cell(f"CAST(to_json({self.sql}) AS VARCHAR)") if nested else self
        whole = "CASE WHEN starts_with(j, '\"') THEN '{' || j || '}' ELSE j END"
        return let("j", cell.text(), f"CASE WHEN NOT {full('j', _NO_TAGS)} THEN {whole} END")


class Columns:
    """A file's columns by plain name: `lineItem/UnblendedCost` and `line_item_unblended_cost` are one."""

    def __init__(self, sample: Sample) -> None:
        self._written: dict[str, str] = {}
        for name in sample.columns:
            self._written.setdefault(plain(name), name)
        self._types = sample.types

    def __contains__(self, name: str) -> bool:
        return plain(name) in self._written

    def cell(self, *names: str) -> Cell | None:
        """The first of these columns that the file has."""
        for name in names:
            written = self._written.get(plain(name))
            if written is not None:
                return Cell(quoted(written), self._types.get(written, "VARCHAR"))
        return None

    def named(self, pattern: str) -> list[str]:
        """The columns, as written, whose name matches a regular expression whole, whatever its case."""
        return [name for name in self._written.values() if re.fullmatch(pattern, name.strip(), re.IGNORECASE)]


def plain(name: str) -> str:
    """A column name without case, spaces, marks and separators."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string."""
    return "'" + text.replace("'", "''") + "'"


def let(name: str, value: str, body: str) -> str:
    """SQL `body` in which `name` stands for `value`, computed once."""
    return f"list_transform([{value}], lambda {name}: {body})[1]"


def full(sql: str, pattern: str) -> str:
    """SQL: the whole text matches."""
    return f"regexp_full_match({sql}, {literal(pattern)})"


def regroup(sql: str, pattern: str, groups: str) -> str:
    return f"regexp_replace({sql}, {literal(f'^(?:{pattern})$')}, {literal(groups)})"


def first(readings: Sequence[str]) -> str:
    """SQL: the first reading that is not null."""
    return readings[0] if len(readings) == 1 else f"COALESCE({', '.join(readings)})"


def day_first(values: Iterable[str | None]) -> bool:
    """True where these dates with slashes are written day first; false, month first, where nothing shows it.

    A number above 12 shows it; else first numbers that are all 1 beside second numbers that are not: billing
    periods, which begin with a month.
    """
    found = [re.match(r"\s*(\d{1,2})/(\d{1,2})/\d", value) for value in values if value]
    pairs = [(int(date[1]), int(date[2])) for date in found if date]
    firsts, seconds = {one for one, _ in pairs}, {two for _, two in pairs}
    if max(firsts | seconds, default=0) > _MONTHS:
        return max(seconds) <= _MONTHS
    return firsts == {1} and seconds != {1}


def _simple(t: str, places: int) -> str:
    """SQL: digits that the engine's own cast reads exactly; all but a few cells."""
    return full(t, rf"[+-]?\d{{1,20}}(\.\d{{0,{places}}})?")


def _plain_number(t: str) -> str:
    """SQL: a number's digits with a point and no exponent, as text; null where it is no number."""
    parts = f"regexp_extract({t}, {literal(f'^{_EXPONENT}$')}, ['sign', 'whole', 'rest', 'power'])"
    power = "greatest(-99, least(99, TRY_CAST(x.power AS INTEGER)))"
    digits = "repeat('0', greatest(-e, 0)) || x.whole || x.rest || repeat('0', greatest(e, 0))"
    point = "length(x.whole) + greatest(e, 0)"
    moved = let(
        "x",
        parts,
        let("e", power, let("z", digits, f"x.sign || left(z, {point}) || '.' || substr(z, {point} + 1)")),
    )
    return (
        f"CASE WHEN {full(t, _PLAIN)} THEN {t}"
        f" WHEN {full(t, _EXPONENT)} AND regexp_matches({t}, '^[+-]?[.]?[0-9]') THEN {moved}"
        f" WHEN {full(t, _WRITTEN)} THEN {_written_number(t)} END"
    )


def _written_number(t: str) -> str:
    """SQL: the same for an amount as people write it."""
    core = f"regexp_extract({t}, {literal(_DIGITS)})"
    sign = f"CASE WHEN regexp_matches({t}, '[(]|{_MINUS}') THEN '-' ELSE '' END"
    without = "regexp_replace(c, '[,'' ]', '', 'g')"
    point_comma = "replace(regexp_replace(c, '[.'' ]', '', 'g'), ',', '.')"
    english = f"regexp_matches({t}, '[$£]')"
    number = (
        f"CASE WHEN {full('c', _PLAIN)} THEN c"
        f" WHEN {full('c', _ENGLISH)} OR ({full('c', _ONE_COMMA)} AND {english}) THEN {without}"
        f" WHEN {full('c', _CONTINENTAL)} OR ({full('c', _SPACED)} AND contains(c, ',')) THEN {point_comma}"
        f" WHEN {full('c', _SPACED)} THEN {without} END"
    )
    return f"{sign} || {let('c', core, number)}"


def _half_even(p: str, places: int) -> str:
    """SQL: text of plain digits as DECIMAL(38, places). The engine's cast rounds ties away from zero."""
    tie = rf"[+-]?\d*\.\d{{{places - 1}}}[02468]50*"
    cut = rf"regexp_replace({p}, '([.]\d{{{places}}})\d*$', '\1')"
    return f"TRY_CAST(CASE WHEN {full(p, tie)} THEN {cut} ELSE {p} END AS DECIMAL(38,{places}))"


def _slashed_time(t: str, *, day_first: bool) -> str:
    names = "['a', 'b', 'year', 'hour', 'rest']"
    parts = f"regexp_extract({t}, {literal(f'^{_SLASHED}$')}, {names})"
    month, day = ("s.b", "s.a") if day_first else ("s.a", "s.b")
    date = f"right('20' || s.year, 4) || '-' || lpad({month}, 2, '0') || '-' || lpad({day}, 2, '0')"
    clock = "CASE WHEN s.hour = '' THEN '' ELSE ' ' || lpad(s.hour, 2, '0') || s.rest END"
    return let("s", parts, f"TRY_CAST({date} || {clock} AS TIMESTAMP)")


def _json_tags(t: str) -> str:
    pointer = "'/' || replace(replace(k, '~', '~0'), '/', '~1')"
    keyed = f"list_transform(json_keys({t}), lambda k: {{'k': k, 'v': json_extract_string({t}, {pointer})}})"
    listed = (
        f"list_transform(json_extract({t}, '$[*]'), lambda o: {{"
        "'k': COALESCE(o->>'$.key', o->>'$.Key', o->>'$.name'), 'v': COALESCE(o->>'$.value', o->>'$.Value')})"
    )
    return (
        f"CASE json_type({t}) WHEN 'OBJECT' THEN {_tag_map(keyed, 'k', 'v')}"
        f" WHEN 'ARRAY' THEN {_tag_map(listed, 'k', 'v')} END"
    )


def _tag_map(entries: str, key: str, value: str) -> str:
    """SQL: the map of a list of structs; the first of equal keys, no empty key, null for none."""
    keys = let("l", entries, f"list_filter(l, lambda e: e.{key} <> '')")
    unique = f"list_filter(m, lambda e, i: list_position(list_transform(m, lambda y: y.{key}), e.{key}) = i)"
    pairs = f"list_transform({unique}, lambda e: {{'k': e.{key}, 'v': COALESCE(e.{value}, '')}})"
    return let("m", keys, f"CASE WHEN len(m) > 0 THEN map_from_entries({pairs}) END")

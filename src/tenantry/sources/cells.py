"""Reading a stranger's cells: DuckDB SQL that turns what is written into text, numbers, times and tags.

Nothing here raises on bad input. A reading is null where the cell is empty or cannot be read; the condition
of the same name with `bad_` is true only in the second case, so that a source can reject or count it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..kernel.money import MONEY_PLACES
from ..kernel.source import Sample
from .patterns import (
    AMBIGUOUS,
    COMMA,
    COMMON,
    EMPTY,
    EPOCH,
    ISO,
    MINUS,
    NO_NUMBER,
    NO_TAGS,
    NO_WORDS,
    OFFSET,
    POINTED,
    POWER,
    SLASHED,
    SLASHED_PARTS,
    longer,
    tie,
)

_SPACES = " \t\r\n\f\u00a0\u202f\ufeff"
_MONTHS = 12
_WHOLE = {f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE")} | {
    "INTEGER",
    "UINTEGER",
}


@dataclass(frozen=True)
class Cell:
    """One column of `raw`, or any SQL expression over it, and what can be read in it.

    Each reading tries the common way of writing first, on the cell as it is: bills have 10^8 cells.
    """

    sql: str
    type: str = "VARCHAR"
    """Its SQL type; everything but exact numbers, times and maps is read through its text."""

    def text(self) -> str:
        """VARCHAR, trimmed. `NULL`, `null`, `None`, `N/A` and nothing are null."""
        return self._bound(_text)

    def exact(self, places: int = MONEY_PLACES) -> bool:
        """Whether its type is of exact numbers with no more than so many digits after the point."""
        scale = re.fullmatch(r"DECIMAL\(\d+, ?(\d+)\)", self.type)
        return self.type in _WHOLE if scale is None else int(scale[1]) <= places

    def number(self, places: int = MONEY_PLACES) -> str:
        """DECIMAL(38, places), exact; digits beyond `places` are rounded half to even.

        Reads plain numbers, exponents, `$10,000.00 `, `(12.50)`, `12.50-`, `USD 5`, `1 234,56`, `1.234,56`.
        What could mean two amounts (`1,234`) is not read. A DOUBLE counts as its shortest text.
        """
        if self.exact(places):
            return f"TRY_CAST({self.sql} AS DECIMAL(38,{places}))"
        return self._bound(lambda x: _number(x, places))

    def bad_number(self, places: int = MONEY_PLACES) -> str:
        """True where the cell is neither empty nor a number that fits."""
        if self.exact(places):
            return f"({self.sql} IS NOT NULL AND {self.number(places)} IS NULL)"
        nothing = f"{EMPTY}|{NO_NUMBER}"
        return self._bound(
            lambda x: (
                f"CASE WHEN {full(x, COMMON)} THEN FALSE"
                f" ELSE NOT {full(x, nothing)} AND {_odd_number(x, places)} IS NULL END"
            )
        )

    def rounded_number(self, places: int = MONEY_PLACES) -> str:
        """True where the number has more digits after the point than are kept."""
        if self.exact(places):
            return "FALSE"
        return f"COALESCE({full(self._written(), longer(places))}, FALSE)"

    def time(self, *, day_first: bool = False) -> str:
        """TIMESTAMP in UTC, of the years 1900 to 2199.

        Reads ISO 8601 with `T` or a space, with or without seconds, zone or time of day; `m/d/yy` and `m/d/20yy`,
        `h:mm[:ss]` behind it or not, or `d/m/yy` where the `day_first` of the file's dates says so; Unix time in
        seconds, milli-, micro- or nanoseconds. No zone means UTC.
        """
        if self.type.startswith("TIMESTAMP WITH TIME ZONE"):
            return f"make_timestamp(epoch_us({self.sql}))"
        if self.type.startswith(("TIMESTAMP", "DATE")):
            return f"CAST({self.sql} AS TIMESTAMP)"
        return self._bound(lambda x: _time(x, day_first=day_first))

    def bad_time(self, *, day_first: bool = False) -> str:
        """True where the cell is neither empty nor a time."""
        return f"({self.time(day_first=day_first)} IS NULL AND {filled(self._written())})"

    def tags(self) -> str:
        """MAP(VARCHAR, VARCHAR), null for none; of equal keys the first counts, a null value is ''.

        Reads maps, JSON objects, JSON lists of `{"key": …, "value": …}`, `k=v; k2=v2` and `{k=v, k2=v2}`.
        Values that are not text are their JSON.
        """
        if self.type.startswith("MAP"):
            return tag_map(f"map_entries(CAST({self.sql} AS MAP(VARCHAR, VARCHAR)))", "key", "value")
        odd = let("t", _tags_text("c"), _odd_tags("t"))
        return let(
            "c", self._tags_cell(), f"CASE WHEN {filled('c')} THEN COALESCE({_plain_tags('c')}, {odd}) END"
        )

    def bad_tags(self) -> str:
        """True where the cell is neither empty nor tags."""
        if self.type.startswith("MAP"):
            return "FALSE"
        odd = let("t", _tags_text("c"), f"t IS NOT NULL AND {_odd_tags('t')} IS NULL")
        bad = f"CASE WHEN {filled('c')} AND {_plain_tags('c')} IS NULL THEN {odd} ELSE FALSE END"
        return let("c", self._tags_cell(), bad)

    def _written(self) -> str:
        return self.sql if self.type == "VARCHAR" else f"CAST({self.sql} AS VARCHAR)"

    def _tags_cell(self) -> str:
        nested = self.type.startswith("STRUCT") or self.type.endswith("]")
        return f"CAST({f'to_json({self.sql})' if nested else self.sql} AS VARCHAR)"

    def _bound(self, reading: Callable[[str], str]) -> str:
        """A reading of this cell's text, which is computed once."""
        if self.type == "VARCHAR":
            return reading(self.sql)
        return let("c", self._written(), reading("c"))


class Columns:
    """The columns of files that are read as one relation, by plain name.

    `lineItem/UnblendedCost` and `line_item_unblended_cost` are one. Where the files of a column differ in its type,
    it is text.
    """

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._cells: dict[str, Cell] = {}
        self._plain: dict[str, list[str]] = {}
        for sample in samples:
            for name in sample.columns:
                self._add(name, sample.types.get(name, "VARCHAR"))

    def _add(self, name: str, kind: str) -> None:
        # The relation, like all of SQL, does not tell names apart by case.
        same = next(
            (known for known in self._plain.get(plain(name), ()) if known.lower() == name.lower()), None
        )
        if same is None:
            self._cells[name] = Cell(quoted(name), kind)
            self._plain.setdefault(plain(name), []).append(name)
        elif self._cells[same].type != kind:
            self._cells[same] = Cell(quoted(same))

    def __contains__(self, name: str) -> bool:
        return plain(name) in self._plain

    def named(self, *names: str) -> dict[str, Cell]:
        """Those of these columns that the files have, in this order, by name as written."""
        return {known: self._cells[known] for name in names for known in self._plain.get(plain(name), ())}

    def under(self, prefix: str) -> list[tuple[str, Cell]]:
        """The columns whose name, whatever its case, begins with a regular expression: (the rest, cell)."""
        found = [(self._own(name), cell) for name, cell in self._cells.items()]
        return [
            (name[match.end() :], cell)
            for name, cell in found
            if (match := re.match(prefix, name, re.IGNORECASE))
        ]

    def _own(self, name: str) -> str:
        """The name in the file of a column that was numbered, `team (2)`, because SQL would take it for `Team`."""
        own = re.sub(r" \(\d+\)$", "", name)
        return own if own.lower() in map(str.lower, self._cells) else name


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


def filled(x: str) -> str:
    """SQL: the text says something; null for null."""
    return f"NOT {full(x, EMPTY)}"


def tag_map(entries: str, key: str, value: str) -> str:
    """SQL: the map of a list of structs; the first of equal keys, no empty key, null for none."""
    keys = let("l", entries, f"list_filter(l, lambda e: e.{key} <> '')")
    unique = f"list_filter(m, lambda e, i: list_position(list_transform(m, lambda y: y.{key}), e.{key}) = i)"
    pairs = f"list_transform({unique}, lambda e: {{'k': e.{key}, 'v': COALESCE(e.{value}, '')}})"
    return let("m", keys, f"CASE WHEN len(m) > 0 THEN map_from_entries({pairs}) END")


def words(text: str, known: Sequence[str], otherwise: str = "w") -> str:
    """SQL: a known word as it is to be written, whatever its case; `otherwise` (SQL over `w`) what is not known."""
    whens = " ".join(f"WHEN {literal(word.lower())} THEN {literal(word)}" for word in known)
    return let("w", text, f"CASE lower(w) {whens} ELSE {otherwise} END")


def union(maps: Sequence[str]) -> str:
    """SQL: the entries of all these maps; of equal keys the first map's."""
    return maps[0] if len(maps) == 1 else f"map_concat({', '.join(reversed(maps))})"


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


def _text(x: str) -> str:
    seen = f"ascii({x}) BETWEEN 33 AND 126 AND {x}[-1] BETWEEN '!' AND '~'"  # nothing to trim
    # Of five words in IN the engine makes a join: with all the columns of a bill, dozens of them.
    nothing = f"strlen({x}) < 5 AND coalesce(list_position([{', '.join(map(literal, NO_WORDS))}], lower({x})), 0) > 0"
    return (
        f"CASE WHEN {seen} THEN CASE WHEN NOT ({nothing}) THEN {x} END"
        f" WHEN {filled(x)} THEN trim({x}, {literal(_SPACES)}) END"
    )


def _number(x: str, places: int) -> str:
    common, exact = full(x, COMMON), _decimal(x, MONEY_PLACES)
    if places < MONEY_PLACES:
        common += f" AND NOT {full(x, tie(places))}"
        exact = f"CAST({exact} AS DECIMAL(38,{places}))"
    return f"CASE WHEN {common} THEN {exact} WHEN {filled(x)} THEN {_odd_number(x, places)} END"


def _odd_number(x: str, places: int) -> str:
    sign = f"CASE WHEN regexp_matches({x}, '[(]|{MINUS}') THEN '-' ELSE '' END"
    pointed = f"regexp_replace({x}, '[^0-9.]', '', 'g')"
    comma = f"replace(regexp_replace({x}, '[^0-9,]', '', 'g'), ',', '.')"
    written = (
        f"CASE WHEN {full(x, POINTED)} AND NOT {full(x, AMBIGUOUS)} THEN {pointed}"
        f" WHEN {full(x, COMMA)} THEN {comma} END"
    )
    odd = f"CASE WHEN {full(x, POWER)} THEN trim({x}, {literal(_SPACES)}) ELSE {sign} || {written} END"
    return let("n", odd, _half_even("n", places))


def _half_even(n: str, places: int) -> str:
    """SQL: the engine's casts round ties away from zero. A tie goes up for a last digit 5 or 6 and down for 4."""
    less, more = (rf"regexp_replace({n}, '5([.]?0*([eE].*)?)$', '{digit}\1')" for digit in (4, 6))
    tie_up = f"b <> a AND a = {_decimal(more, places)} AND right(CAST(a AS VARCHAR), 1) IN ('1', '3', '5', '7', '9')"
    even = f"CASE WHEN {tie_up} THEN b ELSE a END"
    return let("a", _decimal(n, places), let("b", _decimal(less, places), even))


def _decimal(n: str, places: int) -> str:
    return f"TRY_CAST({n} AS DECIMAL(38,{places}))"


def _time(x: str, *, day_first: bool) -> str:
    order = r"'20\3-\2-\1'" if day_first else r"'20\3-\1-\2'"
    slashed = f"regexp_replace(trim({x}), '{SLASHED_PARTS}', {order})"
    zoned = f"regexp_replace(trim({x}), ' +([+-])', '\\1')"
    epoch = f"make_timestamp(TRY_CAST(left(rpad(trim({x}), 16, '0'), 16) AS BIGINT))"
    space = r"\s*"
    return (
        f"CASE WHEN {full(x, space + ISO + space)} THEN TRY_CAST(trim({x}) AS TIMESTAMP)"
        f" WHEN {full(x, space + OFFSET + space)} THEN make_timestamp(epoch_us(TRY_CAST({zoned} AS TIMESTAMPTZ)))"
        f" WHEN {full(x, space + SLASHED + space)} THEN TRY_CAST({slashed} AS TIMESTAMP)"
        f" WHEN {full(x, space + EPOCH + space)} THEN {epoch} END"
    )


def _plain_tags(x: str) -> str:
    """SQL: an object of distinct keys and no null value, the common case; null for all others."""
    common = f"starts_with({x}, '{{') AND strlen({x}) > 6 AND NOT contains({x}, 'null') AND NOT contains({x}, '\"\":')"
    return f"CASE WHEN {common} THEN TRY_CAST(TRY_CAST({x} AS JSON) AS MAP(VARCHAR, VARCHAR)) END"


def pointer(key: str) -> str:
    """A member of an object as a JSON pointer (RFC 6901)."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _tags_text(x: str) -> str:
    """SQL: the text; null for an empty object; in the braces that Azure leaves out."""
    whole = "CASE WHEN starts_with(j, '\"') THEN '{' || j || '}' ELSE j END"
    return let("j", _text(x), f"CASE WHEN NOT {full('j', NO_TAGS)} THEN {whole} END")


def _odd_tags(t: str) -> str:
    pairs = let("b", f"trim({t}, '{{}} ')", "string_split_regex(b, '[;,] *')")
    entry = "{'k': trim(split_part(x, '=', 1)), 'v': substr(x, strpos(x, '=') + 1)}"
    written = tag_map(f"list_transform(f, lambda x: {entry})", "k", "v")
    all_pairs = "list_bool_and(list_transform(f, lambda x: regexp_matches(x, '^[^=]+=')))"
    pointer = "'/' || replace(replace(k, '~', '~0'), '/', '~1')"
    keyed = f"list_transform(json_keys({t}), lambda k: {{'k': k, 'v': json_extract_string({t}, {pointer})}})"
    listed = (
        f"list_transform(json_extract({t}, '$[*]'), lambda o: {{"
        "'k': COALESCE(o->>'$.key', o->>'$.Key', o->>'$.name'), 'v': COALESCE(o->>'$.value', o->>'$.Value')})"
    )
    return (
        f"CASE WHEN NOT json_valid({t}) THEN {let('f', pairs, f'CASE WHEN {all_pairs} THEN {written} END')}"
        f" WHEN json_type({t}) = 'OBJECT' THEN {tag_map(keyed, 'k', 'v')}"
        f" WHEN json_type({t}) = 'ARRAY' THEN {tag_map(listed, 'k', 'v')} END"
    )

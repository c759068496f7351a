"""Splitting text into records one by one, losing none: for files that DuckDB's readers cannot prove they read whole."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from ..errors import TenantryError

MAX_RECORD = 1024 * 1024
"""Bytes; no row of a bill or a table is longer, a file without line ends is."""
MAX_LINES = 1_000
"""Lines that one quoted field may span; beyond that its quote was never closed."""
ASCII = 128
FIRST = 200
"""Records that tell what a file holds."""
HEADER = "#Fields:"
"""Begins the line that names the fields of W3C's extended log format."""


def too_long(limit: int) -> str:
    return f"longer than {limit:,} bytes"


# A text may begin with it, and one made of several texts have it in between.
_MARK = "\ufeff"
# The csv module's own limit for a field; raising it would change it for the whole process.
_CSV_FIELD = 131_072
_AT_ONCE = 200


class Line(NamedTuple):
    r"""A physical line with its end (`\n`, `\r\n` or `\r`); `reason` says why it is not whole, if it is not."""

    text: str
    repaired: bool = False
    """Bytes that are not UTF-8 were read as Windows-1252: wrong letters perhaps, but none lost or made equal."""
    reason: str = ""


@dataclass(slots=True)
class Record:
    """One data record as it stood in the file; `reason` says why it cannot be read, empty where it can."""

    text: str
    fields: list[str] = field(default_factory=list)
    reason: str = ""
    repaired: bool = False


def physical_lines(chunks: Iterable[bytes], limit: int = MAX_RECORD) -> Iterator[Line]:
    """The lines of a text, of up to so many bytes. Where the chunks end in a `TenantryError`, the last line is what
    it broke off, with the error's message as its reason.
    """
    carry = head = b""
    try:
        for chunk in chunks:
            pieces = (carry + chunk).splitlines(keepends=True)
            # A lone \r at the end may be half of \r\n.
            carry = b"" if not pieces or pieces[-1].endswith(b"\n") else pieces.pop()
            for piece in pieces:
                yield _line(head or piece, limit)
                head = b""
            if len(carry) > limit:
                head, carry = head or carry, carry[-1:]
    except TenantryError as problem:
        yield _line(head or carry, limit)._replace(reason=problem.message)
        return
    if head or carry:
        yield _line(head or carry, limit)


def _line(raw: bytes, limit: int) -> Line:
    reason = too_long(limit) if len(raw) > limit else ""
    return Line(*_decoded(raw[:limit]), reason)


def _decoded(raw: bytes) -> tuple[str, bool]:
    """The text, and whether some bytes of it are not UTF-8."""
    try:
        return raw.decode(), False
    except UnicodeDecodeError:
        return raw.decode(errors="tenantry_windows_1252"), True


def _windows_1252(problem: UnicodeError) -> tuple[str, int]:
    if not isinstance(problem, UnicodeDecodeError):
        raise problem
    bad = problem.object[problem.start : problem.end]
    # The five bytes that Windows-1252 leaves open stay apart as control characters.
    return "".join(_LETTERS.get(byte, chr(byte)) for byte in bad), problem.end


_LETTERS = {
    byte: letter for byte in range(ASCII, 256) if (letter := bytes([byte]).decode("cp1252", "ignore"))
}
codecs.register_error("tenantry_windows_1252", _windows_1252)


def text_lines(chunks: Iterable[bytes], limit: int = MAX_RECORD) -> Iterator[Record]:
    """Each line without its end.

    A line behind a `#Fields:` that is not the first one's has a reason: what stands where is told once for a file.
    """
    header, renamed = "", False
    for n, line in enumerate(physical_lines(chunks, limit)):
        text = line.text.rstrip("\r\n")
        text = text if n else text.removeprefix(_MARK)
        reason = line.reason or ("a NUL byte" if "\0" in text else "")
        if text.startswith(HEADER):
            header = header or text
            renamed = text != header
        elif renamed and text and not text.startswith("#"):
            reason = reason or "its #Fields: are not those of the file's beginning: cut the file there"
        yield Record(text, [text], reason, line.repaired)


def csv_records(chunks: Iterable[bytes], delimiter: str, width: int, skip: int = 0) -> Iterator[Record]:
    """The data records of delimited text after `skip` lines; blank lines are no records.

    Quotes are those of RFC 4180, with spaces around them allowed, and may span lines. A line whose quote is never
    closed, or not doubled inside quotes, is one bad record, and reading goes on with the next line.
    """
    lines = _Lines(physical_lines(chunks))
    lines.several(skip)
    quoted = _Quoted(delimiter, width)
    blank = " \t\r\n".replace(delimiter, "")
    while several := lines.several(_AT_ONCE):
        if rows := quoted.plain_rows(several):
            yield from map(Record, (line.text for line in several), rows)
            continue
        lines.give_back(several)
        for _ in several:
            line = lines.take()
            if line is None:
                return
            if line.reason:
                yield Record(line.text, reason=line.reason, repaired=line.repaired)
            elif line.text.strip(blank):
                yield quoted.record(line, lines)


def _checked(record: Record, width: int) -> Record:
    if len(record.fields) != width:
        record.reason = f"{len(record.fields)} fields where the header has {width}"
    elif "\0" in record.text:
        record.reason = "a NUL byte"
    elif len(record.text) > MAX_RECORD:
        record.reason = too_long(MAX_RECORD)
    return record


class _Lines:
    """Lines that can be given back."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._back: deque[Line] = deque()

    def take(self) -> Line | None:
        return self._back.popleft() if self._back else next(self._lines, None)

    def several(self, count: int) -> list[Line]:
        back = [self._back.popleft() for _ in range(min(count, len(self._back)))]
        return back + list(islice(self._lines, count - len(back)))

    def give_back(self, lines: list[Line]) -> None:
        self._back.extendleft(reversed(lines))


_INSIDE = re.compile(r'[^"]*(?:""[^"]*)*')
_UNCLOSED = "a quote that is never closed"
_UNDOUBLED = "a quote inside quotes that is not doubled"


_PADDED = re.compile('\x1f[ \t]+"')


def _padded(fields: list[str]) -> bool:
    """True where spaces stand before a quote, which the csv module does not allow for."""
    return _PADDED.search("\x1f" + "\x1f".join(fields)) is not None


class _Quoted:
    """Reads records as RFC 4180 writes them."""

    def __init__(self, delimiter: str, width: int) -> None:
        self._delimiter = delimiter
        self._width = width
        space = "[ ]*" if delimiter == "\t" else "[ \t]*"
        end = re.escape(delimiter)
        self._opening = re.compile(space + '"')
        self._after = re.compile(rf"{space}(?={end}|[\r\n]|\Z)")
        self._bare = re.compile(rf"[^{end}\r\n]*")

    def plain_rows(self, lines: list[Line]) -> list[list[str]]:
        """The lines' fields, where each line is one good record that the csv module reads as we do; else nothing."""
        if any(
            line.reason or line.repaired or len(line.text) > _CSV_FIELD or "\0" in line.text for line in lines
        ):
            return []
        try:
            rows = list(csv.reader((line.text for line in lines), delimiter=self._delimiter, strict=True))
        except csv.Error:
            return []
        plain = len(rows) == len(lines) and all(len(row) == self._width for row in rows)
        return rows if plain and not any(map(_padded, rows)) else []

    def record(self, line: Line, lines: _Lines) -> Record:
        """The record that begins with `line`; takes the lines it spans."""
        taken: list[Line] = []
        fields, reason = self._fields(line, lines, taken)
        if reason or (taken and len(fields) != self._width and any(map(self._stands_alone, taken))):
            lines.give_back(taken)
            return Record(line.text, reason=reason or _UNCLOSED, repaired=line.repaired)
        whole = [line, *taken]
        text = "".join(part.text for part in whole)
        return _checked(Record(text, fields, repaired=any(p.repaired for p in whole)), self._width)

    def _stands_alone(self, line: Line) -> bool:
        return line.text.count(self._delimiter) == self._width - 1

    def _fields(self, first: Line, lines: _Lines, taken: list[Line]) -> tuple[list[str], str]:
        """The fields, or why there are none; `taken` receives the lines after the first."""
        text, at = first.text, 0
        fields: list[str] = []
        while True:
            if opening := self._opening.match(text, at):
                value, text, at = _closed(text, opening.end(), lines, taken)
                if at < 0:
                    return [], _UNCLOSED
                after = self._after.match(text, at)
                if after is None:
                    return [], _UNDOUBLED
                at = after.end()
            else:
                end = _end(self._bare, text, at)
                value, at = text[at:end], end
            fields.append(value)
            if text[at : at + 1] != self._delimiter:
                return fields, ""
            at += 1


def _closed(text: str, at: int, lines: _Lines, taken: list[Line]) -> tuple[str, str, int]:
    """The rest of a quoted field, the line on which it is closed and where in it; -1 where it never is."""
    parts: list[str] = []
    size = 0
    while (end := _end(_INSIDE, text, at)) == len(text):
        parts.append(text[at:])
        size += len(text) - at
        more = lines.take()
        if more is None:
            return "", text, -1
        taken.append(more)
        if more.reason or len(taken) > MAX_LINES or size > MAX_RECORD:
            return "", text, -1
        text, at = more.text, 0
    parts.append(text[at:end])
    return "".join(parts).replace('""', '"'), text, end + 1


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where a pattern that always matches ends."""
    found = pattern.match(text, at)
    return found.end() if found else at


Check = Callable[[Record], Record]
"""Gives a JSON object's record as it is to be read, or with a reason."""


def json_lines(
    chunks: Iterable[bytes], check: Check | None = None, limit: int = MAX_RECORD
) -> Iterator[Record]:
    """The objects of newline-delimited JSON, each with its text; blank lines are no records."""
    check = check or Objects().read
    for line in physical_lines(chunks, limit):
        text = line.text.lstrip(_MARK).strip()
        if line.reason:
            yield Record(text, reason=line.reason, repaired=line.repaired)
        elif text:
            yield check(Record(text, repaired=line.repaired))


_SEPARATORS = re.compile(rf"[\s,\[\]{_MARK}]*")
# One token of JSON's structure; a text cannot run over the end of its line.
_STRUCTURE = re.compile(r'"(?:[^"\\\n]|\\.)*+(?P<closed>"?)|[{}]')
_NEXT_OBJECT = re.compile(r"\}\s*,\s*(?=\{)")


def json_elements(
    chunks: Iterable[bytes], check: Check | None = None, limit: int = MAX_RECORD
) -> Iterator[Record]:
    """The objects of a JSON array, or of objects one after another, each with its text.

    What cannot be read is one bad record up to the next `},{`, and reading goes on from there.
    """
    text, check = _Text(chunks, limit), check or Objects().read
    while text.skip(_SEPARATORS):
        end = text.object_end()
        record = Record(text.upto(end)) if end else Record("", reason="not a whole JSON object")
        if record.reason or check(record).reason:
            end = text.find_end(_NEXT_OBJECT)
            record = Record(text.upto(end).rstrip(", \r\n"), reason=record.reason)
        record.repaired = text.repaired
        text.drop(end)
        yield record
    if text.failure:
        yield Record("", reason=text.failure)


class _Text:
    """A text that is read only as far as it is looked at, and held up to `limit` characters.

    Positions count from the first character that was not dropped.
    """

    def __init__(self, chunks: Iterable[bytes], limit: int) -> None:
        self._chunks = iter(chunks)
        self._limit = limit
        self._pending = b""
        self._held = ""
        self._start = 0
        self.failure = ""
        """Why the chunks broke off, if they did."""
        self.repaired = False
        """Bytes near here are not UTF-8."""

    def upto(self, end: int) -> str:
        return self._held[self._start : self._start + end]

    def drop(self, end: int) -> None:
        self._start += end

    def skip(self, pattern: re.Pattern[str]) -> bool:
        """Drop what the pattern matches; False at the end of the text."""
        while True:
            self._start = _end(pattern, self._held, self._start)
            if self._start < len(self._held) or not self._more():
                return self._start < len(self._held)

    def find_end(self, pattern: re.Pattern[str]) -> int:
        """Where the pattern's next match ends; the end of the text, or of what may be held, where there is none."""
        while True:
            if found := pattern.search(self._held, self._start):
                return found.end() - self._start
            if len(self._held) - self._start > self._limit or not self._more():
                return len(self._held) - self._start

    def object_end(self) -> int:
        """Where the JSON object that starts here ends; 0 where none does."""
        if not self._held.startswith("{", self._start):
            return 0
        depth = at = 0
        while True:
            for token in _STRUCTURE.finditer(self._held, self._start + at):
                if token["closed"] == "" and token.end() >= len(self._held) - 1:
                    break
                at = token.end() - self._start
                depth += {"{": 1, "}": -1}.get(token.group(), 0)
                if depth == 0 and token.group() == "}":
                    return at
            if len(self._held) - self._start > self._limit or not self._more():
                return 0

    def _more(self) -> bool:
        """Read on; False at the end."""
        try:
            chunk = b"" if self.failure else next(self._chunks, b"")
        except TenantryError as problem:
            self.failure, chunk = problem.message, b""
        raw = self._pending + chunk
        # Characters of several bytes hold no ASCII byte: behind one, none is cut.
        whole = len(raw)
        while chunk and whole and raw[whole - 1] >= ASCII:
            whole -= 1
        self._pending = raw[whole:]
        text, self.repaired = _decoded(raw[:whole])
        self._held = self._held[self._start :] + text
        self._start = 0
        return bool(raw)


_EXACT = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
_WRITTEN = json.JSONEncoder(ensure_ascii=False)
_SAFE_DIGITS = 16
# Behind an even number of backslashes it is text.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def json_object(text: str) -> Record:
    """A JSON object's record as DuckDB reads it, or with the reason why it is none."""
    return Objects().read(Record(text))


class Objects:
    """Checks the texts of JSON objects, and rewrites what DuckDB would read as something else, or refuse:
    long fractions and exponents (as a rounded double), NaN, halves of surrogate pairs.
    """

    def __init__(self, first: int = FIRST) -> None:
        self._decoder = json.JSONDecoder(parse_float=self._fraction, parse_constant=self._constant)
        self._delicate = False
        self._names = _Names()
        self._first = first
        self.later: list[str] = []
        """Of those behind the first ones some that have names, of their own or of objects within them, which none
        before them has."""

    def read(self, record: Record) -> Record:
        """The record with its text as JSON that DuckDB reads as it was written, or with a reason."""
        text = record.text
        self._delicate = "\\ud" in text or "\\uD" in text
        try:
            value = self._decoder.decode(text)
            if not isinstance(value, dict):
                record.reason = "not a JSON object"
            elif "\\u0000" in text and _NUL.search(text):
                record.reason = "a NUL byte"
            else:
                if self._delicate:
                    record.text = _WRITTEN.encode(_EXACT.decode(text)).encode(errors="replace").decode()
                self._look(value, record.text)
        except RecursionError:
            record.reason = "JSON nested too deeply"
        except json.JSONDecodeError as problem:
            record.reason = f"not JSON: {problem.msg}"
        except ValueError:
            record.reason = "a number of thousands of digits"
        return record

    def _look(self, value: dict[str, Any], text: str) -> None:
        if len(self.later) < FIRST:
            self._first -= 1
            if self._names.add(value) and self._first < 0:
                self.later.append(text)

    def _fraction(self, written: str) -> None:
        self._delicate |= len(written) > _SAFE_DIGITS or "e" in written or "E" in written

    def _constant(self, _: str) -> None:
        self._delicate = True


class _Names(dict[str, "_Names | None"]):
    """The names that objects have, each with those of the objects that it names."""

    def add(self, value: dict[str, Any]) -> bool:
        """Take those of an object; whether one of them is new."""
        new = not value.keys() <= self.keys()
        if new:
            self.update((name, None) for name in value if name not in self)
        for name, inner in value.items():
            if type(inner) is dict:
                within = self[name]
                if within is None:
                    within = self[name] = _Names()
                new |= within.add(inner)
        return new

"""What is in a file, told from its bytes: format, encoding, column names as written, first rows."""

from __future__ import annotations

import codecs
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

import duckdb

from ..errors import TenantryError, invalid
from ..kernel.source import Format, Sample
from . import figures, openapi, otlp, otlp_protobuf, service_logs
from .duckdb import literal
from .records import FIRST, Record, csv_records, json_elements, json_lines, text_lines

CHUNK = 1024 * 1024
_UNPACKED = CHUNK // 16
# What is not unpacked at once is copied each time.
_PACKED = CHUNK // 32
_HEADER_LINES = 20
_DEPTH = 8
"""Of objects within each other that are looked into."""
_ONE_NAME = 64
_NAME = 300
"""Characters; a longer column name is a line of data."""

# Beginnings of files that hold no table we read, and what to do about them.
_FOREIGN: dict[bytes, str] = {
    b"PK\x03\x04": "a zip archive or a spreadsheet: unpack it, or save it as CSV",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: unpack it, or use gzip",
    b"BZh": "compressed with bzip2: unpack it, or use gzip",
    b"\xfd7zXZ": "compressed with xz: unpack it, or use gzip",
    b"%PDF": "a PDF document",
    b"Obj\x01": "an Avro file: write it as Parquet",
    b"ORC": "an ORC file: write it as Parquet",
    b"SQLite format 3": "an SQLite database: export its tables as CSV",
}
_MARKS: dict[bytes, str] = {
    b"\xff\xfe\x00\x00": "utf-32-le",
    b"\x00\x00\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
_GZIP = b"\x1f\x8b"
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_BLANK_LINES = re.compile(rb"(?:[ \t]*(?:\r\n|\n|\r))*")
# Names of our own in the relation `raw`.
_TAKEN = ("_file", "_row", "_delivery", "_record", "_extra")


@dataclass(frozen=True)
class Layout:
    """How a text file is laid out, as far as its beginning tells."""

    format: Format
    columns: tuple[str, ...]
    gzip: bool = False
    encoding: str = "utf-8"
    delimiter: str = ","
    skip: int = 0
    """CSV: physical lines up to and with the header."""
    header_lines: int = 1
    """CSV: those among them that are not blank."""
    lines: bool = True
    """JSON and OTLP: one object a line."""
    protobuf: bool = False
    """OTLP in Protobuf."""
    notes: tuple[str, ...] = ()
    service_log: bool = False
    """Its objects, rows or lines are read as messages of a service."""
    head: tuple[Record, ...] = field(default=(), compare=False)


def content(path: Path, size: int = CHUNK) -> Iterator[bytes]:
    """The file's bytes in pieces of about so many; where they are gzip unpacked, in small ones.

    Raises `invalid` where the file cannot be read or, after all that could be unpacked, where gzip data is cut off.
    """
    try:
        with path.open("rb", buffering=0) as file:
            packed = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            chunks = iter(lambda: file.read(_PACKED if packed else size), b"")
            yield from _unpacked(chunks) if packed else chunks
    except OSError as problem:
        why = problem.strerror or str(problem)
        raise invalid(f"{path} cannot be read: {why}", "check the file and its permissions") from None


def _unpacked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    packed = b""
    hint = "copy the file again from where it came"
    member = zlib.decompressobj(wbits=31)
    try:
        while packed or (packed := next(chunks, b"")):
            # Small outputs: what is unpacked before an error is not lost with it.
            if data := member.decompress(packed, _UNPACKED):
                yield data
            packed = member.unconsumed_tail
            if member.eof:
                # Another member may follow; zeros are padding.
                rest = chain([member.unused_data], chunks)
                packed = next((chunk for some in rest if (chunk := some.lstrip(b"\0"))), b"")
                if not packed:
                    return
                member = zlib.decompressobj(wbits=31)
        if data := member.flush():
            yield data
    except zlib.error as problem:
        raise invalid(f"the gzip data is damaged: {problem}", hint) from None
    raise invalid("the gzip data ends early: the rest of the file is missing", hint)


def utf8_chunks(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """UTF-8 bytes of a text in another encoding, without its byte order mark."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    at_start = True
    for chunk in chunks:
        text = decoder.decode(chunk)
        yield (text.removeprefix("\ufeff") if at_start else text).encode()
        at_start = at_start and not text
    yield decoder.decode(b"", final=True).encode()


def sample(path: Path, later: Sequence[str] = ()) -> Sample:
    """Layout, columns and first rows of a file, and of JSON these objects from further on. What stands within an object
    is in its row too, by its JSON pointer; of lists the first. Raises `invalid` with the reason where it is no table we
    read.
    """
    if is_parquet(path):
        return _parquet_sample(path)
    found = layout(path)
    if found.service_log:
        return Sample(path, Format.SERVICE_LOG, figures.COLUMNS)
    if found.format is Format.JSON:
        objects = [json.loads(text) for text in (*(record.text for record in found.head), *later)]
        names = dict.fromkeys([*found.columns, *(name for one in objects for name in one)])
        rows = [dict(_cells(one)) for one in objects]
        return Sample(path, found.format, tuple(names), tuple(rows))
    rows = [
        {name: value or None for name, value in zip(found.columns, record.fields, strict=True)}
        for record in found.head
    ]
    return Sample(path, found.format, found.columns, tuple(rows))


def layout(path: Path) -> Layout:
    """How a text file is laid out. Raises `invalid` with the reason where it is no table we read."""
    head, packed = _head(path)
    if not head:
        raise _unknown(path, "the file is empty")
    for mark, what in _FOREIGN.items():
        if head.startswith(mark):
            raise _unknown(path, what)
    if head.startswith(b"PAR1"):
        raise _unknown(path, "a Parquet file inside gzip: unpack it")
    if otlp_protobuf.is_otlp(head):
        return Layout(Format.OTLP, otlp.COLUMNS, gzip=packed, protobuf=True)
    encoding = _encoding(head)
    whole = len(head) < CHUNK
    if encoding != "utf-8":
        head = b"".join(utf8_chunks([head], encoding))
    head = head.removeprefix(codecs.BOM_UTF8)
    if len(_CONTROL.findall(head[:_NAME])) * 10 > len(head[:_NAME]):
        raise _unknown(path, "binary data of no kind we know")
    # The line that the head cuts is left away.
    text = head if whole or b"\n" not in head else head[: head.rindex(b"\n") + 1]
    found = (
        _otlp_layout(head)
        or _openapi_layout(head, path)
        or _service_layout(text)
        or _json_layout(text, head)
        or _csv_layout(text)
        or _lines_layout(text)
    )
    service_log = found.service_log or _tells_figures(found, text)
    return replace(found, gzip=packed, encoding=encoding, service_log=service_log)


def is_parquet(path: Path) -> bool:
    """True for a file that begins as Parquet does. Raises `invalid` where it cannot be opened."""
    head, packed = _head(path, 1)
    return head.startswith(b"PAR1") and not packed


def parquet_scan(path: Path, options: str = "") -> str:
    """SQL that reads one Parquet file."""
    name = literal(escaped(path))
    return f"read_parquet({name}, hive_partitioning = false, binary_as_string = true{options})"


def escaped(path: Path) -> str:
    """The path as DuckDB takes it for one file, whatever characters it has."""
    return re.sub(r"([*?[])", r"[\1]", str(path.absolute()))


def parquet_columns(path: Path) -> dict[str, str]:
    """A Parquet file's columns with their SQL types. Raises DuckDB's errors."""
    described = _reader().cursor().execute(f"DESCRIBE FROM {parquet_scan(path)}").fetchall()
    return {name: kind for name, kind, *_ in described}


def _unknown(path: Path, why: str) -> TenantryError:
    return invalid(
        f"{path}: {why}", "give a CSV (also gzip), Parquet, JSON or NDJSON file with named columns"
    )


def _head(path: Path, size: int = CHUNK) -> tuple[bytes, bool]:
    """At least the first `size` bytes of the content, if it has as many, and whether the file is gzip."""
    head = b""
    try:
        for chunk in content(path):
            head += chunk
            if len(head) >= size:
                break
    except TenantryError:
        # What could be unpacked is enough to know the layout; reading tells the rest.
        if not head:
            raise
    with path.open("rb") as file:
        return head, file.read(2) == _GZIP


def _encoding(head: bytes) -> str:
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    # ASCII letters in two bytes each, without a mark.
    even, odd = head[0:_NAME:2], head[1:_NAME:2]
    if odd and all(even) and not any(odd):
        return "utf-16-le"
    return "utf-16-be" if odd and all(odd) and not any(even) else "utf-8"


def _otlp_layout(head: bytes) -> Layout | None:
    return Layout(Format.OTLP, otlp.COLUMNS, lines=otlp.one_a_line(head)) if otlp.is_otlp(head) else None


def _openapi_layout(head: bytes, path: Path) -> Layout | None:
    return (
        Layout(Format.OPENAPI, openapi.COLUMNS) if openapi.is_openapi(head, lambda: content(path)) else None
    )


def _service_layout(text: bytes) -> Layout | None:
    """The layout of messages of a service that no table is made of."""
    if service_logs.is_answer(text):
        return Layout(Format.JSON, (), lines=False, service_log=True)
    return Layout(Format.LINES, ("line",), service_log=True) if service_logs.holds_messages(text) else None


def _tells_figures(found: Layout, text: bytes) -> bool:
    """True where objects or rows of the beginning are messages of a service."""
    if found.format is Format.JSON:
        return service_logs.are_messages([json.loads(record.text) for record in found.head], text)
    if found.format is not Format.CSV or not any(name.startswith("@") for name in found.columns):
        return False
    rows = [dict(zip(found.columns, record.fields, strict=True)) for record in found.head]
    return service_logs.are_messages(rows, text)


def _json_layout(text: bytes, head: bytes) -> Layout | None:
    if not head.lstrip().startswith((b"{", b"[")):
        return None
    lines = list(islice(json_lines([text]), FIRST))
    by_line = [record for record in lines if not record.reason]
    elements = [record for record in islice(json_elements([head]), FIRST) if not record.reason]
    one_a_line = bool(lines) and (not lines[0].reason or len(by_line) > len(elements))
    found = by_line if one_a_line else elements
    if not found:
        return Layout(Format.JSON, (), lines=False) if re.fullmatch(rb"\s*\[\s*\]\s*", head) else None
    names = dict.fromkeys(name for record in found for name in json.loads(record.text))
    return Layout(Format.JSON, tuple(names), lines=one_a_line, head=tuple(found))


def _csv_layout(text: bytes) -> Layout | None:
    blank = _BLANK_LINES.match(text)
    start = blank.end() if blank else 0
    before = len(text[:start].splitlines())
    # What spreadsheets write for each other.
    hint = re.match(rb"sep=(.)\r?\n", text[start:])
    delimiters = hint[1].decode("latin-1") if hint else ",\t;|"
    found = [
        one for d in delimiters if (one := _delimited(text, d, before + bool(hint), bool(hint))) is not None
    ]
    return max(
        found, key=lambda one: (bool(one.head) and len(one.columns) > 1, len(one.columns)), default=None
    )


def _lines_layout(text: bytes) -> Layout:
    """Text without a header of columns: what its lines say is for sources to tell."""
    records = islice(text_lines([text]), FIRST)
    return Layout(Format.LINES, ("line",), head=tuple(record for record in records if not record.reason))


def _delimited(text: bytes, delimiter: str, before: int, hints: int) -> Layout | None:
    """The layout of text with this delimiter, its header behind `before` lines; None where that is no header."""
    lines = text.splitlines(keepends=True)[before:]
    header = next(csv_records(lines[:_HEADER_LINES], delimiter, width=0), None)
    if header is None or not _is_header(header.fields):
        return None
    names, notes = _distinct(header.fields)
    spans = len(header.text.encode().splitlines())
    records = islice(csv_records(lines[spans:], delimiter, len(names)), FIRST)
    return Layout(
        Format.CSV,
        names,
        delimiter=delimiter,
        skip=before + spans,
        header_lines=hints + spans,
        notes=notes,
        head=tuple(record for record in records if not record.reason),
    )


def _is_header(fields: list[str]) -> bool:
    """Names, rather than a row of data or a line of text."""
    names = [name.strip() for name in fields]
    if len(names) == 1:
        return (
            re.fullmatch(r"[A-Za-z_][\w.:/-]*( [\w.:/-]+){0,2}", names[0]) is not None
            and len(names[0]) <= _ONE_NAME
        )
    filled = [name for name in names if name]
    odd = [n for n in filled if len(n) > _NAME or '"' in n or "\0" in n or not any(map(str.isalpha, n))]
    return len(filled) * 2 > len(names) and not odd


def _distinct(fields: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Column names, each once whatever its case, and a note for each that came more than once."""
    taken: set[str] = {*_TAKEN}
    columns: list[str] = []
    notes: dict[str, None] = {}
    for place, written in enumerate(fields, start=1):
        name = unique = written.strip() or f"column {place}"
        times = 1
        while unique.lower() in taken:
            times += 1
            unique = f"{name} ({times})"
        if name.lower() in (column.lower() for column in columns):
            notes[f"column {name} more than once: the first counts"] = None
        taken.add(unique.lower())
        columns.append(unique)
    return tuple(columns), tuple(notes)


def pointer(name: str) -> str:
    """A member of an object as a JSON pointer (RFC 6901)."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _cells(row: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    for name, value in row.items():
        yield name, _cell(value)
        yield from _within(pointer(name), value, _DEPTH)


def _within(at: str, value: Any, depth: int) -> Iterator[tuple[str, str | None]]:
    """The single values in an object or at the head of a list, by pointer."""
    if not isinstance(value, dict | list) or not depth:
        return
    inner = value.items() if isinstance(value, dict) else zip("0", value, strict=False)
    for name, one in inner:
        if isinstance(one, dict | list):
            yield from _within(at + pointer(name), one, depth - 1)
        else:
            yield at + pointer(name), _cell(one)


def _cell(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@cache
def _reader() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})


def _parquet_sample(path: Path) -> Sample:
    try:
        types = parquet_columns(path)
        cursor = _reader().cursor()
        cursor.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM {parquet_scan(path)} LIMIT {FIRST}")
        rows = [dict(zip(types, values, strict=True)) for values in cursor.fetchall()]
    except duckdb.Error as problem:
        raise _unknown(path, f"a damaged Parquet file: {str(problem).splitlines()[0]}") from None
    return Sample(path, Format.PARQUET, tuple(types), tuple(rows), types)

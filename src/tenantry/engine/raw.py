"""The relation `raw`: every data record of a file, either readable by DuckDB or told apart as bad. None is lost.

A CSV file goes straight to DuckDB where the number of rows it reads is proven to be the number of lines in the file.
Any other file is split into records here; the good ones are written as a plain table that DuckDB reads, the bad ones
beside it with their reason. Memory does not grow with the file.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import duckdb
import numpy as np
import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from ..errors import TenantryError, invalid
from ..kernel.source import Format
from .duckdb import DuckDB, literal, quoted
from .figures import COLUMNS as FIGURES
from .layouts import (
    CHUNK,
    Layout,
    content,
    escaped,
    is_parquet,
    layout,
    parquet_columns,
    parquet_scan,
    pointer,
    utf8_chunks,
)
from .openapi import openapi_records
from .otlp import otlp_records
from .otlp_protobuf import protobuf_records
from .pieces import COLUMNS as LINES
from .pieces import Lines, cut
from .records import (
    HEADER,
    MAX_RECORD,
    Objects,
    Record,
    csv_records,
    json_elements,
    json_lines,
    text_lines,
)
from .service_logs import of_lines, of_objects, of_rows

SHOWN = 2_000
"""Characters of a bad record that are kept."""

_NOT_UTF8 = "bytes that are not UTF-8 read as Windows-1252"
# No cell is this text: with it as null, an empty cell stays apart from one that is not there.
_ABSENT = "\x01"
_OURS = ("_file", "_row", "_delivery", "file_row_number")
# Characters that a writer holds before it writes.
_HELD = 8 * 1024 * 1024
# Bytes from which on a file's rows are numbered once, and not each time they are read.
_LARGE = 32 * 1024 * 1024
# A piece of so many bytes without an end of line is part of a line that no reader takes whole.
_LONG_LINE = CHUNK // 16
_SCANNED = CHUNK // 4
_BLANK = re.compile(rb"\n(?=\r?\n)")
_HEADER = HEADER.encode()
_HEADER_LINE = re.compile(rb"(?m)^(?:\xef\xbb\xbf)?(" + _HEADER + rb"[^\r\n]*)(?=[\r\n])")
_SEVERAL = 2


@dataclass(frozen=True)
class RawFile:
    """One file's records. `scan` is SQL that reads the good ones, `bad` SQL over `_row`, `reason`, `content`."""

    path: Path
    delivery: str
    size: int
    """Bytes of the content, unpacked."""
    rows: int
    bad_rows: int
    columns: dict[str, str]
    scan: str
    row: str
    """SQL of the record's number in the file."""
    cell: str = "{}"
    """SQL of a column, with `{}` for its name."""
    bad: str = ""
    repairs: Mapping[str, int] = field(default_factory=dict)
    begins: frozenset[str] = frozenset()
    """Earlier deliveries whose whole content this one begins with: a log that has grown."""
    lines: Lines | None = None
    """To be readable under the name in `scan`."""
    later: tuple[str, ...] = ()
    """JSON: objects with names that the file's beginning does not have."""

    def select(self, columns: Mapping[str, str]) -> str:
        """SQL of these columns, null where the file has none, and `_file`, `_row`, `_delivery`."""
        mine = {name.lower(): name for name in reversed(self.columns)}
        cells = [
            f"CAST({self._cell(mine[name.lower()], kind)} AS {kind}) AS {quoted(name)}"
            if name.lower() in mine
            else f"CAST(NULL AS {kind}) AS {quoted(name)}"
            for name, kind in columns.items()
        ]
        origin = f"{literal(str(self.path))} AS _file, CAST({self.row} AS BIGINT) AS _row"
        return f"SELECT {', '.join([*cells, origin])}, {literal(self.delivery)} AS _delivery FROM {self.scan}"

    def _cell(self, name: str, kind: str) -> str:
        if name == "_record":
            return name
        cell = self.cell.format(quoted(name), literal(pointer(name)))
        nested = self.columns[name].startswith(("MAP", "STRUCT")) or self.columns[name].endswith("]")
        return f"to_json({cell})" if nested and kind == "VARCHAR" else cell


def relation(files: Sequence[RawFile]) -> str:
    """SQL of all the files' records as one relation, its columns united by name whatever their case.

    A column whose type differs between files is text; what is nested is its JSON.
    """
    columns: dict[str, tuple[str, str]] = {}
    for file in files:
        for name, kind in file.columns.items():
            known, first = columns.get(name.lower(), (name, kind))
            columns[name.lower()] = known, kind if kind == first else "VARCHAR"
    united = dict(columns.values())
    return "\nUNION ALL ".join(file.select(united) for file in files)


def read(engine: DuckDB, path: Path, folder: Path, earlier: Mapping[str, int] | None = None) -> RawFile:
    """The file's records; what has to be rewritten goes into `folder`. Raises `invalid` where it is no table.

    `earlier` are deliveries, by size, that the file may begin with.
    """
    if is_parquet(path):
        return _parquet(engine, path)
    found = layout(path)
    scan = _scan(path, earlier or {})
    if found.service_log:
        return _rewritten(path, found, scan, folder)
    if found.format is Format.LINES and scan.plain and found.encoding == "utf-8":
        return _plain_lines(path, scan)
    if found.format is Format.CSV and scan.plain and found.encoding == "utf-8":
        straight = _straight(path, found, scan)
        numbered = _numbered(engine, straight, folder) if path.stat().st_size >= _LARGE else straight
        if numbered and (proven := _proven(engine, numbered, found)):
            return proven
    return _rewritten(path, found, scan, folder)


def delivery(path: Path) -> str:
    """The first 12 hex digits of the SHA-256 of the file's content, unpacked where it is gzip."""
    return _scan(path).delivery


@dataclass(frozen=True)
class _Scan:
    """What the bytes tell without reading records: how many `lines`; `plain`: nothing in the way of DuckDB."""

    delivery: str
    size: int
    lines: int
    plain: bool
    begins: frozenset[str]


def _scan(path: Path, earlier: Mapping[str, int] | None = None) -> _Scan:
    digest = hashlib.sha256()
    begins, headers = _Beginnings(earlier or {}), _Headers()
    size = 0
    decoder = codecs.getincrementaldecoder("utf-8")()
    newlines = returns = 0
    plain = True
    last = b""
    try:
        for chunk in content(path, _SCANNED):
            begins.look(digest, size, chunk)
            headers.look(chunk)
            digest.update(chunk)
            size += len(chunk)
            newlines += (ends := _ends(chunk))
            plain = plain and (ends > 0 or len(chunk) < _LONG_LINE)
            if b"\r" in chunk or last == b"\r":
                pairs = chunk.count(b"\r\n") + (last == b"\r" and chunk[:1] == b"\n")
                returns += chunk.count(b"\r") - pairs
            plain = plain and _is_plain(decoder, chunk)
            last = chunk[-1:]
    except TenantryError:
        if not last:
            raise
        plain = False
    plain = plain and _is_utf8(decoder, b"") and len(headers.found) < _SEVERAL
    name, lines = digest.hexdigest()[:12], newlines + (last not in (b"\n", b""))
    return _Scan(name, size, lines, plain and returns == 0, frozenset(begins.found))


def _ends(chunk: bytes) -> int:
    """Ends of lines; bytes count more slowly than they compare."""
    return int(np.count_nonzero(np.frombuffer(chunk, np.uint8) == ord("\n")))


class _Beginnings:
    """Finds which earlier contents a content begins with, while it is read."""

    def __init__(self, earlier: Mapping[str, int]) -> None:
        self._open = sorted(((size, delivery) for delivery, size in earlier.items() if size), reverse=True)
        self.found: set[str] = set()

    def look(self, digest: hashlib._Hash, before: int, chunk: bytes) -> None:
        """`digest` is of the `before` bytes that came before the chunk."""
        while self._open and self._open[-1][0] < before + len(chunk):
            size, delivery = self._open.pop()
            upto = digest.copy()
            upto.update(chunk[: size - before])
            if upto.hexdigest()[:12] == delivery:
                self.found.add(delivery)


class _Headers:
    """Finds the different `#Fields:` lines of a text, while it is read."""

    def __init__(self) -> None:
        self._rest = b""
        self.found: set[bytes] = set()

    def look(self, chunk: bytes) -> None:
        # One letter is found much faster than several, and most logs have none of these.
        if not self._rest and b"#" not in chunk:
            return
        if _HEADER in (text := self._rest + chunk):
            self.found |= set(_HEADER_LINE.findall(text))
        last = text[text.rfind(b"\n") + 1 :]
        self._rest = last if last.startswith(b"#") and len(last) < _LONG_LINE else b""


def _blank_lines(path: Path) -> int:
    blanks = 0
    tail = b"\n"
    for chunk in content(path):
        text = tail + chunk
        blanks += len(_BLANK.findall(text))
        # The last end of line is looked at again, with what follows it.
        tail = text[text.rfind(b"\n") :] if b"\n" in text[-2:] else b""
    return blanks


def _is_plain(decoder: codecs.IncrementalDecoder, chunk: bytes) -> bool:
    """Whether the text so far is UTF-8 without characters that stand in DuckDB's way."""
    # Most chunks are ASCII without these: one look. What follows the beginning of a character is the decoder's.
    if np.frombuffer(chunk, np.int8).min() > ord(_ABSENT) and not decoder.getstate()[0]:
        return True
    return b"\0" not in chunk and _ABSENT.encode() not in chunk and _is_utf8(decoder, chunk)


def _is_utf8(decoder: codecs.IncrementalDecoder, chunk: bytes) -> bool:
    """Whether the text so far is; no more bytes say that it ends here."""
    try:
        decoder.decode(chunk, final=not chunk)
    except UnicodeDecodeError:
        return False
    return True


def _plain_lines(path: Path, scan: _Scan) -> RawFile:
    lines, name = Lines(path, scan.size), f"lines_{scan.delivery}"
    return RawFile(
        path, scan.delivery, scan.size, scan.lines, 0, LINES, name, "_row", begins=scan.begins, lines=lines
    )


def _straight(path: Path, found: Layout, scan: _Scan) -> RawFile:
    names = {**dict.fromkeys(found.columns, "VARCHAR"), "_extra": "VARCHAR"}
    options = (
        f"quote = '\"', escape = '\"', skip = {found.skip}, null_padding = true, nullstr = {literal(_ABSENT)}"
        f", max_line_size = {MAX_RECORD}"
        f", compression = {literal('gzip' if found.gzip else 'none')}"
    )
    rows = scan.lines - found.skip
    return RawFile(
        path,
        scan.delivery,
        scan.size,
        rows,
        0,
        dict.fromkeys(found.columns, "VARCHAR"),
        _read_csv(path, found.delimiter, names, options),
        "row_number() OVER ()",
        "NULLIF({}, '')",
        repairs=dict.fromkeys(found.notes, rows),
    )


def _numbered(engine: DuckDB, file: RawFile, folder: Path) -> RawFile | None:
    """The same rows in a Parquet file with their numbers; None where DuckDB cannot read the file.

    Numbers come from one thread; what is made of the rows afterwards may then take all of them.
    """
    path = folder / f"{file.delivery}.parquet"
    try:
        engine.connection.execute(
            f"COPY (SELECT *, {file.row} AS _row FROM {file.scan}) TO {literal(str(path))} (FORMAT parquet)"
        )
    except duckdb.Error:
        path.unlink(missing_ok=True)
        return None
    return replace(file, scan=_read_parquet(path), row="_row")


def _read_parquet(path: Path) -> str:
    return f"read_parquet({literal(str(path))}, hive_partitioning = false)"


def _read_csv(path: Path, delimiter: str, columns: Mapping[str, str], options: str) -> str:
    names = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns.items())
    name = literal(escaped(path))
    return (
        f"read_csv({name}, delim = {literal(delimiter)}, header = false,"
        f" auto_detect = false, strict_mode = true, columns = {{{names}}}, {options})"
    )


def _proven(engine: DuckDB, file: RawFile, found: Layout) -> RawFile | None:
    """The file, where DuckDB reads one whole row, no cell more or less, for each line that is not blank."""
    final = quoted(found.columns[-1])
    try:
        counted = engine.query(
            f"SELECT count(*) AS rows, count(_extra) AS more, count({final}) AS whole FROM {file.scan}"
        )[0]
    except (duckdb.Error, TenantryError):
        return None
    if counted["more"] or counted["whole"] != counted["rows"]:
        return None
    if counted["rows"] != file.rows:
        blank = _blank_lines(file.path) - (found.skip - found.header_lines)
        file = replace(file, rows=file.rows - blank)
    return file if counted["rows"] == file.rows else None


def _rewritten(path: Path, found: Layout, scan: _Scan, folder: Path) -> RawFile:
    good, bad = folder / f"{scan.delivery}.good.parquet", folder / f"{scan.delivery}.bad.parquet"
    chunks = content(path)
    if found.encoding != "utf-8":
        chunks = utf8_chunks(chunks, found.encoding)
    told = Objects(len(found.head))
    records, written = _records(chunks, found, told)
    objects, lines = written == ("_record",), written == ("line",)
    row = repaired = 0
    with _Writer(good, written) as keep, _Writer(bad, ("reason", "content")) as leave:
        for row, record in enumerate(records, start=1):
            if record.reason:
                leave.add(row, [record.reason, record.text.rstrip("\r\n")[:SHOWN].replace("\0", "\u2400")])
            else:
                keep.add(row, [record.text] if objects else record.fields)
                repaired += record.repaired
    names = dict.fromkeys([*found.columns, *(name for text in told.later for name in json.loads(text))])
    return RawFile(
        path,
        scan.delivery,
        scan.size,
        row,
        leave.rows,
        LINES if lines else dict.fromkeys([*names, "_record"] if objects else written, "VARCHAR"),
        cut(_read_parquet(good)) if lines else _read_parquet(good),
        "_row",
        "{}" if lines else "json_extract_string(_record, {1})" if objects else "NULLIF({}, '')",
        _read_parquet(bad),
        {**dict.fromkeys(found.notes, keep.rows), **({_NOT_UTF8: repaired} if repaired else {})},
        scan.begins,
        later=tuple(told.later),
    )


def _records(chunks: Iterator[bytes], found: Layout, told: Objects) -> tuple[Iterator[Record], Sequence[str]]:
    """The records of a text, and the columns of which they give the cells; `told` reads JSON."""
    if found.service_log:
        return _figures(chunks, found), FIGURES
    if found.format is Format.CSV:
        return csv_records(chunks, found.delimiter, len(found.columns), found.skip), found.columns
    if found.format is Format.OTLP:
        read = protobuf_records(chunks) if found.protobuf else otlp_records(chunks, lines=found.lines)
        return read, found.columns
    if found.format is Format.OPENAPI:
        return openapi_records(chunks), found.columns
    if found.format is Format.LINES:
        return text_lines(chunks), found.columns
    return (json_lines if found.lines else json_elements)(chunks, told.read), ("_record",)


def _figures(chunks: Iterator[bytes], found: Layout) -> Iterator[Record]:
    if found.format is Format.CSV:
        rows = csv_records(chunks, found.delimiter, len(found.columns), found.skip)
        return of_rows(rows, found.columns)
    return of_lines(chunks) if found.lines else of_objects(chunks)


class _Writer:
    """Writes numbered rows of texts to a Parquet file, a few at a time."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._schema = pa.schema([("_row", pa.int64()), *((name, pa.string()) for name in columns)])
        self._file = ParquetWriter(path, self._schema)
        self._held: list[tuple[Any, ...]] = []
        self._size = 0
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._file.close()

    def add(self, row: int, texts: list[str]) -> None:
        self._held.append((row, *texts))
        self._size += sum(map(len, texts)) + len(texts)
        self.rows += 1
        if self._size > _HELD:
            self._flush()

    def _flush(self) -> None:
        if self._held:
            columns = [
                pa.array(values, field.type)
                for values, field in zip(zip(*self._held, strict=True), self._schema, strict=True)
            ]
            self._file.write_batch(pa.record_batch(columns, schema=self._schema))
        self._held, self._size = [], 0


def _parquet(engine: DuckDB, path: Path) -> RawFile:
    scan = parquet_scan(path, ", file_row_number = true")
    try:
        columns = {n: kind for n, kind in parquet_columns(path).items() if n.lower() not in _OURS}
        counted = engine.connection.execute(f"SELECT count(*) FROM {scan}").fetchone()
    except duckdb.Error as problem:
        raise invalid(
            f"{path}: a damaged Parquet file: {str(problem).splitlines()[0]}", "copy it again"
        ) from None
    rows = counted[0] if counted else 0
    told = _scan(path)
    return RawFile(path, told.delivery, told.size, rows, 0, columns, scan, "file_row_number + 1")


def damaged(engine: DuckDB, file: RawFile) -> str:
    """Why a file cannot be read to its end; empty where it can."""
    try:
        engine.connection.execute(f"SELECT bit_xor(hash(r)) FROM {file.scan} r").fetchone()
    except duckdb.Error as problem:
        return str(problem).splitlines()[0]
    return ""

"""A log's lines as the engine reads them without copying: each whole, and in pieces cut behind its quotes."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .layouts import content

COLUMNS = {"line": "VARCHAR", "pieces": "VARCHAR[]", "quotes": "INTEGER"}
"""Of a relation of lines. `pieces` are the line cut behind each of its first quotes that no backslash escapes (two of
them are a backslash), and what follows; `quotes` says how many there are."""

_MOST = 12
"""Quotes behind which a line is cut: no log says more than twelve fields later what a request was."""
_SCHEMA = pa.schema(
    [
        ("line", pa.string_view()),
        ("pieces", pa.list_view(pa.string())),
        ("quotes", pa.int32()),
        ("_row", pa.int64()),
    ]
)
_NEWLINE, _QUOTE, _BACKSLASH = b'\n"\\'
# Of long lines this is what the engine takes at a time; smaller batches cost more each than they save in memory.
_AT_ONCE = 2 * 1024 * 1024
# So much goes through a processor's own memory several times without leaving it.
_NEAR = 128 * 1024
# Bytes of a text that an Arrow view holds itself.
_INLINE = 12
_CUT, _PAIR = "\x01\x02", "\x01\x03"
Letters = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int32]


def cut(lines: str) -> str:
    """SQL of a relation that has `line`, with the rest of these columns."""
    marked = f"""replace(replace(replace(line, '\\\\', '{_PAIR}'), '"', '"{_CUT}'), '\\"{_CUT}', '\\"')"""
    pieces = f"SELECT *, string_split(replace({marked}, '{_PAIR}', '\\\\'), '{_CUT}') AS pieces FROM {lines}"
    return f"(SELECT *, CAST(len(pieces) - 1 AS INTEGER) AS quotes FROM ({pieces}))"


@dataclass(frozen=True)
class Lines:
    r"""The first `size` bytes of a text in UTF-8, as a stream of Arrow that can be read again and again.

    Lines end with `\n` or `\r\n`, of which they have nothing; `_row` counts from 1.
    """

    path: Path
    size: int

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        return pa.RecordBatchReader.from_batches(_SCHEMA, self._batches()).__arrow_c_stream__(
            requested_schema
        )

    def _batches(self) -> Iterator[pa.RecordBatch]:
        row = 1
        for text in _whole_lines(content(self.path), self.size):
            plain = text.removeprefix(codecs.BOM_UTF8) if row == 1 else text
            # One letter is found much faster than two.
            batch = _batch(plain.replace(b"\r\n", b"\n") if b"\r" in plain else plain, row)
            row += batch.num_rows
            yield batch


def _whole_lines(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The first bytes of a text, some at a time, divided at ends of lines; the last line gets one where it has none."""
    held: list[bytes] = []
    count = 0
    for chunk in chunks:
        piece = chunk[:size]
        size -= len(piece)
        count += len(piece)
        if count >= _AT_ONCE and (end := piece.rfind(b"\n") + 1):
            yield b"".join([*held, memoryview(piece)[:end]])
            piece = piece[end:]
            held.clear()
            count = len(piece)
        held.append(piece)
        if not size:
            break
    if rest := b"".join(held):
        yield rest if rest.endswith(b"\n") else rest + b"\n"


def _batch(text: bytes, row: int) -> pa.RecordBatch:
    r"""The lines of a text that ends with `\n`."""
    letters = np.frombuffer(text, np.uint8)
    marks = np.concatenate([_marks(letters, start) for start in range(0, len(letters), _NEAR)])
    if b"\\" in text:
        # A mark at 0 is behind an end of line, as the last letter is one.
        escaped = (letters[marks - 1] == _BACKSLASH) & (letters[marks] == _QUOTE)
        if b'\\\\"' in text:
            solid = np.concatenate(([-1], np.flatnonzero(letters != _BACKSLASH)))
            escaped &= (marks - solid[np.searchsorted(solid, marks) - 1]) % 2 == 0
        marks = marks[~escaped]
    last = np.flatnonzero(letters[marks] == _NEWLINE).astype(np.int32)
    ends, count = marks[last], len(last)
    quotes = last.copy()
    quotes[1:] -= last[:-1] + np.int32(1)
    bounds, pieces = _bounds(marks, last, quotes)
    data = pa.py_buffer(text)
    texts = pa.StringArray.from_buffers(len(bounds) - 1, pa.py_buffer(bounds), data)
    # Behind the pieces of a line its end is a text, which no list holds.
    first = np.cumsum(pieces + np.int32(1), dtype=np.int32) - pieces - np.int32(1)
    starts = np.concatenate((np.zeros(1, np.int32), ends[:-1] + np.int32(1)))
    columns = [
        _views(letters, data, starts, ends),
        pa.ListViewArray.from_arrays(pa.array(first), pa.array(pieces), texts),
        pa.array(quotes),
        pa.array(np.arange(row, row + count)),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=_SCHEMA)


def _marks(letters: Letters, start: int) -> Positions:
    """Where lines end and quotes stand among the next letters."""
    near = letters[start : start + _NEAR]
    found = near == _NEWLINE
    found |= near == _QUOTE
    return np.flatnonzero(found).astype(np.int32) + np.int32(start)


def _bounds(marks: Positions, last: Positions, quotes: Positions) -> tuple[Positions, Positions]:
    """Where texts begin and end, and how many pieces each line has. `last` are the marks that end lines."""
    count, most = len(last), min(int(quotes[0]), _MOST)
    if (quotes == quotes[0]).all():
        of = marks.reshape(count, -1)
        rows = np.empty((count, most + 2), np.int32)
        rows[:, :most] = of[:, :most]
        rows[:, most + 1] = rows[:, most] = of[:, -1]
        rows += np.int32(1)
        rows[:, most] -= np.int32(1)
        return np.concatenate((np.zeros(1, np.int32), rows.ravel())), np.full(count, most + 1, np.int32)
    place = np.arange(len(marks)) - np.repeat(last - quotes, quotes + 1)
    is_end = np.zeros(len(marks), np.bool_)
    is_end[last] = True
    kept = (place < _MOST) | is_end
    times = 1 + is_end[kept]
    bounds = np.repeat(marks[kept] + np.int32(1), times)
    bounds[np.cumsum(times)[is_end[kept]] - 2] -= np.int32(1)
    return np.concatenate((np.zeros(1, np.int32), bounds)), np.minimum(quotes, np.int32(_MOST)) + np.int32(1)


def _views(letters: Letters, data: pa.Buffer, starts: Positions, ends: Positions) -> pa.Array:
    """Texts within other text, as Arrow's format says: length, first four bytes, buffer, offset; short ones inline."""
    lengths = ends - starts
    views = np.zeros((len(starts), 4), np.int32)
    views[:, 0], views[:, 3] = lengths, starts
    if len(letters) > _INLINE:
        fours = np.ndarray(len(letters) - 3, "<i4", letters, strides=(1,))
        views[:, 1] = fours[np.minimum(starts, len(fours) - 1)]
    short = np.flatnonzero(lengths <= _INLINE)
    places = starts[short, None] + np.arange(_INLINE)
    inside = places < ends[short, None]
    views.view(np.uint8)[short, 4:] = np.where(inside, letters[np.minimum(places, len(letters) - 1)], 0)
    return pa.Array.from_buffers(pa.string_view(), len(starts), [None, pa.py_buffer(views), data])

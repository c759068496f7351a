"""Rows of Parquet files as numbers: of texts those that the files keep in place of them, of decimals their integers.

An engine of SQL makes every number the text that it stands for, and a number of it again when it writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow.parquet import ParquetFile

from ..kernel.dataset import Dataset

Integers = npt.NDArray[np.integer[Any]]

TIME = pa.timestamp("us")
HOUR = 3_600_000_000
"""In its units."""
_TEXT = pa.string()


class UnfitError(Exception):
    """These rows only the statement can work out: columns missing or null, too large numbers, or too many."""


@dataclass(frozen=True)
class Rows:
    """Rows as columns: times (microseconds, or hours, since 1970), for each text its place among `words`, and units."""

    times: Integers
    codes: Sequence[Integers]
    words: Sequence[pa.Array]
    units: Integers


def of_type(dataset: type[Dataset], sql: str) -> list[str]:
    """The columns of a dataset that have this type."""
    return [name for name, column in dataset.columns().items() if column.sql == sql]


def opened(path: str, time: str, texts: Sequence[str], units: str, kind: pa.DataType) -> ParquetFile:
    """A file to be `read`, whose decimals are of this kind. Raises `UnfitError` where a column has another type."""
    asked = {time: TIME, units: kind} | dict.fromkeys(texts, pa.dictionary(pa.int32(), _TEXT))
    file = ParquetFile(path, read_dictionary=list(texts))
    held = dict(zip(file.schema_arrow.names, file.schema_arrow.types, strict=True))
    if any(held.get(name) != wanted for name, wanted in asked.items()):
        file.close()
        raise UnfitError
    return file


def read(
    file: ParquetFile, groups: Sequence[int], time: str, texts: Sequence[str], units: str, *, threads: bool
) -> Rows:
    """These row groups of a file, as `rows_of` has them. With `threads` columns are read at once."""
    table = file.read_row_groups(list(groups), columns=[time, units, *texts], use_threads=threads)
    return rows_of(table, time, texts, units)


def rows_of(table: pa.Table, time: str, texts: Sequence[str], units: str) -> Rows:
    """The rows of a table whose texts are dictionaries; an empty text where there is none.

    Raises `UnfitError` for null times, and for units that are null or past 64 bits.
    """
    found = [coded(table[name]) for name in texts]
    times = _one(table[time])
    if times.null_count:
        raise UnfitError
    return Rows(
        times=times.view(pa.int64()).to_numpy(),
        codes=[codes for codes, _ in found],
        words=[words for _, words in found],
        units=_units(table[units]),
    )


def coded(column: pa.ChunkedArray) -> tuple[Integers, pa.Array]:
    """A text's numbers, and the words they stand for; no text is the empty one."""
    one = _one(column.unify_dictionaries())
    words = one.dictionary
    if not one.null_count:
        return one.indices.to_numpy(), words
    empty = words.index("").as_py()
    if empty < 0:
        empty, words = len(words), pa.concat_arrays([words, pa.array([""])])
    return one.indices.fill_null(empty).to_numpy(), words


def _one(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece: as it is, where it is in one."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _units(column: pa.ChunkedArray) -> Integers:
    """Decimals as the integers that they are of their last place."""
    if column.null_count:
        raise UnfitError
    low, high = halves(column)
    if (high != low >> 63).any():
        raise UnfitError
    return low


def halves(column: pa.ChunkedArray) -> tuple[Integers, Integers]:
    """The lower and the upper 64 bits of decimals; those of a null mean nothing."""
    chunks = [
        np.frombuffer(chunk.buffers()[1], np.int64).reshape(-1, 2)[chunk.offset :][: len(chunk)]
        for chunk in column.chunks
    ]
    pairs = chunks[0] if len(chunks) == 1 else np.concatenate([np.empty((0, 2), np.int64), *chunks])
    return pairs[:, 0], pairs[:, 1]


def united(parts: Sequence[Rows], threads: int = 1) -> Rows:
    """Rows of several files as one, columns shared by so many threads. Raises `UnfitError` where there are none."""
    if not parts:
        raise UnfitError
    if len(parts) == 1:
        return parts[0]

    def text(n: int) -> tuple[Integers, pa.Array]:
        coded = [pa.DictionaryArray.from_arrays(part.codes[n], part.words[n]) for part in parts]
        column = pa.chunked_array(coded).unify_dictionaries()
        codes = np.concatenate([chunk.indices.to_numpy() for chunk in column.chunks])
        return codes, column.chunk(0).dictionary

    with ThreadPoolExecutor(threads) as pool:
        texts = pool.map(text, range(len(parts[0].codes)))
        times, units = pool.map(np.concatenate, ([p.times for p in parts], [p.units for p in parts]))
        codes, words = zip(*texts, strict=True)
    return Rows(times, codes, words, units)


def texts_of(codes: Integers, words: pa.Array) -> pa.DictionaryArray:
    """Numbers and what they stand for, as Parquet keeps them."""
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32, copy=False)), words)


def decimals_of(low: Integers, high: Integers, kind: pa.DataType) -> pa.Array:
    """Integers of 128 bits, by their halves, as decimals of the last place of this kind."""
    pairs = np.empty((len(low), 2), np.int64)
    pairs[:, 0], pairs[:, 1] = low, high
    return pa.Array.from_buffers(kind, len(pairs), [None, pa.py_buffer(pairs)])

"""A day's rows of one dataset added up by the keys of another, by our own code: the rows of its statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from pyarrow.parquet import ParquetFile

from ..kernel.dataset import Dataset
from .duckdb import DuckDB
from .kept import Kept
from .lake import arrow_type
from .numbers import Integers, UnfitError, coded, decimals_of, halves, texts_of
from .wide import Wide

_ROOM = 2.0**63
"""Of 64 bits."""
_MOST = 10**38 >> 64
"""The upper 64 bits of what decimals have room for."""


def by_key(engine: DuckDB, dataset: type[Dataset], day: date, kept: Kept) -> pa.Table | None:
    """The rows of a day that of all upstreams only the first has, for a dataset that says whose are left out
    (`without`); None where its statement must be asked.
    """
    columns = {n: arrow_type(c) for n, c in dataset.columns().items() if n != dataset.partition}
    try:
        held = _read(engine, dataset.reads[0], day, columns, kept)
        named = {n: _named(held[n]) for n in held.column_names if not pa.types.is_decimal(columns[n])}
        groups = _grouped(named, dataset.sort, dataset.without)
        sums = {n: _summed(held[n], groups) for n in held.column_names if n not in named}
    except (UnfitError, pa.ArrowException, OSError):
        return None
    first = groups.order[groups.starts]
    made = {name: texts_of(codes[first], words) for name, (codes, words) in named.items()}
    made |= {
        name: decimals_of(sum_.low.view(np.int64), sum_.high, columns[name]) for name, sum_ in sums.items()
    }
    return pa.table(
        {
            name: (
                made[name] if pa.types.is_string(kind) or pa.types.is_decimal(kind) else made[name].cast(kind)
            )
            if name in made
            else pa.nulls(len(first), kind)
            for name, kind in columns.items()
        }
    )


def _read(
    engine: DuckDB, source: type[Dataset], day: date, columns: Mapping[str, pa.DataType], kept: Kept
) -> pa.Table:
    """Those of the columns that the source has, texts as dictionaries. Raises `UnfitError` for nulls, other types and
    other files than expected.
    """
    asked = {
        name: pa.dictionary(pa.int32(), kind) if pa.types.is_string(kind) else kind
        for name, kind in columns.items()
        if name in source.columns()
    }
    texts = [name for name, kind in asked.items() if pa.types.is_dictionary(kind)]
    files = [file for file in engine.lake.files(source) if file.partition == str(day)]
    table = kept.rows(source, files)
    parts = [] if table is None else [table.select(list(asked))]
    for file in files if table is None else []:
        with ParquetFile(engine.lake.folder(source) / file.path, read_dictionary=texts) as held:
            parts.append(held.read(columns=list(asked), use_threads=engine.threads > 1))
    schema = pa.schema(list(asked.items()))
    if not parts or any(not part.schema.equals(schema) for part in parts):
        raise UnfitError
    table = pa.concat_tables(parts)
    if any(column.null_count for column in table.columns):
        raise UnfitError
    return table


Named = tuple[Integers, pa.Array]
"""For each row its place among these words."""


def _named(column: pa.ChunkedArray) -> Named:
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    return coded(column)


@dataclass(frozen=True)
class _Groups:
    """Rows in order of their group; `starts` are the places at which the next group begins."""

    order: Integers
    starts: Integers


def _grouped(named: Mapping[str, Named], sort: Sequence[str], without: str) -> _Groups:
    """Rows that agree in all names, without one tenant's, by these names first."""
    tenants, words = named["tenant_id"]
    left_out = words.index(without).as_py()
    keys, size = np.zeros(len(tenants), np.int64), 1
    for name in [*sort, *(name for name in named if name not in sort)]:
        codes, words = named[name]
        size *= max(1, len(words))
        if size > _ROOM:
            raise UnfitError
        if name in sort:
            codes = np.argsort(np.argsort(words.to_numpy(zero_copy_only=False)))[codes]
        keys = keys * len(words) + codes
    order = np.argsort(keys, kind="stable")
    if left_out >= 0:
        order = order[tenants[order] != left_out]
    keys = keys[order]
    new = np.append(np.ones(min(1, len(keys)), np.bool_), keys[1:] != keys[:-1])
    return _Groups(order, np.flatnonzero(new))


def _summed(column: pa.ChunkedArray, groups: _Groups) -> Wide:
    """The sum of each group. Raises `UnfitError` where one may have no room."""
    low, high = halves(column)
    low, high = low[groups.order], high[groups.order]
    if len(groups.starts) == len(groups.order):
        return Wide.of_halves(low, high)
    most = int(np.diff(np.append(groups.starts, len(groups.order))).max())
    if most * (float(np.abs(high).max()) + 1) >= _ROOM:
        raise UnfitError
    half = np.int64(32)
    sums = [
        np.add.reduceat(part, groups.starts)
        for part in (low & ((1 << 32) - 1), (low >> half) & ((1 << 32) - 1), high)
    ]
    found = Wide.of(zip(sums, (0, 32, 64), strict=True))
    if (np.abs(found.high) >= _MOST).any():
        raise UnfitError
    return found

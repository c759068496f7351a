"""A day's events added up by the hour, by our own code: the rows of a dataset's statement, in half its time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import accumulate, groupby, pairwise

import numpy as np
import pyarrow as pa
from pyarrow.parquet import read_metadata

from ..kernel.dataset import Dataset
from ..kernel.money import QUANTITY_SQL
from .duckdb import DuckDB
from .numbers import (
    HOUR,
    TIME,
    Integers,
    Rows,
    UnfitError,
    decimals_of,
    of_type,
    opened,
    read,
    texts_of,
    united,
)

_MOST_HOURS = 1_000
"""From the first event to the last, which are of one day."""
_BATCH = 1 << 19
"""Events that are held at once."""
_FEW, _MANY = 1 << 10, 1 << 19
"""Numbers of all texts but one, and of all, above which it is asked which of those possible there are."""
_TABLED = 1 << 26
"""Numbers of which a table is made to ask that; where there may be more they are sorted."""
_QUANTITY, _UNITS = pa.decimal128(38, 9), pa.decimal128(38, 0)


def by_hour(engine: DuckDB, dataset: type[Dataset], day: date) -> pa.Table | None:
    """The rows of a day that of all upstreams only the first has, for a dataset that says whose names are whose
    (`hourly`); None where its statement must be asked.
    """
    source = dataset.reads[0]
    [time], [quantity] = of_type(source, "TIMESTAMP"), of_type(source, QUANTITY_SQL)
    texts = of_type(dataset, "VARCHAR")
    tenant = texts.index("tenant_id")
    folder = engine.lake.folder(source)
    paths = [str(folder / file.path) for file in engine.lake.files(source) if file.partition == str(day)]
    try:
        parts = added_up(paths, time, texts, quantity, engine.threads)
        with ThreadPoolExecutor(1) as pool:
            # An hour may lie in several of them.
            whole = pool.submit(_merged, parts, engine.threads)
            names = _tenants(engine, dataset.hourly or "", day, parts.words[tenant])
            sums = renamed(whole.result(), tenant, names)
    except (UnfitError, pa.ArrowException, OSError):
        return None
    return _table(sums, [*of_type(dataset, "TIMESTAMP"), *texts, *of_type(dataset, "DECIMAL(38,0)")])


def _tenants(engine: DuckDB, query: str, day: date, names: pa.Array) -> pa.Array:
    """Whose the names are on this day, one by one."""
    days = pa.array([day] * len(names), pa.date32())
    with engine.registered("asked", pa.table([names, days], names=["name", "day"])):
        found = dict(engine.tuples(query))
    return pa.array([found[name] for name in names.to_pylist()], pa.string())


def added_up(paths: Sequence[str], time: str, texts: Sequence[str], quantity: str, threads: int = 1) -> Rows:
    """The sums of `quantity` by hour and texts, of each batch of events; an empty text where there is none.

    Raises `UnfitError`. So many threads add up batches at once.
    """

    def added(batch: _Batch) -> Rows:
        with opened(batch.path, time, texts, quantity, _QUANTITY) as file:
            events = read(file, batch.groups, time, texts, quantity, threads=False)
        return _added(events)

    batches = [batch for path in paths for batch in _batches(path, threads)]
    with ThreadPoolExecutor(threads) as pool:
        return united(list(pool.map(added, batches)), threads)


def renamed(sums: Rows, text: int, names: pa.Array) -> Rows:
    """The sums with other words for a text, one for each of its own; what then agrees is added up."""
    coded = names.dictionary_encode()
    alone = len(coded.dictionary) == len(names)
    words = [(names if alone else coded.dictionary) if n == text else own for n, own in enumerate(sums.words)]
    if alone:
        return Rows(sums.times, sums.codes, words, sums.units)
    place = coded.indices.to_numpy()
    codes = [place[own] if n == text else own for n, own in enumerate(sums.codes)]
    return _merged(Rows(sums.times, codes, words, sums.units))


def _table(sums: Rows, names: Sequence[str]) -> pa.Table:
    """As a table of these columns: the hour, the texts in their order, and the units."""
    hour = pa.array(sums.times * HOUR).view(TIME)
    texts = [texts_of(codes, words) for codes, words in zip(sums.codes, sums.words, strict=True)]
    units = decimals_of(sums.units, sums.units >> 63, _UNITS)
    return pa.table([hour, *texts, units], names=list(names))


# --- read ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Batch:
    """Row groups of a file."""

    path: str
    groups: Sequence[int]


def _batches(path: str, threads: int) -> Iterator[_Batch]:
    """A file's row groups in turn, as many as hold a batch; the same number of batches for each thread."""
    held = read_metadata(path)
    rows = [held.row_group(group).num_rows for group in range(held.num_row_groups)]
    number = threads * -(-held.num_rows // (_BATCH * threads))
    before = accumulate(rows, initial=0)
    of_each = [number * start // max(1, held.num_rows) for start, _ in zip(before, rows, strict=False)]
    for _, groups in groupby(range(len(rows)), key=of_each.__getitem__):
        yield _Batch(path, list(groups))


# --- add up -------------------------------------------------------------------------------------------


def _added(events: Rows) -> Rows:
    """One row for each hour and set of texts, by the hour."""
    packed = _Packed.of(events)
    keys, units = packed.keys, events.units
    times = events.times
    if (times[1:] < times[:-1]).any():
        order = np.argsort(times // HOUR, kind="stable")
        times, keys, units = (times // HOUR)[order] * HOUR, keys[order], units[order]
    if len(times) and times[-1] // HOUR - times[0] // HOUR > _MOST_HOURS:
        raise UnfitError
    hours = np.arange(times[0] // HOUR, times[-1] // HOUR + 1) if len(times) else times
    edges = np.searchsorted(times, np.append(hours, hours[-1:] + 1) * HOUR).tolist()
    sums = [_summed(keys[i:j], packed.size, units[i:j]) for i, j in pairwise(edges)]
    found = np.concatenate([keys[:0], *(keys for keys, _ in sums)])
    made = np.repeat(hours, [len(keys) for keys, _ in sums])
    added = np.concatenate([units[:0], *(units for _, units in sums)])
    return Rows(made, [code[found] for code in packed.codes()], events.words, added)


def _merged(sums: Rows, threads: int = 1) -> Rows:
    """Those that agree added up, the hours of a set of texts beside each other: who adds those up finds them in the
    processor's cache. So many threads share columns.
    """
    if not len(sums.times):
        return sums
    packed = _Packed.of(sums)
    first, span = int(sums.times.min()), int(np.ptp(sums.times)) + 1
    # Of all hours and texts that there may be, those that there are: nothing need be sorted.
    places, found = _ranked(packed.keys * np.int64(span) + (sums.times - first), packed.size * span)
    _must_fit(places, sums.units)
    added = np.zeros(len(found), np.int64)
    np.add.at(added, places, sums.units)
    keys = found // span
    with ThreadPoolExecutor(threads) as pool:
        codes = list(pool.map(lambda code: code[keys], packed.codes()))
    return Rows(found - keys * span + first, codes, sums.words, added)


def _summed(keys: Integers, size: int, units: Integers) -> tuple[Integers, Integers]:
    """The keys (below `size`) that there are, in order, and the sum of the units of each."""
    if not len(keys):
        return keys, units
    _must_fit(keys, units)
    keys = keys.astype(np.intp, copy=False)
    sums, there = np.zeros(size, np.int64), np.zeros(size, np.bool_)
    np.add.at(sums, keys, units)
    there[keys] = True
    found = np.flatnonzero(there)
    return found, sums[found]


def _must_fit(keys: Integers, units: Integers) -> None:
    """Raises `UnfitError` where the units of a key may come to more than 64 bits."""
    most = max(int(units.max()), -int(units.min()))
    # To count takes longer than to add: only where it matters.
    if len(keys) * most >= 1 << 63 and int(np.bincount(keys).max()) * most >= 1 << 63:
        raise UnfitError


@dataclass(frozen=True)
class _Packed:
    """The texts of each row as one number below `size`: the fewer there are, the faster is what is done by them."""

    keys: Integers
    size: int
    steps: tuple[tuple[int, int, Integers | None], ...] = ()
    """The texts as they were packed: the size before each, and which of the numbers then possible there are."""

    @classmethod
    def of(cls, events: Rows) -> _Packed:
        # The text with most words, as a rule the tenant, last: by then few numbers are left of all others.
        first, *texts = sorted(range(len(events.words)), key=lambda n: len(events.words[n]))
        packed = cls(events.codes[first], len(events.words[first]), ((first, 1, None),))
        for text in texts:
            packed = packed.beside(text, events, most=_MANY if text == texts[-1] else _FEW)
        return packed

    def beside(self, text: int, events: Rows, most: int) -> _Packed:
        size, used = self.size * len(events.words[text]), None
        codes = events.codes[text] if size < 1 << 31 else events.codes[text].astype(np.int64)
        keys = self.keys + codes * self.size
        if size > most:
            keys, used = _ranked(keys, size)
            size = len(used)
        return _Packed(keys, size, (*self.steps, (text, self.size, used)))

    def codes(self) -> list[Integers]:
        """The code of each text, by key."""
        rest = np.arange(self.size)
        codes: dict[int, Integers] = {}
        for text, size, used in reversed(self.steps):
            rest = rest if used is None else used[rest]
            # `divmod` takes five times as long.
            code = rest // max(size, 1)
            rest = rest - code * size
            codes[text] = code.astype(np.int32)
        return [codes[text] for text in range(len(codes))]


def _ranked(keys: Integers, size: int) -> tuple[Integers, Integers]:
    """The place of each key (below `size`) among those that there are, and these in order."""
    if size > _TABLED:
        used, ranks = np.unique(keys, return_inverse=True)
        return ranks, used
    present = np.zeros(size, np.bool_)
    present[keys] = True
    used = np.flatnonzero(present)
    rank = np.zeros(size, np.int32)
    rank[used] = np.arange(len(used))
    return rank[keys], used

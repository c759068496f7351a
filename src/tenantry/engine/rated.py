"""A day's money shared by its usage, by our own code: the rows of a dataset's statement, in half its time.

The statement's rates, few, are asked for many days at once; its many rows are worked out here, by numbers for texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..kernel import Window
from ..kernel.dataset import Dataset
from .duckdb import DuckDB, bound
from .kept import Kept
from .lake import DataFile, arrow_type
from .numbers import (
    HOUR,
    Integers,
    Rows,
    UnfitError,
    decimals_of,
    halves,
    of_type,
    opened,
    read,
    rows_of,
    texts_of,
    united,
)
from .wide import Wide

_DAYS = 31
"""That are asked at once."""
_MOST = 1 << 23
"""Rows of usage, of usage times rates, and of whose it is times rates: 64 MiB for eight bytes each."""
_TABLED = 1 << 22
"""Hours times texts of which a table is made, to find the rates of each."""
_ROOM = 2.0**62
"""Of 64 bits."""
_DIGIT = 26
"""Bits."""
_BLOCK = 256
"""Rows."""
_FEWEST = 300
"""Rows of usage for each cell below which the statement is as fast."""
_NOT_TENANTS = ("(idle)", "(unallocated)")
"""Whose rows the statement calls by another name."""


def told_of(engine: DuckDB, query: str, days: Sequence[date]) -> dict[date, pa.Table]:
    """What a query of `Dataset.rates` says of each of these days, without those whose rows only the statement knows."""
    found: dict[date, pa.Table] = {}
    for run in _runs(days):
        table = engine.answer(bound(query, Window(run[0], run[-1] + timedelta(days=1))))
        table = table.sort_by("charge_day")
        day_of = table["charge_day"].cast(pa.int32()).to_numpy()
        for day in run:
            number = (day - date(1970, 1, 1)).days
            first, end = np.searchsorted(day_of, [number, number + 1]).tolist()
            told = table.slice(first, end - first)
            if told["beside"].null_count == len(told):
                found[day] = told
    return found


def _runs(days: Sequence[date]) -> Iterator[list[date]]:
    """Days that follow each other, a month of them at most."""
    run: list[date] = []
    for day in sorted(days):
        if run and (len(run) == _DAYS or day - run[-1] > timedelta(days=1)):
            yield run
            run = []
        run.append(day)
    if run:
        yield run


def by_rates(dataset: type[Dataset], used: Used, told: pa.Table, threads: int = 1) -> pa.Table | None:
    """The rows of a day, but for its partition; None where the statement must be asked. So many threads share cells."""
    try:
        rates = _Rates.of(told.filter(told["cell"].is_valid()), used)
        shares = _shared(used, rates, threads)
    except (UnfitError, pa.ArrowException):
        return None
    columns = [name for name in dataset.columns() if name != dataset.partition]
    return pa.concat_tables(
        [
            _table(dataset, columns, shares, rates, used, threads),
            _ready(told.filter(told["cell"].is_null()), columns),
        ]
    ).unify_dictionaries()


# --- what is asked of usage and rates -----------------------------------------------------------------


@dataclass(frozen=True)
class Used:
    """Usage, in order of the thing that it is of and then of whose it is, each a number.

    What it is of, with its hour, is thing * hours + hour: a number that rates have too.
    """

    who: Integers
    hour: Integers
    """From the first."""
    units: Integers
    counts: Integers
    """Rows by what they are of."""
    edges: Integers
    """Where those of each thing begin, and at last how many there are."""
    first: int
    """The first hour, since 1970."""
    hours: int
    tenants: pa.Array
    features: pa.Array
    words: Mapping[str, pa.Array]
    """Of what it is of."""


def used_on(engine: DuckDB, usage: type[Dataset], day: date, kept: Kept) -> Used | None:
    """The usage of a day; None where the statement must be asked. Asks the engine nothing: on any thread."""
    try:
        return _used(engine, usage, day, kept)
    except (UnfitError, pa.ArrowException, OSError):
        return None


def _used(engine: DuckDB, usage: type[Dataset], day: date, kept: Kept) -> Used:
    [time], [units], texts = (of_type(usage, sql) for sql in ("TIMESTAMP", "DECIMAL(38,0)", "VARCHAR"))
    texts = ["tenant_id", "feature_id", *(name for name in texts if name not in ("tenant_id", "feature_id"))]
    files = [file for file in engine.lake.files(usage) if file.partition == str(day)]
    if sum(file.rows for file in files) > _MOST:
        raise UnfitError
    table = kept.rows(usage, files)
    rows = (
        _read(engine, usage, files, time, texts, units)
        if table is None
        else rows_of(table, time, texts, units)
    )
    tenants, features, *others = rows.words
    if not len(rows.units) or any(tenants.index(name).as_py() >= 0 for name in _NOT_TENANTS):
        raise UnfitError
    hour = rows.times // HOUR
    first = int(hour.min())
    hour = (hour - first).astype(np.int32)
    hours = int(hour.max()) + 1
    # In the cube's order, which then is that of shares: see `_Packed` in engine/hourly.py.
    telling = sorted(range(len(others)), key=lambda n: len(others[n]))[::-1]
    thing, things = _packed([rows.codes[2 + n] for n in telling], [len(others[n]) for n in telling])
    if things * hours > _TABLED:
        raise UnfitError
    who = rows.codes[0].astype(np.int64) * len(features) + rows.codes[1]
    units = rows.units
    if units.min() <= 0:
        some = np.flatnonzero(units > 0)
        who, thing, hour, units = who[some], thing[some], hour[some], units[some]
    if (who[1:] < who[:-1]).any():
        order = np.argsort(who, kind="stable")
        who, thing, hour, units = who[order], thing[order], hour[order], units[order]
    counts = np.bincount(thing * hours + hour, minlength=things * hours)
    edges = np.append(0, np.cumsum(counts.reshape(things, hours).sum(axis=1)))
    # To sort numbers of 16 bits takes a tenth of the time.
    order = np.argsort(thing.astype(np.uint16) if things <= 1 << 16 else thing, kind="stable")
    words = {texts[2 + n]: others[n] for n in telling}
    return Used(who[order], hour[order], units[order], counts, edges, first, hours, tenants, features, words)


def _read(
    engine: DuckDB,
    usage: type[Dataset],
    files: Sequence[DataFile],
    time: str,
    texts: Sequence[str],
    units: str,
) -> Rows:
    folder, kind = engine.lake.folder(usage), arrow_type(usage.columns()[units])
    parts: list[Rows] = []
    for file in files:
        with opened(str(folder / file.path), time, texts, units, kind) as held:
            groups = range(held.num_row_groups)
            parts.append(read(held, groups, time, texts, units, threads=engine.threads > 1))
    return united(parts)


def _packed(codes: Sequence[Integers], sizes: Sequence[int]) -> tuple[Integers, int]:
    """Several numbers, each below its size, as one below a size. Raises `UnfitError` where that is too large."""
    packed, size = codes[0].astype(np.int64), sizes[0]
    for own, below in zip(codes[1:], sizes[1:], strict=True):
        packed, size = packed * below + own, size * below
        if size > _TABLED:
            raise UnfitError
    return packed, size


@dataclass(frozen=True)
class _Rates:
    """What a unit of usage counts and costs, in order of what the usage is of; and the cells that the money is of."""

    what: Integers
    cell: Integers
    weight: Integers
    prices: Sequence[Wide]
    """By basis: money of 10^-18 for a unit of weight, with so many binary `places` as the rate's cell has."""
    cells: pa.Table
    due: Sequence[Sequence[int]]
    places: Sequence[Integers]
    """By basis and cell."""

    @classmethod
    def of(cls, told: pa.Table, used: Used) -> _Rates:
        hours = told["hour"].cast(pa.int64()).to_numpy() // HOUR - used.first
        codes = [_places(told[f"of_{name}"], words) for name, words in used.words.items()]
        if not len(told) or hours.min() < 0 or hours.max() >= used.hours:
            raise UnfitError
        what, _ = _packed([*codes, hours], [*map(len, used.words.values()), used.hours])
        order = np.argsort(what, kind="stable")
        _, first, cell = np.unique(told["cell"].to_numpy()[order], return_index=True, return_inverse=True)
        # Numbered as they come in order of what usage is of.
        cell, first = np.argsort(np.argsort(first))[cell], np.sort(first)
        cells = told.take(order[first])
        weight, above = halves(told["weight"])
        if (above != 0).any() or (weight <= 0).any():
            raise UnfitError
        bases = range(sum(name.startswith("r") and name[1:].isdigit() for name in told.column_names))
        prices = [Wide.of_halves(*halves(told[f"r{n}"]))[order] for n in bases]
        due = [[int(amount) for amount in cells[f"c{n}"].to_pylist()] for n in bases]
        places = [cells[f"k{n}"].to_numpy().astype(np.int64) for n in bases]
        return cls(what[order], cell, weight[order], prices, cells, due, places)


def _places(texts: pa.ChunkedArray, words: pa.Array) -> Integers:
    place = {word: n for n, word in enumerate(words.to_pylist())}
    try:
        return np.array([place[text] for text in texts.to_pylist()], np.int64)
    except KeyError:
        raise UnfitError from None


# --- share --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Shares:
    """By whose usage it is: units of the driver, and money by basis."""

    who: Integers
    units: Integers
    money: Sequence[Wide]


def _shared(used: Used, rates: _Rates, threads: int) -> list[_Shares]:
    """Each cell's money by its usage: truncated, what is left to the largest share (ties by tenant, then feature)."""
    rows = int(used.counts[rates.what].sum())
    if not len(rates.cells) * _FEWEST <= rows <= _MOST:
        raise UnfitError
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda cell: _cell_shared(used, rates, cell), range(len(rates.cells))))


def _matched(used: Used, what: Integers) -> tuple[Integers, Integers]:
    """Which row of usage has which of these rates, in order of whose it is: a pair for each rate of what it is of."""
    things, hours = np.divmod(what, used.hours)
    rows: list[Integers] = []
    rates: list[Integers] = []
    for thing in np.unique(things):
        at, own = slice(*used.edges[thing : thing + 2]), np.flatnonzero(things == thing)
        times = np.bincount(hours[own], minlength=used.hours)
        before = own[0] + np.cumsum(times) - times
        row = np.flatnonzero(times[used.hour[at]])
        hour = used.hour[at][row]
        rate = before[hour]
        if times.max() > 1:
            times = times[hour]
            within = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
            row, rate = np.repeat(row, times), np.repeat(rate, times) + within
        rows.append(row + at.start)
        rates.append(rate)
    row, rate = np.concatenate(rows), np.concatenate(rates)
    if len(rows) > 1:
        order = np.argsort(used.who[row], kind="stable")
        row, rate = row[order], rate[order]
    return row, rate


def _cell_shared(used: Used, rates: _Rates, cell: int) -> _Shares:
    """The shares of a cell."""
    own = np.flatnonzero(rates.cell == cell)
    row, slot = _matched(used, rates.what[own])
    if not len(row):
        raise UnfitError
    who, units, weight = used.who[row], used.units[row], rates.weight[own]
    if (weight != 1).any():
        if (units.astype(np.float64) * weight[slot]).max() >= _ROOM:
            raise UnfitError
        units = units * weight[slot]
    new = np.append(True, who[1:] != who[:-1])
    whose, place = who[new], np.cumsum(new) - 1
    if len(whose) * len(own) > _MOST or np.bincount(place, weights=units).max() >= _ROOM:
        raise UnfitError
    total = np.add.reduceat(units, np.flatnonzero(new))
    heir = _heir(used, whose, total)
    given: list[Wide] = []
    for basis, wide in enumerate(_multiplied(units, place, slot, [price[own] for price in rates.prices])):
        places = int(rates.places[basis][cell])
        given.append(shares := wide.shifted_down(places))
        left = rates.due[basis][cell] - shares.total()
        # No more is left than a unit for each share and rate, and 2^-places for each unit of usage: else it is not the
        # usage that the rates were made for.
        if abs(left) > len(whose) + len(own) + 2 * float(total.sum(dtype=np.float64)) / 2**places + 2:
            raise UnfitError
        shares.add(heir, left)
    return _Shares(whose, total, given)


def _heir(used: Used, who: Integers, units: Integers) -> int:
    """The row of most units; of several the first by tenant, then feature."""
    likely = np.flatnonzero(units == units.max())
    tenants, features = np.divmod(who[likely], len(used.features))
    names = zip(
        used.tenants.take(pa.array(tenants)).to_pylist(),
        used.features.take(pa.array(features)).to_pylist(),
        likely.tolist(),
        strict=True,
    )
    return min(names)[2]


def _multiplied(units: Integers, place: Integers, slot: Integers, prices: Sequence[Wide]) -> list[Wide]:
    """For each place, in order from 0, the sums of units times the prices (of each basis) at their slots, exactly.

    Both are cut into digits so small that doubles, of 53 bits, hold every sum of products of two: then it is the
    product of matrices that processors are built for. The whole fits 128 bits: rates leave room for all that their
    usage comes to (datasets/shares.py).
    """
    rows, slots = int(place[-1]) + 1, len(prices[0].low)
    at = place * slots + slot
    bits = int(units.max()).bit_length()
    own = -(-bits // -(-bits // _DIGIT))
    parts: list[npt.NDArray[np.float64]] = []
    for n in range(0, bits, own):
        part = np.zeros((-(-rows // _BLOCK), _BLOCK, slots))
        np.add.at(part.reshape(-1), at, ((units >> n) & ((1 << own) - 1)).astype(np.float64))
        parts.append(part)
    others = 53 - slots.bit_length() - max(int(part.max()).bit_length() for part in parts)
    if others < 1:
        raise UnfitError
    factors = [
        (basis, n, f) for basis, price in enumerate(prices) for n, f in enumerate(price.digits(others))
    ]
    matrix = np.column_stack([factor for _, _, factor in factors]).astype(np.float64)
    terms: list[list[tuple[Integers, int]]] = [[] for _ in prices]
    for m, part in enumerate(parts):
        # In blocks: for large ones the library starts threads, which cost more than they save.
        product = np.matmul(part, matrix).reshape(-1, len(factors))[:rows].T.astype(np.int64, order="C")
        for (basis, n, _), column in zip(factors, product, strict=True):
            terms[basis].append((column, m * own + n * others))
    return [Wide.of(of_basis) for of_basis in terms]


# --- write --------------------------------------------------------------------------------------------


def _table(
    dataset: type[Dataset],
    columns: Sequence[str],
    shares: Sequence[_Shares],
    rates: _Rates,
    used: Used,
    threads: int,
) -> pa.Table:
    """The shares of each cell as rows of the dataset: texts as dictionaries, those of cells from the rates."""
    cell = np.repeat(np.arange(len(shares)), [len(part.who) for part in shares])
    who = np.concatenate([part.who for part in shares])
    tenant = who // len(used.features)
    kinds = {name: arrow_type(column) for name, column in dataset.columns().items()}
    bases, _ = dataset.conserves or ((), "")

    def column(name: str) -> pa.Array:
        if name == "tenant_id":
            return texts_of(tenant, used.tenants)
        if name == "feature_id":
            return texts_of(who - tenant * len(used.features), used.features)
        if name == "units":
            units = np.concatenate([part.units for part in shares])
            return decimals_of(units, units >> 63, kinds[name])
        if name in bases:
            money = [part.money[bases.index(name)] for part in shares]
            low, high = np.concatenate([m.low for m in money]), np.concatenate([m.high for m in money])
            return decimals_of(low.view(np.int64), high, kinds[name])
        return _of_cell(rates.cells[name], cell)

    with ThreadPoolExecutor(threads) as pool:
        return pa.table(list(pool.map(column, columns)), names=list(columns))


def _of_cell(column: pa.ChunkedArray, cell: Integers) -> pa.Array:
    one = column.combine_chunks()
    if not pa.types.is_string(one.type):
        return one.take(pa.array(cell))
    coded = one.dictionary_encode()
    return texts_of(coded.indices.to_numpy()[cell], coded.dictionary)


def _ready(told: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Rows that the query has made, with texts as dictionaries."""
    kept = told.select(list(columns))
    return pa.table(
        [c.dictionary_encode() if pa.types.is_string(c.type) else c for c in kept.columns],
        names=kept.column_names,
    )

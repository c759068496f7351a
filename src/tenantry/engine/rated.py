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
from .lake import arrow_type
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
_DIGIT = 24
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
        [_table(dataset, columns, shares, rates, used), _ready(told.filter(told["cell"].is_null()), columns)]
    ).unify_dictionaries()


# --- what is asked of usage and rates -----------------------------------------------------------------


@dataclass(frozen=True)
class Used:
    """Usage, each row with a number for whose it is and one for what it is of: those of rates too, below `size`."""

    who: Integers
    what: Integers
    size: int
    units: Integers
    first: int
    """The first hour, since 1970."""
    hours: int
    tenants: pa.Array
    features: pa.Array
    words: Mapping[str, pa.Array]
    """Of what it is of."""


def used_on(engine: DuckDB, usage: type[Dataset], day: date) -> Used | None:
    """The usage of a day; None where the statement must be asked. Reads files alone, on any thread."""
    try:
        return _used(engine, usage, day)
    except (UnfitError, pa.ArrowException, OSError):
        return None


def _used(engine: DuckDB, usage: type[Dataset], day: date) -> Used:
    [time], [units], texts = (of_type(usage, sql) for sql in ("TIMESTAMP", "DECIMAL(38,0)", "VARCHAR"))
    texts = ["tenant_id", "feature_id", *(name for name in texts if name not in ("tenant_id", "feature_id"))]
    folder = engine.lake.folder(usage)
    files = [file for file in engine.lake.files(usage) if file.partition == str(day)]
    if sum(file.rows for file in files) > _MOST:
        raise UnfitError
    parts: list[Rows] = []
    for file in files:
        kind = arrow_type(usage.columns()[units])
        with opened(str(folder / file.path), time, texts, units, kind) as held:
            groups = range(held.num_row_groups)
            parts.append(read(held, groups, time, texts, units, threads=engine.threads > 1))
    rows = united(parts)
    tenants, features, *others = rows.words
    if not len(rows.units) or any(tenants.index(name).as_py() >= 0 for name in _NOT_TENANTS):
        raise UnfitError
    hours = rows.times // HOUR
    first = int(hours.min())
    count = int(hours.max()) - first + 1
    # In the cube's order, which then is that of shares: see `_Packed` in engine/hourly.py.
    telling = sorted(range(len(others)), key=lambda n: len(others[n]))[::-1]
    what, size = _packed(
        [*(rows.codes[2 + n] for n in telling), hours - first], [*(len(others[n]) for n in telling), count]
    )
    who = rows.codes[0].astype(np.int64) * len(features) + rows.codes[1]
    words = {texts[2 + n]: others[n] for n in telling}
    return Used(who, what, size, rows.units, first, count, tenants, features, words)


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

    counts: Integers
    starts: Integers
    """Of each number of what usage is of: how many rates it has, from which on."""
    cell: Integers
    slot: Integers
    """Its place among the rates of its cell."""
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
        counts = np.bincount(what, minlength=used.size)
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
        by_cell, of_each = np.argsort(cell, kind="stable"), np.bincount(cell)
        slot = np.empty_like(cell)
        slot[by_cell] = np.arange(len(cell)) - np.repeat(np.cumsum(of_each) - of_each, of_each)
        starts = np.cumsum(counts) - counts
        return cls(counts, starts, cell, slot, weight[order], prices, cells, due, places)


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
    row, rate = _matched(used, rates)
    if len(row) < len(rates.cells) * _FEWEST:
        raise UnfitError
    units = used.units[row]
    if (rates.weight != 1).any():
        weight = rates.weight[rate]
        if (units.astype(np.float64) * weight).max() >= _ROOM:
            raise UnfitError
        units = units * weight
    cell = rates.cell[rate].astype(np.uint16 if len(rates.cells) < 1 << 16 else np.int64)
    order = np.argsort(cell, kind="stable")
    edges = np.searchsorted(cell[order], np.arange(len(rates.cells) + 1)).tolist()
    who, slot, units = used.who[row[order]], rates.slot[rate[order]], units[order]

    def shared(cell: int) -> _Shares:
        a, b = edges[cell], edges[cell + 1]
        return _cell_shared(used, rates, cell, who[a:b], slot[a:b], units[a:b])

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(shared, range(len(rates.cells))))


def _matched(used: Used, rates: _Rates) -> tuple[Integers, Integers]:
    """Which row of usage has which rate: in order of whose it is, a pair for each rate of what it is of."""
    times = rates.counts[used.what]
    times[used.units <= 0] = 0
    if int(times.sum()) > _MOST:
        raise UnfitError
    row = np.flatnonzero(times)
    if (used.who[row[1:]] < used.who[row[:-1]]).any():
        row = row[np.argsort(used.who[row], kind="stable")]
    rate = rates.starts[used.what[row]]
    if times.max() > 1:
        times = times[row]
        within = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
        row, rate = np.repeat(row, times), np.repeat(rate, times) + within
    return row, rate


def _cell_shared(
    used: Used, rates: _Rates, cell: int, who: Integers, slot: Integers, units: Integers
) -> _Shares:
    """The shares of a cell, by its usage in order of whose it is, of which each row has one of the cell's rates."""
    own = np.flatnonzero(rates.cell == cell)
    if not len(who):
        raise UnfitError
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
    dataset: type[Dataset], columns: Sequence[str], shares: Sequence[_Shares], rates: _Rates, used: Used
) -> pa.Table:
    """The shares of each cell as rows of the dataset: texts as dictionaries, those of cells from the rates."""
    cell = np.repeat(np.arange(len(shares)), [len(part.who) for part in shares])
    tenant, feature = np.divmod(np.concatenate([part.who for part in shares]), len(used.features))
    units = np.concatenate([part.units for part in shares])
    kinds = {name: arrow_type(column) for name, column in dataset.columns().items()}
    bases, _ = dataset.conserves or ((), "")
    own = {
        "tenant_id": texts_of(tenant, used.tenants),
        "feature_id": texts_of(feature, used.features),
        "units": decimals_of(units, units >> 63, kinds["units"]),
    }
    for basis, name in enumerate(bases):
        money = [part.money[basis] for part in shares]
        low, high = np.concatenate([m.low for m in money]), np.concatenate([m.high for m in money])
        own[name] = decimals_of(low.view(np.int64), high, kinds[name])
    return pa.table(
        [own[n] if n in own else _of_cell(rates.cells[n], cell) for n in columns], names=list(columns)
    )


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

"""No unit of a bill is lost or invented on its way to tenants, and each gets the share that the rules give."""

from __future__ import annotations

import operator
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import allocation_by_hand as by_hand
import pyarrow as pa
import pytest
from features_by_hand import fully_loaded
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from made_up_bills import books
from small_vendor import BASES, CATALOG, SmallVendor

from tenantry.datasets import DATASETS, FeatureCostFull, MeterHours, PoolCost, UsageHourly
from tenantry.datasets.allocation import allocation_sql
from tenantry.engine.duckdb import DuckDB, bound
from tenantry.engine.lake import Lake, arrow_schema
from tenantry.kernel import Window
from tenantry.kernel.money import EXACT
from tenantry.methods.policy import Meter, Policy, Rule
from tenantry.methods.sharing import closure, split, whole_weights, with_exit

BILLS = 100
"""Made-up bills that are built at once."""
EXAMPLES = settings.default.max_examples if settings.default else 0

amounts = st.integers(-(10**38), 10**38)
weights = st.dictionaries(st.text(max_size=8), st.integers(0, 10**30), max_size=30)


@given(amounts, weights)
def test_a_split_gives_out_the_whole_amount_or_nothing(amount: int, weights: dict[str, int]):
    given_out = split(amount, weights.items())
    assert set(given_out) == {name for name, weight in weights.items() if weight}
    assert sum(given_out.values()) == (amount if given_out else 0)


@given(amounts, weights)
def test_a_share_is_off_by_less_than_one_unit_except_the_heirs(amount: int, weights: dict[str, int]):
    total = sum(weights.values())
    for name, share in split(amount, weights.items()).items():
        off = share - Fraction(amount) * weights[name] / total
        heir = weights[name] == max(weights.values())
        assert abs(off) < (len(weights) if heir else 1)
        assert share * amount >= 0


@given(st.dictionaries(st.text(max_size=3), st.fractions(0, 10**6), max_size=12))
def test_whole_weights_keep_the_ratio_and_leave_nobody_out(parts: dict[str, Fraction]):
    found = whole_weights(parts)
    assert found.keys() == {name for name, part in parts.items() if part}
    for name, weight in found.items():
        exact = parts[name] / sum(parts.values())
        assert abs(Fraction(weight, sum(found.values())) - exact) <= Fraction(len(found) + 1, 10**17)


@given(st.lists(st.lists(st.integers(0, 3), min_size=7, max_size=7), min_size=1, max_size=5))
def test_pools_that_feed_each_other_give_out_all_they_get(rows: list[list[int]]):
    """Row i: how much of pool i goes to each of the pools 0 .. 4, and of the keeping pools 5 and 6."""
    steps = {
        str(i): {str(j): Fraction(part, sum(row)) for j, part in enumerate(row) if part}
        for i, row in enumerate(rows)
        if sum(row)
    }
    leaving = with_exit(steps)
    ends = closure(leaving)
    for pool, parts in leaving.items():
        assert sum(ends[pool].values()) == 1
        further: dict[str, Fraction] = defaultdict(Fraction)
        for target, part in parts.items():
            for end, of_it in ends.get(target, {target: Fraction(1)}).items():
                further[end] += part * of_it
        assert ends[pool] == further
    # The others' money would go round for ever.
    assert all(
        parts.keys() <= steps.keys() - leaving.keys() for p, parts in steps.items() if p not in leaving
    )


# --- the kernel: one cell a day, as many as there are days ------------------------------------------------

NAMES = ["a", "B", "it's", "line\nbreak", "\u202eright to left", "👩‍👩‍👧", "%", "", "z" * 4096]
units = st.one_of(st.sampled_from([1, 10**9, 10**18, 10**30, 10**35, 10**38 - 1]), st.integers(0, 10**38 - 1))
due = st.one_of(units, units.map(operator.neg))
sharers = st.dictionaries(
    st.sampled_from(NAMES), st.one_of(st.integers(1, 10**6), st.integers(1, 10**37)), min_size=1
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> DuckDB:
    engine = DuckDB(Lake(tmp_path_factory.mktemp("lake")), memory_limit="1GB")
    engine.attach([d for d in DATASETS if d not in (PoolCost, UsageHourly, MeterHours)])
    return engine


@settings(max_examples=max(4, EXAMPLES // 20))
@given(st.lists(st.tuples(due, due, due, due, sharers), min_size=1, max_size=40))
def test_a_pool_is_shared_to_the_last_unit(engine: DuckDB, drawn: list[Any]):
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(len(drawn))]
    cells: dict[Any, by_hand.Cell] = {}
    costs, used = [], []
    for day, (*owed, weights) in zip(days, drawn, strict=True):
        cell = cells[day,] = by_hand.Cell()
        cell.add((owed[0], owed[1], owed[2], owed[3]), {(n, ""): Fraction(w) for n, w in weights.items()})
        costs.append(pool_row(day, owed))
        used += [usage_row(day, name, weight) for name, weight in weights.items()]
    found = shared(engine, costs, used)
    actual: dict[Any, dict[Any, Any]] = defaultdict(dict)
    for row in found:
        actual[row.charge_day,][row.tenant_id, ""] = by_hand.money(row)
        assert row.units == drawn[days.index(row.charge_day)][4][row.tenant_id]
    assert by_hand.differences(cells, actual) == []
    assert sorted(found, key=str) == sorted(shared(engine, costs[::-1], used[::-1]), key=str)


def pool_row(day: date, owed: list[int]) -> dict[str, Any]:
    amounts = [EXACT.scaleb(Decimal(amount), -18) for amount in owed]
    texts = dict.fromkeys(("tenant_id", "sub_account_id", "note"), "")
    return texts | dict(zip(BASES, amounts, strict=True)) | {
        "charge_day": day, "billing_period": day, "currency": "USD", "pool": "P", "service_name": "S",
        "span": "day", "span_start": datetime.combine(day, datetime.min.time()), "charges": 1,
    }  # fmt: skip


def usage_row(day: date, name: str, weight: int) -> dict[str, Any]:
    texts = dict.fromkeys(("feature_id", "service_name", "region"), "")
    hour = datetime.combine(day, datetime.min.time())
    return texts | {"day": day, "hour": hour, "tenant_id": name, "meter": "ms", "units": Decimal(weight)}


def shared(engine: DuckDB, costs: list[dict[str, Any]], used: list[dict[str, Any]]) -> list[Any]:
    policy = Policy(rules=(Rule(pool="P", meters=(Meter(meter="ms"),)),))
    days = Window(
        min(c["charge_day"] for c in costs), max(c["charge_day"] for c in costs) + timedelta(days=1)
    )
    with (
        engine.registered("pool_cost", pa.Table.from_pylist(costs, schema=arrow_schema(PoolCost))),
        engine.registered("usage_hourly", pa.Table.from_pylist(used, schema=arrow_schema(UsageHourly))),
        engine.registered("meter_hours", engine.arrow(bound(MeterHours.query or "", days))),
    ):
        return engine.query(bound(allocation_sql(policy), days))


# --- whole bills under whole policies --------------------------------------------------------------------


@pytest.mark.slow
# A seed of made-up bills does not shrink: the test itself finds the bills that fail.
@settings(max_examples=max(2, EXAMPLES // BILLS), phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(0, 2**40))
def test_every_bill_is_shared_as_its_rules_say_to_the_last_unit(seed: int):
    seeds = range(seed * BILLS, (seed + 1) * BILLS)
    problems = list(examined(seeds))
    if problems:
        alone = [
            (s, found)
            for place, s in enumerate(seeds)
            if f"'w{place}" in str(problems) and (found := list(examined([s])))
        ]
        raise AssertionError("\n".join(map(str, [*(alone or problems)[:5], f"{len(problems)} in all"])))


@pytest.mark.slow
@settings(max_examples=max(1, EXAMPLES // 2000), phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(0, 2**40))
def test_the_order_of_rows_does_not_matter(seed: int):
    made = books(range(seed, seed + 10))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        straight = SmallVendor(Path(one), made.policy).land(**made.rows()).build()
        backwards = {name: found[::-1] for name, found in made.rows().items()}
        turned = SmallVendor(Path(other), made.policy).land(**backwards).build()
        for dataset in DATASETS:
            if dataset.derived() and dataset.stored:
                table = dataset.table()
                assert sorted(rows(straight, table), key=str) == sorted(rows(turned, table), key=str)


def examined(seeds: Sequence[int]) -> Iterator[str]:
    """What is wrong with the tables built from these bills."""
    made = books(seeds)
    with tempfile.TemporaryDirectory() as folder:
        vendor = SmallVendor(Path(folder), made.policy).land(**made.rows()).build()
        yield from (f"unbalanced: {row}" for row in vendor.unbalanced())
        yield from repeated_keys(vendor)
        pools, usage = rows(vendor, "pool_cost"), rows(vendor, "usage_hourly")
        expected = by_hand.pool_cost(made.policy, made.tenants, made.charges)
        yield from unlike("pool_cost", expected, {row[:10]: (row[10], row[11:]) for row in in_units(pools)})
        heads = {
            (u.hour, u.tenant_id, u.feature_id, u.service_name, u.region, u.meter): int(u.units)
            for u in usage
        }
        yield from unlike("usage_hourly", by_hand.usage_hourly(made.tenants, made.usages), heads)
        sharing = by_hand.Sharing(made.policy, made.tenants, made.users, usage)
        allocated, followed = rows(vendor, "allocation"), rows(vendor, "overhead")
        yield from wrong_shares(sharing, pools, rows(vendor, "pool_routes"), allocated)
        yield from wrong_overhead(sharing, allocated, followed)
        finished = rows(vendor, "tenant_cost")
        yield from wrong_tenant_cost(allocated, followed, finished)
        yield from wrong_feature_cost(vendor, allocated, finished)


def rows(vendor: SmallVendor, table: str) -> list[Any]:
    return vendor.query(f"SELECT * FROM {table}")


def in_units(found: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    for row in found:
        yield (*list(row.values())[:-4], *by_hand.money(row))


def unlike(table: str, expected: dict[Any, Any], actual: dict[Any, Any]) -> Iterator[str]:
    for key in expected.keys() | actual.keys():
        if expected.get(key) != actual.get(key):
            yield f"{table} {key}: {actual.get(key)} instead of {expected.get(key)}"


def repeated_keys(vendor: SmallVendor) -> Iterator[str]:
    for dataset in CATALOG.datasets:
        if dataset.derived() and dataset.stored:
            keys = ", ".join(dataset.keys)
            found = vendor.query(f"SELECT {keys} FROM {dataset.table()} GROUP BY {keys} HAVING count(*) > 1")
            yield from (f"{dataset.table()} repeats {row}" for row in found)


def wrong_shares(sharing: by_hand.Sharing, pools: Any, routes: Any, allocated: Any) -> Iterator[str]:
    cells, whole = by_hand.allocation(sharing, pools, routes)
    reasons = {
        (*key[:7], *by_hand.rung_and_reason(name, *key[7:]), name, feature): key
        for key, cell in cells.items()
        for name, feature in cell.given
    }
    actual: dict[Any, dict[Any, Any]] = defaultdict(dict)
    alone: dict[Any, Any] = {}
    for a in allocated:
        head = (
            a.charge_day,
            a.billing_period,
            a.currency,
            a.pool,
            a.driver_pool,
            a.service_name,
            a.sub_account_id,
        )
        cell = reasons.get((*head, a.rung, a.reason, a.tenant_id, a.feature_id))
        if cell:
            actual[cell][a.tenant_id, a.feature_id] = by_hand.money(a)
        else:
            alone[*head, a.tenant_id, a.feature_id, a.rung, a.reason, a.span] = by_hand.money(a)
    yield from (f"allocation {text}" for text in by_hand.differences(cells, actual))
    yield from unlike("allocation", whole, alone)


def wrong_overhead(sharing: by_hand.Sharing, allocated: Any, followed: Any) -> Iterator[str]:
    actual: dict[Any, dict[Any, Any]] = defaultdict(dict)
    for o in followed:
        head = (
            o.charge_day,
            o.billing_period,
            o.currency,
            o.pool,
            o.driver_pool,
            o.service_name,
            o.sub_account_id,
        )
        actual[*head, o.rung, o.reason, o.span][o.tenant_id, ""] = by_hand.money(o)
    yield from (
        f"overhead {text}" for text in by_hand.differences(by_hand.overhead(sharing, allocated), actual)
    )


def wrong_tenant_cost(allocated: Any, followed: Any, finished: Any) -> Iterator[str]:
    expected: dict[Any, Any] = defaultdict(list)
    for row in [*(a for a in allocated if a.tenant_id != "(shared)"), *followed]:
        key = (
            row.charge_day,
            row.billing_period,
            row.tenant_id,
            row.service_name,
            row.pool,
            row.rung,
            row.reason,
        )
        expected[*key, row.currency].append(by_hand.money(row))
    actual = {row[:8]: row[10:] for row in in_units(finished)}
    yield from unlike("tenant_cost", {key: by_hand.added(found) for key, found in expected.items()}, actual)


def wrong_feature_cost(vendor: SmallVendor, allocated: Any, finished: Any) -> Iterator[str]:
    """Features sum to `tenant_cost` row for row, named money is that of `allocation`, and `full` is spread as said."""
    by_feature = rows(vendor, "feature_cost")
    together: dict[Any, Any] = defaultdict(list)
    named: dict[Any, Any] = defaultdict(list)
    for f in by_feature:
        key = (
            f.charge_day,
            f.billing_period,
            f.tenant_id,
            f.service_name,
            f.pool,
            f.rung,
            f.reason,
            f.currency,
        )
        together[key].append(by_hand.money(f))
        if f.feature_id:
            named[*key, f.feature_id] = (int(f.units), by_hand.money(f))
    costs = {row[:8]: row[10:] for row in in_units(finished)}
    yield from unlike("feature_cost", costs, {key: by_hand.added(found) for key, found in together.items()})
    expected: dict[Any, Any] = defaultdict(list)
    for a in allocated:
        if a.feature_id:
            key = (
                a.charge_day,
                a.billing_period,
                a.tenant_id,
                a.service_name,
                a.pool,
                a.rung,
                a.reason,
                a.currency,
            )
            expected[*key, a.feature_id].append((int(a.units), by_hand.money(a)))
    wanted = {
        key: (sum(units for units, _ in found), by_hand.added([money for _, money in found]))
        for key, found in expected.items()
    }
    yield from unlike("feature_cost", wanted, named)
    days = [f.charge_day for f in by_feature]
    if days:
        window = Window(min(days), max(days) + timedelta(days=1))
        full = vendor.query(bound(FeatureCostFull.query or "", window))
        actual = {row[:6]: row[6:] for row in in_units(full)}
        yield from unlike("feature_cost_full", fully_loaded(by_feature), actual)

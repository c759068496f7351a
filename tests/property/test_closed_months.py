"""Whatever comes after a month was closed: what was published stays, and all sums are still those of the bill."""

from __future__ import annotations

import tempfile
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from building import build, differs_from_a_build_from_nothing
from changing import CHANGES, Changing
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_bills import books
from small_vendor import BASES, SmallVendor

from tenantry.datasets import DATASETS, CorrectionEntries
from tenantry.datasets.corrections import RESTATED
from tenantry.engine.duckdb import bound
from tenantry.kernel import Window

pytestmark = pytest.mark.slow

EXAMPLES = settings.default.max_examples if settings.default else 0
MONTHS = ("2027-12", "2028-01", "2028-02", "2028-03")
SHARES_MOVE = [Changing.use, Changing.rename, Changing.count, Changing.decide]
SUMS = ", ".join(f"sum({basis})" for basis in BASES)
ALL_DAYS = Window(date(2020, 1, 1), date(2030, 1, 1))
changes = st.lists(
    st.tuples(st.sampled_from(CHANGES), st.sampled_from([None, *MONTHS]), st.integers(0, 40)),
    min_size=1,
    max_size=4,
)


class Closing(Changing):
    """One that closes months and opens them again; it remembers what was published of those that are closed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.published: dict[str, Counter[Any]] = {}

    def close(self, through: str) -> None:
        self.vendor.engine.attach(DATASETS)
        for month in MONTHS:
            if month > through:
                self.published.pop(month, None)
            elif (rows := self.rows(month)) and month not in self.published:
                self.published[month] = rows
        self.vendor.close(through)

    def rows(self, month: str) -> Counter[Any]:
        """The rows of a month, without what its bill said later."""
        found = self.vendor.query(
            f"FROM feature_cost WHERE strftime(charge_day, '%Y-%m') = '{month}'"
            f" AND (corrects IS NULL OR corrects <> charge_day)"
        )
        return Counter(tuple(row.values()) for row in found)


@settings(max_examples=max(3, EXAMPLES // 100))
@given(changes, st.sampled_from(MONTHS[1:]))
def test_whatever_comes_the_books_stay_closed_and_add_up_to_the_bill(changes: list[Any], first: str):
    with tempfile.TemporaryDirectory() as folder:
        vendor = Closing(Path(folder))
        build(vendor.vendor)
        vendor.close(first)
        for change, through, seed in changes:
            change(vendor, books([seed, seed + 1]))
            build(vendor.vendor)
            hold(vendor)
            if through:
                vendor.close(through)
                build(vendor.vendor)
                hold(vendor)
        assert differs_from_a_build_from_nothing(vendor.vendor) == []


@settings(max_examples=max(3, EXAMPLES // 100))
@given(st.lists(st.tuples(st.sampled_from(SHARES_MOVE), st.integers(0, 40)), min_size=1, max_size=3))
def test_without_another_bill_a_closed_month_has_no_other_rows_than_were_published(changes: list[Any]):
    with tempfile.TemporaryDirectory() as folder:
        vendor = Closing(Path(folder))
        build(vendor.vendor)
        vendor.close("2028-02")
        for change, seed in changes:
            change(vendor, books([seed, seed + 1]))
        build(vendor.vendor)
        hold(vendor)
        assert not vendor.vendor.query("FROM tenant_cost WHERE corrects = charge_day")
        assert not vendor.vendor.query(f"FROM tenant_cost WHERE reason = '{RESTATED}'")


def hold(closing: Closing) -> None:
    """What always holds."""
    vendor = closing.vendor
    assert vendor.unbalanced() == []
    assert {month: closing.rows(month) for month in closing.published} == closing.published
    assert restated_apart(vendor) == []
    assert [row for row in booked_sums(vendor) if any(tuple(row.values())[-len(BASES) :])] == []
    assert tenants_beside_features(vendor) == []
    assert books_beside_entries(vendor) == []


def restated_apart(vendor: SmallVendor) -> list[Any]:
    """Rows that a closed day got later, but for those that are nobody's."""
    nobody = f"tenant_id = '(unallocated)' AND reason = '{RESTATED}'"
    return vendor.query(f"FROM feature_cost WHERE corrects = charge_day AND NOT ({nobody})")


def booked_sums(vendor: SmallVendor) -> list[Any]:
    key = "charge_day, billing_period, corrects, currency, service_name"
    return vendor.query(f"SELECT {key}, {SUMS} FROM tenant_cost WHERE corrects <> charge_day GROUP BY ALL")


def tenants_beside_features(vendor: SmallVendor) -> list[Any]:
    key = "charge_day, billing_period, tenant_id, service_name, pool, rung, reason, currency, corrects"
    one, two = (f"SELECT {key}, {SUMS} FROM {t} GROUP BY ALL" for t in ("feature_cost", "tenant_cost"))
    return vendor.query(f"({one} EXCEPT {two}) UNION ALL ({two} EXCEPT {one})")


def books_beside_entries(vendor: SmallVendor) -> list[Any]:
    """Where the books are not what data and policy say today, and the entries of corrections."""
    entries = bound(CorrectionEntries.statement({}) or "", ALL_DAYS)
    key = "charge_day, tenant_id, feature_id, service_name, pool, rung, reason, currency"
    today = f"""SELECT {key}, {", ".join(BASES)} FROM allocation WHERE tenant_id <> '(shared)'
        UNION ALL SELECT {key.replace("feature_id", "''")}, {", ".join(BASES)} FROM overhead
        UNION ALL SELECT {key}, {", ".join(BASES)} FROM ({entries})"""
    some = " OR ".join(f"sum({basis}) <> 0" for basis in BASES)
    one, two = (
        f"SELECT {key}, {SUMS} FROM {rows} GROUP BY ALL HAVING {some}"
        for rows in ("feature_cost", f"({today})")
    )
    return vendor.query(f"({one} EXCEPT {two}) UNION ALL ({two} EXCEPT {one})")

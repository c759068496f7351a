"""Distances between ways to share money."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.methods.uncertainty import expected_misplaced, misplaced, shares, spread

weights = st.dictionaries(st.sampled_from("abcdef"), st.decimals(1, 10**9, places=2), min_size=1).map(shares)


def test_shares_are_parts_of_what_is_positive():
    assert shares({"a": Decimal(3), "b": Decimal(1), "c": Decimal(-4), "d": Decimal(0)}) == {
        "a": 0.75,
        "b": 0.25,
    }
    assert shares({"a": Decimal(0)}) == {}


def test_money_at_the_wrong_tenant_counts_once():
    assert misplaced({"a": 1.0}, {"b": 1.0}) == 1
    assert misplaced({"a": 0.5, "b": 0.5}, {"a": 0.75, "b": 0.25}) == 0.25


def test_plausible_drivers_are_equally_likely():
    present, plausible = {"a": 1.0}, [{"a": 1.0}, {"a": 0.5, "b": 0.5}]
    assert expected_misplaced(present, plausible) == 0.25
    assert spread("b", present, plausible) == pytest.approx((0.5**2 / 2) ** 0.5)


@given(weights, weights, weights)
def test_it_is_a_distance(p: dict[str, float], q: dict[str, float], r: dict[str, float]):
    assert misplaced(p, p) == 0
    assert misplaced(p, q) == misplaced(q, p)
    assert 0 <= misplaced(p, q) <= 1 + 1e-9
    assert misplaced(p, r) <= misplaced(p, q) + misplaced(q, r) + 1e-9

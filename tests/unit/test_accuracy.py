"""The error of an allocation where the truth is known."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.methods.accuracy import allocation_error

amounts = st.decimals(min_value=0, max_value=10**9, places=6)


def test_the_mean_counts_each_tenant_month_alike():
    error = allocation_error(
        [
            ("2026-03", "a", Decimal(110), Decimal(100)),
            ("2026-03", "b", Decimal(3), Decimal(4)),
            ("2026-04", "a", Decimal(100), Decimal(100)),
        ]
    )
    assert (error.counted, error.left_out) == (3, 0)
    assert error.mean == pytest.approx((0.1 + 0.25 + 0) / 3)
    assert error.median == pytest.approx(0.1)
    assert error.p95 == pytest.approx(0.1 + 0.9 * 0.15)
    assert error.worst == pytest.approx(0.25)
    assert error.misplaced == pytest.approx(11 / 204 / 2)


def test_small_tenants_do_not_count_but_their_money_does():
    rows = [("m", "small", Decimal("0.50"), Decimal(1)), ("m", "nobody", Decimal("0.50"), Decimal(0))]
    error = allocation_error(rows)
    assert (error.counted, error.left_out, error.mean, error.worst) == (0, 2, None, None)
    assert error.misplaced == pytest.approx(0.5)
    assert allocation_error(rows, floor=Decimal(0)).mean == pytest.approx(0.5)


def test_nobody_is_no_error():
    error = allocation_error([])
    assert (error.counted, error.mean, error.p95, error.misplaced) == (0, None, None, None)


@given(st.lists(amounts, min_size=1))
def test_the_truth_itself_has_no_error(true: list[Decimal]):
    error = allocation_error([("m", i, value, value) for i, value in enumerate(true)])
    assert error.mean in {0.0, None}
    assert error.misplaced in {0.0, None}


@given(st.lists(st.tuples(amounts, amounts), min_size=1))
def test_misplaced_money_is_what_must_move_to_be_right(pairs: list[tuple[Decimal, Decimal]]):
    """Where allocated and true have one total, half the differences are what too many tenants have too much."""
    allocated, true = [a for a, _ in pairs], [t for _, t in pairs]
    allocated.append(max(Decimal(0), sum(true, Decimal(0)) - sum(allocated, Decimal(0))))
    true.append(sum(allocated, Decimal(0)) - sum(true, Decimal(0)))
    error = allocation_error([("m", i, a, t) for i, (a, t) in enumerate(zip(allocated, true, strict=True))])
    whole = sum(map(Fraction, true))
    surplus = sum(max(Fraction(0), Fraction(a) - Fraction(t)) for a, t in zip(allocated, true, strict=True))
    assert error.misplaced == (pytest.approx(float(surplus / whole)) if whole else None)
    assert error.worst is None or error.worst >= (error.p95 or 0) >= (error.median or 0)

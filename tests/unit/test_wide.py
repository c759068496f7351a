"""Integers of 128 bits agree with Python's."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tenantry.engine.wide import Wide

SMALL = st.integers(-(2**63) + 1, 2**63 - 1)
LARGE = st.integers(-(2**126), 2**126)


def wide(numbers: list[int]) -> Wide:
    halves = [divmod(n, 2**64) for n in numbers]
    return Wide(
        np.array([low for _, low in halves], np.uint64), np.array([high for high, _ in halves], np.int64)
    )


def integers(found: Wide) -> list[int]:
    return [found.integer(n) for n in range(len(found.low))]


@given(st.lists(st.tuples(SMALL, st.integers(0, 60) | st.integers(64, 126)), min_size=1))
def test_a_sum_of_terms_is_theirs_as_far_as_128_bits_go(terms: list[tuple[int, int]]):
    terms = [(1, 0), *terms]
    found = integers(Wide.of((np.array([number]), places) for number, places in terms))
    assert (found[0] - sum(number << places for number, places in terms)) % 2**128 == 0


@given(st.lists(LARGE, min_size=1), st.integers(0, 63))
def test_shifted_down_cuts_towards_zero(numbers: list[int], places: int):
    found = wide(numbers).shifted_down(places)
    assert integers(found) == [abs(n) // 2**places * (-1 if n < 0 else 1) for n in numbers]


@given(st.lists(st.integers(-(2**120), 2**120), min_size=1, max_size=50))
def test_a_total_is_the_sum(numbers: list[int]):
    assert wide(numbers).total() == sum(numbers)


@given(st.lists(LARGE, min_size=1), st.integers(1, 62))
def test_digits_make_up_the_number(numbers: list[int], bits: int):
    digits = wide(numbers).digits(bits)
    assert all(abs(int(d)) < 2**bits for column in digits for d in column)
    made = [
        sum(int(column[n]) << bits * place for place, column in enumerate(digits))
        for n in range(len(numbers))
    ]
    assert made == numbers


@given(st.lists(LARGE, min_size=1), SMALL)
def test_one_of_them_grows_in_place(numbers: list[int], amount: int):
    found = wide(numbers)
    found.add(0, amount)
    assert integers(found) == [numbers[0] + amount, *numbers[1:]]

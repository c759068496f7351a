"""No unit of a bill is lost or invented on its way to tenants."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tenantry.methods.policy import split

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

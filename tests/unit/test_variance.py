"""A change of cost as volume, mix and price."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tenantry.kernel.money import EXACT
from tenantry.methods.variance import Spend, Variance, decompose


def spend(units: int, cost: str) -> Spend:
    return Spend(units, Decimal(cost))


def split(volume: str, mix: str, price: str) -> Variance:
    return Variance(Decimal(volume), Decimal(mix), Decimal(price))


def test_more_of_the_same_is_volume():
    assert decompose({"a": spend(40, "40")}, {"a": spend(60, "60")}) == split("20", "0", "0")


def test_the_same_for_more_is_price():
    assert decompose({"a": spend(40, "40")}, {"a": spend(40, "50")}) == split("0", "0", "10")


def test_volume_at_old_and_price_at_new_units():
    assert decompose({"a": spend(40, "40")}, {"a": spend(60, "90")}) == split("20", "0", "30")


def test_a_shift_to_a_dearer_item_is_mix():
    before = {"cheap": spend(50, "50"), "dear": spend(50, "150")}
    after = {"cheap": spend(30, "30"), "dear": spend(70, "210")}
    assert decompose(before, after) == split("0", "40", "0")


def test_volume_mix_and_price_together_as_worked_by_hand():
    # Units 100 -> 120: volume = 200 x 0.2 = 40. At old prices 36 x 1 + 84 x 3 = 288: mix = 288 - 240 = 48.
    # Price = 36 x 0.5 + 84 x 0 = 18.
    before = {"cheap": spend(50, "50"), "dear": spend(50, "150")}
    after = {"cheap": spend(36, "54"), "dear": spend(84, "252")}
    assert decompose(before, after) == split("40", "48", "18")


def test_what_is_bought_for_the_first_time_is_volume_and_what_ends_is_volume():
    assert decompose({}, {"a": spend(5, "7")}) == split("7", "0", "0")
    assert decompose({"a": spend(5, "7")}, {}) == split("-7", "0", "0")


def test_a_first_item_of_an_old_group_has_no_old_price():
    before, after = {"a": spend(10, "10")}, {"a": spend(10, "10"), "b": spend(10, "30")}
    assert decompose(before, after) == split("10", "20", "0")


def test_cost_without_units_is_price():
    assert decompose({"a": spend(10, "10")}, {"a": spend(0, "4")}) == split("-10", "0", "4")


amounts = st.decimals(min_value=Decimal("-1e12"), max_value=Decimal("1e12"), places=18)
sides = st.dictionaries(st.sampled_from("abcd"), st.builds(Spend, st.integers(0, 10**24), amounts))


@given(sides, sides)
def test_the_parts_add_up_to_the_change_to_the_last_digit(before: dict[str, Spend], after: dict[str, Spend]):
    change = Decimal(0)
    for side, sign in ((after, 1), (before, -1)):
        for item in side.values():
            change = EXACT.add(change, EXACT.multiply(sign, item.cost))
    parts = Decimal(0)
    for part in decompose(before, after):
        parts = EXACT.add(parts, part)
    assert parts == change


@given(sides, st.integers(1, 9))
def test_growth_of_all_alike_has_neither_mix_nor_price(before: dict[str, Spend], growth: int):
    after = {
        name: Spend(s.units * growth, EXACT.multiply(s.cost, growth)) for name, s in before.items() if s.units
    }
    found = decompose({name: before[name] for name in after}, after)
    assert (found.mix, found.price) == (0, 0)

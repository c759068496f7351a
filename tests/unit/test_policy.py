"""The policy as its author meets it: what is read, what is refused and in which words, and what the guide shows."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tenantry.errors import Kind, TenantryError
from tenantry.methods.policy import Policy, Rung, Strategy
from tenantry.methods.sharing import closure, split, whole_weights

GUIDE = (Path(__file__).parents[2] / "docs" / "how-to" / "write-a-policy.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)


def read(*rules: dict[str, Any]) -> Policy:
    return Policy.read({"rules": rules})


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: re.findall(r'pool = "(.*?)"', text)[0])
def test_an_example_of_the_guide_is_a_policy(example: str):
    assert Policy.read(tomllib.loads(example)["allocation"]).rules


def test_the_guide_shows_every_choice():
    rules = [rule for text in EXAMPLES for rule in Policy.read(tomllib.loads(text)["allocation"]).rules]
    assert {rule.strategy for rule in rules} == set(Strategy)
    assert {rung for rule in rules for rung in rule.fallback} == set(Rung)
    assert {rule.combine for rule in rules} == {"sum", "max", "shares"}
    assert {rule.grain for rule in rules} == {"hour", "day"}
    shown = set(re.findall(r'"(\w+)"', GUIDE))
    assert {
        "show",
        "central",
        "proportional",
        "account",
        "account_name",
        "resource",
        "service",
        "all",
    } <= shown


FIXED = {"pool": "p", "strategy": "fixed"}


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([{"strategy": "silo"}], "a silo rule needs by"),
        ([{"strategy": "silo", "by": "name"}], "a silo is by account, account_name, resource or tag:KEY"),
        ([{"strategy": "silo", "by": "tag:"}], "a silo is by"),
        ([FIXED], "a fixed rule needs shares"),
        ([FIXED | {"shares": {"a": 0.5, "b": 0.4}}], "sum to 1, not to 0.9"),
        ([FIXED | {"shares": {"a": 1.5, "b": -0.5}}], "shares are parts of 1"),
        ([{"pool": "p", "strategy": "cascade"}], "a cascade rule needs shares or targets"),
        (
            [{"pool": "p", "strategy": "even", "meters": [{"meter": "m"}]}],
            "meters means nothing where strategy = even",
        ),
        ([{"pool": "p", "by": "account"}], "by means nothing where strategy = driver"),
        ([{"pool": "p", "capacity": {"units_per_hour": 1}}], "capacity needs meters"),
        ([{"pool": "p", "meters": [{"meter": "m"}], "capacity": {}}], "units_per_hour or meter, one of them"),
        ([{"pool": "p", "meters": [{"meter": "m", "weight": 0}]}], "greater than 0"),
        ([{"pool": "p", "meters": [{"meter": "m", "weigth": 2}]}], "rules.0.meters.0.weigth"),
        ([{"strategy": "even"}], "rule 1 says how its charges are shared: it needs a pool with a name"),
        ([{"meters": [{"meter": "m"}]}], "it needs a pool with a name"),
        ([{"pool": "p"}, {"pool": "p", "strategy": "even"}], "rule 2 shares pool 'p' in another way"),
        ([{"pool": "@users"}], "names with @ are taken"),
        ([{"pool": "p", "strategy": "cascade", "shares": {"p": 1}}], "in a circle: p -> p"),
        (
            [
                {"pool": "p", "strategy": "cascade", "shares": {"q": 1}},
                {"pool": "q", "strategy": "cascade", "targets": ["r", "p"]},
            ],
            "in a circle: p -> q -> p",
        ),
        (
            [
                {"pool": "p", "strategy": "cascade", "shares": {"q": 1}, "reciprocal": True},
                {"pool": "q", "strategy": "cascade", "shares": {"p": 1}, "reciprocal": True},
            ],
            "nothing leaves the circle: p, q",
        ),
    ],
)
def test_a_policy_that_cannot_mean_what_it_says_is_refused(rules: list[dict[str, Any]], message: str):
    with pytest.raises(TenantryError) as caught:
        read(*rules)
    assert caught.value.kind is Kind.INVALID
    assert message in caught.value.message
    assert caught.value.hint


def test_fixed_shares_may_end_in_a_pool_that_goes_on_by_cost():
    policy = read(
        {"pool": "p", "strategy": "cascade", "shares": {"q": 1}},
        {"pool": "q", "strategy": "cascade", "targets": ["r"]},
    )
    assert set(policy.cascades()) == {"p", "q"}


def test_all_problems_are_told_at_once():
    with pytest.raises(TenantryError) as caught:
        read({"strategy": "silo"}, FIXED, {"pool": "p", "grain": "week"})
    assert all(f"rules.{place}" in caught.value.message for place in range(3))


def test_rules_may_fill_one_pool_if_they_share_it_alike():
    meters = [{"meter": "m"}]
    policy = read(
        {"pool": "p", "match": {"service": ["a"]}, "meters": meters},
        {"pool": "p", "match": {"service": ["b"]}, "meters": meters},
        {"pool": "p", "strategy": "silo", "by": "account"},
        {"match": {"service": ["c"]}, "grain": "day"},
    )
    assert list(policy.pools()) == ["p"]


def test_the_version_is_that_of_the_meaning():
    one = read({"pool": "p", "strategy": "fixed", "shares": {"a": 0.5, "b": 0.5}})
    same = read({"strategy": "fixed", "match": {}, "shares": {"b": "0.5", "a": "0.5"}, "pool": "p"})
    other = read({"pool": "p", "strategy": "fixed", "shares": {"a": 0.25, "b": 0.75}})
    assert re.fullmatch("[0-9a-f]{12}", one.version)
    assert one.version == same.version != other.version


def test_shares_are_the_decimals_that_were_written():
    table = tomllib.loads("shares = { a = 0.1, b = 0.2, c = 0.7 }")
    rule = read({"pool": "p", "strategy": "fixed", **table}).rules[0]
    assert rule.shares == {"a": Decimal("0.1"), "b": Decimal("0.2"), "c": Decimal("0.7")}


def test_the_reciprocal_method_of_the_textbook():
    steps = {
        "S1": {"S2": Fraction(4, 10), "X": Fraction(3, 10), "Y": Fraction(3, 10)},
        "S2": {"S1": Fraction(2, 10), "X": Fraction(1, 10), "Y": Fraction(7, 10)},
    }
    assert closure(steps) == {
        "S1": {"X": Fraction(34, 92), "Y": Fraction(58, 92)},
        "S2": {"X": Fraction(16, 92), "Y": Fraction(76, 92)},
    }


def test_what_a_split_leaves_goes_to_the_largest_then_the_first_by_name():
    assert split(100, [("b", 1), ("a", 1), ("c", 1), ("none", 0)]) == {"a": 34, "b": 33, "c": 33}
    assert split(-100, [("a", 1), ("b", 2)]) == {"a": -33, "b": -67}
    assert split(5, [("a", 0)]) == {}


def test_weights_are_whole_and_in_ratio():
    prices = {"write": Fraction("0.00065"), "read": Fraction("0.00013"), "free": Fraction(0)}
    assert whole_weights(prices) == {"write": 5, "read": 1}
    assert whole_weights({"a": Fraction(10**9), "b": Fraction(1, 10**9)}, 10**12) == {"a": 10**12 - 1, "b": 1}

"""A policy written as text is that policy, version and all."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.methods.policy import Match, Meter, Policy, Rule, Strategy
from tenantry.methods.policy_text import policy_text
from tenantry.sources.demo.rules import settings_text

GUIDE = (Path(__file__).parents[2] / "docs" / "how-to" / "write-a-policy.md").read_text(encoding="utf-8")
EXAMPLES = [*re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL), settings_text("Acme")]


def read(text: str) -> Policy:
    return Policy.read(tomllib.loads(text)["allocation"])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: re.findall(r'pool = "(.*?)"', text)[0])
def test_what_people_write_comes_back(example: str):
    policy = read(example)
    assert read(policy_text(policy)) == policy
    assert read(policy_text(policy)).version == policy.version


WEIGHTS = st.decimals(min_value="0.000000000000000001", max_value=10**12, allow_nan=False, places=18)
METERS = st.builds(
    Meter, meter=st.text(), weight=st.one_of(WEIGHTS, st.integers(1, 9)), service=st.none() | st.text()
)
RULES = st.builds(
    Rule,
    pool=st.text().map("p".__add__),
    match=st.builds(
        Match,
        service=st.lists(st.text(), max_size=3).map(tuple),
        tags=st.dictionaries(st.text(), st.just(("a", "b")), max_size=2),
    ),
    strategy=st.just(Strategy.DRIVER),
    meters=st.lists(METERS, max_size=3).map(tuple),
)


@given(
    st.builds(
        Policy,
        rules=st.lists(RULES, max_size=3, unique_by=lambda rule: rule.pool).map(tuple),
        coarse=st.lists(METERS, max_size=2).map(tuple),
    )
)
def test_whatever_names_and_numbers_it_holds(policy: Policy):
    assert read(policy_text(policy)).version == policy.version

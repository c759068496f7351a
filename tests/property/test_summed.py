"""Days that our own code adds up by key are what the statement of feature cost says."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from both_ways import by_our_code, by_statement
from building import contents
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from small_vendor import BASES, SmallVendor, charge, tenant, usage

from tenantry.datasets import Allocation, FeatureCost
from tenantry.engine.summed import by_key
from tenantry.methods.policy import Match, Meter, Policy, Rule, Strategy

pytestmark = pytest.mark.slow
EXAMPLES = settings.default.max_examples if settings.default else 0
TENANTS = [tenant("acme"), tenant("Ünal"), tenant("beta")]
POLICY = Policy(
    rules=(
        Rule(pool="Silo", strategy=Strategy.SILO, by="account"),
        Rule(pool="Tax", match=Match(service=("Tax",)), strategy=Strategy.PROPORTIONAL),
        Rule(pool="Compute", match=Match(service=("Compute",)), meters=(Meter(meter="ms"),)),
    )
)
USAGES = [
    usage(name, size, f"2026-03-0{day}T05", feature_id=feature, meter="ms")
    for day in (1, 2)
    for size, (name, feature) in enumerate(
        [("beta", None), ("Ünal", "read"), ("acme", "write"), ("acme", "read")], start=1
    )
]
AMOUNTS = st.integers(-9, 9) | st.integers(-(2**100), 2**100)
CHARGES = st.lists(
    st.builds(
        lambda amounts, start, account, currency, service: charge(
            0,
            start,
            service_name=service,
            sub_account_id=account,
            billing_currency=currency,
            **{basis: Decimal(a).scaleb(-18) for basis, a in zip(BASES, amounts, strict=True)},
        ),
        st.tuples(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS),
        st.sampled_from(["2026-03-01", "2026-03-01T05", "2026-03-02", "2026-03-02T05"]),
        st.sampled_from([None, "one", "two", "three"]),
        st.sampled_from(["USD", "EUR"]),
        st.sampled_from(["Compute"] * 9 + ["Tax"]),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=max(2, EXAMPLES // 10), phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(CHARGES, st.sampled_from([1, 2]))
def test_our_own_code_and_the_statement_make_the_same_rows(charges: list[dict[str, Any]], threads: int):
    with tempfile.TemporaryDirectory() as folder:
        vendor = SmallVendor(Path(folder), POLICY).land(charges, TENANTS, USAGES)
        by_our_code(vendor, FeatureCost, by_key, threads)
        ours = contents(vendor, FeatureCost)
        assert ours == by_statement(vendor, FeatureCost)


SEVERAL: Mapping[str, Any] = {
    "tenants": TENANTS,
    "usages": USAGES,
    "charges": [
        charge("7.000000000000000001", sub_account_id="one"),
        charge("-80000000000.000000000000000003", sub_account_id="two"),
        charge(3, "2026-03-01T05", sub_account_id="two"),
    ],
}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_day_of_several_accounts_is_added_up_by_our_own_code(tmp_path: Path, threads: int):
    vendor = SmallVendor(tmp_path, POLICY).land(**SEVERAL)
    assert by_our_code(vendor, FeatureCost, by_key, threads) == 1
    assert len(contents(vendor, Allocation)) > len(ours := contents(vendor, FeatureCost))
    assert ours == by_statement(vendor, FeatureCost)


@pytest.mark.parametrize(
    "beside",
    [
        {"charges": [*SEVERAL["charges"], charge(1, service_name="Tax")]},
        {
            "usages": [usage("acme", 1, meter="ms")],
            "charges": [
                charge("99999999999999999999", sub_account_id="one"),
                charge(-1, sub_account_id="two"),
            ],
        },
    ],
    ids=["overhead", "sums-near-the-end-of-decimals"],
)
def test_what_our_own_code_cannot_add_up_the_statement_does(tmp_path: Path, beside: Mapping[str, Any]):
    vendor = SmallVendor(tmp_path, POLICY).land(**{**SEVERAL, **beside})
    assert not by_our_code(vendor, FeatureCost, by_key)
    assert contents(vendor, FeatureCost) == by_statement(vendor, FeatureCost)


def test_a_closed_month_is_what_it_was_when_it_was_closed(tmp_path: Path):
    vendor = SmallVendor(tmp_path, POLICY).land(**SEVERAL)
    vendor.build()
    vendor.close("2026-03")
    vendor.land(**{**SEVERAL, "charges": [*SEVERAL["charges"], charge(4, sub_account_id="two")]})
    assert not by_our_code(vendor, FeatureCost, by_key)
    assert contents(vendor, FeatureCost) == by_statement(vendor, FeatureCost)

"""Days that our own code shares are what the allocation's statement says."""

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

from tenantry.datasets import Allocation
from tenantry.engine.rated import by_rates
from tenantry.methods.policy import Capacity, Match, Meter, Policy, Rule, Rung, Strategy

pytestmark = pytest.mark.slow
EXAMPLES = settings.default.max_examples if settings.default else 0
DAYS = ("2026-03-01", "2026-03-02", "2026-03-04")
TENANTS = [tenant("acme", accounts=["its own"]), tenant("beta"), tenant("Ünal"), tenant("gamma")]


def _of(service: str) -> Match:
    return Match(service=(service,))


POLICY = Policy(
    rules=(
        Rule(pool="Silo", strategy=Strategy.SILO, by="account"),
        Rule(
            pool="Compute",
            match=_of("Compute"),
            meters=(Meter(meter="ms"), Meter(meter="calls", weight=Decimal("2.5"))),
            fallback=(Rung.COARSE,),
        ),
        Rule(
            pool="Storage",
            match=_of("Storage"),
            meters=(Meter(meter="ms", service="Storage", region="eu"), Meter(meter="ms", weight=Decimal(3))),
            grain="day",
            fallback=(),
        ),
        Rule(
            pool="Both",
            match=_of("Both"),
            meters=(Meter(meter="ms"), Meter(meter="calls", service="Storage")),
            combine="shares",
            fallback=(),
        ),
        Rule(pool="Ours", match=_of("Ours"), strategy=Strategy.CENTRAL),
        Rule(pool="Tax", match=_of("Tax"), strategy=Strategy.PROPORTIONAL),
    ),
    coarse=(Meter(meter="calls"),),
)
HOURS = st.builds(lambda day, hour: f"{day}T{hour:02}", st.sampled_from(DAYS), st.integers(0, 23))
USAGES = st.lists(
    st.builds(
        lambda name, size, time, feature, service, region, meter: usage(
            name,
            Decimal(size).scaleb(-9),
            time,
            feature_id=feature,
            service_name=service,
            region=region,
            meter=meter,
        ),
        st.sampled_from(["acme", "beta", "Ünal", "nobody", "(unattributed)"]),
        st.integers(-9, 9) | st.integers(1, 2**54),
        HOURS,
        st.sampled_from([None, "read", "write"]),
        st.sampled_from([None, "Compute", "Storage"]),
        st.sampled_from([None, "eu"]),
        st.sampled_from(["ms", "calls"]),
    ),
    min_size=20,
    max_size=80,
)
AMOUNTS = st.integers(-9, 9) | st.integers(-(2**100), 2**100)
CHARGES = st.lists(
    st.builds(
        lambda amounts, start, service, account, currency: charge(
            0,
            start,
            service_name=service,
            sub_account_id=account,
            billing_currency=currency,
            **{basis: Decimal(a).scaleb(-18) for basis, a in zip(BASES, amounts, strict=True)},
        ),
        st.tuples(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS),
        HOURS | st.sampled_from(DAYS),
        st.sampled_from(["Compute", "Storage", "Both", "Ours", "Tax", "Compute"]),
        st.sampled_from([None, "one", "two", "its own"]),
        st.sampled_from(["USD", "EUR"]),
    ),
    min_size=5,
    max_size=40,
)


@settings(max_examples=max(2, EXAMPLES // 10), phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(USAGES, CHARGES, st.sampled_from([1, 2, 3]))
def test_our_own_code_and_the_statement_make_the_same_rows(
    usages: list[dict[str, Any]], charges: list[dict[str, Any]], threads: int
):
    with tempfile.TemporaryDirectory() as folder:
        vendor = SmallVendor(Path(folder), POLICY).land(charges, TENANTS, usages)
        by_our_code(vendor, Allocation, by_rates, threads, _FEWEST=1)
        ours = contents(vendor, Allocation)
        assert ours == by_statement(vendor, Allocation)


ORDINARY: Mapping[str, Any] = {
    "charges": [charge("7.000000000000000001"), charge(3, "2026-03-01T00"), charge(1, service_name="Tax")],
    "usages": [usage("acme", 2**20), usage("beta", 1), usage("beta", 1, feature_id="read")],
}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_day_of_usage_is_shared_by_our_own_code(tmp_path: Path, threads: int):
    vendor = SmallVendor(tmp_path, POLICY).land(tenants=TENANTS, **ORDINARY)
    assert by_our_code(vendor, Allocation, by_rates, threads, _FEWEST=1) == 1
    assert contents(vendor, Allocation) == by_statement(vendor, Allocation)


EVEN = Rule(pool="Even", match=_of("Even"), strategy=Strategy.EVEN)
IDLE = Rule(pool="Idle", meters=(Meter(meter="ms"),), capacity=Capacity(units_per_hour=Decimal(9)))


@pytest.mark.parametrize(
    ("rules", "beside"),
    [
        ((), {"usages": [usage("acme", 2**31)]}),
        ((EVEN,), {"charges": [*ORDINARY["charges"], charge(1, service_name="Even")]}),
        ((IDLE,), {}),
        ((), {"tenants": [*TENANTS, tenant("(idle)")], "usages": [usage("(idle)", 1)]}),
    ],
    ids=["more-than-18-digits", "even", "capacity", "a-tenant-called-idle"],
)
def test_what_our_own_code_cannot_share_the_statement_does(
    tmp_path: Path, rules: tuple[Rule, ...], beside: Mapping[str, Any]
):
    policy = Policy(rules=(*rules, *POLICY.rules), coarse=POLICY.coarse)
    vendor = SmallVendor(tmp_path, policy).land(**{"tenants": TENANTS, **ORDINARY, **beside})
    assert not by_our_code(vendor, Allocation, by_rates, _FEWEST=1)
    assert contents(vendor, Allocation) == by_statement(vendor, Allocation)

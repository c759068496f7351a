"""Events added up by our own code are what the cube's statement says."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from both_ways import by_our_code, by_statement
from building import contents
from hypothesis import given, settings
from hypothesis import strategies as st
from small_vendor import SmallVendor, reading, tenant, usage

from tenantry.datasets import Usage, UsageHourly
from tenantry.engine.hourly import by_hour

EXAMPLES = settings.default.max_examples if settings.default else 0
FIRST = datetime(2026, 3, 1)  # noqa: DTZ001 times in the lake have no zone
NAMES = ["acme", "Acme ", "old-acme", "beta", "gone", "nobody", "(unattributed)"]
TENANTS = [
    tenant("acme", aliases=["old-acme"]),
    tenant("beta", aliases=["gone"]),
    tenant("gamma", aliases=["gone"]),
]
EVENTS = st.lists(
    st.builds(
        lambda name, minutes, count, feature, service, region, meter: (
            usage(
                name,
                Decimal(count).scaleb(-9),
                feature_id=feature,
                service_name=service,
                region=region,
                meter=meter,
            )
            | {"time": FIRST + timedelta(minutes=minutes)}
        ),
        st.sampled_from(NAMES),
        st.integers(0, 24 * 60 - 1),
        st.integers(-(2**50), 2**50) | st.integers(-9, 9),
        st.sampled_from([None, "read", "write", "a feature with a name longer than most"]),
        st.sampled_from([None, "Compute", "Storage"]),
        st.sampled_from([None, "eu"]),
        st.sampled_from(["ms", "calls"]),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=max(2, EXAMPLES // 10))
@given(
    st.lists(EVENTS, min_size=1, max_size=3),
    st.sampled_from([1, 2, 3]),
    st.sampled_from([1, 2**10]),
    st.sampled_from([1, 2**26]),
)
def test_our_own_code_and_the_statement_make_the_same_rows(
    files: list[list[dict[str, Any]]], threads: int, few: int, tabled: int
):
    with tempfile.TemporaryDirectory() as folder:
        vendor = SmallVendor(Path(folder)).land(tenants=TENANTS)
        for events in files:
            _landed_beside(vendor, events)
        # A batch for each file.
        assert by_our_code(
            vendor, UsageHourly, by_hour, threads, _BATCH=1, _FEW=few, _MANY=few, _TABLED=tabled
        )
        ours = contents(vendor, UsageHourly)
        assert len(vendor.lake.files(UsageHourly)) == min(threads, max(1, len(ours) // 3))
        assert ours == by_statement(vendor, UsageHourly)


def _landed_beside(vendor: SmallVendor, events: list[dict[str, Any]]) -> None:
    """A file more of the one day."""
    held = vendor.lake.files(Usage)
    vendor.land(usages=events)
    vendor.lake.commit(Usage, held, replaces=())


@pytest.mark.parametrize(
    "beside",
    [
        {"usages": [usage("beta", 2**60), usage("beta", 2**60)]},
        {"usages": [usage("acme", 2**33)] * 2},
        {"counters": [reading("acme", 5, "2026-03-01T03"), reading("acme", 9, "2026-03-01T04")]},
    ],
    ids=["more-than-64-bits", "sums-of-more-than-64-bits", "counters"],
)
def test_what_our_own_code_cannot_add_up_the_statement_does(tmp_path: Path, beside: dict[str, Any]):
    vendor = SmallVendor(tmp_path).land(tenants=TENANTS, **{"usages": [usage("acme", 1)], **beside})
    assert not by_our_code(vendor, UsageHourly, by_hour, _BATCH=1)
    assert contents(vendor, UsageHourly) == by_statement(vendor, UsageHourly)

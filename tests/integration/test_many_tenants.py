"""A pool of 100,000 tenants: nobody is cut off, and every share is exact."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from time import perf_counter

from allocation_by_hand import money
from small_vendor import BASES, SmallVendor, charge, tenant, usage

from tenantry.methods.policy import Policy

MANY = 100_000
COSTS = dict(zip(BASES, map(Decimal, ("-1234567.89", "1000000", "1E+12", "1E-9")), strict=True))


def weight(place: int) -> int:
    """A few large tenants, and a long tail down to a millionth of them."""
    return 1 + 10**9 // (place + 1)


def test_a_hundred_thousand_tenants_in_one_pool_and_its_overhead(tmp_path):
    policy = Policy.read(
        {
            "rules": [
                {"pool": "Used", "match": {"service": ["Compute"]}, "meters": [{"meter": "ms"}]},
                {"pool": "Even", "match": {"service": ["Rent"]}, "strategy": "even"},
                {"pool": "Support", "strategy": "proportional"},
            ]
        }
    )
    names = [f"t{place:06}" for place in range(MANY)]
    vendor = SmallVendor(tmp_path, policy).land(
        charges=[
            charge("0", "2026-03-01T00") | COSTS,
            charge("100", service_name="Rent"),
            charge("77.77", "2026-03", service_name="Support"),
        ],
        tenants=[tenant(name) for name in names],
        usages=[usage(name, weight(place)) for place, name in enumerate(names)],
    )
    began = perf_counter()
    vendor.build()
    print(f"{MANY:,} tenants in three pools: {perf_counter() - began:.1f} s")
    assert vendor.unbalanced() == []
    total = sum(map(weight, range(MANY)))
    for row in vendor.query(f"SELECT tenant_id, {', '.join(BASES)} FROM tenant_cost WHERE pool = 'Used'"):
        exact = Fraction(weight(int(row.tenant_id[1:])), total)
        for share, cost in zip(money(row), (int(cost.scaleb(18)) for cost in COSTS.values()), strict=True):
            leftover = MANY if row.tenant_id == "t000000" else 1
            assert abs(share - exact * cost) <= leftover * (2 + Fraction(12, 10**18) * abs(cost))
    counts = vendor.query(
        "SELECT pool, count(DISTINCT tenant_id) AS n FROM tenant_cost GROUP BY pool ORDER BY pool"
    )
    assert [row.n for row in counts] == [MANY] * 3

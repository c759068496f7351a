"""Cost profile on the vendor of three months; the figures are worked in tests/three_months.py."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from small_vendor import SmallVendor, charge, tenant, usage
from three_months import CATALOG, NOW

from tenantry.errors import Kind, TenantryError
from tenantry.kernel import Principal
from tenantry.methods.policy import Policy
from tenantry.runtime.call import Runtime


def ask(runtime: Runtime, tool: str, **arguments: Any) -> list[Any]:
    return runtime.call("cost_profile", tool, arguments).data


def test_services_come_dearest_first_with_credits_apart_per_currency(runtime: Runtime):
    lines = ask(runtime, "services", window="2026-03")
    assert [(x.currency, x.service_name, x.gross, x.credits, x.net, x.charges) for x in lines] == [
        ("EUR", "Hosting", 50, 0, 50, 1),
        ("USD", "Compute", 180, -20, 160, 2),
        ("USD", "Database", 40, 0, 40, 1),
        ("USD", "Storage", 30, 0, 30, 1),
        ("USD", "Support", Decimal("26.2"), 0, Decimal("26.2"), 1),
        ("USD", "Queue", 12, 0, 12, 1),
    ]


def test_shares_are_of_gross_and_add_up(runtime: Runtime):
    lines = [x for x in ask(runtime, "services", window="2026-03") if x.currency == "USD"]
    assert lines[0].share == pytest.approx(180 / 288.2)
    assert lines[1].cumulative_share == pytest.approx(220 / 288.2)
    assert lines[-1].cumulative_share == 1


def test_top_and_basis(runtime: Runtime):
    lines = ask(runtime, "services", window="2026-03", top=1, basis="list")
    assert [(x.service_name, x.gross) for x in lines] == [("Hosting", 100), ("Compute", 360)]


def test_without_a_window_it_is_the_newest_whole_month(runtime: Runtime):
    assert ask(runtime, "services") == ask(runtime, "services", window="2026-03")
    assert ask(runtime, "services", window="2030-01") == []


def test_a_trend_has_every_month_and_the_change_from_the_one_before(runtime: Runtime):
    lines = [x for x in ask(runtime, "trend", by="service") if x.name in ("Compute", "Storage")]
    assert [(x.name, x.month, x.cost, x.change) for x in lines] == [
        ("Compute", date(2026, 1, 1), 90, None),
        ("Compute", date(2026, 2, 1), 100, 10),
        ("Compute", date(2026, 3, 1), 160, 60),
        ("Storage", date(2026, 1, 1), 0, None),
        ("Storage", date(2026, 2, 1), 0, 0),
        ("Storage", date(2026, 3, 1), 30, 30),
    ]


def test_a_trend_says_which_months_are_not_whole(runtime: Runtime):
    def whole(window: str | None = None) -> list[bool]:
        return [x.whole for x in ask(runtime, "trend", window=window) if x.name == "Compute"]

    assert whole("2026-01-10..2026-03-31") == [False, True, False]
    assert whole("2026-02-01..2026-05-01") == [True, True, False], "the bill ends with March"
    assert whole() == [False, True, True], "the bill begins on the tenth of January"


def test_a_trend_by_category_or_provider(runtime: Runtime):
    march = [x for x in ask(runtime, "trend", by="category") if x.month == date(2026, 3, 1)]
    assert {(x.currency, x.name): x.cost for x in march} == {
        ("EUR", "Usage"): 50, ("USD", "Usage"): Decimal("288.2"), ("USD", "Credit"): -20,
    }  # fmt: skip
    assert {x.name for x in ask(runtime, "trend", by="provider")} == {"AWS", "OVH"}


def test_a_meter_pays_where_usage_is_missing_and_not_where_policy_decides(runtime: Runtime):
    [queue] = ask(runtime, "start_metering", window="2026-03")
    assert (queue.service_name, queue.cost, queue.without_meter) == ("Queue", 12, 12)
    assert queue.share == queue.cumulative_share == pytest.approx(12 / 268.2)
    assert queue.reason == "active users"


def test_with_a_bill_and_tenants_alone_everything_wants_a_meter(tmp_path: Path):
    vendor = SmallVendor(tmp_path, Policy())
    vendor.land(
        charges=[charge("7"), charge("3", service_name="Storage")], tenants=[tenant("a"), tenant("b")]
    )
    runtime = Runtime(vendor.build().engine, CATALOG, lambda: NOW, lambda _: {"policy": Policy()})
    lines = ask(runtime, "start_metering")
    assert [(x.service_name, x.without_meter, x.cumulative_share) for x in lines] == [
        ("Compute", 7, 0.7), ("Storage", 3, 1.0),
    ]  # fmt: skip


def test_what_to_meter_next_is_what_plausible_drivers_disagree_on(runtime: Runtime):
    # Of 12, shared 1 : 2 : 3 by users. Wrong would be .43 of it were it even, .42 by direct cost, 0 by users, .5 by
    # milliseconds and .33 by gigabytes.
    [queue] = ask(runtime, "meter_next", window="2026-03")
    assert (queue.pool, queue.service_name, queue.cost, queue.drivers) == ("Queue", "Queue", 12, 5)
    assert queue.part == pytest.approx((13 / 30 + 0.42 + 0 + 0.5 + 1 / 3) / 5)
    assert queue.uncertainty == pytest.approx(Decimal("4.048"), abs=Decimal("0.00001"))
    assert (queue.at_most, queue.reason, queue.meter) == (6, "active users", "seconds of work")


def test_how_far_off_each_tenant_may_be(runtime: Runtime):
    lines = {x.tenant_id: x for x in ask(runtime, "uncertainty", window="2026-03")}
    lumen = lines["lumen-retail"]
    assert (lumen.cost, lumen.lowest, lumen.highest) == (
        6,
        0,
        pytest.approx(Decimal(8), abs=Decimal("0.0001")),
    )
    off = [0.5 - share for share in (0.2, 20 / 250, 0.5, 0, 2 / 3)]
    assert float(lumen.uncertainty) == pytest.approx(12 * (sum(x * x for x in off) / 5) ** 0.5, abs=1e-4)
    assert next(iter(lines)) == "lumen-retail"
    assert ask(runtime, "uncertainty", window="2026-03", pool="Queue") == [*lines.values()]
    assert ask(runtime, "uncertainty", window="2026-03", pool="Compute") == []


def test_what_policy_lets_follow_wants_no_meter_though_there_is_nothing_to_follow(tmp_path: Path):
    rules = [{"pool": "Tax", "match": {"category": ["Tax"]}, "strategy": "proportional"}]
    policy = Policy.read({"rules": rules})
    vendor = SmallVendor(tmp_path, policy).land(
        charges=[charge("10"), charge("3", service_name="Tax", charge_category="Tax")],
        tenants=[tenant("a"), tenant("b")],
    )
    runtime = Runtime(vendor.build().engine, CATALOG, lambda: NOW, lambda _: {"policy": policy})
    for tool in ("start_metering", "meter_next"):
        assert [(x.service_name, x.cost) for x in ask(runtime, tool)] == [("Compute", 10)]


def test_use_of_nobody_is_no_plausible_driver(tmp_path: Path):
    """Of 12, shared 1 : 3 by users: half of the whole is wrong if `a` has all, as the meter says."""
    vendor = SmallVendor(tmp_path, Policy()).land(
        charges=[charge("12")],
        tenants=[tenant("a"), tenant("b")],
        users=[{"day": date(2026, 3, 1), "tenant_id": n, "users": Decimal(u)} for n, u in (("a", 1), ("b", 3))],
        usages=[
            usage("(unattributed)", 9, service_name="Elsewhere", meter="spans"),
            usage("(unattributed)", 9, service_name="Elsewhere"),
            usage("a", 1, service_name="Elsewhere"),
        ],
    )  # fmt: skip
    runtime = Runtime(vendor.build().engine, CATALOG, lambda: NOW, lambda _: {"policy": Policy()})
    [compute] = ask(runtime, "meter_next")
    assert (compute.drivers, compute.at_most) == (3, 9)
    assert compute.part == pytest.approx((0.25 + 0 + 0.75) / 3)


def test_what_a_bill_counts_says_what_to_meter(tmp_path: Path):
    units = {
        "Models": ("1K tokens", "AI", "tokens"),
        "Files": ("GB-Mo", "Storage", "GB stored, by the hour"),
        "Functions": ("Lambda-GB-Second", "Compute", "seconds x memory"),
        "Queues": ("Requests", "Integration", "requests"),
        "Network": ("GB", "Networking", "bytes"),
        "Database": ("Hrs", "Databases", "query seconds"),
        "Machines": ("Hrs", "Compute", "seconds of work"),
    }
    vendor = SmallVendor(tmp_path, Policy()).land(
        charges=[
            charge("1", service_name=name, pricing_unit=unit, service_category=category)
            for name, (unit, category, _) in units.items()
        ],
        tenants=[tenant("a"), tenant("b")],
    )
    runtime = Runtime(vendor.build().engine, CATALOG, lambda: NOW, lambda _: {"policy": Policy()})
    lines = ask(runtime, "meter_next")
    assert {x.service_name: x.meter for x in lines} == {name: meter for name, (*_, meter) in units.items()}
    # Even shares are all there is to go by: nothing disagrees with them.
    assert {(x.drivers, x.uncertainty, x.part) for x in lines} == {(1, None, None)}
    assert ask(runtime, "uncertainty") == []


def test_a_large_pool_without_doubt_hides_no_small_one_with_it(tmp_path: Path):
    """Of the large ones direct cost and users agree; one small pool is nobody's."""
    policy = Policy.read(
        {
            "rules": [
                {"pool": "Own", "strategy": "silo", "by": "account"},
                {"pool": "Lost", "match": {"service": ["Lost"]}, "fallback": []},
            ]
        }
    )
    vendor = SmallVendor(tmp_path, policy).land(
        charges=[
            charge("6", sub_account_id="1"),
            charge("6", sub_account_id="2"),
            *(charge("100", service_name=f"Large {n}") for n in range(3)),
            charge("10", service_name="Lost"),
        ],
        tenants=[tenant("a", accounts=["1"]), tenant("b", accounts=["2"])],
        users=[{"day": date(2026, 3, 1), "tenant_id": name, "users": Decimal(4)} for name in "ab"],
    )
    runtime = Runtime(vendor.build().engine, CATALOG, lambda: NOW, lambda _: {"policy": policy})
    found = [(x.pool, x.uncertainty) for x in ask(runtime, "meter_next", top=2)]
    assert found == [("Lost", 10), ("Large 0", 0)]


def test_what_compares_all_tenants_is_not_for_one_of_them(runtime: Runtime):
    for tool in ("meter_next", "uncertainty"):
        with pytest.raises(TenantryError) as raised:
            runtime.call("cost_profile", tool, {"window": "2026-03"}, Principal("t", "teal-partners"))
        assert raised.value.kind is Kind.FORBIDDEN

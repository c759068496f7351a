"""What each kind of rule does with money, seen from the finished tables."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from small_vendor import SmallVendor, charge, tenant, usage

from tenantry.datasets.default_policy import default_policy
from tenantry.datasets.names import UNATTRIBUTED
from tenantry.methods.policy import Policy

ABC = [tenant("a"), tenant("b"), tenant("c")]
SILO = {"pool": "Silo", "strategy": "silo", "by": "tag:tenant"}


def built(folder: Path, *rules: dict[str, Any], coarse: tuple[Any, ...] = (), **rows: Any) -> SmallVendor:
    policy = Policy.read({"rules": rules, "coarse": coarse})
    vendor = SmallVendor(folder, policy).land(**{"tenants": ABC, **rows}).build()
    assert vendor.unbalanced() == []
    return vendor


def lines(vendor: SmallVendor, *columns: str) -> list[tuple[Any, ...]]:
    """The distinct values of these columns of `tenant_cost`, with the effective cost rounded to 12 places."""
    key = ", ".join(columns)
    rows = vendor.query(
        f"SELECT {key}, sum(effective_cost) AS cost FROM tenant_cost GROUP BY {key} ORDER BY {key}"
    )
    return [(*(row[c] for c in columns), round(row.cost, 12).normalize()) for row in rows]


def named(name: str, cost: str, service: str = "Compute", start: str = "2026-03-01") -> dict[str, Any]:
    return charge(cost, start, service_name=service, tags={"tenant": name})


def matching(service: str, pool: str, **sharing: Any) -> dict[str, Any]:
    return {"pool": pool, "match": {"service": [service]}, **sharing}


def money(**amounts: str) -> list[tuple[str, Decimal]]:
    return [(name, Decimal(amount).normalize()) for name, amount in sorted(amounts.items())]


# --- silo --------------------------------------------------------------------------------------------


def test_the_first_rule_that_matches_takes_a_charge_and_a_silo_rule_only_where_it_finds_a_tenant(tmp_path):
    vendor = built(
        tmp_path,
        {"pool": "Accounts", "strategy": "silo", "by": "account"},
        {"pool": "Names", "strategy": "silo", "by": "account_name"},
        {"pool": "Resources", "strategy": "silo", "by": "resource"},
        SILO,
        {"pool": "Rest", "strategy": "central"},
        tenants=[
            tenant("a", accounts=["111"], resources=["arn:1:*"]),
            tenant("b", aliases=["Bee Ltd"], resources=["arn:1:long:*", "i-7"]),
        ],
        charges=[
            charge("1", sub_account_id="111", tags={"tenant": "b"}),
            charge("2", sub_account_name=" bee ltd "),
            charge("4", resource_id="arn:1:x"),
            charge("8", resource_id="arn:1:long:x"),
            charge("16", resource_id="i-7"),
            charge("32", resource_id="i-77"),
            charge("64", tags={"tenant": "stranger"}),
            charge("128", tags={"tenant": " "}),
            charge("256", tags={"other": "a"}),
        ],
    )
    assert lines(vendor, "pool", "tenant_id") == [
        ("Accounts", "a", 1),
        ("Names", "b", 2),
        ("Resources", "a", 4),
        ("Resources", "b", 24),
        ("Rest", "(unallocated)", 416),
        ("Silo", "(unknown:stranger)", 64),
    ]


def test_a_name_that_two_tenants_claim_is_nobodys(tmp_path):
    vendor = built(
        tmp_path,
        {"pool": "Accounts", "strategy": "silo", "by": "account"},
        SILO,
        {"pool": "Rest", "strategy": "central"},
        tenants=[
            tenant("a", aliases=["same"], accounts=["1"]),
            tenant("b", aliases=["Same"], accounts=["1"]),
        ],
        charges=[
            charge("1", sub_account_id="1"),
            charge("2", tags={"tenant": "SAME"}),
            charge("4", tags={"tenant": "Same"}),
        ],
    )
    assert lines(vendor, "tenant_id") == money(**{"(unallocated)": "1", "(unknown:SAME)": "2", "b": "4"})


def test_a_name_means_the_tenant_who_had_it_on_that_day(tmp_path):
    vendor = built(
        tmp_path,
        SILO,
        {"pool": "Used", "meters": [{"meter": "ms"}]},
        tenants=[
            tenant("a", aliases=["shop@..2026-03-02"]),
            tenant("b", aliases=["shop@2026-03-02..2026-03-03"]),
        ],
        charges=[named("shop", "1", start=f"2026-03-0{day}") for day in (1, 2, 3)]
        + [charge("10", f"2026-03-0{day}") for day in (1, 2, 3)],
        usages=[usage("shop", 1, f"2026-03-0{day}T00") for day in (1, 2, 3)],
    )
    assert lines(vendor, "tenant_id") == money(**{"(unknown:shop)": "11", "a": "11", "b": "11"})


# --- even, fixed, central ------------------------------------------------------------------------------


def test_even_shares_go_to_those_who_are_active(tmp_path):
    vendor = built(
        tmp_path,
        {"pool": "Rent", "strategy": "even"},
        tenants=[
            tenant("a"),
            tenant("gone", ended_on=date(2026, 3, 2)),
            tenant("new", started_on=date(2026, 3, 2)),
        ],
        charges=[charge("10", "2026-03-01"), charge("10", "2026-03-02"), charge("620", "2026-03")],
    )
    assert lines(vendor, "tenant_id") == [
        ("a", 10 + 310),
        ("gone", 5 + 10),
        ("new", 5 + 300),
    ]


@pytest.mark.parametrize(
    "sharing", [{"strategy": "even"}, {"strategy": "fixed", "shares": {"a": 0.5, "b": 0.5}}]
)
def test_a_daily_and_a_monthly_charge_on_the_first_do_not_mix_their_weights(
    tmp_path, sharing: dict[str, Any]
):
    vendor = built(
        tmp_path,
        {"pool": "Rent", **sharing},
        tenants=ABC[:2],
        charges=[charge("3"), charge("31", "2026-03")],
    )
    assert lines(vendor, "tenant_id") == money(a="17", b="17")


def test_fixed_shares_hold_for_credits_too(tmp_path):
    vendor = built(
        tmp_path,
        {"pool": "Deal", "strategy": "fixed", "shares": {"a": "0.9", "b": "0.1", "c": "0"}},
        charges=[charge("-100"), charge("1", billing_currency="EUR")],
    )
    assert lines(vendor, "currency", "tenant_id", "rung") == [
        ("EUR", "a", "coarse", Decimal("0.9")),
        ("EUR", "b", "coarse", Decimal("0.1")),
        ("USD", "a", "coarse", Decimal("-9E+1")),
        ("USD", "b", "coarse", Decimal("-1E+1")),
    ]


def test_central_money_is_unallocated_by_policy(tmp_path):
    vendor = built(tmp_path, {"pool": "Credits", "strategy": "central"}, charges=[charge("-5")])
    assert lines(vendor, "tenant_id", "rung", "reason") == [
        ("(unallocated)", "unallocated", "central by policy", -5)
    ]


# --- drivers and their ladder --------------------------------------------------------------------------


def test_hours_are_shared_by_the_usage_of_the_hour_then_of_the_day(tmp_path):
    vendor = built(
        tmp_path,
        matching("Compute", "Hourly", meters=[{"meter": "ms"}]),
        matching("Disk", "Daily", meters=[{"meter": "ms"}], grain="day"),
        charges=[
            charge("10", "2026-03-01T05"),
            charge("10", "2026-03-01T06"),
            charge("10", "2026-03-01T07"),
            charge("10", "2026-03-01T05", service_name="Disk"),
        ],
        usages=[usage("a", 1, "2026-03-01T05"), usage("b", 3, "2026-03-01T06")],
    )
    assert lines(vendor, "pool", "tenant_id", "reason") == [
        ("Daily", "a", "usage by day", Decimal("2.5")),
        ("Daily", "b", "usage by day", Decimal("7.5")),
        ("Hourly", "a", "usage by day", Decimal("2.5")),
        ("Hourly", "a", "usage by hour", 10),
        ("Hourly", "b", "usage by day", Decimal("7.5")),
        ("Hourly", "b", "usage by hour", 10),
    ]


def test_meters_add_up_by_weight_however_far_apart_the_weights_are(tmp_path):
    meters = [{"meter": "seconds", "weight": 1}, {"meter": "bytes", "weight": "0.000000001"}]
    vendor = built(
        tmp_path,
        {"pool": "Mixed", "meters": meters},
        charges=[charge("10")],
        usages=[usage("a", 1, meter="seconds"), usage("b", 10**9, meter="bytes")],
    )
    assert lines(vendor, "tenant_id") == money(a="5", b="5")


def test_the_larger_of_request_and_use_counts_also_over_a_month(tmp_path):
    vendor = built(
        tmp_path,
        {"pool": "Nodes", "combine": "max", "meters": [{"meter": "request"}, {"meter": "use"}]},
        charges=[charge("10", "2026-03"), charge("10", "2026-03-05"), charge("10", "2026-03-05T00")],
        usages=[
            usage("a", 2, "2026-03-05", meter="request", service_name="x"),
            usage("a", 1, "2026-03-05", meter="request", service_name="y"),
            usage("a", 2, "2026-03-05", meter="use"),
            usage("b", 1, "2026-03-05", meter="request"),
            usage("b", 2, "2026-03-05", meter="use"),
        ],
    )
    assert lines(vendor, "tenant_id") == money(a="18", b="12")


def test_comparing_meters_in_one_pool_leaves_the_calls_that_stand_in_for_another(tmp_path):
    vendor = built(
        tmp_path,
        matching("Compute", "Nodes", combine="max", meters=[{"meter": "request"}, {"meter": "use"}]),
        charges=[charge("10"), charge("10", service_name="Disk")],
        usages=[usage("a", 1, meter="use"), usage("b", 1, meter="calls")],
        coarse=({"meter": "calls"},),
    )
    assert lines(vendor, "pool", "tenant_id", "rung") == [
        ("Disk", "b", "coarse", 10),
        ("Nodes", "a", "fine", 10),
    ]


def test_a_pool_split_by_meter_gives_each_meter_its_part_of_the_money(tmp_path):
    meters = [{"meter": "cpu", "weight": 3}, {"meter": "ram", "weight": 1}, {"meter": "gpu", "weight": 96}]
    vendor = built(
        tmp_path,
        {"pool": "Nodes", "combine": "shares", "meters": meters},
        charges=[charge("100"), charge("1000", "2026-03"), charge("10", "2026-03-09")],
        usages=[
            usage("a", 1, meter="cpu"),
            usage("b", 999, meter="ram"),
            usage("c", 1, "2026-03-08", meter="gpu"),
            usage("a", 1, "2026-03-08", meter="ram"),
            usage("b", 1, "2026-03-08", meter="cpu"),
        ],
    )
    # The day: 3:1 among the meters seen. The month: 3:1:96, cpu even between a and b, ram 1:999.
    # The 9th has no usage: each part by its own last good ratio.
    first, ninth = date(2026, 3, 1), date(2026, 3, 9)
    assert lines(vendor, "charge_day", "rung", "tenant_id") == [
        (first, "fine", "a", Decimal("90.01")),
        (first, "fine", "b", Decimal("49.99")),
        (first, "fine", "c", Decimal(960).normalize()),
        (ninth, "fallback", "a", Decimal("0.1")),
        (ninth, "fallback", "b", Decimal("0.3")),
        (ninth, "fallback", "c", Decimal("9.6")),
    ]


def test_usage_that_names_no_service_can_drive_alone(tmp_path):
    vendor = built(
        tmp_path,
        {"pool": "Calls", "meters": [{"meter": "calls", "service": ""}]},
        charges=[charge("10")],
        usages=[usage("a", 1, meter="calls", service_name=None), usage("b", 9, meter="calls")],
    )
    assert lines(vendor, "tenant_id") == money(a="10")


@pytest.mark.parametrize("service", ["Compute", None], ids=["its own", "apart"])
def test_a_meter_that_names_no_tenant_shares_nothing(tmp_path, service: str | None):
    """As a framework's own metrics of requests, however many: with them alone money is even."""
    vendor = SmallVendor(tmp_path).land(
        charges=[charge("12"), charge("24", "2026-03-02")],
        tenants=[tenant("a"), tenant("b")],
        usages=[
            usage(UNATTRIBUTED, 9, "2026-03-02", meter="request.seconds", service_name=service, feature_id=name)
            for name in "xyz"
        ] + [usage("a", 1, "2026-03-02", meter="calls", service_name=None)],
    )  # fmt: skip
    vendor.build()
    vendor.policy = default_policy(vendor.engine)
    vendor.build()
    assert vendor.tenant_totals() == {"a": 30, "b": 6}


@pytest.mark.parametrize(
    ("fallback", "expected"),
    [
        (["coarse", "last_good", "proportional", "even"], ("users", "coarse", "active users")),
        (["last_good", "proportional", "even"], ("old", "fallback", "ratio of 2026-02-26")),
        (["proportional", "even"], ("rich", "fallback", "no usage: follows all cost")),
        ([], ("(unallocated)", "unallocated", "no usage, no fallback")),
    ],
)
def test_a_silent_driver_descends_the_ladder_as_far_as_the_rule_allows(
    tmp_path, fallback: list[str], expected: tuple[str, str, str]
):
    vendor = built(
        tmp_path,
        SILO,
        {"pool": "Used", "meters": [{"meter": "ms"}], "fallback": fallback},
        tenants=[],
        charges=[charge("7"), named("rich", "5")],
        usages=[usage("old", 1, "2026-02-26"), usage("older", 1, "2026-02-25")],
        users=[{"day": date(2026, 3, 1), "tenant_id": "users", "users": 3}],
    )
    name, rung, reason = expected
    name = name if name.startswith("(") else f"(unknown:{name})"
    found = [line for line in lines(vendor, "tenant_id", "rung", "reason", "pool") if line[3] == "Used"]
    assert found == [(name, rung, reason, "Used", 7)]


def test_without_anything_to_go_by_money_is_even_over_active_tenants_else_unallocated(tmp_path):
    pool = {"pool": "Used", "meters": [{"meter": "ms"}]}
    some = built(tmp_path / "some", pool, charges=[charge("9")])
    assert lines(some, "rung", "tenant_id") == [("fallback", name, 3) for name in "abc"]
    none = built(tmp_path / "none", pool, charges=[charge("9")], tenants=[])
    assert lines(none, "tenant_id", "reason") == [
        ("(unallocated)", "no usage, no other cost, no active tenant", 9)
    ]


@pytest.mark.parametrize(("age", "rung"), [(7, "fallback"), (6, "unallocated")])
def test_an_old_ratio_is_good_for_so_many_days(tmp_path, age: int, rung: str):
    rule = {"pool": "Used", "meters": [{"meter": "ms"}], "fallback": ["last_good"], "last_good_days": age}
    vendor = built(tmp_path, rule, charges=[charge("9", "2026-03-08")], usages=[usage("a", 1, "2026-03-01")])
    assert [line[0] for line in lines(vendor, "rung")] == [rung]


def test_units_are_those_the_share_rests_on_however_many(tmp_path):
    vendor = built(
        tmp_path,
        {"pool": "Bytes", "meters": [{"meter": "bytes"}]},
        charges=[charge("10", "2026-03-01T00"), charge("10", "2026-03-01T01")],
        usages=[
            usage("a", 30 * 10**12, meter="bytes"),
            usage("b", 1, meter="bytes"),
            usage("a", 5, "2026-03-01T01", meter="bytes"),
        ],
    )
    units = {row.tenant_id: int(row.units) for row in vendor.query("SELECT tenant_id, units FROM allocation")}
    assert units == {"a": (30 * 10**12 + 5) * 10**9, "b": 10**9}


# --- capacity ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("idle", "expected"),
    [
        ("show", {"(idle)": "18", "a": "6"}),
        ("central", {"(unallocated)": "18", "a": "6"}),
        ("proportional", {"a": "24"}),
    ],
)
def test_idle_capacity_is_shown_kept_or_shared(tmp_path, idle: str, expected: dict[str, str]):
    # Used half in twelve hours of the day, not at all in the others; a day's, a month's and an idle hour's charge.
    vendor = built(
        tmp_path,
        {
            "pool": "Nodes",
            "meters": [{"meter": "ms"}],
            "capacity": {"units_per_hour": 10, "idle": idle},
        },
        charges=[charge("16"), charge("8", "2026-03")],
        usages=[usage("a", 5, f"2026-03-01T{hour:02}") for hour in range(12)],
    )
    assert lines(vendor, "tenant_id") == money(**expected)


def test_an_hour_nobody_used_is_all_idle_and_more_use_than_capacity_leaves_none(tmp_path):
    vendor = built(
        tmp_path,
        {"pool": "Nodes", "meters": [{"meter": "ms"}], "capacity": {"units_per_hour": 10}},
        charges=[charge("1", "2026-03-01T00"), charge("1", "2026-03-01T01")],
        usages=[usage("a", 50)],
    )
    assert lines(vendor, "tenant_id", "reason") == [
        ("(idle)", "capacity nobody used: usage by hour", 1),
        ("a", "usage by hour", 1),
    ]


def test_capacity_that_a_meter_tells_counts_as_the_first_meter_does(tmp_path):
    vendor = built(
        tmp_path,
        {
            "pool": "Nodes",
            "meters": [{"meter": "cpu", "weight": 9}, {"meter": "gb"}],
            "capacity": {"meter": "allocatable"},
        },
        charges=[charge("1", "2026-03-01T00")],
        usages=[usage("a", 1, meter="cpu"), usage("cluster", 2, meter="allocatable")],
    )
    assert lines(vendor, "tenant_id") == money(**{"(idle)": "0.5", "a": "0.5"})


# --- following other cost ------------------------------------------------------------------------------


def test_tax_follows_the_service_and_account_that_was_taxed(tmp_path):
    vendor = built(
        tmp_path,
        {"pool": "Tax", "match": {"category": ["tax"]}, "strategy": "proportional", "basis": "service"},
        SILO,
        charges=[
            named("a", "30", "Db") | {"sub_account_id": "1"},
            named("b", "10", "Db") | {"sub_account_id": "1"},
            named("b", "90", "Db") | {"sub_account_id": "2"},
            named("c", "500", "Web"),
            charge("8", "2026-03", service_name="Db", charge_category="Tax", sub_account_id="1"),
            charge("13", "2026-03", service_name="Db", charge_category="Tax", sub_account_id="9"),
        ],
    )
    assert [line for line in lines(vendor, "pool", "tenant_id") if line[0] == "Tax"] == [
        ("Tax", "a", 6 + 3),
        ("Tax", "b", 2 + 10),
    ]


def test_support_follows_named_pools_or_all_without_those_in_credit(tmp_path):
    vendor = built(
        tmp_path,
        matching("Support A", "Some", strategy="proportional", basis="P 1, P2"),
        matching("Support B", "All", strategy="proportional", fallback=[]),
        {**matching("One", "P 1"), "strategy": "fixed", "shares": {"a": 1}},
        {**matching("Two", "P2"), "strategy": "fixed", "shares": {"b": 1}},
        {**matching("Three", "P3"), "strategy": "fixed", "shares": {"c": 1}},
        {**matching("Four", "P4"), "strategy": "fixed", "shares": {"d": 1}},
        charges=[
            charge("30", service_name="One"),
            charge("10", service_name="Two"),
            charge("60", service_name="Three"),
            charge("-50", service_name="Four"),
            charge("8", service_name="Support A"),
            charge("100", service_name="Support B"),
        ],
    )
    assert [line for line in lines(vendor, "pool", "tenant_id") if line[0] in ("All", "Some")] == [
        ("All", "a", 30),
        ("All", "b", 10),
        ("All", "c", 60),
        ("Some", "a", 6),
        ("Some", "b", 2),
    ]


# --- cascades ------------------------------------------------------------------------------------------

KEEPERS = (
    {**matching("X", "X"), "strategy": "fixed", "shares": {"a": 1}},
    {**matching("Y", "Y"), "strategy": "fixed", "shares": {"b": 1}},
)


def test_pools_feed_pools_in_steps(tmp_path):
    vendor = built(
        tmp_path,
        matching("Log", "Log", strategy="cascade", shares={"Net": "0.5", "X": "0.5"}),
        matching("Net", "Net", strategy="cascade", targets=["X", "Y"]),
        *KEEPERS,
        charges=[
            charge("16", service_name="Log"),
            charge("-4", service_name="Net"),
            charge("3", service_name="X"),
            charge("1", service_name="Y"),
        ],
    )
    assert lines(vendor, "pool", "tenant_id") == [
        ("Log", "a", 14),
        ("Log", "b", 2),
        ("Net", "a", -3),
        ("Net", "b", -1),
        ("X", "a", 3),
        ("Y", "b", 1),
    ]


def test_pools_that_feed_each_other_are_solved_together(tmp_path):
    # The textbook's reciprocal method: S1 = 100 + 0.2 S2, S2 = 50 + 0.4 S1.
    vendor = built(
        tmp_path,
        matching(
            "S1", "S1", strategy="cascade", reciprocal=True, shares={"S2": "0.4", "X": "0.3", "Y": "0.3"}
        ),
        matching(
            "S2", "S2", strategy="cascade", reciprocal=True, shares={"S1": "0.2", "X": "0.1", "Y": "0.7"}
        ),
        *KEEPERS,
        charges=[charge("100", service_name="S1"), charge("50", service_name="S2")],
    )
    s1, s2 = Decimal(110) / Decimal("0.92"), Decimal(90) / Decimal("0.92")
    assert lines(vendor, "tenant_id") == [
        ("a", round(s1 * Decimal("0.3") + s2 * Decimal("0.1"), 12).normalize()),
        ("b", round(s1 * Decimal("0.3") + s2 * Decimal("0.7"), 12).normalize()),
    ]


def test_cost_in_another_currency_is_no_weight(tmp_path):
    vendor = built(
        tmp_path,
        matching("Log", "Log", strategy="cascade", targets=["X", "Y"]),
        *KEEPERS,
        charges=[
            charge("10", service_name="Log"),
            charge("1", service_name="X"),
            charge("1", service_name="Y"),
            charge("998", service_name="Y", billing_currency="JPY"),
        ],
    )
    assert [line for line in lines(vendor, "pool", "tenant_id") if line[0] == "Log"] == [
        ("Log", "a", 5),
        ("Log", "b", 5),
    ]


def test_a_monthly_charge_cascades_by_the_cost_of_its_month(tmp_path):
    vendor = built(
        tmp_path,
        matching("Log", "Log", strategy="cascade", targets=["X", "Y"]),
        *KEEPERS,
        charges=[
            charge("10", "2026-03", service_name="Log"),
            charge("10", "2026-03-01", service_name="Log"),
            charge("1", "2026-03-01", service_name="X"),
            charge("4", "2026-03-20", service_name="Y"),
        ],
    )
    assert [line for line in lines(vendor, "pool", "tenant_id") if line[0] == "Log"] == [
        ("Log", "a", 12),
        ("Log", "b", 8),
    ]


def test_a_cascade_ends_as_its_last_pool_is_shared(tmp_path):
    vendor = built(
        tmp_path,
        SILO,
        matching("ToCentral", "ToCentral", strategy="cascade", shares={"Kept": 1}),
        matching("ToSilo", "ToSilo", strategy="cascade", shares={"Silo": 1}),
        matching("ToSupport", "ToSupport", strategy="cascade", shares={"Support": 1}),
        matching("ToNobody", "ToNobody", strategy="cascade", targets=["Absent"]),
        matching("Kept", "Kept", strategy="central"),
        matching("Support", "Support", strategy="proportional"),
        charges=[
            named("a", "3"),
            named("b", "1"),
            charge("1000", "2026-03-02"),
            *(charge("8", service_name=s) for s in ("ToCentral", "ToSilo", "ToSupport", "ToNobody")),
        ],
        usages=[usage("c", 1)],
    )
    assert [line for line in lines(vendor, "pool", "tenant_id", "reason") if line[0].startswith("To")] == [
        ("ToCentral", "(unallocated)", "central by policy", 8),
        ("ToNobody", "a", "no usage: follows all cost", 6),
        ("ToNobody", "b", "no usage: follows all cost", 2),
        ("ToSilo", "a", "follows cost of Silo", 6),
        ("ToSilo", "b", "follows cost of Silo", 2),
        ("ToSupport", "a", "follows all cost", 6),
        ("ToSupport", "b", "follows all cost", 2),
    ]


def test_a_circle_that_nothing_leaves_on_some_day_is_shared_like_pools_without_a_driver(tmp_path):
    vendor = built(
        tmp_path,
        matching("A", "A", strategy="cascade", reciprocal=True, targets=["B", "X"]),
        matching("B", "B", strategy="cascade", reciprocal=True, targets=["A", "Y"]),
        *KEEPERS,
        tenants=ABC[:2],
        charges=[charge("10", service_name="A"), charge("10", service_name="B")],
    )
    assert lines(vendor, "tenant_id", "rung") == [("a", "fallback", 10), ("b", "fallback", 10)]


# --- names that mean something elsewhere -----------------------------------------------------------------

HOSTILE = [
    "O'Brien; DROP TABLE x --",
    "50% _off_ |pipe| \\ ^",
    "line\nbreak\ttab",
    "\u202eright to left\u200f",
    "👩‍👩‍👧‍👦",
    "x" * 4096,
    "$start $month_end",
    "(unallocated)",
    "{service}",
    '"quoted", `ticked`',
]


def test_names_of_any_kind_are_only_names(tmp_path):
    rules = [
        {
            "pool": f"pool {name}",
            "match": {"service": [name.replace("*", "?")], "tags": {name: ["*"]}},
            "strategy": "fixed",
            "shares": {f"fixed {name}": 1},
        }
        for name in HOSTILE
    ]
    vendor = built(
        tmp_path,
        *rules,
        {"pool": "Silo", "strategy": "silo", "by": f"tag:{HOSTILE[0]}"},
        {"pool": "Used", "meters": [{"meter": name, "service": name} for name in HOSTILE]},
        tenants=[tenant(name) for name in HOSTILE],
        charges=[
            *(charge("1", service_name=name, tags={name: name}) for name in HOSTILE),
            *(charge("1", tags={HOSTILE[0]: name}) for name in HOSTILE),
            *(charge("1", f"2026-03-{day:02}") for day, _ in enumerate(HOSTILE, start=1)),
        ],
        usages=[
            usage(name, 1, f"2026-03-{day:02}", meter=name, service_name=name)
            for day, name in enumerate(HOSTILE, start=1)
        ],
    )
    assert vendor.tenant_totals() == {
        **{f"fixed {name}": 1 for name in HOSTILE},
        **dict.fromkeys(HOSTILE, 2),
    }


# --- the guide -------------------------------------------------------------------------------------------

GUIDE = (Path(__file__).parents[2] / "docs" / "how-to" / "write-a-policy.md").read_text(encoding="utf-8")


def test_the_examples_of_the_guide_share_what_they_match(tmp_path):
    examples = [
        tomllib.loads(text)["allocation"] for text in re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    ]
    for place, example in enumerate(examples):
        policy = Policy.read(example)
        matched = [
            charge(
                "10",
                service_name=(rule.match.service or ("Other",))[0].replace("*", "x "),
                tags={"tenant": "a"},
            )
            | {"charge_category": (rule.match.category or ("Usage",))[0]}
            | {"commitment_discount_status": (rule.match.commitment_status or (None,))[0]}
            | {"sub_account_id": "11112"}
            for rule in policy.rules
        ]
        vendor = SmallVendor(tmp_path / str(place), policy).land(
            charges=matched,
            tenants=[tenant("a", accounts=["11112"]), tenant("b")],
            usages=[usage("b", 1, meter=meter.meter) for rule in policy.rules for meter in rule.meters],
        )
        vendor.build()
        assert vendor.unbalanced() == []
        pools = {row.pool for row in vendor.query("SELECT DISTINCT pool FROM pool_cost")}
        assert pools == {rule.pool for rule in policy.rules}

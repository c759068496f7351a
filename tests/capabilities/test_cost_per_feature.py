"""Cost per feature on the vendor of three months; the figures are worked in tests/three_months.py.

Of March's 268.2 USD, usage that names a feature carries 180: search 90 + 60, export 30. The rest, spread: 66.2 of
teal-partners all to search; 13.4 of beacon-legal in the ratio of its 60 and 30.
"""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from small_vendor import SmallVendor, charge, tenant, usage
from three_months import CATALOG, HOSTILE, NOW, POLICY, as_worked, worked

from tenantry.datasets import FeatureCostFull
from tenantry.errors import Kind, TenantryError
from tenantry.gateways.profile import profile
from tenantry.gateways.report import print_profile
from tenantry.kernel import Principal, Window
from tenantry.methods.policy import Match, Meter, Policy, Rule, Strategy
from tenantry.runtime.call import Runtime
from tenantry.runtime.reader import Reader


def ask(runtime: Runtime, tool: str, **arguments: Any) -> list[Any]:
    return as_worked(runtime.call("cost_per_feature", tool, {"window": "2026-03", **arguments}).data)


def test_rank_is_dearest_first_and_sums_to_the_bill(runtime: Runtime):
    lines = ask(runtime, "rank")
    assert [(x.currency, x.feature_id, x.cost, x.tenants) for x in lines] == [
        ("EUR", "(no feature)", 50, 1),
        ("USD", "search", 150, 2),
        ("USD", "export", 30, 1),
        ("USD", "(no feature)", Decimal("88.2"), 3),  # and (unallocated)
    ]
    assert [x.covered for x in lines] == pytest.approx([0, *[180 / 268.2] * 3])
    assert [x.share for x in lines] == pytest.approx([1, 150 / 268.2, 30 / 268.2, 88.2 / 268.2])


def test_a_unit_of_the_meter_costs_what_it_drove(runtime: Runtime):
    _, search, export, rest = ask(runtime, "rank")
    assert (search.meter, search.units, search.cost_per_unit) == ("ms", 100, Decimal("1.5"))
    assert (export.meter, export.units, export.cost_per_unit) == ("ms", 20, Decimal("1.5"))
    assert (rest.meter, rest.units, rest.cost_per_unit) == (None, None, None)


def test_what_names_no_feature_is_listed_whatever_the_top(runtime: Runtime):
    assert [x.feature_id for x in ask(runtime, "rank", top=1)] == ["(no feature)", "search", "(no feature)"]


def test_spread_goes_to_the_features_of_the_tenant_that_bears_it(runtime: Runtime):
    answer = runtime.call("cost_per_feature", "rank", {"window": "2026-03", "shared": "spread"})
    lines = [x for x in answer.data if x.currency == "USD"]
    beacon = Decimal("13.4")
    export = 30 + beacon / 3
    assert [x.feature_id for x in lines] == ["search", "export", "(no feature)"]
    assert lines[1].cost == pytest.approx(export, abs=Decimal("1e-16"))
    assert worked(lines[2].cost) == Decimal(
        "8.6"
    )  # lumen-retail's 28.6 and the credit of 20, which use no feature
    assert sum(x.cost for x in lines) == Decimal("268.2")
    assert lines[0].covered == pytest.approx(259.6 / 268.2)
    assert lines[0].units == 100


def test_spread_is_over_whole_months_and_each_service_keeps_its_sum(vendor: SmallVendor, runtime: Runtime):
    assert ask(runtime, "rank", shared="spread", window="2026-03-08..2026-03-15") == ask(
        runtime, "rank", shared="spread"
    )
    reader = Reader(vendor.engine.fork(), Principal(), NOW, lambda: {"policy": POLICY})
    rows = reader.totals(
        FeatureCostFull, Window.parse("2026-03"), by=("currency", "tenant_id", "service_name"),
        measures=("effective_cost",), tenant_id="beacon-legal",
    )  # fmt: skip
    assert {r.service_name: worked(r.effective_cost) for r in rows} == {
        "Compute": 90, "Queue": 4, "Support": Decimal("9.4"),
    }  # fmt: skip


def test_the_months_of_a_view_are_read_once_each(vendor: SmallVendor):
    """The bill begins on 10 January, the month on the 1st."""
    reader = Reader(vendor.engine.fork(), Principal(), NOW, lambda: {"policy": POLICY})
    exported = [row for batch in reader.batches(FeatureCostFull) for row in batch.to_pylist()]
    read = [row.model_dump() for row in reader.rows(FeatureCostFull)]
    assert sorted(exported, key=str) == sorted(read, key=str)
    assert {row["month"].month for row in exported} == {1, 2, 3}


@pytest.mark.parametrize(
    ("by", "parts"),
    [
        ("tenant", [("teal-partners", 90), ("beacon-legal", 60)]),
        ("tier", [("enterprise", 90), ("pro", 60)]),
        ("service", [("Compute", 150)]),
        ("day", [("2026-03-10", 150)]),
        ("month", [("2026-03-01", 150)]),
    ],
)
def test_a_feature_by_each_view(runtime: Runtime, by: str, parts: list[Any]):
    lines = ask(runtime, "feature", feature_id="search", by=by)
    assert [(x.name, x.cost) for x in lines] == parts
    assert sum(x.share for x in lines) == pytest.approx(1)
    assert lines[0].covered == pytest.approx(180 / 268.2)


def test_a_feature_over_months(runtime: Runtime):
    lines = ask(runtime, "feature", feature_id="search", by="month", window="2026-01-01..2026-04-01")
    assert [(x.name, x.cost) for x in lines] == [("2026-01-01", 90), ("2026-02-01", 90), ("2026-03-01", 150)]


def test_what_has_no_feature_has_parts_too(runtime: Runtime):
    lines = ask(runtime, "feature", feature_id="(no feature)")
    assert ("teal-partners", Decimal("66.2")) in [(x.name, x.cost) for x in lines]


def test_an_unknown_feature_is_not_found_and_spread_has_no_days(runtime: Runtime):
    for tool in ("feature", "unit_cost"):
        with pytest.raises(TenantryError) as raised:
            ask(runtime, tool, feature_id="serch")
        assert raised.value.kind is Kind.NOT_FOUND
        assert "search" in raised.value.hint
    with pytest.raises(TenantryError) as raised:
        ask(runtime, "feature", feature_id="search", by="day", shared="spread")
    assert raised.value.kind is Kind.INVALID
    # A known feature that cost nothing in the window has no parts.
    assert ask(runtime, "feature", feature_id="export", window="2026-01") == []


def test_unit_cost_per_use_and_per_tenant(runtime: Runtime):
    found = ask(runtime, "unit_cost", by="feature")
    assert [(x.feature_id, x.name, x.cost_per_unit, x.tenants, x.cost_per_tenant) for x in found] == [
        ("search", "(all)", Decimal("1.5"), 2, 75),
        ("export", "(all)", Decimal("1.5"), 1, 30),
    ]
    tiers = ask(runtime, "unit_cost", by="tier", feature_id="search")
    assert [(x.name, x.units, x.cost_per_unit) for x in tiers] == [
        ("enterprise", 60, Decimal("1.5")), ("pro", 40, Decimal("1.5")),
    ]  # fmt: skip
    assert [x.name for x in ask(runtime, "unit_cost", by="tenant", top=2)] == [
        "teal-partners",
        "beacon-legal",
    ]
    assert [x.units for x in ask(runtime, "unit_cost", meter="parsecs")] == [None, None]


def test_adoption_sets_cost_beside_how_many_use_it(runtime: Runtime):
    search, export = ask(runtime, "adoption")
    assert (search.feature_id, search.users, search.active, search.quadrant) == (
        "search",
        2,
        5,
        "dear, narrow",
    )
    assert (export.adoption, export.quadrant) == (0.2, "cheap, narrow")
    assert search.cost_per_tenant == search.cost / 2
    assert [x.quadrant for x in ask(runtime, "adoption", wide=0.4)] == ["dear, wide", "cheap, narrow"]


def test_the_main_meter_is_the_largest_unit_and_its_service_bears_cost(tmp_path: Path):
    """Milliseconds drive, requests are counted beside; parsecs are counted where nothing costs."""
    policy = Policy(rules=(Rule(pool="Compute", meters=(Meter(meter="ms", service="Compute"),)),))
    vendor = SmallVendor(tmp_path, policy).land(
        charges=[charge("12"), charge("6", billing_currency="EUR")],
        tenants=[tenant("a")],
        usages=[
            usage("a", 600, feature_id="search"),
            usage("a", 3, feature_id="search", meter="requests"),
            usage("a", 1, feature_id="search", meter="parsecs", service_name="Space"),
        ],
    )
    runtime = Runtime(vendor.build().engine, CATALOG, lambda: NOW, lambda _: {"policy": policy})
    assert [(x.currency, x.meter, x.units, x.cost_per_unit) for x in ask(runtime, "rank")] == [
        ("EUR", "requests", 3, 2), ("USD", "requests", 3, 4),
    ]  # fmt: skip
    assert [x.units for x in ask(runtime, "rank", meter="parsecs")] == [1, 1]
    assert [x.cost_per_unit for x in ask(runtime, "rank", meter="ms")] == [Decimal("0.01"), Decimal("0.02")]


@pytest.mark.parametrize(
    "counted", ["usage.calls", "http.server.request.duration.count", "spans", "requests", "usage.items"]
)
def test_time_bytes_and_errors_are_no_uses_though_they_are_fewest(tmp_path: Path, counted: str):
    """As tenantry.metering, a histogram, a trace and a function's log tell them beside."""
    others = (
        "usage.seconds",
        "usage.errors",
        "http.server.request.duration.sum",
        "spans.seconds",
        "gb_seconds",
    )
    policy = Policy(rules=(Rule(pool="Compute", meters=(Meter(meter="gb_seconds", service="Compute"),)),))
    vendor = SmallVendor(tmp_path, policy).land(
        charges=[charge("12")],
        tenants=[tenant("a")],
        usages=[
            usage("a", n, feature_id="search", meter=m) for m, n in [(counted, 6), *((m, 1) for m in others)]
        ],
    )
    runtime = Runtime(vendor.build().engine, CATALOG, lambda: NOW, lambda _: {"policy": policy})
    [search] = ask(runtime, "rank")
    assert (search.meter, search.units, search.cost_per_unit) == (counted, 6, 2)


def test_what_no_feature_divides_goes_to_the_largest_and_of_equals_to_the_first_by_name(tmp_path: Path):
    policy = Policy(rules=(Rule(pool="Compute", meters=(Meter(meter="ms", service="Compute"),)),))
    vendor = SmallVendor(tmp_path, policy).land(
        charges=[charge("8"), charge("1E-18", service_name="Odd"), charge("-5E-18", service_name="Refund")],
        tenants=[tenant("a")],
        usages=[usage("a", 1, feature_id=name) for name in ("search", "export")],
    )
    reader = Reader(vendor.build().engine.fork(), Principal(), NOW, lambda: {"policy": policy})
    assert {(r.service_name, r.feature_id): r.effective_cost for r in reader.rows(FeatureCostFull)} == {
        ("Compute", "export"): 4, ("Compute", "search"): 4,
        ("Odd", "export"): Decimal("1E-18"), ("Odd", "search"): 0,
        ("Refund", "export"): Decimal("-3E-18"), ("Refund", "search"): Decimal("-2E-18"),
    }  # fmt: skip


def test_usage_that_names_no_service_is_a_use_too(tmp_path: Path):
    """As requests of an access log, which drive pools of any service."""
    policy = Policy(rules=(Rule(pool="Compute", meters=(Meter(meter="requests"),)),))
    vendor = SmallVendor(tmp_path, policy).land(
        charges=[charge("12")],
        tenants=[tenant("a")],
        usages=[usage("a", 3, feature_id="search", meter="requests", service_name=None)],
    )
    runtime = Runtime(vendor.build().engine, CATALOG, lambda: NOW, lambda _: {"policy": policy})
    [search] = ask(runtime, "rank")
    assert (search.meter, search.units, search.cost_per_unit, search.covered) == ("requests", 3, 4, 1)


def test_use_that_bears_no_cost_is_a_use_whichever_tool_is_asked(tmp_path: Path):
    """The tenant `b` asked, on a day without cost."""
    policy = Policy(rules=(Rule(pool="Compute", meters=(Meter(meter="ms", service="Compute"),)),))
    vendor = SmallVendor(tmp_path, policy).land(
        charges=[charge("12")],
        tenants=[tenant("a", tier="pro"), tenant("b", tier="pro")],
        usages=[
            usage("a", 600, feature_id="search"),
            usage("a", 2, feature_id="search", meter="requests"),
            usage("b", 4, "2026-03-02", feature_id="search", meter="requests"),
        ],
    )
    runtime = Runtime(vendor.build().engine, CATALOG, lambda: NOW, lambda _: {"policy": policy})
    asked = [
        ask(runtime, "rank"),
        *(ask(runtime, "unit_cost", by=by) for by in ("feature", "tier", "tenant")),
    ]
    assert [[(x.units, x.cost_per_unit, x.tenants) for x in found] for found in asked] == [
        [(6, 2, 1)], [(6, 2, 1)], [(6, 2, 1)], [(2, 6, 1)],
    ]  # fmt: skip


def test_use_of_nobody_is_of_no_tenant(tmp_path: Path):
    """Nor is cost that waits for its tenant."""
    policy = Policy(
        rules=(
            Rule(pool="Odd", match=Match(service=("Odd",)), strategy=Strategy.CENTRAL),
            Rule(pool="Compute", meters=(Meter(meter="ms", service="Compute"),)),
        )
    )
    vendor = SmallVendor(tmp_path, policy).land(
        charges=[charge("12"), charge("3", "2026-03-02", service_name="Odd")],
        usages=[
            usage("new", 1, feature_id="search"),
            usage("(unattributed)", 2, feature_id="search"),
            usage("(unattributed)", 1, feature_id="probe"),
        ],
    )
    runtime = Runtime(vendor.build().engine, CATALOG, lambda: NOW, lambda _: {"policy": policy})
    assert [(x.feature_id, x.cost, x.tenants) for x in ask(runtime, "rank")] == [
        ("search", 9, 1), ("probe", 3, 0), ("(no feature)", 3, 0),
    ]  # fmt: skip
    assert [(x.cost, x.tenants, x.cost_per_tenant) for x in ask(runtime, "unit_cost")] == [
        (9, 1, 9), (3, 0, None),
    ]  # fmt: skip
    [search, probe] = runtime.call("feature_usage", "trend", {"window": "2026-03"}).data
    assert [(x.feature_id, x.tenants, x.came) for x in (search, probe)] == [("search", 1, 1), ("probe", 0, 0)]
    mine = runtime.call(
        "cost_per_feature", "rank", {"window": "2026-03"}, Principal("n", "(unknown:new)")
    ).data
    assert [(x.feature_id, x.tenants) for x in mine] == [("search", 1)]


def test_a_bound_tenant_is_not_told_what_others_use(runtime: Runtime):
    bound = Principal("someone", "lumen-retail")
    arguments = {"window": "2026-03", "feature_id": "search"}
    for tool in ("feature", "unit_cost"):
        assert runtime.call("cost_per_feature", tool, arguments, bound).data == []
    assert (
        runtime.call("cost_per_feature", "rank", {"window": "2026-01"}, Principal("x", HOSTILE)).data[0].cost
        == 1
    )


def test_the_profile_shows_features_and_how_much_they_cover(runtime: Runtime):
    document = profile(runtime, None, Window.parse("2026-03"))
    assert [x["feature_id"] for x in document["features"]] == [
        "search",
        "export",
        "(no feature)",
        "(no feature)",
    ]
    assert "67.1 % of USD has a feature" in printed(document)
    # A month of which no usage names a feature has no such section.
    document["features"] = [x for x in document["features"] if x["currency"] == "EUR"]
    assert "Cost per feature" not in printed(document)


def printed(document: dict[str, Any]) -> str:
    console = Console(file=StringIO(), width=160)
    print_profile(console, document)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()

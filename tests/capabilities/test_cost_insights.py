"""Insights on a vendor of eight months. One tenant costs twice as much from December on; one service is new.

Each of eight tenants has a database of its own, tagged, with one charge a month: 100 give or take two. What teal's
costs is [100, 102, 98, 101] in 2025-08 to -11 and [200, 204, 196, 202] from then on: on average 100.25 and 200.50.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from building import build, differs_from_a_build_from_nothing, land
from small_vendor import SmallVendor, charge, tenant, usage
from three_months import CATALOG, NOW, POLICY, subscription

from tenantry.datasets import Charges, Dismissals, Insights
from tenantry.datasets.insights import dismissed_by
from tenantry.errors import Kind, TenantryError
from tenantry.kernel import AccessRole, Principal
from tenantry.runtime.call import Runtime
from tenantry.runtime.records import Records
from tenantry.runtime.state import State, audit

MONTHS = ("2025-08", "2025-09", "2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03")
TEAL = (100, 102, 98, 101, 200, 204, 196, 202)
WOBBLE = (1, -1, 0, 2, -2, 1, 0, -1)
OTHERS = tuple(f"other-{i}" for i in range(7))
TEAL_COST = "tenant:teal:cost:USD"


def bill(month: str, teal: int | None = None) -> list[dict[str, Any]]:
    place = MONTHS.index(month)
    amounts = {
        **{name: 100 + WOBBLE[(place * (2 * i + 1) + i) % 8] for i, name in enumerate(OTHERS)},
        "teal": teal or TEAL[place],
    }
    rows = [
        charge(cost, f"{month}-01", service_name="Database", tags={"tenant": name})
        for name, cost in amounts.items()
    ]
    if month == "2026-03":
        rows += [charge(20, "2026-03-31", service_name="Archive", tags={"tenant": name}) for name in OTHERS]
    return rows


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> SmallVendor:
    everyone = (*OTHERS, "teal")
    return (
        SmallVendor(tmp_path_factory.mktemp("insights"), POLICY)
        .land(
            charges=[row for month in MONTHS for row in bill(month)],
            tenants=[tenant(name, tier="pro") for name in everyone],
            subscriptions=[
                {**subscription(name, "pro", 300), "started_on": date(2025, 1, 1)} for name in everyone
            ],
        )
        .build()
    )


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State(f"sqlite:///{tmp_path / 'state.db'}")
    yield opened
    opened.close()


@pytest.fixture
def runtime(vendor: SmallVendor, state: State) -> Runtime:
    records = cache(lambda: Records(state, vendor.engine, CATALOG))
    return Runtime(vendor.engine, CATALOG, lambda: NOW, lambda _: {"policy": POLICY}, records)


def ask(runtime: Runtime, tool: str, **arguments: Any) -> Any:
    return runtime.call("cost_insights", tool, arguments, approved=tool == "dismiss").data


def test_what_moved_is_told_once_with_exact_money(runtime: Runtime):
    archive, teal = ask(runtime, "findings")
    assert (teal.finding, teal.kind, teal.shape, teal.direction) == (TEAL_COST, "level", "level", "up")
    assert (teal.before, teal.after, teal.impact) == (Decimal("100.25"), Decimal("200.5"), Decimal("-100.25"))
    assert (teal.since, teal.made_on, teal.change) == (date(2025, 12, 1), date(2026, 4, 1), 1.0)
    assert teal.confidence > 0.95
    assert teal.headline == "tenant teal: cost is 200.50 USD a month since 2025-12, up from 100.25 USD."
    assert (archive.finding, archive.impact, archive.confidence) == ("service:Archive:new:USD", -140, 1)


def test_findings_are_narrowed_by_subject_level_kind_and_number(runtime: Runtime):
    def names(**by: Any) -> list[str]:
        return [f.subject for f in ask(runtime, "findings", **by)]

    assert names(subject="tenant:teal") == names(subject="tenant") == names(kind="level") == ["tenant:teal"]
    assert names(top=1) == ["service:Archive"]
    assert names(subject="tenant:nobody") == []


def test_months_that_are_not_whole_or_too_early_have_no_trends(runtime: Runtime):
    assert ask(runtime, "findings", window="2025-09") == []
    assert ask(runtime, "findings", window="2025-11") == []
    assert {f.finding for f in ask(runtime, "findings", window="2026-02")} == {TEAL_COST}


def test_evidence_is_the_months_that_are_compared(runtime: Runtime):
    cost = [p for p in ask(runtime, "evidence", finding=TEAL_COST) if p.series == "cost"]
    assert [p.amount for p in cost] == list(TEAL)
    assert [p.part for p in cost] == ["before"] * 4 + ["after"] * 4
    with pytest.raises(TenantryError) as raised:
        ask(runtime, "evidence", finding="tenant:teel:cost:USD")
    assert raised.value.kind is Kind.NOT_FOUND
    assert TEAL_COST in raised.value.hint


def test_every_figure_of_a_finding_follows_from_its_evidence(runtime: Runtime):
    for finding in ask(runtime, "findings"):
        points = [
            p
            for p in ask(runtime, "evidence", finding=finding.finding)
            if p.series == finding.measure and p.part == "after"
        ]
        assert sum(p.amount for p in points) == finding.after * len(points)


def test_a_dismissed_finding_is_listed_no_more_but_kept(runtime: Runtime, state: State, vendor: SmallVendor):
    said = ask(runtime, "dismiss", finding=TEAL_COST, reason=" moved to a larger plan ")
    assert (said.reason, said.impact, said.since) == (
        "moved to a larger plan",
        Decimal("-100.25"),
        date(2025, 12, 1),
    )
    assert [f.finding for f in ask(runtime, "findings")] == ["service:Archive:new:USD"]
    [kept] = ask(runtime, "findings", dismissed=True)
    assert (kept.finding, kept.reason, kept.dismissed_by) == (TEAL_COST, "moved to a larger plan", "local")
    # The month before has the same finding: it is dismissed there, too.
    assert ask(runtime, "findings", window="2026-02") == []
    with state.read() as connection:
        [entry] = audit.entries(connection, 0)
    assert entry.action == "cost_insights.dismiss"
    assert entry.details["arguments"]["finding"] == TEAL_COST
    vendor.build()
    assert [f.finding for f in ask(runtime, "findings")] == ["service:Archive:new:USD"]


def test_a_dismissal_holds_until_the_finding_changes(runtime: Runtime):
    [row] = runtime.engine.query(
        f"SELECT * FROM insights WHERE finding = '{TEAL_COST}' AND month = '2026-03-01'"
    )
    found = Insights.model_validate(row)

    def said(**columns: Any) -> Dismissals:
        first = {"finding": TEAL_COST, "since": found.since, "currency": "USD", "impact": found.impact}
        return Dismissals(reason="-", by="ada", at=NOW.replace(tzinfo=None), **{**first, **columns})

    holding = (said(), said(since=date(2025, 11, 1)), said(since=date(2026, 1, 1)), said(impact=Decimal(51)))
    others = (said(since=date(2025, 10, 1)), said(impact=Decimal(50)), said(finding="total:cost:USD"))
    assert all(dismissed_by(found, [one], NOW.date()) == one for one in holding)
    assert dismissed_by(found, others, NOW.date()) is None
    snoozed = said(until=NOW.date())
    assert dismissed_by(found, [snoozed], NOW.date() - timedelta(days=1)) == snoozed
    assert dismissed_by(found, [snoozed], NOW.date()) is None
    trend = found.model_copy(update={"shape": "trend"})
    assert dismissed_by(trend, others, NOW.date()) == others[0]


def test_a_finding_can_be_dismissed_for_some_days(runtime: Runtime):
    said = ask(runtime, "dismiss", finding=TEAL_COST, reason="we talk on Monday", days=7)
    assert said.until == NOW.date() + timedelta(days=7)
    assert [f.finding for f in ask(runtime, "findings")] == ["service:Archive:new:USD"]
    [kept] = ask(runtime, "findings", dismissed=True)
    assert kept.until == said.until


@pytest.mark.parametrize("reason", ["", "  ", "a\x1b[2Jb", "x" * 1001])
def test_a_dismissal_says_why(runtime: Runtime, reason: str):
    with pytest.raises(TenantryError) as raised:
        ask(runtime, "dismiss", finding="service:Archive:new:USD", reason=reason)
    assert raised.value.kind is Kind.INVALID


def test_a_principal_bound_to_a_tenant_sees_no_insights(runtime: Runtime):
    bound = Principal("kim", "teal", AccessRole.ADMIN)
    for tool, more in (("findings", {}), ("dismiss", {"finding": TEAL_COST, "reason": "x"})):
        with pytest.raises(TenantryError) as raised:
            runtime.call("cost_insights", tool, more, bound, approved=True)
        assert raised.value.kind is Kind.FORBIDDEN


def test_a_dearer_unit_shows_its_cost_and_its_units(tmp_path: Path):
    """Both tenants use 50 a month throughout; the service's 500, give or take one percent, become 750 in December."""
    wobble = dict(zip(MONTHS, WOBBLE, strict=True))
    cost = {month: (500 if month < "2025-12" else 750) + 5 * wobble[month] for month in MONTHS}
    vendor = SmallVendor(tmp_path, POLICY).land(
        charges=[charge(amount, f"{month}-01") for month, amount in cost.items()] + [charge(0, "2026-03-31")],
        tenants=[tenant(name) for name in ("a", "b")],
        usages=[usage(name, 50, f"{month}-01T00") for name in ("a", "b") for month in MONTHS],
    )
    runtime = Runtime(vendor.build().engine, CATALOG, lambda: NOW, lambda _: {"policy": POLICY})
    [found] = [f for f in ask(runtime, "findings") if f.kind == "unit_cost"]
    assert (found.subject, found.before, found.after) == (
        "service:Compute",
        Decimal("502.5"),
        Decimal("747.5"),
    )
    points = ask(runtime, "evidence", finding=found.finding)
    assert [p.amount for p in points if p.series == "cost"] == list(cost.values())
    assert [p.units for p in points if p.series == "Compute ms"] == [100] * 8


def test_building_what_changed_gives_what_building_all_gives(tmp_path: Path):
    vendor = SmallVendor(tmp_path, POLICY).land(
        charges=[row for month in MONTHS for row in bill(month)],
        tenants=[tenant(name) for name in (*OTHERS, "teal")],
    )
    assert build(vendor, Insights)["insights"] == 8
    assert "insights" not in build(vendor, Insights)
    # A month in the middle is restated, and the last day of the newest is taken away: it is not whole any more.
    for month, rows in {"2025-10": bill("2025-10", teal=150), "2026-03": bill("2026-03")[:8]}.items():
        land(vendor, Charges, rows, date.fromisoformat(f"{month}-01"))
    assert build(vendor, Insights)["insights"] == 7
    assert differs_from_a_build_from_nothing(vendor, Insights) == []
    assert {row.month for row in vendor.query("SELECT DISTINCT month FROM insights")} <= {
        date(2026, 1, 1),
        date(2026, 2, 1),
    }

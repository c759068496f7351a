"""Closed months through every tool: what was published stays, later figures are corrections, and all of it adds up."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from building import build, land, versions
from proving import plane
from small_vendor import SmallVendor
from three_months import BILL, CATALOG, METERED, NOW, PEOPLE, POLICY, bill_row, three_months, usage

from tenantry import app
from tenantry.datasets import Charges, ClosedDays, FocusAllocated, TenantCost, Usage
from tenantry.datasets.default_policy import settings_in
from tenantry.errors import Kind, TenantryError
from tenantry.kernel import Principal
from tenantry.runtime.call import Runtime
from tenantry.runtime.reader import Reader

JAN, FEB, MAR = "2026-01", "2026-02", "2026-03"
LATE = usage("lumen-retail", 20, "2026-02-10", feature_id="import")
EVEN = """
[[allocation.rules]]
pool = "All"
strategy = "even"
"""


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> tuple[SmallVendor, Runtime]:
    """January and February are closed; then usage of February comes late, and its bill is restated: 7 more."""
    vendor, runtime = three_months(tmp_path_factory.mktemp("closed"))
    vendor.close(FEB)
    build(vendor)
    use_late(vendor)
    restate(vendor)
    build(vendor)
    return vendor, runtime


@pytest.fixture
def own(closed: tuple[SmallVendor, Runtime], tmp_path: Path) -> tuple[SmallVendor, Runtime]:
    """The same, for a test that changes it."""
    shutil.copytree(closed[0].lake.path, tmp_path / "own")
    vendor = SmallVendor(tmp_path / "own", POLICY)
    return vendor, Runtime(vendor.engine, CATALOG, lambda: NOW, lambda _: {"policy": vendor.policy})


def use_late(vendor: SmallVendor) -> None:
    day = date(2026, 2, 10)
    land(vendor, Usage, [row for row in [*METERED, LATE] if row["day"] == day], day)


def restate(vendor: SmallVendor) -> None:
    period = date(2026, 2, 1)
    rows = [row for row in BILL if row["billing_period"] == period]
    restated = [*rows, bill_row("7", "2026-02-10", "Queue")]
    land(vendor, Charges, [{**row, "charge_key": f"restated:{i}"} for i, row in enumerate(restated)], period)


def costs(runtime: Runtime, window: str) -> dict[str, Decimal]:
    rows = runtime.call("cost_per_tenant", "rank", {"window": window}).data
    return {row.tenant_id: row.cost for row in rows if row.currency == "USD"}


def call(runtime: Runtime, capability: str, tool: str, **arguments: Any) -> Any:
    return runtime.call(capability, tool, arguments).data


def test_a_closed_month_stays_and_the_next_one_bears_what_came_later(
    closed: tuple[SmallVendor, Runtime], runtime: Runtime
):
    before, after = costs(runtime, FEB), costs(closed[1], FEB)
    # Published: 100 by 60 to 40. The bill's 7 more of February are nobody's there.
    assert before == {"teal-partners": 100, "beacon-legal": 40}
    assert after == {**before, "(unallocated)": 7}
    assert costs(closed[1], JAN) == costs(runtime, JAN)

    march, then = costs(runtime, MAR), costs(closed[1], MAR)
    moved = {name: round(then[name] - march[name], 9) for name in then if then[name] != march[name]}
    # 100 by 60 to 40 to 20 is 50, 33.33 and 16.67; 7 of a service without usage follow teal's 90, beacon's 33.33
    # and lumen's 16.67 of the day and month.
    assert sum(moved.values()) == 0
    assert moved["(unallocated)"] == -7
    assert moved["lumen-retail"] > Decimal("16.6")
    assert sum(then.values()) == sum(march.values())


def test_the_lines_of_a_tenant_say_which_month_they_correct(closed: tuple[SmallVendor, Runtime]):
    lines = call(closed[1], "cost_per_tenant", "tenant", tenant_id="beacon-legal", window=MAR)
    [computed] = [line for line in lines if line.corrects and line.pool == "Compute"]
    assert (computed.corrects, round(computed.cost, 9)) == (date(2026, 2, 1), Decimal("-6.666666667"))
    assert {line.corrects for line in lines} == {None, date(2026, 2, 1)}


@pytest.mark.parametrize("window", [JAN, FEB, MAR, "2026-01-01..2026-04-01", "2026-02-10..2026-02-11"])
@pytest.mark.parametrize("basis", ["effective", "list"])
def test_every_figure_is_explained(closed: tuple[SmallVendor, Runtime], window: str, basis: str):
    for name in ("teal-partners", "beacon-legal", "lumen-retail", "(unallocated)")[
        : 3 if window == JAN else 4
    ]:
        only = {"tenant_id": name, "window": window, "basis": basis}
        for bound in (Principal(), Principal("t", name)):
            found = closed[1].call("reconciliation", "explain", only, bound).data
            for figure in found.figures:
                shown = [p.cost for p in found.parts if p.currency == figure.currency]
                assert sum(shown) == getattr(figure, f"{basis}_cost")
                assert figure.unexplained == 0


def test_an_explanation_says_what_was_booked_where(closed: tuple[SmallVendor, Runtime]):
    february = call(closed[1], "reconciliation", "explain", tenant_id="beacon-legal", window=FEB)
    said = {part.reason: round(part.cost, 9) for part in february.parts}
    assert said["usage by day"] == Decimal("33.333333333")
    assert said["booked in 2026-03, as the month is closed: usage by day"] == Decimal("6.666666667")
    march = call(closed[1], "reconciliation", "explain", tenant_id="beacon-legal", window=MAR)
    assert "correction of 2026-02: usage by day" in {part.reason for part in march.parts}


def test_the_certificate_says_what_is_closed_and_what_was_corrected(
    closed: tuple[SmallVendor, Runtime], runtime: Runtime
):
    found = call(closed[1], "reconciliation", "certificate")
    assert found.reconciles
    assert found.closed_through == date(2026, 2, 28)
    [corrected] = found.corrections
    assert (corrected.booked_in, corrected.corrects) == (date(2026, 3, 1), date(2026, 2, 1))
    assert corrected.restated == 7
    assert corrected.gained > Decimal("23.6")
    assert call(closed[1], "reconciliation", "certificate", window=FEB).corrections == []
    none = call(runtime, "reconciliation", "certificate")
    assert (none.closed_through, none.corrections) == (None, [])
    assert {rule.outcome for rule in call(closed[1], "reconciliation", "rules", window=FEB).results} >= {
        "passed"
    }


@pytest.mark.parametrize("window", [FEB, MAR])
def test_a_change_tells_corrections_apart(closed: tuple[SmallVendor, Runtime], window: str):
    for name in ("teal-partners", "beacon-legal", "lumen-retail", "(unallocated)"):
        for rules_before in (None, EVEN):
            given = {"tenant_id": name, "window": window} | ({"rules_before": EVEN} if rules_before else {})
            for line in call(closed[1], "cost_per_tenant", "change", **given):
                known = line.volume + line.mix + line.price + line.driver
                parts = known + line.rule + line.correction + line.other
                assert parts == line.change == line.after - line.before
    [compute] = [
        line
        for line in call(closed[1], "cost_per_tenant", "change", tenant_id="beacon-legal", window=MAR)
        if line.service_name == "Compute"
    ]
    # February: published 40, of 33.33 by today's usage. March: 90, and 6.67 less for February.
    assert (compute.before, round(compute.after, 9)) == (40, Decimal("83.333333333"))
    assert round(compute.correction, 9) == Decimal("-13.333333333")


def test_focus_rows_sum_to_the_books(closed: tuple[SmallVendor, Runtime]):
    vendor, runtime = closed
    key = (
        "x_charge_day",
        "x_consumer_id",
        "x_pool",
        "x_allocation_rung",
        "x_allocation_reason",
        "billing_currency",
    )
    rows = [row for batch in runtime.batches("focus_allocated") for row in batch.to_pylist()]
    focus, books = Counter[Any](), Counter[Any]()
    for row in rows:
        focus[tuple(row[name] for name in key)] += row["effective_cost"]
    for row in vendor.query("FROM tenant_cost"):
        name = (row.charge_day, row.tenant_id, row.pool, row.rung, row.reason, row.currency)
        books[name] += row.effective_cost
    assert {name: cost for name, cost in focus.items() if cost} == {
        name: cost for name, cost in books.items() if cost
    }
    corrections = [row for row in rows if row["charge_class"] == "Correction"]
    assert {(row["charge_period_start"], row["billing_period_start"]) for row in corrections} == {
        (datetime.fromisoformat("2026-02-10"), datetime.fromisoformat("2026-03-01"))
    }
    assert {row["charge_category"] for row in corrections} == {"Adjustment"}
    assert all(row[name] is not None for row in rows for name in FocusAllocated.required())
    names = [tuple(row[name] for name in FocusAllocated.keys) for row in rows]
    assert len(set(names)) == len(names)


def test_a_preview_is_what_a_build_makes_of_closed_months(own: tuple[SmallVendor, Runtime]):
    vendor, runtime = own
    preview = {w: call(runtime, "cost_per_tenant", "preview", policy=EVEN, window=w) for w in (FEB, MAR)}
    assert preview[FEB].tenants == []
    vendor.policy = settings_in(EVEN)(vendor.engine)["policy"]
    build(vendor)
    after = costs(runtime, MAR)
    moves = {move.tenant_id: move.then for move in preview[MAR].tenants if move.currency == "USD"}
    assert moves
    assert {name: cost for name, cost in after.items() if name in moves} == {
        n: c for n, c in moves.items() if c
    }


def test_closing_the_next_month_keeps_its_corrections_and_later_ones_go_to_the_month_after(
    own: tuple[SmallVendor, Runtime],
):
    vendor, runtime = own
    march = costs(runtime, MAR)
    vendor.close(MAR)
    build(vendor)
    assert costs(runtime, MAR) == march
    assert not vendor.query("FROM tenant_cost WHERE charge_day >= DATE '2026-04-01'")
    land(vendor, Usage, [row for row in METERED if row["day"] == date(2026, 2, 10)], date(2026, 2, 10))
    build(vendor)
    assert (costs(runtime, MAR), costs(runtime, FEB)["beacon-legal"]) == (march, 40)
    # Without the late usage again: what March took from beacon-legal, April gives back, though no bill has April.
    assert round(costs(runtime, "2026-04")["beacon-legal"], 1) == Decimal("7.1")
    assert vendor.unbalanced() == []
    assert call(runtime, "reconciliation", "certificate").reconciles


def test_moved_back_a_month_is_as_if_it_had_never_been_closed(
    own: tuple[SmallVendor, Runtime], tmp_path: Path
):
    vendor, runtime = own
    never = SmallVendor(tmp_path / "never", POLICY)
    for dataset in CATALOG.datasets:
        if not dataset.derived() and vendor.lake.folder(dataset).exists() and "closed" not in dataset.table():
            (tmp_path / "never").mkdir(exist_ok=True)
            (tmp_path / "never" / dataset.table()).symlink_to(vendor.lake.folder(dataset))
    never.build()
    vendor.close("2025-12")
    build(vendor)
    for month in (JAN, FEB, MAR):
        assert costs(runtime, month) == costs(
            Runtime(never.engine, CATALOG, lambda: NOW, lambda _: {}), month
        )
    assert not vendor.query("FROM closed_cost UNION ALL BY NAME FROM closed_days")
    vendor.close(FEB)
    build(vendor)
    assert "(unallocated)" not in costs(runtime, FEB)


@pytest.mark.parametrize("dataset", CATALOG.datasets, ids=[d.table() for d in CATALOG.datasets])
def test_every_dataset_keeps_its_contract(dataset: Any, closed: tuple[SmallVendor, Runtime]):
    reader = Reader(closed[0].engine.fork(), Principal(), NOW, lambda: {"policy": POLICY})
    rows = reader.rows(dataset)
    names = [tuple(getattr(row, key) for key in dataset.keys) for row in rows]
    assert not dataset.keys or len(set(names)) == len(names)
    assert all(getattr(row, name) is not None for row in rows for name in dataset.required())


# --- the setting ----------------------------------------------------------------------------------------


def filled(folder: Path, through: str | None) -> Any:
    vendor = SmallVendor(folder, POLICY)
    vendor.land(BILL, PEOPLE, METERED)
    return plane(folder, POLICY, through)


def test_a_month_never_published_is_closed_as_it_is_first_built(tmp_path: Path):
    verbs = filled(tmp_path, FEB)
    built = {b.dataset: b.days for b in verbs.build()}
    assert built["closed_cost"] == 31 + 28
    assert [b for b in verbs.build() if b.days] == []
    verbs.engine.attach(CATALOG.datasets)
    assert not verbs.engine.query("FROM corrections")
    assert verbs.engine.query("SELECT count(*) AS n FROM closed_cost")[0].n > 3


def test_it_is_closed_as_last_published_not_as_data_say_by_then(tmp_path: Path):
    filled(tmp_path, None).build()
    use_late(SmallVendor(tmp_path, POLICY))
    verbs = plane(tmp_path, POLICY, FEB)
    verbs.build()
    assert costs(verbs.runtime, FEB)["beacon-legal"] == 40
    # Left out, the setting leaves the books as they are.
    assert [b for b in plane(tmp_path, POLICY, None).build() if b.days] == []


def test_a_month_that_is_not_over_is_refused_with_nothing_done(tmp_path: Path):
    verbs = filled(tmp_path, "2026-07")
    with pytest.raises(TenantryError, match="2026-07': that month is not over") as refused:
        verbs.build()
    assert refused.value.kind is Kind.INVALID
    assert verbs.engine.lake.version(TenantCost) < 0
    filled(tmp_path, "2026-06").build()


def test_a_build_that_died_between_keeping_and_listing_is_mended(tmp_path: Path):
    vendor, runtime = three_months(tmp_path)
    before = {month: costs(runtime, month) for month in (JAN, FEB, MAR)}
    vendor.close(FEB)
    vendor.lake.commit(ClosedDays, [])  # as if it had not been written
    build(vendor)
    assert {month: costs(runtime, month) for month in (JAN, FEB, MAR)} == before
    vendor.close(FEB)
    build(vendor)
    assert {month: costs(runtime, month) for month in (JAN, FEB, MAR)} == before
    was = versions(vendor)
    vendor.close(FEB)
    assert build(vendor) == {}
    assert versions(vendor) == was


@pytest.mark.parametrize("text", ["2026-13", "2026", "june", "2026-06-30"])
def test_the_setting_is_a_month(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("tenantry.toml").write_text(f'[books]\nclosed_through = "{text}"\n', encoding="utf-8")
    with pytest.raises(TenantryError, match=r"books\.closed_through"):
        app.settings()


def test_the_setting_closes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("tenantry.toml").write_text('[books]\nclosed_through = "2026-02"\n', encoding="utf-8")
    books = app.open_plane(str(tmp_path / "lake")).books
    assert books
    assert books.through == date(2026, 2, 1)

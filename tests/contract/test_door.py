"""The one door from tools to data: what it refuses, what it adds, and what it writes down."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from small_vendor import SmallVendor, charge
from three_months import CATALOG, HOSTILE, NOW, POLICY

from tenantry.datasets import Charges, CostProfile, Margin, Subscriptions, TenantCost, Tenants, UsageHourly
from tenantry.errors import Kind, TenantryError
from tenantry.kernel import Capability, Catalog, Context, Effect, Principal, Window, tool
from tenantry.kernel.money import Basis
from tenantry.runtime.call import Runtime
from tenantry.runtime.reader import Reader

MARCH = Window.parse("2026-03")
TEAL = Principal("kim", "teal-partners")


def call(vendor: SmallVendor, principal: Principal | None = None) -> Reader:
    return Reader(vendor.engine.fork(), principal or Principal(), NOW, lambda: {"policy": POLICY})


def refused(kind: Kind, ask: Any) -> TenantryError:
    with pytest.raises(TenantryError) as raised:
        ask()
    assert raised.value.kind is kind
    assert raised.value.hint
    return raised.value


def test_rows_are_records_of_the_window_in_order_of_their_keys(vendor: SmallVendor):
    rows = call(vendor).rows(CostProfile, MARCH)
    assert {row.charge_day.month for row in rows} == {3}
    keys = [tuple(getattr(row, key) for key in CostProfile.keys) for row in rows]
    assert keys == sorted(keys)
    assert call(vendor).rows(CostProfile, MARCH, limit=2) == rows[:2]


def test_equals_takes_a_value_any_of_several_or_null(vendor: SmallVendor):
    context = call(vendor)
    several = context.rows(Tenants, tenant_id=["beacon-legal", "teal-partners", "nobody"])
    assert [t.tenant_id for t in several] == ["beacon-legal", "teal-partners"]
    assert context.rows(Tenants, tenant_id=set()) == []
    assert {t.tenant_id for t in context.rows(Tenants, tier=None)} == {HOSTILE}


def test_a_hostile_name_is_a_value_like_any_other(vendor: SmallVendor):
    [row] = call(vendor).totals(TenantCost, by=("currency",), measures=("billed_cost",), tenant_id=HOSTILE)
    assert row == {"currency": "USD", "billed_cost": Decimal(1)}
    assert call(vendor).rows(Charges)


def test_totals_are_exact_and_typed_by_the_contract(vendor: SmallVendor):
    rows = call(vendor).totals(TenantCost, MARCH, by=("currency",))
    assert [(r.currency, r.effective_cost, r.list_cost) for r in rows] == [
        ("EUR", Decimal(50), Decimal(100)),
        ("USD", Decimal("268.2"), Decimal("536.4")),
    ]
    [units] = call(vendor).totals(UsageHourly, MARCH, meter="ms")
    assert units == {"units": 120 * 10**9}
    assert isinstance(units.units, int)


def test_totals_can_be_the_first_of_each_currency_and_count_values(vendor: SmallVendor):
    rows = call(vendor).totals(
        TenantCost, MARCH, by=("currency", "service_name"), measures=("effective_cost",), distinct="tenant_id",
        order="-effective_cost", limit=2,
    )  # fmt: skip
    assert [tuple(row.values()) for row in rows] == [
        ("EUR", "Hosting", 50, 1),
        ("USD", "Compute", 160, 3),
        ("USD", "Database", 40, 1),
    ]
    [least] = call(vendor).totals(
        TenantCost, MARCH, by=("tenant_id",), currency="USD", order="effective_cost", limit=1
    )
    assert (least.tenant_id, least.effective_cost) == ("(unallocated)", -20)
    refused(Kind.INVALID, lambda: call(vendor).totals(TenantCost, by=("currency",), order="confidence"))
    refused(Kind.INVALID, lambda: call(vendor).totals(TenantCost, by=("currency",), distinct="x"))


def test_totals_of_nothing_are_zero(vendor: SmallVendor):
    [row] = call(vendor).totals(UsageHourly, Window.parse("2030-01"))
    assert row == {"units": 0}


def test_currencies_are_not_added(vendor: SmallVendor):
    context = call(vendor)
    problem = refused(Kind.INVALID, lambda: context.totals(TenantCost, MARCH, by=("tenant_id",)))
    assert "currencies" in problem.message
    refused(Kind.INVALID, lambda: context.totals(Charges, measures=("billed_cost",)))
    refused(Kind.INVALID, lambda: context.totals(TenantCost, currency=["EUR", "USD"]))
    assert context.totals(TenantCost, MARCH, currency="EUR")[0].billed_cost == 50
    assert context.totals(CostProfile, measures=("charges",))[0].charges == 11


def test_what_the_dataset_does_not_have_is_invalid(vendor: SmallVendor):
    context = call(vendor)
    problem = refused(Kind.INVALID, lambda: context.totals(TenantCost, by=("currency", "region; DROP")))
    assert "'region; DROP'" in problem.message
    assert "tenant_id" in problem.hint
    refused(Kind.INVALID, lambda: context.rows(TenantCost, color="red"))
    refused(Kind.INVALID, lambda: context.totals(TenantCost, by=("currency",), measures=("price",)))
    refused(Kind.INVALID, lambda: context.rows(Subscriptions, MARCH))


def test_span_and_month(vendor: SmallVendor, tmp_path: Path):
    context = call(vendor)
    assert context.span(CostProfile) == Window(date(2026, 1, 10), date(2026, 4, 1))
    assert context.month(CostProfile) == MARCH
    assert call(vendor, TEAL).span(TenantCost) == Window(date(2026, 1, 10), date(2026, 3, 21))
    empty = call(SmallVendor(tmp_path))
    assert empty.span(CostProfile) is None
    refused(Kind.NOT_FOUND, lambda: empty.month(CostProfile))


@pytest.mark.parametrize(
    ("span", "month"),
    [
        ("2026-01-10..2026-04-01", "2026-03"),
        ("2026-01-10..2026-03-31", "2026-02"),
        ("2026-01-10..2026-02-20", "2026-02"),
        ("2026-02-03..2026-02-05", "2026-02"),
    ],
)
def test_the_newest_month_is_whole_where_there_is_one(span: str, month: str):
    assert Window.parse(span).newest_month == Window.parse(month)


@pytest.mark.parametrize(
    ("days", "month"),
    [
        (("2026-07-01", "2026-09-28"), "2026-07"),
        (("2026-07-15", "2026-09-28"), "2026-09"),
        (("2026-03-01", "2026-06-03", "2026-09-01"), "2026-06"),
        (("2026-01-01", "2026-09-30"), "2026-09"),
    ],
)
def test_the_newest_whole_month_is_one_that_holds_rows(tmp_path: Path, days: tuple[str, ...], month: str):
    vendor = SmallVendor(tmp_path).land(charges=[charge("1", day) for day in days]).build()
    assert call(vendor).month(TenantCost) == Window.parse(month)
    runtime = Runtime(vendor.engine, CATALOG, lambda: NOW, lambda _: {"policy": POLICY})
    shown = runtime.call("overview", "months", {}).data
    newest = [row.month for row in shown if row.whole][-1:] or [row.month for row in shown][-1:]
    assert newest == [Window.parse(month).start]


@pytest.mark.parametrize(
    "text",
    ["9999-12", "1899-12", "2200-01", "2026-01-01..9999-12-31", "0001-01-01..2026-01-01", "2026-13", ".."],
)
def test_a_window_is_of_the_years_that_rows_can_be_of(text: str):
    refused(Kind.INVALID, lambda: Window.parse(text))


def test_the_widest_window_is_read_like_none(vendor: SmallVendor):
    widest = Window.parse("1900-01-01..2200-01-01")
    for dataset in (TenantCost, Margin):
        rows = [row for batch in call(vendor).batches(dataset) for row in batch.to_pylist()]
        assert rows
        assert [row for batch in call(vendor).batches(dataset, widest) for row in batch.to_pylist()] == rows
        for before_or_after in ("1900-01", "2199-12"):
            nothing = call(vendor).batches(dataset, Window.parse(before_or_after))
            assert not sum(batch.num_rows for batch in nothing)


def test_a_bound_principal_reads_its_own_rows_only(vendor: SmallVendor):
    context = call(vendor, TEAL)
    assert {r.tenant_id for r in context.totals(TenantCost, by=("currency", "tenant_id"))} == {
        "teal-partners"
    }
    assert [t.tenant_id for t in context.rows(Tenants)] == ["teal-partners"]
    assert context.rows(TenantCost, tenant_id="teal-partners") == context.rows(TenantCost)
    refused(Kind.FORBIDDEN, lambda: context.rows(TenantCost, tenant_id="beacon-legal"))
    refused(Kind.FORBIDDEN, lambda: context.rows(Tenants, tenant_id=["teal-partners", "beacon-legal"]))
    refused(Kind.FORBIDDEN, lambda: context.rows(TenantCost, tenant_id=None))
    refused(Kind.FORBIDDEN, lambda: context.rows(Charges))
    refused(Kind.FORBIDDEN, lambda: context.span(CostProfile))


def test_evidence_is_what_was_read_and_of_one_version(tmp_path: Path):
    vendor = SmallVendor(tmp_path).land(charges=[charge("1")]).build()
    context = call(vendor)
    assert len(context.rows(Charges)) == 1
    vendor.land(charges=[charge("1"), charge("2", "2026-03-02")])
    assert len(context.rows(Charges, MARCH)) == 1
    [read] = context.evidence
    assert (read.dataset, read.windows) == ("charges", ["2026-03-01..2026-04-01"])
    assert read.newest == date(2026, 3, 1)
    assert len(call(vendor).rows(Charges)) == 2


@tool(basis="billed")
def all_cost(ctx: Context, basis: Basis = Basis.EFFECTIVE) -> list[Decimal]:
    """A sum of more digits than plain decimals have."""
    total = sum((r[basis.column] for r in ctx.totals(CostProfile, by=("currency",))), Decimal("1e-30"))
    return [total]


@tool(Effect.ACT)
def stop_everything(ctx: Context) -> list[str]:
    """Acts on the world."""
    return ["stopped"]


def door(vendor: SmallVendor) -> Runtime:
    capability = Capability("odd", "Odd?", (CostProfile,), (all_cost, stop_everything), (), "# Odd")
    catalog = Catalog((capability,), (), CATALOG.datasets)
    return Runtime(vendor.engine, catalog, lambda: NOW, lambda _: {"policy": POLICY})


def test_arithmetic_in_a_tool_is_exact(vendor: SmallVendor):
    [total] = door(vendor).call("odd", "all_cost", {}).data
    assert total == Decimal("549.200000000000000000000000000001")


def test_a_tool_that_acts_is_not_called(vendor: SmallVendor):
    refused(Kind.APPROVAL_REQUIRED, lambda: door(vendor).call("odd", "stop_everything", {}))


def test_names_that_are_not_in_the_catalog_are_not_found(runtime: Runtime):
    assert "cost_profile" in refused(Kind.NOT_FOUND, lambda: runtime.call("cost", "rank", {})).hint
    assert "rank" in refused(Kind.NOT_FOUND, lambda: runtime.call("cost_per_tenant", "rang", {})).hint


def test_many_threads_get_the_answer_of_one(runtime: Runtime):
    def ask(_: int) -> dict[str, Any]:
        return runtime.call("cost_per_tenant", "rank", {"window": "2026-03"}).document()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(24)))
    assert all(answer == answers[0] for answer in answers)


def test_a_dataset_that_is_a_view_is_read_like_a_table(vendor: SmallVendor):
    context = call(vendor)
    views = [d for d in CATALOG.datasets if not d.stored]
    for view in views:
        context.rows(view, MARCH if view.day_column() else None)
    absent = {d for view in views for d in view.reads if d.stored and vendor.lake.version(d) < 0}
    assert {e.dataset: e.version for e in context.evidence if e.version is None} == {
        d.table(): None for d in (*views, *absent)
    }

"""The proof: certificate, rules and explanation, worked by hand and on real bills."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from proving import CATALOG, HARD, POLICY, hard_vendor, plane, put, rows_of, runtime
from small_vendor import SmallVendor, charge, tenant, usage

from tenantry.capabilities.reconciliation.certificate import Certificate
from tenantry.capabilities.reconciliation.explanation import BillRow, Explanation, Part
from tenantry.capabilities.reconciliation.rules import Finding, Outcome
from tenantry.datasets.allocation import Allocation
from tenantry.datasets.charges import Charges
from tenantry.datasets.invoices import Invoices
from tenantry.datasets.tenant_cost import TenantCost
from tenantry.errors import Kind, TenantryError
from tenantry.kernel import Principal
from tenantry.kernel.money import EXACT
from tenantry.methods.policy import Match, Meter, Policy, Rule, Strategy
from tenantry.methods.tolerance import invoice_tolerance
from tenantry.runtime.call import Runtime

USD = Decimal


def certificate(door: Runtime, **arguments: Any) -> Certificate:
    return door.call("reconciliation", "certificate", arguments).data


class Found(NamedTuple):
    outcome: Outcome
    checked: int
    failed: int
    why: str | None
    about: str
    worst: list[Finding]


def rules(door: Runtime, window: str = "2026-03") -> dict[str, Found]:
    report = door.call("reconciliation", "rules", {"window": window}).data
    return {
        r.rule: Found(
            r.outcome, r.checked, r.failed, r.why, r.about, [f for f in report.findings if f.rule == r.rule]
        )
        for r in report.results
    }


def explain(door: Runtime, tenant_id: str, window: str = "2026-03", **arguments: Any) -> Explanation:
    return door.call(
        "reconciliation", "explain", {"tenant_id": tenant_id, "window": window, **arguments}
    ).data


def total(values: Sequence[Decimal]) -> Decimal:
    result = Decimal(0)
    for value in values:
        result = EXACT.add(result, value)
    return result


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> SmallVendor:
    return hard_vendor(tmp_path_factory.mktemp("hard"))


@pytest.fixture(scope="module")
def door(hard: SmallVendor) -> Runtime:
    return runtime(hard)


# --- certificate --------------------------------------------------------------------------------------


def test_a_hard_bill_reconciles_in_every_currency_and_basis(door: Runtime):
    made = certificate(door)
    assert made.reconciles, made.problems
    assert (made.charges, made.charges_in_pools) == (len(HARD), len(HARD))
    assert made.policy_version == POLICY.version
    lines = {(line.currency, line.basis.value): line for line in made.totals}
    assert len(lines) == 2 * 4
    for (currency, basis), line in lines.items():
        of_currency = [row for row in HARD if row["billing_currency"] == currency]
        bill = total([row[f"{basis}_cost"] for row in of_currency])
        assert line.bill == line.pools == line.allocated == line.tenants == bill
        assert (line.difference, line.days_off) == (0, 0)
    assert lines["EUR", "effective"].bill == Decimal("6.5")
    assert lines["EUR", "effective"].unallocated == Decimal("-2.5")
    assert lines["USD", "effective"].unallocated == -4
    assert lines["USD", "effective"].idle > 0


def test_each_billing_period_has_its_own_line_and_a_correction_stands_in_the_period_it_was_invoiced(
    door: Runtime,
):
    lines = {
        (str(line.billing_period), line.currency): line
        for line in certificate(door).periods
        if line.basis.value == "effective"
    }
    assert lines["2026-04-01", "USD"].bill == lines["2026-04-01", "USD"].tenants == -3
    assert lines["2026-02-01", "USD"].bill == 6
    assert ("2026-04-01", "EUR") not in lines


def test_a_window_is_certified_by_itself(door: Runtime):
    march = certificate(door, window="2026-03-02..2026-03-03")
    assert march.reconciles
    assert {line.bill for line in march.totals} == {Decimal("-23.23")}
    assert march.charges == 4


def test_coverage_is_the_money_by_rung(door: Runtime):
    made = certificate(door)
    for currency in ("USD", "EUR"):
        shares = [line for line in made.coverage if line.currency == currency]
        [bill] = {t.bill for t in made.totals if (t.currency, t.basis.value) == (currency, "effective")}
        assert total([line.effective_cost for line in shares]) == bill
        assert sum(line.share or 0 for line in shares) == pytest.approx(1)


def test_the_proof_id_can_be_computed_again_from_the_document(door: Runtime):
    document = door.call("reconciliation", "certificate", {}).document()["data"]
    proof = document.pop("proof_id")
    text = json.dumps({**document, "proof_id": ""}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == proof


def test_equal_figures_have_one_proof_id_on_any_lake_and_a_unit_more_has_another(
    tmp_path: Path, door: Runtime
):
    again = certificate(runtime(hard_vendor(tmp_path / "again")))
    assert again.proof_id == certificate(door).proof_id
    more = (*HARD[:-1], {**HARD[-1], "list_cost": HARD[-1]["list_cost"] + Decimal("1e-18")})
    assert certificate(runtime(hard_vendor(tmp_path / "more", more))).proof_id != again.proof_id


def test_a_bill_landed_after_the_build_does_not_reconcile_until_it_is_built(tmp_path: Path):
    vendor = hard_vendor(tmp_path)
    before = certificate(runtime(vendor))
    restated = [{**row, "charge_key": f"d:{i}", "x_row": i} for i, row in enumerate(HARD)]
    restated[0] = {**restated[0], "effective_cost": Decimal("11.5")}
    put(vendor, Charges, restated)
    stale = certificate(runtime(vendor))
    assert not stale.reconciles
    [problem] = stale.problems
    assert "USD effective_cost differs on 1 days from 2026-03-01" in problem
    assert "tenantry build" in problem
    [line] = [t for t in stale.totals if t.days_off]
    assert line.difference == Decimal("-1.5")
    vendor.build()
    fresh = certificate(runtime(vendor))
    assert fresh.reconciles
    assert fresh.proof_id != before.proof_id


def test_two_errors_that_cancel_out_are_still_found(tmp_path: Path):
    vendor = hard_vendor(tmp_path)
    costs = rows_of(runtime(vendor), "tenant_cost")
    first = next(row for row in costs if row["charge_day"] == date(2026, 3, 1) and row["currency"] == "USD")
    other = next(row for row in costs if row["charge_day"] == date(2026, 3, 2) and row["currency"] == "USD")
    first["billed_cost"] += 1
    other["billed_cost"] -= 1
    put(vendor, TenantCost, costs)
    made = certificate(runtime(vendor))
    [line] = [t for t in made.totals if t.days_off]
    assert (line.difference, line.days_off, made.reconciles) == (0, 2, False)
    assert rules(runtime(vendor))["g"].failed == 2


def test_there_is_no_certificate_without_a_bill(tmp_path: Path):
    with pytest.raises(TenantryError) as problem:
        certificate(runtime(SmallVendor(tmp_path)))
    assert problem.value.kind is Kind.NOT_FOUND


def test_a_tenant_cannot_certify_the_vendors_bill(door: Runtime):
    with pytest.raises(TenantryError) as problem:
        door.call("reconciliation", "certificate", {}, Principal("ada's", "ada"))
    assert problem.value.kind is Kind.FORBIDDEN


# --- rules --------------------------------------------------------------------------------------------


def test_our_own_rules_hold_and_what_cannot_be_checked_says_why(door: Runtime):
    found = rules(door)
    assert [found[name].outcome for name in "efg"] == [Outcome.PASSED] * 3
    assert min(found[name].checked for name in "efg") > 0
    assert [found[name].outcome.value for name in "abcd"] == ["not applicable", "passed", "failed", "passed"]
    assert "invoice_id" in (found["a"].why or "")
    assert {result.about for result in found.values()} == {"bill", "allocation"}


def test_a_damaged_allocation_breaks_the_rules_about_it(tmp_path: Path):
    vendor = hard_vendor(tmp_path)
    parts = rows_of(runtime(vendor), "allocation")
    lost = next(row for row in parts if row["tenant_id"] == "bob" and row["effective_cost"] > 0)
    parts.remove(lost)
    put(vendor, Allocation, parts)
    found = rules(runtime(vendor))
    assert [found[name].outcome for name in "eg"] == [Outcome.FAILED] * 2
    finding = next(f for f in found["e"].worst if f.note == "effective_cost")
    assert finding.difference == -lost["effective_cost"]
    assert lost["pool"] in finding.subject


@pytest.mark.parametrize(
    ("charges", "difference", "passes"),
    [(5, "0.02", True), (5, "5.00", False), (1_000_000, "4.50", True), (1_000_000, "15.00", False)],
)
def test_the_four_scenarios_of_focus_for_the_rounding_of_an_invoice(
    charges: int, difference: str, passes: Any
):
    tolerance = invoice_tolerance(charges, "USD")
    assert tolerance == (Decimal("1.00") if charges == 5 else Decimal("5.00"))
    assert (Decimal(difference) <= tolerance) is passes


def test_a_currency_without_cents_has_a_larger_tolerance():
    assert invoice_tolerance(5, "JPY") == 100
    assert invoice_tolerance(5, "KWD") == Decimal("0.1")


def test_invoices_are_compared_with_the_charges_that_name_them(tmp_path: Path):
    def bill(invoice: str, amounts: Sequence[str], **columns: Any) -> list[dict[str, Any]]:
        return [charge(a, invoice_id=invoice, invoice_issuer_name="AWS", **columns) for a in amounts]

    vendor = SmallVendor(tmp_path).land(
        [
            *bill("small", ["2.5"] * 5),
            *bill("short", ["2"] * 5),
            *bill("dollar", ["2.5"], billing_currency="EUR"),
            *bill("old", ["1"], billing_period=date(2025, 1, 1), charge_day=date(2025, 1, 1)),
        ]
    )
    invoices = {"small": "12.52", "short": "15.00", "missing": "7", "dollar": "2.5", "old": "9"}
    put(
        vendor,
        Invoices,
        [
            {"invoice_id": i, "invoice_issuer_name": "AWS", "currency": "USD", "amount": Decimal(amount)}
            for i, amount in invoices.items()
        ],
    )
    vendor.build()
    found = rules(runtime(vendor))["a"]
    assert (found.outcome, found.checked, found.failed) == (Outcome.FAILED, 4, 3)
    assert [(f.subject, f.difference) for f in found.worst] == [
        ("missing of AWS", -7),
        ("short of AWS", -5),
        ("dollar of AWS", Decimal("-2.5")),  # invoiced in another currency: no charge names that invoice
    ]
    assert found.worst[1].tolerance == 1
    made = certificate(runtime(vendor))
    assert made.reconciles, "what the provider invoices is no error of ours"
    assert {line.invoice_id for line in made.invoices if line.matches} == {"small"}
    march = certificate(runtime(vendor), window="2026-03").invoices
    assert [line.invoice_id for line in march] == ["dollar", "missing", "short", "small"]
    assert [line for line in made.invoices if line.invoice_id != "old"] == march


def commitment(
    name: str, start: str, end: str, paid: str = "0", used: str | None = None, **more: Any
) -> dict[str, Any]:
    row = charge(paid, start, commitment_discount_id=name, **more)
    row["charge_period_end"] = datetime.fromisoformat(end)
    if used is None:
        return {**row, "charge_category": "Purchase", "effective_cost": Decimal(0)}
    return {**row, "effective_cost": Decimal(used), "commitment_discount_status": more.get("status", "Used")}


def test_a_commitment_is_decided_over_its_whole_term_only(tmp_path: Path):
    vendor = (
        SmallVendor(tmp_path)
        .land(
            [
                commitment("whole", "2026-03-01", "2026-03-03", paid="4"),
                commitment("whole", "2026-03-01", "2026-03-02", used="2.5"),
                commitment("whole", "2026-03-02", "2026-03-03", used="1.5"),
                commitment("lost", "2026-03-01", "2026-03-02", paid="4"),
                commitment("lost", "2026-03-01", "2026-03-02", used="3"),
                commitment("yearly", "2026-03-01", "2027-03-01", paid="365"),
                commitment("yearly", "2026-03-01", "2026-03-02", used="1"),
                commitment("bought before", "2026-03-01", "2026-03-02", used="1"),
                commitment("never used", "2026-03-01", "2026-03-02", paid="1"),
            ]
        )
        .build()
    )
    found = rules(runtime(vendor))
    assert (found["b"].outcome, found["b"].checked, found["b"].failed) == (Outcome.FAILED, 2, 1)
    [finding] = found["b"].worst
    assert (finding.subject, finding.difference) == ("lost", -1)
    why = found["b"].why or ""
    assert "yearly: its term 2026-03-01..2027-03-01 is not complete in the data" in why
    assert "bought before: its purchase is not in the data" in why
    assert "never used: no charge that it covers is in the data" in why
    assert found["c"].outcome is Outcome.NOT_APPLICABLE, "an open term makes accrual and cash differ"


def test_a_price_times_its_quantity_is_the_cost_within_the_decimals_of_the_row(tmp_path: Path):
    def priced(cost: str, price: str, quantity: str, **more: Any) -> dict[str, Any]:
        return charge(cost, list_unit_price=Decimal(price), pricing_quantity=Decimal(quantity), **more)

    vendor = (
        SmallVendor(tmp_path)
        .land(
            [
                priced("0.0000008", "0.0000004", "2"),
                priced("0.0000160599", "0.008", "0.00200749"),  # exact: 0.00001605992
                priced("-5", "2.5", "-2"),
                priced("1000000000000", "1000000", "1000000"),
                priced("6", "2.5", "2", charge_description="too dear"),
                priced("1000000000000.01", "1000000", "1000000"),
                priced("9", "2.5", "2", charge_class="Correction"),
                charge("3"),
            ]
        )
        .build()
    )
    found = rules(runtime(vendor))["d"]
    assert (found.checked, found.failed) == (6, 2)
    assert [(f.charge_key, f.expected, f.actual, f.note) for f in found.worst] == [
        ("d:4", 5, 6, "too dear"),
        ("d:5", 1000000000000, Decimal("1000000000000.01"), None),
    ]


def test_the_worked_examples_of_the_specification_keep_the_commitment_rules(tmp_path: Path, fixtures: Path):
    scenarios = sorted((fixtures / "focus" / "spec_1.2").glob("commitment_discount_flexibility__*.csv"))
    billed = []
    for number, scenario in enumerate(scenarios):
        verbs = plane(tmp_path / str(number))
        verbs.ingest([str(scenario)])
        verbs.build()
        found = rules(verbs.runtime, "2023-01")
        assert [found[name].outcome for name in "bc"] == [Outcome.PASSED] * 2, scenario.name
        made = certificate(verbs.runtime)
        assert made.reconciles
        billed += [line.bill for line in made.totals if line.basis.value == "billed"]
    assert sorted(billed) == [Decimal("1.50"), Decimal("2.00"), Decimal("2.75"), Decimal("3.50")]


def test_a_real_dirty_bill_reconciles_though_it_breaks_the_rules_for_bills(tmp_path: Path, fixtures: Path):
    verbs = plane(tmp_path)
    verbs.ingest([str(fixtures / "focus" / "focus_1.0_sample.csv")])
    verbs.build()
    made = certificate(verbs.runtime)
    assert made.reconciles, made.problems
    assert (made.ledger.rows, made.ledger.accepted, made.ledger.quarantined) == (1000, 1000, 0)
    found = rules(verbs.runtime, "2024-01-01..2025-01-01")
    assert found["b"].outcome is Outcome.NOT_APPLICABLE
    assert "not complete in the data" in (found["c"].why or "")
    assert [found[name].outcome for name in "efg"] == [Outcome.PASSED] * 3
    assert found["d"].checked > 500
    print({name: (r.outcome.value, r.checked, r.failed) for name, r in found.items()})


# --- explanation --------------------------------------------------------------------------------------


def adds_up(explanation: Explanation) -> None:
    for figure in explanation.figures:
        assert figure.unexplained == 0
        own = [p.cost for p in explanation.parts if p.currency == figure.currency]
        assert total([*own, figure.smaller_cost]) == getattr(figure, explanation.basis.column)


def bill_rows(explanation: Explanation, part: Part) -> list[BillRow]:
    """The charges of a part's cell stand once, with the first part that has it."""
    cell = (part.currency, part.pool, part.service_name, part.rung == "silo")
    first = next(
        p for p in explanation.parts if (p.currency, p.pool, p.service_name, p.rung == "silo") == cell
    )
    return [row for row in explanation.bill_rows if row.part == first.part]


def only(explanation: Explanation, **named: str) -> Part:
    [part] = [p for p in explanation.parts if all(getattr(p, k) == v for k, v in named.items())]
    return part


def test_one_figure_down_to_driver_rule_and_bill_row_by_hand(tmp_path: Path):
    policy = Policy(
        rules=(
            Rule(
                pool="Functions",
                match=Match(service=("Compute",)),
                meters=(Meter(meter="ms", service="Compute"),),
            ),
        )
    )
    vendor = SmallVendor(tmp_path, policy).land(
        [charge("9", "2026-03-01T05", charge_description="milliseconds"), charge("1", "2026-03-01T06")],
        [tenant("ada"), tenant("bob")],
        [
            usage("ada", 1, "2026-03-01T05"),
            usage("bob", 2, "2026-03-01T05"),
            usage("ada", 7, "2026-03-01T06"),
        ],
    )
    vendor.build()
    found = explain(runtime(vendor), "ada")
    adds_up(found)
    [figure] = found.figures
    assert figure.effective_cost == 4  # 9 x 1/3 + 1
    [part] = found.parts
    assert (part.cost, part.shared_cost, part.pool_cost, part.share) == (4, 10, 10, 0.4)
    assert (part.rung, part.reason, part.because) == ("fine", "usage by hour", "usage by hour: 8 of 10 ms")
    assert part.rule is not None
    assert part.rule.startswith('rule 1: {"pool":"Functions"')
    assert found.policy_version == policy.version
    whole, *hours = found.drivers
    assert (whole.meter, whole.quantity, whole.of) == ("ms", 8, 10)
    assert [(h.hour, h.quantity, h.of) for h in hours] == [
        (datetime.fromisoformat("2026-03-01T06"), 7, 7),
        (datetime.fromisoformat("2026-03-01T05"), 1, 3),
    ]
    assert [(r.charge_key, r.cost, r.description, r.row) for r in found.bill_rows] == [
        ("d:0", 9, "milliseconds", 0),
        ("d:1", 1, None, 1),
    ]
    assert part.charges == 2
    # each hour's share of its charge is the figure, to the last digit
    assert Decimal(9) * hours[1].quantity / (hours[1].of or 1) + 1 == figure.effective_cost


@pytest.mark.parametrize("basis", ["billed", "effective", "list", "contracted"])
def test_every_figure_of_a_hard_bill_is_explained(door: Runtime, basis: str):
    costs = rows_of(door, "tenant_cost")
    everybody = {row["tenant_id"] for row in costs}
    assert {"(idle)", "(unallocated)", "(unknown:stranger)", "(unknown:nobody knows)"} < everybody
    for tenant_id in everybody:
        found = explain(door, tenant_id, "2026-01-01..2027-01-01", top=2, basis=basis)
        adds_up(found)
        for part in found.parts:
            assert part.shared_cost is not None, part
            assert part.pool_cost is not None, part
            rows = bill_rows(found, part)
            assert rows, part
            if part.charges <= 2:
                assert total([row.cost for row in rows]) == part.pool_cost


def test_the_ways_a_pool_was_shared_sum_to_its_charges(door: Runtime):
    found = {t: explain(door, t, top=100) for t in ("ada", "bob", "cyd", "(idle)", "(unknown:stranger)")}
    compute = [p for e in found.values() for p in e.parts if (p.pool, p.currency) == ("Compute", "USD")]
    ways = {(p.driver_pool, p.rung, p.reason): p.shared_cost for p in compute}
    [pool_cost] = {p.pool_cost for p in compute}
    assert total([cost for cost in ways.values() if cost is not None]) == pool_cost
    for way, shared_cost in ways.items():
        parts = [p for p in compute if (p.driver_pool, p.rung, p.reason) == way]
        assert total([p.cost for p in parts]) == shared_cost


def test_money_without_a_tenant_is_explained_too(door: Runtime):
    found = explain(door, "(unallocated)")
    central = only(found, pool="Credits", currency="USD")
    assert (central.reason, central.cost, central.share) == ("central by policy", -4, 1)
    assert [row.description for row in bill_rows(found, central)] == ["promotion"]
    idle = only(
        explain(door, "(idle)"), pool="Compute", reason="capacity nobody used: usage by hour", currency="USD"
    )
    assert (idle.cost, idle.because.endswith("9.5 of 9.5 ms")) == (Decimal("6.650000000000000001"), True)
    unknown = only(explain(door, "(unknown:nobody knows)"), rung="silo")
    assert (unknown.cost, unknown.share, unknown.because) == (5, 1, "named by tag:tenant")


def test_what_follows_other_cost_says_how_much_of_it_the_tenant_bears(door: Runtime):
    found = explain(door, "(unknown:stranger)")
    support = only(found, pool="AWS Support")
    assert support.reason == "no usage: follows all cost"
    [driver] = [d for d in found.drivers if d.part == support.part]
    assert driver.meter == "USD of effective cost"
    assert driver.share == pytest.approx(support.share)


def test_what_follows_named_pools_says_so_also_where_a_name_holds_a_comma(tmp_path: Path):
    followed = Rule(pool="disk, fast", match=Match(service=("Disk",)), meters=(Meter(meter="ms"),))
    other = Rule(pool="fast", match=Match(service=("Other",)), meters=(Meter(meter="calls"),))
    support = Rule(
        pool="support",
        match=Match(service=("Support",)),
        strategy=Strategy.PROPORTIONAL,
        basis="compute,disk, fast",
    )
    vendor = SmallVendor(tmp_path, Policy(rules=(followed, other, support))).land(
        [
            charge("8", service_name="Disk"),
            charge("5", service_name="Support"),
            charge("90", service_name="X"),
        ],
        [tenant("ada"), tenant("bob")],
        [usage("ada", 3), usage("bob", 1), usage("bob", 9, meter="calls", service_name="X")],
    )
    vendor.build()
    found = explain(runtime(vendor), "ada")
    part = only(found, pool="support")
    assert (part.reason, part.cost) == ("follows cost of compute,disk, fast", Decimal("3.75"))
    [driver] = [d for d in found.drivers if d.part == part.part]
    assert (driver.quantity, driver.of) == (6, 8)


def test_one_service_can_be_asked_for(door: Runtime):
    found = explain(door, "ada", service_name="Disk")
    assert {part.service_name for part in found.parts} == {"Disk"}
    adds_up(found)


def test_a_figure_leads_to_the_file_and_row_it_came_from(tmp_path: Path, fixtures: Path):
    bill = fixtures / "focus" / "focus_1.0_sample.csv"
    verbs = plane(tmp_path)
    verbs.ingest([str(bill)])
    verbs.build()
    found = explain(verbs.runtime, "(unallocated)", "2024-09", basis="billed", top=1)
    adds_up(found)
    [row] = found.bill_rows
    assert Path(row.file or "").name == bill.name
    line = bill.read_text(encoding="utf-8").splitlines()[row.row]
    assert f"{row.cost:f}".rstrip("0") in line


def test_a_tenant_sees_its_own_figure_but_neither_pools_nor_bill(door: Runtime):
    mine = door.call(
        "reconciliation", "explain", {"tenant_id": "ada", "window": "2026-03"}, Principal("ada's", "ada")
    ).data
    theirs = explain(door, "ada")
    assert mine.figures == theirs.figures
    adds_up(mine)
    assert not mine.bill_rows
    assert not any(part.rule or part.pool_cost for part in mine.parts)
    assert not any(part.shared_cost for part in mine.parts if part.rung != "silo")
    assert all(sample.of is None for sample in mine.drivers)
    with pytest.raises(TenantryError) as problem:
        door.call(
            "reconciliation", "explain", {"tenant_id": "bob", "window": "2026-03"}, Principal("ada's", "ada")
        )
    assert problem.value.kind is Kind.FORBIDDEN


def test_a_tenant_nobody_knows_is_not_found_and_one_without_cost_is(door: Runtime):
    with pytest.raises(TenantryError) as problem:
        explain(door, "adda")
    assert problem.value.kind is Kind.NOT_FOUND
    assert explain(door, "ada", "2025-01").figures == []


def test_the_capability_is_whole():
    capability = CATALOG.capability("reconciliation")
    for tool in capability.tools:
        assert f"`{tool.name}`" in capability.instructions

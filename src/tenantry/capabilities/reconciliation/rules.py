"""The reconciliation rules of FOCUS, (a) to (g), run over the data there is: a report for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import BaseModel, Field

from ...datasets.allocated_cells import AllocatedCells
from ...datasets.bill_checks import BillSums, CommitmentTerms, PriceChecks
from ...datasets.charges import Charges
from ...kernel import Context, Window, tool
from ...kernel.dataset import Count, Dimension, Money, Note, OptionalDimension, OptionalMoney
from ...kernel.money import Basis
from ...kernel.parameters import Month
from ...methods.tolerance import subunit
from .certificate import day_sums
from .invoices import invoice_lines

WORST = 10
"""How many findings a rule shows at most, the largest difference first."""


class Outcome(StrEnum):
    """What a rule found."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


class Finding(BaseModel):
    """One thing that a rule does not hold for. `difference` is actual - expected, exact."""

    rule: Dimension
    subject: Dimension
    charge_key: OptionalDimension
    currency: Dimension
    expected: Money
    actual: Money
    difference: Money
    tolerance: OptionalMoney
    note: Note


class RuleResult(BaseModel):
    """What one rule found. A rule about the bill checks what the provider wrote: its failure is not our error."""

    rule: Dimension
    says: Dimension
    about: Annotated[
        Dimension, Field(description="bill (what the provider wrote) or allocation (what we made of it)")
    ]
    outcome: Outcome
    why: Annotated[Note, Field(description="what could not be checked, and why")]
    checked: Count
    failed: Count


class RuleReport(BaseModel):
    """What each rule found, and of what it does not hold for the largest differences, up to 10 for each rule."""

    results: list[RuleResult]
    findings: list[Finding]


class _Report(NamedTuple):
    """What a rule's function finds: how many things it checked, how many failed, some of those, what it left out."""

    checked: int
    failed: int
    findings: Sequence[Finding]
    why: str | None = None


def _judged(checked: int, findings: Sequence[Finding], why: str | None = None) -> _Report:
    return _Report(checked, len(findings), findings, why)


@tool(window="2026-03")
def rules(ctx: Context, window: Month = None) -> RuleReport:
    """Run FOCUS's reconciliation rules, which no validator runs. Invoices and commitments are checked whole."""
    when = window or ctx.month(Charges)
    reports = [(name, says, about, check(ctx, when)) for name, says, about, check in _RULES]
    return RuleReport(
        results=[
            RuleResult(
                rule=name,
                says=says,
                about=about,
                outcome=_outcome(report),
                why=report.why,
                checked=report.checked,
                failed=report.failed,
            )
            for name, says, about, report in reports
        ],
        findings=[
            finding
            for *_, report in reports
            for finding in sorted(report.findings, key=lambda f: -abs(f.difference))[:WORST]
        ],
    )


def _outcome(report: _Report) -> Outcome:
    if report.failed:
        return Outcome.FAILED
    return Outcome.PASSED if report.checked else Outcome.NOT_APPLICABLE


def _invoices(ctx: Context, window: Window) -> _Report:
    lines = invoice_lines(ctx, window)
    findings = [
        _finding(
            "a",
            " of ".join(name for name in (line.invoice_id, line.invoice_issuer_name) if name),
            line.currency,
            line.invoiced,
            line.billed,
            line.tolerance,
            f"{line.charges} charges" if line.charges else "no charge names this invoice",
        )
        for line in lines
        if not line.matches
    ]
    why = "no invoices: land a table with invoice_id, invoice_issuer_name, currency, amount"
    return _judged(len(lines), findings, None if lines else why)


def _commitments(ctx: Context, _: Window) -> _Report:
    terms = ctx.rows(CommitmentTerms)
    if not terms:
        return _judged(0, (), "no charge names a commitment")
    whole = [term for term in terms if not _undecidable(term)]
    open_ = [f"{t.commitment_discount_id}: {why}" for t in terms if (why := _undecidable(t))]
    findings = [
        _finding(
            "b",
            term.commitment_discount_id,
            term.currency,
            term.purchased_cost,
            term.covered_cost,
            _rounding(term.currency),
            f"{term.charges} charges, unused {term.unused_cost:f}",
        )
        for term in whole
        if abs(term.covered_cost - term.purchased_cost) > _rounding(term.currency)
    ]
    return _judged(len(whole), findings, _not_decidable(open_))


def _undecidable(term: CommitmentTerms) -> str | None:
    """Why the data cannot tell whether a commitment was amortised whole; None where it can."""
    if term.term_start is None or term.term_end is None:
        return "its purchase is not in the data"
    if term.covered_start is None or term.covered_end is None:
        return "no charge that it covers is in the data"
    if term.covered_start > term.term_start or term.covered_end < term.term_end:
        return f"its term {term.term_start:%Y-%m-%d}..{term.term_end:%Y-%m-%d} is not complete in the data"
    if term.covered_start < term.term_start or term.covered_end > term.term_end:
        return "it covers more than the periods of the purchases in the data"
    return None


def _accrual(ctx: Context, _: Window) -> _Report:
    open_ = {term.currency for term in ctx.rows(CommitmentTerms) if _undecidable(term)}
    sums = ctx.totals(BillSums, by=("currency",), measures=("billed_cost", "effective_cost"))
    whole = [row for row in sums if row.currency not in open_]
    findings = [
        _finding(
            "c",
            row.currency,
            row.currency,
            row.billed_cost,
            row.effective_cost,
            _rounding(row.currency),
            None,
        )
        for row in whole
        if abs(row.effective_cost - row.billed_cost) > _rounding(row.currency)
    ]
    left = [f"{currency}: a commitment's term is not complete in the data" for currency in sorted(open_)]
    return _judged(len(whole), findings, _not_decidable(left))


def _prices(ctx: Context, window: Window) -> _Report:
    counts = ctx.totals(PriceChecks, window, by=("outcome",), measures=("checks",))
    checks = {row.outcome: row.checks for row in counts}
    failed = checks.get("failed", 0)
    worst = ctx.rows(PriceChecks, window, place=range(1, WORST + 1), outcome="failed") if failed else []
    findings = [
        Finding(
            rule="d",
            subject=f"{row.price} cost, row {row.x_row} of delivery {row.x_delivery}",
            charge_key=row.charge_key,
            currency=row.currency,
            expected=row.cost - row.difference,
            actual=row.cost,
            difference=row.difference,
            tolerance=row.tolerance,
            note=row.charge_description,
        )
        for row in worst
    ]
    why = None if checks else "no charge has both a unit price and a pricing quantity"
    return _Report(sum(checks.values()), failed, findings, why)


def _parts(ctx: Context, window: Window) -> _Report:
    checked, broken = _cells(ctx, window, "conserved")
    findings = [
        _finding("e", _name(cell), cell.currency, cost, cost + difference, None, basis.column)
        for cell in broken
        for basis in Basis
        if (difference := getattr(cell, f"{basis}_difference"))
        for cost in [getattr(cell, basis.column)]
    ]
    return _Report(checked[0] + checked[1], checked[0], findings)


def _ratios(ctx: Context, window: Window) -> _Report:
    checked, broken = _cells(ctx, window, "whole")
    findings = [
        _finding("f", _name(cell), cell.currency, Decimal(1), cell.ratio, None, f"{cell.parts} parts")
        for cell in broken
    ]
    return _Report(checked[0] + checked[1], checked[0], findings)


def _cells(ctx: Context, window: Window, flag: str) -> tuple[dict[int, int], list[AllocatedCells]]:
    """How many cells have the flag (1) and not (0), and some that do not."""
    counts = {0: 0, 1: 0}
    counts |= {
        row[flag]: row.cells for row in ctx.totals(AllocatedCells, window, by=(flag,), measures=("cells",))
    }
    return counts, ctx.rows(AllocatedCells, window, limit=1000, **{flag: 0}) if counts[0] else []


def _name(cell: AllocatedCells) -> str:
    names = (cell.charge_day, cell.pool, cell.owner, cell.service_name, cell.sub_account_id)
    return " / ".join(str(name) for name in names if name)


def _conservation(ctx: Context, window: Window) -> _Report:
    days = day_sums(ctx, window)
    findings = [
        _finding(
            "g",
            f"{day.charge_day} of billing period {day.billing_period}",
            day.currency,
            day.bill,
            day.bill + day.off,
            None,
            f"{day.basis.column}: pools {day.pools:f}, allocated {day.allocated:f}, tenants {day.tenants:f}",
        )
        for day in days
        if day.off
    ]
    return _judged(len(days), findings)


def _finding(
    rule: str,
    subject: str,
    currency: str,
    expected: Decimal,
    actual: Decimal,
    tolerance: Decimal | None,
    note: str | None,
) -> Finding:
    return Finding(
        rule=rule,
        subject=subject,
        charge_key=None,
        currency=currency,
        expected=expected,
        actual=actual,
        difference=actual - expected,
        tolerance=tolerance,
        note=note,
    )


def _rounding(currency: str) -> Decimal:
    """What vanishes when an amount is written in whole subunits."""
    return subunit(currency) / 2


def _not_decidable(reasons: Sequence[str]) -> str | None:
    if not reasons:
        return None
    more = f" and {len(reasons) - WORST} more" if len(reasons) > WORST else ""
    return f"not decidable: {'; '.join(reasons[:WORST])}{more}"


_RULES: tuple[tuple[str, str, str, Callable[[Context, Window], _Report]], ...] = (
    ("a", "billed cost of an invoice's charges = the invoice, within FOCUS's tolerance", "bill", _invoices),
    (
        "b",
        "over a commitment's term: effective cost used and unused = billed cost of its purchase",
        "bill",
        _commitments,
    ),
    (
        "c",
        "effective cost = billed cost, over all data that holds what covers and what is covered",
        "bill",
        _accrual,
    ),
    (
        "d",
        "unit price x quantity = cost, list and contracted, within what the row's decimals say",
        "bill",
        _prices,
    ),
    ("e", "the allocated parts of a charge sum to it, in each cost", "allocation", _parts),
    ("f", "the allocated ratios of a charge sum to 1", "allocation", _ratios),
    (
        "g",
        "tenants + unallocated + idle = the bill, per currency, billing period, day and cost",
        "allocation",
        _conservation,
    ),
)

"""The certificate: sums at each step from the bill to the tenants, and whether they are one sum."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, Field

from ...datasets.allocation import Allocation
from ...datasets.allocation_rules import AllocationRules
from ...datasets.bill_checks import BillSums
from ...datasets.closed import ClosedDays
from ...datasets.correction_entries import CorrectionEntries
from ...datasets.corrections import RESTATED
from ...datasets.pool_cost import PoolCost
from ...datasets.tenant_cost import TenantCost
from ...errors import Kind, TenantryError
from ...kernel import Context, Window, tool
from ...kernel.dataset import Count, Dataset, Day, Dimension, Money, OptionalDay, OptionalDimension, Ratio
from ...kernel.landing import Deliveries
from ...kernel.money import Basis, exact, part
from ...kernel.parameters import Span
from ...methods.proof import proof_id
from .invoices import InvoiceLine, invoice_lines

COSTS = tuple(basis.column for basis in Basis)
_KEY = ("billing_period", "charge_day", "currency")
_RUNGS = ("silo", "fine", "coarse", "fallback", "unallocated")


class Total(BaseModel):
    """One cost basis of one currency, at each step from the bill to the tenants."""

    currency: Dimension
    basis: Basis
    bill: Annotated[Money, Field(description="sum of the charges")]
    pools: Annotated[Money, Field(description="sum of the pools they were put into")]
    allocated: Annotated[Money, Field(description="sum over drivers, and of what follows other cost")]
    tenants: Annotated[Money, Field(description="sum over tenant_cost, idle and unallocated with it")]
    idle: Annotated[Money, Field(description="of this, (idle)")]
    unallocated: Annotated[Money, Field(description="of this, (unallocated)")]
    difference: Annotated[Money, Field(description="tenants - bill")]
    days: Annotated[Count, Field(description="days compared, each by itself")]
    days_off: Annotated[Count, Field(description="days on which any step differs from the bill")]


class Period(BaseModel):
    """What is invoiced together. `billing_period` is its first day."""

    billing_period: Day


class PeriodTotal(Total, Period):
    """The same of one billing period."""


class Ledger(BaseModel):
    """What came in. In every delivery, rows = accepted + quarantined + left_out."""

    deliveries: Count
    rows: Count
    accepted: Count
    quarantined: Count
    left_out: Count
    balanced: bool
    digest: Annotated[
        Dimension, Field(description="SHA-256 over the deliveries, whose names come from content")
    ]


class RungShare(BaseModel):
    """How much of the effective cost is known how directly."""

    currency: Dimension
    rung: Dimension
    effective_cost: Money
    share: Ratio


class CorrectedMonth(BaseModel):
    """What was booked in one month to correct another, which is closed: in effective cost, it sums to 0."""

    booked_in: Annotated[Day, Field(description="the month's first day")]
    corrects: Annotated[Day, Field(description="the closed month's first day")]
    currency: Dimension
    gained: Annotated[Money, Field(description="what some rows got, and as much was taken from others")]
    restated: Annotated[
        Money,
        Field(description="of this, what the bill says more of the closed month: there it is (unallocated)"),
    ]


class Certificate(BaseModel):
    """That the tenants sum to the bill, or where they do not. `proof_id` names exactly these figures."""

    reconciles: Annotated[bool, Field(description="from the bill to the tenants, exactly")]
    proof_id: Dimension
    window: OptionalDimension
    policy_version: Dimension
    charges: Count
    charges_in_pools: Count
    ledger: Ledger
    totals: list[Total]
    periods: list[PeriodTotal]
    coverage: list[RungShare]
    closed_through: Annotated[OptionalDay, Field(description="the last closed day")]
    corrections: Annotated[
        list[CorrectedMonth], Field(description="booked in the window, for months that were closed before")
    ]
    invoices: list[InvoiceLine]
    problems: list[str]


class DaySum(NamedTuple):
    """One basis of one day, billing period and currency, at each step."""

    billing_period: date
    charge_day: date
    currency: str
    basis: Basis
    bill: Decimal
    pools: Decimal
    allocated: Decimal
    tenants: Decimal
    idle: Decimal
    unallocated: Decimal

    @property
    def off(self) -> Decimal:
        """The first difference from the bill, step by step; 0 where there is none."""
        return next(
            (d for step in (self.pools, self.allocated, self.tenants) if (d := step - self.bill)), Decimal(0)
        )


@tool()
def certificate(ctx: Context, window: Span = None) -> Certificate:
    """Whether bill, pools, allocation and tenants are one sum: exactly, on each day, in each currency and cost basis.

    Beside it, invoices that were landed: each must be the bill's within FOCUS's tolerance.
    Reads the charges as they are now: a bill landed after the last build does not reconcile until `tenantry build`.
    """
    days = day_sums(ctx, window)
    ledger = _ledger(ctx.rows(Deliveries))
    closed = ctx.span(ClosedDays)
    charges, pooled = (
        sum(row.charges for row in ctx.totals(dataset, window, by=("currency",), measures=("charges",)))
        for dataset in (BillSums, PoolCost)
    )
    problems = [*_problems(days)]
    if charges != pooled:
        problems.append(f"{charges} charges in the bill, but {pooled} in pools")
    if not ledger.balanced:
        problems.append("a delivery has rows that are not accepted, quarantined or left out")
    made = Certificate(
        reconciles=not problems,
        proof_id="",
        window=None if window is None else str(window),
        policy_version=policy_version(ctx.rows(AllocationRules)),
        charges=charges,
        charges_in_pools=pooled,
        ledger=ledger,
        totals=[Total(**sums) for sums in _sums(days, ("currency", "basis"))],
        periods=[PeriodTotal(**sums) for sums in _sums(days, ("billing_period", "currency", "basis"))],
        coverage=[*_coverage(ctx, window)],
        closed_through=closed.end - timedelta(days=1) if closed else None,
        corrections=_corrections(ctx, window) if closed else [],
        invoices=invoice_lines(ctx, window),
        problems=problems,
    )
    return made.model_copy(update={"proof_id": proof_id(made)})


def policy_version(rules: Iterable[AllocationRules]) -> str:
    """The version of the policy that the lake was built under; empty before the first build."""
    return ", ".join(sorted({rule.policy_version for rule in rules}))


def day_sums(ctx: Context, window: Window | None) -> list[DaySum]:
    """The sums of each day. Raises `not_found` where there is no bill."""
    asked: list[tuple[str, type[Dataset], dict[str, Any]]] = [
        ("bill", BillSums, {}),
        ("pools", PoolCost, {}),
        ("allocated", Allocation, {}),
        ("tenants", TenantCost, {}),
        ("idle", TenantCost, {"tenant_id": "(idle)"}),
        ("unallocated", TenantCost, {"tenant_id": "(unallocated)"}),
    ]
    sums: dict[tuple[date, date, str, Basis], dict[str, Decimal]] = defaultdict(dict)
    for step, dataset, only in asked:
        for row in ctx.totals(dataset, window, by=_KEY, measures=COSTS, **only):
            for basis in Basis:
                sums[row.billing_period, row.charge_day, row.currency, basis][step] = row[basis.column]
    if not any("bill" in steps for steps in sums.values()):
        when = f" in {window}" if window else ""
        raise TenantryError(
            Kind.NOT_FOUND, f"there is no bill{when}", "land one first: `tenantry profile PATH...`"
        )
    steps = [step for step, _, _ in asked]
    return [
        DaySum(*key, *(found.get(step, Decimal(0)) for step in steps))
        for key, found in sorted(sums.items(), key=lambda item: item[0])
    ]


def _sums(days: Iterable[DaySum], by: Sequence[str]) -> Iterator[dict[str, Any]]:
    name = attrgetter(*by)
    groups: dict[tuple[object, ...], list[DaySum]] = defaultdict(list)
    for day in days:
        groups[name(day)].append(day)
    for key, group in groups.items():
        steps = {
            step: sum((getattr(day, step) for day in group), Decimal(0))
            for step in ("bill", "pools", "allocated", "tenants", "idle", "unallocated")
        }
        yield {
            **dict(zip(by, key, strict=True)),
            **steps,
            "difference": steps["tenants"] - steps["bill"],
            "days": len({day.charge_day for day in group}),
            "days_off": len({day.charge_day for day in group if day.off}),
        }


def _problems(days: Iterable[DaySum]) -> Iterator[str]:
    """A sentence for each currency and basis that is off, and what to do about it."""
    groups: dict[tuple[str, Basis], list[DaySum]] = defaultdict(list)
    for day in days:
        if day.off:
            groups[day.currency, day.basis].append(day)
    for (currency, basis), off in groups.items():
        sums = {
            step: sum((getattr(d, step) for d in off), Decimal(0))
            for step in ("bill", "pools", "allocated", "tenants")
        }
        shown = ", ".join(f"{step} {exact(value)}" for step, value in sums.items())
        yield (
            f"{currency} {basis.column} differs on {len(off)} days from {off[0].charge_day}: {shown};"
            " if a bill was landed since the last build, run `tenantry build`"
        )


def _ledger(deliveries: Sequence[Deliveries]) -> Ledger:
    rows = [(d.delivery, d.dataset, d.rows, d.accepted, d.quarantined, d.left_out) for d in deliveries]
    return Ledger(
        deliveries=len(rows),
        rows=sum(d.rows for d in deliveries),
        accepted=sum(d.accepted for d in deliveries),
        quarantined=sum(d.quarantined for d in deliveries),
        left_out=sum(d.left_out for d in deliveries),
        balanced=all(d.rows == d.accepted + d.quarantined + d.left_out for d in deliveries),
        digest=proof_id(sorted(rows)),
    )


def _coverage(ctx: Context, window: Window | None) -> Iterator[RungShare]:
    measure = Basis.EFFECTIVE.column
    rows = ctx.totals(TenantCost, window, by=("currency", "rung"), measures=(measure,))
    whole: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        whole[row.currency] += row[measure]
    for row in sorted(rows, key=lambda r: (r.currency, _RUNGS.index(r.rung))):
        yield RungShare(
            currency=row.currency,
            rung=row.rung,
            effective_cost=row[measure],
            share=part(row[measure], whole[row.currency]),
        )


def _corrections(ctx: Context, window: Window | None) -> list[CorrectedMonth]:
    by = ("charge_day", "month", "currency")
    booked = ctx.totals(CorrectionEntries, window, by=by, measures=("gained",), side="booked")
    moved = ctx.totals(
        CorrectionEntries, window, by=by, measures=("effective_cost",), side="booked", reason=RESTATED
    )
    restated = {tuple(row[name] for name in by): -row.effective_cost for row in moved}
    return [
        CorrectedMonth(
            booked_in=row.charge_day,
            corrects=row.month,
            currency=row.currency,
            gained=row.gained,
            restated=restated.get((row.charge_day, row.month, row.currency), Decimal(0)),
        )
        for row in booked
    ]

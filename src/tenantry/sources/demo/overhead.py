"""Charges that no tenant causes: tooling, support, tax, credits, corrections, commitments, the marketplace."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

import numpy as np

from ...kernel.time import month_start, next_month
from . import prices
from .bill import PAYER_ACCOUNT, SHARED, TOOLING_ACCOUNT, Account, Bill, Cells, Spans, service_columns
from .plan import Plan
from .prices import MONEY, SAVINGS_PLAN, Service
from .shared import Commitment, commitment_columns
from .traffic import Cells as Requests
from .truth import SHARED as NOBODY
from .truth import Truth

_PROMOTION = 750 * MONEY
_PROMOTION_MONTHS = 4
_CORRECTION = -2_153_370_000_000
_TAX_PER_100_000 = 6_250
_SUPPORT_STEPS = ((10_000, 100), (80_000, 70), (250_000, 50))
"""Up to so many USD: so many thousandths."""
_MARKETPLACE = (
    ("Lanternlight Observability, Inc.", "Lanternlight APM", "USD", 1_850 * MONEY),
    ("Posthorn Mail GmbH", "Posthorn Transactional Mail", "EUR", 240 * MONEY),
)


def charge_overhead(plan: Plan, bill: Bill, truth: Truth, commitment: Commitment | None) -> None:
    """Everything but corrections. Comes last: support and tax are parts of what the bill already says."""
    _tooling(bill, truth)
    _tax(plan, bill, truth)
    _support(bill, truth)
    if commitment:
        _commitment(bill, truth, commitment)
    _credits(plan, bill, truth)
    _marketplace(bill, truth)


def correct(bill: Bill, truth: Truth, wrong: Requests) -> None:
    """Three days of last month's EU nodes were charged too high; the provider takes it back in this bill."""
    days = Spans(wrong.hours[9 * 24 : 12 * 24 : 24], 24)
    corrected = wrong.only((wrong.day >= 9) & (wrong.day < 12))
    bill.add(
        Spans(days.first[:1], 72),
        SHARED[0],
        **_flat(prices.EC2, "Usage", _CORRECTION),
        ChargeClass="Correction",
        ChargeFrequency="Usage-Based",
        ChargeDescription=f"Correction of EUC1-BoxUsage:m6i.2xlarge for {wrong.month:%Y-%m}",
        x_UsageType=prices.NODE.usage(SHARED[0].region),
    )
    truth.corrected(bill, corrected, corrected.consumed["compute_ms"], _CORRECTION, prices.EC2.name)


def _flat(service: Service, category: str, cost: int) -> dict[str, Cells]:
    """A charge of one amount on every basis."""
    return {
        **service_columns(service),
        "ChargeCategory": category,
        "BilledCost": cost,
        "EffectiveCost": cost,
        "ListCost": cost,
        "ContractedCost": cost,
    }


def _tooling(bill: Bill, truth: Truth) -> None:
    days = (next_month(bill.month) - bill.month).days
    spans = Spans.of_days(bill.month, days)
    working = np.array([(bill.month + timedelta(days=d)).weekday() < 5 for d in range(days)])
    for item, per_day in prices.TOOLING:
        steady = item.service is not prices.CODEBUILD
        quantity = np.where(working | steady, per_day, per_day // 8).astype(np.int64)
        quantity = quantity * 1000 // (days if item.unit == "GB-Mo" else 1)
        cost = bill.usage(item, TOOLING_ACCOUNT, spans, quantity, tags={"team": "platform", "env": "ci"})
        _nobody(bill, truth, item.service.name, "overhead", int(cost.sum()))


def _billed(bill: Bill) -> dict[tuple[str, str], int]:
    """(account, service) -> what this bill charges so far."""
    total: dict[tuple[str, str], int] = defaultdict(int)
    for rows, block in bill.blocks:
        cost = np.broadcast_to(np.asarray(block.get("BilledCost", 0), dtype=np.int64), rows)
        total[block["SubAccountId"], block["ServiceName"]] += int(cost.sum())
    return dict(total)


def _tax(plan: Plan, bill: Bill, truth: Truth) -> None:
    services = {s.name: s for s in vars(prices).values() if isinstance(s, Service) and s is not prices.EBS}
    owners = {t.account: t for t in plan.tenants if t.account and not t.region.startswith("eu")}
    for (account, service), billed in sorted(_billed(bill).items()):
        tax = billed * _TAX_PER_100_000 // 100_000
        if tax <= 0 or not (account in owners or account == SHARED[1].id):
            continue
        where = Account(account, f"quillhaven-{owners[account].id}", "") if account in owners else SHARED[1]
        bill.add(
            Spans.of_month(bill.month),
            where,
            **_flat(services[service], "Tax", tax),
            ChargeFrequency="One-Time",
            ChargeDescription="US sales tax",
        )
        owner = owners[account].id if account in owners else NOBODY
        truth.whole(bill, owner, service, "tax", tax)


def _support(bill: Bill, truth: Truth) -> None:
    billed, fee, floor = sum(_billed(bill).values()), 0, 0
    for limit, thousandths in _SUPPORT_STEPS:
        fee += max(0, min(billed, limit * MONEY) - floor * MONEY) * thousandths // 1000
        floor = limit
    bill.add(
        Spans.of_month(bill.month),
        PAYER_ACCOUNT,
        **_flat(prices.SUPPORT, "Purchase", fee),
        ChargeFrequency="Recurring",
        ChargeDescription="AWS Support (Business), percentage of monthly charges",
    )
    _nobody(bill, truth, prices.SUPPORT.name, "support", fee)


def _commitment(bill: Bill, truth: Truth, commitment: Commitment) -> None:
    days = Spans.of_days(bill.month, len(commitment.left) // 24)
    fee = np.full(len(days.first), commitment.hourly * 24, dtype=np.int64)
    bill.add(
        days,
        PAYER_ACCOUNT,
        **service_columns(SAVINGS_PLAN),
        **commitment_columns(None, fee),
        ChargeCategory="Purchase",
        ChargeFrequency="Recurring",
        ChargeDescription="1 year No Upfront Compute Savings Plan",
        PricingCategory="Standard",
        PricingQuantity=24 * prices.QUANTITY,
        PricingUnit="Hrs",
        ListUnitPrice=commitment.hourly,
        ContractedUnitPrice=commitment.hourly,
        BilledCost=fee,
        ListCost=fee,
        ContractedCost=fee,
    )
    unused = commitment.left.reshape(-1, 24).sum(axis=1)
    some = unused > 0
    bill.add(
        days.only(some),
        PAYER_ACCOUNT,
        **service_columns(SAVINGS_PLAN),
        **commitment_columns("Unused", unused[some]),
        ChargeCategory="Usage",
        ChargeFrequency="Usage-Based",
        ChargeDescription="Unused commitment of a Compute Savings Plan",
        PricingCategory="Committed",
        EffectiveCost=unused[some],
    )
    _nobody(bill, truth, SAVINGS_PLAN.name, "commitment", int(unused.sum()))


def _credits(plan: Plan, bill: Bill, truth: Truth) -> None:
    found: list[tuple[Service, int, str, date]] = []
    if plan.months.index(bill.month) < _PROMOTION_MONTHS:
        found.append((prices.EC2, -_PROMOTION, "Promotional credit", bill.month))
    down = month_start(plan.story.outage)
    if bill.month == next_month(down):
        paid = truth.of_service(down, prices.RDS.name) // 10
        found.append((prices.RDS, -paid, f"SLA credit for Amazon RDS, {down:%Y-%m}", bill.month))
    for service, cost, description, month in found:
        bill.add(
            Spans.of_month(month),
            SHARED[0],
            **_flat(service, "Credit", cost),
            ChargeFrequency="One-Time",
            ChargeDescription=description,
        )
        _nobody(bill, truth, service.name, "credit", cost)


def _marketplace(bill: Bill, truth: Truth) -> None:
    for seller, product, currency, cost in _MARKETPLACE:
        service = Service(product, "Other", "Other (Other)", "AWSMarketplace")
        bill.add(
            Spans.of_month(bill.month),
            PAYER_ACCOUNT,
            **_flat(service, "Purchase", cost),
            ChargeFrequency="Recurring",
            ChargeDescription=f"AWS Marketplace: {product}, monthly",
            BillingCurrency=currency,
            PricingCurrency=currency,
            InvoiceIssuerName=seller,
            PublisherName=seller,
            InvoiceId=f"MP{bill.month:%y%m}-{sum(map(ord, seller)):05d}",
        )
        truth.whole(bill, NOBODY, product, "overhead", cost, currency)


def _nobody(bill: Bill, truth: Truth, service: str, part: str, cost: int) -> None:
    truth.whole(bill, NOBODY, service, part, cost)

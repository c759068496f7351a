"""What coupons take off the items of a Stripe subscription: https://docs.stripe.com/billing/subscriptions/coupons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from ..kernel.money import EXACT, MONEY_PLACES

Row = dict[str, Any]

_PLACE = Decimal(1).scaleb(-MONEY_PLACES)
_MONTHS = 12


@dataclass(frozen=True)
class Discount:
    """A coupon on rows of subscriptions: a part of each, or an amount of all of them together, in one currency."""

    coupon: str
    rows: Sequence[Row]
    part: Decimal | None
    amount: Decimal
    currency: str
    start: date | None
    end: date | None
    once: bool

    def term(self, row: Row) -> tuple[date, date]:
        """The first day on which it is taken off a row, and the first on which no more."""
        first = max(row["started_on"], self.start or row["started_on"])
        ends = [row["ended_on"], self.end, _after_one(first, row["interval"]) if self.once else None]
        return first, min((day for day in ends if day), default=date.max)


def taken_off(discounts: Sequence[Discount]) -> Iterator[Row]:
    """Rows below zero: what each discount takes of what those before it leave, for as long as that is the same.

    Stripe applies discounts in sequence: 20 % and then 10 % leave 72 of 100. None takes more than there is.
    """
    cuts = [
        (one, row, *one.term(row))
        for one in discounts
        for row in one.rows
        if row["amount"] is not None and (one.part is not None or one.currency == row["currency"])
    ]
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for start, end in pairwise(sorted({day for *_, first, last in cuts for day in (first, last)})):
        left = {row["item"]: row["amount"] * row["quantity"] for _, row, _, _ in cuts}
        most = {id(one): one.amount for one in discounts}
        taken: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for one, row, first, last in cuts:
            if first <= start < last:
                due = left[row["item"]]
                off = min(most[id(one)], due) if one.part is None else _rounded(due, one.part)
                left[row["item"]] -= off
                most[id(one)] -= off
                taken[one.coupon, row["item"]] += off
        for (coupon, item), off in taken.items():
            _add(found[coupon, item], -off, start, end)
    rows = {row["item"]: row for _, row, _, _ in cuts}
    for (coupon, item), spans in found.items():
        plan = f"{rows[item]['plan']} (discount {coupon})"
        yield from ({**rows[item], **span, "plan": plan, "quantity": 1} for span in spans)


def _rounded(due: Decimal, part: Decimal) -> Decimal:
    return EXACT.multiply(due, part).quantize(_PLACE, context=EXACT)


def _add(spans: list[Row], amount: Decimal, start: date, end: date) -> None:
    """Add an amount of these days, to the last one where that is as much until then."""
    ended = None if end == date.max else end
    if spans and (spans[-1]["ended_on"], spans[-1]["amount"]) == (start, amount):
        spans[-1]["ended_on"] = ended
    elif amount:
        spans.append({"amount": amount, "started_on": start, "ended_on": ended})


def _after_one(first: date, interval: str) -> date:
    """The day after the first invoice's period."""
    months = _MONTHS if interval == "year" else 1
    year, month = divmod(first.year * _MONTHS + first.month - 1 + months, _MONTHS)
    last = (date(year, month + 1, 28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return date(year, month + 1, min(first.day, last.day))

"""What every tenant really cost: the answers that no file shows to the product."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from .bill import CURRENCY, Bill
from .dice import Ints
from .focus import decimals
from .plan import UNKNOWN, Plan
from .product import FEATURES
from .traffic import Cells

SHARED, IDLE = "(shared)", "(idle)"
_MONEY = pa.decimal128(38, 18)
PARTS = {
    "silo": "the tenant's own account or a resource tagged with its id",
    "used": "shared resources while in use, by what each request really consumed, hour by hour or day by day",
    "idle": "what stood by in an hour, given to those who used the rest, in proportion; no tenant where nobody did",
    "correction": "a later correction of an earlier month, by the consumption of the days it corrects",
    "overhead": "what no tenant causes: clusters' control planes, the tooling account, marketplace products",
    "support": "the support plan",
    "tax": "sales tax on US accounts: the tenant's on its own account, else nobody's",
    "credit": "promotional and service credits",
    "commitment": "Savings Plan paid for and not used",
}
ATTRIBUTABLE = ("silo", "used", "idle", "correction", "tax")
"""Parts that are a tenant's true cost, where a line names a tenant."""


class Line(NamedTuple):
    """One line of the truth: `month` is when it was consumed, `billing_period` when billed."""

    month: date
    billing_period: date
    tenant_id: str
    service_name: str
    part: str
    currency: str


class Sheet(NamedTuple):
    """What a grid of tenants and features is about."""

    month: date
    billing_period: date
    service_name: str
    part: str


def slot_sums(slot: Ints, weight: Ints, slots: int) -> Ints:
    total = np.zeros(slots, dtype=np.int64)
    np.add.at(total, slot, weight)
    return total


def shares(cost: Ints, slot: Ints, weight: Ints) -> Ints:
    """The cost of every slot given to its cells by weight, to the last unit; the largest cell takes what rounds off."""
    total = slot_sums(slot, weight, len(cost))
    part = weight / np.maximum(total, 1)[slot]
    given = np.floor(cost[slot] * part).astype(np.int64)
    left = np.where(total > 0, cost - slot_sums(slot, given, len(cost)), 0)
    order = np.lexsort((weight, slot))
    last = order[np.append(np.diff(slot[order]) > 0, True)] if len(order) else order
    given[last] += left[slot[last]]
    return given


@dataclass
class Truth:
    """Collects what was true, in integers of 1e-10."""

    plan: Plan
    lines: dict[Line, int] = field(default_factory=lambda: defaultdict(int))
    """Amounts that no request carries."""
    sheets: dict[Sheet, Ints] = field(default_factory=dict)
    """Amounts by [tenant, feature]."""

    def __post_init__(self) -> None:
        self.names = [*(t.id for t in self.plan.tenants), f"(unknown:{UNKNOWN})"]

    def whole(
        self, bill: Bill, tenant: str, service: str, part: str, cost: int, currency: str = CURRENCY
    ) -> None:
        """An amount that is one tenant's, or nobody's."""
        self.lines[Line(bill.month, bill.month, tenant, service, part, currency)] += cost

    def shared(
        self,
        bill: Bill,
        cells: Cells,
        slot: Ints,
        weight: Ints,
        cost: Ints,
        service: str,
        capacity: Ints | None = None,
    ) -> None:
        """The cost of each slot (hour or day) given by weight; with capacity, told apart into used and idle."""
        given = shares(cost, slot, weight)
        used = given
        if capacity is not None:
            used = np.minimum(given, np.floor(cost[slot] * (weight / capacity[slot])).astype(np.int64))
            self._add(Sheet(bill.month, bill.month, service, "idle"), cells, given - used)
        self._add(Sheet(bill.month, bill.month, service, "used"), cells, used)
        if unclaimed := int(cost.sum()) - int(given.sum()):
            self.whole(bill, IDLE, service, "idle", unclaimed)

    def corrected(self, bill: Bill, cells: Cells, weight: Ints, cost: int, service: str) -> None:
        """A correction, billed now, of what the cells consumed in an earlier month."""
        sign = -1 if cost < 0 else 1
        one_slot = np.zeros(len(weight), dtype=np.int64)
        given = sign * shares(np.array([abs(cost)], dtype=np.int64), one_slot, weight)
        self._add(Sheet(cells.month, bill.month, service, "correction"), cells, given)

    def by_tenant(self, bill: Bill, weight: Ints, cost: Ints, service: str) -> None:
        """The cost of every day given by a weight [tenant, day] that no request carries, such as what is stored."""
        tenant, day = (a.astype(np.int64) for a in np.nonzero(weight))
        given = shares(cost, day, weight[tenant, day])
        for t, total in enumerate(slot_sums(tenant, given, self.plan.size)):
            if total:
                self.whole(bill, self.names[t], service, "used", int(total))
        if unclaimed := int(cost.sum()) - int(given.sum()):
            self.whole(bill, IDLE, service, "idle", unclaimed)

    def _add(self, sheet: Sheet, cells: Cells, given: Ints) -> None:
        shape = (self.plan.size, len(FEATURES))
        total = slot_sums(cells.tenant * shape[1] + cells.feature, given, shape[0] * shape[1]).reshape(shape)
        self.sheets[sheet] = self.sheets.get(sheet, 0) + total

    def by_line(self) -> dict[Line, int]:
        """All of it, features added up."""
        merged = defaultdict(int, self.lines)
        for sheet, amounts in self.sheets.items():
            totals = amounts.sum(axis=1)
            for t in np.flatnonzero(totals):
                line = Line(
                    sheet.month, sheet.billing_period, self.names[t], sheet.service_name, sheet.part, CURRENCY
                )
                merged[line] += int(totals[t])
        return {line: cost for line, cost in sorted(merged.items()) if cost}

    def of_service(self, month: date, service: str) -> int:
        """What requests consumed of a service in a month."""
        return sum(
            int(a.sum())
            for s, a in self.sheets.items()
            if (s.billing_period, s.service_name) == (month, service)
        )

    def by_feature(self) -> dict[str, int]:
        """What each feature took of the shared resources."""
        whole = sum(
            (amounts.sum(axis=0) for amounts in self.sheets.values()), np.zeros(len(FEATURES), dtype=np.int64)
        )
        return {feature: int(cost) for feature, cost in zip(FEATURES, whole, strict=True)}

    def tenant_cost(self) -> pa.Table:
        lines = self.by_line()
        columns = zip(*lines, strict=True)
        return pa.table(
            [
                *(pa.array(column) for column in columns),
                _money(np.array(list(lines.values()), dtype=np.int64)),
            ],
            [*Line._fields, "effective_cost"],
        )

    def feature_cost(self) -> pa.Table:
        """The part of the shared resources that a request of a feature consumed."""
        sheets = sorted(self.sheets)
        found = [np.nonzero(self.sheets[sheet]) for sheet in sheets]
        sheet = pa.array(np.repeat(np.arange(len(sheets)), [len(t) for t, _ in found]))
        tenant = pa.array(np.concatenate([t for t, _ in found]))
        feature = pa.array(np.concatenate([f for _, f in found]))
        cost = np.concatenate([self.sheets[s][f] for s, f in zip(sheets, found, strict=True)])
        columns = {name: pa.array([getattr(s, name) for s in sheets]).take(sheet) for name in Sheet._fields}
        names = {
            "tenant_id": pa.array(self.names).take(tenant),
            "feature_id": pa.array(FEATURES).take(feature),
        }
        return pa.table(
            {**columns, **names, "currency": pa.repeat(CURRENCY, len(cost)), "effective_cost": _money(cost)}
        )


def _money(amounts: Ints) -> pa.Array:
    return decimals(amounts, pa.decimal128(28, 10)).cast(_MONEY)

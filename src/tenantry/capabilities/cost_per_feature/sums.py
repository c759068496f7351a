"""The sums that the tools of cost per feature share: cost, what of it has a feature, and units of use."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from ...datasets import FeatureCost, FeatureCostFull, UsageHourly
from ...datasets.margin import by_size
from ...datasets.names import NOBODY
from ...kernel import Context, Row, Window
from ...kernel.money import Basis, quantity

# How long uses took, how much they moved and how many failed is no count of them, and often the fewest. Of what ends in
# the letters of `ms` or `sum`, as `items` does, only the word counts.
_NO_USES = re.compile(r"(?i:seconds|duration|bytes|errors)$|(?<![A-Za-z])(?i:ms|sum)$|[a-z](?:Ms|Sum)$")


@dataclass
class Costs:
    """What a tool was asked to sum, over which days; and each feature's sum, the dearest of a currency first."""

    ctx: Context
    dataset: type[FeatureCost | FeatureCostFull]
    window: Window
    column: str
    features: Sequence[Row] = ()

    def by(self, *columns: str, **asked: Any) -> list[Row]:
        return self.ctx.totals(
            self.dataset, self.window, by=("currency", *columns), measures=(self.column,), **asked
        )

    @cached_property
    def whole(self) -> dict[str, Decimal]:
        """All cost of the window, by currency."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for row in self.features:
            sums[row.currency] += row[self.column]
        return sums

    @cached_property
    def bearing(self) -> dict[tuple[str, str], int]:
        """By currency and feature, how many tenants bear its cost."""
        all_tenants = self.ctx.principal.tenant_id is None
        nobodys = self.by("feature_id", "tenant_id", tenant_id=NOBODY) if all_tenants else []
        count = Counter((row.currency, row.feature_id) for row in nobodys)
        found = {(row.currency, row.feature_id): row.distinct for row in self.features}
        return {key: distinct - count[key] for key, distinct in found.items()}

    @cached_property
    def covered(self) -> dict[str, float | None]:
        """The part of it that has a feature; of credits the size counts, so it is never more than the whole."""
        costs: dict[str, list[tuple[Decimal, bool]]] = defaultdict(list)
        for row in self.features:
            costs[row.currency].append((row[self.column], bool(row.feature_id)))
        return {currency: by_size(of_currency) for currency, of_currency in costs.items()}


def costs_of(ctx: Context, window: Window | None, basis: Basis, shared: str) -> Costs:
    """Costs of the window, or of the newest month: with shared cost apart, or `spread` over whole months."""
    when = window or ctx.month(FeatureCost)
    costs = Costs(ctx, FeatureCost, when, basis.column)
    if shared == "spread":
        costs = Costs(ctx, FeatureCostFull, when.widened_to_months(), basis.column)
    costs.features = costs.by("feature_id", distinct="tenant_id", order=f"-{costs.column}")
    return costs


class Metered(NamedTuple):
    """The meter whose units a feature's cost is divided by."""

    service_name: str
    meter: str


def main_meters(costs: Costs, meter: str | None, **asked: Any) -> dict[tuple[str, str], Metered]:
    """By currency and feature: the meter with the fewest units, before others one in whose service the feature costs.

    Fewest units is the largest unit of use: documents rather than pages. What by its name counts time, bytes or errors
    comes after all that counts uses. The measured cost decides, also where shared cost is spread, so that both views
    divide by the same.
    """
    by = ("feature_id", "service_name")
    costing: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in costs.ctx.totals(
        FeatureCost, costs.window, by=("currency", *by), measures=("units",), **asked
    ):
        costing[row.feature_id].add((row.currency, row.service_name))
    only = {} if meter is None else {"meter": meter}
    used = [
        row
        for row in costs.ctx.totals(
            UsageHourly, costs.window, by=(*by, "meter"), measures=("units",), **only, **asked
        )
        if row.feature_id and row.units > 0
    ]
    best: dict[tuple[str, str], tuple[bool, bool, int, str, str]] = {}
    for row in used:
        for currency in {currency for currency, _ in costing[row.feature_id]}:
            elsewhere = (currency, row.service_name) not in costing[row.feature_id]
            no_use = _NO_USES.search(row.meter) is not None
            order = (elsewhere, no_use, row.units, row.meter, row.service_name)
            best[currency, row.feature_id] = min(order, best.get((currency, row.feature_id), order))
    return {key: Metered(service_name, name) for key, (*_, name, service_name) in best.items()}


def units_used(
    costs: Costs, mains: Iterable[Metered], by: tuple[str, ...], **asked: Any
) -> dict[tuple[Metered, *tuple[str, ...]], Decimal]:
    """Units of these meters, by meter and the columns."""
    names = {main.meter for main in mains}
    return {
        (Metered(row.service_name, row.meter), *(row[name] for name in by)): quantity(row.units)
        for row in costs.ctx.totals(
            UsageHourly,
            costs.window,
            by=("service_name", "meter", *by),
            measures=("units",),
            meter=names,
            **asked,
        )
    }

"""Forecasts of a vendor's tenants, tiers and total, made again at each month as if nothing later were known."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from . import HORIZON, LARGEST, PLACES
from .ensemble import Method, forecast_points
from .reconcile import reconcile
from .seasons import YEAR
from .smoothing import Flags, Floats, Integers

LOOK_BACK = 12
"""Months whose forecasts are held against what came."""
UNIT = 10**PLACES


def in_units(amounts: Floats) -> Integers:
    """Amounts as whole units; what is beyond all reason is cut, so that sums of a few hold in 64 bits."""
    return np.rint(np.clip(amounts, -4 * LARGEST, 4 * LARGEST) * UNIT).astype(np.int64)


@dataclass(frozen=True)
class Panel:
    """What each tenant cost and paid in each month, of one currency: tenants x months, oldest month first.

    `tiers` are the tenants' tiers. A tenant begins with its first month that is not nothing in both.
    """

    tenants: Sequence[str]
    tiers: Sequence[str]
    cost: Floats
    revenue: Floats

    @classmethod
    def of(cls, rows: Iterable[tuple[int, str, str, float, float]], months: int) -> Self:
        """From (month, tenant, tier, cost, revenue); months count from 0, and what has no row is nothing."""
        listed = sorted(rows)
        tiers = {tenant: tier for _, tenant, tier, _, _ in listed}
        tenants = sorted(tiers)
        place = {tenant: row for row, tenant in enumerate(tenants)}
        cost, revenue = (np.zeros((len(tenants), months)) for _ in range(2))
        for month, tenant, _, spent, earned in listed:
            cost[place[tenant], month], revenue[place[tenant], month] = spent, earned
        return cls(tenants, [tiers[t] for t in tenants], cost, revenue)

    @property
    def months(self) -> int:
        return self.cost.shape[1]

    @cached_property
    def amounts(self) -> dict[str, Floats]:
        return {"cost": self.cost, "revenue": self.revenue, "margin": self.revenue - self.cost}

    @cached_property
    def sizes(self) -> dict[str, Floats]:
        """What a measure's scale is compared with: a margin's level may be nothing where cost and revenue are large."""
        cost, revenue = np.abs(self.cost), np.abs(self.revenue)
        return {"cost": cost, "revenue": revenue, "margin": (cost + revenue) / 2}

    @cached_property
    def active(self) -> Flags:
        return (self.cost != 0) | (self.revenue != 0)

    @cached_property
    def began(self) -> Integers:
        return np.where(self.active.any(axis=1), self.active.argmax(axis=1), self.months)

    @cached_property
    def groups(self) -> list[str]:
        return sorted(set(self.tiers))

    @cached_property
    def members(self) -> Floats:
        """Sums x tenants: the total, then each tier."""
        of = np.array(self.tiers)
        return np.stack([np.ones(len(of)), *((of == g).astype(float) for g in self.groups)])

    def summed(self, amounts: Floats) -> Floats:
        """The total's and tiers' amounts (sums x columns), rounded once, whatever the order of tenants."""
        return np.array(
            [[math.fsum(column[chosen]) for column in amounts.T] for chosen in self.members.astype(bool)]
        ).reshape(len(self.members), amounts.shape[1])

    @cached_property
    def sums(self) -> dict[str, Floats]:
        return {name: self.summed(values) for name, values in self.amounts.items()}

    @cached_property
    def sum_sizes(self) -> dict[str, Floats]:
        return {name: self.summed(values) for name, values in self.sizes.items()}

    def known(self, at: int) -> Flags:
        """Tenants that had begun and not ended when `at` months were over."""
        return (self.began < at) & self.active[:, at - 1]


@dataclass(frozen=True)
class Made:
    """Point forecasts made when some months were over: in millionths, tenants x horizon, by measure; with methods."""

    units: dict[str, Integers]
    methods: dict[str, list[Method | None]]

    def amounts(self, measure: str) -> Floats:
        return self.units[measure] / UNIT


class Points:
    """The point forecasts of a panel at each of its months from `first` to `last`, made together.

    Series are fitted by the length of their history, whatever month they are of: so a history of years takes few more
    steps than one month. From 24 months on tiers and total are forecast, too, and reconciled.
    """

    def __init__(self, panel: Panel, first: int, last: int) -> None:
        self.panel = panel
        count = len(panel.tenants)
        # Rows: cost and revenue of the tenants, then of the sums.
        self._values = np.concatenate([panel.cost, panel.revenue, panel.sums["cost"], panel.sums["revenue"]])
        never = np.zeros(len(panel.members), dtype=np.int64)
        self._began = np.concatenate([panel.began, panel.began, never, never])
        self._wanted: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._mean: dict[int, Floats] = {}
        self._variance: dict[int, Floats] = {}
        self._method: dict[int, list[Method | None]] = {}
        for at in range(first, last + 1):
            self._mean[at] = np.zeros((len(self._values), HORIZON))
            self._variance[at] = np.zeros(len(self._values))
            self._method[at] = [None] * len(self._values)
            known = [int(row) for row in np.flatnonzero(panel.known(at))]
            rows = [*known, *(count + row for row in known)]
            if at >= 2 * YEAR:
                rows += range(2 * count, len(self._values))
            for row in rows:
                self._wanted[at - int(self._began[row])].append((row, at))
        for length, wanted in self._wanted.items():
            self._fit(length, wanted)
        self.made = {at: self._make(at) for at in self._mean}

    def _fit(self, length: int, wanted: Sequence[tuple[int, int]]) -> None:
        values = np.stack([self._values[row, at - length : at] for row, at in wanted])
        found = forecast_points(values, HORIZON)
        for place, (row, at) in enumerate(wanted):
            # Costs and revenues without a minus so far do not get one.
            floor = 0.0 if values[place].min() >= 0 else -np.inf
            self._mean[at][row] = np.maximum(found.mean[place], floor)
            self._variance[at][row] = found.variance[place]
            self._method[at][row] = found.methods[place]

    def _make(self, at: int) -> Made:
        count, sums = len(self.panel.tenants), len(self.panel.members)
        units: dict[str, Integers] = {}
        methods: dict[str, list[Method | None]] = {}
        for place, measure in enumerate(("cost", "revenue")):
            own = slice(place * count, (place + 1) * count)
            theirs = slice(2 * count + place * sums, 2 * count + (place + 1) * sums)
            mean = self._mean[at][own]
            known = self.panel.known(at)
            if at >= 2 * YEAR and known.any():
                members = self.panel.members[:, known]
                # Tiers that are yet to come leave no trace, not even in the last bits.
                held = members.any(axis=1)
                mean = mean.copy()
                mean[known] = reconcile(
                    mean[known],
                    self._mean[at][theirs][held],
                    np.concatenate([self._variance[at][own][known], self._variance[at][theirs][held]]),
                    members[held],
                )
            units[measure] = in_units(mean)
            methods[measure] = self._method[at][own]
        units["margin"] = units["revenue"] - units["cost"]
        methods["margin"] = methods["cost"]
        return Made(units, methods)

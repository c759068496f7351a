"""Forecasts of a vendor's tenants, tiers and total, made again at each month as if nothing later were known."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from . import HORIZON, LARGEST, PLACES
from .ensemble import LONGEST, forecast_points
from .reconcile import reconcile
from .seasons import YEAR
from .smoothing import SHORTEST, Flags, Floats, Integers

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
    methods: dict[str, list[str | None]]

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
        self._method: dict[int, list[str | None]] = {}
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
            self._mean[at][row] = _floored(found.mean[place], values[place])
            self._variance[at][row] = found.variance[place]
            self._method[at][row] = found.methods[place]

    def series(self, at: int) -> list[dict[str, Any]]:
        """What a method made elsewhere is asked to forecast when `at` months were over: every series that ours were
        made of then, of at least 7 months, with ours as `default`. Tenants and tiers are numbers of that month.
        """
        return [self._series(at, row, place) for place, row in self._asked(at)]

    def _series(self, at: int, row: int, place: int) -> dict[str, Any]:
        tenants = len(self.panel.tenants)
        sums = row >= 2 * tenants
        size = len(self.panel.members) if sums else tenants
        level = "tenant" if not sums else "tier" if place else "total"
        return {
            "level": level,
            "measure": "cost" if (row - 2 * tenants * sums) < size else "revenue",
            "number": place,
            "values": self._values[row, max(self._began[row], at - LONGEST) : at].tolist(),
            "default": self._mean[at][row].tolist(),
        }

    def _asked(self, at: int) -> list[tuple[int, int]]:
        """(number, row), which tells nothing of tenants and tiers yet to come."""
        known = self.panel.known(at)
        held = self.panel.members @ known > 0
        found: list[tuple[int, int]] = []
        begin = 0
        for size, there in ((len(known), known), (len(held), held & (at >= 2 * YEAR))):
            numbered = list(enumerate(map(int, np.flatnonzero(there))))
            for first in (begin, begin + size):
                found += [
                    (n, first + row) for n, row in numbered if at - self._began[first + row] >= SHORTEST
                ]
            begin += 2 * size
        return found

    def with_means(self, means: Mapping[int, Floats], method: str) -> Points:
        """These points with the means of others (series as they were asked, x horizon) at some months, made coherent
        in the same way: nothing below zero that never was, then reconciled, then in whole millionths.
        """
        other = copy(self)
        other._replace(means, method)
        return other

    def _replace(self, means: Mapping[int, Floats], method: str) -> None:
        self._mean = {**self._mean, **{at: self._mean[at].copy() for at in means}}
        self._method = {**self._method, **{at: [*self._method[at]] for at in means}}
        for at, mean in means.items():
            for (_, row), ahead in zip(self._asked(at), mean, strict=True):
                self._mean[at][row] = _floored(ahead, self._values[row, self._began[row] : at])
                self._method[at][row] = method
        self.made = {**self.made, **{at: self._make(at) for at in means}}

    def _make(self, at: int) -> Made:
        count, sums = len(self.panel.tenants), len(self.panel.members)
        units: dict[str, Integers] = {}
        methods: dict[str, list[str | None]] = {}
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


def _floored(mean: Floats, values: Floats) -> Floats:
    """Costs and revenues without a minus so far do not get one."""
    return np.maximum(mean, 0.0 if values.min() >= 0 else -np.inf)

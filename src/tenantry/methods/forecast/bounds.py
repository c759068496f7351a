"""How wide forecasts of a panel must be, and how those of past months did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from . import HORIZON
from .intervals import LEVELS, across_horizons, by_horizon, growth, scales, shared_part
from .rolling import LOOK_BACK, UNIT, Panel, Points
from .scores import Score, Tally
from .seasons import YEAR
from .smoothing import SHORTEST, Flags, Floats, Integers

Widths = dict[float, Floats]
"""Half the width of an interval, in the currency, by level: series x horizon."""

FEW = 50
"""Fewer tenants say too little of each month ahead: errors of all months ahead are taken together."""
SHARED = 0.15
"""From this part of their changes on, tenants are taken to move together."""
_ENOUGH_TO_SHARE = 10


@dataclass(frozen=True)
class Bounds:
    """Widths for tenants and for sums (the total, then tiers). `shared` is the part of changes made together."""

    tenants: Widths
    sums: Widths
    few: bool
    shared: float

    @property
    def shocked(self) -> bool:
        return self.shared > SHARED


class Calibration:
    """The bounds of one measure at each month, from the errors of the forecasts made before it."""

    def __init__(self, panel: Panel, points: Points, measure: str) -> None:
        self._panel = panel
        self._made = points.made
        self._measure = measure
        self._values = panel.amounts[measure]
        self._sums = panel.sums[measure]
        self._none = np.zeros(len(panel.members), dtype=np.int64)
        self._scales: dict[int, tuple[Floats, Floats]] = {}
        self._bounds: dict[int, Bounds | None] = {}

    def mean(self, at: int) -> Floats:
        return self._made[at].amounts(self._measure)

    def summed(self, at: int) -> Floats:
        return self._members @ self._made[at].units[self._measure] / UNIT

    @cached_property
    def _members(self) -> Integers:
        return self._panel.members.astype(np.int64)

    def scale(self, at: int) -> tuple[Floats, Floats]:
        """Of tenants and of sums, when so many months were over."""
        if at not in self._scales:
            panel, name = self._panel, self._measure
            self._scales[at] = (
                scales(self._values[:, :at], panel.sizes[name][:, :at], panel.began),
                scales(self._sums[:, :at], panel.sum_sizes[name][:, :at], self._none),
            )
        return self._scales[at]

    def bounds(self, at: int) -> Bounds | None:
        """None where no forecast has been held against what came yet: before the third month."""
        if at not in self._bounds:
            self._bounds[at] = self._calibrate(at)
        return self._bounds[at]

    def _past(self, at: int) -> list[int]:
        return [o for o in range(max(2, at - LOOK_BACK), at) if o in self._made]

    def _calibrate(self, at: int) -> Bounds | None:
        panel, (scale, sum_scale) = self._panel, self.scale(at)
        known = panel.known(at) & (scale > 0)
        long, short = self._tenant_errors(at)
        every = [np.concatenate([a, b]) for a, b in zip(long, short, strict=True)]
        if not sum(len(e) for e in every):
            return None
        few = int(known.sum()) < FEW
        factors = {
            grown: self._factors(errors if sum(map(len, errors)) >= FEW else every, few=few)
            for grown, errors in ((True, long), (False, short))
        }
        grown = (at - panel.began >= SHORTEST)[:, None]
        own = {lv: np.where(grown, factors[True][lv], factors[False][lv]) * scale[:, None] for lv in LEVELS}
        theirs = self._sum_factors(at)
        sums = {lv: (theirs or factors[True])[lv] * sum_scale[:, None] for lv in LEVELS}
        shared = self._shared(at, known, scale)
        if shared > SHARED:
            self._widen(at, known, scale, own, sums)
        # A sum that never had more than one tenant is that tenant.
        begun = panel.began < at
        for row in np.flatnonzero(self._members @ begun == 1):
            [only] = np.flatnonzero(begun & (self._members[row] > 0))
            for level in LEVELS:
                sums[level][row] = own[level][only]
        return Bounds(own, sums, few, shared)

    @staticmethod
    def _factors(errors: Sequence[Floats], *, few: bool) -> Widths:
        return across_horizons(errors, growth(HORIZON)) if few else by_horizon(errors, HORIZON)

    def _tenant_errors(self, at: int) -> tuple[list[Floats], list[Floats]]:
        """Scaled sizes of errors by month ahead: of forecasts from at least 7 months, and of those from fewer."""
        long: list[list[Floats]] = [[] for _ in range(HORIZON)]
        short: list[list[Floats]] = [[] for _ in range(HORIZON)]
        for o in self._past(at):
            scale, _ = self.scale(o)
            usable = self._panel.known(o) & (scale > 0)
            grown = o - self._panel.began >= SHORTEST
            mean = self.mean(o)
            for k in range(min(HORIZON, at - o)):
                size = np.abs(self._values[:, o + k] - mean[:, k])
                for kept, errors in ((usable & grown, long), (usable & ~grown, short)):
                    errors[k].append(size[kept] / scale[kept])
        return _joined(long), _joined(short)

    def _sum_factors(self, at: int) -> Widths | None:
        """From the errors of the total and the tiers: whole vectors of the tenants' errors, added up.

        Newcomers are in them, although no forecast knew of them. What sums share at one moment is one observation.
        """
        errors: list[list[Floats]] = [[] for _ in range(HORIZON)]
        moments = 0
        for o in self._past(at):
            if at >= YEAR and o < SHORTEST:
                continue
            _, scale = self.scale(o)
            mean = self.summed(o)
            for k in range(min(HORIZON, at - o)):
                moments += 1
                size = np.abs(self._sums[:, o + k] - mean[:, k])
                errors[k].append(size[scale > 0] / scale[scale > 0])
        found = _joined(errors)
        return across_horizons(found, growth(HORIZON), moments) if sum(map(len, found)) else None

    def _shared(self, at: int, known: Flags, scale: Floats) -> float:
        """Of the changes of tenants that were there all year; from two years on, beyond what the year before had."""
        if at < SHORTEST + 1:
            return 0.0
        year = at >= 2 * YEAR
        lasting = known & (self._panel.began <= max(0, at - (2 * YEAR if year else YEAR)))
        if lasting.sum() < _ENOUGH_TO_SHARE:
            return 0.0
        values = self._values[lasting, :at]
        if year:
            values = values[:, YEAR:] - values[:, :-YEAR]
        return shared_part(values[:, -YEAR:], scale[lasting])

    def _widen(self, at: int, known: Flags, scale: Floats, own: Widths, sums: Widths) -> None:
        """Add what all tenants would be off together if the same months of last year came again, or did not.

        The centre goes a third of the way from what is smooth to last year's months; the rest of it is added to the
        variance. With less than a year there is no such month, and with two the centre has the season in it.
        """
        there = known & (at - self._panel.began >= YEAR)
        if not YEAR <= at < 2 * YEAR or not there.any():
            return
        apart = np.zeros_like(self.mean(at))
        apart[there] = 1.5 * (self._values[there, at - YEAR : at - YEAR + HORIZON] - self.mean(at)[there])
        together = np.median(apart[there] / scale[there, None], axis=0)
        for level in LEVELS:
            own[level] = np.hypot(own[level], together * scale[:, None])
            sums[level] = np.hypot(sums[level], self._panel.summed(apart))

    def scores(self, at: int) -> dict[str, Score]:
        """By level: how the forecasts of the last 12 months did, as far as their months have come."""
        tallies = {name: Tally.empty() for name in ("tenant", "tier", "total")}
        own, sums = (
            _typical(self._values[:, :at], self._panel.began),
            _typical(self._sums[:, :at], self._none),
        )
        for o in self._past(at):
            bounds, ahead = self.bounds(o), min(HORIZON, at - o)
            known = self._panel.known(o)
            held = self._members @ known > 0
            first = np.arange(len(held)) == 0
            for name, rows, values, mean, typical in (
                ("tenant", known, self._values, self.mean(o), own),
                ("tier", held & ~first, self._sums, self.summed(o), sums),
                ("total", held & first, self._sums, self.summed(o), sums),
            ):
                if not rows.any():
                    continue
                came, made = values[rows, o : o + ahead], mean[rows, :ahead]
                naive = np.repeat(values[rows, o - 1 : o], ahead, axis=1)
                tallies[name].add(made, naive, came, typical[rows])
                if bounds:
                    widths = bounds.tenants if name == "tenant" else bounds.sums
                    missed = np.abs(came - made)
                    tallies[name].add_inside(*(missed <= widths[lv][rows, :ahead] for lv in LEVELS))
        return {name: tally.score() for name, tally in tallies.items()}


def _joined(errors: Sequence[list[Floats]]) -> list[Floats]:
    return [np.concatenate(e) if e else np.empty(0) for e in errors]


def _typical(values: Floats, began: Integers) -> Floats:
    """Mean absolute change of each series from its beginning on."""
    there = np.arange(values.shape[1] - 1) >= began[:, None]
    changes = np.where(there, np.abs(np.diff(values, axis=1)), 0.0)
    return changes.sum(axis=1) / np.maximum(there.sum(axis=1), 1)

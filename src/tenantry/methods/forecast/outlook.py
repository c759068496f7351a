"""Forecasts as they are told: every tenant, tier and the total, with intervals, exact sums and the record so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ...kernel import Sandbox
from . import MEASURES, TOTAL
from .bounds import Bounds, Widths
from .candidate import Chosen, in_use
from .intervals import LEVELS
from .rolling import LOOK_BACK, Panel, Points, in_units
from .scores import Score
from .seasons import YEAR
from .smoothing import SHORTEST, Integers
from .verdict import Backtest

SUMMED = "sum of tenants"
RECONCILED = "sum of tenants, reconciled"
NOTHING = "nothing so far, so nothing ahead"


@dataclass(frozen=True)
class Outlook:
    """One series' forecasts, made when `at` months of the panel were over; amounts in millionths, month by month.

    `bounds` are (low, high) by level, without where there is too little to tell. `history` counts its months so far.
    """

    at: int
    level: str
    key: str
    tier: str | None
    measure: str
    mean: tuple[int, ...]
    bounds: dict[float, tuple[tuple[int, ...], tuple[int, ...]]] | None
    method: str
    history: int
    note: str | None
    score: Score


def outlooks(
    panel: Panel,
    first: int,
    last: int,
    chosen: Mapping[int, Chosen] | None = None,
    sandbox: Sandbox | None = None,
) -> Iterator[Outlook]:
    """The outlook at each month from `first` to `last` (as many months were over), as if nothing later were known; by
    code, at the months for which some is `chosen` and where it still is the better.

    Sums are exact: the total is the sum of the tiers, they of their tenants, margin is revenue less cost.
    """
    default = backtest(panel, first, last)
    others = in_use(default, chosen or {}, sandbox)
    for at in range(max(1, first), last + 1):
        used, beware = others.get(at, (default, None))
        for measure in MEASURES:
            yield from _told(used, measure, at, beware)


def backtest(panel: Panel, first: int, last: int) -> Backtest:
    """Our own forecasts at each month that those from `first` to `last` are judged and measured by."""
    return Backtest(panel, Points(panel, max(1, first - 2 * LOOK_BACK), last))


def _told(used: Backtest, measure: str, at: int, beware: str | None) -> Iterator[Outlook]:
    panel, calibration = used.panel, used.calibrations[measure]
    known, made = panel.known(at), used.points.made[at]
    bounds, scores = calibration.bounds(at), calibration.scores(at)

    def told(
        level: str, key: str, tier: str | None, mean: Integers, method: str, history: int, row: int
    ) -> Outlook:
        tenant = level == "tenant"
        amounts = (panel.amounts if tenant else panel.sums)[measure][row, :at]
        widths = bounds and (bounds.tenants if tenant else bounds.sums)
        # What was never negative is not expected to be; a margin may be at any time.
        floor = 0 if measure != "margin" and amounts.min() >= 0 else None
        return Outlook(
            at, level, key, tier, measure, _plain(mean), _around(mean, widths, row, floor), method, history,
            _note(history, bounds, beware) if amounts.any() else NOTHING, scores[level],
        )  # fmt: skip

    units = made.units[measure]
    for row in map(int, np.flatnonzero(known)):
        method, history = str(made.methods[measure][row]), int(at - panel.began[row])
        yield told("tenant", panel.tenants[row], panel.tiers[row], units[row], method, history, row)
    members = panel.members.astype(np.int64)
    method = RECONCILED if at >= 2 * YEAR else SUMMED
    for row in map(int, np.flatnonzero(members @ known > 0)):
        level, key = ("tier", panel.groups[row - 1]) if row else ("total", TOTAL)
        history = int(at - panel.began[known & (members[row] > 0)].min())
        yield told(level, key, key if row else None, members[row] @ units, method, history, row)


def _plain(units: Integers) -> tuple[int, ...]:
    return tuple(int(u) for u in units)


def _around(
    mean: Integers, widths: Widths | None, row: int, floor: int | None
) -> dict[float, tuple[tuple[int, ...], tuple[int, ...]]] | None:
    if widths is None:
        return None
    found: dict[float, tuple[tuple[int, ...], tuple[int, ...]]] = {}
    for level in LEVELS:
        half = in_units(widths[level][row])
        low = mean - half if floor is None else np.maximum(mean - half, floor)
        found[level] = _plain(low), _plain(mean + half)
    return found


def _note(history: int, bounds: Bounds | None, beware: str | None) -> str | None:
    """What a reader must know: what is not used, a short history, few tenants, months that move all tenants alike."""
    said = [beware] if beware else []
    months = "1 month" if history == 1 else f"{history} months"
    if history < SHORTEST:
        said.append(f"{months} of history: the mean of the last and of all")
    elif history < YEAR:
        said.append(f"{months} of history: no year yet to repeat")
    if bounds is None:
        said.append("too early for an interval: no forecast has been held against what came")
    elif bounds.few:
        said.append("fewer than 50 tenants: intervals from all months ahead together")
    if bounds and bounds.shocked:
        said.append(
            f"{bounds.shared:.0%} of the changes come to all tenants together: a shock would move all"
        )
    return "; ".join(said) or None

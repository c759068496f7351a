"""Whether another method's forecasts are better than ours: on the same months, by more than chance, as well covered.

Errors are absolute and on each tenant's own scale. There are two ways of being better by luck, and each has its test,
one-sided. A few tenants': the sign of each tenant's gain could as well have been the other (Fisher, The Design of
Experiments (1935), section 21). A few months', which moved all tenants: what moves a month stays in those after it, for
all forecasts made before; so the mean gain beside its spread is held against that of as many months of such a world, in
which nobody gains on average. Both must speak against luck.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from . import HORIZON, MEASURES
from .bounds import Calibration
from .intervals import LEVELS
from .rolling import LOOK_BACK, Panel, Points
from .scores import Score
from .smoothing import SHORTEST, Flags, Floats

OF_TENANTS, OF_MONTHS = 0.05, 0.10
"""The part of methods that are no better and that each kind of luck may let through its test."""
_DRAWS = 9_999
_BLOCK = 500
_MONTHS = 4
"""Fewer say nothing about months."""
_LEAST = 0.02
"""By so much of the default's error it must be smaller: less is not worth code of one's own."""
_MOST = 10.0
"""Typical changes that an error counts as at most: no single month decides."""
_ALIKE = 1e-9
_FEW = 1.1
"""How much larger an error may be that rests on few figures: of tiers and the total."""
_HELD_ALIKE = 0.01
"""By so many of the months coverage differs by chance."""


class Backtest:
    """Forecasts of a panel made at each of its months as if nothing later had been known, and how wide theirs are."""

    def __init__(self, panel: Panel, points: Points) -> None:
        self.panel = panel
        self.points = points
        self.calibrations = {measure: Calibration(panel, points, measure) for measure in MEASURES}


@dataclass(frozen=True)
class Verdict:
    """How a method's forecasts of cost and revenue did beside ours, over the same tenants and months.

    `error` and `default_error` are mean absolute errors on the tenants' own scales; `luck_of_tenants` and
    `luck_of_months` the chance of such a gain for a method that is no better. `months` counts the months that were
    forecast and have come, `tested` the forecasts of a month. `against` says why it is not accepted; nothing: it is.
    """

    months: int = 0
    tested: int = 0
    error: float | None = None
    default_error: float | None = None
    luck_of_tenants: float | None = None
    luck_of_months: float | None = None
    cover80: float | None = None
    default_cover80: float | None = None
    cover95: float | None = None
    default_cover95: float | None = None
    against: str | None = None

    @property
    def accepted(self) -> bool:
        return self.against is None


def judge(default: Backtest, other: Backtest, at: int) -> Verdict:
    """The verdict when `at` months were over."""
    pairs = _Pairs.of(default, other, at)
    if not pairs.tested:
        return Verdict(against="too early to tell: no forecast from at least 7 months has come true yet")
    theirs, ours = _score(other, at), _score(default, at)
    of_tenants = _luck_of_signs(np.array([*pairs.by_tenant.values()]))
    of_months = _luck_of_months(pairs.by_month)
    against = (
        _may_be_luck(pairs, of_tenants, of_months)
        or _covers_less(theirs, ours)
        or _worse_in(default, other, at)
    )
    return Verdict(
        months=len(pairs.by_month), tested=pairs.tested, error=_rounded(pairs.error),
        default_error=_rounded(pairs.default_error), luck_of_tenants=of_tenants, luck_of_months=of_months,
        cover80=theirs.cover80, default_cover80=ours.cover80, cover95=theirs.cover95,
        default_cover95=ours.cover95, against=against,
    )  # fmt: skip


def breaks(default: Backtest, other: Backtest, at: int, since: int) -> str | None:
    """Why a method that was accepted when `since` months were over is not to be used at `at`; None: it is.

    Over the last year, and over the months alone that came since (which nobody who wrote it had seen), its error must
    be the smaller one, and its intervals must hold as often.
    """
    for first, when in ((0, "the last 12 months"), (since, "the months since it was accepted")):
        pairs = _Pairs.of(default, other, at, first)
        if pairs.tested and pairs.gain <= 0:
            return f"it no longer beats the default over {when}"
    return _covers_less(_score(other, at), _score(default, at))


def _may_be_luck(pairs: _Pairs, of_tenants: float, of_months: float | None) -> str | None:
    if of_months is None:
        return f"too early to tell: forecasts of {len(pairs.by_month)} months have come true, {_MONTHS} are needed"
    if pairs.error > pairs.default_error * (1 - _LEAST):
        return f"its error is not at least {_LEAST:.0%} smaller than the default's"
    for luck, most, whose in ((of_tenants, OF_TENANTS, "tenants"), (of_months, OF_MONTHS, "months")):
        if luck > most:
            return f"its smaller error may be luck of a few {whose}: chance {luck:.3f}, at most {most:g} is accepted"
    return None


def _covers_less(theirs: Score, ours: Score) -> str | None:
    """Intervals that hold less often than they say, and than the default's."""
    for level, name in zip(LEVELS, ("cover80", "cover95"), strict=True):
        there, here = getattr(theirs, name), getattr(ours, name)
        if there is not None and here is not None and there < min(here, level) - _HELD_ALIKE:
            return f"its {level:.0%} intervals held {there:.1%} of the months, the default's {here:.1%}"
    return None


def _worse_in(default: Backtest, other: Backtest, at: int) -> str | None:
    """Cost or revenue, or a level of it, of which the error grew although all in all it fell."""
    for measure in ("cost", "revenue"):
        theirs, ours = (b.calibrations[measure].scores(at) for b in (other, default))
        for level, score in theirs.items():
            there, here = score.wape, ours[level].wape
            most = 1 + _ALIKE if level == "tenant" else _FEW
            if there is not None and here is not None and there > here * most:
                return f"its error of the {measure} of {'the total' if level == 'total' else level + 's'} is larger"
    return None


def _score(backtest: Backtest, at: int) -> Score:
    """Coverage of tenants' cost and revenue: each month counts once."""
    found = [backtest.calibrations[m].scores(at)["tenant"] for m in ("cost", "revenue")]
    tested = sum(s.tested for s in found) or 1

    def mean(name: str) -> float | None:
        parts = [(getattr(s, name), s.tested) for s in found]
        return None if any(p is None for p, _ in parts) else _rounded(sum(p * n for p, n in parts) / tested)

    return Score(cover80=mean("cover80"), cover95=mean("cover95"))


@dataclass
class _Pairs:
    """Scaled errors of both: gains (ours less theirs) by tenant as a mean, by month come true as (sum, count)."""

    by_tenant: dict[tuple[str, int], float]
    by_month: dict[int, tuple[float, int]]
    tested: int
    error: float
    default_error: float

    @property
    def gain(self) -> float:
        return self.default_error - self.error

    @classmethod
    def of(cls, default: Backtest, other: Backtest, at: int, first: int = 0) -> _Pairs:
        """Of the forecasts made in the last 12 months, of months from `first` on."""
        tenants: dict[tuple[str, int], list[Floats]] = defaultdict(list)
        months: dict[int, list[Floats]] = defaultdict(list)
        sums, tested = np.zeros(2), 0
        for measure, o, rows, ours, theirs in _errors(default, other, at, first):
            gains = ours - theirs
            for k, of_month in enumerate(gains.T, start=max(first, o)):
                months[k].append(of_month)
            for row, gain in zip(np.flatnonzero(rows), gains, strict=True):
                tenants[measure, int(row)].append(gain)
            sums += ours.sum(), theirs.sum()
            tested += gains.size
        mean = sums / max(tested, 1)
        joined = {o: np.concatenate(g) for o, g in months.items()}
        return cls(
            {key: float(np.concatenate(gains).mean()) for key, gains in tenants.items()},
            {o: (float(gains.sum()), gains.size) for o, gains in joined.items()},
            tested,
            float(mean[1]),
            float(mean[0]),
        )


def _errors(
    default: Backtest, other: Backtest, at: int, first: int
) -> Iterator[tuple[str, int, Flags, Floats, Floats]]:
    """(measure, month of origin, tenants, errors of ours, of theirs): tenants x months ahead, on the tenant's scale."""
    panel = default.panel
    for measure in ("cost", "revenue"):
        ours, theirs = (b.calibrations[measure] for b in (default, other))
        for o in range(max(SHORTEST, at - LOOK_BACK), at):
            ahead = slice(max(first - o, 0), min(HORIZON, at - o))
            scale, _ = ours.scale(o)
            rows = panel.known(o) & (o - panel.began >= SHORTEST) & (scale > 0)
            if o not in default.points.made or ahead.start >= ahead.stop or not rows.any():
                continue
            came = panel.amounts[measure][rows, o : o + HORIZON][:, ahead]
            missed = [np.abs(came - c.mean(o)[rows, ahead]) / scale[rows, None] for c in (ours, theirs)]
            yield measure, o, rows, np.minimum(missed[0], _MOST), np.minimum(missed[1], _MOST)


def _luck_of_signs(gains: Floats) -> float:
    """The chance of a mean gain this large, were the sign of each as likely the other."""
    dice = np.random.default_rng(0)
    reached, total = 0, float(gains.sum())
    for _ in range(0, _DRAWS, _BLOCK):
        signs = dice.integers(0, 2, (_BLOCK, len(gains)), dtype=np.int8) * 2 - 1
        reached += int((signs @ gains >= total - _ALIKE).sum())
    return _rounded((1 + reached) / (1 + _BLOCK * -(-_DRAWS // _BLOCK)))


def _luck_of_months(by_month: dict[int, tuple[float, int]]) -> float | None:
    """The chance of a mean gain this large beside its spread over months, did each month bring something that lasts and
    is on average nothing; None for too few months.
    """
    if len(by_month) < _MONTHS:
        return None
    rows = [by_month[month] for month in sorted(by_month)]
    counts = np.array([count for _, count in rows], float)
    seen = np.array([total for total, _ in rows]) / counts
    weights = counts / counts.sum()

    def beside_spread(gains: Floats) -> Floats:
        mean = gains @ weights
        spread = np.sqrt(((gains - mean[..., None]) ** 2) @ weights**2)
        return mean / np.maximum(spread, 1e-12)

    drawn = np.random.default_rng(0).standard_normal((_DRAWS, len(rows))) @ _lasting(len(rows)).T
    reached = int((beside_spread(drawn) >= beside_spread(seen[None])[0]).sum())
    return _rounded((1 + reached) / (1 + _DRAWS))


def _lasting(months: int) -> Floats:
    """What each month's step adds to the gain of a month (rows): all steps since a forecast of it was made, on average
    over the forecasts made up to six months before.
    """
    back = np.arange(months)[:, None] - np.arange(months)
    made = np.minimum(np.arange(months) + 1, HORIZON)[:, None]
    return np.where(back >= 0, np.maximum(made - back, 0) / made, 0.0)


def _rounded(value: float) -> float:
    return round(value, 6)

"""How far forecasts were from what came: the measures of the M competitions, and coverage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from .smoothing import Flags, Floats

_PLACES = 6


@dataclass(frozen=True)
class Score:
    """Errors of past forecasts whose months have come. Null where nothing could be measured.

    `wape`: sum |F - Y| / sum |Y|. `owa`: the mean of sMAPE and of MASE, each divided by that of repeating the last
    month (below 1: better than that); Makridakis, Spiliotis and Assimakopoulos, The M4 Competition (2020). `cover80`,
    `cover95`: the part of the months that lay inside their intervals. `tested`: how many forecasts of a month.
    """

    wape: float | None = None
    owa: float | None = None
    cover80: float | None = None
    cover95: float | None = None
    tested: int = 0


@dataclass
class Tally:
    """Past forecasts of one kind, added up."""

    rows: list[tuple[Floats, Floats, Floats]]
    inside: list[tuple[Flags, Flags]]
    tested: int = 0

    @classmethod
    def empty(cls) -> Self:
        return cls([], [])

    def add(self, forecast: Floats, naive: Floats, came: Floats, typical: Floats) -> None:
        """Forecasts (series x months) with what came; `typical` is each series' mean absolute change."""
        self.tested += came.size
        ours, theirs = (np.stack(_errors(made, came, typical)) for made in (forecast, naive))
        self.rows.append((np.abs(came).sum(axis=1), ours, theirs))

    def add_inside(self, narrow: Flags, wide: Flags) -> None:
        self.inside.append((narrow, wide))

    def score(self) -> Score:
        if not self.tested:
            return Score()
        size = float(np.concatenate([r[0] for r in self.rows]).sum())
        ours, naive = (np.concatenate([r[i] for r in self.rows], axis=1) for i in (1, 2))
        narrow, wide = (
            float(np.concatenate([i[level].ravel() for i in self.inside]).mean()) if self.inside else None
            for level in (0, 1)
        )
        return Score(
            _rounded(float(ours[0].sum()) / size if size else None),
            _rounded(_owa(ours, naive)),
            _rounded(narrow),
            _rounded(wide),
            self.tested,
        )


def smape(forecast: Floats, came: Floats) -> Floats:
    """Of each series, in per cent; nothing forecast and nothing come is no error."""
    both = np.abs(forecast) + np.abs(came)
    return np.mean(np.where(both > 0, 200 * np.abs(forecast - came) / np.where(both > 0, both, 1), 0), axis=1)


def owa(forecast: Floats, naive: Floats, came: Floats, typical: Floats) -> float | None:
    """Over series (rows) whose mean absolute change `typical` is not nothing."""
    ours, theirs = (np.stack(_errors(made, came, typical)) for made in (forecast, naive))
    return _owa(ours, theirs)


def _errors(made: Floats, came: Floats, typical: Floats) -> tuple[Floats, Floats, Floats]:
    """Of each series: the sum of absolute errors, sMAPE, MASE (not a number where it never changed)."""
    missed = np.abs(made - came)
    scaled = np.where(typical > 0, missed.mean(axis=1) / np.where(typical > 0, typical, 1), np.nan)
    return missed.sum(axis=1), smape(made, came), scaled


def _owa(ours: Floats, naive: Floats) -> float | None:
    there = ~np.isnan(ours[2])
    base = naive[1:, there].sum(axis=1)
    if not np.all(base > 0):
        return None
    return float(np.mean(ours[1:, there].sum(axis=1) / base))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _PLACES)

"""Point forecasts of many series: the models that their length allows, averaged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from .seasons import YEAR, seasonal_indices
from .smoothing import SHORTEST, Floats, Smoothed, auto_ets
from .theta import optimised_theta

LONGEST = 5 * YEAR
"""Months looked back at most."""
_BLOCK = 64
"""Series are fitted by so many at a time, the last filled up, because the last bits of a product of matrices depend on
their shape: so a series is forecast alike whoever its neighbours are."""


class Method(StrEnum):
    """Which models a forecast is the mean of; at 12 months and horizon 6 no single model comes near their average."""

    NAIVE_MEAN = "naive+mean"
    """Up to 6 months: the last and the mean of all."""
    SMOOTH = "ets+theta"
    """7 to 11 months: no year to repeat yet."""
    YEAR = "ets+theta+snaive"
    """12 to 23 months: and what the same month was a year ago."""
    SEASONAL = "ets+theta, seasonal"
    """24 months and more: of the series without its shrunk seasonal indices, put back on."""


@dataclass(frozen=True)
class Points:
    """Of each series: forecasts (series x horizon), the mean square of its one-step errors in sample, its method."""

    mean: Floats
    variance: Floats
    methods: list[Method]


def forecast_points(values: Floats, horizon: int) -> Points:
    """Forecasts of series of one length (rows; months in columns, oldest first)."""
    values = values[:, -LONGEST:]
    blocks = [_block(values[at : at + _BLOCK], horizon) for at in range(0, len(values), _BLOCK)]
    return Points(
        np.concatenate([b.mean for b in blocks]),
        np.concatenate([b.variance for b in blocks]),
        [method for b in blocks for method in b.methods],
    )


def _block(values: Floats, horizon: int) -> Points:
    count, length = values.shape
    filled = np.concatenate([values, np.ones((_BLOCK - count, length))])
    if length < SHORTEST:
        found, method = _short(filled, horizon), Method.NAIVE_MEAN
    elif length < YEAR:
        found, method = _smooth(filled, horizon), Method.SMOOTH
    else:
        found, method = _with_last_year(filled, _smooth(filled, horizon), horizon), Method.YEAR
    methods = [method] * count
    if length >= 2 * YEAR and (seasonal := np.all(filled > 0, axis=1)).any():
        better = _seasonal(np.where(seasonal[:, None], filled, 1.0), horizon)
        found = Smoothed(
            np.where(seasonal[:, None], better.mean, found.mean),
            np.where(seasonal[:, None], better.errors, found.errors),
        )
        methods = [Method.SEASONAL if one else method for one in seasonal[:count]]
    variance = np.mean(found.errors**2, axis=1)
    return Points(found.mean[:count], variance[:count], methods)


def _short(values: Floats, horizon: int) -> Smoothed:
    level = (values[:, -1] + values.mean(axis=1)) / 2
    return Smoothed(
        np.repeat(level[:, None], horizon, axis=1), np.diff(values, axis=1, prepend=values[:, :1])
    )


def _smooth(values: Floats, horizon: int) -> Smoothed:
    one, other = auto_ets(values, horizon), optimised_theta(values, horizon)
    return Smoothed((one.mean + other.mean) / 2, (one.errors + other.errors) / 2)


def _with_last_year(values: Floats, smooth: Smoothed, horizon: int) -> Smoothed:
    return Smoothed((2 * smooth.mean + year_ago(values, horizon)) / 3, smooth.errors)


def year_ago(values: Floats, horizon: int) -> Floats:
    """The seasonal naive forecast: what each month was a year before. Needs 12 months."""
    length = values.shape[1]
    return values[:, [length - YEAR + h % YEAR for h in range(horizon)]]


def _seasonal(values: Floats, horizon: int) -> Smoothed:
    length = values.shape[1]
    index = seasonal_indices(values)
    within, ahead = index[:, np.arange(length) % YEAR], index[:, np.arange(length, length + horizon) % YEAR]
    smooth = _smooth(values / within, horizon)
    return Smoothed(smooth.mean * ahead, smooth.errors * within)

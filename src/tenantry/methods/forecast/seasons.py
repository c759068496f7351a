"""Seasonal indices of months: ratios to the trend, shrunk towards none as far as they may be noise."""

from __future__ import annotations

import numpy as np

from .smoothing import Floats

YEAR = 12


def seasonal_indices(values: Floats) -> Floats:
    """For each series (rows; positive, at least two years) the index of each month of the year, 1 on average.

    Index 0 is that of the first column. A month's index is the mean of its ratios to the line through the yearly
    means; all of a series are shrunk by the part of their variance that the years' disagreement explains: the
    James-Stein estimate of Miller and Williams, Shrinkage estimators of time series seasonal factors, International
    Journal of Forecasting 19 (2003).
    """
    count, length = values.shape
    years = length // YEAR
    whole = values[:, length - years * YEAR :]
    yearly = whole.reshape(count, years, YEAR).mean(axis=2)
    middle = np.arange(years) * YEAR + (YEAR - 1) / 2
    apart = middle - middle.mean()
    mean = yearly.mean(axis=1, keepdims=True)
    slope = ((yearly - mean) * apart).sum(axis=1, keepdims=True) / (apart**2).sum()
    trend = np.maximum(mean + slope * (np.arange(years * YEAR) - middle.mean()), 1e-3 * mean)
    ratios = (whole / trend).reshape(count, years, YEAR)
    index = ratios.mean(axis=1)
    index = index / index.mean(axis=1, keepdims=True)
    noise = ratios.var(axis=1, ddof=1).mean(axis=1) / years
    signal = index.var(axis=1, ddof=1)
    kept = np.clip(1 - noise / np.maximum(signal, 1e-12), 0.0, 1.0)
    shrunk = 1 + kept[:, None] * (index - 1)
    return np.roll(np.maximum(shrunk, 1e-3), (length - years * YEAR) % YEAR, axis=1)

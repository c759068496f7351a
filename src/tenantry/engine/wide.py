"""Integers of 128 bits as two arrays of 64: numpy has none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .numbers import Integers

_WORD = 64


@dataclass(frozen=True)
class Wide:
    """high * 2^64 + low, each. What passes 128 bits wraps: who works with it says why nothing does."""

    low: npt.NDArray[np.uint64]
    high: npt.NDArray[np.int64]

    @classmethod
    def of(cls, terms: Iterable[tuple[Integers, int]]) -> Wide:
        """The sums of number * 2^places, over terms of (numbers, places); there is at least one of less than 64."""
        low, high = np.zeros(1, np.uint64), np.zeros(1, np.int64)
        for numbers, places in terms:
            if places >= _WORD:
                high = high + (numbers << (places - _WORD))
                continue
            lower = numbers.view(np.uint64) << np.uint64(places)
            low = low + lower
            # The sign fills what is above the number; a sum below its term has carried.
            high = high + (numbers >> min(_WORD - places, _WORD - 1)) + (low < lower)
        return cls(low, high)

    @classmethod
    def of_halves(cls, low: Integers, high: Integers) -> Wide:
        return cls(low.astype(np.int64).view(np.uint64), high.astype(np.int64))

    @property
    def negative(self) -> npt.NDArray[np.bool_]:
        return self.high < 0

    def negated(self, where: npt.NDArray[np.bool_]) -> Wide:
        """With the other sign where asked."""
        if not where.any():
            return self
        low = np.where(where, ~self.low + np.uint64(1), self.low)
        high = np.where(where, ~self.high + (self.low == 0), self.high)
        return Wide(low, high)

    def shifted_down(self, places: int) -> Wide:
        """Each divided by 2^places (0 to 63), cut towards zero."""
        size = self.negated(self.negative)
        # In two steps: to shift by 64 means nothing.
        above = size.high.view(np.uint64) << np.uint64(_WORD - 1 - places) << np.uint64(1)
        return Wide((size.low >> np.uint64(places)) | above, size.high >> places).negated(self.negative)

    def digits(self, bits: int) -> list[npt.NDArray[np.int64]]:
        """Their digits to the base 2^bits (at most 63), the lowest first, as many as the largest has; with its sign."""
        size = self.negated(self.negative)
        low, high = size.low, size.high.view(np.uint64)
        sign = np.where(self.negative, -1, 1)
        found: list[npt.NDArray[np.int64]] = []
        while not found or low.any() or high.any():
            found.append((low & np.uint64((1 << bits) - 1)).view(np.int64) * sign)
            low = (low >> np.uint64(bits)) | (high << np.uint64(_WORD - bits))
            high = high >> np.uint64(bits)
        return found

    def __getitem__(self, at: Integers) -> Wide:
        return Wide(self.low[at], self.high[at])

    def total(self) -> int:
        """Their sum; those of the upper and of each half of the lower bits must fit 64."""
        half = np.uint64(_WORD // 2)
        upper, lower = self.low >> half, self.low & np.uint64((1 << _WORD // 2) - 1)
        return (int(self.high.sum()) << _WORD) + (int(upper.sum()) << _WORD // 2) + int(lower.sum())

    def integer(self, at: int) -> int:
        return (int(self.high[at]) << _WORD) + int(self.low[at])

    def add(self, at: int, amount: int) -> None:
        """Add to one of them, in place."""
        high, low = divmod(self.integer(at) + amount, 1 << _WORD)
        self.low[at], self.high[at] = low, high

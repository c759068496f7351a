"""Random numbers that are the same on every machine and with every version of numpy.

numpy promises a stable stream only for the raw words of a bit generator, and the last bit of `exp` or `log` depends
on the processor. So everything here is raw words, tables rounded to four places, and single IEEE operations, and
whatever is summed is an integer.
"""

from __future__ import annotations

import math
import zlib
from functools import cache
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

_STEPS = 4096


@cache
def _normal_table() -> Floats:
    normal = NormalDist()
    return np.array([round(normal.inv_cdf((i + 0.5) / _STEPS), 4) for i in range(_STEPS)])


@cache
def _lognormal_table(sigma: float) -> Floats:
    return np.array([round(math.exp(sigma * float(z) - sigma * sigma / 2), 4) for z in _normal_table()])


class Dice:
    """One stream, named by the seed and a path of words: streams of other names do not move it."""

    def __init__(self, seed: int, *path: int | str) -> None:
        words = [seed, *(zlib.crc32(p.encode()) if isinstance(p, str) else p for p in path)]
        self._bits = np.random.PCG64(np.random.SeedSequence(words))

    def words(self, n: int) -> NDArray[np.uint16]:
        """16-bit words, uniform."""
        raw = np.asarray(self._bits.random_raw(-(-n // 4)), dtype="<u8")
        return raw.view("<u2")[:n]

    def unit(self, n: int) -> Floats:
        """Uniform in (0, 1)."""
        raw = np.asarray(self._bits.random_raw(n), dtype=np.uint64) >> np.uint64(12)
        return (raw.astype(np.float64) + 0.5) / float(2**52)

    def whole(self, n: int, low: int, high: int) -> Ints:
        """Uniform integers from `low` up to, and without, `high`."""
        return low + np.floor(self.unit(n) * (high - low)).astype(np.int64)

    def normal(self, n: int) -> Floats:
        """Standard normal, in 4096 steps, within 3.7 of zero."""
        return _normal_table()[self.words(n) >> 4]

    def lognormal(self, n: int, sigma: float) -> Floats:
        """Log-normal of mean 1."""
        return _lognormal_table(sigma)[self.words(n) >> 4]

    def order(self, n: int) -> Ints:
        """The integers below `n`, shuffled."""
        return np.argsort(np.asarray(self._bits.random_raw(n)), kind="stable").astype(np.int64)

"""How often somebody may ask: token buckets in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

_MOST = 10_000
"""Buckets kept; then the one that was not asked for longest is forgotten, which is as if it were full."""


@dataclass(frozen=True)
class Rate:
    """So many a second in the long run, and so many at once after a rest."""

    per_second: float
    burst: float

    @classmethod
    def of(cls, per_second: float) -> Rate:
        """The rate that lets ten seconds' worth through at once."""
        return cls(per_second, 10 * per_second)


class Buckets:
    """A bucket for each name, filled at one rate. For one thread; `clock` counts seconds."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = monotonic, most: int = _MOST) -> None:
        self._rate = rate
        self._clock = clock
        self._most = most
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, name: str) -> float:
        """Takes one out: 0.0, or where the bucket is empty the seconds until it is not, with nothing taken."""
        level = self._level(name)
        wait = max(0.0, (1 - level) / self._rate.per_second)
        self._levels[name] = (level if wait else level - 1, self._clock())
        self._levels.move_to_end(name)
        if len(self._levels) > self._most:
            self._levels.popitem(last=False)
        return wait

    def wait(self, name: str) -> float:
        """The seconds until one could be taken; takes nothing."""
        return max(0.0, (1 - self._level(name)) / self._rate.per_second)

    def _level(self, name: str) -> float:
        level, since = self._levels.get(name, (self._rate.burst, 0.0))
        return min(self._rate.burst, level + (self._clock() - since) * self._rate.per_second)

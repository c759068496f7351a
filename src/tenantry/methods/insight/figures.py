"""What insights are found in: a vendor's months, in one currency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

Level = Literal["total", "tier", "tenant", "service", "feature", "tenants"]
"""`tenants`: several at once."""
Amounts = tuple[Decimal, ...]
NOTHING: Amounts = ()
Months = Sequence[int]
"""Places of months in the figures."""
Measure = Literal["cost", "revenue", "margin"]
SHORTEST = 6
"""Months that a series must have to be judged."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Subject:
    """Something that costs, earns or is used, month by month. An amount is one figure a month, 0 where there was none.

    `units` are comparable between its own months alone. `known` is the part of its cost that is known (0 to 1).
    """

    level: Level
    name: str
    cost: Amounts
    revenue: Amounts = NOTHING
    units: Amounts = NOTHING
    tier: str = ""
    known: float = 1.0


@dataclass(frozen=True)
class Daily:
    """Cost and units of consecutive days, the last of which is that of the last month."""

    level: Level
    name: str
    cost: Amounts
    units: Amounts


@dataclass(frozen=True)
class Concentration:
    """Month by month, how much of revenue is few tenants': the sum of squared shares (Herfindahl and Hirschman), and
    the revenue of the five that pay most in that month.
    """

    index: tuple[float, ...]
    top: Amounts


@dataclass(frozen=True)
class Figures:
    """One currency's months, oldest first, up to the one that insights are of; the first may be a part of a month.

    `whole` is the index of the first month that is known whole; tests look at months from there on. The subjects hold
    one of level `total`. `year_before` is the total of the twelve months before these, if all 24 are whole.
    """

    currency: str
    months: tuple[date, ...]
    whole: int
    subjects: tuple[Subject, ...]
    days: tuple[Daily, ...] = ()
    concentration: Concentration | None = None
    year_before: Subject | None = None
    total: Subject = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", next(s for s in self.subjects if s.level == "total"))

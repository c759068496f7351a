"""A finding: one thing that moved, and what it is worth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from .figures import Figures, Level, Measure, Months, Subject

Shape = Literal["trend", "level", "jump"]
SHAPES: tuple[Shape, ...] = ("trend", "level", "jump")
Kind = Literal[
    "trend", "level", "jump", "margin", "mix", "unit_cost", "usage_without_revenue", "concentration",
    "new", "lost", "day_of_week", "season",
]  # fmt: skip
_MOVED = Decimal("0.2")


@dataclass(frozen=True)
class Finding:
    """One thing that moved. Money is per month and exact: `before` is what later months would have had as things were,
    `after` what they had, `impact` what that is worth to the margin. `months` are those before and after, by index.

    `p_value` and `adjusted` are null for what is no test but a fact. `also` names findings that this one explains.
    """

    figures: Figures
    subject: Subject
    kind: Kind
    measure: Measure
    shape: Shape | None
    before: Decimal
    after: Decimal
    impact: Decimal
    since: date
    months: tuple[Months, Months]
    confidence: float
    p_value: float | None = None
    adjusted: float | None = None
    names: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def level(self) -> Level:
        return self.subject.level

    @property
    def key(self) -> str:
        """The name by which it is known from month to month: what a jump was is a change of level a month later."""
        what = self.measure if self.kind in SHAPES else self.kind
        if self.kind in ("mix", "season"):
            what = f"{self.measure}:{self.kind}"
        elif self.level == "tenants" and self.kind in SHAPES:
            what = f"{self.measure}:{self.since:%Y-%m}:{'up' if self.after > self.before else 'down'}"
        return ":".join(filter(None, (self.level, self.subject.name, what, self.figures.currency)))

    @property
    def weight(self) -> Decimal:
        """What findings are ranked by: impact x confidence. Money that moved and was not lost counts a fifth."""
        moved = _MOVED if self.kind in ("mix", "concentration", "season") else Decimal(1)
        return abs(self.impact) * Decimal(repr(self.confidence)) * moved

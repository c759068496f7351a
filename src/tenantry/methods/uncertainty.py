"""How far money may be from its tenants when nobody measured whose it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import fsum, sqrt

Shares = Mapping[str, float]
"""Parts of 1 by tenant."""


def shares(weights: Mapping[str, Decimal]) -> dict[str, float]:
    """Each weight as a part of all; weights that are not positive have no part. Empty where none is."""
    positive = {name: weight for name, weight in weights.items() if weight > 0}
    whole = sum(positive.values(), Decimal(0))
    return {name: float(weight / whole) for name, weight in positive.items()}


def misplaced(present: Shares, true: Shares) -> float:
    """The part of the money that is at the wrong tenant where it is shared like `present` and should be like `true`.

    Half of the sum of absolute differences: the total variation distance of the two.
    """
    return (
        fsum(abs(present.get(name, 0.0) - true.get(name, 0.0)) for name in present.keys() | true.keys()) / 2
    )


def expected_misplaced(present: Shares, plausible: Sequence[Shares]) -> float:
    """`misplaced`, on average over the shares that are plausible, each as likely as the others."""
    return fsum(misplaced(present, true) for true in plausible) / len(plausible)


def spread(name: str, present: Shares, plausible: Sequence[Shares]) -> float:
    """By how much one tenant's share may be off: the root mean square over the plausible ones, each as likely."""
    part = present.get(name, 0.0)
    return sqrt(fsum((true.get(name, 0.0) - part) ** 2 for true in plausible) / len(plausible))

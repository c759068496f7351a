"""How far an allocation is from the truth, where the truth is known."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction


@dataclass(frozen=True)
class AllocationError:
    """Relative errors as parts of 1 (0.02 is 2 %). All null where nobody was counted."""

    counted: int
    """Tenant months with a true cost above the floor."""
    left_out: int
    """Tenant months at or below it."""
    mean: float | None
    """Mean of |allocated - true| / true, each tenant month alike."""
    median: float | None
    p95: float | None
    worst: float | None
    misplaced: float | None
    """Money at the wrong tenant as a part of all money: half of sum |allocated - true| over sum |true| of every row."""


def allocation_error(
    rows: Iterable[tuple[Hashable, Hashable, Decimal, Decimal]], floor: Decimal = Decimal(1)
) -> AllocationError:
    """The error of rows of (month, tenant, allocated, true), one row per month and tenant; amounts of one currency.

    Tenants whose true cost of the month is not above `floor` do not count in the relative figures: a cent wrong in two
    cents is 50 %. Money given to tenants with no true cost at all counts in `misplaced`.
    """
    errors, left_out, wrong, whole = [], 0, Fraction(0), Fraction(0)
    for _, _, allocated, true in rows:
        difference = abs(Fraction(allocated) - Fraction(true))
        wrong += difference
        whole += abs(Fraction(true))
        if true > floor:
            errors.append(difference / Fraction(true))
        else:
            left_out += 1
    errors.sort()
    return AllocationError(
        counted=len(errors),
        left_out=left_out,
        mean=float(sum(errors) / len(errors)) if errors else None,
        median=_quantile(errors, Fraction(1, 2)),
        p95=_quantile(errors, Fraction(95, 100)),
        worst=float(errors[-1]) if errors else None,
        misplaced=float(wrong / whole / 2) if whole else None,
    )


def _quantile(ordered: list[Fraction], part: Fraction) -> float | None:
    """Linear between the two nearest ranks (Hyndman and Fan's type 7)."""
    if not ordered:
        return None
    rank = part * (len(ordered) - 1)
    low = int(rank)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (ordered[high] - ordered[low]) * (rank - low))

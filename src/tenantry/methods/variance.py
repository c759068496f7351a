"""Why a cost changed: volume, mix and price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from ..kernel.money import EXACT, MONEY_PLACES


class Spend(NamedTuple):
    """Units bought and what they cost."""

    units: int
    cost: Decimal


class Variance(NamedTuple):
    """Parts of a change of cost; they add up to it exactly."""

    volume: Decimal
    mix: Decimal
    price: Decimal


NOTHING = Spend(0, Decimal(0))


def decompose(before: Mapping[str, Spend], after: Mapping[str, Spend]) -> Variance:
    """The change in the cost of a group of items whose units are of one kind, as volume, mix and price.

    Volume: what it would be had every item grown as all units together did. Mix: what comes from items that grew unlike
    the rest. Price: what comes from the cost of a unit. Old unit costs weigh volume and mix, new units weigh price: the
    sales-volume, sales-mix and price variances of management accounting. An item bought for the first time has no old
    unit cost and takes its new one; a group bought for the first time is all volume.
    """
    units0, units1 = (sum(s.units for s in side.values()) for side in (before, after))
    cost0, cost1 = (sum((Fraction(s.cost) for s in side.values()), Fraction(0)) for side in (before, after))
    if units0 <= 0:
        return Variance(*_as_money((cost1 - cost0, Fraction(0), Fraction(0))))
    growth = Fraction(units1, units0)
    at_old_prices = sum(
        (_at_old_price(before.get(name, NOTHING), spend) for name, spend in after.items()), Fraction(0)
    )
    return Variance(*_as_money((cost0 * (growth - 1), at_old_prices - cost0 * growth, cost1 - at_old_prices)))


def _at_old_price(before: Spend, after: Spend) -> Fraction:
    if before.units <= 0:
        return Fraction(after.cost)
    return Fraction(before.cost) * after.units / before.units


def _as_money(parts: Sequence[Fraction]) -> list[Decimal]:
    """The parts cut to 10^-18; what that leaves goes to the largest, so that the sum holds and zero stays zero."""
    scaled = [part * 10**MONEY_PLACES for part in parts]
    units = [int(part) for part in scaled]
    largest = max(range(len(parts)), key=lambda i: abs(parts[i]))
    units[largest] += int(sum(scaled)) - sum(units)
    return [EXACT.scaleb(Decimal(n), -MONEY_PLACES) for n in units]

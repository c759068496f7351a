"""Money is an exact decimal with 18 places; quantities are exact decimals with 9."""

from __future__ import annotations

from decimal import Context, Decimal
from enum import StrEnum

MONEY_PLACES = 18
QUANTITY_PLACES = 9
MONEY_SQL = f"DECIMAL(38,{MONEY_PLACES})"
QUANTITY_SQL = f"DECIMAL(38,{QUANTITY_PLACES})"

# 60 digits hold any sum of 10^12 amounts of 38 digits without rounding.
EXACT = Context(prec=60)
_PLACE = Decimal(1).scaleb(-MONEY_PLACES)


class Basis(StrEnum):
    """Which of FOCUS's four costs: invoiced, amortised and discounted, before discounts, at negotiated rates."""

    BILLED = "billed"
    EFFECTIVE = "effective"
    LIST = "list"
    CONTRACTED = "contracted"

    @property
    def column(self) -> str:
        """The column that holds it, in every dataset with costs."""
        return f"{self.value}_cost"


def part(value: Decimal, total: Decimal) -> float | None:
    """`value` as a part of `total`, 1 being all of it; None where there is nothing to be a part of."""
    return float(EXACT.divide(value, total)) if total else None


def per(amount: Decimal, units: Decimal | int) -> Decimal:
    """An amount per unit, rounded to 18 places."""
    return EXACT.divide(amount, Decimal(units)).quantize(_PLACE, context=EXACT)


def quantity(units: Decimal | int) -> Decimal:
    """The quantity that a count of 10^-9 is."""
    return EXACT.scaleb(Decimal(units), -QUANTITY_PLACES)


def exact(value: Decimal) -> str:
    """The shortest plain text of a decimal: no exponent, no trailing zeros, no minus zero."""
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def shown(value: Decimal, places: int = 2) -> str:
    """An amount for a person's eye: grouped and rounded; an amount smaller than the last place keeps 2 digits."""
    if value and abs(value) < Decimal(1).scaleb(-places):
        return f"{value:.2g}" if abs(value) < Decimal("1e-6") else exact(Decimal(f"{value:.2g}"))
    return f"{value:,.{places}f}"

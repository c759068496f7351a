"""Money is an exact decimal with 18 places; quantities are exact decimals with 9."""

from __future__ import annotations

from decimal import Context, Decimal

MONEY_PLACES = 18
QUANTITY_PLACES = 9
MONEY_SQL = f"DECIMAL(38,{MONEY_PLACES})"
QUANTITY_SQL = f"DECIMAL(38,{QUANTITY_PLACES})"

# 60 digits hold any sum of 10^12 amounts of 38 digits without rounding.
EXACT = Context(prec=60)


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

"""How far a bill may lie from its invoice: the one place where amounts need not be equal."""

from __future__ import annotations

from decimal import Decimal

from ..kernel.money import EXACT

_PLACES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_PLACES_OF = {currency: places for places, names in _PLACES.items() for currency in names.split()}


def subunit(currency: str) -> Decimal:
    """The smallest amount of a currency: 0.01 unless ISO 4217 says otherwise."""
    return Decimal(1).scaleb(-_PLACES_OF.get(currency.upper(), 2))


def invoice_tolerance(charges: int, currency: str) -> Decimal:
    """How far the sum of so many charges may lie from their invoice: max(100, sqrt(charges) / 2) subunits.

    Source: FOCUS, appendix Rounding Variance Tolerance.
    """
    statistical = EXACT.divide(EXACT.sqrt(Decimal(charges)), Decimal(2))
    return EXACT.multiply(max(Decimal(100), statistical), subunit(currency))

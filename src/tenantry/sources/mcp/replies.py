"""What a stranger answered, as data: sums of money as such, days as days, text stripped and cut, nothing endless."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, cast

from pydantic import BaseModel, Field

from ...kernel.dataset import Count, Dimension, Money
from ...kernel.text import stripped

_ITEMS = 40
"""Of one list, that are kept."""
_LEAVES = 2_000
_DEPTH = 12
_LONGEST = 2_000
_DIGITS = 40
_CURRENCY = re.compile(r"[A-Z]{3}")
_AMOUNT, _UNIT = ("amount", "value"), ("unit", "currency", "currencycode")


class Sum(BaseModel):
    """An amount of money as the server told it."""

    amount: Money
    currency: Dimension


class Reply(BaseModel):
    """What a tool of an external server answered: data of a stranger, which no other dataset vouches for."""

    server: Dimension
    tool: Dimension
    sha256: Annotated[Dimension, Field(description="of the answer as it came")]
    left_out: Annotated[Count, Field(description="items that are not shown")]
    data: Annotated[Any, Field(description="the answer: JSON, or text")]


class Reading:
    """Reads one answer; `left_out` counts what it did not keep."""

    def __init__(self) -> None:
        self.left_out = 0
        self._leaves = 0

    def read(self, value: Any, depth: int = 0) -> Any:
        """The value as data."""
        if isinstance(value, Mapping):
            pairs = {str(k): v for k, v in cast("Mapping[Any, Any]", value).items()}
            return _sum(pairs) or self._record(pairs, depth)
        if isinstance(value, list):
            items = cast("list[Any]", value)
            kept = items[:_ITEMS] if depth < _DEPTH else []
            self.left_out += len(items) - len(kept)
            return [self.read(one, depth + 1) for one in kept if self._room()]
        return _leaf(value)

    def _record(self, pairs: Mapping[str, Any], depth: int) -> dict[str, Any]:
        if depth >= _DEPTH:
            self.left_out += len(pairs)
            return {}
        return {_text(k): self.read(v, depth + 1) for k, v in pairs.items() if self._room()}

    def _room(self) -> bool:
        self._leaves += 1
        self.left_out += self._leaves > _LEAVES
        return self._leaves <= _LEAVES


def _sum(pairs: Mapping[str, Any]) -> Sum | None:
    """Two cells, of which one is an amount and the other its currency."""
    low = {key.lower(): value for key, value in pairs.items()}
    amount = next((low[name] for name in _AMOUNT if name in low), None)
    currency = next((low[name] for name in _UNIT if name in low), None)
    if len(low) != 2 or not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):  # noqa: PLR2004
        return None
    number = decimal(amount)
    return None if number is None else Sum(amount=number, currency=currency)


def decimal(value: Any) -> Decimal | None:
    """The number that a cell holds, exactly as written; None for what is none, or has more digits than money has."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and _short(number) else None


def _short(number: Decimal) -> bool:
    _, digits, exponent = number.as_tuple()
    return len(digits) <= _DIGITS and isinstance(exponent, int) and abs(exponent) <= _DIGITS


def _leaf(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        number = decimal(value)
        if number is None:
            return _text(str(value))
        return int(number) if isinstance(value, int) else number
    return _day(str(value)) or _text(str(value))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
    except ValueError:
        return None


def _text(text: str) -> str:
    text = stripped(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"

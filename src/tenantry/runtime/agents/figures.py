"""The figures that tools told, as facts that the numbers gate knows; and the gate for what agents write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from math import isfinite
from typing import Any

from pydantic import BaseModel

from ...kernel import Window
from ...kernel.dataset import Column
from ...kernel.money import EXACT
from ...kernel.time import next_month
from ..asking.claims import claims, folded
from ..asking.facts import MONEY, RATIO, Fact, Facts
from ..asking.numbers import gate
from ..asking.question import Question
from ..call import Answer
from ..reader import several
from .toolbox import ROWS

_ROW = "row"
_MEASURED = {"money": MONEY, "ratio": RATIO, "multiple": RATIO}


def ungrounded(text: str, answers: Sequence[Answer], question: str) -> list[str]:
    """The numbers in a text, which has no names in it, that neither a tool's answer nor the question vouches for."""
    facts = facts_of(answers)
    of_windows = {fact.window: fact for fact in facts.held.values() if fact.window}
    asked = next((Question("", window, asked=question) for window in of_windows if window), None)
    return gate(text, [*_near(text, facts), *of_windows.values()], asked)


def borne_out(text: str, answers: Sequence[Answer]) -> list[Fact]:
    """The facts that the numbers of a text may rest on."""
    return [fact for fact in _near(text, facts_of(answers)) if fact.path]


def _near(text: str, facts: Facts) -> list[Fact]:
    """The facts that a number of the text could be, each figure once: there are thousands."""
    said = {
        (_MEASURED.get(claim.kind), abs(claim.value), claim.step)
        for claim in claims(folded(text))
        if claim.kind not in {"date", "vague"}
    }
    with localcontext(EXACT):
        near = {
            (f.unit, f.currency, f.value): f
            for f in facts.held.values()
            if any(_could_be(f, *claim) for claim in said)
        }
    return [*near.values()]


def _could_be(fact: Fact, measured: str | None, value: Decimal, step: Decimal) -> bool:
    of_kind = fact.unit == measured if measured else fact.unit not in {MONEY, RATIO}
    return of_kind and 2 * abs(abs(fact.value) - value) <= step


def facts_of(answers: Sequence[Answer]) -> Facts:
    """Every figure that a model was shown, with its unit, currency and window."""
    facts = Facts()
    for call, answer in enumerate(answers):
        many = several(answer.data)
        rows = [answer.data] if many is None else [*many]
        read = [Window.parse(w) for w in dict.fromkeys(w for e in answer.evidence for w in e.windows)]
        for window in read or [None]:
            facts.add(answer.tool, Decimal(len(rows)), _ROW, window=window, call=call)
        if len(rows) > ROWS:
            facts.add(f"{answer.tool} left out", Decimal(len(rows) - ROWS), _ROW, call=call)
        for place, row in enumerate(rows[:ROWS]):
            _add(facts, row, call, f"data[{place}]", read[0] if read else None)
    return facts


def _add(
    facts: Facts, value: Any, call: int, path: str, window: Window | None, currency: str | None = None
) -> None:
    """The figures of a record and of the records in it."""
    if not isinstance(value, BaseModel):
        for place, inner in enumerate(several(value) or ()):
            _add(facts, inner, call, f"{path}[{place}]", window, currency)
        return
    currency = getattr(value, "currency", None) or getattr(value, "billing_currency", None) or currency
    for name, field in type(value).model_fields.items():
        cell = getattr(value, name)
        column = next((mark for mark in field.metadata if isinstance(mark, Column)), None)
        if isinstance(cell, bool) or cell is None:
            continue
        if isinstance(cell, Decimal | int | float):
            if isfinite(cell):
                unit = _unit(name, column, cell)
                money = str(currency) if unit == MONEY else None
                facts.add(
                    name,
                    cell if not isinstance(cell, int) else Decimal(cell),
                    unit,
                    currency=money,
                    window=window,
                    call=call,
                    path=f"{path}.{name}",
                )
        elif isinstance(cell, date):
            for meant in _meant(cell):
                facts.add(name, Decimal(1), _ROW, window=meant, call=call, path=f"{path}.{name}")
        else:
            _add(facts, cell, call, f"{path}.{name}", window, currency)


def _unit(name: str, column: Column | None, cell: Decimal | float) -> str:
    """Money, a ratio, or the noun that the figure's name ends in: `active_users` counts users."""
    if column and column.unit in {MONEY, RATIO}:
        return column.unit
    if isinstance(cell, float) and column is None:
        return RATIO
    return name.rpartition("_")[2]


def _meant(day: date) -> Iterator[Window]:
    """A day; the first of a month may stand for the month."""
    day = day.date() if isinstance(day, datetime) else day
    yield Window(day, day + timedelta(days=1))
    if day.day == 1:
        yield Window(day, next_month(day))

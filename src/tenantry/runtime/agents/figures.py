"""The figures that tools told, as facts that the numbers gate knows; and the gate for what agents write."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from enum import Enum
from math import isfinite
from typing import Any, cast

from pydantic import BaseModel

from ...kernel import Window
from ...kernel.dataset import Column
from ...kernel.money import EXACT
from ...kernel.time import next_month
from ..asking.claims import claims, folded
from ..asking.facts import MONEY, RATIO, Fact, Facts
from ..asking.numbers import gate, without_names
from ..asking.question import Question
from ..call import Answer
from ..reader import several
from .handles import HANDLE, Handles
from .owners import Owners, clauses, of_time
from .toolbox import ROWS

_ROW = "row"
_CURRENCY = ("currency", "billing_currency")
_QUOTED = re.compile(r"“[^”\n]*”?")
_SENTENCES = re.compile(r"(?<=[.!?;])\s+")
_MEASURED = {"money": MONEY, "ratio": RATIO, "multiple": RATIO}


def ungrounded(text: str, answers: Sequence[Answer], question: str, handles: Handles) -> list[str]:
    """The numbers in a text with handles that neither a tool nor the question vouches for, or that are another's or of
    another time than their clause says.
    """
    facts = [*facts_of(answers).held.values()]
    of_windows = {fact.window: fact for fact in facts if fact.window and fact.unit == _ROW}
    asked = next((Question("", window, asked=question) for window in of_windows if window), None)
    owners = Owners(facts, handles)
    found: list[str] = []
    for line in folded(text).splitlines():
        before: set[str] = set()
        for sentence in filter(None, _SENTENCES.split(line)):
            before = owners.named(sentence) or before
            bare = HANDLE.sub(lambda handle: "\x01" * len(handle[0]), without_names(sentence, before))
            for clause in clauses(bare):
                own = owners.named(sentence[clause.start : clause.stop])
                theirs = of_time(owners.facts_of(own, before), bare, clause)
                held = [*(replace(f, of={}) for f in _near(bare, theirs)), *of_windows.values()]
                found += gate(bare, held, asked, within=clause)
    return found


def borne_out(text: str, answers: Sequence[Answer]) -> list[Fact]:
    """The facts that the numbers of a text may rest on; not those that it quotes from others."""
    return [fact for fact in _near(_QUOTED.sub(" ", text), facts_of(answers).held.values()) if fact.path]


def _near(text: str, facts: Iterable[Fact]) -> list[Fact]:
    """The facts that a number of the text could be, each figure once: there are thousands."""
    said = {
        (_MEASURED.get(claim.kind), abs(claim.value), claim.step)
        for claim in claims(folded(text))
        if claim.kind not in {"date", "vague"}
    }
    with localcontext(EXACT):
        near = {
            (f.unit, f.currency, f.value): f for f in facts if any(_could_be(f, *claim) for claim in said)
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
        only = read[0] if len(read) == 1 else None  # of several nobody knows which a figure is of
        for window in read or [None]:
            facts.add(answer.tool, Decimal(len(rows)), _ROW, window=window, call=call)
        if len(rows) > ROWS:
            facts.add(f"{answer.tool} left out", Decimal(len(rows) - ROWS), _ROW, call=call)
        of = _names(answer.arguments)
        for place, row in enumerate(rows[:ROWS]):
            _add(facts, row, _Place(call, f"data[{place}]", only, of))
    return facts


@dataclass(frozen=True)
class _Place:
    """Where a figure stands: the call, the path in its answer, and what is said of it on the way there."""

    call: int
    path: str
    window: Window | None
    of: Mapping[str, str]
    currency: str | None = None

    def under(self, path: str) -> _Place:
        return replace(self, path=f"{self.path}{path}")


def _add(facts: Facts, value: Any, at: _Place) -> None:
    """The figures of a record and of the records in it."""
    if isinstance(value, Mapping):
        cells = {str(k): v for k, v in cast("Mapping[Any, Any]", value).items()}
        columns: Mapping[str, Column] = {}
    elif isinstance(value, BaseModel):
        cells = {name: getattr(value, name) for name in type(value).model_fields}
        columns = {
            n: m for n, f in type(value).model_fields.items() for m in f.metadata if isinstance(m, Column)
        }
    else:
        for place, inner in enumerate(several(value) or ()):
            _add(facts, inner, at.under(f"[{place}]"))
        return
    currency = next((str(cells[name]) for name in _CURRENCY if cells.get(name)), at.currency)
    at = replace(at, of={**at.of, **_names(cells)}, currency=currency, window=_window(cells) or at.window)
    for name, cell in cells.items():
        _add_cell(facts, name, cell, columns.get(name), at.under(f".{name}"))


def _names(cells: Mapping[str, Any]) -> dict[str, str]:
    """What is said in words of a record, also in a list of words."""
    found: dict[str, str] = {}
    for name, cell in cells.items():
        if name in _CURRENCY:
            continue
        words = (
            _listed(cell) if isinstance(cell, str) else None if isinstance(cell, Mapping) else several(cell)
        )
        for place, word in enumerate(words or ()):
            if isinstance(word, str) and not isinstance(word, Enum):
                found[f"{name}[{place}]" if place else name] = word
    return found


def _window(cells: Mapping[str, Any]) -> Window | None:
    """The time that a record says it is of."""
    start, end, month = cells.get("start"), cells.get("end"), cells.get("month")
    if isinstance(start, date) and isinstance(end, date) and start < end:
        return Window(start, end)
    return Window(month, next_month(month)) if isinstance(month, date) and month.day == 1 else None


def _listed(text: str) -> list[Any]:
    """The words of a JSON list in text, as tools take several names; else the text."""
    try:
        found = json.loads(text) if text.startswith("[") else None
    except (ValueError, RecursionError):
        found = None
    return cast("list[Any]", found) if isinstance(found, list) else [text]


def _add_cell(facts: Facts, name: str, cell: Any, column: Column | None, at: _Place) -> None:
    told: dict[str, Any] = {"call": at.call, "path": at.path, "of": at.of}
    if cell is None or isinstance(cell, bool | str):
        return
    if isinstance(cell, date):
        for meant in _meant(cell):
            facts.add(name, Decimal(1), _ROW, window=meant, **told)
    elif isinstance(cell, Decimal | int | float):
        unit = _unit(name, column, cell)
        if isfinite(cell):
            figure = Decimal(cell) if isinstance(cell, int) else cell
            facts.add(
                name, figure, unit, currency=at.currency if unit == MONEY else None, window=at.window, **told
            )
    else:
        _add(facts, cell, at)


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

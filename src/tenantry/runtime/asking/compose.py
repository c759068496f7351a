"""Answers put together: text whose every digit is written from a fact's handle; tables; charts of our own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ...kernel import Window
from .claims import MONTHS, months_from
from .facts import Fact, Facts, shown
from .lexicon import ROWS
from .question import Question

_HANDLE = re.compile(r"\{(f\d+)(:\+)?\}")
Cell = Fact | str | None


@dataclass(frozen=True)
class Table:
    """Rows of names and facts under headings."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def document(self) -> dict[str, Any]:
        """As JSON shows it: each cell as it is read, and the handle of the fact it is."""
        return {
            "title": self.title,
            "columns": list(self.columns),
            "rows": [[_cell(c) for c in row] for row in self.rows],
        }


@dataclass(frozen=True)
class Series:
    """One line or set of bars: a name, and a fact for each of the chart's places, null where there is none."""

    name: str
    points: tuple[Fact | None, ...]


@dataclass(frozen=True)
class Chart:
    """A chart by our own specification: bars or lines over places, all in one unit; no options of a library."""

    kind: str
    title: str
    unit: str
    places: tuple[str, ...]
    series: tuple[Series, ...]

    def document(self) -> dict[str, Any]:
        """As JSON shows it; values are exact decimals as text."""
        return {
            "kind": self.kind,
            "title": self.title,
            "unit": self.unit,
            "places": list(self.places),
            "series": [
                {
                    "name": one.name,
                    "handles": [p.handle if p else None for p in one.points],
                    "values": [p.document()["value"] if p else None for p in one.points],
                }
                for one in self.series
            ],
        }


@dataclass
class Piece:
    """What answers one question: sentences with handles in braces, tables, and a chart where one helps."""

    lines: list[str] = field(default_factory=list[str])
    tables: list[Table] = field(default_factory=list[Table])
    chart: Chart | None = None

    def names(self) -> set[str]:
        """The names in its tables."""
        return {cell for table in self.tables for row in table.rows for cell in row if isinstance(cell, str)}


def fill(template: str, facts: Facts) -> str:
    """The text with each handle as its fact is written, `{f1:+}` with its sign. Raises KeyError for an unknown one."""

    def written(found: re.Match[str]) -> str:
        fact = facts[found[1]]
        text = shown(fact)
        return f"+{text}" if found[2] and fact.value > 0 else text

    return _HANDLE.sub(written, template)


def _cell(cell: Cell) -> dict[str, Any]:
    if isinstance(cell, Fact):
        return {"text": shown(cell), "fact": cell.handle}
    return {"text": cell or "", "fact": None}


def period(window: Window) -> str:
    """A window as people name it: a month, quarter or year, else its first and last day."""
    start, end = window.start, window.end
    for months, name in (
        (1, f"{MONTHS[start.month - 1].capitalize()} {start.year}"),
        (3, f"Q{(start.month + 2) // 3} {start.year}"),
        (12, f"{start.year}"),
    ):
        if (
            start.day == 1
            and window == months_from(start.year, start.month, months)
            and (start.month - 1) % months == 0
        ):
            return name
    last = end - timedelta(days=1)
    return f"{start}" if last == start else f"{start} to {last}"


def title_of(question: Question) -> str:
    """A question's form in words, as choices and tables show it."""
    row = ROWS[question.metric]
    words = [row.title]
    if question.by:
        words.append(f"by {question.by}")
    words += [
        f"{'without' if one.without else 'of'} {one.dimension} {', '.join(map(plain_name, one.values))}"
        for one in question.filters
    ]
    if question.grain:
        words.append(f"per {question.grain}")
    if question.top:
        words.append(f"({'lowest' if question.order == 'asc' else 'top'} {question.top})")
    words.append(f"in {period(question.window)}")
    if question.compare_to:
        words.append(f"compared with {period(question.compare_to)}")
    return " ".join(words) + (", and why" if question.why else "")


def plain_name(name: str) -> str:
    """A name as text shows it: what could act on a terminal or hide is taken out; of the longest the beginning."""
    seen = "".join(c if c.isprintable() else " " for c in name).strip()
    return f"{seen[:77]}..." if len(seen) > 80 else seen  # noqa: PLR2004


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"

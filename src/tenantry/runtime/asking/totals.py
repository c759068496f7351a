"""Answers of plain figures: one, a list, or a series; and each against another window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from ...kernel import Window
from .compose import Chart, Piece, Series, Table, listed, period, plain_name, title_of
from .execute import Called, Desk
from .facts import MONEY, RATIO, Fact
from .lexicon import ROWS
from .question import Question

_NAMED = 5
"""Names in a sentence; the table has all."""
_LINES = 5
"""Series in a chart."""
_BASES = {"cost": "effective", "billed_cost": "billed", "list_cost": "list", "contracted_cost": "contracted"}


def totals(desk: Desk, question: Question) -> Piece:
    """The piece for any figure of `figures.totals`."""
    measured = _read(desk, question, question.window)
    if not measured:
        return Piece([f"There are no figures of {title_of(question)}."])
    if question.grain:
        return _series(desk, question, measured)
    before = _read(desk, question, question.compare_to) if question.compare_to else {}
    return (_list if question.by else _single)(desk, question, measured, before)


Key = tuple[str, str | None, int]


def _read(desk: Desk, question: Question, window: Window) -> dict[Key, tuple[Fact, Fact | None]]:
    """Facts by name, currency and place of the period, each with its share where it has one."""
    found: dict[Key, tuple[Fact, Fact | None]] = {}
    called = desk.call("figures", "totals", **_asked(question), window=window)
    wanted = question.only(question.by) if question.by else ()
    places: dict[str, int] = {}
    for row_place, row in enumerate(called.rows):
        if row.value is None or (wanted and row.name not in wanted):
            continue
        place = places.setdefault(str(row.start), len(places))
        found[row.name, row.currency, place] = _facts(called, question, row, row_place)
    return found


def _asked(question: Question) -> dict[str, Any]:
    """The arguments of the tool. Cut by what the question asks some of, the tool is asked for all, and they are picked:
    each with its share of the whole.
    """
    measure = question.metric
    if measure == "usage" and not question.only("meter") and question.by != "meter":
        measure = "requests"
    arguments: dict[str, Any] = {
        "measure": measure,
        "by": question.by,
        "grain": question.grain,
        "order": question.order,
    }
    picked = False
    for one in question.filters:
        if one.dimension == question.by and not one.without:
            picked = True
            continue
        arguments[f"except_{one.dimension}" if one.without else one.dimension] = (
            one.values[0] if len(one.values) == 1 else [*one.values]
        )
    if question.by and not picked:
        arguments["top"] = question.top
    return arguments


def _facts(called: Called, question: Question, row: Any, place: int) -> tuple[Fact, Fact | None]:
    some = {f.dimension: listed([*f.values]) for f in question.filters if not f.without}
    of = {**some, question.by or "": row.name}
    title, named = ROWS[question.metric].title, f" of {row.name}" if row.name else ""
    more: dict[str, Any] = {
        "window": Window(row.start, row.end),
        "of": of,
        "basis": _BASES.get(question.metric, ""),
    }
    currency = row.currency if row.unit == MONEY else None
    fact = called.fact(f"{title}{named}", row.value, row.unit, f"[{place}].value", currency=currency, **more)
    if row.share is None or not question.by or question.grain:
        return fact, None
    return fact, called.fact(f"share of {title}{named}", row.share, RATIO, f"[{place}].share", **more)


def _single(
    desk: Desk,
    question: Question,
    now: dict[Key, tuple[Fact, Fact | None]],
    before: dict[Key, tuple[Fact, Fact | None]],
) -> Piece:
    """One figure, in each currency."""
    facts = [fact for fact, _ in now.values()]
    window = facts[0].window or question.window
    said = listed([f"{{{fact.handle}}}" for fact in _largest_first(facts)])
    lines = [f"{_subject(question)} in {period(window)}: {said}."]
    for key, (fact, _) in now.items():
        if key in before:
            lines.append(_compared(desk, fact, before[key][0]))
    rows = [(_unit(fact), fact, *_beside(desk, key, fact, before)) for key, (fact, _) in now.items()]
    return Piece(lines, [_table(question, ("in",), rows, before)])


def _list(
    desk: Desk,
    question: Question,
    now: dict[Key, tuple[Fact, Fact | None]],
    before: dict[Key, tuple[Fact, Fact | None]],
) -> Piece:
    """A figure of each name, the first of them in a sentence."""
    lines: list[str] = []
    rows: list[tuple[Fact | str | None, ...]] = []
    charted: list[Fact] = []
    shares = any(share for _, share in now.values())
    for currency, keys in _by_currency(now):
        some = keys[:_NAMED]
        said = listed([_said(key[0], *now[key]) for key in some])
        window = now[keys[0]][0].window or question.window
        rest = "; the table has all" if len(keys) > len(some) else ""
        where = f" in {currency}" if currency and len({k[1] for k in now}) > 1 else ""
        lines.append(f"{_subject(question)} by {question.by} in {period(window)}{where}: {said}{rest}.")
        charted = charted or [now[key][0] for key in keys[:10]]
        for key in keys:
            fact, share = now[key]
            rows.append(
                (plain_name(key[0]), fact, *([share] if shares else []), *_beside(desk, key, fact, before))
            )
            if key in before and key in some:
                lines.append(f"{plain_name(key[0])}: " + _compared(desk, fact, before[key][0]))
    heads = (question.by or "", "", *(["share"] if shares else []))
    chart = Chart(
        "bar",
        title_of(question),
        _unit(charted[0]),
        tuple(f.of.get(question.by or "", "") for f in charted),
        (Series(ROWS[question.metric].title, tuple(charted)),),
    )
    return Piece(lines, [_table(question, heads[:1], rows, before, shares=shares)], chart)


def _series(desk: Desk, question: Question, found: dict[Key, tuple[Fact, Fact | None]]) -> Piece:
    """A figure of each period, for each name."""
    lines: list[str] = []
    rows: list[tuple[Fact | str | None, ...]] = []
    series: list[Series] = []
    by_name: dict[tuple[str, str | None], list[Fact]] = defaultdict(list)
    for (name, currency, _), (fact, _) in found.items():
        by_name[name, currency].append(fact)
    largest = sorted(by_name, key=lambda key: (key[1] is None, -abs(sum(f.value for f in by_name[key]))))
    for name, currency in largest:
        facts = by_name[name, currency]
        first, last = facts[0], facts[-1]
        rows += [(period(fact.window or question.window), plain_name(name), fact) for fact in facts]
        if len(series) < _LINES and (
            not series or series[0].points[0] is None or _unit(first) == _unit(by_name[largest[0]][0])
        ):
            series.append(Series(plain_name(name) or ROWS[question.metric].title, tuple(facts)))
        if len(lines) < _NAMED:
            of = f" of {plain_name(name)}" if name else ""
            moved = _moved(desk, last, first) if last is not first else ""
            lines.append(
                f"{_subject(question)}{of} per {question.grain}: {{{first.handle}}} in {_when(first)},"
                f" {{{last.handle}}} in {_when(last)}{moved}."
            )
    chart = Chart(
        "line",
        title_of(question),
        _unit(series[0].points[0]) if series else "",
        tuple(_when(f) for f in by_name[largest[0]]),
        tuple(series),
    )
    return Piece(
        lines,
        [
            Table(
                title_of(question),
                (question.grain or "", question.by or "of", ROWS[question.metric].title),
                tuple(rows),
            )
        ],
        chart,
    )


def _by_currency(now: dict[Key, tuple[Fact, Fact | None]]) -> list[tuple[str | None, list[Key]]]:
    """Keys by currency, that with most money first, so that a single mail bill does not lead."""
    groups = [(currency, list(keys)) for currency, keys in groupby(now, key=lambda key: key[1])]
    return sorted(groups, key=lambda group: -sum(abs(now[key][0].value) for key in group[1]))


def _largest_first(facts: Sequence[Fact]) -> list[Fact]:
    return sorted(facts, key=lambda fact: -abs(fact.value))


def _subject(question: Question) -> str:
    """What the figures are of, as a sentence begins."""
    of = [
        f"{'without' if one.without else 'of'} {one.dimension} {listed([plain_name(v) for v in one.values])}"
        for one in question.filters
        if one.dimension != question.by or one.without
    ]
    title = ROWS[question.metric].title
    if question.metric == "usage" and not question.only("meter") and question.by != "meter":
        title = "usage, counted in requests,"
    return " ".join([title[0].upper() + title[1:], *of])


def _said(name: str, fact: Fact, share: Fact | None) -> str:
    return f"{plain_name(name)} {{{fact.handle}}}" + (f" ({{{share.handle}}})" if share else "")


def _compared(desk: Desk, after: Fact, before: Fact) -> str:
    return f"{{{before.handle}}} in {_when(before)}{_moved(desk, after, before)}."


def _moved(desk: Desk, after: Fact, before: Fact) -> str:
    """The change from one figure to another, and what part of the first that is."""
    delta, part = desk.facts.delta(after, before), desk.facts.change(after, before)
    return f", a change of {{{delta.handle}:+}}" + (f" ({{{part.handle}:+}})" if part else "")


def _beside(
    desk: Desk, key: Key, fact: Fact, before: dict[Key, tuple[Fact, Fact | None]]
) -> list[Fact | None]:
    if not before:
        return []
    if key not in before:
        return [None, None]
    return [before[key][0], desk.facts.delta(fact, before[key][0])]


def _table(
    question: Question,
    heads: Sequence[str],
    rows: Sequence[tuple[Fact | str | None, ...]],
    before: object,
    *,
    shares: bool = False,
) -> Table:
    columns = [*heads, ROWS[question.metric].title, *(["share"] if shares else [])]
    if before and question.compare_to:
        columns += [period(question.compare_to), "change"]
    return Table(title_of(question), tuple(columns), tuple(rows))


def _unit(fact: Fact | None) -> str:
    return (fact.currency or fact.unit) if fact else ""


def _when(fact: Fact) -> str:
    return period(fact.window) if fact.window else ""

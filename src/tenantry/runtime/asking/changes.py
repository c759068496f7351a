"""Answers of why cost changed: of one tenant by volume, mix and price; of all others by who and what."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ...kernel import Window
from .before import previous_of
from .compose import Piece, Table, listed, period, plain_name, title_of
from .execute import Called, Desk
from .facts import MONEY, Fact
from .question import Question

_PARTS = ("volume", "mix", "price", "driver", "rule", "correction", "other")
_NAMED = 3


def change(desk: Desk, question: Question) -> Piece:
    """The piece for why cost changed against the window before."""
    tenants = question.only("tenant")
    services = question.only("service")
    if len(tenants) == 1 and {f.dimension for f in question.filters} <= {"tenant", "service"}:
        return _of_tenant(desk, question, tenants[0], services)
    return _of_many(desk, question)


def _of_tenant(desk: Desk, question: Question, tenant_id: str, services: tuple[str, ...]) -> Piece:
    called = desk.call("cost_per_tenant", "change", tenant_id=tenant_id, window=question.window)
    before = question.window.previous
    rows = [(n, row) for n, row in enumerate(called.rows) if not services or row.service_name in services]
    name = plain_name(tenant_id)
    if not rows:
        return Piece([f"{name} has no cost in {period(question.window)}, nor in {period(before)}."])
    lines: list[str] = []
    cells: list[tuple[Fact | str | None, ...]] = []
    for currency in dict.fromkeys(row.currency for _, row in rows):
        own = [
            _Line(called, tenant_id, n, row, question.window, before)
            for n, row in rows
            if row.currency == currency
        ]
        after = desk.facts.sum([line.after for line in own], f"cost of {tenant_id}")
        was = desk.facts.sum([line.before for line in own], f"cost of {tenant_id}")
        delta = desk.facts.delta(after, was)
        lines.append(
            f"{name} cost {{{was.handle}}} in {period(before)} and {{{after.handle}}} in {period(question.window)}:"
            f" a change of {{{delta.handle}:+}}."
        )
        moved = [line for line in own if line.change.value][:_NAMED]
        lines += [line.sentence() for line in moved]
        cells += [line.cells() for line in own]
    columns = ("service", "before", "after", "change", *_PARTS)
    return Piece(lines, [Table(title_of(question), columns, tuple(cells))])


class _Line:
    """One service's part in a tenant's change, as facts."""

    def __init__(
        self, called: Called, tenant_id: str, place: int, row: Any, window: Window, before: Window
    ) -> None:
        self.name = plain_name(row.service_name)
        of = {"tenant": tenant_id, "service": row.service_name}

        def fact(what: str, value: Decimal, when: Window = window) -> Fact:
            label = f"{what} of {row.service_name}"
            return called.fact(
                label,
                value,
                MONEY,
                f"[{place}].{what}",
                window=when,
                currency=row.currency,
                of=of,
                basis="effective",
            )

        self.before, self.after = fact("before", row.before, before), fact("after", row.after)
        self.change = fact("change", row.change)
        self.parts = {name: fact(name, getattr(row, name)) for name in _PARTS}

    def sentence(self) -> str:
        largest = sorted(self.parts.items(), key=lambda pair: -abs(pair[1].value))[:2]
        said = listed([f"{name} {{{part.handle}:+}}" for name, part in largest if part.value] or ["no part"])
        return f"{self.name}: {{{self.change.handle}:+}}, by {said}."

    def cells(self) -> tuple[Fact | str | None, ...]:
        return (self.name, self.before, self.after, self.change, *self.parts.values())


def _of_many(desk: Desk, question: Question) -> Piece:
    """By service and by tenant: where the difference between two windows lies."""
    window, before = question.window, previous_of(question.window)
    asked = {f"except_{f.dimension}" if f.without else f.dimension: [*f.values] for f in question.filters}
    piece = Piece()
    totals = _sums(desk, window, asked), _sums(desk, before, asked)
    for (name, currency), after in totals[0].items():
        was = totals[1].get((name, currency))
        if was is None:
            continue
        delta, part = desk.facts.delta(after, was), desk.facts.change(after, was)
        relative = f" ({{{part.handle}:+}})" if part else ""
        piece.lines.append(
            f"Cost was {{{was.handle}}} in {period(before)} and {{{after.handle}}} in {period(window)}:"
            f" a change of {{{delta.handle}:+}}{relative}."
        )
    for by in ("service", "tenant"):
        if len(asked.get(by, "all of them")) > 1:
            _differences(desk, piece, by, _sums(desk, window, asked, by), _sums(desk, before, asked, by))
    if not piece.lines:
        piece.lines.append(f"There is no cost in both {period(window)} and {period(before)}.")
    return piece


def _sums(
    desk: Desk, window: Window, asked: dict[str, list[str]], by: str | None = None
) -> dict[tuple[str, str], Fact]:
    called = desk.call("figures", "totals", measure="cost", by=by, window=window, **asked)
    return {
        (row.name, row.currency): called.fact(
            f"cost of {row.name or 'all'}",
            row.value,
            MONEY,
            f"[{n}].value",
            window=window,
            currency=row.currency,
            of={**{name: listed(values) for name, values in asked.items()}, by or "": row.name},
            basis="effective",
        )
        for n, row in enumerate(called.rows)
    }


def _differences(
    desk: Desk, piece: Piece, by: str, now: dict[tuple[str, str], Fact], before: dict[tuple[str, str], Fact]
) -> None:
    """The largest differences in a sentence, and all of names that both windows have in a table."""
    deltas = {key: desk.facts.delta(fact, before[key]) for key, fact in now.items() if key in before}
    largest = sorted(deltas, key=lambda key: -abs(deltas[key].value))
    named = [key for key in largest if deltas[key].value][:_NAMED]
    if named:
        said = listed([f"{plain_name(key[0])} {{{deltas[key].handle}:+}}" for key in named])
        piece.lines.append(f"Most by {by}: {said}.")
    came = [key for key in now if key not in before]
    rows = [(plain_name(key[0]), before[key], now[key], deltas[key]) for key in largest]
    rows += [(plain_name(key[0]), None, now[key], None) for key in came]
    rows += [(plain_name(key[0]), fact, None, None) for key, fact in before.items() if key not in now]
    piece.tables.append(Table(f"Change of cost by {by}", (by, "before", "after", "change"), tuple(rows)))

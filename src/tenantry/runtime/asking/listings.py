"""Answers that are what one tool lists: each number of its rows a fact, the first rows in sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

from pydantic import BaseModel

from ...kernel.dataset import Column
from .compose import Cell, Piece, Table, listed, period, plain_name, title_of
from .execute import Called, Desk
from .facts import MONEY, RATIO, Fact
from .lexicon import ROWS
from .question import Question

_SAID = 3
_MOST = 50
_ALL = 1_000_000


@dataclass(frozen=True)
class Listing:
    """How a tool's rows are told: `name` and `says` are fields, `says` those in a sentence; `arguments` are made of the
    question, `part` is the field that holds the rows of an answer that is more than a list.
    """

    name: str
    says: tuple[str, ...]
    arguments: Callable[[Question], dict[str, Any]]
    part: str = ""
    wanted: Callable[[Any, Question], bool] = lambda _row, _question: True
    dated: bool = True
    named: Callable[[Question], str] | None = None
    """The field that names a row, where it is not always `name`."""

    def rows(self, data: Any) -> Sequence[Any]:
        return getattr(data, self.part) if self.part else data

    def path(self, place: int, field: str) -> str:
        """Where a row's field stands in the answer's data."""
        return f"{f'.{self.part}' if self.part else ''}[{place}].{field}"


def _plain(question: Question) -> dict[str, Any]:
    return {"window": question.window}


def _top(question: Question) -> dict[str, Any]:
    return {"window": question.window, "top": question.top or _MOST}


def _of_tenant(question: Question) -> dict[str, Any]:
    return {"tenant_id": question.only("tenant")[0]}


def _asks_of(question: Question, dimension: str | None, value: str) -> bool:
    """Whether a question that may ask of some asks of this one, too."""
    only = question.only(dimension) if dimension else ()
    return not only or value in only


def _one(name: str, question: Question) -> str | None:
    found = question.only(name)
    return found[0] if found else None


def _whose(question: Question) -> str | None:
    """Whether it is told by tenant or by tier."""
    return next((d for d in ("tenant", "tier") if d == question.by or question.only(d)), None)


LISTINGS: dict[str, Listing] = {
    "cost_per_use": Listing(
        "feature_id",
        ("cost_per_unit", "cost_per_tenant"),
        lambda q: {
            **_plain(q),
            "top": _ALL if q.only(_whose(q) or "") else q.top or _MOST,
            "feature_id": _one("feature", q),
            "by": _whose(q) or "feature",
        },
        wanted=lambda row, q: _asks_of(q, _whose(q), row.name),
        named=lambda q: "name" if _whose(q) else "feature_id",
    ),
    "cost_per_unit": Listing(
        "meter",
        ("cost_per_unit",),
        lambda q: {**_plain(q), "meter": _one("meter", q)},
        wanted=lambda row, q: _asks_of(q, "meter", row.meter),
    ),
    "adoption": Listing(
        "feature_id",
        ("users", "adoption", "cost"),
        _plain,
        wanted=lambda row, q: _asks_of(q, "feature", row.feature_id),
    ),
    "coverage": Listing("rung", ("share", "cost"), _plain),
    "uncertainty": Listing("tenant_id", ("uncertainty", "cost"), _top),
    "meter_next": Listing("pool", ("uncertainty", "cost"), _top),
    "explain": Listing(
        "pool",
        ("cost", "share"),
        lambda q: {
            **_of_tenant(q),
            "window": q.window,
            "service_name": _one("service", q),
            "top": q.top or 10,
        },
        part="parts",
    ),
    "certificate": Listing(
        "basis",
        ("bill", "tenants", "difference"),
        _plain,
        part="totals",
    ),
    "forecast_accuracy": Listing("measure", ("wape",), lambda _: {}, dated=False),
    "insights": Listing(
        "headline",
        ("impact",),
        lambda q: {"window": q.window.newest_month, "top": q.top or 12},
    ),
    "standing": Listing(
        "currency",
        ("revenue", "effective_cost", "margin"),
        _plain,
        part="standings",
    ),
    "movers": Listing(
        "tenant_id",
        ("cost_change", "effective_cost"),
        lambda q: {**_plain(q), "top": q.top or 5},
        part="movers",
    ),
    "breadth": Listing(
        "name",
        ("breadth",),
        lambda q: {**_plain(q), "by": q.by or "tenant"},
        wanted=lambda row, q: _asks_of(q, "tier", row.tier) and _asks_of(q, "tenant", row.name),
    ),
    "bill_rules": Listing("rule", ("checked", "failed"), _plain, part="results"),
    "provider_costs": Listing("service_name", ("bill", "told", "difference"), _plain),
    "attribution": Listing("resolved_by", ("share", "requests"), _plain),
    "route_review": Listing("template", ("confidence", "requests"), _top),
    "unknown_tenants": Listing("name", ("requests", "share"), _top),
    "entitlements": Listing("meter", ("quota", "used"), _of_tenant, dated=False),
}


def listing(desk: Desk, question: Question) -> Piece:
    """The piece for what one tool lists."""
    row, spec = ROWS[question.metric], LISTINGS[question.metric]
    if spec.named:
        spec = replace(spec, name=spec.named(question))
    called = desk.call(row.capability, row.tool, **spec.arguments(question))
    data = called.answer.data
    found = [(n, one) for n, one in enumerate(spec.rows(data)) if spec.wanted(one, question)]
    when = f" in {period(question.window)}" if spec.dated else ""
    if not found:
        return Piece([f"There is nothing of {row.title}{when}."])
    told = [_told(called, question, spec, n, one) for n, one in found]
    lead = _lead(question, data, when)
    lines = [
        lead,
        *(_sentence(spec, one, cells) for (_, one), cells in list(zip(found, told, strict=True))[:_SAID]),
    ]
    columns = tuple(name.replace("_", " ") for name in told[0])
    return Piece(
        [line for line in lines if line],
        [Table(title_of(question), columns, tuple(tuple(c.values()) for c in told))],
    )


def _lead(question: Question, data: Any, when: str) -> str:
    title = ROWS[question.metric].title
    if question.metric == "certificate":
        right = (
            "Everything adds up to the bill, exactly" if data.reconciles else "It does not add up to the bill"
        )
        return f"{right}{when}."
    of = [f"of {f.dimension} {listed([plain_name(v) for v in f.values])}" for f in question.filters]
    return f"{' '.join([title[0].upper() + title[1:], *of])}{when}:"


def _told(called: Called, question: Question, spec: Listing, place: int, row: BaseModel) -> dict[str, Cell]:
    """The row's fields as cells: numbers as facts with their units, all else as text."""
    return {
        name: _cell(called, question, spec, place, row, name, getattr(row, name))
        for name in type(row).model_fields
        if not isinstance(getattr(row, name), list | dict)
    }


def _cell(
    called: Called, question: Question, spec: Listing, place: int, row: BaseModel, name: str, value: Any
) -> Cell:
    if value is None or isinstance(value, bool):
        return None if value is None else "yes" if value else "no"
    if not isinstance(value, Decimal | int | float):
        return _text(value)
    mark = next((m for m in type(row).model_fields[name].metadata if isinstance(m, Column)), None)
    unit = {"money": MONEY, "ratio": RATIO}.get(mark.unit if mark else "", name.replace("_", " "))
    who = str(getattr(row, spec.name))
    return called.fact(
        f"{name.replace('_', ' ')} of {who}", value, unit, spec.path(place, name),
        window=question.window if spec.dated else None, of={spec.name: who},
        currency=getattr(row, "currency", None) if unit == MONEY else None,
    )  # fmt: skip


def _text(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return plain_name(str(value.value if isinstance(value, Enum) else value))


def _sentence(spec: Listing, row: Any, cells: dict[str, Cell]) -> str:
    currency = getattr(row, "currency", "")
    said: list[str] = []
    for name in spec.says:
        cell = cells.get(name)
        if isinstance(cell, Fact):
            said.append(
                f"{name.replace('_', ' ')} {{{cell.handle}}}"
                if cell.unit in {MONEY, RATIO}
                else f"{{{cell.handle}}}"
            )
    who = _text(getattr(row, spec.name))
    return (
        f"{who}{f' ({currency})' if currency and spec.name == 'basis' else ''}: {', '.join(said)}."
        if said
        else f"{who}."
    )


def tenant(desk: Desk, question: Question) -> Piece:
    """What is known of one tenant: tier, plan, since when."""
    name = question.only("tenant")[0]
    called = desk.call("tenants", "get", tenant_id=name)
    whole = called.answer.data
    one = whole.tenant
    cells = [
        ("tier", one.tier),
        ("isolation", one.isolation),
        ("region", one.region),
        ("started on", one.started_on),
        ("ended on", one.ended_on),
    ]
    rows = [(label, _text(value)) for label, value in cells if value is not None]
    plans = sorted({plain_name(s.plan) for s in whole.subscriptions if s.ended_on is None})
    if plans:
        rows.append(("plan", listed(plans)))
    said = "; ".join(f"{label} {value}" for label, value in rows if "on" not in label.split())
    return Piece(
        [
            f"Tenant {plain_name(name)}: {said}."
            if said
            else f"Tenant {plain_name(name)} is known by its id alone."
        ],
        [Table(f"Tenant {plain_name(name)}", ("", ""), tuple(rows))],
    )

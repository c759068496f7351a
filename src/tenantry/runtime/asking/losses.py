"""Answers about tenants that cost more than they pay, and why: against their tier, and against the window before."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from ...kernel import Window
from .before import previous_of
from .compose import Piece, Table, listed, period, plain_name, title_of
from .execute import Called, Desk
from .facts import MONEY, RATIO, Fact
from .question import Question

_EXPLAINED = 3
_DRIVERS = 3
_MOST = 50


def unprofitable(desk: Desk, question: Question) -> Piece:
    """The tenants with a loss, largest first; with `why`, what drives the largest of them."""
    called = desk.call("unit_economics", "unprofitable", window=question.window, top=question.top or _MOST)
    only = question.only("tenant")
    rows = [(n, row) for n, row in enumerate(called.rows) if not only or row.tenant_id in only]
    window = question.window.widened_to_months()
    if not rows:
        who = f"Tenant {listed([plain_name(t) for t in only])}" if only else "No tenant"
        known = "is not among the tenants known to have cost" if only else "is known to have cost"
        return Piece([f"{who} {known} more than it paid in {period(window)}."])
    losses = [_Loss(called, window, n, row) for n, row in rows]
    count = desk.facts.count([loss.margin for loss in losses], "tenants", "unprofitable tenants")
    lines = [
        f"{{{count.handle}}} cost more than {'it' if len(losses) == 1 else 'they'} paid in {period(window)}."
    ]
    if len(losses) == 1:
        lines = [f"In {period(window)} {plain_name(losses[0].row.tenant_id)} cost more than it paid."]
    lines += [loss.line() for loss in losses[: _EXPLAINED if question.why else 2 * _EXPLAINED]]
    if question.why:
        _look_up(desk, losses[:_EXPLAINED])
        lines += [line for loss in losses[:_EXPLAINED] for line in _reasons(desk, loss)]
    columns = ("tenant", "tier", "revenue", "cost", "margin", "margin ratio", "confidence")
    return Piece(lines, [Table(title_of(question), columns, tuple(loss.cells() for loss in losses))])


class _Loss:
    """One tenant with a loss, as facts."""

    def __init__(self, called: Called, window: Window, place: int, row: Any) -> None:
        self.row, self.window = row, window
        self._called, self._place = called, place
        self.name = plain_name(row.tenant_id)
        self.revenue = self._money("revenue", row.revenue, "revenue")
        self.cost = self._money("cost", row.effective_cost, "effective_cost")
        self.margin = self._money("margin", row.margin, "margin")
        self.ratio = self._ratio("margin ratio", row.margin_ratio, "margin_ratio")
        self.confidence = self._ratio("confidence", row.confidence, "confidence")

    def _money(self, what: str, value: Decimal, field: str) -> Fact:
        return self._called.fact(
            f"{what} of {self.row.tenant_id}", value, MONEY, f"[{self._place}].{field}", window=self.window,
            currency=self.row.currency, of={"tenant": self.row.tenant_id}, basis="effective",
        )  # fmt: skip

    def _ratio(self, what: str, value: float | None, field: str) -> Fact | None:
        if value is None:
            return None
        return self._called.fact(
            f"{what} of {self.row.tenant_id}", value, RATIO, f"[{self._place}].{field}", window=self.window,
            of={"tenant": self.row.tenant_id},
        )  # fmt: skip

    def line(self) -> str:
        sure = f", known to {{{self.confidence.handle}}}" if self.confidence else ""
        paid = f"revenue {{{self.revenue.handle}}}, cost {{{self.cost.handle}}}"
        return f"{self.name}: {paid}{sure}; margin {{{self.margin.handle}}}."

    def cells(self) -> tuple[Fact | str | None, ...]:
        return (
            self.name,
            plain_name(self.row.tier or ""),
            self.revenue,
            self.cost,
            self.margin,
            self.ratio,
            self.confidence,
        )


def _look_up(desk: Desk, losses: Sequence[_Loss]) -> None:
    """Call for what the reasons of all of them take, side by side."""
    calls: list[dict[str, Any]] = []
    for loss in losses:
        of = {"measure": "cost", "by": "service", "tenant": loss.row.tenant_id}
        calls += [{**of, "window": window} for window in (loss.window, previous_of(loss.window))]
        if desk.principal.tenant_id is None and loss.row.tier:
            tier = {"window": loss.window, "tier": loss.row.tier}
            calls += [{"measure": "cost", "by": "service", **tier}, {"measure": "revenue", **tier}]
    desk.call_all("figures", "totals", calls)


def _reasons(desk: Desk, loss: _Loss) -> list[str]:
    """What its cost is beyond what its tier's cost is for the same revenue, service by service; and what changed."""
    return [*_against_tier(desk, loss), *_against_before(desk, loss)]


def _against_tier(desk: Desk, loss: _Loss) -> list[str]:
    own = _by_service(desk, loss, tenant=loss.row.tenant_id)
    if desk.principal.tenant_id is not None or not loss.row.tier:
        largest = [_service(one) for one in list(own.values())[:_DRIVERS]]
        return [f"{loss.name} costs most for {listed(largest)}."] if largest else []
    peers = _by_service(desk, loss, tier=loss.row.tier)
    paid = [
        fact
        for fact in _facts(desk, loss.window, "revenue", tier=loss.row.tier)
        if fact.currency == loss.row.currency and fact.value > 0
    ]
    if not paid or not loss.revenue.value:
        largest = [_service(one) for one in list(own.values())[:_DRIVERS]]
        return [f"{loss.name} costs most for {listed(largest)}."] if largest else []
    excess = [
        (desk.facts.excess(cost, peers[name], paid[0], loss.revenue), cost)
        for name, cost in own.items()
        if name in peers
    ]
    drivers = sorted((pair for pair in excess if pair[0].value > 0), key=lambda pair: -pair[0].value)[
        :_DRIVERS
    ]
    said = [f"{cost.of['service']} {{{more.handle}:+}} of {{{cost.handle}}}" for more, cost in drivers]
    tier = plain_name(loss.row.tier)
    return (
        [f"Why {loss.name}: beyond what tier {tier} costs for the same revenue, {listed(said)}."]
        if said
        else []
    )


def _service(fact: Fact) -> str:
    return f"{fact.of['service']} {{{fact.handle}}}"


def _by_service(desk: Desk, loss: _Loss, window: Window | None = None, **of: str) -> dict[str, Fact]:
    return {
        fact.of["service"]: fact
        for fact in _facts(desk, window or loss.window, "cost", by="service", **of)
        if fact.currency == loss.row.currency and fact.of.get("service")
    }


def _facts(desk: Desk, window: Window, measure: str, **asked: str) -> list[Fact]:
    called = desk.call("figures", "totals", measure=measure, window=window, **asked)
    of = {key: value for key, value in asked.items() if key != "by"}
    return [
        called.fact(
            f"{measure} of {row.name or listed(list(of.values()))}",
            row.value,
            MONEY,
            f"[{n}].value",
            window=Window(row.start, row.end),
            currency=row.currency,
            of={**of, asked.get("by", ""): row.name},
            basis="effective",
        )
        for n, row in enumerate(called.rows)
        if row.value is not None
    ]


def _against_before(desk: Desk, loss: _Loss) -> list[str]:
    """What the tenant cost in the window before, and the service whose cost changed most since."""
    before = previous_of(loss.window)
    was, now = (
        _by_service(desk, loss, before, tenant=loss.row.tenant_id),
        _by_service(desk, loss, tenant=loss.row.tenant_id),
    )
    if not was:
        return [f"{loss.name} had no cost in {period(before)}."]
    total = desk.facts.sum([*was.values()], f"cost of {loss.name}")
    delta = desk.facts.delta(loss.cost, total)
    moved = {name: desk.facts.delta(fact, was[name]) for name, fact in now.items() if name in was}
    said = f"In {period(before)} {loss.name} cost {{{total.handle}}}: a change of {{{delta.handle}:+}} since"
    if not moved:
        return [f"{said}."]
    name = max(moved, key=lambda one: abs(moved[one].value))
    return [f"{said}, most of it {name} {{{moved[name].handle}:+}}."]

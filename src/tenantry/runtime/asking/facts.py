"""Facts: figures with all that makes them readable and checkable, and the tools that derive one from others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any

from ...kernel import Window
from ...kernel.money import EXACT, exact, per

MONEY = "money"
RATIO = "ratio"
RANK = "rank"


@dataclass(frozen=True)
class Fact:
    """One figure. `handle` names it in templates; `call` is the place in the trace of the tool call it came from,
    `path` where it stands in that answer's data; a derived fact has a `formula` over other handles instead.

    `unit` is money (then in `currency`), ratio (1 is all), rank, or what is counted. `window` is half-open, UTC.
    """

    handle: str
    label: str
    value: Decimal
    unit: str
    currency: str | None = None
    window: Window | None = None
    basis: str = ""
    of: Mapping[str, str] = field(default_factory=dict[str, str])
    call: int | None = None
    path: str = ""
    formula: str = ""
    evidence: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """As JSON shows it: the exact value as text, and as it is written in an answer."""
        return {
            "handle": self.handle,
            "label": self.label,
            "value": exact(self.value),
            "shown": shown(self),
            "unit": self.unit,
            "currency": self.currency,
            "window": str(self.window) if self.window else None,
            "basis": self.basis or None,
            "of": dict(self.of),
            "call": self.call,
            "path": self.path or None,
            "formula": self.formula or None,
            "evidence": list(self.evidence),
        }


class Facts:
    """The facts of one answer, by handle; new ones are added by what reads and what derives."""

    def __init__(self) -> None:
        self.held: dict[str, Fact] = {}

    def __iter__(self) -> Iterator[Fact]:
        return iter(self.held.values())

    def __getitem__(self, handle: str) -> Fact:
        return self.held[handle]

    def add(self, label: str, value: Decimal | float, unit: str, **more: Any) -> Fact:
        """A fact with the next handle."""
        found = Fact(f"f{len(self.held) + 1}", label, _decimal(value), unit, **more)
        self.held[found.handle] = found
        return found

    def delta(self, after: Fact, before: Fact) -> Fact:
        """What was added from one figure to another."""
        _refuse_mixed(after, before)
        with localcontext(EXACT):
            value = after.value - before.value
        return self._derived(
            f"change of {after.label}", value, after, f"{after.handle} - {before.handle}",
            [after, before],
        )  # fmt: skip

    def change(self, after: Fact, before: Fact) -> Fact | None:
        """What was added, as a part of what was; None where there was nothing."""
        _refuse_mixed(after, before)
        if before.value <= 0:
            return None
        formula = f"({after.handle} - {before.handle}) / {before.handle}"
        value = per(after.value - before.value, before.value)
        return self._derived(
            f"relative change of {after.label}", value, after, formula, [after, before], RATIO
        )

    def ratio(self, above: Fact, below: Fact, label: str) -> Fact | None:
        """One figure as a part of another of the same unit; None where there is nothing to be a part of."""
        _refuse_mixed(above, below)
        if not below.value:
            return None
        formula = f"{above.handle} / {below.handle}"
        return self._derived(label, per(above.value, below.value), above, formula, [above, below], RATIO)

    def share(self, some: Fact, whole: Fact) -> Fact | None:
        """A part's share of the whole."""
        return self.ratio(some, whole, f"share of {some.label}")

    def sum(self, parts: Sequence[Fact], label: str) -> Fact:
        """Figures of one unit and currency added together."""
        for one in parts:
            _refuse_mixed(one, parts[0])
        with localcontext(EXACT):
            total = sum((one.value for one in parts), Decimal(0))
        return self._derived(label, total, parts[0], " + ".join(one.handle for one in parts), parts)

    def excess(self, cost: Fact, peers: Fact, peers_pay: Fact, pays: Fact) -> Fact:
        """What a cost is beyond that of peers, in proportion to what each pays."""
        for one in (peers, peers_pay, pays):
            _refuse_mixed(one, cost)
        formula = f"{cost.handle} - {peers.handle} / {peers_pay.handle} * {pays.handle}"
        with localcontext(EXACT):
            value = cost.value - per(peers.value * pays.value, peers_pay.value)
        return self._derived(f"excess of {cost.label}", value, cost, formula, [cost, peers, peers_pay, pays])

    def rank(self, one: Fact, among: Sequence[Fact]) -> Fact:
        """The place of a figure among others, the largest being first."""
        place = 1 + sum(other.value > one.value for other in among)
        formula = f"rank({one.handle} of {', '.join(other.handle for other in among)})"
        return self._derived(f"rank of {one.label}", Decimal(place), one, formula, among, RANK)

    def count(self, some: Sequence[Fact], unit: str, label: str) -> Fact:
        """How many figures there are."""
        formula = f"count({', '.join(one.handle for one in some)})"
        return self.add(label, Decimal(len(some)), unit, formula=formula)

    def _derived(
        self,
        label: str,
        value: Decimal,
        like: Fact,
        formula: str,
        of: Sequence[Fact],
        unit: str | None = None,
    ) -> Fact:
        return self.add(
            label, value, unit or like.unit, currency=None if unit else like.currency, window=like.window,
            basis=like.basis, of=like.of, formula=formula,
            evidence=tuple(dict.fromkeys(e for one in of for e in one.evidence)),
        )  # fmt: skip


def _refuse_mixed(one: Fact, other: Fact) -> None:
    if (one.unit, one.currency) != (other.unit, other.currency):
        message = (
            f"{one.handle} is in {one.currency or one.unit}, {other.handle} in {other.currency or other.unit}"
        )
        raise ValueError(message)


def _decimal(value: Decimal | float) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(repr(value))


def shown(fact: Fact, places: int | None = None) -> str:
    """A fact as answers write it: money with two places and its currency, ratios in percent, counts with their noun."""
    value = fact.value
    if fact.unit == MONEY:
        return f"{_figures(value, 2 if places is None else places)} {fact.currency}"
    if fact.unit == RATIO:
        return f"{_figures(value * 100, 1 if places is None else places)} %"
    if fact.unit == RANK:
        return f"number {value}"
    whole = value == value.to_integral_value()
    return f"{_figures(value, 0 if whole else 1 if abs(value) >= 10 else 2)} {fact.unit}"  # noqa: PLR2004


def _figures(value: Decimal, places: int) -> str:
    """Grouped and rounded half even; of what is not whole two digits at least, however small."""
    if value != value.to_integral_value():
        places = max(places, 1 - value.adjusted())
    text = f"{value:,.{places}f}"
    return text.replace("-", "\N{MINUS SIGN}") if text.strip("-0.,") else text.lstrip("-")

"""Telling each event once, the largest first, and few of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal, localcontext

from ...kernel.money import EXACT
from .figures import Subject
from .finding import Finding

MOST = 12
"""Findings told of one month, for each currency."""
_NONE = Decimal(0)
_EXPLAINS = Decimal("0.6")
"""So much of a finding's money must be another's for it to be the same event."""
_PRECEDENCE = (
    "lost", "new", "usage_without_revenue", "unit_cost", "jump", "level", "trend", "margin", "mix", "concentration",
    "day_of_week", "season",
)  # fmt: skip
_INSIDE = {"total": 0, "tier": 1, "feature": 2, "service": 3, "tenants": 4, "tenant": 5}
_SEVERAL = 3
"""So many tenants that change alike in the same month are one event."""

Pair = Callable[[Finding, Finding], Decimal | None]
"""Of two findings of cost, of a tenant and of a service or feature, how much of the second's impact is the first's."""


def told_once(found: Sequence[Finding], shared: Pair) -> list[Finding]:
    """The findings without those that others explain; the others name them in `also`."""
    with localcontext(EXACT):
        return _once(sorted(_together(found), key=_weightiest), shared)


def _weightiest(one: Finding) -> tuple[int, int, Decimal, str]:
    return -_INSIDE[one.level], _PRECEDENCE.index(one.kind), -abs(one.impact), one.key


def _once(found: Sequence[Finding], shared: Pair) -> list[Finding]:
    kept: list[Finding] = []
    for one in found:
        place = next((i for i, other in enumerate(kept) if _explains(other, one, shared)), None)
        if place is None:
            kept.append(one)
        else:
            kept[place] = replace(kept[place], also=(*kept[place].also, one.key, *one.also))
    return kept


def _together(found: Sequence[Finding]) -> list[Finding]:
    """Tenants whose cost or revenue changed in the same month and direction, as one finding."""
    alike: dict[object, list[Finding]] = {}
    for one in found:
        many = one.level == "tenant" and one.kind in ("level", "jump")
        what = (one.figures.currency, one.kind, one.measure, one.since, one.impact > 0)
        alike.setdefault(what if many else one.key, []).append(one)
    return [one for own in alike.values() for one in ([_sum(own)] if len(own) >= _SEVERAL else own)]


def _sum(own: Sequence[Finding]) -> Finding:
    total = [sum(getattr(one, name) for one in own) for name in ("before", "after", "impact")]
    return replace(
        max(own, key=lambda f: f.weight),
        subject=Subject("tenants", "", ()),
        before=total[0],
        after=total[1],
        impact=total[2],
        confidence=min(one.confidence for one in own),
        names=tuple(sorted(one.subject.name for one in own)),
    )


def ranked(found: Iterable[Finding], most: int = MOST) -> list[Finding]:
    """The largest by impact x confidence of each currency, currency by currency."""
    order = sorted(found, key=lambda f: (f.figures.currency, -f.weight, f.key))
    count: dict[str, int] = {}
    kept: list[Finding] = []
    for one in order:
        place = count[one.figures.currency] = count.get(one.figures.currency, 0) + 1
        if place <= most:
            kept.append(one)
    return kept


def _explains(big: Finding, one: Finding, shared: Pair) -> bool:
    """Whether `one` is `big` over again: the same subject's, or that of a whole of which `big` is most."""
    if one.figures.currency != big.figures.currency:
        return False
    if {one.kind, big.kind} & {"day_of_week", "season"}:
        return one.kind == big.kind == "day_of_week"
    part = _part(big, one, shared)
    return part != 0 and (part > 0) == (one.impact > 0) and abs(part) >= abs(one.impact) * _EXPLAINS


def _part(big: Finding, one: Finding, shared: Pair) -> Decimal:
    """How much of one's impact is the other's."""
    if one.kind == "concentration" and big.level == "tenant":
        return -big.impact if big.measure == one.measure else _NONE
    if one.level == big.level:
        return big.impact if one.subject.name == big.subject.name and one.level != "tenants" else _NONE
    if "margin" not in (big.measure, one.measure) and big.measure != one.measure:
        return _NONE
    of_tier = one.level == "tier" and big.level == "tenant" and big.subject.tier == one.subject.name
    if one.level == "total" or of_tier:
        return big.impact
    return shared(big, one) or _NONE if big.level == "tenant" else _NONE

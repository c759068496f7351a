"""Everything that could be said of a vendor's months: each a series, and what money it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

from ...kernel.money import EXACT, MONEY_PLACES
from ...kernel.time import next_month
from .figures import SHORTEST, Amounts, Figures, Level, Measure, Months, Subject
from .finding import Kind
from .movement import Floats
from .polish import in_common

_PLACE = Decimal(1).scaleb(-MONEY_PLACES)
MATERIAL = Decimal("0.005")
"""The least that is told: so much of the average of a month's cost and revenue."""


class Weighed(NamedTuple):
    """Money a month, exact: what later months would have had as things were before, what they had, and what that
    is worth to the margin.
    """

    before: Decimal
    after: Decimal
    impact: Decimal


@dataclass(frozen=True)
class Claim:
    """A series to be tested, and the money before and after a change in it. `first` is the month of its first value.

    `kind` is empty where the shape of the movement is the kind.
    """

    subject: Subject
    kind: Kind | Literal[""]
    measure: Measure
    values: Floats
    first: int
    weigh: Callable[[Months, Months], Weighed]


@dataclass(frozen=True)
class Pattern:
    """Something to tell that is no movement; `months`, by index, are those compared. `p_value` is null for a fact."""

    subject: Subject
    kind: Kind
    measure: Measure
    weighed: Weighed
    since: date
    months: tuple[Months, Months]
    names: tuple[str, ...] = ()
    p_value: float | None = None


def floor_of(figures: Figures) -> Decimal:
    """The least impact a month that is worth telling."""
    whole = figures.total.cost[figures.whole :], figures.total.revenue[figures.whole :]
    both = sum(map(abs, (*whole[0], *whole[1])), Decimal(0))
    return EXACT.divide(both * MATERIAL, Decimal(2 * max(1, len(whole[0]))))


def claims(figures: Figures) -> list[Claim]:
    """All that is tested: of subjects whose months come to at least half of what is worth telling."""
    if len(figures.months) - figures.whole < SHORTEST:
        return []
    least = floor_of(figures) / 2
    found = [claim for claim in _all(figures) if len(claim.values) >= SHORTEST]
    return [c for c in found if _size(c) >= least > 0]


def mean(amounts: Sequence[Decimal], months: Months) -> Decimal:
    """A month's average, to 18 places."""
    return EXACT.divide(summed(amounts, months), Decimal(len(months))).quantize(_PLACE, context=EXACT)


def margin_of(subject: Subject) -> Amounts:
    revenue = subject.revenue or (Decimal(0),) * len(subject.cost)
    return tuple(EXACT.subtract(r, c) for r, c in zip(revenue, subject.cost, strict=True))


def _size(claim: Claim) -> Decimal:
    months = range(claim.first, claim.first + len(claim.values))
    amounts = claim.subject.cost if claim.measure == "cost" else claim.subject.revenue
    return abs(mean(amounts, months))


def summed(amounts: Sequence[Decimal], months: Months) -> Decimal:
    """The exact sum of the amounts at these places."""
    total = Decimal(0)
    for month in months:
        total = EXACT.add(total, amounts[month])
    return total


def _all(figures: Figures) -> Iterator[Claim]:
    by: dict[Level, list[Subject]] = {}
    for subject in figures.subjects:
        by.setdefault(subject.level, []).append(subject)
    for level, subjects in by.items():
        for measure in ("cost", "revenue"):
            yield from _moves(figures, level, subjects, by.get("tenant", []), measure)
        yield from _margins(figures, level, subjects, by.get("tenant", []))
    yield from _unit_costs(figures, by.get("service", []))
    yield from _unpaid(figures, by.get("tenant", []))
    yield from _concentration(figures)


def _moves(
    figures: Figures,
    level: Level,
    subjects: Sequence[Subject],
    tenants: Sequence[Subject],
    measure: Literal["cost", "revenue"],
) -> Iterator[Claim]:
    """Cost or revenue of each, beside what all of its kind do together; of the total as it is."""
    rows, others = (
        np.array([_logs(figures, amounts_of(s, measure), daily=measure == "cost") for s in some])
        for some in (subjects, tenants)
    )
    shared = 0.0 if level == "total" else _shared(rows, others)
    mixes = level in ("tier", "feature")
    for subject, row in zip(subjects, rows - shared, strict=True):
        weigh = partial(_share, figures, subject, measure) if mixes else partial(_plain, subject, measure)
        yield _claim(figures, subject, "mix" if mixes else "", measure, row, weigh)


def _margins(
    figures: Figures, level: Level, subjects: Sequence[Subject], tenants: Sequence[Subject]
) -> Iterator[Claim]:
    """The part of revenue that is left, beside that of all of its kind."""
    paying = [s for s in subjects if any(s.revenue)]
    if not paying:
        return
    rows = np.array([_ratio(figures, s) for s in paying])
    others = np.array([_ratio(figures, t) for t in tenants if any(t.revenue)])
    shared = 0.0 if level == "total" else _shared(rows, others)
    for subject, row in zip(paying, rows - shared, strict=True):
        yield _claim(figures, subject, "margin", "margin", row, partial(_at_old_ratio, subject))


def _unit_costs(figures: Figures, services: Sequence[Subject]) -> Iterator[Claim]:
    """What a unit costs: of all metered services together, and of each beside the others."""
    metered = [s for s in services if any(s.units) and any(c > 0 for c in s.cost)]
    if len(metered) > 1:
        metered = [_all_of(metered), *metered]
    rows = np.array([_logs(figures, s.cost) - _logs(figures, s.units) for s in metered])
    for subject, row in zip(metered, rows, strict=True):
        beside = 0.0 if subject.level == "total" else _shared(rows[1:])
        yield _claim(figures, subject, "unit_cost", "cost", row - beside, partial(_at_old_unit_cost, subject))


def _all_of(services: Sequence[Subject]) -> Subject:
    """The services as one: its units are those of each at its average cost."""
    months = range(len(services[0].cost))
    used = [[_scaled(summed(s.cost, months), summed(s.units, months), u) for u in s.units] for s in services]
    cost, units = (
        tuple(summed(m, range(len(m))) for m in zip(*rows, strict=True))
        for rows in ([s.cost for s in services], used)
    )
    return Subject("total", "", cost, units=units)


def _unpaid(figures: Figures, tenants: Sequence[Subject]) -> Iterator[Claim]:
    """Use that grows or shrinks and revenue that does not, beside other tenants."""
    metered = [t for t in tenants if any(t.units) and any(t.revenue)]
    if not metered:
        return
    used = np.array([_logs(figures, t.units, daily=True) for t in metered])
    paid = np.array([_logs(figures, t.revenue) for t in metered])
    rows = used - paid
    for tenant, row in zip(metered, rows - _shared(rows), strict=True):
        weigh = partial(_plain, tenant, "cost")
        yield _claim(figures, tenant, "usage_without_revenue", "cost", row, weigh)


def _concentration(figures: Figures) -> Iterator[Claim]:
    if figures.concentration is None or not any(figures.concentration.top):
        return
    index = np.array(figures.concentration.index)
    row = np.log(index, where=index > 0, out=np.full(len(index), np.nan))[figures.whole :]
    top = Subject("total", "", cost=figures.total.cost, revenue=figures.concentration.top)

    def weigh(before: Months, after: Months) -> Weighed:
        held = _share(figures, top, "revenue", before, after)
        return Weighed(held.before, held.after, held.before - held.after)

    yield _claim(figures, figures.total, "concentration", "revenue", row, weigh)


def _shared(*kinds: Floats) -> Floats | float:
    """What the first of these that are enough have in common; nothing, if none are."""
    found = (in_common(rows) for rows in kinds if len(rows))
    return next((shared for shared in found if shared is not None), 0.0)


def _claim(
    figures: Figures,
    subject: Subject,
    kind: Kind | Literal[""],
    measure: Measure,
    row: Floats,
    weigh: Callable[[Months, Months], Weighed],
) -> Claim:
    """The row's values since its last gap."""
    gaps = np.flatnonzero(~np.isfinite(row))
    since = int(gaps[-1]) + 1 if len(gaps) else 0
    return Claim(subject, kind, measure, row[since:], figures.whole + since, weigh)


def amounts_of(subject: Subject, measure: Literal["cost", "revenue"]) -> Amounts:
    return subject.cost if measure == "cost" else subject.revenue


def logs(months: Sequence[date], amounts: Sequence[Decimal], *, daily: bool = False) -> Floats:
    """Logarithms of months' amounts (a day's, so that a month's length is no movement); NaN where none is above 0."""
    found = np.full(len(months), np.nan)
    for i, (first, amount) in enumerate(zip(months, amounts, strict=False)):
        if amount > 0:
            found[i] = np.log(float(amount) / ((next_month(first) - first).days if daily else 1))
    return found


def _logs(figures: Figures, amounts: Amounts, *, daily: bool = False) -> Floats:
    return logs(figures.months[figures.whole :], amounts[figures.whole :], daily=daily)


def _ratio(figures: Figures, subject: Subject) -> Floats:
    margin = margin_of(subject)
    return np.array(
        [
            float(margin[m] / subject.revenue[m]) if subject.revenue[m] > 0 else np.nan
            for m in range(figures.whole, len(figures.months))
        ]
    )


def _plain(subject: Subject, measure: Literal["cost", "revenue"], before: Months, after: Months) -> Weighed:
    was, became = (mean(amounts_of(subject, measure), months) for months in (before, after))
    return Weighed(was, became, _worth(measure, became - was))


def _share(
    figures: Figures, subject: Subject, measure: Literal["cost", "revenue"], before: Months, after: Months
) -> Weighed:
    """As much of the whole as before, and as it is. The whole of features is what is known of features."""
    whole = _whole(figures, subject, measure)
    was = _scaled(summed(amounts_of(subject, measure), before), summed(whole, before), mean(whole, after))
    became = mean(amounts_of(subject, measure), after)
    return Weighed(was, became, _worth(measure, became - was))


def _whole(figures: Figures, subject: Subject, measure: Literal["cost", "revenue"]) -> Amounts:
    if subject.level != "feature":
        return amounts_of(figures.total, measure)
    others = [amounts_of(s, measure) for s in figures.subjects if s.level == "feature"]
    return tuple(summed(month, range(len(month))) for month in zip(*others, strict=True))


def _at_old_ratio(subject: Subject, before: Months, after: Months) -> Weighed:
    margin = margin_of(subject)
    was = _scaled(summed(margin, before), summed(subject.revenue, before), mean(subject.revenue, after))
    became = mean(margin, after)
    return Weighed(was, became, became - was)


def _at_old_unit_cost(subject: Subject, before: Months, after: Months) -> Weighed:
    was = _scaled(summed(subject.cost, before), summed(subject.units, before), mean(subject.units, after))
    became = mean(subject.cost, after)
    return Weighed(was, became, was - became)


def _scaled(amount: Decimal, base: Decimal, wanted: Decimal) -> Decimal:
    """`amount` for `base` as it is for `wanted`, to 18 places."""
    if not base:
        return Decimal(0)
    return EXACT.divide(EXACT.multiply(amount, wanted), base).quantize(_PLACE, context=EXACT)


def _worth(measure: Literal["cost", "revenue"], more: Decimal) -> Decimal:
    return -more if measure == "cost" else more

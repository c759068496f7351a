"""Findings: what moved in a vendor's months, is not chance, and matters."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext
from math import log

import numpy as np

from ...kernel.money import EXACT
from .calibration import memory_of, p_values
from .claims import Claim, Pattern, Weighed, claims, floor_of
from .discoveries import adjusted
from .figures import Figures, Months, Subject
from .finding import SHAPES, Finding, Shape
from .movement import change
from .season import seasons
from .turnover import turnover
from .weekdays import weekdays

CHANCE = 0.1
"""The share of chance among what the tests find."""
_LEAST = 0.05
"""The least relative change worth telling."""


def findings(vendors_months: Sequence[Figures]) -> tuple[list[Finding], int]:
    """Everything found in one month's figures of every currency, and how many tests were made.

    Shares of chance hold over all tests together, whatever the currency. One event may show in several findings:
    `told_once`.
    """
    with localcontext(EXACT):
        return _found(vendors_months)


def _found(vendors_months: Sequence[Figures]) -> tuple[list[Finding], int]:
    made = [(figures, claim) for figures in vendors_months for claim in claims(figures)]
    tests, memory = _tested([claim for _, claim in made])
    told = [(f, one) for f in vendors_months for one in (*weekdays(f), *seasons(f, memory), *turnover(f))]
    patterns = [(figures, one, one.p_value) for figures, one in told if one.p_value is not None]
    shares = adjusted([*(p for p, _ in tests), *(p for _, _, p in patterns)])
    found = [
        moved
        for (figures, claim), (p, shape), share in zip(made, tests, shares, strict=False)
        if share <= CHANCE and (moved := _moved(figures, claim, shape, p, share)) is not None
    ]
    found += [
        _pattern(figures, one, share)
        for (figures, one, _), share in zip(patterns, shares[len(made) :], strict=True)
        if share <= CHANCE and _matters(figures, one.weighed)
    ]
    found += [_pattern(figures, one, None) for figures, one in told if one.p_value is None]
    return found, len(shares)


def _tested(made: Sequence[Claim]) -> tuple[list[tuple[float, Shape]], float]:
    """For each claim how likely it is by chance, and as what it moved; three shapes tried count thrice. And how much
    the noise of all of them remembers.
    """
    lengths = sorted({len(claim.values) for claim in made})
    groups = {n: np.stack([c.values for c in made if len(c.values) == n]) for n in lengths}
    memory = memory_of(list(groups.values()))
    rows = {n: iter(p_values(group, memory)) for n, group in groups.items()}
    found: list[tuple[float, Shape]] = []
    for claim in made:
        each = next(rows[len(claim.values)])
        best = int(each.argmin())
        found.append((min(1.0, float(each[best]) * len(SHAPES)), SHAPES[best]))
    return found, memory


def _moved(figures: Figures, claim: Claim, shape: Shape, p: float, share: float) -> Finding | None:
    """The finding, if money says the same as the test and there is enough of it."""
    moved = change(claim.values, shape)
    months = range(claim.first, claim.first + len(claim.values))
    third = max(2, len(months) // 4)
    before, after = (
        (months[:third], months[-third:]) if shape == "trend" else (months[: moved.at], months[moved.at :])
    )
    weighed = claim.weigh(before, after)
    grew = weighed.after > weighed.before
    if claim.kind != "concentration" and grew != (moved.effect > 0):
        return None
    if abs(moved.effect) < log(1 + _LEAST) * (0.5 if claim.kind == "margin" else 1):
        return None
    if claim.kind == "usage_without_revenue" and not _unpaid(claim.subject, before, after):
        return None
    if not _matters(figures, weighed):
        return None
    return Finding(
        figures, claim.subject, claim.kind or shape, claim.measure, shape, *weighed,
        figures.months[months[0] if shape == "trend" else after[0]], (before, after),
        (1 - share) * (1.0 if claim.measure == "revenue" else claim.subject.known), p, share,
    )  # fmt: skip


def _matters(figures: Figures, weighed: Weighed) -> bool:
    change_ = abs(weighed.after - weighed.before)
    return abs(weighed.impact) >= floor_of(figures) and change_ >= abs(weighed.before) * Decimal(repr(_LEAST))


def _unpaid(tenant: Subject, before: Months, after: Months) -> bool:
    """Whether revenue moved less than half as far as use."""
    paid, used = (_growth(amounts, before, after) for amounts in (tenant.revenue, tenant.units))
    return abs(paid) < abs(used) / 2


def _growth(amounts: Sequence[Decimal], before: Months, after: Months) -> float:
    was, became = (float(sum(amounts[m] for m in months)) / len(months) for months in (before, after))
    return log(became / was) if was > 0 and became > 0 else 0.0


def _pattern(figures: Figures, one: Pattern, share: float | None) -> Finding:
    """A fact is certain."""
    return Finding(
        figures, one.subject, one.kind, one.measure, None, *one.weighed, one.since, one.months, 1 - (share or 0.0),
        one.p_value, share, one.names,
    )  # fmt: skip

"""How money is cut: whole weights, exact splits, and pools that feed each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import gcd, lcm

from ..errors import invalid


def with_exit(steps: Mapping[str, Mapping[str, Fraction]]) -> dict[str, Mapping[str, Fraction]]:
    """The steps of those pools whose money reaches, in some number of steps, a pool that has none."""
    leaving: set[str] = set()
    while found := {
        pool
        for pool, parts in steps.items()
        if pool not in leaving and any(target not in steps or target in leaving for target in parts)
    }:
        leaving |= found
    return {pool: parts for pool, parts in steps.items() if pool in leaving}


def closure(steps: Mapping[str, Mapping[str, Fraction]]) -> dict[str, dict[str, Fraction]]:
    """Where each pool's money ends up when pools feed each other.

    `steps[a][b]` is the part of pool a that goes to b; pools without steps keep what they get. The result gives, for
    each pool with steps, the part that reaches each keeping pool: (I - Q)^-1 R for the steps between feeding pools Q
    and into keeping pools R (the reciprocal method of cost accounting), solved exactly. Raises `invalid` where money
    would go round for ever.
    """
    pools = list(steps)
    index = {pool: i for i, pool in enumerate(pools)}
    ends = sorted({t for targets in steps.values() for t in targets if t not in index})
    rows: list[list[Fraction]] = []
    for i, pool in enumerate(pools):
        row = [Fraction(int(i == j)) for j in range(len(pools))] + [Fraction(0)] * len(ends)
        for target, part in steps[pool].items():
            if target in index:
                row[index[target]] -= part
            else:
                row[len(pools) + ends.index(target)] += part
        rows.append(row)
    for i in range(len(pools)):
        pivot = next((r for r in range(i, len(pools)) if rows[r][i]), None)
        if pivot is None:
            raise invalid(
                "pools feed each other and nothing leaves the circle", "give one of them a pool outside it"
            )
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for r in range(len(pools)):
            if r != i and rows[r][i]:
                factor = rows[r][i]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[i], strict=True)]
    return {
        pool: {end: rows[i][len(pools) + j] for j, end in enumerate(ends) if rows[i][len(pools) + j]}
        for i, pool in enumerate(pools)
    }


def whole_weights(parts: Mapping[str, Fraction], largest: int = 10**17) -> dict[str, int]:
    """Integers in the ratio of the parts: exact while the common denominator allows, else rounded to `largest`."""
    positive = {name: part for name, part in parts.items() if part > 0}
    if not positive:
        return {}
    common = lcm(*(p.denominator for p in positive.values()))
    whole = {name: int(p * common) for name, p in positive.items()}
    divisor = gcd(*whole.values())
    whole = {name: w // divisor for name, w in whole.items()}
    total = sum(whole.values())
    if total <= largest:
        return whole
    return {name: max(1, w * largest // total) for name, w in whole.items()}


def split(amount: int, weights: Iterable[tuple[str, int]]) -> dict[str, int]:
    """An integer amount given out by integer weights: each gets the truncated share, what is left goes to the
    largest weight, ties by name. Sums to `amount` exactly, also where it is negative. No positive weight: nobody.

    The reference in plain integers for what the datasets do in SQL.
    """
    positive = {name: w for name, w in weights if w > 0}
    total = sum(positive.values())
    if not total:
        return {}
    sign = -1 if amount < 0 else 1
    given = {name: sign * (abs(amount) * w // total) for name, w in positive.items()}
    heir = min(positive, key=lambda name: (-positive[name], name))
    given[heir] += amount - sum(given.values())
    return given

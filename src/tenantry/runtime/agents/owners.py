"""Whose a figure is, and of what time: what a clause may say of whom it names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise, permutations

from ..asking.claims import Claim, claims
from ..asking.facts import MONEY, RATIO, Fact
from ..asking.numbers import names_window
from .handles import Handles

_SAME = ("tenant_id", "name")
"""Columns of a row that name the same."""
_DIMENSIONS = frozenset(
    [
        "tenant_id",
        "name",
        "tenant",
        "tier",
        "plan",
        "service",
        "service_name",
        "feature",
        "feature_id",
        "meter",
        "key",
        "pool",
        "resource_id",
    ]
)
"""Columns that say whose a figure is; others say of what kind a row is."""
_JOINTS = re.compile(
    r",\s|\s(?:and|but|or|while|whereas|whilst|than|versus|vs\.?|against|to|from)(?=\s)", re.IGNORECASE
)


def clauses(bare: str) -> list[range]:
    """A sentence cut at commas and joining words, and never within a number or date."""
    claimed = [range(claim.start, claim.end) for claim in claims(bare)]
    cuts = [cut.end() for cut in _JOINTS.finditer(bare) if not any(cut.start() in claim for claim in claimed)]
    return [range(first, last) for first, last in pairwise([0, *cuts, len(bare) + 1])]


def of_time(facts: Iterable[Fact], bare: str, clause: range) -> list[Fact]:
    """The figures of the time that a clause says, if it says one that figures are of; else all."""
    dates = [claim for claim in claims(bare) if claim.kind == "date" and claim.start in clause]
    held = [*facts]
    of_dates = {fact.window: _said(dates, fact) for fact in held}
    return [f for f in held if f.window is None or of_dates[f.window]] if any(of_dates.values()) else held


def _said(dates: Iterable[Claim], fact: Fact) -> bool:
    return any(
        date.window is not None and fact.window is not None and names_window(date.window, fact.window)
        for date in dates
    )


class Owners:
    """Whose each of some figures is, and whom a text names."""

    def __init__(self, facts: Sequence[Fact], handles: Handles) -> None:
        self._facts, self._handles = facts, handles
        rows = [dict(row) for row in {tuple(f.of.items()) for f in facts}]
        self._columns: dict[str, set[str]] = defaultdict(set)
        self._together: dict[str, set[str]] = defaultdict(set)
        self._alike: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            alike = {row[column] for column in _SAME if row.get(column)}
            for column, name in row.items():
                self._columns[name].add(column)
                self._together[name] |= {*row.values()}
                self._alike[name] |= alike if name in alike else {name}
        self._names = {*self._columns} - {""}
        self._shared = _shared(facts)

    def named(self, text: str) -> set[str]:
        """The names that a text means; of a tenant that is named, its id as well."""
        named = self._handles.named(text, self._names)
        return {other for name in named for other in self._alike[name]}

    def facts_of(self, own: set[str], named: set[str]) -> list[Fact]:
        """The figures that a clause may tell which names `own`, in a sentence of those `named`; all where neither does.

        They are of all whom the clause names, and of no one else; a clause that names nobody may tell what is nobody's.
        Of several who are never of one row it may tell nothing that is one's: it could be the other's.
        """
        of = own | {name for name in named if self._goes_with(name, own)} if own else named
        columns = {column for name in of for column in self._columns[name]}
        whose = [name for name in own if self._columns[name] & _DIMENSIONS]
        rivals = [
            (one, other)
            for one, other in permutations(of, 2)
            if self._columns[one] & self._columns[other] and other not in self._together[one]
        ]

        def theirs(fact: Fact) -> bool:
            said = {*fact.of.values()} - {""}
            if any(name and name not in of for column, name in fact.of.items() if column in columns):
                return False
            if any(one in said and other not in said for one, other in rivals):
                return False
            apart = said - self._shared.get(fact.call, set())
            if of and apart and not apart & of:
                return False
            return fact.unit not in {MONEY, RATIO} or all(self._alike[name] & said for name in whose)

        return [fact for fact in self._facts if theirs(fact)]

    def _goes_with(self, name: str, own: set[str]) -> bool:
        """Whether a name of the sentence says more of what the clause names, rather than another."""
        taken = {column for one in own for column in self._columns[one]}
        return not self._columns[name] & taken or any(name in self._together[one] for one in own)


def _shared(facts: Iterable[Fact]) -> Mapping[int | None, set[str]]:
    """By call the names that all its figures have: what was asked for, which tells no row from another."""
    found: dict[int | None, set[str]] = {}
    for fact in facts:
        if fact.path:
            names = {*fact.of.values()}
            found[fact.call] = found[fact.call] & names if fact.call in found else names
    return found

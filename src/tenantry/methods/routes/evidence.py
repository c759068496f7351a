"""Whether siblings in the tree of paths are names that the API chose, or values of one parameter.

Each clue is a natural log of odds for "value"; they add up. Names are used by every tenant and below every value of an
outer parameter, are few and frequent, and have children of their own. Values belong to one tenant and one outer value,
are many and rare, and share their children.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from functools import lru_cache
from math import log

from .shapes import ending, is_value, is_version, oddity

PRIOR = -0.5
FEW = 6.0
"""Requests of a segment above which frequency speaks for a name, below which for a value."""
CROWD = 6
"""As many siblings as it takes for what they have in common to count in full."""
VOCABULARY = 100
"""More siblings than this are seldom names."""
SURE_NAME = -7.0
ROWS = 16
MOST_ROWS = 800
"""Rows looked at below one segment, spread evenly; more where the segments are few."""
AHEAD = 5
"""Segments looked at below a position."""
OFTEN = 0.01
"""A name is at least this share of the segments at its place; a rarer segment may be a value."""
CODE = 3
"""Segments all of one length, and none longer than this, are codes."""
NUMBERED = 4
"""As many segments that differ in their numbers alone are numbered values."""
NUMBER = re.compile(r"[1-9]\d*|0\d+")
GAP = 2.0
"""Requests of a name stand out from those of values by more than this factor; values follow one on another."""
SELDOM = 0.01
"""Where values are many, a name is asked for more often than in this share of requests."""
JOINED = 0.4
"""Odds of a segment that is taken for a value because its siblings are."""
WEIGHTS = (0.0, 0.0, 0.2, 0.5, 1.0)
"""What a name below counts that so many siblings share; more count like the last."""
ALIKE = 8
"""Names found below most siblings, from which on they are parts of one tree."""
VARIED = 3
"""A segment that follows so many different ones is a name below values."""


class Sibling:
    """One segment of a position, with what was seen with it."""

    __slots__ = ("common", "contexts", "odds", "own", "requests", "rows", "tenants", "text")

    def __init__(self, text: str, rows: list[int]) -> None:
        self.text = text
        self.rows = rows
        self.requests = 0
        self.tenants: Collection[str] = ()
        self.contexts: Collection[int] = ()
        self.odds = 0.0
        self.common = 0.0
        self.own = 0


class Table:
    """What the judge reads of each row: its segments, requests, tenants, and the values before it (as one number)."""

    __slots__ = ("contexts", "requests", "segments", "tenants")

    def __init__(
        self, paths: Sequence[str], requests: Sequence[int], tenants: Sequence[tuple[str, ...]]
    ) -> None:
        self.segments = [_segments(path) for path in paths]
        self.requests = [max(1, number) for number in requests]
        self.tenants = tenants
        self.contexts = [0] * len(paths)


@lru_cache(maxsize=1 << 12)  # many hosts are asked for the same
def _segments(path: str) -> tuple[str, ...]:
    return tuple(path.removeprefix("/").split("/"))


def judge(siblings: Sequence[Sibling], sure: Sequence[str], table: Table, depth: int) -> None:
    """Set the odds of each sibling at segment number `depth`, where the `sure` are values by their spelling alone."""
    for sibling in siblings:
        _count(sibling, table)
    _by_frequency(siblings)
    _by_number(siblings)
    _by_spread(siblings)
    _by_likeness(siblings, sure)
    children = _Children(siblings, table, depth)
    _by_children(siblings, children)
    _by_crowd(siblings, len(sure))
    _by_tree(siblings, children)


def _by_frequency(siblings: Sequence[Sibling]) -> None:
    rare = sum(sibling.requests <= FEW for sibling in siblings)
    usual = max(FEW, sum(sibling.requests for sibling in siblings) / (20 * len(siblings)))
    for sibling in siblings:
        rarity = max(-6.0, min(2.2, 1.2 * log(usual / sibling.requests)))
        if rarity > 0:
            rarity *= min(1.0, (rare - 1) / CROWD)
        sibling.odds = PRIOR + oddity(sibling.text) + rarity


def _by_number(siblings: Sequence[Sibling]) -> None:
    """An API seldom has so many names in one place, least of all below a parameter."""
    if len(siblings) > VOCABULARY:
        below_values = len(set().union(*(sibling.contexts for sibling in siblings))) > 1
        for sibling in siblings:
            sibling.odds += (8.0 if below_values else 1.0) * log(len(siblings) / VOCABULARY)


def _by_spread(siblings: Sequence[Sibling]) -> None:
    tenants = _effective([sibling.tenants for sibling in siblings])
    contexts = _effective([sibling.contexts for sibling in siblings])
    for sibling in siblings:
        sibling.odds += _spread(len(sibling.tenants), sibling.requests, tenants, 1.6)
        sibling.odds += _spread(len(sibling.contexts), sibling.requests, contexts, 1.2)


def _by_likeness(siblings: Sequence[Sibling], sure: Sequence[str]) -> None:
    """Spelled alike are codes of one length (`US`, `GB`), numbered names (`run-1`, `run-2`), ids among ids."""
    stems = [ending(sibling.text)[0] for sibling in siblings]
    lengths, numbered = Counter(map(len, stems)), Counter(_unnumbered(stem) for stem in stems)
    ids = Counter(len(ending(text)[0]) for text in sure)
    for sibling, stem in zip(siblings, stems, strict=True):
        length = len(stem)
        if lengths[length] > CROWD and lengths[length] >= 0.7 * len(siblings):
            sibling.odds += 8.0 if length <= CODE else 2.5
        if ids[length] >= CROWD and ids[length] >= 0.5 * len(sure):
            sibling.odds += 4.0
        if _unnumbered(stem) != stem and numbered[_unnumbered(stem)] >= NUMBERED:
            sibling.odds += 3.0


def _unnumbered(text: str) -> str:
    return NUMBER.sub("0", text)


def _by_children(siblings: Sequence[Sibling], children: _Children) -> None:
    """Children of the same names are a sign of values, unless the siblings are sure to be names (as resources are)."""
    possible = [sibling.odds > SURE_NAME for sibling in siblings]
    for sibling, shared, may in zip(siblings, children.shared(possible), possible, strict=True):
        sibling.common, sibling.own = shared
        if may:
            agreement = sibling.common / (sibling.common + sibling.own) if sibling.common else 0.0
            sibling.odds += 0.8 * min(sibling.common, 12) * max(0.0, 2 * agreement - 1) - min(sibling.own, 5)
    if len(siblings) >= 2 * CROWD:
        shared = children.shared([True] * len(siblings))
        same = [s for s, (common, own) in zip(siblings, shared, strict=True) if common >= VARIED and not own]
        if len(same) >= 0.7 * len(siblings):
            for sibling in same:
                sibling.odds = max(sibling.odds, JOINED)


def _by_crowd(siblings: Sequence[Sibling], sure: int) -> None:
    """Few values among many names are names after all; a name like its siblings, who are values, is one too."""
    values = [sibling for sibling in siblings if sibling.odds > 0]
    if len(values) + sure < CROWD:
        for sibling in values:
            sibling.odds -= 2.0
    if len(values) < max(CROWD, 0.6 * len(siblings)):
        return
    most = 2 + 2 * sum(sibling.requests for sibling in values) / len(values)
    seldom = SELDOM * sum(sibling.requests for sibling in siblings) if len(values) > VOCABULARY else 0.0
    for sibling in sorted(siblings, key=lambda s: (s.requests, s.text)):
        if sibling.odds > 0:
            most = max(most, sibling.requests)
        elif not sibling.own and (
            sibling.common >= VARIED or sibling.requests <= max(seldom, GAP * most * (1 + sibling.common))
        ):
            sibling.odds = JOINED
            most = max(most, sibling.requests)


def _by_tree(siblings: Sequence[Sibling], children: _Children) -> None:
    """However few and frequent, siblings below which all of a large API is found again are values."""
    if len(siblings) >= 2 * CROWD:
        return
    alike = [
        sibling
        for sibling, everywhere in zip(siblings, children.everywhere(), strict=True)
        if everywhere >= ALIKE and sibling.own <= everywhere / 10
    ]
    if len(alike) >= max(2, 0.7 * len(siblings)):
        for sibling in alike:
            sibling.odds = max(sibling.odds, JOINED)


def _count(sibling: Sibling, table: Table) -> None:
    rows = sibling.rows
    if len(rows) == 1:
        row = rows[0]
        sibling.requests, sibling.tenants = table.requests[row], table.tenants[row]
        sibling.contexts = (table.contexts[row],)
        return
    sibling.requests = sum([table.requests[row] for row in rows])
    sibling.tenants = set().union(*[table.tenants[row] for row in rows])
    sibling.contexts = {table.contexts[row] for row in rows}


def _effective(sets: Sequence[Collection[object]]) -> float:
    """How many there are in effect: the inverse of the odds that two draws are the same (Simpson's index)."""
    seen: dict[object, int] = defaultdict(int)
    for members in sets:
        for member in members:
            seen[member] += 1
    total = sum(seen.values())
    return total * total / sum(n * n for n in seen.values()) if seen else 1.0


def _spread(found: int, requests: int, possible: float, weight: float) -> float:
    """Log odds from how many tenants (or outer values) a segment has of those it would have if it did not care."""
    expected = min(12.0, possible * (1 - (1 - 1 / possible) ** requests)) if possible > 1 else 1.0
    if expected <= 1.05 or not found:  # noqa: PLR2004 - as good as one: nothing to see
        return 0.0
    ratio = min(1.0, (min(found, 12) - 1) / (expected - 1))
    return (0.4 - ratio) * min(expected - 1, 5) * weight


def _is_name(text: str) -> bool:
    return bool(text) and not is_value(text) and not is_version(text)


class _Child:
    """A name at a place further down: how often, below which siblings, after which segments."""

    __slots__ = ("before", "below", "times")

    def __init__(self) -> None:
        self.times = 0
        self.below: list[int] = []
        self.before: set[str] = set()


class _Children:
    """Names further down, by place and text."""

    def __init__(self, siblings: Sequence[Sibling], table: Table, depth: int) -> None:
        children: dict[tuple[int, str], _Child] = defaultdict(_Child)
        self._found: list[set[tuple[int, str]]] = []
        times: dict[int, int] = defaultdict(int)
        rows = ROWS if len(siblings) >= 2 * CROWD else MOST_ROWS // len(siblings)
        for number, sibling in enumerate(siblings):
            below = set()
            for row in sibling.rows[:: max(1, len(sibling.rows) // rows)]:
                segments = table.segments[row][depth : depth + AHEAD]
                for ahead in range(1, len(segments)):
                    times[ahead] += 1
                    if not _is_name(segments[ahead]):
                        continue
                    key = ahead, segments[ahead]
                    child = children[key]
                    child.times += 1
                    if len(child.before) < VARIED:
                        child.before.add(segments[ahead - 1])
                    below.add(key)
            for key in below:
                children[key].below.append(number)
            self._found.append(below)
        enough = max(CROWD, 0.6 * len(siblings))
        self._names = {
            key: child.below
            for key, child in children.items()
            if child.times >= OFTEN * times[key[0]]
            and (len(child.before) >= VARIED or len(child.below) >= enough)
        }
        self._seldom = {key for key in self._names if children[key].times < 2 * OFTEN * times[key[0]]}

    def shared(self, among: Sequence[bool]) -> list[tuple[float, int]]:
        """For each sibling: names below it that many of `among` have too (less for fewer), and those no other has."""
        most = len(WEIGHTS) - 1
        weights = {
            name: WEIGHTS[min(sum([among[number] for number in below]), most)]
            for name, below in self._names.items()
        }
        result = []
        for found in self._found:
            names = found & weights.keys() if len(found) < len(weights) else weights.keys() & found
            common = sum(sorted([weights[name] for name in names]))
            result.append((common, sum([len(self._names[name]) == 1 for name in names])))
        return result

    def everywhere(self) -> list[int]:
        """For each sibling: names below it that most of its siblings have too."""
        most = {
            name for name, below in self._names.items() if 2 * len(below) > len(self._found)
        } - self._seldom
        return [len(found & most) for found in self._found]

"""Templates of paths that no specification explains, learned from the paths themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import exp
from typing import NamedTuple

from .document import Operation
from .evidence import Sibling, Table, judge
from .shapes import ending, is_value, is_version


class Seen(NamedTuple):
    """A distinct method and path of a host, without query: its requests, and its distinct tenants (a dozen will do)."""

    host: str
    method: str
    path: str
    requests: int = 1
    tenants: tuple[str, ...] = ()


class Template(NamedTuple):
    """A learned template. `confidence`, 0 to 1, is that of its least certain position."""

    host: str
    template: str
    methods: tuple[str, ...]
    paths: int
    requests: int
    confidence: float


class Review(NamedTuple):
    """A position that a person should look at: `template` ends with it.

    `parameter` is the decision taken, `examples` are segments it was taken for, `requests` those that pass through.
    """

    host: str
    template: str
    parameter: bool
    confidence: float
    examples: tuple[str, ...]
    requests: int


class Learned:
    """Templates of all paths seen, each path in exactly one."""

    def __init__(
        self, templates: list[Template], reviews: list[Review], places: dict[str, dict[str, Template]]
    ) -> None:
        self.templates = templates
        self.reviews = reviews
        self._places = places

    def template(self, host: str, path: str) -> Template | None:
        """The template of a path that was seen."""
        return self._places.get(host, {}).get(path)

    def operations(self) -> list[Operation]:
        """The templates as a RouteTable takes them, for paths that come later."""
        return [Operation(method, t.template, t.host) for t in self.templates for method in t.methods]


UNSURE = 0.85
"""Positions below this confidence are listed for review."""
EXAMPLES = 5
FORMATS = 3
"""A parameter that ends in so many formats is a file name."""


def learn(seen: Iterable[Seen]) -> Learned:
    """Templates, with the positions to review, of distinct paths; the same whatever the order they come in.

    Hosts are learned apart: fold those that differ by tenant (`acme.example.com`) into one before. Leave out paths that
    the service does not have (answered 404, asked by scanners).

    A position becomes a parameter when its segments look or behave like values (see evidence.py); well-told names stay
    apart. Time grows with the number of segments.
    """
    by_host: dict[str, list[Seen]] = defaultdict(list)
    for one in seen:
        by_host[one.host].append(one)
    templates: list[Template] = []
    reviews: list[Review] = []
    places: dict[str, dict[str, Template]] = {}
    for host, some in sorted(by_host.items()):
        tree = _Tree(host, sorted(some))
        tree.grow()
        own = places[host] = {}
        for text, rows, confidence in sorted(tree.leaves):
            methods = sorted(set().union(*{tree.methods[row] for row in rows}))
            requests = sum([tree.requests[row] for row in rows])
            template = Template(host, text, tuple(methods), len(rows), requests, confidence)
            own.update(dict.fromkeys([tree.paths[row] for row in rows], template))
            templates.append(template)
        reviews.extend(tree.reviews)
    reviews.sort(key=lambda r: (-r.requests * (1 - r.confidence), r.host, r.template, r.parameter))
    return Learned(templates, reviews, places)


class _Branch(NamedTuple):
    """Rows whose first `depth` segments are explained by `template`."""

    rows: list[int]
    depth: int
    template: tuple[str, ...]
    confidence: float


class _Choice(NamedTuple):
    """What becomes of some siblings: a name of their own, or a parameter (with what follows it in the segment)."""

    rows: list[int]
    segments: list[str]
    parameter: bool
    ending: str
    confidence: float


class _Tree:
    """The paths of one host, from their first segment on."""

    def __init__(self, host: str, seen: Sequence[Seen]) -> None:
        self.host = host
        self.leaves: list[tuple[str, list[int], float]] = []
        self.reviews: list[Review] = []
        self.methods: list[tuple[str, ...]] = []
        requests: list[int] = []
        tenants: list[tuple[str, ...]] = []
        rows: dict[str, int] = {}
        for _, method, path, count, who in seen:
            row = rows.get(path)
            if row is None:
                rows[path] = len(rows)
                self.methods.append((method,))
                requests.append(count)
                tenants.append(who)
            else:
                self.methods[row] += (method,)
                requests[row] += count
                if tenants[row] != who:
                    tenants[row] = tuple({*tenants[row], *who})
        self.paths = list(rows)
        self.requests = requests
        self.table = Table(self.paths, requests, tenants)
        self._outer: dict[tuple[int, str], int] = {}

    def grow(self) -> None:
        stack = [_Branch(list(range(len(self.table.segments))), 0, (), 1.0)]
        while stack:
            stack.extend(self._divided(stack.pop()))

    def _divided(self, branch: _Branch) -> Iterator[_Branch]:
        groups: dict[str, list[int]] = defaultdict(list)
        ended = []
        segments, depth = self.table.segments, branch.depth
        for row in branch.rows:
            own = segments[row]
            if len(own) == depth:
                ended.append(row)
            else:
                groups[own[depth]].append(row)
        if ended:
            self.leaves.append(("/" + "/".join(branch.template), ended, round(branch.confidence, 3)))
        for choice in self._choices(groups, depth):
            text = choice.segments[0]
            if choice.parameter:
                text = f"{{{_name(branch.template)}}}{choice.ending}"
                self._remember(choice.rows, depth)
            template = (*branch.template, text)
            if choice.confidence < UNSURE:
                self._ask(template, choice)
            yield _Branch(choice.rows, depth + 1, template, min(branch.confidence, choice.confidence))

    def _remember(self, rows: Sequence[int], depth: int) -> None:
        """The outer values of each row that goes on now include its segment here."""
        contexts, segments, outer = self.table.contexts, self.table.segments, self._outer
        for row in rows:
            if len(segments[row]) > depth + 1:
                contexts[row] = outer.setdefault((contexts[row], segments[row][depth]), len(outer) + 1)

    def _ask(self, template: tuple[str, ...], choice: _Choice) -> None:
        requests = sum(self.requests[row] for row in choice.rows)
        examples = tuple(sorted(choice.segments)[:: max(1, len(choice.segments) // EXAMPLES)][:EXAMPLES])
        self.reviews.append(
            Review(
                self.host, "/" + "/".join(template), choice.parameter, choice.confidence, examples, requests
            )
        )

    def _choices(self, groups: dict[str, list[int]], depth: int) -> Iterator[_Choice]:
        """Names one by one, and values together by what they end in."""
        by_ending: dict[str, list[Sibling]] = defaultdict(list)
        values: dict[str, list[tuple[str, list[int], float]]] = defaultdict(list)
        alone = depth == 0 and len(groups) == 1
        for text in sorted(groups):
            stem, end = ending(text)
            if not text or alone or is_version(text):
                yield _Choice(groups[text], [text], parameter=False, ending="", confidence=1.0)
            elif is_value(stem):
                values[end].append((text, groups[text], 0.99))
            else:
                by_ending[end].append(Sibling(text, groups[text]))
        for end, siblings in sorted(by_ending.items()):
            judge(siblings, [text for text, _, _ in values.get(end, ())], self.table, depth)
            for sibling in siblings:
                confidence = round(1 / (1 + exp(-min(30.0, abs(sibling.odds)))), 3)
                if sibling.odds > 0:
                    values[end].append((sibling.text, sibling.rows, confidence))
                else:
                    yield _Choice(
                        sibling.rows, [sibling.text], parameter=False, ending="", confidence=confidence
                    )
        if sum(bool(end) and not end.startswith(":") for end in values) >= FORMATS:
            values = {"": [value for end in sorted(values) for value in values[end]]}  # type: ignore[assignment]
        for end, members in sorted(values.items()):
            rows = [row for _, some, _ in members for row in some]
            confidence = round(sum(c for _, _, c in members) / len(members), 3)
            yield _Choice(
                sorted(rows),
                [text for text, _, _ in members],
                parameter=True,
                ending=end,
                confidence=confidence,
            )


def _name(template: tuple[str, ...]) -> str:
    """A parameter's name from the name before it, numbered where that is taken."""
    before = next((part for part in reversed(template) if "{" not in part and not is_version(part)), "")
    word = "".join(c if c.isalnum() else "_" for c in before).strip("_").lower() or "value"
    word = word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s")
    number = sum(f"{{{word}}}" in part or f"{{{word}_" in part for part in template)
    return f"{word}_{number + 1}" if number else word or "value"

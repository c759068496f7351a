"""Which route of a known set a request belongs to."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from .document import MARKS_OF_MANY, PLACEHOLDER, Operation

MOST_HOSTS = 4096
"""So many spellings of hosts are remembered; a scanner makes up more."""


class Route(NamedTuple):
    """What a request is an instance of. `method` is the route's: GET for a HEAD that only GET answers."""

    method: str
    template: str
    operation_id: str = ""
    tags: tuple[str, ...] = ()


class Mixed(NamedTuple):
    """A segment of text and parameters, such as `{id}.json`, `{name}:cancel` or `{base}...{head}`."""

    text: str
    prefix: str
    suffix: str
    inner: re.Pattern[str] | None

    def takes(self, segment: str) -> bool:
        if not (segment.startswith(self.prefix) and segment.endswith(self.suffix)):
            return False
        if len(segment) <= len(self.prefix) + len(self.suffix):
            return False
        return self.inner is None or self.inner.fullmatch(segment) is not None


class Node:
    """One segment deep. Children are tried in this order, which is OpenAPI's: concrete before templated."""

    __slots__ = ("literals", "many", "mixed", "routes", "whole")

    def __init__(self) -> None:
        self.literals: dict[str, Node] = {}
        self.mixed: list[tuple[Mixed, Node]] = []
        self.whole: Node | None = None
        self.many: Node | None = None
        self.routes: dict[str, Route] | None = None


class RouteTable:
    """Operations by host, method and path.

    Of several templates that fit, the one with the leftmost concrete segment wins; one that has the method wins over
    one that has not. A host is looked for by its exact name, then among hosts with parameters, then among operations of
    any host. Paths are told apart by case unless `ignore_case` (hosts never are). A path that does not fit as it stands
    is tried with doubled and closing slashes removed or a closing one added, with percent-encoding decoded (`%2F` never
    divides segments), and without each of `base_paths`, such as the stage `/prod` of a gateway.
    """

    def __init__(
        self, operations: Iterable[Operation], *, base_paths: Sequence[str] = (), ignore_case: bool = False
    ) -> None:
        self.unreachable: list[Operation] = []
        """Operations that differ from an earlier one in the names of parameters alone, or not at all."""
        self._ignore_case = ignore_case
        self._base_paths = [f"/{base.strip('/')}/" for base in base_paths if base.strip("/")]
        roots: dict[str, Node] = defaultdict(Node)
        for operation in operations:
            self._add(roots[operation.host.lower()], operation)
        self._any_host = roots.pop("", None)
        patterns = sorted(host for host in roots if "{" in host or "*" in host)
        self._patterns = [(re.compile(_host_pattern(host)), roots.pop(host)) for host in patterns]
        self._hosts = dict(roots)
        self._known_hosts: dict[str, list[Node]] = {}

    def match(self, host: str, method: str, path: str) -> Route | None:
        """The route, or None for a request that no operation answers.

        HEAD is answered by GET where it has no operation of its own. OPTIONS is (CORS) answered by every path that has
        an operation: its route has no operation id. `path` may carry a query, which is ignored.
        """
        if "?" in path:
            path = path.partition("?")[0]
        roots = self._roots(host)
        segments = self._segments(path)
        for root in roots:  # the common case: nothing to respell
            route = _walk(root, segments, 1, method)
            if route is not None:
                return route
        method = method.upper()
        for spelling in self._spellings(path):
            segments = self._segments(spelling)
            for root in roots:
                route = _walk(root, segments, 1, method)
                if route is not None:
                    return route
        return None

    def has_host(self, host: str) -> bool:
        """Whether any operation names this host."""
        of_any_host = self._any_host is not None
        return len(self._roots(host)) > of_any_host

    def alike(self, host: str) -> Hashable:
        """Equal for hosts whose requests have the same routes."""
        return tuple(map(id, self._roots(host)))

    def _add(self, root: Node, operation: Operation) -> None:
        node = root
        for segment in self._segments(operation.template, template=True)[1:]:
            node = _child(node, segment, operation.many)
        if node.routes is None:
            node.routes = {}
        if operation.method in node.routes:
            self.unreachable.append(operation)
            return
        node.routes[operation.method] = Route(
            operation.method, operation.template, operation.operation_id, operation.tags
        )

    def _segments(self, path: str, *, template: bool = False) -> list[str]:
        if self._ignore_case:
            path = re.sub(r"[^{}]+(?![^{]*\})", lambda m: m[0].lower(), path) if template else path.lower()
        return path.split("/")

    def _roots(self, host: str) -> list[Node]:
        roots = self._known_hosts.get(host)
        if roots is None:
            roots = self._looked_up(host)
            if len(self._known_hosts) < MOST_HOSTS:
                self._known_hosts[host] = roots
        return roots

    def _looked_up(self, host: str) -> list[Node]:
        name = host.lower() if host.startswith("[") else host.lower().partition(":")[0]
        exact = [self._hosts[name]] if name in self._hosts else []
        anywhere = [self._any_host] if self._any_host is not None else []
        return [*exact, *(root for pattern, root in self._patterns if pattern.fullmatch(name)), *anywhere]

    def _spellings(self, path: str) -> Iterator[str]:
        """The path as it stands, then as lenient servers read it."""
        for whole in (path, *self._without_base(path)):
            yield whole
            plain = re.sub("//+", "/", whole)
            closed = plain.rstrip("/") if plain.endswith("/") else plain + "/"
            yield from (spelling for spelling in (plain, closed) if spelling != whole)
            if "%" in plain:
                decoded = "/".join(unquote(part).replace("/", "%2F") for part in plain.split("/"))
                yield decoded
                yield decoded.rstrip("/")

    def _without_base(self, path: str) -> Iterator[str]:
        for base in self._base_paths:
            if f"{path}/".startswith(base):
                yield "/" + path[len(base) :]


def _walk(node: Node, segments: list[str], at: int, method: str) -> Route | None:
    """The first route below the node that takes the segments from `at` on, with backtracking."""
    end = len(segments)
    while at < end:
        segment = segments[at]
        literal = node.literals.get(segment)
        if literal is not None:
            if node.whole is None and not node.mixed and node.many is None:  # nothing to come back to
                node = literal
                at += 1
                continue
            route = _walk(literal, segments, at + 1, method)
            if route is not None:
                return route
        for mixed, child in node.mixed:
            if mixed.takes(segment):
                route = _walk(child, segments, at + 1, method)
                if route is not None:
                    return route
        if node.many is not None:
            return _after_many(node, segments, at, method)
        if node.whole is None or not segment:
            return None
        node = node.whole
        at += 1
    return _answer(node.routes, method) if node.routes is not None else None


def _after_many(node: Node, segments: list[str], at: int, method: str) -> Route | None:
    """One segment as a whole parameter, else the fewest segments that let the rest fit."""
    if node.whole is not None and segments[at]:
        route = _walk(node.whole, segments, at + 1, method)
        if route is not None:
            return route
    if node.many is None or not any(segments[at:]):
        return None
    for after in range(at + 1, len(segments) + 1):
        route = _walk(node.many, segments, after, method)
        if route is not None:
            return route
    return None


def _answer(routes: dict[str, Route], method: str) -> Route | None:
    route = routes.get(method)
    if route is not None or "*" in routes:
        return route or routes["*"]
    if method == "HEAD":
        return routes.get("GET")
    if method == "OPTIONS":
        first = next(iter(routes.values()))
        return Route("OPTIONS", first.template, "", first.tags)
    return None


def _child(node: Node, segment: str, many: frozenset[str]) -> Node:
    """The child that a template's segment leads to, made if it is not there."""
    whole = PLACEHOLDER.fullmatch(segment)
    if whole is not None:
        if whole[1] in many or whole[1].endswith(MARKS_OF_MANY) or whole[1].startswith("*"):
            node.many = node.many or Node()
            return node.many
        node.whole = node.whole or Node()
        return node.whole
    if "{" not in segment:
        return node.literals.setdefault(segment, Node())
    mixed = _mixed(segment)
    for known, child in node.mixed:
        if known.text == mixed.text:
            return child
    node.mixed.append((mixed, Node()))
    node.mixed.sort(key=lambda pair: (-len(pair[0].text.replace("{}", "")), pair[0].text))
    return _child(node, segment, many)


def _mixed(segment: str) -> Mixed:
    texts = PLACEHOLDER.sub("{}", segment).split("{}")
    inner = None
    if len(texts) > 2:  # noqa: PLR2004 - more than one parameter
        inner = re.compile(".+?".join(re.escape(text) for text in texts), re.DOTALL)
    return Mixed("{}".join(texts), texts[0], texts[-1], inner)


def _host_pattern(host: str) -> str:
    """A parameter or `*` is any part of a label."""
    return "[^.]+".join(re.escape(text) for text in re.split(r"\{[^{}]*\}|\*", host))

"""Every distinct request of the logs to its route: by specification, gateway, framework, or learning."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import nsmallest
from typing import NamedTuple
from zlib import crc32

from .document import PLACEHOLDER, Operation
from .feature import TENANT, Features, operation
from .gateway import Named, gateway_route, trusted
from .learning import UNSURE, Learned, Seen, learn
from .places import HostName, Names, PathPlaces, Visit, fold_hosts, named_in, tenants_of
from .routing import Routing
from .table import Route, RouteTable

MOST_LEARNED = 200_000
"""Paths that templates are learned from at once: half of them those asked for most, half by lot. The others are matched
with what was learned; those that do not fit are learned from in their turn."""
MOST_ROUNDS = 5
ELSEWHERE = 0.9
"""Confidence in a specification that names other hosts than the log does."""
UNDOCUMENTED = 0.8
"""Confidence where it has the path, but not the method."""
FRAMEWORK = 0.95


class Asked(NamedTuple):
    """A distinct host, method and path of the logs.

    `named` is the template that the log has beside it, `claims` some of the names that its requests carry (a dozen will
    do), `missing` whether every answer was 404.
    """

    host: str
    method: str
    path: str
    named: str = ""
    requests: int = 1
    missing: bool = False
    claims: tuple[str, ...] = ()


class Assigned(NamedTuple):
    """The route of an `Asked`, and what in its host and path may name a tenant (empty: nothing).

    `pattern` is the host with `*` for a tenant's label. `origin` is specification, gateway, framework, learned or none;
    with none, template and feature are empty. `doubt` is the start of the template that ends with its least certain
    position, where that is to be reviewed.
    """

    pattern: str
    template: str
    feature: str
    operation: str
    origin: str
    confidence: float
    tags: tuple[str, ...]
    subdomain: str
    segment: str
    doubt: str


@dataclass(frozen=True, eq=False, slots=True)
class _Found:
    """What requests were found to be, before their feature is looked up. Made once for all that are alike: it is known
    by its identity.
    """

    method: str
    template: str
    origin: str
    confidence: float
    tags: tuple[str, ...] = ()
    doubt: str = ""


@dataclass(eq=False, slots=True)
class _Place:
    """Host and path as learning sees them: the host folded, a known tenant in the path replaced. Made once for all
    requests of a host and path: it is known by its identity.

    `segment`, number `depth` of the path as requested, stands where tenants do. `names`: what may name a tenant in host
    and path, in lower case.
    """

    host: HostName
    path: str
    depth: int | None
    segment: str
    names: tuple[str, ...]


ANY_METHOD = "OPTIONS"
"""Every path that has an operation answers it, with that path's template and tags."""
NONE = _Found("", "", "none", 0.0)


def assign(
    asked: Sequence[Asked], documented: Sequence[Operation], names: Names, routing: Routing
) -> tuple[list[Assigned], list[int]]:
    """The routes there are, and for each request, in their order, the number of its own; the same whatever that order
    is.

    Each is tried in order of trust: the `documented` operations, the gateway's template, a framework's where it can be
    believed, templates learned from all that nothing else explains. Paths whose every answer was 404 teach nothing, but
    may be instances of what is known.
    """
    places = _places(asked, names, routing)
    found = _by_what_is_told(asked, documented, routing)
    _by_framework(asked, places, found)
    _by_learning(asked, places, found)
    features = Features(routing.feature_rules)
    keys = [(place.host, place.segment, told or NONE) for place, told in zip(places, found, strict=True)]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return [_assigned(features, *key) for key in numbers], [numbers[key] for key in keys]


def _assigned(features: Features, host: HostName, segment: str, route: _Found) -> Assigned:
    feature, kind = "", ""
    if route is not NONE:
        feature = features.of(host.pattern, route.method, route.template, route.tags)
        kind = operation(route.method, route.template)
    return Assigned(
        host.pattern,
        route.template,
        feature,
        kind,
        route.origin,
        route.confidence,
        route.tags,
        host.name,
        segment,
        route.doubt,
    )


def _places(asked: Sequence[Asked], names: Names, routing: Routing) -> list[_Place]:
    hosts = fold_hosts({one.host for one in asked}, names, frozenset(routing.no_tenant))
    where = PathPlaces(_visits(asked, hosts, names), names)
    known: dict[str, dict[str, _Place]] = {host: {} for host in hosts}
    places: list[_Place] = []
    for one in asked:
        of_host = known[one.host]
        place = of_host.get(one.path)
        if place is None:
            place = of_host[one.path] = _place(one.path, hosts[one.host], where, names)
        places.append(place)
    return places


def _visits(asked: Sequence[Asked], hosts: Mapping[str, HostName], names: Names) -> list[Visit]:
    """The distinct paths of host patterns; none where no path holds a tenant's name."""
    if not any(named_in(path, names) for path in {one.path for one in asked}):
        return []
    times = Counter((hosts[one.host].pattern, one.path, one.claims) for one in asked if not one.missing)
    tenants = {claims: tenants_of(names, claims) for claims in {claims for _, _, claims in times}}
    return [Visit(host, path, tenants[claims], n) for (host, path, claims), n in times.items()]


def _place(path: str, host: HostName, where: PathPlaces, names: Names) -> _Place:
    depth = where.of(host.pattern, path)
    if depth is None:
        return _Place(host, path, None, "", _in_lower_case(host.name))
    segments = path.split("/")
    tenant = segments[depth]
    if tenant.lower() in names:
        segments[depth] = TENANT
    return _Place(host, "/".join(segments), depth, tenant, _in_lower_case(host.name, tenant))


# --- told: specification, gateway, framework --------------------------------------------------------


def _by_what_is_told(
    asked: Sequence[Asked], documented: Sequence[Operation], routing: Routing
) -> list[_Found | None]:
    table = RouteTable(documented, base_paths=routing.base_paths)
    anywhere = RouteTable((o._replace(host="") for o in documented), base_paths=routing.base_paths)
    known: dict[tuple[Route, str, float], _Found] = {}

    def specified(one: Asked, method: str) -> _Found | None:
        route, confidence = table.match(one.host, method, one.path), 1.0
        if route is None and not table.has_host(one.host):
            route, confidence = anywhere.match("", method, one.path), ELSEWHERE
        documents_it = method == one.method
        if route is None or ((one.missing or not documents_it) and not _has_name(route.template)):
            return None
        own = route.method if documents_it else one.method
        key = (route, own, confidence if documents_it else UNDOCUMENTED)
        if key not in known:
            known[key] = _Found(own, route.template, "specification", key[2], route.tags)
        return known[key]

    if not documented:
        return [_of_gateway(one.method, one.named) if one.named else None for one in asked]
    alike = {host: table.alike(host) for host in {one.host for one in asked}}
    told: dict[tuple[Hashable, str, str, str, bool], _Found | None] = {}
    found: list[_Found | None] = []
    for one in asked:
        key = (alike[one.host], one.method, one.path, one.named, one.missing)
        if key not in told:
            told[key] = (
                specified(one, one.method) or _of_gateway(one.method, one.named) or specified(one, ANY_METHOD)
            )
        found.append(told[key])
    return found


@lru_cache(maxsize=1 << 12)
def _of_gateway(method: str, named: str) -> _Found | None:
    route = gateway_route(named) if " " in named else None
    if route is None or not route.whole:
        return None
    return _Found(method if route.method == "*" else route.method, route.template, "gateway", 1.0)


def _by_framework(asked: Sequence[Asked], places: Sequence[_Place], found: list[_Found | None]) -> None:
    """Fill in what a framework's template explains."""
    at: dict[Named, list[int]] = {}
    for number, one in enumerate(asked):
        if one.named.startswith(("/", "^")) and found[number] is None and not one.missing:
            place = places[number]
            named = Named(
                place.host.pattern, one.method, one.named, place.path, one.requests, _who(one, place)
            )
            at.setdefault(named, []).append(number)
    known: dict[tuple[str, str], _Found] = {}
    for named, template in trusted(at).items():
        key = (named.method, template)
        if key not in known:
            known[key] = _Found(*key, "framework", FRAMEWORK)
        for number in at[named]:
            found[number] = known[key]


def _who(one: Asked, place: _Place) -> tuple[str, ...]:
    """The tenants of a request, as evidence for learning: under whatever names it has them."""
    return _in_lower_case(*one.claims, *place.names)


@lru_cache(maxsize=1 << 16)
def _in_lower_case(*names: str) -> tuple[str, ...]:
    return tuple(sorted({name.lower() for name in names if name}))


# --- learned ----------------------------------------------------------------------------------------


def _by_learning(asked: Sequence[Asked], places: Sequence[_Place], found: list[_Found | None]) -> None:
    """Fill in the rest from templates that the rest itself teaches."""
    left = [n for n, route in enumerate(found) if route is None]
    for _ in range(MOST_ROUNDS):
        taught = _taught([n for n in left if not asked[n].missing], asked)
        if not taught:
            break
        templates = _Templates(learn(_seen([asked[n] for n in taught], [places[n] for n in taught])))
        for n in left:
            found[n] = templates.of(asked[n], places[n])
        left = [n for n in left if found[n] is None]


def _seen(asked: Sequence[Asked], places: Sequence[_Place]) -> Iterator[Seen]:
    return map(
        Seen,
        [place.host.pattern for place in places],
        [one.method for one in asked],
        [place.path for place in places],
        [one.requests for one in asked],
        [_who(one, place) if one.claims else place.names for one, place in zip(asked, places, strict=True)],
    )


def _taught(numbers: Sequence[int], asked: Sequence[Asked]) -> Sequence[int]:
    """Those to learn from: all, or of too many those asked for most and others by lot."""
    if len(numbers) <= MOST_LEARNED:
        return numbers
    lot = {n: crc32(f"{asked[n].method} {asked[n].path}".encode()) for n in numbers}
    most = nsmallest(MOST_LEARNED // 2, numbers, key=lambda n: (-asked[n].requests, lot[n], asked[n]))
    rest = set(numbers).difference(most)
    return [*most, *nsmallest(MOST_LEARNED - len(most), rest, key=lambda n: (lot[n], asked[n]))]


class _Templates:
    """Learned templates, for the paths they were learned from and for others."""

    def __init__(self, learned: Learned) -> None:
        self._learned = learned
        by_host: dict[str, list[Operation]] = defaultdict(list)
        for one in learned.operations():
            by_host[one.host].append(one._replace(host=""))
        self._tables = {host: RouteTable(some) for host, some in by_host.items()}
        self._confidence = {(t.host, t.template): t.confidence for t in learned.templates}
        self._doubts = {(r.host, r.template): r.confidence for r in learned.reviews if r.confidence < UNSURE}
        self._known: dict[tuple[str, str, str, int | None], _Found] = {}

    def of(self, one: Asked, place: _Place) -> _Found | None:
        seen = self._learned.template(place.host.pattern, place.path)
        taught = (seen.host, seen.template) if seen is not None else self._like(one, place)
        if taught is None:
            return None
        key = (*taught, one.method, place.depth)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._found(*key)
        return found

    def _like(self, one: Asked, place: _Place) -> tuple[str, str] | None:
        """The template that a path fits which taught none, and its host: that of the path or, of logs without hosts,
        none.
        """
        for host in (place.host.pattern, ""):
            table = self._tables.get(host)
            route = table.match("", one.method, place.path) if table is not None else None
            if route is not None:
                return None if one.missing and not _has_name(route.template) else (host, route.template)
        return None

    def _found(self, host: str, text: str, method: str, depth: int | None) -> _Found:
        return _Found(
            method,
            _with_tenant(text, depth),
            "learned",
            self._confidence[host, text],
            doubt=_with_tenant(self._doubt(host, text), depth),
        )

    def _doubt(self, host: str, text: str) -> str:
        """The start of a template up to its least certain position, if that is one to review."""
        segments = text.split("/")
        starts = ["/".join(segments[: end + 1]) for end in range(1, len(segments))]
        unsure = [(self._doubts[host, start], start) for start in starts if (host, start) in self._doubts]
        return min(unsure, default=(0.0, ""))[1]


def _with_tenant(template: str, depth: int | None) -> str:
    """The template with its parameter at the tenant's segment called so."""
    segments = template.split("/")
    if depth is None or depth >= len(segments) or not PLACEHOLDER.fullmatch(segments[depth]):
        return template
    segments[depth] = TENANT
    return "/".join(segments)


def _has_name(template: str) -> bool:
    """Whether any segment is no parameter: one that is all parameters takes whatever scanners ask for."""
    return any(segment and not PLACEHOLDER.fullmatch(segment) for segment in template.split("/"))


def names_of(rows: Iterable[tuple[str, str]]) -> Names:
    """(name in lower case, tenant) pairs as `Names`."""
    found: dict[str, set[str]] = {}
    for name, tenant in rows:
        found.setdefault(name, set()).add(tenant)
    return {name: frozenset(tenants) for name, tenants in found.items()}

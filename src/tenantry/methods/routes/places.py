"""Where requests name tenants without meaning to: in which label of the host, behind which prefix of the path."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from .shapes import ending, is_value

Names = Mapping[str, frozenset[str]]
"""A tenant's name or alias, in lower case -> the tenants that have it, or had it once."""

IP = re.compile(r"\[.*|[\d.]+")
LABELS = 3
"""A tenant's subdomain stands before a domain of two labels or more."""
CUSTOM = "*"
"""The pattern of hosts that are tenants' own domains."""
DEEPEST = 6
"""Segments looked at."""
_ONE = (
    "tenant", "org", "organization", "organisation", "account", "customer", "client", "company", "workspace", "team",
    "shop", "store", "site",
)  # fmt: skip
TELLING = frozenset({"t", "o", "companies", *_ONE, *(f"{name}s" for name in _ONE)})
"""Names that say what stands behind them."""
MOST, ALL_BUT_FEW = 0.5, 0.9
WEAK = 3
"""Names shorter than this, and numbers, are also other things."""


class HostName(NamedTuple):
    """A host as routes know it, and what in it may name a tenant: the first label of `*.example.com`."""

    pattern: str
    name: str = ""


def fold_hosts(hosts: Iterable[str], names: Names, no_tenant: Collection[str]) -> dict[str, HostName]:
    """Hosts that differ by tenant alone share one pattern: `acme.example.com` and `globex.example.com` are
    `*.example.com`, and hosts that are a tenant's alias as a whole are `*`.

    A label of `no_tenant` names none: behind it (`www.acme.example.com`) the next is looked at. Where two tenants have
    labels beside each other, unknown labels beside them are folded too: they may be tenants that the table lacks.
    """
    listed = sorted(set(hosts))
    split = {host: found for host in listed if (found := _split(host, no_tenant))}
    known = Counter(pattern for pattern, label in split.values() if label in names)
    folded: dict[str, HostName] = {}
    for host in listed:
        pattern, label = split.get(host, ("", ""))
        if host in names:
            folded[host] = HostName(CUSTOM, host)
        elif pattern and (label in names or known[pattern] > 1):
            folded[host] = HostName(pattern, label)
        else:
            folded[host] = HostName(host)
    return folded


def _split(host: str, no_tenant: Collection[str]) -> tuple[str, str] | None:
    """The host with `*` for the label that may name a tenant, and that label."""
    if IP.fullmatch(host):
        return None
    labels = host.split(".")
    at = 0
    while len(labels) - at > LABELS and labels[at] in no_tenant:
        at += 1
    if len(labels) - at < LABELS or labels[at] in no_tenant:
        return None
    return ".".join([*labels[:at], "*", *labels[at + 1 :]]), labels[at]


class Visit(NamedTuple):
    """A distinct path of a host pattern, with the tenants that its requests name on purpose.

    `times`: how many hosts and methods it was asked for with.
    """

    host: str
    path: str
    tenants: frozenset[str] = frozenset()
    times: int = 1


class _Place:
    """What was seen behind one prefix."""

    __slots__ = ("agree", "differ", "paths", "telling", "tenants", "tenants_paths", "values", "weak")

    def __init__(self, prefix: str) -> None:
        self.telling = prefix.rpartition("/")[2].lower() in TELLING
        self.tenants: set[str] = set()
        self.values: set[str] = set()
        self.tenants_paths = self.paths = self.weak = self.agree = self.differ = 0

    def saw(self, value: str, tenants: frozenset[str], visit: Visit) -> None:
        self.tenants |= tenants
        self.tenants_paths += visit.times
        if value.isdigit() or len(value) < WEAK:
            self.weak += visit.times
        if visit.tenants:
            differ = tenants.isdisjoint(visit.tenants)
            self.agree += visit.times * (not differ)
            self.differ += visit.times * differ

    @property
    def holds(self) -> bool:
        """Whether tenants stand here.

        Most of what stands here must be tenants; two of them, or one behind a telling name. Where requests name their
        tenant in another way too, nearly all must name the same. Where none does, short names and numbers are no
        evidence: they need a telling name before them.
        """
        many = self.tenants_paths >= MOST * self.paths or len(self.tenants) >= MOST * len(self.values)
        if not many or len(self.tenants) + self.telling < 2:  # noqa: PLR2004 - two, or one and a telling name
            return False
        compared = self.agree + self.differ
        if compared:
            return self.agree >= ALL_BUT_FEW * compared
        return self.telling or self.weak < MOST * self.tenants_paths


class PathPlaces:
    """The prefixes behind which the next segment is a tenant, found in the distinct paths of all hosts.

    A prefix is of one host pattern; ids in it (numbers, UUIDs) are one: `/projects/17/tenants`, `/projects/18/tenants`.
    """

    def __init__(self, visits: Sequence[Visit], names: Names) -> None:
        places = _candidates(visits, names)
        depths = _depths(places)
        for visit in visits if places else ():
            segments = visit.path.split("/")
            for depth in depths:
                if depth < len(segments) and (place := places.get(_prefix(visit.host, segments, depth))):
                    place.paths += visit.times
                    place.values.add(segments[depth])
        self.prefixes = {prefix for prefix, place in places.items() if place.holds}
        self._depths = _depths(self.prefixes)

    def of(self, host: str, path: str) -> int | None:
        """The number of the segment that is a tenant (1 is the first), or None."""
        if not self.prefixes:
            return None
        segments = path.split("/")
        for depth in self._depths:
            if depth < len(segments) and segments[depth] and _prefix(host, segments, depth) in self.prefixes:
                return depth
        return None


def _candidates(visits: Iterable[Visit], names: Names) -> dict[str, _Place]:
    """The prefixes behind which a tenant's name was seen at all."""
    depths = {
        path: found for path in dict.fromkeys(v.path for v in visits) if (found := named_in(path, names))
    }
    places: dict[str, _Place] = {}
    for visit in visits:
        for depth in depths.get(visit.path, ()):
            segments = visit.path.split("/")
            prefix = _prefix(visit.host, segments, depth)
            place = places.get(prefix)
            if place is None:
                place = places[prefix] = _Place(prefix)
            place.saw(segments[depth], names[segments[depth].lower()], visit)
    return places


def named_in(path: str, names: Names) -> list[int]:
    """The numbers of the segments that are tenants' names."""
    segments = path.split("/", DEEPEST + 1)[: DEEPEST + 1]
    return [depth for depth, segment in enumerate(segments) if depth and segment.lower() in names]


def _depths(prefixes: Iterable[str]) -> list[int]:
    """The numbers of the segments behind these prefixes."""
    return sorted({prefix.count("/") + 1 for prefix in prefixes})


def _prefix(host: str, segments: Sequence[str], depth: int) -> str:
    return "/".join([host, *(_plain(segment) for segment in segments[1:depth])])


def _plain(segment: str) -> str:
    return "{}" if not segment.isalpha() and is_value(ending(segment)[0]) else segment


def tenants_of(names: Names, claims: Iterable[str]) -> frozenset[str]:
    """The tenants that these names mean, as far as each means one."""
    meant = (names.get(claim.strip().lower(), frozenset[str]()) for claim in claims)
    return frozenset(tenant for tenants in meant if len(tenants) == 1 for tenant in tenants)

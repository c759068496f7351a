"""Names of the vendor's own in a question: tenants, tiers, plans, services, features and meters. Names are data."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Self

from .claims import folded
from .question import Vocabulary
from .words import Words, words_of

_SERVICES = {
    "ec2": "elastic compute cloud",
    "s3": "simple storage service",
    "rds": "relational database service",
    "sqs": "simple queue service",
    "sns": "simple notification service",
    "elb": "elastic load balancing",
    "lb": "elastic load balancing",
    "lbs": "elastic load balancing",
    "alb": "elastic load balancing",
    "load balancers": "elastic load balancing",
    "load balancer": "elastic load balancing",
    "eks": "elastic container service for kubernetes",
    "kubernetes": "kubernetes",
    "k8s": "kubernetes",
    "ecs": "elastic container service",
    "ecr": "ec2 container registry",
    "kms": "key management service",
    "dynamo": "dynamodb",
    "ddb": "dynamodb",
    "dynamo db": "dynamodb",
    "cdn": "cloudfront",
    "cloud front": "cloudfront",
    "redis": "elasticache",
    "cloud watch": "cloudwatch",
    "guard duty": "guardduty",
    "databases": "database",
    "blob": "blob storage",
    "virtual machines": "compute",
    "lambdas": "lambda",
    "savings plans": "savings plans",
    "savings plan": "savings plans",
    "object storage": "simple storage service",
    "r53": "route 53",
    "queue": "queue",
    "queues": "queue",
    "genai": "bedrock",
}
"""Short names that clouds' users have for services, by words of the service's full name."""
_METERS = {
    "rcu": "read units", "rru": "read units", "wcu": "write units", "wru": "write units",
    "bandwidth": "egress", "outbound traffic": "egress", "outbound data": "egress",
    "data transfer out": "egress", "data transfer": "egress",
    "gigabyte hours of storage": "storage gb hours", "gigabyte hour of storage": "storage gb hours",
    "compute milliseconds": "compute ms", "milliseconds of compute": "compute ms",
    "prompt tokens": "input tokens", "completion tokens": "output tokens",
    "db time": "db", "gb milliseconds": "gb ms", "database time": "db",
}  # fmt: skip
"""Short names that are in use for what is metered, by words of the meter's name."""
_MAKERS = frozenset("amazon aws azure google microsoft the of for and service services".split())
_GENERIC = frozenset(
    "cloud simple elastic usage plans plan savings management systems system data web".split()
)
_TIMES = frozenset("ms milliseconds seconds minutes hours".split())
"""Units of time: `compute_ms` is compute time."""
_CUTS = ("by", "per", "each", "every")
_EACH = ("per", "single", "one")
"""After these a common word is what it names: the cost per report."""
_DISTINCT = 4
_USED = "how much .*(?:use|uses|used|using|consume[ds]?)"


@dataclass(frozen=True)
class Entity:
    """Words that name one value of a dimension, or several of which one is meant. `whole`: all of it was said."""

    dimension: str
    values: tuple[str, ...]
    whole: bool = True


class Mark(str):  # noqa: SLOT000 - it carries its entity
    """Stands where an entity's words were, as `@tenant`."""

    entity: Entity

    def __new__(cls, entity: Entity) -> Self:
        found = super().__new__(cls, f"@{entity.dimension}")
        found.entity = entity
        return found


class Names:
    """Names by the words they are made of; of each its dimension, itself or an alias, and the value that it means."""

    def __init__(self, known: Iterable[tuple[str, str, str]]) -> None:
        self._by_words: dict[tuple[str, ...], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._parts: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        services: list[str] = []
        meters: list[str] = []
        for dimension, name, value in known:
            self._learn(dimension, name, value)
            if dimension == "service":
                services.append(value)
            elif dimension == "meter":
                meters.append(value)
        for short, full in _SERVICES.items():
            self._learn_short("service", short, full, services)
        for short, full in _METERS.items():
            self._learn_short("meter", short, full, meters)
        self.longest = max(map(len, self._by_words), default=0)
        self.whole = {word for words in self._by_words for word in words}
        self.pairs = {pair for words in self._by_words for pair in pairwise(words)}
        self.words = self.whole | {*self._parts}

    def _learn(self, dimension: str, name: str, value: str) -> None:
        words = _said(name)
        if not words:
            return
        for said in _ways(dimension, words):
            self._by_words[said][dimension].add(value)
        for word in words:
            if len(word) >= _DISTINCT and word not in _MAKERS | _GENERIC | _TIMES:
                self._parts[word][dimension].add(value)
            if dimension == "meter" and len(word) >= _DISTINCT and word not in _TIMES:
                self._parts[word.removesuffix("s")][dimension].add(value)

    def _learn_short(self, dimension: str, short: str, full: str, names: Iterable[str]) -> None:
        wanted = full.split()
        for name in names:
            words = _said(name)
            if any(words[i : i + len(wanted)] == wanted for i in range(len(words))):
                self._by_words[tuple(short.split())][dimension].add(name)

    def take(self, words: Words, common: frozenset[str]) -> list[Entity]:
        """Take the names from the words, the longest first. A name that is a common word counts only after its kind:
        `tenant revenue`; part of a name only where it is no common word.
        """
        found: list[Entity] = []
        for length in range(min(self.longest, len(words.words)), 0, -1):
            for first in range(len(words.words) - length + 1):
                some = tuple(words.words[first : first + length])
                meant = self._by_words.get(some)
                if meant is None:
                    continue
                before = words.words[first - 1] if first else ""
                after = words.words[first + length] if first + length < len(words.words) else ""
                used = before in _EACH and "feature" in meant
                if length == 1 and some[0] in common and not (used or {before, after} & {*meant}):
                    continue
                found.append(self._put(words, first, length, self._chosen(meant, before, after)))
                return [*found, *self.take(words, common)]
        used = words.has(_USED)
        for first, word in enumerate(words.words):
            cut = first > 0 and words.words[first - 1] in _CUTS  # `by route` is no Route 53
            meant = self._parts.get(word, {}) if word not in common else {}
            if cut:
                meant = {kind: some for kind, some in meant.items() if kind == "meter"}
            if (
                used and "meter" in meant
            ):  # `how much storage did they use`: of what is metered, not of what is billed
                meant = {"meter": meant["meter"]}
            if meant:
                found.append(self._put(words, first, 1, self._chosen(meant, "", "", whole=False)))
                return [*found, *self.take(words, common)]
        return found

    def _put(self, words: Words, first: int, count: int, entity: Entity) -> Entity:
        kind = words.words[first + count : first + count + 1] == [entity.dimension]  # `the search feature`
        words.words[first : first + count + (kind and entity.dimension == "feature")] = [Mark(entity)]
        return entity

    def _chosen(
        self, meant: Mapping[str, set[str]], before: str, after: str, *, whole: bool = True
    ) -> Entity:
        """Of several kinds of things by one name that which is said beside it, else the first of this order."""
        for dimension in meant:
            if dimension in {before.removesuffix("s"), after.removesuffix("s")}:
                return Entity(dimension, tuple(sorted(meant[dimension])), whole)
        dimension = next(d for d in ("tenant", "tier", "feature", "service", "meter", "plan") if d in meant)
        values = tuple(sorted(meant[dimension]))
        return Entity(dimension, values, whole or (len(values) == 1 and dimension in {"service", "meter"}))


def names_of(vocabulary: Vocabulary) -> Names:
    """The names of a vocabulary, learnt once for all that have the same."""
    values = ((d, value, value) for d, some in vocabulary.values.items() for value in some)
    aliases = (
        (d, alias, value)
        for d, some in vocabulary.aliases.items()
        for alias, meant in some.items()
        for value in meant
    )
    return _learnt((*values, *aliases))


@lru_cache(maxsize=4)
def _learnt(known: tuple[tuple[str, str, str], ...]) -> Names:
    return Names(known)


def _ways(dimension: str, words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The ways to say a name of these words."""
    *before, last = words
    yield (*words,)
    if before and dimension != "meter":
        yield ("".join(words),)
    if dimension == "service" and (own := tuple(w.removeprefix("amazon") for w in words if w not in _MAKERS)):
        yield own
        yield ("".join(own),)
    if dimension == "feature":
        if not before:
            yield (last.removesuffix("s") if last.endswith("s") else f"{last}s",)
        if last.endswith("ch"):
            yield (*before, f"{last}es")
        yield (*before, f"{last.removesuffix('e')}ing")  # `file sharing`
    if dimension == "meter" and before and last in _TIMES:
        yield (*before, "time")
    if dimension == "meter" and before:
        for end in (last, last.removesuffix("s")):
            yield (*before, end)
            yield (*words[1:-1], end, "of", words[0])  # `GB-hours of storage`


def _said(name: str) -> list[str]:
    return words_of(re.sub(r"[_.]", " ", folded(name)))


def quoted(text: str, vocabulary: Vocabulary) -> Iterator[tuple[str, Entity | None]]:
    """Each text in quotation marks, with the value that has exactly that name."""
    for match in re.finditer(r"\"([^\"]+)\"|“([^”]+)”", text):
        said = match[1] or match[2]
        owner = next((d for d, values in vocabulary.values.items() if said in values), None)
        yield match.group(), Entity(owner, (said,)) if owner else None

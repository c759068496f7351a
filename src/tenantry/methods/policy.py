"""Allocation policy as code: an ordered list of rules, each taking charges into a pool and saying how it is shared."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from ..errors import invalid
from .sharing import with_exit

SERVICE_POOL = "{service}"
"""A pool name that stands for one pool per service."""


class Strategy(StrEnum):
    """How a pool's money is given to tenants."""

    SILO = "silo"
    """The charge names its tenant: by account, tag or resource."""
    DRIVER = "driver"
    """In proportion to metered usage, hour by hour or day by day."""
    EVEN = "even"
    """The same to every active tenant."""
    FIXED = "fixed"
    """By stated shares."""
    PROPORTIONAL = "proportional"
    """In proportion to cost already given: of the same service, of named pools, or of all."""
    CASCADE = "cascade"
    """First to other pools, by stated shares or their cost, then as those are shared."""
    CENTRAL = "central"
    """Kept by the vendor: shown as unallocated, by policy."""


class Rung(StrEnum):
    """Steps of the ladder that a driver pool descends where its driver is silent, in this order."""

    COARSE = "coarse"
    """By the policy's `coarse` meters, else by active users, of the day (of the month, for monthly charges)."""
    LAST_GOOD = "last_good"
    """By the pool's own usage on the newest earlier day that has any."""
    PROPORTIONAL = "proportional"
    """In proportion to all cost already given."""
    EVEN = "even"
    """The same to every active tenant."""


_MEANS = {
    "by": (Strategy.SILO,),
    "meters": (Strategy.DRIVER,),
    "coarse": (Strategy.DRIVER,),
    "shares": (Strategy.FIXED, Strategy.CASCADE),
    "targets": (Strategy.CASCADE,),
}
"""Fields that would be silently ignored under another strategy."""

_SILO_BY = "account|account_name|resource|tag:.+"


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Patterns = tuple[str, ...]


class Match(_Frozen):
    """Conditions on a charge. All that are given must hold; each holds if any of its patterns does.

    Patterns are case-blind; `*` stands for any text, `?` for one character.
    """

    service: Patterns = ()
    """ServiceName."""
    account: Patterns = ()
    """SubAccountId."""
    provider: Patterns = ()
    """ProviderName."""
    issuer: Patterns = ()
    """InvoiceIssuerName."""
    region: Patterns = ()
    """RegionId."""
    resource: Patterns = ()
    """ResourceId."""
    category: Patterns = ()
    """ChargeCategory: Usage, Purchase, Tax, Credit, Adjustment."""
    charge_class: Patterns = ()
    """ChargeClass: Correction."""
    commitment_status: Patterns = ()
    """CommitmentDiscountStatus: Used, Unused."""
    commitment_id: Patterns = ()
    """CommitmentDiscountId; `?*` is any."""
    usage_type: Patterns = ()
    """CUR's usage type; in FOCUS the SKU meter."""
    description: Patterns = ()
    """ChargeDescription."""
    tags: Mapping[str, Patterns] = Field(default_factory=dict)
    """Tag key -> patterns of its value."""


class Meter(_Frozen):
    """A meter that drives a pool."""

    meter: str
    """The meter's name in the usage events."""
    weight: Annotated[Decimal, Field(gt=0)] = Decimal(1)
    """What one unit counts."""
    service: str | None = None
    """Only usage of this service; empty text: only usage that names none."""
    region: str | None = None
    """Only usage in this region."""
    price_of: str | None = None
    """A pattern of usage types: the weight is their unit price in the bill, where the bill has one."""


class Capacity(_Frozen):
    """What the pool could carry, in units of its driver per hour; what nobody used is idle."""

    units_per_hour: Annotated[Decimal, Field(gt=0)] | None = None
    """So much, in each hour of a day on which the pool is used."""
    meter: str | None = None
    """As much as this meter tells, hour by hour."""
    idle: Literal["show", "central", "proportional"] = "show"
    """Idle as a row `(idle)`, as `(unallocated)`, or shared by use like the rest."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.units_per_hour is None) == (self.meter is None):
            message = "capacity needs units_per_hour or meter, one of them"
            raise ValueError(message)
        return self


class Rule(_Frozen):
    """One step of the policy: which charges, into which pool, shared how."""

    pool: str = SERVICE_POOL
    """The pool's name. `{service}`: one pool per service. Several rules may fill a pool if they share it alike."""
    match: Match = Match()
    """Which charges; without conditions all that are left."""
    strategy: Strategy = Strategy.DRIVER
    """How the pool is shared."""
    by: str | None = None
    """silo: `account`, `account_name`, `resource` or `tag:KEY`."""
    meters: tuple[Meter, ...] = ()
    """driver: what its tenants' usage is measured in."""
    coarse: tuple[Meter, ...] = ()
    """driver: meters that share the pool where its own are silent, in place of the policy's `coarse`."""
    combine: Literal["sum", "max", "shares"] = "sum"
    """driver: add weighted units; take the largest (request or use); or split the pool by weight, a part per meter."""
    grain: Literal["hour", "day"] = "hour"
    """driver: share hourly charges by the usage of their hour or of their day."""
    capacity: Capacity | None = None
    """driver: what the pool could carry; the part nobody used is idle."""
    shares: Mapping[str, Decimal] = Field(default_factory=dict)
    """fixed: tenant -> part; cascade: pool -> part. The parts sum to 1."""
    targets: tuple[str, ...] = ()
    """cascade without shares: the pools that take it, in proportion to their cost of the day (or month)."""
    reciprocal: bool = False
    """cascade: this pool and another may feed each other; solved by simultaneous equations."""
    basis: str = "all"
    """proportional: `service` (same account and service), `all`, or pool names separated by commas."""
    fallback: tuple[Rung, ...] = (Rung.COARSE, Rung.LAST_GOOD, Rung.PROPORTIONAL, Rung.EVEN)
    """driver: the rungs to try where the pool's meters are silent; what none places is unallocated."""
    last_good_days: Annotated[int, Field(ge=0, le=31)] = 7
    """How old the usage of the rung `last_good` may be."""

    @field_validator("shares")
    @classmethod
    def _sum_to_one(cls, shares: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
        if shares and (sum(map(Fraction, shares.values())) != 1 or min(shares.values()) < 0):
            message = f"shares are parts of 1 that sum to 1, not to {sum(shares.values())}"
            raise ValueError(message)
        return shares

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needs = {
            Strategy.SILO: ("by", self.by),
            Strategy.FIXED: ("shares", self.shares),
            Strategy.CASCADE: ("shares or targets", self.shares or self.targets),
        }
        name, value = needs.get(self.strategy, ("", True))
        found: list[str] = []
        if not value:
            found.append(f"a {self.strategy} rule needs {name}")
        elif self.strategy is Strategy.SILO and not re.fullmatch(_SILO_BY, self.by or "", re.DOTALL):
            found.append(f"by = {self.by!r}: a silo is by account, account_name, resource or tag:KEY")
        if self.capacity and (not self.meters or self.combine == "shares"):
            found.append("capacity needs meters that are added up (combine = sum) or compared (max)")
        found += (
            f"{name} means nothing where strategy = {self.strategy}"
            for name, strategies in _MEANS.items()
            if getattr(self, name) and self.strategy not in strategies
        )
        if found:
            raise ValueError("; ".join(found))
        return self

    @property
    def sharing(self) -> dict[str, Any]:
        """What says how the pool is shared, as far as it is not the default."""
        return self.model_dump(mode="json", exclude_defaults=True, exclude={"pool", "match"})


class Policy(_Frozen):
    """Rules in order: the first that matches a charge takes it (a silo rule only where it finds a tenant).

    A charge that no rule takes falls to one pool per service, which has no meters: it descends the ladder.
    """

    rules: tuple[Rule, ...] = ()
    """In order."""
    coarse: tuple[Meter, ...] = ()
    """Meters that share a pool whose own driver is silent; before active users."""

    @model_validator(mode="after")
    def _one_way_to_share_a_pool(self) -> Self:
        if clashes := _clashes(enumerate(self.rules, start=1)):
            raise ValueError("; ".join(clashes))
        return self

    def pools(self) -> dict[str, Rule]:
        """The rule that says how each named pool is shared; silo rules, which share nothing, apart."""
        shared = [r for r in self.rules if r.strategy is not Strategy.SILO and r.pool != SERVICE_POOL]
        return {rule.pool: rule for rule in shared}

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Policy:
        """A policy from the `[allocation]` table of `tenantry.toml`. Raises `invalid` with every problem."""
        found: list[str] = []
        try:
            cls.model_validate(table)
        except ValidationError as problems:
            found = [_described(p) for p in problems.errors(include_url=False) if p["loc"]]
        sound = _sound_rules(table.get("rules"))
        found += _clashes(sound)
        found += (f"{problem}: {remedy}" for problem, remedy in _circles(rule for _, rule in sound))
        if found:
            raise invalid(
                f"allocation policy: {'; '.join(found)}", "see docs/reference/policy.md", problems=found
            )
        return cls.model_validate(table)

    @property
    def version(self) -> str:
        """Twelve hex digits that name these rules: two policies with one version allocate alike."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def cascades(self) -> dict[str, Rule]:
        return {rule.pool: rule for rule in self.rules if rule.strategy is Strategy.CASCADE}

    def check_cascades(self) -> None:
        """Refuse a circle of pools unless every pool on it is reciprocal. Raises `invalid`."""
        if found := _circles(self.rules):
            problems, remedies = zip(*found, strict=True)
            raise invalid("; ".join(problems), "; ".join(remedies))


_FIELDS = {name for model in (Policy, Rule, Match, Meter, Capacity) for name in model.model_fields}


def _described(problem: ErrorDetails) -> str:
    """Where in the table, and what; a field that is none, with the one that its author may have meant."""
    *_, name = place = [str(part) for part in problem["loc"]]
    text = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        near = get_close_matches(name, _FIELDS, n=1)
        text = "no such field" + (f"; did you mean {near[0]}?" if near else "")
    return f"{'.'.join(place)}: {text}"


def _sound_rules(rules: Any) -> list[tuple[int, Rule]]:
    """The rules that are right by themselves, each with its place."""
    found: list[tuple[int, Rule]] = []
    for place, rule in enumerate(rules if isinstance(rules, (list, tuple)) else (), start=1):
        with suppress(ValidationError):
            found.append((place, Rule.model_validate(rule)))
    return found


def _clashes(rules: Iterable[tuple[int, Rule]]) -> list[str]:
    """Where rules, each with its place, cannot stand side by side."""
    first: dict[str, dict[str, Any]] = {}
    found: list[str] = []
    for place, rule in rules:
        if rule.strategy is Strategy.SILO:
            continue
        if rule.pool == SERVICE_POOL and set(rule.sharing) - {"grain"}:
            found.append(f"rule {place} says how its charges are shared: it needs a pool with a name")
        elif rule.pool.startswith("@"):
            found.append(f"rule {place}: pool {rule.pool!r}: names with @ are taken")
        elif rule.pool != SERVICE_POOL and first.setdefault(rule.pool, rule.sharing) != rule.sharing:
            found.append(f"rule {place} shares pool {rule.pool!r} in another way than an earlier rule")
    return found


def _circles(rules: Iterable[Rule]) -> list[tuple[str, str]]:
    """Circles of pools in which a pool is not reciprocal or which no money leaves; each with what to do."""
    cascades = {rule.pool: rule for rule in rules if rule.strategy is Strategy.CASCADE}
    circles: dict[frozenset[str], str] = {}

    def visit(pool: str, path: tuple[str, ...]) -> None:
        if pool in path:
            circle = path[path.index(pool) :]
            if not all(cascades[p].reciprocal for p in circle):
                circles.setdefault(frozenset(circle), " -> ".join([*circle, pool]))
            return
        if pool in cascades:
            for target in cascades[pool].shares or cascades[pool].targets:
                visit(target, (*path, pool))

    for pool in cascades:
        visit(pool, ())
    found = [
        (f"pools feed each other in a circle: {circle}", "set reciprocal = true on each, or remove one step")
        for circle in circles.values()
    ]
    steps = {
        pool: {t: Fraction(part) for t, part in r.shares.items() if part}
        or dict.fromkeys(r.targets, Fraction(1))
        for pool, r in cascades.items()
    }
    stuck = {pool for pool, r in cascades.items() if any(r.shares.values())} - {*with_exit(steps)}
    if stuck and not circles:
        names = ", ".join(sorted(stuck))
        found.append(
            (
                f"pools feed each other and nothing leaves the circle: {names}",
                "give one of them a pool outside it",
            )
        )
    return found


def part_pool(rule: Rule, meter: Meter) -> str:
    """The name of the part of a pool, split by meter, that this meter drives."""
    return f"{rule.pool}#{meter.meter}"

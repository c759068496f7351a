"""Who the tenants are, when they come, grow, upgrade and leave, and what else happens: the story of the vendor."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np

from ...errors import invalid
from ...kernel.time import month_start, next_month
from .dice import Dice, Floats, Ints
from .product import FEATURES, LOCAL, MACHINE, PERSONAS, REGIONS, RESOURCES, SIMULATION, SPREAD

EPOCH = date(1970, 1, 1)
FEWEST_TENANTS, FEWEST_MONTHS = 24, 3
UNKNOWN = "qa-loadtest"
"""Appears in usage and in no tenants table: the vendor's own load test."""

_FIRST = (
    "amber", "arbor", "aspen", "basalt", "beacon", "birch", "bramble", "bright", "cedar", "cinder", "clear",
    "cobalt", "copper", "coral", "crest", "dawn", "delta", "dune", "ember", "fable", "fern", "flint", "frost",
    "garnet", "glen", "granite", "hazel", "heron", "indigo", "iron", "ivory", "juniper", "kestrel", "lark",
    "linden", "lumen", "maple", "marsh", "meadow", "mistral", "moss", "north", "oak", "ochre", "onyx", "opal",
    "orchard", "pebble", "pine", "quartz", "raven", "reed", "ridge", "river", "rowan", "sable", "saffron", "sierra",
    "silver", "slate", "sorrel", "south", "summit", "teal", "thistle", "timber", "umber", "vale", "velvet",
    "violet", "walnut", "willow", "winter", "zephyr",
)  # fmt: skip
_SECOND = (
    "analytics", "architects", "bank", "biotech", "builders", "care", "clinics", "digital", "dynamics", "energy",
    "engineering", "estates", "farms", "foods", "freight", "games", "health", "insurance", "labs", "legal", "logistics",
    "media", "mills", "mobility", "motors", "optics", "partners", "press", "retail", "robotics", "schools", "shipping",
    "studios", "systems", "textiles", "travel", "water", "works",
)  # fmt: skip

TIERS = ("basic", "pro", "enterprise")
_USERS = {"basic": 8.0, "pro": 42.0, "enterprise": 430.0}
_USERS_SPREAD = {"basic": 0.6, "pro": 0.5, "enterprise": 0.55}
REQUESTS_PER_USER_HOUR = {"basic": 75.0, "pro": 170.0, "enterprise": 150.0}
# Requests come in sessions of about this many, so that a small tenant is silent in most hours.
_SESSION = {"basic": 4500.0, "pro": 18_000.0, "enterprise": 48_000.0}
_LEAVES_PER_DAY = {"basic": 0.00065, "pro": 0.0005, "enterprise": 0.00004}


@dataclass(frozen=True)
class Tenant:
    """One row of the tenants table, and what only the generator knows."""

    id: str
    name: str
    tier: str
    isolation: str
    region: str
    account: str
    aliases: tuple[str, ...]
    started: date
    ended: date | None
    seats: int
    importance: str
    persona: str
    churn_cause: str = ""
    upgraded: date | None = None


@dataclass(frozen=True)
class Roles:
    """Where in the plan the tenants of the story are."""

    unprofitable: int
    noisy: int
    idle: int
    alias_from: int
    alias_to: int

    def all(self) -> frozenset[int]:
        return frozenset((self.unprofitable, self.noisy, self.idle, self.alias_from, self.alias_to))


@dataclass(frozen=True)
class Story:
    """What happens when."""

    price_rise: date
    """New prices for pro subscriptions."""
    cloud_price_cut: date
    """The provider's tokens get 30 % cheaper."""
    commitment: date
    """A one-year Savings Plan begins."""
    alias_moved: date
    outage: date
    """EU is down from 09:00 to 13:00 UTC; credited in the next month."""
    unmetered: date
    """No meter of EU reports from 10:00 to 15:00 UTC."""
    replica_added: date
    """A third Aurora instance in the EU."""
    restated: date
    """The month whose bill is delivered twice: the second delivery is right."""
    corrected: date
    """The month that a later bill corrects."""


@dataclass(frozen=True)
class Plan:
    """The tenants and, in arrays of one row per tenant and a last one for the load test, how they use the product."""

    seed: int
    start: date
    end: date
    months: tuple[date, ...]
    tenants: tuple[Tenant, ...]
    roles: Roles
    story: Story
    users: Floats
    level: Floats
    """[tenant, day] 0 while absent; 1 = as in the beginning."""
    rate: Floats
    """Requests per user and hour, around the clock."""
    mix: Floats
    """[tenant, feature] parts of 1."""
    heavy: Ints
    """[tenant, resource] thousandths: how much more a request of this tenant takes."""
    session: Floats
    region: Ints
    compute_shared: np.ndarray = field(repr=False)
    database_shared: np.ndarray = field(repr=False)

    @property
    def size(self) -> int:
        return len(self.tenants) + 1

    @property
    def names(self) -> list[str]:
        return [*(t.id for t in self.tenants), UNKNOWN]

    def day(self, when: date) -> int:
        return (when - self.start).days


def make_plan(seed: int, months: int, tenants: int, end: date) -> Plan:
    """The plan of a vendor. Raises `invalid` for one too small to hold the story."""
    if months < FEWEST_MONTHS or tenants < FEWEST_TENANTS or end.day != 1:
        raise invalid(
            f"a demo vendor of {tenants} tenants and {months} months up to {end}",
            f"at least {FEWEST_TENANTS} tenants, {FEWEST_MONTHS} months, ending on the first of a month",
        )
    spans = [end]
    for _ in range(months):
        spans.insert(0, month_start(spans[0] - timedelta(days=1)))
    story = _story(spans[:-1])
    people, users, growth = _tenants(seed, spans[0], end, story, tenants)
    roles = _roles(people)
    people, users = _cast(people, users, roles, story)
    return _arrays(seed, spans, people, roles, story, users, growth)


def _story(months: list[date]) -> Story:
    def at(part: float, day: int = 1) -> date:
        return months[min(int(part * len(months)), len(months) - 2)].replace(day=day)

    return Story(
        price_rise=at(0.55), cloud_price_cut=at(0.65, 14), commitment=at(0.15), alias_moved=at(0.45, 11),
        outage=at(0.7, 17), unmetered=at(0.8, 8), replica_added=at(0.4, 20), restated=at(0.75), corrected=at(0.3),
    )  # fmt: skip


def _tenants(
    seed: int, start: date, end: date, story: Story, count: int
) -> tuple[list[Tenant], Floats, Floats]:
    dice = Dice(seed, "tenants")
    enterprise, pro = max(6, round(count * 0.117)), round(count * 0.26)
    silo, bridge = round(enterprise * 0.57), round(enterprise * 0.21)
    tiers = ["enterprise"] * enterprise + ["pro"] * pro + ["basic"] * (count - enterprise - pro)
    pairs = [(a, b) for a in _FIRST for b in _SECOND]
    chosen = dice.order(len(pairs))[:count]
    eu, known = dice.unit(count) < 0.7, dice.unit(count) < 0.6
    earlier, later = dice.whole(count, 30, 1100), dice.whole(count, 5, (end - start).days - 20)
    personas = dice.whole(count, 0, len(PERSONAS))
    size, growth = dice.normal(count), 0.0007 + 0.0009 * dice.normal(count)
    leave, cause = dice.unit(count), dice.unit(count)
    upgrade = dice.unit(count)
    users = np.zeros(count)
    people = []
    for i, tier in enumerate(tiers):
        users[i] = _USERS[tier] * max(0.25, 1 + _USERS_SPREAD[tier] * float(size[i]))
        began = start - timedelta(days=int(earlier[i])) if known[i] else start + timedelta(days=int(later[i]))
        first, second = pairs[int(chosen[i])]
        tenant = Tenant(
            id=f"{first}-{second}",
            name=f"{first.title()} {second.title()}",
            tier=tier,
            isolation="silo" if i < silo else "bridge" if i < silo + bridge else "pool",
            region=REGIONS[0 if eu[i] else 1],
            account=f"2048570{i + 1:05d}" if i < silo else "",
            aliases=(f"{first}{second}",),
            started=began,
            ended=None,
            seats=int(users[i] * 1.3) + 2,
            importance={"enterprise": "high", "pro": "normal", "basic": "low"}[tier],
            persona=list(PERSONAS)[int(personas[i])],
        )
        tenant = _leaving(tenant, float(leave[i]), float(cause[i]), (start, end), story)
        people.append(_upgrading(tenant, float(upgrade[i]), (start, end)))
    return people, users, np.maximum(growth, -0.0006)


def _leaving(tenant: Tenant, chance: float, cause: float, window: tuple[date, date], story: Story) -> Tenant:
    """Some tenants decline and leave, some leave at the price rise, some for no visible reason."""
    first = max(tenant.started + timedelta(days=75), window[0])
    last = window[1] - timedelta(days=4)
    exposed = (last - first).days
    risk = _LEAVES_PER_DAY[tenant.tier] * exposed
    if exposed <= 0 or chance >= risk:
        return tenant
    ended = first + timedelta(days=int(chance / risk * exposed))
    reason = "declined" if cause < 0.55 else "sudden"
    after_rise = story.price_rise + timedelta(days=6 + int(cause * 40))
    if cause >= 0.25 and tenant.tier == "pro" and first < after_rise < last:
        ended, reason = after_rise, "price"
    return replace(tenant, ended=ended, churn_cause=reason)


def _upgrading(tenant: Tenant, chance: float, window: tuple[date, date]) -> Tenant:
    """One basic tenant in ten outgrows its plan: its usage rises for two months, then it changes tier."""
    first = max(tenant.started, window[0]) + timedelta(days=70)
    room = (window[1] - timedelta(days=30) - first).days
    if tenant.tier != "basic" or tenant.ended or room <= 0 or chance >= 0.1:
        return tenant
    return replace(
        tenant, tier="pro", importance="normal", upgraded=first + timedelta(days=int(chance * 10 * room))
    )


def _roles(people: list[Tenant]) -> Roles:
    def of(tier: str, isolation: str) -> list[int]:
        found = [
            i for i, t in enumerate(people) if t.tier == tier and t.isolation == isolation and not t.upgraded
        ]
        return found or list(range(len(people)))

    pros, basics = of("pro", "pool"), of("basic", "pool")
    return Roles(
        unprofitable=of("enterprise", "silo")[0],
        noisy=pros[0],
        idle=basics[0],
        alias_from=pros[1],
        alias_to=pros[2],
    )


def _cast(people: list[Tenant], users: Floats, roles: Roles, story: Story) -> tuple[list[Tenant], Floats]:
    """The tenants of the story were there from the beginning and stay."""
    people, users = list(people), users.copy()
    for i in roles.all():
        began = min(people[i].started, date(story.commitment.year - 2, 3, 10))
        people[i] = replace(people[i], started=began, ended=None, churn_cause="", region=REGIONS[0])
    users[roles.unprofitable], users[roles.idle], users[roles.noisy] = 760.0, 2.0, 55.0
    for i in (roles.unprofitable, roles.idle, roles.noisy):
        people[i] = replace(people[i], seats=int(users[i] * 1.3) + 2)
    moved = story.alias_moved
    before, after = people[roles.alias_from], people[roles.alias_to]
    people[roles.alias_from] = replace(
        before, aliases=(f"harbor@..{moved}", f"{before.aliases[0]}@{moved}..")
    )
    people[roles.alias_to] = replace(after, aliases=(f"{after.aliases[0]}@..{moved}", f"harbor@{moved}.."))
    return people, users


def _arrays(
    seed: int,
    spans: list[date],
    people: list[Tenant],
    roles: Roles,
    story: Story,
    users: Floats,
    growth: Floats,
) -> Plan:
    dice = Dice(seed, "habits")
    count, days = len(people), (spans[-1] - spans[0]).days
    level = np.zeros((count + 1, days))
    for i, tenant in enumerate(people):
        level[i] = _level(tenant, float(growth[i]), spans[0], days)
    level[count, (story.alias_moved - spans[0]).days :] = 1.0
    shares = np.array([PERSONAS[t.persona] for t in people] + [PERSONAS["planners"]], dtype=np.float64)
    shares *= dice.lognormal(shares.size, 0.4).reshape(shares.shape)
    simulates = (dice.unit(count + 1) < 0.12) & np.array([t.tier != "basic" for t in people] + [False])
    shares[simulates, SIMULATION] = 8.0
    heavy = np.ones((count + 1, len(RESOURCES)))
    for r, resource in enumerate(RESOURCES):
        if SPREAD[resource]:
            heavy[:, r] = dice.lognormal(count + 1, SPREAD[resource])
    heavy[roles.unprofitable] *= 2.2
    rates = np.array([_rate(t) for t in people] + [180.0])
    clusters = np.array([_SESSION[_behaves(t)] for t in people] + [27_000.0])
    session = np.repeat(clusters[:, None], len(FEATURES), axis=1)
    enterprise = np.array([*(t.tier == "enterprise" for t in people), False])
    session = np.where(enterprise[:, None] & MACHINE, 4500.0, session)
    session[:, SIMULATION] = 800.0
    session[roles.idle] = 75.0
    shared = np.array([t.isolation != "silo" for t in people] + [True])
    pooled = np.array([t.isolation == "pool" for t in people] + [True])
    return Plan(
        seed=seed, start=spans[0], end=spans[-1], months=tuple(spans[:-1]), tenants=tuple(people), roles=roles,
        story=story, users=np.append(users, 40.0), level=level, rate=rates,
        mix=shares / _row_sums(shares), heavy=np.floor(heavy * 1000 + 0.5).astype(np.int64), session=session,
        region=np.array([REGIONS.index(t.region) for t in people] + [0]), compute_shared=shared, database_shared=pooled,
    )  # fmt: skip


def _row_sums(values: Floats) -> Floats:
    """Added column by column: the order, and so the last bit, is the same everywhere."""
    total = np.zeros(len(values))
    for column in values.T:
        total = total + column
    return total[:, None]


def _behaves(tenant: Tenant) -> str:
    return "basic" if tenant.upgraded else tenant.tier


def _rate(tenant: Tenant) -> float:
    return REQUESTS_PER_USER_HOUR[_behaves(tenant)]


def _level(tenant: Tenant, growth: float, start: date, days: int) -> Floats:
    """Size day by day: growth, a ramp of six weeks, the rise before an upgrade, the decline before leaving."""
    level = np.cumprod(np.full(days, 1 + growth, dtype=np.float64), dtype=np.float64)
    day = np.arange(days, dtype=np.float64)
    began = float((tenant.started - start).days)
    level *= np.minimum(1.0, np.maximum(0.0, 0.2 + 0.8 * (day - began) / 42))
    level[day < began] = 0.0
    if tenant.upgraded:
        level *= 1 + 3 * np.minimum(1.0, np.maximum(0.0, (day - (tenant.upgraded - start).days + 60) / 90))
    if tenant.ended:
        left = float((tenant.ended - start).days)
        if tenant.churn_cause == "declined":
            level *= np.minimum(1.0, np.maximum(0.12, (left - day) / 56))
        level[day >= left] = 0.0
    return level


def hours_of(month: date) -> Ints:
    """The hours of a month, counted from 1970."""
    first = (month - EPOCH).days * 24
    return np.arange(first, (next_month(month) - EPOCH).days * 24, dtype=np.int64)


def local_offset(region: int) -> int:
    return LOCAL[REGIONS[region]]

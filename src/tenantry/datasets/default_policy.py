"""The policy for a vendor who wrote none: what the data itself says about who uses what."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from ..errors import invalid
from ..kernel import Row
from ..methods.policy import Match, Meter, Policy, Rule, Strategy
from .logged_driver import LOGS, logged_driver, regions_told
from .names import text

TENANT_TAGS = frozenset({"tenant", "tenantid", "tenantname", "customer", "customerid", "client", "clientid"})
"""Tag keys (letters only, without prefix) that name tenants whatever their values."""


class Reader(Protocol):
    """What facts are read through: SQL over the attached landing tables and the totals of usage."""

    def query(self, sql: str) -> list[Row]: ...


def default_policy(read: Reader) -> Policy:
    """Rules from facts: tags and accounts that name tenants are silo, each service by its own usage where there is any.

    Promotional credits and unused commitment stay central; tax follows the taxed service; support and commitment
    purchases follow all cost. With nothing but a bill and tenants it is total / active tenants. A meter that names no
    tenant shares nothing.
    """
    calls = _coarse_meters(read)
    return Policy(
        rules=(
            Rule(
                match=Match(category=("Credit",), description=("*SLA*", "*service credit*", "*outage*")),
            ),
            Rule(pool="Credits", match=Match(category=("Credit",)), strategy=Strategy.CENTRAL),
            Rule(
                pool="Unused commitment",
                match=Match(commitment_status=("Unused",)),
                strategy=Strategy.CENTRAL,
            ),
            Rule(
                pool="Commitment purchases",
                match=Match(category=("Purchase",), commitment_id=("?*",)),
                strategy=Strategy.PROPORTIONAL,
            ),
            *(Rule(pool="Silo", strategy=Strategy.SILO, by=way) for way in _silo_ways(read)),
            Rule(pool="Tax", match=Match(category=("Tax",)), strategy=Strategy.PROPORTIONAL, basis="service"),
            Rule(
                pool="Support",
                match=Match(service=("*support*",)),
                strategy=Strategy.PROPORTIONAL,
            ),
            *_service_rules(read, {meter.meter for meter in calls}),
        ),
        coarse=calls,
    )


def _silo_ways(read: Reader) -> Iterable[str]:
    yield from (f"tag:{key}" for key in _tenant_tags(read))
    if read.query(
        "SELECT 1 FROM tenant_names AS n WHERE n.kind = 'account' OR n.name IN"
        " (SELECT DISTINCT sub_account_id FROM charges) LIMIT 1"
    ):
        yield "account"
    if read.query(
        "SELECT 1 FROM tenant_names AS n JOIN (SELECT DISTINCT lower(trim(sub_account_name)) AS name FROM charges) AS c"
        " ON c.name = n.folded WHERE n.kind IN ('id', 'alias') LIMIT 1"
    ):
        yield "account_name"
    if read.query("SELECT 1 FROM tenant_names WHERE kind = 'resource' LIMIT 1"):
        yield "resource"


def _tenant_tags(read: Reader) -> list[str]:
    """Keys named like a tenant, and keys of whose values at least half (and two) are tenants' names."""
    rows = read.query(
        "SELECT t.key, count(*) AS seen, count(n.folded) AS named FROM"
        " (SELECT DISTINCT key, lower(trim(tags[key])) AS value FROM"
        "  (SELECT tags, unnest(map_keys(tags)) AS key FROM"
        "   (SELECT tags FROM charges WHERE tags IS NOT NULL GROUP BY tags)))"
        " AS t LEFT JOIN (SELECT DISTINCT folded FROM tenant_names WHERE kind IN ('id', 'alias')) AS n"
        " ON n.folded = t.value WHERE t.value <> '' GROUP BY t.key"
    )
    found = [
        (row.named, row.key)
        for row in rows
        if _letters(row.key) in TENANT_TAGS or (row.named > 1 and row.named + row.named >= row.seen)
    ]
    return [key for _, key in sorted(found, key=lambda item: (-item[0], item[1]))]


def _letters(key: str) -> str:
    return re.sub(r"[^a-z]", "", re.split(r"[:/]", key)[-1].lower())


def _by_log(service: str, meter: str, regions: Collection[str], calls: Collection[str]) -> list[Rule]:
    """A service nobody meters, by what access logs tell of all; each of several regions by its own.

    It stands in, day by day, like the `calls` that all else is shared by; no rule where these do as well.
    """
    places = [*(sorted(regions) if len(regions) > 1 else []), *([] if meter in calls else [None])]
    return [
        Rule(
            pool=_pool(service, region),
            match=_of(service, region),
            coarse=(Meter(meter=meter, service="", region=region),),
        )
        for region in places
    ]


def _pool(service: str, region: str | None) -> str:
    return service if region is None else f"{service} {region}"


def _of(service: str, region: str | None) -> Match:
    return Match(service=(_literally(service),), region=() if region is None else (_literally(region),))


class _Used(NamedTuple):
    """A meter as usage events name it."""

    meter: str
    service: str
    region: str


def _service_rules(read: Reader, calls: Collection[str]) -> list[Rule]:
    """One pool per service of the bill that has usage of its own, with every meter of that service; or that access logs
    tell of in a better way than by the number of requests.

    Where usage and bill tell the same regions apart, each region is a pool of its own: regions differ in how full
    they are.
    """
    used: dict[str, set[_Used]] = defaultdict(set)
    for row in read.query(
        "SELECT service_name, meter, region FROM meter_hours WHERE service_name <> '' AND cells > 0 GROUP BY ALL"
    ):
        used[_service(row.service_name)].add(_Used(row.meter, row.service_name, row.region))
    logs = regions_told(read.query(LOGS))
    billed: dict[str, set[str]] = defaultdict(set)
    categories: dict[str, str] = {}
    for row in read.query(
        "SELECT service_name, service_category, region_id FROM charges GROUP BY ALL ORDER BY ALL"
    ):
        billed[row.service_name].add(row.region_id or "")
        categories[row.service_name] = row.service_category or categories.get(row.service_name, "")
    rules = []
    for service in sorted(billed):
        meters = used.get(_service(service), set())
        if not meters:
            meter = logged_driver(service, categories[service], logs, calls)
            rules += _by_log(service, meter, {*logs[meter]} & billed[service], calls) if meter else []
        regions = sorted({m.region for m in meters} & billed[service] - {""})
        for region in [*regions, None] if len(regions) > 1 else [None]:
            rules += _pools(read, service, {m for m in meters if region in (None, m.region)}, region)
    return rules


def _pools(read: Reader, service: str, used: set[_Used], region: str | None) -> list[Rule]:
    """The pools of a service, or of one region of it.

    Meters that the bill prices alike are added up by price. Otherwise each meter drives the usage types that mean it,
    and what is left is driven by the meters that mean none (else by all), in equal parts.
    """
    names = sorted({m.meter for m in used})
    if not names:
        return []
    whole, where = _pool(service, region), _of(service, region)
    prices = _prices(read, service, names) if len(names) > 1 else {}

    def meters(chosen: Iterable[str]) -> tuple[Meter, ...]:
        places = sorted({(m.meter, m.service) for m in used if m.meter in chosen})
        return tuple(
            Meter(meter=m, service=s, region=region, weight=prices.get(m, Decimal(1))) for m, s in places
        )

    if prices or len(names) == 1:
        return [Rule(pool=whole, match=where, meters=meters(names))]
    meant = _meant(read, service, names)
    rest = [name for name in names if name not in meant] or names
    return [
        *(
            Rule(
                pool=f"{whole}: {name}",
                match=where.model_copy(update={"usage_type": tuple(map(_literally, types))}),
                meters=meters({name}),
            )
            for name, types in meant.items()
        ),
        Rule(pool=whole, match=where, meters=meters(rest), combine="sum" if len(rest) == 1 else "shares"),
    ]


def _meant(read: Reader, service: str, meters: Sequence[str]) -> dict[str, list[str]]:
    """The usage types of a service that one meter means more than any other does, by their words."""
    own = _own_words(meters)
    found: dict[str, list[str]] = defaultdict(list)
    for row in read.query(
        f"SELECT DISTINCT x_usage_type AS type FROM charges WHERE service_name = {text(service)}"
        " AND x_usage_type IS NOT NULL ORDER BY 1"
    ):
        scores = sorted((-len(own[meter] & _words(row.type)), meter) for meter in meters)
        (best, meter), (second, _) = scores[:2]
        if best < second:
            found[meter].append(row.type)
    return dict(found)


def _own_words(meters: Sequence[str]) -> dict[str, set[str]]:
    """What tells the meters apart: the words of each that not every one has."""
    words = {meter: _words(meter) for meter in meters}
    common = set.intersection(*words.values())
    return {meter: found - common for meter, found in words.items()}


def _service(name: str) -> str:
    """A service's name without the provider's and without punctuation: `Amazon DynamoDB` is `AmazonDynamoDB`."""
    return re.sub(
        r"[^a-z0-9]", "", re.sub(r"(?i)^(amazon|aws|microsoft|azure|google|oracle)", "", name).lower()
    )


def _literally(name: str) -> str:
    """A pattern for this name: wildcards in it match themselves or any character, which is near enough."""
    return name.replace("*", "?")


def _prices(read: Reader, service: str, meters: Sequence[str]) -> Mapping[str, Decimal]:
    """Unit prices of the bill for meters, where each meter means exactly one price and all are per one kind of unit.

    A meter means the usage type that shares most of its own words (those that not every meter has).
    """
    rows = read.query(
        "SELECT coalesce(x_usage_type, sku_meter, sku_id) AS type, pricing_unit AS unit,"
        " max(list_unit_price) AS price FROM charges"
        f" WHERE service_name = {text(service)} AND list_unit_price > 0 AND charge_category = 'Usage'"
        " GROUP BY ALL ORDER BY ALL"
    )
    own = _own_words(meters)
    found: dict[str, Row] = {}
    for meter in meters:
        scores = [(len(own[meter] & _words(row.type or "")), row) for row in rows]
        best = max((score for score, _ in scores), default=0)
        likely = [row for score, row in scores if score == best]
        if not best or len({row.price for row in likely}) != 1:
            return {}
        found[meter] = likely[0]
    # `ReadCapacityUnit-Hrs` and `WriteCapacityUnit-Hrs` are one unit of two things.
    telling = set.union(*own.values())
    same_unit = len({frozenset(_words(row.unit or "") - telling) for row in found.values()}) == 1
    distinct = len({row.type for row in found.values()}) == len(meters)
    return {meter: row.price for meter, row in found.items()} if same_unit and distinct else {}


def _words(name: str) -> set[str]:
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+", name)
    return {part.lower().removesuffix("s") for part in parts}


def _coarse_meters(read: Reader) -> tuple[Meter, ...]:
    """The meter that counts calls, wherever used; else, of those used apart from any service, the widest spread."""
    rows = read.query(
        "SELECT meter, min(CASE WHEN service_name = '' THEN 1 ELSE 0 END) AS apart,"
        " sum(cells) AS cells FROM meter_hours WHERE cells > 0 GROUP BY meter"
    )
    calls = [row for row in rows if re.search("request|call", row.meter.lower())]
    likely = calls or [row for row in rows if row.apart]
    if not likely:
        return ()
    return (Meter(meter=max(likely, key=lambda row: (row.cells, row.meter)).meter),)


def priced(policy: Policy, read: Reader) -> Policy:
    """The policy with each `price_of` looked up: the largest unit price of the usage types it means, as the weight.

    A meter whose price the bill does not show keeps its weight.
    """

    def price(meter: Meter) -> Meter:
        if meter.price_of is None:
            return meter
        pattern = text(meter.price_of.lower().replace("*", "%").replace("?", "_"))
        found = read.query(
            "SELECT max(list_unit_price) AS price FROM charges WHERE list_unit_price > 0 AND charge_category = 'Usage'"
            f" AND lower(coalesce(x_usage_type, sku_meter, charge_description, '')) LIKE {pattern}"
        )[0].price
        return meter if found is None else meter.model_copy(update={"weight": found})

    return policy.model_copy(
        update={
            "rules": tuple(
                rule.model_copy(update={"meters": tuple(map(price, rule.meters))}) for rule in policy.rules
            )
        }
    )


def settings_from(configured: Mapping[str, Any]) -> Callable[[Reader], Mapping[str, Any]]:
    """How a build gets its settings: the configured policy, or the default one read off the data.

    Raises `invalid` at once where the configured policy is not one.
    """
    policy = Policy.read(configured) if configured else None

    def settings(read: Reader) -> Mapping[str, Any]:
        return {"policy": default_policy(read) if policy is None else priced(policy, read)}

    return settings


def settings_in(toml: str) -> Callable[[Reader], Mapping[str, Any]]:
    """The settings that a build would have under the `[allocation]` of this text: a `tenantry.toml`, or a part of it.

    Raises `invalid`, with every problem of the policy.
    """
    try:
        said = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as problem:
        raise invalid(
            f"the policy is not TOML: {problem}",
            "docs/how-to/write-a-policy.md has examples; on the command line @FILE is what a file says",
        ) from None
    if not isinstance(said.get("allocation"), dict):
        raise invalid(
            f"the policy has no table [allocation]; it has {', '.join(said) or 'nothing'}",
            "write [[allocation.rules]], as in tenantry.toml",
        )
    return settings_from(said["allocation"])


def settings_of(notes: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The settings that a table was built under, from its commit's notes; None where it was never built."""
    policy = notes.get("settings", {}).get("policy")
    return None if policy is None else {"policy": Policy.model_validate(policy)}

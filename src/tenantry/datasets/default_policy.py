"""The policy for a vendor who wrote none: what the data itself says about who uses what."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from ..kernel import Row
from ..methods.policy import Match, Meter, Policy, Rule, Strategy
from .names import text

TENANT_TAGS = frozenset({"tenant", "tenantid", "tenantname", "customer", "customerid", "client", "clientid"})
"""Tag keys (letters only, without prefix) that name tenants whatever their values."""


class Reader(Protocol):
    """What facts are read through: SQL over the attached landing tables and the usage cube."""

    def query(self, sql: str) -> list[Row]: ...


def default_policy(read: Reader) -> Policy:
    """Rules from facts: tags and accounts that name tenants are silo, each service by its own usage where there is any.

    Promotional credits and unused commitment stay central; tax follows the taxed service; support and commitment
    purchases follow all cost. With nothing but a bill and tenants it is total / active tenants.
    """
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
            *_service_rules(read),
        ),
        coarse=_coarse_meters(read),
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
        "  (SELECT tags, unnest(map_keys(tags)) AS key FROM (SELECT tags FROM charges WHERE tags IS NOT NULL GROUP BY tags)))"
        " AS t LEFT JOIN (SELECT DISTINCT folded FROM tenant_names WHERE kind IN ('id', 'alias')) AS n"
        " ON n.folded = t.value WHERE t.value <> '' GROUP BY t.key"
    )
    found = [
        (row.named, row.key)
        for row in rows
        if _letters(row.key) in TENANT_TAGS or (row.named >= 2 and 2 * row.named >= row.seen)
    ]
    return [key for _, key in sorted(found, key=lambda item: (-item[0], item[1]))]


def _letters(key: str) -> str:
    return re.sub(r"[^a-z]", "", re.split(r"[:/]", key)[-1].lower())


class _Used(NamedTuple):
    """A meter as usage events name it."""

    meter: str
    service: str
    region: str


def _service_rules(read: Reader) -> list[Rule]:
    """One pool per service of the bill that has usage of its own, with every meter of that service.

    Where usage and bill tell the same regions apart, each region is a pool of its own: regions differ in how full
    they are.
    """
    used: dict[str, set[_Used]] = defaultdict(set)
    for row in read.query(
        "SELECT service_name, meter, region FROM usage_hourly WHERE service_name <> '' AND units > 0 GROUP BY ALL"
    ):
        used[_service(row.service_name)].add(_Used(row.meter, row.service_name, row.region))
    billed: dict[str, set[str]] = defaultdict(set)
    for row in read.query("SELECT service_name, region_id FROM charges GROUP BY ALL"):
        billed[row.service_name].add(row.region_id or "")
    rules = []
    for service in sorted(billed):
        meters = used.get(_service(service), set())
        regions = sorted({m.region for m in meters} & billed[service] - {""})
        if len(regions) > 1:
            rules += [_service_rule(read, service, meters, region) for region in regions]
        if meters:
            rules.append(_service_rule(read, service, meters))
    return rules


def _service_rule(read: Reader, service: str, used: set[_Used], region: str | None = None) -> Rule:
    here = sorted({(m.meter, m.service) for m in used if region in (None, m.region)})
    names = sorted({meter for meter, _ in here})
    prices = _prices(read, service, names) if len(names) > 1 else {}
    return Rule(
        pool=service if region is None else f"{service} {region}",
        match=Match(
            service=(_literally(service),), region=() if region is None else (_literally(region),)
        ),
        meters=tuple(
            Meter(meter=meter, service=name, region=region, weight=prices.get(meter, Decimal(1)))
            for meter, name in here
        ),
        combine="sum" if prices or len(names) == 1 else "shares",
    )


def _service(name: str) -> str:
    """A service's name without the provider's and without punctuation: `Amazon DynamoDB` is `AmazonDynamoDB`."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"(?i)^(amazon|aws|microsoft|azure|google|oracle)", "", name).lower())


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
    words = {meter: _words(meter) for meter in meters}
    common = set.intersection(*words.values())
    found: dict[str, Row] = {}
    for meter in meters:
        scores = [(len((words[meter] - common) & _words(row.type or "")), row) for row in rows]
        best = max((score for score, _ in scores), default=0)
        likely = [row for score, row in scores if score == best]
        if not best or len({row.price for row in likely}) != 1:
            return {}
        found[meter] = likely[0]
    # `ReadCapacityUnit-Hrs` and `WriteCapacityUnit-Hrs` are one unit of two things.
    own = set.union(*words.values()) - common
    same_unit = len({frozenset(_words(row.unit or "") - own) for row in found.values()}) == 1
    distinct = len({row.type for row in found.values()}) == len(meters)
    return {meter: row.price for meter, row in found.items()} if same_unit and distinct else {}


def _words(name: str) -> set[str]:
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+", name)
    return {part.lower().removesuffix("s") for part in parts}


def _coarse_meters(read: Reader) -> tuple[Meter, ...]:
    """The meter that counts calls, else of those that belong to no service the one most tenants have."""
    rows = read.query(
        "SELECT meter, max(CASE WHEN service_name = '' THEN 1 ELSE 0 END) AS free, count(DISTINCT tenant_id) AS tenants"
        " FROM usage_hourly WHERE units > 0 GROUP BY meter"
    )
    likely = [
        (("request" in row.meter.lower() or "call" in row.meter.lower()), row.free, row.tenants, row.meter)
        for row in rows
        if row.free or "request" in row.meter.lower() or "call" in row.meter.lower()
    ]
    if not likely:
        return ()
    best = max(likely, key=lambda item: (item[0], item[1], item[2], item[3]))
    return (Meter(meter=best[3], service="" if best[1] else None),)


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


def settings_of(notes: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The settings that a table was built under, from its commit's notes; None where it was never built."""
    policy = notes.get("settings", {}).get("policy")
    return None if policy is None else {"policy": Policy.model_validate(policy)}

"""The bill cut into pools: which rule each charge fell under, and whose it is where the bill says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..kernel.dataset import Count, Dataset, Day, Dimension, Key, Money, Time
from ..methods.policy import SERVICE_POOL, Match, Policy, Rule, Strategy
from .charges import Charges
from .names import known, lookup, prefix_lookup, text
from .tenants import TenantNames

_COLUMNS = {
    "service": "service_name",
    "account": "sub_account_id",
    "provider": "provider_name",
    "issuer": "invoice_issuer_name",
    "region": "region_id",
    "resource": "resource_id",
    "category": "charge_category",
    "charge_class": "charge_class",
    "commitment_status": "commitment_discount_status",
    "commitment_id": "commitment_discount_id",
    "usage_type": "x_usage_type",
    "description": "charge_description",
}
_ACCOUNT = {"account": "sub_account_id", "account_name": "sub_account_name"}


class PoolCost(Dataset):
    """Money of one pool, service, account and span of time, before it is given to tenants.

    `tenant_id` is set where a silo rule named the tenant, else empty. `span` is `hour`, `day` or `month` and
    `span_start` its beginning: over which usage the money is spread. `note` says which silo rule matched.
    """

    keys: ClassVar[tuple[str, ...]] = (
        "charge_day", "billing_period", "currency", "pool", "tenant_id", "service_name", "sub_account_id",
        "span", "span_start", "note",
    )  # fmt: skip
    reads: ClassVar[tuple[type[Dataset], ...]] = (Charges, TenantNames)
    conserves: ClassVar = (("billed_cost", "effective_cost", "list_cost", "contracted_cost"), "charges")
    configured: ClassVar[bool] = True

    charge_day: Day
    billing_period: Day
    currency: Key
    pool: Key
    tenant_id: Key
    service_name: Key
    sub_account_id: Key
    span: Dimension
    span_start: Time
    note: Dimension
    charges: Count
    billed_cost: Money
    effective_cost: Money
    list_cost: Money
    contracted_cost: Money

    @classmethod
    def statement(cls, settings: Mapping[str, Any]) -> str:
        return f"""
        WITH {placed_charges(settings["policy"], "charge_day >= $start AND charge_day < $end")}
        SELECT charge_day, billing_period, billing_currency AS currency, pool, tenant_id,
            service_name, coalesce(sub_account_id, '') AS sub_account_id, span,
            CASE span WHEN 'hour' THEN CAST(date_trunc('hour', charge_period_start) AS TIMESTAMP)
                WHEN 'day' THEN CAST(charge_day AS TIMESTAMP)
                ELSE CAST(date_trunc('month', charge_period_start) AS TIMESTAMP) END AS span_start,
            note, CAST(count(*) AS BIGINT) AS charges,
            CAST(sum(billed_cost) AS DECIMAL(38, 18)) AS billed_cost,
            CAST(sum(effective_cost) AS DECIMAL(38, 18)) AS effective_cost,
            CAST(sum(list_cost) AS DECIMAL(38, 18)) AS list_cost,
            CAST(sum(contracted_cost) AS DECIMAL(38, 18)) AS contracted_cost
        FROM placed
        GROUP BY charge_day, billing_period, billing_currency, pool, tenant_id, service_name,
            coalesce(sub_account_id, ''), span, span_start, note
        """


def placed_charges(policy: Policy, condition: str) -> str:
    """CTEs that end in `placed`: the charges that meet the condition, each with pool, tenant_id, span and note."""
    rules = list(enumerate(policy.rules, start=1))
    ways = sorted({rule.by for _, rule in rules if rule.by})
    tenant_of = {way: f"tenant{i}" for i, way in enumerate(ways)}
    silos = [(i, rule.by) for i, rule in rules if rule.by]
    lookups = "".join(f"{_lookup(way, f'named{i}')}, " for i, way in enumerate(ways))
    names = "".join(f", {_tenant(way, f'named{i}')} AS {tenant_of[way]}" for i, way in enumerate(ways))
    joins = " ".join(_join(way, f"named{i}") for i, way in enumerate(ways))
    took = _case("", [(_condition(rule, tenant_of), str(i)) for i, rule in rules], "0")
    pool = _case("rule", [(str(i), text(r.pool)) for i, r in rules if r.pool != SERVICE_POOL], "service_name")
    tenant = _case("rule", [(str(i), tenant_of[by]) for i, by in silos], "''")
    note = _case("rule", [(str(i), text(by)) for i, by in silos], "''")
    by_day = [i for i, r in rules if r.strategy is not Strategy.DRIVER or r.grain == "day"]
    return f"""charge AS (
            SELECT * FROM charges WHERE {condition}
        ),
        {lookups}
        named AS (
            SELECT charge.* {names} FROM charge {joins}
        ),
        ruled AS (
            SELECT *, {took} AS rule,
                CASE WHEN charge_period_end <= charge_period_start + INTERVAL '1' HOUR THEN 'hour'
                    WHEN charge_period_end <= charge_period_start + INTERVAL '25' HOUR THEN 'day'
                    ELSE 'month' END AS period
            FROM named
        ),
        placed AS (
            SELECT *, {pool} AS pool, {tenant} AS tenant_id, {note} AS note,
                CASE WHEN period = 'hour' AND rule IN ({", ".join(map(str, by_day)) or "-1"})
                    THEN 'day' ELSE period END AS span
            FROM ruled
        )"""


def _case(subject: str, branches: list[tuple[str, str]], otherwise: str) -> str:
    if not branches:
        return otherwise
    whens = " ".join(f"WHEN {condition} THEN {value}" for condition, value in branches)
    return f"CASE {subject} {whens} ELSE {otherwise} END"


def _condition(rule: Rule, tenant_of: Mapping[str, str]) -> str:
    found = _match(rule.match)
    if rule.by:
        found.append(f"{tenant_of[rule.by]} IS NOT NULL")
    return " AND ".join(found) or "TRUE"


def _match(match: Match) -> list[str]:
    found = [
        _any(f"coalesce({column}, '')", getattr(match, field))
        for field, column in _COLUMNS.items()
        if getattr(match, field)
    ]
    return found + [_any(f"coalesce({_tag(key)}, '')", values) for key, values in match.tags.items()]


def _any(column: str, patterns: tuple[str, ...]) -> str:
    return "(" + " OR ".join(f"lower({column}) {_like(p)}" for p in patterns) + ")"


def _like(pattern: str) -> str:
    if "*" not in pattern and "?" not in pattern:
        return f"= lower({text(pattern)})"
    escaped = "".join(f"^{c}" if c in "%_^" else c for c in pattern)
    return f"LIKE lower({text(escaped.replace('*', '%').replace('?', '_'))}) ESCAPE '^'"


def _tag(key: str) -> str:
    return f"tags[{text(key)}]"


def _lookup(way: str, answer: str) -> str:
    if way == "resource":
        return prefix_lookup(answer, _asked("resource_id"))
    if way in _ACCOUNT:
        return lookup(answer, _asked(_ACCOUNT[way]), ("account", "id", "alias"))
    return lookup(answer, _asked(_tag(way.removeprefix("tag:"))), ("id", "alias"))


def _asked(column: str) -> str:
    return (
        f"SELECT DISTINCT {column} AS name, charge_day AS day FROM charge WHERE coalesce({column}, '') <> ''"
    )


def _column(way: str) -> str:
    if way == "resource":
        return "charge.resource_id"
    return f"charge.{_ACCOUNT.get(way) or _tag(way.removeprefix('tag:'))}"


def _join(way: str, answer: str) -> str:
    return f"LEFT JOIN {answer} ON {answer}.name = {_column(way)} AND {answer}.day = charge.charge_day"


def _tenant(way: str, answer: str) -> str:
    """The tenant that a charge names. A tag that names somebody unknown still names somebody; an account does not."""
    if not way.startswith("tag:"):
        return f"{answer}.tenant_id"
    return known(f"{answer}.tenant_id", f"nullif(trim({_column(way)}), '')")

"""Requests by tenant, feature and operation, hour by hour: what usage is without anything being metered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..kernel.dataset import Count, Dataset, Day, Dimension, Key, Quantity, Time
from ..methods.routes import ON_PURPOSE, Naming, Routing
from .access import AccessHours
from .names import UNATTRIBUTED, known, lookup, text
from .routes import Routes
from .tenants import TenantNames


class Requests(Dataset):
    """Requests of one hour, tenant, feature and operation, as the access logs have them.

    `resolved_by` says what named the tenant: `claim`, `header`, `key`, `user`, `subdomain`, `path`, `query`, `trace`,
    or `none`, and then `tenant_id` is `(unattributed)`. What a claim, header or key names and no tenant has is
    `(unknown:<name>)`; any other name counts only where a tenant has it on that day. `errors` are answers of status
    500 and above. `agent` is `bot` or empty. `host`, `template`, `feature_id`, `operation` and `origin` are the
    route's (`routes`), empty where nothing but 404 was ever answered. `seconds` and `bytes` are 0 where the log has
    none. Summed, they are `access_hours`, to the last unit.
    """

    partition: ClassVar[str] = "day"
    keys: ClassVar[tuple[str, ...]] = (
        "hour", "tenant_id", "feature_id", "operation", "source", "region", "resolved_by", "agent", "host", "template",
        "origin",
    )  # fmt: skip
    sort: ClassVar[tuple[str, ...]] = ("hour",)
    reads: ClassVar[tuple[type[Dataset], ...]] = (AccessHours, Routes, TenantNames)
    told: ClassVar[tuple[str, ...]] = ("routing",)
    follows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "routes": (
            "host, method, path, pattern, template, feature_id, operation, origin, subdomain, segment",
            """SELECT DISTINCT a.day FROM access_hours AS a
            JOIN (SELECT DISTINCT host, method, path FROM changed) AS c
                ON c.host = a.host AND c.method = a.method AND c.path = a.path""",
        )
    }

    day: Day
    hour: Time
    tenant_id: Key
    feature_id: Key
    operation: Dimension
    source: Dimension
    region: Dimension
    resolved_by: Dimension
    agent: Dimension
    host: Dimension
    template: Dimension
    origin: Dimension
    requests: Count
    errors: Count
    seconds: Quantity
    bytes: Quantity

    @classmethod
    def statement(cls, settings: Mapping[str, Any]) -> str:
        routing: Routing = settings.get("routing", Routing())
        return f"""
        WITH cell AS (
            SELECT a.day, a.hour, a.source, a.region, a.agent, a.claim, a.claimed_by, r.subdomain, r.segment,
                r.feature_id, r.operation, r.pattern AS host, r.template, r.origin, sum(a.requests) AS requests,
                sum(CASE WHEN a.status >= 500 THEN a.requests ELSE 0 END) AS errors, sum(a.seconds) AS seconds,
                sum(a.bytes) AS bytes
            FROM access_hours AS a
            JOIN routes AS r ON r.host = a.host AND r.method = a.method AND r.path = a.path
            WHERE a.day >= $start AND a.day < $end
            GROUP BY a.day, a.hour, a.source, a.region, a.agent, a.claim, a.claimed_by, r.subdomain, r.segment,
                r.feature_id, r.operation, r.pattern, r.template, r.origin
        ),
        said AS (
            SELECT claim AS name, day FROM cell WHERE claim IS NOT NULL
            UNION SELECT subdomain, day FROM cell WHERE subdomain IS NOT NULL
            UNION SELECT segment, day FROM cell WHERE segment IS NOT NULL
        ),
        {lookup("meant", "SELECT name, day FROM said", ("id", "alias"))},
        candidate AS (
            SELECT c.*, m.tenant_id AS claimed, s.tenant_id AS of_host, p.tenant_id AS of_path
            FROM cell AS c
            LEFT JOIN meant AS m ON m.name = c.claim AND m.day = c.day
            LEFT JOIN meant AS s ON s.name = c.subdomain AND s.day = c.day
            LEFT JOIN meant AS p ON p.name = c.segment AND p.day = c.day
        ),
        resolved AS (
            SELECT *, {_by_rule(routing)} AS resolved_by, {_tenant(routing)} AS tenant_id
            FROM candidate
        )
        SELECT day, CAST(hour AS TIMESTAMP) AS hour, tenant_id, feature_id, operation, source,
            coalesce(region, '') AS region, resolved_by, agent, host, template, origin,
            CAST(sum(requests) AS BIGINT) AS requests, CAST(sum(errors) AS BIGINT) AS errors,
            CAST(sum(seconds) AS DECIMAL(38, 9)) AS seconds, CAST(sum(bytes) AS DECIMAL(38, 9)) AS bytes
        FROM resolved
        GROUP BY day, hour, tenant_id, feature_id, operation, source, region, resolved_by, agent, host, template, origin
        """


def _by_rule(routing: Routing) -> str:
    """SQL: the first way of naming a tenant that names one."""
    cases = [f"WHEN {_names_one(naming)} THEN '{naming}'" for naming in routing.tenant]
    return f"CASE {' '.join(cases)} ELSE 'none' END" if cases else "'none'"


def _tenant(routing: Routing) -> str:
    """SQL: the tenant that it names."""
    cases = [f"WHEN {_names_one(naming)} THEN {_named(naming)}" for naming in routing.tenant]
    return f"CASE {' '.join(cases)} ELSE {text(UNATTRIBUTED)} END" if cases else text(UNATTRIBUTED)


def _names_one(naming: Naming) -> str:
    if naming in ON_PURPOSE:
        return f"claimed_by = '{naming}' AND claim IS NOT NULL"
    claimed = f"claimed_by = '{naming}' AND claimed IS NOT NULL"
    return {Naming.SUBDOMAIN: "of_host IS NOT NULL", Naming.PATH: "of_path IS NOT NULL"}.get(naming, claimed)


def _named(naming: Naming) -> str:
    if naming in ON_PURPOSE:
        return known("claimed", "claim")
    return {Naming.SUBDOMAIN: "of_host", Naming.PATH: "of_path"}.get(naming, "claimed")

"""Which route each distinct request of the access logs belongs to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from sys import intern
from typing import Annotated, Any, ClassVar

from ..kernel.dataset import Column, Columns, Count, Dataset, Dimension, Key, Names, OptionalDimension, Role
from ..kernel.time import Window
from ..methods.routes import Asked, Assigned, Operation, Routing, assign, names_of, operations
from .access import AccessHours
from .documents import ApiDocuments
from .tenants import TenantNames

_MOST_CLAIMS = 12
"""Names that requests of one path carry, as evidence: more tell no more."""
_BETWEEN = "\x1f"
_AT_ONCE = 50_000
"""Rows that are held as columns of Python values at a time."""

# What was asked for, what the log calls it, and whose the requests say they are.
_ASKED = f"""
    WITH named AS (
        SELECT host, method, path, template FROM (
            SELECT host, method, path, template, row_number() OVER (
                PARTITION BY host, method, path ORDER BY sum(requests) DESC NULLS LAST, template NULLS FIRST) AS place
            FROM access_hours WHERE template IS NOT NULL GROUP BY host, method, path, template
        ) AS n WHERE place = 1
    ),
    claimed AS (
        SELECT host, method, path, string_agg(claim, '{_BETWEEN}' ORDER BY claim NULLS FIRST) AS claims FROM (
            SELECT host, method, path, claim, row_number() OVER (
                PARTITION BY host, method, path ORDER BY sum(requests) DESC NULLS LAST, claim NULLS FIRST) AS place
            FROM access_hours WHERE claim IS NOT NULL GROUP BY host, method, path, claim
        ) AS c WHERE place <= {_MOST_CLAIMS} GROUP BY host, method, path
    ),
    asked AS (
        SELECT host, method, path, CAST(sum(requests) AS BIGINT) AS requests,
            path = '' OR min(CASE WHEN status = 404 THEN 1 ELSE 0 END) = 1 AS missing
        FROM access_hours GROUP BY host, method, path
    )
    SELECT a.host, a.method, a.path, coalesce(n.template, '') AS named, a.requests, a.missing,
        coalesce(c.claims, '') AS claims
    FROM asked AS a
    LEFT JOIN named AS n ON n.host = a.host AND n.method = a.method AND n.path = a.path
    LEFT JOIN claimed AS c ON c.host = a.host AND c.method = a.method AND c.path = a.path
    ORDER BY a.host, a.method, a.path
"""


_DOCUMENTS = "SELECT document, hosts FROM api_documents ORDER BY name, title, server"


class Routes(Dataset):
    """A distinct request of the access logs, by host, method and path, and the route it belongs to.

    `pattern` is the host, with `*` for a tenant's label. `origin` says how the template was found, in order of trust:
    `specification`, `gateway`, `framework`, `learned`, or `none`: asked for by nobody but scanners, as far as one can
    tell; template, feature and operation are empty then. `confidence` is from 0 to 1. `subdomain` and `segment` stand
    where tenants do in the host and the path, and may name one. `doubt` is the start of a learned template up to the
    position that a person should look at.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("host", "method", "path")
    reads: ClassVar[tuple[type[Dataset], ...]] = (AccessHours, ApiDocuments, TenantNames)
    told: ClassVar[tuple[str, ...]] = ("routing",)

    host: Key
    method: Key
    path: Key
    pattern: Dimension
    template: Dimension
    feature_id: Dimension
    operation: Dimension
    origin: Dimension
    confidence: Annotated[float, Column(Role.MEASURE, "DOUBLE", "ratio")]
    tags: Names
    subdomain: OptionalDimension
    segment: OptionalDimension
    doubt: OptionalDimension

    @classmethod
    def compute(cls, read: Any, window: Window, settings: Mapping[str, Any]) -> Iterator[Columns]:
        routing: Routing = settings.get("routing", Routing())
        documented = [o for row in read.query(_DOCUMENTS) for o in _documented(row.document, row.hosts)]
        known = read.query("SELECT folded, tenant_id FROM tenant_names WHERE kind IN ('id', 'alias')")
        names = names_of((row.folded, row.tenant_id) for row in known)
        asked = _asked(read)
        routes = assign(asked, documented, names, routing)
        for some in (asked[start : start + _AT_ONCE] for start in range(0, len(asked), _AT_ONCE)):
            yield _columns(some, list(islice(routes, _AT_ONCE)))


def _columns(asked: Sequence[Asked], routes: Sequence[Assigned]) -> Columns:
    return {
        "host": [one.host for one in asked],
        "method": [one.method for one in asked],
        "path": [one.path for one in asked],
        "pattern": [route.pattern for route in routes],
        "template": [route.template for route in routes],
        "feature_id": [route.feature for route in routes],
        "operation": [route.operation for route in routes],
        "origin": [route.origin for route in routes],
        "confidence": [route.confidence for route in routes],
        "tags": [route.tags for route in routes],
        "subdomain": [route.subdomain or None for route in routes],
        "segment": [route.segment or None for route in routes],
        "doubt": [route.doubt or None for route in routes],
    }


def _documented(document: str, hosts: Sequence[str] | None) -> list[Operation]:
    """The operations of a document, without paths that cannot be read: a report of landing told of them."""
    return operations(json.loads(document), hosts or None, lenient=True)


def _asked(read: Any) -> list[Asked]:
    """In order of host, method and path."""
    table = read.arrow(_ASKED)
    host, method, path, named, requests, missing, claims = (column.to_pylist() for column in table.columns)
    told = {text: tuple(claim for claim in text.split(_BETWEEN) if claim) for text in set(claims)}
    return [
        Asked(intern(h), intern(m), intern(p), intern(n), count, gone, told[c])
        for h, m, p, n, count, gone, c in zip(
            host, method, path, named, requests, missing, claims, strict=True
        )
    ]


class RouteTemplates(Dataset):
    """A route: what the logs' requests are instances of, and on which authority.

    `paths` counts the distinct paths, `example` is one of them. Columns are those of `routes`, `confidence` the least
    and `host` the pattern of the host.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("host", "method", "template", "origin", "doubt")
    reads: ClassVar[tuple[type[Dataset], ...]] = (Routes,)
    query: ClassVar[str | None] = """
        SELECT pattern AS host, method, template, feature_id, operation, origin, min(confidence) AS confidence,
            doubt, count(*) AS paths, min(path) AS example
        FROM routes GROUP BY pattern, method, template, feature_id, operation, origin, doubt
    """

    host: Key
    method: Key
    template: Key
    feature_id: Dimension
    operation: Dimension
    origin: Dimension
    confidence: Annotated[float, Column(Role.MEASURE, "DOUBLE", "ratio")]
    doubt: OptionalDimension
    paths: Count
    example: Dimension

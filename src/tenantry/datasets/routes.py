"""Which route each distinct request of the access logs belongs to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

from ..kernel.dataset import Column, Columns, Count, Dataset, Dimension, Key, Names, OptionalDimension, Role
from ..kernel.time import Window
from ..methods.routes import Asked, Operation, Routing, assign, names_of, operations
from .access import AccessHours
from .documents import ApiDocuments
from .tenants import TenantNames

_MOST_CLAIMS = 12
"""Names that requests of one path carry, as evidence: more tell no more."""
_BETWEEN = "\x1f"

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
            path = '' OR bool_and(status = 404) AS missing
        FROM access_hours GROUP BY host, method, path
    )
    SELECT host, method, path, coalesce(template, '') AS named, requests, missing, coalesce(claims, '') AS claims
    FROM asked LEFT JOIN (named FULL JOIN claimed USING (host, method, path)) USING (host, method, path)
    ORDER BY host, method, path
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
        asked = read.arrow(_ASKED)
        routes, numbers = assign(_requests(asked), documented, names, routing)
        # As `asked` is one: to import Arrow here would take long for all who only name this dataset.
        few = type(asked).from_pydict(
            {
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
        )
        if numbers:
            each = few.take(numbers)
            yield {name: asked[name] if name in cls.keys else each[name] for name in cls.columns()}


def _documented(document: str, hosts: Sequence[str] | None) -> list[Operation]:
    """The operations of a document, without paths that cannot be read: a report of landing told of them."""
    return operations(json.loads(document), hosts or None, lenient=True)


def _requests(asked: Any) -> list[Asked]:
    """The rows of `_ASKED`, from a `pyarrow.Table`."""
    host, method, path, named = (_each(asked[name]) for name in ("host", "method", "path", "named"))
    requests, missing = (asked[name].to_numpy().tolist() for name in ("requests", "missing"))
    return list(map(Asked, host, method, path, named, requests, missing, _each(asked["claims"], _claims)))


def _each(texts: Any, read: Callable[[str], Any] = str) -> list[Any]:
    """What is read from each text of a `pyarrow.ChunkedArray`; what is read from equal ones is one object."""
    coded = texts.combine_chunks().dictionary_encode()
    values = [read(text) for text in coded.dictionary.to_pylist()]
    return [values[n] for n in coded.indices.to_numpy().tolist()]


def _claims(text: str) -> tuple[str, ...]:
    return tuple(claim for claim in text.split(_BETWEEN) if claim)


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

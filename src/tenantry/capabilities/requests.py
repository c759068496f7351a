"""Requests of access logs: whose they are, which routes, and what of that a person should look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from ..datasets import Requests, RouteTemplates
from ..datasets.names import UNATTRIBUTED
from ..datasets.usage import NO_FEATURE
from ..kernel import Capability, Context, Row, Window, tool
from ..kernel.dataset import Count, Dimension, Ratio
from ..kernel.money import part
from ..kernel.parameters import Month, Top

Source = Annotated[Dimension, Field(description="the kind of log")]
Counted = Annotated[Count, Field(description="how many requests")]
Host = Annotated[Dimension, Field(description="with `*` for the label of a tenant")]
Confidence = Annotated[Ratio, Field(description="in the template, 0 to 1")]
UNKNOWN = "(unknown:"


class Attribution(BaseModel):
    """The requests of a source whose tenant was found in one way."""

    source: Source
    resolved_by: Annotated[Dimension, Field(description="what named the tenant; `none`: nothing did")]
    requests: Counted
    share: Annotated[Ratio, Field(description="part of the source's requests")]
    tenants: Annotated[Count, Field(description="different tenants named")]
    unknown: Annotated[Count, Field(description="requests that name a tenant which the tenants table lacks")]
    bots: Annotated[Count, Field(description="requests of bots")]


class Origin(BaseModel):
    """The requests whose route was found in one way."""

    origin: Annotated[
        Dimension, Field(description="specification, gateway, framework, learned; none: nothing but 404")
    ]
    requests: Counted
    share: Annotated[Ratio, Field(description="part of all requests")]
    routes: Annotated[Count, Field(description="different hosts and templates")]
    features: Annotated[Count, Field(description="different features")]


class RouteUse(BaseModel):
    """A route and the requests it had."""

    host: Host
    template: Dimension
    feature_id: Dimension
    operation: Dimension
    origin: Dimension
    requests: Counted
    share: Annotated[Ratio, Field(description="part of all requests")]
    errors: Annotated[Ratio, Field(description="part answered with status 500 or above")]
    tenants: Annotated[Count, Field(description="different tenants")]


class Doubt(BaseModel):
    """A decision of the learner that a person should confirm: `template` ends with it."""

    host: Host
    template: Dimension
    taken_for: Annotated[
        Dimension, Field(description="`parameter`: any value; `name`: a resource of its own")
    ]
    confidence: Confidence
    requests: Annotated[Count, Field(description="requests in the window that it decides about")]
    paths: Annotated[Count, Field(description="distinct paths ever seen")]
    example: Annotated[Dimension, Field(description="one of them")]


class UnknownTenant(BaseModel):
    """A name that requests gave on purpose and no tenant has."""

    name: Dimension
    resolved_by: Dimension
    source: Source
    requests: Counted
    share: Annotated[Ratio, Field(description="part of all requests")]


def _when(ctx: Context, window: Window | None) -> Window:
    return window or ctx.month(Requests)


def _share(requests: int, whole: int) -> float | None:
    return part(Decimal(requests), Decimal(whole))


def _requests(rows: Iterable[Row]) -> int:
    return sum(row.requests for row in rows)


@tool(window="2026-01")
def attribution(ctx: Context, window: Month = None) -> list[Attribution]:
    """Which part of each source's requests is known to be a tenant's, and what named it; the largest part first."""
    by = ("source", "resolved_by", "tenant_id", "agent")
    rows = ctx.totals(Requests, _when(ctx, window), by=by, measures=("requests",))
    found: list[Attribution] = []
    for source, of_source in groupby(rows, attrgetter("source")):
        listed = list(of_source)
        whole = _requests(listed)
        own = [
            _attribution(source, rule, list(some), whole)
            for rule, some in groupby(listed, attrgetter("resolved_by"))
        ]
        found += sorted(own, key=lambda a: (-a.requests, a.resolved_by))
    return found


def _attribution(source: str, rule: str, rows: Sequence[Row], whole: int) -> Attribution:
    requests = _requests(rows)
    return Attribution(
        source=source,
        resolved_by=rule,
        requests=requests,
        share=_share(requests, whole),
        tenants=0 if rule == "none" else len({row.tenant_id for row in rows}),
        unknown=_requests(row for row in rows if row.tenant_id.startswith(UNKNOWN)),
        bots=_requests(row for row in rows if row.agent),
    )


@tool(window="2026-01")
def origins(ctx: Context, window: Month = None) -> list[Origin]:
    """How the routes of requests were found, the largest part first: by specification, gateway, framework, learning."""
    by = ("origin", "host", "template", "feature_id")
    rows = ctx.totals(Requests, _when(ctx, window), by=by, measures=("requests",))
    whole = _requests(rows)
    found: list[Origin] = []
    for origin, of_origin in groupby(rows, attrgetter("origin")):
        listed = list(of_origin)
        found.append(
            Origin(
                origin=origin,
                requests=_requests(listed),
                share=_share(_requests(listed), whole),
                routes=len({(row.host, row.template) for row in listed if row.template}),
                features=len({row.feature_id for row in listed if row.feature_id}),
            )
        )
    return sorted(found, key=lambda o: (-o.requests, o.origin))


@tool(window="2026-01", top=5)
def routes(
    ctx: Context,
    window: Month = None,
    feature_id: Annotated[str | None, Field(description="only this feature, or `(no feature)`")] = None,
    origin: Annotated[
        Literal["specification", "gateway", "framework", "learned", "none"] | None,
        Field(description="only routes found so"),
    ] = None,
    top: Top = 50,
) -> list[RouteUse]:
    """The routes that requests were of, the most asked for first."""
    when = _when(ctx, window)
    asked: dict[str, Any] = (
        {} if feature_id is None else {"feature_id": "" if feature_id == NO_FEATURE else feature_id}
    )
    asked |= {} if origin is None else {"origin": origin}
    whole = _requests(ctx.totals(Requests, when, measures=("requests",)))
    by = ("host", "template", "feature_id", "operation", "origin")
    route = itemgetter(*by)
    rows = ctx.totals(
        Requests,
        when,
        by=by,
        measures=("requests", "errors"),
        distinct="tenant_id",
        order="-requests",
        limit=top,
        **asked,
    )
    nobodys: set[Any] = set()
    if ctx.principal.tenant_id is None:
        nobodys = {*map(route, ctx.totals(Requests, when, by=by, **asked, tenant_id=UNATTRIBUTED))}
    return [
        RouteUse(
            host=row.host,
            template=row.template,
            feature_id=row.feature_id or NO_FEATURE,
            operation=row.operation,
            origin=row.origin,
            requests=row.requests,
            share=_share(row.requests, whole),
            errors=_share(row.errors, row.requests),
            tenants=row.distinct - (route(row) in nobodys),
        )
        for row in rows
    ]


@tool(window="2026-01", top=5)
def review(ctx: Context, window: Month = None, top: Top = 50) -> list[Doubt]:
    """What the learner of templates is unsure of, what decides about most requests first.

    An OpenAPI document, or a rule of `[routing]` for the feature, settles it.
    """
    used: dict[tuple[str, str], int] = defaultdict(int)
    by = ("host", "template")
    for row in ctx.totals(Requests, _when(ctx, window), by=by, measures=("requests",), origin="learned"):
        used[row.host, row.template] = row.requests
    doubtful: dict[tuple[str, str], list[RouteTemplates]] = defaultdict(list)
    for route in ctx.rows(RouteTemplates, origin="learned"):
        if route.doubt:
            doubtful[route.host, route.doubt].append(route)
    found = [
        Doubt(
            host=host,
            template=start,
            taken_for="parameter" if start.endswith("}") else "name",
            confidence=min(route.confidence for route in few),
            requests=sum(used[place] for place in {(route.host, route.template) for route in few}),
            paths=sum(route.paths for route in few),
            example=few[0].example,
        )
        for (host, start), few in doubtful.items()
    ]
    return sorted(found, key=lambda d: (-d.requests, d.confidence, d.host, d.template))[:top]


@tool(window="2026-01", top=5)
def unknown(ctx: Context, window: Month = None, top: Top = 50) -> list[UnknownTenant]:
    """Names that requests gave by claim, header or key and no tenant has, the most frequent first.

    Each is a tenant that the tenants table lacks, or another name of one: an alias to add.
    """
    by = ("tenant_id", "resolved_by", "source")
    rows = ctx.totals(Requests, _when(ctx, window), by=by, measures=("requests",), order="-requests")
    whole = _requests(rows)
    found = [row for row in rows if row.tenant_id.startswith(UNKNOWN)][:top]
    return [
        UnknownTenant(
            name=row.tenant_id.removeprefix(UNKNOWN).removesuffix(")"),
            resolved_by=row.resolved_by,
            source=row.source,
            requests=row.requests,
            share=_share(row.requests, whole),
        )
        for row in found
    ]


CAPABILITY = Capability(
    name="requests",
    question="Whose are the requests in our logs, which routes are they of, and how sure is that?",
    datasets=(Requests, RouteTemplates),
    tools=(attribution, origins, routes, review, unknown),
    examples=(
        "Which part of our traffic has no tenant?",
        "Which learned routes should I look at?",
        "Which API keys belong to nobody we know?",
    ),
    instructions=Capability.instructions_beside(__file__),
)

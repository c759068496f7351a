"""Templates that gateways and frameworks wrote into the log, and whether to believe them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from .document import MARKS_OF_MANY, Operation
from .learning import UNSURE, Seen, learn
from .table import RouteTable

PARAMETER = re.compile(r"\{[^{}]*\}")
SPELLINGS = (
    (re.compile(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)"), r"{\1}"),  # (?P<id>\d+)      Django, Tornado
    (re.compile(r"<(?:path:)(\w+)>"), r"{\1+}"),  # <path:name>      Flask, Django
    (re.compile(r"<(?:[\w()=,.]+:)?(\w+)>"), r"{\1}"),  # <int:id>, <id>
    (re.compile(r"\[\[?\.\.\.(\w+)\]\]?"), r"{\1+}"),  # [...slug]        Next.js
    (re.compile(r"\[(\w+)\]"), r"{\1}"),  # [id]
    (re.compile(r"\{\*+(\w+)\}"), r"{\1+}"),  # {*path}          ASP.NET, Spring
    (re.compile(r"\{(\w+)(?::path|\.\.\.|\*)\}"), r"{\1+}"),  # {path:path}      Starlette; {path...} Go
    (re.compile(r"\{(\w+)[:?=](?:[^{}]|\{[^{}]*\})*\}"), r"{\1}"),  # {id:int}, {id?}  ASP.NET, chi
    (re.compile(r"(?<=/):(\w+)(?:\([^)]*\))?\??"), r"{\1}"),  # :id, :id(\\d+)    Express, Rails, Gin
    (re.compile(r"(?<=/)\*+(\w*)"), lambda m: f"{{{m[1] or 'rest'}+}}"),  # *, **, *path     Express, Gin
    (re.compile(r"\(\.[:\w]*\)$"), ""),  # (.:format)       Rails
)


class GatewayRoute(NamedTuple):
    """What a gateway matched; `method` is `*` for ANY.

    `whole` says that the template names an endpoint; a greedy one (`/{proxy+}`) or the gateway's `$default` does not,
    and the path must be looked at.
    """

    method: str
    template: str
    whole: bool


class Named(NamedTuple):
    """A distinct `http.route` and path, as spans or access logs have them together; counts as in Seen."""

    host: str
    method: str
    route: str
    path: str
    requests: int = 1
    tenants: tuple[str, ...] = ()


def gateway_route(key: str) -> GatewayRoute | None:
    """The route in an API Gateway `routeKey` (`GET /pets/{id}`, `ANY /{proxy+}`, `$default`) or `resourcePath`.

    None for what is neither, such as a WebSocket action or `-`.
    """
    if key == "$default":
        return GatewayRoute("*", "/{proxy+}", whole=False)
    method, _, template = key.strip().rpartition(" ")
    if not template.startswith("/") or (method and not method.isalpha()):
        return None
    return GatewayRoute(method.upper().replace("ANY", "*") or "*", template, whole=not _is_greedy(template))


def written_plainly(route: str) -> str:
    r"""A framework's template with its parameters as OpenAPI has them.

    `/pets/:id`, `/pets/<int:id>`, `/pets/[id]` and `^pets/(?P<id>\d+)$` all read `/pets/{id}`.
    """
    plain = route.strip().removeprefix("^").removesuffix("$")
    for spelling, reads in SPELLINGS:
        plain = spelling.sub(reads, plain)
    return plain if plain.startswith("/") else "/" + plain


def trusted(named: Iterable[Named]) -> dict[Named, str]:
    """Templates of those whose `http.route` can be believed; the rest must be found by other means.

    A route is not believed where it does not fit its path (it may lack a prefix under which it is mounted; the template
    then has it), where it takes every path below it (`/{proxy+}`, `/*`), and where it is a raw path: without a
    parameter, equal to its path, and by learning from all such paths clearly an instance of a template.
    """
    templates = {one: template for one in sorted(set(named)) if (template := _fitted(one)) is not None}
    plain = [one for one, template in templates.items() if "{" not in template]
    learned = learn(Seen(one.host, one.method, one.path, one.requests, one.tenants) for one in plain)
    for one in plain:
        found = learned.template(one.host, one.path)
        if found is not None and found.confidence >= UNSURE and found.template != one.path:
            del templates[one]
    return templates


def _fitted(one: Named) -> str | None:
    """The route as a template of the whole path, or None if it is none."""
    template = written_plainly(one.route)
    if _is_greedy(template):
        return None
    path = one.path.partition("?")[0]
    missing = path.rstrip("/").count("/") - template.rstrip("/").count("/")
    if missing > 0:
        mount = "/".join(path.split("/")[: missing + 1])
        template = f"{mount}/{template.lstrip('/')}"
    return template if _table(template).match("", one.method, path) is not None else None


@lru_cache(maxsize=1 << 12)
def _table(template: str) -> RouteTable:
    return RouteTable([Operation("*", template)])


def _is_greedy(template: str) -> bool:
    last = template.rpartition("/")[2]
    return any(last.endswith(f"{mark}}}") for mark in MARKS_OF_MANY) and not PARAMETER.sub("", last)

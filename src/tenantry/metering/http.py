"""What a request says of itself. It is as its server has it: an ASGI scope or a WSGI environment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context

from .standard import METHOD, ROUTE
from .subject import Subject, carry, in_baggage
from .use import Use, answer

Request = Mapping[str, Any]
Resolver = Callable[[Any], str | None]
"""Given the ASGI scope or WSGI environment of a request: its tenant, feature or route. None where that is unknown."""

_SERVER_ERROR = 500
# Of RFC 9110 and RFC 5789. Any other word a client may have made up.
_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})


@dataclass(frozen=True)
class Asked:
    """What a middleware asks of each request, and how it measures it.

    `trusted`: services that call name tenant and feature in their baggage, and may. Otherwise it is a stranger's word.
    """

    tenant: Resolver | None
    feature: Resolver | None
    route: Resolver
    trusted: bool

    def use(self, request: Request) -> Use:
        said = caller(request) if self.trusted else Subject()
        tenant = answer("tenant", str, self.tenant, request)
        feature = answer("feature", str, self.feature, request)
        return Use(tenant or said.tenant, feature or said.feature)

    def begin(self, use: Use) -> Subject:
        """What follows belongs to the request. Returns what baggage said before."""
        before = in_baggage() if self.trusted else carry(Subject())
        use.begin()
        if use.feature is not None:
            use.tell()
        return before

    def describe(self, use: Use, request: Request) -> None:
        """The request's method and route. Of a path that matched none nothing is told: it may be anything."""
        about: dict[str, str] = {}
        if method := request.get("method") or request.get("REQUEST_METHOD"):
            about[METHOD] = method if method in _METHODS else "_OTHER"
        if route := answer("route", str, self.route, request):
            about[ROUTE] = route
        use.describe(about)


def judge(use: Use, status: int) -> None:
    """A server's own error counts as one, whoever made an answer of it."""
    if status >= _SERVER_ERROR:
        use.fail(str(status))


def header(name: str) -> Resolver:
    """The tenant is what a header says. Only for headers that a gateway sets: a client may send any."""
    return lambda request: _header(request, name) or None


def subdomain(domain: str, but: Collection[str] = ("www", "api", "app")) -> Resolver:
    """The tenant is the one label before the domain: `acme` of `acme.example.com`, unless it is one of `but`."""
    ending = f".{domain.lower().strip('.')}"

    def resolve(request: Request) -> str | None:
        host = _header(request, "host").lower().partition(":")[0].rstrip(".")
        label = host.removesuffix(ending)
        return None if label in {host, "", *but} or "." in label else label

    return resolve


def caller(request: Request) -> Subject:
    """What the service that called says in its baggage."""
    baggage = {"baggage": _header(request, "baggage")}
    return in_baggage(W3CBaggagePropagator().extract(baggage, Context()))


def asgi_route(scope: Request) -> str | None:
    """The template that Starlette, FastAPI or Litestar matched, behind the prefixes of what it is included in."""
    route = scope.get("route")
    if route is None:
        return scope.get("path_template")
    # FastAPI says apart what a router is included as; where it does not, the route itself has the prefix.
    included = scope.get("fastapi", {}).get("effective_route_context")
    whole = included if getattr(included, "original_route", None) is route else route
    # Of a mounted app that is no router, all is below the mount.
    below = "/{path}" if hasattr(route, "routes") else None
    path = below or getattr(whole, "path_format", None) or getattr(whole, "path", None)
    return path and _mounted(scope, path) + path


def _mounted(scope: Request, path: str) -> str:
    """Where the app is mounted whose route this is, within the one that serves: parameters by name."""
    outside = scope.get("app_root_path")
    if outside is None:
        return ""
    names = {
        str(value): f"{{{name}}}"
        for name, value in scope.get("path_params", {}).items()
        if f"{{{name}}}" not in path
    }
    mount: str = scope["root_path"].removeprefix(outside)
    return "/".join(names.get(part, part) for part in mount.split("/"))


def wsgi_route(environ: Request) -> str | None:
    """The template that Flask or Bottle matched, behind where the app is mounted."""
    rule = getattr(environ.get("werkzeug.request"), "url_rule", None) or environ.get("bottle.route")
    path: str | None = getattr(rule, "rule", None)
    return path and environ.get("SCRIPT_NAME", "").rstrip("/") + path


def _header(request: Request, name: str) -> str:
    """A header's value, joined by commas where it is sent several times."""
    headers = request.get("headers")
    if headers is None:
        return str(request.get(f"HTTP_{name.upper().replace('-', '_')}", ""))
    sought = name.lower().encode("latin-1")
    return ",".join(value.decode("latin-1") for key, value in headers if key.lower() == sought)

"""REST of the control plane as resources: `/tenants`, `/tiers`, `/entitlements`, `/subscriptions`, `/resources`.

Each route is a way to a tool of the capability `tenants`, with its arguments, answer, approval and errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from starlette.convertors import StringConvertor, register_url_convertor

from ...kernel import Catalog
from .tools import Way

_CAPABILITY = "tenants"
_CONVERTOR = "tenant"
_TENANT = f"/tenants/{{tenant_id:{_CONVERTOR}}}"
_TIER = "/tiers/{tier}"
_ROUTES = (
    ("GET", "/tenants", "list"),
    ("POST", "/tenants", "create"),
    ("POST", f"{_TENANT}/offboard", "offboard"),
    ("POST", f"{_TENANT}/tier", "change_tier"),
    ("GET", f"{_TENANT}/entitlements", "entitlements"),
    ("GET", f"{_TENANT}/workflows", "workflows"),
    ("GET", _TENANT, "get"),
    ("PATCH", _TENANT, "update"),
    ("GET", "/tiers", "tiers"),
    ("POST", "/tiers", "define_tier"),
    ("GET", f"{_TIER}/entitlements", "tier_entitlements"),
    ("PATCH", _TIER, "define_tier"),
    ("DELETE", _TIER, "end_tier"),
    ("GET", "/entitlements", "entitlements"),
    ("POST", "/entitlements", "grant"),
    ("PATCH", "/entitlements", "change_entitlement"),
    ("DELETE", "/entitlements", "end_entitlement"),
    ("GET", "/subscriptions", "subscriptions"),
    ("POST", "/subscriptions", "subscribe"),
    ("PATCH", "/subscriptions", "change_subscription"),
    ("DELETE", "/subscriptions", "end_subscription"),
    ("GET", "/resources", "resources"),
    ("POST", "/resources", "assign"),
    ("DELETE", "/resources", "release"),
)
"""Method, path and tool."""


def control_plane_ways(catalog: Catalog) -> Iterator[Way]:
    """The ways to those tools that the catalog has."""
    owner = next((c for c in catalog.capabilities if c.name == _CAPABILITY), None)
    if owner is None:
        return
    register_url_convertor(_CONVERTOR, _tenant_id([tool.name for tool in owner.tools]))
    for method, path, name in _ROUTES:
        if tool := owner.tool_named(name):
            words = re.sub(r"{(\w+)(:\w+)?}", r"of_\1", path.replace("/", "_"))
            yield Way(method, path, owner, tool, f"{method.lower()}{words}")


def _tenant_id(tools: Sequence[str]) -> StringConvertor:
    """A tenant's id in a path: whatever is no name of a tool, which has that path. Of such a tenant, as of one with a
    slash in its id, the tools' own paths tell.
    """

    class TenantId(StringConvertor):
        regex = f"(?!(?:{'|'.join(map(re.escape, tools))})(?:/|$))[^/]+"

    return TenantId()

"""The vendor's HTTP API: the operations of each feature, how tenants are named in them, and the OpenAPI document."""

from __future__ import annotations

from typing import Any, NamedTuple

from .product import FEATURES, VENDOR

DOMAIN = "quillhaven.example"
APP, API, WWW = f"app.{DOMAIN}", f"api.{DOMAIN}", f"www.{DOMAIN}"


class Call(NamedTuple):
    """One operation: of `weight` requests of its feature in all its weights. Its ids stand for `{}` in turn."""

    method: str
    template: str
    weight: int
    status: int = 200

    @property
    def names(self) -> list[str]:
        return [part[1:-1] for part in self.template.split("/") if part.startswith("{")]


CALLS: dict[str, tuple[Call, ...]] = {
    "sign_in": (Call("POST", "/sessions", 3, 201), Call("DELETE", "/sessions/current", 1, 204)),
    "projects": (
        Call("GET", "/projects", 3),
        Call("GET", "/projects/{project}", 4),
        Call("PATCH", "/projects/{project}/tasks/{task}", 4),
        Call("POST", "/projects/{project}/tasks", 1, 201),
    ),
    "documents": (
        Call("GET", "/documents/{document}", 5),
        Call("PUT", "/documents/{document}/blocks/{block}", 6),
        Call("GET", "/projects/{project}/documents", 2),
        Call("DELETE", "/documents/{document}", 1, 204),
    ),
    "search": (Call("GET", "/search", 5), Call("POST", "/projects/{project}/search", 1)),
    "comments": (
        Call("GET", "/documents/{document}/comments", 3),
        Call("POST", "/documents/{document}/comments", 1, 201),
    ),
    "dashboards": (Call("GET", "/dashboards/{dashboard}", 1), Call("GET", "/dashboards/{dashboard}/data", 4)),
    "reports": (Call("POST", "/reports/{report}/runs", 1, 201), Call("GET", "/reports/{report}/export", 2)),
    "automations": (Call("POST", "/hooks/{automation}", 6, 202), Call("GET", "/automations", 1)),
    "integrations": (Call("GET", "/sync/{connector}/changes", 5), Call("POST", "/sync/{connector}", 2)),
    "file_share": (Call("GET", "/files/{file}", 4, 302), Call("POST", "/files", 1, 201)),
    "assistant": (Call("POST", "/documents/{document}/suggestions", 3), Call("POST", "/assistant/messages", 2)),
    "simulation": (Call("POST", "/projects/{project}/simulations", 1),),
}  # fmt: skip


def document() -> dict[str, Any]:
    """The OpenAPI document. Tags are features; the tenant is in the host, in the path, or in neither."""
    paths: dict[str, dict[str, Any]] = {}
    for feature in FEATURES:
        for call in CALLS[feature]:
            paths.setdefault(call.template, {})[call.method.lower()] = _operation(feature, call)
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{VENDOR} API", "version": "1"},
        "servers": [
            {"url": f"https://{{tenant}}.{DOMAIN}/v1", "variables": {"tenant": {"default": "api"}}},
            {"url": f"https://{APP}/w/{{workspace}}/v1", "variables": {"workspace": {"default": "demo"}}},
        ],
        "tags": [{"name": feature} for feature in FEATURES],
        "paths": paths,
    }


def _operation(feature: str, call: Call) -> dict[str, Any]:
    said: dict[str, Any] = {"tags": [feature], "responses": {str(call.status): {"description": "done"}}}
    if call.names:
        said["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in call.names
        ]
    return said

"""Errors over HTTP: one RFC 9457 problem document, whatever went wrong."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from ...errors import PROTOCOLS, Kind, TenantryError, invalid

MEDIA_TYPE = "application/problem+json"
SCHEMA = {
    "type": "object",
    "description": "An RFC 9457 problem document.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "/errors/ and the kind"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what happened"},
        "hint": {"type": "string", "description": "what to do"},
    },
}
_log = logging.getLogger("tenantry.http")
_RETRY_SECONDS = 5
_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
_KINDS = {code: kind for kind, (code, _, _) in reversed(PROTOCOLS.items())} | {413: Kind.LIMIT_EXCEEDED}
"""By the status of an error that is not ours."""


def problem_content(description: str) -> dict[str, Any]:
    """A response of the OpenAPI document that is a problem document."""
    return {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": problem_content("what the caller can mend"),
    "5XX": problem_content("what the caller cannot mend"),
}
"""What any operation may answer in place of what was asked for."""


def _allowed(app: FastAPI, request: Request) -> list[str]:
    """All methods that this path has, over every route: the framework names the first route's alone."""
    found = {
        method
        for method in _METHODS
        if any(r.matches({**request.scope, "method": method})[0] is Match.FULL for r in app.router.routes)
    }
    return sorted(found | {"HEAD"} if "GET" in found else found)


def problem_response(problem: TenantryError, headers: Mapping[str, str] | None = None) -> Response:
    """The problem document of an error. `unavailable` says when to try again."""
    document = problem.problem()
    found = dict(headers or {})
    if problem.kind is Kind.UNAVAILABLE:
        found.setdefault("Retry-After", str(_RETRY_SECONDS))
    return _document(document["status"], document, found)


def _document(status: int, document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    text = json.dumps(document, default=str)
    return Response(text, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def answer_with_problems(app: FastAPI) -> None:
    """Make every error of an app a problem document: ours, the framework's, and bugs."""

    async def ours(_: Request, problem: Any) -> Response:
        return problem_response(problem)

    async def not_valid(_: Request, problem: Any) -> Response:
        params = [
            {"param": ".".join(map(str, found["loc"][1:])) or str(found["loc"][0]), "problem": found["msg"]}
            for found in problem.errors()
        ]
        text = "; ".join(f"{p['param']}: {p['problem']}" for p in params)
        return problem_response(invalid(text, "see /api/openapi.json", params=params))

    async def protocol(request: Request, problem: Any) -> Response:
        status = HTTPStatus(problem.status_code)
        headers = dict(problem.headers or {})
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_allowed(app, request))
        kind = _KINDS.get(status, Kind.INVALID)
        document = {"type": f"/errors/{kind}", "title": status.phrase, "status": int(status),
                    "detail": str(problem.detail), "hint": "see /api/openapi.json"}  # fmt: skip
        return _document(status, document, headers)

    async def gone(_: Request, __: Exception) -> Response:
        return problem_response(invalid("the client went away", status=400))

    async def bug(_: Request, problem: Exception) -> Response:
        _log.error("a bug: %s", type(problem).__name__, exc_info=problem)
        return problem_response(
            TenantryError(
                Kind.INTERNAL,
                f"a bug in Tenantry: {type(problem).__name__}",
                "the server's log has more; please report it",
            )
        )

    app.add_exception_handler(TenantryError, ours)
    app.add_exception_handler(RequestValidationError, not_valid)
    app.add_exception_handler(HTTPException, protocol)
    app.add_exception_handler(ClientDisconnect, gone)
    app.add_exception_handler(Exception, bug)

"""What the A2A gateway takes in: JSON alone, and of one principal so many requests at a time, each of so many bytes."""

from __future__ import annotations

from collections import Counter

from a2a.server.request_handlers.response_helpers import build_error_response
from a2a.utils.constants import A2A_JSON_MEDIA_TYPE
from a2a.utils.error_handlers import build_rest_error_payload
from a2a.utils.errors import ContentTypeNotSupportedError
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...errors import Kind, TenantryError
from ..http.access import principal_of
from ..http.problems import problem_response
from .callers import owner
from .card import RPC

_MEDIA_TYPES = frozenset({"application/json", A2A_JSON_MEDIA_TYPE})
BODY = 64 * 1024
"""Bytes of a request: a question has 2,000 characters at most."""
AT_ONCE = 32
"""Requests of one principal that are answered at once, streams included."""


class Bounds:
    """Wraps routes' applications, and refuses by 413, 415 and 429."""

    def __init__(self) -> None:
        self._under_way: Counter[str] = Counter()

    def wrap(self, app: ASGIApp) -> ASGIApp:
        async def bounded(scope: Scope, receive: Receive, send: Send) -> None:
            who = owner(principal_of(scope))
            if self._under_way[who] >= AT_ONCE:
                why = f"{AT_ONCE} A2A requests of yours are under way"
                problem = TenantryError(Kind.LIMIT_EXCEEDED, why, "wait for one, or end a stream")
                await problem_response(problem, {"Retry-After": "1"})(scope, receive, send)
                return
            self._under_way[who] += 1
            try:
                body = await _body(scope, receive)
                if body is None:
                    why = f"the request is larger than {BODY} bytes"
                    problem = TenantryError(Kind.LIMIT_EXCEEDED, why, "ask in a sentence or two", status=413)
                    await problem_response(problem)(scope, receive, send)
                elif (
                    body and _media_type(scope) not in _MEDIA_TYPES
                ):  # no page of another site can send these
                    await _not_json(scope)(scope, receive, send)
                else:
                    await app(scope, _again(body, receive), send)
            finally:
                self._under_way[who] -= 1
                if not self._under_way[who]:
                    del self._under_way[who]

        return bounded


def _media_type(scope: Scope) -> str:
    return Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()


def _not_json(scope: Scope) -> Response:
    error = ContentTypeNotSupportedError(message=f"send one of {', '.join(sorted(_MEDIA_TYPES))}")
    of_rpc = scope["path"].startswith(RPC)
    body = build_error_response(None, error) if of_rpc else build_rest_error_payload(error)
    return JSONResponse(body, 415)


async def _body(scope: Scope, receive: Receive) -> bytes | None:
    """The whole of it; None where it is too large."""
    told = Headers(scope=scope).get("content-length", "")
    if told.isdigit() and int(told) > BODY:
        return None
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """What the server is told next, the body first."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return first.pop() if first else await receive()

    return received

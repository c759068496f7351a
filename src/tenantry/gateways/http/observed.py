"""What every request leaves behind: a figure, and a line in the log."""

from __future__ import annotations

import logging
from random import getrandbits
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .access import INTAKE
from .health import Metrics

_log = logging.getLogger("tenantry.http")
_QUIET = {"/healthz", "/readyz", "/metrics"}
_ERROR = 400


class Observed:
    """Counts and times each request by its route, names it (`X-Request-Id`), and writes a line about it.

    The line holds method, path, status and who asked; never a header, a query or a body.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # A name, no secret: the system's own randomness gives way to other threads each time.
        began, name, status = perf_counter(), f"{getrandbits(128):032x}", 500

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", name.encode())]
            await send(message)

        try:
            await self._app(scope, receive, named)
        finally:
            self._write_down(scope, status, perf_counter() - began, name)

    def _write_down(self, scope: Scope, status: int, seconds: float, name: str) -> None:
        route = getattr(scope.get("route"), "path", "(none)")
        method = scope["method"] if scope["method"] in _METHODS else "(other)"
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.seconds.labels(method, route).observe(seconds)
        # Usage that was taken is in the intake's account: a line each would be more than the usage.
        taken = scope["path"] in INTAKE and status < _ERROR
        level = logging.DEBUG if taken or scope["path"] in _QUIET else logging.INFO
        if _log.isEnabledFor(level):
            who = scope.get("state", {}).get("principal")
            line = {
                "method": method,
                "path": scope["path"],
                "status": status,
                "who": getattr(who, "name", None),
                "seconds": round(seconds, 4),
                "request": name,
            }
            _log.log(level, "request", extra=line)


_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

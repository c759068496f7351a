"""Middleware for ASGI services: Starlette, FastAPI, Litestar, Django, Quart, or none of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from .http import Asked, Resolver, asgi_route, judge
from .subject import carry
from .use import Use, answer

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class AsgiMiddleware:
    """Measures each request, and each connection of a WebSocket, as a call.

    Bytes are those of bodies and messages sent. Seconds run until the last of them; what the service does afterwards
    is not timed. An exception is an error, an answer of 500 or more too.

    `tenant`, `feature` and `route` are given the ASGI scope; `route` once the service has answered. Without a feature
    the route stands for it. With `trusted`, what services that call say in baggage counts where these say nothing.
    """

    def __init__(
        self,
        app: App,
        *,
        tenant: Resolver | None = None,
        feature: Resolver | None = None,
        route: Resolver = asgi_route,
        trusted: bool = False,
    ) -> None:
        self._app = app
        self._asked = Asked(tenant, feature, route, trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        use = self._asked.use(scope)

        async def counted(message: Message) -> None:
            await send(message)
            _count(use, message)

        before = self._asked.begin(use)
        try:
            await self._app(scope, receive, counted)
        except BaseException as problem:
            self._end(use, scope, problem)
            raise
        else:
            self._end(use, scope)
        finally:
            use.leave()
            carry(before)

    def _end(self, use: Use, scope: Scope, problem: BaseException | None = None) -> None:
        self._asked.describe(use, scope)
        use.end(problem)


def _count(use: Use, message: Message) -> None:
    """Of a message that was sent: its bytes, how it went, and whether it was the last."""
    kind = message["type"].removeprefix("websocket.http.").removeprefix("http.")
    if kind == "response.start":
        judge(use, message["status"])
    elif kind == "response.body":
        use.add(bytes=len(message.get("body", b"")))
        if not message.get("more_body", False):
            use.stop()
    elif kind == "response.pathsend":
        use.add(bytes=answer("bytes", int, _size, message) or 0)
        use.stop()
    elif kind == "websocket.send":
        text = message.get("text")
        use.add(items=1, bytes=len(message.get("bytes") or b"" if text is None else text.encode()))


def _size(message: Message) -> int:
    return Path(message["path"]).stat().st_size

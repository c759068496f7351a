"""Middleware for WSGI services: Flask, Django, Bottle, Pyramid, or none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from contextvars import copy_context
from typing import Any, Self, TypeVar, cast

from .http import Asked, Resolver, judge, wsgi_route
from .use import Use

R = TypeVar("R")
Environ = dict[str, Any]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class WsgiMiddleware:
    """Measures each request as a call, until the last byte of its answer is handed to the server, or it is closed.

    Bytes are those of the body. An exception is an error, an answer of 500 or more too.

    `tenant`, `feature` and `route` are given the WSGI environment; `route` when the service begins its answer. Without
    a feature the route stands for it. With `trusted`, what services that call say in baggage counts where these say
    nothing.
    """

    def __init__(
        self,
        app: App,
        *,
        tenant: Resolver | None = None,
        feature: Resolver | None = None,
        route: Resolver = wsgi_route,
        trusted: bool = False,
    ) -> None:
        self._app = app
        self._asked = Asked(tenant, feature, route, trusted)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        use = self._asked.use(environ)
        request = _Request(self._asked, use)

        def started(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Callable[[bytes], Any]:
            self._asked.describe(use, environ)
            judge(use, int(status[:3]) if status[:3].isdecimal() else 0)
            write = start_response(status, headers, *exc_info)

            def counted(data: bytes) -> Any:
                use.add(bytes=len(data))
                return write(data)

            return counted

        # For the case that it never answers; what is known of the route when it has, frameworks forget afterwards.
        self._asked.describe(use, environ)
        body = request.run(lambda: self._app(environ, started))
        parts = request.run(lambda: iter(body))
        return (_SizedBody if isinstance(body, Sized) else _Body)(request, body, parts)


class _Request:
    """A request that is worked on piece by piece, in one context: the server may ask for a body much later."""

    def __init__(self, asked: Asked, use: Use) -> None:
        self._context = copy_context()
        self._context.run(asked.begin, use)
        self._use = use

    def run(self, work: Callable[[], R]) -> R:
        """What the work returns. What it raises ends the request, the end of an iteration too."""
        try:
            return self._context.run(work)
        except StopIteration:
            self.end()
            raise
        except BaseException as problem:
            self.end(problem)
            raise

    def sent(self, size: int) -> None:
        self._use.add(bytes=size)

    def end(self, problem: BaseException | None = None) -> None:
        self._context.run(self._use.end, problem)


class _Body:
    """An answer's body on its way to the server."""

    def __init__(self, request: _Request, body: Iterable[bytes], parts: Iterator[bytes]) -> None:
        self._request = request
        self._body = body
        self._parts = parts

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        part = self._request.run(lambda: next(self._parts))
        self._request.sent(len(part))
        return part

    def close(self) -> None:
        """Ends the request, if its last byte did not: the server gave up."""
        if close := getattr(self._body, "close", None):
            self._request.run(close)
        self._request.end()


class _SizedBody(_Body):
    """A body of so many parts: of one alone, servers take the length for the answer's."""

    def __len__(self) -> int:
        return len(cast("Sized", self._body))

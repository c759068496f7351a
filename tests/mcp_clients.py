"""The SDK's own client, on either revision of the wire, as somebody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any, TypeVar

import anyio
from anyio.from_thread import start_blocking_portal
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from starlette.types import ASGIApp, Receive, Scope, Send

from tenantry.gateways.http.app import Part, build_app
from tenantry.gateways.mcp import catalog_server, mounted
from tenantry.kernel import Principal
from tenantry.runtime.call import Runtime

R = TypeVar("R")
OLD, NEW = "2025-11-25", "2026-07-28"
WIRES = {OLD: "legacy", NEW: "auto"}
Ask = Callable[[Callable[[Client], Awaitable[Any]]], Any]


class Known:
    """Whoever names itself in the header `x-principal` is believed."""

    def __init__(self, app: ASGIApp, principals: Mapping[str, Principal]) -> None:
        self._app = app
        self._principals = principals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = dict(scope.get("headers", [])).get(b"x-principal", b"local").decode()
        scope.setdefault("state", {})["principal"] = self._principals[name]
        await self._app(scope, receive, send)


def app_of(runtime: Runtime, *principals: Principal) -> ASGIApp:
    """The service over a runtime, which knows these principals and `local`."""
    routes, lifespan = mounted(catalog_server(runtime, "0.0"))
    known = {p.name: p for p in (Principal(), *principals)}
    return build_app(runtime, "0.0", lambda app: Known(app, known), [Part(routes=routes, lifespan=lifespan)])


@asynccontextmanager
async def over_http(
    url: str, wire: str, principal: str = "local", token: str = "", **options: Any
) -> AsyncIterator[Client]:
    headers = {"x-principal": principal} | ({"Authorization": f"Bearer {token}"} if token else {})
    async with create_mcp_http_client(headers=headers) as http:
        transport = streamable_http_client(f"{url}/mcp", http_client=http)
        async with Client(transport, mode=WIRES[wire], **options) as client:
            assert client.protocol_version == wire
            yield client


@contextmanager
def talking(connection: AbstractAsyncContextManager[Client]) -> Iterator[Ask]:
    """Asks through one client from a test that is not asynchronous, each question within a minute."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(connection) as client:

        async def answer(ask: Callable[[Client], Awaitable[Any]]) -> Any:
            with anyio.fail_after(60):
                return await ask(client)

        yield lambda ask: portal.call(answer, ask)

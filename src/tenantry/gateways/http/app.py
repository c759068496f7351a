"""The one ASGI app: every part's routes together, who asks established before any of them runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from anyio import CancelScope
from fastapi import APIRouter, FastAPI, HTTPException
from fastapi.openapi.utils import get_openapi
from fastapi.utils import deep_dict_update
from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...kernel import Catalog
from ...runtime.call import Runtime
from ...runtime.decisions import Decisions
from .catalog import catalog_routes
from .control_plane import control_plane_ways
from .datasets import dataset_routes
from .decisions import decision_routes
from .health import Check, Metrics, health_routes
from .negotiation import refuses_gzip
from .observed import Observed
from .problems import SCHEMA, answer_with_problems
from .tools import Way, described, tool_routes, tool_schemas, tool_ways

_TOKEN = {"type": "http", "scheme": "bearer", "description": "an API token: `tenantry token create`"}
LARGEST_BODY = 1_000_000
"""Bytes of a request's body, where its part says nothing else."""
Lifespan = Callable[[], AbstractAsyncContextManager[Any]]


@dataclass(frozen=True)
class Part:
    """Something the server has besides the catalog: routes, and what must run while they are served.

    Routers stand in the OpenAPI document; plain `routes` are other protocols and come after all else. `straight` are
    routes of fixed paths that take so many requests that nothing may stand before them. `paths` is what that document
    says of routes that are no router's. `bounded` are the beginnings of paths whose bodies the part bounds itself;
    those of all others have at most `LARGEST_BODY` bytes.
    """

    routers: Sequence[APIRouter] = ()
    routes: Sequence[BaseRoute] = ()
    straight: Sequence[Route] = ()
    paths: Mapping[str, Any] = field(default_factory=dict[str, Any])
    bounded: Sequence[str] = ()
    lifespan: Lifespan | None = None
    check: Mapping[str, Check] = field(default_factory=dict[str, Check])


def build_app(
    runtime: Runtime,
    version: str,
    who: Callable[[ASGIApp], ASGIApp],
    parts: Sequence[Part] = (),
    metrics: Metrics | None = None,
) -> ASGIApp:
    """The app over a runtime. `who` wraps it all and puts the principal of each request into its scope."""
    counted, decisions = metrics or Metrics(), Decisions(runtime)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            for part in parts:
                if part.lifespan:
                    await stack.enter_async_context(part.lifespan())
            yield

    app = FastAPI(
        title="Tenantry",
        version=version,
        summary="What every tenant of a multi-tenant SaaS costs, earns, uses and breaks.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    answer_with_problems(app)
    checks = {k: v for part in parts for k, v in part.check.items()}
    own = (
        health_routes(checks, counted),
        catalog_routes(runtime.catalog, version),
        dataset_routes(runtime),
        decision_routes(decisions),
    )
    for router in own:
        app.include_router(router)
    for part in parts:
        for router in part.routers:
            app.include_router(router)
    ways = [*tool_ways(runtime.catalog), *control_plane_ways(runtime.catalog)]
    app.include_router(tool_routes(runtime, decisions, ways))
    straight = [route for part in parts for route in part.straight]
    app.router.routes.extend([*(route for part in parts for route in part.routes), *straight])
    paths = {k: v for part in parts for k, v in part.paths.items()}
    app.openapi = lambda: _document(app, runtime.catalog, ways, paths)
    bounded = _Bounded(app, [path for part in parts for path in part.bounded])
    return Observed(who(_Headed(_Packed(_Straight(bounded, straight)))), counted)


class _Headed:
    """Answers HEAD as GET without the content: no route need know of it, and what would stream ends as it begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        with CancelScope() as answering:

            async def head(message: Message) -> None:
                if message["type"] == "http.response.start":
                    await send(message)
                elif not answering.cancel_called:
                    await send({"type": "http.response.body"})
                    if message.get("more_body"):
                        answering.cancel()

            as_get = {**scope, "method": "GET"}  # the server goes by its own
            try:
                await self._app(as_get, receive, head)
            finally:
                if "route" in as_get:  # by which requests are counted
                    scope["route"] = as_get["route"]


class _Bounded:
    """Takes no more of a body than fits: routes hold it in memory, also before anybody said who they are."""

    def __init__(self, app: ASGIApp, apart: Sequence[str]) -> None:
        self._app = app
        self._apart = tuple(apart)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = 0

        async def received() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > LARGEST_BODY:
                # Of all errors the framework lets this one through, wherever it reads the body.
                raise HTTPException(413, f"a body of more than {LARGEST_BODY:,} bytes")
            return message

        apart = scope["type"] != "http" or scope["path"].startswith(self._apart)
        await self._app(scope, receive if apart else received, send)


class _Packed:
    """Packs the JSON that answers questions, for who takes it packed; not files of datasets, nor streams of events."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._packing = GZipMiddleware(app, minimum_size=1024, compresslevel=4)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        is_answer = path.startswith("/api/") and not path.startswith("/api/v1/datasets/")
        packs = scope["type"] == "http" and scope["method"] == "GET" and is_answer
        packs = packs and not refuses_gzip(Headers(scope=scope))  # which the library does not look for
        await (self._packing if packs else self._app)(scope, receive, send)


class _Straight:
    """Calls the routes of some paths itself: the framework tries all routes one after the other, which takes ten times
    as long as such a request may. Of another method than the route's it is the framework's to refuse.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[Route]) -> None:
        self._app = app
        self._routes = {(method, route.path): route for route in routes for method in route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
        else:
            scope["route"] = route
            await route.app(scope, receive, send)


def _document(
    app: FastAPI, catalog: Catalog, ways: Sequence[Way], paths: Mapping[str, Any]
) -> dict[str, Any]:
    """The OpenAPI 3.1 document, made when it is first asked for: it takes longer than all else that a start does."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, summary=app.summary, openapi_version="3.1.0", routes=app.routes,
            tags=[{"name": c.name, "description": c.question} for c in catalog.capabilities],
        )  # fmt: skip
        operations = {o["operationId"]: o for path in document["paths"].values() for o in path.values()}
        for operation in operations.values():
            operation["responses"].pop("422", None)  # the framework's own; ours stands under 4XX
        tools = tool_schemas(catalog)
        for way in ways:
            deep_dict_update(operations[way.operation], described(way, tools))
        document["paths"].update(paths)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        schemas.update(tools)
        schemas["Problem"] = SCHEMA
        document["components"]["securitySchemes"] = {"token": _TOKEN}
        document["security"] = [{"token": []}, {}]  # none where a fresh install serves its own machine
        app.openapi_schema = document
    return app.openapi_schema

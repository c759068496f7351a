"""Metering of requests: under servers of the standard library and frameworks that people use."""

from __future__ import annotations

import asyncio
import http.client
import io
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from counted import Counted
from fastapi import APIRouter, FastAPI
from flask import Flask, Response
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from tenantry.metering import (
    AsgiMiddleware,
    Subject,
    WsgiMiddleware,
    add,
    current,
    header,
    identify,
    measure,
    subdomain,
)

TENANT = header("X-Tenant-Id")
ACME = {"X-Tenant-Id": "acme"}
MINE = Path(__file__)


@pytest.fixture
def counted() -> Iterator[Counted]:
    counted = Counted.once()
    counted.points()
    yield counted
    assert current() == Subject()


Point = tuple[str, float, dict[str, str]]


def by_name(point: Point) -> tuple[str, float, list[tuple[str, str]]]:
    return point[0], point[1], sorted(point[2].items())


def about(counted: Counted, *names: str) -> list[Point]:
    """What was counted under these names, with attributes by the last part of their names."""
    keys = {"tenant.id": "tenant", "feature.id": "feature"}
    points = [
        (name, value, {keys.get(key, key.rpartition(".")[2]): text for key, text in on.items()})
        for name, on, value in counted.points()
        if name in names
    ]
    return sorted(points, key=by_name)


# --- ASGI ---


async def _asked(app: Any, path: str, headers: dict[str, str], **scope: Any) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    received = iter(scope.pop("received", [{"type": "http.request", "body": b"", "more_body": False}]))

    async def receive() -> dict[str, Any]:
        for message in received:
            return message
        await asyncio.sleep(60)
        raise TimeoutError

    async def send(message: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        sent.append(message)

    await app(
        {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "headers": [(key.lower().encode(), value.encode()) for key, value in headers.items()], **scope,
        },
        receive, send,
    )  # fmt: skip
    return sent


def asked(app: Any, path: str, headers: dict[str, str] = ACME, **scope: Any) -> list[dict[str, Any]]:
    return asyncio.run(_asked(app, path, headers, **scope))


async def note(request: Request) -> PlainTextResponse:
    add(items=2)
    with measure("store"):
        await asyncio.sleep(0)
    return PlainTextResponse("kept")


async def stream(request: Request) -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(3):
            await asyncio.sleep(0)
            yield b"1234567"

    return StreamingResponse(parts())


def late(request: Request) -> PlainTextResponse:
    identify(tenant="session", feature="found out")
    return PlainTextResponse(f"{current()}", background=BackgroundTask(add, items=5))


async def broken(request: Request) -> None:
    raise LookupError


async def refused(request: Request) -> PlainTextResponse:
    return PlainTextResponse("later", status_code=503)


async def chat(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("é")
    await socket.send_bytes(b"123")
    await socket.close()


ROUTES = [
    Route("/notes/{id:int}", note, methods=["GET", "PUT"]),
    Route("/stream", stream),
    Route("/late", late),
    Route("/broken", broken),
    Route("/refused", refused),
    Route("/file", lambda _: FileResponse(MINE)),
    WebSocketRoute("/chat", chat),
    Mount("/inner", routes=[Route("/{name}", note)]),
]


def starlette(**options: Any) -> Starlette:
    app = Starlette(routes=ROUTES)
    app.add_middleware(AsgiMiddleware, **{"tenant": TENANT, **options})
    return app


def test_a_request_is_a_call_of_its_route(counted: Counted) -> None:
    app = starlette()
    assert asked(app, "/notes/17")[-1]["body"] == b"kept"
    asked(app, "/notes/18", method="PUT")
    asked(app, "/notes/19", {}, method="GET")
    asked(app, "/inner/private-name")
    on = {"tenant": "acme", "method": "GET", "route": "/notes/{id}"}
    anonymous = {"method": "GET", "route": "/notes/{id}"}
    assert about(counted, "calls", "items", "bytes") == sorted([
        *[(name, n, {**on, "method": method}) for name, n in (("bytes", 4), ("calls", 1), ("items", 2))
          for method in ("GET", "PUT")],
        *[(name, n, anonymous) for name, n in (("bytes", 4), ("calls", 1), ("items", 2))],
        *[(name, n, {**on, "route": "/inner/{name}"}) for name, n in (("bytes", 4), ("calls", 1), ("items", 2))],
        ("calls", 3, {"tenant": "acme", "feature": "store"}), ("calls", 1, {"feature": "store"}),
    ], key=by_name)  # fmt: skip


def test_a_route_has_the_prefixes_of_what_it_is_included_and_mounted_in(counted: Counted) -> None:
    """Or the first routes of all routers were one. What a prefix stands for is not told."""
    items = APIRouter()

    @items.get("/{number}")
    def item(number: int) -> int:  # pyright: ignore[reportUnusedFunction]
        return number

    shop = FastAPI()
    shop.include_router(items, prefix="/items")
    app = FastAPI()
    app.include_router(items, prefix="/v1/items")
    app.mount("/v2", shop)
    app.mount("/of/{tenant}", Starlette(routes=[Mount("/files", StaticFiles(directory=MINE.parent))]))
    app.add_middleware(AsgiMiddleware)
    for path in ("/v1/items/7", "/v2/items/7", f"/of/acme/files/{MINE.name}"):
        assert asked(app, path)[0]["status"] == 200
    assert sorted(on["route"] for _, _, on in about(counted, "calls")) == [
        "/of/{tenant}/files/{path}", "/v1/items/{number}", "/v2/items/{number}",
    ]  # fmt: skip


def test_what_was_asked_for_in_vain_is_no_route(counted: Counted) -> None:
    asked(starlette(), "/secret/path", method="BREW")
    assert about(counted, "calls") == [("calls", 1, {"tenant": "acme", "method": "_OTHER"})]


@pytest.mark.parametrize(("path", "size"), [("/stream", 21), ("/file", MINE.stat().st_size)])
def test_bytes_are_those_that_were_sent(counted: Counted, path: str, size: int) -> None:
    asked(starlette(), path)
    assert [value for _, value, _ in about(counted, "bytes")] == [size]


def test_a_file_that_the_server_sends_by_itself_has_its_size(counted: Counted) -> None:
    sent = asked(starlette(), "/file", extensions={"http.response.pathsend": {}})
    assert sent[-1]["type"] == "http.response.pathsend"
    assert [value for _, value, _ in about(counted, "bytes")] == [MINE.stat().st_size]


def test_a_connection_is_a_call_and_its_messages_are_items(counted: Counted) -> None:
    asked(starlette(), "/chat", type="websocket", received=[{"type": "websocket.connect"}])
    assert [(name, value) for name, value, _ in about(counted, "calls", "items", "bytes")] == [
        ("bytes", 5), ("calls", 1), ("items", 2),
    ]  # fmt: skip


def test_failures_are_errors_and_cancelled_requests_are_not(counted: Counted) -> None:
    app = starlette()
    with pytest.raises(LookupError):
        asked(app, "/broken")
    asked(app, "/refused")

    async def given_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_asked(AsgiMiddleware(waiting, tenant=TENANT), "/", ACME), 0.01)

    async def waiting(*_: Any) -> None:
        await asyncio.sleep(60)

    asyncio.run(given_up())
    assert {on["type"]: value for _, value, on in about(counted, "errors")} == {"503": 1, "LookupError": 1}


def test_seconds_end_with_the_last_byte(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1]
    monkeypatch.setattr("tenantry.metering.use.perf_counter_ns", lambda: now[0])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        now[0] += 10**9
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for more in (True, False):
            now[0] += 10**9
            await send({"type": "http.response.body", "body": b"x", "more_body": more})
        now[0] += 10**9

    asked(AsgiMiddleware(app), "/")
    assert [value for _, value, _ in about(counted, "seconds")] == [3]


def test_a_tenant_that_the_service_finds_out_counts(counted: Counted) -> None:
    body = asked(starlette(tenant=None), "/late")[1]["body"]
    assert body == b"Subject(tenant='session', feature='found out')"
    on = {"tenant": "session", "feature": "found out", "method": "GET", "route": "/late"}
    assert about(counted, "calls", "items") == [("calls", 1, on), ("items", 5, on)]


@pytest.mark.parametrize("trusted", [True, False])
def test_only_services_that_are_trusted_say_whose_a_request_is(counted: Counted, *, trusted: bool) -> None:
    said = {"baggage": "tenant.id=b%C3%A9ta,other=1,feature.id=reports"}
    asked(starlette(trusted=trusted), "/notes/1", said)
    asked(starlette(trusted=trusted), "/notes/1", {**said, **ACME})
    inside = sorted(
        on.get("tenant", "") for _, _, on in about(counted, "calls") if on.get("feature") == "store"
    )
    assert inside == (["acme", "béta"] if trusted else ["", "acme"])


def test_what_is_no_request_passes(counted: Counted) -> None:
    passed: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope["type"])

    asked(AsgiMiddleware(app), "/", type="lifespan")
    assert passed == ["lifespan"]
    assert not counted.points()


# --- who it is for ---

HOSTS = [
    ("acme.example.com", "acme"), ("ACME.Example.COM:8443", "acme"), ("example.com", None), ("www.example.com", None),
    ("a.b.example.com", None), ("acme.example.org", None), ("", None), (".example.com", None),
    ("acme.example.com.", "acme"),
]  # fmt: skip


@pytest.mark.parametrize(("host", "tenant"), HOSTS)
def test_a_subdomain_is_one_label_before_the_domain(host: str, tenant: str | None) -> None:
    resolve = subdomain("Example.com")
    assert resolve({"headers": [(b"host", host.encode())]}) == tenant
    assert resolve({"HTTP_HOST": host}) == tenant


def test_a_header_is_found_whatever_its_case() -> None:
    assert TENANT({"headers": [(b"X-TENANT-ID", b"acme")]}) == "acme"
    assert TENANT({"headers": [(b"x-tenant-id", b"a"), (b"x-tenant-id", b"b")]}) == "a,b"
    assert TENANT({"HTTP_X_TENANT_ID": "acme"}) == "acme"
    assert TENANT({"headers": []}) is None


# --- WSGI ---


class Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the method it replaces
        pass


@contextmanager
def served(app: Callable[..., Iterable[bytes]]) -> Iterator[Callable[..., tuple[int, bytes, int | None]]]:
    """Asks a server of the standard library."""
    with make_server("127.0.0.1", 0, app, handler_class=Silent) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()

        def ask(
            path: str, verb: str = "GET", headers: dict[str, str] = ACME
        ) -> tuple[int, bytes, int | None]:
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
            connection.request(verb, path, headers=headers)
            answer = connection.getresponse()
            body, length = answer.read(), answer.length
            connection.close()
            return answer.status, body, length

        try:
            yield ask
        finally:
            server.shutdown()
            thread.join()


def flask() -> Flask:
    app = Flask("notes")

    @app.route("/notes/<int:number>", methods=["GET", "PUT"])
    def note(number: int) -> str:
        add(items=2)
        return "kept"

    @app.route("/stream")
    def stream() -> Response:
        def parts() -> Iterator[str]:
            for _ in range(3):
                add(items=1)
                assert current().tenant == "acme"
                yield "1234567"

        return Response(parts())

    @app.route("/broken")
    def broken() -> str:
        raise LookupError

    return app


def test_a_request_to_flask_is_a_call_of_its_route(counted: Counted) -> None:
    with served(WsgiMiddleware(flask(), tenant=TENANT)) as ask:
        assert ask("/notes/17") == (200, b"kept", 0)
        ask("/notes/18", "PUT")
        assert ask("/stream")[1] == b"1234567" * 3
        assert ask("/broken")[0] == 500
        ask("/secret/path")
    points = about(counted, "calls", "items", "bytes", "errors")
    assert all(on["tenant"] == "acme" for _, _, on in points)
    all_but_bytes = [point for point in points if point[0] != "bytes"]
    assert sorted((on.get("route", "none"), on["method"], name, value) for name, value, on in all_but_bytes) == [
        ("/broken", "GET", "calls", 1), ("/broken", "GET", "errors", 1),
        ("/notes/<int:number>", "GET", "calls", 1), ("/notes/<int:number>", "GET", "items", 2),
        ("/notes/<int:number>", "PUT", "calls", 1), ("/notes/<int:number>", "PUT", "items", 2),
        ("/stream", "GET", "calls", 1), ("/stream", "GET", "items", 3), ("none", "GET", "calls", 1),
    ]  # fmt: skip
    assert {on.get("route"): value for name, value, on in points if name == "bytes"}["/stream"] == 21


def test_where_an_app_is_mounted_is_part_of_its_route(counted: Counted) -> None:
    app = WsgiMiddleware(DispatcherMiddleware(Flask("front"), {"/api": flask()}), tenant=TENANT)
    with served(app) as ask:
        assert ask("/api/notes/17") == (200, b"kept", 0)
    assert {on["route"] for _, _, on in about(counted, "calls")} == {"/api/notes/<int:number>"}


def no_answer(_: Any) -> str:
    raise LookupError("the session is gone")


def of_no_kind(_: Any) -> Any:
    return ["acme"]


@pytest.mark.parametrize("resolver", [no_answer, of_no_kind])
def test_what_cannot_be_resolved_keeps_no_request_from_its_answer(
    counted: Counted, caplog: pytest.LogCaptureFixture, resolver: Callable[[Any], str | None]
) -> None:
    asked_for: dict[str, Any] = {"tenant": resolver, "feature": resolver, "route": resolver}
    with served(WsgiMiddleware(flask(), **asked_for)) as ask:
        assert ask("/notes/17") == (200, b"kept", 0)
    assert asked(starlette(**asked_for), "/file")[0]["status"] == 200
    assert sum(value for _, value, _ in about(counted, "calls")) == 2
    told = [record.exc_info for record in caplog.records if record.name == "tenantry.metering"]
    assert any(told) is (resolver is no_answer)


def test_a_file_that_is_gone_when_it_was_sent_has_no_size(counted: Counted) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.pathsend", "path": "/nowhere"})

    assert len(asked(AsgiMiddleware(app), "/")) == 2
    assert [value for _, value, _ in about(counted, "calls", "bytes", "errors")] == [1]


def test_an_answer_may_be_written_or_given_up(counted: Counted) -> None:
    closed: list[str] = []

    class Body(io.BytesIO):
        def close(self) -> None:
            closed.append(f"{current().tenant}")
            super().close()

    def app(environ: Any, start: Any) -> Iterable[bytes]:
        write = start("200 OK", [])
        write(b"12345")
        return Body(b"6\n7\n")

    body = WsgiMiddleware(app, tenant=TENANT)(
        {"REQUEST_METHOD": "GET", "HTTP_X_TENANT_ID": "acme"}, lambda *_: lambda _: None
    )
    assert next(iter(body)) == b"6\n"
    assert not counted.points()
    body.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert closed == ["acme"]
    assert [(name, value) for name, value, _ in about(counted, "calls", "bytes", "errors")] == [
        ("bytes", 7), ("calls", 1),
    ]  # fmt: skip


def test_a_service_that_fails_is_counted_wherever_it_does(counted: Counted) -> None:
    def at_once(environ: Any, start: Any) -> Iterable[bytes]:
        raise LookupError

    def midway(environ: Any, start: Any) -> Iterator[bytes]:
        start("200 OK", [])
        yield b"12"
        raise OSError

    environ = {"REQUEST_METHOD": "GET"}
    with pytest.raises(LookupError):
        WsgiMiddleware(at_once)(environ, lambda *_: None)
    with pytest.raises(OSError):
        list(WsgiMiddleware(midway)(environ, lambda *_: None))
    assert [(name, value, on.get("type")) for name, value, on in about(counted, "calls", "errors")] == [
        ("calls", 2, None), ("errors", 1, "LookupError"), ("errors", 1, "OSError"),
    ]  # fmt: skip


def test_an_answer_in_one_part_keeps_its_length(counted: Counted) -> None:
    def app(environ: Any, start: Any) -> Iterable[bytes]:
        start("200 OK", [])
        return [b"12345"]

    [answer] = [WsgiMiddleware(app)({"REQUEST_METHOD": "GET"}, lambda *_: None)]
    assert len(answer) == 1  # pyright: ignore[reportArgumentType]
    assert not hasattr(
        WsgiMiddleware(lambda e, s: iter(app(e, s)))({"REQUEST_METHOD": "GET"}, lambda *_: None), "__len__"
    )

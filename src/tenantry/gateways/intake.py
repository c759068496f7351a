"""Usage over HTTP: CloudEvents at `/api/v1/events`, OpenTelemetry at `/v1/metrics`, `/v1/logs`, `/v1/traces`.

Rules: CloudEvents 1.0.2, "HTTP Protocol Binding"; OTLP 1.x, "OTLP/HTTP"; RFC 9457. The routes are bare ASGI, without a
framework's request: this is the path that takes all traffic.
"""

from __future__ import annotations

import logging
import zlib
from asyncio import Future, get_running_loop
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from operator import attrgetter
from typing import Any, Self
from urllib.parse import unquote

import msgspec
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ..errors import PROTOCOLS, Kind, TenantryError, invalid
from ..kernel import Principal
from ..kernel.context import AccessRole
from ..runtime.intake import Intake, Parcel, failure, reply, request_records
from .http.access import principal_of
from .http.problems import MEDIA_TYPE
from .http.tools import once_each

_EVENTS, _BATCH, _JSON = (
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/json",
)
_PROTOBUF = "application/x-protobuf"
# A body of so many bytes is read beside the loop, which others wait for.
_LARGE = 256 * 1024
_PIECE = 1024 * 1024
_GZIP = 31
# google.rpc.Code; what is no fault of the sender is retryable, so that nothing is lost by a fault of ours.
_STATUSES = {
    Kind.INVALID: (400, 3), Kind.FORBIDDEN: (403, 7), Kind.LIMIT_EXCEEDED: (429, 8), Kind.UNAVAILABLE: (503, 14),
    Kind.INTERNAL: (503, 13), Kind.BROKEN_CONTRACT: (503, 13),
}  # fmt: skip
_encode = msgspec.json.encode
_log = logging.getLogger("tenantry.intake")


def intake_routes(intake: Intake) -> list[Route]:
    """Where events and telemetry come in, and the ledger of what could not be taken."""
    ledger, judge = _Ledger(intake), _Judge(intake)
    signals = [
        Route(f"/v1/{s}", _Telemetry(judge, s), methods=["POST"]) for s in ("metrics", "logs", "traces")
    ]
    return [
        Route("/api/v1/events", _Events(judge), methods=["POST"]),
        Route("/api/v1/events/rejected", ledger.listed, methods=["GET"]),
        Route("/api/v1/events/replay", ledger.replayed, methods=["POST"]),
        *signals,
    ]


@asynccontextmanager
async def open_intake(intake: Intake) -> AsyncIterator[None]:
    """The intake at work, from the start of a server to its stop.

    Where it cannot start, which its check tells, the server does without: whatever is sent is answered with why.
    """
    await run_sync(intake.start)
    try:
        yield
    finally:
        await run_sync(intake.stop)


class _Posted:
    """A request's head, and its body within the intake's limits. Used as a context: it holds room in memory."""

    def __init__(self, intake: Intake, scope: Scope) -> None:
        self._intake = intake
        self._held = 0
        self.headers: dict[str, str] = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        self.type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        principal = principal_of(scope)
        _must_be(principal, AccessRole.ANALYST)
        self.tenant: str | None = principal.tenant_id

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._intake.let_go(self._held)

    async def body(self, receive: Receive) -> bytes:
        """Unpacked. Raises `invalid` or `limit_exceeded`."""
        limits = self._intake.limits
        told = self.headers.get("content-length", "")
        size = int(told) if told.isdigit() else 0
        self._must_fit(size, limits.body)
        self._hold(size)
        pieces: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise invalid("the client went away", status=400)
            pieces.append(message.get("body", b""))
            more = message.get("more_body", False)
            size += len(pieces[-1])
            self._must_fit(size, limits.body)
            self._hold(size)
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding in ("", "identity"):
            return body
        if encoding != "gzip":
            raise invalid(f"Content-Encoding {encoding}", "send gzip or identity", status=415)
        return self._unpacked(body)

    def _unpacked(self, body: bytes) -> bytes:
        limit = self._intake.limits.unpacked
        pieces: list[bytes] = []
        size = 0
        packed = zlib.decompressobj(_GZIP)
        try:
            while body:
                pieces.append(packed.decompress(body, _PIECE))
                size += len(pieces[-1])
                self._must_fit(size, limit)
                self._hold(size)
                body = packed.unconsumed_tail
                if packed.eof and packed.unused_data:
                    # A gzip file may be several, one after another.
                    body, packed = packed.unused_data, zlib.decompressobj(_GZIP)
            if not packed.eof:
                raise invalid("the body ends within its gzip", "send it again", status=400)
        except zlib.error as problem:
            raise invalid(f"the body is no gzip: {problem}", "send it again", status=400) from None
        return b"".join(pieces)

    def _must_fit(self, size: int, limit: int) -> None:
        if size > limit:
            raise invalid(f"a body of more than {limit:,} bytes", "send fewer at a time", status=413)

    def _hold(self, size: int) -> None:
        """Have room for so many bytes in all."""
        more = max(size - self._held, 0)
        if more or not self._held:
            self._intake.hold(more)
            self._held += more


class _Judge:
    """Brings what was posted before the intake."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        # One after the other: side by side they would only take the interpreter from each other.
        self._one = CapacityLimiter(1)

    async def opened(self, read: Callable[[], Parcel], size: int) -> Parcel:
        return await run_sync(read, limiter=self._one) if size > _LARGE else read()

    async def judged(self, parcel: Parcel) -> Parcel:
        """The parcel with its verdicts, on the disk. Raises what keeps it from there."""
        loop = get_running_loop()
        done: Future[TenantryError | None] = loop.create_future()

        def settle(problem: TenantryError | None) -> None:
            if not done.done():
                done.set_result(problem)

        parcel.tell = lambda problem: loop.call_soon_threadsafe(settle, problem)
        self.intake.submit(parcel)
        if problem := await done:
            raise problem
        return parcel


class _Events:
    """CloudEvents: structured, in batches, or binary."""

    def __init__(self, judge: _Judge) -> None:
        self._judge, self._intake = judge, judge.intake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with _Posted(self._intake, scope) as posted:
                document = _structured(posted, await posted.body(receive))
                parcel = await self._judge.judged(self._intake.events.open(document, posted.tenant))
            await _send(send, 202, _encode(_verdicts(parcel)), _JSON)
        except Exception as problem:  # noqa: BLE001 - nothing of the framework stands around this
            await _send_problem(send, _ours(problem))


def _verdicts(parcel: Parcel) -> dict[str, Any]:
    rejected = sorted(parcel.rejected, key=attrgetter("index"))
    conflicts = sorted(parcel.conflicts, key=attrgetter("index"))
    return {
        "accepted": parcel.accepted, "duplicates": parcel.duplicates, "rejected": rejected, "conflicts": conflicts,
    }  # fmt: skip


def _structured(posted: _Posted, body: bytes) -> bytes:
    """The body as JSON of an event or an array of events, in whichever mode it came."""
    if posted.type in (_EVENTS, _BATCH):
        return body
    attributes = {
        name[3:]: unquote(value.strip(' "'), errors="replace")
        for name, value in posted.headers.items()
        if name.startswith("ce-")
    }
    if not attributes:
        if posted.type not in (_JSON, ""):
            hint = f"send {_EVENTS}, {_BATCH}, {_JSON}, or an event with ce- headers"
            raise invalid(f"Content-Type {posted.type}", hint, status=415)
        return body
    if posted.headers.get("content-type"):
        attributes["datacontenttype"] = posted.headers["content-type"]
    head = _encode(attributes)[:-1]
    if not body:
        return head + b"}"
    if posted.type in ("", _JSON) or posted.type.endswith("+json"):
        return head + b',"data":' + body + b"}"
    if posted.type.startswith("text/"):
        return head + b',"data":' + _encode(body.decode(errors="replace")) + b"}"
    return head + b',"data_base64":' + _encode(b64encode(body).decode()) + b"}"


class _Telemetry:
    """OTLP: one signal."""

    def __init__(self, judge: _Judge, signal: str) -> None:
        self._judge, self._intake = judge, judge.intake
        self._signal = signal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        protobuf = False
        try:
            with _Posted(self._intake, scope) as posted:
                protobuf = posted.type == _PROTOBUF
                if not protobuf and posted.type != _JSON:
                    raise invalid(  # noqa: TRY301 - told as all others are
                        f"Content-Type {posted.type}", f"send {_PROTOBUF} or {_JSON}", status=415
                    )
                body = await posted.body(receive)
                tenant = posted.tenant

                def read() -> Parcel:
                    records = request_records(self._signal, body, protobuf=protobuf)
                    return self._intake.telemetry.open(self._signal, records, len(body), tenant)

                parcel = await self._judge.judged(await self._judge.opened(read, len(body)))
            refused = len(parcel.rejected) + len(parcel.conflicts)
            content = reply(self._signal, refused, _why(parcel), protobuf=protobuf)
            await _send(send, 200, content, _PROTOBUF if protobuf else _JSON)
        except Exception as caught:  # noqa: BLE001 - as above
            problem = _ours(caught)
            status, code = _STATUSES[problem.kind]
            status = problem.details.get("status", status)
            content = failure(code, f"{problem.message}: {problem.hint}", protobuf=protobuf)
            await _send(send, status, content, _PROTOBUF if protobuf else _JSON, _retry(problem))


def _why(parcel: Parcel) -> str:
    """Why points were refused, each reason once with how many it is of."""
    reasons: dict[str, int] = {}
    for one in parcel.rejected:
        reasons[one.reason] = reasons.get(one.reason, 0) + 1
    if parcel.conflicts:
        reasons["the same point came before with another value"] = len(parcel.conflicts)
    return "; ".join(f"{n} x {reason}" for reason, n in reasons.items())


class _Ledger:
    """What could not be taken. A principal bound to a tenant sees what it sent itself."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def listed(self, request: Request) -> Response:
        return await self._answered(request, self._list, AccessRole.VIEWER)

    async def replayed(self, request: Request) -> Response:
        return await self._answered(request, self._replay, AccessRole.OPERATOR)

    def _list(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        entries = self._intake.ledger(**asked)
        shown = [
            {
                **{name: entry[name] for name in _SHOWN},
                "whole": bool(entry["whole"]),
                "content": entry["content"].decode(errors="replace"),
            }
            for entry in entries
        ]
        following = entries[-1]["number"] if len(entries) == asked["limit"] else None
        counts = [] if asked["tenant"] is not None else self._intake.ledger_counts()
        return {"counts": counts, "entries": shown, "next": following}

    def _replay(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        return dict(self._intake.replay(**asked))

    async def _answered(
        self, request: Request, answer: Callable[[Mapping[str, Any]], Any], role: AccessRole
    ) -> Response:
        try:
            principal = principal_of(request.scope)
            _must_be(principal, role)
            asked = _asked(once_each(request)) | {"tenant": principal.tenant_id}
            return Response(_encode(await run_sync(answer, asked)), media_type=_JSON)
        except TenantryError as problem:
            status, content, headers = _problem(problem)
            return Response(content, status, dict(headers), media_type=MEDIA_TYPE)


def _must_be(principal: Principal, role: AccessRole) -> None:
    if not principal.may(role):
        raise TenantryError(Kind.FORBIDDEN, f"this takes the role {role}", "ask one who has it")


_SHOWN = (
    "number", "door", "fate", "reason", "id", "tenant", "stored", "sent", "first_at", "last_at", "times",
)  # fmt: skip
_MOST = 10_000
_DIGITS = 18
"""Of a number that the ledger may have."""


def _asked(given: Mapping[str, str]) -> dict[str, Any]:
    wrong = [name for name in given if name not in ("reason", "door", "after", "limit")]
    wrong += [name for name in ("after", "limit") if not _is_number(given.get(name, "0"))]
    if wrong:
        raise invalid(
            f"{', '.join(wrong)}: no such parameter, or no number of up to {_DIGITS} digits",
            "use reason, door, after, limit",
        )
    after, limit = int(given.get("after", "0")), int(given.get("limit", "100"))
    return {
        "reason": given.get("reason"), "door": given.get("door"), "after": after, "limit": min(max(limit, 1), _MOST),
    }  # fmt: skip


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _DIGITS


def _ours(problem: Exception) -> TenantryError:
    if isinstance(problem, TenantryError):
        return problem
    _log.error("a bug: %s", type(problem).__name__, exc_info=problem)
    return TenantryError(Kind.INTERNAL, "a bug in Tenantry", "the server's log has more; please report it")


def _retry(problem: TenantryError) -> list[tuple[str, str]]:
    seconds = problem.details.get("retry_after", 1 if problem.kind is Kind.UNAVAILABLE else None)
    return [] if seconds is None else [("retry-after", str(seconds))]


def _problem(problem: TenantryError) -> tuple[int, bytes, list[tuple[str, str]]]:
    status = problem.details.get("status", PROTOCOLS[problem.kind][0])
    return status, _encode({**problem.problem(), "status": status}), _retry(problem)


async def _send_problem(send: Send, problem: TenantryError) -> None:
    status, content, headers = _problem(problem)
    await _send(send, status, content, MEDIA_TYPE, headers)


async def _send(
    send: Send, status: int, content: bytes, media: str, headers: list[tuple[str, str]] | None = None
) -> None:
    head = [("content-type", media), ("content-length", str(len(content))), *(headers or ())]
    raw = [(name.encode(), value.encode()) for name, value in head]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": content})

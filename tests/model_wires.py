"""Services on this machine that speak the wire protocols of language models, and say what a test tells them to."""

from __future__ import annotations

import json
import struct
from asyncio import sleep
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from serving import serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

USED = (7, 3)
"""Tokens read and written, in each reply."""


@dataclass(frozen=True)
class Say:
    text: str


@dataclass(frozen=True)
class Call:
    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Fail:
    status: int
    retry_after: str | None = None


@dataclass(frozen=True)
class Raw:
    """A reply of these very bytes, whatever was asked."""

    body: bytes


@dataclass(frozen=True)
class Hang:
    seconds: float


Turn = Say | Call | Fail | Raw | Hang


@dataclass
class Wires:
    """A script of turns, one for each request; what was asked is kept in `asked`, as (path, headers, body)."""

    turns: list[Turn] = field(default_factory=list[Turn])
    asked: list[tuple[str, dict[str, str], Any]] = field(
        default_factory=list[tuple[str, dict[str, str], Any]]
    )
    url: str = ""

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self._openai, methods=["POST"]),
                Route("/v1/messages", self._anthropic, methods=["POST"]),
                Route("/v1beta/models/{name:path}", self._google, methods=["POST"]),
                Route("/model/{name:path}", self._bedrock, methods=["POST"]),
            ]
        )

    async def _turn(self, request: Request) -> tuple[Say | Call | Fail | Raw, Any]:
        body = json.loads(await request.body())
        self.asked.append((request.url.path, dict(request.headers), body))
        turn = self.turns.pop(0) if self.turns else Fail(500)
        if isinstance(turn, Hang):
            await sleep(turn.seconds)
            return Fail(503), body
        return turn, body

    async def _openai(self, request: Request) -> Response:
        turn, body = await self._turn(request)
        if isinstance(turn, Fail | Raw):
            return _other(turn, {"error": {"message": "no", "type": "x", "code": None}})
        if isinstance(turn, Call):
            call = {"name": turn.tool, "arguments": json.dumps(turn.arguments)}
            message: dict[str, Any] = {"content": None, "tool_calls": [_part(call)]}
        else:
            message = {"content": turn.text}
        done = "tool_calls" if isinstance(turn, Call) else "stop"
        head = {"id": "1", "created": 1, "model": body["model"]}
        used = dict(
            zip(("prompt_tokens", "completion_tokens", "total_tokens"), (*USED, sum(USED)), strict=True)
        )
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": done}
            return JSONResponse({**head, "object": "chat.completion", "choices": [choice], "usage": used})
        head["object"] = "chat.completion.chunk"
        chunks = [
            *(
                {**head, "choices": [{"index": 0, "delta": d, "finish_reason": None}]}
                for d in _deltas(message)
            ),
            {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": done}]},
            {**head, "choices": [], "usage": used},
        ]
        return _sse([*(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks), "data: [DONE]\n\n"])

    async def _anthropic(self, request: Request) -> Response:
        turn, body = await self._turn(request)
        if isinstance(turn, Fail | Raw):
            return _other(turn, {"type": "error", "error": {"type": "api_error", "message": "no"}})
        if isinstance(turn, Call):
            block: dict[str, Any] = {
                "type": "tool_use",
                "id": "c1",
                "name": turn.tool,
                "input": turn.arguments,
            }
            delta = {"type": "input_json_delta", "partial_json": json.dumps(turn.arguments)}
            empty, done = {**block, "input": {}}, "tool_use"
        else:
            block, done = {"type": "text", "text": turn.text}, "end_turn"
            delta, empty = {"type": "text_delta", "text": turn.text}, {"type": "text", "text": ""}
        used = {"input_tokens": USED[0], "output_tokens": USED[1]}
        message = {
            "id": "1",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "stop_sequence": None,
        }
        if not body.get("stream"):
            return JSONResponse({**message, "content": [block], "stop_reason": done, "usage": used})
        start = {**message, "content": [], "stop_reason": None, "usage": {**used, "output_tokens": 1}}
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": start},
            {"type": "content_block_start", "index": 0, "content_block": empty},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": done, "stop_sequence": None}, "usage": used},
            {"type": "message_stop"},
        ]
        return _sse([f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events])

    async def _google(self, request: Request) -> Response:
        turn, _ = await self._turn(request)
        if isinstance(turn, Fail | Raw):
            status = turn.status if isinstance(turn, Fail) else 200
            return _other(turn, {"error": {"code": status, "message": "no", "status": "X"}})
        if isinstance(turn, Call):
            part: dict[str, Any] = {"functionCall": {"name": turn.tool, "args": turn.arguments}}
        else:
            part = {"text": turn.text}
        used = {"promptTokenCount": USED[0], "candidatesTokenCount": USED[1], "totalTokenCount": sum(USED)}
        candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
        reply = {
            "candidates": [candidate],
            "usageMetadata": used,
            "modelVersion": request.path_params["name"].partition(":")[0],
        }
        if request.url.path.endswith(":streamGenerateContent"):
            return _sse([f"data: {json.dumps(reply)}\r\n\r\n"])
        return JSONResponse(reply)

    async def _bedrock(self, request: Request) -> Response:
        turn, _ = await self._turn(request)
        if isinstance(turn, Fail | Raw):
            kind = (
                "ThrottlingException"
                if isinstance(turn, Fail) and turn.status == 429
                else "ValidationException"
            )
            return _other(turn, {"message": "no"}, {"x-amzn-errortype": kind})
        used = dict(zip(("inputTokens", "outputTokens", "totalTokens"), (*USED, sum(USED)), strict=True))
        if isinstance(turn, Call):
            block: dict[str, Any] = {
                "toolUse": {"toolUseId": "c1", "name": turn.tool, "input": turn.arguments}
            }
            start = {"toolUse": {"toolUseId": "c1", "name": turn.tool}}
            delta: dict[str, Any] = {"toolUse": {"input": json.dumps(turn.arguments)}}
        else:
            block, start, delta = {"text": turn.text}, {}, {"text": turn.text}
        done = "tool_use" if isinstance(turn, Call) else "end_turn"
        if not request.url.path.endswith("/converse-stream"):
            message = {"message": {"role": "assistant", "content": [block]}}
            return JSONResponse(
                {"output": message, "stopReason": done, "usage": used, "metrics": {"latencyMs": 1}}
            )
        frames = [
            ("messageStart", {"role": "assistant"}),
            ("contentBlockStart", {"contentBlockIndex": 0, "start": start}),
            ("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta}),
            ("contentBlockStop", {"contentBlockIndex": 0}),
            ("messageStop", {"stopReason": done}),
            ("metadata", {"usage": used, "metrics": {"latencyMs": 1}}),
        ]
        if not start:
            del frames[1]
        body = b"".join(_frame(name, document) for name, document in frames)
        return Response(body, media_type="application/vnd.amazon.eventstream")


def _part(call: dict[str, str]) -> dict[str, Any]:
    return {"index": 0, "id": "c1", "type": "function", "function": call}


def _deltas(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The message in pieces: text by halves, a call's name before its arguments."""
    if text := message["content"]:
        half = len(text) // 2
        yield {"role": "assistant", "content": text[:half]}
        yield {"content": text[half:]}
        return
    call = message["tool_calls"][0]["function"]
    yield {"role": "assistant", "content": None, "tool_calls": [_part({**call, "arguments": ""})]}
    yield {"tool_calls": [{"index": 0, "function": {"arguments": call["arguments"]}}]}


def _other(turn: Fail | Raw, document: Any, headers: dict[str, str] | None = None) -> Response:
    if isinstance(turn, Raw):
        return Response(turn.body, media_type="application/json")
    after = {"retry-after": turn.retry_after} if turn.retry_after else {}
    return JSONResponse(document, turn.status, {**(headers or {}), **after})


def _sse(lines: list[str]) -> StreamingResponse:
    async def sent() -> AsyncIterator[str]:
        for line in lines:
            yield line

    return StreamingResponse(sent(), media_type="text/event-stream")


def _frame(name: str, document: Any) -> bytes:
    """A message of AWS's event stream: lengths, a checksum, headers, payload, a checksum."""
    kept = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        bytes([len(k)]) + k.encode() + b"\x07" + struct.pack(">H", len(v)) + v.encode()
        for k, v in kept.items()
    )
    payload = json.dumps(document).encode()
    head = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    text = head + struct.pack(">I", crc32(head)) + headers + payload
    return text + struct.pack(">I", crc32(text))


@contextmanager
def speaking() -> Iterator[Wires]:
    """The services, on one port of this machine."""
    wires = Wires()
    with serving(wires.app()) as url:
        wires.url = url
        yield wires

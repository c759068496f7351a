"""The two wires to a server, both with a bound on what one message may hold: the SDK's own read on for ever."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import httpx2
import mcp_types
from anyio.abc import ByteReceiveStream, ByteSendStream, Process
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.streamable_http import streamable_http_client
from mcp.os.posix.utilities import terminate_posix_process_tree
from mcp.shared.message import SessionMessage

from .server import Server

_GRACE = 1.0
"""Seconds for a program to end by itself."""
_LAST_WORDS = 2_000

Streams = tuple[Any, Any]


class Trouble:
    """What went wrong on a wire, for whoever says so."""

    def __init__(self) -> None:
        self.too_long = False
        self._said: deque[bytes] = deque()
        self._size = 0

    def hear(self, words: bytes) -> None:
        """Keep what a program writes beside its answers: the end of it."""
        self._said.append(words[-_LAST_WORDS:])
        self._size += len(self._said[-1])
        while self._size - len(self._said[0]) >= _LAST_WORDS:
            self._size -= len(self._said.popleft())

    @property
    def last_words(self) -> str:
        """The last line that is not empty."""
        lines = b"".join(self._said).decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""


@asynccontextmanager
async def program(server: Server, trouble: Trouble) -> AsyncGenerator[Streams]:
    """A program that is started, and ended with all that it started. It gets no variable that was not named."""
    known = {name: os.environ[name] for name in ("PATH", *server.pass_env) if name in os.environ}
    process = await anyio.open_process(
        [server.command, *server.args], env={**known, **server.env}, start_new_session=True
    )
    talk, heard, beside = process.stdin, process.stdout, process.stderr
    if talk is None or heard is None or beside is None:
        raise OSError("no pipes")
    into, messages = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    answers, out_of = anyio.create_memory_object_stream[SessionMessage](0)
    async with anyio.create_task_group() as group:
        group.start_soon(_read, heard, into, server.max_reply_bytes, trouble)
        group.start_soon(_listen, beside, trouble)
        group.start_soon(_write, talk, out_of, into)
        try:
            yield messages, answers
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process, talk)
            group.cancel_scope.cancel()
            for stream in (into, messages, answers, out_of):
                stream.close()


async def _read(
    heard: ByteReceiveStream,
    into: MemoryObjectSendStream[SessionMessage | Exception],
    most: int,
    trouble: Trouble,
) -> None:
    rest = bytearray()
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        async with into:
            async for chunk in _chunks(heard):
                *lines, last = chunk.split(b"\n")
                for line in lines:
                    rest += line
                    if len(rest) > most:
                        break
                    await into.send(_message(bytes(rest)))
                    rest.clear()
                else:
                    rest += last
                if len(rest) > most:
                    trouble.too_long = True
                    return


async def _listen(beside: ByteReceiveStream, trouble: Trouble) -> None:
    async for words in _chunks(beside):
        trouble.hear(words)


async def _chunks(stream: ByteReceiveStream) -> AsyncIterator[bytes]:
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        async for chunk in stream:
            yield chunk


def _message(line: bytes) -> SessionMessage | Exception:
    try:
        return SessionMessage(mcp_types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as problem:
        return problem


async def _write(
    talk: ByteSendStream,
    out_of: MemoryObjectReceiveStream[SessionMessage],
    into: MemoryObjectSendStream[SessionMessage | Exception],
) -> None:
    try:
        async for message in out_of:
            text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            await talk.send(text.encode() + b"\n")
    except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        into.close()  # whoever waits for an answer is told that there will be none


async def _end(process: Process, talk: ByteSendStream) -> None:
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        await talk.aclose()
    with anyio.move_on_after(_GRACE):
        await process.wait()
    await terminate_posix_process_tree(process, _GRACE)
    with anyio.move_on_after(_GRACE):
        await process.aclose()


@asynccontextmanager
async def address(server: Server, trouble: Trouble) -> AsyncGenerator[Streams]:
    """A server at a URL."""
    token = server.token.get_secret_value() if server.token else ""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    bounded = _Bounded(server.max_reply_bytes, trouble)
    async with (
        httpx2.AsyncClient(transport=bounded, headers=headers, timeout=server.timeout_seconds) as client,
        streamable_http_client(
            str(server.url), http_client=client, max_sse_event_size=server.max_reply_bytes
        ) as streams,
    ):
        yield streams


class _Bounded(httpx2.AsyncHTTPTransport):
    """Ends a response that is longer than a message may be."""

    def __init__(self, most: int, trouble: Trouble) -> None:
        super().__init__()
        self._most, self._trouble = most, trouble

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        response.stream = _BoundedStream(response.stream, self._most, self._trouble)
        return response


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: Any, most: int, trouble: Trouble) -> None:
        self._stream, self._left, self._trouble = stream, most, trouble

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._left -= len(chunk)
            if self._left < 0:
                self._trouble.too_long = True
                raise httpx2.ReadError("too long")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()

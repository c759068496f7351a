"""HTTP to one origin, and so many bytes from it: whatever a stranger's card or reply says."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import httpx

from ...errors import Kind, TenantryError
from .agent import Agent


class Wire(httpx.AsyncHTTPTransport):
    """Sends to the agent's own origin alone, with its token, and reads at most what it may send for one question.

    What went wrong here stands in `problem`: the library between turns exceptions into its own.
    """

    def __init__(self, agent: Agent) -> None:
        super().__init__()
        self.problem: TenantryError | None = None
        self._agent, self._origin, self._left = agent, _origin(httpx.URL(agent.url)), agent.max_reply_bytes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if _origin(request.url) != self._origin:
            raise self._refused(Kind.UNAVAILABLE, "its card sends us to another address")
        request.headers["Accept-Encoding"] = "identity"  # what is packed has no size before it is unpacked
        if self._agent.token:
            request.headers["Authorization"] = f"Bearer {self._agent.token.get_secret_value()}"
        response = await super().handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise self._refused(Kind.UNAVAILABLE, "it packs its reply, unasked")
        stream: Any = response.stream
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Counted(stream, self),
            extensions=response.extensions,
        )

    def take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            most = self._agent.max_reply_bytes
            raise self._refused(Kind.LIMIT_EXCEEDED, f"its reply has more than {most:,} bytes")

    def _refused(self, kind: Kind, why: str) -> httpx.TransportError:
        self.problem = TenantryError(
            kind, f"{self._agent.name}: {why}", f"see whether a2a.{self._agent.name} is the agent you meant"
        )
        return httpx.ReadError(why)


class _Counted(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, wire: Wire) -> None:
        self._stream, self._wire = stream, wire

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        async for piece in self._stream:
            self._wire.take(len(piece))
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port

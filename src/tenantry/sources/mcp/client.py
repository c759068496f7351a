"""Talking to a server: what it offers, and what it answers. All that it says is data, and none of it is trusted."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from decimal import Decimal
from hashlib import sha256
from math import inf
from typing import Any, NoReturn

import anyio
import mcp_types
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp.client import Client

from ...errors import Kind, TenantryError
from ...kernel.text import shown
from .pins import Offer, Pins, offer_of
from .server import Server
from .wires import Trouble, address, program

for _part in ("mcp.client", "mcp.shared"):  # they log what a server said, as it said it
    logging.getLogger(_part).setLevel(logging.CRITICAL)
_PAGES = 50


class Session:
    """A server that listens. Nothing of it is callable but what the settings list and `pins` hold unchanged."""

    def __init__(self, server: Server, portal: BlockingPortal, client: Client, trouble: Trouble) -> None:
        self.server = server
        self._portal, self._client, self._trouble = portal, client, trouble
        self._offers: dict[str, Offer] | None = None

    def offers(self) -> dict[str, Offer]:
        """The tools that the server says it has, by name. Raises `unavailable`, `limit_exceeded`, `broken_contract`."""
        found = self._offers
        if found is None:
            found = self._offers = self._asked("its list of tools", self._listed)
        return found

    async def _listed(self) -> dict[str, Offer]:
        found: dict[str, Offer] = {}
        cursor: str | None = None
        for _ in range(_PAGES):
            page = await self._client.list_tools(cursor=cursor)
            found.update(
                {tool.name: offer_of(tool.model_dump(mode="json", by_alias=True)) for tool in page.tools}
            )
            cursor = page.next_cursor
            if not cursor:
                return found
        raise TenantryError(Kind.LIMIT_EXCEEDED, "the list of tools has no end", "")

    def call(self, tool: str, arguments: Mapping[str, Any], pins: Pins) -> Any:
        """What the tool answered: JSON with exact decimals, or text.

        Raises `forbidden` for a tool that is not allowed or is another than was allowed, `unavailable` where the
        server fails or does not answer in time, `limit_exceeded` for too long an answer, `broken_contract` for none.
        """
        pins.check(self.server, tool, self.offers())
        result = self._asked(tool, lambda: self._client.call_tool(tool, dict(arguments)))
        texts = [block.text for block in result.content if isinstance(block, mcp_types.TextContent)]
        if result.is_error:
            raise TenantryError(
                Kind.BROKEN_CONTRACT,
                f"{self.server.name}.{tool} failed; it says: {shown(' '.join(texts)) or 'nothing'}",
                "check the arguments, and what the server may reach",
            )
        return _read(texts, result.structured_content)

    def _asked(self, what: str, ask: Any) -> Any:
        async def bounded() -> Any:
            with anyio.fail_after(self.server.timeout_seconds):
                return await ask()

        try:
            return self._portal.call(bounded)
        except TenantryError:
            raise
        except Exception as problem:  # noqa: BLE001 - a stranger's reply may break the library in any way
            _failed(self.server, self._trouble, problem, what)


@contextmanager
def opened(server: Server) -> Generator[Session]:
    """A session, closed at the end with all that it started. Raises `unavailable` where there is no such server."""
    line = Line(server)
    try:
        yield line.session()
    finally:
        line.close()


class Line:
    """A connection to a server, until it is closed. Raises `unavailable` where there is no such server."""

    def __init__(self, server: Server) -> None:
        self.server, self.trouble = server, Trouble()
        self._ends = ExitStack()
        portal = self._ends.enter_context(start_blocking_portal())
        connection = portal.wrap_async_context_manager(_connected(server, self.trouble))
        try:
            client = connection.__enter__()  # what fails here is another's fault than what fails inside
        except Exception as problem:  # noqa: BLE001 - as above
            self._ends.close()
            _failed(server, self.trouble, problem, "our greeting")
        self._ends.callback(_quietly, server, connection)
        self._portal, self._client = portal, client

    def session(self) -> Session:
        """A session that knows nothing yet of what the server offers."""
        return Session(self.server, self._portal, self._client, self.trouble)

    def close(self) -> None:
        """End it, with all that it started."""
        self._ends.close()


def _quietly(server: Server, connection: AbstractContextManager[Client]) -> None:
    try:
        connection.__exit__(None, None, None)
    except Exception:  # noqa: BLE001 - it has answered; how it ends is its own matter
        logging.getLogger("tenantry.mcp").warning("%s did not end well", server.name)


@asynccontextmanager
async def _connected(server: Server, trouble: Trouble) -> AsyncGenerator[Client]:
    with anyio.fail_after(server.timeout_seconds) as patience:
        wire = program(server, trouble) if server.command else address(server, trouble)
        async with Client(wire, cache=None) as client:
            patience.deadline = inf
            yield client


def _failed(server: Server, trouble: Trouble, problem: Exception, what: str) -> NoReturn:
    """Raises what a failure means."""
    found = [*_leaves(problem)]
    if trouble.too_long:
        raise TenantryError(
            Kind.LIMIT_EXCEEDED,
            f"{server.name}: the reply to {what} has more than {server.max_reply_bytes:,} bytes",
            f"ask for less, or raise mcp.{server.name}.max_reply_bytes",
        ) from None
    if any(isinstance(one, FileNotFoundError | PermissionError) for one in found):
        raise TenantryError(
            Kind.UNAVAILABLE, f"{server.name}: {server.command} cannot be started", "check mcp.NAME.command"
        ) from None
    if any(isinstance(one, TimeoutError) for one in found):
        why = f"no answer to {what} in {server.timeout_seconds:g} s"
    else:
        why = f"{what}: {', '.join(sorted({type(one).__name__ for one in found}))}"
    words = f"; it last wrote: {shown(trouble.last_words)}" if trouble.last_words else ""
    raise TenantryError(
        Kind.UNAVAILABLE, f"{server.name}: {why}{words}", "see whether it runs by itself, and try again"
    ) from None


def _leaves(problem: BaseException) -> Generator[BaseException]:
    if isinstance(problem, BaseExceptionGroup):
        for one in problem.exceptions:
            yield from _leaves(one)
    else:
        yield problem


def _read(texts: list[str], structured: Any) -> Any:
    """JSON from text, whose decimals are as they were written; else what the library read; else the text."""
    text = "\n".join(texts)
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=str)
    except (ValueError, RecursionError):
        return text if structured is None else structured


def digest(value: Any) -> str:
    """SHA-256 of an answer."""
    return sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()

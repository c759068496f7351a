"""What the A2A gateway serves: the card, and where messages are taken over both bindings."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email.utils import formatdate
from hashlib import sha256

from a2a.helpers.proto_helpers import new_data_message
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_jsonrpc_routes, create_rest_routes
from a2a.types import Role, SendMessageRequest
from google.protobuf.json_format import MessageToDict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ...kernel import Catalog, Principal
from ...runtime.asking.asking import Answering
from ...runtime.decision import Decision
from ...runtime.given_tasks import GivenTasks
from ..http.negotiation import matches
from .answerer import Answerer
from .bounds import Bounds
from .callers import Callers, context_of, owner
from .card import REST, RPC, card
from .kept import KeptTasks
from .verdicts import Verdicts, verdict_of

CARD = "/.well-known/agent-card.json"
_HELD_SECONDS = 5.0
"""For which a task that waits for a message is held in memory, too."""


class Serving:
    """The routes, and what must be open while they are served.

    The card is open to everybody; without `public_url` it names the address that it was asked at.
    """

    def __init__(
        self,
        catalog: Catalog,
        version: str,
        answering: Answering,
        verdicts: Verdicts,
        tasks: GivenTasks,
        public_url: str | None = None,
    ) -> None:
        self._catalog, self._version, self._public_url = catalog, version, public_url
        self._since = formatdate(usegmt=True)
        self._tasks = KeptTasks(tasks)
        self._handler = DefaultRequestHandler(
            agent_executor=Answerer(answering, verdicts),
            task_store=self._tasks,
            agent_card=card(catalog, version, public_url or ""),
            validate_input_modes=True,
            interrupted_task_timeout=_HELD_SECONDS,
        )

    def routes(self) -> list[BaseRoute]:
        bounds = Bounds()
        ways = [
            *create_jsonrpc_routes(self._handler, RPC, Callers()),
            *create_jsonrpc_routes(self._handler, f"{RPC}/", Callers()),  # where some clients put the address
            *create_rest_routes(self._handler, Callers(), path_prefix=REST),
        ]
        # Those of the library that take any path for a tenant's are no `Route`.
        found = [way for way in ways if isinstance(way, Route)]
        for way in found:
            way.app = bounds.wrap(way.app)
        return [Route(CARD, self._show), *found]

    async def push(self, decision: Decision, principal: Principal) -> bool:
        """Have the task go on that waits for this decision, which is over; whoever listens to the task hears of it.
        Whether there is one.
        """
        task = await self._tasks.waiting_for(decision, owner(principal))
        if task is None:
            return False
        said = {"verdict": verdict_of(decision), "digest": decision.digest, "note": decision.note}
        message = new_data_message(
            said, "application/json", task_id=task.id, context_id=task.context_id, role=Role.ROLE_USER
        )
        await self._handler.on_message_send(SendMessageRequest(message=message), context_of(principal))
        return True

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        async with self._tasks.open():
            yield
            await self._handler.aclose()

    async def _show(self, request: Request) -> Response:
        address = (self._public_url or str(request.base_url)).rstrip("/")
        body = json.dumps(MessageToDict(card(self._catalog, self._version, address)))
        etag = f'"{sha256(body.encode()).hexdigest()[:32]}"'
        headers = {
            # Without a public address, what it says depends on who asked where.
            "Cache-Control": f"{'public' if self._public_url else 'private'}, max-age=300",
            "ETag": etag,
            "Last-Modified": self._since,
        }
        if matches(request, etag):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type="application/json")

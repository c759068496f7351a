"""The A2A gateway on a port of this machine, for whoever says who they are."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from serving import serving
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send
from three_months import CATALOG

from tenantry.gateways import a2a
from tenantry.kernel import Principal
from tenantry.runtime.asking.asking import Answering
from tenantry.runtime.given_tasks import MOST, GivenTasks
from tenantry.runtime.state import State

WHO = {"ada": Principal("ada"), "teal": Principal("teal", "teal-partners")}
BINDINGS = ["JSONRPC", "HTTP+JSON"]


def let_in(app: ASGIApp) -> ASGIApp:
    """Whoever says who they are."""

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            name = dict(scope["headers"]).get(b"x-who", b"").decode()
            scope.setdefault("state", {})["principal"] = WHO.get(name)
        await app(scope, receive, send)

    return called


@contextmanager
def served(state: State, answering: Answering, most: int = MOST) -> Generator[str]:
    """The gateway's address."""
    part = a2a.Serving(CATALOG, "1.2.3", answering, None, GivenTasks(state, most))
    with serving(let_in(Starlette(routes=part.routes(), lifespan=lambda _: part.open()))) as url:
        yield url

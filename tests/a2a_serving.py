"""The A2A gateway on a port of this machine, for whoever says who they are."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from serving import serving
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from tenantry.gateways import a2a
from tenantry.kernel import AccessRole, Principal
from tenantry.runtime.asking.asking import Answering, Asking
from tenantry.runtime.decisions import Decisions
from tenantry.runtime.given_tasks import MOST, GivenTasks
from tenantry.runtime.state import State

WHO = {
    "ada": Principal("ada"),
    "ann": Principal("ann", role=AccessRole.ANALYST),
    "teal": Principal("teal", "teal-partners"),
}
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
def served(
    state: State, asking: Asking, most: int = MOST, answering: Answering | None = None
) -> Generator[str]:
    """The gateway's address."""
    verdicts = a2a.Verdicts(Decisions(asking.runtime), asking.go_on)
    part = a2a.Serving(
        asking.runtime.catalog, "1.2.3", answering or asking.answer, verdicts, GivenTasks(state, most)
    )
    with serving(let_in(Starlette(routes=part.routes(), lifespan=lambda _: part.open()))) as url:
        yield url

"""The A2A gateway on a port of this machine, for whoever says who they are."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime

from serving import serving
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from tenantry.gateways import a2a
from tenantry.gateways.http.access import Access, Rules
from tenantry.kernel import AccessRole, Principal
from tenantry.runtime.access import Refusals, Sessions, Tokens
from tenantry.runtime.asking.asking import Answering, Asking
from tenantry.runtime.decisions import Decisions
from tenantry.runtime.given_tasks import MOST, GivenTasks
from tenantry.runtime.state import State, audit

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


def guarded(app: ASGIApp, state: State, who: Principal) -> tuple[ASGIApp, dict[str, str]]:
    """The app behind the door, and the headers with which this principal is let in."""
    given = (state, lambda: datetime.now(UTC))
    tokens = Tokens(*given)
    _, secret = tokens.create(Principal(), who.name, who.role)
    door = Access(app, Rules(loopback=True), tokens, Sessions(*given), Refusals(*given))
    return door, {"Authorization": f"Bearer {secret}"}


def refused(state: State) -> list[str]:
    """What the audit log has of refusals."""
    with state.read() as connection:
        found = audit.entries(connection)
    return [entry.details["refused"] for entry in found if entry.action == "refused"]


@contextmanager
def served(
    state: State,
    asking: Asking,
    most: int = MOST,
    answering: Answering | None = None,
    behind: Callable[[ASGIApp], ASGIApp] = let_in,
) -> Generator[str]:
    """The gateway's address."""
    verdicts = a2a.Verdicts(Decisions(asking.runtime), asking.go_on)
    part = a2a.Serving(
        asking.runtime.catalog, "1.2.3", answering or asking.answer, verdicts, GivenTasks(state, most)
    )
    app = Starlette(routes=part.routes(), lifespan=lambda _: part.open())
    with serving(behind(app)) as url:
        yield url

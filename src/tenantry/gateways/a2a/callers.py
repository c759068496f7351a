"""Who asks, as A2A's library knows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from a2a.auth.user import User
from a2a.server.context import ServerCallContext
from a2a.server.routes import ServerCallContextBuilder
from starlette.requests import Request

from ...kernel import Principal
from ..http.access import note_refusal, principal_of


def owner(principal: Principal) -> str:
    """Whose a task is: the name keeps those of different principals apart."""
    return f"{principal.name}\n{principal.tenant_id or ''}"


class Callers(ServerCallContextBuilder):
    """Puts the principal of a request where the executor finds it."""

    def build(self, request: Request) -> ServerCallContext:
        refused = partial(note_refusal, request.scope, "a2a")
        return context_of(principal_of(request.scope), dict(request.headers), refused)


def context_of(
    principal: Principal, headers: Mapping[str, str] | None = None, refused: Callable[[], None] = lambda: None
) -> ServerCallContext:
    """What the library keeps of who asks; `refused` has a refusal written down."""
    state = {"principal": principal, "headers": dict(headers or {}), "refused": refused}
    return ServerCallContext(user=_Caller(principal), state=state)


class _Caller(User):
    def __init__(self, principal: Principal) -> None:
        self._principal = principal

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def user_name(self) -> str:
        return owner(self._principal)

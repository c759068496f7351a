"""Who asks over HTTP."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from ...errors import Kind, TenantryError
from ...kernel import Principal
from ...runtime.call import LOCAL

_PRINCIPAL = "principal"


def principal_of(scope: Scope) -> Principal:
    """Who sent this request. Raises `forbidden` where nothing has established that."""
    found = scope.get("state", {}).get(_PRINCIPAL)
    if not isinstance(found, Principal):
        raise TenantryError(Kind.FORBIDDEN, "nobody is logged in", "send an API token")
    return found


class Loopback:
    """Whoever reaches a server that listens on this machine alone is the person at this machine."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})[_PRINCIPAL] = LOCAL
        await self._app(scope, receive, send)

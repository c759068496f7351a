"""People log in with an OpenID provider, and out; `/auth/session` says who asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, RedirectResponse, Response

from ...errors import Kind, TenantryError, invalid
from ...kernel import AccessRole
from ...runtime.access import Sessions
from .access import COOKIE, principal_of, session_of
from .oidc import Claims, Provider, plain_word
from .problems import problem_content

CALLBACK = "/auth/callback"
_BEGUN = "__Host-tenantry-login"
"""Holds the secret of the browser that began a login, so that nobody else's login can be finished in it."""
_ANSWERS: dict[int | str, dict[str, Any]] = {
    "4XX": problem_content("what the caller can mend"),
    "5XX": problem_content("what the caller cannot mend"),
}
_REDIRECTS: dict[int | str, dict[str, Any]] = {303: {"description": "where to go"}, **_ANSWERS}


class Asking(BaseModel):
    """Who asks. A person's page sends `csrf` along as X-CSRF-Token whenever it changes something."""

    name: str
    role: AccessRole
    tenant_id: str | None
    expires: str | None = None
    csrf: str | None = None


def session_routes() -> APIRouter:
    """`/auth/session`, however one is known."""
    router = APIRouter(prefix="/auth", tags=["session"])

    def session(request: Request) -> Asking:
        """Who asks, as what, and until when."""
        who, known = principal_of(request.scope), session_of(request.scope)
        return Asking(
            name=who.name, role=who.role, tenant_id=who.tenant_id,
            expires=known.expires if known else None, csrf=known.csrf if known else None,
        )  # fmt: skip

    router.add_api_route("/session", session, operation_id="session", responses=_ANSWERS)
    return router


def login_routes(provider: Provider, claims: Claims, sessions: Sessions, public_url: str) -> APIRouter:
    """`/auth/login`, `/auth/callback` and `/auth/logout`. `public_url` is how browsers reach us."""
    router = APIRouter(prefix="/auth", tags=["session"])
    ours = public_url.rstrip("/")
    for path, method, route, answers in (
        ("/login", "GET", _login(provider, sessions, ours), _REDIRECTS),
        ("/callback", "GET", _callback(provider, claims, sessions, ours), _REDIRECTS),
        ("/logout", "POST", _logout(provider, sessions, ours), _ANSWERS),
    ):
        router.add_api_route(
            path,
            route,
            methods=[method],
            operation_id=route.__name__,
            responses=answers,
            response_class=Response,
        )
    return router


def _login(provider: Provider, sessions: Sessions, ours: str) -> Callable[..., Response]:
    def login(to: Annotated[str, Query(max_length=2000)] = "/") -> Response:
        """Go to the provider to log in, and come back to a page of ours."""
        if not to.startswith("/") or to[1:2] in {"/", "\\"} or not to.isprintable():
            raise invalid("`to` is no page of ours", "give a path, such as /")
        state, browser, begun = sessions.begin(to)
        answer = RedirectResponse(provider.address(begun, state, ours + CALLBACK), 303)
        _keep(answer, _BEGUN, browser)
        return answer

    return login


def _callback(provider: Provider, claims: Claims, sessions: Sessions, ours: str) -> Callable[..., Response]:
    def finish_login(
        request: Request, state: str = "", code: str = "", error: str = "", iss: str = ""
    ) -> Response:
        """Where the provider sends the browser back to: the login is finished here, once, or refused."""
        begun = sessions.take(state, request.cookies.get(_BEGUN, ""))
        if begun is None:
            why = "this browser began no such login, or more than ten minutes ago, or it was finished"
            raise TenantryError(Kind.FORBIDDEN, why, "log in again")
        if error or not code:
            raise TenantryError(Kind.FORBIDDEN, f"the provider refused: {plain_word(error)}", "log in again")
        if iss and iss != provider.issuer:
            raise TenantryError(Kind.FORBIDDEN, "another provider answered", "log in again")
        told = provider.claims(code, begun, ours + CALLBACK)
        who = claims.principal(told)
        secret, _ = sessions.open(who, {"issuer": provider.issuer, "subject": str(told["sub"])})
        answer = RedirectResponse(begun.to, 303)
        _keep(answer, COOKIE, secret)
        _drop(answer, _BEGUN)
        return answer

    return finish_login


def _logout(provider: Provider, sessions: Sessions, ours: str) -> Callable[..., Response]:
    def logout(request: Request) -> Response:
        """End the session. `provider` is where to log out of the provider too; null if there is no such page."""
        known = session_of(request.scope)
        if known is None:
            raise invalid("no session", "tokens are revoked, not logged out")
        sessions.end(known)
        answer = JSONResponse({"provider": provider.goodbye(ours + "/")})
        _drop(answer, COOKIE)
        return answer

    return logout


def _keep(answer: Response, name: str, secret: str) -> None:
    """A cookie that no script reads and no other host gets; it ends with the browser, what it stands for earlier."""
    answer.set_cookie(name, secret, path="/", secure=True, httponly=True, samesite="lax")


def _drop(answer: Response, name: str) -> None:
    answer.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")

"""People log in with a token or an OpenID provider, and out; `/auth/session` says who asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, SecretStr
from starlette.responses import JSONResponse, RedirectResponse, Response

from ...errors import Kind, TenantryError, invalid
from ...kernel import AccessRole, Principal
from ...runtime.access import Session, Sessions, Tokens
from .access import COOKIE, note_refusal, principal_of, session_of, unauthorized
from .closed import CLOSED
from .oidc import Claims, Provider, plain_word
from .problems import PROBLEMS

CALLBACK = "/auth/callback"
_BEGUN = "__Host-tenantry-login"
"""Holds the secret of the browser that began a login, so that nobody else's login can be finished in it."""
_REDIRECTS: dict[int | str, dict[str, Any]] = {303: {"description": "where to go"}, **PROBLEMS}


class Asking(BaseModel):
    """Who asks. A person's page sends `csrf` along as X-CSRF-Token whenever it changes something."""

    name: str
    role: AccessRole
    tenant_id: str | None
    expires: str | None = None
    csrf: str | None = None


class SignIn(BaseModel):
    """A token, to be known by a cookie instead for as long as it holds, at most as long as a login does."""

    model_config = CLOSED

    token: Annotated[SecretStr, Field(min_length=1, max_length=200)]


def session_routes() -> APIRouter:
    """`/auth/session`, however one is known."""
    router = APIRouter(prefix="/auth", tags=["session"])

    def session(request: Request) -> Asking:
        """Who asks, as what, and until when."""
        return _asking(principal_of(request.scope), session_of(request.scope))

    router.add_api_route("/session", session, operation_id="session", responses=PROBLEMS)
    return router


def _asking(who: Principal, known: Session | None) -> Asking:
    return Asking(
        name=who.name, role=who.role, tenant_id=who.tenant_id,
        expires=known.expires if known else None, csrf=known.csrf if known else None,
    )  # fmt: skip


def person_routes(
    tokens: Tokens, sessions: Sessions, goodbye: Callable[[], str | None] = lambda: None
) -> APIRouter:
    """`/auth/token` and `/auth/logout`. `goodbye` is where a browser logs out of a provider too."""
    router = APIRouter(prefix="/auth", tags=["session"], responses=PROBLEMS)

    @router.post(
        "/token", operation_id="sign_in", responses={200: {"model": Asking}}, response_class=Response
    )
    def sign_in(request: Request, given: SignIn) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Log in with a token, from a page of ours: the answer sets a cookie that no script reads."""
        token = tokens.find(given.token.get_secret_value().strip())
        if token is None:
            note_refusal(request.scope, "log in")
            return unauthorized("the token does not hold: unknown, expired or revoked", invalid_token=True)
        secret, session = sessions.open(token.principal, {"token": token.id}, token)
        answer = JSONResponse(_asking(session.principal, session).model_dump(mode="json"))
        _keep(answer, COOKIE, secret)
        return answer

    @router.post("/logout", operation_id="logout", response_class=Response)
    def logout(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        """End the session. `provider` is where to log out of the provider too; null if there is no such page."""
        known = session_of(request.scope)
        if known is None:
            raise invalid("no session", "tokens are revoked, not logged out")
        sessions.end(known)
        answer = JSONResponse({"provider": None if known.token else goodbye()})
        _drop(answer, COOKIE)
        return answer

    return router


def login_routes(provider: Provider, claims: Claims, sessions: Sessions, public_url: str) -> APIRouter:
    """`/auth/login` and `/auth/callback`. `public_url` is how browsers reach us."""
    router = APIRouter(prefix="/auth", tags=["session"])
    ours = public_url.rstrip("/")
    for path, method, route, answers in (
        ("/login", "GET", _login(provider, sessions, ours), _REDIRECTS),
        ("/callback", "GET", _callback(provider, claims, sessions, ours), _REDIRECTS),
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


def _keep(answer: Response, name: str, secret: str) -> None:
    """A cookie that no script reads and no other host gets; it ends with the browser, what it stands for earlier."""
    answer.set_cookie(name, secret, path="/", secure=True, httponly=True, samesite="lax")


def _drop(answer: Response, name: str) -> None:
    answer.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")

"""Who asks over HTTP: every request gets its principal here, before any route runs, or an answer that says no."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest
from ipaddress import ip_address, ip_network
from math import ceil
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...errors import Kind, TenantryError
from ...kernel import Principal
from ...runtime.access import Buckets, Rate, Refusals, Session, Sessions, Tokens
from ...runtime.access.refusals import NOBODY
from ...runtime.call import LOCAL
from .problems import problem_response

T = TypeVar("T")
COOKIE = "__Host-tenantry"
"""Holds a session's secret. The prefix makes browsers insist on Secure, on `/`, and on this very host."""
CSRF = "x-csrf-token"
LOGIN = "/auth/login"
TOKEN_LOGIN = "/auth/token"  # noqa: S105 - a path
PROBES = frozenset({"/healthz", "/readyz"})
OPEN = frozenset({*PROBES, LOGIN, TOKEN_LOGIN, "/auth/callback", "/.well-known/agent-card.json"})
"""What anybody may ask: whether we live, how to log in, and what an agent must know to ask for more."""
INTAKE = frozenset({"/api/v1/events", "/v1/metrics", "/v1/logs", "/v1/traces"})
CALLS = Rate.of(100)
TAKEN_IN = Rate.of(20_000)
STRANGERS = Rate.of(10)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
_REMEMBERED = 1.0
"""Seconds for which a token that held is not looked up again: how long a revoked one may still open something."""
_MOST = 10_000
_REFUSED = "refused"


@dataclass(frozen=True)
class Rules:
    """What holds at one address.

    `loopback`: it listens there alone. `login`: people can log in. `required`: also callers on this machine must say
    who they are; None: once a token was made or people can log in. `public_url` is how browsers reach it, where that
    is not the Host they send. `free` are the paths anybody may GET, such as a page to log in on and what it is made of.
    Limits: of each principal's calls, of what it takes in, and of an address that has not said who it is.
    """

    loopback: bool
    login: bool = False
    required: bool | None = None
    public_url: str = ""
    free: Callable[[str], bool] = lambda _: False
    calls: Rate = CALLS
    intake: Rate = TAKEN_IN
    strangers: Rate = STRANGERS


@dataclass(frozen=True)
class _Asker:
    principal: Principal
    bucket: str = ""
    session: Session | None = None


_MACHINE = _Asker(LOCAL)


def principal_of(scope: Mapping[str, Any]) -> Principal:
    """Who asks. Raises `forbidden` where nobody was let in: a way in that was left unguarded serves nobody."""
    found = scope.get("state", {}).get("principal")
    if not isinstance(found, Principal):
        raise TenantryError(Kind.FORBIDDEN, "nobody is known to ask here", "send a token, or log in")
    return found


def session_of(scope: Mapping[str, Any]) -> Session | None:
    """The session of a person who logged in; None for tokens and for callers on this machine."""
    return scope.get("state", {}).get("session")


def note_refusal(scope: Mapping[str, Any], action: str) -> None:
    """Have it written down that whoever asks was refused, where the answer's status does not say so."""
    scope["state"][_REFUSED] = action


@lru_cache(1_000)
def is_loopback(host: str) -> bool:
    """Whether a name or address means this machine and nothing beyond it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_reach(*, loopback: bool, authenticated: bool) -> None:
    """Raises `forbidden` for an address beyond this machine where nobody could say who asks.

    `authenticated`: a token holds, or people can log in.
    """
    if not loopback and not authenticated:
        raise TenantryError(
            Kind.FORBIDDEN,
            "that address can be reached from other machines, and nobody could say who asks",
            "`tenantry token create NAME --role admin` makes a token; or set [auth.oidc]; or bind to 127.0.0.1",
        )


class Access:
    """The outermost ASGI application: lets requests in as somebody, or refuses them.

    Puts `principal` and `session` into the scope's state. Refusals are problem documents: 401 with WWW-Authenticate,
    403, 429 with Retry-After.
    """

    def __init__(
        self, app: ASGIApp, rules: Rules, tokens: Tokens, sessions: Sessions, refusals: Refusals
    ) -> None:
        self._app = app
        self._rules = rules
        self._tokens = tokens
        self._sessions = sessions
        self._refusals = refusals
        self._known: dict[bytes, tuple[float, _Asker]] = {}
        self._closed = not rules.loopback or (rules.login if rules.required is None else rules.required)
        self._looked = -_REMEMBERED
        url = _split(rules.public_url)
        self._origin = f"{url.scheme}://{url.netloc}"
        self._threads = CapacityLimiter(4)  # of its own: long calls must not keep others at the door
        self._calls, self._intake = Buckets(rules.calls), Buckets(rules.intake)
        self._strangers = Buckets(rules.strangers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})  # nothing of ours speaks it
            return
        asked = _Request(scope)
        is_open = asked.path in OPEN or (asked.method in _SAFE and self._rules.free(asked.path))
        try:
            admitted = await self._open(asked) if is_open else await self._admit(asked)
        except TenantryError as problem:  # the state store is away: senders are told to try again
            admitted = problem_response(problem)
        if isinstance(admitted, Response):
            await admitted(scope, receive, send)
            return
        if admitted is None:
            await self._app(scope, receive, self._watching(scope, send, asked, NOBODY))
            return
        scope.setdefault("state", {}).update(principal=admitted.principal, session=admitted.session)
        await self._app(scope, receive, self._watching(scope, send, asked, admitted.principal))

    async def _open(self, asked: _Request) -> Response | None:
        if asked.path in PROBES or asked.path not in OPEN:
            return None
        wait = self._strangers.take(asked.address)
        if wait:
            return _too_often(wait)
        if asked.method not in _SAFE and not self._own_page(asked):
            return await self._refused(asked, NOBODY, "another site's page sent it")
        return None

    async def _admit(self, asked: _Request) -> _Asker | Response:
        asker = await self._identify(asked)
        if isinstance(asker, Response) or asker is _MACHINE:
            return asker
        buckets = self._intake if asked.path in INTAKE else self._calls
        wait = buckets.take(asker.bucket)
        return _too_often(wait) if wait else asker

    async def _identify(self, asked: _Request) -> _Asker | Response:
        credentials = asked.headers.get("authorization")
        if credentials is not None:
            return await self._bearer(asked, credentials)
        cookie = asked.cookie
        if cookie:
            session = await self._ask(self._sessions.find, cookie)
            if session is not None:
                return await self._person(asked, session)
        if await self._is_open():
            why = _foreign(asked)
            return await self._refused(asked, NOBODY, why) if why else _MACHINE
        wait = self._strangers.take(asked.address)
        return _too_often(wait) if wait else self._who_are_you(asked)

    async def _bearer(self, asked: _Request, credentials: str) -> _Asker | Response:
        scheme, _, secret = credentials.partition(" ")
        digest = sha256(secret.strip().encode()).digest()
        known = self._known.get(digest)
        if known and monotonic() < known[0] and scheme.lower() == "bearer":
            return known[1]
        wait = 0.0 if known else self._strangers.wait(asked.address)
        if wait:
            return _too_often(
                wait
            )  # whoever guesses from the same address does not keep out those known before
        token = await self._ask(self._tokens.find, secret.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            self._known.pop(digest, None)
            self._strangers.take(asked.address)
            await self._tell(asked, NOBODY, "log in", "a token that does not hold")
            return unauthorized("the token does not hold: unknown, expired or revoked", invalid_token=True)
        asker = _Asker(token.principal, token.id)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[digest] = (monotonic() + _REMEMBERED, asker)
        return asker

    async def _person(self, asked: _Request, session: Session) -> _Asker | Response:
        if asked.method not in _SAFE:
            sent = asked.headers.get(CSRF, "")
            if not (self._own_page(asked) and compare_digest(sent.encode(), session.csrf.encode())):
                why = (
                    f"it did not come from our own page: {CSRF} is missing or wrong, or the Origin is another"
                )
                return await self._refused(asked, session.principal, why)
        return _Asker(session.principal, session.id, session)

    def _own_page(self, asked: _Request) -> bool:
        return asked.is_of_own_page or asked.headers.get("origin") == self._origin

    async def _is_open(self) -> bool:
        """Whether a caller on this machine need not say who it is. Once it must, it must for good."""
        if self._closed or self._rules.required is False:
            return not self._closed
        if monotonic() - self._looked >= _REMEMBERED:
            self._closed, self._looked = await self._ask(self._tokens.any_ever), monotonic()
        return not self._closed

    def _who_are_you(self, asked: _Request) -> Response:
        if not self._rules.login:
            return unauthorized("say who you are: Authorization: Bearer TOKEN")
        if asked.is_navigation:
            return RedirectResponse(f"{LOGIN}?to={quote(asked.path)}", 303)
        return unauthorized("say who you are: Authorization: Bearer TOKEN, or log in", login=LOGIN)

    async def _refused(self, asked: _Request, who: Principal, why: str) -> Response:
        await self._tell(asked, who, f"{asked.method} {asked.path}", why)
        return problem_response(TenantryError(Kind.FORBIDDEN, why, "docs/how-to/secure-the-service.md"))

    async def _tell(self, asked: _Request, who: Principal, action: str, why: str) -> None:
        await self._ask(self._refusals.tell, who, action, asked.address, why)

    async def _ask(self, store: Callable[..., T], *given: Any) -> T:
        return await run_sync(store, *given, limiter=self._threads)

    def _watching(self, scope: Scope, send: Send, asked: _Request, who: Principal) -> Send:
        """Sends on, and writes down first what a route refused."""
        state = scope.setdefault("state", {})

        async def watched(message: Message) -> None:
            refused = state.pop(_REFUSED, "")
            if message["type"] == "http.response.start" and message["status"] == 403:  # noqa: PLR2004 - forbidden
                refused = f"{asked.method} {asked.path}"
            if refused:
                await self._tell(asked, who, refused, "not theirs to see or do")
            await send(message)

        return watched


class _Request:
    """What is looked at of a request."""

    def __init__(self, scope: Scope) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers = Headers(scope=scope)
        self.client: str = scope["client"][0] if scope.get("client") else ""

    @property
    def address(self) -> str:
        """Whom limits count as one: an IPv4 address, or the network of an IPv6 address that one site is given."""
        try:
            found = ip_address(self.client)
        except ValueError:
            return self.client
        return str(found) if found.version == 4 else str(ip_network((found, 64), strict=False))  # noqa: PLR2004

    @property
    def cookie(self) -> str:
        return cookie_parser(self.headers.get("cookie", "")).get(COOKIE, "")

    @property
    def is_navigation(self) -> bool:
        """Whether a person opens it as a page of its own."""
        asked_for = self.headers.get("sec-fetch-mode", "navigate")
        return (
            self.method == "GET" and asked_for == "navigate" and "text/html" in self.headers.get("accept", "")
        )

    @property
    def is_of_own_page(self) -> bool:
        """Whether no other site's page sent it, as far as browsers tell. Other programs say nothing of this."""
        origin = self.headers.get("origin")
        if origin is not None:
            return _split(origin).netloc == self.headers.get("host", "")
        return self.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}


def _split(url: str) -> Any:
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _foreign(asked: _Request) -> str:
    """Why a request did not come from a program of this machine, so far as can be seen; empty where it may have.

    A page that a browser of this machine shows can send requests here and, by rebinding its own name to 127.0.0.1,
    read the answers; a proxy on this machine passes on anybody's.
    """
    host = _split(f"//{asked.headers.get('host', '')}").hostname or ""
    if not is_loopback(asked.client) or any(name in asked.headers for name in _FORWARDED):
        return "it was passed on from elsewhere, and without a login only this machine is served"
    if not is_loopback(host):
        return f"it asks for the host {host[:100]!r}, and without a login only localhost is served"
    if not asked.is_of_own_page and not (asked.is_navigation and "origin" not in asked.headers):
        return "another site's page sent it, and without a login only our own are served"
    return ""


def unauthorized(message: str, *, invalid_token: bool = False, **details: str) -> Response:
    """The answer 401 to who has not said who they are, or not so that it holds."""
    error = TenantryError(
        Kind.FORBIDDEN,
        message,
        "`tenantry token create` makes a token",
        status=401,
        title="unauthorized",
        **details,
    )
    challenge = 'Bearer realm="tenantry"' + (', error="invalid_token"' if invalid_token else "")
    return problem_response(error, {"WWW-Authenticate": challenge})


def _too_often(wait: float) -> Response:
    error = TenantryError(Kind.LIMIT_EXCEEDED, "asked too often", f"try again in {ceil(wait)} s")
    return problem_response(error, {"Retry-After": str(ceil(wait))})

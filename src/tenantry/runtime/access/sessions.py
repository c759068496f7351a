"""People who logged in: their sessions, and logins that are under way; both known by the hash of a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import delete, func, insert, select

from ...kernel import AccessRole, Principal
from ..state import State, audit
from ..state.tables import LOGIN, SESSION, TOKEN, moment
from .tokens import Token

_LOGIN_HOLDS = timedelta(minutes=10)
_MOST_LOGINS = 10_000
"""Logins under way at once; beyond it the oldest give way."""


@dataclass(frozen=True)
class Session:
    """Somebody who logged in. `csrf` is what a browser sends along to show that our own page asks; `token` is the id of
    the token that they logged in with, if it was one.
    """

    id: str
    principal: Principal
    expires: str
    csrf: str
    token: str | None = None


@dataclass(frozen=True)
class Login:
    """A login under way: what the provider must give back, and where the browser goes afterwards."""

    nonce: str
    verifier: str
    to: str


class Sessions:
    """The sessions of one state store, each of `hours`. One object serves many threads."""

    def __init__(self, state: State, now: Callable[[], datetime], hours: float = 12) -> None:
        self._state = state
        self._now = now
        self._holds = timedelta(hours=hours)

    def begin(self, to: str) -> tuple[str, str, Login]:
        """A login that begins: its `state`, a secret for the cookie of the browser that began it, and itself."""
        state, browser = token_urlsafe(32), token_urlsafe(32)
        login = Login(token_urlsafe(32), token_urlsafe(48), to)
        now = self._now()
        row = {"state": _hash(state), "browser": _hash(browser), **vars(login)}
        with self._state.begin() as connection:
            connection.execute(delete(LOGIN).where(LOGIN.c.expires <= moment(now)))
            number = connection.execute(select(func.count()).select_from(LOGIN)).scalar_one()
            if number >= _MOST_LOGINS:
                oldest = select(LOGIN.c.state).order_by(LOGIN.c.expires).limit(number - _MOST_LOGINS + 1)
                connection.execute(delete(LOGIN).where(LOGIN.c.state.in_(oldest)))
            connection.execute(insert(LOGIN).values(**row, expires=moment(now + _LOGIN_HOLDS)))
        return state, browser, login

    def take(self, state: str, browser: str) -> Login | None:
        """The login of this `state`, if this browser began it in the last ten minutes. It can be taken once."""
        mine = LOGIN.c.state == _hash(state)
        with self._state.begin() as connection:
            row = connection.execute(select(LOGIN).where(mine)).one_or_none()
            connection.execute(delete(LOGIN).where(mine))
        if row is None or row.browser != _hash(browser) or row.expires <= moment(self._now()):
            return None
        return Login(row.nonce, row.verifier, row.to)

    def open(
        self, principal: Principal, told: Mapping[str, Any], token: Token | None = None
    ) -> tuple[str, Session]:
        """A new session and the secret for its cookie; `told` goes into the audit log beside it. One that a token
        opens ends with the token, however that ends.
        """
        secret, now = token_urlsafe(32), self._now()
        expires = moment(now + self._holds)
        if token and token.expires:
            expires = min(expires, token.expires)
        session = Session(_hash(secret), principal, expires, _csrf(secret), token and token.id)
        row = {
            "id": session.id, "name": principal.name, "role": principal.role.value,
            "tenant_id": principal.tenant_id, "created": moment(now), "expires": expires,
            "token": session.token,
        }  # fmt: skip
        with self._state.begin() as connection:
            connection.execute(delete(SESSION).where(SESSION.c.expires <= moment(now)))
            connection.execute(insert(SESSION).values(**row))
            audit.append(
                connection, now, principal, "login", {**told, "role": principal.role, "expires": expires}
            )
        return secret, session

    def find(self, secret: str) -> Session | None:
        """The session whose cookie holds this secret, unless it is over."""
        with self._state.read() as connection:
            opened = SESSION.outerjoin(TOKEN, SESSION.c.token == TOKEN.c.id)
            wanted = select(SESSION, TOKEN.c.revoked).select_from(opened).where(SESSION.c.id == _hash(secret))
            row = connection.execute(wanted).one_or_none()
        if row is None or row.revoked is not None or row.expires <= moment(self._now()):
            return None
        principal = Principal(row.name, row.tenant_id, AccessRole(row.role))
        return Session(row.id, principal, row.expires, _csrf(secret), row.token)

    def end(self, session: Session) -> None:
        """Nobody is known by it any more."""
        with self._state.begin() as connection:
            if connection.execute(delete(SESSION).where(SESSION.c.id == session.id)).rowcount:
                audit.append(connection, self._now(), session.principal, "logout", {})


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _csrf(secret: str) -> str:
    """Follows from the cookie's secret, which no page can read; nothing to store, and gone with the session."""
    return sha256(f"csrf {secret}".encode()).hexdigest()

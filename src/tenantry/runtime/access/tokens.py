"""API tokens: shown once, kept as a hash."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from secrets import token_hex

from sqlalchemy import ColumnElement, Connection, RowMapping, insert, select, update

from ...errors import Kind, TenantryError, invalid
from ...kernel import AccessRole, Principal
from ..state import State, audit
from ..state.tables import TOKEN, moment

FOR_DAYS = 365
"""How long a token holds, unless its maker says otherwise."""
NAME = r"^\w[\w .,'@()/+:-]{0,199}$"
"""What tokens may be called."""
_FORM = re.compile(r"tny_([0-9a-f]{12})_[0-9a-f]{64}")
_MOST_DAYS = 36_500
_COARSE = timedelta(hours=1)
"""How far `last_used` may lag: a token in use costs one write an hour."""


@dataclass(frozen=True)
class Token:
    """What is known of a token; not the token itself, of which a hash alone is kept. Moments are ISO 8601, UTC.

    `last_used` may lag by an hour. Null `expires`: it holds until it is revoked.
    """

    id: str
    name: str
    role: AccessRole
    tenant_id: str | None
    created: str
    created_by: str
    expires: str | None
    last_used: str | None
    revoked: str | None

    @property
    def principal(self) -> Principal:
        return Principal(f"token:{self.name}", self.tenant_id, self.role)

    def holds(self, at: datetime) -> bool:
        """Whether it opens anything at that moment."""
        return self.revoked is None and (self.expires is None or moment(at) < self.expires)


class Tokens:
    """The tokens of one state store. One object serves many threads."""

    def __init__(self, state: State, now: Callable[[], datetime]) -> None:
        self._state = state
        self._now = now

    def create(
        self,
        by: Principal,
        name: str,
        role: AccessRole,
        tenant_id: str | None = None,
        days: int | None = FOR_DAYS,
    ) -> tuple[Token, str]:
        """A new token, and the secret that is never shown again. `days` None: it holds until it is revoked.

        Those of one name and tenant are one principal, so that one can take another's place. Raises `forbidden` unless
        an administrator asks who sees all tenants, `invalid` with every problem, `conflict` where one that holds has
        the name and tenant with another role: nobody could tell them apart in what was done.
        """
        _only_administrators(by)
        _check(name, tenant_id, days)
        now = self._now()
        number = token_hex(6)
        secret = f"tny_{number}_{token_hex(32)}"
        expires = None if days is None else moment(now + timedelta(days=days))
        token = Token(number, name, role, tenant_id, moment(now), by.name, expires, None, None)
        with self._state.begin() as connection:
            details = {"id": number, "name": name, "role": role, "tenant_id": tenant_id, "expires": expires}
            audit.append(connection, now, by, "token.create", details)
            _check_apart(connection, token)
            connection.execute(
                insert(TOKEN).values(**{**vars(token), "role": role.value}, hash=_hash(secret))
            )
        return token, secret

    def list(self, by: Principal) -> list[Token]:
        """All tokens there ever were, oldest first. Raises `forbidden` as `create` does."""
        _only_administrators(by)
        with self._state.read() as connection:
            found = connection.execute(select(TOKEN).order_by(TOKEN.c.created, TOKEN.c.id))
            return [_token(row) for row in found.mappings()]

    def revoke(self, by: Principal, number: str) -> Token:
        """The token, which opens nothing from now on; revoking it again changes nothing.

        Raises `forbidden` as `create` does, `not_found` for an id that no token has.
        """
        _only_administrators(by)
        now = self._now()
        with self._state.begin() as connection:
            token = _of(connection, number)
            if token is None:
                raise TenantryError(
                    Kind.NOT_FOUND, f"no token {number!r}", "`tenantry token list` shows their ids"
                )
            if token.revoked is None:
                token = replace(token, revoked=moment(now))
                connection.execute(update(TOKEN).where(TOKEN.c.id == number).values(revoked=token.revoked))
                audit.append(connection, now, by, "token.revoke", {"id": number, "name": token.name})
            return token

    def find(self, secret: str) -> Token | None:
        """The token that this secret is, if it holds now."""
        form = _FORM.fullmatch(secret)
        if form is None:
            return None
        now = self._now()
        with self._state.read() as connection:
            token = _of(connection, form[1], _hash(secret))
        if token is None or not token.holds(now):
            return None
        if token.last_used is None or token.last_used < moment(now - _COARSE):
            with self._state.begin() as connection:
                connection.execute(update(TOKEN).where(TOKEN.c.id == token.id).values(last_used=moment(now)))
        return token

    def any_ever(self) -> bool:
        """Whether a token was ever made, also one that no longer holds."""
        with self._state.read() as connection:
            return connection.execute(select(TOKEN.c.id).limit(1)).first() is not None

    def any_holds(self) -> bool:
        """Whether some token opens anything now."""
        holds = _holding(moment(self._now()))
        with self._state.read() as connection:
            return connection.execute(select(TOKEN.c.id).where(holds).limit(1)).first() is not None


def _hash(secret: str) -> str:
    """SHA-256 will do: nobody guesses 256 random bits, so there is nothing to make slow."""
    return sha256(secret.encode()).hexdigest()


def _of(connection: Connection, number: str, hashed: str | None = None) -> Token | None:
    """The token of that id; with a hash, only if it is that token's."""
    row = connection.execute(select(TOKEN).where(TOKEN.c.id == number)).mappings().one_or_none()
    if row is None or (hashed is not None and not compare_digest(row["hash"], hashed)):
        return None
    return _token(row)


def _holding(at: str) -> ColumnElement[bool]:
    return TOKEN.c.revoked.is_(None) & (TOKEN.c.expires.is_(None) | (TOKEN.c.expires > at))


def _check_apart(connection: Connection, token: Token) -> None:
    of = TOKEN.c
    same = (of.name == token.name) & of.tenant_id.is_not_distinct_from(token.tenant_id)
    others = _holding(token.created) & same & (of.role != token.role.value)
    if other := connection.execute(select(of.id, of.role).where(others).limit(1)).first():
        raise TenantryError(
            Kind.CONFLICT,
            f"the token {other.id} has the name {token.name!r} and is {other.role}",
            f"choose another name, or revoke it: `tenantry token revoke {other.id}`",
        )


def _token(row: RowMapping) -> Token:
    known = {name: value for name, value in row.items() if name != "hash"}
    return Token(**{**known, "role": AccessRole(row["role"])})


def _only_administrators(by: Principal) -> None:
    if not by.may(AccessRole.ADMIN) or by.tenant_id is not None:
        raise TenantryError(
            Kind.FORBIDDEN,
            f"{by.name} may not say who may what",
            "ask as an administrator who sees all tenants",
        )


def _check(name: str, tenant_id: str | None, days: int | None) -> None:
    problems = list[str]()
    if not re.fullmatch(NAME, name):
        problems.append(
            f"the name {name[:50]!r} is none: letters, digits, spaces and .,'@()/+:-, at most 200"
        )
    if tenant_id == "":
        problems.append("the tenant is empty")
    if days is not None and not 0 < days <= _MOST_DAYS:
        problems.append(f"{days} days: give 1 to {_MOST_DAYS:,}")
    if problems:
        raise invalid(
            "; ".join(problems), "a token has a name, a role, perhaps a tenant, and days that it holds"
        )

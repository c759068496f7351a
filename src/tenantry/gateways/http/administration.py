"""REST for those who administer: tokens, and the audit log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from ...errors import Kind, TenantryError
from ...kernel import AccessRole
from ...runtime.access import Tokens
from ...runtime.access.tokens import FOR_DAYS, NAME, Token
from ...runtime.state import Entry, State, audit
from .access import principal_of
from .closed import CLOSED
from .problems import PROBLEMS


def _number(value: object) -> object:
    """As it is, unless it is no number in JSON: `1.0` is a whole one, `true` and `"1"` are none."""
    if isinstance(value, bool | str):
        raise ValueError("give a number")  # noqa: TRY004 - pydantic reports this one
    return value


class NewToken(BaseModel):
    """A token to make. `days` null: it holds until it is revoked."""

    model_config = CLOSED

    name: Annotated[str, Field(pattern=NAME, examples=["collector"])]
    role: AccessRole
    tenant_id: Annotated[
        str | None, Field(min_length=1), WithJsonSchema({"type": ["string", "null"], "minLength": 1})
    ] = None
    days: Annotated[
        Annotated[int, Field(ge=1, le=36_500)] | None,
        BeforeValidator(_number),
        WithJsonSchema({"type": ["integer", "null"], "minimum": 1, "maximum": 36_500}),
    ] = FOR_DAYS


class Made(BaseModel):
    """A token that was made. `secret` is shown here and never again."""

    token: Token
    secret: str


class TokenList(BaseModel):
    """All tokens there ever were, oldest first."""

    tokens: list[Token]


class AuditWanted(BaseModel):
    """Which entries to list: those after one, so many."""

    model_config = CLOSED

    after: Annotated[int, Field(ge=0, le=2**62)] = 0
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class AuditPage(BaseModel):
    """Entries by number; `next` is what to give as `after` for those that follow, null where none does yet."""

    entries: list[Entry]
    next: int | None


def administration_routes(tokens: Tokens, state: State) -> APIRouter:
    """The routes `/api/v1/tokens` and `/api/v1/audit`."""
    router = APIRouter(prefix="/api/v1", tags=["administration"])
    for path, method, route, answer, status in (
        ("/tokens", "POST", _create(tokens), Made, 201),
        ("/tokens", "GET", _list(tokens), TokenList, 200),
        ("/tokens/{id}", "DELETE", _revoke(tokens), Token, 200),
        ("/audit", "GET", _audit(state), AuditPage, 200),
    ):
        router.add_api_route(
            path, route, methods=[method], response_model=answer, status_code=status,
            operation_id=route.__name__, responses=PROBLEMS,
        )  # fmt: skip
    return router


def _create(tokens: Tokens) -> Callable[..., Any]:
    def create_token(request: Request, wanted: NewToken) -> Made:
        """Make a token. Administrators who see all tenants only. The secret is shown this once."""
        by = principal_of(request.scope)
        token, secret = tokens.create(by, wanted.name, wanted.role, wanted.tenant_id, wanted.days)
        return Made(token=token, secret=secret)

    return create_token


def _list(tokens: Tokens) -> Callable[..., Any]:
    def list_tokens(request: Request) -> TokenList:
        """All tokens there ever were, without their secrets. Administrators who see all tenants only."""
        return TokenList(tokens=tokens.list(principal_of(request.scope)))

    return list_tokens


def _revoke(tokens: Tokens) -> Callable[..., Any]:
    def revoke_token(request: Request, id: str) -> Token:  # noqa: A002 - its name in the path
        """Revoke a token: within a second it opens nothing. Administrators who see all tenants only."""
        return tokens.revoke(principal_of(request.scope), id)

    return revoke_token


def _audit(state: State) -> Callable[..., Any]:
    def read_audit(request: Request, wanted: Annotated[AuditWanted, Query()]) -> AuditPage:
        """What was done and refused, oldest first: of one's own tenant, for those bound to one. Administrators only."""
        who = principal_of(request.scope)
        if not who.may(AccessRole.ADMIN):
            raise TenantryError(
                Kind.FORBIDDEN, f"{who.name} may not read the audit log", "ask as an administrator"
            )
        with state.read() as connection:
            found = audit.entries(connection, wanted.after, wanted.limit, who.tenant_id)
        return AuditPage(entries=found, next=found[-1].sequence if len(found) == wanted.limit else None)

    return read_audit

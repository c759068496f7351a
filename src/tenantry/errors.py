"""One error class, nine kinds, one body for every gateway."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What the caller can do about an error. `unavailable` is the only kind anyone retries."""

    INVALID = "invalid"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    APPROVAL_REQUIRED = "approval_required"
    CONFLICT = "conflict"
    LIMIT_EXCEEDED = "limit_exceeded"
    BROKEN_CONTRACT = "broken_contract"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


# kind -> (HTTP status, CLI exit code, JSON-RPC code)
PROTOCOLS: dict[Kind, tuple[int, int, int]] = {
    Kind.INVALID: (422, 2, -32602),
    Kind.FORBIDDEN: (403, 5, -32003),
    Kind.NOT_FOUND: (404, 4, -32004),
    Kind.APPROVAL_REQUIRED: (409, 5, -32005),
    Kind.CONFLICT: (409, 5, -32009),
    Kind.LIMIT_EXCEEDED: (429, 2, -32006),
    Kind.BROKEN_CONTRACT: (500, 3, -32007),
    Kind.UNAVAILABLE: (503, 6, -32008),
    Kind.INTERNAL: (500, 1, -32603),
}


class TenantryError(Exception):
    """The only exception that Tenantry raises on purpose.

    `message` says what happened, `hint` says what to do, `details` are JSON values for programs.
    """

    def __init__(self, kind: Kind, message: str, hint: str = "", **details: Any) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint
        self.details = details

    @property
    def exit_code(self) -> int:
        return PROTOCOLS[self.kind][1]

    def problem(self) -> dict[str, Any]:
        """The RFC 9457 problem document that every gateway shows."""
        return {
            "type": f"/errors/{self.kind}",
            "title": self.kind.replace("_", " "),
            "status": PROTOCOLS[self.kind][0],
            "detail": self.message,
            "hint": self.hint,
            **self.details,
        }


def invalid(message: str, hint: str = "", **details: Any) -> TenantryError:
    return TenantryError(Kind.INVALID, message, hint, **details)


def unknown(what: str, name: str, names: Iterable[str], otherwise: str) -> TenantryError:
    """`not_found`, with those of the known names that are near it as the hint, or `otherwise`."""
    near = get_close_matches(name, [*names], n=3)
    return TenantryError(
        Kind.NOT_FOUND, f"no {what} {name!r}", f"did you mean {' or '.join(near)}?" if near else otherwise
    )

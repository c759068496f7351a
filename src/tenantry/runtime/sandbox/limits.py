"""What a call may take, and how it is said that it took more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from ...errors import Kind, TenantryError, invalid

T = TypeVar("T")

LONGEST = 20_000
"""Characters of code."""
DEPTH = 200
"""Calls within calls."""
OUTPUT = 8 * 2**20
"""Bytes that one call may return, as JSON."""
_TOLD = 200


@dataclass(frozen=True)
class Limits:
    """Of one call: seconds, and bytes for what the code itself keeps in memory."""

    seconds: float
    memory: int


def read(contract: TypeAdapter[T], told: str | bytes) -> T:
    """What a call returned, from JSON text. Raises `limit_exceeded`, or `invalid` where the contract says otherwise."""
    if len(told) > OUTPUT:
        raise too_much("output")
    try:
        return contract.validate_json(told, strict=True)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        raise failed(f"what it returned is of another type: {first['msg']}") from None


def failed(problem: str, line: int | None = None) -> TenantryError:
    """The code is wrong. `problem` may hold anything: it is cut, and only what can be printed stays."""
    told = "".join(c if c.isprintable() else " " for c in problem)[:_TOLD]
    where = f" (line {line})" if line else ""
    return invalid(f"the code failed{where}: {told}", "mend the code")


def too_much(what: str) -> TenantryError:
    return TenantryError(
        Kind.LIMIT_EXCEEDED,
        f"the code was stopped: too much {what}",
        "do less for each series, or raise the limits of [sandbox]",
    )


def unavailable(problem: str, hint: str) -> TenantryError:
    return TenantryError(Kind.UNAVAILABLE, problem, hint)

"""The audit log: what was done, by whom, each entry sealed with the one before it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, insert, select, text

from ...errors import Kind, TenantryError
from ...kernel import Principal
from .tables import AUDIT, moment

_FIRST = "0" * 64
_PAGE = 1000


@dataclass(frozen=True)
class Entry:
    """One thing that was done. `at` is UTC; `hash` seals this entry and, through the one before it, all before."""

    sequence: int
    at: str
    principal: str
    tenant_id: str | None
    action: str
    details: Mapping[str, Any]
    hash: str


def lock(connection: Connection) -> None:
    """Let no other transaction write to the log until this one ends: those that do follow each other."""
    if connection.dialect.name == "postgresql":  # on SQLite whoever writes is alone from the start
        connection.execute(text("LOCK TABLE audit IN EXCLUSIVE MODE"))


def append(
    connection: Connection, at: datetime, principal: Principal, action: str, details: Mapping[str, Any]
) -> int:
    """Write down what is done in this transaction; returns the entry's number. Never give it a secret."""
    lock(connection)
    newest = connection.execute(
        select(AUDIT.c.sequence, AUDIT.c.hash).order_by(AUDIT.c.sequence.desc()).limit(1)
    ).first()
    number, before = (newest.sequence + 1, newest.hash) if newest else (1, _FIRST)
    row = {
        "sequence": number,
        "at": moment(at),
        "principal": principal.name,
        "tenant_id": principal.tenant_id,
        "action": action,
        "details": json.dumps(details, sort_keys=True, ensure_ascii=True),
    }
    connection.execute(insert(AUDIT).values(**row, hash=_seal(row, before)))
    return number


def entries(
    connection: Connection, after: int = 0, limit: int = 100, tenant_id: str | None = None
) -> list[Entry]:
    """Entries after the one of that number, oldest first; of one tenant's principals where it is given."""
    wanted = select(AUDIT).where(AUDIT.c.sequence > after).order_by(AUDIT.c.sequence).limit(limit)
    if tenant_id is not None:
        wanted = wanted.where(AUDIT.c.tenant_id == tenant_id)
    return [
        Entry(r.sequence, r.at, r.principal, r.tenant_id, r.action, json.loads(r.details), r.hash)
        for r in connection.execute(wanted)
    ]


def verify(connection: Connection) -> int:
    """How many entries there are. Raises `broken_contract` at the first that was changed, added or taken out later.

    What was cut off at the end leaves no trace in the log itself: compare the number, or the last hash, with one
    kept elsewhere.
    """
    before, expected = _FIRST, 1
    for row in _all(connection):
        found = {k: row[k] for k in ("sequence", "at", "principal", "tenant_id", "action", "details")}
        if row["sequence"] != expected or row["hash"] != _seal(found, before):
            raise TenantryError(
                Kind.BROKEN_CONTRACT,
                f"the audit log does not hold at entry {expected}",
                "an entry was changed, added or taken out from outside; compare it with a backup",
            )
        before, expected = row["hash"], expected + 1
    return expected - 1


def _all(connection: Connection) -> Iterator[Mapping[str, Any]]:
    after = 0
    while True:
        page = connection.execute(
            select(AUDIT).where(AUDIT.c.sequence > after).order_by(AUDIT.c.sequence).limit(_PAGE)
        ).mappings().all()  # fmt: skip
        yield from page  # pyright: ignore[reportReturnType]
        if len(page) < _PAGE:
            return
        after = page[-1]["sequence"]


def _seal(row: Mapping[str, Any], before: str) -> str:
    return sha256(f"{before}\n{json.dumps(row, sort_keys=True, ensure_ascii=True)}".encode()).hexdigest()

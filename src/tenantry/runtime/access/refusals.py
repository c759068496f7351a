"""Refusals in the audit log, without letting whoever is refused fill it."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from ...errors import TenantryError
from ...kernel import Principal
from ..state import State, audit

NOBODY = Principal("(nobody)")
"""In the audit log: who asked without saying who."""
_SPAN = timedelta(minutes=10)
_MOST = 100
_LONGEST = 200
_log = logging.getLogger("tenantry.access")


@dataclass(frozen=True)
class _What:
    who: Principal
    action: str
    address: str


class Refusals:
    """Writes the first refusal of each kind at once, and those like it as one number when ten minutes are over.

    Of one kind are those of one principal, action and address. More than a hundred kinds in ten minutes are one
    more. So at most 201 entries come of ten minutes, whatever is sent. One object serves many threads.
    """

    def __init__(self, state: State, now: Callable[[], datetime]) -> None:
        self._state = state
        self._now = now
        self._lock = Lock()
        self._since = now()
        self._counts: dict[_What, int] = {}
        self._others = 0

    def tell(self, who: Principal, action: str, address: str, why: str) -> None:
        """Somebody was refused. Never give it a secret. It does not fail: who is refused must not depend on it."""
        what = _What(who, action[:_LONGEST], address[:_LONGEST])
        with self._lock:
            if self._now() - self._since >= _SPAN:
                self._sum_up()
            if what in self._counts:
                self._counts[what] += 1
            elif len(self._counts) < _MOST:
                self._counts[what] = 0
                self._write(what, why[:_LONGEST])
            else:
                self._others += 1

    def close(self) -> None:
        """Write the numbers that were not written yet."""
        with self._lock:
            self._sum_up()

    @asynccontextmanager
    async def written(self) -> AsyncGenerator[None]:
        """Closes at the end of the block."""
        try:
            yield
        finally:
            self.close()

    def _sum_up(self) -> None:
        for what, count in self._counts.items():
            if count:
                self._write(what, "as before", count)
        if self._others:
            self._write(_What(NOBODY, "(others)", ""), "more kinds than are told apart", self._others)
        self._counts, self._others, self._since = {}, 0, self._now()

    def _write(self, what: _What, why: str, count: int = 1) -> None:
        details = {"refused": what.action, "address": what.address, "why": why, "count": count}
        try:
            with self._state.begin() as connection:
                audit.append(connection, self._now(), what.who, "refused", details)
        except TenantryError as problem:
            _log.warning("a refusal of %s could not be written: %s", what.action, problem.message)

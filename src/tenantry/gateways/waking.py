"""Conversations that wait for a decision go on by themselves once it is made, wherever and by whomever, or expires."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from anyio.to_thread import run_sync

from ..errors import TenantryError
from ..kernel import Principal
from ..runtime.asking.asking import Asking
from ..runtime.decision import Decision
from ..runtime.state.lock import ProcessLock
from .beside import beside

EVERY = 3.0
"""Seconds between looks for decisions that are over."""
GRACE = timedelta(seconds=5)
"""For which who decided is left to ask what came of it."""
_LONGEST = timedelta(days=1)
"""How old a decision may be that a conversation still goes on after by itself."""
_log = logging.getLogger("tenantry.decisions")

Push = Callable[[Decision, Principal], Awaitable[bool]]
"""Has whatever waits for a decision go on; whether anything did."""


class Waking:
    """Has each waiting conversation go on, once: as whoever asked, with the role of then.

    One process of all that share a state store does so, the one that holds the lock.
    """

    def __init__(
        self, asking: Asking, push: Push, lock: ProcessLock, every: float = EVERY, grace: timedelta = GRACE
    ) -> None:
        self._asking, self._push, self._lock = asking, push, lock
        self._every, self._grace = every, grace
        self._tried: set[int] = set()

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """While it is open, conversations go on."""
        try:
            async with beside(self._look()):
                yield
        finally:
            self._lock.release()

    async def _look(self) -> None:
        while True:
            try:
                if self._lock.acquire():
                    await self._wake()
            except TenantryError as problem:
                _log.warning("conversations wait: %s", problem)
            await asyncio.sleep(self._every)

    async def _wake(self) -> None:
        now = self._asking.runtime.now()
        for decision, who in await run_sync(self._asking.left_waiting, now - _LONGEST, now - self._grace):
            if decision.id in self._tried:
                continue
            self._tried.add(decision.id)  # what failed is not tried again and again: each time costs
            try:
                if not await self._push(decision, who):
                    await run_sync(self._asking.go_on, decision.id, who, decision.conversation or "", None)
            except TenantryError as problem:
                _log.warning("decision %d: its conversation waits: %s", decision.id, problem)
            except Exception:  # noqa: BLE001 - one that cannot go on must not keep the others waiting
                _log.exception("decision %d: its conversation waits", decision.id)

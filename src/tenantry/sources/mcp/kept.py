"""Connections to servers kept between calls: one of each, until nobody asks it for a while or this process ends."""

from __future__ import annotations

import atexit
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock, Timer

from ...errors import TenantryError
from .client import Line, Session, opened
from .server import Server


@dataclass
class _Kept:
    line: Line
    users: int = 0
    spoilt: bool = False
    idle: Timer | None = None


@dataclass
class Lines:
    """The connections of this process. One object serves many threads, which share a server's."""

    _kept: dict[str, _Kept] = field(default_factory=dict[str, _Kept])
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def session(self, server: Server) -> Generator[Session]:
        """A session over the server's connection; a new one where there is none, or the one there is answers no more.

        What it offers is asked anew each time, so that a tool that changed is noticed. A connection over which
        something failed is not kept. Raises `unavailable`.
        """
        if not server.idle_seconds:
            with opened(server) as session:
                yield session
            return
        kept, session = self._taken(server)
        try:
            yield session
        except BaseException:
            kept.spoilt = True
            raise
        finally:
            self._given_back(kept)

    def close(self) -> None:
        """End all of them."""
        with self._lock:
            left, self._kept = [*self._kept.values()], {}
        for one in left:
            if one.idle:
                one.idle.cancel()
            one.line.close()

    def _taken(self, server: Server) -> tuple[_Kept, Session]:
        key = f"{server.model_dump_json()}{server.token.get_secret_value() if server.token else ''}"
        with self._lock:  # a server that two ask for at once is started once
            kept = self._kept.get(key)
            new = kept is None or kept.spoilt
            if kept is None or kept.spoilt:
                kept = self._kept[key] = _Kept(Line(server))
            if kept.idle:
                kept.idle.cancel()
            kept.users += 1
        session = kept.line.session()
        try:
            session.offers()
        except TenantryError:
            kept.spoilt = True
            self._given_back(kept)
            if new:
                raise
            return self._taken(server)
        return kept, session

    def _given_back(self, kept: _Kept) -> None:
        with self._lock:
            kept.users -= 1
            if kept.users:
                return
            if kept.spoilt:
                self._kept = {key: one for key, one in self._kept.items() if one is not kept}
            else:
                kept.idle = Timer(kept.line.server.idle_seconds, self._hang_up, (kept,))
                kept.idle.daemon = True
                kept.idle.start()
        if kept.spoilt:
            kept.line.close()

    def _hang_up(self, kept: _Kept) -> None:
        with self._lock:
            if kept.users:
                return
            self._kept = {key: one for key, one in self._kept.items() if one is not kept}
        with suppress(Exception):
            kept.line.close()


LINES = Lines()
atexit.register(LINES.close)

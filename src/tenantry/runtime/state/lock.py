"""A lock that ends with the process that holds it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from ...errors import Kind, TenantryError, invalid

_KEEP_ALIVE = ("tcp_keepalives_idle = 10", "tcp_keepalives_interval = 5", "tcp_keepalives_count = 3")
"""A machine that vanishes without a word lets go within half a minute."""


class ProcessLock:
    """At most one holder, of all processes that share a store; killed, it lets go at once.

    No lease runs out under a holder that is slow: beside SQLite it is a lock on a file, on PostgreSQL one of a session
    of its own. One object is one thread's.
    """

    def __init__(
        self, engine: Engine, name: str, translated: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._engine = engine
        self._name = name
        self._translated = translated
        self._file: int | None = None
        self._session: Connection | None = None

    def acquire(self) -> bool:
        """Whether it is ours now; never waits. Raises `unavailable` where the store cannot be reached."""
        if self.held():
            return True
        self.release()
        return self._lock_session() if self._engine.dialect.name == "postgresql" else self._lock_file()

    def held(self) -> bool:
        """Whether it is ours still: a PostgreSQL that was restarted has forgotten it."""
        if self._session is not None:
            try:
                self._session.execute(text("SELECT 1"))
            except SQLAlchemyError:
                return False
            return True
        return self._file is not None

    def release(self) -> None:
        """Let go of it, whether it is ours or not."""
        if self._file is not None:
            os.close(self._file)
        if self._session is not None:
            with suppress(SQLAlchemyError):
                self._session.close()
        self._file = self._session = None

    def _lock_file(self) -> bool:
        database = self._engine.url.database
        if database in {None, "", ":memory:"}:
            raise invalid("a state store in memory is one process's own", "write sqlite:///FILE")
        path = Path(f"{database}.{self._name}")
        try:
            file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as problem:
            why = f"{path}: {problem.strerror}"
            raise TenantryError(Kind.UNAVAILABLE, why, "check the folder's permissions") from problem
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def _lock_session(self) -> bool:
        key = int.from_bytes(sha256(f"tenantry {self._name}".encode()).digest()[:8], signed=True)
        with self._translated():
            session = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            session.detach()  # closed, it must end: in the pool it would keep the lock
            try:
                for setting in _KEEP_ALIVE:
                    session.execute(text(f"SET {setting}"))
                got = session.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar_one()
            except BaseException:
                session.close()
                raise
        if not got:
            session.close()
            return False
        self._session = session
        return True

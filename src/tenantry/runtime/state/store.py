"""One database: opened, brought to the newest layout, and spoken to in transactions."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from ...errors import Kind, TenantryError, invalid
from .lock import ProcessLock

_MIGRATIONS = Path(__file__).with_name("migrations")
_ONE_AT_A_TIME = 7_205_759_403
"""The key of PostgreSQL's advisory lock under which layouts change; any number, the same in each process."""
_ONE_ACTS = 7_205_759_404
"""The key of the lock under which tools act."""
_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_READING = "tenantry_reading"


class State:
    """The state store at a URL: `sqlite:///FILE` or `postgresql://USER@HOST/DATABASE`. One object serves many threads.

    Opening it brings its layout up to date. Raises `invalid` for a URL that is neither, `unavailable` where the
    database cannot be reached or written; nothing is half-written then.
    """

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._turns = _turns(self._engine)
        self._turn = Lock()
        self.url = self._engine.url.render_as_string(hide_password=True)
        try:
            with self._translated():
                self._migrate()
        except BaseException:
            self.close()
            raise

    @property
    def is_postgresql(self) -> bool:
        return self._engine.dialect.name == "postgresql"

    @contextmanager
    def begin(self) -> Generator[Connection]:
        """A transaction that writes: whole at the end of the block, or undone by an exception."""
        with self._translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Generator[Connection]:
        """A transaction that reads, beside those that write."""
        with self._translated(), self._engine.connect() as connection:
            yield connection.execution_options(**{_READING: True})

    def check(self) -> None:
        """Raises `unavailable` where the database cannot be asked."""
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    @contextmanager
    def turn(self) -> Generator[None]:
        """One at a time, of all threads and processes: for what reads, judges and then writes. Others may write."""
        # One thread of a process waits in the database: many would take every connection.
        with self._turn, self._translated(), self._turns.begin() as connection:
            if self.is_postgresql:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_ACTS})
            yield

    def lock(self, name: str) -> ProcessLock:
        """A lock of this store that at most one holder has, of all processes that share it."""
        return ProcessLock(self._engine, name, self._translated)

    def close(self) -> None:
        self._engine.dispose()
        self._turns.dispose()

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except SQLAlchemyError as problem:
            cause = getattr(problem, "orig", None) or problem
            raise TenantryError(
                Kind.UNAVAILABLE,
                f"the state store {self.url}: {str(cause).strip().splitlines()[0]}",
                "check that the database runs, is reachable and has space; then try again",
            ) from problem

    def _migrate(self) -> None:
        if self._layout() == max(file.name[:4] for file in (_MIGRATIONS / "versions").glob("[0-9]*.py")):
            return
        # Its import takes longer than most commands do, and a store's layout seldom changes.
        from alembic import command  # noqa: PLC0415
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.set_main_option("path_separator", "os")
        with self._engine.begin() as connection:
            if self.is_postgresql:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def _layout(self) -> str | None:
        """The newest migration that was made, None where there was none."""
        with self._engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _engine(url: str) -> Engine:
    hint = "write sqlite:///FILE or postgresql://USER@HOST/DATABASE"
    try:
        parsed = make_url(url)
        driver = _DRIVERS.get(parsed.get_backend_name())
        if driver is None:
            raise invalid(f"state.url: no store of kind {parsed.get_backend_name()!r}", hint)
        parsed = parsed.set(drivername=driver)
        if parsed.get_backend_name() == "postgresql":
            return create_engine(parsed, pool_pre_ping=True, pool_recycle=600)
    except (ArgumentError, NoSuchModuleError):
        raise invalid("state.url is no URL of a database", hint) from None
    return _sqlite(parsed)


def _turns(engine: Engine) -> Engine:
    """Where turns are waited for: PostgreSQL has locks for that, beside SQLite's file lies an empty one."""
    file = engine.url.database
    if engine.dialect.name != "sqlite" or not file:
        return engine
    return _sqlite(engine.url.set(database=f"{file}-turn"))


def _sqlite(url: Any) -> Engine:
    if url.database:
        folder = Path(url.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            why = f"the state store's folder {folder} cannot be made: {problem.strerror}"
            raise TenantryError(Kind.UNAVAILABLE, why, "check the folder's permissions") from problem
    engine = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def opened(connection: Any, _: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        # A writer takes its lock at once: two that read first and then write would refuse each other.
        reading = connection.get_execution_options().get(_READING)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine

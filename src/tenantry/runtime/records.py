"""What tools that act leave behind: rows kept in the state store, then landed in the lake."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from threading import Lock
from time import sleep
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from ..engine.duckdb import DuckDB
from ..engine.merge import merge_rows
from ..errors import Kind, TenantryError
from ..kernel import Catalog, Dataset, Principal
from .state import State, audit
from .state.tables import RECORD

_TRIES = 5


class Records:
    """Keeps rows in a state store and lands them in a lake. One object serves many threads."""

    def __init__(self, state: State, engine: DuckDB, catalog: Catalog) -> None:
        self.state = state
        self._engine = engine
        self._catalog = catalog
        self._landing = Lock()

    @contextmanager
    def turn(self) -> Generator[None]:
        """Act while no other thread or process does, on a lake that holds all that was kept before."""
        with self.state.turn():
            self.land()
            yield

    def keep(
        self,
        rows: Sequence[Dataset],
        principal: Principal,
        at: datetime,
        action: str,
        details: Mapping[str, Any],
        also: Callable[[Connection], None] = lambda _: None,
    ) -> None:
        """Write down what was done, the rows it left and what is `also` to be written, in one transaction; then land
        the rows.

        A row stays kept where landing fails, and is landed by the next call. Raises `unavailable`.
        """
        with self.state.begin() as connection:
            number = audit.append(connection, at, principal, action, details)
            for row in rows:
                kept = {"dataset": row.table(), "key": _key(row), "row": row.model_dump(mode="json")}
                connection.execute(insert(RECORD).values(**kept, audit=number, landed=0))
            also(connection)
        self.land()

    def land(self, again: Collection[str] = ()) -> None:
        """Land what is kept and not landed yet; of the tables `again`, all that is kept: it holds over what files say.

        Raises `unavailable` where the lake cannot be written.
        """
        with self._landing:
            with self.state.read() as connection:
                newest = connection.execute(select(func.max(RECORD.c.sequence))).scalar_one() or 0
                waiting = [] if not newest else _waiting(connection, again)
            for name, rows in waiting:
                dataset = self._catalog.dataset(name)
                self._merge([dataset.model_validate(row) for row in rows])
            if waiting:
                with self.state.begin() as connection:
                    of_these = (RECORD.c.landed == 0) & (RECORD.c.sequence <= newest)
                    connection.execute(update(RECORD).where(of_these).values(landed=1))

    def _merge(self, rows: Sequence[Dataset]) -> None:
        for attempt in range(1, _TRIES + 1):
            engine = self._engine.fork()
            try:
                with closing(engine.connection):
                    return merge_rows(engine, rows)
            except TenantryError as problem:
                # Another process, or a landing of files, committed to the table at the same moment.
                if problem.kind is not Kind.UNAVAILABLE or attempt == _TRIES:
                    raise
                sleep(0.05 * attempt)
        return None


def _waiting(connection: Connection, again: Collection[str]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """By dataset, the newest row of each key of which some version is not landed, or that is to be landed again."""
    changed = select(RECORD.c.dataset, RECORD.c.key).where(RECORD.c.landed == 0).distinct().subquery()
    of_key = (
        select(func.max(RECORD.c.sequence).label("sequence"))
        .outerjoin(changed, (changed.c.dataset == RECORD.c.dataset) & (changed.c.key == RECORD.c.key))
        .where(changed.c.key.is_not(None) | RECORD.c.dataset.in_(list(again)))
        .group_by(RECORD.c.dataset, RECORD.c.key)
        .subquery()
    )
    found: dict[str, list[Mapping[str, Any]]] = {}
    rows = select(RECORD.c.dataset, RECORD.c.row).join(of_key, of_key.c.sequence == RECORD.c.sequence)
    for row in connection.execute(rows.order_by(RECORD.c.dataset, RECORD.c.key)):
        found.setdefault(row.dataset, []).append(row.row)
    return list(found.items())


def _key(row: Dataset) -> str:
    """The row's key as JSON text: the same for equal keys, whatever the names hold."""
    values = row.model_dump(mode="json", include=set(row.keys))
    return json.dumps([values[name] for name in row.keys], ensure_ascii=True)

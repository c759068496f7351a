"""Landing what Tenantry itself used."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import closing

from ..engine.duckdb import DuckDB
from ..engine.merge import merge_rows
from ..errors import Kind, TenantryError
from ..kernel import Dataset

_log = logging.getLogger("tenantry.own")


def merged(engine: DuckDB, rows: Sequence[Dataset]) -> bool:
    """Merge these rows into their table; False where others write it at this moment: they wait for the next time."""
    if not rows:
        return True
    forked = engine.fork()
    try:
        with closing(forked.connection):
            merge_rows(forked, rows)
    except TenantryError as problem:
        if problem.kind is not Kind.UNAVAILABLE:
            raise
        _log.warning("our own usage waits for the next landing: %s", problem.message)
        return False
    return True

"""The drain: acknowledged rows into the lake, each once, whatever is killed on the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...engine.append import append, compact, keys_of
from ...engine.duckdb import DuckDB
from ...engine.lake import Mark
from ...kernel.dataset import Dataset
from .keys import ELSEWHERE, Keys, row_keys, write_keys
from .store import Store

COMMIT_BYTES = 64 * 1024 * 1024
"""Of pending rows, that one commit takes."""
_KEYS_AT_ONCE = 200_000
_PATIENCE = 2.0


class Drain:
    """Adds pending rows to the tables of a lake, by few commits. One thread's.

    How far it has come stands in the commits themselves, so that a row that a killed process committed and did not
    live to delete from the store is not added again. Keys that landed from files are learned here: an event that a
    file holds already is no news at the door.
    """

    def __init__(self, engine: DuckDB, store: Store, keys: Keys, datasets: Sequence[type[Dataset]]) -> None:
        self._engine, self._lake = engine, engine.lake
        self._store, self._keys = store, keys
        self._datasets = datasets
        self._writer = f"tenantry-intake-{store.identity}"

    def learn(self) -> None:
        """Know the keys of all that other writers have put into the lake."""
        for dataset in self._datasets:
            self._learn(dataset)

    def run(self) -> bool:
        """Drain what is pending, at most one commit to each table. Returns whether more was pending than those took.

        Raises `unavailable`, with nothing lost, where the lake cannot be written or another writes it for long.
        """
        left = False
        for dataset in self._datasets:
            if dataset.table() in self._store.waiting():
                left = self._run(dataset) or left
            else:
                self._learn(dataset)
        return left

    def _run(self, dataset: type[Dataset]) -> bool:
        table = dataset.table()
        self._learn(dataset)
        with self._lake.writing(dataset, _PATIENCE):
            pending = self._store.pending(table, COMMIT_BYTES)
            done = self._lake.marked(dataset, self._writer)
            if pending and pending[0].number <= done:
                # A killed process committed these.
                self._store.drained(table, done)
                pending = self._store.pending(table, COMMIT_BYTES)
            if not pending:
                return False
            self._learn(dataset)
            known = self._store.lake_files(table)
            there = {file.path for file in self._lake.files(dataset)}
            doubtful = [p for p, until in known.items() if until >= pending[0].number and p in there]
            upto = pending[-1].number
            packs, rows = [one.body for one in pending], sum(one.rows for one in pending)
            added = append(self._engine, dataset, packs, rows, Mark(self._writer, upto), doubtful)
            # From here on the lake alone holds what was acknowledged as durable.
            self._lake.sync(dataset, [f.path for f in self._lake.files(dataset) if f.path not in there])
            gone = [path for path in known if path not in there]
            self._store.note_files(table, {file.path: 0 for file in added}, gone)
            self._store.drained(table, upto)
            for path, of in compact(self._engine, dataset, added).items():
                self._lake.sync(dataset, [path])
                # What a compacted file held may still share keys with rows to come.
                self._store.note_files(table, {path: max(known.get(one, 0) for one in of)}, of)
        # What came meanwhile waits for its turn, so that few commits take all.
        return sum(map(len, packs)) >= COMMIT_BYTES

    def _learn(self, dataset: type[Dataset]) -> None:
        table = dataset.table()
        known = self._store.lake_files(table)
        strange = [file.path for file in self._lake.files(dataset) if file.path not in known]
        if not strange:
            return
        for keys in keys_of(self._engine, dataset, strange, _KEYS_AT_ONCE):
            self._add(row_keys(table, keys))
        # No row is between the question whether its key is known and its place among the pending now.
        with self._keys.door:
            until = self._store.newest()
        self._store.note_files(table, dict.fromkeys(strange, until))

    def _add(self, keys: Iterable[bytes]) -> None:
        asked = list(dict.fromkeys(keys))
        known = self._keys.known(asked)
        new = [key for key in asked if key not in known]
        if new:
            file = write_keys(self._store.folder, b"".join(key + ELSEWHERE for key in new))
            self._store.took_keys(file.path)
            self._keys.take(file)

"""The lake: one open (Delta) table per dataset, Parquet files that any engine reads."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Collection, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, cached_property
from pathlib import Path
from time import monotonic, sleep, time
from typing import Any, NamedTuple

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction

from ..errors import Kind, TenantryError
from ..kernel.dataset import Column, Dataset

_ARROW: dict[str, pa.DataType] = {
    "VARCHAR": pa.string(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "VARCHAR[]": pa.list_(pa.string()),
    "MAP(VARCHAR, VARCHAR)": pa.map_(pa.string(), pa.string()),
    "DECIMAL(38,0)": pa.decimal128(38, 0),
    "DECIMAL(38,9)": pa.decimal128(38, 9),
    "DECIMAL(38,18)": pa.decimal128(38, 18),
}


@dataclass(frozen=True)
class DataFile:
    """One Parquet file of a table: path relative to the table, the partition day it holds, its size."""

    path: str
    partition: str
    rows: int
    size: int


class Mark(NamedTuple):
    """How far a writer that adds to a table again and again has come; in the table itself, by its commits."""

    writer: str
    number: int


def arrow_type(column: Column) -> pa.DataType:
    return _ARROW[column.sql]


@cache
def arrow_schema(dataset: type[Dataset]) -> pa.Schema:
    """The dataset's contract as an Arrow schema, partition column included."""
    return pa.schema([(name, arrow_type(c)) for name, c in dataset.columns().items()])


class Lake:
    """A folder of tables. A reader sees the whole of one version of a table, never a half-written one.

    Files are written first, under names of their own; one commit then adds and removes them at once.
    Raises `unavailable` where the folder cannot be written or another process committed at the same moment.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.tables = self.path
        """Where the tables are."""
        self._newest: dict[Path, _Version] = {}
        self._before: dict[Path, _Version] = {}

    def folder(self, dataset: type[Dataset]) -> Path:
        return self.tables / dataset.table()

    def version(self, dataset: type[Dataset]) -> int:
        """The table's version, -1 where it does not exist."""
        newest = self._version(dataset)
        return -1 if newest is None else newest.number

    def identity(self, dataset: type[Dataset]) -> str:
        """What tells this table from one that was deleted and begun again; empty where there is none."""
        newest = self._version(dataset)
        return "" if newest is None else newest.identity

    def files(self, dataset: type[Dataset], version: int | None = None) -> list[DataFile]:
        """The files of the newest (or the given) version, in order of partition and path."""
        return self.held(dataset, version)[0]

    def held(
        self, dataset: type[Dataset], version: int | None = None
    ) -> tuple[list[DataFile], dict[str, bool]]:
        """The files of a version, the newest by default, in order of partition and path; and its columns, True for one
        that some of its files may be too old to have.
        """
        found = self._version(dataset, version)
        return ([], {}) if found is None else (list(found.files), found.columns)

    def holds(self, dataset: type[Dataset], version: int) -> bool:
        """Whether an older version can still be read: its entry in the log and all its files are there."""
        try:
            return all(Path(path).exists() for path in self.paths(dataset, version))
        except TenantryError:
            return False

    def paths(self, dataset: type[Dataset], version: int | None = None) -> list[str]:
        """Absolute paths of the newest version's files."""
        folder = self.folder(dataset)
        return [str(folder / f.path) for f in self.files(dataset, version)]

    def days(self, dataset: type[Dataset]) -> dict[date, int]:
        """Rows per partition day of a dataset that is divided by day."""
        rows: dict[date, int] = {}
        for file in self.files(dataset):
            day = date.fromisoformat(file.partition)
            rows[day] = rows.get(day, 0) + file.rows
        return rows

    def notes(self, dataset: type[Dataset], version: int | None = None) -> dict[str, Any]:
        """What the commit of the newest (or the given) version wrote down about itself; empty where there is none."""
        found = self._version(dataset, version)
        return {} if found is None else found.notes()

    def new_name(self, dataset: type[Dataset], partition: str = "") -> Path:
        """A path for a file about to be written, in its partition's folder, which is made."""
        folder = self.folder(dataset)
        if dataset.partition:
            folder /= f"{dataset.partition}={partition}"
        _make(folder)
        return folder / f"{uuid.uuid4().hex}.parquet"

    def commit(
        self,
        dataset: type[Dataset],
        added: Iterable[DataFile],
        *,
        replaces: Collection[str] | None = None,
        without: Collection[str] = (),
        notes: Mapping[str, Any] | None = None,
        since: int | None = None,
        mark: Mark | None = None,
    ) -> None:
        """Make `added` part of the table and take out the files of the `replaces` partitions (None: of all), and those
        of the paths `without`.

        `since` is the version the caller worked from (-1: there was no table): a newer one is not overwritten but
        raises `unavailable`. `mark` is kept with the commit, for `marked`.
        """
        table = self._create(dataset)
        version = table.version()
        if since is not None and version != max(since, 0):
            raise _changed_meanwhile(dataset)
        held = self.files(dataset, version)
        gone = [f for f in held if replaces is None or f.partition in replaces or f.path in without]
        said = {"tenantry": json.dumps(notes or {}, sort_keys=True, default=str)}
        actions: list[AddAction | RemoveAction] = [
            AddAction(
                path=file.path,
                size=file.size,
                partition_values={dataset.partition: file.partition} if dataset.partition else {},
                modification_time=int(time() * 1000),
                data_change=True,
                stats=json.dumps({"numRecords": file.rows}),
            )
            for file in added
        ]
        actions += [
            RemoveAction(
                path=f.path,
                data_change=True,
                deletion_timestamp=int(time() * 1000),
                size=f.size,
                partition_values={dataset.partition: f.partition} if dataset.partition else {},
            )
            for f in gone
        ]
        try:
            new = _widened(table, dataset)
            table.create_write_transaction(
                actions,
                mode="append",
                schema=Schema.from_arrow(arrow_schema(dataset)),
                partition_by=[dataset.partition] if dataset.partition else [],
                commit_properties=CommitProperties(
                    custom_metadata=said,
                    app_transactions=[Transaction(mark.writer, mark.number)] if mark else None,
                    # Tried again, it would add its files beside those that another process put in meanwhile.
                    max_commit_retries=0,
                ),
            )
            if new and len(gone) == len(held):
                table.update_incremental()
                for name in new:
                    table.alter.set_column_metadata(
                        name, {_LATER: ""}, commit_properties=CommitProperties(custom_metadata=said)
                    )
        except CommitFailedError as problem:
            raise _changed_meanwhile(dataset) from problem
        except (DeltaError, OSError) as problem:
            raise unwritable(self.path, problem) from problem

    def sync(self, dataset: type[Dataset], paths: Iterable[str]) -> None:
        """Have these files of the newest version, and its commit, on the disk itself: a loss of power undoes what was
        written and not synced. Raises `unavailable`.
        """
        folder = self.folder(dataset)
        written = [folder / path for path in paths]
        log = folder / "_delta_log"
        commit = log / f"{self.version(dataset):020}.json"
        try:
            for path in dict.fromkeys(
                [*written, *(path.parent for path in written), commit, log, folder, self.tables]
            ):
                synced(path)
        except OSError as problem:
            raise unwritable(self.path, problem) from problem

    def marked(self, dataset: type[Dataset], writer: str) -> int:
        """The number of the newest commit that this writer marked; -1 where there is none."""
        newest = self._version(dataset)
        found = None if newest is None else newest.table.transaction_version(writer)
        return -1 if found is None else found

    @contextmanager
    def writing(self, dataset: type[Dataset], patience: float | None = None) -> Generator[None]:
        """Holds off all others who read a table in order to write it, in this process and beside it. Readers do not
        wait. Raises `unavailable` where another has held it for `patience` seconds (None: waits as long as it takes).
        """
        why = f"{dataset.table()} is being written by another process or job"
        with self._locking(dataset.table(), patience, why):
            yield

    @contextmanager
    def filling(self) -> Generator[None]:
        """Holds off all others who fill the lake anew. Raises `unavailable` at once where another does."""
        with self._locking("filling", 0, f"{self.path} is being filled by another command"):
            yield

    @contextmanager
    def _locking(self, name: str, patience: float | None, why: str) -> Generator[None]:
        until = None if patience is None else monotonic() + patience
        _make(self.path)
        try:
            lock = (self.path / f".{name}.lock").open("w")
        except OSError as problem:
            raise unwritable(self.path, problem) from problem
        with lock:
            while not _locked(lock.fileno(), wait=until is None):
                if until is not None and monotonic() > until:
                    raise TenantryError(Kind.UNAVAILABLE, why, "try again when it is done")
                sleep(_LOOK_AGAIN)
            yield

    def tidy(self, dataset: type[Dataset], keep: timedelta) -> dict[str, int]:
        """Delete the files that no version of the last `keep` held, those as old that a crash left behind, and the log
        of older versions; the files' paths and sizes. The table gets no version by it, so nothing above is built
        again. Raises `unavailable`.
        """
        table = self._open(dataset)
        if table is None:
            return {}
        folder, before = self.folder(dataset), time() - keep.total_seconds()
        hours = int(keep.total_seconds() // 3600)
        deleted: dict[str, int] = {}
        try:
            # What it would delete itself it would tell of in two entries of the log. It knows files long deleted.
            for path in table.vacuum(hours, dry_run=True, enforce_retention_duration=False, full=True):
                with suppress(FileNotFoundError):
                    file = (folder / path).stat()
                    # One that is being written is in no log yet.
                    if file.st_mtime <= before:
                        (folder / path).unlink()
                        deleted[path] = file.st_size
            _shorten(folder / "_delta_log", before)
        except (DeltaError, OSError) as problem:
            raise unwritable(self.path, problem) from problem
        return deleted

    def _version(self, dataset: type[Dataset], number: int | None = None) -> _Version | None:
        """A version of a table, the newest by default. That one, and the last other one, are read once for as long as
        they are.
        """
        folder = self.folder(dataset)
        newest, before = self._newest.get(folder), self._before.get(folder)
        if newest and number in (None, newest.number) and newest.is_newest():
            return newest
        if before and number == before.number and before.is_held():
            return before
        began = _log_of(folder)
        table = self._open(dataset, number)
        if table is None:
            return None
        found = _Version(folder, dataset, table, began)
        if number is not None:
            self._before[folder] = found
        else:
            self._newest[folder] = found
            if newest:
                self._before[folder] = newest
        return found

    def _open(self, dataset: type[Dataset], version: int | None = None) -> DeltaTable | None:
        folder = self.folder(dataset)
        try:
            return DeltaTable(folder, version=version) if _has_begun(folder / "_delta_log") else None
        except (DeltaError, OSError) as problem:
            raise TenantryError(
                Kind.BROKEN_CONTRACT,
                f"the table {folder} cannot be read: {problem}",
                "a derived table may be deleted and built again; a landing table must be landed again",
            ) from problem

    def _create(self, dataset: type[Dataset]) -> DeltaTable:
        table = self._open(dataset)
        if table is not None:
            return table
        try:
            return DeltaTable.create(
                self.folder(dataset),
                schema=Schema.from_arrow(arrow_schema(dataset)),
                partition_by=[dataset.partition] if dataset.partition else None,
                mode="ignore",
                name=dataset.table(),
            )
        except (DeltaError, OSError) as problem:
            raise unwritable(self.path, problem) from problem


_LATER = "tenantry.later"
"""Said of a column that came to a table which had files, while it has them."""
_LOOK_AGAIN, _A_DAY = 0.05, 86_400
"""Seconds."""


def _log_of(folder: Path) -> tuple[int, int]:
    """What changes whenever a table's log gets an entry, or another table takes its place."""
    try:
        log = (folder / "_delta_log").stat()
    except OSError:
        return 0, 0
    return log.st_ino, log.st_mtime_ns


def _has_begun(log: Path) -> bool:
    """Whether a log has an entry: a process that was killed while it made the table left a folder, and no more."""
    try:
        return any(entry.suffix in {".json", ".parquet"} for entry in log.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return False


def _shorten(log: Path, before: float) -> None:
    """Deletes a log's entries under its newest checkpoint of before a moment. Live intake makes thousands a day, and
    all are listed whenever the table is opened.
    """
    old = [path for path in log.iterdir() if path.name[:20].isdigit() and path.stat().st_mtime <= before]
    # Its name ends otherwise until it is whole, and for good where its writer was killed.
    first = max((path.name[:20] for path in old if path.name.endswith(".checkpoint.parquet")), default="")
    for path in old:
        if path.name[:20] < first:
            path.unlink()


def _entry_of(path: Path) -> tuple[int, int] | None:
    """What tells a log's entry from another of its name; None where there is none."""
    try:
        entry = path.stat()
    except OSError:
        return None
    return entry.st_ino, entry.st_mtime_ns


class _Version:
    """What one version of a table holds. It never changes; `log` is the table's log as it was before it was read."""

    def __init__(self, folder: Path, dataset: type[Dataset], table: DeltaTable, log: tuple[int, int]) -> None:
        self.number: int = table.version()
        self.table = table
        self._partition = dataset.partition
        self._log = log
        self._folder = folder
        self._next = folder / "_delta_log" / f"{self.number + 1:020}.json"
        self._own = folder / "_delta_log" / f"{self.number:020}.json"
        self._entry = _entry_of(self._own)

    def is_newest(self) -> bool:
        # A clock is too coarse to tell two entries of one moment apart; the second one has a name.
        return _log_of(self._folder) == self._log and not self._next.exists()

    def is_held(self) -> bool:
        """Whether its own entry is in the table's log, and not that of another table in its place."""
        return self._entry is not None and _entry_of(self._own) == self._entry

    @cached_property
    def identity(self) -> str:
        return str(self.table.metadata().id)

    @cached_property
    def columns(self) -> dict[str, bool]:
        fields = self.table.schema().fields
        return {field.name: bool((field.metadata or {}).get(_LATER)) for field in fields}

    @cached_property
    def files(self) -> list[DataFile]:
        # As a stream: `pa.table` would look whether it is a data frame, and import pandas for that where there is one.
        actions = pa.RecordBatchReader.from_stream(self.table.get_add_actions(flatten=True)).read_all()
        days = actions[f"partition.{self._partition}"].to_pylist() if self._partition else [""] * len(actions)
        found = [
            DataFile(path, str(day), rows or 0, size)
            for path, day, rows, size in zip(
                actions["path"].to_pylist(),
                days,
                actions["num_records"].to_pylist(),
                actions["size_bytes"].to_pylist(),
                strict=True,
            )
        ]
        return sorted(found, key=lambda f: (f.partition, f.path))

    def notes(self) -> dict[str, Any]:
        return next((json.loads(entry.get("tenantry", "{}")) for entry in self.table.history(1)), {})


def _widened(table: DeltaTable, dataset: type[Dataset]) -> list[str]:
    """Adds to a table the columns that its dataset has got since the table was made; their names."""
    held = {field.name for field in table.schema().fields}
    new = [field for field in Schema.from_arrow(arrow_schema(dataset)).fields if field.name not in held]
    if new:
        table.alter.add_columns([Field(f.name, f.type, metadata={_LATER: "true"}) for f in new])
    return [field.name for field in new]


def _locked(file: int, *, wait: bool) -> bool:
    """Takes the lock, which ends when the file is closed or its process."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def synced(path: Path) -> None:
    """Have it on the disk itself: of a file what is in it, of a folder which names are."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_left_over(folder: Path, beginning: str) -> None:
    """Delete the working folders of processes that were killed, by how their names begin; one of today may be at work
    still.
    """
    for left in folder.glob(f"{beginning}*"):
        with suppress(OSError):
            if time() - left.stat().st_mtime > _A_DAY:
                shutil.rmtree(left)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise unwritable(folder, problem) from problem


def _changed_meanwhile(dataset: type[Dataset]) -> TenantryError:
    return TenantryError(
        Kind.UNAVAILABLE,
        f"another process changed {dataset.table()} at the same moment",
        "run the command again",
    )


def unwritable(path: Path, problem: Exception) -> TenantryError:
    return TenantryError(
        Kind.UNAVAILABLE,
        f"the lake at {path} cannot be written: {problem}",
        "check the disk's free space and the folder's permissions; nothing was changed",
    )

"""What the intake holds on disk: one SQLite file in the lake's folder, and one process that owns it.

Rows that are acknowledged and not yet in the lake, the keys that no key file has yet, the account of all that came,
and the ledger of what could not be taken. All of a group of deliveries is written by one transaction, or nothing.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple
from uuid import uuid4

from ...engine.cells import Rows, packed
from ...errors import Kind, TenantryError

_SCHEMA = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- What is acknowledged and not yet in the lake. Numbers are never given twice: the lake keeps how far it has come.
CREATE TABLE pending (
    number INTEGER PRIMARY KEY AUTOINCREMENT, dataset TEXT NOT NULL, rows INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE late_keys (number INTEGER PRIMARY KEY AUTOINCREMENT, keys BLOB NOT NULL);
CREATE TABLE key_files (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE counts (
    door TEXT NOT NULL, fate TEXT NOT NULL, reason TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (door, fate, reason)
) WITHOUT ROWID;
CREATE TABLE ledger (
    number INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL UNIQUE, door TEXT NOT NULL, fate TEXT NOT NULL,
    reason TEXT NOT NULL, id TEXT NOT NULL, tenant TEXT, content BLOB NOT NULL, whole INTEGER NOT NULL,
    stored TEXT NOT NULL, sent TEXT NOT NULL, first_at TEXT NOT NULL, last_at TEXT NOT NULL, times INTEGER NOT NULL,
    replayed_at TEXT
);
-- Files of the lake whose keys are known here. Up to a number of `pending`, rows may share keys with them.
CREATE TABLE lake_files (
    dataset TEXT NOT NULL, path TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (dataset, path)
) WITHOUT ROWID;
"""
_PAGE = 16_384
# Pages that the write-ahead log holds before they are moved: what is drained by then is never moved.
_LOG_PAGES = 2_000


class Entry(NamedTuple):
    """Something that could not be taken, as the ledger keeps it. `fate` is rejected or conflict.

    A conflict has the hash of the payload that was stored first and of the one that was sent.
    """

    digest: bytes
    door: str
    fate: str
    reason: str
    id: str
    tenant: str | None
    content: bytes
    whole: bool
    """False where the content was too long to keep all of it."""
    stored: str = ""
    sent: str = ""


@dataclass
class Group:
    """What one transaction writes."""

    rows: dict[str, list[Rows]] = field(default_factory=dict[str, list[Rows]])
    """New ones, by table."""
    keys: bytes = b""
    """One after another, each followed by its payload."""
    counts: dict[tuple[str, str, str], int] = field(default_factory=dict[tuple[str, str, str], int])
    """By door, fate and reason."""
    entries: list[Entry] = field(default_factory=list[Entry])
    replayed: list[tuple[int, bool]] = field(default_factory=list[tuple[int, bool]])
    """Entries of the ledger, by number, that are settled: whether by being stored, or else as a duplicate."""

    def add(self, table: str, rows: Rows) -> None:
        """New rows of a table."""
        self.rows.setdefault(table, []).append(rows)

    def count(self, door: str, fate: str, n: int = 1, reason: str = "") -> None:
        what = door, fate, reason
        self.counts[what] = self.counts.get(what, 0) + n


class Pending(NamedTuple):
    """Rows that were kept together, by the number of that."""

    number: int
    rows: int
    body: bytes
    """`packed`."""


class Store:
    """Raises `unavailable` where another process owns it, and where the disk is full; nothing is half written then."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "intake"
        self._path = folder / "intake.db"
        self._lock = Lock()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._owner = (folder / ".intake.lock").open("w")
        except OSError as problem:
            raise _unwritable(self._path, problem) from problem
        try:
            fcntl.flock(self._owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._owner.close()
            raise TenantryError(
                Kind.UNAVAILABLE,
                f"another process takes events into {folder}",
                "send events to it, or stop it: one lake has one intake",
            ) from None
        self._writer = self._connect()
        self._reader = self._connect()
        self._read_lock, self._sizes = Lock(), Lock()
        self.identity = self._about()
        self.pending_bytes: int = self._one("SELECT coalesce(sum(length(body)), 0) FROM pending")
        self.pending_rows: int = self._one("SELECT coalesce(sum(rows), 0) FROM pending")

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._reader.close()
        self._writer.close()
        self._owner.close()

    # --- what the door writes ---

    def write(self, group: Group, at: str) -> None:
        """All of it, on the disk when this returns; or nothing."""
        size = rows = 0
        with self._transaction() as run:
            for dataset, some in group.rows.items():
                body, new = packed(some), sum(map(len, some))
                size, rows = size + len(body), rows + new
                run("INSERT INTO pending (dataset, rows, body) VALUES (?, ?, ?)", (dataset, new, body))
            if group.keys:
                run("INSERT INTO late_keys (keys) VALUES (?)", (group.keys,))
            for entry in group.entries:
                run(
                    "INSERT INTO ledger (digest, door, fate, reason, id, tenant, content, whole, stored, sent,"
                    " first_at, last_at, times) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)"
                    " ON CONFLICT (digest) DO UPDATE SET replayed_at = NULL, last_at = excluded.last_at,"
                    " times = CASE WHEN replayed_at IS NULL THEN times + 1 ELSE 1 END",
                    (*entry, at, at),
                )
            for number, stored in group.replayed:
                _settle(run, group, number, stored=stored, at=at)
            for what, n in group.counts.items():
                run(
                    "INSERT INTO counts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
                    (*what, n),
                )
        self._grow(size, rows)

    # --- what the drain takes ---

    def newest(self) -> int:
        """The highest number that pending rows have had."""
        return self._one("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'pending'")

    def waiting(self) -> list[str]:
        """The datasets that have pending rows."""
        return [name for (name,) in self._rows("SELECT DISTINCT dataset FROM pending ORDER BY dataset")]

    def pending(self, dataset: str, size: int) -> list[Pending]:
        """The oldest pending rows of a dataset, of about so many bytes."""
        taken: list[Pending] = []
        with self._read_lock:
            for each in self._reader.execute(
                "SELECT number, rows, body FROM pending WHERE dataset = ? ORDER BY number", (dataset,)
            ):
                taken.append(Pending(*each))
                size -= len(taken[-1].body)
                if size <= 0:
                    break
        return taken

    def drained(self, dataset: str, upto: int) -> None:
        """Those pending rows are in the lake."""
        what = "FROM pending WHERE dataset = ? AND number <= ?"
        with self._transaction() as run:
            size, rows = run(
                f"SELECT coalesce(sum(length(body)), 0), coalesce(sum(rows), 0) {what}", (dataset, upto)
            ).fetchone()
            run(f"DELETE {what}", (dataset, upto))
        self._grow(-size, -rows)

    def lake_files(self, dataset: str) -> dict[str, int]:
        return dict(self._rows("SELECT path, until FROM lake_files WHERE dataset = ?", (dataset,)))

    def note_files(self, dataset: str, files: Mapping[str, int], gone: Iterable[str] = ()) -> None:
        """Files of the lake whose keys are known, each with the number until when rows may share keys with it."""
        with self._transaction() as run:
            for path, until in files.items():
                run(
                    "INSERT INTO lake_files VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET until = excluded.until",
                    (dataset, path, until),
                )
            for path in gone:
                run("DELETE FROM lake_files WHERE dataset = ? AND path = ?", (dataset, path))

    # --- keys ---

    def late_keys(self, upto: int) -> list[bytes]:
        """Keys of groups up to a number that no key file has yet."""
        query = "SELECT keys FROM late_keys WHERE number <= ? ORDER BY number"
        return [keys for (keys,) in self._rows(query, (upto,))]

    def newest_keys(self) -> int:
        return self._one("SELECT coalesce(max(number), 0) FROM late_keys")

    def key_files(self) -> list[Path]:
        """The key files there are. What a killed process left half done is deleted."""
        named = {name for (name,) in self._rows("SELECT name FROM key_files")}
        for path in self.folder.glob("*.keys"):
            if path.name not in named:
                path.unlink(missing_ok=True)
        return [self.folder / name for name in sorted(named)]

    def took_keys(self, new: Path, *, instead: Sequence[Path] = (), upto: int = 0) -> None:
        """A key file is there, in the place of others or of late keys up to a number."""
        with self._transaction() as run:
            run("INSERT INTO key_files VALUES (?)", (new.name,))
            for path in instead:
                run("DELETE FROM key_files WHERE name = ?", (path.name,))
            run("DELETE FROM late_keys WHERE number <= ?", (upto,))

    # --- accounts ---

    def counts(self) -> list[tuple[str, str, str, int]]:
        """(door, fate, reason, n) of all that ever came."""
        return self._rows("SELECT door, fate, reason, n FROM counts ORDER BY door, fate, reason")

    def ledger(self, where: str, values: Sequence[Any], limit: int) -> list[dict[str, Any]]:
        with self._read_lock, _translated(self._path):
            cursor = self._reader.execute(
                f"SELECT * FROM ledger WHERE {where} ORDER BY number LIMIT ?", (*values, limit)
            )
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def ledger_counts(self) -> list[tuple[str, str, str, int, int]]:
        """(door, fate, reason, entries, times) of what is in the ledger and not replayed."""
        return self._rows(
            "SELECT door, fate, reason, count(*), sum(times) FROM ledger WHERE replayed_at IS NULL"
            " GROUP BY door, fate, reason ORDER BY door, fate, reason"
        )

    # --- the connection ---

    def _grow(self, size: int, rows: int) -> None:
        with self._sizes:
            self.pending_bytes += size
            self.pending_rows += rows

    def _connect(self) -> sqlite3.Connection:
        with _translated(self._path):
            made = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            made.execute(f"PRAGMA page_size = {_PAGE}")
            made.execute("PRAGMA journal_mode = WAL")
            # Each commit is on the disk before it returns.
            made.execute("PRAGMA synchronous = FULL")
            made.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
            # What has landed need not be overwritten, too, as some builds of the library do.
            made.execute("PRAGMA secure_delete = OFF")
            return made

    def _about(self) -> str:
        with self._transaction() as run:
            if not run("SELECT 1 FROM sqlite_master WHERE name = 'about'").fetchone():
                for statement in _SCHEMA.split(";\n"):
                    run(statement)
                run("INSERT INTO about VALUES ('identity', ?)", (uuid4().hex,))
            return run("SELECT value FROM about WHERE name = 'identity'").fetchone()[0]

    @contextmanager
    def _transaction(self) -> Generator[Any]:
        with self._lock, _translated(self._path):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer.execute
                self._writer.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._writer.execute("ROLLBACK")
                raise

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._read_lock, _translated(self._path):
            return self._reader.execute(sql, values).fetchall()

    def _one(self, sql: str) -> Any:
        return self._rows(sql)[0][0]


def _settle(run: Any, group: Group, number: int, *, stored: bool, at: str) -> None:
    """Move an entry, which came several times perhaps, from its fate to that of today; once."""
    found = run(
        "UPDATE ledger SET replayed_at = ? WHERE number = ? AND replayed_at IS NULL"
        " RETURNING door, fate, reason, times",
        (at, number),
    ).fetchone()
    if found:
        door, fate, reason, times = found
        group.count(door, fate, -times, kind_of(reason))
        group.count(door, "stored", int(stored))
        group.count(door, "duplicate", times - stored)


def kind_of(reason: str) -> str:
    """A reason without what is particular to one point."""
    return reason.partition(":")[0]


@contextmanager
def _translated(path: Path) -> Generator[None]:
    """SQLite's exceptions as ours, at the one seam."""
    try:
        yield
    except (sqlite3.Error, OSError) as problem:
        raise _unwritable(path, problem) from problem


def _unwritable(path: Path, problem: Exception) -> TenantryError:
    return TenantryError(
        Kind.UNAVAILABLE,
        f"the intake at {path} cannot be written: {problem}",
        "check the disk's free space and the folder's permissions; what was acknowledged is kept",
    )

"""The intake: judges points, keeps them, and lands them behind the sender's back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import chain
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any

from ...engine.cells import get_ready
from ...engine.duckdb import DuckDB
from ...errors import Kind, TenantryError
from ...kernel.live import Live
from .doors import EVENTS, SIGNALS, EventDoor, TelemetryDoor
from .drain import Drain
from .judge import Judge
from .keys import KEY, WIDTH, KeyFile, Keys, merge_keys, write_keys
from .parcel import Conflict, Parcel, Rejected
from .store import Entry, Group, Store, kind_of

_log = logging.getLogger("tenantry.intake")


@dataclass(frozen=True)
class Limits:
    """Bytes, keys, seconds."""

    body: int = 16 * 1024 * 1024
    """Of a request, as sent."""
    unpacked: int = 64 * 1024 * 1024
    queue: int = 128 * 1024 * 1024
    """Of all requests that are not answered yet, unpacked."""
    backlog: int = 8 * 1024 * 1024 * 1024
    """Of rows that are acknowledged and not yet in the lake."""
    content: int = 64 * 1024
    """Of a point, that the ledger keeps."""
    late_keys: int = 200_000
    """In memory."""
    every: float = 5.0
    """Between two commits to a table of the lake."""
    group: int = 8 * 1024 * 1024
    """Of parcels that one transaction keeps."""


class Intake:
    """Takes points at the door, with a verdict for each: stored, duplicate, conflict, rejected, left out.

    A point is on the disk before its verdict is told. The same key never counts twice, however much later it comes.
    Everything raises `unavailable` before `start` and after `stop`.
    """

    def __init__(
        self,
        engine: DuckDB,
        events: Live,
        telemetry: Live,
        now: Callable[[], datetime],
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self._engine, self._now = engine, now
        self._reading, self._landing = engine.fork(), engine.fork()
        self.events = EventDoor(events, self._reading, now)
        self.telemetry = TelemetryDoor(telemetry, self._reading)
        self._datasets = list({m.dataset: None for live in (events, telemetry) for m in live.mappings})
        self._tables = {d.table(): d for d in self._datasets}
        self._tenants = {d.table(): list(d.columns()).index("tenant_id") for d in self._datasets}
        self._late = 0
        self._odd: SimpleQueue[Parcel | None] = SimpleQueue()
        self._read: SimpleQueue[Parcel | None] = SimpleQueue()
        self._held = 0
        self._holding = Lock()
        self._draining = Lock()
        self._why: TenantryError | None = _closed()
        self._leaving = Event()
        self._opening: Thread | None = None
        self._stopping = Event()
        self._full = Event()
        self._refused = 0
        self._threads = [
            Thread(target=self._forever, args=(work,), name=f"intake-{name}", daemon=True)
            for name, work in (
                ("read", self._read_odd), ("keep", self._keep), ("drain", self._drain_on), ("keys", self._file_keys),
            )
        ]  # fmt: skip

    def start(self) -> None:
        """Learn what landed from files while nobody took in, and open. Where that cannot be, as where another process
        takes in for this lake, `check` says why, and it opens as soon as it can.
        """
        self._leaving.clear()
        if not self._opening and not self._opened():
            self._opening = Thread(target=self._open_later, name="intake-open", daemon=True)
            self._opening.start()

    def _opened(self) -> bool:
        try:
            self._open()
        except TenantryError as problem:
            if not self._why or problem.message != self._why.message:
                _log.error("nothing is taken in: %s", problem.message)
            self._why = problem
            return False
        self._why = None
        for thread in self._threads:
            thread.start()
        return True

    def _open_later(self) -> None:
        while not self._leaving.wait(_OPEN_AGAIN):
            if self._opened():
                return

    def check(self) -> None:
        """Raises why nothing is taken in, if so."""
        if why := self._why:
            raise TenantryError(why.kind, why.message, why.hint)

    def _open(self) -> None:
        self._store = Store(self._engine.lake.path)
        try:
            self._keys = Keys(KeyFile(path) for path in self._store.key_files())
            for keys in self._store.late_keys(self._store.newest_keys()):
                self._keys.late.update(_pairs(keys))
            self._drain = Drain(self._landing, self._store, self._keys, self._datasets)
            self._drain.learn()
        except BaseException:
            self._store.close()
            raise
        get_ready()

    def stop(self) -> None:
        """Answer what is here, land it as far as the lake lets us, and close."""
        self._leaving.set()
        if self._opening:
            self._opening.join()
            self._opening = None
        if self._why:
            return
        read, keep, drain, keys = self._threads
        self._why = _closed()
        self._read.put(None)
        keep.join()
        self._odd.put(None)
        read.join()
        self._read.put(None)
        self._forever(self._keep)
        for late in (self._odd, self._read):
            self._tell([*_left(late)], _closed())
        self._stopping.set()
        self._full.set()
        drain.join()
        keys.join()
        try:
            self.flush()
        except TenantryError as problem:
            _log.warning("what is not in the lake yet waits for the next start: %s", problem.message)
        self._store.close()
        self._reading.connection.close()
        self._landing.connection.close()

    # --- at the door ---

    def hold(self, size: int) -> None:
        """Make room for so many bytes of a request. Raises `limit_exceeded` where there is none."""
        self.check()
        with self._holding:
            if self._held + size > self.limits.queue and self._held:
                self._refused += 1
                raise _full("more is on its way in than fits into memory", 1)
            if self._store.pending_bytes > self.limits.backlog:
                self._refused += 1
                raise _full("more is waiting to land than there is room for", 10)
            self._held += size

    def let_go(self, size: int) -> None:
        with self._holding:
            self._held -= size

    def submit(self, parcel: Parcel) -> None:
        """Have a parcel judged and kept; its `tell` is called when that is done, or why it cannot be."""
        self.check()
        (self._odd if parcel.odd else self._read).put(parcel)

    def take(self, parcel: Parcel) -> Parcel:
        """The same, and wait for it. Raises what `tell` would be told."""
        done = Event()
        told: list[TenantryError | None] = []

        def tell(problem: TenantryError | None) -> None:
            told.append(problem)
            done.set()

        parcel.tell = tell
        self.submit(parcel)
        done.wait()
        if problem := told[0]:
            raise problem
        return parcel

    # --- the ledger ---

    def ledger(
        self, *, reason: str | None = None, door: str | None = None, after: int = 0, limit: int = 100,
        tenant: str | None = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """What could not be taken and was not replayed since, oldest first, after an entry's number."""
        asked = {"reason": reason, "door": door, "tenant": tenant}
        given = {name: value for name, value in asked.items() if value is not None}
        where = " AND ".join(["number > ?", "replayed_at IS NULL", *(f"{name} = ?" for name in given)])
        return self._store.ledger(where, [after, *given.values()], limit)

    def ledger_counts(self) -> list[dict[str, Any]]:
        """How many entries there are of each door, fate and reason, and how many times they came."""
        names = ("door", "fate", "reason", "entries", "times")
        return [dict(zip(names, row, strict=True)) for row in self._store.ledger_counts()]

    def replay(
        self, *, reason: str | None = None, door: str | None = None, after: int = 0, limit: int = 1_000,
        tenant: str | None = None,
    ) -> Mapping[str, int]:  # fmt: skip
        """Put entries of the ledger through the door again, each once.

        What is stored now, or turns out to be a duplicate, leaves the ledger and moves in the account; it was received
        when it came. Returns `tried`, `accepted`, `duplicates`, `left` and `last`, the number of the last entry tried.
        """
        entries = self.ledger(reason=reason, door=door, after=after, limit=limit, tenant=tenant)
        parcels: dict[tuple[str, str | None], dict[int, bytes]] = {}
        for entry in entries:
            if entry["whole"]:
                parcels.setdefault((entry["door"], entry["tenant"]), {})[entry["number"]] = entry["content"]
        accepted = duplicates = 0
        for (name, bound), some in parcels.items():
            of = self.events if name == EVENTS else self.telemetry
            parcel = of.reopen(name, some, bound)
            parcel.again = True
            self.take(parcel)
            accepted, duplicates = accepted + parcel.accepted, duplicates + parcel.duplicates
        return {
            "tried": len(entries), "accepted": accepted, "duplicates": duplicates,
            "left": len(entries) - accepted - duplicates, "last": entries[-1]["number"] if entries else after,
        }  # fmt: skip

    # --- accounts ---

    def counters(self) -> dict[str, dict[str, int]]:
        """Of each door: points `received`, and what became of them. received = stored + duplicate + conflict +
        rejected + left_out, always.
        """
        found: dict[str, dict[str, int]] = {
            door: dict.fromkeys(("received", "stored", "duplicate", "conflict", "rejected", "left_out"), 0)
            for door in (EVENTS, *SIGNALS)
        }
        for door, fate, _, n in self._store.counts():
            found[door][fate] += n
        return found

    def reasons(self) -> list[tuple[str, str, str, int]]:
        """(door, fate, reason, points) of what was rejected or left out."""
        return [row for row in self._store.counts() if row[2]]

    def gauges(self) -> dict[str, int]:
        """What is here at this moment."""
        return {
            "queue_bytes": self._held,
            "pending_rows": self._store.pending_rows,
            "pending_bytes": self._store.pending_bytes,
            "refused_requests": self._refused,
            "key_files": len(self._keys.files),
            "keys": sum(file.keys for file in self._keys.files)
            + len(self._keys.late)
            + len(self._keys.frozen),
        }

    def figures(self) -> dict[str, int]:
        """`counters` and `gauges` under one name each; nothing while it is closed."""
        if self._why:
            return {}
        totals = {f"{door}_{fate}_total": n for door, of in self.counters().items() for fate, n in of.items()}
        return totals | self.gauges()

    def flush(self) -> None:
        """Land all that was acknowledged before. Raises `unavailable` where the lake cannot be written."""
        with self._draining:
            while self._drain.run():
                pass

    # --- the threads ---

    def _forever(self, work: Callable[[], bool]) -> None:
        """Work until it says that it is done. A defect of ours costs one piece of work, not the thread."""
        while True:
            try:
                if not work():
                    return
            except Exception:  # noqa: BLE001 - the thread goes on
                _log.exception("a defect in the intake")
                if self._stopping.wait(1):
                    return

    def _read_odd(self) -> bool:
        parcels = _waiting(self._odd, self.limits.group)
        here = [parcel for parcel in parcels if parcel]
        for door in (self.events, self.telemetry):
            some = [parcel for parcel in here if (parcel.door == EVENTS) is (door is self.events)]
            if not some:
                continue
            try:
                door.read_odd(some)
            except Exception as problem:  # noqa: BLE001 - told to who waits, and logged
                self._tell(some, problem)
            else:
                for parcel in some:
                    parcel.odd.clear()
                    self._read.put(parcel)
        return len(here) == len(parcels)

    def _keep(self) -> bool:
        parcels = _waiting(self._read, self.limits.group)
        here = [parcel for parcel in parcels if parcel]
        if here:
            try:
                self._keep_these(here)
            except Exception as problem:  # noqa: BLE001 - told to who waits, and logged
                self._tell(here, problem)
            else:
                for parcel in here:
                    if parcel.problem:
                        self._tell([parcel], parcel.problem)
                    elif parcel.odd:
                        self._odd.put(parcel)
                    else:
                        parcel.tell(None)
        return len(here) == len(parcels)

    def _tell(self, parcels: Sequence[Parcel], problem: Exception) -> None:
        if not isinstance(problem, TenantryError):
            _log.error("a defect in the intake", exc_info=problem)
            problem = TenantryError(Kind.INTERNAL, "the intake failed", "nothing of the request was kept")
        for parcel in parcels:
            parcel.tell(problem)

    def _keep_these(self, parcels: Sequence[Parcel]) -> None:
        """Read parcels, judge them and write what they come to. All or nothing, of those without a problem whose points
        are all read.
        """
        group, keys = Group(), self._keys
        with keys.door, Judge(keys, group, self._tables) as judge:
            plains = [*self.events.read(parcel for parcel in parcels if parcel.unread is not None)]
            # All at once: to look into a file for few keys costs as much as for a thousand.
            judge.look_up([*chain.from_iterable(plain.keys for plain in plains)])
            for plain in plains:
                judge.plain(plain)
            ready = [parcel for parcel in parcels if not (parcel.odd or parcel.problem)]
            if not ready:
                return
            for parcel in ready:
                if parcel.tenant is not None:
                    self._bind(parcel)
            judge.look_up([key for parcel in ready for key in parcel.row_keys()])
            for parcel in ready:
                if parcel.plain:
                    judge.plain(parcel.plain)
                judge.points(parcel)
                self._account(parcel, group)
            group.keys = judge.new()
            self._store.write(group, self._now().astimezone(UTC).isoformat(timespec="seconds"))
            judge.kept = True
        if len(keys.late) >= self.limits.late_keys and not keys.frozen:
            self._late = self._store.newest_keys()
            keys.freeze()
            self._full.set()

    def _bind(self, parcel: Parcel) -> None:
        """Of a sender bound to a tenant: reject what is another's."""
        if plain := parcel.plain:
            mine = [tenant == parcel.tenant for tenant in plain.rows.cells("tenant_id")]
            if not all(mine):
                parcel.plain = plain.only(mine)
            for index, name, fits in zip(plain.indexes, plain.names, mine, strict=True):
                if not fits:
                    parcel.reject(index, name, _FOREIGN)
        points, parcel.points = parcel.points, []
        for point in points:
            if all(cells[self._tenants[table]] == parcel.tenant for table, _, _, cells in point[2]):
                parcel.points.append(point)
            else:
                parcel.reject(point[0], point[1], _FOREIGN)

    def _account(self, parcel: Parcel, group: Group) -> None:
        """Move a parcel's verdicts into the account and the ledger."""
        door = parcel.door
        if parcel.again:
            return
        group.count(door, "received", parcel.received)
        for fate, n in (("stored", parcel.accepted), ("duplicate", parcel.duplicates)):
            if n:
                group.count(door, fate, n)
        for why, n in parcel.left_out.items():
            group.count(door, "left_out", n, why)
        for rejected in parcel.rejected:
            group.count(door, "rejected", reason=kind_of(rejected.reason))
            group.entries.append(self._entry(parcel, "rejected", rejected))
        for conflict in parcel.conflicts:
            group.count(door, "conflict", reason=_CONFLICT)
            group.entries.append(self._entry(parcel, "conflict", conflict))

    def _entry(self, parcel: Parcel, fate: str, point: Rejected | Conflict) -> Entry:
        content = parcel.content(point.index)
        reason = point.reason if isinstance(point, Rejected) else _CONFLICT
        hashes = (point.stored, point.sent) if isinstance(point, Conflict) else ("", "")
        # The same again is the same entry, which came one time more.
        digest = blake2b(
            "\n".join([parcel.door, parcel.tenant or "", fate, reason, *hashes]).encode(), digest_size=16
        )
        digest.update(content)
        limit = self.limits.content
        return Entry(
            digest.digest(), parcel.door, fate, reason, point.id or "", parcel.tenant, content[:limit],
            len(content) <= limit, *hashes,
        )  # fmt: skip

    def _drain_on(self) -> bool:
        """Every few seconds; less often the longer it takes."""
        began = monotonic()
        left = False
        try:
            with self._draining:
                left = self._drain.run()
        except TenantryError as problem:
            _log.warning("what came in waits: %s", problem.message)
        took = monotonic() - began
        return not self._stopping.wait(took if left else max(self.limits.every, 20 * took))

    def _file_keys(self) -> bool:
        """Move keys from memory into files, and few files into one."""
        self._full.wait()
        self._full.clear()
        keys, store = self._keys, self._store
        try:
            if keys.frozen:
                new = write_keys(store.folder, b"".join(store.late_keys(self._late)))
                store.took_keys(new.path, upto=self._late)
                keys.take(new, thaw=True)
            while alike := keys.to_merge():
                new = merge_keys(store.folder, alike)
                store.took_keys(new.path, instead=[file.path for file in alike])
                keys.take(new, instead=alike)
                for file in alike:
                    file.path.unlink(missing_ok=True)
        except (OSError, TenantryError) as problem:
            _log.warning("keys stay in memory: %s", problem)
            if not self._stopping.wait(self.limits.every):
                self._full.set()
        return not self._stopping.is_set()


_OPEN_AGAIN = 1.0
"""Seconds between two tries."""
_FOREIGN = "not of the sender's tenant"
_CONFLICT = "the same key came before with another payload"


def _full(what: str, seconds: int) -> TenantryError:
    return TenantryError(Kind.LIMIT_EXCEEDED, what, f"try again in {seconds} s", retry_after=seconds)


def _closed() -> TenantryError:
    return TenantryError(Kind.UNAVAILABLE, "the intake is closing", "try again in a moment")


def _waiting(queue: SimpleQueue[Parcel | None], size: int) -> list[Parcel | None]:
    """What waits in a queue, of about so many bytes; waits for the first. None, which comes last, closes it."""
    first = queue.get()
    taken: list[Parcel | None] = [first]
    with suppress(Empty):
        while taken[-1] and (size := size - taken[-1].size) > 0:
            taken.append(queue.get_nowait())
    return taken


def _left(queue: SimpleQueue[Parcel | None]) -> Iterator[Parcel]:
    with suppress(Empty):
        while True:
            if parcel := queue.get_nowait():
                yield parcel


def _pairs(keys: bytes) -> list[tuple[bytes, bytes]]:
    """Keys, each with the payload that follows it."""
    return [(keys[n : n + KEY], keys[n + KEY : n + WIDTH]) for n in range(0, len(keys), WIDTH)]

"""The judge: which points are new, the same again, or in conflict with what came before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, compress
from operator import is_
from typing import Self

from ...engine.cells import Rows
from ...kernel.dataset import Dataset
from ...kernel.live import Cells
from .keys import ELSEWHERE, Keys
from .parcel import Conflict, Parcel, Plain, Row
from .store import Group


class Judge:
    """Decides on the points of a group, first come, first served. For a caller who holds `Keys.door`.

    Used as a context. New keys are among those in memory at once, so that each is looked for there but once; at the end
    they are taken out again, unless `kept` says that the group is on the disk.
    """

    def __init__(self, keys: Keys, group: Group, tables: Mapping[str, type[Dataset]]) -> None:
        self._keys, self._group, self._tables = keys, group, tables
        self._seen = keys.late
        self._filed: dict[bytes, bytes] = {}
        self._new: list[bytes] = []
        self.kept = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for key in [*self._filed] if self.kept else [*self._filed, *self._new[::2]]:
            self._seen.pop(key, None)

    def look_up(self, keys: Sequence[bytes]) -> None:
        """Learn which of the keys came before those in memory."""
        if filed := self._keys.filed(keys):
            strange = {key: told for key, told in filed.items() if key not in self._seen}
            self._filed |= strange
            self._seen |= strange

    def new(self) -> bytes:
        """The keys that came first in this group, one after another, each followed by its payload."""
        return b"".join(self._new)

    def plain(self, plain: Plain) -> None:
        """Judge points whose keys were looked up. Runs for all events: one costs no more than it must."""
        firsts = [*map(self._seen.setdefault, plain.keys, plain.payloads)]
        new = [*map(is_, firsts, plain.payloads)]
        pairs = zip(plain.keys, plain.payloads, strict=True)
        self._new += chain.from_iterable(compress(pairs, new))
        end = 0
        for parcel, n in plain.spans:
            begin, end = end, end + n
            fresh = sum(new[begin:end])
            parcel.accepted += fresh
            if fresh < n:
                again = [place for place in range(begin, end) if not new[place]]
                clashes = _clashes(plain, again, firsts)
                parcel.conflicts += clashes
                parcel.duplicates += len(again) - len(clashes)
            if parcel.again:
                clashed = {conflict.index for conflict in parcel.conflicts}
                self._group.replayed += [
                    (index, fresh)
                    for index, fresh in zip(plain.indexes[begin:end], new[begin:end], strict=True)
                    if index not in clashed
                ]
        if all(new):
            self._group.add(plain.table, plain.rows)
        elif any(new):
            self._group.add(plain.table, plain.rows.only(new))

    def points(self, parcel: Parcel) -> None:
        """Judge points of several rows each, whose keys were looked up."""
        seen, rows = self._seen, dict[str, list[Cells]]()
        for index, name, of_point in parcel.points:
            new: list[Row] = []
            clash: tuple[bytes, bytes] | None = None
            for row in of_point:
                before = seen.get(row[1])
                if before is None:
                    new.append(row)
                elif before not in (row[2], ELSEWHERE):
                    clash = before, row[2]
            if clash:
                parcel.conflicts.append(Conflict(index, name, clash[0].hex(), clash[1].hex()))
                continue
            for table, key, payload, cells in new:
                seen[key] = payload
                self._new += key, payload
                rows.setdefault(table, []).append(cells)
            if new:
                parcel.accepted += 1
            else:
                parcel.duplicates += 1
            if parcel.again:
                self._group.replayed.append((index, bool(new)))
        for table, cells in rows.items():
            self._group.add(table, Rows.of(self._tables[table], [*zip(*cells, strict=True)]))


def _clashes(plain: Plain, again: Sequence[int], firsts: Sequence[bytes]) -> list[Conflict]:
    """Of points that came before: those that came with another payload."""
    return [
        Conflict(plain.indexes[n], plain.names[n], firsts[n].hex(), plain.payloads[n].hex())
        for n in again
        if firsts[n] not in (plain.payloads[n], ELSEWHERE)
    ]

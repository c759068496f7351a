"""The keys of all that ever came in: in memory those of late, in sorted files all others. Nothing is ever forgotten.

A key is 16 bytes, which name a row, and 8 that tell its payload from another; both BLAKE2b. Memory does not grow with
the number of keys but for an index of less than a byte each: a file is looked into through the operating system.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from threading import Lock
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from ...engine.lake import synced

KEY, PAYLOAD = 16, 8
WIDTH = KEY + PAYLOAD
ELSEWHERE = bytes(PAYLOAD)
"""The payload of a row that landed from a file: nobody compares with it."""
MERGED = 4
"""So many key files of a like size become one: a key is written again as its file grows by this factor."""

_Words = npt.NDArray[np.uint64]
_NAME, _TELL = blake2b(digest_size=KEY), blake2b(digest_size=PAYLOAD)
# A key file is looked into where its index says: among so many keys on average.
_BUCKET = 16
_AT_ONCE = 1 << 20


def row_keys(table: str, rows: Iterable[Sequence[str]]) -> list[bytes]:
    """The keys of rows of a table by the cells that name each."""
    begun = _NAME.copy()
    # No cell holds a NUL.
    begun.update(f"{table}\0".encode())
    made: list[bytes] = []
    for cells in rows:
        digest = begun.copy()
        digest.update("\0".join(cells).encode())
        made.append(digest.digest())
    return made


def payloads(contents: Iterable[bytes]) -> list[bytes]:
    """What tells one content from another; never `ELSEWHERE`."""
    told: list[bytes] = []
    for content in contents:
        digest = _TELL.copy()
        digest.update(content)
        told.append(digest.digest())
    return [b"\1" * PAYLOAD if one == ELSEWHERE else one for one in told] if ELSEWHERE in told else told


class KeyFile:
    """Sorted keys in a file that never changes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.keys = path.stat().st_size // WIDTH
        # As a plain array: a `memmap` is one, too, but each step of a search would take twice as long.
        words: _Words = np.memmap(path, np.uint64, "r").view(np.ndarray).reshape(3, self.keys)
        self._high, self._low, self._payload = words
        bits = max(self.keys // _BUCKET, 1).bit_length()
        self._shift = np.uint64(64 - bits)
        begins = np.arange(1 << bits, dtype=np.uint64) << self._shift
        self._index = np.append(np.searchsorted(self._high, begins), self.keys)

    def find(self, high: _Words, low: _Words) -> tuple[npt.NDArray[np.intp], _Words]:
        """Which of these keys the file has, and their payloads."""
        bucket = (high >> self._shift).astype(np.intp)
        first = self._index.take(bucket)
        step = 1 << int((self._index.take(bucket + 1) - first).max(initial=0)).bit_length()
        # Keys after a bucket are higher than all that are looked for in it, so a step may lead there.
        while step := step >> 1:
            first += step * (self._high.take(first + (step - 1), mode="clip") < high)
        # Where even the last key is lower, it was stepped beyond more than once.
        np.minimum(first, self.keys, out=first)
        found: list[npt.NDArray[np.intp]] = []
        payloads: list[_Words] = []
        asked = np.flatnonzero(first < self.keys)
        # Keys of equal high words are next to each other; hardly ever more than one.
        while len(asked := asked[self._high[first[asked]] == high[asked]]):
            same = self._low[first[asked]] == low[asked]
            found.append(asked[same])
            payloads.append(self._payload[first[asked[same]]])
            asked = asked[~same]
            first[asked] += 1
            asked = asked[first[asked] < self.keys]
        if not found:
            return np.empty(0, np.intp), np.empty(0, np.uint64)
        return np.concatenate(found), np.concatenate(payloads)

    def between(self, low: int, high: int) -> _Words:
        """The keys whose first 16 bits lie in a span, its end exclusive; as columns."""
        ends = [np.uint64(low << 48), np.uint64(min(high << 48, (1 << 64) - 1))]
        first, last = np.searchsorted(self._high, ends)
        last = self.keys if high == 1 << 16 else last
        return np.stack([column[first:last] for column in (self._high, self._low, self._payload)])


def write_keys(folder: Path, keys: bytes) -> KeyFile:
    """A new file of these keys, each followed by its payload; on the disk when this returns."""
    return _written(folder, len(keys) // WIDTH, [_sorted(_words(keys, WIDTH))])


def merge_keys(folder: Path, files: Sequence[KeyFile]) -> KeyFile:
    """One new file of all keys of these; in memory are few of them at a time."""
    keys = sum(file.keys for file in files)
    spans = max(keys // _AT_ONCE, 1)
    edges = [(1 << 16) * n // spans for n in range(spans + 1)]
    pieces = (
        _sorted(np.concatenate([file.between(low, high) for file in files], axis=1))
        for low, high in pairwise(edges)
    )
    return _written(folder, keys, pieces)


def _words(keys: bytes, width: int) -> _Words:
    """Columns of native words of keys that stand one after another."""
    words = np.frombuffer(keys, ">u8").reshape(-1, width // 8)
    return np.ascontiguousarray(words.T, np.uint64)


def _sorted(words: _Words) -> _Words:
    return words.take(np.argsort(words[0], kind="stable"), axis=1)


def _written(folder: Path, keys: int, pieces: Iterable[_Words]) -> KeyFile:
    path = folder / f"{uuid4().hex}.keys"
    done = 0
    try:
        with path.open("wb") as file:
            for piece in pieces:
                for place, column in enumerate(piece):
                    file.seek((place * keys + done) * column.itemsize)
                    file.write(column)
                done += piece.shape[1]
            file.flush()
            os.fsync(file.fileno())
        synced(folder)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return KeyFile(path)


class Keys:
    """All keys. One thread, which holds `door`, adds to those in memory; any thread may look, and take files in."""

    def __init__(self, files: Iterable[KeyFile] = ()) -> None:
        self.door = Lock()
        """Held from the question whether keys are known until they are."""
        self.files = tuple(files)
        self._taking = Lock()
        self.late: dict[bytes, bytes] = {}
        self.frozen: dict[bytes, bytes] = {}
        """Those that are being written to a file."""

    def known(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those of the keys that came before. Waits for `door`: what may yet fail to be written is not known."""
        with self.door:
            late = self.late.keys() & keys
        # A key that moved on meanwhile is found where it went.
        return late | self.filed(keys).keys()

    def filed(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those of the keys that are in files, or on their way there, with their payloads."""
        # Looked at in this order a key that moves on meanwhile is seen at least once.
        frozen, files = self.frozen, self.files
        found = {key: frozen[key] for key in frozen.keys() & keys} if frozen else {}
        if files and keys:
            found |= _look(files, keys)
        return found

    def freeze(self) -> None:
        """Set those in memory aside, to be written. Only where none are yet."""
        self.frozen, self.late = self.late, {}

    def take(self, new: KeyFile, *, instead: Sequence[KeyFile] = (), thaw: bool = False) -> None:
        """Look into one more file from now on, in the place of others or of those that were set aside."""
        with self._taking:
            self.files = (*(file for file in self.files if file not in instead), new)
        if thaw:
            self.frozen = {}

    def to_merge(self) -> list[KeyFile]:
        """Files of a like size that should become one, the smallest; none where there are few of each."""
        sizes: dict[int, list[KeyFile]] = {}
        for file in self.files:
            sizes.setdefault(file.keys.bit_length() // (MERGED.bit_length() - 1), []).append(file)
        alike = (files for _, files in sorted(sizes.items()) if len(files) >= MERGED)
        return next(alike, list[KeyFile]())


def _look(files: Sequence[KeyFile], keys: Sequence[bytes]) -> dict[bytes, bytes]:
    words = _words(b"".join(keys), KEY)
    found: dict[bytes, bytes] = {}
    for file in files:
        places, payloads = file.find(words[0], words[1])
        if len(places):
            told = payloads.astype(">u8").tobytes()
            found_at: list[int] = places.tolist()
            for n, place in enumerate(found_at):
                found.setdefault(keys[place], told[n * PAYLOAD : (n + 1) * PAYLOAD])
    return found

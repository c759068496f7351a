"""Files that people bring over the network: kept in the lake until a job has landed them."""

from __future__ import annotations

import os
import re
import shutil
import zlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import time
from typing import IO, Any
from uuid import uuid4

from ..engine.files import recognise, samples
from ..engine.lake import unwritable
from ..errors import invalid
from ..kernel import Source
from .ingest import Progress
from .jobs import JobKind, Step
from .plane import ControlPlane

BATCH = r"^[0-9a-f]{32}$"
"""A batch's name: whoever brings files makes it up, so that a request may be sent again."""
LARGEST = 4 * 2**30
MOST = 200
"""Bytes of a file, and files of a batch."""
_GZIP = b"\x1f\x8b"
_UNPACKED, _TIMES = 64 * 2**20, 100
"""A packed file is refused that unpacks to more than so many bytes and so many times its size; bills come to 30."""
_PIECE = 2**20
_UNSAFE = re.compile(r"[^\w .,()@+=-]|^[. ]+")
_LONGEST = 120


@dataclass(frozen=True)
class Brought:
    """A file that was brought. `kind` is the source that reads it; None: it was not kept, and `problem` says why."""

    name: str
    bytes: int
    kind: str | None
    lands: tuple[str, ...] = ()
    problem: str | None = None


class Uploads:
    """The files brought to a lake, by batch, in a folder of it. One object serves many threads."""

    def __init__(self, folder: Path, sources: Sequence[type[Source]], largest: int = LARGEST) -> None:
        self._folder = folder
        self._sources = sources
        self.largest = largest

    def batches(self) -> list[str]:
        """Those that have files."""
        return [one.name for one in self._folder.iterdir()] if self._folder.is_dir() else []

    def folder(self, batch: str) -> Path:
        """Raises `invalid` for what is no batch's name."""
        if not re.fullmatch(BATCH, batch):
            raise invalid(f"{batch[:40]!r} is no batch", "give 32 hexadecimal digits")
        return self._folder / batch

    @contextmanager
    def incoming(self, batch: str, name: str) -> Generator[Incoming]:
        """A file to write to; it has its name once the block ends. Nothing of it stays where that does not end well."""
        folder = self.folder(batch)
        # Hidden until it is whole: what a killed server left is passed over by whoever lands the batch.
        unfinished = folder / f".{uuid4().hex}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if sum(1 for _ in folder.iterdir()) >= MOST:
                raise invalid(f"a batch has at most {MOST} files", "land these first")
            file = os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        except OSError as problem:
            raise unwritable(folder, problem) from problem
        incoming = Incoming(folder / _safe(name), file, self.largest)
        try:
            with file:
                yield incoming
            incoming.path = _named(unfinished, incoming.path)
        except OSError as problem:
            raise unwritable(folder, problem) from problem
        finally:
            _forget(unfinished)

    def recognised(self, path: Path) -> Brought:
        """What a file that was brought is, by its content; one that is nobody's is not kept."""
        size = path.stat().st_size
        good, bad = samples([path])
        found = recognise(good, self._sources)
        for source in found.of:
            return Brought(path.name, size, source.kind, tuple(one.table() for one in source.lands))
        [(_, why)] = [*bad, *found.unknown]
        _forget(path)
        return Brought(path.name, size, None, problem=why.removeprefix(f"{path}: "))

    def forget_older(self, keep: timedelta) -> int:
        """Delete the batches that got no file for so long; how many files they had."""
        before = time() - keep.total_seconds()
        forgotten = 0
        for batch in self.batches():
            folder = self._folder / batch
            if folder.stat().st_mtime <= before:
                forgotten += sum(1 for _ in folder.iterdir())
                shutil.rmtree(folder, ignore_errors=True)
        return forgotten

    def kind(self) -> JobKind:
        """The job that lands batches and builds, as `tenantry profile` does, and lets go of the files then."""

        def work(plane: ControlPlane, names: Sequence[str], step: Step) -> None:
            paths = [str(self.folder(name)) for name in names]

            def build(tell: Progress) -> int:
                # Without a bill there is nothing to divide yet; what came waits for one.
                return (
                    sum(one.rows for one in plane.build((), tell))
                    if plane.runtime.rows_held("charges")
                    else 0
                )

            step("land", lambda tell: plane.ingest(paths, tell).account())
            step("build", build)
            for name in names:
                shutil.rmtree(self.folder(name), ignore_errors=True)

        return JobKind("batch", self.batches, work)


class Incoming:
    """A file as it comes. `write` raises `invalid` for what is too large, or would be once it is unpacked. `path` is
    where it is once it has come.
    """

    def __init__(self, path: Path, file: IO[bytes], largest: int) -> None:
        self.path = path
        self._file = file
        self._largest = largest
        self._size = 0
        self._unpacked = 0
        self._unpacker: Any = None

    def write(self, piece: bytes) -> None:
        if self._size == 0 and piece[:2] == _GZIP:
            self._unpacker = zlib.decompressobj(31)
        self._size += len(piece)
        if self._size > self._largest:
            raise invalid(
                f"{self.path.name} is larger than {self._largest:,} bytes",
                "land it where the service runs: `tenantry profile PATH`",
            )
        if self._unpacker:
            self._unpack(self._unpacker, piece)
        self._file.write(piece)

    def _unpack(self, unpacker: Any, piece: bytes) -> None:
        """Count what it comes to, without keeping it."""
        while piece and not unpacker.eof:
            try:
                self._unpacked += len(unpacker.decompress(piece, _PIECE))
            except zlib.error:
                self._unpacker = None  # whoever reads it says what is wrong with it
                return
            if self._unpacked > max(_UNPACKED, _TIMES * self._size):
                raise invalid(
                    f"{self.path.name} unpacks to more than {_TIMES} times its size",
                    "if it is a bill, land it where the service runs: `tenantry profile PATH`",
                )
            piece = unpacker.unconsumed_tail


def _safe(name: str) -> str:
    """A file's own name, of characters that no file system minds."""
    last = re.split(r"[/\\]", name)[-1]
    return _UNSAFE.sub("_", last)[-_LONGEST:] or "file"


def _named(file: Path, wanted: Path) -> Path:
    """Gives a file a name more, or that with a number before it where there is one already: two may come at once."""
    for number in range(MOST + 1):
        path = wanted.with_name(f"{number + 1}-{wanted.name}" if number else wanted.name)
        try:
            path.hardlink_to(file)
        except FileExistsError:
            continue
        return path
    raise invalid(f"a batch has at most {MOST} files", "land these first")


def _forget(path: Path) -> None:
    with suppress(OSError):
        path.unlink()

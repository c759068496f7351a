"""Reads R's data files (`.rda`) as far as tables and time series need: https://cran.r-project.org/doc/manuals/r-release/
R-ints.html, "Serialization Formats". XDR only, versions 2 and 3."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass
class Vector:
    """An R vector or list with its attributes."""

    values: Any
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])

    def names(self) -> list[str]:
        return list(self.attributes["names"].values)

    def __getitem__(self, name: str) -> Any:
        return self.values[self.names().index(name)]


def read_rda(path: Path) -> dict[str, Any]:
    """The objects of a file, by name."""
    raw = path.read_bytes()
    openers = {b"\x1f\x8b": gzip.decompress, b"BZ": bz2.decompress, b"\xfd7": lzma.decompress}
    data = openers.get(raw[:2], bytes)(raw)
    if not data.startswith((b"RDX2\nX\n", b"RDX3\nX\n")):
        message = f"{path} is no .rda file in XDR"
        raise ValueError(message)
    reader = _Reader(data, 7)
    version = reader.integer()
    reader.at += 8
    if version == 3:
        reader.at += reader.integer()
    return {name: value for name, value in reader.item() if name}


@dataclass
class _Reader:
    data: bytes
    at: int
    seen: list[Any] = field(default_factory=list[Any])

    def integer(self) -> int:
        self.at += 4
        return struct.unpack_from(">i", self.data, self.at - 4)[0]

    def numbers(self, kind: str) -> Any:
        count = self.integer()
        found = np.frombuffer(self.data, kind, count, self.at)
        self.at += found.nbytes
        return found

    def item(self) -> Any:  # noqa: C901, PLR0911, PLR0912 - one case for each of the format's types
        flags = self.integer()
        kind, attributed, tagged = flags & 0xFF, flags & 0x200, flags & 0x400
        match kind:
            case 2 | 6:  # a pair list, or a call
                return self._pairs(attributed, tagged)
            case 1:  # a symbol
                self.seen.append(self.item())
                return self.seen[-1]
            case 9:  # a character string
                size = self.integer()
                self.at += max(size, 0)
                return None if size < 0 else self.data[self.at - size : self.at].decode("utf-8", "replace")
            case 255:  # something seen before
                return self.seen[(flags >> 8) - 1 if flags >> 8 else self.integer() - 1]
            case 4:  # an environment
                self.integer()
                self.seen.append(None)
                for _ in range(4):
                    self.item()
                return None
            case 238:  # a compact form of a vector
                return self._compact()
            case 3 | 5:  # a function
                return (self.item() if attributed else None, self.item(), self.item(), self.item())
            case 10 | 13:
                found: Any = self.numbers(">i4")
            case 14:
                found = self.numbers(">f8")
            case 16 | 19 | 20:
                found = [self.item() for _ in range(self.integer())]
            case 253 | 254 | 251 | 242 | 241:
                return []
            case _:
                message = f"R type {kind} at byte {self.at}"
                raise ValueError(message)
        return Vector(found, dict(self.item()) if attributed else {})

    def _pairs(self, attributed: int, tagged: int) -> list[tuple[Any, Any]]:
        found: list[tuple[Any, Any]] = []
        while True:
            if attributed:
                self.item()
            tag = self.item() if tagged else None
            found.append((tag, self.item()))
            flags = self.integer()
            kind, attributed, tagged = flags & 0xFF, flags & 0x200, flags & 0x400
            if kind not in (2, 6):
                self.at -= 4
                self.item()
                return found

    def _compact(self) -> Any:
        [(_, name), *_] = self.item()
        state = self.item()
        self.item()
        if name == "compact_intseq":
            count, start, step = state.values
            return Vector(np.arange(start, start + count * step, step))
        if isinstance(state, Vector):
            return state.values[0] if name.startswith("wrap_") else state
        return state[0][1]

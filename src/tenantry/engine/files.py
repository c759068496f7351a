"""Which files there are to read, and whose kind each is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from glob import glob
from pathlib import Path

from ..errors import TenantryError, invalid
from ..kernel.source import Format, RemoteSource, Sample, Source
from .layouts import sample

__all__ = ["Found", "Recognition", "find", "recognise", "sample", "samples"]

# What providers and engines leave beside the data.
_BESIDE = re.compile(
    r"[._].*|.*\.(crc|md|md5|sha256)|.*manifest.*\.(json|csv)|.*metadata\.json", re.IGNORECASE
)
_SHOWN = 12


@dataclass(frozen=True)
class Found:
    """The files to read, and what was passed over with why; both in order of path."""

    files: tuple[Path, ...]
    ignored: tuple[tuple[Path, str], ...] = ()


@dataclass(frozen=True)
class Recognition:
    """Which samples are of which source, in catalog order; and the files that none took, with what was tried."""

    of: dict[type[Source], tuple[Sample, ...]]
    unknown: tuple[tuple[Path, str], ...]


def find(paths: Sequence[str]) -> Found:
    """The files of these paths: a file, a folder (with all below it) or a glob each.

    Files that are hidden, begin with `_` or describe data rather than hold it are passed over, unless they are named
    themselves. Raises `invalid`, naming all paths that lead nowhere, or where no file is left.
    """
    files: dict[str, Path] = {}
    ignored: dict[Path, str] = {}
    missing: list[str] = []
    for text in paths:
        named = Path(text).expanduser()
        hits = [named] if os.path.lexists(named) else [Path(hit) for hit in glob(str(named), recursive=True)]  # noqa: PTH207 the pattern may be absolute
        if not hits:
            missing.append(text)
        for hit in hits:
            if not os.path.isdir(hit):  # noqa: PTH112 Path.is_dir raises where a folder above is closed
                within = [(hit, _unreadable(hit))]
                missing += [f"{text} ({why})" for _, why in within if why and hit == named]
            else:
                within = _below(hit)
            for path, why in within:
                if why:
                    ignored[path] = why
                else:
                    files.setdefault(os.path.realpath(path), path)
    if missing:
        raise invalid(
            f"no such file or folder: {', '.join(missing)}", "give files, folders or globs that exist"
        )
    if not files:
        over = ", ".join(f"{path} ({why})" for path, why in sorted(ignored.items()))
        seen = f"; passed over: {over}" if over else ""
        raise invalid(f"no data files in {', '.join(paths)}{seen}", "give CSV, Parquet or JSON files")
    return Found(tuple(sorted(files.values())), tuple(sorted(ignored.items())))


def samples(paths: Iterable[Path]) -> tuple[list[Sample], list[tuple[Path, str]]]:
    """The samples of these files, and the files that are no table we read, with the reason."""
    good: list[Sample] = []
    bad: list[tuple[Path, str]] = []
    for path in paths:
        try:
            good.append(sample(path))
        except TenantryError as problem:
            bad.append((path, problem.message))
    return good, bad


def recognise(samples: Sequence[Sample], sources: Sequence[type[Source]]) -> Recognition:
    """Which source each sample is of: the first in the order given that says yes."""
    of: dict[type[Source], list[Sample]] = {}
    unknown: list[tuple[Path, str]] = []
    tried = ", ".join(source.kind for source in sources)
    for one in samples:
        source = next((s for s in sources if s.recognises(one)), None)
        if source is None:
            unknown.append((one.path, f"{_described(one)}: none of {tried}{_nearly(one, sources)}"))
        else:
            of.setdefault(source, []).append(one)
    return Recognition({s: tuple(of[s]) for s in sources if s in of}, tuple(unknown))


def _nearly(one: Sample, sources: Sequence[type[Source]]) -> str:
    """What one more column would make of it: most often the column goes by a name of its own."""
    lacks: dict[str, str] = {}
    for source in sources if one.columns else ():
        if issubclass(source, RemoteSource):
            continue
        for column in (name for dataset in source.lands for name in dataset.model_fields):
            if source.recognises(replace(one, columns=(*one.columns, column))):
                lacks.setdefault(source.kind, column)
    return "".join(f"; with a column {column} it would be {kind}" for kind, column in lacks.items())


def _below(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every file under a folder, with the reason to pass it over or nothing. Links are followed, each folder once."""
    failures: list[OSError] = []
    seen: set[str] = set()
    for top, folders, names in os.walk(folder, onerror=failures.append, followlinks=True):
        if (real := os.path.realpath(top)) in seen:
            folders.clear()
            continue
        seen.add(real)
        for name in [n for n in folders if _BESIDE.fullmatch(n) or n.lower() == "metadata"]:
            folders.remove(name)
            yield Path(top, name), "not data"
        for name in names:
            path = Path(top, name)
            yield path, "not data" if _BESIDE.fullmatch(name) else _unreadable(path)
    for failure in failures:
        yield Path(failure.filename or folder), f"cannot be read: {failure.strerror}"


def _unreadable(path: Path) -> str:
    if not os.path.exists(path):  # noqa: PTH110 Path.exists raises where a folder above is closed
        return "a link that leads nowhere" if path.is_symlink() else "it cannot be reached"
    if not path.is_file():
        return "not a regular file"
    return "" if os.access(path, os.R_OK) else "it cannot be read: permission denied"


def _described(one: Sample) -> str:
    if one.format is Format.LINES:
        begins = next((row["line"] or "" for row in one.rows), "")[:60]
        return f"text without a header of columns; it begins {begins!r}"
    shown = ", ".join(one.columns[:_SHOWN]) + (", ..." if len(one.columns) > _SHOWN else "")
    return f"{one.format.value} with the columns {shown}" if shown else f"{one.format.value} without columns"

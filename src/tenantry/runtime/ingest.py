"""The first verb: a stranger's files into landing tables."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..engine.duckdb import DuckDB
from ..engine.files import find, recognise, samples
from ..engine.lake import remove_left_over
from ..engine.land import Landing
from ..errors import Kind, TenantryError, invalid
from ..kernel import RemoteSource, Sample, Source
from ..kernel.landing import Deliveries
from .call import plain

Progress = Callable[[str, int, int], None]
_Work = tuple[type[Source], Source, Sequence[Sample]]


@dataclass(frozen=True)
class Ingested:
    """What became of the given paths: every file is landed, left aside with a reason, or a problem."""

    deliveries: tuple[Deliveries, ...]
    quarantined: Mapping[tuple[str, str], int]
    """(file, reason) -> rows."""
    left_aside: tuple[tuple[Path, str], ...]
    problems: tuple[tuple[Path, str], ...]
    failed: Mapping[str, TenantryError] = field(default_factory=dict[str, TenantryError])
    """Configured sources of which nothing landed, by name, and why. The others landed."""

    def must_be_whole(self) -> None:
        """Raises why sources failed, where some did."""
        if self.failed:
            raise together(self.failed)

    @property
    def rows(self) -> int:
        """A file that fills several datasets has an account of each; its rows count once."""
        return sum({(d.delivery, d.file): d.rows for d in self.deliveries}.values())

    @property
    def accepted(self) -> int:
        return sum(d.accepted for d in self.deliveries)

    @property
    def left_out(self) -> int:
        return self.rows - self.accepted - sum(d.quarantined for d in self.deliveries)

    def document(self) -> dict[str, Any]:
        """The account in few words, as JSON."""
        return {
            "rows": self.rows,
            "accepted": self.accepted,
            "quarantined": sum(d.quarantined for d in self.deliveries),
            "left_out": self.left_out,
            "problems": [f"{path}: {why}" for path, why in self.problems],
            "failed": [
                {"source": name, "kind": why.kind, "message": why.message, "hint": why.hint}
                for name, why in self.failed.items()
            ],
        }

    def account(self) -> dict[str, Any]:
        """The whole account, file by file, as JSON."""
        return {
            "files": [plain(d) for d in self.deliveries],
            "rows": self.rows,
            "accepted": self.accepted,
            "quarantined": sum(d.quarantined for d in self.deliveries),
            "left_out": self.left_out,
            "reasons": [
                {"file": file, "reason": reason, "rows": rows}
                for (file, reason), rows in sorted(self.quarantined.items())
            ],
            "left_aside": [{"file": str(path), "reason": why} for path, why in self.left_aside],
            "problems": [{"file": str(path), "reason": why} for path, why in self.problems],
        }


def ingest(
    engine: DuckDB,
    sources: Sequence[type[Source]],
    paths: Sequence[str],
    now: datetime,
    progress: Progress | None = None,
) -> Ingested:
    """Recognise the files of these paths by content and land them.

    Raises `invalid` for paths that lead nowhere, and for files that no source recognises, saying what was tried;
    nothing is landed then.
    """
    found = find(paths)
    good, bad = samples(found.files)
    recognition = recognise(good, sources)
    unknown = [*bad, *recognition.unknown]
    if unknown:
        raise invalid(
            "; ".join(f"{path}: {why.removeprefix(f'{path}: ')}" for path, why in unknown),
            "give only files of the kinds above, or see docs/reference/inputs.md for the columns each kind needs",
            files=[str(path) for path, _ in unknown],
        )
    if not recognition.of:
        raise invalid(
            f"no file to read in {', '.join(paths)}", "give a bill: a CSV or Parquet file or a folder"
        )
    return _landed(engine, [(s, s(path=str(few[0].path)), few) for s, few in recognition.of.items()], now,
                   found.ignored, progress)  # fmt: skip


def named_sources(configured: Mapping[str, Source], names: Sequence[str]) -> dict[str, Source]:
    """Those of these names, or all. Raises `invalid` where one is not configured, or none is."""
    unknown = [name for name in names if name not in configured]
    if unknown or not configured:
        raise invalid(
            f"no source {', '.join(unknown)} in tenantry.toml"
            if unknown
            else "tenantry.toml names no sources",
            f"there are: {', '.join(configured) or 'none'}; or use `tenantry profile PATH...`",
        )
    return {name: configured[name] for name in names or configured}


def pull(
    engine: DuckDB, sources: Mapping[str, Source], now: datetime, progress: Progress | None = None
) -> Ingested:
    """Land configured sources: each takes the files of its path, whatever they look like, or what its service says.

    A source that cannot be read lands nothing and keeps no other from landing: it is in `failed`. Raises why, with
    nothing landed, where none can be read.
    """
    work: list[_Work] = []
    failed: dict[str, TenantryError] = {}
    with ExitStack() as fetched:
        for name, source in sources.items():
            try:
                path = (
                    fetched.enter_context(fetched_from(source, engine.lake.path / "fetched"))
                    if isinstance(source, RemoteSource)
                    else source.path
                )
                work.append((type(source), source, _files_of(source, path)))
            except TenantryError as problem:
                failed[name] = problem
        if not work:
            raise together(failed)
        return replace(_landed(engine, work, now, (), progress), failed=failed)


def together(failed: Mapping[str, TenantryError]) -> TenantryError:
    """Why sources failed, as one: `unavailable` if any is, for that passes."""
    kinds = [problem.kind for problem in failed.values()]
    return TenantryError(
        Kind.UNAVAILABLE if Kind.UNAVAILABLE in kinds else kinds[0],
        "; ".join(f"{name}: {problem.message}" for name, problem in failed.items()),
        "; ".join(dict.fromkeys(problem.hint for problem in failed.values())),
    )


@contextmanager
def fetched_from(source: RemoteSource, folder: Path | None = None) -> Generator[str]:
    """The path of a folder, in the given one or else where temporary files are, with what a service holds, for as long
    as it takes to read it; empty: it holds nothing.
    """
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        remove_left_over(folder, "")
    with TemporaryDirectory(dir=folder, prefix=f"{source.kind}-") as one:
        source.fetch(Path(one))
        yield one if any(Path(one).iterdir()) else ""


def _files_of(source: Source, path: str) -> list[Sample]:
    """What a source reads at a path; nothing where that is empty. Raises `invalid` for files that are not its kind."""
    good, bad = samples(find([path]).files if path else ())
    problems = [f"{file}: {why}" for file, why in bad]
    problems += [
        f"{one.path}: not a file of kind {source.kind}" for one in good if not source.recognises(one)
    ]
    if problems:
        raise invalid("; ".join(problems), "mend the paths in tenantry.toml")
    return good


def _landed(
    engine: DuckDB,
    work: Sequence[_Work],
    now: datetime,
    ignored: Sequence[tuple[Path, str]],
    progress: Progress | None,
) -> Ingested:
    quarantined: dict[tuple[str, str], int] = {}
    problems: list[tuple[Path, str]] = []
    aside = list(ignored)
    batches = [(kind, source, batch) for kind, source, few in work for batch in source.batches(few)]
    for _, source, few in work:
        aside += source.superseded(few)
    with Landing(engine, now) as landing:
        for done, (kind, source, batch) in enumerate(batches, start=1):
            landed = landing.land(batch, kind.kind, source)
            problems += landed.problems
            for key, rows in landed.quarantined.items():
                quarantined[key] = quarantined.get(key, 0) + rows
            if progress:
                progress("land", done, len(batches))
        deliveries = landing.ledger
    return Ingested(deliveries, quarantined, tuple(aside), tuple(problems))

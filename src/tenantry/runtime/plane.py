"""The verbs over one lake, together: ingest, build, call."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.build import Builder, Built, Settings
from ..engine.duckdb import DuckDB
from ..engine.lake import unwritable
from ..errors import Kind, TenantryError
from ..kernel import Catalog, Source
from .books import Books
from .call import LOCAL, BuiltUnder, Runtime
from .events import event

if TYPE_CHECKING:
    from .ingest import Ingested, Progress
    from .publish import Published, Publisher
    from .records import Records
    from .state import State

_ALONE = "alone.json"
"""In the lake: which versions of its landing tables a filling alone left."""


class ControlPlane:
    """One vendor's lake with everything that can be done to it.

    Builds ask for `settings` anew; calls use those of the tables they read, `built_under`. `told` are the settings that
    are known before there is data. `records` opens what keeps the rows of tools that act; `recorded` says whether
    there may be any.
    """

    def __init__(
        self,
        engine: DuckDB,
        catalog: Catalog,
        settings: Settings,
        built_under: BuiltUnder,
        now: Callable[[], datetime],
        told: Mapping[str, Any] | None = None,
        records: Callable[[], Records] | None = None,
        recorded: Callable[[], bool] = lambda: False,
    ) -> None:
        self.engine = engine
        self.catalog = catalog
        self.now = now
        self.builder = Builder(engine, catalog, settings, told)
        self.runtime = Runtime(engine, catalog, now, built_under, records, (told or {}).get("sandbox"))
        self._records = records
        self._recorded = recorded
        self.publisher: Publisher | None = None
        """Told of each build, where there is one."""
        self.land_own: Callable[[], object] = lambda: None
        """Lands what Tenantry itself used, where it keeps that."""
        self.books: Books | None = None
        """Which months builds close, where it is said."""

    def ingest(self, paths: Sequence[str], progress: Progress | None = None) -> Ingested:
        """Land the files of these paths, recognised by content. Raises `invalid`, with nothing landed."""
        from .ingest import ingest  # noqa: PLC0415 - what reads files is slow to import, and few commands land

        return self._landed(
            "files", lambda: ingest(self.engine, self.catalog.sources, paths, self.now(), progress)
        )

    def pull(self, sources: Mapping[str, Source], progress: Progress | None = None) -> Ingested:
        """Land configured sources; those that fail are told in what is returned. Raises, with nothing landed, where all
        fail.
        """
        from .ingest import pull  # noqa: PLC0415 - as above

        return self._landed(" ".join(sources), lambda: pull(self.engine, sources, self.now(), progress))

    def _landed(self, what: str, land: Callable[[], Ingested]) -> Ingested:
        """Land; what tools recorded holds over what files say, so it is landed again on top of them."""
        with event("land", LOCAL.name, what) as said:
            ingested = land()
            if self._records and self._recorded():
                self._records().land(again={d.dataset for d in ingested.deliveries})
                self.land_own()
            said["rows"] = ingested.rows
            if ingested.failed:
                said["failed"] = " ".join(ingested.failed)
        return ingested

    def build(self, names: Sequence[str] = (), progress: Progress | None = None) -> list[Built]:
        """Close and open months, and bring derived datasets up to date: the named ones and what they read, or all; then
        publish what changed.

        Months are closed as they were last built; those that never were, as this build makes them. Raises `not_found`,
        `invalid` for months that cannot be closed, and `unavailable` where a place cannot be published to: the lake is
        built then.
        """
        wanted = [self.catalog.dataset(name) for name in names] or None
        with event("build", LOCAL.name, " ".join(names) or "everything") as said:
            settled = self._settle()
            built = self.builder.build(wanted, progress)
            if new := self._settle():
                self.builder.build(wanted, progress)
            said["rows"] = sum(one.rows for one in built)
            self.publish()
        return [*settled, *new, *built]

    def _settle(self) -> list[Built]:
        return self.books.settle(self.engine, self.now()) if self.books else []

    def publish(self) -> list[Published]:
        """Bring what other programs read up to date with the lake. Nothing where no place is configured."""
        return self.publisher.publish() if self.publisher else []

    @property
    def state(self) -> State:
        """The state store, opened when it is first asked for. Raises `unavailable`."""
        if self._records is None:
            raise TenantryError(Kind.UNAVAILABLE, "there is no state store here", "open one")
        return self._records().state

    def check_state(self) -> None:
        """Raises `unavailable` where the state store cannot be reached."""
        if self._records:
            self.state.check()

    @contextmanager
    def alone(self) -> Generator[None]:
        """What is landed and built within is all that the lake holds. What an earlier filling alone left is deleted at
        the end, and is there again where this one ends with an error.

        Raises `conflict`, with nothing changed, where anything else was landed there, and `unavailable`.
        """
        lake = self.engine.lake
        mark = lake.path / _ALONE
        left: dict[str, str] = json.loads(mark.read_text(encoding="utf-8")) if mark.exists() else {}
        if others := [table for table, version in self._tables().items() if left.get(table) != version]:
            raise TenantryError(
                Kind.CONFLICT,
                f"{lake.path} holds data that would be deleted: {', '.join(others)}",
                "name another lake with --lake, or delete that folder yourself",
            )
        folders = [lake.folder(dataset) for dataset in self.catalog.datasets]
        aside = lake.path / ".before"
        shutil.rmtree(aside, ignore_errors=True)
        try:
            _move(folders, aside)
        except OSError as problem:
            _move([*aside.glob("*")], lake.path)
            raise unwritable(lake.path, problem) from problem
        try:
            yield
            mark.write_text(json.dumps(self._tables()), encoding="utf-8")
        except BaseException:
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
            _move([*aside.glob("*")], lake.path)
            raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _tables(self) -> dict[str, str]:
        """By landing table that there is: which table it is, and its version."""
        lake = self.engine.lake
        return {
            dataset.table(): f"{lake.identity(dataset)} {lake.version(dataset)}"
            for dataset in self.catalog.datasets
            if not dataset.derived() and lake.version(dataset) >= 0
        }


def _move(folders: Sequence[Path], to: Path) -> None:
    """Move those that there are into a folder, which is made."""
    for folder in folders:
        if folder.exists():
            to.mkdir(exist_ok=True)
            folder.replace(to / folder.name)

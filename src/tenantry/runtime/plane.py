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
from ..kernel import Catalog, Dataset, Source
from .books import Books
from .call import LOCAL, BuiltUnder, Runtime
from .events import event

if TYPE_CHECKING:
    from .ingest import Ingested, Progress
    from .publish import Published, Publisher
    from .records import Records
    from .state import State

_ALONE = "alone.json"
"""In the lake: which versions of its tables a filling alone left."""
_FILLING = ".filling"
"""In the lake: the tables of a filling alone, until they are whole."""


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

    def must_be_alone(self) -> None:
        """Raises `conflict` where the lake holds anything that no filling alone left."""
        lake = self.engine.lake.path
        marks = [mark for mark in (lake / _ALONE, lake / _FILLING / _ALONE) if mark.exists()]
        left = {each for mark in marks for each in json.loads(mark.read_text(encoding="utf-8")).items()}
        landed = self._versions([dataset for dataset in self.catalog.datasets if not dataset.derived()])
        if others := [table for table, version in landed.items() if (table, version) not in left]:
            raise TenantryError(
                Kind.CONFLICT,
                f"{lake} holds data that would be deleted: {', '.join(others)}",
                "name another lake with --lake, or delete that folder yourself",
            )

    @contextmanager
    def alone(self) -> Generator[None]:
        """What is landed and built within is all that the lake holds at the end. Until then others read what an earlier
        filling alone left, which stays where this one ends with an error or is killed.

        Raises `conflict`, with nothing changed, where anything else was landed there, and `unavailable`, also where
        another process fills the lake.
        """
        lake = self.engine.lake
        filling = lake.path / _FILLING
        with lake.filling():
            self.must_be_alone()
            with _written_to(lake.path):
                self._take_over(filling)  # which a killed process may have begun
                filling.mkdir(parents=True)
            lake.tables = filling
            try:
                yield
                versions = json.dumps(self._versions(self.catalog.datasets))
            except BaseException:
                shutil.rmtree(filling, ignore_errors=True)
                raise
            finally:
                lake.tables = lake.path
            with _written_to(lake.path):
                # By its name it is whole.
                whole = filling / "whole"
                whole.write_text(versions, encoding="utf-8")
                whole.replace(filling / _ALONE)
                self._take_over(filling)

    def _take_over(self, filling: Path) -> None:
        """Put the tables of a filling, where it is whole, in the place of the lake's; and delete it. Done again after a
        kill, it goes on where it was.
        """
        lake, mark, gone = self.engine.lake, filling / _ALONE, filling / ".gone"
        if mark.exists():
            filled = json.loads(mark.read_text(encoding="utf-8"))
            gone.mkdir(exist_ok=True)
            for dataset in self.catalog.datasets:
                table, new = lake.folder(dataset), filling / dataset.table()
                if table.exists() and (new.exists() or dataset.table() not in filled):
                    table.replace(gone / table.name)
                if new.exists():
                    new.replace(table)
            mark.replace(lake.path / _ALONE)
        if filling.exists():
            shutil.rmtree(filling)

    def _versions(self, datasets: Sequence[type[Dataset]]) -> dict[str, str]:
        """By table that there is: which table it is, and its version."""
        lake = self.engine.lake
        return {
            dataset.table(): f"{lake.identity(dataset)} {lake.version(dataset)}"
            for dataset in datasets
            if lake.version(dataset) >= 0
        }


@contextmanager
def _written_to(lake: Path) -> Generator[None]:
    try:
        yield
    except OSError as problem:
        raise unwritable(lake, problem) from problem

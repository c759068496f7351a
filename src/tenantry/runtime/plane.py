"""The verbs over one lake, together: ingest, build, call."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ..engine.build import Builder, Built, Settings
from ..engine.duckdb import DuckDB
from ..engine.lake import unwritable
from ..kernel import Catalog, Source
from .call import Runtime
from .ingest import Ingested, Progress, ingest, pull


class ControlPlane:
    """One vendor's lake with everything that can be done to it.

    Builds ask for `settings` anew; calls use those of the tables they read, `built_under`. `told` are the settings that
    are known before there is data.
    """

    def __init__(
        self,
        engine: DuckDB,
        catalog: Catalog,
        settings: Settings,
        built_under: Settings,
        now: Callable[[], datetime],
        told: Mapping[str, Any] | None = None,
    ) -> None:
        self.engine = engine
        self.catalog = catalog
        self.now = now
        self.builder = Builder(engine, catalog, settings, told)
        self.runtime = Runtime(engine, catalog, now, built_under)

    def ingest(self, paths: Sequence[str], progress: Progress | None = None) -> Ingested:
        """Land the files of these paths, recognised by content. Raises `invalid`, with nothing landed."""
        return ingest(self.engine, self.catalog.sources, paths, self.now(), progress)

    def pull(self, sources: Mapping[str, Source], progress: Progress | None = None) -> Ingested:
        """Land configured sources. Raises `invalid`, with nothing landed."""
        return pull(self.engine, sources, self.now(), progress)

    def build(self, names: Sequence[str] = (), progress: Progress | None = None) -> list[Built]:
        """Bring derived datasets up to date: the named ones and what they read, or all. Raises `not_found`."""
        wanted = [self.catalog.dataset(name) for name in names] or None
        return self.builder.build(wanted, progress)

    def forget(self) -> None:
        """Delete every table of the lake: for a lake that holds nothing but the answer to an earlier question."""
        for dataset in self.catalog.datasets:
            try:
                shutil.rmtree(self.engine.lake.folder(dataset))
            except FileNotFoundError:
                continue
            except OSError as problem:
                raise unwritable(self.engine.lake.path, problem) from problem

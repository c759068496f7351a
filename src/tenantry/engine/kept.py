"""Rows of days just built, for what is built from them next: it need not read what was written."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from ..kernel.dataset import Dataset
from .lake import DataFile


class Kept:
    """Of each dataset the rows of one day, known by the files that they were written to."""

    def __init__(self) -> None:
        self._tables: dict[type[Dataset], tuple[frozenset[DataFile], pa.Table]] = {}

    def keep(self, dataset: type[Dataset], files: Sequence[DataFile], table: pa.Table) -> None:
        self._tables[dataset] = frozenset(files), table

    def rows(self, dataset: type[Dataset], files: Sequence[DataFile]) -> pa.Table | None:
        """The rows of these files, texts as dictionaries; None where they are not kept."""
        written, table = self._tables.get(dataset, (None, None))
        return table if written == frozenset(files) else None

    def clear(self) -> None:
        self._tables.clear()

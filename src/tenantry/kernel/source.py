"""A source: recognises a stranger's file and says how its columns become a landing dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from .dataset import Dataset


class Format(StrEnum):
    """How the bytes of a file are laid out."""

    CSV = "csv"
    PARQUET = "parquet"
    JSON = "json"
    OTLP = "otlp"
    OPENAPI = "openapi"
    LINES = "lines"
    SERVICE_LOG = "service_log"


@dataclass(frozen=True)
class Sample:
    """What is known of an unread file: layout, columns as written, some rows as text, of JSON also by pointer."""

    path: Path
    format: Format
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str | None], ...] = ()
    types: Mapping[str, str] = field(default_factory=dict[str, str])
    """Parquet only: the column's type in SQL (`VARCHAR`, `DOUBLE`, `MAP(VARCHAR, VARCHAR)`, ...)."""


@dataclass(frozen=True)
class Division:
    """A record that says two things and so becomes two rows of the dataset, in DuckDB SQL over the dataset's columns.

    `where` says of which rows, `note` why. `first` and `second` give the columns in which the two differ from the row
    that the mapping made; the second has a key of its own.
    """

    where: str
    note: str
    first: Mapping[str, str]
    second: Mapping[str, str]


@dataclass(frozen=True)
class RowMapping:
    """How raw rows become rows of one dataset, in DuckDB SQL over the relation `raw`.

    `raw` holds the file's columns as written (CSV and JSON: every value VARCHAR; LINES: `line`, blank ones too, and its
    `pieces`, cut behind each quote) and `_file`, `_row` (1 = first data row) and `_delivery` (12 hex digits of the
    content's SHA-256). Of JSON it also holds `_record`, the object as text: a later one may have keys of its own.
    `asked` gives names to expressions that several others need, later ones of them too: they are computed once.
    `columns` gives an expression for each column of the dataset; columns without one are null.
    `rejects` are (reason, condition) pairs: a row for which a condition holds is quarantined with that reason.
    `repairs` are (note, condition) pairs: the row is kept and the note counted.
    `where` says which rows are looked at: those left out are counted under `left_out`, which says why.
    `aside` are (why, condition) pairs: a row for which one holds is left out, and counted under the first that does.
    `divided` says which become two; the ledger counts them once.
    With `sums`, columns to add up, a delivery lands as a whole: rows that agree in what was asked become one, and what
    is `told` is worked out of that once. `once` names a row: of equal ones that land together, one counts.
    """

    dataset: type[Dataset]
    columns: Mapping[str, str]
    rejects: Sequence[tuple[str, str]] = ()
    repairs: Sequence[tuple[str, str]] = ()
    where: str = "TRUE"
    left_out: str = ""
    divided: Division | None = None
    aside: Sequence[tuple[str, str]] = ()
    asked: Mapping[str, str] = field(default_factory=dict[str, str])
    told: Mapping[str, str] = field(default_factory=dict[str, str])
    once: str = ""
    sums: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Batch:
    """Files of one kind and one layout that land together; `replaces` names the columns whose value
    combinations present in the batch replace, whole, what the lake held for them; empty: rows replace by key.
    """

    files: tuple[Path, ...]
    format: Format
    mappings: tuple[RowMapping, ...]
    replaces: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    """A bill may be divided into folders, one a day or account, or come as several copies. What landed earlier in
    the same run is replaced only by rows that agree in these columns too. Empty: as what the lake held before."""


class Source(BaseModel):
    """A connector. Its fields are its table in `tenantry.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: ClassVar[str]
    lands: ClassVar[tuple[type[Dataset], ...]]

    path: str

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        """True where the sample's content is this source's kind of file."""
        raise NotImplementedError

    def batches(self, samples: Sequence[Sample]) -> Iterator[Batch]:
        """The samples, all recognised by this source, as batches to land in order."""
        raise NotImplementedError

    def superseded(self, samples: Sequence[Sample]) -> list[tuple[Path, str]]:
        """The files that `batches` leaves out because newer ones hold the same, with the reason."""
        return []


class RemoteSource(Source):
    """A connector to a service. What it fetches lands as files do, and is then deleted."""

    path: str = ""

    def fetch(self, folder: Path) -> None:
        """Write what the service holds as files into an empty folder. Raises `unavailable` or `forbidden`."""
        raise NotImplementedError

"""New rows added to a table whose keys nobody has to look up again: without writing its partitions anew."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ..kernel.dataset import Dataset
from .cells import unpacked
from .duckdb import DuckDB, literal, quoted
from .lake import DataFile, Mark
from .merge import merge_alone, must_be

_ARRIVED = "arrived"
# So many files of a like size in a partition become one: a row is written again only as often as its file grows by
# this factor, and a partition has few files.
_LIKE = 8
_BITS = _LIKE.bit_length() - 1


@dataclass(frozen=True)
class Appended:
    """What became of a table: `files` are new, of which each holds what those at its `of` held too."""

    files: tuple[DataFile, ...]
    of: tuple[str, ...]
    """Paths of files that are part of new ones now."""


def append(
    engine: DuckDB, dataset: type[Dataset], packs: Sequence[bytes], mark: Mark, doubtful: Sequence[str]
) -> Appended:
    """Add `packed` rows, of keys that no file of the table has but perhaps the `doubtful` ones (paths in the table).

    One commit. A row of a key that a doubtful file has takes the place of that row, as landing has it. For a caller
    who holds others off (`Lake.writing`). Raises `broken_contract` or `unavailable`, with nothing changed.
    """
    new = unpacked(dataset, packs)
    with engine.registered(_ARRIVED, new):
        if doubtful and _overlaps(engine, dataset, doubtful):
            keys = ", ".join(map(quoted, dataset.keys))
            merge_alone(
                engine,
                dataset,
                f"FROM {_ARRIVED}",
                f"SELECT {keys} FROM {_ARRIVED}",
                dataset.keys,
                new.num_rows,
                mark,
            )
            return Appended((), ())
        return _added(engine, dataset, new, mark)


def _overlaps(engine: DuckDB, dataset: type[Dataset], paths: Sequence[str]) -> bool:
    keys = ", ".join(map(quoted, dataset.keys))
    same = f"SELECT 1 FROM ({engine.scan(dataset, paths)}) SEMI JOIN {_ARRIVED} USING ({keys}) LIMIT 1"
    return bool(engine.query(same))


def _added(engine: DuckDB, dataset: type[Dataset], new: pa.Table, mark: Mark) -> Appended:
    lake = engine.lake
    held: dict[str, list[DataFile]] = {}
    for file in lake.files(dataset):
        held.setdefault(file.partition, []).append(file)
    added: list[DataFile] = []
    gone: list[DataFile] = []
    days = sorted(new[dataset.partition].unique().to_pylist())
    for each in days:
        of_day = new if len(days) == 1 else new.filter(pc.field(dataset.partition) == pc.scalar(each))
        day, rows = str(each), of_day.num_rows
        grown = _to_compact(held.get(day, []), rows)
        if grown:
            query = (
                f"SELECT * FROM {_ARRIVED} WHERE {quoted(dataset.partition)} = DATE {literal(day)}"
                f" UNION ALL BY NAME {engine.scan(dataset, [file.path for file in grown])}"
            )
            added += engine.write(dataset, query, [day])
        else:
            # As they came, by one thread: senders need the others, and what compacts the file puts it in order.
            added += engine.write_table(dataset, of_day, day)
        gone += grown
    must_be(
        new.num_rows + sum(f.rows for f in gone),
        sum(f.rows for f in added),
        f"rows added to {dataset.table()}",
    )
    lake.commit(dataset, added, replaces=(), without={f.path for f in gone}, mark=mark)
    return Appended(tuple(added), tuple(f.path for f in gone))


def _to_compact(files: Collection[DataFile], rows: int) -> list[DataFile]:
    """The files of a partition that become one with a new one of so many rows."""
    found: list[DataFile] = []
    while True:
        alike = [f for f in files if f not in found and _size(f.rows) <= _size(rows)]
        if len(alike) < _LIKE - 1:
            return found
        found += alike
        rows += sum(f.rows for f in alike)


def _size(rows: int) -> int:
    return rows.bit_length() // _BITS


def keys_of(
    engine: DuckDB, dataset: type[Dataset], paths: Sequence[str], rows: int
) -> Iterator[list[tuple[str, ...]]]:
    """The keys that rows of these files of a table have, so many at a time."""
    keys = ", ".join(map(quoted, dataset.keys))
    yield from engine.pieces(f"SELECT {keys} FROM ({engine.scan(dataset, paths)})", rows)

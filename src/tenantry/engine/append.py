"""New rows added to a table whose keys nobody has to look up again: without writing its partitions anew."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import pyarrow as pa

from ..kernel.dataset import Dataset
from .cells import unpacked
from .duckdb import ROW_GROUP, DuckDB, quoted
from .lake import DataFile, Mark
from .merge import merge_alone, must_be

_ARRIVED = "arrived"
# So many files of a like size in a partition become one: a row is written again only as often as its file grows by
# this factor, and a partition has few files.
_LIKE = 8
_BITS = _LIKE.bit_length() - 1


def append(
    engine: DuckDB,
    dataset: type[Dataset],
    packs: Sequence[bytes],
    rows: int,
    mark: Mark,
    doubtful: Sequence[str],
) -> list[DataFile]:
    """Add so many `packed` rows, of keys that no file of the table has but perhaps the `doubtful` ones (paths in the
    table), as new files, which are returned: in each partition one, with its rows as they came.

    One commit. Where a doubtful file has a key of a row, the row takes that one's place, as landing has it, and nothing
    is returned. For a caller who holds others off (`Lake.writing`). Raises `broken_contract` or `unavailable`, with
    nothing changed.
    """
    if doubtful:
        new = pa.concat_tables(unpacked(dataset, packs, ROW_GROUP))
        with engine.registered(_ARRIVED, new):
            if _overlaps(engine, dataset, doubtful):
                keys = ", ".join(map(quoted, dataset.keys))
                merge_alone(
                    engine,
                    dataset,
                    f"FROM {_ARRIVED}",
                    f"SELECT {keys} FROM {_ARRIVED}",
                    dataset.keys,
                    rows,
                    mark,
                )
                return []
    # By one thread, a row group at a time: senders need the others, and the caches.
    added = engine.write_pieces(dataset, unpacked(dataset, packs, ROW_GROUP))
    must_be(rows, sum(file.rows for file in added), f"rows added to {dataset.table()}")
    engine.lake.commit(dataset, added, replaces=(), mark=mark)
    return added


def _overlaps(engine: DuckDB, dataset: type[Dataset], paths: Sequence[str]) -> bool:
    keys = ", ".join(map(quoted, dataset.keys))
    same = f"SELECT 1 FROM ({engine.scan(dataset, paths)}) SEMI JOIN {_ARRIVED} USING ({keys}) LIMIT 1"
    return bool(engine.query(same))


def compact(engine: DuckDB, dataset: type[Dataset], added: Sequence[DataFile]) -> dict[str, list[str]]:
    """Where `append` has added a file to several of a like size, make one of them. Returns the paths of new files, each
    with those of the files that it stands for.

    At most one commit. For a caller who holds others off. Raises as `append`.
    """
    lake = engine.lake
    new: list[DataFile] = []
    gone: dict[str, list[str]] = {}
    for file in added:
        alike = _alike(file, [one for one in lake.files(dataset) if one.partition == file.partition])
        if not alike:
            continue
        paths = [one.path for one in alike]
        # As they came is about by time, and half as dear as to the last one by time.
        made = engine.write(dataset, engine.scan(dataset, paths), [file.partition], ordered=False)
        must_be(sum(one.rows for one in alike), sum(one.rows for one in made), f"rows of {dataset.table()}")
        new += made
        gone |= {one.path: paths for one in made}
    if new:
        # Those that they stand for leave the table with the commit: without power none must be half there.
        lake.sync(dataset, gone)
        lake.commit(dataset, new, replaces=(), without={path for paths in gone.values() for path in paths})
    return gone


def _alike(new: DataFile, files: Collection[DataFile]) -> list[DataFile]:
    """The files of a partition, the new one with them, that should become one; none where there are few of a size."""
    found, rows = [new], new.rows
    while True:
        alike = [f for f in files if f not in found and _size(f.rows) <= _size(rows)]
        if len(alike) < _LIKE - 1:
            return found if len(found) > 1 else []
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

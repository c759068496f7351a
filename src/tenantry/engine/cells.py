"""Rows of plain cells as bytes that hold them until they land, and as tables."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from ..kernel.dataset import Dataset
from ..kernel.live import Columns
from .lake import arrow_schema

# A third of the bytes; Zstandard would make it a fifth, and cost as much again as all else here. Of so few rows, other
# threads would only take longer.
_PACKED = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_UNPACKED = pa.ipc.IpcReadOptions(use_threads=False)


def get_ready() -> None:
    """Have what the first rows need: Arrow imports pandas, where there is one, to know a list from its columns."""
    pa.array([""])


class Rows:
    """Rows of a dataset, by column."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.batch = batch

    @classmethod
    def of(cls, dataset: type[Dataset], columns: Columns) -> Rows:
        """One row at least."""
        schema = arrow_schema(dataset)
        cells = zip(columns, schema.types, strict=True)
        return cls(pa.record_batch([_column(column, kind) for column, kind in cells], schema))

    def __len__(self) -> int:
        return self.batch.num_rows

    def only(self, chosen: Sequence[bool]) -> Rows:
        return Rows(self.batch.filter(pa.array(chosen)))

    def cells(self, column: str) -> list[Any]:
        return self.batch[column].to_pylist()


def packed(rows: Sequence[Rows]) -> bytes:
    """Rows of one dataset, as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows[0].batch.schema, options=_PACKED) as stream:
        for some in rows:
            stream.write_batch(some.batch)
    return sink.getvalue().to_pybytes()


def unpacked(dataset: type[Dataset], packs: Iterable[bytes], size: int) -> Iterator[pa.Table]:
    """All rows of these, in order, in tables of so many rows or a pack more."""
    some: list[pa.RecordBatch] = []
    rows = 0
    for pack in packs:
        for batch in pa.ipc.open_stream(pack, options=_UNPACKED):
            some.append(batch)
            rows += len(batch)
        if rows >= size:
            yield pa.Table.from_batches(some, arrow_schema(dataset))
            some, rows = [], 0
    if some:
        yield pa.Table.from_batches(some, arrow_schema(dataset))


def _column(cells: Sequence[str | int | None], kind: pa.DataType) -> pa.Array:
    if isinstance(cells, array):
        return pa.Array.from_buffers(kind, len(cells), [None, pa.py_buffer(cells)])
    first = cells[0]
    same = first == cells[-1] and cells.count(first) == len(cells)
    some = cells[:1] if same else cells
    made = pa.array(some, pa.string()).cast(kind) if pa.types.is_decimal(kind) else pa.array(some, kind)
    return pa.repeat(made[0], len(cells)) if same else made

"""Rows of plain cells as bytes that hold them until they land, and as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from ..kernel.dataset import Dataset
from ..kernel.live import Columns
from .lake import arrow_schema

# A third of the bytes; Zstandard would make it a fifth, and cost as much again as all else here.
_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")
# How a cell stands in Python, where that is no text.
_PLAIN: Mapping[pa.DataType, pa.DataType] = {pa.date32(): pa.int32(), pa.timestamp("us"): pa.int64()}


def packed(dataset: type[Dataset], columns: Columns) -> bytes:
    """Rows of a dataset, as an Arrow stream."""
    schema = arrow_schema(dataset)
    cells = zip(columns, schema, strict=True)
    batch = pa.record_batch([_column(column, field.type) for column, field in cells], schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=_COMPRESSED) as stream:
        stream.write_batch(batch)
    return sink.getvalue().to_pybytes()


def unpacked(dataset: type[Dataset], packs: Sequence[bytes]) -> pa.Table:
    """All rows of these, in order."""
    tables = [pa.ipc.open_stream(pack).read_all() for pack in packs]
    return pa.concat_tables([arrow_schema(dataset).empty_table(), *tables])


def _column(cells: Sequence[str | int | None], kind: pa.DataType) -> pa.Array:
    first = cells[0]
    if first == cells[-1] and cells.count(first) == len(cells):
        return pa.repeat(pa.scalar(first, _PLAIN.get(kind, pa.string())).cast(kind), len(cells))
    if kind == pa.string():
        return pa.array(cells, kind)
    return pa.array(cells, _PLAIN.get(kind, pa.string())).cast(kind)

"""Rows of plain cells as bytes that hold them until they land, and as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from ..kernel.dataset import Dataset
from ..kernel.live import Cells
from .lake import arrow_schema

# How a cell stands in Python, where that is no text.
_PLAIN: Mapping[pa.DataType, pa.DataType] = {pa.date32(): pa.int32(), pa.timestamp("us"): pa.int64()}


def packed(dataset: type[Dataset], rows: Sequence[Cells]) -> bytes:
    """Rows of a dataset, as an Arrow record batch without its schema."""
    schema = arrow_schema(dataset)
    columns = [
        _column(cells, field.type) for cells, field in zip(zip(*rows, strict=True), schema, strict=True)
    ]
    return pa.record_batch(columns, schema).serialize().to_pybytes()


def unpacked(dataset: type[Dataset], packs: Sequence[bytes]) -> pa.Table:
    """All rows of these, in order."""
    schema = arrow_schema(dataset)
    return pa.Table.from_batches([pa.ipc.read_record_batch(pack, schema) for pack in packs], schema)


def _column(cells: Sequence[str | int | None], kind: pa.DataType) -> pa.Array:
    if kind == pa.string():
        return pa.array(cells, kind)
    return pa.array(cells, _PLAIN.get(kind, pa.string())).cast(kind)

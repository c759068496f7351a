"""Datasets as files: CSV, Parquet, JSON, and FOCUS allocated rows. Exact, whole, and never half-written."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from ..engine.lake import arrow_schema
from ..errors import Kind, TenantryError, invalid
from ..kernel import Dataset, Window
from ..runtime.call import Runtime

FORMATS = ("csv", "parquet", "json", "focus")
FOCUS = "focus_allocated"
"""The dataset that `focus` writes, whichever one was named: the bill as FOCUS allocated charges."""

# What a spreadsheet runs: all that begins with one of these, but for a plain number with its sign.
_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d.,]*$)")

_ROWS = 65_536
"""Rows of text in memory at a time."""

_compute: Any = pc  # made at import time, so unknown to type checkers


def export(
    runtime: Runtime, dataset: str, window: Window | None, format_: str, output: str | None = None
) -> int:
    """Write a dataset to a file, or to standard output; returns the number of rows.

    Decimals are plain text of all their digits, without exponent. Times are ISO 8601 in UTC. Raises `not_found` for an
    unknown dataset, `invalid` for a format or a window that does not fit, `unavailable` where it cannot write.
    """
    found = exported(runtime, dataset, window, format_)
    as_parquet = (output or "").endswith(".parquet")
    with closing(runtime.batches(found.table(), window)) as batches, _opened(output) as target:
        return write(found, batches, target, format_, focus_as_parquet=as_parquet)


def exported(runtime: Runtime, dataset: str, window: Window | None, format_: str) -> type[Dataset]:
    """The dataset that is written for these words. Raises `not_found` or `invalid`, before anything is read."""
    if format_ not in FORMATS:
        raise invalid(f"no format {format_!r}", f"there are: {', '.join(FORMATS)}")
    found = runtime.catalog.dataset(dataset)
    if format_ == "focus":
        found = runtime.catalog.dataset(FOCUS)
    if window is not None and not found.day_column():
        raise invalid(f"{found.table()} is not divided by day", "export it without a window")
    return found


def write(
    dataset: type[Dataset],
    batches: Iterable[pa.RecordBatch],
    target: BinaryIO,
    format_: str,
    *,
    focus_as_parquet: bool = False,
) -> int:
    """Write a dataset's rows in a format; returns how many there were."""
    schema = arrow_schema(dataset)
    if format_ == "focus":
        schema = pa.schema([field.with_name(focus_name(field.name)) for field in schema])
        return (
            write_parquet(schema, batches, target)
            if focus_as_parquet
            else write_csv(schema, batches, target, guarded=False)
        )
    return {"csv": write_csv, "parquet": write_parquet, "json": write_json}[format_](schema, batches, target)


def focus_name(column: str) -> str:
    """FOCUS's spelling of a column: `billing_account_id` is `BillingAccountId`, `x_pool` is `x_Pool`."""
    prefix, name = ("x_", column[2:]) if column.startswith("x_") else ("", column)
    return prefix + "".join(word.capitalize() for word in name.split("_"))


@contextmanager
def _opened(output: str | None) -> Iterator[BinaryIO]:
    """Standard output, or a file that appears under its name when it is whole."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(output)
    unfinished = path.with_name(f".{path.name}.unfinished-{os.getpid()}")
    try:
        with unfinished.open("wb") as target:
            yield target
        unfinished.replace(path)
    except OSError as problem:
        raise TenantryError(
            Kind.UNAVAILABLE,
            f"{path} cannot be written: {problem.strerror}",
            "check the folder and its free space",
        ) from problem
    finally:
        unfinished.unlink(missing_ok=True)


def write_parquet(schema: pa.Schema, batches: Iterable[pa.RecordBatch], target: BinaryIO) -> int:
    """Parquet with the types of the contract: DECIMAL(38,18) for money, times in UTC without a zone."""
    rows = 0
    with parquet.ParquetWriter(target, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch.rename_columns(schema.names).cast(schema))
            rows += batch.num_rows
    return rows


def write_csv(
    schema: pa.Schema, batches: Iterable[pa.RecordBatch], target: BinaryIO, *, guarded: bool = True
) -> int:
    """CSV in UTF-8 with a header row, quoted where needed (RFC 4180, lines end in LF). Null is an empty cell.

    A map is a JSON object, a list is joined by `;`. `guarded`: text that a spreadsheet would run as a formula gets an
    apostrophe in front, because names in the data come from strangers. Numbers are never touched.
    """
    text = io.TextIOWrapper(
        target, encoding="utf-8", errors="backslashreplace", newline="", write_through=True
    )
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(schema.names)
    rows = 0
    for batch in _pieces(batches):
        columns = [_csv_column(column, guarded=guarded) for column in batch.columns]
        writer.writerows(zip(*columns, strict=True))
        rows += batch.num_rows
    text.detach()
    return rows


def write_json(schema: pa.Schema, batches: Iterable[pa.RecordBatch], target: BinaryIO) -> int:
    """One JSON array, an object a line. Decimals are strings: most readers would cut the digits of a JSON number."""
    rows = 0
    target.write(b"[")
    for row in json_rows(schema.names, batches):
        line = json.dumps(row, ensure_ascii=True, allow_nan=False)
        target.write((",\n" if rows else "\n").encode() + line.encode())
        rows += 1
    target.write(b"\n]\n")
    return rows


def json_rows(names: Sequence[str], batches: Iterable[pa.RecordBatch]) -> Iterator[dict[str, Any]]:
    """The rows as JSON values by column name."""
    for batch in _pieces(batches):
        columns = [_json_column(column) for column in batch.columns]
        for values in zip(*columns, strict=True):
            yield dict(zip(names, values, strict=True))


def _pieces(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, _ROWS):
            yield batch.slice(start, _ROWS)


def _csv_column(column: pa.Array, *, guarded: bool) -> list[Any]:
    kind = column.type
    if pa.types.is_map(kind):
        return [None if v is None else json.dumps(dict(v), ensure_ascii=False) for v in column.to_pylist()]
    if pa.types.is_list(kind):
        found = [None if v is None else ";".join(v) for v in column.to_pylist()]
    elif pa.types.is_string(kind):
        found = column.to_pylist()
    else:
        return _json_column(column)
    return [f"'{v}" if v and _FORMULA.match(v) else v for v in found] if guarded else found


def _json_column(column: pa.Array) -> list[Any]:
    kind = column.type
    if pa.types.is_decimal(kind):
        return _plain_decimals(column).to_pylist()
    if pa.types.is_timestamp(kind):
        return [_time(v) for v in _compute.strftime(column, "%Y-%m-%dT%H:%M:%S").to_pylist()]
    if pa.types.is_date(kind):
        return _compute.cast(column, pa.string()).to_pylist()
    if pa.types.is_map(kind):
        return [None if v is None else dict(v) for v in column.to_pylist()]
    if pa.types.is_floating(kind):
        return [v if v is None or isfinite(v) else None for v in column.to_pylist()]
    return column.to_pylist()


def _time(text: str | None) -> str | None:
    """ISO 8601 in UTC, with a fraction of a second only where there is one."""
    if text is None:
        return None
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "Z"


def _plain_decimals(column: pa.Array) -> pa.Array:
    """Decimals as the shortest plain text: no exponent, no trailing zeros, no minus zero."""
    if column.type.scale == 0:
        return _compute.cast(column, pa.string())
    text = _compute.cast(column, pa.string())
    small = _compute.match_substring(text, "E")
    if _compute.any(small).as_py():  # Arrow writes what is smaller than 10^-6 with an exponent
        plain = pa.array([None if v is None else format(v, "f") for v in column.to_pylist()], pa.string())
        text = _compute.if_else(small, plain, text)
    return _compute.utf8_rtrim(_compute.utf8_rtrim(text, characters="0"), characters=".")

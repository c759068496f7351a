"""Bills as AWS delivers them: a folder per billing period, Parquet or CSV, and one month delivered twice."""

from __future__ import annotations

import gzip
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from ...kernel.time import next_month
from . import prices
from .bill import Bill, Cells
from .focus import TAGS, focus_table
from .plan import Plan, hours_of

_FILE = "quillhaven-focus-00001"
_LATE_HOURS = 48


def write_bill(bills: Path, plan: Plan, bill: Bill, table: pa.Table) -> None:
    """The files of one billing period below `bills`."""
    folder = bills / f"BILLING_PERIOD={bill.month:%Y-%m}"
    folder.mkdir(parents=True, exist_ok=True)
    if bill.month == plan.start:
        _write_csv(table, folder / f"{_FILE}.csv.gz")
    elif bill.month == plan.story.restated:
        closed = next_month(bill.month)
        first, second = closed + timedelta(days=2), closed + timedelta(days=16)
        _write_parquet(focus_table(_first_delivery(bill)), folder / f"{first:%Y%m%d}T041200Z-6b1f0c9e")
        _write_parquet(table, folder / f"{second:%Y%m%d}T051500Z-d27a55b3")
    else:
        _write_parquet(table, folder)


def _write_parquet(table: pa.Table, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    pq.write_table(table, folder / f"{_FILE}.snappy.parquet", compression="snappy")


def _write_csv(table: pa.Table, path: Path) -> None:
    """As AWS writes CSV: nothing is empty, nulls are the word NULL, tags are JSON."""
    columns = [_texts(column).cast(pa.string()).fill_null("NULL") for column in table.columns]
    text = io.BytesIO()
    pcsv.write_csv(pa.table(columns, table.column_names), text)
    with path.open("wb") as file, gzip.GzipFile("", "wb", mtime=0, fileobj=file) as packed:
        packed.write(text.getvalue())


def _texts(column: pa.ChunkedArray) -> Any:
    if column.type != TAGS:
        return column
    return pa.array([json.dumps(dict(tags)) if tags else None for tags in column.to_pylist()], pa.string())


def _first_delivery(bill: Bill) -> Bill:
    """The month as first delivered: its last tokens missing, the network's discount not yet applied."""
    late = hours_of(bill.month)[-1] + 1 - _LATE_HOURS
    first = Bill(bill.month)
    for rows, block in bill.blocks:
        kept = np.ones(rows, dtype=bool)
        columns: dict[str, Cells] = dict(block)
        if block["ServiceName"] == prices.BEDROCK.name:
            kept = block["ChargePeriodStart"] < late
        if block["ServiceName"] == prices.CLOUDFRONT.name and block["ChargeCategory"] == "Usage":
            columns |= dict.fromkeys(("BilledCost", "EffectiveCost", "ContractedCost"), block["ListCost"])
        first.blocks.append((int(kept.sum()), {name: _only(value, kept) for name, value in columns.items()}))
    return first


def _only(value: Cells, kept: np.ndarray) -> Cells:
    return value[kept] if isinstance(value, np.ndarray) else value

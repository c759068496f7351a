"""A dataset of a small vendor built by our own code, and by its statement."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from building import contents
from small_vendor import SmallVendor

from tenantry.engine import duckdb, own_code
from tenantry.engine.duckdb import DuckDB
from tenantry.kernel import Dataset


def by_our_code(
    vendor: SmallVendor, dataset: type[Dataset], code: Callable[..., Any], threads: int = 1, **limits: int
) -> int:
    """How many days of a dataset this code could build, divided among so many threads, under these limits of its."""
    tables: list[Any] = []

    def noted(*args: Any) -> Any:
        tables.append(code(*args))
        return tables[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own_code, "ROWS", 1)
        patch.setattr(own_code, code.__name__, noted)
        patch.setattr(DuckDB, "statement_rows", 1)
        patch.setattr(vendor.engine, "threads", threads)
        patch.setattr(duckdb, "ROW_GROUP", 3)  # a file for each thread
        for name, limit in limits.items():
            patch.setattr(sys.modules[code.__module__], name, limit)
        vendor.build(dataset)
    return sum(table is not None for table in tables)


def by_statement(vendor: SmallVendor, dataset: type[Dataset]) -> Counter[str]:
    """The rows of a dataset by its statement."""
    vendor.lake.commit(dataset, [], notes={})
    return contents(vendor.build(dataset), dataset)

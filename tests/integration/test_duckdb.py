"""What the embedded engine leaves on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake


def test_what_does_not_fit_into_memory_goes_to_the_lake_and_is_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "here").mkdir()
    (tmp_path / "lake").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    engine = DuckDB(Lake(tmp_path / "lake"), memory_limit="50MB", threads=1)
    engine.query(
        "CREATE TEMP TABLE big AS SELECT hash(i) AS h, CAST(hash(i + 1) AS VARCHAR) AS s FROM range(3_000_000) AS r(i)"
    )
    [folder] = (tmp_path / "lake").iterdir()
    assert folder.name.startswith(".")
    assert any(folder.iterdir())
    engine.connection.close()
    assert [*tmp_path.rglob("*")] == [tmp_path / "here", tmp_path / "lake"]

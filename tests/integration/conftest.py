"""Servers of the tests' own."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from postgres import Server, programs, server


@pytest.fixture(scope="session")
def postgres() -> Generator[Server]:
    """A PostgreSQL server; `postgres.database()` is the URL of a new, empty database."""
    binaries = programs()
    if binaries is None:
        pytest.skip("PostgreSQL's server is not installed: `apt-get install postgresql`, or see the Makefile")
    with server(binaries) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def state_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty state store, of each kind there is."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    return request.getfixturevalue("postgres").database()

"""A table made before its dataset had all its columns: read, added to, and replaced."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import ClassVar

from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.kernel import Dataset
from tenantry.kernel.dataset import Day, Key, Names, OptionalDimension

JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)


def then() -> type[Dataset]:
    class Things(Dataset):
        """As an earlier release declared it."""

        partition: ClassVar[str] = "day"
        day: Day
        name: Key

    return Things


class Things(Dataset):
    """As this release declares it: a column before, and one after those there were."""

    partition: ClassVar[str] = "day"
    plan: OptionalDimension = None
    day: Day
    name: Key
    aliases: Names = None


def write(engine: DuckDB, dataset: type[Dataset], day: date, sql: str, replaces: set[str] | None) -> None:
    files = engine.write(dataset, f"SELECT DATE '{day}' AS day, {sql}", [str(day)])
    engine.lake.commit(dataset, files, replaces=replaces, notes={"day": str(day)})


def rows(engine: DuckDB) -> list[tuple[object, ...]]:
    engine.attach([Things])
    return engine.tuples("SELECT day, name, plan, aliases FROM things ORDER BY day")


def test_columns_that_came_later_are_null_where_older_files_lack_them(tmp_path: Path):
    engine = DuckDB(Lake(tmp_path))
    lake = engine.lake
    write(engine, then(), JANUARY, "'a' AS name", set())
    old = (JANUARY, "a", None, None)
    assert rows(engine) == [old]

    write(engine, Things, FEBRUARY, "'b' AS name, 'pro' AS plan, ['x'] AS aliases", set())
    new = (FEBRUARY, "b", "pro", ["x"])
    assert rows(engine) == [old, new]
    assert lake.held(Things)[1] == {"day": False, "name": False, "plan": True, "aliases": True}
    engine.attach_version(Things, 1, "before")
    assert engine.tuples("SELECT name, plan FROM before") == [("a", None)]


def test_a_table_replaced_whole_is_as_if_it_had_always_had_them(tmp_path: Path):
    engine = DuckDB(Lake(tmp_path))
    write(engine, then(), JANUARY, "'a' AS name", set())
    write(engine, Things, FEBRUARY, "'b' AS name, 'pro' AS plan, ['x'] AS aliases", None)
    assert rows(engine) == [(FEBRUARY, "b", "pro", ["x"])]
    assert not any(engine.lake.held(Things)[1].values())
    assert engine.lake.notes(Things) == {"day": str(FEBRUARY)}

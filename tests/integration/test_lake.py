"""Tables as others leave them: written meanwhile, begun again, made before their dataset had all columns."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar

from deltalake import DeltaTable

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


def test_what_another_process_commits_is_seen_at_once(tmp_path: Path):
    ours, theirs = DuckDB(Lake(tmp_path)), DuckDB(Lake(tmp_path))
    for number in range(1, 41):
        writer, reader = (ours, theirs) if number % 3 else (theirs, ours)
        write(writer, Things, JANUARY, f"'{number}' AS name, 'x' AS plan, ['y'] AS aliases", None)
        for engine in (reader, writer):
            assert engine.lake.version(Things) == number
            assert rows(engine) == [(JANUARY, str(number), "x", ["y"])]


def test_a_table_deleted_and_begun_again_is_another(tmp_path: Path):
    engine = DuckDB(Lake(tmp_path))
    write(engine, Things, JANUARY, "'a' AS name, 'x' AS plan, ['y'] AS aliases", None)
    before = engine.lake.identity(Things)
    shutil.rmtree(tmp_path / "things")
    assert engine.lake.version(Things) == -1
    assert rows(engine) == []
    write(engine, Things, JANUARY, "'b' AS name, 'x' AS plan, ['y'] AS aliases", None)
    assert rows(engine) == [(JANUARY, "b", "x", ["y"])]
    assert engine.lake.identity(Things) not in ("", before)


def test_a_table_whose_maker_was_killed_before_its_first_commit_is_none_yet(tmp_path: Path):
    engine = DuckDB(Lake(tmp_path))
    left = tmp_path / "things" / "_delta_log"
    left.mkdir(parents=True)
    for half_written in (False, True):
        if half_written:
            (left / "00000000000000000000.json#1").touch()
        assert engine.lake.version(Things) == -1
        assert rows(engine) == []
    write(engine, Things, JANUARY, "'a' AS name, 'x' AS plan, ['y'] AS aliases", None)
    assert rows(engine) == [(JANUARY, "a", "x", ["y"])]


def test_a_log_is_not_cut_under_a_checkpoint_that_a_killed_process_left_half_written(tmp_path: Path):
    engine = DuckDB(Lake(tmp_path))
    for number in range(4):
        write(engine, Things, JANUARY, f"'{number}' AS name, 'x' AS plan, ['y'] AS aliases", set())
    log = tmp_path / "things" / "_delta_log"
    (log / f"{3:020}.checkpoint.parquet#1").write_bytes(b"PAR1")
    engine.lake.tidy(Things, timedelta(0))
    assert len(rows(DuckDB(Lake(tmp_path)))) == 4


def test_a_log_is_cut_under_a_checkpoint_whose_writer_was_killed_before_it_said_so(tmp_path: Path):
    engine = DuckDB(Lake(tmp_path))
    log = tmp_path / "things" / "_delta_log"
    said, told = log / "_last_checkpoint", list[bytes]()
    for number in range(8):
        write(engine, Things, JANUARY, f"'{number}' AS name, 'x' AS plan, ['y'] AS aliases", set())
        if number in (2, 5):
            DeltaTable(log.parent).create_checkpoint()
            told.append(said.read_bytes())
    said.write_bytes(told[0])
    engine.lake.tidy(Things, timedelta(0))
    assert not (log / f"{3:020}.checkpoint.parquet").exists()
    assert len(rows(DuckDB(Lake(tmp_path)))) == 8
    said.unlink()
    assert len(rows(DuckDB(Lake(tmp_path)))) == 8

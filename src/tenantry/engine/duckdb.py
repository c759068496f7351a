"""The embedded engine: DuckDB in memory over the lake's files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.parquet import ParquetWriter

from ..errors import Kind, TenantryError
from ..kernel import Row, Window
from ..kernel.dataset import Column, Dataset
from .lake import DataFile, Lake, unwritable

# What the dialects say differently; engine/sql.py has the same words for the distributed engine. HUGEINT division costs
# a microsecond where a value passes 64 bits: these avoid it where many rows go through.
MACROS = """
CREATE OR REPLACE MACRO wide(x) AS
    CASE WHEN x BETWEEN -999999999999999999 AND 999999999999999999
    THEN CAST(CAST(CAST(x AS DECIMAL(18, 0)) AS BIGINT) AS HUGEINT) ELSE CAST(x AS HUGEINT) END;
CREATE OR REPLACE MACRO pow10(n) AS CAST('1' || repeat('0', CAST(n AS INTEGER)) AS HUGEINT);
CREATE OR REPLACE MACRO idiv(a, b) AS a // b;
CREATE OR REPLACE MACRO pow2(k) AS (1::HUGEINT << CAST(k AS INTEGER));
CREATE OR REPLACE MACRO shift_down(w, k) AS
    CASE WHEN w < 0 THEN -((-w) >> CAST(k AS INTEGER)) ELSE w >> CAST(k AS INTEGER) END;
CREATE OR REPLACE MACRO digits(n) AS length(CAST(abs(n) AS VARCHAR));
CREATE OR REPLACE MACRO money_units(x) AS
    CAST(trunc(x) AS HUGEINT) * 1000000000000000000::HUGEINT
    + CAST((x - trunc(x)) * 1000000000 * 1000000000 AS HUGEINT);
CREATE OR REPLACE MACRO units_money(n) AS
    CAST(CAST(n AS DECIMAL(38, 0)) * 0.000000000000000001::DECIMAL(18, 18) AS DECIMAL(38, 18));
CREATE OR REPLACE MACRO nano_units(x) AS
    CASE WHEN x BETWEEN -999999999 AND 999999999 THEN
        CAST(CAST(trunc(CAST(x AS DECIMAL(18, 9))) AS BIGINT) * 1000000000
            + CAST(CAST(CAST(x AS DECIMAL(18, 9)) - trunc(CAST(x AS DECIMAL(18, 9))) AS DECIMAL(18, 9))
                * 1000000000 AS BIGINT) AS HUGEINT)
    ELSE CAST(trunc(x) AS HUGEINT) * 1000000000 + CAST((x - trunc(x)) * 1000000000 AS HUGEINT) END;
"""

# What does not fit into memory: DuckDB makes the folder when it needs it, and clears it, also of killed processes.
_SPILLED = ".spilled"
_ROOM = 2**29
"""Bytes that a statement of a build may need."""
ROW_GROUP = 122_880
"""Rows at most, as DuckDB writes them: its threads read by row groups."""


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string."""
    return "'" + text.replace("'", "''") + "'"


class DuckDB:
    """Runs SQL over the lake, in UTC, within a memory limit (for example `4GB`); the rest spills into the lake.

    One connection is one thread's: `fork()` gives another over the same data. Vendor errors become
    `TenantryError`: a full disk or memory is `unavailable`, arithmetic out of range `broken_contract`.
    """

    dialect = "duckdb"
    statement_rows = 500_000
    """Upstream rows that a builder gives one statement: few, so that there are several to run side by side."""

    def __init__(self, lake: Lake, memory_limit: str = "4GB", threads: int | None = None) -> None:
        self.lake = lake
        config: dict[str, Any] = {
            "memory_limit": memory_limit,
            "temp_directory": str(lake.path / _SPILLED),
            "autoinstall_known_extensions": False,
        }
        if threads:
            config["threads"] = threads
        self.connection = duckdb.connect(config=config)
        self.threads = int(self.query("SELECT current_setting('threads') AS n")[0].n)
        self._views: dict[str, str] = {}
        self.connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false;")
        self.connection.execute("SET preserve_insertion_order = false")
        self.connection.execute("SET partitioned_write_max_open_files = 64")
        self.connection.execute(MACROS)

    def fork(self) -> DuckDB:
        """The same engine for another thread."""
        other = object.__new__(DuckDB)
        other.lake = self.lake
        other.threads = self.threads
        other.connection = self.connection.cursor()
        other._views = {}
        return other

    @contextmanager
    def side_by_side(self, jobs: int) -> Iterator[list[DuckDB]]:
        """Forks for as many threads, at most, as there are jobs; meanwhile each statement has a thread of its own.

        What one statement does with several threads costs more: each makes groups of its own, to be put together after.
        """
        room = int(self.query("SELECT parse_formatted_bytes(current_setting('memory_limit')) AS n")[0].n)
        crew = min(jobs, self.threads, max(1, room // _ROOM))
        if crew <= 1:
            yield [self]
            return
        forks = [self.fork() for _ in range(crew)]
        for fork in forks:
            fork.threads = 1
        # Those that DuckDB shares among statements, and the one that each brings along.
        self._execute(f"SET threads = {self.threads - crew + 1}")
        try:
            yield forks
        finally:
            self._execute(f"SET threads = {self.threads}")

    def interrupt(self) -> None:
        """End the statement that runs, from another thread."""
        self.connection.interrupt()

    def attach(self, datasets: Sequence[type[Dataset]]) -> None:
        """Make each dataset's newest version readable under its table name; an absent table reads as empty."""
        for dataset in datasets:
            self._view(dataset.table(), self.scan(dataset))

    def attach_version(self, dataset: type[Dataset], version: int, name: str) -> None:
        """Make an older version of a table readable under `name`."""
        self._view(name, self.scan(dataset, version=version))

    def _view(self, name: str, query: str) -> None:
        if self._views.get(name) != query:
            self._execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {query}")
            self._views[name] = query

    @contextmanager
    def registered(self, name: str, table: pa.Table) -> Iterator[None]:
        """An Arrow table, readable under a name for a while."""
        self._views.pop(name, None)
        self.connection.register(name, table)
        try:
            yield
        finally:
            self.connection.unregister(name)

    def query(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        """The rows of a query, as Python values."""
        with _translated():
            cursor = self.connection.execute(sql, parameters or None)
            names = [column[0] for column in cursor.description or ()]
            return [Row(zip(names, values, strict=True)) for values in cursor.fetchall()]

    def tuples(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query, as plain tuples."""
        with _translated():
            return self.connection.execute(sql).fetchall()

    def pieces(self, sql: str, rows: int) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query, as plain tuples, so many at a time."""
        with _translated():
            cursor = self.connection.execute(sql)
            while piece := cursor.fetchmany(rows):
                yield piece

    def arrow(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
        """The rows of a query, as a `pyarrow.Table`."""
        with _translated():
            return self.connection.sql(sql, params=parameters or None).to_arrow_table()

    def answer(self, sql: str) -> Any:
        """The rows of a long query, few of them, as a `pyarrow.Table`: planned once, where `arrow` plans it twice."""
        self._execute(f"CREATE OR REPLACE TEMP TABLE answer AS {sql}")
        return self.arrow("FROM answer")

    def write_csv(self, query: str, path: str) -> None:
        r"""Write a query's rows to a file: values quoted, `\N` for null, no header."""
        form = "FORMAT csv, HEADER false, NULLSTR '\\N', FORCE_QUOTE *"
        self._execute(f"COPY ({query}) TO {literal(path)} ({form})")

    def hold(self, dataset: type[Dataset], query: str | None) -> None:
        """Add a query's rows (None: none) to a table in memory, under the dataset's name, that only this fork sees."""
        self._views.pop(dataset.table(), None)
        columns = {quoted(name): column.sql for name, column in dataset.columns().items()}
        table = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        self._execute(f"CREATE TEMP TABLE IF NOT EXISTS {dataset.table()} ({table})")
        if query:
            self._execute(f"INSERT INTO {dataset.table()} SELECT {', '.join(columns)} FROM ({query})")

    def write(
        self, dataset: type[Dataset], query: str, partitions: Sequence[str] | None, *, ordered: bool = True
    ) -> list[DataFile]:
        """Write a query's rows as new files of the dataset's table, in its order or as they come, not committed.

        `partitions` of one value: every row belongs to it. Otherwise rows are divided by the partition column.
        """
        names = list(dataset.columns())
        order = f" ORDER BY {', '.join(dataset.sort)}" if ordered and dataset.sort else ""
        if not dataset.partition or (partitions is not None and len(partitions) == 1):
            only = partitions[0] if partitions else ""
            kept = [n for n in names if n != dataset.partition]
            path = self.lake.new_name(dataset, only)
            select = f"SELECT {', '.join(map(quoted, kept))} FROM ({query}){order}"
            return self._copy(dataset, select, str(path), "", only)
        folder = self.lake.folder(dataset)
        folder.mkdir(parents=True, exist_ok=True)
        options = (
            f", PARTITION_BY ({dataset.partition}), FILENAME_PATTERN '{{uuid}}', OVERWRITE_OR_IGNORE true"
        )
        select = f"SELECT {', '.join(map(quoted, names))} FROM ({query}){order}"
        return self._copy(dataset, select, str(folder), options, None)

    def write_table(
        self, dataset: type[Dataset], table: pa.Table, partition: str, threads: int = 1
    ) -> list[DataFile]:
        """Write an Arrow table, whose texts may be dictionaries, as new files of a partition, not committed: one for
        each of so many threads that has a row group to write.
        """
        kept = table.select([name for name in dataset.columns() if name != dataset.partition])
        size = -(-len(kept) // max(1, min(threads, len(kept) // ROW_GROUP)))
        slices = [kept.slice(start, size) for start in range(0, len(kept) or 1, size or 1)]
        with ThreadPoolExecutor(len(slices)) as pool:
            files = list(pool.map(lambda part: self._write_file(dataset, part, partition), slices))
        self._hold_to_contract(dataset, str(self.lake.folder(dataset) / files[0].path))
        return files

    def _write_file(self, dataset: type[Dataset], table: pa.Table, partition: str) -> DataFile:
        path = self.lake.new_name(dataset, partition)
        groups = max(1, -(-len(table) // ROW_GROUP))
        try:
            with _parquet(path, table.schema) as file:
                file.write_table(table, max(1, -(-len(table) // groups)))
        except OSError as problem:
            raise unwritable(self.lake.path, problem) from problem
        name = str(path.relative_to(self.lake.folder(dataset)))
        return DataFile(name, partition, len(table), path.stat().st_size)

    def write_pieces(self, dataset: type[Dataset], pieces: Iterable[pa.Table]) -> list[DataFile]:
        """Write Arrow tables, one at a time in memory, as a new file of each partition that they have rows of, not
        committed. What a table has of one is a row group, in the order they came.
        """
        name, folder = dataset.partition, self.lake.folder(dataset)
        files: dict[str, tuple[Path, ParquetWriter]] = {}
        rows = Counter[str]()
        try:
            with ExitStack() as opened:
                for piece in pieces:
                    parts = piece[name].unique().to_pylist()
                    for each in parts:
                        some = piece if len(parts) == 1 else piece.filter(pc.field(name) == pc.scalar(each))
                        some, part = some.drop_columns(name), str(each)
                        if part not in files:
                            path = self.lake.new_name(dataset, part)
                            files[part] = path, opened.enter_context(_parquet(path, some.schema))
                        files[part][1].write_table(some, len(some))
                        rows[part] += len(some)
        except OSError as problem:
            raise unwritable(self.lake.path, problem) from problem
        for path, _ in files.values():
            self._hold_to_contract(dataset, str(path))
        return [
            DataFile(str(path.relative_to(folder)), part, rows[part], path.stat().st_size)
            for part, (path, _) in sorted(files.items())
        ]

    def _copy(
        self, dataset: type[Dataset], select: str, target: str, options: str, partition: str | None
    ) -> list[DataFile]:
        with _translated():
            rows = self.connection.execute(
                f"COPY ({select}) TO {literal(target)}"
                f" (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1{options}, RETURN_STATS true)"
            ).fetchall()
            if rows:
                self._hold_to_contract(dataset, rows[0][0])
        folder = self.lake.folder(dataset)
        return [
            DataFile(
                str(Path(name).relative_to(folder)),
                partition if partition is not None else keys[dataset.partition],
                count,
                size,
            )
            for name, count, size, _, _, keys, *_ in rows
            if count
        ]

    def _hold_to_contract(self, dataset: type[Dataset], path: str) -> None:
        """Raises `broken_contract` where a file has another type for a column than its dataset says."""
        types = {n: c.sql.replace(" ", "") for n, c in dataset.columns().items()}
        found = self.connection.execute(
            f"DESCRIBE FROM read_parquet({literal(path)}, hive_partitioning = false)"
        )
        wrong = [
            f"{name} is {kind}, not {types[name]}"
            for name, kind, *_ in found.fetchall()
            if kind.replace(" ", "") != types[name]
        ]
        if wrong:
            raise TenantryError(
                Kind.BROKEN_CONTRACT, f"{dataset.table()}: {'; '.join(wrong)}", "cast in the query"
            )

    def scan(
        self, dataset: type[Dataset], paths: Sequence[str] | None = None, version: int | None = None
    ) -> str:
        """A query of the rows in these files of a table, by their paths in it; by default in those of a version, the
        newest. A column that a file is too old to have is null.
        """
        columns, folder = dataset.columns(), self.lake.folder(dataset)
        files, held = self.lake.held(dataset, version)
        if paths is None:
            paths = [file.path for file in files]
        if not paths:
            return f"SELECT {', '.join(_null(n, c) for n, c in columns.items())} WHERE false"
        hive = (
            f", hive_partitioning = true, hive_types = {{{literal(dataset.partition)}: DATE}}"
            if dataset.partition
            else ", hive_partitioning = false"
        )
        select = ", ".join(quoted(n) if n in held else _null(n, c) for n, c in columns.items())
        by_name = ", union_by_name = true" if any(held.get(n) for n in columns) else ""
        read = ", ".join(literal(str(folder / path)) for path in paths)
        return f"SELECT {select} FROM read_parquet([{read}]{hive}{by_name})"

    def _execute(self, sql: str) -> None:
        with _translated():
            self.connection.execute(sql)


def _parquet(path: Path, schema: pa.Schema) -> ParquetWriter:
    """A new file, which takes row groups."""
    # Decimals, as a rule all different, and texts without an order would be looked at one by one for little; but whose
    # rows there are is asked of whole files.
    few: Any = [field.name for field in schema if not pa.types.is_decimal(field.type)]
    told: Any = [name for name in schema.names if name == "tenant_id"]
    return ParquetWriter(
        path, schema, compression="snappy", store_schema=False, use_dictionary=few, write_statistics=told
    )


def _null(name: str, column: Column) -> str:
    return f"CAST(NULL AS {column.sql}) AS {quoted(name)}"


@contextmanager
def _translated() -> Iterator[None]:
    """DuckDB's exceptions as ours, at the one seam."""
    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException) as problem:
        raise TenantryError(
            Kind.UNAVAILABLE,
            str(problem),
            "check free disk and memory ([engine] memory_limit); nothing was changed",
        ) from problem
    except (duckdb.OutOfRangeException, duckdb.ConversionException) as problem:
        raise TenantryError(
            Kind.BROKEN_CONTRACT,
            f"a value does not fit its type: {problem}",
            "amounts hold 20 digits before the point and 18 after it",
        ) from problem


def bound(statement: str, window: Window) -> str:
    """The statement with the days to build, and the whole months around them, as dates. Texts in it stay."""
    months = window.widened_to_months()
    dates = {
        "$start": window.start,
        "$end": window.end,
        "$month_start": months.start,
        "$month_end": months.end,
    }

    def dated(found: re.Match[str]) -> str:
        day = dates.get(found.group())
        return found.group() if day is None else f"DATE '{day}'"

    return re.sub(r"'(?:[^']|'')*'|\$\w+", dated, statement)

"""Datasets where other programs read them: folders of Parquet, and tables of a PostgreSQL database."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql

from ..engine.duckdb import DuckDB, literal, quoted
from ..engine.lake import remove_left_over
from ..errors import Kind, TenantryError, invalid
from ..kernel import Catalog, Dataset
from ..kernel.dataset import Column

_TYPES = {
    "VARCHAR": "text",
    "DATE": "date",
    "TIMESTAMP": "timestamptz",
    "BIGINT": "bigint",
    "DOUBLE": "double precision",
    "VARCHAR[]": "jsonb",
    "MAP(VARCHAR, VARCHAR)": "jsonb",
}
_VERSIONS = ".versions"
_NEW = ".new-"
_PIECE = 1 << 20


@dataclass(frozen=True)
class Published:
    """What became of one dataset at one place; `partitions` is how many were written again, 0: nothing had changed."""

    dataset: str
    place: str
    partitions: int
    rows: int


class Publisher:
    """Brings folders and tables up to date with the lake: the stored datasets that capabilities name.

    `folder` gets one folder of Parquet files a dataset, divided as in the lake, the whole of one version at a time.
    `url` names a PostgreSQL database: one table a dataset in `schema`, each replaced in one transaction, so that
    readers see the old or the new whole and are never made to wait; `reader` is a role that may then read them.
    """

    def __init__(
        self,
        engine: DuckDB,
        catalog: Catalog,
        folder: Path | None = None,
        url: str | None = None,
        schema: str = "tenantry",
        reader: str | None = None,
    ) -> None:
        self._engine = engine
        self._folder = folder
        self._url = url
        self._schema = schema
        self._reader = reader
        named = {dataset for capability in catalog.capabilities for dataset in capability.datasets}
        self.datasets = tuple(d for d in catalog.datasets if d in named and d.stored)

    def publish(self) -> list[Published]:
        """Publish what changed since the last time. Raises `unavailable` where a place cannot be written."""
        found: list[Published] = []
        if self._folder:
            found += [self._to_folder(self._folder, dataset) for dataset in self.datasets]
        if self._url:
            found += self._to_postgresql(self._url)
        return found

    def _to_folder(self, folder: Path, dataset: type[Dataset]) -> Published:
        """Make `folder/TABLE` a link to a folder that holds one version's files."""
        lake = self._engine.lake
        version, files = lake.version(dataset), lake.files(dataset)
        name = f"{dataset.table()}-{lake.identity(dataset)[:8]}-{version}"
        target, link = folder / _VERSIONS / name, folder / dataset.table()
        if version < 0 or (target.is_dir() and link.resolve() == target.resolve()):
            return Published(dataset.table(), str(link), 0, 0)
        try:
            (folder / _VERSIONS).mkdir(parents=True, exist_ok=True)
            work = Path(tempfile.mkdtemp(prefix=_NEW, dir=folder / _VERSIONS))
            work.chmod(0o755)
            for file in files:
                copy = work / file.path
                copy.parent.mkdir(parents=True, exist_ok=True)
                _linked(lake.folder(dataset) / file.path, copy)
            shutil.rmtree(target, ignore_errors=True)
            work.rename(target)
            fresh = folder / _VERSIONS / f".{dataset.table()}.link"
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(Path(_VERSIONS) / name)
            fresh.replace(link)
            self._forget_older(folder, dataset, keep=name)
        except OSError as problem:
            why = f"{folder}: {problem.strerror or problem}"
            raise TenantryError(Kind.UNAVAILABLE, why, "check the folder and its free space") from problem
        partitions = len({file.partition for file in files})
        return Published(dataset.table(), str(link), partitions, sum(file.rows for file in files))

    @staticmethod
    def _forget_older(folder: Path, dataset: type[Dataset], keep: str) -> None:
        """Remove older versions but the newest of them, which somebody may be reading; and what was left half made."""
        remove_left_over(folder / _VERSIONS, _NEW)
        older = [
            p
            for p in (folder / _VERSIONS).glob(f"{dataset.table()}-????????-*")
            if p.name != keep and p.is_dir()
        ]
        for path in sorted(older, key=lambda p: p.stat().st_mtime)[:-1]:
            shutil.rmtree(path, ignore_errors=True)

    def _to_postgresql(self, url: str) -> list[Published]:
        try:
            with psycopg.connect(_address(url), autocommit=True, options="-c TimeZone=UTC") as connection:
                self._prepare(connection)
                return [self._to_table(connection, dataset) for dataset in self.datasets]
        except psycopg.Error as problem:
            why = str(problem).strip().splitlines()
            raise TenantryError(
                Kind.UNAVAILABLE,
                f"publishing to PostgreSQL: {why[0] if why else type(problem).__name__}",
                "check that the database runs and that its user may create the schema; nothing was half-published",
            ) from problem

    def _prepare(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(_of("CREATE SCHEMA IF NOT EXISTS {}", self._schema))
        connection.execute(
            _of(
                "CREATE TABLE IF NOT EXISTS {}.{} (dataset text PRIMARY KEY, "
                "columns text NOT NULL, files jsonb NOT NULL, published timestamptz NOT NULL)",
                self._schema, "published",
            )
        )  # fmt: skip
        if self._reader:
            connection.execute(_of("GRANT USAGE ON SCHEMA {} TO {}", self._schema, self._reader))

    def _to_table(self, connection: psycopg.Connection[Any], dataset: type[Dataset]) -> Published:
        lake = self._engine.lake
        version = lake.version(dataset)
        files: dict[str, list[str]] = {}
        for file in lake.files(dataset, version) if version >= 0 else ():
            files.setdefault(file.partition, []).append(file.path)
        columns = {name: _type(column) for name, column in dataset.columns().items()}
        shape = json.dumps(columns)
        with connection.transaction():
            connection.execute(
                "SELECT pg_advisory_xact_lock(hashtext(%s))", [f"{self._schema}.{dataset.table()}"]
            )
            before = connection.execute(
                _of("SELECT columns, files FROM {}.{} WHERE dataset = %s", self._schema, "published"), [dataset.table()]
            ).fetchone()  # fmt: skip
            if before is None or before[0] != shape:
                self._create(connection, dataset, columns)
                before = None
            had: Mapping[str, list[str]] = before[1] if before else {}
            changed = sorted(p for p in {*had, *files} if sorted(had.get(p, ())) != sorted(files.get(p, ())))
            if before and not changed:
                return Published(dataset.table(), self._place(dataset), 0, 0)
            rows = self._fill(connection, dataset, version, changed, columns) if changed else 0
            connection.execute(
                _of(
                    "INSERT INTO {}.{} VALUES (%s, %s, %s, now()) ON CONFLICT (dataset) DO UPDATE "
                    "SET columns = excluded.columns, files = excluded.files, published = excluded.published",
                    self._schema, "published",
                ),
                [dataset.table(), shape, json.dumps(files)],
            )  # fmt: skip
        return Published(dataset.table(), self._place(dataset), len(changed), rows)

    def _place(self, dataset: type[Dataset]) -> str:
        return f"postgresql {self._schema}.{dataset.table()}"

    def _create(
        self, connection: psycopg.Connection[Any], dataset: type[Dataset], columns: Mapping[str, str]
    ) -> None:
        table = (self._schema, dataset.table())
        connection.execute(_of("DROP TABLE IF EXISTS {}.{}", *table))
        of = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(cast("LiteralString", kind)))
            for name, kind in columns.items()
        )
        connection.execute(_of("CREATE TABLE {}.{} (", *table) + of + sql.SQL(")"))
        if dataset.partition:
            connection.execute(_of("CREATE INDEX ON {}.{} ({})", *table, dataset.partition))
        comment = sql.Literal((dataset.__doc__ or "").strip())
        connection.execute(_of("COMMENT ON TABLE {}.{} IS ", *table) + comment)
        if self._reader:
            connection.execute(_of("GRANT SELECT ON {}.{} TO {}", *table, self._reader))

    def _fill(
        self,
        connection: psycopg.Connection[Any],
        dataset: type[Dataset],
        version: int,
        partitions: Sequence[str],
        columns: Mapping[str, str],
    ) -> int:
        """Replace the partitions' rows by those of the version; -1: there are none any more."""
        table = (self._schema, dataset.table())
        if dataset.partition:
            gone = _of("DELETE FROM {}.{} WHERE {} = ANY(%s::date[])", *table, dataset.partition)
            connection.execute(gone, [list(partitions)])
        else:
            connection.execute(_of("DELETE FROM {}.{}", *table))
        if version < 0:
            return 0
        days = ", ".join(f"DATE {literal(day)}" for day in partitions)
        where = f" WHERE {quoted(dataset.partition)} IN ({days})" if dataset.partition else ""
        into = _of("COPY {}.{} FROM STDIN (FORMAT csv, NULL '\\N')", *table)
        with self._as_csv(dataset, version, where, columns) as file, connection.cursor() as cursor:
            with cursor.copy(into) as copy:
                while piece := file.read(_PIECE):
                    copy.write(piece)
            return cursor.rowcount

    @contextmanager
    def _as_csv(
        self, dataset: type[Dataset], version: int, where: str, columns: Mapping[str, str]
    ) -> Generator[Any]:
        """The rows as PostgreSQL reads them. It has no NUL in text: U+FFFD stands for one."""
        values = [
            f"to_json({quoted(name)})" if kind == "jsonb"
            else f"replace({quoted(name)}, chr(0), chr(65533))" if kind == "text"
            else quoted(name)
            for name, kind in columns.items()
        ]  # fmt: skip
        engine = self._engine.fork()
        with tempfile.TemporaryDirectory(prefix="tenantry-publish-") as folder, closing(engine.connection):
            path = os.path.join(folder, "rows.csv")  # noqa: PTH118 - the engine takes text
            engine.attach_version(dataset, version, dataset.table())
            engine.write_csv(f"SELECT {', '.join(values)} FROM {dataset.table()}{where}", path)
            with open(path, "rb") as file:  # noqa: PTH123 - the same
                yield file


def _type(column: Column) -> str:
    return _TYPES.get(column.sql) or column.sql.replace("DECIMAL", "numeric")


def _of(statement: LiteralString, *names: str) -> sql.Composed:
    return sql.SQL(statement).format(*map(sql.Identifier, names))


def _address(url: str) -> str:
    """The URL as libpq reads it. Raises `invalid` for one that is not PostgreSQL's."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in {"postgres", "postgresql"}:
        raise invalid("publish.url is no URL of PostgreSQL", "write postgresql://USER@HOST/DATABASE")
    return f"postgresql://{rest}"


def _linked(file: Path, copy: Path) -> None:
    """The same file under another name; a copy where the folder is on another disk. Lake files never change."""
    try:
        os.link(file, copy)
    except OSError:
        shutil.copyfile(file, copy)

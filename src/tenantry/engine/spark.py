"""The distributed engine: Spark over the same lake, for what one machine cannot hold."""

# Spark is an extra: `make check` does without it.
# pyright: reportMissingImports=false

from __future__ import annotations

import logging
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from ..errors import Kind, TenantryError
from ..kernel import Row
from ..kernel.dataset import Dataset
from .lake import DataFile, Lake
from .sql import in_steps, to_spark

try:
    from py4j.protocol import Py4JError
    from pyspark.errors import AnalysisException, PySparkException
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql import functions as f
except ModuleNotFoundError as missing:
    raise TenantryError(
        Kind.UNAVAILABLE, "Spark is not installed here", "pip install 'tenantry[spark]'; it needs Java 17"
    ) from missing

# It prints, with a stack trace, every error that is raised as well.
logging.getLogger("SQLQueryContextLogger").disabled = True

_TYPES = {
    "VARCHAR": "string",
    "DATE": "date",
    "TIMESTAMP": "timestamp_ntz",
    "BIGINT": "bigint",
    "DOUBLE": "double",
    "VARCHAR[]": "array<string>",
    "MAP(VARCHAR, VARCHAR)": "map<string,string>",
    "DECIMAL(38,0)": "decimal(38,0)",
    "DECIMAL(38,9)": "decimal(38,9)",
    "DECIMAL(38,18)": "decimal(38,18)",
}

# Types that become the contract's without any loss.
_WIDER = {("int", "bigint"), ("date", "timestamp_ntz"), ("timestamp", "timestamp_ntz")}

_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",  # out of range is an error, never null
    # Sums, products and unions of decimals keep their places as DuckDB's do. Spark's defaults drop the last digits.
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    "spark.sql.legacy.decimal.retainFractionDigitsOnTruncate": "true",
    # One folder listing on the driver, not a job, for a table of many days.
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
}

_QUIET = {
    "spark.app.name": "tenantry",
    "spark.log.level": "FATAL",  # errors are raised to the caller
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}

# A master within this machine is reached by nobody else.
_LOOPBACK = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "2g",
    "spark.sql.shuffle.partitions": "4",
}


class Spark:
    """Runs the datasets' SQL, translated by engine/sql.py, over the lake; same methods and rows as `DuckDB`.

    `url` is a Spark master (`spark://host:7077`, `yarn`, `local[2]`, `local-cluster[2,1,2048]`); a second engine of the
    process shares its cluster. The lake's folder must be readable and writable, at the same path, by every worker.
    Vendor errors become `TenantryError`: arithmetic out of range and SQL that Spark refuses are `broken_contract`, a
    cluster that does not answer is `unavailable`.
    """

    dialect = "spark"
    statement_rows = 4_000_000
    """Upstream rows that a builder gives one statement: many, because planning and compiling each takes seconds."""

    def __init__(self, lake: Lake, url: str) -> None:
        self.lake = lake
        self._views: dict[str, list[str]] = {}
        with _translated():
            self.session = _own(_session(url))

    def fork(self) -> Spark:
        """The same engine for another thread, with views of its own."""
        other = object.__new__(Spark)
        other.lake = self.lake
        other.session = _own(self.session)
        other._views = {}
        return other

    @contextmanager
    def side_by_side(self, jobs: int) -> Iterator[list[Spark]]:
        """This engine alone: its cluster divides every statement."""
        yield [self]

    def stop(self) -> None:
        """End the cluster's application, for every engine of this process."""
        self.session.stop()

    def attach(self, datasets: Sequence[type[Dataset]]) -> None:
        """Make each dataset's newest version readable under its table name; an absent table reads as empty."""
        for dataset in datasets:
            self._attach(dataset.table(), dataset)

    def attach_version(self, dataset: type[Dataset], version: int, name: str) -> None:
        """Make an older version of a table readable under `name`."""
        self._attach(name, dataset, version)

    def _attach(self, name: str, dataset: type[Dataset], version: int | None = None) -> None:
        paths = self.lake.paths(dataset, version)
        if self._views.get(name) != paths:
            self._view(name, self._scan(dataset, paths))
            self._views[name] = paths

    @contextmanager
    def registered(self, name: str, table: pa.Table) -> Iterator[None]:
        """An Arrow table, readable under a name for a while."""
        self._views.pop(name, None)
        self._view(name, self.session.createDataFrame(table))
        try:
            yield
        finally:
            self.session.catalog.dropTempView(name)

    def query(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        """The rows of a query, as Python values."""
        with _translated():
            frame = self._frame(sql, parameters)
            return [Row(zip(frame.columns, row, strict=True)) for row in frame.collect()]

    def arrow(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> pa.Table:
        """The rows of a query, as an Arrow table."""
        with _translated():
            return self._frame(sql, parameters).toArrow()

    def write(self, dataset: type[Dataset], query: str, partitions: Sequence[str] | None) -> list[DataFile]:
        """Write a query's rows as new files of the dataset's table, without committing them: one a partition."""
        staged = self.lake.folder(dataset) / f"_staged-{uuid.uuid4().hex}"
        apart = (dataset.partition,) if dataset.partition else ()
        order = (*apart, *dataset.sort)
        try:
            with _translated():
                frame = _conforming(dataset, self._frame(query))
                whole = frame.repartition(*apart) if apart else frame.repartition(1)
                ordered = whole.sortWithinPartitions(*order) if order else whole
                ordered.write.option("compression", "zstd").partitionBy(*apart).parquet(str(staged))
            return [self._adopted(dataset, part) for part in staged.rglob("*.parquet") if _rows(part)]
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def _adopted(self, dataset: type[Dataset], part: Path) -> DataFile:
        """A file that Spark wrote, moved to where and as what the lake keeps it."""
        partition = part.parent.name.partition("=")[2] if dataset.partition else ""
        path = part.rename(self.lake.new_name(dataset, partition))
        name = str(path.relative_to(self.lake.folder(dataset)))
        return DataFile(name, partition, _rows(path), path.stat().st_size)

    def _frame(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> DataFrame:
        if isinstance(parameters, Mapping) or not parameters:
            given = {name: _argument(value) for name, value in dict(parameters).items()}
            steps, last = in_steps(sql)
        else:
            given = [_argument(value) for value in parameters]
            steps, last = (), to_spark(sql)
        for step in steps:
            frame = self.session.sql(step.sql, args=given or None)
            kept = frame.localCheckpoint() if step.shared else frame
            # Named anew, else Spark takes a column kept here and its origin, joined later, for one.
            kept.toDF(*step.columns or frame.columns).createOrReplaceTempView(step.name)
        found = _unzoned(self.session.sql(last, args=given or None))
        for step in steps:
            self.session.catalog.dropTempView(step.name)
        return found

    def _scan(self, dataset: type[Dataset], paths: Sequence[str]) -> DataFrame:
        columns = ", ".join(f"`{name}` {_TYPES[c.sql]}" for name, c in dataset.columns().items())
        if not paths:
            return self.session.createDataFrame([], columns)
        read = self.session.read.schema(columns).option("basePath", str(self.lake.folder(dataset).resolve()))
        return read.parquet(*paths).select(*dataset.columns())

    def _view(self, name: str, frame: DataFrame) -> None:
        with _translated():
            frame.createOrReplaceTempView(name)


def _session(url: str) -> SparkSession:
    settings = dict(_QUIET)
    if url.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        settings |= _LOOPBACK
    builder = SparkSession.builder.master(url)
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def _own(session: SparkSession) -> SparkSession:
    """A session with views of its own, whose arithmetic is the embedded engine's."""
    own = session.newSession()
    for name, value in _SETTINGS.items():
        own.conf.set(name, value)
    return own


def _unzoned(frame: DataFrame) -> DataFrame:
    """Timestamps as the contracts have them: UTC, without saying so."""
    zoned = [name for name, kind in frame.dtypes if kind == "timestamp"]
    return frame.withColumns({name: frame[name].cast("timestamp_ntz") for name in zoned}) if zoned else frame


def _argument(value: Any) -> Any:
    """Spark would read a datetime in the time zone of this process."""
    return value.isoformat(sep=" ") if isinstance(value, datetime) else value


def _conforming(dataset: type[Dataset], frame: DataFrame) -> DataFrame:
    """The columns in the contract's order and types. Raises `broken_contract` where a type would change a value."""
    wanted = {name: _TYPES[c.sql] for name, c in dataset.columns().items()}
    found = dict(frame.dtypes)
    wrong = [
        f"{name} is {found.get(name, 'missing')}, not {kind}"
        for name, kind in wanted.items()
        if found.get(name) != kind and (found.get(name), kind) not in _WIDER
    ]
    if wrong:
        raise TenantryError(
            Kind.BROKEN_CONTRACT, f"{dataset.table()} on Spark: {'; '.join(wrong)}", "cast in the query"
        )
    return frame.select(*(f.col(name).cast(kind) for name, kind in wanted.items()))


def _rows(path: Path) -> int:
    return parquet.read_metadata(path).num_rows


_ARITHMETIC = ("NUMERIC_VALUE", "ARITHMETIC", "DIVIDE_BY", "REMAINDER_BY", "CAST_", "USER_RAISED")


@contextmanager
def _translated() -> Iterator[None]:
    """Spark's exceptions as ours, at the one seam."""
    try:
        yield
    except (PySparkException, Py4JError) as problem:
        condition = (isinstance(problem, PySparkException) and problem.getCondition()) or ""
        if condition.startswith(_ARITHMETIC):
            raise TenantryError(
                Kind.BROKEN_CONTRACT,
                f"a value does not fit its type: {_first_line(problem)}",
                "amounts hold 20 digits before the point and 18 after it",
            ) from problem
        if isinstance(problem, AnalysisException):
            raise TenantryError(
                Kind.BROKEN_CONTRACT,
                f"Spark does not take this query: {_first_line(problem)}",
                "write it in what both engines know: docs/how-to/add-an-engine.md",
            ) from problem
        raise TenantryError(
            Kind.UNAVAILABLE,
            f"Spark: {_first_line(problem)}",
            "check [engine] url, that the cluster runs, and that Java 17 is installed; nothing was changed",
        ) from problem


def _first_line(problem: Exception) -> str:
    return str(problem).strip().partition("\n")[0]

"""The distributed engine gives the embedded engine's rows: 0 missing, 0 different."""

from __future__ import annotations

import os
import shutil
import tomllib
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from small_vendor import SmallVendor, asked, reading
from sqlglot import exp, parse_one
from three_months import BILL, DOCUMENTS, LOGS, METERED, PAID, PEOPLE, POLICY, TIERS, USERS, bill_row, usage

from tenantry import app
from tenantry.datasets.default_policy import settings_from
from tenantry.engine.build import Builder
from tenantry.engine.duckdb import DuckDB, bound
from tenantry.engine.lake import Lake
from tenantry.engine.spark_sql import MACROS
from tenantry.engine.sql import PROVEN
from tenantry.errors import Kind, TenantryError
from tenantry.kernel import Dataset, Row, Window
from tenantry.kernel.money import EXACT
from tenantry.sources.demo import write_vendor

if TYPE_CHECKING:
    from tenantry.engine.spark import Spark

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
# A worker compiles each query for itself, which takes longer than to run it: two of them where there is time.
CLUSTER = "local-cluster[2,1,2048]" if LONG else "local-cluster[1,2,2048]"
# The whole year takes a cluster on two cores a quarter of an hour.
MONTHS = 14 if LONG else 3
CATALOG = app.catalog()
DERIVED = [d for d in CATALOG.datasets if d.derived()]

# For the few rows of a small vendor, as they are: Java takes longer to compile the queries than to run them. What Spark
# prunes partitions with cannot be interpreted.
INTERPRETED = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.optimizer.dynamicPartitionPruning.enabled": "false",
}

# --- engines ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Generator[Spark, None, None]:
    """A master and workers, in processes of their own, for all tests of this module."""
    pyspark = pytest.importorskip("pyspark", reason="Spark is not installed: `make test` does it")
    from tenantry.engine.spark import Spark

    with pytest.MonkeyPatch.context() as patch:
        # Two cores spend more on optimising Java than these few rows give back.
        patch.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        engine = Spark(Lake(tmp_path_factory.mktemp("nothing")), CLUSTER)
        yield engine
        engine.stop()
    shutil.rmtree(Path(pyspark.__file__).parent / "work", ignore_errors=True)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> DuckDB:
    return DuckDB(Lake(tmp_path_factory.mktemp("nothing")), memory_limit="1GB")


@contextmanager
def both(embedded: DuckDB, cluster: Spark, name: str, table: pa.Table) -> Iterator[None]:
    with embedded.registered(name, table), cluster.registered(name, table):
        yield


# --- the macros ---------------------------------------------------------------------------------------

LARGEST = 10**38 - 1
wholes = st.one_of(
    st.integers(-LARGEST, LARGEST),
    st.integers(-1000, 1000),
    st.builds(lambda power, near: 10**power + near, st.integers(0, 37), st.integers(-1, 1)),
    st.builds(lambda power, near: near - 10**power, st.integers(0, 37), st.integers(-1, 1)),
    st.sampled_from([0, LARGEST, -LARGEST, 10**37, -(10**37)]),
)
NUMBERS = {
    "a": wholes,
    "b": wholes.filter(bool),
    "k": st.integers(0, 60),
    "n": st.integers(0, 37),
    "money": wholes.map(lambda n: Decimal(n).scaleb(-18, EXACT)),
    "nano": wholes.map(lambda n: Decimal(n).scaleb(-9, EXACT)),
}
NUMBER_TYPES = pa.schema(
    [
        ("id", pa.int64()),
        ("a", pa.decimal128(38, 0)),
        ("b", pa.decimal128(38, 0)),
        ("k", pa.int64()),
        ("n", pa.int64()),
        ("money", pa.decimal128(38, 18)),
        ("nano", pa.decimal128(38, 9)),
    ]
)
MACRO_SAMPLES = (
    "wide(a)",
    "wide(money)",
    "wide(k)",
    "idiv(wide(a), wide(b))",
    "idiv(wide(b), wide(a) * 0 + 3)",
    "pow2(k)",
    "pow10(n)",
    "shift_down(wide(a), k)",
    "shift_down(wide(b), 60)",
    "digits(a)",
    "money_units(money)",
    "units_money(wide(a))",
    "units_money(money_units(money))",
    "nano_units(nano)",
)
ARITHMETIC = (
    *("-wide(a)", "abs(wide(a))", "-money", "abs(money)", "wide(a) % wide(b)", "money % 1"),
    *(
        "idiv(wide(a), wide(3)) - idiv(wide(b), wide(3))",
        "sum(idiv(wide(a), wide(100))) OVER ()",
        "-idiv(-wide(a), wide(7))",
    ),
    *("sign(money)", "round(money, 3)", "floor(money)", "ceil(money)", "CAST(money AS DECIMAL(38, 9))"),
    *("CAST(wide(a) AS VARCHAR)", "CAST(money AS VARCHAR)", "CAST(money AS DOUBLE)", "CAST(nano AS DOUBLE)"),
    *(
        "max(money) OVER ()",
        "greatest(wide(a), wide(b))",
        "money * 1",
        "nano / 7",
        "money > wide(k)",
        "money < nano / 1",
    ),
)


@settings(
    max_examples=10,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(rows=st.lists(st.fixed_dictionaries(NUMBERS), min_size=40, max_size=60))
def test_macros_and_arithmetic_agree(embedded: DuckDB, cluster: Spark, rows: list[dict[str, Any]]):
    numbered = [{"id": i, **row} for i, row in enumerate(rows)]
    with both(embedded, cluster, "numbers", pa.Table.from_pylist(numbered, schema=NUMBER_TYPES)):
        assert not different(embedded, cluster, (*MACRO_SAMPLES, *ARITHMETIC), "numbers")


def different(embedded: DuckDB, cluster: Spark, expressions: Sequence[str], table: str) -> dict[str, Any]:
    """The expressions whose values differ, with both; as one query, because Spark plans for longer than it runs."""
    columns = ", ".join(f"{e} AS x{i}" for i, e in enumerate(expressions))
    sql = f"SELECT {columns} FROM {table} ORDER BY id"
    here, there = embedded.query(sql), cluster.query(sql)
    values = {e: ([r[f"x{i}"] for r in here], [r[f"x{i}"] for r in there]) for i, e in enumerate(expressions)}
    return {e: pair for e, pair in values.items() if pair[0] != pair[1]}


def test_every_macro_has_a_sample():
    written = {
        node.name.lower()
        for s in MACRO_SAMPLES
        for node in parse_one(s, read="duckdb").find_all(exp.Anonymous)
    }
    assert written == set(MACROS)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT wide(a) * 10 FROM edge",
        "SELECT wide(a) + wide(a) FROM edge",
        "SELECT sum(wide(a)) FROM (SELECT a FROM edge UNION ALL SELECT a FROM edge) AS e",
        "SELECT idiv(wide(a), wide(a) - wide(a)) FROM edge",
        "SELECT money + money FROM edge",
        "SELECT sum(money) FROM (SELECT money FROM edge UNION ALL SELECT money FROM edge) AS e",
        "SELECT units_money(wide(a)) * 10 FROM edge",
        "SELECT CAST(money AS BIGINT) FROM edge",
        "SELECT CAST('12x' AS DECIMAL(38, 18)) FROM edge",
    ],
)
def test_what_does_not_fit_is_an_error_on_both_and_never_a_wrong_number(
    embedded: DuckDB, cluster: Spark, sql: str
):
    edge = pa.table(
        {
            "a": pa.array([Decimal(LARGEST)], pa.decimal128(38, 0)),
            "money": pa.array([Decimal(LARGEST).scaleb(-18, EXACT)], pa.decimal128(38, 18)),
        }
    )
    with both(embedded, cluster, "edge", edge):
        with pytest.raises(Exception, match=r"(?i)out of range|overflow|divi|convert|cast"):
            embedded.query(sql)
        with pytest.raises(TenantryError) as raised:
            cluster.query(sql)
    assert raised.value.kind is Kind.BROKEN_CONTRACT


# --- the language -------------------------------------------------------------------------------------

THINGS = pa.table(
    {
        "id": pa.array([1, 2, 3, 4, 5], pa.int64()),
        "s": ["a;b;c", " Äß\u00a0", None, "", "İ ΟΔΟΣ_%\\"],
        "m": pa.array(
            [Decimal("1.5"), Decimal("-2.500000000000000001"), None, Decimal(0), Decimal("0.49")],
            pa.decimal128(38, 18),
        ),
        "q": pa.array(
            [Decimal("1.000000001"), Decimal(-3), None, Decimal(0), Decimal("2.5")], pa.decimal128(38, 9)
        ),
        "n": pa.array([7, -7, None, 0, 3_000_000_000], pa.int64()),
        "d": [date(2026, 1, 31), date(2026, 3, 29), None, date(2024, 2, 29), date(2026, 12, 31)],
        "t": pa.array(
            [
                datetime.fromisoformat("2026-01-31 13:14:15.123456"),
                datetime.fromisoformat("2026-03-29 01:30"),
                None,
                datetime.fromisoformat("2024-02-29 23:59:59"),
                datetime.fromisoformat("2026-12-31"),
            ],
            pa.timestamp("us"),
        ),
        "l": pa.array([["x", "y"], [], None, ["x"], [None, "z"]], pa.list_(pa.string())),
        "tags": pa.array(
            [[("k", "v")], [], None, [("j", "w"), ("k", None)], [("k", "İ")]],
            pa.map_(pa.string(), pa.string()),
        ),
        "w": ["2026", "2026-03", "2026-3-1", "2026-02-30", "1e3"],
    }
)
EXPRESSIONS = (
    *(
        "m + m",
        "m - q",
        "m * 2",
        "m * n",
        "-m",
        "m + 1",
        "m % 1",
        "n % 4",
        "n % -4",
        "n / 2",
        "m / 4",
        "abs(m)",
    ),
    *(
        "sign(m)",
        "sign(n) * m",
        "round(m)",
        "round(m, 1)",
        "floor(m)",
        "ceil(m)",
        "greatest(n, 3)",
        "least(m, 0)",
    ),
    *("CAST(m AS BIGINT)", "CAST(m AS INTEGER)", "CAST(m AS HUGEINT)", "CAST(m AS DECIMAL(38, 9))"),
    *(
        "CAST(m AS DOUBLE)",
        "CAST(m AS VARCHAR)",
        "CAST(n AS VARCHAR)",
        "CAST(n > 0 AS VARCHAR)",
        "n::BOOLEAN",
    ),
    *(
        "CASE WHEN n > 0 THEN m ELSE 0 END",
        "CASE id WHEN 1 THEN m WHEN 2 THEN n END",
        "coalesce(m, n, 0)",
        "m > n",
        "m = wide(n)",
    ),
    *("nullif(n, 0)", "if(n > 0, 1, 0)", "n BETWEEN 0 AND 9", "s IN ('', 'x')", "s IS DISTINCT FROM ''"),
    *(
        "lower(s)",
        "trim(s)",
        "ltrim(s)",
        "rtrim(s)",
        "trim(s, 'a')",
        "lower(trim(s))",
        "length(s)",
        "s || 'x'",
    ),
    *("left(s, 2)", "right(s, 2)", "replace(s, ';', ',')", "repeat(s, 2)", "split_part(s, ';', 2)"),
    *("string_split(s, ';')", "starts_with(s, 'a')", "ends_with(s, 'c')", "contains(s, ';b')"),
    *("s LIKE 'a%'", "s LIKE '%^_^%%' ESCAPE '^'", "s LIKE s ESCAPE '^'", "s NOT LIKE '_;%'"),
    *("regexp_matches(s, '^a')", "regexp_matches(s || '\n', 'c$')", "regexp_matches('a\r', 'a.')"),
    *("regexp_extract(s, '([a-z]);', 1)", "regexp_extract(s, '[;]b.*$')", "regexp_extract(s, 'zz')"),
    *("TRY_CAST(w AS DATE)", "TRY_CAST(w AS DECIMAL(38, 18))", "TRY_CAST(w AS BIGINT)", "'it''s a \\ back'"),
    *("d + 1", "d - 1", "CAST(d + INTERVAL 1 DAY AS DATE)", "CAST(d + INTERVAL '1' MONTH AS DATE)"),
    *(
        "t + INTERVAL '25' HOUR",
        "t - INTERVAL 1 DAY",
        "d < t",
        "t <= d + INTERVAL '1' DAY",
        "CAST(t AS DATE)",
    ),
    *(
        "date_trunc('month', d)",
        "CAST(date_trunc('month', d) AS DATE)",
        "date_trunc('hour', t)",
        "last_day(d)",
    ),
    *("date_diff('day', d, DATE '2026-01-01')", "date_diff('day', t, TIMESTAMP '2026-02-01 00:00:00')"),
    *("extract(month FROM d)", "extract(hour FROM t)", "extract(year FROM d)", "CAST(d AS VARCHAR)"),
    *("CAST(t AS VARCHAR)", "CAST(d AS TIMESTAMP)", "tags['k']", "map_keys(tags)"),
    *("0.1 + 0.2", "10000000000000000000 + 1", "1.5::DOUBLE * 2", "(n > 0) IS TRUE", "n > 0 OR m IS NULL"),
)
QUERIES = (
    "SELECT id, unnest(l) AS x FROM things",
    "SELECT id, x FROM things, unnest(things.l) AS u(x)",
    "SELECT k, count(*) FROM (SELECT unnest(map_keys(tags)) AS k FROM things) AS u GROUP BY k",
    "SELECT n > 0 AS p, count(*), count(s), count(DISTINCT s), sum(m), min(d), max(t) FROM things GROUP BY ALL",
    "SELECT sum(n) FILTER (WHERE n > 0), count_if(n > 0), bool_or(n > 0), bool_and(n > 0), sum(wide(n)) FROM things",
    "SELECT sum(m), count(*) FROM things WHERE FALSE",
    "SELECT m FROM things UNION ALL SELECT wide(n) FROM things UNION ALL SELECT 0",
    "SELECT string_agg(s, ' + ' ORDER BY s NULLS FIRST) FROM things",
    "SELECT id, row_number() OVER (ORDER BY n DESC NULLS LAST), rank() OVER (ORDER BY n > 0 NULLS FIRST) FROM things",
    "SELECT id, dense_rank() OVER (ORDER BY n > 0 NULLS LAST), lag(m, 1, 0) OVER (ORDER BY id NULLS FIRST) FROM things",
    "SELECT id, lead(s) OVER (ORDER BY id NULLS FIRST) AS s FROM things",
    "SELECT id, sum(m) OVER (PARTITION BY n > 0 ORDER BY id NULLS FIRST) AS upto, sum(m) OVER () AS total FROM things",
    "SELECT id FROM things QUALIFY row_number() OVER (PARTITION BY n > 0 ORDER BY id NULLS FIRST) = 1",
    "WITH v(a, b) AS (VALUES (1, 'a'), (2, NULL)), w AS (SELECT * FROM v) SELECT w.a, v.b FROM w, v",
    "WITH things AS (SELECT * FROM things WHERE id < 3) SELECT things.id FROM things JOIN things AS o USING (id)",
    "SELECT a.id, b.id FROM things AS a LEFT JOIN things AS b ON a.n = b.n AND b.id > 1",
    "SELECT coalesce(a.id, b.id) FROM things AS a FULL OUTER JOIN (SELECT 9 AS id) AS b ON a.id = b.id",
    "SELECT id FROM things SEMI JOIN (SELECT 1 AS id) AS b USING (id)",
    "SELECT id FROM things ANTI JOIN (SELECT 1 AS id) AS b USING (id)",
    "SELECT id FROM things AS a WHERE NOT EXISTS (SELECT 1 FROM things AS b WHERE b.id = a.id + 1)",
    "SELECT id FROM things WHERE id NOT IN (SELECT 1) AND id IN (SELECT id FROM things)",
    "SELECT id, n FROM things ORDER BY n, id DESC LIMIT 3",
    "SELECT * EXCLUDE (l, tags, s) FROM things",
    "SELECT DISTINCT s FROM things",
    "SELECT s FROM things EXCEPT SELECT 'a;b;c'",
    "SELECT tags FROM things GROUP BY tags HAVING count(*) > 5",
)


def test_expressions_agree(embedded: DuckDB, cluster: Spark):
    with both(embedded, cluster, "things", THINGS):
        assert not different(embedded, cluster, EXPRESSIONS, "things")


@pytest.mark.parametrize("sql", QUERIES)
def test_queries_agree(embedded: DuckDB, cluster: Spark, sql: str):
    with both(embedded, cluster, "things", THINGS):
        assert in_some_order(cluster.query(sql)) == in_some_order(embedded.query(sql))


def in_some_order(rows: list[Row]) -> list[tuple[Any, ...]]:
    return sorted((tuple(row.values()) for row in rows), key=lambda row: [str(cell) for cell in row])


def test_every_function_that_is_let_through_has_a_sample():
    selects = [*(f"SELECT {e} FROM things" for e in EXPRESSIONS), *QUERIES]
    used = {type(node) for sql in selects for node in parse_one(sql, read="duckdb").walk()}
    assert not [kind.__name__ for kind in PROVEN if kind not in used]


@pytest.mark.parametrize(
    "parameters",
    [[date(2026, 1, 1), datetime.fromisoformat("2026-03-29 01:30"), "a;b;c"], {"a": 1, "b": 2, "c": 3}],
)
def test_parameters_mean_the_same(embedded: DuckDB, cluster: Spark, parameters: Any):
    sql = (
        "SELECT id FROM things WHERE d >= ? AND (t >= ? OR s = ?) ORDER BY id"
        if isinstance(parameters, list)
        else "SELECT id FROM things WHERE id IN ($a, $b, $c) ORDER BY id"
    )
    with both(embedded, cluster, "things", THINGS):
        assert cluster.query(sql, parameters) == embedded.query(sql, parameters) != []


def test_arrow_tables_are_alike(embedded: DuckDB, cluster: Spark):
    sql = "SELECT * EXCLUDE (n), date_trunc('day', t) AS day FROM things ORDER BY id"
    with both(embedded, cluster, "things", THINGS):
        here, there = embedded.arrow(sql), cluster.arrow(sql)
    assert there.schema.names == here.schema.names
    assert there.cast(here.schema).equals(here)


def test_a_query_that_spark_does_not_take_says_why(cluster: Spark):
    with pytest.raises(TenantryError, match="nowhere") as raised:
        cluster.query("SELECT * FROM nowhere")
    assert raised.value.kind is Kind.BROKEN_CONTRACT


# --- the datasets -------------------------------------------------------------------------------------


class Twin:
    """A lake with the landed tables of another, built by Spark under the same settings."""

    def __init__(
        self, first: DuckDB, cluster: Spark, folder: Path, ask: Any, viewed: Window | None = None
    ) -> None:
        self.first = first
        self.viewed = viewed or ALL_DAYS
        self.spark = cluster.fork()
        self.spark.lake = Lake(folder)
        self.second = DuckDB(self.spark.lake, memory_limit="1GB")
        self.ask = ask

    def build(self) -> None:
        for dataset in CATALOG.datasets:
            if not dataset.derived() and self.first.lake.folder(dataset).exists():
                shutil.copytree(
                    self.first.lake.folder(dataset), self.second.lake.folder(dataset), dirs_exist_ok=True
                )
        Builder(self.spark, CATALOG, self.ask).build()  # pyright: ignore[reportArgumentType]

    def differences(self) -> dict[str, tuple[int, int]]:
        """Rows missing and rows too many, for each dataset that has any."""
        stored = [d for d in CATALOG.datasets if d.stored]
        for engine in (self.first, self.second, self.spark):
            engine.attach(stored)
        found = {d.table(): self._difference(d) for d in DERIVED}
        return {table: counts for table, counts in found.items() if counts != (0, 0)}

    def _difference(self, dataset: type[Dataset]) -> tuple[int, int]:
        if dataset.stored:
            here = self.first.arrow(f"SELECT * FROM {dataset.table()}")
            there = self.second.arrow(f"SELECT * FROM {dataset.table()}")
        else:
            here, there = self._viewed(dataset, self.first), self._viewed(dataset, self.spark)
        names = ", ".join(dataset.columns())
        with self.second.registered("here", here), self.second.registered("there", there):
            one, two = f"SELECT {names} FROM here", f"SELECT {names} FROM there"
            [row] = self.second.query(f"SELECT count(*) AS missing FROM ({one} EXCEPT ALL {two})")
        # What both have is counted once from either side.
        return row.missing, row.missing + there.num_rows - here.num_rows

    def _viewed(self, dataset: type[Dataset], engine: DuckDB | Spark) -> Any:
        """The rows of a dataset that is not stored."""
        settings = self.ask(engine) if dataset.configured else {}
        with ExitStack() as views:
            for upstream in dataset.reads:
                if not upstream.stored:
                    views.enter_context(engine.registered(upstream.table(), self._viewed(upstream, engine)))
            return engine.arrow(bound(dataset.statement(settings) or "", self.viewed))


ALL_DAYS = Window(date(2020, 1, 1), date(2030, 1, 1))


def test_every_dataset_has_the_same_rows_also_after_a_change(cluster: Spark, tmp_path: Path):
    vendor = SmallVendor(tmp_path / "first", POLICY)
    read = [
        reading("lumen-retail", "3.5", "2026-03-02T05"), reading("lumen-retail", 9, "2026-03-10T05"),
        reading("teal-partners", 4, "2026-03-02T05", "2026-03-01T00"),
        reading("teal-partners", 2, "2026-03-03T05", "2026-03-01T00"),
        reading("(unattributed)", 2, "2026-03-03T05", "2026-03-03T05"),
    ]  # fmt: skip
    vendor.land(BILL, PEOPLE, METERED, USERS, PAID, read, LOGS, DOCUMENTS, more=TIERS).build()
    twin = Twin(vendor.engine, cluster, tmp_path / "second", lambda _: {"policy": POLICY})
    for name, value in ({} if LONG else INTERPRETED).items():
        twin.spark.session.conf.set(name, value)
    twin.build()
    assert not twin.differences()

    vendor.close("2026-02")
    late = usage("lumen-retail", "7.000000001", "2026-03-10", feature_id="search")
    between = [
        *read,
        reading("lumen-retail", 5, "2026-03-07T05"),
        reading("(unattributed)", 3, "2026-03-09T05", "2026-03-03T05"),
    ]
    vendor.land(
        [
            *BILL,
            bill_row("-0.000000000000000001", "2026-03-11", "Compute"),
            bill_row("0.1", "2026-02-11", "Compute"),
        ],
        PEOPLE,
        [*METERED, late, usage("lumen-retail", "7.000000001", "2026-02-10", feature_id="search")],
        counters=between,
        logs=[
            *LOGS[:3],
            asked("/t/teal-partners/19", "2026-01-12T08"),
            asked("/t/lumen-retail/19", "2026-03-10T08"),
        ],
    )
    vendor.build()
    twin.build()
    assert vendor.query("SELECT count(*) AS n FROM corrections")[0].n > 3
    assert not twin.differences()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[DuckDB, Mapping[str, Any]]:
    """The demo vendor, landed and built on the embedded engine; and its allocation rules."""
    folder = tmp_path_factory.mktemp("demo")
    write_vendor(folder, months=MONTHS)
    rules = tomllib.loads((folder / "tenantry.toml").read_text(encoding="utf-8"))["allocation"]
    plane = app.open_plane(str(tmp_path_factory.mktemp("demo_lake")), rules)
    inputs = ("bills", "usage", "tenants.csv", "subscriptions.csv", "active_users.csv")
    plane.ingest([str(folder / name) for name in inputs])
    plane.build()
    return plane.engine, rules


def test_every_dataset_of_the_demo_vendor_has_the_same_rows(
    cluster: Spark, demo: tuple[DuckDB, Mapping[str, Any]], tmp_path: Path
):
    engine, rules = demo
    [span] = engine.query("SELECT min(charge_day) AS first, max(charge_day) + 1 AS last FROM tenant_cost")
    # Views are computed row by row from what is stored, which is compared whole: one month of them is as good as all.
    month = None if LONG else Window(span.first, span.last).newest_month
    twin = Twin(engine, cluster, tmp_path, settings_from(rules), month)
    twin.build()
    assert engine.query("SELECT count(*) AS n FROM tenant_cost")[0].n > 10_000 * MONTHS
    assert not twin.differences()

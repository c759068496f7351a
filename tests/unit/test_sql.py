"""DuckDB's SQL as Spark's: said in its words, or refused with a reason. That the rows agree is tested on Spark."""

from __future__ import annotations

import re

import pytest
from three_months import CATALOG, POLICY

from tenantry.engine import duckdb
from tenantry.engine.spark_sql import MACROS
from tenantry.engine.sql import in_steps, tables_read, to_spark
from tenantry.errors import Kind, TenantryError
from tenantry.kernel import Dataset, Window

MARCH = Window.parse("2026-03")
DERIVED = [dataset for dataset in CATALOG.datasets if dataset.derived()]


def statement(dataset: type[Dataset]) -> str:
    written = dataset.statement({"policy": POLICY} if dataset.configured else {})
    return duckdb.bound(written or "SELECT 1 AS computed", MARCH)


@pytest.mark.parametrize("dataset", DERIVED, ids=lambda dataset: dataset.table())
def test_every_dataset_is_said_in_both_dialects(dataset: type[Dataset]):
    assert to_spark(statement(dataset))
    assert in_steps(statement(dataset))[1]


@pytest.mark.parametrize("dataset", DERIVED, ids=lambda dataset: dataset.table())
def test_a_dataset_reads_no_table_that_it_does_not_declare(dataset: type[Dataset]):
    assert tables_read(statement(dataset)) <= {upstream.table() for upstream in dataset.reads}


def test_both_engines_know_the_same_macros():
    written = re.findall(r"MACRO (\w+)\(([^)]*)\)", duckdb.MACROS)
    assert {name: tuple(given.split(", ")) for name, given in written} == {
        name: parameters for name, (parameters, _) in MACROS.items()
    }


@pytest.mark.parametrize(
    ("query", "tables"),
    [
        ("SELECT 1", set()),
        ("SELECT * FROM charges AS c JOIN usage USING (day)", {"charges", "usage"}),
        ("WITH a AS (SELECT * FROM charges), b AS (SELECT * FROM a) SELECT * FROM b", {"charges"}),
        ("WITH charges AS (SELECT * FROM charges) SELECT * FROM charges", {"charges"}),
        (
            "SELECT * FROM a WHERE EXISTS (SELECT 1 FROM b) UNION ALL SELECT * FROM c, unnest(c.l) AS u(x)",
            {*"abc"},
        ),
        ("SELECT (SELECT max(x) FROM a) FROM (VALUES (1)) AS v(y) WHERE y IN (SELECT x FROM b)", {"a", "b"}),
    ],
)
def test_tables_read(query: str, tables: set[str]):
    assert tables_read(query) == tables


@pytest.mark.parametrize(
    ("query", "spark"),
    [
        ("wide(x)", "CAST(x AS DECIMAL(38, 0))"),
        ("wide(a + b)", "CAST((a + b) AS DECIMAL(38, 0))"),
        ("CAST(x AS HUGEINT)", "CAST(x AS DECIMAL(38, 0))"),
        ("CAST(x AS BIGINT)", "CAST(CAST(x AS DECIMAL(38, 0)) AS BIGINT)"),
        ("TRY_CAST(x AS BIGINT)", "TRY_CAST(TRY_CAST(x AS DECIMAL(38, 0)) AS BIGINT)"),
        ("CAST(count(*) AS BIGINT)", "CAST(COUNT(*) AS BIGINT)"),
        ("-x", "(0 - x)"),
        ("abs(x)", "GREATEST(x, 0 - x)"),
        ("abs(-(a + b))", "GREATEST((0 - (a + b)), 0 - (0 - (a + b)))"),
        ("a / b", "CAST(a AS DOUBLE) / CAST(b AS DOUBLE)"),
        ("sign(x)", "CAST(SIGN(x) AS INT)"),
        ("date_diff('day', a, b)", "DATEDIFF(DAY, CAST(a AS DATE), CAST(b AS DATE))"),
        ("regexp_matches(x, '^[$]a$')", r"x RLIKE '(?d)^[$]a\\z'"),
        ("tags['it''s']", r"tags['it\'s']"),
        (r"'a\b'", r"'a\\b'"),
        (
            "units_money(x)",
            "CAST(CAST(x AS DECIMAL(38, 0)) * CAST(0.000000000000000001 AS DECIMAL(18, 18)) AS DECIMAL(38, 18))",
        ),
    ],
)
def test_what_spark_would_read_otherwise_is_said_in_its_words(query: str, spark: str):
    assert to_spark(f"SELECT {query} FROM t") == f"SELECT {spark} FROM t"


def test_macros_stand_in_macros():
    nested = to_spark("SELECT idiv(money_units(x) * pow2(k), wide(y)) FROM t")
    assert not re.search(r"(?i)\b(money_units|pow2|wide|idiv)\(", nested)
    assert nested.count("TRANSFORM") == 1


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("a // b", "write idiv(a, b)"),
        ("a >> 2", "write shift_down(x, k)"),
        ("upper(a)", "write lower(x)"),
        ("avg(a)", "write sum(x) / count(x)"),
        ("list(a)", "write string_agg"),
        ("any_value(a)", "write min(x)"),
        ("arg_max(a, b)", "write row_number()"),
        ("hash(a)", "HASH(a) is not proven"),
        ("now()", "is not proven"),
        ("current_date", "write $end"),
        ("random()", "is not proven"),
        ("pow(a, 2)", "is not proven"),
        ("a ILIKE 'x'", "write lower(a) LIKE b"),
        ("a LIKE b", "needs ESCAPE"),
        (r"a LIKE 'x\_y'", "needs ESCAPE"),
        ("regexp_matches(a, b)", "a regular expression is a literal"),
        (r"regexp_matches(a, '\s')", "a regular expression is a literal"),
        ("regexp_replace(a, 'x', 'y')", "write regexp_extract"),
        ("date_diff('month', a, b)", "date_diff('day', a, b) only"),
        ("extract(dow FROM a)", "year, month, day and hour only"),
        ("string_agg(a, ',')", "needs an ORDER BY"),
        ("CAST(a AS UTINYINT)", "UTINYINT is not proven"),
        ("idiv(a)", "takes a, b"),
        ("row_number() OVER (ORDER BY a)", "a needs NULLS FIRST or NULLS LAST"),
        ("row_number() OVER (ORDER BY a NULLS FIRST, b DESC)", "b needs NULLS FIRST or NULLS LAST"),
        ("string_agg(a, ',' ORDER BY b)", "b needs NULLS FIRST or NULLS LAST"),
    ],
)
def test_what_differs_there_is_refused_with_what_to_write(query: str, problem: str):
    with pytest.raises(TenantryError) as refused:
        to_spark(f"SELECT {query} FROM t")
    assert refused.value.kind is Kind.BROKEN_CONTRACT
    assert problem in refused.value.message


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("SELECT * FROM a ASOF JOIN b ON a.t >= b.t", "ASOF JOIN"),
        ("SELECT * FROM a POSITIONAL JOIN b", "POSITIONAL JOIN"),
        ("SELECT * FROM a TABLESAMPLE 10%", "write a condition"),
        ("WITH RECURSIVE x AS (SELECT 1 AS a) SELECT * FROM x", "RECURSIVE"),
        ("SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) AS b", "at the top"),
        ("SELECT i FROM range(3) AS r(i)", "is not proven"),
        ("DROP TABLE charges", "one SELECT, not DROP"),
        ("SELECT FROM", "line 1, column"),
    ],
)
def test_a_query_that_spark_cannot_run_alike_is_refused(query: str, problem: str):
    with pytest.raises(TenantryError) as refused:
        to_spark(query)
    assert problem in refused.value.message


def test_all_problems_are_told_at_once():
    with pytest.raises(TenantryError) as refused:
        to_spark("SELECT upper(a), b // c FROM t WHERE hash(a) = 1")
    assert len(refused.value.details["problems"]) == 3


def test_nulls_stand_where_duckdb_puts_them():
    assert to_spark("SELECT a FROM t ORDER BY a, b DESC").endswith("ORDER BY a NULLS LAST, b DESC")


def test_steps_are_the_ctes_in_order_and_those_read_twice_are_shared():
    steps, last = in_steps(
        "WITH v(x) AS (VALUES (1)), a AS (SELECT * FROM t), b AS (SELECT a.x FROM a JOIN v USING (x))"
        " SELECT a.x FROM b, a, v"
    )
    assert [(s.name, s.columns, s.shared) for s in steps] == [
        ("step_v", ("x",), False),
        ("step_a", (), True),
        ("step_b", (), False),
    ]
    assert steps[1].sql == "SELECT * FROM t"
    assert steps[2].sql == "SELECT a.x FROM step_a AS a JOIN step_v AS v USING (x)"
    assert last == "SELECT a.x FROM step_b AS b, step_a AS a, step_v AS v"


def test_a_step_with_a_tables_name_reads_the_table():
    steps, last = in_steps("WITH t AS (SELECT * FROM t) SELECT t.a FROM t")
    assert (steps[0].sql, last) == ("SELECT * FROM t", "SELECT t.a FROM step_t AS t")


def test_a_query_without_ctes_has_no_steps():
    assert in_steps("SELECT 1 AS a") == ((), "SELECT 1 AS a")

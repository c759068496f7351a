"""One SQL for two engines: a query in DuckDB's dialect as Spark's with the same rows, or an error that says why not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from textwrap import shorten

from sqlglot import ErrorLevel, exp, parse_one
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from ..errors import Kind, TenantryError
from .spark_sql import MACROS, rewritten

PROVEN: tuple[type[exp.Expr], ...] = (
    exp.Abs, exp.And, exp.Case, exp.Cast, exp.Ceil, exp.Coalesce, exp.Contains, exp.Count, exp.CountIf, exp.DateDiff,
    exp.DenseRank, exp.EndsWith, exp.Exists, exp.Explode, exp.Extract, exp.Floor, exp.Greatest, exp.GroupConcat,
    exp.If, exp.Lag, exp.LastDay, exp.Lead, exp.Least, exp.Left, exp.Length, exp.LogicalAnd, exp.LogicalOr, exp.Lower,
    exp.MapKeys, exp.Max, exp.Min, exp.Nullif, exp.Or, exp.Rank, exp.RegexpExtract, exp.RegexpLike, exp.Repeat,
    exp.Replace, exp.Right, exp.Round, exp.RowNumber, exp.Sign, exp.Split, exp.SplitPart, exp.StartsWith, exp.Sum,
    exp.TimestampTrunc, exp.Trim, exp.TryCast, exp.Unnest,
)  # fmt: skip
"""Functions of which both engines were seen to give the same, as they are or as spark_sql.py rewrites them.
tests/integration/test_spark.py holds a sample of each: a new one goes into both."""

_INSTEAD: Mapping[type[exp.Expr], str] = {
    exp.AnyValue: "min(x), or row_number() in a window",
    exp.ArgMax: "row_number() in a window",
    exp.ArgMin: "row_number() in a window",
    exp.ArrayAgg: "string_agg(x, ',' ORDER BY x NULLS FIRST)",
    exp.Avg: "sum(x) / count(x)",
    exp.BitwiseAnd: "idiv and %",
    exp.BitwiseLeftShift: "x * pow2(k)",
    exp.BitwiseOr: "idiv and %",
    exp.BitwiseRightShift: "shift_down(x, k)",
    exp.BitwiseXor: "idiv and %",
    exp.Concat: "a || b",
    exp.CurrentDate: "$end: a dataset is a function of what it reads",
    exp.CurrentTimestamp: "$end: a dataset is a function of what it reads",
    exp.Glob: "LIKE",
    exp.ILike: "lower(a) LIKE b",
    exp.IntDiv: "idiv(a, b)",
    exp.Pivot: "sum(x) FILTER (WHERE ...)",
    exp.RegexpReplace: "regexp_extract",
    exp.SimilarTo: "regexp_matches",
    exp.TableSample: "a condition",
    exp.Upper: "lower(x)",
}
"""What means something else there, or differs from run to run, and what to write in its place."""

_TYPES = {
    exp.DType.BIGINT, exp.DType.BOOLEAN, exp.DType.DATE, exp.DType.DECIMAL, exp.DType.DOUBLE, exp.DType.INT,
    exp.DType.INT128, exp.DType.TEXT, exp.DType.TIMESTAMPNTZ, exp.DType.VARCHAR,
}  # fmt: skip

_HINT = "docs/how-to/add-an-engine.md says what both engines know and how a function is added"


class _NullsSmall(DuckDB):
    NULL_ORDERING = "nulls_are_small"


class _NullsLarge(DuckDB):
    NULL_ORDERING = "nulls_are_large"


@dataclass(frozen=True)
class Step:
    """A CTE as a statement of its own, to be readable as `name` by the steps after it."""

    name: str
    sql: str
    columns: tuple[str, ...]
    """Names given to its columns; empty: those that it has."""
    shared: bool
    """Read more than once, and itself from tables: worth keeping rather than working out again."""


def to_spark(query: str) -> str:
    """Spark SQL that gives the rows that DuckDB gives for `query`, under the session settings of engine/spark.py.

    The datasets' macros are written out. Raises `broken_contract` with all that Spark cannot do or does differently.
    """
    return _written(_translated(query))


def in_steps(query: str) -> tuple[tuple[Step, ...], str]:
    """`to_spark` with each CTE of the query as a step, and the statement that reads them.

    Spark copies a CTE into every place that reads it: of thirty that read each other it makes more than memory holds.
    """
    tree = _translated(query)
    ctes: list[exp.CTE] = tree.ctes
    tree.set("with_", None)
    names: dict[str, str] = {}
    read: Counter[str] = Counter()
    for cte in ctes:
        read.update(_renamed(cte.this, names))  # a CTE reads those before it; under its own name, a table
        names[cte.alias.lower()] = f"step_{cte.alias.lower()}"
    read.update(_renamed(tree, names))
    steps = [
        Step(
            name=names[cte.alias.lower()],
            sql=_written(cte.this),
            columns=tuple(cte.alias_column_names),
            shared=read[cte.alias.lower()] > 1 and cte.this.find(exp.Table) is not None,
        )
        for cte in ctes
    ]
    return tuple(steps), _written(tree)


def tables_read(query: str) -> frozenset[str]:
    """The tables a query reads, its own CTEs left out. Raises `broken_contract` for what is not one SELECT."""
    scopes = traverse_scope(_parsed(query, DuckDB))
    return frozenset(s.name for scope in scopes for s in scope.sources.values() if isinstance(s, exp.Table))


def _translated(query: str) -> exp.Query:
    tree = _parsed(query, _NullsSmall)
    problems = [*_unordered_nulls(tree, query), *_refused(tree)]
    if problems:
        raise _untranslatable(problems)
    return rewritten(tree)


def _parsed(query: str, dialect: type[DuckDB]) -> exp.Query:
    try:
        tree = parse_one(query, read=dialect)
    except SqlglotError as problem:
        raise _untranslatable(_told(problem)) from problem
    if not isinstance(tree, exp.Query):
        raise _untranslatable([f"a dataset's query is one SELECT, not {tree.key.upper()}"])
    return tree


def _written(tree: exp.Expr) -> str:
    try:
        return tree.sql("spark", copy=False, unsupported_level=ErrorLevel.RAISE, max_unsupported=100)
    except SqlglotError as problem:
        raise _untranslatable(_told(problem)) from problem


def _renamed(part: exp.Expr, names: Mapping[str, str]) -> Iterator[str]:
    """The CTEs that this part reads, one by one, each now read under its step's name."""
    for table in part.find_all(exp.Table):
        cte = table.name.lower()
        if cte in names and not table.db:
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(cte)))
            table.set("this", exp.to_identifier(names[cte]))
            yield cte


def _told(problem: SqlglotError) -> list[str]:
    if isinstance(problem, ParseError) and problem.errors:
        return [f"line {e['line']}, column {e['col']}: {e['description']}" for e in problem.errors]
    return [str(problem)]


def _untranslatable(problems: list[str]) -> TenantryError:
    return TenantryError(
        Kind.BROKEN_CONTRACT, f"not the same SQL on Spark: {'; '.join(problems)}", _HINT, problems=problems
    )


# --- what is refused ----------------------------------------------------------------------------------


def _unordered_nulls(tree: exp.Query, query: str) -> Iterator[str]:
    """Windows whose order leaves the place of nulls to the engine. Elsewhere DuckDB's default, last, is written."""
    other = _parsed(query, _NullsLarge)
    for one, two in zip(tree.find_all(exp.Ordered), other.find_all(exp.Ordered), strict=True):
        if bool(one.args.get("nulls_first")) == bool(two.args.get("nulls_first")):
            continue
        if one.find_ancestor(exp.Window, exp.GroupConcat):
            yield f"{_said(one.this)} needs NULLS FIRST or NULLS LAST in its ORDER BY"
        one.set("nulls_first", value=False)


def _refused(tree: exp.Query) -> Iterator[str]:
    for node in tree.walk():
        if isinstance(node, exp.Anonymous) and node.name.lower() in MACROS:
            yield from _check_macro(node)
        elif type(node) in _INSTEAD or (isinstance(node, exp.Func) and not isinstance(node, PROVEN)):
            instead = _INSTEAD.get(type(node))
            yield f"{_said(node)} is not proven" + (f": write {instead}" if instead else "")
        elif check := _CHECKS.get(type(node)):
            yield from check(node)


def _said(node: exp.Expr) -> str:
    return shorten(node.sql("duckdb"), 60, placeholder=" ...")


def _check_macro(node: exp.Expr) -> Iterator[str]:
    parameters, _ = MACROS[node.name.lower()]
    if len(node.expressions) != len(parameters):
        yield f"{_said(node)}: {node.name} takes {', '.join(parameters)}"


def _check_like(node: exp.Expr) -> Iterator[str]:
    pattern = node.expression
    if isinstance(node.parent, exp.Escape):
        return
    if not isinstance(pattern, exp.Literal):
        yield f"{_said(node)}: a pattern from data needs ESCAPE, or write contains or starts_with"
    elif "\\" in pattern.name:
        yield f"{_said(node)}: a pattern with a backslash needs ESCAPE"


def _check_pattern(node: exp.Expr) -> Iterator[str]:
    pattern = node.expression
    if not isinstance(pattern, exp.Literal) or re.search(r"\\[^dwDW.]|\(\?[^:]", pattern.name):
        yield f"{_said(node)}: a regular expression is a literal of groups, classes, \\d, \\w and \\."


def _check_with(node: exp.Expr) -> Iterator[str]:
    if node.args.get("recursive"):
        yield "WITH RECURSIVE is not proven"
    if node.find_ancestor(exp.With, exp.Subquery):
        yield "a WITH inside a query: write its CTEs at the top"


def _check_join(node: exp.Expr) -> Iterator[str]:
    if node.args.get("method"):
        yield f"{node.args['method']} JOIN is not proven"


def _check_list(node: exp.Expr) -> Iterator[str]:
    if not isinstance(node.this, exp.Order):
        yield f"{_said(node)} needs an ORDER BY"


def _check_days(node: exp.Expr) -> Iterator[str]:
    if str(node.args.get("unit")).upper() != "DAY":
        yield f"{_said(node)}: the engines agree on date_diff('day', a, b) only"


def _check_part(node: exp.Expr) -> Iterator[str]:
    if node.name.upper() not in {"YEAR", "MONTH", "DAY", "HOUR"}:
        yield f"{_said(node)}: the engines agree on the parts year, month, day and hour only"


def _check_type(node: exp.Expr) -> Iterator[str]:
    kind = node.args["to"]
    if kind.this not in _TYPES:
        yield f"{_said(node)}: {kind.sql('duckdb')} is not proven"


_CHECKS: Mapping[type[exp.Expr], Callable[[exp.Expr], Iterator[str]]] = {
    exp.Cast: _check_type,
    exp.DateDiff: _check_days,
    exp.Extract: _check_part,
    exp.GroupConcat: _check_list,
    exp.Join: _check_join,
    exp.Like: _check_like,
    exp.RegexpExtract: _check_pattern,
    exp.RegexpLike: _check_pattern,
    exp.TryCast: _check_type,
    exp.With: _check_with,
}

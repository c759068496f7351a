"""What DuckDB's SQL is in Spark's words: the datasets' macros, and what means something else there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

from sqlglot import exp, parse_one


def rewritten(tree: exp.Query) -> exp.Query:
    """The same tree, changed: what Spark would read otherwise is said in its words, macros are written out."""
    for node in reversed(list(tree.walk())):  # from the leaves up, so that macros may stand in macros
        if isinstance(node, exp.Anonymous):
            parameters, text = MACROS[node.name.lower()]
            node.replace(_written(text, dict(zip(parameters, node.expressions, strict=True))))
        elif text := _WORDS.get(type(node)):
            node.replace(_written(text, {"x": node.this, "y": node.expression}))
        elif rule := _RULES.get(type(node)):
            rule(node)
    return tree


def _written(text: str, values: Mapping[str, object]) -> exp.Expr:
    """Spark SQL with each value in the place of `:name`."""
    atoms = (exp.Column, exp.Func, exp.Literal, exp.Paren)
    nodes = {name: value for name, value in values.items() if isinstance(value, exp.Expr)}
    apart = {name: node if isinstance(node, atoms) else exp.paren(node) for name, node in nodes.items()}
    return exp.replace_placeholders(_template(text), **apart)


@cache
def _template(text: str) -> exp.Expr:
    return parse_one(text, read="spark")


# --- macros -------------------------------------------------------------------------------------------

_WHOLE = "DECIMAL(38, 0)"
_LIMB = "CAST(10000000000000000000 AS DECIMAL(20, 0))"
_PER_LIMB = "CAST(0.0000000000000000001 AS DECIMAL(19, 19))"
_MONEY = "CAST(1000000000000000000 AS DECIMAL(19, 0))"
_PER_MONEY = "CAST(0.000000000000000001 AS DECIMAL(18, 18))"
_NANO = "CAST(1000000000 AS DECIMAL(10, 0))"


def _size(x: str) -> str:
    """Spark's ABS and unary minus round a decimal to 34 digits, without a word."""
    return f"GREATEST({x}, 0 - {x})"


def _quotient(a: str, b: str) -> str:
    """Truncated; below 10^20, for which Spark's DECIMAL(38, 18) of a division has room. No rest, so no rounding."""
    return f"CAST(({a} - {a} % {b}) / {b} AS {_WHOLE})"


def _division(a: str, b: str) -> str:
    """Truncated, for all 38 digits: in one step where the quotient has under 20, else by halves of 19 digits.

    The lambda holds the operands, so that each is worked out once. Spark's DIV would answer in 64 bits.
    """
    operands = f"STRUCT(CAST({a} AS {_WHOLE}) AS a, CAST({b} AS {_WHOLE}) AS b)"
    small = f"CAST({_size('v.a')} * {_PER_LIMB} AS {_WHOLE}) < {_size('v.b')}"
    high = f"CAST((v.a - v.a % {_LIMB}) * {_PER_LIMB} AS {_WHOLE})"
    low = f"(({high} % v.b) * {_LIMB} + v.a % {_LIMB})"
    halves = f"CAST({_quotient(high, 'v.b')} * {_LIMB} + {_quotient(low, 'v.b')} AS {_WHOLE})"
    either = f"CASE WHEN {small} THEN {_quotient('v.a', 'v.b')} ELSE {halves} END"
    return f"TRANSFORM(ARRAY({operands}), v -> {either})[0]"


def _scaled(x: str, scale: str) -> str:
    """In two parts, because a product has room for 38 digits."""
    return f"(CAST({x} - {x} % 1 AS {_WHOLE}) * {scale} + CAST({x} % 1 * {scale} AS {_WHOLE}))"


_POWER = (
    "CAST(SHIFTLEFT(CAST(1 AS BIGINT), CAST("
    f"IF(:k BETWEEN 0 AND 62, :k, RAISE_ERROR('pow2 knows 0 to 62')) AS INT)) AS {_WHOLE})"
)

MACROS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "wide": (("x",), f"CAST(:x AS {_WHOLE})"),
    "idiv": (("a", "b"), _division(":a", ":b")),
    "pow2": (("k",), _POWER),
    "pow10": (("n",), f"CAST(CONCAT('1', REPEAT('0', CAST(:n AS INT))) AS {_WHOLE})"),
    "shift_down": (("w", "k"), _division(":w", _POWER)),
    "digits": (("n",), f"LENGTH(CAST({_size(f'CAST(:n AS {_WHOLE})')} AS STRING))"),
    "money_units": (("x",), _scaled(":x", _MONEY)),
    "units_money": (("n",), f"CAST(CAST(:n AS {_WHOLE}) * {_PER_MONEY} AS DECIMAL(38, 18))"),
    "nano_units": (("x",), _scaled(":x", _NANO)),
}
"""The words that engine/duckdb.py gives the datasets: parameters, and Spark SQL over 128-bit decimals."""

# --- functions and operators --------------------------------------------------------------------------

_WORDS: Mapping[type[exp.Expr], str] = {
    exp.Abs: _size(":x"),
    # DuckDB counts the midnights between, Spark whole days.
    exp.DateDiff: "DATEDIFF(DAY, CAST(:y AS DATE), CAST(:x AS DATE))",
    exp.Div: "CAST(:x AS DOUBLE) / CAST(:y AS DOUBLE)",
    # DuckDB folds letter by letter; Java knows a final sigma, and writes a dotted I as two.
    exp.Lower: "LOWER(TRANSLATE(:x, '\u0130\u03a3', 'i\u03c3'))",
    exp.Neg: "(0 - :x)",
    # Spark's is a DOUBLE, and makes one of what it multiplies.
    exp.Sign: "CAST(SIGN(:x) AS INT)",
}

_SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_DAY = r"'^\\s*[0-9]+-[0-9]+-[0-9]'"


def _cast(node: exp.Expr) -> None:
    """DuckDB rounds a decimal to a whole number, half away from zero; Spark cuts. Spark takes `2026` for a day."""
    kind, rounds = node.args["to"].this, not isinstance(node.this, (exp.Count, exp.Literal))
    if kind == exp.DType.INT128:
        node.set("to", exp.DataType.build(_WHOLE))
    elif kind in (exp.DType.INT, exp.DType.BIGINT) and rounds:
        node.set("this", type(node)(this=node.this, to=exp.DataType.build(_WHOLE), safe=True))
    elif kind == exp.DType.DATE and isinstance(node, exp.TryCast):
        text = "CAST(:x AS STRING)"
        node.set("this", _written(f"CASE WHEN {text} RLIKE {_DAY} THEN {text} END", {"x": node.this}))


def _trim(node: exp.Expr) -> None:
    """DuckDB takes all of Unicode's spaces away, Spark the plain one only."""
    if not node.expression:
        node.set("expression", exp.Literal.string(_SPACES))


def _pattern(node: exp.Expr) -> None:
    """In Java only a line feed shall end a line (`(?d)`), and `$` be the end of the text alone."""
    tokens = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\$")
    text = tokens.sub(lambda token: r"\z" if token[0] == "$" else token[0], node.expression.name)
    node.set("expression", exp.Literal.string(f"(?d){text}"))


_RULES: Mapping[type[exp.Expr], Callable[[exp.Expr], None]] = {
    exp.Cast: _cast,
    exp.RegexpExtract: _pattern,
    exp.RegexpLike: _pattern,
    exp.Trim: _trim,
    exp.TryCast: _cast,
}

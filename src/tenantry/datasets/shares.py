"""Money shared by weights, in integers of 128 bits: the SQL that datasets put together for it."""

from __future__ import annotations

BASES = ("billed_cost", "effective_cost", "list_cost", "contracted_cost")


def each_basis(template: str, joined: str = ", ") -> str:
    """The template once for each cost basis: `#` is the column, `@` its number."""
    return joined.join(template.replace("#", b).replace("@", str(i)) for i, b in enumerate(BASES))


def part_of(amount: str, quotient: str, weight: str, total: str) -> str:
    """SQL: the part of an integer that a weight has of the total (below 10^18): cut towards zero, for all 38 digits.

    `quotient` is the amount's size divided by the total.
    """
    size = f"{quotient} * {weight} + idiv((abs({amount}) - {quotient} * {total}) * {weight}, {total})"
    return f"CASE WHEN {amount} < 0 THEN -({size}) ELSE {size} END"


def parts_of(weight: str, name: str) -> str:
    """SQL: of each basis `c@` the `part_of` it that `weight` has of `total`."""
    return each_basis(f"{part_of('c@', 'idiv(abs(c@), total)', weight, 'total')} AS {name}@")


# A rate is money per unit of weight, fixed point with k binary places: as many (up to 60) as leave |c| * 2^k inside 37
# digits, for c the money of a cell. Weights that sum to 10^18 or more count in 2^29 at this rate and the rest of them
# at its 2^29th part, so none of them is cut; past 10^26 they lose their last `cut` digits first. A rate is cut by
# less than 2^-k, so all shares at one rate lack less than 1 or 2 * 10^-18 of |c| together, and besides less than 2^-k
# for each row of weights, 10^-25 of |c| where `cut` > 0, and a unit for each share at the end.
_WIDE = 29
_CUT = "CASE WHEN digits(total) > 26 THEN digits(total) - 26 WHEN digits(total) > 18 THEN 0 ELSE -1 END"
_LESS = "CASE WHEN cut > 0 THEN idiv({0}, pow10(cut)) ELSE {0} END"
_STEPS = (f"CASE WHEN cut < 0 THEN 0 ELSE {_WIDE} END", "least(k@, 30)", "greatest(k@ - 30, 0)")


def places(money: str) -> str:
    """SQL: for each basis `k@`, the binary places of rates that `money` (at least 0, with `@`) leaves room for."""
    return each_basis(
        f"CAST(greatest(0, least(60, floor(3.3219 * (37 - digits({money}))))) AS INTEGER) AS k@"
    )


def rates(source: str, kept: str) -> str:
    """CTEs from `source` (columns `kept`, the `total` of weights, money `c@`, places `k@`) to `rate`: `kept`, `cut`
    and the rates `r@`, for `priced`.
    """
    ctes = [
        f"""whole AS (
        SELECT {kept}, cut, t, {each_basis("c@, k@, idiv(abs(c@), t) AS r@, abs(c@) % t AS m@")}
        FROM (SELECT *, {_LESS.format("total")} AS t FROM (SELECT *, {_CUT} AS cut FROM {source}) AS c) AS t
    )"""
    ]
    for place, bits in enumerate(_STEPS):
        finer = f"r@ * pow2({bits}) + idiv(m@ * pow2({bits}), t) AS r@, (m@ * pow2({bits})) % t AS m@"
        ctes.append(f"""rate_{place} AS (
        SELECT {kept}, cut, t, {each_basis(f"c@, k@, {finer}")} FROM {f"rate_{place - 1}" if place else "whole"}
    )""")
    signed = each_basis("CASE WHEN c@ < 0 THEN -r@ ELSE r@ END AS r@")
    return ",\n    ".join([*ctes, f"rate AS (SELECT {kept}, cut, {signed} FROM rate_{len(_STEPS) - 1})"])


def priced(source: str, kept: str) -> str:
    """A query: `kept` of `source` (weights `units`, their `cut`, rates `r@`), and their money `w@` with k places."""
    money = f"""CASE WHEN cut < 0 THEN weight * r@
                ELSE top * r@ + shift_down((weight - top * pow2({_WIDE})) * r@, {_WIDE}) END AS w@"""
    return f"""
        SELECT {kept}, {each_basis(money)}
        FROM (
            SELECT *, CASE WHEN cut < 0 THEN weight ELSE shift_down(weight, {_WIDE}) END AS top
            FROM (SELECT *, {_LESS.format("units")} AS weight FROM {source}) AS w
        ) AS t"""

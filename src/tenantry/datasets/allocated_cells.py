"""Cells of the bill and the parts that tenants have in them: weights, ratios, and whether they add up."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar

from ..kernel.dataset import Column, Count, Dataset, Day, Key, Money, Role
from ..kernel.money import MONEY_SQL
from .allocation import Allocation
from .overhead import Overhead
from .pool_cost import PoolCost
from .shares import BASES, each_basis

Part = Annotated[Decimal, Column(Role.MEASURE, MONEY_SQL, "ratio")]
Flag = Annotated[int, Column(Role.DIMENSION, "BIGINT")]

CELL = ("charge_day", "billing_period", "currency", "pool", "owner", "service_name", "sub_account_id")
"""Within which every charge is split alike. `owner` is the tenant of a silo, else empty."""

PART = ("tenant_id", "driver_pool", "rung", "reason")
"""What names a part of a cell."""


def columns(names: tuple[str, ...], prefix: str = "") -> str:
    return ", ".join(prefix + name for name in names)


def ordered(names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} NULLS FIRST" for name in names)


def same(left: str, right: str, names: tuple[str, ...]) -> str:
    return " AND ".join(f"{left}.{name} = {right}.{name}" for name in names)


def _chosen(basis: int) -> str:
    """What a part weighs in a basis: its cost there, else its effective cost, any cost, its units, or like all."""
    costs = [(f"abs(t{i})", f"sum{i}") for i in (basis, 1, 0, 2, 3)]
    whens = " ".join(f"WHEN {total} > 0 THEN {weight}" for weight, total in [*costs, ("units", "sum_units")])
    return f"CASE {whens} ELSE wide(1) END AS v{basis}"


_OWNER = "CASE WHEN rung = 'silo' THEN tenant_id ELSE '' END"
_BORNE = f"charge_day, billing_period, currency, pool, service_name, sub_account_id, {columns(PART)}"
_OVER = f"OVER (PARTITION BY {columns(CELL)})"
_HEIR = f"OVER (PARTITION BY {columns(CELL)} ORDER BY w@ DESC NULLS LAST, {ordered(PART)})"
_SCALED = "CASE WHEN digits(most@) > 18 THEN idiv(v@, pow10(digits(most@) - 18)) ELSE v@ END AS w@"

WEIGHT = f"""
    borne AS (
        SELECT {_BORNE}, {_OWNER} AS owner, sum(wide(units)) AS units, {each_basis("money_units(sum(#)) AS t@")}
        FROM (
            SELECT {_BORNE}, units, {columns(BASES)}
            FROM allocation WHERE charge_day >= $start AND charge_day < $end AND tenant_id <> '(shared)'
            UNION ALL
            SELECT {_BORNE}, CAST(0 AS DECIMAL(38, 0)), {columns(BASES)}
            FROM overhead WHERE charge_day >= $start AND charge_day < $end
        ) AS a
        GROUP BY {_BORNE}, {_OWNER}
    ),
    borne_sum AS (
        SELECT *, sum(units) {_OVER} AS sum_units, {each_basis(f"sum(abs(t@)) {_OVER} AS sum@")} FROM borne
    ),
    borne_value AS (
        SELECT {_BORNE}, owner, units, {each_basis("t@")}, {", ".join(map(_chosen, range(len(BASES))))}
        FROM borne_sum
    ),
    borne_most AS (SELECT *, {each_basis(f"sum(v@) {_OVER} AS most@")} FROM borne_value),
    scaled AS (
        SELECT {_BORNE}, owner, units, {each_basis("t@")}, {each_basis(_SCALED)} FROM borne_most
    ),
    weighed AS (
        SELECT *, {each_basis(f"sum(w@) {_OVER} AS all@")}, {each_basis(f"row_number() {_HEIR} AS heir@")}
        FROM scaled
    ),
    parted AS (SELECT *, idiv(w1 * pow10(18), all1) AS cut FROM weighed),
    weight AS (
        SELECT *, cut + CASE WHEN heir1 = 1 THEN pow10(18) - sum(cut) {_OVER} ELSE wide(0) END AS ratio
        FROM parted
    )"""
"""CTEs that end in `weight`: the parts of each cell, with their cost in units (`t@`) and their `ratio` of 10^18.

`w@` is a part's weight for each basis, an integer below 10^18, and `all@` their sum in the cell. A part weighs what
it bears, without the sign: where all have the cell's sign that is their exact proportion. `heir@` 1 is the largest.
"""

_COMPARED = "coalesce(c.c@, wide(0)) AS c@, coalesce(g.t@, wide(0)) - coalesce(c.c@, wide(0)) AS d@"


class AllocatedCells(Dataset):
    """One cell of the bill (day, period, currency, pool, service, account; of a silo its tenant), and its parts.

    The four costs are the pool's; the differences are what its allocated parts have more. `ratio` is the sum of
    their AllocatedRatio. `conserved` and `whole` are 1 where all differences are 0 and where the ratio is 1. A view.
    """

    partition: ClassVar[str] = "charge_day"
    keys: ClassVar[tuple[str, ...]] = CELL
    reads: ClassVar[tuple[type[Dataset], ...]] = (PoolCost, Allocation, Overhead)
    conserves: ClassVar = (BASES, "pool_cost")
    stored: ClassVar[bool] = False

    query: ClassVar[str | None] = f"""
    WITH {WEIGHT},
    charged AS (
        SELECT {columns(CELL)}, {each_basis("money_units(sum(#)) AS c@")}
        FROM (SELECT *, tenant_id AS owner FROM pool_cost WHERE charge_day >= $start AND charge_day < $end) AS p
        GROUP BY {columns(CELL)}
    ),
    given AS (
        SELECT {columns(CELL)}, count(*) AS parts, sum(ratio) AS ratio, {each_basis("sum(t@) AS t@")}
        FROM weight GROUP BY {columns(CELL)}
    ),
    compared AS (
        SELECT {", ".join(f"coalesce(c.{name}, g.{name}) AS {name}" for name in CELL)},
            coalesce(g.parts, 0) AS parts, coalesce(g.ratio, wide(0)) AS ratio, {each_basis(_COMPARED)}
        FROM charged AS c FULL OUTER JOIN given AS g ON {same("c", "g", CELL)}
    )
    SELECT {columns(CELL)},
        CAST(CASE WHEN {each_basis("d@ = 0", " AND ")} THEN 1 ELSE 0 END AS BIGINT) AS conserved,
        CAST(CASE WHEN ratio = pow10(18) THEN 1 ELSE 0 END AS BIGINT) AS whole,
        CAST(1 AS BIGINT) AS cells, CAST(parts AS BIGINT) AS parts, units_money(ratio) AS ratio,
        {each_basis("units_money(c@) AS #")},
        units_money(d0) AS billed_difference, units_money(d1) AS effective_difference,
        units_money(d2) AS list_difference, units_money(d3) AS contracted_difference
    FROM compared
    """

    charge_day: Day
    billing_period: Day
    currency: Key
    pool: Key
    owner: Key
    service_name: Key
    sub_account_id: Key
    conserved: Flag
    whole: Flag
    cells: Count
    parts: Count
    ratio: Part
    billed_cost: Money
    effective_cost: Money
    list_cost: Money
    contracted_cost: Money
    billed_difference: Money
    effective_difference: Money
    list_difference: Money
    contracted_difference: Money

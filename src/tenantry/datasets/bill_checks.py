"""What a bill claims about itself, side by side: commitments and what they covered, prices and costs."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import (
    Count,
    Dataset,
    Day,
    Dimension,
    Key,
    Money,
    Note,
    OptionalTime,
    Quantity,
)
from .allocation_rules import Place
from .charges import Charges
from .shares import BASES, each_basis


class BillSums(Dataset):
    """The bill of a day and currency, summed from the charges as they are now. A view."""

    partition: ClassVar[str] = "charge_day"
    keys: ClassVar[tuple[str, ...]] = ("billing_period", "charge_day", "currency")
    reads: ClassVar[tuple[type[Dataset], ...]] = (Charges,)
    conserves: ClassVar = (BASES, "charges")
    stored: ClassVar[bool] = False

    query: ClassVar[str | None] = f"""
        SELECT billing_period, charge_day, billing_currency AS currency, CAST(count(*) AS BIGINT) AS charges,
            {each_basis("CAST(sum(#) AS DECIMAL(38, 18)) AS #")}
        FROM charges WHERE charge_day >= $start AND charge_day < $end
        GROUP BY billing_period, charge_day, billing_currency
    """

    billing_period: Day
    charge_day: Day
    currency: Key
    charges: Count
    billed_cost: Money
    effective_cost: Money
    list_cost: Money
    contracted_cost: Money


class CommitmentTerms(Dataset):
    """One commitment: what was paid for it, what of it was used and what was not, over all the data there is.

    FOCUS: over the term, the effective cost of Used and Unused rows is the billed cost of the purchases. The term is
    that of the purchases' charge periods; `covered_start` and `covered_end` are those of the rows it covered. A
    purchase's own effective cost counts as covered; FOCUS has none there. A view.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("commitment_discount_id", "currency")
    reads: ClassVar[tuple[type[Dataset], ...]] = (Charges,)
    stored: ClassVar[bool] = False

    query: ClassVar[str | None] = """
        SELECT commitment_discount_id, billing_currency AS currency,
            min(CASE WHEN charge_category = 'Purchase' THEN charge_period_start END) AS term_start,
            max(CASE WHEN charge_category = 'Purchase' THEN charge_period_end END) AS term_end,
            min(CASE WHEN commitment_discount_status IS NOT NULL THEN charge_period_start END) AS covered_start,
            max(CASE WHEN commitment_discount_status IS NOT NULL THEN charge_period_end END) AS covered_end,
            CAST(count(*) AS BIGINT) AS charges,
            CAST(sum(CASE WHEN charge_category = 'Purchase' THEN billed_cost ELSE 0 END) AS DECIMAL(38, 18))
                AS purchased_cost,
            CAST(sum(CASE WHEN charge_category = 'Purchase' OR commitment_discount_status IS NOT NULL
                THEN effective_cost ELSE 0 END) AS DECIMAL(38, 18)) AS covered_cost,
            CAST(sum(CASE WHEN commitment_discount_status = 'Unused' THEN effective_cost ELSE 0 END)
                AS DECIMAL(38, 18)) AS unused_cost
        FROM charges WHERE coalesce(commitment_discount_id, '') <> ''
        GROUP BY commitment_discount_id, billing_currency
    """

    commitment_discount_id: Key
    currency: Key
    term_start: OptionalTime
    term_end: OptionalTime
    covered_start: OptionalTime
    covered_end: OptionalTime
    charges: Count
    purchased_cost: Money
    covered_cost: Money
    unused_cost: Money


def _last_place(units: str) -> str:
    """The unit of an amount's last written decimal, of at least two, in 10^-18."""
    whens = " ".join(f"WHEN {units} % pow10({n}) = 0 THEN pow10({n})" for n in range(16, 0, -1))
    return f"CASE {whens} ELSE wide(1) END"


_ALLOWED = f"(idiv({_last_place('abs(c)')}, wide(2)) + idiv(p, wide(2000000000)) + wide(1))"


def _priced(price: str) -> str:
    return f"""
        SELECT charge_day, billing_currency, charge_key, charge_description, x_delivery, x_row,
            '{price}' AS price, {price}_unit_price AS unit_price, pricing_quantity AS quantity, {price}_cost AS cost
        FROM charges WHERE charge_day >= $start AND charge_day < $end AND coalesce(charge_class, '') <> 'Correction'
            AND {price}_unit_price IS NOT NULL AND pricing_quantity IS NOT NULL"""


class PriceChecks(Dataset):
    """A charge's list or contracted cost against unit price x quantity, where it has both. FOCUS; not for corrections.

    `difference` is cost - price x quantity, cut to 10^-18. It passes within `tolerance`: half of the cost's last
    written decimal (of at least two), and the price of half of the 10^-9 to which quantities are kept. `place` counts
    by the size of the difference, the largest first. A view.
    """

    partition: ClassVar[str] = "charge_day"
    keys: ClassVar[tuple[str, ...]] = ("price", "outcome", "place")
    reads: ClassVar[tuple[type[Dataset], ...]] = (Charges,)
    stored: ClassVar[bool] = False

    query: ClassVar[str | None] = f"""
    WITH priced AS ({_priced("list")} UNION ALL {_priced("contracted")}),
    whole AS (
        SELECT *, money_units(abs(unit_price)) AS p, nano_units(abs(quantity)) AS q, money_units(cost) AS c,
            CASE WHEN (unit_price < 0) = (quantity < 0) THEN wide(1) ELSE wide(-1) END AS direction
        FROM priced
    ),
    sized AS (
        SELECT *, CASE WHEN p < pow10(22) AND q < pow10(15) THEN 0
            ELSE greatest(0, digits(p) + digits(q) - 37) END AS cut
        FROM whole
    ),
    compared AS (
        SELECT *, c - direction * CASE WHEN cut = 0 THEN idiv(p * q, wide(1000000000))
            ELSE idiv(idiv(p, pow10(cut)) * q, pow10(9 - cut)) END AS lacking
        FROM sized WHERE cut <= 9
    ),
    judged AS (
        SELECT *, CASE WHEN lacking = 0 OR abs(lacking) <= {_ALLOWED} THEN 'passed' ELSE 'failed' END AS outcome
        FROM compared
    )
    SELECT charge_day, price, outcome, row_number() OVER (PARTITION BY price, outcome
            ORDER BY abs(lacking) DESC NULLS LAST, charge_key NULLS FIRST) AS place,
        charge_key, billing_currency AS currency, charge_description, x_delivery, x_row, CAST(1 AS BIGINT) AS checks,
        unit_price, quantity, cost, units_money(lacking) AS difference, units_money({_ALLOWED}) AS tolerance
    FROM judged
    """

    charge_day: Day
    price: Key
    outcome: Dimension
    place: Place
    charge_key: Dimension
    currency: Dimension
    charge_description: Note
    x_delivery: Dimension
    x_row: Place
    checks: Count
    unit_price: Money
    quantity: Quantity
    cost: Money
    difference: Money
    tolerance: Money

"""The bill as FOCUS 1.4 allocated charges: every charge split among the tenants who caused it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar

from ..kernel.dataset import (
    Dataset,
    Day,
    Dimension,
    Key,
    Money,
    OptionalDimension,
    OptionalQuantity,
    OptionalTime,
    Time,
)
from ..methods.policy import Meter, Policy, Strategy
from .allocated_cells import CELL, PART, WEIGHT, Part, columns, ordered, same
from .allocation import Allocation
from .charges import Charges
from .correction_entries import ENTERED, ENTRY
from .names import text
from .overhead import Overhead
from .pool_cost import placed_charges
from .shares import each_basis, part_of
from .tenants import TenantNames, Tenants

_KEPT = (
    "kind", "charge_category", "charge_class", "provider_name", "invoice_issuer_name", "invoice_id",
    "billing_account_id", "pricing_unit", "consumed_unit",
)  # fmt: skip
"""What the charges of an origin have in common besides their cell."""


class FocusAllocated(Dataset):
    """One tenant's part of one origin charge, under FOCUS's names in snake_case; `x_` columns are ours.

    An origin (`x_allocated_from`) is all charges of a day that agree in account, service, pool, category, class,
    issuer, invoice and units; a monthly charge stays whole. Its allocated rows sum to it exactly, in each cost and
    quantity, and their AllocatedRatio to 1; over all origins of a pool they sum to the tenant's cost exactly.
    With closed months that takes corrections: rows of ChargeClass Correction in the billing period where they are
    booked, for the day that they correct, and the same reversed, as adjustments, on that day. They have no origin.
    Source: FOCUS 1.4, data generator-calculated split cost allocation; correction handling. A view.
    """

    partition: ClassVar[str] = "x_charge_day"
    keys: ClassVar[tuple[str, ...]] = (
        "x_allocated_from", "x_consumer_id", "x_driver_pool", "x_allocation_rung", "x_allocation_reason",
    )  # fmt: skip
    # The books first: a correction may be booked on a day of which there is no charge.
    reads: ClassVar[tuple[type[Dataset], ...]] = (
        *ENTERED,
        Charges,
        Allocation,
        Overhead,
        Tenants,
        TenantNames,
    )
    configured: ClassVar[bool] = True
    stored: ClassVar[bool] = False

    allocated_method_id: Dimension
    allocated_method_details: Dimension
    allocated_resource_id: OptionalDimension
    allocated_resource_name: OptionalDimension
    allocated_tags: OptionalDimension
    billed_cost: Money
    billing_account_id: Dimension
    billing_account_name: OptionalDimension
    billing_currency: Dimension
    billing_period_end: OptionalTime
    billing_period_start: Time
    charge_category: Dimension
    charge_class: OptionalDimension
    charge_description: OptionalDimension
    charge_period_end: Time
    charge_period_start: Time
    consumed_quantity: OptionalQuantity
    consumed_unit: OptionalDimension
    contracted_cost: Money
    effective_cost: Money
    invoice_id: OptionalDimension
    invoice_issuer_name: OptionalDimension
    list_cost: Money
    pricing_quantity: OptionalQuantity
    pricing_unit: OptionalDimension
    service_category: OptionalDimension
    service_name: Dimension
    service_provider_name: Dimension
    sub_account_id: OptionalDimension
    sub_account_name: OptionalDimension
    x_allocated_from: Key
    x_allocated_ratio: Part
    x_allocation_reason: Dimension
    x_allocation_rung: Dimension
    x_charge_day: Day
    x_consumer_id: Key
    x_driver_pool: Dimension
    x_pool: Dimension

    @classmethod
    def statement(cls, settings: Mapping[str, Any]) -> str:
        policy: Policy = settings["policy"]
        placed = placed_charges(policy, "charge_day >= $start AND charge_day < $end")
        return (
            f"WITH {placed}, {_ORIGIN}, {WEIGHT}, {_SPLIT}, {ENTRY}, {_rows(policy)} UNION ALL {_CORRECTED}"
        )


_ORIGIN = f"""
    origin AS (
        SELECT charge_day, billing_period, billing_currency AS currency, pool, tenant_id AS owner, service_name,
            coalesce(sub_account_id, '') AS sub_account_id, {columns(_KEPT)},
            min(billing_account_name) AS billing_account_name, min(sub_account_name) AS sub_account_name,
            min(service_category) AS service_category, min(charge_description) AS charge_description,
            min(billing_period_start) AS billing_period_start, max(billing_period_end) AS billing_period_end,
            min(charge_period_start) AS began, max(charge_period_end) AS ended, count(*) AS charges,
            nano_units(sum(pricing_quantity)) AS priced, nano_units(sum(consumed_quantity)) AS consumed,
            {each_basis("money_units(sum(#)) AS c@")}
        FROM (SELECT *, CASE WHEN period = 'month' THEN 'month' ELSE 'day' END AS kind FROM placed) AS p
        GROUP BY charge_day, billing_period, billing_currency, pool, tenant_id, service_name,
            coalesce(sub_account_id, ''), {columns(_KEPT)}
    )"""


_SHARE = part_of("c@", "q@", "w@", "all@")
_REST = f"OVER (PARTITION BY {columns(CELL)} ORDER BY abs(c@) DESC NULLS LAST, number NULLS FIRST)"
_ORIGIN_OVER = "OVER (PARTITION BY charge_day, pool, number)"
_PART_OVER = f"OVER (PARTITION BY {columns(CELL)}, heir1)"
_HANDED = f"x@ + CASE WHEN heir@ = 1 AND rest@ > 1 THEN c@ - sum(x@) {_ORIGIN_OVER} ELSE wide(0) END AS y@"
_GIVEN = f"CASE WHEN rest@ = 1 THEN t@ - sum(y@) {_PART_OVER} ELSE y@ END AS z@"

# In each basis one origin of a cell, the largest (`rest@` = 1), takes what the parts bear beyond their shares of the
# others: so the sums over parts are the origins, and the sums over origins are the parts, both to the last unit.
_SPLIT = f"""
    numbered AS (
        SELECT *, row_number() OVER (PARTITION BY charge_day, pool
            ORDER BY {ordered((*CELL, *_KEPT))}) AS number FROM origin
    ),
    ranked AS (
        SELECT *, {each_basis(f"row_number() {_REST} AS rest@")} FROM numbered
    ),
    paired AS (
        SELECT o.*, {columns(PART, "w.")}, w.units, w.ratio, {each_basis("w.t@, w.heir@, w.w@, w.all@")},
            {each_basis("idiv(abs(o.c@), w.all@) AS q@")},
            idiv(abs(o.priced), w.all1) AS priced_whole, idiv(abs(o.consumed), w.all1) AS consumed_whole
        FROM ranked AS o JOIN weight AS w ON {same("o", "w", CELL)}
    ),
    shared_out AS (
        SELECT *, {each_basis(f"CASE WHEN rest@ = 1 THEN wide(0) ELSE {_SHARE} END AS x@")},
            {part_of("priced", "priced_whole", "w1", "all1")} AS priced_part,
            {part_of("consumed", "consumed_whole", "w1", "all1")} AS consumed_part
        FROM paired
    ),
    handed AS (
        SELECT *, {each_basis(_HANDED)},
            priced_part + CASE WHEN heir1 = 1
                THEN priced - sum(priced_part) {_ORIGIN_OVER} ELSE wide(0) END AS p,
            consumed_part + CASE WHEN heir1 = 1
                THEN consumed - sum(consumed_part) {_ORIGIN_OVER} ELSE wide(0) END AS q
        FROM shared_out
    ),
    given AS (SELECT *, {each_basis(_GIVEN)} FROM handed)"""


def _rows(policy: Policy) -> str:
    ratio = "CAST(units_money(ratio) AS VARCHAR)"
    days = "CAST(CAST(units AS DECIMAL(38, 0)) AS VARCHAR)"
    used = f"CASE WHEN unit = {_quoted('Days')} THEN {days} ELSE CAST({_quantity('units')} AS VARCHAR) END"
    return f"""
    correction AS (
        SELECT charge_day, side, other_day, tenant_id, service_name, pool, rung, reason, currency,
            {each_basis("CAST(sum(#) AS DECIMAL(38, 18)) AS #")}
        FROM entry GROUP BY charge_day, side, other_day, tenant_id, service_name, pool, rung, reason, currency
    ),
    consumer AS (
        SELECT b.tenant_id, t.name, CASE WHEN b.tenant_id NOT IN ('(unallocated)', '(idle)')
            THEN '{{"tenant":"' || {_json(_BARE_ID)} || '"}}' END AS tags
        FROM (SELECT tenant_id FROM borne UNION SELECT tenant_id FROM correction) AS b
        LEFT JOIN tenants AS t ON t.tenant_id = b.tenant_id
    ),
    told AS (
        SELECT g.*, c.name, c.tags, {_unit(policy)} AS unit
        FROM given AS g JOIN consumer AS c ON c.tenant_id = g.tenant_id
    )
    SELECT rung || ':' || pool || ':{policy.version}' AS allocated_method_id,
        '{{"Elements":[{{"AllocatedRatio":' || {ratio}
            || CASE WHEN unit IS NULL THEN '' ELSE ',"UsageUnit":' || unit || ',"UsageQuantity":' || {used} END
            || '}}]}}' AS allocated_method_details,
        CASE WHEN tags IS NOT NULL THEN tenant_id END AS allocated_resource_id,
        name AS allocated_resource_name, tags AS allocated_tags,
        units_money(z0) AS billed_cost,
        billing_account_id, billing_account_name,
        currency AS billing_currency,
        coalesce(billing_period_end, CAST(CAST(billing_period + INTERVAL '1' MONTH AS DATE) AS TIMESTAMP))
            AS billing_period_end,
        billing_period_start,
        charge_category, charge_class,
        CASE WHEN charges = 1 THEN charge_description ELSE CAST(charges AS VARCHAR) || ' charges' END
            AS charge_description,
        CASE WHEN kind = 'month' THEN ended ELSE CAST(CAST(charge_day + INTERVAL '1' DAY AS DATE) AS TIMESTAMP) END
            AS charge_period_end,
        CASE WHEN kind = 'month' THEN began ELSE CAST(charge_day AS TIMESTAMP) END AS charge_period_start,
        {_quantity("q")} AS consumed_quantity, consumed_unit,
        units_money(z3) AS contracted_cost, units_money(z1) AS effective_cost,
        invoice_id, invoice_issuer_name, units_money(z2) AS list_cost,
        {_quantity("p")} AS pricing_quantity, pricing_unit,
        service_category, service_name, provider_name AS service_provider_name,
        nullif(sub_account_id, '') AS sub_account_id, sub_account_name,
        CAST(charge_day AS VARCHAR) || '/' || pool || '/' || CAST(number AS VARCHAR) AS x_allocated_from,
        units_money(ratio) AS x_allocated_ratio, reason AS x_allocation_reason, rung AS x_allocation_rung,
        charge_day AS x_charge_day, tenant_id AS x_consumer_id, driver_pool AS x_driver_pool, pool AS x_pool
    FROM told
    """


# FOCUS says what is charged by the day it was incurred: of both sides of an entry that is the earlier day.
_CORRECTED = """
    SELECT 'correction:' || e.pool AS allocated_method_id, '{"Elements":[]}' AS allocated_method_details,
        CASE WHEN c.tags IS NOT NULL THEN e.tenant_id END AS allocated_resource_id,
        c.name AS allocated_resource_name, c.tags AS allocated_tags, e.billed_cost,
        coalesce(s.billing_account_id, '') AS billing_account_id, s.billing_account_name,
        e.currency AS billing_currency,
        CAST(CAST(date_trunc('month', e.charge_day) AS DATE) + INTERVAL '1' MONTH AS TIMESTAMP) AS billing_period_end,
        CAST(date_trunc('month', e.charge_day) AS TIMESTAMP) AS billing_period_start,
        'Adjustment' AS charge_category, CASE WHEN e.side = 'booked' THEN 'Correction' END AS charge_class,
        CASE WHEN e.side = 'booked' THEN 'correction of ' ELSE 'booked as a correction on ' END
            || CAST(e.other_day AS VARCHAR) AS charge_description,
        CAST(least(e.charge_day, e.other_day) + INTERVAL '1' DAY AS TIMESTAMP) AS charge_period_end,
        CAST(least(e.charge_day, e.other_day) AS TIMESTAMP) AS charge_period_start,
        CAST(NULL AS DECIMAL(38, 9)) AS consumed_quantity, CAST(NULL AS VARCHAR) AS consumed_unit,
        e.contracted_cost, e.effective_cost, CAST(NULL AS VARCHAR) AS invoice_id, s.invoice_issuer_name, e.list_cost,
        CAST(NULL AS DECIMAL(38, 9)) AS pricing_quantity, CAST(NULL AS VARCHAR) AS pricing_unit,
        s.service_category, e.service_name, coalesce(s.provider_name, '') AS service_provider_name,
        CAST(NULL AS VARCHAR) AS sub_account_id, CAST(NULL AS VARCHAR) AS sub_account_name,
        CAST(e.charge_day AS VARCHAR) || '/' || e.pool || '/' || e.currency || '/' || e.service_name
            || '/correction/' || CAST(e.other_day AS VARCHAR) AS x_allocated_from,
        CAST(0 AS DECIMAL(38, 18)) AS x_allocated_ratio, e.reason AS x_allocation_reason,
        e.rung AS x_allocation_rung, e.charge_day AS x_charge_day, e.tenant_id AS x_consumer_id,
        e.pool AS x_driver_pool, e.pool AS x_pool
    FROM correction AS e
    JOIN consumer AS c ON c.tenant_id = e.tenant_id
    LEFT JOIN (
        SELECT service_name, billing_currency, min(billing_account_id) AS billing_account_id,
            min(billing_account_name) AS billing_account_name, min(invoice_issuer_name) AS invoice_issuer_name,
            min(service_category) AS service_category, min(provider_name) AS provider_name
        FROM charges
        WHERE EXISTS (SELECT 1 FROM correction AS e WHERE least(e.charge_day, e.other_day) = charges.charge_day)
        GROUP BY service_name, billing_currency
    ) AS s ON s.service_name = e.service_name AND s.billing_currency = e.currency
    """


_BARE_ID = """CASE WHEN starts_with(b.tenant_id, '(unknown:') AND ends_with(b.tenant_id, ')')
    THEN right(left(b.tenant_id, length(b.tenant_id) - 1), length(b.tenant_id) - 10) ELSE b.tenant_id END"""


def _json(sql: str) -> str:
    """The inside of a JSON string."""
    codes = {"\\": "\\\\", '"': '\\"', **{chr(i): f"\\u{i:04x}" for i in range(1, 32)}}
    for plain, escaped in codes.items():
        sql = f"replace({sql}, {text(plain)}, {text(escaped)})"
    return sql


def _quantity(units: str) -> str:
    return f"CAST(CAST({units} AS DECIMAL(38, 0)) * 0.000000001::DECIMAL(9, 9) AS DECIMAL(38, 9))"


def _unit(policy: Policy) -> str:
    """What `units` count, as a JSON string: the meter of a pool that has one, else units weighted by the policy."""
    meters: dict[str, set[str]] = {}
    stood_in: dict[str, set[str]] = {}
    for rule in policy.rules:
        if rule.strategy is Strategy.DRIVER and rule.combine == "shares":
            meters |= {f"{rule.pool}#{meter.meter}": {meter.meter} for meter in rule.meters}
        elif rule.strategy is Strategy.DRIVER:
            meters[rule.pool] = _names(rule.meters)
        if rule.strategy is Strategy.DRIVER and rule.coarse:
            parts = (
                [f"{rule.pool}#{m.meter}" for m in rule.meters] if rule.combine == "shares" else [rule.pool]
            )
            stood_in |= dict.fromkeys(parts, _names(rule.coarse))
    coarse = _meter_of(_names(policy.coarse))
    return f"""CASE WHEN g.units <= 0 THEN NULL
            WHEN g.reason = 'active users' THEN {_quoted("Users")}
            WHEN g.reason = 'even over active tenants' THEN {_quoted("Days")}
            WHEN g.reason LIKE 'all usage by %' THEN {coarse}
            WHEN g.reason LIKE 'stand-in usage by %' THEN {_by_pool(stood_in)}
            WHEN g.reason LIKE 'usage by %' OR g.reason LIKE 'ratio of %' OR g.rung = 'unallocated'
                THEN {_by_pool(meters)} END"""


def _by_pool(meters: Mapping[str, set[str]]) -> str:
    """SQL: the unit of a row's driver pool."""
    other = _meter_of(())
    own = "".join(
        f" WHEN {text(pool)} THEN {_meter_of(names)}" for pool, names in meters.items() if len(names) == 1
    )
    return f"CASE g.driver_pool{own} ELSE {other} END" if own else other


def _meter_of(names: Collection[str]) -> str:
    return _quoted(next(iter(names)) if len(names) == 1 else "Weighted Units")


def _quoted(name: str) -> str:
    return text(json.dumps(name, ensure_ascii=False))


def _names(meters: Iterable[Meter]) -> set[str]:
    return {meter.meter for meter in meters}

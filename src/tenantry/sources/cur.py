"""AWS Cost and Usage Reports, legacy and 2.0, as FOCUS charges. The rules are on the page docs/reference/bills.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from ..datasets.charges import Charges
from ..kernel.dataset import Dataset
from ..kernel.source import Batch, RowMapping, Sample, Source
from .amortised import COVERED, UNUSED, Line, amounts
from .assemblies import superseded, together
from .bills import REPLACES, WITHIN, Rows
from .cells import Columns, first, literal, tag_map, union

_BILL = ("bill_billing_period_start_date", "bill_payer_account_id")

# Charges column: the report's columns to read it from, the first that is filled counts.
_NAMES: dict[str, tuple[str, ...]] = {
    "billing_account_id": ("bill_payer_account_id",),
    "billing_account_name": ("bill_payer_account_name",),
    "sub_account_id": ("line_item_usage_account_id",),
    "sub_account_name": ("line_item_usage_account_name",),
    "publisher_name": ("line_item_legal_entity",),
    "invoice_issuer_name": ("bill_invoicing_entity",),
    "invoice_id": ("bill_invoice_id",),
    "charge_description": ("line_item_line_item_description",),
    "availability_zone": ("line_item_availability_zone",),
    "resource_id": ("line_item_resource_id",),
    "sku_price_id": ("pricing_rate_code",),
    "pricing_unit": ("pricing_unit",),
    "list_unit_price": ("pricing_public_on_demand_rate",),
    "contracted_unit_price": ("line_item_net_unblended_rate", "line_item_unblended_rate"),
    "billing_currency": ("line_item_currency_code",),
    "x_line_item_type": ("line_item_line_item_type",),
    "x_usage_type": ("line_item_usage_type",),
    "x_operation": ("line_item_operation",),
    "x_allocated_from": ("split_line_item_parent_resource_id",),
}
# The same; then keys of the map `product` (2.0), then a last column.
_PRODUCT: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "service_name": (("product_product_name",), ("product_name", "servicename"), "line_item_product_code"),
    "region_id": (("product_region_code", "product_region"), ("region_code", "region"), ""),
    "sku_id": (("product_sku",), ("sku",), ""),
}

_USED = ("Usage", *COVERED)
_ONE_TIME = ("Fee", "SavingsPlanUpfrontFee", "Tax", "Credit", "Refund")
_RECURRING = ("RIFee", "SavingsPlanRecurringFee")
_FEES = ("Fee", "SavingsPlanUpfrontFee", *_RECURRING)
_KNOWN = (*_USED, *_ONE_TIME, *_RECURRING, "SavingsPlanNegation")

# The keys of the map `tags` (2.0): what they begin with, and what a charge's tag begins with instead.
_PREFIXES = (
    ("resourceTags/(user:)?", ""),
    ("costCategory/", "cost_category:"),
    ("accountTag/", "account_tag:"),
    ("userAttribute/", "user_attribute:"),
)

_SPLIT = ("EKSPod-EC2", "ECSTask-EC2")
_SPLIT_NOTE = "split cost allocation: a share of an instance, whose own row is kept"


class Cur(Source):
    """AWS Cost and Usage Reports: CSV with slash names, Parquet with snake names, and data exports (CUR 2.0)."""

    kind: ClassVar[str] = "cur"
    lands: ClassVar[tuple[type[Dataset], ...]] = (Charges,)

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        columns = Columns([sample])
        return all(name in columns for name in ("line_item_unblended_cost", "line_item_usage_start_date"))

    def batches(self, samples: Sequence[Sample]) -> Iterator[Batch]:
        for files in together(samples, _BILL):
            yield Batch(tuple(s.path for s in files), files[0].format, (_mapping(files),), REPLACES, WITHIN)

    def superseded(self, samples: Sequence[Sample]) -> list[tuple[Path, str]]:
        """The files that `batches` leaves out, because a newer delivery of the same bill is there."""
        return superseded(samples)


def _mapping(samples: Sequence[Sample]) -> RowMapping:
    rows = Rows(samples)
    rows.periods(
        "line_item_usage_start_date",
        "line_item_usage_end_date",
        "bill_billing_period_start_date",
        "bill_billing_period_end_date",
    )
    for column, names in _NAMES.items():
        rows.read(column, *names)
    for column, (names, keys, last) in _PRODUCT.items():
        rows.sql[column] = _product(rows, names, keys, last)
    rows.sql |= {"provider_name": "'AWS'", "service_name": f"COALESCE({rows.sql['service_name']}, '(none)')"}
    line = Line(rows)
    rows.sql |= amounts(rows, line)
    rows.sql |= _kinds(rows, line)
    rows.sql |= _commitment(rows, line)
    if tags := _tags(rows):
        rows.sql["tags"] = tags
    return rows.mapping(f"NOT {_split(rows)}", _SPLIT_NOTE, UNUSED)


def _product(rows: Rows, names: Sequence[str], keys: Sequence[str], last: str) -> str:
    looked = [f"({product})[{literal(key)}]" for product in rows.tags("product") for key in keys]
    return first([rows.text(*names), *looked, rows.text(last)])


def _kinds(rows: Rows, line: Line) -> dict[str, str]:
    """What kind of charge a row is, and how much was used."""
    refund = f"CASE WHEN {rows.text('line_item_tax_type')} IS NULL THEN 'Usage' ELSE 'Tax' END"
    late = f"{rows.sql['charge_period_start']} < {rows.sql['billing_period_start']}"
    spot = f"contains({rows.text('line_item_usage_type')}, 'SpotUsage')"
    amount = rows.number("line_item_usage_amount")
    rows.repairs["line_item_line_item_type is none of AWS's: Usage taken"] = (
        f"NOT {line.any(*_KNOWN)} AND NOT contains({line.type}, 'Discount')"
    )
    return {
        "charge_category": line.case(
            (line.any("Tax", "Credit"), line.type),
            (f"{line.any(*_FEES)} OR {line.plan_refund}", "'Purchase'"),
            (line.any("Refund"), refund),
            otherwise="'Usage'",
        ),
        "charge_class": f"CASE WHEN {rows.text('bill_bill_type')} = 'Refund' OR {late} THEN 'Correction' END",
        "charge_frequency": line.case(
            (line.any(*_ONE_TIME), "'One-Time'"),
            (line.any(*_RECURRING), "'Recurring'"),
            otherwise="'Usage-Based'",
        ),
        "pricing_category": line.case(
            (line.any(*COVERED), "'Committed'"),
            (f"{line.any('Usage')} AND {spot}", "'Dynamic'"),
            (line.any("Usage"), "'Standard'"),
        ),
        "pricing_quantity": line.case((line.any(*_USED, *_FEES), amount)),
        "consumed_quantity": line.case((line.any(*_USED), amount)),
        "consumed_unit": line.case((line.any(*_USED), rows.text("pricing_unit"))),
    }


def _commitment(rows: Rows, line: Line) -> dict[str, str]:
    """The savings plan or reservation behind a row."""
    amount, unused = rows.number("line_item_usage_amount"), rows.number("reservation_unused_quantity")
    spent = rows.number("savings_plan_savings_plan_effective_cost")
    total, used = (
        rows.number("savings_plan_total_commitment_to_date"),
        rows.number("savings_plan_used_commitment"),
    )
    return {
        "commitment_discount_id": rows.text(
            "savings_plan_savings_plan_a_r_n", "reservation_reservation_a_r_n"
        ),
        "commitment_discount_category": line.case((line.planned, "'Spend'"), (line.reserved, "'Usage'")),
        "commitment_discount_type": line.case(
            (line.planned, "'Savings Plan'"), (line.reserved, "'Reserved Instance'")
        ),
        "commitment_discount_quantity": line.case(
            (line.any("SavingsPlanCoveredUsage"), spent),
            (line.any("SavingsPlanRecurringFee"), f"NULLIF({total} - {used}, 0)"),
            (line.any("DiscountedUsage"), amount),
            (line.any("RIFee"), f"NULLIF({unused}, 0)"),
        ),
        "commitment_discount_unit": line.case(
            (line.any("SavingsPlanCoveredUsage", "SavingsPlanRecurringFee"), rows.sql["billing_currency"]),
            (line.any("DiscountedUsage", "RIFee"), rows.text("pricing_unit")),
        ),
    }


def _tags(rows: Rows) -> str:
    """User tags by their own key, AWS's with their prefix, all else as `cost_category:<name>` and the like.

    CUR 2.0 has them in `resource_tags` and `cost_category`, or all of them in `tags`, there told apart by prefixes.
    """
    maps: list[str] = []
    for under, map_name, renamed in (
        (r"resource_?tags[/_]", "resource_tags", "regexp_replace(e.key, '^user[:_]', '')"),
        (r"cost_?category[/_]", "cost_category", "'cost_category:' || e.key"),
        ("", "tags", _unprefixed("e.key")),
    ):
        columns = rows.columns.under(under) if under else []
        entries = [f"{{'key': {literal(key)}, 'value': {cell.text()}}}" for key, cell in columns]
        lists = [f"list_filter([{', '.join(entries)}], lambda e: e.value IS NOT NULL)"] if entries else []
        lists += [f"map_entries({tags})" for tags in rows.tags(map_name)]
        pair = f"{{'key': {renamed}, 'value': e.value}}"
        maps += [tag_map(f"list_transform({found}, lambda e: {pair})", "key", "value") for found in lists]
    return union(maps) if maps else ""


def _unprefixed(key: str) -> str:
    for prefix, own in _PREFIXES:
        key = f"regexp_replace({key}, '^{prefix}', '{own}')"
    return key


def _split(rows: Rows) -> str:
    """True for a share of an instance's cost, which has no cost of its own: the total is that of the bill."""
    cost = rows.amount("line_item_net_unblended_cost", "line_item_unblended_cost")
    operation = f"COALESCE({rows.text('line_item_operation')}, '') IN ({', '.join(map(literal, _SPLIT))})"
    parent = f"{rows.text('split_line_item_parent_resource_id')} IS NOT NULL"
    return f"(({operation} OR {parent}) AND COALESCE({cost}, 0) = 0)"

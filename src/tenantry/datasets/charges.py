"""Bill rows under FOCUS names, whatever format they came in."""

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
    OptionalDimension,
    OptionalMoney,
    OptionalQuantity,
    OptionalTime,
    Tags,
    Time,
)


class Charges(Dataset):
    """One row of a bill. Names and meanings are those of FOCUS 1.4, in snake_case; `x_` columns are ours.

    Money is exact to 18 places in `billing_currency` (`XXX`, ISO 4217's "no currency", where the file names none).
    Times are UTC; period ends are exclusive. `charge_day` is the day of `charge_period_start`.
    """

    partition: ClassVar[str] = "billing_period"
    windowed_by: ClassVar[str] = "charge_day"
    keys: ClassVar[tuple[str, ...]] = ("charge_key",)
    sort: ClassVar[tuple[str, ...]] = ("charge_day", "service_name")

    charge_key: Key
    billing_period: Day
    charge_day: Day
    charge_period_start: Time
    charge_period_end: Time
    billing_period_start: Time
    billing_period_end: OptionalTime
    billing_account_id: Dimension
    billing_account_name: OptionalDimension
    sub_account_id: OptionalDimension
    sub_account_name: OptionalDimension
    provider_name: Dimension
    publisher_name: OptionalDimension
    invoice_issuer_name: OptionalDimension
    invoice_id: OptionalDimension
    charge_category: Dimension
    charge_class: OptionalDimension
    charge_frequency: OptionalDimension
    charge_description: Note
    service_name: Dimension
    service_category: OptionalDimension
    service_subcategory: OptionalDimension
    region_id: OptionalDimension
    availability_zone: OptionalDimension
    resource_id: OptionalDimension
    resource_name: OptionalDimension
    resource_type: OptionalDimension
    sku_id: OptionalDimension
    sku_price_id: OptionalDimension
    sku_meter: OptionalDimension
    pricing_category: OptionalDimension
    pricing_quantity: OptionalQuantity
    pricing_unit: OptionalDimension
    consumed_quantity: OptionalQuantity
    consumed_unit: OptionalDimension
    list_unit_price: OptionalMoney
    contracted_unit_price: OptionalMoney
    billing_currency: Dimension
    billed_cost: Money
    effective_cost: Money
    list_cost: Money
    contracted_cost: Money
    commitment_discount_id: OptionalDimension
    commitment_discount_name: OptionalDimension
    commitment_discount_category: OptionalDimension
    commitment_discount_type: OptionalDimension
    commitment_discount_status: OptionalDimension
    commitment_discount_quantity: OptionalQuantity
    commitment_discount_unit: OptionalDimension
    tags: Tags
    x_line_item_type: OptionalDimension
    """CUR: the row's `line_item_line_item_type`."""
    x_usage_type: OptionalDimension
    """CUR: `line_item_usage_type`; FOCUS: the SKU meter where the provider gives one."""
    x_operation: OptionalDimension
    x_unblended_cost: OptionalMoney
    """CUR: the row's unblended (net where the export has it) cost as written."""
    x_amortized_true_up: OptionalMoney
    """CUR: sum(unblended) = sum(effective) + sum(true-up) + sum(upfront)."""
    x_amortized_upfront: OptionalMoney
    x_allocated_from: OptionalDimension
    """The resource that a provider's own allocated row (split cost allocation) is a part of."""
    x_delivery: Dimension
    x_row: Count

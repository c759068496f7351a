"""Charges as a FOCUS 1.2 table: the columns in the order in which AWS exports them, amounts exact decimals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from .bill import AWS, CURRENCY, PAYER, PAYER_ACCOUNT, Bill, Cells
from .dice import Ints
from .plan import hours_of

TEXT, TIME = pa.string(), pa.timestamp("ms")
AMOUNT, PRICE, COUNT = pa.decimal128(28, 10), pa.decimal128(28, 10), pa.decimal128(28, 6)
TAGS = pa.map_(pa.string(), pa.string())

SCHEMA = pa.schema(
    [
        ("AvailabilityZone", TEXT), ("BilledCost", AMOUNT), ("BillingAccountId", TEXT), ("BillingAccountName", TEXT),
        ("BillingAccountType", TEXT), ("BillingCurrency", TEXT), ("BillingPeriodEnd", TIME),
        ("BillingPeriodStart", TIME), ("CapacityReservationId", TEXT), ("CapacityReservationStatus", TEXT),
        ("ChargeCategory", TEXT), ("ChargeClass", TEXT), ("ChargeDescription", TEXT), ("ChargeFrequency", TEXT),
        ("ChargePeriodEnd", TIME), ("ChargePeriodStart", TIME), ("CommitmentDiscountCategory", TEXT),
        ("CommitmentDiscountId", TEXT), ("CommitmentDiscountName", TEXT), ("CommitmentDiscountQuantity", COUNT),
        ("CommitmentDiscountStatus", TEXT), ("CommitmentDiscountType", TEXT), ("CommitmentDiscountUnit", TEXT),
        ("ConsumedQuantity", COUNT), ("ConsumedUnit", TEXT), ("ContractedCost", AMOUNT), ("ContractedUnitPrice", PRICE),
        ("EffectiveCost", AMOUNT), ("InvoiceId", TEXT), ("InvoiceIssuerName", TEXT), ("ListCost", AMOUNT),
        ("ListUnitPrice", PRICE), ("PricingCategory", TEXT), ("PricingCurrency", TEXT),
        ("PricingCurrencyContractedUnitPrice", PRICE), ("PricingCurrencyEffectiveCost", AMOUNT),
        ("PricingCurrencyListUnitPrice", PRICE), ("PricingQuantity", COUNT), ("PricingUnit", TEXT),
        ("ProviderName", TEXT), ("PublisherName", TEXT), ("RegionId", TEXT), ("RegionName", TEXT), ("ResourceId", TEXT),
        ("ResourceName", TEXT), ("ResourceType", TEXT), ("ServiceCategory", TEXT), ("ServiceName", TEXT),
        ("ServiceSubcategory", TEXT), ("SkuId", TEXT), ("SkuMeter", TEXT), ("SkuPriceDetails", TEXT),
        ("SkuPriceId", TEXT), ("SubAccountId", TEXT), ("SubAccountName", TEXT), ("SubAccountType", TEXT),
        ("Tags", TAGS), ("x_Discounts", TEXT), ("x_Operation", TEXT), ("x_ServiceCode", TEXT), ("x_UsageType", TEXT),
    ]
)  # fmt: skip
COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")


def focus_table(bill: Bill) -> pa.Table:
    """The bill's charges, in the order in which they were added."""
    always = {
        "BillingAccountId": PAYER,
        "BillingAccountName": PAYER_ACCOUNT.name,
        "BillingAccountType": "AWS Organization",
        "SubAccountType": "AWS Account",
        "BillingCurrency": CURRENCY,
        "PricingCurrency": CURRENCY,
        "BillingPeriodStart": hours_of(bill.month)[0],
        "BillingPeriodEnd": hours_of(bill.month)[-1] + 1,
        "InvoiceId": bill.invoice,
        "InvoiceIssuerName": AWS,
        "ProviderName": "AWS",
        "PublisherName": AWS,
        **dict.fromkeys(COSTS, 0),
    }
    blocks = [(rows, block) for rows, block in bill.blocks if rows]
    rows = np.array([rows for rows, _ in blocks])
    columns = [
        _column([block.get(field.name, always.get(field.name)) for _, block in blocks], rows, field.type)
        for field in SCHEMA
    ]
    return pa.table(columns, SCHEMA)


def decimals(values: Ints, kind: pa.Decimal128Type, valid: np.ndarray | None = None) -> pa.Array:
    """Integers of the type's last place as decimals, without passing through anything that rounds."""
    words = np.empty((len(values), 2), dtype="<i8")
    words[:, 0] = values
    words[:, 1] = values >> 63
    bits = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
    return pa.Array.from_buffers(kind, len(values), [bits, pa.py_buffer(words.tobytes())])


def _column(values: list[Cells], rows: Ints, kind: Any) -> pa.Array:
    """One value a block, or an array of one value a row, as a column."""
    if kind in (TEXT, TAGS):
        return _repeated(values, rows, kind)
    whole = np.concatenate(
        [np.broadcast_to(0 if v is None else v, n) for v, n in zip(values, rows, strict=True)]
    )
    if kind == TIME:
        return pa.array(whole * 3_600_000).cast(TIME)
    return decimals(whole.astype(np.int64), kind, np.repeat([v is not None for v in values], rows))


def _repeated(values: list[Cells], rows: Ints, kind: Any) -> pa.Array:
    """Each block's text or tags, once per row."""
    keys = [tuple(v.items()) if isinstance(v, dict) else v for v in values]
    distinct = list(dict.fromkeys(keys))
    index = np.repeat([distinct.index(key) for key in keys], rows)
    return pa.array(distinct, kind).take(pa.array(index))

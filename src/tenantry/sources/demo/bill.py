"""One month's bill: charges in blocks of many rows, and the FOCUS 1.2 table they become."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

import numpy as np

from ...kernel.time import next_month
from .dice import Ints
from .plan import EPOCH
from .prices import EBS, MONEY, QUANTITY, Item, Service

PAYER = "104857600001"
CURRENCY = "USD"
AWS = "Amazon Web Services, Inc."
REGION_NAMES = {"eu-central-1": "EU (Frankfurt)", "us-east-1": "US East (N. Virginia)"}

Cells: TypeAlias = Any
"""A value for every row of a block, or an array of one value a row."""


@dataclass(frozen=True)
class Account:
    """A cloud account."""

    id: str
    name: str
    region: str


SHARED = (
    Account("104857600002", "quillhaven-prod-eu", "eu-central-1"),
    Account("104857600003", "quillhaven-prod-us", "us-east-1"),
)
TOOLING_ACCOUNT = Account("104857600004", "quillhaven-tooling", "eu-central-1")
PAYER_ACCOUNT = Account(PAYER, "quillhaven-payer", "")


@dataclass(frozen=True)
class Spans:
    """When charges of a block were incurred: hours since 1970, all of one length."""

    first: Ints
    length: int

    @classmethod
    def of_days(cls, month: date, days: int) -> Spans:
        return cls((month - EPOCH).days * 24 + 24 * np.arange(days, dtype=np.int64), 24)

    @classmethod
    def of_month(cls, month: date) -> Spans:
        first = (month - EPOCH).days * 24
        return cls(np.array([first], dtype=np.int64), (next_month(month) - month).days * 24)

    def only(self, mask: np.ndarray) -> Spans:
        return Spans(self.first[mask], self.length)


def amount(quantity: Ints, price: int) -> Ints:
    """Price times quantity in units of 1e-10, rounded half up."""
    whole, part = np.divmod(quantity, QUANTITY)
    return whole * price + (part * price + QUANTITY // 2) // QUANTITY


def unit_text(price: int) -> str:
    """A price as the provider's descriptions write it."""
    whole, part = divmod(price, MONEY)
    text = f"{part:010d}".rstrip("0")
    return f"${whole}.{text.ljust(2, '0')}"


@dataclass
class Bill:
    """Collects the charges of one billing period."""

    month: date
    blocks: list[tuple[int, dict[str, Cells]]] = field(default_factory=list)

    @property
    def invoice(self) -> str:
        return f"EUINDE{self.month:%y}-{self.month:%m}{int(PAYER) % 100000:05d}"

    def add(self, spans: Spans, account: Account, **columns: Cells) -> None:
        """A block of charges as FOCUS columns. Costs not given are zero; amounts and prices in 1e-10 USD."""
        self.blocks.append(
            (
                len(spans.first),
                {
                    "ChargePeriodStart": spans.first,
                    "ChargePeriodEnd": spans.first + spans.length,
                    "SubAccountId": account.id,
                    "SubAccountName": account.name,
                    "RegionId": account.region or None,
                    "RegionName": REGION_NAMES.get(account.region),
                    **columns,
                },
            )
        )

    def usage(
        self,
        item: Item,
        account: Account,
        spans: Spans,
        quantity: Ints,
        *,
        resource: str = "",
        tags: dict[str, str] | None = None,
        price: int = 0,
        discount: int = 0,
    ) -> Ints:
        """Metered charges at list price, or at `price`, less `discount` thousandths; zero quantities make no row.

        Returns the effective cost of every span.
        """
        price = price or item.price(account.region)
        contracted = price - price * discount // 1000
        cost = amount(quantity, contracted)
        some = quantity > 0
        paid = cost[some]
        self.add(
            spans.only(some),
            account,
            **described(item, account.region, price),
            ResourceId=resource or None,
            ResourceName=resource.rsplit("/", 1)[-1] or None,
            ResourceType=item.resource_type if resource else None,
            ConsumedQuantity=quantity[some],
            ConsumedUnit=item.unit,
            PricingQuantity=quantity[some],
            PricingUnit=item.unit,
            PricingCategory="Standard",
            ListUnitPrice=price,
            ContractedUnitPrice=contracted,
            BilledCost=paid,
            EffectiveCost=paid,
            ListCost=amount(quantity[some], price),
            ContractedCost=paid,
            Tags=tags,
        )
        return np.where(some, cost, 0)


def service_columns(service: Service) -> dict[str, Cells]:
    return {
        "ServiceName": service.name,
        "ServiceCategory": service.category,
        "ServiceSubcategory": service.subcategory,
        "x_ServiceCode": service.code,
    }


def described(item: Item, region: str, price: int) -> dict[str, Cells]:
    """The columns that say what a charge is for."""
    usage_type = item.usage(region)
    sku = f"{sum(ord(c) * 31**i for i, c in enumerate(usage_type)) % 36**8:08X}"
    return {
        **service_columns(item.service),
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "ChargeDescription": f"{unit_text(price)} per {item.unit}: {usage_type}",
        "SkuId": sku,
        "SkuPriceId": f"{sku}.JRTCKXETXF.6YS6EN2CT7",
        "SkuMeter": usage_type,
        "x_UsageType": usage_type,
        "x_Operation": item.operation or None,
        "AvailabilityZone": f"{region}a" if item.service is EBS else None,
    }

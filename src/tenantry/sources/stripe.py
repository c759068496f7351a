"""Stripe: what customers pay, as subscriptions of tenants, and what they were invoiced.

What the API tells is written as rows of the vendor's own tables, which then land like files. Amounts are in minor
units: https://docs.stripe.com/currencies; objects: https://docs.stripe.com/api/subscriptions, /invoices, /customers.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, SecretStr

from ..datasets.subscriptions import Subscriptions
from ..datasets.tenant_invoices import TenantInvoices
from ..datasets.tenants import Tenants
from ..kernel.dataset import Dataset
from ..kernel.money import EXACT, MONEY_PLACES
from ..kernel.source import Batch, RemoteSource, Sample
from .discounts import Discount, taken_off
from .tables import SubscriptionsTable, TableSource, TenantInvoicesTable
from .tenants import TenantsTable

_PAGE = 100
_VERSION = "2025-03-31.basil"
"""The API's version, whatever the account's own: objects are as it has them, with the coupon inside its discount."""
_DISCOUNTS = ("data.discounts", "data.discounts.coupon.applies_to", "data.items.data.discounts")
_DISCOUNT = ("data.discount.coupon.applies_to",)
"""What subscriptions and customers tell by its id alone or not at all, unless asked."""
_WHOLE = frozenset({
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF",
})  # fmt: skip
"""Currencies without minor units. ISK and UGX have none either, and are told with two decimals all the same."""
_THOUSANDTHS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
_NEVER_BEGUN = frozenset({"incomplete", "incomplete_expired", "paused"})
_PLACE = Decimal(1).scaleb(-MONEY_PLACES)
_MONTHS = 12

Row = dict[str, Any]


class Stripe(RemoteSource):
    """Subscriptions and invoices of a Stripe account; its customers as tenants too, where you say so.

    The key comes from the environment alone: `TENANTRY_SOURCES__STRIPE__KEY` for a source named `stripe`. A restricted
    key that may read customers, subscriptions and invoices is enough. A customer is the tenant that its metadata name,
    else one of its own id, which may be an alias in your tenants table.
    """

    kind: ClassVar[str] = "stripe"
    lands: ClassVar[tuple[type[Dataset], ...]] = (Subscriptions, TenantInvoices, Tenants)

    key: Annotated[SecretStr, Field(description="from the environment")]
    url: Annotated[str, Field(description="where the API is")] = "https://api.stripe.com"
    tenant: Annotated[str, Field(description="the key of a customer's metadata that names the tenant")] = (
        "tenant_id"
    )
    customers: Annotated[
        bool, Field(description="land customers as tenants: Stripe has the list of them")
    ] = False

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        return any(table.recognises(sample) for table in _TABLES)

    def batches(self, samples: Sequence[Sample]) -> Iterator[Batch]:
        for table in _TABLES:
            mine = [sample for sample in samples if table.recognises(sample)]
            for batch in table(path=self.path).batches(mine):
                # What is subscribed to now takes the place of what was: Stripe changes a subscription where it stands.
                whole = ("tenant_id",) if table is SubscriptionsTable else ()
                yield replace(batch, replaces=whole)

    def fetch(self, folder: Path) -> None:
        from .asking import Asked  # noqa: PLC0415 - an HTTP client is slow to import, and few commands ask

        headers = {"Authorization": f"Bearer {self.key.get_secret_value()}", "Stripe-Version": _VERSION}
        with Asked(self.url, headers) as stripe:
            customers = list(stripe.listed("/v1/customers", {"limit": _PAGE}))
            if any(map(_discounts, customers)):
                customers = list(stripe.listed("/v1/customers", {"limit": _PAGE, "expand[]": _DISCOUNT}))
            tenants = {
                one["id"]: (one.get("metadata") or {}).get(self.tenant) or one["id"] for one in customers
            }
            if self.customers:
                _write(folder / "tenants.jsonl", (tenant(one, tenants) for one in customers))
            asked = {"limit": _PAGE, "status": "all"}
            subscribed = list(stripe.listed("/v1/subscriptions", asked))
            if any(map(_abridged, subscribed)):
                subscribed = list(stripe.listed("/v1/subscriptions", {**asked, "expand[]": _DISCOUNTS}))
            who = {one["id"]: one for one in customers}
            rows = [row for one in subscribed for row in subscriptions(one, tenants, who)]
            _write(folder / "subscriptions.jsonl", _told_apart(rows))
            invoiced = stripe.listed("/v1/invoices", {"limit": _PAGE})
            _write(folder / "invoices.jsonl", (invoice(one, tenants) for one in invoiced if one.get("id")))


_TABLES: tuple[type[TableSource], ...] = (SubscriptionsTable, TenantInvoicesTable, TenantsTable)


def tenant(customer: Mapping[str, Any], tenants: Mapping[str, str]) -> Row:
    """A row of the tenants table: a customer's id is another name of its tenant."""
    known = tenants[customer["id"]]
    return {
        "tenant_id": known,
        "name": customer.get("name") or customer.get("description"),
        "contact_email": customer.get("email"),
        "aliases": [] if known == customer["id"] else [customer["id"]],
        "started_on": _day(customer.get("created")),
    }


def subscriptions(
    subscription: Mapping[str, Any],
    tenants: Mapping[str, str],
    customers: Mapping[str, Mapping[str, Any]] | None = None,
) -> Iterator[Row]:
    """A row for each item, from the end of the trial on, and rows below zero for each discount, as long as it lasts.

    An item's discounts come before those of the subscription, which inherits its customer's where it has none. What has
    no fixed price (metered, tiered, by packages) has no amount, and is quarantined for that.
    """
    customer = _id(subscription["customer"])
    first = _latest(
        _day(subscription.get("start_date") or subscription.get("created")),
        _day(subscription.get("trial_end")),
    )
    ends = [subscription.get("ended_at"), subscription.get("cancel_at")]
    if subscription.get("cancel_at_period_end"):
        ends.append(
            subscription.get("current_period_end") or _items(subscription)[0].get("current_period_end")
        )
    end = min((day for day in map(_day, ends) if day), default=None)
    if subscription.get("status") in _NEVER_BEGUN:
        end = first
    dates = {"started_on": first, "ended_on": _latest(first, end) if end else None}
    about = {"tenant_id": tenants.get(customer, customer), **dates}
    priced = [(item, _item(item, about)) for item in _items(subscription)]
    yield from (row for _, row in priced)
    of_items = [_discount(told, [row]) for item, row in priced for told in _discounts(item)]
    of_all = [
        _discount(told, [row for item, row in priced if _meant(item, told)])
        for told in _discounts(subscription) or _discounts((customers or {}).get(customer, {}))
    ]
    yield from taken_off([*of_items, *of_all])


def _told_apart(rows: Sequence[Row]) -> Iterator[Row]:
    """Rows of one tenant, plan, day and currency are named by the item too: each is paid."""

    def key(row: Row) -> tuple[Any, ...]:
        return tuple(row[column] for column in Subscriptions.keys)

    often = Counter(map(key, rows))
    for row in rows:
        plan = f"{row['plan']} ({row['item']})" if often[key(row)] > 1 else row["plan"]
        yield {**row, "plan": plan}


def _items(subscription: Mapping[str, Any]) -> list[Any]:
    return subscription["items"]["data"]


def _item(item: Mapping[str, Any], row: Row) -> Row:
    price = item.get("price") or item["plan"]
    currency = price["currency"].upper()
    each = price.get("unit_amount_decimal") or price.get("amount_decimal")
    if each is None:
        each = price.get("unit_amount", price.get("amount"))
    recurring = price.get("recurring") or price
    fixed = (
        price.get("billing_scheme") == "per_unit"
        and recurring.get("usage_type", "licensed") == "licensed"
        and not price.get("transform_quantity")
    )
    interval, amount = _paid(recurring, None if each is None or not fixed else _major(each, currency))
    return {
        **row,
        "item": item["id"],
        "plan": price.get("nickname") or price.get("lookup_key") or price["id"],
        "amount": amount,
        "currency": currency,
        "interval": interval,
        "quantity": item.get("quantity", 1),
    }


def _paid(recurring: Mapping[str, Any], amount: Decimal | None) -> tuple[str, Decimal | None]:
    """Interval and amount, by month or year: what is due every three months is four times that a year."""
    interval, count = recurring.get("interval", ""), int(recurring.get("interval_count") or 1)
    if amount is None or count == 1 or interval not in {"month", "year"}:
        return (interval if count == 1 else f"{count} {interval}s"), amount
    times = _MONTHS if interval == "month" else 1
    return "year", EXACT.divide(amount * times, Decimal(count)).quantize(_PLACE, context=EXACT)


def _abridged(subscription: Mapping[str, Any]) -> bool:
    """Whether discounts of it are told by their id alone."""
    told = [
        discount for one in (subscription, *_items(subscription)) for discount in one.get("discounts") or ()
    ]
    return any(isinstance(discount, str) for discount in told)


def _discounts(discounted: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = [*(discounted.get("discounts") or ()), discounted.get("discount")]
    told = [one for one in found if isinstance(one, Mapping) and _coupon(one)]
    return list({one.get("id", place): one for place, one in enumerate(told)}.values())


def _coupon(discount: Mapping[str, Any]) -> Mapping[str, Any]:
    found = discount.get("coupon") or (discount.get("source") or {}).get("coupon")
    return found if isinstance(found, Mapping) else {}


def _meant(item: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    """Whether a coupon is for an item's product; without a list of products it is for all."""
    products = (_coupon(told).get("applies_to") or {}).get("products")
    price = item.get("price") or item["plan"]
    return not products or (_id(price["product"]) if price.get("product") else "") in products


def _discount(told: Mapping[str, Any], rows: Sequence[Row]) -> Discount:
    coupon = _coupon(told)
    percent, currency = coupon.get("percent_off"), str(coupon.get("currency") or "").upper()
    return Discount(
        coupon=coupon["id"],
        rows=rows,
        part=None if percent is None else Decimal(str(percent)).scaleb(-2),
        amount=_major(coupon.get("amount_off") or 0, currency),
        currency=currency,
        start=_day(told.get("start")),
        end=_day(told.get("end")),
        once=coupon.get("duration") == "once",
    )


def invoice(one: Mapping[str, Any], tenants: Mapping[str, str]) -> Row:
    """A row of `tenant_invoices`."""
    customer, currency = _id(one["customer"]), one["currency"].upper()
    before_tax = one.get("total_excluding_tax")
    total, tax = one.get("total", 0), one.get("tax")
    if before_tax is None:
        before_tax = total - (tax or 0)
    if tax is None:
        tax = total - before_tax
    return {
        "invoice_id": one["id"],
        "tenant_id": tenants.get(customer, customer),
        "status": one.get("status"),
        "issued_on": _day(one.get("created") or one.get("date")),
        "period_start": _day(one.get("period_start")),
        "period_end": _day(one.get("period_end")),
        "currency": currency,
        "amount": _major(before_tax, currency),
        "tax": _major(tax, currency),
        "paid": _major(one.get("amount_paid") or 0, currency),
    }


def _major(minor: Any, currency: str) -> Decimal:
    """An amount of minor units as one of the currency, exactly."""
    places = 0 if currency in _WHOLE else 3 if currency in _THOUSANDTHS else 2
    return EXACT.scaleb(Decimal(str(minor)), -places)


def _id(reference: Any) -> str:
    return reference["id"] if isinstance(reference, Mapping) else reference


def _day(seconds: int | None) -> date | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).date()


def _latest(*days: date | None) -> date:
    return max(day for day in days if day)


def _write(file: Path, rows: Iterable[Row]) -> None:
    """JSON, a row a line; no file where there is no row."""
    lines = [json.dumps(row, default=_text) for row in rows]
    if lines:
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _text(value: Any) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)

"""What was invoiced, and what the bill says was."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import Count, Dataset, Day, Dimension, Key, Money
from .charges import Charges


class Invoices(Dataset):
    """One invoice as its issuer sent it: what the charges that name it must sum to, but for the issuer's rounding.

    `amount` is what was invoiced in `currency`, before any payment and in the bill's own currency.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("invoice_id", "invoice_issuer_name", "currency")

    invoice_id: Key
    invoice_issuer_name: Key
    currency: Key
    amount: Money


class InvoiceSums(Dataset):
    """The charges that name an invoice, summed: whole, whatever window is asked about. A view."""

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("invoice_id", "invoice_issuer_name", "currency")
    reads: ClassVar[tuple[type[Dataset], ...]] = (Charges,)
    stored: ClassVar[bool] = False

    query: ClassVar[str | None] = """
        SELECT invoice_id, coalesce(invoice_issuer_name, '') AS invoice_issuer_name, billing_currency AS currency,
            min(charge_day) AS first_day, max(charge_day) AS last_day, CAST(count(*) AS BIGINT) AS charges,
            CAST(sum(billed_cost) AS DECIMAL(38, 18)) AS billed_cost
        FROM charges WHERE coalesce(invoice_id, '') <> ''
        GROUP BY invoice_id, coalesce(invoice_issuer_name, ''), billing_currency
    """

    invoice_id: Key
    invoice_issuer_name: Dimension
    currency: Key
    first_day: Day
    last_day: Day
    charges: Count
    billed_cost: Money

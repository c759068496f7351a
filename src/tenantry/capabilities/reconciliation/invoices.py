"""The edge of the data: what was invoiced beside what the bill says was."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

from ...datasets.invoices import Invoices, InvoiceSums
from ...kernel import Context, Window
from ...kernel.dataset import Count, Dimension, Money
from ...methods.tolerance import invoice_tolerance


class InvoiceLine(BaseModel):
    """An invoice beside the charges that name it. FOCUS's tolerance, for the issuer's rounding, applies here alone."""

    invoice_id: Dimension
    invoice_issuer_name: Dimension
    currency: Dimension
    invoiced: Money
    billed: Annotated[Money, Field(description="sum of the billed cost of the charges that name the invoice")]
    difference: Annotated[Money, Field(description="billed - invoiced")]
    tolerance: Money
    charges: Count
    matches: Annotated[bool, Field(description="the difference is within the tolerance")]


def invoice_lines(ctx: Context, window: Window | None) -> list[InvoiceLine]:
    """Each invoice, whole: those with charges in the window, and those without any charge, whenever they were."""
    invoices = ctx.rows(Invoices)
    sums = {_name(row): row for row in ctx.rows(InvoiceSums)} if invoices else {}
    found = [(invoice, sums.get(_name(invoice))) for invoice in invoices]
    return [
        _line(invoice, billed)
        for invoice, billed in found
        if window is None
        or billed is None
        or (billed.first_day < window.end and billed.last_day >= window.start)
    ]


def _name(row: Invoices | InvoiceSums) -> tuple[str, str, str]:
    return row.invoice_id, row.invoice_issuer_name, row.currency


def _line(invoice: Invoices, found: InvoiceSums | None) -> InvoiceLine:
    billed, charges = (found.billed_cost, found.charges) if found else (Decimal(0), 0)
    tolerance = invoice_tolerance(charges, invoice.currency)
    return InvoiceLine(
        invoice_id=invoice.invoice_id,
        invoice_issuer_name=invoice.invoice_issuer_name,
        currency=invoice.currency,
        invoiced=invoice.amount,
        billed=billed,
        difference=billed - invoice.amount,
        tolerance=tolerance,
        charges=charges,
        matches=abs(billed - invoice.amount) <= tolerance,
    )

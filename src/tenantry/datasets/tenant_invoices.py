"""What tenants were invoiced."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import Dataset, Day, Dimension, Key, Money, OptionalDay, OptionalMoney


class TenantInvoices(Dataset):
    """One invoice of the vendor to a tenant. `amount` is due before tax and after discounts, `paid` with tax.

    The period is what the issuer says the invoice is about; its end is exclusive.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("invoice_id",)

    invoice_id: Key
    tenant_id: Dimension
    status: Dimension
    issued_on: Day
    period_start: OptionalDay
    period_end: OptionalDay
    currency: Dimension
    amount: Money
    tax: OptionalMoney
    paid: OptionalMoney

"""What Tenantry itself uses for a tenant, as usage: the control plane in its own books."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from ..datasets.names import UNATTRIBUTED
from ..datasets.usage import Usage

SERVICE = "Tenantry"
"""The service whose usage it is. Of no other: it must not drive how another service's cost is shared."""
TOKENS, USD = "model_tokens", "model_usd"
_STEP = Decimal("1e-9")


def model_usage(
    run: int, at: datetime, tenant_id: str | None, tokens: int, cost: Decimal | None
) -> Iterator[Usage]:
    """Tokens, and USD where they are known, that a question took a language model; `at` is UTC."""
    for meter, quantity in ((TOKENS, Decimal(tokens)), (USD, (cost or Decimal(0)).quantize(_STEP))):
        if quantity:
            yield Usage(
                id=f"agent-run-{run}-{meter}",
                source="tenantry",
                day=at.date(),
                time=at.replace(tzinfo=None),
                tenant_id=tenant_id or UNATTRIBUTED,
                feature_id="ask",
                service_name=SERVICE,
                resource_id=None,
                region=None,
                meter=meter,
                quantity=quantity,
            )

"""What Tenantry itself uses for a tenant, as usage: the control plane in its own books."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from ..datasets.names import UNATTRIBUTED
from ..datasets.usage import Usage

SERVICE = "Tenantry"
"""The service whose usage it is. Of no other: it must not drive how another service's cost is shared."""
TOKENS, USD, UNPRICED = "model_tokens", "model_usd", "model_tokens_unpriced"
CALLS, CALL_USD = "outward_calls", "outward_usd"
_STEP = Decimal("1e-9")


def model_usage(
    run: int, at: datetime, tenant_id: str | None, tokens: int, cost: Decimal | None
) -> Iterator[Usage]:
    """Tokens that a question took a language model, and USD; tokens again where nobody knows the price. `at` is UTC."""
    found = {TOKENS: Decimal(tokens)}
    found |= {UNPRICED: Decimal(tokens)} if cost is None else {USD: cost.quantize(_STEP)}
    return _usage(f"agent-run-{run}", at, tenant_id, found)


def outward_usage(call: int, at: datetime, tenant_id: str | None, cost: Decimal | None) -> Iterator[Usage]:
    """A call of somebody else's server, and the USD that it is said to cost; `at` is UTC."""
    found = {CALLS: Decimal(1), CALL_USD: (cost or Decimal(0)).quantize(_STEP)}
    return _usage(f"outward-call-{call}", at, tenant_id, found)


def _usage(name: str, at: datetime, tenant_id: str | None, found: Mapping[str, Decimal]) -> Iterator[Usage]:
    for meter, quantity in found.items():
        if quantity:
            yield Usage(
                id=f"{name}-{meter}",
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

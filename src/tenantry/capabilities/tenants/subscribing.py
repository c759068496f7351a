"""What a tenant pays."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from ...datasets import Subscriptions, Tenants
from ...errors import Kind, TenantryError, invalid
from ...kernel import Context, Effect, tool
from .act import Act, changed, ended, running, span
from .parameters import (
    Amount,
    Currency,
    Ended,
    Interval,
    NewAmount,
    NewQuantity,
    On,
    Plan,
    Quantity,
    Started,
    TenantId,
    Until,
)

_CURRENCY = re.compile("[A-Z]{3}")
OfPlan = Annotated[str, Field(description="of the subscription that runs")]
InCurrency = Annotated[str | None, Field(description="where the plan runs in several")]


@tool(Effect.ACT, tenant_id="lumen-retail", plan="support", amount="50", currency="EUR")
def subscribe(
    ctx: Context,
    tenant_id: TenantId,
    plan: Plan,
    amount: Amount,
    currency: Currency,
    interval: Interval = "month",
    quantity: Quantity = Decimal(1),
    started_on: Started = None,
    ended_on: Ended = None,
) -> Subscriptions:
    """Begin a subscription beside those that run. Said again, it changes nothing."""
    act = Act(ctx)
    tenant = act.tenant(tenant_id)
    new = subscription(act, tenant, plan, amount, currency, interval=interval, quantity=quantity,
                       started_on=started_on, ended_on=ended_on)  # fmt: skip
    of_plan = ctx.rows(Subscriptions, tenant_id=tenant_id, plan=new.plan, currency=new.currency)
    if new not in of_plan:
        for other in of_plan:
            if span(other).meets(span(new)):
                act.refuse("plan", f"{new.plan} runs from {other.started_on} to {other.ended_on or 'now on'}")
        act.leave(new)
    act.done("`change_subscription` changes one that runs")
    return new


@tool(Effect.ACT, tenant_id="lumen-retail", plan="basic", amount="12")
def change_subscription(
    ctx: Context,
    tenant_id: TenantId,
    plan: OfPlan,
    currency: InCurrency = None,
    new_plan: Annotated[str | None, Field(description="what is paid for from then on")] = None,
    amount: NewAmount = None,
    quantity: NewQuantity = None,
    interval: Interval | None = None,
    on: On = None,
) -> Subscriptions:
    """Change what a tenant pays from a day on: only what is given changes, and what was paid before stays."""
    act = Act(ctx)
    tenant = act.tenant(tenant_id)
    when = act.day("on", on)
    begun = ctx.rows(Subscriptions, tenant_id=tenant_id, plan=new_plan or plan, started_on=when)
    row = _of_plan(ctx, tenant_id, begun[0].plan if begun else plan, currency, when)
    act.living(tenant, when)
    given = {"plan": new_plan and act.name("new_plan", new_plan), "amount": amount, "quantity": quantity,
             "interval": interval}  # fmt: skip
    new, rows = changed(row, when, **{k: v for k, v in given.items() if v is not None})
    for other in ctx.rows(Subscriptions, tenant_id=tenant_id, plan=new.plan, currency=new.currency):
        if other != row and span(other).meets(span(new)):
            act.refuse("new_plan", f"{new.plan} runs from {other.started_on} to {other.ended_on or 'now on'}")
    act.leave(*rows)
    act.done()
    return new


@tool(Effect.ACT, tenant_id="lumen-retail", plan="basic")
def end_subscription(
    ctx: Context, tenant_id: TenantId, plan: OfPlan, currency: InCurrency = None, on: Until = None
) -> Subscriptions:
    """End a subscription. Said again, it changes nothing."""
    act = Act(ctx)
    act.tenant(tenant_id)
    when = act.day("on", on)
    row = _of_plan(ctx, tenant_id, plan, currency, when, already_ended=True)
    new = ended(row, when)
    if new != row:
        act.leave(new)
    act.done()
    return new


def subscription(
    act: Act,
    tenant: Tenants,
    plan: str,
    amount: Decimal,
    currency: str,
    *,
    interval: str,
    quantity: Decimal,
    started_on: date | None,
    ended_on: date | None = None,
) -> Subscriptions:
    """The row, with all that speaks against it refused."""
    first = act.day("started_on", started_on, tenant.started_on, "the tenant begins there")
    act.living(tenant, first)
    code = currency.strip().upper()
    if not _CURRENCY.fullmatch(code):
        act.refuse("currency", f"{currency!r} is not an ISO 4217 code")
    act.end("ended_on", ended_on, first, tenant)
    return Subscriptions(
        tenant_id=tenant.tenant_id,
        plan=act.name("plan", plan),
        started_on=first,
        ended_on=ended_on or tenant.ended_on,
        amount=amount,
        currency=code,
        interval=interval,
        quantity=quantity,
    )


def _of_plan(
    ctx: Context, tenant_id: str, plan: str, currency: str | None, on: date, *, already_ended: bool = False
) -> Subscriptions:
    """The one that runs on a day, or that ended there. Raises `not_found`, or `invalid` where there are several."""
    all_ = ctx.rows(Subscriptions, tenant_id=tenant_id)
    rows = [r for r in all_ if r.plan == plan and currency in (None, r.currency)]
    found = running(rows, on) or [r for r in rows if already_ended and r.ended_on == on]
    if len(found) > 1:
        codes = ", ".join(sorted(row.currency for row in found))
        raise invalid(f"{plan} runs in {codes}", "name the currency")
    if not found:
        plans = ", ".join(sorted({f"{r.plan} from {r.started_on} to {r.ended_on or 'now on'}" for r in all_}))
        what = f"{tenant_id} has no subscription to {plan} on {on}"
        raise TenantryError(Kind.NOT_FOUND, what, f"it has: {plans or 'none'}")
    return found[0]

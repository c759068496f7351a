"""The vendor's own tables: tenants, what they pay, how many of their users were seen."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from .dice import Dice
from .ingress import has_key, key_alias
from .plan import Plan, Tenant
from .traffic import people_factor

_BASIC = 99
_SEAT = {"before": 19, "after": 23}
_PER_USER = 21
_UNPROFITABLE = 4_900
_YEARLY_DISCOUNT = 10
"""A year costs ten months."""
_EURO = 0.92

TENANT_COLUMNS = (
    "tenant_id", "name", "tier", "isolation", "accounts", "aliases", "started_on", "ended_on", "seats", "region",
    "importance", "contact_email",
)  # fmt: skip
SUBSCRIPTION_COLUMNS = (
    "tenant_id", "plan", "started_on", "ended_on", "amount", "currency", "interval", "quantity",
)  # fmt: skip


@dataclass(frozen=True)
class Subscription:
    """One row of the subscriptions table."""

    tenant_id: str
    plan: str
    started_on: date
    ended_on: date | None
    amount: int
    currency: str
    interval: str
    quantity: int


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """A CSV file; returns its number of rows."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            writer.writerow(["" if cell is None else cell for cell in row])
            count += 1
    return count


def write_customers(folder: Path, plan: Plan, paid: Sequence[Subscription]) -> dict[str, int]:
    """The three CSV files; their numbers of rows by name."""
    payments = ([getattr(sub, name) for name in SUBSCRIPTION_COLUMNS] for sub in paid)
    return {
        "tenants": write_rows(folder / "tenants.csv", TENANT_COLUMNS, tenant_rows(plan)),
        "subscriptions": write_rows(folder / "subscriptions.csv", SUBSCRIPTION_COLUMNS, payments),
        "active_users": write_rows(
            folder / "active_users.csv", ("day", "tenant_id", "users"), active_user_rows(plan)
        ),
    }


def tenant_rows(plan: Plan) -> Iterator[tuple[object, ...]]:
    for i, t in enumerate(plan.tenants):
        aliases = [*t.aliases, *([key_alias(plan, i)] if has_key(plan, i) else [])]
        yield (
            t.id, t.name, t.tier, t.isolation, t.account, ";".join(aliases), t.started, t.ended, t.seats, t.region,
            t.importance, f"owner@{t.id}.example",
        )  # fmt: skip


def subscriptions(plan: Plan) -> list[Subscription]:
    """What every tenant paid, when: plans, a price rise for pro, upgrades, a third of EU tenants in euros."""
    dice = Dice(plan.seed, "subscriptions")
    count = len(plan.tenants)
    yearly, euro = dice.unit(count), dice.unit(count)
    found: list[Subscription] = []
    for i, tenant in enumerate(plan.tenants):
        interval = (
            "year" if yearly[i] < {"basic": 0.2, "pro": 0.35, "enterprise": 0.9}[tenant.tier] else "month"
        )
        currency = (
            "EUR"
            if euro[i] < 0.33 and tenant.region.startswith("eu") and i not in plan.roles.all()
            else "USD"
        )
        found += _of_tenant(plan, i, tenant, interval, currency)
    return found


def _of_tenant(plan: Plan, i: int, tenant: Tenant, interval: str, currency: str) -> Iterator[Subscription]:
    def pay(name: str, start: date, end: date | None, monthly: int, seats: int = 1) -> Subscription:
        amount = monthly * (_YEARLY_DISCOUNT if interval == "year" and name != "enterprise" else 1)
        amount = amount * 12 if interval == "year" and name == "enterprise" else amount
        amount = int(amount * _EURO) if currency == "EUR" else amount
        return Subscription(tenant.id, name, start, end, amount, currency, interval, seats)

    if tenant.tier == "enterprise":
        monthly = (
            _UNPROFITABLE if i == plan.roles.unprofitable else int(plan.users[i] * _PER_USER) // 100 * 100
        )
        yield pay("enterprise", tenant.started, tenant.ended, max(2500, monthly))
        return
    if tenant.tier == "basic" or tenant.upgraded:
        yield pay("basic", tenant.started, tenant.upgraded or tenant.ended, _BASIC)
    if tenant.tier == "pro":
        start = tenant.upgraded or tenant.started
        for first, last, price in _pro_terms(plan, start, tenant.ended, interval):
            yield pay("pro", first, last, price, tenant.seats)


def _pro_terms(
    plan: Plan, start: date, end: date | None, interval: str
) -> Iterator[tuple[date, date | None, int]]:
    """The new price holds at once for those who pay by the month, from their next year for the others."""
    rise = plan.story.price_rise
    if interval == "year":
        renewal = rise.replace(month=start.month, day=min(start.day, 28))
        rise = renewal if renewal >= rise else renewal.replace(year=renewal.year + 1)
    if start >= plan.story.price_rise:
        yield start, end, _SEAT["after"]
    elif rise >= (end or plan.end):
        yield start, end, _SEAT["before"]
    else:
        yield start, rise, _SEAT["before"]
        yield rise, end, _SEAT["after"]


def active_user_rows(plan: Plan) -> Iterator[tuple[object, ...]]:
    """One row per day and tenant with anybody there."""
    dice = Dice(plan.seed, "active users")
    days = (plan.end - plan.start).days
    noise = dice.lognormal(len(plan.tenants) * days, 0.09).reshape(days, -1)
    rounding = dice.unit(len(plan.tenants) * days).reshape(days, -1)
    names = plan.names
    for d in range(days):
        day = plan.start + timedelta(days=d)
        factors = np.array([people_factor(region, day) for region in range(2)]) * 0.5
        seen = plan.users[:-1] * plan.level[:-1, d] * factors[plan.region[:-1]]
        users = np.floor(seen * noise[d] + rounding[d]).astype(np.int64)
        for t in np.flatnonzero(users):
            yield day, names[t], int(users[t])

"""truth.json: what a right analysis of the vendor's files finds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from ...kernel.money import exact
from ...kernel.time import month_start, next_month
from .customers import Subscription
from .focus import COSTS
from .metering import COMPUTE, DAILY, DATABASE, REQUESTS, STORED
from .plan import UNKNOWN, Plan
from .prices import MONEY
from .product import FEATURES, REPORTS, SIMULATION, VENDOR
from .traffic import OUTAGE_HOURS
from .truth import ATTRIBUTABLE, IDLE, PARTS, SHARED, Truth

_DEFINITION = (
    "tenant_cost.parquet: every unit of the bill's effective cost, by month of consumption, billing period, tenant, "
    "service and part. A tenant's true cost is the sum of its lines of attributable parts. Shared resources are split "
    "inside each hour (nodes, database instances) or day (the rest) by what each request really consumed; meters saw "
    "that only roughly. Allocation error of a tenant and month: |allocated - true| / true; the mean is over tenants "
    "and months with a true cost above 1.00."
)


def known_answers(
    truth: Truth,
    bills: Sequence[pa.Table],
    paid: Sequence[Subscription],
    rows: Mapping[str, int],
    uses: Mapping[str, int],
) -> dict[str, Any]:
    """Everything as JSON values; amounts are exact text. `uses` are the requests of each feature."""
    plan = truth.plan
    roles, names = plan.roles, plan.names
    losers = unprofitable(plan, truth, paid)
    return {
        "vendor": VENDOR,
        "seed": plan.seed,
        "window": f"{plan.start}..{plan.end}",
        "definition": _DEFINITION,
        "parts": PARTS,
        "attributable_parts": list(ATTRIBUTABLE),
        "not_tenants": [SHARED, IDLE],
        "shared_services": sorted({sheet.service_name for sheet in truth.sheets}),
        "rows": dict(rows),
        "totals": _totals(bills),
        "services": _by(bills, "ServiceName", "EffectiveCost"),
        "invoices": _by(bills, "InvoiceId", "BilledCost"),
        "drivers": _drivers(),
        "answers": {
            "unprofitable_enterprise": names[roles.unprofitable],
            "unprofitable": losers,
            "noisy": {
                "tenant_id": names[roles.noisy],
                "feature_id": FEATURES[REPORTS],
                "service_name": DATABASE.service.name if DATABASE.service else "",
                "hours_utc": [2, 3],
                "weekdays": "Tuesday and Thursday, every night in the second half",
            },
            "idle": names[roles.idle],
            "unknown": UNKNOWN,
            "dear_feature": _dear(truth, uses),
            "alias": {
                "name": "harbor",
                "until": names[roles.alias_from],
                "from": names[roles.alias_to],
                "moved_on": str(plan.story.alias_moved),
            },
            "outage": {
                "day": str(plan.story.outage),
                "region": "eu-central-1",
                "hours_utc": list(OUTAGE_HOURS),
            },
            "story": {name: str(day) for name, day in asdict(plan.story).items()},
            "churned": [
                {"tenant_id": t.id, "ended_on": str(t.ended), "cause": t.churn_cause}
                for t in plan.tenants
                if t.ended
            ],
            "upgraded": [{"tenant_id": t.id, "on": str(t.upgraded)} for t in plan.tenants if t.upgraded],
            "personas": {t.id: t.persona for t in plan.tenants},
        },
    }


def unprofitable(plan: Plan, truth: Truth, paid: Sequence[Subscription]) -> list[dict[str, str]]:
    """Tenants paying in dollars whose true cost exceeded what they paid in the last three months together."""
    months = plan.months[-3:]
    cost: dict[str, int] = defaultdict(int)
    for line, amount in truth.by_line().items():
        if line.month in months and line.part in ATTRIBUTABLE:
            cost[line.tenant_id] += amount
    revenue: dict[str, Decimal] = defaultdict(Decimal)
    euro = {s.tenant_id for s in paid if s.currency != "USD"}
    for sub in paid:
        for month in months:
            revenue[sub.tenant_id] += _revenue(sub, month)
    rows = []
    for tenant in plan.tenants:
        true = Decimal(cost[tenant.id]) / MONEY
        if tenant.id not in euro and true > revenue[tenant.id]:
            got = revenue[tenant.id].quantize(Decimal("0.01"))
            rows.append(
                {"tenant_id": tenant.id, "cost": exact(true), "revenue": exact(got), "currency": "USD"}
            )
    return sorted(rows, key=lambda row: Decimal(row["revenue"]) - Decimal(row["cost"]))


def _revenue(sub: Subscription, month: date) -> Decimal:
    """A subscription's amount of one month, day by day."""
    end = next_month(month)
    first, last = max(sub.started_on, month), min(sub.ended_on or end, end)
    days = max(0, (last - first).days)
    monthly = Decimal(sub.amount * sub.quantity) / (12 if sub.interval == "year" else 1)
    return monthly * days / (end - month).days


def _totals(bills: Sequence[pa.Table]) -> dict[str, dict[str, dict[str, str]]]:
    """Billing period -> currency -> basis -> sum."""
    totals = {}
    for table in bills:
        sums = table.group_by("BillingCurrency").aggregate([(cost, "sum") for cost in COSTS])
        period = str(month_start(table["BillingPeriodStart"][0].as_py().date()))
        totals[period] = {
            row["BillingCurrency"]: {cost: exact(row[f"{cost}_sum"]) for cost in COSTS}
            for row in sorted(sums.to_pylist(), key=lambda row: row["BillingCurrency"])
        }
    return totals


def _by(bills: Sequence[pa.Table], column: str, cost: str) -> dict[str, dict[str, str]]:
    """Value of the column -> currency -> sum over all billing periods."""
    whole = pa.concat_tables([table.select([column, "BillingCurrency", cost]) for table in bills])
    rows = whole.group_by([column, "BillingCurrency"]).aggregate([(cost, "sum")]).to_pylist()
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in sorted(rows, key=lambda r: (r[column], r["BillingCurrency"])):
        found[row[column]][row["BillingCurrency"]] = exact(row[f"{cost}_sum"])
    return dict(found)


def _dear(truth: Truth, uses: Mapping[str, int]) -> dict[str, str]:
    """The simulation's part of the shared cost of all features, and of their requests."""
    costs = truth.by_feature()
    feature = FEATURES[SIMULATION]
    return {
        "feature_id": feature,
        "part_of_cost": _part(costs[feature], sum(costs.values())),
        "part_of_requests": _part(uses[feature], sum(uses.values())),
    }


def _part(of: int, whole: int) -> str:
    return exact(Decimal(of * 100_000 // whole) / 100_000)


def _drivers() -> dict[str, list[str]]:
    """Service -> the meters that measure its use."""
    found: dict[str, list[str]] = defaultdict(list)
    for meter in (COMPUTE, DATABASE, *(m for _, m in STORED), *DAILY, REQUESTS):
        if meter.service:
            found[meter.service.name].append(meter.name)
    return dict(found)

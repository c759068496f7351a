"""A vendor of three months whose figures can be worked by hand: what tests of tools and datasets call.

March 2026, effective cost in USD:

| | teal-partners | beacon-legal | lumen-retail | (unallocated) | bill |
|---|---|---|---|---|---|
| Compute, 180 by 120 ms | 90 | 90 | | | 180 |
| Storage, 30 by 3 gb | 10 | | 20 | | 30 |
| Queue, 12 by active users | 2 | 4 | 6 | | 12 |
| Database, tagged | 40 | | | | 40 |
| Support, 10 % of all | 14.2 | 9.4 | 2.6 | | 26.2 |
| Credit, kept central | | | | -20 | -20 |
| all | 156.2 | 103.4 | 28.6 | -20 | 268.2 |

In EUR there is one charge of 50, tagged fjord-bank. List cost is twice the effective cost.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from small_vendor import SmallVendor, asked, charge, document, tenant, usage

from tenantry import app
from tenantry.datasets import DATASETS, Entitlements, ProviderCosts, Resources, TenantTiers, Tiers, Workflows
from tenantry.methods.policy import Match, Meter, Policy, Rule, Strategy
from tenantry.runtime.call import Runtime
from tenantry.runtime.records import Records
from tenantry.runtime.sandbox import Rooms
from tenantry.runtime.state import State

HOSTILE = "o'neil\x1b[2J\"; DROP TABLE charges; --[bold]"
TENANTS = ("teal-partners", "beacon-legal", "lumen-retail", "fjord-bank", HOSTILE)
CATALOG = app.catalog()
NOW = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)

POLICY = Policy(
    rules=(
        Rule(pool="Credits", match=Match(category=("Credit",)), strategy=Strategy.CENTRAL),
        Rule(pool="Silo", strategy=Strategy.SILO, by="tag:tenant"),
        Rule(pool="Support", match=Match(service=("Support",)), strategy=Strategy.PROPORTIONAL),
        Rule(
            pool="Compute", match=Match(service=("Compute",)), meters=(Meter(meter="ms", service="Compute"),)
        ),
        Rule(
            pool="Storage", match=Match(service=("Storage",)), meters=(Meter(meter="gb", service="Storage"),)
        ),
    )
)


def bill_row(cost: str, start: str, service: str, **columns: Any) -> dict[str, Any]:
    list_cost = Decimal(cost) * 2
    row = charge(cost, start, service_name=service, list_cost=list_cost, **columns)
    tags = {"tenant": columns["tags"]["tenant"]} if "tags" in columns else None
    return {**row, "tags": tags}


def subscription(tenant_id: str, plan: str, amount: int, currency: str = "USD") -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "plan": plan,
        "started_on": date(2026, 1, 1),
        "amount": Decimal(amount),
        "currency": currency,
        "interval": "month",
        "quantity": Decimal(1),
    }


def entitled(tier: str = "", **columns: Any) -> dict[str, Any]:
    first = {
        "tenant_id": "",
        "feature_id": "",
        "meter": "",
        "period": "month",
        "started_on": date(2026, 1, 1),
    }
    return {"tier": tier, **first, **columns}


def told(cost: str, day: str, service: str, status: str = "final") -> dict[str, Any]:
    """What the provider's own cost service says of a day and service."""
    when = date.fromisoformat(day)
    return {
        "told_by": "aws",
        "told_on": date(2026, 4, 2),
        "provider_name": "AWS",
        "billing_period": when.replace(day=1),
        "charge_day": when,
        "sub_account_id": "payer",
        "told_service": service,
        "service_name": service,
        "status": status,
        "currency": "USD",
        "billed_cost": Decimal(cost),
        "effective_cost": Decimal(cost),
    }


BILL = (
    bill_row("90", "2026-01-10", "Compute"),
    bill_row("1", "2026-01-11", "Database", tags={"tenant": HOSTILE}),
    bill_row(
        "100", "2026-02-10", "Compute", commitment_discount_id="sp-1", commitment_discount_status="Used"
    ),
    bill_row("40", "2026-02-02", "Database", tags={"tenant": "teal-partners"}),
    bill_row("180", "2026-03-10", "Compute"),
    bill_row("30", "2026-03-05", "Storage", list_unit_price=Decimal(20), pricing_quantity=Decimal(3)),
    bill_row("12", "2026-03-20", "Queue", invoice_id="2026-03"),
    bill_row("40", "2026-03-02", "Database", tags={"tenant": "teal-partners"}),
    bill_row("26.2", "2026-03", "Support"),
    bill_row("-20", "2026-03-31", "Compute", charge_category="Credit"),
    bill_row(
        "50",
        "2026-03-15",
        "Hosting",
        tags={"tenant": "fjord-bank"},
        billing_currency="EUR",
        provider_name="OVH",
    ),
)
METERED = (
    usage("teal-partners", 50, "2026-01-10", feature_id="search"),
    usage("beacon-legal", 40, "2026-01-10", feature_id="search"),
    usage("teal-partners", 60, "2026-02-10", feature_id="search"),
    usage("beacon-legal", 30, "2026-02-10", feature_id="search"),
    usage("beacon-legal", 10, "2026-02-10", feature_id="export"),
    usage("teal-partners", 60, "2026-03-10", feature_id="search"),
    usage("beacon-legal", 40, "2026-03-10", feature_id="search"),
    usage("beacon-legal", 20, "2026-03-10", feature_id="export"),
    usage("teal-partners", 1, "2026-03-05", meter="gb", service_name="Storage"),
    usage("lumen-retail", 2, "2026-03-05", meter="gb", service_name="Storage"),
)
USERS = (
    {"day": date(2026, 3, 20), "tenant_id": "teal-partners", "users": Decimal(1)},
    {"day": date(2026, 3, 20), "tenant_id": "beacon-legal", "users": Decimal(2)},
    {"day": date(2026, 3, 20), "tenant_id": "lumen-retail", "users": Decimal(3)},
)
PEOPLE = (
    {**tenant("teal-partners", tier="enterprise", aliases=["tealpartners"]), "name": "Teal Partners"},
    {**tenant("beacon-legal", tier="pro"), "name": "Beacon Legal"},
    tenant("lumen-retail", tier="basic"),
    tenant("fjord-bank", tier="pro"),
    tenant(HOSTILE),
)
LOGS = (
    asked("/search", "2026-01-12T08", 4, claim="tealpartners", claimed_by="claim", template="GET /search"),
    asked("/search/17", "2026-01-12T08", 2, host="beacon-legal.example.com"),
    asked("/search/18", "2026-01-12T09", host="lumen-retail.example.com", status=500),
    asked("/wp-login.php", "2026-01-12T09", status=404, agent="bot"),
    asked("/cats/list", "2026-01-12T10", 2, claim="zeta", claimed_by="header"),
    asked("/dogs/list", "2026-01-12T10", claim="zeta", claimed_by="header"),
)
DOCUMENTS = (document({"/search": {"get": {"tags": ["search"]}}}),)
PAID = (
    subscription("teal-partners", "enterprise", 100),
    subscription("beacon-legal", "pro", 200),
    subscription("lumen-retail", "basic", 10, "EUR"),
    subscription("fjord-bank", "pro", 80, "EUR"),
)
TIERS = {
    Tiers: (
        {"tier": "enterprise", "name": "Enterprise", "rank": 3},
        {"tier": "pro", "name": "Pro", "rank": 2},
    ),
    TenantTiers: ({"tenant_id": "teal-partners", "tier": "enterprise", "started_on": date(2026, 1, 1)},),
    Entitlements: (
        entitled("enterprise", meter="ms", quota=Decimal(100), unit="milliseconds"),
        entitled("enterprise", feature_id="search"),
        entitled("pro", meter="ms", quota=Decimal(50)),
        entitled(tenant_id="teal-partners", meter="ms", quota=Decimal(80)),
    ),
    Resources: (
        {"kind": "resource", "resource_id": "db-teal-*", "tenant_id": "teal-partners", "isolation": "silo",
         "started_on": date(2026, 1, 1)},
    ),
    ProviderCosts: (
        told("3", "2026-03-02", "Lambda"),
        told("30.5", "2026-03-05", "Storage", "estimated"),
        told("179.995", "2026-03-10", "Compute"),
    ),
    Workflows: (
        {"workflow_id": "teal-partners/1", "number": 1, "kind": "onboarding", "tenant_id": "teal-partners",
         "step": "tenant", "state": "done", "at": NOW.replace(tzinfo=None), "by": "ada"},
    ),
}  # fmt: skip


def worked(amount: Decimal) -> Decimal:
    """An amount as it is worked by hand: a share of overhead may be off by a few units of its eighteenth place."""
    return plain if abs(amount - (plain := round(amount, 9))) < Decimal("1E-16") else amount


def as_worked(data: Any) -> Any:
    if isinstance(data, list):
        return [as_worked(one) for one in data]
    return data.model_copy(update={n: worked(v) for n, v in data if isinstance(v, Decimal)})


def three_months(folder: Path) -> tuple[SmallVendor, Runtime]:
    """The vendor, landed and built, and the door to it."""
    for name, content in _built().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    vendor = SmallVendor(folder, POLICY)
    vendor.engine.attach(DATASETS)
    records = cache(lambda: Records(State(f"sqlite:///{folder / 'state.db'}"), vendor.engine, CATALOG))
    return vendor, Runtime(
        vendor.engine, CATALOG, lambda: NOW, lambda _: {"policy": POLICY}, records, Rooms()
    )


@cache
def _built() -> dict[str, bytes]:
    """The files of its lake, by their paths in it: to build them takes seconds."""
    with TemporaryDirectory() as folder:
        vendor = SmallVendor(Path(folder), POLICY)
        vendor.land(BILL, PEOPLE, METERED, USERS, PAID, logs=LOGS, documents=DOCUMENTS, more=TIERS).build()
        files = (path for path in Path(folder).rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

"""The main job's answer: what a stranger's files say, from the same tools that every gateway calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..kernel import Window
from ..runtime.call import Runtime, plain
from ..runtime.ingest import Ingested

SHORT = 62
"""Days: a bill up to this long is shown whole; of a longer one, the newest whole month."""


UNATTRIBUTED = "(unattributed)"
FEW = 3
"""Tenants shown of a currency that is not the main one."""


@dataclass(frozen=True)
class Advice:
    """One thing to add, and what it would buy: money that moves up the ladder."""

    add: str
    buys: str
    cost: str | None = None
    currency: str | None = None


def profile(runtime: Runtime, ingested: Ingested | None, window: Window | None = None) -> dict[str, Any]:
    """The profile as one JSON document. Every figure in it came out of a tool."""
    shown = window or _window(runtime)
    sections = {
        "services": ("cost_profile", "services", {"top": 12}),
        "tenants": ("cost_per_tenant", "rank", {"top": 15}),
        "coverage": ("cost_per_tenant", "coverage", {}),
        "margin": ("unit_economics", "margin", {"top": 1_000_000}),
        "unprofitable": ("unit_economics", "unprofitable", {"top": 5}),
        "features": ("cost_per_feature", "rank", {"top": 12}),
        "tenant_features": ("cost_per_feature", "unit_cost", {"by": "tenant", "top": 12}),
        "meter_next": ("cost_profile", "meter_next", {"top": 5}),
    }
    document: dict[str, Any] = {
        "read": ingested.account() if ingested else None,
        "window": str(shown),
        "lake": str(runtime.engine.lake.path),
    }
    for name, (capability, tool, arguments) in sections.items():
        answer = runtime.call(capability, tool, {"window": str(shown), **arguments})
        document[name] = plain(answer.data)
    _main_currency_first(document)
    billed = runtime.call(
        "cost_profile", "services", {"window": str(shown), "top": 1_000_000, "basis": "billed"}
    )
    document["billed"] = plain(billed.data)
    document["requests"] = _requests(runtime, shown)
    certificate = runtime.call("reconciliation", "certificate", {})
    document["certificate"] = plain(certificate.data)
    document["next"] = [plain(vars(a)) for a in _advice(document, _landed_kinds(runtime))]
    return document


def _requests(runtime: Runtime, window: Window) -> dict[str, Any] | None:
    """What the access logs know of their requests; None where there are none in the window."""
    if not runtime.rows_held("requests"):
        return None

    def asked(tool: str, **arguments: Any) -> Any:
        return plain(runtime.call("requests", tool, {"window": str(window), **arguments}).data)

    attribution = asked("attribution")
    if not attribution:
        return None
    return {
        "count": sum(row["requests"] for row in attribution),
        "attribution": attribution,
        "origins": asked("origins"),
        "unknown": asked("unknown", top=5),
        "review": asked("review", top=5),
    }


def _main_currency_first(document: dict[str, Any]) -> None:
    """Order every list by currency, that of most charges first; of the others a tenant list shows few."""
    charges: dict[str, int] = {}
    for row in document["services"]:
        charges[row["currency"]] = charges.get(row["currency"], 0) + row["charges"]
    order = {
        currency: place for place, currency in enumerate(sorted(charges, key=lambda c: (-charges[c], c)))
    }
    for rows in document.values():
        if isinstance(rows, list):
            rows.sort(key=lambda row: order.get(row["currency"], len(order)))
    seen: dict[str, int] = {}
    kept = []
    for row in document["tenants"]:
        seen[row["currency"]] = seen.get(row["currency"], 0) + 1
        if order.get(row["currency"], 1) == 0 or seen[row["currency"]] <= FEW:
            kept.append(row)
    document["tenants"] = kept


def _window(runtime: Runtime) -> Window:
    span = runtime.span("cost_profile")
    return span if span.days <= SHORT else runtime.month("cost_profile")


def _landed_kinds(runtime: Runtime) -> set[str]:
    tables = (
        "tenants", "subscriptions", "active_users", "usage", "usage_counters", "access_hours", "api_documents",
    )  # fmt: skip
    return {name for name in tables if runtime.rows_held(name)}


def _advice(document: Mapping[str, Any], landed: set[str]) -> Sequence[Advice]:
    """What is missing, the thing that moves most money first."""
    found: list[Advice] = []
    if "tenants" not in landed:
        found.append(
            Advice(
                "tenants.csv: tenant_id; also accounts, aliases, tier",
                "names to give the money to",
            )
        )
    if not landed & {"usage", "usage_counters", "access_hours"}:
        found.append(
            Advice(
                "an access log of the load balancer, gateway or web server",
                "cost by tenant and feature, from requests",
            )
        )
    if not landed & {"usage", "usage_counters", "access_hours", "active_users"}:
        found.append(
            Advice(
                "active_users.csv: day, tenant_id, users",
                "shared cost by users instead of equal parts",
            )
        )
    if document["requests"]:
        found += _advice_on_logs(document, landed)
    elif "access_hours" in landed:
        found.append(
            Advice(
                f"access logs of the bill's days: those given have none in {document['window']}",
                "cost by tenant and feature, from requests",
            )
        )
    found += [
        Advice(
            f"usage of {line['pool']} per tenant: {line['meter']} (service_name {line['service_name']})",
            f"a fine driver; today: {line['reason']}{_doubt(line['part'])}",
            line["cost"],
            line["currency"],
        )
        for line in document["meter_next"]
    ]
    if "subscriptions" not in landed:
        found.append(
            Advice("subscriptions.csv: tenant_id, plan, started_on, amount, currency", "margin per tenant")
        )
    return found


def _doubt(part: float | None) -> str:
    return f", {100 * part:.0f} % of it perhaps at the wrong tenant" if part else ""


def _advice_on_logs(document: Mapping[str, Any], landed: set[str]) -> Iterator[Advice]:
    """What would tell more of the requests, with the cost that waits for it."""
    logs = document["requests"]
    nobodys = sum(row["requests"] for row in logs["attribution"] if row["resolved_by"] == "none")
    if nobodys:
        costs = [row for row in document["margin"] if row["name"] == UNATTRIBUTED]
        dearest = max(costs, key=lambda row: Decimal(row["effective_cost"]), default=None)
        part = f"{100 * nobodys / logs['count']:.1f} %"
        yield Advice(
            "the tenant in the access log: a header, a claim or a key id",
            f"a name for {part} of requests",
            dearest and dearest["effective_cost"],
            dearest and dearest["currency"],
        )
    if logs["unknown"]:
        names = ", ".join(row["name"] for row in logs["unknown"])
        yield Advice(f"aliases in tenants.csv for {names}", "known tenants in place of (unknown)")
    learned = sum(row["share"] or 0.0 for row in logs["origins"] if row["origin"] == "learned")
    if learned and "api_documents" not in landed:
        yield Advice(
            "openapi.yaml: the API's own description", f"certain routes for {100 * learned:.1f} % of requests"
        )

"""The vocabulary of a lake: what the catalog can answer, and the names that a principal may see."""

from __future__ import annotations

from typing import Any

from ...errors import Kind, TenantryError
from ...kernel import Catalog, Principal, Window
from ..call import Runtime
from .lexicon import METRICS
from .question import Vocabulary

_PAGE = 100_000
NAMED_IN = ("tenant_cost", "tenants", "usage_hourly", "margin")
"""The tables that names are read from: as long as they stay, names do."""


def metrics_of(catalog: Catalog) -> dict[str, frozenset[str]]:
    """The metrics whose tool the catalog has, with what each is known by."""
    tools = {(c.name, t.name) for c in catalog.capabilities for t in c.tools}
    return {m.name: m.known for m in METRICS if (m.capability, m.tool) in tools}


def vocabulary_of(runtime: Runtime, principal: Principal) -> Vocabulary:
    """The names of tenants, tiers, plans, services, features and meters that are in the data and the principal's.

    Raises `not_found` where there are no data.
    """
    span = runtime.span("tenant_cost")
    whole = Window(span.start, span.end)
    tenants = _tenants(runtime, principal)
    aliases: dict[str, tuple[str, ...]] = {}
    for one in tenants:
        for name in filter(None, [one.name, *(a.partition("@")[0] for a in one.aliases or ())]):
            if not name.startswith("key:"):
                aliases[name] = tuple(sorted({*aliases.get(name, ()), one.tenant_id}))
    month = whole.newest_month

    currencies: set[str] = set()

    def names(measure: str, by: str) -> tuple[str, ...]:
        rows = _rows(runtime, principal, "figures", "totals", measure=measure, by=by, window=month)
        currencies.update(row.currency for row in rows if row.currency)
        return tuple(dict.fromkeys(row.name for row in rows if not row.name.startswith("(")))

    values = {
        "tenant": (
            *(t.tenant_id for t in tenants),
            *(() if principal.tenant_id else ("(unallocated)", "(idle)")),
        ),
        "tier": tuple(sorted({t.tier for t in tenants if t.tier})),
        "plan": names("revenue", "plan"),
        "service": names("cost", "service"),
        "feature": names("cost", "feature"),
        "meter": names("usage", "meter"),
    }
    return Vocabulary(metrics_of(runtime.catalog), values, whole, {"tenant": aliases}, frozenset(currencies))


def _tenants(runtime: Runtime, principal: Principal) -> list[Any]:
    found: list[Any] = []
    while page := _rows(
        runtime, principal, "tenants", "list", limit=_PAGE, after=found[-1].tenant_id if found else ""
    ):
        found += page
        if len(page) < _PAGE:
            break
    return found


def _rows(runtime: Runtime, principal: Principal, capability: str, tool: str, **arguments: Any) -> list[Any]:
    """A tool's rows; none where the tool, its data or the right to them is missing."""
    try:
        return list(runtime.call(capability, tool, arguments, principal).data)
    except TenantryError as problem:
        if problem.kind in {Kind.NOT_FOUND, Kind.FORBIDDEN, Kind.INVALID}:
            return []
        raise

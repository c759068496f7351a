"""Whatever the control plane is asked to do, its books hold."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

from acting import Vendor
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tenantry import app
from tenantry.datasets import Entitlements, Resources, Subscriptions, Tenants, TenantTiers, Tiers, Workflows
from tenantry.errors import Kind, TenantryError
from tenantry.methods.validity import Span
from tenantry.runtime.state.tables import RECORD

EXAMPLES = settings().max_examples
TABLES = (Tenants, Tiers, TenantTiers, Entitlements, Subscriptions, Resources, Workflows)
FIRST = date(2026, 1, 1)

tenants = st.sampled_from(["acme", "beta"])
tiers = st.sampled_from(["pro", "scale"])
days = st.integers(0, 40).map(lambda n: FIRST + timedelta(days=n))
holders = st.one_of(tenants.map(lambda t: {"tenant_id": t}), tiers.map(lambda t: {"tier": t}))
of_tenant = st.fixed_dictionaries({"tenant_id": tenants})
begins = st.fixed_dictionaries({}, optional={"started_on": days, "ended_on": days})
changes = st.fixed_dictionaries({}, optional={"on": days})


def act(
    tool: str, *arguments: st.SearchStrategy[dict[str, Any]]
) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    def joined(found: tuple[dict[str, Any], ...]) -> tuple[str, dict[str, Any]]:
        return tool, {name: value for part in found for name, value in part.items()}

    return st.tuples(*arguments).map(joined)


def always(**values: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.just(values)


sized = st.integers(0, 3).map(lambda n: {"quota": str(n)})
paid = st.integers(0, 3).map(lambda n: {"amount": str(n)})
named = st.sampled_from(["db-1", "db-*"]).map(lambda name: {"resource_id": name})
ACTS = st.one_of(
    act("create", of_tenant, tiers.map(lambda t: {"tier": t}), st.sampled_from([{}, {"aliases": "both.example.com"}])),
    act("onboard", of_tenant, always(tier="pro", plan="pro", amount="1", currency="USD", resources="db-1")),
    act("change_tier", of_tenant, tiers.map(lambda t: {"tier": t}), changes),
    act("offboard", of_tenant, changes),
    act("grant", holders, always(meter="m"), sized, begins),
    act("change_entitlement", holders, always(meter="m"), sized, changes),
    act("end_entitlement", holders, always(meter="m"), changes),
    act("subscribe", of_tenant, always(plan="pro", currency="USD"), paid, begins),
    act("change_subscription", of_tenant, always(plan="pro"), paid, changes),
    act("end_subscription", of_tenant, always(plan="pro"), changes),
    act("assign", of_tenant, named, begins),
    act("release", of_tenant, named, changes),
)  # fmt: skip
SEQUENCES = st.lists(st.tuples(st.integers(0, 5), ACTS), min_size=4, max_size=14)


@contextmanager
def opened() -> Iterator[Vendor]:
    with tempfile.TemporaryDirectory() as folder:
        vendor = Vendor(Path(folder) / "lake", f"sqlite:///{folder}/state.db", str(FIRST))
        try:
            yield vendor
        finally:
            vendor.state.close()


def kept(vendor: Vendor) -> dict[str, list[Any]]:
    """The newest row of each key in the state store, by dataset."""
    newest: dict[tuple[str, str], Any] = {}
    with vendor.state.read() as connection:
        for row in connection.execute(select(RECORD).order_by(RECORD.c.sequence)):
            newest[row.dataset, row.key] = app.catalog().dataset(row.dataset).model_validate(row.row)
    found: dict[str, list[Any]] = {dataset.table(): [] for dataset in TABLES}
    for (dataset, _), row in newest.items():
        found[dataset].append(row)
    return found


def in_order(rows: Sequence[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: tuple(map(str, (getattr(row, k) for k in row.keys))))


def apart(rows: Sequence[Any], *same: str) -> None:
    for one, other in combinations(rows, 2):
        if all(getattr(one, column) == getattr(other, column) for column in same):
            assert not Span(one.started_on, one.ended_on).meets(Span(other.started_on, other.ended_on)), (
                one,
                other,
            )


def the_books_hold(vendor: Vendor, lake: dict[str, list[Any]]) -> None:
    assert {name: in_order(rows) for name, rows in lake.items()} == {
        n: in_order(r) for n, r in kept(vendor).items()
    }
    apart(lake["tenant_tiers"], "tenant_id")
    apart(lake["entitlements"], "tier", "tenant_id", "feature_id", "meter")
    apart(lake["subscriptions"], "tenant_id", "plan", "currency")
    apart(lake["resources"], "resource_id")
    over = {t.tenant_id: t.ended_on for t in lake["tenants"] if t.ended_on}
    for table in ("tenant_tiers", "entitlements", "subscriptions", "resources"):
        for row in lake[table]:
            if (end := over.get(row.tenant_id)) is not None:
                assert row.ended_on is not None
                assert row.ended_on <= max(end, row.started_on)
    tier = {r.tenant_id: r.tier for r in in_order(lake["tenant_tiers"])}
    assert all(t.tier == tier.get(t.tenant_id) for t in lake["tenants"])


def read(vendor: Vendor) -> dict[str, list[Any]]:
    return {d.table(): rows for d, rows in zip(TABLES, vendor.rows(*TABLES), strict=True)}


def tier_on(rows: Sequence[Any], tenant_id: str, day: date) -> set[str]:
    return {r.tier for r in rows if r.tenant_id == tenant_id and day in Span(r.started_on, r.ended_on)}


@settings(max_examples=max(2, EXAMPLES // 12))
@given(SEQUENCES)
def test_histories_stay_whole_whatever_is_asked(sequence: list[tuple[int, tuple[str, dict[str, Any]]]]):
    with opened() as vendor:
        for tier in ("pro", "scale"):
            vendor.do("define_tier", tier=tier)
        today, before = FIRST, read(vendor)
        for wait, (tool, arguments) in sequence:
            today += timedelta(days=wait)
            vendor.on(today)
            try:
                vendor.do(tool, **arguments)
            except TenantryError as refused:
                if refused.kind not in {Kind.INVALID, Kind.NOT_FOUND}:
                    raise
                assert read(vendor) == before
                continue
            after = read(vendor)
            vendor.do(tool, **arguments)
            assert read(vendor) == after, f"{tool} said again"
            the_books_hold(vendor, after)
            until = min(today, arguments.get("on", today), arguments.get("started_on", today))
            for tenant in ("acme", "beta"):
                for day in range((until - FIRST).days):
                    then = FIRST + timedelta(days=day)
                    assert tier_on(after["tenant_tiers"], tenant, then) == tier_on(
                        before["tenant_tiers"], tenant, then
                    )
            before = after

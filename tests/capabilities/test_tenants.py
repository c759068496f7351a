"""The control plane: figures and histories worked by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from acting import Vendor
from three_months import NOW

from tenantry.datasets import Entitlements, Resources, Subscriptions, TenantNames, Tenants, TenantTiers
from tenantry.errors import Kind
from tenantry.kernel import AccessRole, Principal
from tenantry.runtime.call import Runtime

KIM = Principal("kim", "acme", AccessRole.OPERATOR)


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    found = Vendor(tmp_path / "lake", f"sqlite:///{tmp_path / 'state.db'}")
    yield found
    found.state.close()


def ask(runtime: Runtime, tool: str, **arguments: Any) -> Any:
    return runtime.call("tenants", tool, arguments).data


def day(text: str) -> date:
    return date.fromisoformat(text)


def spans(rows: list[Any], column: str) -> list[tuple[Any, ...]]:
    return [
        (getattr(r, column), str(r.started_on), str(r.ended_on) if r.ended_on else "")
        for r in sorted(rows, key=lambda r: r.started_on)
    ]


# --- what is there -----------------------------------------------------------------------------------


def test_use_stands_beside_the_quota_and_a_tenants_own_goes_before_its_tiers(runtime: Runtime):
    own, whole = ask(runtime, "entitlements", tenant_id="teal-partners", on="2026-03-31")
    assert (own.meter, own.origin, own.quota, own.used, own.left) == ("ms", "tenant", 80, 60, 20)
    assert (own.share, own.since) == (0.75, day("2026-03-01"))
    assert (whole.feature_id, whole.origin, whole.tier) == ("search", "tier", "enterprise")
    assert (whole.used, whole.quota, whole.share) == (None, None, None)
    [pro] = ask(runtime, "entitlements", tenant_id="beacon-legal", on="2026-03-31")
    assert (pro.tier, pro.quota, pro.used, pro.left, pro.share) == ("pro", 50, 60, -10, 1.2)
    [early] = ask(runtime, "entitlements", tenant_id="beacon-legal", on="2026-03-09")
    assert early.used == 0, "what was used later in the month does not count yet"
    assert ask(runtime, "entitlements", tenant_id="lumen-retail", on="2026-03-31") == []


def test_tiers_are_those_defined_and_those_that_tenants_are_in(runtime: Runtime):
    found = {t.tier: (t.defined, t.rank, t.tenants, t.entitlements) for t in ask(runtime, "tiers")}
    assert list(found) == ["enterprise", "pro", "basic"]
    assert found == {"enterprise": (True, 3, 1, 2), "pro": (True, 2, 2, 1), "basic": (False, None, 1, 0)}


def test_tenants_are_listed_page_by_page(runtime: Runtime):
    everyone = [t.tenant_id for t in ask(runtime, "list")]
    pages, after = [], ""
    while page := ask(runtime, "list", after=after, limit=2):
        pages += [t.tenant_id for t in page]
        after = page[-1].tenant_id
    assert pages == everyone
    assert len(everyone) == 5
    assert [t.tenant_id for t in ask(runtime, "list", tier="pro")] == ["beacon-legal", "fjord-bank"]
    assert ask(runtime, "list", state="ended") == []


def test_one_tenant_whole(runtime: Runtime):
    found = ask(runtime, "get", tenant_id="teal-partners")
    assert (found.tenant.name, len(found.version)) == ("Teal Partners", 12)
    assert [s.plan for s in found.subscriptions] == ["enterprise"]
    assert [r.resource_id for r in found.resources] == ["db-teal-*"]
    assert [w.step for w in found.workflows] == ["tenant"]
    assert {e.since for e in found.entitlements} == {NOW.date()}


# --- how a tenant comes, changes and goes ------------------------------------------------------------


def onboarded(vendor: Vendor, tenant_id: str = "acme", **more: Any) -> Any:
    if not vendor.see("tiers"):
        vendor.do("define_tier", tier="pro", rank=1)
        vendor.do("define_tier", tier="scale", rank=2)
        vendor.do("grant", tier="pro", meter="requests", quota="100", started_on="2026-01-01")
        vendor.do("grant", tier="scale", meter="requests", quota="500", started_on="2026-01-01")
        vendor.do("grant", tier="scale", feature_id="sso", started_on="2026-01-01")
    given = {"tier": "pro", "plan": "pro", "amount": "200", "currency": "usd", **more}
    return vendor.do("onboard", tenant_id=tenant_id, **given)


def test_onboarding_is_one_workflow_and_said_again_nothing(vendor: Vendor):
    steps = onboarded(vendor, accounts="111;222", resources="db-acme-*", aliases="ACME Inc", note="signed")
    assert [(s.number, s.step, s.state, s.note) for s in steps] == [
        (1, "tenant", "done", "acme from 2026-07-01 on · signed"),
        (2, "tier", "done", "pro"),
        (3, "entitlements", "done", "1 of pro begin"),
        (4, "subscription", "done", "pro: 1 x 200 USD a month"),
        (5, "resources", "done", "account 111, account 222, resource db-acme-*"),
    ]
    assert {(s.workflow_id, s.kind, s.by) for s in steps} == {("acme/1", "onboarding", "ada")}
    whole = vendor.see("get", tenant_id="acme")
    assert whole.workflows == steps
    assert spans(whole.subscriptions, "plan") == [("pro", "2026-07-01", "")]
    assert onboarded(vendor, accounts="111;222", resources="db-acme-*", aliases="ACME Inc") == []
    assert vendor.see("get", tenant_id="acme") == whole


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_left(vendor: Vendor):
    onboarded(vendor, aliases="acme.example.com")
    refused = vendor.refused(
        "onboard", tenant_id="b\u202eeta", name="x" * 300, tier="gold", aliases="ACME.example.com;a@2026-13-01..",
        accounts="(idle)", plan="pro", currency="dollars", note="y" * 5000,
    )  # fmt: skip
    assert refused.kind is Kind.INVALID
    assert sorted({p["param"] for p in refused.details["params"]}) == [
        "accounts", "aliases", "amount", "currency", "name", "note", "tenant_id", "tier",
    ]  # fmt: skip
    text = str(refused)
    assert "ACME.example.com is the alias acme.example.com of acme" in text
    assert "there are: pro, scale" in text
    assert [t.tenant_id for t in vendor.see("list")] == ["acme"]


@pytest.mark.parametrize(
    "name", ["o'brien", '"; DROP TABLE tenants; --', "a;b", "💥", "{0}%s", "../..", "{'$ne': 1}"]
)
def test_hostile_names_are_values(vendor: Vendor, name: str):
    vendor.do("create", tenant_id=name, name=name)
    assert vendor.do("update", tenant_id=name, region=name).region == name
    assert [t.tenant_id for t in vendor.see("list")] == [name]
    assert vendor.see("get", tenant_id=name).tenant.name == name
    assert vendor.do("offboard", tenant_id=name)


def test_a_tier_changes_from_a_day_on_and_what_was_in_force_stays_on_record(vendor: Vendor):
    onboarded(vendor)
    vendor.do("grant", tenant_id="acme", meter="gb", quota="5")
    vendor.on("2026-08-10")
    steps = vendor.do("change_tier", tenant_id="acme", tier="scale", on="2026-08-01", note="grew")
    assert [s.note for s in steps] == [
        "pro -> scale from 2026-08-01 on · grew",
        "1 end, 2 begin, 1 of its own stay",
    ]
    whole = vendor.see("get", tenant_id="acme")
    assert spans(whole.tiers, "tier") == [("pro", "2026-07-01", "2026-08-01"), ("scale", "2026-08-01", "")]
    assert whole.tenant.tier == "scale"

    def held(on: str) -> dict[str, Any]:
        return {e.meter or e.feature_id: e.quota for e in vendor.see("entitlements", tenant_id="acme", on=on)}

    assert held("2026-07-31") == {"requests": 100, "gb": 5}
    assert held("2026-08-01") == {"requests": 500, "gb": 5, "sso": None}
    assert vendor.do("change_tier", tenant_id="acme", tier="scale") == []
    assert vendor.refused("change_tier", tenant_id="acme", tier="pro", on="2026-07-15").kind is Kind.INVALID
    assert "still to come" in str(
        vendor.refused("change_tier", tenant_id="acme", tier="pro", on="2026-09-01")
    )
    vendor.do("change_tier", tenant_id="acme", tier="pro", on="2026-08-01")
    assert spans(vendor.see("get", tenant_id="acme").tiers, "tier") == [
        ("pro", "2026-07-01", "2026-08-01"), ("pro", "2026-08-01", ""),
    ]  # fmt: skip


def test_a_tenant_of_a_file_has_its_history_from_the_first_change_on(vendor: Vendor, tmp_path: Path):
    vendor.ingest(tmp_path, "t.csv", ["tenant_id,tier,started_on", "acme,pro,2025-01-01", "beta,scale,"])
    assert vendor.do("change_tier", tenant_id="acme", tier="scale")[0].note.startswith("pro -> scale")
    vendor.do("change_tier", tenant_id="beta", tier="pro")
    tiers = vendor.rows(TenantTiers)[0]
    assert spans([t for t in tiers if t.tenant_id == "acme"], "tier") == [
        ("pro", "2025-01-01", "2026-07-01"), ("scale", "2026-07-01", ""),
    ]  # fmt: skip
    assert spans([t for t in tiers if t.tenant_id == "beta"], "tier") == [
        ("scale", "1970-01-01", "2026-07-01"), ("pro", "2026-07-01", ""),
    ]  # fmt: skip


def test_offboarding_ends_everything_that_runs(vendor: Vendor, tmp_path: Path):
    vendor.ingest(
        tmp_path, "t.csv", ["tenant_id,tier,aliases,accounts", "acme,pro,a.com;b.com@..2026-01-01,111"]
    )
    vendor.do(
        "subscribe", tenant_id="acme", plan="pro", amount="200", currency="USD", started_on="2026-01-01"
    )
    vendor.do(
        "subscribe", tenant_id="acme", plan="later", amount="5", currency="USD", started_on="2026-12-01"
    )
    vendor.do("grant", tenant_id="acme", meter="gb", quota="5")
    vendor.do("assign", tenant_id="acme", resource_id="db-1")
    steps = vendor.do("offboard", tenant_id="acme", on="2026-07-15", note="bankrupt")
    assert [(s.step, s.state) for s in steps] == [
        (step, "done") for step in ("subscriptions", "entitlements", "resources", "tier", "tenant")
    ]
    tenants, subscriptions, *others = vendor.rows(
        Tenants, Subscriptions, Entitlements, Resources, TenantTiers
    )
    assert (tenants[0].aliases, tenants[0].accounts) == (
        ["a.com@..2026-07-15", "b.com@..2026-01-01"],
        ["111@..2026-07-15"],
    )
    assert spans(subscriptions, "plan") == [
        ("pro", "2026-01-01", "2026-07-15"),
        ("later", "2026-12-01", "2026-12-01"),
    ]
    assert {row.ended_on for rows in [tenants, *others] for row in rows} == {day("2026-07-15")}
    assert vendor.do("offboard", tenant_id="acme", on="2026-07-15") == []
    assert "ended on 2026-07-15" in str(vendor.refused("offboard", tenant_id="acme", on="2026-08-01"))
    vendor.on("2026-07-20")
    assert [t.tenant_id for t in vendor.see("list", state="ended")] == ["acme"]
    late: list[tuple[str, dict[str, Any]]] = [
        ("grant", {"meter": "gb"}), ("assign", {"resource_id": "x"}), ("change_tier", {"tier": "pro"}),
        ("subscribe", {"plan": "pro", "amount": "1", "currency": "EUR"}),
    ]  # fmt: skip
    for tool, more in late:
        assert "ended on 2026-07-15" in str(vendor.refused(tool, tenant_id="acme", **more))
    assert vendor.refused("create", tenant_id="acme").kind is Kind.INVALID
    vendor.do("create", tenant_id="heir", aliases="a.com@2026-07-15..", accounts="111")


# --- what it may use, pays and has -------------------------------------------------------------------


def test_a_quota_changes_from_a_day_on(vendor: Vendor):
    onboarded(vendor)
    vendor.do("grant", tenant_id="acme", meter="gb", feature_id="export", quota="5", unit="GB", period="year")
    new = vendor.do(
        "change_entitlement", tenant_id="acme", meter="gb", feature_id="export", quota="8", on="2026-08-01"
    )
    assert (new.unit, new.period, new.started_on) == ("GB", "year", day("2026-08-01"))
    vendor.do(
        "change_entitlement",
        tenant_id="acme",
        meter="gb",
        feature_id="export",
        unlimited=True,
        on="2026-08-01",
    )
    rows = vendor.rows(Entitlements)[0]
    assert [(r.quota, str(r.started_on)) for r in rows if r.tenant_id] == [
        (5, "2026-07-01"),
        (None, "2026-08-01"),
    ]
    vendor.on("2026-09-01")
    vendor.do("end_entitlement", tenant_id="acme", meter="gb", feature_id="export", on="2026-10-01")
    vendor.do("end_entitlement", tenant_id="acme", meter="gb", feature_id="export", on="2026-10-01")
    kinds = [w.note for w in vendor.see("workflows", tenant_id="acme") if w.kind == "entitlement_change"]
    assert kinds == [
        "acme: gb of export 5 a year from 2026-07-01",
        "acme: gb of export 5 a year from 2026-07-01 -> acme: gb of export 8 a year from 2026-08-01",
        "acme: gb of export 8 a year from 2026-08-01 -> acme: gb of export without limit a year from 2026-08-01",
        "acme: gb of export without limit a year from 2026-08-01 to 2026-10-01",
    ]
    assert vendor.refused("grant", tenant_id="acme", tier="pro", meter="gb").kind is Kind.INVALID
    assert vendor.refused("grant", tenant_id="acme", feature_id="sso", quota="1").kind is Kind.INVALID
    assert "granted from" in str(vendor.refused("grant", tier="pro", meter="requests", quota="7"))
    assert vendor.refused("end_entitlement", tenant_id="acme", meter="tb").kind is Kind.NOT_FOUND


def test_a_tier_ends_when_nobody_is_in_it(vendor: Vendor):
    onboarded(vendor)
    assert "acme among them" in str(vendor.refused("end_tier", tier="pro"))
    vendor.do("change_tier", tenant_id="acme", tier="scale")
    vendor.do("end_tier", tier="pro")
    assert {r.ended_on for r in vendor.see("tier_entitlements", tier="pro")} == {day("2026-07-01")}
    assert "ended on" in str(vendor.refused("change_tier", tenant_id="acme", tier="pro"))
    assert vendor.do("define_tier", tier="scale", description="All there is").rank == 2


def test_what_was_paid_stays_when_the_price_changes(vendor: Vendor):
    onboarded(vendor)
    new = vendor.do("change_subscription", tenant_id="acme", plan="pro", amount="250.5", on="2026-08-01")
    assert (new.amount, new.currency, new.quantity) == (Decimal("250.5"), "USD", 1)
    for _ in range(2):
        vendor.do("change_subscription", tenant_id="acme", plan="pro", new_plan="scale", on="2026-09-01")
    assert spans(vendor.see("subscriptions", tenant_id="acme"), "plan") == [
        ("pro", "2026-07-01", "2026-08-01"), ("pro", "2026-08-01", "2026-09-01"), ("scale", "2026-09-01", ""),
    ]  # fmt: skip
    assert [s.plan for s in vendor.see("subscriptions", on="2026-08-31")] == ["pro"]
    vendor.do(
        "subscribe", tenant_id="acme", plan="scale", amount="1", currency="EUR", started_on="2026-09-01"
    )
    assert (
        "name the currency"
        in vendor.refused("end_subscription", tenant_id="acme", plan="scale", on="2026-10-01").hint
    )
    for _ in range(2):
        vendor.do("end_subscription", tenant_id="acme", plan="scale", currency="EUR", on="2026-10-01")
    assert vendor.refused("end_subscription", tenant_id="acme", plan="max").kind is Kind.NOT_FOUND
    assert "runs from" in str(
        vendor.refused(
            "subscribe", tenant_id="acme", plan="scale", amount="1", currency="USD", started_on="2026-09-05"
        )
    )


def test_what_is_assigned_is_a_name_of_the_tenant_as_if_a_file_listed_it(vendor: Vendor, tmp_path: Path):
    vendor.ingest(
        tmp_path, "t.csv", ["tenant_id,resources,aliases", "acme,db-1;db-2@2026-01-01..,", "beta,,b.com"]
    )
    vendor.do("assign", tenant_id="beta", resource_id="ns-beta", kind="namespace", started_on="2026-03-01")
    vendor.do("assign", tenant_id="beta", resource_id="shared-1", isolation="pool")
    released = vendor.do("release", tenant_id="acme", resource_id="db-1", on="2026-06-01")
    assert (str(released.started_on), str(released.ended_on)) == ("1970-01-01", "2026-06-01")
    assert vendor.do("release", tenant_id="acme", resource_id="db-1", on="2026-06-01") == released
    vendor.do("assign", tenant_id="beta", resource_id="db-1", started_on="2026-06-01")
    assert "db-2" in str(vendor.refused("assign", tenant_id="beta", resource_id="db-2"))
    assert "alias" in str(vendor.refused("assign", tenant_id="acme", resource_id="B.com", kind="namespace"))
    assert vendor.refused("release", tenant_id="acme", resource_id="db-9").kind is Kind.NOT_FOUND
    vendor.plane.build(["tenant_names"])
    names = {
        (n.kind, n.name, n.tenant_id): (str(n.valid_from or ""), str(n.valid_to or ""))
        for n in vendor.rows(TenantNames)[0]
        if n.kind != "id"
    }
    assert names == {
        ("alias", "b.com", "beta"): ("", ""),
        ("alias", "ns-beta", "beta"): ("2026-03-01", ""),
        ("resource", "db-1", "acme"): ("1970-01-01", "2026-06-01"),
        ("resource", "db-1", "beta"): ("2026-06-01", ""),
        ("resource", "db-2", "acme"): ("2026-01-01", ""),
    }


# --- who may, and two at once ------------------------------------------------------------------------


def test_a_tenant_sees_and_changes_its_own_and_little_of_that(vendor: Vendor):
    onboarded(vendor)
    vendor.do("create", tenant_id="beta", tier="scale")
    assert [t.tenant_id for t in vendor.see("list", KIM)] == ["acme"]
    assert vendor.see("get", KIM, tenant_id="acme").entitlements[0].quota == 100
    assert vendor.do("update", KIM, tenant_id="acme", contact_email="kim@acme.example").contact_email
    for tool, arguments in (
        ("update", {"tenant_id": "acme", "aliases": "beta"}), ("update", {"tenant_id": "beta", "name": "mine"}),
        ("grant", {"tenant_id": "acme", "meter": "requests"}), ("change_tier", {"tenant_id": "acme", "tier": "scale"}),
        ("assign", {"tenant_id": "acme", "resource_id": "x"}), ("offboard", {"tenant_id": "acme"}),
        ("create", {"tenant_id": "mine"}), ("define_tier", {"tier": "free"}), ("end_tier", {"tier": "pro"}),
    ):  # fmt: skip
        assert vendor.refused(tool, KIM, **arguments).kind is Kind.FORBIDDEN


def test_who_read_an_older_version_is_told(vendor: Vendor):
    onboarded(vendor)
    version = vendor.see("get", tenant_id="acme").version
    vendor.do("update", tenant_id="acme", name="Acme", version=version)
    stale: list[tuple[str, dict[str, Any]]] = [
        ("update", {"name": "ACME"}), ("change_tier", {"tier": "scale"}), ("offboard", {}),
    ]  # fmt: skip
    for tool, more in stale:
        refused = vendor.refused(tool, tenant_id="acme", version=version, **more)
        assert (refused.kind, refused.details["version"]) == (
            Kind.INVALID,
            vendor.see("get", tenant_id="acme").version,
        )

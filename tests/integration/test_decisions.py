"""What waits for a person: proposed by who may not do it, decided by who may, done once, and written down."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from acting import ADA, Vendor
from sqlalchemy import update

from tenantry.errors import Kind, TenantryError
from tenantry.kernel import AccessRole, Principal
from tenantry.runtime.call import LASTS
from tenantry.runtime.decision import Decision, DecisionState, Verdict
from tenantry.runtime.decisions import LARGEST, Decisions
from tenantry.runtime.state import audit
from tenantry.runtime.state.tables import DECISION

ANN = Principal("ann", role=AccessRole.ANALYST)
VIC = Principal("vic", role=AccessRole.VIEWER)
KIM = Principal("kim", "acme", AccessRole.OPERATOR)
LEE = Principal("lee", "other", AccessRole.OPERATOR)
NEW: dict[str, Any] = {"tenant_id": "north-wind", "name": "North Wind"}


class Desk:
    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self.decisions = Decisions(vendor.plane.runtime)

    def propose(
        self, tool: str = "create", who: Principal = ANN, why: str = "", **arguments: Any
    ) -> Decision:
        return self.decisions.propose("tenants", tool, arguments or NEW, who, why)

    def decide(
        self, waits: Decision, verdict: str = "approve", who: Principal = ADA, **more: Any
    ) -> Decision:
        return self.decisions.decide(waits.id, Verdict(verdict), who, **{"digest": waits.digest, **more})

    def tenants(self) -> list[str]:
        return [row.tenant_id for row in self.vendor.see("list")]

    def actions(self) -> list[str]:
        with self.vendor.state.read() as connection:
            audit.verify(connection)
            return [entry.action for entry in audit.entries(connection)]

    def left_approved(self, waits: Decision) -> None:
        """As a process leaves it that is killed between the claim and the act."""
        values = {
            "state": "approved",
            "decided_by": "ada",
            "decided_role": "operator",
            "decided_at": waits.proposed_at,
        }
        with self.vendor.state.begin() as connection:
            connection.execute(update(DECISION).where(DECISION.c.id == waits.id).values(values))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    vendor = Vendor(tmp_path / "lake", f"sqlite:///{tmp_path / 'state.db'}")
    yield Desk(vendor)
    vendor.state.close()


@pytest.fixture
def either(tmp_path: Path, state_url: str) -> Iterator[Desk]:
    """Beside either kind of state store."""
    vendor = Vendor(tmp_path / "lake", state_url)
    yield Desk(vendor)
    vendor.state.close()


def refused(kind: Kind, call: Any, *arguments: Any, **more: Any) -> TenantryError:
    with pytest.raises(TenantryError) as raised:
        call(*arguments, **more)
    assert raised.value.kind is kind
    assert raised.value.hint
    return raised.value


def test_a_proposal_is_shown_approved_done_and_written_down(either: Desk):
    waits = either.propose(why="they signed")
    assert (waits.state, waits.proposed_by, waits.why, waits.needs) == (
        "proposed",
        "ann",
        "they signed",
        "operator",
    )
    assert (waits.arguments["name"], waits.about) == (
        "North Wind",
        "Add a tenant, and assign accounts and resources to it. Said again, it changes nothing.",
    )
    assert either.tenants() == []
    assert either.decisions.waiting(VIC) == 1
    done = either.decide(waits, note="fine")
    assert (done.state, done.decided_by, done.note, done.result["tenant_id"]) == (
        "acted",
        "ada",
        "fine",
        "north-wind",
    )
    assert either.tenants() == ["north-wind"]
    assert either.decisions.waiting(VIC) == 0
    assert either.actions() == ["decisions.propose", "decisions.approve", "tenants.create"]


def test_the_same_waits_once_and_may_be_proposed_again_when_decided(desk: Desk):
    first = desk.propose()
    assert desk.propose(who=ADA) == first
    assert desk.decide(first, "reject", note="not yet").state == "rejected"
    again = desk.propose()
    assert again.id > first.id
    assert again.digest == first.digest
    assert desk.tenants() == []
    assert desk.actions() == ["decisions.propose", "decisions.reject", "decisions.propose"]


def test_more_than_a_person_can_read_is_not_proposed(desk: Desk):
    with pytest.raises(TenantryError) as raised:
        desk.propose(tenant_id="north-wind", name="N" * LARGEST)
    assert raised.value.kind is Kind.LIMIT_EXCEEDED
    assert desk.decisions.list(ANN) == []
    assert desk.propose(tenant_id="north-wind", name="N" * (LARGEST // 2)).state is DecisionState.PROPOSED


def test_it_is_decided_once(desk: Desk):
    waits = desk.propose()
    desk.decide(waits, "reject")
    for verdict in Verdict:
        problem = refused(Kind.CONFLICT, desk.decide, waits, verdict)
        assert (problem.details["decision"]["decided_by"], problem.problem()["status"]) == ("ada", 409)
    refused(Kind.NOT_FOUND, desk.decisions.get, 99, ADA)
    refused(Kind.NOT_FOUND, desk.decisions.get, 2**70, ADA)


def test_yes_is_said_to_what_was_shown(desk: Desk):
    waits = desk.propose()
    refused(Kind.CONFLICT, desk.decide, waits, digest="0" * 64)
    with desk.vendor.state.begin() as connection:
        changed = {**waits.arguments, "name": "Evil"}
        connection.execute(update(DECISION).values(arguments=changed))
    failed = desk.decide(waits)
    assert failed.problem
    assert (failed.state, failed.problem.kind, desk.tenants()) == ("failed", "broken_contract", [])


def test_its_time_ends(desk: Desk):
    waits = desk.propose()
    desk.vendor.now += LASTS
    assert desk.decisions.get(waits.id, VIC).state == "expired"
    refused(Kind.CONFLICT, desk.decide, waits)
    assert desk.decisions.waiting(VIC) == 0
    assert desk.actions() == ["decisions.propose", "decisions.expire"]


def test_who_may_do_it_may_decide(desk: Desk):
    refused(Kind.FORBIDDEN, desk.propose, who=VIC)
    waits = desk.propose()
    refused(Kind.FORBIDDEN, desk.decide, waits, who=ANN)
    refused(Kind.FORBIDDEN, desk.decide, waits, "reject", who=VIC)
    refused(Kind.INVALID, desk.propose, "list", on="2026-07-01")
    refused(Kind.INVALID, desk.propose, tenant_id="x", nonsense=1)
    refused(Kind.INVALID, desk.propose, why="x" * 3000)
    refused(Kind.NOT_FOUND, desk.propose, "crate")


def test_a_tenants_people_see_and_decide_on_their_own(desk: Desk):
    for name in ("acme", "other"):
        desk.vendor.do("create", tenant_id=name, name=name)
    vendors, own = (
        desk.propose(),
        desk.propose("update", KIM, tenant_id="acme", contact_email="k@acme.example"),
    )
    assert [d.id for d in desk.decisions.list(KIM)] == [own.id]
    assert [d.id for d in desk.decisions.list(ADA)] == [own.id, vendors.id]
    assert (desk.decisions.waiting(LEE), desk.decisions.waiting(ADA)) == (0, 2)
    refused(Kind.NOT_FOUND, desk.decide, own, who=LEE)
    refused(Kind.NOT_FOUND, desk.decide, vendors, who=KIM)
    assert desk.decide(own, who=KIM).state == "acted"


def test_what_a_tenant_proposes_touches_no_other_whoever_approves(desk: Desk):
    for name in ("acme", "other"):
        desk.vendor.do("create", tenant_id=name, name=name)
    failed = desk.decide(desk.propose("update", KIM, tenant_id="other", contact_email="k@acme.example"))
    assert failed.problem
    assert (failed.state, failed.problem.kind) == ("failed", "forbidden")


def test_an_act_that_is_refused_fails_plainly(desk: Desk):
    failed = desk.decide(desk.propose("change_tier", tenant_id="nobody", tier="pro"))
    assert failed.problem
    assert (failed.state, failed.problem.kind, failed.result) == ("failed", "not_found", None)
    assert failed.said().startswith(
        f"decision {failed.id}, tenants.change_tier, was approved by ada and failed: "
    )
    assert desk.actions()[-1] == "decisions.fail"
    refused(Kind.CONFLICT, desk.decide, failed)


def test_what_was_left_between_claim_and_act_is_done_by_the_next_look(either: Desk):
    waits = either.propose()
    either.left_approved(waits)
    either.decisions.settle(timedelta(minutes=1))
    assert either.decisions.get(waits.id, VIC).state == "approved", "it may be at work"
    either.decisions.settle()
    assert (either.decisions.get(waits.id, VIC).state, either.tenants()) == ("acted", ["north-wind"])
    again = either.propose(tenant_id="south-wind", name="South Wind")
    either.left_approved(again)
    assert either.decide(again).state == "acted"
    late = either.propose(tenant_id="west-wind", name="West Wind")
    either.left_approved(late)
    refused(Kind.CONFLICT, either.decide, late, "reject")
    either.vendor.now += LASTS
    either.decisions.settle()
    assert either.decisions.get(late.id, VIC).state == "failed"
    assert either.tenants() == ["north-wind", "south-wind"]


def test_many_who_approve_at_once_do_it_once(either: Desk):
    either.vendor.do("create", **NEW)
    for number in range(3):
        waits = either.propose("update", tenant_id="north-wind", seats=str(number))

        def approve(_: int, waits: Decision = waits) -> str:
            try:
                return either.decide(waits).state
            except TenantryError as problem:
                return problem.kind

        with ThreadPoolExecutor(4) as pool:
            said = [*pool.map(approve, range(4))]
        assert {"acted"} <= {*said} <= {"acted", Kind.CONFLICT}
        assert either.decisions.get(waits.id, VIC).state == "acted"
    assert either.actions().count("tenants.update") == 3
    assert either.actions().count("decisions.approve") == 3


def test_pages_and_filters(desk: Desk):
    made = [desk.propose(tenant_id=f"t{n}", name="T") for n in range(5)]
    desk.decide(made[0], "reject")
    page = desk.decisions.list(VIC, limit=2)
    assert [d.id for d in page] == [made[4].id, made[3].id]
    assert [d.id for d in desk.decisions.list(VIC, before=page[-1].id, limit=9)] == [
        made[n].id for n in (2, 1, 0)
    ]
    assert [d.id for d in desk.decisions.list(VIC, states=[DecisionState.REJECTED])] == [made[0].id]
    assert desk.decisions.list(VIC, capabilities=["cost_insights"]) == []
    refused(Kind.INVALID, desk.decisions.list, VIC, limit=0)

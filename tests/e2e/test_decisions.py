"""The queue of what waits for a person, in a browser: shown as it will be done, decided once, also inside an answer."""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from dataclasses import dataclass
from unittest import mock

import pytest
from browsing import NEEDS, chromium, opened, settled, violations
from model_wires import Call, Say, Wires, speaking
from playwright.sync_api import APIResponse, Browser, Page, Route, expect
from serving import serving
from three_months import three_months

from tenantry import app
from tenantry.kernel import AccessRole, Principal
from tenantry.runtime.call import LASTS, LOCAL
from tenantry.runtime.decision import Decision, Verdict
from tenantry.runtime.decisions import Decisions
from tenantry.runtime.plane import ControlPlane

pytestmark = NEEDS
ANN = Principal("ann", role=AccessRole.ANALYST)
OTTO = Principal("otto", role=AccessRole.OPERATOR)


@dataclass
class Served:
    site: str
    plane: ControlPlane
    model: Wires

    @property
    def decisions(self) -> Decisions:
        return Decisions(self.plane.runtime)

    def propose(self, tenant_id: str, name: str = "A name") -> Decision:
        given = {"tenant_id": tenant_id, "name": name}
        return self.decisions.propose("tenants", "create", given, ANN, "they signed on Monday")

    def clear(self) -> None:
        for one in self.decisions.list(LOCAL, limit=100):
            if one.state == "proposed":
                self.decisions.decide(one.id, Verdict.REJECT, LOCAL, digest=one.digest)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    lake = tmp_path_factory.mktemp("lake")
    three_months(lake)
    with speaking() as model:
        agent = {
            "MODEL": "compatible:house", "BASE_URL": f"{model.url}/v1", "API_KEY": "key", "RETRIES": "0",
            "INPUT_PRICE": "0", "OUTPUT_PRICE": "0",
        }  # fmt: skip
        with mock.patch.dict(os.environ, {f"TENANTRY_AGENT__{name}": value for name, value in agent.items()}):
            plane = app.open_plane(str(lake))
            with serving(app.open_app(plane, worker=app.open_worker(str(lake)))) as site:
                yield Served(site, plane, model)


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, served: Served) -> Generator[Page]:
    served.clear()
    with opened(browser, served.site) as page:
        yield page


def test_a_proposal_is_shown_as_it_will_run_and_approved_by_keyboard(page: Page, served: Served):
    waits = served.propose("north-wind", "North Wind")
    page.goto("/decisions")
    settled(page)
    shown = page.get_by_role("article", name=f"Decision {waits.id}, tenants.create")
    expect(shown).to_contain_text("Add a tenant")
    expect(shown).to_contain_text("north-wind")
    expect(shown).to_contain_text("Proposed by ann")
    expect(shown).to_contain_text("they signed on Monday")
    expect(shown).to_contain_text("expires")
    page.keyboard.press("a")
    note = page.get_by_role("textbox", name="Note, kept with the decision")
    expect(note).to_be_focused()
    assert served.decisions.get(waits.id, LOCAL).state == "proposed", "the key decides nothing"
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    page.keyboard.type("as agreed")
    assert violations(page) == []
    page.get_by_role("button", name="Approve and run").click()
    expect(shown).to_contain_text("approved and done")
    expect(shown).to_contain_text("Approved by local")
    expect(shown).to_be_focused()
    done = served.decisions.get(waits.id, LOCAL)
    assert (done.state, done.note, done.decided_by) == ("acted", "as agreed", "local")
    assert violations(page) == []
    page.get_by_role("button", name="History").click()
    row = page.get_by_role("region", name="Table: Decisions").get_by_role(
        "row", name=f"{waits.id} tenants.create"
    )
    expect(row).to_contain_text("as agreed")


def test_focus_is_on_what_was_decided_though_news_of_it_came_first(page: Page, served: Served):
    waits = served.propose("north-wind", "North Wind")
    held: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        held.append((route, route.fetch()))

    page.route(re.compile(rf"/decisions/{waits.id}(/\w+)?$"), hold)
    page.goto("/decisions")
    settled(page)
    shown = page.get_by_role("article", name=f"Decision {waits.id}, tenants.create")
    page.keyboard.press("a")
    page.get_by_role("button", name="Approve and run").click()
    expect(shown).to_have_count(0)
    [(route, answer)] = held
    route.fulfill(response=answer)
    expect(shown).to_contain_text("approved and done")
    expect(shown).to_be_focused()


def test_what_waits_is_counted_and_comes_as_it_is_proposed(page: Page, served: Served):
    page.goto("/decisions")
    settled(page)
    expect(page.get_by_text("Nothing waits for a decision")).to_be_visible()
    waits = served.propose("west-wind")
    expect(page.get_by_role("article", name=f"Decision {waits.id}, tenants.create")).to_be_visible()
    link = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Decisions")
    expect(link).to_contain_text("1")
    page.keyboard.press("r")
    page.keyboard.type("not yet")
    page.get_by_role("button", name="Reject", exact=True).click()
    expect(page.get_by_text("Rejected by local")).to_contain_text("not yet")
    expect(link).not_to_contain_text("1")
    assert served.decisions.get(waits.id, LOCAL).state == "rejected"


@pytest.mark.parametrize("late", ["decided", "expired", "failed"])
def test_who_comes_late_or_in_vain_sees_what_became_of_it(browser: Browser, served: Served, late: str):
    served.clear()
    waits = served.propose(f"late-{late}", "Late \u202eWind" if late == "failed" else "Late")
    with opened(browser, served.site, expected=0 if late == "failed" else 1) as page:
        page.goto("/decisions")
        settled(page)
        if late != "failed":  # the page does not hear of it
            page.route("**/api/v1/live", lambda route: route.abort())
        page.get_by_role("button", name="Approve…").click()
        if late == "decided":
            served.decisions.decide(waits.id, Verdict.REJECT, OTTO, digest=waits.digest, note="no")
        elif late == "expired":
            served.decisions.expire(served.plane.now() + LASTS)
        page.get_by_role("button", name="Approve and run").click()
        shown = page.get_by_role("article", name=f"Decision {waits.id}, tenants.create")
        expect(shown).to_contain_text(
            {"decided": "Rejected by otto", "expired": "Nobody decided by", "failed": "approved, but failed"}[
                late
            ]
        )
        if late == "failed":
            expect(shown).to_contain_text(r'"Late \u{202e}Wind"')
        else:
            expect(shown).to_contain_text("Somebody was faster, or its time was over")
        assert violations(page) == []


def test_a_server_that_cannot_be_asked_says_so(browser: Browser, served: Served):
    with opened(browser, served.site, expected=1) as page:
        page.route(
            "**/api/v1/decisions?*", lambda route: route.fulfill(status=403, json={"detail": "not yours"})
        )
        page.goto("/decisions")
        expect(page.get_by_role("alert")).to_contain_text("Your role does not allow this")


def test_an_answer_that_proposes_is_approved_in_place_and_gone_on_with(page: Page, served: Served):
    served.model.turns = [
        Call("ask_specialist", {"specialist": "tenants", "question": "Add the tenant east-wind"}),
        Call("create", {"tenant_id": "east-wind", "name": "Sunrise"}),
        Say("It waits."),
        Say("I have proposed it: please decide."),
    ]
    page.goto("/ask")
    page.get_by_role("textbox", name="Question").fill("Add the tenant east-wind")
    page.keyboard.press("Enter")
    shown = page.get_by_role("article", name="tenants.create")
    expect(shown).to_contain_text("The agent of tenants proposed it to local")
    expect(shown).to_contain_text("nobody typed it")
    expect(page.get_by_text("I have proposed it: please decide.")).to_be_visible()
    served.model.turns = [Say("East Wind is there now.")]
    shown.get_by_role("button", name="Approve…").click()
    page.get_by_role("button", name="Approve and run").click()
    expect(shown).to_contain_text("approved and done")
    expect(page.get_by_text("East Wind is there now.")).to_be_visible()
    assert violations(page) == []
    page.reload()  # what was shown is kept, and what was decided since is known
    expect(page.get_by_text("East Wind is there now.")).to_be_visible()
    expect(page.get_by_role("article", name="tenants.create")).to_contain_text("approved and done")
    assert "east-wind" in {t.tenant_id for t in served.plane.runtime.call("tenants", "list", {}).data}

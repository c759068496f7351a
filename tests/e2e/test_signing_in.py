"""A person signs in on the page itself, comes where they wanted to go, and sees what their role may."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import pytest
from browsing import NEEDS, chromium, opened, settled, violations
from playwright.sync_api import Browser, Page, expect
from serving import serving
from three_months import three_months

from tenantry import app
from tenantry.kernel import AccessRole
from tenantry.runtime.access import Tokens
from tenantry.runtime.call import LOCAL

pytestmark = NEEDS
WANTED = "/tenants/teal-partners?range=2026-03-01..2026-04-01"


@dataclass
class Closed:
    """A service that a token has closed."""

    site: str
    tokens: Tokens

    def token(self, role: AccessRole, tenant_id: str | None = None) -> tuple[str, str]:
        token, secret = self.tokens.create(LOCAL, f"{role} {tenant_id or 'of all'}", role, tenant_id)
        return token.id, secret


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Generator[Closed]:
    lake = tmp_path_factory.mktemp("lake")
    three_months(lake)
    plane = app.open_plane(str(lake))
    with serving(app.open_app(plane, worker=app.open_worker(str(lake)))) as site:
        yield Closed(site, Tokens(plane.state, plane.now))


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with chromium() as browser:
        yield browser


def sign_in(page: Page, secret: str) -> None:
    page.get_by_label("Token", exact=True).fill(secret)
    page.get_by_role("button", name="Sign in").click()


def test_signed_in_out_and_in_again_where_one_was(browser: Browser, closed: Closed):
    number, secret = closed.token(AccessRole.ADMIN)
    with opened(browser, closed.site, expected=401) as page:
        page.goto(WANTED)
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        expect(page.get_by_label("Token", exact=True)).to_be_focused()
        assert violations(page) == []
        sign_in(page, "tny_wrong")
        expect(page.get_by_role("alert")).to_contain_text("unknown, expired or revoked")
        sign_in(page, secret)
        expect(page.get_by_role("heading", level=1)).to_have_text("Teal Partners")
        assert page.url.endswith(WANTED)
        assert page.evaluate("document.cookie") == ""
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_have_text("Teal Partners")

        # What somebody writes while their token is revoked is there when they are back.
        page.goto("/explore/tenants?tool=define_tier")
        page.get_by_label("Tier *").fill("platinum")
        closed.tokens.revoke(LOCAL, number)
        page.get_by_role("button", name="Go on").click()
        page.get_by_role("button", name="Approve and run").click()
        expect(page.get_by_text("Your session is over")).to_be_visible()
        sign_in(page, closed.token(AccessRole.ADMIN)[1])
        expect(page.get_by_text("This acts on the world")).to_be_visible()
        page.get_by_role("button", name="Approve and run").click()
        expect(page.get_by_text("Done.")).to_be_visible()

        page.get_by_role("button", name="AD, signed in as admin of all, admin").click()
        about = page.get_by_role("dialog", name="AD, signed in as admin of all, admin")
        expect(about).to_contain_text("sees all tenants")
        assert violations(page) == []
        about.get_by_role("button", name="Sign out").click()
        expect(page.get_by_text("You are signed out.")).to_be_visible()
        page.reload()
        expect(page.get_by_text("Say who you are")).to_be_visible()


def test_a_viewer_is_told_what_is_not_theirs(browser: Browser, closed: Closed):
    with opened(browser, closed.site, expected=403, color_scheme="dark") as page:
        page.goto("/audit")
        expect(page.get_by_label("Token", exact=True)).to_be_focused()
        assert violations(page) == []
        sign_in(page, closed.token(AccessRole.VIEWER)[1])
        expect(page.get_by_role("heading", level=1)).to_have_text("Audit")
        expect(page.get_by_role("alert")).to_contain_text("Your role does not allow this")
        page.goto("/jobs")
        settled(page)
        expect(page.get_by_role("button", name="Build now")).to_have_count(0)


def test_who_is_bound_to_a_tenant_sees_that_one_everywhere(browser: Browser, closed: Closed):
    viewport = {"width": 390, "height": 844}
    with opened(browser, closed.site, expected=403, viewport=viewport) as page:
        page.goto("/tenants?range=2026-03-01..2026-04-01")
        expect(page.get_by_label("Token", exact=True)).to_be_focused()
        assert violations(page) == []
        sign_in(page, closed.token(AccessRole.OPERATOR, "teal-partners")[1])
        table = page.get_by_role("region", name="Table: Tenants")
        expect(table.get_by_role("link")).to_have_text(["Teal Partners"])
        page.goto("/?range=2026-03-01..2026-04-01")
        expect(page.get_by_role("region", name="Cost", exact=True)).to_contain_text("$156")
        page.goto("/jobs")
        expect(page.get_by_role("alert").first).to_contain_text("bound to tenant teal-partners")
        page.goto("/settings")
        expect(page.get_by_text("teal-partners", exact=True).first).to_be_visible()

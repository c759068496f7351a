"""The dashboard in a browser: every page, by pointer and by keyboard, in light, dark and on a phone."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Generator
from decimal import Decimal
from pathlib import Path

import pytest
from browsing import NEEDS, chromium, opened, settled, violations
from playwright.sync_api import Browser, Page, Route, expect
from serving import serving
from starlette.types import ASGIApp, Receive, Scope, Send
from three_months import three_months

from tenantry import app
from tenantry.gateways.ui import STATIC

MARCH = "range=2026-03-01..2026-04-01"
PAGES = {
    f"/?{MARCH}": "Overview",
    f"/tenants?{MARCH}": "Tenants",
    f"/tenants/teal-partners?{MARCH}": "Teal Partners",
    f"/tenants/(unallocated)?{MARCH}": "(unallocated)",
    f"/features?{MARCH}": "Features",
    f"/features/search?{MARCH}": "search",
    f"/services?{MARCH}": "Services",
    f"/services/Compute?{MARCH}": "Compute",
    f"/health?{MARCH}": "Data health",
    "/forecasts": "Forecasts",
    "/insights": "Insights",
    "/ask": "Ask",
    "/explore": "Explore",
    f"/explore/cost_per_tenant?tool=rank&{MARCH}": "What does each tenant cost us, and why did it change?",
    "/explore/tenants?tool=create": "Who are our tenants, what may they use, and what happened to them?",
    "/lineage/overview/summary?of=window%3D2026-03": "Lineage",
    "/bring": "Add files",
    "/decisions": "Decisions",
    "/decisions?show=history": "Decisions",
    "/jobs": "Jobs",
    "/audit": "Audit",
    "/settings": "Settings",
}
pytestmark = NEEDS


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lake")
    three_months(folder)
    return folder


@pytest.fixture(scope="module")
def asgi(lake: Path) -> ASGIApp:
    return app.open_app(app.open_plane(str(lake)), worker=app.open_worker(str(lake)))


@pytest.fixture(scope="module")
def site(asgi: ASGIApp) -> Generator[str]:
    with serving(asgi) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, site: str) -> Generator[Page]:
    with opened(browser, site) as page:
        yield page


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.partition("?")[0])
def test_each_page_opens_by_its_address_for_everybody(browser: Browser, site: str, path: str):
    """In light, dark and on a phone; axe finds nothing that somebody could not read or reach."""
    with opened(browser, site, viewport={"width": 1280, "height": 900}) as page:
        page.goto(path)
        settled(page)
        expect(page.get_by_role("heading", level=1)).to_have_text(PAGES[path])
        expect(page.get_by_role("alert")).to_have_count(0)
        assert page.title().endswith("Tenantry")
        assert violations(page) == []
        page.emulate_media(color_scheme="dark")
        expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
        assert violations(page) == []
        page.set_viewport_size({"width": 390, "height": 844})
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_drill_down_keeps_the_range_and_back_comes_back(page: Page):
    page.goto(f"/?{MARCH}&compare=none")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Tenants").click()
    page.wait_for_url("**/tenants?**")
    assert "range=2026-03-01..2026-04-01" in page.url
    assert "compare=none" in page.url
    page.get_by_role("link", name="Teal Partners").click()
    page.wait_for_url("**/tenants/teal-partners?**")
    assert "range=2026-03-01..2026-04-01" in page.url
    expect(page.get_by_role("heading", level=1)).to_have_text("Teal Partners")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tenants")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_the_parts_are_the_whole_on_the_way_down(page: Page):
    """Overview, its tenants, and a tenant's lines: one sum."""
    page.goto(f"/?{MARCH}")
    expect(page.get_by_role("region", name="Cost", exact=True)).to_contain_text("$268")
    page.goto(f"/tenants?{MARCH}")
    expect(page.get_by_text("together: the whole bill in USD")).to_contain_text("cost $268 together")
    page.goto(f"/tenants/teal-partners?{MARCH}")
    expect(page.get_by_role("region", name="Cost", exact=True)).to_contain_text("$156")
    expect(page.locator("[data-check=sums]")).to_contain_text("sum to $156")


def downloaded(page: Page, button: str) -> list[list[str]]:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return list(csv.reader(Path(download.value.path()).read_text(encoding="utf-8").splitlines()))


def test_csv_is_what_the_screen_shows(page: Page):
    page.goto(f"/tenants?{MARCH}&sort=-effective_cost&f.tier=enterprise")
    table = page.get_by_role("region", name="Table: Tenants")
    expect(table.get_by_role("link").first).to_have_text("Teal Partners")
    shown = table.locator("tbody tr").all_inner_texts()
    heads = [text.strip() for text in table.locator("thead th").all_inner_texts()]
    rows = downloaded(page, "Download Tenants as CSV")
    assert rows[0] == [*heads, "Currency"]
    assert len(rows) - 1 == len(shown)
    assert rows[1][0] == "teal-partners"
    assert Decimal(rows[1][heads.index("Cost")]).quantize(Decimal("0.1")) == Decimal("156.2"), (
        "exact, not rounded"
    )
    assert "$156" in shown[0]


def test_a_chart_is_a_table_too(page: Page):
    page.goto(f"/?{MARCH}")
    chart = page.get_by_role("figure", name="Revenue, cost and margin per month")
    expect(chart.locator("svg path").first).to_be_attached()
    chart.get_by_role("button", name="View as table").click()
    expect(chart.get_by_role("row")).to_have_count(10)  # three months, and six ahead
    expect(chart.get_by_role("row", name="Mar 2026")).to_contain_text("$268")
    heads, *rows = downloaded(page, "Download Revenue, cost and margin per month as CSV")
    assert len(rows) == 9
    answer = json.loads(page.request.get("/api/v1/overview/months").text())
    said = [one for one in answer["data"] if one["currency"] == "USD"]
    assert [row[heads.index("Cost")] for row in rows[: len(said)]] == [one["effective_cost"] for one in said]


def test_filters_and_order_live_in_the_address(page: Page):
    page.goto(f"/tenants?{MARCH}")
    page.get_by_role("button", name="Tenant", exact=True).click()
    page.wait_for_url("**sort=tenant_id**")
    expect(page.get_by_role("columnheader", name="Tenant")).to_have_attribute("aria-sort", "ascending")
    page.get_by_label("Filter Tenants").fill("zzz")
    page.wait_for_url("**q=zzz**")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_role("link", name="Teal Partners")).to_be_visible()
    page.get_by_label("Compare with").select_option("none")
    page.wait_for_url("**compare=none**")


def test_by_keyboard_alone(page: Page):
    page.goto(f"/?{MARCH}")
    settled(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.get_by_role("heading", level=1)).to_have_text("Tenants")
    settled(page)
    page.keyboard.press("/")
    page.keyboard.type("teal")
    page.get_by_label("Filter Tenants").blur()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Teal Partners")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search").fill("beacon")
    found = page.get_by_role("listbox", name="Found").get_by_role("option")
    expect(found.first).to_contain_text("Beacon Legal")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Beacon Legal")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_figure_says_where_it_comes_from(page: Page):
    page.goto(f"/?{MARCH}")
    button = page.get_by_role("button", name="Where cost comes from")
    button.click()
    about = page.get_by_role("dialog", name="Where cost comes from")
    expect(about).to_contain_text("margin")
    expect(about.get_by_role("link", name="Show lineage")).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    button.click()
    about.get_by_role("link", name="Show lineage").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lineage")
    expect(page.get_by_text("tenant_cost", exact=True)).to_be_visible()


def test_any_tool_has_a_form_and_its_answer(page: Page):
    page.goto("/explore/cost_per_feature?tool=feature")
    expect(page.get_by_text("Say feature id")).to_be_visible()
    page.get_by_label("Feature *").fill("search")
    page.get_by_label("Window").fill("2026-03")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**a.feature_id=search**")
    expect(page.get_by_role("region", name="Table: Feature")).to_contain_text("teal-partners")


def test_a_question_is_answered_from_tools_as_it_is_worked_out(page: Page):
    page.goto("/ask")
    page.get_by_label("Question").fill("cost by tenant in March 2026")
    page.keyboard.press("Enter")
    answer = page.get_by_role("article", name="cost by tenant in March 2026")
    expect(answer).to_contain_text("156.20 USD")
    answer.get_by_text("call", exact=False).last.click()
    expect(answer.get_by_role("link").first).to_be_visible()
    assert violations(page) == []
    page.get_by_label("Question").fill("and in February 2026?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="and in February 2026?")).to_contain_text("USD")
    page.wait_for_url(re.compile(r"/ask/\w+$"))
    page.reload()
    expect(answer).to_contain_text("156.20 USD")
    expect(page.get_by_role("article")).to_have_count(2)
    page.get_by_role("link", name="New conversation").click()
    expect(page.get_by_role("article")).to_have_count(0)
    earlier = page.get_by_role("link", name="Cost by tenant in March 2026").first
    expect(earlier).to_be_visible()
    assert violations(page) == []
    earlier.click()
    expect(answer).to_contain_text("156.20 USD")
    page.go_back()
    expect(page.get_by_role("article")).to_have_count(0)


def test_what_is_offered_fits_a_narrow_screen(page: Page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/ask")
    text = "My renewal call is at three, what is the error rate of search in March 2026?"
    page.get_by_label("Question").fill(text)
    page.keyboard.press("Enter")
    answer = page.get_by_role("article", name=text)
    offered = answer.get_by_role("button", name="error rate of feature search in March 2026").bounding_box()
    around = answer.bounding_box()
    assert offered
    assert around
    assert offered["x"] + offered["width"] < around["x"] + around["width"]


def test_a_conversation_of_somebody_else_is_not_opened(browser: Browser, site: str):
    with opened(browser, site, expected=1) as page:
        page.goto("/ask/0123456789abcdef")
        expect(page.get_by_role("alert")).to_contain_text("no conversation")
        page.get_by_label("Question").fill("total cost")
        page.keyboard.press("Enter")
        expect(page.get_by_role("article", name="total cost")).to_contain_text("USD")


def test_what_acts_is_asked_twice_and_written_down(browser: Browser, site: str):
    with opened(browser, site) as page:
        page.goto("/explore/tenants?tool=define_tier")
        page.get_by_label("Tier *").fill("gold")
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_text("This acts on the world")).to_be_visible()
        page.get_by_role("button", name="Approve and run").click()
        expect(page.get_by_text("Done.")).to_be_visible()
        page.goto("/audit")
        expect(page.get_by_role("region", name="Table: Audit log")).to_contain_text("define_tier")


def test_names_from_data_are_text_and_nothing_else(page: Page):
    """One of the tenants is called like an attack."""
    page.goto(f"/tenants?{MARCH}")
    settled(page)
    for path in page.get_by_role("region", name="Table: Tenants").get_by_role("link").all():
        assert path.get_attribute("href") or ""
    page.get_by_label("Filter Tenants").fill("<img src=x onerror=alert(1)>")
    expect(page.get_by_text("<img src=x")).to_be_visible()


def stubbed(page: Page, path: str, answer: Callable[[Route], None]) -> None:
    page.route(f"**/{path}*", answer)


def test_a_part_that_fails_fails_alone_and_tries_again(browser: Browser, site: str):
    problem = {
        "title": "internal",
        "status": 500,
        "detail": "a bug in Tenantry: KeyError",
        "hint": "please report it",
    }
    with opened(browser, site, expected=500) as page:
        stubbed(page, "api/v1/overview/months", lambda route: route.fulfill(
            status=500, json=problem, headers={"X-Request-Id": "abc123"}, content_type="application/problem+json",
        ))  # fmt: skip
        page.goto(f"/?{MARCH}")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("a bug in Tenantry: KeyError")
        expect(alert).to_contain_text("abc123")
        expect(page.get_by_role("heading", name="Month by month")).to_be_visible()
        expect(page.get_by_role("region", name="Cost", exact=True)).to_contain_text("$268")
        page.unroute_all()
        alert.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("figure", name="Revenue, cost and margin per month")).to_be_visible()


def test_what_is_not_known_is_no_nought(browser: Browser, site: str):
    """Without subscriptions there are no margins; without a tenant's name on any cost it is said how to name it."""

    def poorer(route: Route) -> None:
        document = route.fetch().json()
        for row in document["data"]:
            row.update(revenue="0", margin=f"-{row['effective_cost']}", margin_ratio=None)
        route.fulfill(json=document)

    with opened(browser, site) as page:
        stubbed(page, "api/v1/overview/tenants", poorer)
        page.goto(f"/tenants?{MARCH}")
        expect(page.get_by_text("No revenue is known in USD")).to_be_visible()
        expect(page.get_by_role("columnheader", name="Cost", exact=True)).to_be_visible()
        expect(page.get_by_role("columnheader", name="Margin")).to_have_count(0)
        page.goto(f"/tenants/teal-partners?{MARCH}")
        expect(page.get_by_role("region", name="Margin", exact=True)).to_contain_text("n/a")
        page.unroute_all()
        stubbed(page, "api/v1/overview/tenants", unnamed)
        page.goto(f"/tenants?{MARCH}")
        expect(page.get_by_text("No cost has a tenant")).to_be_visible()
        assert violations(page) == []


def unnamed(route: Route) -> None:
    document = route.fetch().json()
    document["data"] = [row for row in document["data"] if row["tenant_id"] == "(unallocated)"]
    route.fulfill(json=document)


def test_refused_events_are_shown_and_go_through_the_door_again(page: Page):
    page.request.post(
        "/api/v1/events",
        data=json.dumps({"specversion": "1.0", "id": "<b>1</b>", "source": "app"}),
        headers={"Content-Type": "application/cloudevents+json"},
    )
    page.goto("/health")
    refused = page.get_by_role("region", name="Refused at the door")
    expect(refused.get_by_role("row")).to_have_count(2)
    expect(refused).to_contain_text("<b>1</b>")
    refused.get_by_role("button", name="Replay").click()
    expect(refused).to_contain_text("1 tried: 0 accepted, 0 were there already, 1 left.")
    assert violations(page) == []


def test_who_may_not_is_told_which_role(browser: Browser, site: str):
    problem = {
        "title": "forbidden",
        "status": 403,
        "detail": "ada is viewer; this needs analyst",
        "hint": "ask",
    }
    with opened(browser, site, expected=403) as page:
        stubbed(page, "api/v1/audit", lambda route: route.fulfill(status=403, json=problem))
        page.goto("/audit")
        expect(page.get_by_role("alert")).to_contain_text("Your role does not allow this")
        expect(page.get_by_role("alert")).to_contain_text("ada is viewer")


def test_offline_is_said_and_nothing_can_be_changed(page: Page):
    page.goto("/jobs")
    settled(page)
    page.context.set_offline(True)
    expect(page.get_by_text("This browser is offline")).to_be_visible()
    expect(page.get_by_role("button", name="Build now")).to_be_disabled()
    page.context.set_offline(False)
    expect(page.get_by_text("This browser is offline")).to_have_count(0)
    expect(page.get_by_role("button", name="Build now")).to_be_enabled()


def test_any_months_can_be_compared_with(page: Page):
    page.goto(f"/?{MARCH}")
    page.get_by_label("Compare with").select_option("other")
    months = page.get_by_role("dialog", name="Months to compare with")
    months.get_by_label("From").fill("2026-01")
    months.get_by_label("to", exact=True).fill("2026-01")
    months.get_by_role("button", name="Show").click()
    page.wait_for_url("**compare=2026-01-01..2026-02-01**")
    expect(page.get_by_role("region", name="Cost", exact=True)).to_contain_text("vs Jan 2026")
    page.goto(f"/tenants/teal-partners?{MARCH}&compare=2026-01-01..2026-02-01")
    expect(page.get_by_role("region", name="Cost", exact=True)).to_contain_text("vs Jan 2026")
    why = page.get_by_role("figure", name="Why its cost changed")
    why.get_by_role("button", name="View as table").click()
    expect(why.get_by_role("row", name="Jan 2026")).to_be_visible()


def test_a_view_is_kept_under_a_name_and_is_its_address(page: Page):
    page.goto(f"/tenants?{MARCH}&f.tier=enterprise&sort=margin")
    settled(page)
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search").fill("Large ones")
    page.get_by_role("option", name="Keep this view as").click()
    page.goto("/?range=2026-01-01..2026-02-01")
    settled(page)
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search").fill("large")
    page.get_by_role("option", name="Large ones").first.click()
    page.wait_for_url(f"**/tenants?{MARCH}&f.tier=enterprise&sort=margin")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search").fill("Large ones")
    page.get_by_role("option", name="Forget the view").click()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search").fill("large")
    expect(page.get_by_role("option", name="Keep this view as")).to_be_visible()
    expect(page.get_by_role("option", name="Large ones")).to_have_count(0)


def test_rows_are_compact_where_a_person_wants_more_of_them(page: Page):
    def height() -> float:
        row = page.get_by_role("region", name="Table: Tenants").locator("tbody tr").first
        return row.evaluate("row => row.getBoundingClientRect().height")

    page.goto(f"/tenants?{MARCH}")
    settled(page)
    assert height() == 33
    page.get_by_role("button", name="Columns of Tenants").click()
    page.get_by_role("checkbox", name="Compact rows, in all tables").check()
    assert height() == 29
    page.goto(f"/features?{MARCH}")
    settled(page)
    page.goto(f"/tenants?{MARCH}")
    settled(page)
    assert height() == 29, "this browser keeps it"
    page.set_viewport_size({"width": 390, "height": 800})
    assert height() >= 44, "a finger is as large as it was"
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_role("button", name="Columns of Tenants").click()
    page.get_by_role("checkbox", name="Compact rows, in all tables").uncheck()
    assert height() == 33


def test_unknown_pages_and_tenants_say_so(browser: Browser, site: str):
    with opened(browser, site, expected=404) as page:
        page.goto("/nowhere")
        expect(page.get_by_role("heading", level=1)).to_have_text("No such page")
        page.goto(f"/tenants/nobody?{MARCH}")
        expect(page.get_by_text("nobody has no cost and no revenue")).to_be_visible()


def behind(asgi: ASGIApp, prefix: str) -> ASGIApp:
    """As a proxy that takes a prefix away."""

    async def proxy(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            assert scope["path"].startswith(prefix), f"{scope['path']} is asked of somebody else"
            scope = {**scope, "path": scope["path"].removeprefix(prefix) or "/", "raw_path": b""}
        await asgi(scope, receive, send)

    return proxy


def test_behind_a_path_prefix(browser: Browser, lake: Path):
    inner = app.open_app(app.open_plane(str(lake)))
    with serving(behind(inner, "/x/y")) as address, opened(browser, f"{address}/x/y") as page:
        page.goto(f"{address}/x/y/tenants/teal-partners?{MARCH}")
        expect(page.get_by_role("heading", level=1)).to_have_text("Teal Partners")
        page.get_by_role("navigation", name="Pages").get_by_role("link", name="Features").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Features")
        assert page.url.startswith(f"{address}/x/y/features")
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_have_text("Features")
        settled(page)


def test_ten_thousand_rows_are_drawn_as_they_are_looked_at(browser: Browser, site: str):
    def many(route: Route) -> None:
        document = route.fetch().json()
        first = document["data"][0]
        document["data"] = [{**first, "tenant_id": f"t{n:05}", "name": f"Tenant {n:05}", "currency": "USD",
                             "effective_cost": str(20_000 - n)} for n in range(10_000)]  # fmt: skip
        route.fulfill(json=document)

    with opened(browser, site) as page:
        page.route("**/api/v1/overview/tenants*", many)
        page.goto(f"/tenants?{MARCH}")
        table = page.get_by_role("region", name="Table: Tenants")
        expect(table.get_by_role("link", name="Tenant 00000")).to_be_visible()
        assert table.locator("tbody tr").count() < 100
        table.evaluate("area => { area.scrollTop = area.scrollHeight }")
        expect(table.get_by_role("link", name="Tenant 09999")).to_be_visible()
        assert table.locator("tbody tr").count() < 100


def test_the_first_page_is_light(browser: Browser, site: str):
    with opened(browser, site) as page:
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        sizes: dict[str, float] = {}
        session.on(
            "Network.loadingFinished", lambda e: sizes.update({e["requestId"]: e["encodedDataLength"]})
        )
        asked: list[str] = []
        page.on("request", lambda r: None if r.url.startswith("data:") else asked.append(r.url))
        page.add_init_script(
            "window.shift = 0; new PerformanceObserver(l => l.getEntries().forEach(e => { window.shift += e.value }))"
            ".observe({type: 'layout-shift', buffered: true})"
        )
        page.goto("/")
        settled(page)
        expect(page.locator("figure svg path").first).to_be_attached()
        print(
            json.dumps(
                {"requests": len(asked), "bytes": sum(sizes.values()), "shift": page.evaluate("window.shift")}
            )
        )
        assert len(asked) <= 10, asked
        assert sum(sizes.values()) <= 450_000
        assert page.evaluate("window.shift") < 0.05


def test_the_parts_of_the_build_are_light():
    sizes = {path.name: path.stat().st_size for path in (STATIC / "assets").glob("*.js.gz")}
    first = sum(size for name, size in sizes.items() if name.startswith(("index-", "frame-")))
    [charts] = [size for name, size in sizes.items() if name.startswith("drawing-")]
    assert first <= 190_000
    assert charts <= 260_000

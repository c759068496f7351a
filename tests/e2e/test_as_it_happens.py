"""Open pages follow what happens: jobs at work, newer figures, one connection for all tabs."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browsing import NEEDS, chromium, opened, settled, violations
from playwright.sync_api import Browser, expect
from serving import serving
from three_months import three_months

from tenantry import app
from tenantry.runtime.call import LOCAL
from tenantry.runtime.worker import Worker

pytestmark = NEEDS
MARCH = "range=2026-03-01..2026-04-01"


@dataclass
class Served:
    site: str
    worker: Worker
    lake: Path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    lake = tmp_path_factory.mktemp("lake")
    three_months(lake)
    worker = app.open_worker(str(lake))
    with serving(app.open_app(app.open_plane(str(lake)), worker=worker)) as site:
        yield Served(site, worker, lake)


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with chromium() as browser:
        yield browser


def test_jobs_are_told_of_without_asking(browser: Browser, served: Served):
    with opened(browser, served.site) as page:
        page.goto("/jobs")
        settled(page)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        job = served.worker.jobs.submit("build", [], LOCAL)
        row = page.get_by_role("region", name="Table: Jobs").get_by_role("row", name=f"{job.id} build")
        expect(row).to_contain_text("succeeded")
        bell = page.get_by_role("button", name="News: 1")
        expect(bell).to_be_visible()
        assert page.title() == "(1) Jobs · Tenantry"
        bell.click()
        expect(page.get_by_role("dialog", name="News: 1")).to_contain_text("build : succeeded")
        assert violations(page) == []
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="No news")).to_be_focused()
        assert page.title() == "Jobs · Tenantry"
        assert [url for url in asked if "api/v1/jobs" in url] == []
        row.get_by_role("link").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Job {job.id}")
        expect(page.get_by_role("region", name="Log")).to_contain_text("build")
        assert violations(page) == []


def test_figures_older_than_a_failed_build_say_so(browser: Browser, served: Served):
    error = {
        "kind": "unavailable",
        "message": "no space left on device",
        "hint": "make room, then build again",
    }
    job: dict[str, Any] = {
        "id": 7, "kind": "build", "names": [], "asked_by": "local", "key": None, "schedule": "nightly",
        "state": "failed", "cancelling": False, "step": "margin", "done": 1, "total": 3, "steps": {},
        "queued_at": "2026-03-31T04:00:00Z", "run_after": None, "started_at": "2026-03-31T04:00:01Z",
        "ended_at": "2026-03-31T06:00:00Z", "attempts": 3, "error": error,
    }  # fmt: skip
    told = f"event: jobs\ndata: {json.dumps({'changed': {'7': job}, 'gone': []})}\n\n"
    with opened(browser, served.site) as page:
        page.route("**/api/v1/live", lambda r: r.fulfill(body=told, content_type="text/event-stream"))
        page.route("**/api/v1/jobs/7", lambda r: r.fulfill(json=job))
        page.goto(f"/?{MARCH}")
        expect(page.get_by_text("Figures may be old: the last build failed")).to_be_visible()
        assert violations(page) == []
        page.get_by_role("link", name="See why").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Job 7")
        expect(page.get_by_role("main")).to_contain_text("no space left on device. make room")


def test_newer_figures_are_offered_and_all_tabs_share_one_connection(browser: Browser, served: Served):
    with opened(browser, served.site) as page:
        lives: list[str] = []
        page.context.on("request", lambda r: lives.append(r.url) if r.url.endswith("/live") else None)
        page.goto(f"/?{MARCH}")
        settled(page)
        other = page.context.new_page()
        other.goto(f"/tenants?{MARCH}")
        settled(other)
        lake, margin = app.open_plane(str(served.lake)).engine.lake, app.catalog().dataset("margin")
        lake.commit(margin, [], replaces=(), notes=lake.notes(margin))
        for one in (page, other):
            expect(one.get_by_text("Newer figures are there")).to_be_visible()
        page.get_by_role("button", name="Reload").click()
        expect(page.get_by_text("Newer figures are there")).to_have_count(0)
        expect(page.get_by_role("region", name="Cost", exact=True)).to_contain_text("$268")
        assert len(lives) == 1

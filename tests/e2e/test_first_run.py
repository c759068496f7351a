"""The first hour in a browser: from an empty lake and files of one's own to the first answer."""

from __future__ import annotations

import gzip
from collections.abc import Generator
from pathlib import Path

import pytest
from bringing import TENANTS, bill
from browsing import NEEDS, chromium, opened, settled, violations
from playwright.sync_api import Browser, expect
from serving import serving

from tenantry import app

pytestmark = NEEDS


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with chromium() as browser:
        yield browser


def test_files_are_dropped_recognised_loaded_and_answered_from(browser: Browser, tmp_path: Path):
    lake, files = tmp_path / "lake", tmp_path / "files"
    files.mkdir()
    for name, content in {
        "may.csv.gz": gzip.compress(bill(broken=1)), "people.csv": TENANTS, "photo.png": b"\x89PNG no table",
        "empty.csv": b"",
    }.items():  # fmt: skip
        (files / name).write_bytes(content)
    site = app.open_app(app.open_plane(str(lake)), worker=app.open_worker(str(lake)))
    with serving(site) as address, opened(browser, address, expected=404) as page:
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Welcome to Tenantry")
        expect(page.get_by_role("button", name="Load demo data")).to_be_enabled()
        assert violations(page) == []

        # By keyboard: the native button opens the browser's own dialog.
        with page.expect_file_chooser() as chooser:
            page.get_by_label("Choose files").press("Enter")
        chooser.value.set_files([*files.iterdir()])
        listed = page.get_by_role("list", name="Files")
        expect(listed.get_by_role("listitem").filter(has_text="may.csv.gz")).to_contain_text("a bill (FOCUS)")
        expect(listed.get_by_role("listitem").filter(has_text="people.csv")).to_contain_text("fills tenants")
        expect(listed.get_by_role("listitem").filter(has_text="photo.png")).to_contain_text("not recognised")
        expect(listed.get_by_role("listitem").filter(has_text="empty.csv")).to_contain_text("not recognised")
        page.set_viewport_size({"width": 390, "height": 844})
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.set_viewport_size({"width": 1280, "height": 900})

        # Looking again whether the lake is still empty, as a browser does that was cut off, leaves the files there.
        with page.expect_response("**/api/v1/overview/summary**"):
            page.evaluate(
                "window.dispatchEvent(new Event('offline')); window.dispatchEvent(new Event('online'))"
            )
        page.get_by_role("button", name="Load 2 files").press("Enter")
        page.wait_for_url("**/bring?job=1")
        expect(page.get_by_text("Every figure matches the bill")).to_be_visible()
        expect(page.get_by_role("region", name="How they were read")).to_contain_text("1 row quarantined")
        answer = page.get_by_role("region", name="The first answer")
        expect(answer.get_by_role("region", name="Table: Cost by service")).to_contain_text("$300")
        expect(answer.get_by_role("link", name="Acme")).to_be_visible()
        expect(answer).to_contain_text("What to add next")
        assert violations(page) == []
        page.reload()
        expect(answer.get_by_role("link", name="Acme")).to_be_visible()
        page.get_by_role("link", name="Open the overview").click()
        expect(page.get_by_role("region", name="Cost", exact=True)).to_contain_text("$300")
        settled(page)

"""A browser that tests look at the dashboard with, and what they look for on every page."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from serving import PATIENCE

from tenantry.gateways.ui import STATIC

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = Path(__file__).parents[1] / "web" / "node_modules" / "axe-core" / "axe.min.js"
# Waits for what moves and ends; what turns for ever is left to turn.
STILL = """() => Promise.allSettled(document.getAnimations()
  .filter(moving => moving.effect.getComputedTiming().endTime !== Infinity)
  .map(moving => moving.finished))"""
NEEDS = [
    pytest.mark.skipif(not CHROMIUM, reason="no chromium: `make chromium`"),
    pytest.mark.skipif(not (STATIC / "index.html").exists(), reason="the dashboard is not built: `make web`"),
]
expect.set_options(timeout=PATIENCE * 1000)


@contextmanager
def chromium() -> Generator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, site: str, *, expected: int = 0, **options: Any) -> Iterator[Page]:
    """A page in which nothing is logged as an error, but `expected` answers, and that asks nobody else."""
    context = browser.new_context(base_url=site, accept_downloads=True, **options)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    elsewhere: list[str] = []
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith((site, "data:", "blob:")) else elsewhere.append(request.url)
        ),
    )
    page.set_default_timeout(PATIENCE * 1000)
    try:
        yield page
    finally:
        context.close()
    assert elsewhere == []
    failed = [text for text in errors if "Failed to load resource" in text]
    assert [text for text in errors if text not in failed] == []
    assert bool(failed) == bool(expected)


def settled(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("[aria-busy=true], [aria-label^=Loading]")).to_have_count(0)


def violations(page: Page) -> list[str]:
    """What axe finds, once nothing fades in or out: half-faded text has no contrast."""
    page.evaluate(STILL)
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{v['id']}: {v['nodes'][0]['html'][:200]} {v['nodes'][0].get('failureSummary', '')[:300]}"
        for v in found["violations"]
    ]

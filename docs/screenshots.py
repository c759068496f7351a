"""Pictures of the dashboard into docs/images, of a lake of the demo vendor: `make screenshots`."""

from __future__ import annotations

import argparse
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect, sync_playwright

expect.set_options(timeout=60_000)
FOLDER = Path(__file__).parent / "images"
PAGES = {
    "overview": "/",
    "tenants": "/tenants",
    "tenant": "/tenants/teal-partners",
    "features": "/features",
    "services": "/services",
    "forecasts": "/forecasts",
    "insights": "/insights",
    "ask": "/ask?q=cost by tier since June, by month",
    "health": "/health",
    "bring": "/bring",
    "explore": "/explore/cost_per_feature",
    "lineage": "/lineage/overview/summary",
    "decisions": "/decisions",
    "jobs": "/jobs",
    "audit": "/audit",
    "settings": "/settings",
}
_DRAWN = 2_500
"""Milliseconds for charts to be there: the stream of news stays open, so the network is never idle."""
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "mobile": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}


def main() -> None:
    """Serve the lake and take every page in every look."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--lake", default=".tenantry", help="of `tenantry demo`")
    lake = arguments.parse_args().lake
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    words = ("tenants", "update", "--tenant-id", "teal-partners", "--seats", "120", "--propose", "they hired")
    propose = [sys.executable, "-m", "tenantry", *words, "--lake", lake]
    subprocess.run(propose, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    command = [sys.executable, "-m", "tenantry", "serve", "--lake", lake, "--bind", address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:  # noqa: S603
        try:
            site = server.stdout.readline().decode().strip() if server.stdout else ""
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox"]
                )
                _work(browser, site)
                for look, options in LOOKS.items():
                    _take(browser, site, look, options)
                browser.close()
        finally:
            server.terminate()


def _work(browser: Browser, site: str) -> None:
    """Something to see on the page of jobs."""
    page = browser.new_page(base_url=site)
    page.goto("/jobs")
    page.get_by_role("button", name="Build now").click()
    expect(page.get_by_text("succeeded").first).to_be_visible(timeout=300_000)
    page.close()


def _take(browser: Browser, site: str, look: str, options: dict[str, Any]) -> None:
    (FOLDER / look).mkdir(parents=True, exist_ok=True)
    page = browser.new_context(base_url=site, **options).new_page()
    for name, path in PAGES.items():
        page.goto(path)
        page.get_by_role("heading", level=1).wait_for()
        expect(page.locator("[aria-busy=true], [aria-label^=Loading]")).to_have_count(0)
        expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
        page.wait_for_timeout(_DRAWN)
        page.screenshot(path=FOLDER / look / f"{name}.png")
    page.context.close()


if __name__ == "__main__":
    main()

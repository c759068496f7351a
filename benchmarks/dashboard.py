"""The dashboard in a browser: when its frame is painted, what the first page takes, whether 10,000 rows scroll; and how
long the server works for that page, for the demo vendor and for many tenants: warm, as the first thing of a new server,
and as the first thing after a build. Each in milliseconds of the clock, and of the server's processors.

    python benchmarks/dashboard.py [--lake LAKE] [--loads 15] [--tenants 5000 --months 24] [--only paint scroll server]

Loads of the overview alternate with those of a plain document (a heading and nothing else) in the same browser, each
with an empty cache: their ratio says more than milliseconds of a machine that has other things to do. LAKE is of
`tenantry demo`, by default made anew. The wide vendor's bill has twelve services, one charge of each a month, shared by
one event of each tenant, and a charge a day of one tenant's own account: tables of days are small, but have a file for
each day, and months and tenants, which the overview reads, are all there.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from threading import Thread
from time import perf_counter
from typing import Any

import duckdb
import httpx
from playwright.sync_api import Browser, Page, Route, sync_playwright

BARS = {
    "first contentful paint, ms": 300,
    "transferred, kB": 450,
    "frame while scrolling, median ms": 17,
    "frame while scrolling, 95th ms": 34,
    "server, demo vendor, ms": 300,
    "server, wide vendor, ms": 300,
    "server, wide vendor, after a build, ms": 300,
    "processors, demo vendor, ms": 300,
    "processors, wide vendor, ms": 300,
    "processors, wide vendor, after a build, ms": 300,
}
PAINTED = """() => new Promise((tell) => new PerformanceObserver((list) => {
  for (const one of list.getEntriesByName('first-contentful-paint')) tell(one.startTime);
}).observe({type: 'paint', buffered: true}))"""
# When the figures are there, by the browser's own clock.
WATCH = """
new MutationObserver((_, watch) => {
  if (!document.querySelector('section[aria-label="Cost"]')) return;
  window.figures = performance.now();
  watch.disconnect();
}).observe(document, {childList: true, subtree: true});
"""
SCROLL = """async () => {
  const area = document.querySelector('[aria-label="Table: Tenants"]');
  const frames = [];
  let last = await new Promise(requestAnimationFrame);
  for (let n = 0; n < 240; n += 1) {
    area.scrollTop += 120;
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    last = now;
  }
  return frames;
}"""
ROWS = 10_000
Figures = dict[str, list[float]]


class Plain(BaseHTTPRequestHandler):
    """What a browser paints at best."""

    def do_GET(self) -> None:
        body = b"<!doctype html><title>Plain</title><h1>Plain</h1>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def plain() -> Generator[str]:
    server = HTTPServer(("127.0.0.1", 0), Plain)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@dataclass(frozen=True)
class Served:
    """A server, and the process that it is."""

    site: str
    process: int

    def worked(self) -> float:
        """Milliseconds of processors until now."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(lake: Path) -> Generator[Served]:
    """`tenantry serve`, in a process of its own."""
    with HTTPServer(("127.0.0.1", 0), Plain) as free:
        address = f"127.0.0.1:{free.server_port}"
    command = [sys.executable, "-m", "tenantry", "serve", "--lake", str(lake), "--bind", address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            site = server.stdout.readline().decode().strip() if server.stdout else ""
            yield Served(site, server.pid)
        finally:
            server.terminate()


@contextmanager
def opened(browser: Browser, site: str) -> Iterator[Page]:
    context = browser.new_context(base_url=site, viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


def paint(browser: Browser, site: str, loads: int, figures: Figures) -> None:
    with plain() as simple:
        load(browser, site)  # what is made once, of files or queries, is made
        for _ in range(loads):
            with opened(browser, simple) as page:
                page.goto("/")
                keep(figures, "plain document, ms", page.evaluate(PAINTED))
            for name, value in load(browser, site).items():
                keep(figures, name, value)


def keep(figures: Figures, name: str, value: float) -> None:
    figures.setdefault(name, []).append(value)


def load(browser: Browser, site: str) -> dict[str, float]:
    with opened(browser, site) as page:
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        sizes: list[float] = []
        session.on("Network.loadingFinished", lambda e: sizes.append(e["encodedDataLength"]))
        page.add_init_script(WATCH)
        page.goto("/")
        page.get_by_role("region", name="Cost", exact=True).wait_for()
        page.locator("figure svg path").first.wait_for(state="attached")
        return {
            "first contentful paint, ms": page.evaluate(PAINTED),
            "figures shown, ms": page.evaluate("window.figures"),
            "transferred, kB": sum(sizes) / 1000,
        }


def scroll(browser: Browser, site: str, figures: Figures) -> None:
    def many(route: Route) -> None:
        document = route.fetch().json()
        rows = document["data"]
        document["data"] = [
            {**rows[n % len(rows)], "tenant_id": f"t{n:05}", "currency": rows[0]["currency"]}
            for n in range(ROWS)
        ]
        route.fulfill(json=document)

    with opened(browser, site) as page:
        page.route("**/api/v1/overview/tenants*", many)
        page.goto("/tenants")
        page.get_by_role("region", name="Table: Tenants").get_by_role("link").first.wait_for()
        page.wait_for_timeout(1_000)
        for _ in range(3):
            frames = page.evaluate(SCROLL)
            keep(figures, "frame while scrolling, median ms", median(frames))
            keep(figures, "frame while scrolling, 95th ms", quantiles(frames, n=20)[-1])


def asked_by(browser: Browser, site: str) -> list[str]:
    """What the overview asks the server for, its stream of news apart."""
    found: list[str] = []
    with opened(browser, site) as page:
        page.on("request", lambda r: found.append(r.url) if re.search("/api/|/auth/", r.url) else None)
        page.goto("/")
        page.locator("figure svg path").first.wait_for(state="attached")
    return [url.removeprefix(site) for url in found if not url.endswith("/live")]


def serve(server: Served, paths: list[str], name: str, figures: Figures, times: int = 9) -> None:
    """All that one load of the overview asks for, one after the other."""
    with httpx.Client(base_url=server.site, timeout=60) as client:
        for _ in range(times):
            began, worked = perf_counter(), server.worked()
            for path in paths:
                client.get(path).raise_for_status()
            keep(figures, f"server, {name}, ms", (perf_counter() - began) * 1000)
            keep(figures, f"processors, {name}, ms", server.worked() - worked)


def serve_wide(browser: Browser, lake: Path, figures: Figures) -> None:
    """Warm, as the first thing of a new server, and after builds beside it."""
    with served(lake) as server:
        paths = asked_by(browser, server.site)
        serve(server, paths, "wide vendor", figures)
        for nth in range(3):
            rename(lake, nth)
            serve(server, paths, "wide vendor, after a build", figures, times=1)
    with served(lake) as server:
        serve(server, paths, "wide vendor, new server", figures, times=1)


def demo(lake: Path) -> None:
    tenantry("demo", "--no-serve", "--lake", str(lake))


def tenantry(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "tenantry", *words], check=True, stdout=subprocess.DEVNULL)


def wide(lake: Path, tenants: int, months: int) -> None:
    """A lake of many tenants and months, made and built as far as the overview needs it."""
    files = lake.parent / "wide"
    files.mkdir()
    starts = [f"{2024 + m // 12}-{m % 12 + 1:02}-01" for m in range(months + 1)]
    names = [f"tenant-{n:05}" for n in range(tenants)]
    own = {names[0]: "silo"}
    table(
        files / "tenants.csv",
        "tenant_id,name,accounts,tier",
        ([n, n.title(), own.get(n, ""), "pro"] for n in names),
    )
    table(
        files / "subscriptions.csv",
        "tenant_id,plan,started_on,amount,currency,interval,quantity",
        ([n, "pro", starts[0], 100, "USD", "month", 1] for n in names),
    )
    heads = (
        "BillingAccountId,SubAccountId,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,"
        "BillingCurrency,ProviderName,ServiceName,ServiceCategory,BilledCost,EffectiveCost,ListCost,ContractedCost"
    )
    periods = [(f"{a}T00:00:00Z", f"{b}T00:00:00Z") for a, b in pairwise(starts)]
    days = [date.fromisoformat(a) + timedelta(days=d) for a in starts[:-1] for d in range(31)]
    table(files / "bill.csv", heads, (
        *(["payer", "", *p, *p, "Usage", "USD", "AWS", f"Service {s}", "Compute", *[20_000 + 7 * s] * 4]
          for p in periods for s in range(12)),
        *(["payer", "silo", *period_of(periods, day), f"{day}T00:00:00Z", f"{day + timedelta(days=1)}T00:00:00Z",
           "Usage", "USD", "AWS", "Own", "Compute", *[3] * 4]
          for day in sorted(set(days)) if f"{day}" < starts[-1]),
    ))  # fmt: skip
    moments = ", ".join(f"TIMESTAMP '{start} 12:00:00'" for start in starts[:-1])
    duckdb.sql(
        "SELECT concat_ws('/', t, s, m) AS id, 'bench' AS source, m AS time, printf('tenant-%05d', t) AS tenant_id,"
        " NULL::VARCHAR AS feature_id, 'Service ' || s AS service_name, 'ms' AS meter,"
        " (1 + hash(t * 12 + s) % 1000)::DECIMAL(38, 9) AS quantity"
        f" FROM range({tenants}) AS a(t), range(12) AS b(s), (SELECT unnest([{moments}]) AS m)"
    ).write_parquet(str(files / "usage.parquet"))
    from tenantry import app

    plane = app.open_plane(str(lake))
    plane.ingest([str(path) for path in sorted(files.iterdir())])
    plane.build(("margin",))


def period_of(periods: list[tuple[str, str]], day: date) -> tuple[str, str]:
    return next(period for period in reversed(periods) if period[0] <= f"{day}T00:00:00Z")


def rename(lake: Path, nth: int) -> None:
    """Another tier for one tenant, and what follows from it."""
    from tenantry import app

    file = lake.parent / "wide" / "tenants.csv"
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[1] = lines[1].rpartition(",")[0] + f",tier-{nth}"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    plane = app.open_plane(str(lake))
    plane.ingest([str(file)])
    plane.build(("margin",))


def table(path: Path, heads: str, rows: Iterator[list[Any]] | Any) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([heads.split(","), *rows])


def report(figures: Figures) -> bool:
    """Print all medians beside their bars; True where none is missed."""
    print(
        f"load of the machine: {os.getloadavg()[0]:.1f}\n\n{'median':<46}{'figure':>10}{'range':>20}{'bar':>8}"
    )
    met = True
    for name, values in figures.items():
        limit = BARS.get(name)
        missed = limit is not None and median(values) > limit
        met &= not missed
        span = f"{min(values):.0f} to {max(values):.0f}"
        print(f"{name:<46}{median(values):>10.1f}{span:>20}{limit or '':>8}{'   MISSED' * missed}")
    if "plain document, ms" in figures:
        ratio = median(figures["first contentful paint, ms"]) / median(figures["plain document, ms"])
        print(f"\nfirst contentful paint / plain document: {ratio:.2f}")
    return met


def main() -> int:
    parser = argparse.ArgumentParser(prog="dashboard", description=__doc__.partition("\n")[0])
    parser.add_argument("--lake", type=Path, help="of `tenantry demo` (default: made anew)")
    parser.add_argument("--loads", type=int, default=15)
    parser.add_argument("--tenants", type=int, default=5_000)
    parser.add_argument("--months", type=int, default=24)
    steps = ("paint", "scroll", "server", "wide")
    parser.add_argument("--only", nargs="+", choices=steps, default=steps)
    parser.add_argument("--json", type=Path, default=Path("build/dashboard.json"))
    options = parser.parse_args()
    figures: Figures = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary, sync_playwright() as playwright:
        folder = Path(temporary)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        does: dict[str, Callable[[Served], None]] = {
            "paint": lambda server: paint(browser, server.site, options.loads, figures),
            "scroll": lambda server: scroll(browser, server.site, figures),
            "server": lambda server: serve(server, asked_by(browser, server.site), "demo vendor", figures),
        }
        if set(options.only) - {"wide"}:
            lake = options.lake or folder / "demo"
            if not lake.exists():
                demo(lake)
            with served(lake) as server:
                for step in options.only:
                    if step in does:
                        does[step](server)
        if "wide" in options.only:
            wide(folder / "lake", options.tenants, options.months)
            serve_wide(browser, folder / "lake", figures)
        browser.close()
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0 if report(figures) else 1


if __name__ == "__main__":
    raise SystemExit(main())

"""The demo vendor in a browser: loaded from the first page, its sums on every way down, its tables and charts as files.

Sums are of the exact decimals that the pages were given, and equal to the last unit; files are held against what stands
on the screen, figure by figure.
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Generator, Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pytest
from browsing import NEEDS, chromium, opened, settled
from playwright.sync_api import Browser, Locator, Page, Response, Route, expect
from serving import serving

from tenantry import app

MONTH = "range=2026-10-01..2026-11-01"
pytestmark = NEEDS


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """A lake that was empty when somebody pressed "Load demo data", and what they saw until the end."""
    lake = str(tmp_path_factory.mktemp("lake"))
    worker = app.open_worker(lake, months=3, tenants=24)
    with serving(app.open_app(app.open_plane(lake), worker=worker)) as site:
        with opened(browser, site, expected=404) as page:
            page.goto("/")
            expect(page.get_by_role("heading", level=1)).to_have_text("Welcome to Tenantry")
            page.get_by_role("button", name="Load demo data").click()
            page.wait_for_url("**/bring?job=1")
            expect(page.get_by_text("Every figure matches the bill, to the last unit.")).to_be_visible()
            answer = page.get_by_role("region", name="The first answer")
            expect(answer.get_by_role("link", name="Teal Partners")).to_be_visible()
            expect(page.get_by_role("region", name="How they were read")).to_contain_text("0 quarantined")
            page.get_by_role("link", name="Open the overview").click()
            expect(page.get_by_role("region", name="Cost", exact=True)).to_contain_text("$")
            settled(page)
        yield site


# --- the parts are the whole ---------------------------------------------------------------------------------


class Told:
    """What pages were told by tools, exactly."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._answers: list[tuple[str, dict[str, str], Response]] = []
        page.on("response", self._keep)

    def _keep(self, response: Response) -> None:
        asked = urlsplit(response.url)
        found = re.fullmatch(r".*/api/v1/(\w+)/(\w+)", asked.path)
        if found and response.ok and found[1] not in {"decisions", "live"}:
            self._answers.append((".".join(found.groups()), dict(parse_qsl(asked.query)), response))

    def open(self, path: str) -> None:
        self._answers.clear()
        self.page.goto(path)
        settled(self.page)

    def __call__(self, tool: str, **given: str) -> Any:
        """The newest answer of a tool that was asked with these arguments."""
        answer = next(
            response
            for name, asked, response in reversed(self._answers)
            if name == tool and given.items() <= asked.items()
        )
        return json.loads(answer.text(), parse_float=Decimal)["data"]


def total(rows: Iterable[dict[str, Any]], column: str, **equals: Any) -> Decimal:
    return sum(
        (Decimal(row[column]) for row in rows if all(row[k] == v for k, v in equals.items())), Decimal(0)
    )


@pytest.fixture
def told(browser: Browser, site: str) -> Generator[Told]:
    with opened(browser, site) as page:
        yield Told(page)


@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_the_overview_is_its_tenants_services_features_and_rungs(told: Told, currency: str):
    at = f"{MONTH}&currency={currency}"
    told.open(f"/?{at}")
    [whole] = [one for one in told("overview.summary")["standings"] if one["currency"] == currency]
    cost = Decimal(whole["effective_cost"])
    [month] = [
        row for row in told("overview.months") if (row["month"], row["currency"]) == ("2026-10-01", currency)
    ]
    movers = told("overview.summary")["movers"]
    for measure in ("revenue", "effective_cost", "margin"):
        assert Decimal(month[measure]) == Decimal(whole[measure])

    told.open(f"/tenants?{at}")
    tenants = [row for row in told("overview.tenants") if row["currency"] == currency]
    for measure in ("revenue", "effective_cost", "margin"):
        assert total(tenants, measure) == Decimal(whole[measure])
    for row in movers:
        if row["currency"] == currency:
            assert total(tenants, "cost_change", tenant_id=row["tenant_id"]) == Decimal(row["cost_change"])

    told.open(f"/health?{at}")
    assert total(told("cost_per_tenant.coverage"), "cost", currency=currency) == cost
    told.open(f"/explore/cost_per_tenant?tool=tiers&{at}")
    tiers = [row for row in told("cost_per_tenant.tiers") if row["currency"] == currency]
    assert total(tiers, "cost") == cost
    for tier in tiers:
        if not tier["tier"].startswith("("):
            assert total(tenants, "effective_cost", tier=tier["tier"]) == Decimal(tier["cost"])

    for shared in ("apart", "spread"):
        told.open(f"/features?{at}&shared={shared}")
        assert total(told("cost_per_feature.rank"), "cost", currency=currency) == cost
    told.open(f"/services?{at}")
    assert total(told("cost_profile.services"), "net", currency=currency) == cost


def test_each_tenant_is_its_lines(told: Told):
    told.open(f"/tenants?{MONTH}")
    rows = [row for row in told("overview.tenants") if row["currency"] == "USD"]
    for row in rows:
        path = f"/api/v1/cost_per_tenant/tenant?tenant_id={quote(row['tenant_id'])}&window=2026-10"
        lines = json.loads(told.page.request.get(path).text())["data"]
        assert total(lines, "cost", currency="USD") == Decimal(row["effective_cost"]), row["tenant_id"]


# --- every way down that pages show --------------------------------------------------------------------------

LINKS = """() => [...document.querySelectorAll('a[href]')].map((one) => one.pathname + one.search)"""
WITHOUT_PARTS = r"/(ask|audit|bring|decisions|explore|forecasts|insights|jobs|lineage|settings)(/.*)?"
EACH = 3
"""Pages of a kind that one page leads to: the first ones, the last, and all that are no tenant's."""


class Down:
    """Opens pages and holds what they show against the page that led to them."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.whole = Decimal(0)
        self.tenants: dict[str, dict[str, Any]] = {}
        self.features: dict[str, Decimal] = {}
        self.services: dict[str, Decimal] = {}
        self.checks = {
            r"/": self.overview,
            r"/tenants": self.all_tenants,
            r"/tenants/([^/]+)": self.tenant,
            r"/features": self.all_features,
            r"/features/([^/]+)": self.feature,
            r"/services": self.all_services,
            r"/services/([^/]+)": self.service,
            r"/health": self.health,
        }

    def kind(self, path: str) -> str:
        """Fails for a page of which nobody said what its parts are, nor that it has none."""
        if re.fullmatch(WITHOUT_PARTS, path):
            return ""
        return next(kind for kind in self.checks if re.fullmatch(kind, path))

    def open(self, link: str) -> list[str]:
        """Where a page leads, once it was found to be the sum that led to it."""
        path = urlsplit(link).path
        kind = self.kind(path)
        if not kind:
            return []
        self.told.open(link)
        self.checks[kind](*map(unquote, re.findall(kind, path) if "(" in kind else ()))
        return self.told.page.evaluate(LINKS)

    def rows(self, tool: str, **given: str) -> list[dict[str, Any]]:
        return [row for row in self.told(tool, **given) if row["currency"] == "USD"]

    def overview(self) -> None:
        [whole] = [one for one in self.told("overview.summary")["standings"] if one["currency"] == "USD"]
        self.whole = Decimal(whole["effective_cost"])

    def all_tenants(self) -> None:
        self.tenants = {row["tenant_id"]: row for row in self.rows("overview.tenants")}
        assert total(self.tenants.values(), "effective_cost") == self.whole

    def tenant(self, name: str) -> None:
        row = self.tenants[name]
        cost = Decimal(row["effective_cost"])
        expect(self.told.page.locator("[data-check=sums]")).to_be_visible()
        assert total(self.rows("cost_per_tenant.tenant", tenant_id=name), "cost") == cost
        assert (
            total(self.rows("overview.months", tenant_id=name), "effective_cost", month="2026-10-01") == cost
        )
        changed = self.rows("cost_per_tenant.change")
        assert (total(changed, "after"), total(changed, "before")) == (cost, Decimal(row["cost_before"]))
        effects = ("volume", "mix", "price", "driver", "rule", "correction", "other")
        assert sum(total(changed, effect) for effect in effects) == Decimal(row["cost_change"])

    def all_features(self) -> None:
        self.features = {
            row["feature_id"]: Decimal(row["cost"]) for row in self.rows("cost_per_feature.rank")
        }
        assert sum(self.features.values()) == self.whole

    def feature(self, name: str) -> None:
        parts = self.rows("cost_per_feature.feature", feature_id=name, by="tenant")
        assert total(parts, "cost") == self.features[name]

    def all_services(self) -> None:
        self.services = {
            row["service_name"]: Decimal(row["net"]) for row in self.rows("cost_profile.services")
        }
        assert sum(self.services.values()) == self.whole

    def service(self, name: str) -> None:
        assert total(self.rows("cost_profile.users", service_name=name), "cost") == self.services[name]

    def health(self) -> None:
        assert total(self.rows("cost_per_tenant.coverage"), "cost") == self.whole


def test_every_page_that_links_lead_to_is_the_sum_that_led_there(told: Told):
    """From the overview along all links: the lists first, then some pages of each list, with the months they are of."""
    down = Down(told)
    at = f"{MONTH}&currency=USD"
    waiting, seen = [f"/?{at}"], {"/"}
    while waiting:
        found: dict[str, list[str]] = defaultdict(list)
        for link in down.open(waiting.pop(0)):
            kind = down.kind(urlsplit(link).path)
            if kind and urlsplit(link).path not in seen:
                assert "range=2026-10-01..2026-11-01" in link
                found[kind].append(link)
        for kind, links in found.items():
            apart = [link for link in links if "/(" in unquote(link)]
            for link in [*links[:EACH], links[-1], *apart] if "(" in kind else links:
                if urlsplit(link).path not in seen:
                    seen.add(urlsplit(link).path)
                    waiting.append(link)
        waiting.sort(key=lambda link: urlsplit(link).path.count("/") + (urlsplit(link).path != "/"))
    kinds = {down.kind(path) for path in seen}
    assert kinds == set(down.checks)
    assert any(path.startswith("/tenants/(") for path in map(unquote, seen)), (
        "unallocated is a row like others"
    )


@pytest.mark.parametrize("shared", ["apart", "spread"])
def test_each_feature_is_its_tenants_tiers_services_and_month(told: Told, shared: str):
    told.open(f"/features?{MONTH}&shared={shared}")
    rows = [row for row in told("cost_per_feature.rank") if row["currency"] == "USD"]
    link = told.page.get_by_role("region", name="Table: Cost per feature and use").get_by_role("link").first
    first = link.inner_text()
    link.click()
    told.page.wait_for_url("**/features/**")
    settled(told.page)
    cost = total(rows, "cost", feature_id=first)
    for by in ("tier", "service", "tenant"):
        told.open(f"/features/{quote(first)}?{MONTH}&shared={shared}&by={by}")
        parts = told("cost_per_feature.feature", by=by)
        assert total(parts, "cost", currency="USD") == cost
        table = told.page.get_by_role("region", name=f"Table: Cost by {by}")
        assert table.get_by_role("row").count() == len([p for p in parts if p["currency"] == "USD"]) + 1
    assert f"shared={shared}" in told.page.url or shared == "apart"


@pytest.mark.parametrize("basis", ["billed", "list", "contracted"])
def test_each_service_is_its_tenants_and_the_bill_on_every_basis(told: Told, basis: str):
    told.open(f"/services?{MONTH}&basis={basis}")
    services = [row for row in told("cost_profile.services") if row["currency"] == "USD"]
    trend = told("cost_profile.trend")
    assert total(trend, "cost", month="2026-10-01", currency="USD") == total(services, "net")
    rows = told.page.get_by_role("region", name="Table: Cost by service").get_by_role("link")
    for nth in (0, len(services) - 1):
        name = rows.nth(nth).inner_text()
        rows.nth(nth).click()
        told.page.wait_for_url("**/services/**")
        settled(told.page)
        assert f"basis={basis}" in told.page.url
        users = told("cost_profile.users")
        assert total(users, "cost", currency="USD") == total(services, "net", service_name=name)
        told.page.go_back()
        settled(told.page)


def test_forecasts_of_tiers_and_tenants_are_the_whole(told: Told):
    for measure in ("cost", "revenue", "margin"):
        wholes: dict[tuple[str, str], Decimal] = {}
        for level in ("total", "tier", "tenant"):
            path = f"/api/v1/cost_forecast/forecast?level={level}&measure={measure}&top=1000"
            sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
            for row in json.loads(told.page.request.get(path).text())["data"]:
                sums[row["currency"], row["month"]] += Decimal(row["mean"])
            wholes = wholes or dict(sums)
            assert sums == wholes, f"{measure} by {level}"
        assert wholes
    told.open("/forecasts?level=tenant")
    expect(told.page.get_by_text("The parts sum to the whole above.")).to_be_visible()


def test_the_certificate_says_one_sum_at_every_step(told: Told):
    told.open(f"/health?{MONTH}")
    certificate = told("reconciliation.certificate")
    assert certificate["reconciles"]
    for row in certificate["totals"]:
        assert row["bill"] == row["pools"] == row["allocated"] == row["tenants"]


# --- files are what the screen shows -------------------------------------------------------------------------

PAGES = (
    f"/?{MONTH}",
    f"/tenants?{MONTH}",
    f"/tenants?{MONTH}&f.tier=pro&sort=margin",
    f"/tenants/teal-partners?{MONTH}",
    f"/features?{MONTH}",
    f"/features/search?{MONTH}",
    f"/services?{MONTH}",
    f"/services/Amazon%20Bedrock?{MONTH}",
    "/forecasts?if.price=5",
    f"/health?{MONTH}",
    "/ask?q=cost by tier in October 2026",
    f"/explore/cost_per_feature?tool=adoption&{MONTH}",
    "/jobs",
    "/audit",
    "/settings",
)
WITHOUT = {"/jobs", "/audit"}
DRAWN = "(drawn)"
SUFFIX = {"k": 3, "K": 3, "M": 6, "B": 9, "T": 12, "%": -2}


def fits(shown: str, exact: str) -> bool:
    """Whether a file's value is what stands there: a figure to the last digit shown, else the same words."""
    if not exact:
        return shown in {"", "n/a", "never", "not set"}
    if exact.startswith("{"):
        said = [value for value in json.loads(exact).values() if isinstance(value, str | int)]
        return all(str(value) in shown for value in said)
    if shown == DRAWN or exact.endswith(f"/{shown}"):
        return True
    if re.fullmatch(r"\d{4}-\d\d-\d\d(T[\d:.]+(Z|\+00:00)?)?", exact):
        return date_fits(shown, exact)
    plain = exact.replace("; ", ", ").replace("_", " ").casefold()
    if plain in {shown.replace("_", " ").casefold(), {"yes": "true", "no": "false"}.get(shown)}:
        return True
    return figures_fit(shown, exact)


def date_fits(shown: str, exact: str) -> bool:
    """A day or moment as it is, or in words in this machine's zone: `Oct 2026`, `Oct 3, 2026`, `Oct 3, 2026, 09:00`."""
    if exact in {shown, f"{shown}T00:00:00Z"}:
        return True
    at = datetime.fromisoformat(exact)
    here = at.astimezone() if "T" in exact else at
    month, day = f"{here:%b} {here.year}", f"{here:%b} {here.day}, {here.year}"
    return shown in {day, f"{day}, {here:%H:%M}"} or (shown == month and here.day == 1)


def figures_fit(shown: str, exact: str) -> bool:
    figure = re.search(r"(\u2212?)\+?[^\d\u2212]{0,3}([\d,]+)(\.\d+)?([kKMBT%]?)", shown)
    if figure is None or not re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", exact):
        return False
    minus, whole, part, suffix = figure.groups()
    scale = Decimal(10) ** SUFFIX.get(suffix, 0)
    said = Decimal(f"{whole.replace(',', '')}{part or ''}") * scale * (-1 if minus else 1)
    digit = Decimal(10) ** -len((part or ".")[1:]) * scale
    return abs(said - Decimal(exact)) <= digit / 2 + Decimal("1e-9")


def file_of(page: Page, button: Locator) -> list[list[str]]:
    with page.expect_download() as download:
        button.click()
    return list(csv.reader(Path(download.value.path()).read_text(encoding="utf-8").splitlines()))


# The table that a button is of: a chart's once it is viewed as one, else the one below; with what links lead to and
# times are exactly.
READ = """async (button) => {
  const chart = button.closest('figure');
  if (chart) {
    chart.querySelector('[aria-label="View as table"]').click();
    while (!chart.querySelector('table')) await new Promise(requestAnimationFrame);
  }
  let place = button;
  while (!place.querySelector('table')) place = place.parentElement;
  const table = place.querySelector('table');
  const link = (one) => decodeURIComponent(one.pathname.split('/').at(-1));
  const text = (cell) => [
    cell.querySelector('polyline') ? '(drawn)' : cell.innerText.trim(), ...[...cell.querySelectorAll('a')].map(link),
    ...[...cell.querySelectorAll('time')].map((one) => one.dateTime),
  ];
  const rows = [...table.querySelectorAll('tbody tr:not([aria-hidden])')];
  return {
    heads: [...table.querySelectorAll('thead th')].map((head) => head.innerText.trim()),
    rows: rows.map((row) => [...row.querySelectorAll('td, th')].map(text)),
  };
}"""


def compare(heads: list[str], rows: list[list[list[str]]], file: list[list[str]]) -> None:
    columns = [nth for nth, head in enumerate(heads) if head != "Actions"]
    assert [heads[nth] for nth in columns] == file[0][: len(columns)]
    assert len(rows) == len(file) - 1
    for shown, exact in zip(rows, file[1:], strict=True):
        for nth, value in zip(columns, exact, strict=False):
            assert any(fits(text, value) for text in shown[nth]), f"{heads[nth]}: {shown[nth]} is {value!r}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: re.sub(r"[^\w/=.&]", "_", path.replace(MONTH, "")))
def test_each_file_is_what_its_table_or_chart_shows(browser: Browser, site: str, path: str):
    with opened(browser, site) as page:
        page.goto(path)
        settled(page)
        expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
        buttons = page.get_by_role("button", name=re.compile(r"^Download .* as CSV$")).all()
        for button in buttons:
            file = file_of(page, button)
            read = button.evaluate(READ)
            compare(read["heads"], read["rows"], file)
        assert buttons or path in WITHOUT


def test_the_file_of_findings_has_those_on_the_screen(browser: Browser, site: str):
    with opened(browser, site) as page:
        page.goto("/insights")
        settled(page)
        told = page.get_by_role("article").all()
        heads, *rows = file_of(page, page.get_by_role("button", name="Download findings as CSV"))
        assert len(rows) == len(told) > 0
        for card, row in zip(told, rows, strict=True):
            expect(card).to_contain_text(row[heads.index("Subject")].rpartition(":")[2])
            assert figures_fit(card.get_by_text("/ month").inner_text(), row[heads.index("Impact a month")])


def test_no_file_is_given_before_its_last_column_is_there(browser: Browser, site: str):
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    with opened(browser, site) as page:
        page.route(re.compile(r"/figures/totals"), hold)
        page.goto(f"/tenants?{MONTH}")
        button = page.get_by_role("button", name="Download Tenants as CSV")
        expect(page.get_by_role("link", name="Sierra Health")).to_be_visible()
        expect(button).to_be_disabled()
        held.pop().continue_()
        expect(button).to_be_enabled()
        heads, *rows = file_of(page, button)
        assert all(row[heads.index("Trend")] for row in rows[:100])

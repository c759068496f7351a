"""The demo vendor: deterministic, exact, and telling the story it says it tells."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import shutil
import tomllib
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tenantry.errors import TenantryError
from tenantry.methods.accuracy import AllocationError, allocation_error
from tenantry.methods.policy import Policy
from tenantry.sources.demo import write_vendor

pytestmark = pytest.mark.slow

SMALL: dict[str, Any] = {"months": 6, "tenants": 40, "end": date(2026, 7, 1)}
COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")


class Vendor:
    """A small vendor's files, read back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[str, Any] = json.loads((folder / "truth" / "truth.json").read_text())
        self.sql = duckdb.connect()
        self.sql.execute("SET TimeZone = 'UTC'")
        parquet = [str(path) for path in sorted((folder / "bills").glob("**/*.parquet"))]
        self.superseded, *_ = [p for p in parquet if "-6b1f0c9e" in p]
        parquet.remove(self.superseded)
        self.sql.execute(f"CREATE VIEW bills AS SELECT * FROM read_parquet({parquet})")
        self.sql.execute(f"CREATE VIEW raw_usage AS SELECT * FROM '{folder}/usage/*.parquet'")
        self.sql.execute("CREATE VIEW usage AS SELECT DISTINCT * FROM raw_usage")
        self.sql.execute(f"CREATE VIEW truth AS SELECT * FROM '{folder}/truth/tenant_cost.parquet'")
        for name in ("tenants", "subscriptions", "active_users"):
            self.sql.execute(f"CREATE VIEW {name} AS SELECT * FROM read_csv('{folder}/{name}.csv')")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.sql.execute(sql).fetchall()

    def one(self, sql: str) -> Any:
        return self.rows(sql)[0][0]


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Vendor:
    folder = tmp_path_factory.mktemp("vendor")
    write_vendor(folder, **SMALL)
    return Vendor(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_arguments_write_the_same_bytes(vendor: Vendor, tmp_path: Path):
    steps: list[tuple[int, int]] = []
    write_vendor(tmp_path, **SMALL, progress=lambda done, of: steps.append((done, of)))
    assert steps == [(n, 6) for n in range(1, 7)]
    assert contents(tmp_path) == contents(vendor.folder)


def test_the_values_are_the_same_on_every_machine(vendor: Vendor):
    """Parquet's bytes depend on the library that writes them; the values may not depend on anything."""
    digest = hashlib.sha256()
    for name, data in contents(vendor.folder).items():
        digest.update(name.encode())
        if name.endswith(".parquet"):
            table = pq.read_table(pa.BufferReader(data))
            digest.update(repr([column.to_pylist() for column in table.columns]).encode())
        else:
            digest.update(gzip.decompress(data) if name.endswith(".gz") else data)
    assert digest.hexdigest() == "e036b01b62d833456b9c7e1413a7b9ae1dcd260504debdc5b5a52f2ee6cd6d11"


def test_another_seed_is_another_vendor_and_replaces_the_first(tmp_path: Path):
    few: dict[str, Any] = {"months": 3, "tenants": 24}
    write_vendor(tmp_path, **few)
    first = contents(tmp_path)
    write_vendor(tmp_path, **few, end=date(2026, 6, 1), seed=8)
    second = contents(tmp_path)
    assert len(second) == len(first)
    alike = ("tenantry.toml", "logs/openapi.json")
    assert all("2026-10" in name or second.get(name) != first[name] for name in first if name not in alike)


def test_a_vendor_half_written_or_half_deleted_is_replaced(tmp_path: Path):
    few: dict[str, Any] = {"months": 3, "tenants": 24}

    class Killed(BaseException):
        pass

    def killed(done: int, months: int) -> None:
        raise Killed

    write_vendor(tmp_path / "whole", **few)
    with pytest.raises(Killed):
        write_vendor(tmp_path / "killed", **few, end=date(2026, 6, 1), seed=8, progress=killed)
    shutil.rmtree(tmp_path / "killed" / "bills")
    write_vendor(tmp_path / "killed", **few)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


@pytest.mark.parametrize("arguments", [{"months": 2}, {"tenants": 23}, {"end": date(2026, 7, 2)}])
def test_a_vendor_too_small_for_its_story_is_refused(tmp_path: Path, arguments: dict[str, Any]):
    with pytest.raises(TenantryError) as refused:
        write_vendor(tmp_path / "none", **arguments)
    assert refused.value.exit_code == 2
    assert not (tmp_path / "none").exists()


def test_the_truth_is_the_bill_to_the_last_unit(vendor: Vendor):
    """Per billing period, service and currency; the first month is CSV and is summed from its text."""
    bill = {
        (period, service, currency): cost
        for period, service, currency, cost in vendor.rows(
            "SELECT CAST(BillingPeriodStart AS DATE), ServiceName, BillingCurrency, sum(EffectiveCost)"
            " FROM bills GROUP BY ALL"
        )
    }
    for row in first_month(vendor):
        key = date.fromisoformat(row["BillingPeriodStart"][:10]), row["ServiceName"], row["BillingCurrency"]
        bill[key] = bill.get(key, Decimal(0)) + Decimal(row["EffectiveCost"])
    true = {
        (period, service, currency): cost
        for period, service, currency, cost in vendor.rows(
            "SELECT billing_period, service_name, currency, sum(effective_cost) FROM truth GROUP BY ALL"
        )
    }
    assert true == {key: cost for key, cost in bill.items() if cost or key in true}


def test_the_known_totals_are_those_of_the_files(vendor: Vendor):
    for period, currencies in vendor.known["totals"].items():
        if period == "2026-01-01":
            sums = {cost: Decimal(0) for cost in COSTS}
            for row in first_month(vendor):
                if row["BillingCurrency"] == "USD":
                    sums = {cost: total + Decimal(row[cost]) for cost, total in sums.items()}
        else:
            amounts = ", ".join(f"sum({cost})" for cost in COSTS)
            found = vendor.rows(
                f"SELECT {amounts} FROM bills WHERE BillingCurrency = 'USD' AND BillingPeriodStart = '{period}'"
            )
            sums = dict(zip(COSTS, found[0], strict=True))
        assert {cost: Decimal(text) for cost, text in currencies["USD"].items()} == sums
        assert currencies["EUR"]["BilledCost"] == "240"
    rows = vendor.known["rows"]
    assert rows["bills"] == vendor.one("SELECT count(*) FROM bills") + len(first_month(vendor))
    assert rows["usage"] == vendor.one("SELECT count(*) FROM raw_usage")
    assert rows["usage_distinct"] == vendor.one("SELECT count(DISTINCT (source, id)) FROM raw_usage")
    assert rows["usage"] > rows["usage_distinct"]
    assert rows["tenants"] == 40


def first_month(vendor: Vendor) -> list[dict[str, str]]:
    path = vendor.folder / "bills" / "BILLING_PERIOD=2026-01" / "quillhaven-focus-00001.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_csv_month_is_written_as_aws_writes_it(vendor: Vendor):
    rows = first_month(vendor)
    columns = [name for name, *_ in vendor.rows("DESCRIBE bills")]
    assert [c for c in columns if c != "BILLING_PERIOD"] == list(rows[0])
    assert {row["CapacityReservationId"] for row in rows} == {"NULL"}
    assert "" not in {cell for row in rows for cell in row.values()}
    tagged = next(row for row in rows if "tenant" in row["Tags"])
    assert set(json.loads(tagged["Tags"])) == {"team", "env", "tenant"}
    assert rows[0]["ChargePeriodStart"] < rows[0]["ChargePeriodEnd"] < "2026-02-01"


def test_price_times_quantity_is_cost(vendor: Vendor):
    """Rounded to the tenth place, for list and for contracted prices."""
    off = vendor.one(
        "SELECT count(*) FROM bills WHERE abs(CAST(ListUnitPrice AS DECIMAL(19,10)) * CAST(PricingQuantity AS"
        " DECIMAL(19,6)) - ListCost) > 0.00000000005 OR abs(CAST(ContractedUnitPrice AS DECIMAL(19,10)) *"
        " CAST(PricingQuantity AS DECIMAL(19,6)) - ContractedCost) > 0.00000000005"
    )
    assert off == 0
    assert vendor.one("SELECT count(*) FROM bills WHERE ListUnitPrice IS NOT NULL") > 10_000


def test_the_savings_plan_is_paid_once(vendor: Vendor):
    """What was bought is what was used and what was not: FOCUS's rule for a whole term."""
    paid, used, unused, cash = vendor.rows(
        "SELECT sum(BilledCost) FILTER (ChargeCategory = 'Purchase'),"
        " sum(EffectiveCost) FILTER (CommitmentDiscountStatus = 'Used'),"
        " sum(EffectiveCost) FILTER (CommitmentDiscountStatus = 'Unused'),"
        " sum(BilledCost) FILTER (ChargeCategory = 'Usage')"
        " FROM bills WHERE CommitmentDiscountId IS NOT NULL"
    )[0]
    assert paid == used + unused
    assert unused > 0
    assert cash == 0


def test_every_kind_of_charge_is_there(vendor: Vendor):
    kinds = set(vendor.rows("SELECT DISTINCT ChargeCategory, ChargeClass FROM bills"))
    assert kinds >= {
        ("Usage", None), ("Usage", "Correction"), ("Purchase", None), ("Tax", None), ("Credit", None),
    }  # fmt: skip
    accounts = vendor.one("SELECT count(DISTINCT SubAccountId) FROM bills")
    silos = vendor.one("SELECT count(*) FROM tenants WHERE isolation = 'silo'")
    assert accounts == 4 + silos
    assert vendor.one("SELECT count(DISTINCT InvoiceIssuerName) FROM bills") == 3
    late = "SELECT count(*) FROM bills WHERE ChargeClass = 'Correction' AND ChargePeriodEnd <= BillingPeriodStart"
    assert vendor.one(late) == 1
    credited = {
        name
        for name, *_ in vendor.rows("SELECT ChargeDescription FROM bills WHERE ChargeCategory = 'Credit'")
    }
    assert any("SLA" in name for name in credited)
    assert any("Promotional" in name for name in credited)


def test_the_superseded_delivery_is_a_different_bill(vendor: Vendor):
    period = vendor.known["answers"]["story"]["restated"]
    newer = Decimal(vendor.known["totals"][period]["USD"]["BilledCost"])
    older = vendor.one(f"SELECT sum(BilledCost) FROM '{vendor.superseded}' WHERE BillingCurrency = 'USD'")
    assert older != newer
    folders = sorted(
        p.parent.name for p in (vendor.folder / "bills" / f"BILLING_PERIOD={period[:7]}").glob("*/*")
    )
    assert folders[0] in vendor.superseded


def test_the_tenants_tables_agree(vendor: Vendor):
    unpaid = "SELECT tenant_id FROM tenants EXCEPT SELECT tenant_id FROM subscriptions"
    assert vendor.rows(unpaid) == []
    assert (
        vendor.one(
            "SELECT count(*) FROM subscriptions a JOIN subscriptions b ON a.tenant_id = b.tenant_id"
            " AND a.started_on < b.started_on AND (a.ended_on IS NULL OR a.ended_on > b.started_on)"
        )
        == 0
    )
    assert (
        vendor.one(
            "SELECT count(*) FROM active_users u LEFT JOIN tenants t USING (tenant_id) WHERE t.tenant_id IS NULL"
            " OR day < started_on OR day >= coalesce(ended_on, DATE '9999-01-01') OR users <= 0"
        )
        == 0
    )
    assert {tier for tier, *_ in vendor.rows("SELECT DISTINCT tier FROM tenants")} == {
        "basic",
        "pro",
        "enterprise",
    }
    assert {i for i, *_ in vendor.rows("SELECT DISTINCT isolation FROM tenants")} == {
        "silo",
        "pool",
        "bridge",
    }
    assert {c for c, *_ in vendor.rows("SELECT DISTINCT currency FROM subscriptions")} == {"USD", "EUR"}


def test_usage_has_a_name_that_no_table_knows_and_one_that_changed_hands(vendor: Vendor):
    answers = vendor.known["answers"]
    known = set(vendor.rows("SELECT tenant_id FROM tenants"))
    named = set(vendor.rows("SELECT DISTINCT tenant_id FROM usage WHERE source = 'app-meter'"))
    assert named - known == {(answers["unknown"],)}
    moved = answers["alias"]["moved_on"]
    aliases = dict(vendor.rows("SELECT tenant_id, aliases FROM tenants WHERE aliases LIKE '%harbor@%'"))
    assert f"harbor@..{moved}" in aliases[answers["alias"]["until"]]
    assert f"harbor@{moved}.." in aliases[answers["alias"]["from"]]
    first, last = vendor.rows(
        "SELECT min(CAST(time AS DATE)), max(CAST(time AS DATE)) FROM usage WHERE tenant_id = 'harbor'"
    )[0]
    assert first < date.fromisoformat(moved) < last


def test_meters_of_a_service_have_the_services_name_in_the_bill(vendor: Vendor):
    billed = {name for name, *_ in vendor.rows("SELECT DISTINCT ServiceName FROM bills")}
    metered: dict[str, set[str]] = defaultdict(set)
    for service, meter in vendor.rows(
        "SELECT DISTINCT service_name, meter FROM usage WHERE service_name IS NOT NULL"
    ):
        metered[service].add(meter)
    assert set(metered) <= billed
    assert {service: set(meters) for service, meters in vendor.known["drivers"].items()} == metered


def test_dedicated_resources_have_no_meters(vendor: Vendor):
    """Silo tenants count requests only; a bridge tenant's own database is nobody else's, so nobody meters it."""
    silo = "SELECT DISTINCT meter, service_name FROM usage JOIN tenants USING (tenant_id) WHERE isolation = 'silo'"
    assert vendor.rows(silo) == [("requests", None)]
    bridge = "SELECT count(*) FROM usage JOIN tenants USING (tenant_id) WHERE isolation = 'bridge' AND meter = 'db_ms'"
    assert vendor.one(bridge) == 0


def test_the_noisy_tenant_spikes_at_night(vendor: Vendor):
    noisy = vendor.known["answers"]["noisy"]["tenant_id"]
    hour, used = vendor.rows(
        f"SELECT hour(time), sum(quantity) FROM usage WHERE meter = 'db_ms' AND tenant_id = '{noisy}'"
        " GROUP BY ALL ORDER BY 2 DESC LIMIT 1"
    )[0]
    assert hour in {2, 3}
    rest = vendor.one(f"SELECT sum(quantity) FROM usage WHERE meter = 'db_ms' AND hour(time) = {hour}")
    assert used > rest / 3


def test_the_unprofitable_enterprise_loses_money(vendor: Vendor):
    answers = vendor.known["answers"]
    losers = {row["tenant_id"]: row for row in answers["unprofitable"]}
    loser = losers[answers["unprofitable_enterprise"]]
    assert Decimal(loser["cost"]) > Decimal(loser["revenue"]) > 0
    assert len(losers) < vendor.known["rows"]["tenants"] / 4


def test_the_settings_hold_a_policy(vendor: Vendor):
    settings = tomllib.loads((vendor.folder / "tenantry.toml").read_text())
    policy = Policy.read(settings["allocation"])
    assert {rule.pool for rule in policy.rules} >= {"Compute EU", "Databases US", "Database storage EU"}
    assert "Quillhaven" in settings["business_context"]


def compute_error(vendor: Vendor, driver: str) -> AllocationError:
    """Of the nodes and disks: their cost of each hour and region given by a driver(time, region, tenant, units)."""
    allocated = f"""
        WITH pool AS (
            SELECT ChargePeriodStart + to_hours(h) AS time, RegionId AS region,
                sum(CAST(EffectiveCost AS DOUBLE) / hours) AS cost
            FROM (SELECT *, date_diff('hour', ChargePeriodStart, ChargePeriodEnd) AS hours FROM bills),
                range(24) AS r(h)
            WHERE h < hours AND ServiceName LIKE '%Compute Cloud' AND SubAccountName LIKE 'quillhaven-prod%'
                AND ChargeCategory = 'Usage' AND ChargeClass IS NULL
            GROUP BY ALL),
        driver AS ({driver}),
        total AS (SELECT time, region, sum(units) AS units FROM driver GROUP BY ALL)
        SELECT CAST(date_trunc('month', time) AS DATE) AS month, tenant, sum(cost * d.units / t.units) AS cost
        FROM pool JOIN total AS t USING (time, region) JOIN driver AS d USING (time, region) GROUP BY ALL"""
    true = """
        SELECT month, replace(replace(tenant_id, '(unknown:', ''), ')', '') AS tenant,
            CAST(sum(effective_cost) AS DOUBLE) AS cost FROM truth
        WHERE service_name = 'Amazon Elastic Compute Cloud' AND part IN ('used', 'idle') AND tenant_id <> '(idle)'
            AND month > '2026-01-01'
        GROUP BY ALL"""
    rows = vendor.rows(
        f"SELECT t.month, tenant, coalesce(a.cost, 0), t.cost FROM ({true}) t LEFT JOIN ({allocated}) a"
        " USING (month, tenant)"
    )
    return allocation_error(
        [(month, tenant, Decimal(repr(a)), Decimal(repr(t))) for month, tenant, a, t in rows]
    )


def test_fine_meters_come_near_the_truth_and_users_do_not(vendor: Vendor):
    fine = compute_error(
        vendor,
        "SELECT date_trunc('hour', CAST(time AS TIMESTAMP)) AS time, region, tenant_id AS tenant,"
        " CAST(sum(quantity) AS DOUBLE) AS units FROM usage WHERE meter = 'compute_ms' GROUP BY ALL",
    )
    coarse = compute_error(
        vendor,
        "SELECT CAST(day AS TIMESTAMP) + to_hours(h) AS time, region, tenant_id AS tenant,"
        " CAST(users AS DOUBLE) AS units FROM active_users JOIN tenants USING (tenant_id), range(24) AS r(h)"
        " WHERE isolation <> 'silo'",
    )
    assert fine.mean is not None
    assert coarse.mean is not None
    assert fine.mean < 0.03
    assert coarse.mean > 0.25

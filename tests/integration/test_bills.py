"""Bills of every format, landed by the real engine: the money in them, to the last digit."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tenantry.datasets.charges import Charges
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.kernel.money import EXACT
from tenantry.runtime.ingest import Ingested, ingest
from tenantry.sources.cur import Cur
from tenantry.sources.focus import Focus

COSTS = {"BilledCost": "billed_cost", "EffectiveCost": "effective_cost", "ListCost": "list_cost",
         "ContractedCost": "contracted_cost"}  # fmt: skip
NO_MONEY = {"", "NULL", "null"}


class Bills:
    """A lake that bills are landed in."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self.folder = folder
        self.engine = DuckDB(Lake(folder / "lake"), memory_limit="1GB")
        self._now = now

    def land(self, *paths: Path) -> Ingested:
        return ingest(self.engine, [Focus, Cur], [str(path) for path in paths], self._now)

    def table(self, name: str, rows: Iterable[Mapping[str, Any]]) -> Path:
        """A CSV file of these rows, its columns those of all of them."""
        rows = list(rows)
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
            writer.writeheader()
            writer.writerows(rows)
        return path

    def charges(self, *columns: str) -> list[Any]:
        """The charges in order of their row in the file: dictionaries, or the values of one column."""
        self.engine.attach([Charges])
        rows = self.engine.query("SELECT * FROM charges ORDER BY x_delivery, x_row")
        if len(columns) == 1:
            return [row[columns[0]] for row in rows]
        return [{name: row[name] for name in columns} if columns else row for row in rows]

    def total(self, column: str) -> Decimal:
        return total(self.charges(column))


@pytest.fixture
def bills(tmp_path: Path, now: datetime) -> Bills:
    return Bills(tmp_path, now)


def total(values: Iterable[Decimal | None]) -> Decimal:
    result = Decimal(0)
    for value in values:
        result = EXACT.add(result, value or Decimal(0))
    return result


def in_file(path: Path, column: str) -> Decimal:
    """The sum of a column by Python's csv and Decimal; 0 where the file has no such column."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = [
            (row.get(column) or "").strip().replace("$", "").replace(",", "") for row in csv.DictReader(file)
        ]
    return total(Decimal(cell) for cell in cells if cell not in NO_MONEY)


# --- real bills --------------------------------------------------------------------------------------


def test_the_focus_sample_lands_whole_and_to_the_last_digit(bills: Bills, fixtures: Path):
    path = fixtures / "focus" / "focus_1.0_sample.csv"
    landed = bills.land(path)
    (entry,) = landed.deliveries
    assert (entry.rows, entry.accepted, entry.quarantined, entry.left_out) == (1000, 1000, 0, 0)
    assert entry.note == "7 x ContractedCost is empty: EffectiveCost taken"
    assert {name: bills.total(ours) for name, ours in COSTS.items()} == {
        name: in_file(path, name) for name in COSTS
    }
    assert bills.total("billed_cost") == Decimal("20.52022672899")
    charges = bills.charges()
    assert {c["charge_frequency"] for c in charges} == {"Usage-Based", "One-Time"}
    assert {c["provider_name"] for c in charges} == {"AWS", "Microsoft", "Oracle"}
    assert {c["charge_class"] for c in charges} == {None}
    assert sum(c["tags"] is not None for c in charges) == 711
    assert sum(c["commitment_discount_status"] == "Used" for c in charges) == 4
    assert [c["invoice_issuer_name"] for c in charges if c["publisher_name"] == "Red Hat Inc."] == [
        "Amazon Web Services, Inc."
    ]


@pytest.mark.parametrize(
    ("scenario", "cost"),
    [
        (
            "flexibility__one_hundred_percent_utilization_with_commitment_discount_flexibility_with_1_resource",
            "2.75",
        ),
        (
            "flexibility__one_hundred_percent_utilization_with_commitment_discount_flexibility_with_2_resources",
            "2.00",
        ),
        ("flexibility__one_hundred_percent_utilization_without_commitment_discount_flexibility", "1.50"),
        ("flexibility__zero_percent_utilization_without_commitment_discount_flexibility", "3.50"),
    ],
)
def test_a_commitment_costs_what_was_billed_for_it(bills: Bills, fixtures: Path, scenario: str, cost: str):
    bills.land(fixtures / "focus" / "spec_1.2" / f"commitment_discount_{scenario}.csv")
    assert bills.total("billed_cost") == bills.total("effective_cost") == Decimal(cost)


def test_every_scenario_of_the_specification_lands_whole(bills: Bills, fixtures: Path):
    files = sorted((fixtures / "focus" / "spec_1.2").glob("*.csv"))
    assert len(files) == 26
    for path in files:
        landed = bills.land(path)
        (entry,) = landed.deliveries
        assert entry.rows == entry.accepted, path.name
        rows = [c for c in bills.charges("x_delivery", *COSTS.values()) if c["x_delivery"] == entry.delivery]
        for name in ("BilledCost", "EffectiveCost"):
            assert total(row[COSTS[name]] for row in rows) == in_file(path, name), (path.name, name)
        if path.name.startswith("spend_agreements"):
            assert in_file(path, "BilledCost") == total(row["effective_cost"] for row in rows) == 1200


def test_a_time_that_cannot_be_read_does_not_cost_the_row(bills: Bills, fixtures: Path):
    name = "commitment_discount_scenarios__commitment_discount_purchase_scenario_2.csv"
    (entry,) = bills.land(fixtures / "focus" / "spec_1.2" / name).deliveries
    assert entry.note is not None
    assert "1 x ChargePeriodEnd is empty or not a time: the end of the first day taken" in entry.note
    last = bills.charges(
        "charge_period_start", "charge_period_end", "billing_account_id", "billing_currency"
    )[-1]
    assert last == {
        "charge_period_start": datetime.fromisoformat("2023-01-01T20:00"),
        "charge_period_end": datetime.fromisoformat("2023-01-02"),
        "billing_account_id": "(none)",
        "billing_currency": "XXX",
    }


def test_a_real_report_lands_whole_and_to_the_last_digit(bills: Bills, fixtures: Path):
    landed = bills.land(fixtures / "cur" / "aws_workshop_lab7")
    assert sum(entry.rows for entry in landed.deliveries) == 14_218
    assert sum(entry.accepted for entry in landed.deliveries) == 14_218
    assert len(landed.deliveries) == 30
    for column in ("billed_cost", "effective_cost", "contracted_cost", "x_unblended_cost"):
        assert bills.total(column) == Decimal("1.95390075720"), column
    assert bills.total("list_cost") == Decimal("18.8147719397")
    services = {(c["service_name"], c["billing_period"].isoformat()) for c in bills.charges()}
    assert services == {("Amazon DynamoDB", "2022-10-01"), ("AWS Lambda", "2022-10-01")}


# --- FOCUS as it may come ----------------------------------------------------------------------------

ROW = {
    "BillingAccountId": "1",
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2026-01-01T00:00:00Z",
    "BillingPeriodEnd": "2026-02-01T00:00:00Z",
    "ChargePeriodStart": "2026-01-05T00:00:00Z",
    "ChargePeriodEnd": "2026-01-06T00:00:00Z",
    "ChargeCategory": "Usage",
    "ProviderName": "AWS",
    "ServiceName": "Compute",
    "BilledCost": "1",
    "EffectiveCost": "2",
    "ListCost": "4",
    "ContractedCost": "3",
}


@pytest.mark.parametrize("spell", [str.upper, str.lower, lambda n: f" {n} ", lambda n: f"\ufeff{n}"])
def test_focus_is_read_however_its_columns_are_spelled(bills: Bills, spell: Callable[[str], str]):
    bills.land(bills.table("a.csv", [{spell(name): value for name, value in ROW.items()}]))
    (charge,) = bills.charges()
    assert [charge[ours] for ours in COSTS.values()] == [1, 2, 4, 3]
    assert charge["charge_key"] == f"{charge['x_delivery']}:1"
    assert charge["charge_day"].isoformat() == "2026-01-05"


def test_the_lake_s_own_charges_read_back_as_they_are(bills: Bills, tmp_path: Path):
    bills.land(
        bills.table("a.csv", [{**ROW, "Tags": '{"a": "b"}', "x_UsageType": "Box", "SkuMeter": "Meter"}])
    )
    (before,) = bills.charges()
    again = Bills(tmp_path / "again", before["charge_period_start"])
    path = tmp_path / "charges.parquet"
    pq.write_table(bills.engine.arrow("SELECT * FROM charges"), path)
    again.land(path)
    (after,) = again.charges()
    origin = ("charge_key", "x_delivery")
    assert {k: v for k, v in after.items() if k not in origin} == {
        k: v for k, v in before.items() if k not in origin
    }


def test_empty_costs_are_the_nearest_cost_and_are_counted(bills: Bills):
    def costs(billed: str, effective: str, contracted: str, listed: str) -> dict[str, str]:
        return {**ROW, "BilledCost": billed, "EffectiveCost": effective, "ContractedCost": contracted,
                "ListCost": listed}  # fmt: skip

    rows = [
        costs("", "2", "NULL", ""),
        costs("1", "null", "", "4"),
        costs("N/A", "", "3", ""),
        costs("", "", "", ""),
    ]
    (entry,) = bills.land(bills.table("a.csv", rows)).deliveries
    assert [[c[ours] for ours in COSTS.values()] for c in bills.charges()] == [
        [0, 2, 2, 2], [1, 1, 4, 1], [0, 0, 3, 3], [0, 0, 0, 0],
    ]  # fmt: skip
    assert entry.note == (
        "3 x BilledCost is empty: 0 taken; 3 x EffectiveCost is empty: BilledCost taken; "
        "3 x ContractedCost is empty: EffectiveCost taken; 3 x ListCost is empty: ContractedCost taken"
    )


def test_a_row_is_rejected_for_its_start_or_a_cost_that_is_no_number_and_for_nothing_else(bills: Bills):
    bad = [
        {**ROW, "ChargePeriodStart": "soon"},
        {**ROW, "ChargePeriodStart": ""},
        *({**ROW, cost: "1,234"} for cost in COSTS),
    ]
    mended = {
        **ROW, "ChargePeriodEnd": "later", "BillingPeriodStart": "-", "BillingPeriodEnd": "-", "Tags": "{",
        "PricingQuantity": "many", "ListUnitPrice": "?", "ChargeCategory": "Refund", "ServiceName": "NULL",
    }  # fmt: skip
    path = bills.table("a.csv", [*bad, mended])
    (entry,) = bills.land(path).deliveries
    assert (entry.rows, entry.accepted, entry.quarantined) == (7, 1, 6)
    (charge,) = bills.charges()
    assert charge["billing_period"].isoformat() == "2026-01-01"
    assert (charge["tags"], charge["pricing_quantity"], charge["list_unit_price"]) == (None, None, None)
    assert (charge["charge_category"], charge["service_name"]) == ("Usage", "(none)")
    for note in ("Tags cannot be read as tags", "PricingQuantity is not a number", "ListUnitPrice is not a number",
                 "BillingPeriodStart is empty or not a time", "ChargeCategory is none of FOCUS's"):  # fmt: skip
        assert f"1 x {note}" in (entry.note or "")


def test_reasons_name_the_column_as_the_file_writes_it(bills: Bills):
    path = bills.table("a.csv", [{**{k.lower(): v for k, v in ROW.items()}, "billedcost": "x"}])
    assert bills.land(path).quarantined == {(str(path), "billedcost is not a number"): 1}


def test_days_may_come_before_months(bills: Bills):
    rows = [
        {
            **ROW,
            "BillingPeriodStart": "1/2/26",
            "ChargePeriodStart": f"{day}/2/26",
            "ChargePeriodEnd": "14/2/2026 0:30",
        }
        for day in (3, 13)
    ]
    (entry,) = bills.land(bills.table("a.csv", rows)).deliveries
    assert [day.isoformat() for day in bills.charges("charge_day")] == ["2026-02-03", "2026-02-13"]
    assert entry.note == "2 x dates read as day/month/year"


def test_focus_1_4_names_its_providers_otherwise(bills: Bills):
    row = {k: v for k, v in ROW.items() if k != "ProviderName"}
    seller = {
        **row,
        "ServiceProviderName": "Seller",
        "HostProviderName": "AWS",
        "InvoiceIssuerName": "AWS EMEA",
    }
    bills.land(bills.table("a.csv", [seller, {**seller, "ServiceProviderName": ""}]))
    names = ("provider_name", "publisher_name", "invoice_issuer_name")
    assert [tuple(c.values()) for c in bills.charges(*names)] == [
        ("Seller", "Seller", "AWS EMEA"), ("AWS", None, "AWS EMEA"),
    ]  # fmt: skip


def test_an_allocated_row_belongs_to_the_resource_it_was_allocated_to(bills: Bills):
    origin = {**ROW, "ResourceId": "node", "ResourceName": "Node", "Tags": '{"team": "infra", "env": "prod"}'}
    allocated = {
        "AllocatedMethodId": "cpu",
        "AllocatedResourceId": "pod",
        "AllocatedTags": '{"team": "acme"}',
    }
    bills.land(
        bills.table("a.csv", [{**origin, **allocated}, {**origin, "AllocatedMethodId": "cpu"}, origin])
    )
    kept = ("resource_id", "resource_name", "x_allocated_from", "tags")
    assert [tuple(c.values()) for c in bills.charges(*kept)] == [
        ("pod", None, "node", {"team": "acme", "env": "prod"}),
        ("node", "Node", "node", {"team": "infra", "env": "prod"}),
        ("node", "Node", None, {"team": "infra", "env": "prod"}),
    ]


def test_focus_in_parquet_keeps_the_shortest_text_of_a_double(bills: Bills):
    start = datetime.fromisoformat("2026-01-05T00:00+00:00")
    table = pa.table({
        "BilledCost": [0.1, 0.2, 1e-7],
        "EffectiveCost": pa.array([Decimal("0.1000"), None, Decimal("2.5000")], pa.decimal128(20, 4)),
        "ChargePeriodStart": pa.array([start] * 3, pa.timestamp("us", tz="Asia/Tokyo")),
        "ChargePeriodEnd": pa.array([start] * 3, pa.timestamp("ms")),
        "BillingPeriodStart": pa.array([start.date()] * 3, pa.date32()),
        "ChargeCategory": ["usage", "TAX", "Credit "],
        "Tags": pa.array([[("a", "b")], None, []], pa.map_(pa.string(), pa.string())),
    })  # fmt: skip
    pq.write_table(table, bills.folder / "a.parquet")
    bills.land(bills.folder / "a.parquet")
    assert bills.charges("billed_cost") == [Decimal("0.1"), Decimal("0.2"), Decimal("0.0000001")]
    assert bills.charges("effective_cost") == [Decimal("0.1"), Decimal("0.2"), Decimal("2.5")]
    assert {t.isoformat() for t in bills.charges("charge_period_start")} == {"2026-01-05T00:00:00"}
    assert bills.charges("charge_category") == ["Usage", "Tax", "Credit"]
    assert bills.charges("tags") == [{"a": "b"}, None, None]


# --- which files, and what they replace --------------------------------------------------------------


def test_a_bill_delivered_again_replaces_the_one_before_and_no_other(bills: Bills):
    other = {**ROW, "BillingAccountId": "2"}
    bills.land(bills.table("first.csv", [ROW, ROW, other]))
    bills.land(bills.table("second.csv", [{**ROW, "BilledCost": "7"}]))
    assert sorted(bills.charges("billed_cost")) == [1, 7]


def test_parts_of_a_bill_whose_columns_differ_do_not_replace_each_other(bills: Bills):
    bills.table("bill/1.csv", [ROW, ROW])
    bills.table("bill/2.csv", [{**ROW, "Tags": '{"a": "b"}', "BilledCost": "5"}])
    bills.land(bills.folder / "bill")
    assert sorted(bills.charges("billed_cost")) == [1, 1, 5]


def test_maps_of_parquet_keep_their_values_beside_a_file_in_which_they_are_text(bills: Bills):
    tags = {"Centre": "a:b", "note": "one, two = three", "quoted": 'it\'s "x"'}
    bills.table("bill/1.csv", [{**ROW, "Tags": json.dumps(tags)}])
    strings = pa.map_(pa.string(), pa.string())
    columns = {name: pa.array([value]) for name, value in {**ROW, "BilledCost": "5"}.items()}
    pq.write_table(
        pa.table({**columns, "Tags": pa.array([list(tags.items())], strings)}),
        bills.folder / "bill/2.parquet",
    )
    bills.land(bills.folder / "bill")
    assert bills.charges("tags") == [tags, tags]
    assert sorted(bills.charges("billed_cost")) == [1, 5]


def test_only_the_latest_delivery_of_a_period_is_read(bills: Bills):
    for time in ("2026-01-02T00:00:00.000Z-ffff", "2026-01-03T00:00:00.000Z-0000"):
        bills.table(f"data/BILLING_PERIOD=2026-01/{time}/cur-00001.csv", [{**ROW, "BilledCost": time[9]}])
    landed = bills.land(bills.folder / "data")
    assert bills.charges("billed_cost") == [3]
    assert [reason for _, reason in landed.left_aside] == [
        "an older delivery: 2026-01-03T00:00:00.000Z-0000 is the latest by name"
    ]


# --- AWS reports of every layout ---------------------------------------------------------------------

ITEM = {
    "bill/BillingPeriodStartDate": "2026-01-01T00:00:00Z",
    "bill/BillingPeriodEndDate": "2026-02-01T00:00:00Z",
    "bill/PayerAccountId": "1",
    "lineItem/UsageAccountId": "2",
    "lineItem/LineItemType": "Usage",
    "lineItem/UsageStartDate": "2026-01-05T00:00:00Z",
    "lineItem/UsageEndDate": "2026-01-05T01:00:00Z",
    "lineItem/ProductCode": "AmazonEC2",
    "lineItem/UsageAmount": "1",
    "lineItem/CurrencyCode": "USD",
    "lineItem/UnblendedCost": "3",
    "pricing/publicOnDemandCost": "4",
    "pricing/unit": "Hrs",
}


def test_tags_are_columns_or_maps_and_user_tags_lose_their_prefix(bills: Bills):
    legacy = {**ITEM, "resourceTags/user:Team": "a", "resourceTags/user:team": "b", "resourceTags/aws:createdBy": "c",
              "resourceTags/user:none": "", "costCategory/Unit": "d"}  # fmt: skip
    bills.land(bills.table("legacy.csv", [legacy]))
    assert bills.charges("tags") == [
        {"Team": "a", "team": "b", "aws:createdBy": "c", "cost_category:Unit": "d"}
    ]


def test_cur_2_maps_are_read_in_parquet_and_as_text(bills: Bills):
    plain = {
        "bill_billing_period_start_date": "2026-01-01 00:00:00",
        "bill_payer_account_id": "1",
        "bill_payer_account_name": "Payer",
        "line_item_line_item_type": "Usage",
        "line_item_usage_start_date": "2026-01-05 00:00:00",
        "line_item_unblended_cost": 0.00065,
        "line_item_product_code": "AmazonDynamoDB",
        "product_region_code": "",
        "product_sku": "SKU",
    }
    tags, product = (
        {"user_team": "a", "aws_created_by": "b"},
        {"product_name": "Amazon DynamoDB", "region": "eu-west-1"},
    )
    bills.land(
        bills.table("a.csv", [{**plain, "resource_tags": json.dumps(tags), "product": json.dumps(product)}])
    )
    (text,) = bills.charges()
    strings = pa.map_(pa.string(), pa.string())
    columns = {name: pa.array([value]) for name, value in plain.items()}
    columns |= {
        "resource_tags": pa.array([list(tags.items())], strings),
        "product": pa.array([list(product.items())], strings),
    }
    pq.write_table(pa.table(columns), bills.folder / "a.parquet")
    bills.land(bills.folder / "a.parquet")
    (native,) = bills.charges()
    assert text["tags"] == native["tags"] == {"team": "a", "aws_created_by": "b"}
    assert text["service_name"] == native["service_name"] == "Amazon DynamoDB"
    assert text["region_id"] == native["region_id"] == "eu-west-1"
    assert text["billed_cost"] == native["billed_cost"] == Decimal("0.00065")
    assert (native["billing_account_name"], native["sku_id"]) == ("Payer", "SKU")


def test_cur_2_tells_all_tags_in_one_map(bills: Bills):
    whole = {**ITEM, "tags": json.dumps({
        "resourceTags/user:Team": "a", "resourceTags/aws:createdBy": "b", "resourceTags/plain": "c",
        "costCategory/Unit": "d", "accountTag/Team": "e", "userAttribute/Team": "f"})}  # fmt: skip
    bills.land(bills.table("a.csv", [whole]))
    expected = {"Team": "a", "aws:createdBy": "b", "plain": "c", "cost_category:Unit": "d", "account_tag:Team": "e",
                "user_attribute:Team": "f"}  # fmt: skip
    assert bills.charges("tags") == [expected]
    bills.land(bills.table("a.csv", [{**whole, "resourceTags/user:Team": "first"}]))
    assert bills.charges("tags") == [{**expected, "Team": "first"}]


def test_shares_of_an_instance_are_left_out_and_what_has_a_cost_of_its_own_is_not(bills: Bills):
    parent = {**ITEM, "lineItem/ResourceId": "i-1", "lineItem/Operation": "RunInstances"}
    share = {
        "lineItem/UnblendedCost": "0",
        "splitLineItem/ParentResourceId": "i-1",
        "splitLineItem/SplitCost": "1",
    }
    rows = [
        parent,
        {**parent, **share, "lineItem/Operation": "EKSPod-EC2"},
        {**parent, **share, "lineItem/Operation": "ECSTask-EC2", "splitLineItem/ParentResourceId": ""},
        {**parent, **share, "lineItem/Operation": "Other"},
        {**parent, "lineItem/Operation": "FargateTask", "splitLineItem/SplitCost": "3"},
        {**parent, **share, "lineItem/UnblendedCost": "2"},
    ]
    (entry,) = bills.land(bills.table("a.csv", rows)).deliveries
    assert (entry.accepted, entry.left_out) == (3, 3)
    assert entry.note == "3 x split cost allocation: a share of an instance, whose own row is kept"
    assert bills.total("effective_cost") == 3 + 3 + 2
    assert bills.charges("x_allocated_from") == [None, None, "i-1"]

"""What an AWS bill costs once payments ahead are spread over what they paid for: worked examples and the identity."""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tenantry.datasets.charges import Charges
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.runtime.ingest import ingest
from tenantry.sources.cur import Cur

Item = dict[str, str]

BLANK = {
    "bill/BillType": "Anniversary",
    "bill/BillingPeriodStartDate": "2026-01-01T00:00:00Z",
    "bill/PayerAccountId": "1",
    "lineItem/LineItemType": "Usage",
    "lineItem/UsageStartDate": "2026-01-05T00:00:00Z",
    "lineItem/UsageEndDate": "2026-01-05T01:00:00Z",
    "lineItem/ProductCode": "AmazonEC2",
    "lineItem/UsageAmount": "1",
    "lineItem/CurrencyCode": "USD",
    "lineItem/LineItemDescription": "",
    "lineItem/TaxType": "",
    "lineItem/UnblendedCost": "0",
    "pricing/publicOnDemandCost": "0",
    "pricing/unit": "Hrs",
    # On rows that they do not concern these are 0, not empty.
    "reservation/ReservationARN": "",
    "reservation/EffectiveCost": "0",
    "reservation/AmortizedUpfrontFeeForBillingPeriod": "0",
    "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod": "0",
    "reservation/UnusedRecurringFee": "0",
    "reservation/UnusedQuantity": "0",
    "savingsPlan/SavingsPlanARN": "",
    "savingsPlan/SavingsPlanEffectiveCost": "0",
    "savingsPlan/TotalCommitmentToDate": "0",
    "savingsPlan/UsedCommitment": "0",
    "savingsPlan/RecurringCommitmentForBillingPeriod": "0",
    "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod": "0",
}
PAID = "lineItem/UnblendedCost"
AHEAD = "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod"
UNUSED_AHEAD = "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod"
KIND = "lineItem/LineItemType"


def item(kind: str, paid: Any = 0, **columns: Any) -> Item:
    """A line item; columns are named by what follows the slash."""
    named = {name.split("/")[1]: name for name in BLANK}
    return {
        **BLANK,
        KIND: kind,
        PAID: str(paid),
        **{named[name]: str(value) for name, value in columns.items()},
    }


def savings_plan(
    recurring: Any, amortised: Any, covered: Sequence[tuple[Any, Any]], upfront: Any = None
) -> list[Item]:
    """A plan's rows in a month: `covered` usage as (on-demand cost, effective cost) with its negation."""
    recurring, amortised = Decimal(recurring), Decimal(amortised)
    arn = {"SavingsPlanARN": "arn:plan"}
    rows: list[Item] = []
    for on_demand, effective in covered:
        rows.append(item("SavingsPlanCoveredUsage", on_demand, SavingsPlanEffectiveCost=effective,
                         publicOnDemandCost=on_demand, **arn))  # fmt: skip
        rows.append(item("SavingsPlanNegation", -Decimal(on_demand), **arn))
    used = sum((Decimal(effective) for _, effective in covered), Decimal(0))
    fee = {"RecurringCommitmentForBillingPeriod": recurring, "AmortizedUpfrontCommitmentForBillingPeriod": amortised,
           "TotalCommitmentToDate": recurring + amortised, "UsedCommitment": used}  # fmt: skip
    rows.append(item("SavingsPlanRecurringFee", recurring, **fee, **arn))
    return rows if upfront is None else [*rows, item("SavingsPlanUpfrontFee", upfront, **arn)]


def reservation(
    used: Sequence[tuple[Any, Any]], unused: tuple[Any, Any] = (0, 0), upfront: Any = None
) -> list[Item]:
    """A reservation's rows in a month; used hours and the unused rest as (amortised upfront, recurring)."""
    arn = {"ReservationARN": "arn:reservation"}
    both = [*used, unused]
    amortised, recurring = (sum((Decimal(pair[n]) for pair in both), Decimal(0)) for n in (0, 1))
    rows = [
        item("DiscountedUsage", 0, EffectiveCost=Decimal(a) + Decimal(r), publicOnDemandCost=9, **arn)
        for a, r in used
    ]
    fee = {"AmortizedUpfrontFeeForBillingPeriod": amortised, "UnusedQuantity": 3,
           "UnusedAmortizedUpfrontFeeForBillingPeriod": unused[0], "UnusedRecurringFee": unused[1]}  # fmt: skip
    rows.append(item("RIFee", recurring, **fee, **arn))
    return rows if upfront is None else [*rows, item("Fee", upfront, **arn)]


def write(path: Path, items: Sequence[Mapping[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(items[0]))
        writer.writeheader()
        writer.writerows(items)
    return path


@pytest.fixture
def charged(tmp_path: Path, now: datetime):
    """The charges of a report of these line items, in their order."""

    def land(items: Sequence[Mapping[str, str]]) -> list[Any]:
        path = write(tmp_path / "report.csv", items)
        engine = DuckDB(Lake(tmp_path / "lake"), memory_limit="1GB")
        (entry,) = ingest(engine, [Cur], [str(path)], now).deliveries
        assert entry.accepted == len(items), entry
        engine.attach([Charges])
        return engine.query("SELECT * FROM charges ORDER BY x_row, charge_key")

    return land


def total(rows: Sequence[Any], column: str) -> Decimal:
    return sum((row[column] for row in rows), Decimal(0))


def balanced(rows: Sequence[Any]) -> bool:
    parts = ("effective_cost", "x_amortized_true_up", "x_amortized_upfront")
    return total(rows, "x_unblended_cost") == sum(total(rows, part) for part in parts)


# --- worked examples ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recurring", "amortised", "covered", "upfront", "unused", "billed"),
    [
        ("10", "0", [("12", "7.5"), ("2", "1")], None, "1.5", "10"),  # no upfront
        ("5", "5", [("12", "8.25")], "3650", "1.75", "3655"),  # partial upfront, bought this month
        ("0", "10", [("14", "10")], None, "0", "0"),  # all upfront, bought before, all used
        ("0", "10", [], None, "10", "0"),  # nothing used
    ],
)
def test_a_savings_plan(
    charged: Any,
    recurring: str,
    amortised: str,
    covered: list[tuple[str, str]],
    upfront: str | None,
    unused: str,
    billed: str,
):
    rows = charged(savings_plan(recurring, amortised, covered, upfront))
    assert total(rows, "effective_cost") == Decimal(recurring) + Decimal(amortised)
    assert total(rows, "billed_cost") == Decimal(billed)
    assert total(rows, "x_amortized_true_up") == -Decimal(amortised)
    assert total(rows, "x_amortized_upfront") == Decimal(upfront or 0)
    assert balanced(rows)
    assert total(
        [r for r in rows if r["commitment_discount_status"] == "Unused"], "effective_cost"
    ) == Decimal(unused)
    assert total([r for r in rows if r["commitment_discount_status"] == "Used"], "billed_cost") == 0
    negations = [r for r in rows if r["x_line_item_type"] == "SavingsPlanNegation"]
    for column in ("billed_cost", "effective_cost", "list_cost", "contracted_cost"):
        assert total(negations, column) == 0
    assert total(rows, "list_cost") == sum(Decimal(cost) for cost, _ in covered) + Decimal(billed)
    assert {(r["commitment_discount_id"], r["commitment_discount_category"]) for r in rows} == {
        ("arn:plan", "Spend")
    }


@pytest.mark.parametrize(
    ("used", "unused", "upfront", "billed"),
    [
        ([("0", "60")], ("0", "12"), None, "72"),  # no upfront
        ([("30", "30")], ("6", "6"), "432", "468"),  # partial upfront, bought this month
        ([("36", "0"), ("36", "0")], ("0", "0"), None, "0"),  # all upfront, bought before, all used
        ([], ("36", "36"), None, "36"),  # nothing used
    ],
)
def test_a_reservation(
    charged: Any, used: list[tuple[str, str]], unused: tuple[str, str], upfront: str | None, billed: str
):
    rows = charged(reservation(used, unused, upfront))
    wasted = Decimal(unused[0]) + Decimal(unused[1])
    amortised = sum(Decimal(a) for a, _ in [*used, unused])
    assert total(rows, "effective_cost") == sum(Decimal(a) + Decimal(r) for a, r in used) + wasted
    assert total(rows, "billed_cost") == Decimal(billed)
    assert total(rows, "x_amortized_true_up") == -amortised
    assert total(rows, "x_amortized_upfront") == Decimal(upfront or 0)
    assert balanced(rows)
    assert total([r for r in rows if r["commitment_discount_status"] == "Unused"], "effective_cost") == wasted
    assert {r["list_cost"] for r in rows if r["commitment_discount_status"] == "Used"} <= {Decimal(9)}
    assert {(r["commitment_discount_id"], r["commitment_discount_category"]) for r in rows} == {
        ("arn:reservation", "Usage")
    }


def test_what_kind_of_charge_each_line_item_is(charged: Any):
    before = "2025-12-31T23:00:00Z"
    covered = item("SavingsPlanCoveredUsage", 6, SavingsPlanEffectiveCost=4)
    plan_refund = "Refund for one-time fee for Savings Plan ID: 1"
    expected = [
        (item("Usage", 3), ("Usage", None, "Usage-Based", "Standard", 3, 3)),
        (item("Tax", 2, TaxType="VAT"), ("Tax", None, "One-Time", None, 2, 2)),
        (item("Credit", -4), ("Credit", None, "One-Time", None, -4, -4)),
        (item("Refund", -1), ("Usage", None, "One-Time", None, -1, -1)),
        (item("Refund", -1, TaxType="VAT", BillType="Refund"), ("Tax", "Correction", "One-Time", None, -1, -1)),
        (item("Refund", -9, LineItemDescription=plan_refund), ("Purchase", None, "One-Time", None, -9, 0)),
        (item("Usage", 5, UsageStartDate=before), ("Usage", "Correction", "Usage-Based", "Standard", 5, 5)),
        (item("EdpDiscount", -2), ("Usage", None, "Usage-Based", None, -2, -2)),
        (item("Fee", 100), ("Purchase", None, "One-Time", None, 100, 100)),
        (item("Fee", 432, ReservationARN="arn"), ("Purchase", None, "One-Time", None, 432, 0)),
        (item("RIFee", 72, ReservationARN="arn"), ("Purchase", None, "Recurring", None, 72, 0)),
        (item("SavingsPlanUpfrontFee", 7), ("Purchase", None, "One-Time", None, 7, 0)),
        (item("SavingsPlanRecurringFee", 8), ("Purchase", None, "Recurring", None, 8, 0)),
        (covered, ("Usage", None, "Usage-Based", "Committed", 0, 4)),
        (item("DiscountedUsage", 0, EffectiveCost=5), ("Usage", None, "Usage-Based", "Committed", 0, 5)),
        (item("Hologram", 1), ("Usage", None, "Usage-Based", None, 1, 1)),
    ]  # fmt: skip
    columns = (
        "charge_category",
        "charge_class",
        "charge_frequency",
        "pricing_category",
        "billed_cost",
        "effective_cost",
    )
    rows = charged([line for line, _ in expected])
    assert [tuple(row[c] for c in columns) for row in rows] == [want for _, want in expected]


def test_usage_is_counted_where_it_was_used_and_nowhere_else(charged: Any):
    kinds = ("Usage", "DiscountedUsage", "SavingsPlanCoveredUsage", "SavingsPlanNegation", "RIFee", "Tax")
    rows = charged([item(kind, UsageAmount="2.5") for kind in kinds])
    assert [row["consumed_quantity"] for row in rows] == [Decimal("2.5")] * 3 + [None] * 3
    assert [row["pricing_quantity"] for row in rows] == [Decimal("2.5")] * 3 + [None, Decimal("2.5"), None]


COSTS = ("billed_cost", "effective_cost", "list_cost", "contracted_cost")


@pytest.mark.parametrize(
    ("items", "kind", "fee", "unused", "quantity"),
    [
        (savings_plan("5", "5", [("12", "8.25")]), "SavingsPlanRecurringFee", 5, Decimal("1.75"), Decimal("1.75")),
        (reservation([("30", "30")], ("6", "6")), "RIFee", 36, 12, 3),
        (reservation([], ("36", "0")), "RIFee", 0, 36, 3),
    ],
)  # fmt: skip
def test_a_fee_with_an_unused_part_is_a_purchase_and_usage_that_nobody_had(
    charged: Any, items: list[Item], kind: str, fee: int, unused: Decimal, quantity: Decimal
):
    bought, wasted = [row for row in charged(items) if row["x_line_item_type"] == kind]
    assert wasted["charge_key"] == bought["charge_key"] + ":unused"
    assert [bought[c] for c in COSTS] == [fee, 0, fee, fee]
    assert [wasted[c] for c in COSTS] == [0, unused, 0, 0]
    kinds = ("charge_category", "charge_frequency", "pricing_category", "commitment_discount_status")
    assert [bought[name] for name in kinds] == ["Purchase", "Recurring", None, None]
    assert [wasted[name] for name in kinds] == ["Usage", "Usage-Based", "Committed", "Unused"]
    assert [row["commitment_discount_quantity"] for row in (bought, wasted)] == [None, quantity]
    assert [row["pricing_quantity"] for row in (bought, wasted)] == [1, None]
    changed = {name for name in bought if bought[name] != wasted[name]}
    assert {"x_row", "x_delivery", "charge_day", "tags", "commitment_discount_id"}.isdisjoint(changed)


def test_the_ledger_counts_line_items_however_many_charges_they_are(tmp_path: Path, now: datetime):
    fees = [row for row in reservation([("1", "1")], ("6", "6")) if row[KIND] == "RIFee"]
    for name in "ab":  # the same bill twice: the later folder takes the place of the earlier
        (tmp_path / name).mkdir()
    one = write(tmp_path / "a" / "bill.csv", fees * 2)
    later = write(tmp_path / "b" / "bill.csv", [fees[0] | {PAID: "5"}] * 3)
    engine = DuckDB(Lake(tmp_path / "lake"), memory_limit="1GB")
    for _ in range(2):
        entries = ingest(engine, [Cur], [str(one), str(later)], now).deliveries
        assert [(e.rows, e.accepted, e.left_out) for e in entries] == [(2, 0, 2), (3, 3, 0)]
        assert all("x a fee and what of it was unused: two charges" in (e.note or "") for e in entries)
        engine.attach([Charges])
        rows = engine.query("SELECT * FROM charges")
        assert (len(rows), total(rows, "effective_cost"), total(rows, "billed_cost")) == (6, 36, 15)


# --- whatever the bill -------------------------------------------------------------------------------


def generated(seed: int) -> list[Item]:
    """A bill of many commitments and other charges, its amounts with 10 decimals as AWS writes them."""
    dice = random.Random(seed)

    def amount(most: int) -> Decimal:
        return Decimal(dice.randrange(most * 10**10)).scaleb(-10)

    rows: list[Item] = []
    for _ in range(25):
        upfront = dice.choice([None, amount(5000)])
        covered = [(amount(20), amount(12)) for _ in range(dice.randrange(6))]
        recurring = sum((effective for _, effective in covered), amount(9))
        rows += savings_plan(recurring, amount(7) * dice.randrange(2), covered, upfront)
        hours = [(amount(5) * dice.randrange(2), amount(5)) for _ in range(dice.randrange(6))]
        rows += reservation(hours, (amount(3), amount(3) * dice.randrange(2)), upfront)
        rows += [
            item(kind, amount(50) * dice.choice([1, -1]))
            for kind in ("Usage", "Tax", "Credit", "Refund", "Fee")
        ]
    dice.shuffle(rows)
    return rows


@pytest.mark.parametrize("seed", range(3))
def test_what_was_paid_is_what_it_cost_and_the_true_up_and_what_was_paid_ahead(charged: Any, seed: int):
    items = generated(seed)
    rows = charged(items)
    assert balanced(rows)
    assert all(row["effective_cost"] == 0 for row in rows if row["charge_frequency"] == "Recurring")
    assert all(row["billed_cost"] == 0 for row in rows if row["commitment_discount_status"] == "Unused")
    paid = sum((Decimal(line[PAID]) for line in items), Decimal(0))
    assert total(rows, "x_unblended_cost") == total(rows, "billed_cost") == paid


def test_a_report_that_knows_no_amortisation_costs_what_was_paid(charged: Any):
    items = [{k: v for k, v in line.items() if k.startswith(("bill", "line"))} for line in generated(4)]
    rows = charged(items)
    assert total(rows, "effective_cost") == sum(Decimal(line[PAID]) for line in items)
    assert total(rows, "x_amortized_true_up") == total(rows, "x_amortized_upfront") == 0


def test_net_columns_go_before_gross_ones_and_the_unused_part_is_discounted_alike(charged: Any):
    gross = [*savings_plan("5", "5", [("12", "8")], "3650"), *reservation([("30", "30")], ("6", "6"), "432")]
    discounted = {
        "lineItem/UnblendedCost": "lineItem/NetUnblendedCost",
        "savingsPlan/SavingsPlanEffectiveCost": "savingsPlan/NetSavingsPlanEffectiveCost",
        "savingsPlan/RecurringCommitmentForBillingPeriod": "savingsPlan/NetRecurringCommitmentForBillingPeriod",
        AHEAD: "savingsPlan/NetAmortizedUpfrontCommitmentForBillingPeriod",
        "reservation/EffectiveCost": "reservation/NetEffectiveCost",
        "reservation/AmortizedUpfrontFeeForBillingPeriod": "reservation/NetAmortizedUpfrontFeeForBillingPeriod",
        UNUSED_AHEAD: "reservation/NetUnusedAmortizedUpfrontFeeForBillingPeriod",
        "reservation/UnusedRecurringFee": "reservation/NetUnusedRecurringFee",
    }  # fmt: skip
    net = [
        line | {new: str(Decimal(line[old]) * Decimal("0.9")) for old, new in discounted.items()}
        for line in gross
    ]
    rows = charged([*net, item("Usage", 2) | dict.fromkeys(discounted.values(), "")])
    assert balanced(rows)
    assert total(rows, "effective_cost") == (10 + 72) * Decimal("0.9") + 2
    assert total(rows, "billed_cost") == (3655 + 468) * Decimal("0.9") + 2
    unused = [r["effective_cost"] for r in rows if r["commitment_discount_status"] == "Unused"]
    assert unused == [2 * Decimal("0.9"), 12 * Decimal("0.9")]

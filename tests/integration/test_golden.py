"""Examples that others published, or that one can do on paper, through the whole pipeline."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from small_vendor import SmallVendor, charge, tenant, usage

from tenantry.datasets import DATASETS
from tenantry.datasets.default_policy import settings_from
from tenantry.kernel import Row
from tenantry.methods.policy import Policy

SILO = {"pool": "Direct", "strategy": "silo", "by": "tag:tenant"}


def built(folder: Path, *rules: dict[str, Any], **rows: Any) -> SmallVendor:
    vendor = SmallVendor(folder, Policy.read({"rules": rules})).land(**rows).build()
    assert vendor.unbalanced() == []
    return vendor


def direct(**costs: str) -> list[dict[str, Any]]:
    return [charge(cost, tags={"tenant": name}) for name, cost in costs.items()]


def totals(vendor: SmallVendor, places: int = 12) -> dict[str, Decimal]:
    return {name: round(cost, places).normalize() for name, cost in vendor.tenant_totals().items()}


def decimals(**amounts: str) -> dict[str, Decimal]:
    return {name: Decimal(amount).normalize() for name, amount in amounts.items()}


# FinOps Foundation, "Managing shared costs": 50, 30 and 20 thousand of direct cost, 12 thousand of support.
@pytest.mark.parametrize(
    ("sharing", "expected"),
    [
        ({"strategy": "proportional"}, decimals(a="56000", b="33600", c="22400")),
        ({"strategy": "even"}, decimals(a="54000", b="34000", c="24000")),
        (
            {"strategy": "fixed", "shares": {"a": "0.45", "b": "0.30", "c": "0.25"}},
            decimals(a="55400", b="33600", c="23000"),
        ),
    ],
    ids=["proportional", "even", "fixed"],
)
def test_finops_foundation_shared_support(tmp_path, sharing: dict[str, Any], expected: dict[str, Decimal]):
    vendor = built(
        tmp_path,
        {"pool": "Support", "match": {"service": ["*Support*"]}, **sharing},
        SILO,
        charges=[
            *direct(a="50000", b="30000", c="20000"),
            charge("12000", "2026-03", service_name="AWS Support"),
        ],
        tenants=[tenant("a"), tenant("b"), tenant("c")],
    )
    assert totals(vendor) == expected


# AWS split cost allocation data: m5.xlarge, 4 vCPU and 16 GB for 1 $/h, CPU to memory 9:1.
def test_split_cost_of_an_instance_by_cpu_and_memory(tmp_path):
    rule = {
        "pool": "Cluster",
        "meters": [{"meter": "gb_hours", "weight": 1}, {"meter": "vcpu_hours", "weight": 9}],
        "capacity": {"units_per_hour": 4 * 9 + 16},
    }
    vendor = built(
        tmp_path,
        rule,
        charges=[charge("1", "2026-03-01T00")],
        tenants=[tenant("one_cpu"), tenant("one_gb")],
        usages=[usage("one_cpu", 1, meter="vcpu_hours"), usage("one_gb", 1, meter="gb_hours")],
    )
    assert totals(vendor, 7) == decimals(one_gb="0.0192308", one_cpu="0.1730769", **{"(idle)": "0.8076923"})


def test_split_cost_shares_what_is_unused_by_what_is_used(tmp_path):
    rule = {
        "pool": "Cluster",
        "meters": [{"meter": "gb_hours", "weight": 1}, {"meter": "vcpu_hours", "weight": 9}],
        "capacity": {"units_per_hour": 4 * 9 + 16, "idle": "proportional"},
    }
    vendor = built(
        tmp_path,
        rule,
        charges=[charge("1", "2026-03-01T00")],
        tenants=[tenant("a"), tenant("b")],
        usages=[usage("a", 1, meter="vcpu_hours"), usage("b", 1, meter="gb_hours")],
    )
    assert totals(vendor) == decimals(a="0.9", b="0.1")


# The SaaS lab's tables: a write costs five reads, and the bill itself says so.
def test_dynamodb_weights_come_from_the_bills_unit_prices(tmp_path):
    rule = {
        "pool": "Tables",
        "meters": [
            {"meter": "reads", "price_of": "*ReadCapacityUnit*"},
            {"meter": "writes", "price_of": "*WriteCapacityUnit*"},
        ],
    }
    dynamo = {"service_name": "AmazonDynamoDB"}
    vendor = SmallVendor(tmp_path).land(
        charges=[
            charge(
                "2", **dynamo, x_usage_type="USE1-ReadCapacityUnit-Hrs", list_unit_price=Decimal("0.00013")
            ),
            charge(
                "4", **dynamo, x_usage_type="USE1-WriteCapacityUnit-Hrs", list_unit_price=Decimal("0.00065")
            ),
        ],
        tenants=[tenant("reader"), tenant("writer")],
        usages=[usage("reader", 5, meter="reads", **dynamo), usage("writer", 5, meter="writes", **dynamo)],
    )
    vendor.engine.attach(DATASETS)
    vendor.policy = settings_from({"rules": [rule]})(vendor.engine)["policy"]
    vendor.build()
    assert totals(vendor) == decimals(reader="1", writer="5")


# OpenCost gives out 75 of 60 here: a negative participant has no weight, but stays in its denominator.
def test_a_tenant_in_credit_neither_bears_nor_swells_shared_cost(tmp_path):
    vendor = built(
        tmp_path,
        {"pool": "Shared", "match": {"service": ["Shared"]}, "strategy": "proportional"},
        SILO,
        charges=[*direct(a="100", b="50", c="-30"), charge("60", service_name="Shared")],
        tenants=[tenant("a"), tenant("b"), tenant("c")],
    )
    assert totals(vendor) == decimals(a="140", b="70", c="-30")


# koku: where users' usage is 0, platform cost is taken off the platform and given to nobody.
def test_zero_usage_loses_no_money(tmp_path):
    rule = {"pool": "Platform", "meters": [{"meter": "cpu"}], "fallback": []}
    vendor = built(
        tmp_path,
        rule,
        charges=[charge("80")],
        tenants=[tenant("a")],
        usages=[usage("a", 0, meter="cpu")],
    )
    found = vendor.query("SELECT tenant_id, rung, reason, effective_cost FROM tenant_cost")
    assert found == [
        {
            "tenant_id": "(unallocated)",
            "rung": "unallocated",
            "reason": "no usage, no fallback",
            "effective_cost": 80,
        }
    ]


# CloudZero's element cutoff of 10 % would charge A, B and C 11.1 % more, and D and E nothing.
def test_small_tenants_get_their_share(tmp_path):
    shares = {"A": 40, "B": 30, "C": 20, "D": 6, "E": 4}
    vendor = built(
        tmp_path,
        {"pool": "Shared", "meters": [{"meter": "ms"}]},
        charges=[charge("1000")],
        tenants=[tenant(name) for name in shares],
        usages=[usage(name, quantity) for name, quantity in shares.items()],
    )
    assert totals(vendor) == {name: Decimal(quantity * 10).normalize() for name, quantity in shares.items()}


# opencost#1124: there, filtering for one namespace changes what idle and shared cost it bears.
def test_a_filter_on_the_result_changes_no_share(tmp_path):
    charges = [*direct(a="3", b="1"), charge("8", service_name="Shared"), charge("10", service_name="Nodes")]
    rules = [
        SILO,
        {"pool": "Shared", "match": {"service": ["Shared"]}, "strategy": "proportional"},
        {"pool": "Nodes", "meters": [{"meter": "ms"}], "capacity": {"units_per_hour": 1}},
    ]
    everybody = built(
        tmp_path / "all",
        *rules,
        charges=charges,
        tenants=[tenant("a"), tenant("b")],
        usages=[usage("a", 1), usage("b", 3)],
    )
    alone = everybody.query(
        "SELECT pool, sum(effective_cost) AS cost FROM tenant_cost WHERE tenant_id = 'a' GROUP BY 1"
    )
    each = {
        row.tenant_id: everybody.query(
            f"SELECT sum(effective_cost) AS cost FROM tenant_cost WHERE tenant_id = '{row.tenant_id}'"
        )[0].cost
        for row in everybody.query("SELECT DISTINCT tenant_id FROM tenant_cost")
    }
    assert sum(each.values()) == sum(row["effective_cost"] for row in charges)
    assert sum(row.cost for row in alone) == each["a"]


# --- margin, on paper ----------------------------------------------------------------------------------


def sold(name: str, amount: str, start: date, end: date | None = None, **columns: Any) -> dict[str, Any]:
    usual = {"plan": "pro", "currency": "USD", "interval": "month", "quantity": Decimal(1)}
    return {
        **usual,
        "tenant_id": name,
        "amount": Decimal(amount),
        "started_on": start,
        "ended_on": end,
        **columns,
    }


def margins(folder: Path, subscriptions: list[dict[str, Any]], charges: list[dict[str, Any]]) -> list[Row]:
    tenants = [tenant("a", aliases=["Acme Ltd", "late@2026-03-15.."], tier="gold"), tenant("b")]
    vendor = built(folder, SILO, charges=charges, tenants=tenants, subscriptions=subscriptions)
    return vendor.query("SELECT * FROM margin ORDER BY month, tenant_id, currency")


def test_a_month_that_starts_in_its_middle_is_charged_by_the_day(tmp_path):
    found = margins(tmp_path, [sold("Acme Ltd", "310", date(2026, 3, 15))], direct(a="70"))
    assert [(r.tenant_id, r.tier, r.plan, r.revenue, r.margin) for r in found] == [
        ("a", "gold", "pro", 170, 100)
    ]
    assert found[0].margin_ratio == pytest.approx(100 / 170)
    assert found[0].confidence == 1


def test_an_upgrade_in_mid_month_is_two_parts_of_one_month(tmp_path):
    change = date(2026, 3, 11)
    found = margins(
        tmp_path,
        [
            sold("a", "100", date(2026, 1, 1), change),
            sold("a", "200", change, plan="team", quantity=Decimal("1.5")),
            sold("b", "100", date(2026, 1, 1), change),
            sold("b", "100", change, plan="same price"),
        ],
        direct(a="1"),
    )
    exact = Decimal(100 * 10 + 300 * 21) / 31
    assert [(r.tenant_id, r.plan, round(r.revenue, 15)) for r in found] == [
        ("a", "pro + team", round(exact, 15)),
        ("b", "pro + same price", 100),
    ]
    assert found[1].revenue == 100, "the two halves of a month come to the month, to the last unit"


def test_a_year_is_twelve_months_each_by_its_days(tmp_path):
    months = [
        f"{year}-{month:02}"
        for year, month in [(2027, m) for m in range(3, 13)] + [(2028, m) for m in (1, 2, 3)]
    ]
    year = sold("a", "1000", date(2027, 3, 15), date(2028, 3, 15), interval="year")
    found = margins(tmp_path, [year], [charge("0", month) for month in months])
    by_month = {f"{r.month:%Y-%m}": r.revenue for r in found if r.tenant_id == "a"}
    assert list(by_month) == months
    assert round(by_month["2027-03"], 12) == round(Decimal(1000) / 12 * 17 / 31, 12)
    assert round(by_month["2028-02"], 12) == round(Decimal(1000) / 12, 12)
    assert round(by_month["2028-03"], 12) == round(Decimal(1000) / 12 * 14 / 31, 12)
    assert sum(by_month.values()) == 1000


@pytest.mark.parametrize(("year", "days"), [(2027, 28), (2028, 29)])
def test_february_has_the_days_it_has(tmp_path, year: int, days: int):
    subscription = sold("a", "290", date(year, 2, 28), date(year, 3, 1))
    found = margins(tmp_path, [subscription], [charge("0", f"{year}-02")])
    revenue = {r.tenant_id: r.revenue for r in found}
    assert round(revenue["a"], 12) == round(Decimal(290) * (days - 27) / days, 12)


def test_revenue_and_cost_in_two_currencies_are_two_rows(tmp_path):
    found = margins(
        tmp_path,
        [sold("a", "100", date(2026, 1, 1), currency="EUR"), sold("stranger", "5", date(2026, 1, 1))],
        direct(a="30", b="7"),
    )
    assert [(r.tenant_id, r.currency, r.revenue, r.effective_cost, r.margin) for r in found] == [
        ("(unknown:stranger)", "USD", 5, 0, 5),
        ("a", "EUR", 100, 0, 100),
        ("a", "USD", 0, 30, -30),
        ("b", "USD", 0, 7, -7),
    ]


def test_a_subscription_under_a_name_that_begins_with_it_finds_its_tenant(tmp_path):
    found = margins(tmp_path, [sold("late", "310", date(2026, 3, 15))], direct(a="0"))
    assert [(r.tenant_id, r.revenue) for r in found] == [("a", 170)]


def test_a_name_that_moves_in_mid_month_takes_its_revenue_along(tmp_path):
    names = [
        tenant("a", aliases=["shop@..2026-03-11", "new@2026-03-11.."]),
        tenant("b", aliases=["Shop@2026-03-11.."]),
    ]
    sales = [
        sold("shop", "310", date(2026, 1, 1)),
        sold("new", "62", date(2026, 1, 1), plan="add-on"),
        sold("shop", "31", date(2026, 3, 5), date(2026, 3, 15), plan="trial"),
    ]
    vendor = built(tmp_path, SILO, charges=direct(a="1"), tenants=names, subscriptions=sales)
    found = vendor.query("SELECT tenant_id, plan, revenue FROM margin ORDER BY tenant_id")
    assert [(r.tenant_id, r.plan, r.revenue) for r in found] == [
        ("(unknown:new)", "add-on", 2 * 10),
        ("a", "add-on + pro + trial", 10 * 10 + 2 * 21 + 6),
        ("b", "pro + trial", 10 * 21 + 4),
    ]


def test_a_month_that_only_a_later_bill_corrects_has_no_revenue(tmp_path):
    refund = charge("-5", "2026-02-20", tags={"tenant": "a"}, charge_class="Correction")
    found = margins(tmp_path, [sold("a", "100", date(2026, 1, 1))], [refund, *direct(a="30")])
    assert [(f"{r.month:%Y-%m}", r.revenue, r.effective_cost, r.margin_ratio) for r in found] == [
        ("2026-02", 0, -5, None),
        ("2026-03", 100, 30, 0.7),
    ]


def test_a_name_with_a_date_that_is_none_means_nobody(tmp_path):
    names = [
        tenant("a", aliases=["old@2026-02-30..2026-04-01", "new@2026-03-01..20260401", "fine@2026-03-01.."])
    ]
    charges = direct(old="1", new="2", fine="4")
    assert totals(built(tmp_path, SILO, charges=charges, tenants=names)) == decimals(
        **{"(unknown:old)": "1", "(unknown:new)": "2", "a": "4"}
    )

"""The commands as a user types them, in a process of their own, on real files."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tenantry.datasets import TenantCost
from tenantry.engine.lake import Lake

HOSTILE = "evil [red]'; DROP TABLE charges; -- \u202e\x1b[2J"


def tenantry(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "tenantry", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("TENANTRY_")},
    )
    assert done.returncode == code, done.stderr[-2000:] + done.stdout[-500:]
    assert "Traceback" not in done.stderr
    return done


def answer(folder: Path, *words: str, code: int = 0) -> dict:
    return json.loads(tenantry(folder, *words, "--json", code=code).stdout)


def bill_sum(path: Path, column: str) -> Decimal:
    with path.open(encoding="utf-8") as file:
        cells = [row[column] for row in csv.DictReader(file)]
    return sum((Decimal(cell) for cell in cells if cell not in ("", "NULL")), Decimal(0))


def totals(document: dict) -> dict[tuple[str, str], Decimal]:
    certificate = document.get("certificate") or document["data"]
    return {(t["currency"], t["basis"]): Decimal(t["tenants"]) for t in certificate["totals"]}


@pytest.fixture(scope="module")
def profiled(tmp_path_factory, fixtures) -> tuple[Path, dict]:
    """A folder in which the FOCUS sample was profiled with three tenants, and the profile."""
    folder = tmp_path_factory.mktemp("profiled")
    rows = [["tenant_id", "accounts"], ["acme", "11353890204"], [HOSTILE, "18938484842"], ["idle-one", ""]]
    with (folder / "tenants.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder, answer(folder, "profile", str(fixtures / "focus" / "focus_1.0_sample.csv"), "tenants.csv")


def test_a_bill_alone_is_profiled_as_it_is(tmp_path, fixtures):
    bill = fixtures / "focus" / "focus_1.0_sample.csv"
    document = answer(tmp_path, "profile", str(bill))
    assert document["read"]["rows"] == document["read"]["accepted"] == 1000
    assert document["read"]["quarantined"] == 0
    assert document["certificate"]["reconciles"]
    for basis, column in (("billed", "BilledCost"), ("effective", "EffectiveCost"), ("list", "ListCost")):
        assert totals(document)["USD", basis] == bill_sum(bill, column)
    shown = tenantry(tmp_path, "profile", str(bill)).stdout
    assert "20.52022672899 = tenants 20.52022672899, difference 0" in shown


def test_a_cur_with_tenants_and_usage_keeps_every_digit(tmp_path, fixtures):
    (tmp_path / "tenants.csv").write_text("tenant_id,aliases\nalpha,ALPHA Inc\nbeta,\n", encoding="utf-8")
    (tmp_path / "usage.csv").write_text(
        "id,source,time,tenant_id,meter,quantity,service_name\n"
        "1,app,2022-10-08T05:10:00Z,alpha,read_units,100,AmazonDynamoDB\n"
        "2,app,2022-10-08T05:40:00Z,beta,write_units,100,AmazonDynamoDB\n"
        "3,app,2022-10-09T06:11:00Z,zeta,read_units,50,AmazonDynamoDB\n"
        "4,app,2022-10-09T06:11:00Z,beta,read_units,many,AmazonDynamoDB\n",
        encoding="utf-8",
    )
    cur = str(fixtures / "cur" / "aws_workshop_lab7")
    document = answer(tmp_path, "profile", cur, "tenants.csv", "usage.csv")
    assert totals(document)["USD", "effective"] == Decimal("1.95390075720")
    assert document["read"]["quarantined"] == 1
    cost = {row["tenant_id"]: Decimal(row["cost"]) for row in document["tenants"]}
    assert set(cost) == {"alpha", "beta", "(unknown:zeta)"}
    # Used in the same hour, a write weighs five reads: the bill's own prices are 0.00065 and 0.00013.
    assert cost["beta"] / cost["alpha"] == pytest.approx(Decimal(5), rel=Decimal("0.0001"))


def test_an_access_log_gives_cost_by_tenant_and_feature(tmp_path, fixtures):
    (tmp_path / "bill.csv").write_text(
        "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,"
        "ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ProviderName,BillingAccountId,ServiceName\n"
        "9.00,9.00,9.00,9.00,USD,2026-10-01,2026-11-01,2026-10-02,2026-10-03,Usage,AWS,1,Amazon EC2\n",
        encoding="utf-8",
    )
    (tmp_path / "tenants.csv").write_text(f'tenant_id\nacme\n"{HOSTILE}"\n', encoding="utf-8")
    line = '{}.example.com:443 10.0.0.{} - - [02/Oct/2026:{:02}:00:00 +0000] "GET /v1/{}/{} HTTP/1.1" 200 5 "-" "a"\n'
    lines = [
        line.format(host, n % 9, n % 24, feature, n)
        for n in range(300)
        for host, feature in (("acme", "orders"), ("acme", "invoices"), ("www", "orders"))
    ]
    (tmp_path / "access.log").write_text("".join([*lines, "\x1b[2J not a line\n"]), encoding="utf-8")
    document = answer(tmp_path, "profile", "bill.csv", "access.log", "tenants.csv")
    assert (document["read"]["rows"], document["read"]["quarantined"]) == (904, 1)
    assert {row["tenant_id"]: row["cost"] for row in document["tenants"]} == {
        "acme": "6",
        "(unattributed)": "3",
    }
    cells = {(row["name"], row["feature_id"]): row["cost"] for row in document["tenant_features"]}
    assert cells == {("acme", "orders"): "3", ("acme", "invoices"): "3", ("(unattributed)", "orders"): "3"}
    assert document["requests"]["count"] == 900
    assert document["certificate"]["reconciles"]
    other_days = answer(
        tmp_path, "profile", "bill.csv", str(fixtures / "logs" / "apache_combined.log"), "--lake", "other"
    )
    assert "access logs of the bill's days" in " ".join(advice["add"] for advice in other_days["next"])


def test_a_profile_deletes_nothing_but_an_earlier_profile(tmp_path, fixtures):
    bill, cur = str(fixtures / "focus" / "focus_1.0_sample.csv"), str(fixtures / "cur" / "aws_workshop_lab7")
    (tmp_path / "tenants.csv").write_text("tenant_id,name\nacme,Acme\n", encoding="utf-8")
    first = totals(answer(tmp_path, "profile", bill))

    # What cannot be profiled leaves the answer before it.
    tenantry(tmp_path, "profile", "nowhere.csv", code=2)
    tenantry(tmp_path, "profile", "tenants.csv", code=2)
    tenantry(tmp_path, "demo", "--no-serve", "--months", "1", code=2)
    assert totals(answer(tmp_path, "certificate")) == first

    second = totals(answer(tmp_path, "profile", cur))
    assert second != first
    assert totals(answer(tmp_path, "certificate")) == second

    # Anything else that was landed is the vendor's.
    tenantry(tmp_path, "profile", bill, "--lake", ".tenantry")
    both = totals(answer(tmp_path, "certificate"))
    for command in (["profile", bill], ["demo", "--no-serve"]):
        told = tenantry(tmp_path, *command, code=5).stderr
        assert "would be deleted: charges" in told
        assert "--lake" in told
    assert totals(answer(tmp_path, "certificate")) == both
    assert not (tmp_path / ".tenantry" / "vendor").exists()


def test_hostile_names_are_data(profiled):
    folder, document = profiled
    assert HOSTILE in {row["tenant_id"] for row in document["tenants"]}
    shown = tenantry(folder, "cost-per-tenant", "rank").stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[red]" in shown
    told = tenantry(folder, "explain", HOSTILE).stdout
    assert "account" in told


def test_an_export_holds_every_unit(profiled, fixtures):
    folder, _ = profiled
    text = tenantry(folder, "export", "tenant_cost", "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    total = sum((Decimal(row["billed_cost"]) for row in rows), Decimal(0))
    assert total == bill_sum(fixtures / "focus" / "focus_1.0_sample.csv", "BilledCost")


def test_a_focus_export_lands_again_with_the_same_sums(profiled, tmp_path):
    folder, document = profiled
    out = tmp_path / "allocated.csv"
    tenantry(folder, "export", "tenant_cost", "--format", "focus", "-o", str(out))
    again = answer(tmp_path, "profile", str(out))
    assert totals(again) == totals(document)


def test_an_explanation_adds_up(profiled):
    folder, document = profiled
    cost = next(row["cost"] for row in document["tenants"] if row["tenant_id"] == "acme")
    data = answer(folder, "explain", "acme", "--window", document["window"])["data"]
    parts = sum((Decimal(part["cost"]) for part in data["parts"]), Decimal(0))
    assert parts == Decimal(cost)
    assert data["bill_rows"]


def test_exit_codes(profiled, tmp_path):
    folder, _ = profiled
    assert tenantry(folder, "certificate").stdout
    assert "no such tenant" in tenantry(folder, "explain", "acm", code=4).stderr
    assert "there are" in tenantry(folder, "export", "tenant_costs", code=4).stderr
    tenantry(folder, "cost-per-tenant", "rank", "--window", "yesterday", code=2)
    tenantry(folder, "profile", code=2)
    (tmp_path / "notes.txt").write_text("just some words\n", encoding="utf-8")
    told = tenantry(tmp_path, "profile", "notes.txt", code=2).stderr
    assert "notes.txt" in told
    tenantry(tmp_path, "profile", "nowhere.csv", code=2)
    problem = json.loads(tenantry(tmp_path, "profile", "nowhere.csv", "--json", code=2).stderr)
    assert problem["type"] == "/errors/invalid"


def test_a_broken_sum_is_told_and_mended_by_a_build(profiled):
    folder, _ = profiled
    lake = Lake(folder / ".tenantry")
    day = lake.files(TenantCost)[0].partition
    lake.commit(TenantCost, [], replaces=[day], notes={})
    assert "tenants" in tenantry(folder, "certificate", code=3).stdout
    tenantry(folder, "build")
    assert answer(folder, "certificate")["data"]["reconciles"]
    assert "unchanged" in tenantry(folder, "build").stdout


BILL = (
    "BillingAccountId,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,"
    "ChargeCategory,InvoiceId,InvoiceIssuerName,ProviderName,ServiceName,BilledCost,EffectiveCost,ListCost,ContractedCost\n"
)


def test_an_invoice_further_from_the_bill_than_its_rounding_fails_the_certificate(tmp_path):
    month = "2026-03-01T00:00:00Z,2026-04-01T00:00:00Z"
    row = f"1,USD,{month},{month},Usage,I-1,AWS,AWS,Compute,20,20,20,20\n"
    (tmp_path / "bill.csv").write_text(BILL + row * 5, encoding="utf-8")
    # Of five charges FOCUS allows a dollar.
    for amount, code in (("101.01", 3), ("101.00", 0), ("98.99", 3)):
        text = f"invoice_id,invoice_issuer_name,currency,amount\nI-1,AWS,USD,{amount}\n"
        (tmp_path / "invoices.csv").write_text(text, encoding="utf-8")
        assert answer(tmp_path, "profile", "bill.csv", "invoices.csv")["certificate"]["reconciles"]
        data = answer(tmp_path, "certificate", code=code)["data"]
        assert data["reconciles"], "the tenants sum to the bill whatever was invoiced"
        [line] = data["invoices"]
        assert (line["billed"], line["tolerance"], line["matches"]) == ("100", "1", code == 0)
        [found] = [r for r in rules_of(tmp_path) if r["rule"] == "a"]
        assert (found["outcome"], found["checked"]) == ("failed" if code else "passed", 1)


def rules_of(folder: Path) -> list[dict]:
    return answer(folder, "reconciliation", "rules", "--window", "2026-03")["data"]["results"]


def test_configured_sources_land_build_and_run(tmp_path, fixtures):
    tenantry(tmp_path, "init")
    assert "exists" in tenantry(tmp_path, "init", code=2).stderr
    (tmp_path / "tenants.csv").write_text("tenant_id,accounts\nacme,11353890204\n", encoding="utf-8")
    (tmp_path / "tenantry.toml").write_text(
        f"""
        [lake]
        path = "lake"
        [sources.bill]
        kind = "focus"
        path = {json.dumps(str(fixtures / "focus" / "focus_1.0_sample.csv"))}
        [sources.customers]
        kind = "tenants"
        path = "tenants.csv"
        [[allocation.rules]]
        pool = "Silo"
        strategy = "silo"
        by = "account"
        [[allocation.rules]]
        pool = "The rest"
        strategy = "even"
        """,
        encoding="utf-8",
    )
    assert "no problems" in tenantry(tmp_path, "check").stdout
    assert "1,001 rows" in tenantry(tmp_path, "land").stdout
    tenantry(tmp_path, "build")
    assert answer(tmp_path, "certificate")["data"]["reconciles"]
    ran = answer(tmp_path, "run", "cost_per_tenant")
    assert [row["tenant_id"] for row in ran["answers"][0]["data"]] == ["acme"]
    ran = answer(tmp_path, "run")
    assert "cost_profile" in {one["capability"] for one in ran["answers"]}
    assert "requests" in {one["capability"] for one in ran["no_answer_yet"]}  # no log was landed
    assert "no answer yet from requests: requests holds no rows" in tenantry(tmp_path, "run").stdout
    assert "error: requests holds no rows" in tenantry(tmp_path, "run", "requests", code=4).stderr


def test_the_demo_knows_its_error(tmp_path):
    document = answer(tmp_path, "demo", "--no-serve", "--months", "3", "--tenants", "60")
    assert document["certificate"]["reconciles"]
    assert document["read"]["quarantined"] == 0
    assert 0 < document["accuracy"]["mean"] < 0.05

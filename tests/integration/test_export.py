"""Datasets as files: exact to the last digit, whole, and readable by our own door."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from proving import HARD, hard_vendor, plane, rows_of, runtime
from pyarrow import parquet
from small_vendor import BASES, SmallVendor, charge, tenant, usage

from tenantry.engine.lake import arrow_schema
from tenantry.errors import Kind, TenantryError
from tenantry.gateways.export import export, focus_name, write_csv, write_json, write_parquet
from tenantry.kernel import Principal, Window
from tenantry.kernel.money import EXACT
from tenantry.methods.policy import Match, Meter, Policy, Rule, Strategy
from tenantry.runtime.call import Runtime

DIGITS = [
    "0",
    "1E-18",
    "-1E-18",
    "0.1",
    "-3.33",
    "100",
    "99999999999999999999.999999999999999999",
    "0.000001",
]
NAMES = [
    "=1+1",
    "+49",
    "-5.5",
    "-cmd|x",
    "@sum(a)",
    "plain",
    "",
    None,
    'q"uo,te',
    "line\nbreak",
    "\u00fc",
    "-",
    "\tx",
]
SPLIT_DIMENSIONS = (
    "BillingAccountId", "BillingCurrency", "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargePeriodEnd",
    "ChargePeriodStart", "ConsumedUnit", "InvoiceId", "InvoiceIssuerName", "PricingUnit", "ServiceName",
    "ServiceProviderName", "SubAccountId", "x_Pool",
)  # fmt: skip
METRICS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "PricingQuantity", "ConsumedQuantity")


def sums(
    rows: Iterable[Mapping[str, Any]], by: Iterable[str], measures: Iterable[str]
) -> dict[tuple[Any, ...], Any]:
    """Exact sums; a null counts as none."""
    keys, names = tuple(by), tuple(measures)
    found: dict[tuple[Any, ...], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * len(names))
    for row in rows:
        own = found[tuple(row[k] for k in keys)]
        for i, name in enumerate(names):
            own[i] = EXACT.add(own[i], Decimal(row[name] or 0))
    return dict(found)


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> SmallVendor:
    return hard_vendor(tmp_path_factory.mktemp("hard"))


@pytest.fixture(scope="module")
def door(hard: SmallVendor) -> Runtime:
    return runtime(hard)


def focus_rows(door: Runtime, file: Path) -> list[dict[str, str]]:
    export(door, "focus_allocated", None, "focus", str(file))
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


# --- files --------------------------------------------------------------------------------------------


def test_every_digit_survives_every_format(tmp_path: Path, door: Runtime):
    costs = rows_of(door, "tenant_cost")
    for format_, read in {"csv": read_csv, "json": read_json, "parquet": read_parquet}.items():
        file = tmp_path / f"costs.{format_}"
        assert export(door, "tenant_cost", None, format_, str(file)) == len(costs)
        written = read(file)
        assert [[Decimal(row[b]) for b in BASES] for row in written] == [
            [row[b] for b in BASES] for row in costs
        ]
        assert [str(row["charge_day"]) for row in written] == [str(row["charge_day"]) for row in costs]
        assert [row["tenant_id"] for row in written] == [row["tenant_id"] for row in costs]


def read_csv(file: Path) -> list[dict[str, Any]]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def read_json(file: Path) -> list[dict[str, Any]]:
    return json.loads(file.read_text(encoding="utf-8"))


def read_parquet(file: Path) -> list[dict[str, Any]]:
    return parquet.read_table(file).to_pylist()


def table() -> pa.Table:
    size = max(len(DIGITS), len(NAMES))
    return pa.table(
        {
            "name": (NAMES * 2)[:size],
            "cost": pa.array([Decimal(d) for d in (DIGITS * 2)[:size]], pa.decimal128(38, 18)),
            "units": pa.array([Decimal(10**30)] * size, pa.decimal128(38, 0)),
            "tags": pa.array([[("k", "=v")]] * size, pa.map_(pa.string(), pa.string())),
            "aliases": pa.array([["a", "b"]] * size, pa.list_(pa.string())),
            "share": pa.array([0.1, float("nan")] + [None] * (size - 2)),
        }
    )


def test_decimals_are_plain_text_without_exponent_or_needless_zeros():
    rows = io.BytesIO()
    written = table()
    assert write_csv(written.schema, written.to_batches(), rows) == written.num_rows
    found = list(csv.DictReader(io.StringIO(rows.getvalue().decode(), newline="")))
    plain = [format(Decimal(d), "f") for d in DIGITS]
    assert [row["cost"] for row in found][: len(DIGITS)] == plain
    assert {row["units"] for row in found} == {"1" + "0" * 30}
    assert found[0]["tags"] == '{"k": "=v"}'
    assert found[0]["aliases"] == "a;b"
    assert [row["share"] for row in found][:3] == ["0.1", "", ""]


def test_text_that_a_spreadsheet_would_run_is_defused_in_csv_alone():
    written = table()
    guarded, bare, as_json = io.BytesIO(), io.BytesIO(), io.BytesIO()
    write_csv(written.schema, written.to_batches(), guarded)
    write_csv(written.schema, written.to_batches(), bare, guarded=False)
    write_json(written.schema, written.to_batches(), as_json)
    safe = [row["name"] for row in csv.DictReader(io.StringIO(guarded.getvalue().decode(), newline=""))]
    harmful = {"=1+1", "-cmd|x", "@sum(a)", "\tx"}
    assert safe == [f"'{n}" if n in harmful else n or "" for n in NAMES]
    raw = [row["name"] for row in csv.DictReader(io.StringIO(bare.getvalue().decode(), newline=""))]
    assert raw == [n or "" for n in NAMES]
    assert [row["name"] for row in json.loads(as_json.getvalue())] == NAMES


def test_an_empty_table_is_a_header_an_empty_array_a_schema(tmp_path: Path):
    empty = table().slice(0, 0)
    text, array, columns = io.BytesIO(), io.BytesIO(), io.BytesIO()
    assert write_csv(empty.schema, [], text) == write_json(empty.schema, [], array) == 0
    assert write_parquet(empty.schema, [], columns) == 0
    assert text.getvalue() == b"name,cost,units,tags,aliases,share\n"
    assert json.loads(array.getvalue()) == []
    assert parquet.read_table(io.BytesIO(columns.getvalue())).schema.names == empty.schema.names


def test_parquet_has_the_types_of_the_contract(tmp_path: Path, door: Runtime):
    file = tmp_path / "charges.parquet"
    assert export(door, "charges", None, "parquet", str(file)) == len(HARD)
    assert parquet.read_schema(file).equals(arrow_schema(door.catalog.dataset("charges")))


def test_times_are_iso_8601_in_utc(tmp_path: Path, door: Runtime):
    export(door, "charges", Window(date(2026, 3, 1), date(2026, 3, 2)), "csv", str(tmp_path / "c.csv"))
    starts = {row["charge_period_start"] for row in read_csv(tmp_path / "c.csv")}
    assert starts == {"2026-03-01T00:00:00Z", "2026-03-01T05:00:00Z"}


def test_a_window_is_exported_alone_and_days_stay_in_order(tmp_path: Path, door: Runtime):
    file = tmp_path / "costs.csv"
    export(door, "tenant_cost", Window.parse("2026-03"), "csv", str(file))
    days = [row["charge_day"] for row in read_csv(file)]
    assert days == sorted(days)
    assert min(days) >= "2026-03-01"


def test_a_file_appears_when_it_is_whole_or_not_at_all(tmp_path: Path, door: Runtime):
    file = tmp_path / "costs.csv"
    file.write_text("before")
    with pytest.raises(TenantryError) as problem:
        export(door, "tenants", Window.parse("2026-03"), "csv", str(file))
    assert problem.value.kind is Kind.INVALID
    with pytest.raises(TenantryError) as problem:
        export(door, "tenant_costs", None, "csv", str(file))
    assert problem.value.kind is Kind.NOT_FOUND
    assert file.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["costs.csv"]


def test_a_folder_that_is_not_there_is_said_and_nothing_is_left(tmp_path: Path, door: Runtime):
    with pytest.raises(TenantryError) as problem:
        export(door, "tenant_cost", None, "csv", str(tmp_path / "none" / "costs.csv"))
    assert problem.value.kind is Kind.UNAVAILABLE
    assert not list(tmp_path.iterdir())


def test_without_a_file_it_goes_to_standard_output(capfdbinary: pytest.CaptureFixture[bytes], door: Runtime):
    rows = export(door, "tenants", None, "csv")
    written = capfdbinary.readouterr().out.decode().splitlines()
    assert len(written) == rows + 1
    assert written[0].startswith("tenant_id,")


def test_a_principal_bound_to_a_tenant_exports_its_own_rows(door: Runtime):
    costs = [r for b in door.batches("tenant_cost", None, Principal("ada's", "ada")) for r in b.to_pylist()]
    assert {row["tenant_id"] for row in costs} == {"ada"}
    with pytest.raises(TenantryError) as problem:
        list(door.batches("focus_allocated", None, Principal("ada's", "ada")))
    assert problem.value.kind is Kind.FORBIDDEN


# --- FOCUS allocated rows -----------------------------------------------------------------------------


def ratio(row: Mapping[str, str]) -> Decimal:
    [element] = json.loads(row["AllocatedMethodDetails"], parse_float=Decimal)["Elements"]
    return Decimal(element["AllocatedRatio"])


def assert_allocated_as_focus_says(rows: list[dict[str, str]], charges: list[dict[str, Any]]) -> None:
    """Ratios of an origin sum to 1; its dimensions are one; its metrics are those of its charges, exactly."""
    origins: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        origins[row["x_AllocatedFrom"]].append(row)
    for parts in origins.values():
        assert sum(map(ratio, parts)) == 1
        assert all(ratio(part) >= 0 for part in parts)
        assert len({tuple(part[name] for name in SPLIT_DIMENSIONS) for part in parts}) == 1
    names = {
        "BillingCurrency": "billing_currency",
        "ChargeCategory": "charge_category",
        "InvoiceId": "invoice_id",
        "PricingUnit": "pricing_unit",
        "ServiceName": "service_name",
        "ServiceProviderName": "provider_name",
        "ChargeClass": "charge_class",
    }
    measures = {m: focus_name(m) for m in (*BASES, "pricing_quantity", "consumed_quantity")}
    given = [
        {**{k: c.get(v) or "" for k, v in names.items()}, **{m: c.get(k) for k, m in measures.items()}}
        for c in charges
    ]
    assert sums(rows, names, METRICS) == sums(given, names, METRICS)


def test_allocated_rows_keep_the_rules_of_focus(tmp_path: Path, door: Runtime):
    rows = focus_rows(door, tmp_path / "focus.csv")
    assert_allocated_as_focus_says(rows, rows_of(door, "charges"))
    assert {row["AllocatedMethodId"].split(":")[0] for row in rows} <= {
        "silo",
        "fine",
        "coarse",
        "fallback",
        "unallocated",
    }
    for row in rows:
        nobody = row["x_ConsumerId"] in ("(idle)", "(unallocated)")
        assert row["AllocatedResourceId"] == ("" if nobody else row["x_ConsumerId"])
        assert bool(row["AllocatedTags"]) is not nobody
        assert row["ChargePeriodStart"].endswith("Z")


def test_allocated_rows_of_a_tenant_sum_to_its_cost_to_the_last_unit(tmp_path: Path, door: Runtime):
    rows = focus_rows(door, tmp_path / "focus.csv")
    by = (
        "x_ChargeDay",
        "BillingCurrency",
        "x_ConsumerId",
        "x_Pool",
        "x_AllocationRung",
        "x_AllocationReason",
    )
    costs = [
        {
            "x_ChargeDay": str(row["charge_day"]),
            "BillingCurrency": row["currency"],
            "x_ConsumerId": row["tenant_id"],
            "x_Pool": row["pool"],
            "x_AllocationRung": row["rung"],
            "x_AllocationReason": row["reason"],
            **{focus_name(b): row[b] for b in BASES},
        }
        for row in rows_of(door, "tenant_cost")
    ]
    measures = [focus_name(b) for b in BASES]
    assert sums(rows, by, measures) == sums(costs, by, measures)


def test_the_method_names_rung_pool_and_policy_and_the_usage_behind_the_ratio(tmp_path: Path, door: Runtime):
    rows = focus_rows(door, tmp_path / "focus.csv")
    [row] = [
        r
        for r in rows
        if (r["x_ConsumerId"], r["x_Pool"], r["x_ChargeDay"], r["ChargeCategory"], r["x_AllocationReason"])
        == ("bob", "Compute", "2026-03-04", "Usage", "usage by day")
    ]
    assert row["AllocatedMethodId"].startswith("fine:Compute:")
    [element] = json.loads(row["AllocatedMethodDetails"])["Elements"]
    assert (element["UsageUnit"], element["UsageQuantity"]) == ("ms", 4)
    assert json.loads(row["AllocatedTags"]) == {"tenant": "bob"}


def test_focus_can_be_parquet_and_is_the_same_whichever_dataset_is_named(tmp_path: Path, door: Runtime):
    rows = focus_rows(door, tmp_path / "focus.csv")
    export(door, "tenant_cost", None, "focus", str(tmp_path / "focus.parquet"))
    table_ = parquet.read_table(tmp_path / "focus.parquet")
    assert table_.schema.names == list(rows[0])
    assert [str(v.normalize()) for v in table_["BilledCost"].to_pylist()] == [
        str(Decimal(row["BilledCost"]).normalize()) for row in rows
    ]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_our_own_export_lands_again_with_the_same_sums(tmp_path: Path, door: Runtime, suffix: str):
    file = tmp_path / f"focus.{suffix}"
    export(door, "focus_allocated", None, "focus", str(file))
    policy = Policy(rules=(Rule(pool="Silo", strategy=Strategy.SILO, by="tag:tenant"),))
    again = plane(tmp_path / "again", policy)
    people = tmp_path / "tenants.csv"
    people.write_text("tenant_id,aliases\nada,countess\nbob,\ncyd,\n")
    ingested = again.ingest([str(file), str(people)])
    assert sum(d.quarantined for d in ingested.deliveries) == 0
    again.build()
    key = (
        "billing_currency",
        "charge_category",
        "charge_class",
        "service_name",
        "charge_day",
        "billing_period",
    )
    measures = (*BASES, "pricing_quantity", "consumed_quantity")
    before, after = (sums(rows_of(d, "charges"), key, measures) for d in (door, again.runtime))
    assert after == before
    named = {"ada", "bob", "cyd", "(unknown:stranger)", "(unknown:nobody knows)"}
    mine, theirs = (
        {
            k: v
            for k, v in sums(rows_of(d, "tenant_cost"), ("tenant_id", "currency"), BASES).items()
            if k[0] in named
        }
        for d in (door, again.runtime)
    )
    silo = {k: v for k, v in theirs.items() if any(v) or k in mine}
    assert {k[0] for k in mine} == named
    assert again.runtime.call("reconciliation", "certificate", {}).data.reconciles
    silo_rows = [r for r in rows_of(again.runtime, "tenant_cost") if r["rung"] == "silo"]
    assert sums(silo_rows, ("tenant_id", "currency"), BASES) == mine
    assert silo


amounts = st.decimals(min_value=-(10**12), max_value=10**12, places=18, allow_nan=False)
bill_rows = st.builds(
    lambda costs, day, hour, service, **more: charge(
        costs[0],
        f"2026-03-0{day}" + (f"T{hour:02}" if hour is not None else ""),
        service_name=service,
        effective_cost=costs[1],
        list_cost=costs[2],
        **{k: v for k, v in more.items() if v is not None},
    ),
    st.tuples(amounts, amounts, amounts),
    st.integers(1, 2),
    st.none() | st.integers(0, 2),
    st.sampled_from(["Compute", "Disk", "Tax Office"]),
    charge_category=st.sampled_from(["Usage", "Credit", "Tax"]),
    billing_currency=st.sampled_from(["USD", "EUR"]),
    invoice_id=st.none() | st.sampled_from(["I1", "I2"]),
    pricing_unit=st.none() | st.sampled_from(["GB", "Hours"]),
    pricing_quantity=st.none() | st.decimals(-(10**6), 10**6, places=9, allow_nan=False),
    tags=st.none() | st.sampled_from(["a", "=b"]).map(lambda t: {"tenant": t}),
)
used = st.builds(
    lambda tenant_id, quantity, hour: usage(tenant_id, quantity, f"2026-03-01T{hour:02}"),
    st.sampled_from(["a", "b", "zz"]),
    st.decimals("0.000000001", 10**6, places=9, allow_nan=False),
    st.integers(0, 2),
)
RANDOM_POLICY = Policy(
    rules=(
        Rule(pool="Silo", strategy=Strategy.SILO, by="tag:tenant"),
        Rule(pool="Tax", match=Match(category=("Tax",)), strategy=Strategy.PROPORTIONAL),
        Rule(pool="Disk", match=Match(service=("Disk",)), strategy=Strategy.EVEN),
        Rule(pool="Compute", match=Match(service=("Compute",)), meters=(Meter(meter="ms"),)),
    )
)


@settings(
    max_examples=max(5, settings().max_examples // 20),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.lists(bill_rows, min_size=1, max_size=12), st.lists(used, max_size=6))
def test_any_bill_is_allocated_as_focus_says(
    tmp_path_factory: pytest.TempPathFactory, bill: list[dict[str, Any]], metered: list[dict[str, Any]]
):
    folder = tmp_path_factory.mktemp("random")
    vendor = SmallVendor(folder / "lake", RANDOM_POLICY)
    vendor.land(bill, [tenant("a"), tenant("b")], metered).build()
    door = runtime(vendor)
    assert_allocated_as_focus_says(focus_rows(door, folder / "focus.csv"), rows_of(door, "charges"))
    made = door.call("reconciliation", "certificate", {}).data
    assert made.reconciles, made.problems
    cells = rows_of(door, "allocated_cells")
    assert all(cell["conserved"] and cell["whole"] for cell in cells)

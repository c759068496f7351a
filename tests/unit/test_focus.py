"""Whose files FOCUS files are, which of them land together, and which are left aside."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tenantry.datasets.charges import Charges
from tenantry.kernel.source import Format, Sample
from tenantry.sources.cur import Cur
from tenantry.sources.focus import Focus

COLUMNS = (
    "BilledCost",
    "ChargePeriodStart",
    "ChargeCategory",
    "BillingPeriodStart",
    "BillingAccountId",
    "ProviderName",
)


def focus(path: str | Path, account: str = "1", month: str = "2026-01", more: Sequence[str] = ()) -> Sample:
    row = {"BillingPeriodStart": f"{month}-01T00:00:00Z", "BillingAccountId": account, "ProviderName": "AWS"}
    return Sample(Path(path), Format.CSV, (*COLUMNS, *more), (row,))


def landing(samples: Sequence[Sample]) -> list[list[str]]:
    return [[str(path) for path in batch.files] for batch in Focus(path="x").batches(samples)]


@pytest.mark.parametrize(
    "columns",
    [
        COLUMNS,
        [c.upper() for c in COLUMNS],
        ["\ufeffBilledCost", " charge period start ", "charge_category"],
        tuple(Charges.columns()),
    ],
)
def test_focus_is_known_by_its_columns_however_they_are_spelled(columns: Sequence[str]):
    sample = Sample(Path("x"), Format.CSV, tuple(columns))
    assert Focus.recognises(sample)
    assert not Cur.recognises(sample)


@pytest.mark.parametrize("missing", ["BilledCost", "ChargePeriodStart", "ChargeCategory"])
def test_a_table_without_what_every_bill_has_is_not_focus(missing: str):
    assert not Focus.recognises(Sample(Path("x"), Format.CSV, tuple(c for c in COLUMNS if c != missing)))


def test_every_column_of_the_contract_that_is_never_null_has_an_expression():
    (batch,) = Focus(path="x").batches([focus("a.csv")])
    (mapping,) = batch.mappings
    assert Charges.required() <= mapping.columns.keys() <= Charges.columns().keys()
    assert batch.replaces == ("billing_period", "billing_account_id", "provider_name")


def test_files_of_a_folder_land_together():
    assert landing([focus("b/2.csv"), focus("a/1.csv"), focus("b/1.csv")]) == [
        ["a/1.csv"],
        ["b/1.csv", "b/2.csv"],
    ]


def test_files_of_one_bill_land_together_even_if_their_columns_differ():
    samples = [
        focus("a/1.csv"),
        focus("a/2.csv", account="2", more=["Tags"]),
        focus("a/3.csv", more=["SkuId"]),
    ]
    assert landing(samples) == [["a/2.csv"], ["a/1.csv", "a/3.csv"]]


@pytest.mark.parametrize("period", ["20260101-20260201", "BILLING_PERIOD=2026-01", "billing_period=2026-01"])
def test_the_latest_delivery_of_a_period_is_read_and_the_others_are_named(period: str):
    old, new = "2026-01-03T04:05:06.789Z-ffff", "2026-02-03T04:05:06.789Z-0000"
    samples = [focus(f"data/{period}/{v}/part-{n}.csv") for v in (old, new) for n in (1, 2)]
    other = focus("data/20251201-20260101/2025-12-03T04:05:06Z-1/part-1.csv", month="2025-12")
    assert sorted(path for files in landing([*samples, other]) for path in files) == [
        "data/20251201-20260101/2025-12-03T04:05:06Z-1/part-1.csv",
        f"data/{period}/{new}/part-1.csv",
        f"data/{period}/{new}/part-2.csv",
    ]
    assert Focus(path="x").superseded([*samples, other]) == [
        (Path(f"data/{period}/{old}/part-{n}.csv"), f"an older delivery: {new} is the latest by name")
        for n in (1, 2)
    ]


def test_deliveries_named_by_run_in_a_timed_folder_are_ordered_by_time():
    samples = [focus(f"x/20260101-20260131/{v}/p.csv") for v in ("202602010300/zzz", "202602020300/aaa")]
    assert landing(samples) == [["x/20260101-20260131/202602020300/aaa/p.csv"]]


def test_the_manifest_says_which_assembly_is_current(tmp_path: Path):
    period = tmp_path / "20260101-20260201"
    for assembly in ("aaaa", "bbbb"):
        (period / assembly).mkdir(parents=True)
        (period / assembly / "report-1.csv").touch()
    os.utime(period / "bbbb" / "report-1.csv", (1, 1))
    (period / "report-Manifest.json").write_text(
        '{"assemblyId": "bbbb", "reportKeys": ["x/bbbb/report-1.csv"]}'
    )
    samples = [focus(period / assembly / "report-1.csv") for assembly in ("aaaa", "bbbb")]
    assert landing(samples) == [[str(period / "bbbb" / "report-1.csv")]]
    assert Focus(path="x").superseded(samples) == [
        (period / "aaaa" / "report-1.csv", "an older delivery: bbbb is the one that the manifest names")
    ]


def test_without_a_manifest_the_newest_files_are_current(tmp_path: Path):
    for time, assembly in ((2, "aaaa"), (1, "bbbb")):
        path = tmp_path / "20260101-20260201" / assembly / "report-1.csv"
        path.parent.mkdir(parents=True)
        path.touch()
        os.utime(path, (time, time))
    samples = [focus(path) for path in sorted(tmp_path.rglob("*.csv"))]
    assert landing(samples) == [[str(samples[0].path)]]


def test_folders_that_are_no_deliveries_are_all_read():
    assert (
        len(landing([focus("bills/january/a.csv"), focus("bills/2026-01/a.csv"), focus("bills/a.csv")])) == 3
    )

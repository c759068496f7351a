"""Whose files AWS reports are, and that each has its expressions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tenantry.datasets.charges import Charges
from tenantry.kernel.source import Format, RowMapping, Sample
from tenantry.sources.cur import Cur
from tenantry.sources.focus import Focus

LEGACY = (
    "lineItem/UnblendedCost",
    "lineItem/UsageStartDate",
    "lineItem/LineItemType",
    "bill/BillingPeriodStartDate",
)
SNAKE = ("line_item_unblended_cost", "line_item_usage_start_date")


def mapping(columns: Sequence[str]) -> RowMapping:
    (batch,) = Cur(path="x").batches([Sample(Path("x.csv"), Format.CSV, tuple(columns))])
    (only,) = batch.mappings
    return only


@pytest.mark.parametrize("columns", [LEGACY, SNAKE])
def test_a_report_is_known_by_its_columns(columns: tuple[str, ...]):
    sample = Sample(Path("x"), Format.CSV, columns)
    assert Cur.recognises(sample)
    assert not Focus.recognises(sample)
    assert not Cur.recognises(Sample(Path("x"), Format.CSV, columns[1:]))


@pytest.mark.parametrize("columns", [LEGACY, SNAKE])
def test_the_fewest_columns_fill_all_that_is_never_null(columns: tuple[str, ...]):
    assert Charges.required() <= mapping(columns).columns.keys() <= Charges.columns().keys()


def test_both_spellings_read_alike():
    legacy = ("lineItem/UnblendedCost", "lineItem/UsageStartDate")
    told = {name: sql.replace(legacy[0], SNAKE[0]).replace(legacy[1], SNAKE[1])
            for name, sql in mapping(legacy).columns.items()}  # fmt: skip
    assert told == mapping(SNAKE).columns


def test_a_mapping_stays_short_enough_to_be_planned_in_a_second():
    wide = [*LEGACY, *(f"product/attribute{n}" for n in range(150)), "reservation/EffectiveCost",
            "savingsPlan/SavingsPlanEffectiveCost", "savingsPlan/UsedCommitment", "savingsPlan/TotalCommitmentToDate",
            "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod", "reservation/UnusedRecurringFee",
            "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod",
            "reservation/AmortizedUpfrontFeeForBillingPeriod"]  # fmt: skip
    assert sum(map(len, mapping(wide).columns.values())) < 200_000

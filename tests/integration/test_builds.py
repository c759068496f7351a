"""A build touches only the days it must, and shows whole versions."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from building import DERIVED, build, contents, differs_from_a_build_from_nothing, land, versions
from small_vendor import SmallVendor, charge, tenant, usage

from tenantry.datasets import (
    DATASETS,
    Allocation,
    Charges,
    Overhead,
    PoolCost,
    TenantCost,
    Tenants,
    Usage,
    UsageHourly,
)
from tenantry.engine.build import ALWAYS, evaluated
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import DataFile, Lake
from tenantry.errors import Kind, TenantryError
from tenantry.kernel import Dataset, Window
from tenantry.kernel.dataset import Key
from tenantry.methods.policy import Policy

# --- only the days that it must ------------------------------------------------------------------------

DAYS = [date(2026, 3, 1) + timedelta(days=n) for n in range(10)]
FEBRUARY = date(2026, 2, 27)
USED = {"pool": "Used", "meters": [{"meter": "ms"}], "fallback": ["last_good"], "last_good_days": 2}


def daily(days: Iterable[date], cost: str = "3") -> list[dict[str, Any]]:
    return [charge(cost, day.isoformat()) for day in days]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> SmallVendor:
    """Ten days of March and one of February; the 5th and 6th have no usage and lean on the 4th."""
    vendor = SmallVendor(tmp_path_factory.mktemp("built"), Policy.read({"rules": [USED]})).land(
        charges=daily([*DAYS, FEBRUARY]),
        tenants=[tenant("a"), tenant("b")],
        usages=[usage("a", 1, f"{day}T00") for day in [*DAYS, FEBRUARY] if day.day not in (5, 6)],
    )
    build(vendor)
    return vendor


@pytest.fixture
def vendor(built: SmallVendor, tmp_path: Path) -> SmallVendor:
    return built.copied(tmp_path / "lake")


def test_nothing_changed_nothing_built(vendor: SmallVendor):
    before = versions(vendor)
    assert build(vendor) == {}
    assert versions(vendor) == before


def test_late_usage_rebuilds_its_day_and_those_that_lean_on_it(vendor: SmallVendor):
    land(vendor, Usage, [usage("b", 1, "2026-03-04T00")], date(2026, 3, 4))
    assert build(vendor) == {
        "usage_hourly": 1,
        "meter_hours": 1,
        "pool_routes": 1,
        "allocation": 3,
        "borne": 3,
        "shared_cost": 3,
        "tenant_cost": 3,
        "feature_cost": 3,
        "margin": 1,
        "insights": 2,
        "forecasts": 2,
        "forecast_accuracy": 1,
    }
    assert vendor.query("SELECT DISTINCT charge_day FROM allocation WHERE tenant_id = 'b' ORDER BY 1") == [
        {"charge_day": date(2026, 3, day)} for day in (4, 5, 6)
    ]


def test_usage_rebuilds_the_monthly_charges_of_its_month(vendor: SmallVendor):
    land(vendor, Charges, [*daily(DAYS), charge("31", "2026-03")], DAYS[0])
    build(vendor)
    land(vendor, Usage, [usage("b", 1, "2026-03-09T00")], date(2026, 3, 9))
    assert build(vendor)["allocation"] == 2
    assert differs_from_a_build_from_nothing(vendor) == []


def test_a_monthly_charge_that_starts_late_in_its_month_leans_on_the_month_before(vendor: SmallVendor):
    late = charge("31", "2026-03") | {"charge_day": date(2026, 3, 31)}
    late["charge_period_start"] += timedelta(days=30)
    late["charge_period_end"] += timedelta(days=30)
    vendor.policy = Policy.read({"rules": [USED | {"last_good_days": 31}]})
    land(vendor, Usage, [], *DAYS)
    land(vendor, Charges, [late], DAYS[0])
    build(vendor)
    land(vendor, Usage, [usage("b", 1, f"{FEBRUARY}T00")], FEBRUARY)
    build(vendor)
    assert differs_from_a_build_from_nothing(vendor) == []
    assert vendor.tenant_totals() == {"b": 34}, "31 by the ratio of 27 February"


def test_a_restated_period_rebuilds_its_days_and_drops_those_it_no_longer_has(vendor: SmallVendor):
    land(vendor, Charges, daily(DAYS[:4], "5"), DAYS[0])
    assert build(vendor)["pool_cost"] == 4
    assert [row.d for row in vendor.query("SELECT DISTINCT charge_day AS d FROM tenant_cost ORDER BY d")] == [
        FEBRUARY,
        *DAYS[:4],
    ]
    assert vendor.tenant_totals() == {"a": 23}
    assert differs_from_a_build_from_nothing(vendor) == []


def test_a_correction_in_a_later_period_rebuilds_the_day_it_corrects(vendor: SmallVendor):
    april = date(2026, 4, 1)
    land(vendor, Charges, [charge("-1", FEBRUARY.isoformat(), billing_period=april)], april)
    assert build(vendor)["pool_cost"] == 1
    assert vendor.unbalanced() == []
    assert vendor.query(
        "SELECT billing_period, effective_cost FROM tenant_cost WHERE effective_cost < 0"
    ) == [{"billing_period": april, "effective_cost": -1}]


def test_other_tenants_or_another_policy_rebuild_every_day(vendor: SmallVendor):
    land(vendor, Tenants, [tenant("c", aliases=["a"])])
    assert build(vendor)["usage_hourly"] == 9
    assert vendor.tenant_totals() == {"c": 33}
    vendor.policy = Policy.read({"rules": [{"pool": "Used", "strategy": "even"}]})
    assert build(vendor)["allocation"] == 11
    assert differs_from_a_build_from_nothing(vendor) == []


# --- whole versions --------------------------------------------------------------------------------------


def test_who_reads_keeps_the_version_they_began_with(vendor: SmallVendor):
    reader = DuckDB(Lake(vendor.lake.path), memory_limit="1GB")
    reader.attach(DATASETS)
    land(vendor, Charges, daily(DAYS[:1], "1"), DAYS[0])
    build(vendor)
    total = "SELECT sum(effective_cost) AS total FROM tenant_cost"
    assert (reader.query(total)[0].total, vendor.query(total)[0].total) == (33, 4)


def test_a_build_that_fails_leaves_every_table_as_it_was(vendor: SmallVendor):
    before = {d: contents(vendor, d) for d in DERIVED}
    land(vendor, Charges, [charge("9E+19"), charge("9E+19")], DAYS[0])
    with pytest.raises(TenantryError, match="does not fit"):
        build(vendor)
    vendor.engine.attach(DATASETS)
    assert {d: contents(vendor, d) for d in DERIVED} == before
    land(vendor, Charges, daily(DAYS), DAYS[0])
    build(vendor)
    assert differs_from_a_build_from_nothing(vendor) == []


class LandingMeanwhile(Lake):
    """A lake into which somebody lands a bill just before a build asks, for another table, for the bill's version."""

    asked = 0

    def version(self, dataset: type[Dataset]) -> int:
        self.asked += dataset is Charges
        if dataset is Charges and self.asked == 2:
            land(SmallVendor(self.path), Charges, daily(DAYS, "7"), DAYS[0])
        return super().version(dataset)


def test_what_lands_during_a_build_is_built_by_the_next(vendor: SmallVendor):
    land(vendor, Charges, daily(DAYS, "5"), DAYS[0])
    busy = SmallVendor(vendor.lake.path, vendor.policy)
    busy.lake = busy.engine.lake = LandingMeanwhile(vendor.lake.path)
    build(busy)
    assert busy.lake.asked >= 2
    build(vendor)
    assert vendor.tenant_totals() == {"a": 73}
    assert vendor.unbalanced() == []


class BuiltMeanwhile(Lake):
    """A lake whose pools somebody else builds just when this build has looked up which files it replaces."""

    other: SmallVendor | None = None
    committing = False

    def commit(self, dataset: type[Dataset], *args: Any, **options: Any) -> None:
        self.committing = dataset is PoolCost
        super().commit(dataset, *args, **options)

    def files(self, dataset: type[Dataset], version: int | None = None) -> list[DataFile]:
        found = super().files(dataset, version)
        if self.committing and self.other:
            other, self.other = self.other, None
            build(other)
        return found


@pytest.mark.parametrize("first", [True, False])
def test_of_two_builds_at_once_one_gives_way(vendor: SmallVendor, first: bool):  # noqa: FBT001
    if first:
        shutil.rmtree(vendor.lake.folder(PoolCost))
    land(vendor, Charges, daily(DAYS, "5"), DAYS[0])
    late = SmallVendor(vendor.lake.path, vendor.policy)
    lake = late.lake = late.engine.lake = BuiltMeanwhile(vendor.lake.path)
    lake.other = vendor
    with pytest.raises(TenantryError, match="another process changed pool_cost") as caught:
        build(late)
    assert caught.value.kind is Kind.UNAVAILABLE
    assert vendor.unbalanced() == []
    assert build(late) == {}


def test_a_table_that_was_deleted_is_built_again_and_so_is_what_reads_it(vendor: SmallVendor):
    land(vendor, Charges, daily(DAYS, "5"), DAYS[0])
    shutil.rmtree(vendor.lake.folder(PoolCost))
    build(vendor)
    assert vendor.lake.version(PoolCost) == 1
    assert differs_from_a_build_from_nothing(vendor) == []


def test_a_build_does_not_need_versions_that_were_tidied_away(vendor: SmallVendor):
    land(vendor, Charges, daily(DAYS, "5"), DAYS[0])
    for dataset in (Charges, Usage, PoolCost, UsageHourly, Allocation, Overhead, TenantCost):
        vendor.lake.tidy(dataset, keep=timedelta(0))
    build(vendor)
    assert vendor.tenant_totals() == {"a": 53}
    assert differs_from_a_build_from_nothing(vendor) == []


class Halves(Dataset):
    """Rows of which the last cannot be computed."""

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("half",)

    half: Key

    @classmethod
    def compute(cls, read: Any, window: Window, settings: Mapping[str, Any]) -> Iterator[Halves]:
        assert not gc.isenabled()
        yield from (cls(half=str(1 / n)) for n in (2, 1, 0))


def test_cycles_are_looked_for_again_once_rows_were_computed_or_could_not_be(vendor: SmallVendor):
    with pytest.raises(ZeroDivisionError), evaluated(vendor.engine, Halves, None, {}, ALWAYS):
        pass
    assert gc.isenabled()

"""What is over is deleted once its time has come; nothing else is, and no figure moves."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from building import build, land
from small_vendor import CATALOG, SmallVendor, charge, tenant, usage
from sqlalchemy import insert, select

from tenantry.app import main, open_worker
from tenantry.datasets import DATASETS, Charges, TenantCost, Tenants, Usage
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.kernel import AccessRole, Catalog, Principal
from tenantry.runtime.asking.memory import Memory
from tenantry.runtime.jobs import JobKind, Jobs
from tenantry.runtime.plane import ControlPlane
from tenantry.runtime.records import Records
from tenantry.runtime.retention import Retention, tidying
from tenantry.runtime.state import State
from tenantry.runtime.state.tables import (
    AGENT_RUN,
    ASKED,
    AUDIT,
    DECISION,
    JOB,
    OUTWARD_CALL,
    SHOWN_ANSWER,
    moment,
)
from tenantry.runtime.uploads import Uploads

ADA = Principal("ada", role=AccessRole.OPERATOR)
NOW = datetime(2026, 7, 1, tzinfo=UTC)
OLD, NEW = NOW - timedelta(days=401), NOW - timedelta(days=399)
WEEK, YEAR = timedelta(days=7), timedelta(days=400)


def aged(path: Path, age: timedelta) -> Path:
    then = time.time() - age.total_seconds()
    os.utime(path, (then, then))
    return path


# --- tables -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> SmallVendor:
    """A vendor whose bill and usage were restated after a build, and built again."""
    vendor = SmallVendor(tmp_path_factory.mktemp("built")).land(
        charges=[charge("10", "2026-03-01"), charge("20", "2026-03-02")],
        tenants=[tenant("a"), tenant("b")],
        usages=[usage("a", 1, "2026-03-01T00"), usage("b", 1, "2026-03-02T00")],
    )
    build(vendor)
    land(vendor, Charges, [charge("99", "2026-03-01")], date(2026, 3, 1))
    land(vendor, Usage, [usage("b", 1, "2026-03-01T00")], date(2026, 3, 1))
    build(vendor)
    return vendor


@pytest.fixture
def restated(built: SmallVendor, tmp_path: Path) -> SmallVendor:
    return built.copied(tmp_path / "lake")


def held(vendor: SmallVendor) -> set[Path]:
    """The files that newest versions hold."""
    return {Path(path) for dataset in DATASETS for path in vendor.lake.paths(dataset)}


def on_disk(vendor: SmallVendor) -> set[Path]:
    return set(vendor.lake.path.rglob("*.parquet")) - set(vendor.lake.path.rglob("_delta_log/*"))


def tidied(vendor: SmallVendor, keep: timedelta) -> set[Path]:
    found: set[Path] = set()
    for dataset in DATASETS:
        deleted = vendor.lake.tidy(dataset, keep)
        assert all(deleted.values())
        found |= {vendor.lake.folder(dataset) / path for path in deleted}
    return found


def test_replaced_files_are_kept_for_their_time_and_deleted_after(restated: SmallVendor):
    before, replaced = restated.tenant_totals(), on_disk(restated) - held(restated)
    versions = {dataset: restated.lake.version(dataset) for dataset in DATASETS}
    assert len(replaced) > 5
    assert tidied(restated, WEEK) == set()
    assert tidied(restated, timedelta(0)) == replaced
    assert on_disk(restated) == held(restated)
    assert tidied(restated, timedelta(0)) == set()
    assert {dataset: restated.lake.version(dataset) for dataset in DATASETS} == versions
    assert build(restated) == {}, "nothing above a tidied table is built again"
    again = SmallVendor(restated.lake.path)
    assert build(again) == {}
    assert again.tenant_totals() == restated.tenant_totals() == before
    assert again.unbalanced() == []


def test_files_that_a_crash_left_are_deleted_when_they_are_old(restated: SmallVendor):
    some = Path(restated.lake.paths(TenantCost)[0])
    left, being_written = some.with_name("left.parquet"), some.with_name("being-written.parquet")
    left.write_bytes(b"half a file")
    being_written.write_bytes(b"half a file")
    aged(left, timedelta(days=8))
    assert tidied(restated, WEEK) == {left}
    assert being_written.exists()


def test_a_long_log_is_cut_under_a_checkpoint_that_is_old(restated: SmallVendor):
    for _ in range(230):
        restated.lake.commit(Tenants, (), replaces=())
    log, newest = restated.lake.folder(Tenants) / "_delta_log", restated.lake.version(Tenants)
    for path in log.iterdir():
        if path.name[:20] < f"{150:020}":
            aged(path, timedelta(days=8))
    restated.lake.tidy(Tenants, WEEK)
    [oldest, *_] = sorted(path.name for path in log.iterdir() if path.name[0] == "0")
    assert oldest == f"{99:020}.checkpoint.parquet"
    fresh = Lake(restated.lake.path)
    assert (fresh.version(Tenants), fresh.files(Tenants)) == (newest, restated.lake.files(Tenants))
    assert [fresh.holds(Tenants, version) for version in (98, 99, 149, newest)] == [False, True, True, True]
    assert build(SmallVendor(restated.lake.path)) != {}, "the versions that it was built from are no more"
    restated.lake.commit(Tenants, (), replaces=())
    assert restated.lake.version(Tenants) == newest + 1


def test_a_table_that_is_not_there_has_nothing_to_tidy(tmp_path: Path):
    assert Lake(tmp_path / "none").tidy(TenantCost, WEEK) == {}


# --- the state store ---------------------------------------------------------------------------------------


class World:
    """A control plane over an empty lake, whose job `tidy` is done at once; the clock is the test's."""

    def __init__(self, folder: Path, url: str) -> None:
        self.now = NOW
        self.state = State(url)
        self.uploads = Uploads(folder / "uploads", ())
        catalog, engine = Catalog((), (), ()), DuckDB(Lake(folder / "lake"))
        self.plane = ControlPlane(
            engine, catalog, lambda _: {}, lambda _: {}, lambda: self.now, None,
            lambda: Records(self.state, engine, catalog),
        )  # fmt: skip
        self.kind = tidying(catalog, Retention(WEEK, YEAR), self.uploads)
        self.jobs = Jobs(self.state, {"try": JobKind("thing", list, lambda *_: None)}, lambda: self.now)

    def tidy(self, *names: str) -> dict[str, Any]:
        steps: dict[str, Any] = {}

        def step(name: str, do: Callable[[Any], Any]) -> Any:
            return steps.setdefault(name, do(lambda *_: None))

        self.kind.work(self.plane, names, step)
        return steps

    def numbers(self, table: Any) -> list[int]:
        [number] = table.primary_key.columns
        with self.state.read() as connection:
            return list(connection.execute(select(number).order_by(number)).scalars())

    def put(self, table: Any, **row: Any) -> None:
        with self.state.begin() as connection:
            connection.execute(insert(table).values(**row))


@pytest.fixture
def world(tmp_path: Path, state_url: str) -> Generator[World]:
    found = World(tmp_path, state_url)
    yield found
    found.state.close()


def turn(world: World, conversation: str, at: datetime) -> None:
    memory = Memory(world.state, lambda: at)
    memory.keep(conversation, ADA, "what?", "answered", (), ())
    memory.show(ADA, {"conversation": conversation, "question": "what?"})


def test_conversations_go_whole_once_they_are_quiet_for_long(world: World):
    for conversation, at in (("gone", OLD), ("gone", OLD), ("goes on", OLD), ("goes on", NEW), ("new", NEW)):
        turn(world, conversation, at)
    told = world.tidy()["tidy history"]
    assert (told["questions"], told["answers"]) == (2, 2)
    assert world.numbers(ASKED) == world.numbers(SHOWN_ANSWER) == [3, 4, 5]
    assert {one.conversation for one in Memory(world.state, lambda: NOW).begun(ADA)} == {"goes on", "new"}
    assert world.tidy()["tidy history"] == dict.fromkeys(told, 0)


def run(world: World, at: datetime, *, landed: int = 1, conversation: str = "c") -> None:
    world.put(
        AGENT_RUN, conversation=conversation, at=moment(at), principal="ada", question="?", names={}, model="m",
        texts={}, calls=[], proposals=[], requests=1, input_tokens=1, output_tokens=1, seconds=0.1,
        outcome="answered", landed=landed,
    )  # fmt: skip


def test_runs_go_once_landed_and_nobody_decides_about_them(world: World):
    run(world, OLD, conversation="over")
    run(world, OLD, conversation="not landed", landed=0)
    run(world, OLD, conversation="waits for a person")
    run(world, OLD, conversation="newest of all")
    world.put(
        DECISION, capability="c", tool="t", arguments={}, digest="0" * 64, about="", needs="operator",
        proposed_by="ada", why="", run=3, tainted=[], proposed_at=moment(OLD), expires_at=moment(NOW), note="",
        state="proposed",
    )  # fmt: skip
    assert world.tidy()["tidy history"]["runs"] == 1
    assert world.numbers(AGENT_RUN) == [2, 3, 4]
    assert world.numbers(DECISION) == [1]


def test_calls_of_others_go_once_their_usage_has_landed(world: World):
    for at, landed in ((OLD, 1), (OLD, 0), (NEW, 1), (NEW, 1)):
        world.put(OUTWARD_CALL, at=moment(at), principal="ada", capability="c", tool="t", landed=landed)
    assert world.tidy()["tidy history"]["calls of others"] == 1
    assert world.numbers(OUTWARD_CALL) == [2, 3, 4]


def test_jobs_go_once_over_and_no_number_is_given_twice(world: World):
    world.now = OLD
    over, waits, last = (world.jobs.submit("try", (), ADA) for _ in range(3))
    world.jobs.cancel(over.id, ADA)
    world.jobs.cancel(last.id, ADA)
    world.now = NOW
    assert world.tidy()["tidy history"]["jobs"] == 1
    assert world.numbers(JOB) == [waits.id, last.id]
    assert world.jobs.submit("try", (), ADA).id == last.id + 1


def test_the_audit_log_is_never_cut(world: World):
    world.now = OLD
    world.jobs.cancel(world.jobs.submit("try", (), ADA).id, ADA)
    world.now = NOW
    assert len(world.numbers(AUDIT)) == 2
    world.tidy()
    assert world.numbers(AUDIT) == [1, 2]


# --- what was brought, and when it is done -----------------------------------------------------------------


def test_files_that_nobody_landed_go_after_their_time(world: World):
    for batch, age in (("a" * 32, 8), ("b" * 32, 6)):
        with world.uploads.incoming(batch, "bill.csv") as incoming:
            incoming.write(b"x")
        aged(world.uploads.folder(batch), timedelta(days=age))
    assert world.tidy()["tidy uploads"] == {"files": 1}
    assert world.uploads.batches() == ["b" * 32]


def test_named_tables_are_tidied_alone(tmp_path: Path, restated: SmallVendor):
    kind = tidying(CATALOG, Retention(timedelta(0), timedelta(0)), Uploads(tmp_path / "uploads", ()))
    plane = ControlPlane(restated.engine, CATALOG, lambda _: {}, lambda _: {}, lambda: NOW)
    steps: dict[str, Any] = {}
    kind.work(plane, ["tenant_cost"], lambda name, do: steps.setdefault(name, do(lambda *_: None)))
    assert [*steps] == ["tidy tables"]
    assert steps["tidy tables"]["files"] > 0
    assert not restated.lake.tidy(TenantCost, timedelta(0))
    assert restated.lake.tidy(Charges, timedelta(0))


def test_it_is_done_every_night_unless_settings_say_when(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TENANTRY_STATE__URL", f"sqlite:///{tmp_path}/of-settings.db")
    [nightly] = open_worker(None).schedules.list(ADA)
    assert (nightly.name, nightly.job, nightly.cron) == ("tidy", "tidy", "40 4 * * *")
    Path("tenantry.toml").write_text('[schedules.sundays]\ncron = "0 5 * * sun"\njob = "tidy"\n')
    [sundays] = open_worker(None).schedules.list(ADA)
    assert (sundays.name, sundays.cron) == ("sundays", "0 5 * * sun")


def test_the_command_says_what_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TENANTRY_STATE__URL", f"sqlite:///{tmp_path}/of-command.db")
    assert main(["jobs", "submit", "tidy"]) == 0
    words = [sys.executable, "-m", "tenantry", "jobs", "work", "--once"]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    capsys.readouterr()
    assert main(["jobs", "show", "1"]) == 0
    out = capsys.readouterr().out
    assert "succeeded" in out
    assert "tidy history" in out

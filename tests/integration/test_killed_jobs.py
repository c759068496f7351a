"""Jobs whose processes are killed at any moment: none is lost, nothing is done twice, the lake is as if none had been.

TENANTRY_KILLS=1000 makes that many kills, and a quarter of them beside PostgreSQL; by default it is a share of the 200.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

from building import DERIVED, LANDING
from postgres import Server

import tenantry
from tenantry.engine.duckdb import DuckDB, quoted
from tenantry.engine.lake import Lake
from tenantry.errors import Kind
from tenantry.kernel import Dataset, Principal
from tenantry.kernel.landing import Deliveries, Quarantine
from tenantry.runtime.jobs import Job, Jobs, JobState
from tenantry.runtime.state import State, audit

TESTS = Path(__file__).parents[1]
KILLS = int(os.environ.get("TENANTRY_KILLS", "20"))
ADA = Principal("ada")
HEAD = (
    "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,"
    "ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ProviderName,BillingAccountId,ServiceName\n"
)


class Nursery:
    """Processes that work on the jobs of a folder; see tests/nursery.py."""

    def __init__(self, url: str = "") -> None:
        paths = (str(Path(tenantry.__file__).parents[1]), str(TESTS))
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TENANTRY_")}
        environment |= {"PYTHONPATH": os.pathsep.join(paths), "TENANTRY_ENGINE__THREADS": "1"}
        if url:
            environment["TENANTRY_STATE__URL"] = url
        self._process = subprocess.Popen(
            [sys.executable, str(TESTS / "nursery.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def run(self, folder: Path, **asked: Any) -> int:
        """Have a process do all that waits; its exit code."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"folder": str(folder), **asked}) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


@contextmanager
def nursery(url: str = "") -> Generator[Nursery]:
    found = Nursery(url)
    try:
        yield found
    finally:
        found.close()


class Vendor:
    """A folder with a bill, usage and settings, which change round by round: the same for equal seeds."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self._random = Random(seed)
        for name in ("bills", "usage"):
            (folder / name).mkdir(parents=True)
        settings = '[sources.bill]\nkind = "focus"\npath = "bills"\n[sources.usage]\nkind = "usage"\npath = "usage"\n'
        (folder / "tenantry.toml").write_text(settings)

    def happens(self, number: int) -> dict[str, Any]:
        """A bill comes or is restated, usage comes or comes again; returns the job to ask for about it."""
        period = self._random.randint(1, 2)
        rows = [
            f"{cost},{cost},{cost},{cost},USD,2026-0{period}-01,2026-0{period + 1}-01,2026-0{period}-{day:02},"
            f"2026-0{period}-{day + 1:02},Usage,AWS,1,{service}\n"
            for day in range(1, 4)
            for service in ("Amazon EC2", "Amazon S3")
            for cost in (f"{self._random.randint(1, 999)}.{self._random.randint(1, 99):02}",)
        ]
        (self.folder / "bills" / f"{period}.csv").write_text(HEAD + "".join(rows))
        lines = [
            f"{number}-{n},app,2026-0{self._random.randint(1, 3)}-0{self._random.randint(1, 3)}T05:10:00Z,"
            f"{self._random.choice(['alpha', 'beta', 'gamma'])},ms,{self._random.randint(1, 9)},Amazon EC2\n"
            for n in range(20)
        ]
        (self.folder / "usage" / f"{number % 2}.csv").write_text(
            "id,source,time,tenant_id,meter,quantity,service_name\n" + "".join(lines)
        )
        kind = self._random.choice(["land", "land", "build", "build", "build", "build", "run"])
        # Most builds are of one table: a kill then costs less, and the pace is what finds mistakes.
        names = (
            self._random.choice([["meter_hours"], ["meter_hours"], ["meter_hours"], []])
            if kind == "build"
            else []
        )
        return {"kind": kind, "names": names, "key": f"round {number}"}

    def engine(self) -> DuckDB:
        return DuckDB(Lake(self.folder / ".tenantry"))


def contents(vendor: Vendor, dataset: type[Dataset]) -> Counter[str]:
    engine = vendor.engine()
    engine.attach([dataset])
    names = ", ".join(quoted(name) for name in dataset.columns() if name != "landed_at")
    found = Counter(
        repr(tuple(row.values())) for row in engine.query(f"SELECT {names} FROM {dataset.table()}")
    )
    engine.connection.close()
    return found


def must_be_the_same(killed: Vendor, undisturbed: Vendor) -> None:
    for dataset in (*LANDING, *DERIVED, Deliveries, Quarantine):
        assert contents(killed, dataset) == contents(undisturbed, dataset), dataset.table()


def commits(vendor: Vendor) -> dict[str, int]:
    """How often each derived table was written."""
    engine = vendor.engine()
    found = {dataset.table(): engine.lake.version(dataset) for dataset in DERIVED}
    engine.connection.close()
    return found


def jobs_of(url: str) -> tuple[list[Job], int]:
    """The jobs of a store, and how many entries its audit log has."""
    state = State(url)
    try:
        with state.read() as connection:
            entries = audit.verify(connection)
        return Jobs(state, {}, lambda: datetime.now(UTC)).list(ADA, limit=1000), entries
    finally:
        state.close()


def survive(folder: Path, killing: Nursery, calm: Nursery, url: str, kills: int) -> None:
    seed = Random().randrange(2**32)
    print(f"seed {seed}, {kills} kills")
    random = Random(seed)
    killed, undisturbed = Vendor(folder / "killed", seed), Vendor(folder / "undisturbed", seed)
    number, left = 0, kills
    while left:
        asked = killed.happens(number)
        assert undisturbed.happens(number) == asked
        began = monotonic()
        assert calm.run(undisturbed.folder, **asked) == 0
        took = monotonic() - began
        for _ in range(min(left, random.randint(1, 9))):
            code = killing.run(killed.folder, kill_after=random.uniform(0, took), **asked)
            if code == 0:
                break
            assert code == -signal.SIGKILL
            left -= 1
        assert killing.run(killed.folder, **asked) == 0
        number += 1
    for vendor, runner in ((undisturbed, calm), (killed, killing)):
        assert runner.run(vendor.folder, kind="run", names=[], key=f"round {number}") == 0
    number += 1
    jobs, entries = jobs_of(url)
    assert {job.state for job in jobs} == {JobState.SUCCEEDED}
    assert sorted(str(job.key) for job in jobs) == sorted(f"round {n}" for n in range(number))
    assert entries == number
    assert sum(job.attempts for job in jobs) > number
    must_be_the_same(killed, undisturbed)
    assert commits(killed) == commits(undisturbed)


def test_kills_at_any_moment_lose_and_double_nothing(tmp_path: Path):
    with nursery() as one:
        survive(tmp_path, one, one, f"sqlite:///{tmp_path}/killed/.tenantry/state.db", KILLS)


def test_kills_beside_postgresql_lose_and_double_nothing(tmp_path: Path, postgres: Server):
    url = postgres.database()
    with nursery(url) as killing, nursery() as calm:
        survive(tmp_path, killing, calm, url, max(KILLS // 4, 1))


def test_a_full_disk_fails_the_job_and_a_retry_succeeds(tmp_path: Path):
    vendor = Vendor(tmp_path / "vendor", 0)
    vendor.happens(0)
    random = Random(0)
    lines = (
        f"{random.getrandbits(512):x},app,2026-01-01T05:10:00Z,alpha,ms,1,Amazon EC2\n" for _ in range(40_000)
    )
    with (vendor.folder / "usage" / "large.csv").open("a") as file:
        file.write("id,source,time,tenant_id,meter,quantity,service_name\n")
        file.writelines(lines)
    url = f"sqlite:///{vendor.folder}/.tenantry/state.db"
    with nursery() as one:
        assert one.run(vendor.folder, kind="run", names=[], key="k", file_bytes=1_500_000) == 0
        (job,), _ = jobs_of(url)
        assert (job.state, job.step) == (JobState.FAILED, "land")
        assert job.error
        assert job.error.kind is Kind.UNAVAILABLE
        assert "free disk" in job.error.hint
        state = State(url)
        Jobs(state, {}, lambda: datetime.now(UTC)).retry(job.id, ADA)
        state.close()
        assert one.run(vendor.folder) == 0
    (job,), _ = jobs_of(url)
    assert (job.state, job.error, job.steps["land"]["accepted"]) == (JobState.SUCCEEDED, None, 40_026)

"""Jobs whose processes are killed at any moment: none is lost, none done twice, the lake is as if none had been."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from building import DERIVED, LANDING
from forking import Forks, forking, kills
from postgres import Server

from tenantry.engine.duckdb import DuckDB, quoted
from tenantry.engine.lake import Lake
from tenantry.errors import Kind
from tenantry.kernel import Dataset, Principal
from tenantry.kernel.landing import Deliveries, Quarantine
from tenantry.runtime.jobs import Job, Jobs, JobState
from tenantry.runtime.state import State, audit

ADA = Principal("ada")
HEAD = (
    "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,"
    "ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ProviderName,BillingAccountId,ServiceName\n"
)


@contextmanager
def nursery(url: str = "") -> Generator[Forks]:
    """Processes that work on the jobs of a folder; see tests/nursery.py."""
    state = {"TENANTRY_STATE__URL": url} if url else {}
    with forking("nursery.py", TENANTRY_ENGINE__THREADS="1", **state) as found:
        yield found


class Vendor:
    """A folder with a bill, usage and settings, which change round by round: the same for equal seeds."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self._random = Random(seed)
        for name in ("bills", "usage"):
            (folder / name).mkdir(parents=True)
        settings = '[sources.bill]\nkind = "focus"\npath = "bills"\n[sources.usage]\nkind = "usage"\npath = "usage"\n'
        settings += '[publish]\nfolder = "published"\n'
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
        # Most work is little: a kill then costs less, and the pace is what finds mistakes.
        few = {
            "land": [],
            "run": ["cost_profile"],
            "build": self._random.choice([["meter_hours"]] * 3 + [[]]),
        }
        names: list[str] = few[kind]
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


def must_be_published(vendor: Vendor) -> None:
    """Each folder has the files of its table, neither more nor fewer."""
    engine = vendor.engine()
    folders = {path.name: path for path in (vendor.folder / "published").iterdir() if path.is_symlink()}
    assert len(folders) > 10
    for dataset in (*LANDING, *DERIVED):
        if folder := folders.get(dataset.table()):
            found = {str(path.relative_to(folder)) for path in folder.rglob("*.parquet")}
            assert found == {file.path for file in engine.lake.files(dataset)}, folder
    engine.connection.close()


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


def survive(folder: Path, killing: Forks, calm: Forks, url: str, kills: int) -> None:
    seed = Random().randrange(2**32)
    print(f"seed {seed}, {kills} kills")
    random = Random(seed)
    killed, undisturbed = Vendor(folder / "killed", seed), Vendor(folder / "undisturbed", seed)
    number, left = 0, kills
    while left:
        asked = killed.happens(number)
        assert undisturbed.happens(number) == asked
        code, took = calm.run(folder=str(undisturbed.folder), **asked)
        assert code == 0
        for _ in range(min(left, random.randint(3, 12))):
            # At any moment, or at a step of what is done to files: few are taken before or after it.
            aimed = {"kill_at": int(2 ** random.uniform(0, 6))}
            again = asked | random.choice([{"kill_after": random.uniform(0, took)}, aimed])
            code, _ = killing.run(folder=str(killed.folder), **again)
            if code == 0:
                break
            assert code == -signal.SIGKILL
            left -= 1
        assert killing.run(folder=str(killed.folder), **asked)[0] == 0
        number += 1
    for vendor, runner in ((undisturbed, calm), (killed, killing)):
        asked = {"folder": str(vendor.folder), "kind": "run", "names": [], "key": f"round {number}"}
        assert runner.run(**asked)[0] == 0
    number += 1
    jobs, entries = jobs_of(url)
    assert not [(job.kind, job.state, job.error) for job in jobs if job.state is not JobState.SUCCEEDED]
    assert sorted(str(job.key) for job in jobs) == sorted(f"round {n}" for n in range(number))
    assert entries == number
    assert sum(job.attempts for job in jobs) > number
    must_be_the_same(killed, undisturbed)
    must_be_published(killed)
    assert commits(killed) == commits(undisturbed)


def test_kills_at_any_moment_lose_and_double_nothing(tmp_path: Path):
    with nursery() as one:
        survive(tmp_path, one, one, f"sqlite:///{tmp_path}/killed/.tenantry/state.db", kills(0.2))


def test_kills_beside_postgresql_lose_and_double_nothing(tmp_path: Path, postgres: Server):
    url = postgres.database()
    with nursery(url) as killing, nursery() as calm:
        survive(tmp_path, killing, calm, url, kills(0.04))


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
        asked = {"folder": str(vendor.folder), "kind": "run", "names": [], "key": "k"}
        assert one.run(**asked, file_bytes=1_500_000)[0] == 0
        (job,), _ = jobs_of(url)
        assert (job.state, job.step) == (JobState.FAILED, "land")
        assert job.error
        assert job.error.kind is Kind.UNAVAILABLE
        assert "free disk" in job.error.hint
        state = State(url)
        Jobs(state, {}, lambda: datetime.now(UTC)).retry(job.id, ADA)
        state.close()
        assert one.run(folder=str(vendor.folder))[0] == 0
    (job,), _ = jobs_of(url)
    assert (job.state, job.error, job.steps["land"]["accepted"]) == (JobState.SUCCEEDED, None, 40_026)

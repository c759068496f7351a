"""Files brought by a page: kept safely, recognised by content, landed by a job, and answered from."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from bringing import TENANTS, bill
from serving import serving

from tenantry import app
from tenantry.errors import TenantryError
from tenantry.kernel import AccessRole, Principal
from tenantry.runtime.access import Tokens
from tenantry.runtime.call import LOCAL
from tenantry.runtime.plane import ControlPlane
from tenantry.runtime.uploads import Uploads

BATCH = "0123456789abcdef" * 2


class World:
    def __init__(self, lake: Path) -> None:
        self.lake = lake
        self.plane: ControlPlane = app.open_plane(str(lake))
        self.worker = app.open_worker(str(lake))
        self.client = httpx.Client()

    def bring(self, name: str, content: bytes, batch: str = BATCH, **headers: str) -> httpx.Response:
        given = {"batch": batch, "name": name}
        return self.client.post("/api/v1/uploads", params=given, content=content, headers=headers, timeout=30)

    def job(self, kind: str = "profile", names: list[str] | None = None) -> dict[str, Any]:
        job = self.worker.jobs.submit(kind, [BATCH] if names is None else names, LOCAL)
        self.worker.run(Event(), until_idle=True)
        return self.worker.jobs.get(job.id, LOCAL).model_dump(mode="json")

    @property
    def kept(self) -> list[str]:
        folder = self.lake / "uploads"
        return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


@contextmanager
def served(lake: Path) -> Generator[World]:
    found = World(lake)
    # Jobs are done when a test says so.
    with (
        serving(app.open_app(found.plane, worker=_idle(found))) as site,
        httpx.Client(base_url=site) as found.client,
    ):
        yield found


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    with served(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    with served(tmp_path_factory.mktemp("lake")) as found:
        yield found


@pytest.fixture
def door(one: World) -> Generator[World]:
    """A lake that nothing is landed in."""
    yield one
    shutil.rmtree(one.lake / "uploads", ignore_errors=True)


def _idle(world: World) -> Any:
    class Idle:
        jobs, schedules = world.worker.jobs, world.worker.schedules

        def run(self, stop: Event) -> None:
            stop.wait()

    return Idle()


def test_from_files_to_the_first_answer(world: World):
    found = world.bring("may.csv.gz", gzip.compress(bill(broken=2)))
    assert found.status_code == 201
    assert found.json() == {
        "name": "may.csv.gz", "bytes": found.json()["bytes"], "kind": "focus", "lands": ["charges"], "problem": None,
    }  # fmt: skip
    assert world.bring("people.csv", TENANTS).json()["kind"] == "tenants"
    job = world.job()
    assert job["state"] == "succeeded", job["error"]
    account = job["steps"]["land"]
    assert (account["rows"], account["quarantined"]) == (33, 2)
    assert sum(one["rows"] for one in account["reasons"]) == 2
    assert world.kept == []
    first = world.client.get("/api/v1/profile", timeout=60).json()
    assert first["services"][0]["service_name"] == "Compute"
    assert float(first["services"][0]["net"]) == 290
    assert first["certificate"]["reconciles"]
    assert {row["tenant_id"] for row in first["tenants"]} >= {"acme", "beta"}
    assert first["next"]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("photo.png", b"\x89PNG\r\n\x1a\n" + os.urandom(2000), ""),
        ("empty.csv", b"", "empty"),
        ("cut.csv.gz", gzip.compress(bill())[:100], ""),
        ("other.csv", b"a,b\n1,2\n", "none of access_log, focus"),
    ],
    ids=["a picture", "empty", "cut off", "another table"],  # not the contents, which differ from run to run
)
def test_what_is_nobodys_is_said_and_not_kept(door: World, name: str, content: bytes, why: str):
    answer = door.bring(name, content)
    assert answer.status_code == 201, answer.text
    document = answer.json()
    assert document["kind"] is None
    assert why in document["problem"]
    assert str(door.lake) not in document["problem"]
    assert door.kept == []


def test_a_bomb_is_refused_before_it_goes_off(door: World):
    bomb = gzip.compress(bytes(200 * 2**20))
    assert len(bomb) < 300_000
    answer = door.bring("bill.csv.gz", bomb)
    assert answer.status_code == 422
    assert "unpacks to more than 100 times" in answer.json()["detail"]
    assert door.kept == []


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.csv", "passwd.csv"),
        ("..\\..\\boot.csv", "boot.csv"),
        ("..", "_"),
        (".hidden.csv", "_hidden.csv"),
        ("a\x00b\n<c>|d'.csv", "a_b__c__d_.csv"),
        ("/", "file"),
        ("Übersicht (1).csv", "Übersicht (1).csv"),
        ("x" * 500 + ".csv", "x" * 116 + ".csv"),
    ],
)
def test_names_lead_nowhere_else(door: World, name: str, kept: str):
    assert door.bring(name, TENANTS).json()["name"] == kept
    assert door.kept == [f"{BATCH}/{kept}"]


def test_two_of_one_name_at_once_are_two_files(door: World):
    with ThreadPoolExecutor(4) as many:
        names = list(
            many.map(lambda n: door.bring("t.csv", TENANTS + f"x{n},X,\n".encode()).json()["name"], range(4))
        )
    assert sorted(names) == ["2-t.csv", "3-t.csv", "4-t.csv", "t.csv"]
    assert len({(door.lake / "uploads" / BATCH / name).read_bytes() for name in names}) == 4


def test_what_is_too_large_or_cut_off_leaves_nothing(tmp_path: Path):
    uploads = Uploads(tmp_path, (), largest=10)
    for pieces, expected in (((b"12345", b"123456"), TenantryError), ((b"12345", None), TypeError)):
        with pytest.raises(expected):
            _write(uploads, pieces)
        assert [one for one in tmp_path.rglob("*") if one.is_file()] == []


def test_what_a_killed_server_had_not_received_whole_is_not_landed(world: World):
    half = Uploads(world.lake / "uploads", ()).incoming(BATCH, "may.csv")
    half.__enter__().write(bill()[:-20])
    assert world.bring("may.csv", bill()).json()["name"] == "may.csv"
    assert len(world.kept) == 2
    assert [Path(file["file"]).name for file in world.job()["steps"]["land"]["files"]] == ["may.csv"]
    assert world.kept == []


def _write(uploads: Uploads, pieces: Sequence[Any]) -> None:
    with uploads.incoming(BATCH, "a.csv") as file:
        for piece in pieces:
            file.write(piece)


def test_a_batch_is_a_number_that_was_brought(door: World):
    for batch in ("../../x", "", "0" * 31, "G" * 32):
        assert door.bring("t.csv", TENANTS, batch).status_code == 422
    asked = door.client.post("/api/v1/jobs", json={"kind": "profile", "names": [".."]})
    assert asked.status_code == 404


def test_a_batch_without_a_bill_waits_for_one(world: World):
    world.bring("people.csv", TENANTS)
    job = world.job()
    assert (job["state"], job["steps"]["build"]) == ("succeeded", 0)
    world.bring("may.csv", bill())
    assert world.job()["steps"]["build"] > 0


def test_who_may_bring(world: World):
    tokens = Tokens(world.plane.state, world.plane.now)
    for role, tenant_id, status in (
        (AccessRole.ANALYST, None, 403), (AccessRole.ADMIN, "acme", 403), (AccessRole.OPERATOR, None, 201),
    ):  # fmt: skip
        _, secret = tokens.create(Principal(), f"x {role}", role, tenant_id)
        answer = world.bring("t.csv", TENANTS, Authorization=f"Bearer {secret}")
        assert answer.status_code == status


def test_the_demo_takes_no_place_of_others(world: World):
    world.bring("may.csv", bill())
    world.job()
    held = world.plane.runtime.rows_held("charges")
    job = world.job("demo", [])
    assert job["state"] == "failed"
    assert "would be deleted: charges" in job["error"]["message"]
    assert world.plane.runtime.rows_held("charges") == held > 0

"""Tools that act read, judge and record: two at once, in threads and in processes, do so one after the other."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from acting import Vendor

from tenantry.datasets import Resources, Tenants
from tenantry.errors import Kind, TenantryError

TRIES = 3
PROCESS = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
from acting import Vendor
from tenantry.errors import TenantryError
vendor = Vendor(Path(sys.argv[3]), sys.argv[4])
for n in range(int(sys.argv[6])):
    try:
        vendor.do("assign", tenant_id=sys.argv[5], resource_id=f"db-{n}")
        print(n)
    except TenantryError as refused:
        if refused.kind != "invalid":
            raise
vendor.state.close()
"""


def tried(vendor: Vendor, tenant_id: str) -> bool:
    try:
        vendor.do("create", tenant_id=tenant_id, aliases="one.example.com")
    except TenantryError as refused:
        if refused.kind is not Kind.INVALID:
            raise
        return False
    return True


def test_of_threads_that_want_one_name_one_gets_it(tmp_path: Path, state_url: str):
    vendor = Vendor(tmp_path / "lake", state_url)
    with ThreadPoolExecutor(TRIES) as pool:
        won = list(pool.map(lambda n: tried(vendor, f"t{n}"), range(TRIES)))
    assert sum(won) == 1
    assert [t.tenant_id for t in vendor.rows(Tenants)[0]] == [f"t{won.index(True)}"]
    assert vendor.audited() == 1
    vendor.state.close()


def test_of_processes_that_want_the_same_each_gets_what_the_other_has_not(tmp_path: Path, state_url: str):
    vendor = Vendor(tmp_path / "lake", state_url)
    for name in ("a", "b"):
        vendor.do("create", tenant_id=name)
    here = Path(__file__).parents[1]
    words = [
        sys.executable,
        "-c",
        PROCESS,
        str(here),
        str(here.parent / "src"),
        str(tmp_path / "lake"),
        state_url,
    ]
    running = [
        subprocess.Popen(
            [*words, name, str(TRIES)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for name in ("a", "b")
    ]
    found = [process.communicate(timeout=120) for process in running]
    assert [p.returncode for p in running] == [0, 0], found
    got = [out.split() for out, _ in found]
    assert sorted(got[0] + got[1]) == [str(n) for n in range(TRIES)]
    rows = vendor.rows(Resources)[0]
    assert sorted(r.resource_id for r in rows) == [f"db-{n}" for n in range(TRIES)]
    assert {r.tenant_id for r in rows if r.resource_id.removeprefix("db-") in got[0]} <= {"a"}
    vendor.state.close()


@pytest.mark.parametrize("landed", [True, False])
def test_a_turn_begins_with_all_that_was_kept(tmp_path: Path, state_url: str, landed: bool):  # noqa: FBT001
    """A process that was killed between keeping and landing leaves rows that the next one must see."""
    vendor = Vendor(tmp_path / "lake", state_url)
    if not landed:
        vendor.records.land = lambda *_, **__: None  # pyright: ignore[reportAttributeAccessIssue]
    vendor.do("create", tenant_id="a", aliases="one.example.com")
    other = Vendor(tmp_path / "lake", state_url)
    assert not tried(other, "b")
    vendor.state.close()
    other.state.close()

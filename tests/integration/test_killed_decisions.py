"""Proposals of agents, decided on in processes that are killed at any moment, whose disk is full, whose database
restarts: each act is done once, at any depth.
"""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from time import sleep

from deciding import ASKER, NESTED, agency_of, runtime_of
from forking import forking, kills
from postgres import Server

from tenantry.datasets import Tenants
from tenantry.errors import PROTOCOLS, Kind
from tenantry.runtime.decision import DecisionState
from tenantry.runtime.state import audit

RESTARTS, FULL = 3, 4
UNAVAILABLE = PROTOCOLS[Kind.UNAVAILABLE][1]
ASK = "decisions.propose", "decisions.approve", "seats.grow"


def survive(folder: Path, url: str, kills: int) -> None:
    seed = Random().randrange(2**32)
    print(f"seed {seed}, {kills} kills")
    random = Random(seed)
    with forking("deciding.py") as forks:
        code, took = forks.run(folder=str(folder), url=url, conversation="calm")
        assert code == 0
        rounds = 1
        while kills:
            for _ in range(min(kills, random.randint(4, 12))):
                asked = {"folder": str(folder), "url": url, "conversation": f"round {rounds}"}
                code, _ = forks.run(**asked, kill_after=random.uniform(0, took * 0.5))
                assert code in {0, -signal.SIGKILL}
                kills -= code != 0
                if code == 0:
                    break
            assert forks.run(folder=str(folder), url=url, conversation=f"round {rounds}")[0] == 0
            rounds += 1
    must_be_done_once(folder, url, rounds)


def must_be_done_once(folder: Path, url: str, rounds: int) -> None:
    runtime = runtime_of(folder, url)
    decisions = agency_of(runtime).decisions.list(ASKER, limit=1000)
    assert len(decisions) == rounds * len(NESTED)
    assert {d.state for d in decisions} == {DecisionState.ACTED}
    with runtime.state.read() as connection:
        number = audit.verify(connection)
        entries = audit.entries(connection, limit=number)
    for action in ASK:
        assert sorted(e.details["decision"] for e in entries if e.action == action) == sorted(
            d.id for d in decisions
        )
    runtime._kept().land()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    runtime.engine.attach([Tenants])
    [row] = runtime.engine.query("FROM tenants")
    assert row["seats"] == rounds * sum(NESTED)
    runtime.state.close()


def test_kills_at_any_moment_act_once_at_any_depth(tmp_path: Path):
    survive(tmp_path, f"sqlite:///{tmp_path}/state.db", kills(0.19))


def test_kills_beside_postgresql_act_once_at_any_depth(tmp_path: Path, postgres: Server):
    survive(tmp_path, postgres.database(), kills(0.02))


def test_a_database_that_restarts_at_any_moment_acts_once(tmp_path: Path, postgres: Server):
    url, random, codes = postgres.database(), Random(0), list[int]()
    with forking("deciding.py") as forks, ThreadPoolExecutor(1) as beside:
        _, took = forks.run(folder=str(tmp_path), url=url, conversation="calm")
        for n in range(RESTARTS):
            asked = {"folder": str(tmp_path), "url": url, "conversation": f"round {n}"}
            running = beside.submit(forks.run, **asked)
            sleep(random.uniform(0, took))
            postgres.stop()
            codes.append(running.result(60)[0])
            postgres.start()
            assert forks.run(**asked)[0] == 0
    assert {*codes} <= {0, UNAVAILABLE}
    assert UNAVAILABLE in codes
    must_be_done_once(tmp_path, url, RESTARTS + 1)


def test_a_disk_that_is_full_at_any_moment_acts_once(tmp_path: Path):
    url, codes = f"sqlite:///{tmp_path}/state.db", list[int]()
    with forking("deciding.py") as forks:
        assert forks.run(folder=str(tmp_path), url=url, conversation="calm")[0] == 0
        for n in range(FULL):
            asked = {"folder": str(tmp_path), "url": url, "conversation": f"round {n}"}
            codes.append(forks.run(**asked, file_bytes=4_096 + n * 30_000)[0])
            assert forks.run(**asked)[0] == 0
    assert {*codes} <= {0, UNAVAILABLE}
    assert UNAVAILABLE in codes
    must_be_done_once(tmp_path, url, FULL + 1)

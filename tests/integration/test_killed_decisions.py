"""Proposals of agents, decided on in processes that are killed at any moment: each act is done once, at any depth.

TENANTRY_KILLS=1000 makes that many kills, and an eighth of them beside PostgreSQL.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from deciding import ASKER, NESTED, agency_of, runtime_of
from postgres import Server

import tenantry
from tenantry.datasets import Tenants
from tenantry.runtime.decision import DecisionState
from tenantry.runtime.state import audit

TESTS = Path(__file__).parents[1]
KILLS = int(os.environ.get("TENANTRY_KILLS", "32"))
ASK = "decisions.propose", "decisions.approve", "seats.grow"


class Forks:
    def __init__(self) -> None:
        paths = (str(Path(tenantry.__file__).parents[1]), str(TESTS))
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TENANTRY_")}
        self.process = subprocess.Popen(
            [sys.executable, str(TESTS / "deciding.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment | {"PYTHONPATH": os.pathsep.join(paths)},
        )  # fmt: skip

    def run(self, **asked: Any) -> tuple[int, float]:
        """The exit code of a process that goes on with what waits, and its seconds."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        code, took = json.loads(self.process.stdout.readline())
        return code, took


@contextmanager
def forking() -> Generator[Forks]:
    found = Forks()
    try:
        yield found
    finally:
        assert found.process.stdin
        assert found.process.stdout
        found.process.stdin.close()
        found.process.wait(30)
        found.process.stdout.close()


def survive(folder: Path, url: str, kills: int) -> None:
    seed = Random().randrange(2**32)
    print(f"seed {seed}, {kills} kills")
    random = Random(seed)
    with forking() as forks:
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
    survive(tmp_path, f"sqlite:///{tmp_path}/state.db", KILLS)


def test_kills_beside_postgresql_act_once_at_any_depth(tmp_path: Path, postgres: Server):
    survive(tmp_path, postgres.database(), max(KILLS // 8, 1))

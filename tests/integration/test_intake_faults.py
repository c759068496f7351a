"""The live intake under kill -9, on a full disk and while the state store is away: what it acknowledged is there, once;
reads are whole all along.
"""

from __future__ import annotations

import json
import random
import signal
from collections import Counter
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from threading import Event
from time import monotonic, sleep
from typing import Any

import pytest
from forking import kills
from otlp_requests import counter, point, request
from postgres import Server
from serving import serving
from taking import BATCH, EVENTS, JSON, Client, Servers, app_of, event, intake_of

from tenantry.datasets.usage import Usage
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.gateways.http.access import Access, Rules
from tenantry.kernel import AccessRole, Principal
from tenantry.runtime.access import Refusals, Sessions, Tokens
from tenantry.runtime.state import State

KILLS = kills(0.55)
SENDERS = 3
SIZE = 10


@pytest.fixture(scope="module")
def servers() -> Generator[Servers]:
    servers = Servers()
    yield servers
    servers.close()


class Sender:
    """Sends batch after batch, each until it is answered, to whichever server lives; some a second time after that."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.batches = 0
        self.points = 0
        self.port = 0
        self.stop = Event()
        self._chance = random.Random(number)

    def run(self) -> None:
        while not self.stop.is_set():
            path, body, kind = self._made(self.batches)
            self._send(path, body, kind)
            if self._chance.random() < 0.1:
                self._send(path, body, kind)
            self.batches += 1

    def _send(self, path: str, body: bytes, kind: str) -> None:
        until = monotonic() + 60
        while True:
            assert monotonic() < until, "no server answers"
            try:
                with closing(Client(self.port)) as client:
                    status, _, text = client.post(path, body, kind)
            except (OSError, HTTPException):
                sleep(0.003)
                continue
            if status == 503:
                # Another process held the lake's lock, or this one is closing.
                sleep(0.003)
                continue
            assert status in (200, 202), text
            said = json.loads(text)
            assert not any(map(said.get, ("rejected", "conflicts", "partialSuccess"))), said
            return

    def _made(self, batch: int) -> tuple[str, bytes, str]:
        tag = f"{self.number}-{batch}"
        day = f"2026-06-{batch % 3 + 10}"
        if self._chance.random() < 0.03:
            points = [
                point(1, "2026-06-30T12:00:00", on={"tenant.id": "acme", "batch": tag, "n": n})
                for n in range(SIZE)
            ]  # fmt: skip
            self.points += 1
            return "/v1/metrics", json.dumps(request(counter(*points))).encode(), JSON
        return (
            EVENTS,
            json.dumps([event(f"{tag}-{n}", time=f"{day}T12:00:00Z") for n in range(SIZE)]).encode(),
            BATCH,
        )


def batches(lake: Path) -> Counter[str]:
    """How many rows the lake has of each batch of events, and of all points of metrics."""
    engine = DuckDB(Lake(lake), "1GB", 1)
    engine.attach([Usage])
    rows = engine.query(
        "SELECT if(source = 'otlp', source, regexp_extract(id, 'event-(.*)-', 1)) AS batch, count(*) AS n"
        " FROM usage GROUP BY ALL"
    )
    return Counter({row["batch"]: row["n"] for row in rows})


def test_kill_9_at_any_moment_loses_nothing_and_doubles_nothing(servers: Servers, tmp_path: Path):
    chance = random.Random(KILLS)
    senders = [Sender(number) for number in range(SENDERS)]
    with ThreadPoolExecutor(SENDERS) as pool:
        running: list[Future[None]] = []
        reads = 0
        try:
            for kill in range(KILLS):
                process, port = servers.start(tmp_path, every=0.02, late_keys=60)
                for sender in senders:
                    sender.port = port
                running = running or [pool.submit(sender.run) for sender in senders]
                enough = sum(sender.batches for sender in senders) + chance.choice([0, 1, 3, 20])
                until = monotonic() + 3
                while sum(sender.batches for sender in senders) < enough and monotonic() < until:
                    sleep(0.001)
                # Now and then long enough for the drain to be in the middle of it.
                sleep(chance.choice([0.001, 0.01, 0.1]) * chance.random())
                if kill % 8 == 0:
                    whole = batches(tmp_path)
                    whole.pop("otlp", None)
                    assert set(whole.values()) <= {SIZE}, "a reader saw part of a batch"
                    reads += sum(whole.values())
                servers.kill(process)
            process, port = servers.start(tmp_path, every=0.02, late_keys=60)
            for sender in senders:
                sender.port = port
                sender.stop.set()
            for done in running:
                done.result(60)
            servers.kill(process, signal.SIGTERM)
        finally:
            for sender in senders:
                sender.stop.set()
    intake = intake_of(tmp_path)
    intake.start()
    intake.flush()
    of = intake.counters()
    intake.stop()
    sent = sum(sender.batches for sender in senders)
    of_points = sum(sender.points for sender in senders)
    there = batches(tmp_path)
    assert there.pop("otlp", 0) == of_points * SIZE
    assert len(there) == sent - of_points
    assert set(there.values()) == {SIZE}
    for door, stored in (("events", sent - of_points), ("metrics", of_points)):
        assert of[door]["stored"] == stored * SIZE
        assert of[door]["received"] == of[door]["stored"] + of[door]["duplicate"]
    again = of["events"]["duplicate"]
    print(f"{KILLS} kills, {sent * SIZE:,} points, {again:,} came again, {reads:,} rows read meanwhile")


def test_a_full_disk_is_said_and_loses_nothing(servers: Servers, tmp_path: Path):
    body = lambda n: [event(f"{n}-{m}", data={"feature_id": "x" * 1000, "quantity": m}) for m in range(SIZE)]  # noqa: E731
    process, port = servers.start(tmp_path, every=60.0, largest_file=400_000)
    client = Client(port)
    kept: list[int] = []
    refused: list[int] = []
    for n in range(60):
        status, head, text = client.post(EVENTS, json.dumps(body(n)).encode(), BATCH)
        if status == 202:
            kept.append(n)
        else:
            assert (status, head["content-type"]) == (503, "application/problem+json"), text
            assert "cannot be written" in json.loads(text)["detail"]
            assert head["retry-after"]
            refused.append(n)
    assert kept
    assert refused
    # What was refused is no duplicate when it comes again.
    assert client.post(EVENTS, json.dumps(body(refused[-1])).encode(), BATCH)[0] == 503
    assert client.post("/v1/logs", b'{"resourceLogs":[]}', JSON)[0] in (200, 503)
    client.close()
    servers.kill(process)
    process, port = servers.start(tmp_path, every=60.0)
    client = Client(port)
    again: dict[int, Any] = {n: client.send(body(n)) for n in range(60)}
    assert [n for n, said in again.items() if said["duplicates"] == SIZE] == kept
    assert [n for n, said in again.items() if said["accepted"] == SIZE] == refused
    client.close()
    servers.kill(process, signal.SIGTERM)
    assert batches(tmp_path) == {str(n): SIZE for n in range(60)}


def test_a_state_store_that_is_away_refuses_senders_and_nothing_is_lost(
    tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tenantry.gateways.http.access._REMEMBERED", 0.0)
    state, now = State(postgres.database()), lambda: datetime.now(UTC)
    tokens = Tokens(state, now)
    _, secret = tokens.create(Principal(), "collector", AccessRole.OPERATOR)
    intake = intake_of(tmp_path)
    served = app_of(
        intake,
        lambda app: Access(app, Rules(loopback=True), tokens, Sessions(state, now), Refusals(state, now)),
    )
    fates: list[int] = []
    with serving(served) as address:
        client = Client(int(address.rpartition(":")[2]))

        def send(n: int) -> int:
            body = json.dumps([event(f"{n}-{m}") for m in range(SIZE)]).encode()
            status, head, text = client.post(EVENTS, body, BATCH, Authorization=f"Bearer {secret}")
            if status == 503:
                assert head["content-type"] == "application/problem+json"
                assert "state store" in json.loads(text)["detail"]
                assert head["retry-after"]
            return status

        fates.append(send(0))
        postgres.stop()
        try:
            fates += [send(1), send(2)]
        finally:
            postgres.start()
        fates += [send(n) for n in range(3)]
        client.close()
    assert fates == [202, 503, 503, 202, 202, 202]
    state.close()
    assert batches(tmp_path) == {str(n): SIZE for n in range(3)}

"""The live intake under load, beside a bare FastAPI endpoint over SQLite: `python benchmarks/intake.py [SECONDS]`.

Both take the same CloudEvents, 2 % of them sent twice, keep them durably and count each once; both are one process.
Clients share the machine: so events per second of the server's own processor time are given beside those of the clock.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import uvloop
from pydantic import BaseModel

SEED = 7
CONNECTIONS = {1: 64, 1000: 4}
_TICKS = os.sysconf("SC_CLK_TCK")
_SLOT = "@@@@@@@@"


# --- what is sent ---


def event(n: int, chance: random.Random) -> str:
    quantity = f"{chance.randrange(1, 10**6)}.{chance.randrange(100):02}"
    return (
        f'{{"specversion":"1.0","id":"01J{_SLOT}{n:016d}","source":"https://api.example.com/orders","type":"api_calls",'
        f'"subject":"tenant-{chance.randrange(2000)}","time":"2026-07-01T{n % 24:02}:{n % 60:02}:56.{n % 1000:03}Z",'
        f'"datacontenttype":"application/json","data":{{"quantity":{quantity},"feature_id":"feature-{n % 40}",'
        f'"service_name":"AmazonEC2","region":"eu-central-1"}}}}'
    )


class Bodies:
    """Bodies of so many events; every event's id is new, but for those that are sent again."""

    def __init__(self, size: int) -> None:
        chance = random.Random(SEED)
        shown = [event(n, chance) for n in range(size)]
        if size > 1:
            shown[-size // 50 :] = shown[: size // 50]
        self.size = size
        text = f"[{','.join(shown)}]" if size > 1 else shown[0]
        kind = "application/cloudevents-batch+json" if size > 1 else "application/cloudevents+json"
        self._head = (
            f"POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: "
        )
        self._text = text
        self._sent = 0

    def next(self) -> bytes:
        self._sent += 1
        body = self._text.replace(_SLOT, f"{self._sent:08d}").encode()
        return f"{self._head}{len(body)}\r\n\r\n".encode() + body


async def sender(port: int, bodies: Bodies, until: float, took: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (began := time.perf_counter()) < until:
        writer.write(bodies.next())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head[9:12] in (b"200", b"202"), head
        length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        await reader.readexactly(int(length.partition(b":")[2]))
        took.append(time.perf_counter() - began)
    writer.close()


async def send(port: int, size: int, seconds: float) -> tuple[list[float], float]:
    bodies, took = Bodies(size), list[float]()
    began = time.perf_counter()
    await asyncio.gather(*(sender(port, bodies, began + seconds, took) for _ in range(CONNECTIONS[size])))
    return sorted(took), time.perf_counter() - began


# --- who takes it ---


def serve(which: str, port: int, folder: Path) -> None:
    import uvicorn

    from tenantry.app import main as tenantry

    if which == "ours":
        sys.exit(tenantry(["serve", "--lake", str(folder), "--bind", f"127.0.0.1:{port}"]))
    uvicorn.run(bare(folder), port=port, log_config=None, access_log=False)


class Event(BaseModel):
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: dict[str, Any]


def bare(folder: Path) -> Any:
    """What one writes first: the framework's models, and a table with a key."""
    from fastapi import FastAPI

    app = FastAPI()
    store = sqlite3.connect(folder / "bare.db", check_same_thread=False, isolation_level=None)
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = FULL")
    store.execute(
        "CREATE TABLE usage (source, id, time, tenant, meter, data, PRIMARY KEY (source, id)) WITHOUT ROWID"
    )

    @app.post("/api/v1/events")
    async def take(events: Event | list[Event]) -> dict[str, int]:
        listed = events if isinstance(events, list) else [events]
        store.execute("BEGIN")
        rows = [(e.source, e.id, e.time.isoformat(), e.subject, e.type, json.dumps(e.data)) for e in listed]
        before = store.total_changes
        store.executemany("INSERT OR IGNORE INTO usage VALUES (?, ?, ?, ?, ?, ?)", rows)
        store.execute("COMMIT")
        return {"accepted": store.total_changes - before}

    # FastAPI reads JSON under its own content types only.
    async def as_json(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope["headers"] = [
                (name, b"application/json" if name == b"content-type" else value)
                for name, value in scope["headers"]
            ]
        await app(scope, receive, send)

    return as_json


# --- the run ---


def cpu(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def measure(which: str, size: int, seconds: float) -> None:
    folder = Path(tempfile.mkdtemp(prefix="intake-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, __file__, which, str(port), str(folder)], stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(3000):
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", port)):
                    break
            time.sleep(0.02)
        uvloop.run(send(port, size, 1))
        before = cpu(server.pid)
        took, wall = uvloop.run(send(port, size, seconds))
        spent = cpu(server.pid) - before
        events = len(took) * size
        p50, p99 = (took[int(len(took) * q)] * 1000 for q in (0.5, 0.99))
        print(
            f"{which:>5}, {size:>5} events a request: {events / wall:>9,.0f} events/s,"
            f" {events / spent:>9,.0f} per second of the server's processor,"
            f" p50 {p50:.1f} ms, p99 {p99:.1f} ms ({events:,} events, {spent / wall:.2f} processors)",
            flush=True,
        )
    finally:
        server.terminate()
        server.wait(60)
        shutil.rmtree(folder)


def main() -> None:
    if len(sys.argv) > 3:
        serve(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20
    for size in (1000, 1):
        for which in ("ours", "bare"):
            measure(which, size, seconds)


if __name__ == "__main__":
    main()

"""The live intake alone, served by this process or by others that tests may kill.

There are many kills: `Servers` begins each process as a fork of one that has imported everything.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn
from forking import get_ready
from starlette.applications import Starlette

from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.gateways.intake import intake_routes, open_intake
from tenantry.kernel import Principal
from tenantry.kernel.live import Live
from tenantry.runtime.call import LOCAL
from tenantry.runtime.intake import Intake, Limits
from tenantry.sources.live import live_events, live_telemetry

EVENTS = "/api/v1/events"
JSON = "application/json"
BATCH = "application/cloudevents-batch+json"


def intake_of(lake: Path, events: Live | None = None, **limits: Any) -> Intake:
    engine = DuckDB(Lake(lake), "1GB", 1)
    return Intake(
        engine, events or live_events(), live_telemetry(), lambda: datetime.now(UTC), Limits(**limits)
    )


def app_of(intake: Intake, who: Callable[[Any], Any] | None = None) -> Any:
    @asynccontextmanager
    async def lifespan(_: Starlette):
        async with open_intake(intake):
            yield

    return (who or by(LOCAL))(Starlette(routes=intake_routes(intake), lifespan=lifespan))


def by(principal: Principal) -> Callable[[Any], Any]:
    """Wraps an app, all of whose requests are this principal's."""

    def who(app: Any) -> Any:
        async def known(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("state", {})["principal"] = principal
            await app(scope, receive, send)

        return known

    return who


def event(n: int | str, **more: Any) -> dict[str, Any]:
    """An event that is as most are."""
    return {
        "specversion": "1.0", "id": f"event-{n}", "source": "/shop", "type": "calls", "subject": "acme",
        "time": "2026-06-30T12:34:56Z", "data": {"quantity": 2, "feature_id": "search"}, **more,
    }  # fmt: skip


def serve(listening: socket.socket, lake: Path, limits: dict[str, Any]) -> None:
    if size := limits.pop("largest_file", 0):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    config = uvicorn.Config(app_of(intake_of(lake, **limits)), log_config=None, lifespan="on")
    uvicorn.Server(config).run(sockets=[listening])


class Client:
    """Sends, and says what came back."""

    def __init__(self, port: int, timeout: float = 20) -> None:
        self.port = port
        self._connection = HTTPConnection("127.0.0.1", port, timeout=timeout)

    def post(
        self, path: str, body: bytes, kind: str = JSON, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        named = {"Content-Type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
        self._connection.request("POST", path, body, named)
        reply = self._connection.getresponse()
        return reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()

    def get(self, path: str) -> Any:
        self._connection.request("GET", path)
        return json.loads(self._connection.getresponse().read())

    def send(self, events: Any, kind: str = BATCH) -> dict[str, Any]:
        status, _, body = self.post(EVENTS, json.dumps(events).encode(), kind)
        assert status == 202, (status, body)
        return json.loads(body)

    def close(self) -> None:
        self._connection.close()


class Servers:
    """Starts servers and kills them. All imports are done once, by a process whose forks they are."""

    def __init__(self) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answer()

    def start(self, lake: Path, **limits: Any) -> tuple[int, int]:
        """(process, port) of a server that answers."""
        process, port = self._ask({"lake": str(lake), "limits": limits})
        until = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1):
                    return process, port
            except OSError:
                assert time.monotonic() < until, "the server does not start"
                time.sleep(0.002)

    def kill(self, process: int, how: signal.Signals = signal.SIGKILL) -> None:
        """Ends a server, and returns when it is gone."""
        self._ask({"kill": process, "how": int(how)})

    def close(self) -> None:
        assert self._parent.stdin
        self._parent.stdin.close()
        self._parent.wait(20)
        assert self._parent.stdout
        self._parent.stdout.close()

    def _ask(self, what: Mapping[str, Any]) -> Any:
        assert self._parent.stdin
        self._parent.stdin.write(json.dumps(what) + "\n")
        self._parent.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._parent.stdout
        line = self._parent.stdout.readline()
        assert line, "the parent of the servers is gone"
        return json.loads(line)


@contextmanager
def served(intake: Intake) -> Generator[int]:
    """The port of a server in this process."""
    listening = bound()
    server = uvicorn.Server(uvicorn.Config(app_of(intake), log_config=None, lifespan="on"))
    thread = Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    until = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "the server does not start"
        assert time.monotonic() < until, "the server does not start"
        time.sleep(0.002)
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()


def bound() -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", 0))
    return listening


def main() -> None:
    children: set[int] = set()
    get_ready()
    print("[]", flush=True)
    try:
        for line in sys.stdin:
            asked = json.loads(line)
            if "kill" in asked:
                os.kill(asked["kill"], asked["how"])
                os.waitpid(asked["kill"], 0)
                children.discard(asked["kill"])
                print("[]", flush=True)
                continue
            listening = bound()
            child = os.fork()
            if not child:
                serve(listening, Path(asked["lake"]), asked["limits"])
                os._exit(0)
            children.add(child)
            print(json.dumps([child, listening.getsockname()[1]]), flush=True)
            listening.close()
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


if __name__ == "__main__":
    main()

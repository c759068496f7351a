"""One port: the app served until it is told to stop, and then what was begun is finished."""

from __future__ import annotations

import gc
import re
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from ..errors import Kind, TenantryError, invalid

GRACE_SECONDS = 30
# Objects made, less those gone, after which the young ones are looked through for cycles.
_GARBAGE = 50_000
_ADDRESS = re.compile(r"(?:(?P<host>[^:\[\]]+|\[[0-9a-fA-F:.]+\]):)?(?P<port>\d{1,5})")


@dataclass(frozen=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `HOST:PORT`, `[IPV6]:PORT` or `PORT`; port 0 is any free one. Raises `invalid`."""
        found = _ADDRESS.fullmatch(text)
        if found is None or int(found["port"]) > 65535:  # noqa: PLR2004 - the largest port
            raise invalid(f"{text!r} is no address to listen on", "write HOST:PORT, such as 127.0.0.1:8080")
        return cls((found["host"] or "127.0.0.1").strip("[]"), int(found["port"]))


class _Server(uvicorn.Server):
    """Ends where it was begun: the library's own ends the process by the signal again, before what follows is done.
    `ending` is called when it is told to: answers that last must end before it can.
    """

    def __init__(self, config: uvicorn.Config, ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._ending = ending

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._ending()
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(app: ASGIApp, address: Address, ending: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; then call `ending`, take no more requests, and end when those begun are answered.

    Raises `unavailable` where the port is taken or may not be had.
    """
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, lifespan="on", proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )  # fmt: skip
    listening = _bound(address)
    try:
        host = f"[{address.host}]" if ":" in address.host else address.host
        print(f"http://{host}:{listening.getsockname()[1]}", flush=True)  # noqa: T201 - what the person opens
        # What is here now stays, and what requests make goes with them: little is left for the collector of cycles.
        gc.freeze()
        gc.set_threshold(_GARBAGE)
        server = _Server(config, ending)
        server.run(sockets=[listening])
    finally:
        listening.close()
        gc.unfreeze()
    if not server.started:
        raise TenantryError(Kind.UNAVAILABLE, "the server could not start", "the log above says why")


def _bound(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    found = socket.socket(family)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((address.host, address.port))
        found.listen()  # who reads the address may connect at once, and waits while we start
    except OSError as problem:
        found.close()
        why = f"{address.host}:{address.port}: {problem.strerror or problem}"
        raise TenantryError(Kind.UNAVAILABLE, why, "choose another with --bind HOST:PORT") from None
    return found

"""An ASGI app on a port of this machine, for as long as a test lasts."""

from __future__ import annotations

import socket
from collections.abc import Generator
from contextlib import contextmanager
from threading import Thread
from time import monotonic, sleep
from typing import Any

import uvicorn

PATIENCE = 60
"""Seconds to wait for what comes at once, unless the machine has much else to do."""


@contextmanager
def serving(app: Any) -> Generator[str]:
    """The app's address, such as `http://127.0.0.1:4321`."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, proxy_headers=False, lifespan="on")
        )
        thread = Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        until = monotonic() + PATIENCE
        while not server.started:
            assert thread.is_alive(), "the server could not start"
            assert monotonic() < until, "the server did not start in time"
            sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
            assert not thread.is_alive(), "the server did not stop in time"

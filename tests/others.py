"""Servers of others' that tests talk to, as processes on this machine."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def answering(
    words: Sequence[str | Path], port: int, folder: Path, path: str, auth: tuple[str, str] | None = None
) -> Generator[httpx.Client]:
    """A client of the server that these words start on a port, once it answers at a path; it writes into a folder."""
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", auth=auth, timeout=10) as client:
            for _ in range(600):
                try:
                    client.get(path)
                    break
                except httpx.HTTPError:
                    time.sleep(0.1)
            yield client
    finally:
        server.terminate()
        server.wait(10)

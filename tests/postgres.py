"""A PostgreSQL server of the tests' own, on loopback, in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from others import free_port

_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


def programs() -> Path | None:
    """Where this machine's newest server programs are; None without any."""
    found = [
        p for pattern in _FOLDERS for p in Path("/").glob(pattern.lstrip("/")) if (p / "initdb").exists()
    ]
    on_path = shutil.which("initdb")
    return max(found, default=Path(on_path).parent if on_path else None, key=str)


class Server:
    """A running server; `database()` gives the URL of a new, empty database."""

    def __init__(self, binaries: Path, folder: Path, port: int) -> None:
        self._binaries = binaries
        self._folder = folder
        self.port = port
        self._databases = 0

    def database(self) -> str:
        self._databases += 1
        name = f"test_{self._databases}"
        with psycopg.connect(f"{self._url}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # pyright: ignore[reportArgumentType, reportCallIssue]
        return f"{self._url}/{name}"

    @property
    def _url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}"

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        self._control("-o", options, "-l", str(self._folder / "log"), "start")

    def stop(self) -> None:
        """End it at once, as a machine does that is switched off."""
        self._control("-m", "immediate", "stop")

    def _control(self, *words: str) -> None:
        _as_owner([str(self._binaries / "pg_ctl"), "-w", "-D", str(self._folder / "data"), *words])


@contextmanager
def server(binaries: Path) -> Generator[Server]:
    """A server for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="tenantry-postgres-"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, _owner())
        data = str(folder / "data")
        _as_owner(
            [
                str(binaries / "initdb"),
                "-D",
                data,
                "-U",
                "postgres",
                "-A",
                "trust",
                "-N",
                "-E",
                "UTF8",
                "--locale=C",
            ]
        )
        found = Server(binaries, folder, free_port())
        found.start()
        try:
            yield found
        finally:
            found.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_owner(words: list[str]) -> None:
    """Run a program; as root, as the user that PostgreSQL's package made: the server refuses to be root's."""
    user = _owner() if os.getuid() == 0 else None
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, user=user, cwd="/")
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}{done.stdout}"


def _owner() -> str:
    return next(name for name in ("postgres", "nobody") if any(u.pw_name == name for u in pwd.getpwall()))

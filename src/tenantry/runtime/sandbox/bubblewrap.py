"""Python with numpy and pandas in a process of its own: new namespaces (bubblewrap), limits, refused system calls.

It sees the interpreter, numpy and pandas, read-only, in a root that else is empty and in memory: no network, no other
process, no environment, no devices, no file of ours. Clock and chance are hidden from what is decent; what gives
another answer when it is asked again is for the caller to refuse.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from tempfile import TemporaryFile
from time import monotonic
from typing import IO, Any, TypeVar, cast

from pydantic import TypeAdapter

from .limits import DEPTH, OUTPUT, Limits, failed, read, too_much, unavailable

T = TypeVar("T")
_LIBRARIES = 512 * 2**20
"""Of address space that interpreter, numpy and pandas take before the code does anything."""
_START = 30.0
_PIECE = 1 << 16
_NAMES = ("numpy", "numpy.libs", "pandas", "pandas.libs", "dateutil", "six.py", "pytz", "tzdata")
_SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")
_MACHINES = ("x86_64", "aarch64")
_TOO_MUCH = {b"M": "memory", b"T": "time", b"D": "depth of calls", b"O": "output"}
_HINT = "install bubblewrap (apt-get install bubblewrap) where user namespaces are allowed"


def run(
    text: str, function: str, calls: Iterable[Mapping[str, Any]], returns: type[T], limits: Limits
) -> Generator[T]:
    """Each call in a fork of one process, which ends with all that it started."""
    contract = TypeAdapter(returns)
    told = {
        "text": text, "function": function, "seconds": limits.seconds, "memory": limits.memory + _LIBRARIES,
        "output": OUTPUT, "depth": DEPTH,
    }  # fmt: skip
    with _started() as room:
        room.tell(told)
        room.await_ready()
        for given in calls:
            room.tell(given)
            answer = room.line(limits.seconds)
            if what := _TOO_MUCH.get(answer[:1]):
                raise too_much(what)
            if answer[:1] != b"R":
                raise failed(read(TypeAdapter(str), answer[1:]))
            yield read(contract, answer[1:])


class _Room:
    """The process, spoken to by lines."""

    def __init__(self, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
        self._in = cast("IO[bytes]", process.stdin)
        self._out = cast("IO[bytes]", process.stdout)
        self._said = said
        self._held = bytearray()

    def tell(self, document: Mapping[str, Any]) -> None:
        try:
            self._in.write(json.dumps(document).encode() + b"\n")
            self._in.flush()
        except BrokenPipeError:
            raise self._broken() from None

    def await_ready(self) -> None:
        if self.line(_START) != b"ready":
            raise self._broken()

    def line(self, seconds: float) -> bytes:
        """The next line. Raises `limit_exceeded` after so many seconds."""
        until = monotonic() + seconds
        with DefaultSelector() as waiting:
            waiting.register(self._out, EVENT_READ)
            while (end := self._held.find(b"\n")) < 0:
                left = until - monotonic()
                if left <= 0 or not waiting.select(left):
                    raise too_much("time")
                piece = os.read(self._out.fileno(), _PIECE)
                if not piece:
                    raise self._broken()
                self._held += piece
        found = bytes(self._held[:end])
        del self._held[: end + 1]
        return found

    def _broken(self) -> Exception:
        self._said.seek(0)
        said = self._said.read(500).decode(errors="replace").strip()
        return unavailable(f"the sandbox for numpy does not run: {said or 'it ended at once'}", _HINT)


@contextmanager
def _started() -> Generator[_Room]:
    program = shutil.which("bwrap")
    if program is None:
        raise unavailable("the sandbox for numpy is missing: there is no bwrap", _HINT)
    if platform.machine() not in _MACHINES:
        raise unavailable(f"the sandbox for numpy does not know {platform.machine()}", "leave numpy out")
    inner, told = os.pipe()
    with TemporaryFile() as said, os.fdopen(inner, "rb") as inner_told:
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            [program, "--info-fd", str(told), *_arguments()], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=said, env={}, pass_fds=[told], start_new_session=True,
        )  # fmt: skip
        os.close(told)
        try:
            yield _Room(process, said)
        finally:
            _end(process, inner_told)


def _end(process: subprocess.Popen[bytes], inner_told: IO[bytes]) -> None:
    """Kill the first process of the new namespace, which the kernel lets none of the others outlive."""
    found = re.search(rb'"child-pid": (\d+)', inner_told.read())
    if found and process.poll() is None:
        with suppress(ProcessLookupError):
            os.kill(int(found[1]), signal.SIGKILL)
    else:
        process.kill()
    process.communicate()


def _arguments() -> list[str]:
    interpreter = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    if not interpreter.exists():
        interpreter = Path(os.path.realpath(sys.executable))
    # Of an interpreter among the system's programs only itself: no shell, no other program.
    own = interpreter if sys.base_prefix == "/usr" else Path(sys.base_prefix)
    binds = [arg for place in _SYSTEM for arg in ("--ro-bind-try", place, place)]
    binds += ["--ro-bind", str(own), str(own)]
    for place in _libraries():
        binds += ["--ro-bind", str(place), f"/libraries/{place.name}"]
    inside = Path(__file__).with_name("inside.py")
    return [
        "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL",
        "--uid", "65534", "--gid", "65534", "--hostname", "sandbox", *binds,
        "--ro-bind", str(inside), "/inside.py", "--dev-bind", "/dev/null", "/dev/null",
        "--remount-ro", "/", "--chdir", "/", "--setenv", "OPENBLAS_NUM_THREADS", "1", "--setenv", "PYTHONHASHSEED",
        "0", str(interpreter), "-s", "-S", "-P", "-B", "/inside.py",
    ]  # fmt: skip


def _libraries() -> list[Path]:
    found: list[Path] = []
    for name in ("numpy", "pandas"):
        spec = find_spec(name)
        if spec and spec.origin:
            site = Path(spec.origin).parents[1]
            found += [site / beside for beside in _NAMES if (site / beside).exists()]
    return list(dict.fromkeys(found))

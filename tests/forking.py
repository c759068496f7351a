"""Processes that tests kill, each a fork of one that has imported everything: it begins in milliseconds, so that a test
can afford hundreds.

`fork_each` is the parent's loop: a line of its input is JSON, what one process is to do. `kill_after` are seconds after
it has opened what it works on; `kill_at` is the how-manieth file or folder that it makes, names, links or deletes: it
does not come to that one. `file_bytes` is the longest file that it may write. The answer is the exit code, once it has
ended, and the seconds that it took.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import tenantry
from tenantry.errors import TenantryError

LAZY = (
    "pandas", "psycopg", "pyarrow.compute", "pyarrow.pandas_compat", "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite", "tenantry.config", "tenantry.runtime.kinds", "tenantry.runtime.records",
    "tenantry.runtime.schedules", "tenantry.runtime.state",
)  # fmt: skip
"""What work imports on its way; pandas because pyarrow does, where it is installed."""
KILLS = int(os.environ.get("TENANTRY_KILLS", "200"))
"""So many processes are killed by all tests together; 1,000 in the long run."""
_CHANGES = {"os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink"}
Work = Callable[[dict[str, Any], Callable[[], None]], None]
"""What a process does: it is told what was asked, and calls the other when it has opened what it works on."""


def kills(share: float) -> int:
    """How many processes a test kills, for its share of all."""
    return max(round(KILLS * share), 1)


class Forks:
    """The parent, as its user sees it."""

    def __init__(self, program: str, environment: dict[str, str]) -> None:
        tests = Path(__file__).parent
        paths = (str(Path(tenantry.__file__).parents[1]), str(tests))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TENANTRY_")}
        self._parent = subprocess.Popen(
            [sys.executable, str(tests / program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=kept | environment | {"PYTHONPATH": os.pathsep.join(paths)},
        )  # fmt: skip

    def run(self, **asked: Any) -> tuple[int, float]:
        """The exit code of a process that does this, and its seconds."""
        assert self._parent.stdin
        assert self._parent.stdout
        self._parent.stdin.write(json.dumps(asked) + "\n")
        self._parent.stdin.flush()
        code, took = json.loads(self._parent.stdout.readline())
        return code, took

    def close(self) -> None:
        assert self._parent.stdin
        assert self._parent.stdout
        self._parent.stdin.close()
        self._parent.wait(30)
        self._parent.stdout.close()


@contextmanager
def forking(program: str, **environment: str) -> Generator[Forks]:
    """Forks of a program in `tests/`; with variables of the environment."""
    found = Forks(program, environment)
    try:
        yield found
    finally:
        found.close()


def get_ready() -> None:
    """Before the first fork: have what is imported late, and keep every child from looking through it for garbage."""
    for name in LAZY:
        with suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()


def fork_each(work: Work) -> None:
    """Do what each line asks in a process of its own. Nothing may run beside this thread: forks would not have it."""
    get_ready()
    for line in sys.stdin:
        asked = json.loads(line)
        heard, say = os.pipe()
        child = os.fork()
        if child == 0:
            code = _worked(work, asked, say)
            sys.stderr.flush()
            os._exit(code)
        os.close(say)
        select.select([heard], [], [])  # until the child has closed its end: it is open, or has ended
        os.close(heard)
        began = monotonic()
        if asked.get("kill_after") is not None:
            sleep(asked["kill_after"])
            os.kill(child, signal.SIGKILL)  # not waited for yet: the number is no other process's
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps([code, monotonic() - began]), flush=True)


def _worked(work: Work, asked: dict[str, Any], say: int) -> int:
    if most := asked.get("file_bytes"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    if number := asked.get("kill_at"):
        _kill_at(number)
    try:
        work(asked, lambda: os.close(say))
    except TenantryError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    except BaseException:  # noqa: BLE001 - a forked child must not go on with its parent's work
        traceback.print_exc()
        return 1
    return 0


def _kill_at(number: int) -> None:
    """Of what Python code changes; what libraries in other languages do lies between."""
    left = iter(range(number - 1))

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        made = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
        if (made or event in _CHANGES) and next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(heard)

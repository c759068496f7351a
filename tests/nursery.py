"""Processes that work on jobs, to be killed: `python nursery.py` forks one for each line of its input.

Everything is imported before, so that one begins in milliseconds and a test can afford hundreds. A line is JSON:
`folder` (where tenantry.toml is), `kind`, `names` and `key` of the job to ask for first, `kill_after` (seconds),
`file_bytes` (the longest file that may be written). The answer is its exit code, once it has ended.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
import traceback
from contextlib import suppress
from threading import Event
from time import sleep
from typing import Any

from tenantry.app import catalog, open_worker
from tenantry.errors import TenantryError
from tenantry.kernel import Principal
from tenantry.runtime import worker as worker_module

LAZY = (
    "pandas", "psycopg", "pyarrow.compute", "pyarrow.pandas_compat", "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite", "tenantry.config", "tenantry.runtime.kinds", "tenantry.runtime.records",
    "tenantry.runtime.schedules", "tenantry.runtime.state",
)  # fmt: skip
"""What a job imports on its way; pandas because pyarrow does, where it is installed."""


def work(asked: dict[str, Any]) -> None:
    worker_module.POLL = 0.05
    worker_module.TELL = 0.0
    os.chdir(asked["folder"])
    if most := asked.get("file_bytes"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    worker = open_worker(None)
    worker._retry_after = (0.1,)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    if asked.get("kind"):
        worker.jobs.submit(asked["kind"], asked["names"], Principal("test"), key=asked["key"])
    worker.run(Event(), until_idle=True)


def main() -> None:
    catalog()
    for name in LAZY:
        with suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                work(asked)
                code = 0
            except TenantryError as problem:
                print(problem, file=sys.stderr)
            except BaseException:  # noqa: BLE001 - a forked child must not go on with its parent's work
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        if asked.get("kill_after") is not None:
            sleep(asked["kill_after"])
            os.kill(child, signal.SIGKILL)  # not waited for yet: the number is no other process's
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()

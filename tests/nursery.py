"""Processes that work on jobs, to be killed: asked by lines of `folder` (where tenantry.toml is), and of `kind`,
`names` and `key` of the job to ask for first. See forking.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Event
from typing import Any

from forking import fork_each

from tenantry.app import catalog, open_worker
from tenantry.kernel import Principal
from tenantry.runtime import worker as worker_module


def work(asked: dict[str, Any], opened: Callable[[], None]) -> None:
    worker_module.POLL = 0.05
    worker_module.TELL = 0.0
    os.chdir(asked["folder"])
    worker = open_worker(None)
    worker._retry_after = (0.1,)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    opened()
    if asked.get("kind"):
        worker.jobs.submit(asked["kind"], asked["names"], Principal("test"), key=asked["key"])
    worker.run(Event(), until_idle=True)


if __name__ == "__main__":
    catalog()
    fork_each(work)

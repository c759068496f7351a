"""Plain Python in Monty: an interpreter of its own, in a process of its own, that knows no files, network or clock.

What it has is what is handed in; imports are of a few modules that reach nothing. The clock stands at 2000-01-01, and
`random` begins at the same seed in every call.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter
from pydantic_monty import (
    Monty,
    MontyCrashedError,
    MontyError,
    MontyRuntimeError,
    MontySyntaxError,
    OSPolicy,
    ResourceLimits,
)

from ...errors import TenantryError
from .limits import DEPTH, Limits, failed, read, too_much, unavailable

T = TypeVar("T")
_SAME: OSPolicy = {
    "datetime": datetime(2000, 1, 1, tzinfo=UTC),
    "sleep": "zero",
    "process_time": "zero",
    "random_start": {"seed": 0},
}
_TOO_MUCH = {"TimeoutError": "time", "MemoryError": "memory", "RecursionError": "depth of calls"}


def run(
    text: str, function: str, calls: Iterable[Mapping[str, Any]], returns: type[T], limits: Limits
) -> Generator[T]:
    """Each call in a worker that has run nothing before."""
    kept: ResourceLimits = {
        "max_feed_duration_secs": limits.seconds,
        "max_memory": limits.memory,
        "max_recursion_depth": DEPTH,
        "max_suspensions": 1,
    }
    contract = TypeAdapter(returns)
    # As text, so that what comes back is measured before it is made into objects.
    whole = f"{text}\nimport json as _json\n_json.dumps({function}(**_given))\n"
    try:
        with _pool(limits) as pool:
            for given in calls:
                with pool.checkout(limits=kept, os_policy=_SAME) as session:
                    told = session.feed_run(
                        whole, inputs={"_given": dict(given)}, print_callback=lambda _stream, _text: None
                    )
                yield read(contract, str(told))
    except MontyError as problem:
        raise _translated(problem) from None
    except OSError as problem:
        raise unavailable(f"Monty does not run: {problem}", "pip install 'tenantry[sandbox]' anew") from None


def _pool(limits: Limits) -> Monty:
    late = 2 * limits.seconds + 5
    return Monty(min_processes=1, max_processes=1, max_checkouts_per_worker=1, request_timeout=late)


def _translated(problem: MontyError) -> TenantryError:
    if isinstance(problem, MontyCrashedError):
        return too_much("time or memory")
    text = str(problem)
    if what := _TOO_MUCH.get(text.partition(":")[0]):
        return too_much(what)
    frames = problem.traceback() if isinstance(problem, MontyRuntimeError | MontySyntaxError) else []
    return failed(text, frames[-1].line if frames else None)

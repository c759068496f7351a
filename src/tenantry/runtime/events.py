"""What the product does, told as it happens: a line in the log and, where traces are on, a span."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode

from ..errors import TenantryError

_log = logging.getLogger("tenantry.events")
_tracer = trace.get_tracer("tenantry")


@contextmanager
def event(name: str, who: str, what: str) -> Generator[dict[str, Any]]:
    """One `land`, `build`, `call`, `tick` or `decide`: who, what, seconds and outcome, and what the block adds.

    The outcome is `ok`, or the error's kind. Never put data or a secret into it.
    """
    said: dict[str, Any] = {"who": who, "what": what, "outcome": "ok"}
    began = perf_counter()
    with _tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
        try:
            yield said
        except BaseException as problem:
            said["outcome"] = (
                str(problem.kind) if isinstance(problem, TenantryError) else type(problem).__name__
            )
            span.set_status(Status(StatusCode.ERROR, said["outcome"]))
            raise
        finally:
            said["seconds"] = round(perf_counter() - began, 4)
            span.set_attributes({f"tenantry.{key}": value for key, value in said.items()})
            _log.info(name, extra=said)

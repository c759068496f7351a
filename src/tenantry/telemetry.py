"""What the service tells about itself: its log, and, where they are asked for, its traces."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

import structlog
from opentelemetry import trace


def log_to_stderr(*, level: str = "INFO") -> None:
    """Show records from now on: coloured lines on a terminal, otherwise one JSON object a line, times in UTC."""
    times = structlog.processors.TimeStamper(fmt="iso", utc=True)
    shared = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        times,
    ]
    terminal = sys.stderr.isatty()
    last = [structlog.dev.ConsoleRenderer()] if terminal else [
        structlog.processors.format_exc_info, structlog.processors.JSONRenderer(sort_keys=True)
    ]  # fmt: skip
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(capture=True)
    for chatty in ("alembic", "mcp", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def trace_to(url: str, version: str) -> Callable[[], None]:
    """Send spans to an OTLP/HTTP endpoint (`http://collector:4318/v1/traces`) from now on.

    Returns what sends the last of them, for the end of the process. A collector that is away costs spans, nothing else.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(
        resource=Resource.create({"service.name": "tenantry", "service.version": version}),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=5)))
    trace.set_tracer_provider(provider)
    return provider.shutdown

"""The service's log: the standard library's records, for people on a terminal, as JSON for machines."""

from __future__ import annotations

import logging
import sys

import structlog


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

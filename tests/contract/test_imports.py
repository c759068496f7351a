"""The floors: who may import whom. The contracts themselves stand in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

import tenantry

ROOT = Path(__file__).parents[2]


def test_imports_keep_to_their_floors():
    # In a process of its own: the linter disables the loggers of the one it runs in.
    script = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout


def imported(*rooms: str) -> set[str]:
    """What modules of these rooms import directly: of others only the first name."""
    graph = grimp.build_graph("tenantry", include_external_packages=True)
    modules = {module for room in rooms for module in (room, *graph.find_descendants(room))}
    names = {name for module in modules for name in graph.find_modules_directly_imported_by(module)}
    return {name.partition(".")[0] for name in names - modules} - sys.stdlib_module_names


def test_the_kernel_needs_pydantic_alone():
    assert imported("tenantry.kernel", "tenantry.errors") == {"pydantic", "pydantic_core"}


def test_metering_needs_opentelemetry_alone():
    assert imported("tenantry.metering") == {"opentelemetry"}


def test_a_service_that_meters_itself_loads_the_api_of_opentelemetry_alone():
    script = "import sys; before = {*sys.modules}; import tenantry.metering; print(*sorted({*sys.modules} - before))"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    ours = {name for name in loaded if name.startswith("tenantry")}
    assert ours == {"tenantry", *(name for name in ours if name.startswith("tenantry.metering"))}
    others = {name.partition(".")[0] for name in {*loaded} - ours} - sys.stdlib_module_names
    assert others <= {"opentelemetry", "typing_extensions"}
    assert not [name for name in loaded if name.startswith(("opentelemetry.sdk", "opentelemetry.proto"))]


def test_the_public_names_come_when_they_are_asked_for():
    script = "import sys, tenantry; print({'pydantic'} & {*sys.modules}); from tenantry import *; print(tool)"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.startswith("set()\n<function tool")
    with pytest.raises(AttributeError, match="no attribute 'Tool'"):
        _ = tenantry.Tool  # pyright: ignore[reportAttributeAccessIssue]

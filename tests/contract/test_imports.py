"""The floors: who may import whom. The contracts themselves stand in pyproject.toml."""

from __future__ import annotations

import sys
from pathlib import Path

import grimp
import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]


def test_imports_keep_to_their_floors(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    assert lint_imports() == 0, "see the report above"


def test_the_kernel_needs_pydantic_alone():
    graph = grimp.build_graph("tenantry", include_external_packages=True)
    kernel = {"tenantry.kernel", *graph.find_descendants("tenantry.kernel"), "tenantry.errors"}
    imported = {
        top.partition(".")[0] for module in kernel for top in graph.find_modules_directly_imported_by(module)
    }
    assert imported - sys.stdlib_module_names - {"tenantry"} == {"pydantic", "pydantic_core"}

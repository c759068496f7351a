"""Built day by day as data comes late, twice and restated, a lake ends as if it had been built once, at the end.

A dozen histories in `make test`; `HYPOTHESIS_PROFILE=long` makes 520 longer ones.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from building import build, differs_from_a_build_from_nothing, versions
from histories import Histories

pytestmark = pytest.mark.slow

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
LAKES, WORLDS, ROUNDS = (26, 20, 3) if LONG else (1, 12, 2)


@pytest.mark.parametrize("seed", range(LAKES))
def test_a_lake_built_along_the_way_is_one_built_at_the_end(seed: int, tmp_path: Path):
    made = Histories(tmp_path, seed, WORLDS)
    made.go(ROUNDS)
    assert differs_from_a_build_from_nothing(made.vendor) == []
    assert made.vendor.unbalanced() == []
    before = versions(made.vendor)
    assert build(made.vendor) == {}
    assert versions(made.vendor) == before

"""A build ends where a build from nothing would."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from building import build, differs_from_a_build_from_nothing, versions
from changing import CHANGES, Changing
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_bills import books

pytestmark = pytest.mark.slow

EXAMPLES = settings.default.max_examples if settings.default else 0


@settings(max_examples=max(2, EXAMPLES // 200))
@given(
    st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 40), st.booleans()), min_size=1, max_size=4)
)
def test_building_change_by_change_ends_where_a_build_from_nothing_does(changes: list[Any]):
    with tempfile.TemporaryDirectory() as folder:
        changing = Changing(Path(folder))
        build(changing.vendor)
        for change, seed, built_at_once in changes:
            change(changing, books([seed, seed + 1]))
            if built_at_once:
                build(changing.vendor)
        build(changing.vendor)
        assert differs_from_a_build_from_nothing(changing.vendor) == []
        before = versions(changing.vendor)
        assert build(changing.vendor) == {}
        assert versions(changing.vendor) == before

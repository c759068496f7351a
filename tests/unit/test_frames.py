"""Small words pass in a frame of their own, and are asked about elsewhere."""

from __future__ import annotations

import pytest

from tenantry.runtime.asking.frames import FRAMED, unframed

PASSED = """
    $cost between @tier and @tier | @service vs @service $cost | and @tenant | so what did @tier $cost us
    $revenue · over · | only the @tier tier | @tier only | how many $errors were there · | do we $cost on each service
    $list_cost and $billed_cost by tier | vs @tenant | by how much did $revenue · | $cost of aws @service
"""
ASKED = {
    "$cost between now and then": ["between", "and", "then"],
    "$cost versus": ["versus"],
    "how much do you $cost": ["you"],
    "what might @service $cost": ["might"],
    "$cost of @service per @service": ["per"],
    "aws $revenue": ["aws"],
    "$cost and so on": ["and", "so"],
}


@pytest.mark.parametrize(
    "text", [text.strip() for text in PASSED.replace("\n", "|").split("|") if text.strip()]
)
def test_a_word_passes_in_its_frame(text: str):
    assert FRAMED & {*text.split()}
    assert unframed(text) == []


@pytest.mark.parametrize("text", ASKED)
def test_a_word_is_asked_about_elsewhere(text: str):
    assert unframed(text) == ASKED[text]

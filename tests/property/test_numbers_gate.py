"""The numbers gate: no corrupted answer passes, and no true one is held back.

`HYPOTHESIS_PROFILE=long` runs the whole counts: 20,000 and 5,000.
"""

from __future__ import annotations

import os
from random import Random

from numbers_told import corrupted_answer, true_answer

from tenantry.runtime.asking.numbers import gate

PART = {"long": 1.0, "quick": 0.01}.get(os.environ.get("HYPOTHESIS_PROFILE", ""), 0.04)


def test_no_true_answer_is_held_back():
    random = Random(11)
    count = round(5_000 * PART)
    held = []
    for _ in range(count):
        told = true_answer(random)
        if found := gate(told.text, told.facts, told.question):
            held.append((found, told.text))
    print(f"{count:,} true answers, {len(held)} held back")
    assert not held, held[:3]


def test_no_corrupted_answer_passes():
    random = Random(12)
    count = round(20_000 * PART)
    passed = []
    for _ in range(count):
        told = corrupted_answer(random)
        if not gate(told.text, told.facts, told.question):
            passed.append((told.text, [f"{f.value} {f.unit} {f.currency} {f.window}" for f in told.facts]))
    print(f"{count:,} corrupted answers, {len(passed)} passed")
    assert not passed, passed[:3]

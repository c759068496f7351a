"""Whatever a vendor's months hold: findings do not depend on order or on the unit of money, and their money adds up."""

from __future__ import annotations

import runpy
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenantry.methods.insight import Figures, Finding, Subject, ranked, told_once
from tenantry.methods.insight.findings import CHANCE, findings

EXAMPLES = settings.default.max_examples if settings.default else 0
few = settings(max_examples=max(2, EXAMPLES // 12))

BENCH: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "insights.py"))
SEEDS = st.integers(0, 500)
PLANTS = st.sampled_from(BENCH["PLANTS"])


def told(figures: Figures) -> list[Finding]:
    return ranked(told_once(findings([figures])[0], lambda _big, _one: None))


def planted(seed: int, plant: Any) -> Figures:
    world = BENCH["world"](seed)
    plant(world)
    return world.figures()


def scaled(figures: Figures, by: Decimal) -> Figures:
    def times(amounts: tuple[Decimal, ...]) -> tuple[Decimal, ...]:
        return tuple(a * by for a in amounts)

    def of(subject: Subject) -> Subject:
        return replace(subject, cost=times(subject.cost), revenue=times(subject.revenue))

    assert figures.concentration
    assert figures.year_before
    return replace(
        figures,
        subjects=tuple(map(of, figures.subjects)),
        days=tuple(replace(d, cost=times(d.cost)) for d in figures.days),
        concentration=replace(figures.concentration, top=times(figures.concentration.top)),
        year_before=of(figures.year_before),
    )


@few
@given(SEEDS, PLANTS, st.randoms(use_true_random=False))
def test_the_order_of_subjects_does_not_matter(seed: int, plant: Any, random: Any):
    figures = planted(seed, plant)
    mixed = list(figures.subjects)
    random.shuffle(mixed)
    again = replace(figures, subjects=tuple(mixed))
    assert [(f.key, f.impact) for f in told(figures)] == [(f.key, f.impact) for f in told(again)]


@few
@given(SEEDS, PLANTS, st.sampled_from([Decimal(8), Decimal("0.125")]))
def test_in_another_unit_of_money_the_same_is_told(seed: int, plant: Any, by: Decimal):
    figures = planted(seed, plant)
    before, after = told(figures), told(scaled(figures, by))
    assert [f.key for f in before] == [f.key for f in after]
    for one, other in zip(before, after, strict=True):
        assert other.impact == pytest.approx(one.impact * by, abs=Decimal("1e-15"))
        assert other.confidence == pytest.approx(one.confidence, abs=1e-6)


@few
@given(SEEDS, PLANTS)
def test_money_adds_up_to_the_last_unit(seed: int, plant: Any):
    found, _ = findings([planted(seed, plant)])
    for one in found:
        assert abs(one.impact) == abs(one.after - one.before)
        assert one.adjusted is None or one.adjusted <= CHANCE
        assert 0 <= one.confidence <= 1
        if one.kind in ("trend", "level", "jump"):
            amounts = one.subject.cost if one.measure == "cost" else one.subject.revenue
            for side, money in zip(one.months, (one.before, one.after), strict=True):
                assert abs(sum((amounts[m] for m in side), Decimal(0)) - money * len(side)) <= Decimal(
                    "1e-17"
                )


@few
@given(SEEDS, PLANTS)
def test_nothing_is_told_twice_or_lost(seed: int, plant: Any):
    found, _ = findings([planted(seed, plant)])
    once = told_once(found, lambda _big, _one: None)
    keys = [f.key for f in once]
    assert len(set(keys)) == len(keys)
    grouped = {key for f in once for key in (f.key, *f.also)}
    together = {f"tenant:{name}:{f.measure}:{f.figures.currency}" for f in once for name in f.names}
    assert {f.key for f in found} <= grouped | together


@pytest.mark.slow
def test_noise_makes_few_headlines_and_events_are_told():
    """A small `benchmarks/insights.py`."""
    noise = BENCH["of_noise"](24)
    assert sum(noise["insights"]) <= 4 < sum(noise["changed by 20 %"])
    recall = BENCH["of_plants"](2)
    assert sum(recall["insights"].values()) >= 0.8 * 2 * len(BENCH["PLANTS"])
    assert np.isfinite(sum(noise["3 sigma"]))

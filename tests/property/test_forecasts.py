"""What holds for the forecasts of any vendor: sums, order of bounds, scale, and that nothing later is known."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenantry.methods.forecast import HORIZON, MEASURES
from tenantry.methods.forecast.outlook import Outlook, outlooks
from tenantry.methods.forecast.rolling import Panel

EXAMPLES = settings.default.max_examples if settings.default else 0
few = settings(max_examples=max(2, EXAMPLES // 12))


@st.composite
def panels(draw: st.DrawFn, most: int = 28) -> Panel:
    """Tenants that come and go, cost with or without credits, revenue flat, growing or none."""
    dice = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, months = draw(st.integers(1, 9)), draw(st.integers(1, most))
    size = np.exp(dice.normal(4, 2, (count, 1)))
    cost = size * np.exp(
        np.cumsum(dice.normal(0, draw(st.sampled_from([0, 0.1, 0.5])), (count, months)), axis=1)
    )
    if draw(st.booleans()):
        cost -= size * (dice.random((count, months)) < 0.1)
    revenue = size * dice.choice([0, 1, 3], (count, 1)) * (1 + dice.choice([0, 0.1]) * np.arange(months))
    month = np.arange(months)
    there = (month >= dice.integers(0, months, (count, 1)) * dice.choice([0, 1], (count, 1))) & (
        month < months - dice.choice([0, 0, 0, 2], (count, 1))
    )
    names = [f"t{i}" for i in range(count)]
    tiers = [("basic", "pro", "(none)")[i] for i in dice.integers(0, 3, count)]
    return Panel(
        names,
        tiers,
        np.asarray(np.round(cost * there, 4), float),
        np.asarray(np.round(revenue * there, 4), float),
    )


def months_of(panel: Panel) -> int:
    return panel.cost.shape[1]


def newest(panel: Panel) -> list[Outlook]:
    return list(outlooks(panel, months_of(panel), months_of(panel)))


@few
@given(panels())
def test_every_sum_is_exact(panel: Panel):
    sums: dict[tuple[str, str, str], np.ndarray] = defaultdict(lambda: np.zeros(HORIZON, dtype=object))
    told = newest(panel)
    for one in told:
        tier = one.tier or ""
        sums[one.level, tier, one.measure] += np.array(one.mean, dtype=object)
    for one in told:
        mean = list(one.mean)
        if one.level == "tier":
            assert mean == list(sums["tenant", one.key, one.measure])
        if one.level == "total":
            tiers = [
                s for (level, _, measure), s in sums.items() if (level, measure) == ("tier", one.measure)
            ]
            assert mean == list(np.sum(tiers, axis=0))
    for level, tier, _ in list(sums):
        cost, revenue, margin = (sums[level, tier, measure] for measure in MEASURES)
        assert list(margin) == list(revenue - cost)


@few
@given(panels())
def test_bounds_lie_around_their_mean_in_order(panel: Panel):
    for one in newest(panel):
        if one.bounds is None:
            assert "too early" in (one.note or "") or "nothing so far" in (one.note or "")
            continue
        (lo80, hi80), (lo95, hi95) = one.bounds[0.8], one.bounds[0.95]
        for k, mean in enumerate(one.mean):
            assert lo95[k] <= lo80[k] <= mean <= hi80[k] <= hi95[k]
        assert hi80[0] > lo80[0] or one.note == "nothing so far, so nothing ahead"


@pytest.mark.slow
@few
@given(panels(), st.sampled_from([2.0**-4, 2.0**6]))
def test_another_unit_of_money_changes_the_amounts_alone(panel: Panel, factor: float):
    other = replace(panel, cost=panel.cost * factor, revenue=panel.revenue * factor)
    for one, scaled in zip(newest(panel), newest(other), strict=True):
        assert (one.key, one.method, one.history) == (scaled.key, scaled.method, scaled.history)
        # Forecasts are cut to millionths, and so are their errors.
        assert scaled.score.wape == pytest.approx(one.score.wape, abs=1e-4)
        assert scaled.mean == pytest.approx([m * factor for m in one.mean], abs=20 * max(1, factor), rel=1e-9)


@few
@given(panels(), st.integers(1, 28))
def test_a_forecast_knows_nothing_of_later_months(panel: Panel, month: int):
    """Made with all the others or alone, with what came later in the table or not: the same to the last unit."""
    at = min(month, months_of(panel))
    together = [o for o in outlooks(panel, 1, months_of(panel)) if o.at == at]
    seen = panel.active[:, :at].any(axis=1)
    kept = [int(i) for i in np.flatnonzero(seen)]
    alone = Panel(
        [panel.tenants[i] for i in kept],
        [panel.tiers[i] for i in kept],
        panel.cost[kept, :at],
        panel.revenue[kept, :at],
    )
    assert together == (list(outlooks(alone, at, at)) if kept else [])


@few
@given(panels(most=23), panels(most=23))
def test_a_tenants_mean_is_its_own_whoever_else_there_is(one: Panel, other: Panel):
    months = min(months_of(one), months_of(other))
    renamed = [f"u{name}" for name in other.tenants]
    both = Panel(
        [*one.tenants, *renamed],
        [*one.tiers, *other.tiers],
        np.concatenate([one.cost[:, -months:], other.cost[:, -months:]]),
        np.concatenate([one.revenue[:, -months:], other.revenue[:, -months:]]),
    )
    short = replace(one, cost=one.cost[:, -months:], revenue=one.revenue[:, -months:])
    means = {(o.key, o.measure): o.mean for o in newest(both) if o.level == "tenant"}
    for told in newest(short):
        if told.level == "tenant":
            assert means[told.key, told.measure] == told.mean


@pytest.mark.slow
def test_pooled_intervals_hold_on_made_up_tenants():
    """Of 300 random walks and as many noisy levels."""
    dice = np.random.default_rng(11)
    walks = 100 * np.exp(np.cumsum(dice.normal(0, 0.1, (300, 18)), axis=1))
    levels = 100 * np.exp(dice.normal(0, 0.1, (300, 18)))
    cost = np.concatenate([walks, levels])
    names = [f"{i:04d}" for i in range(len(cost))]
    panel = Panel(names, ["all"] * len(cost), cost[:, :12], np.zeros((len(cost), 12)))
    inside = defaultdict(list)
    for told in outlooks(panel, 12, 12):
        if told.level == "tenant" and told.measure == "cost" and told.bounds:
            for level, (low, high) in told.bounds.items():
                came = cost[int(told.key), 12:] * 1e6
                inside[level].append((came >= np.array(low)) & (came <= np.array(high)))
    assert 0.76 < np.mean(inside[0.8]) < 0.88
    assert np.mean(inside[0.95]) > 0.9

"""When another method's forecasts count as better than ours: never by luck, and where they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tenantry.methods.forecast import HORIZON
from tenantry.methods.forecast.outlook import backtest
from tenantry.methods.forecast.rolling import Panel, Points
from tenantry.methods.forecast.smoothing import Floats
from tenantry.methods.forecast.verdict import Backtest, judge

MONTHS = 15
TENANTS = 24


def panel(dice: np.random.Generator, months: int, *, season: float = 0.0, shock: float = 0.0) -> Panel:
    """Costs and revenues that wander, alike as far as `shock`, with a season of the tenants' own."""
    size = np.exp(dice.normal(4, 1, (TENANTS, 1)))
    turn = dice.integers(0, 12, (TENANTS, 1))

    def amounts() -> Floats:
        steps = dice.normal(0, 0.05, (TENANTS, months)) + shock * dice.normal(0, 0.05, (1, months))
        wave = season * np.sin(2 * np.pi * (np.arange(months)[None] + turn) / 12)
        return size * np.exp((steps if season else np.cumsum(steps, axis=1)) + wave)

    names = [f"t{n}" for n in range(TENANTS)]
    return Panel(names, [("a", "b", "c")[n % 3] for n in range(TENANTS)], amounts(), amounts())


def by(points: Points, method: Callable[[dict[str, Any]], Any]) -> Points:
    asked = {at: points.series(at) for at in points.made}
    means = {at: np.array([method(one) for one in series]) for at, series in asked.items() if series}
    return points.with_means(means, "other")


def last_year(one: dict[str, Any]) -> list[float]:
    return one["values"][-12:-6] if len(one["values"]) >= 12 else one["default"]


@pytest.mark.slow
@pytest.mark.parametrize("shock", [0.0, 1.0])
def test_of_fifty_methods_of_noise_hardly_one_is_accepted(shock: float):
    """Ours, with noise of each tenant, of each month ahead, or leaning one way: on tenants of their own, and on such as
    one shock moves, where a lean is right for as long as luck has it.
    """
    dice = np.random.default_rng(int(shock))
    accepted = 0
    for _ in range(10):
        default = backtest(panel(dice, MONTHS, shock=shock), MONTHS, MONTHS)
        for style in range(5):
            sizes = {0: TENANTS, 1: HORIZON}
            factors = np.exp(dice.normal(0, 0.03, sizes.get(style, 1)))

            def noise(one: dict[str, Any], style: int = style, factors: Floats = factors) -> Any:
                return np.array(one["default"]) * (factors[one["number"]] if style == 0 else factors)

            other = Backtest(default.panel, by(default.points, noise))
            accepted += judge(default, other, MONTHS).accepted
    assert accepted <= 2


@pytest.mark.slow
def test_last_year_repeated_is_accepted_where_there_is_a_season_and_not_on_noise():
    dice = np.random.default_rng(5)
    for season, better in ((0.4, True), (0.0, False)):
        default = backtest(panel(dice, 20, season=season), 20, 20)
        found = judge(default, Backtest(default.panel, by(default.points, last_year)), 20)
        assert found.accepted is better, found
        assert found.months == 12
        assert found.tested > 1000
        if better:
            assert found.error is not None
            assert found.default_error is not None
            assert found.error < 0.9 * found.default_error


@pytest.mark.slow
def test_the_same_forecasts_are_no_better():
    default = backtest(panel(np.random.default_rng(1), MONTHS), MONTHS, MONTHS)
    points = by(default.points, lambda one: one["default"])
    assert all(
        (points.made[at].units["cost"] == made.units["cost"]).all()
        for at, made in default.points.made.items()
    )
    found = judge(default, Backtest(default.panel, points), MONTHS)
    assert found.error == found.default_error
    assert found.against == "its error is not at least 2% smaller than the default's"


@pytest.mark.parametrize("months", [1, 6, 7, 10])
def test_a_short_history_is_too_early_to_tell(months: int):
    default = backtest(panel(np.random.default_rng(1), months), months, months)
    found = judge(
        default, Backtest(default.panel, by(default.points, lambda one: one["values"][-1:] * 6)), months
    )
    assert (found.against or "").startswith("too early to tell")


@pytest.mark.slow
def test_what_a_method_is_asked_tells_nothing_of_later_months():
    whole = panel(np.random.default_rng(2), 26)
    short = Panel(whole.tenants, whole.tiers, whole.cost[:, :24], whole.revenue[:, :24])
    late = whole.cost.copy()
    late[3, :25] = 0
    for other in (short, Panel(whole.tenants, whole.tiers, whole.cost, whole.revenue)):
        assert Points(other, 20, other.months).series(24) == Points(short, 20, 24).series(24)
    newcomer = Panel(whole.tenants, whole.tiers, late, late)
    without = Panel(
        [t for t in whole.tenants if t != "t3"], [t for n, t in enumerate(whole.tiers) if n != 3],
        np.delete(late, 3, axis=0), np.delete(late, 3, axis=0),
    )  # fmt: skip
    assert Points(newcomer, 20, 26).series(24) == Points(without, 20, 26).series(24)
    levels = [(one["level"], one["measure"], one["number"]) for one in Points(without, 24, 24).series(24)]
    assert len(set(levels)) == len(levels) == 2 * (TENANTS - 1) + 2 * 4

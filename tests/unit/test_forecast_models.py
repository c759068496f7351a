"""Forecasting models on series whose forecasts are known in closed form or published."""

from __future__ import annotations

import numpy as np
import pytest

from tenantry.methods.forecast.ensemble import Method, forecast_points, year_ago
from tenantry.methods.forecast.intervals import (
    across_horizons,
    by_horizon,
    growth,
    quantile,
    scales,
    shared_part,
)
from tenantry.methods.forecast.reconcile import reconcile
from tenantry.methods.forecast.scores import Tally, owa, smape
from tenantry.methods.forecast.seasons import seasonal_indices
from tenantry.methods.forecast.smoothing import auto_ets
from tenantry.methods.forecast.theta import optimised_theta

MONTHS = np.arange(24.0)
# US accidental deaths, 1973 to 1974, monthly: Brockwell and Davis, Introduction to Time Series and Forecasting, 1.1.
DEATHS = np.array([9007, 8106, 8928, 9137, 10017, 10826, 11317, 10744, 9713, 9938, 9161, 8927,
                   7750, 6981, 8038, 8422, 8714, 9512, 10120, 9823, 8743, 9129, 8710, 8680.])  # fmt: skip


def row(values: object) -> np.ndarray:
    return np.array([values], dtype=float)


@pytest.mark.parametrize("model", [auto_ets, optimised_theta])
def test_what_never_moved_stays(model):
    found = model(row([7.0] * 12), 6)
    assert np.allclose(found.mean, 7.0)
    assert np.allclose(found.errors, 0.0, atol=1e-9)


def test_a_straight_line_goes_on_by_ets():
    assert np.allclose(auto_ets(row(100 + 3 * MONTHS[:12]), 6).mean, 100 + 3 * np.arange(12, 18))


def test_a_line_goes_on_by_theta_at_part_of_its_slope():
    """The theta line holds between half the slope (theta 2) and all of it (theta without bound)."""
    ahead = optimised_theta(row(100 + 3 * MONTHS), 6).mean[0]
    slopes = np.diff(ahead)
    assert np.all((slopes > 1.4) & (slopes < 3.1))


def test_of_pure_noise_ets_keeps_the_mean():
    noise = np.random.default_rng(3).normal(50, 5, (200, 23))
    found = auto_ets(noise, 1).mean[:, 0]
    assert abs(np.mean(found - 50)) < 1
    assert np.median(np.abs(found - noise.mean(axis=1))) < 1


@pytest.mark.slow
def test_simple_smoothing_is_the_best_of_its_grid():
    """With alpha 1 the error of a random walk is its step: nothing on the grid may be worse than that."""
    walk = np.cumsum(np.random.default_rng(5).normal(0, 1, (50, 20)), axis=1) + 100
    errors = auto_ets(walk, 1).errors
    steps = np.diff(walk, axis=1)
    # A penalty of AICc may keep a form with a larger sum of squares, never one above the simplest at alpha 1.
    assert np.all((errors**2).sum(axis=1) <= (steps**2).sum(axis=1) * 1.0001)


@pytest.mark.slow
def test_a_damped_trend_is_found():
    level = 100 + 20 * (1 - 0.8 ** np.arange(30))
    ahead = auto_ets(row(level[:23]), 6).mean[0]
    assert np.allclose(ahead, level[23:29], atol=0.05)


@pytest.mark.slow
def test_forecasts_scale_with_their_series():
    values = np.exp(np.random.default_rng(1).normal(3, 0.3, (20, 14)))
    one, thousand = forecast_points(values, 6).mean, forecast_points(values * 1000, 6).mean
    assert np.allclose(one * 1000, thousand, rtol=1e-6)


@pytest.mark.parametrize(
    ("length", "method"),
    [(1, Method.NAIVE_MEAN), (6, Method.NAIVE_MEAN), (7, Method.SMOOTH), (11, Method.SMOOTH),
     (12, Method.YEAR), (23, Method.YEAR), (24, Method.SEASONAL)],
)  # fmt: skip
def test_the_length_of_history_says_which_models(length: int, method: Method):
    found = forecast_points(DEATHS[None, :length], 6)
    assert found.methods == [method]
    assert np.all(np.isfinite(found.mean))


def test_short_histories_take_the_last_month_and_the_mean():
    assert np.allclose(forecast_points(row([10, 20, 60]), 2).mean, [[45, 45]])


def test_a_year_back_repeats_itself():
    assert year_ago(row(np.arange(14)), 6).tolist() == [[2, 3, 4, 5, 6, 7]]


def test_seasons_of_a_product_are_found_whole():
    index = 1 + 0.3 * np.sin(2 * np.pi * np.arange(12) / 12)
    values = (100 + 2 * np.arange(36)) * np.tile(index, 3)
    assert np.allclose(seasonal_indices(values[None])[0], index, atol=0.01)
    ahead = forecast_points(values[None], 6).mean[0]
    assert np.allclose(ahead, (100 + 2 * np.arange(36, 42)) * index[:6], rtol=0.03)


def test_seasons_of_noise_are_shrunk_away():
    noise = np.exp(np.random.default_rng(2).normal(0, 0.2, (300, 24)))
    assert np.mean(np.abs(seasonal_indices(noise) - 1)) < 0.06


def test_indices_begin_with_the_first_column():
    values = np.tile([2.0, *[1.0] * 11], 3)[None, :30]
    assert np.argmax(seasonal_indices(values)[0]) == 0


def test_the_summer_of_deaths_is_forecast():
    """Observed January to June 1975: 8162 7306 8124 7870 9387 9556; the last month of 1974 was 8680."""
    came = np.array([8162, 7306, 8124, 7870, 9387, 9556])
    made = forecast_points(DEATHS[None], 6).mean[0]
    assert np.mean(np.abs(made - came)) < 0.7 * np.mean(np.abs(8680 - came))


# --- reconciliation -----------------------------------------------------------------------------------


def test_equal_variances_share_a_disagreement_as_least_squares_does():
    """Two parts and their sum, W = I: a disagreement of 3 moves each of the three by 1."""
    found = reconcile(row([10, 20]).T, row([33]), np.ones(3), np.ones((1, 2)))
    assert np.allclose(found, [[11], [21]])


def test_who_errs_more_moves_more():
    found = reconcile(row([10, 20]).T, row([33]), np.array([1.0, 2, 0]), np.ones((1, 2)))
    assert np.allclose(found.T, [[11, 22]])


def test_reconciled_costs_stay_above_nothing():
    assert reconcile(row([1, 50]).T, row([10]), np.array([1.0, 1, 0]), np.ones((1, 2))).min() == 0


# --- intervals ----------------------------------------------------------------------------------------


def test_the_quantile_is_that_of_finite_samples():
    """Nineteen errors are the fewest that can tell 95 %: the largest; four tell 80 %."""
    errors = np.arange(1.0, 20)
    assert quantile(errors, 0.95) == 19
    assert quantile(errors[:4], 0.80) == 4
    assert quantile(errors, 0.80) == 16
    assert quantile(errors, 0.80, moments=4) == 19


def test_widths_grow_with_level_and_with_the_months_ahead():
    dice = np.random.default_rng(4)
    errors = [np.abs(dice.normal(0, 1 + k / 3, 400)) for k in range(5)]
    for found in (by_horizon(errors, 6), across_horizons(errors, growth(6))):
        assert np.all(np.diff(found[0.8]) >= 0)
        assert np.all(found[0.95] > found[0.8])
        assert np.all(found[0.8] > 0)


def test_a_scale_is_pulled_to_what_is_typical_and_never_nothing():
    values = np.array([[100.0, 100, 100, 100], [100, 110, 100, 110], [100, 120, 100, 120], [0, 0, 0, 0]])
    found = scales(values, values, np.array([0, 0, 0, 4]))
    assert 0 < found[0] < found[1] < found[2]
    assert found[3] == 0


def test_months_before_the_beginning_do_not_count():
    young, old = np.array([[0, 0, 100.0, 110]]), np.array([[100.0, 110]])
    began = np.array([2]), np.array([0])
    assert scales(young, young, began[0]) == pytest.approx(scales(old, old, began[1]))


def test_what_all_do_together_is_told_from_what_each_does():
    dice = np.random.default_rng(6)
    own = np.cumsum(dice.normal(0, 1, (100, 13)), axis=1)
    shock = np.cumsum(dice.normal(0, 1, 13))
    assert shared_part(own, np.ones(100)) < 0.05
    assert 0.3 < shared_part(own + shock, np.ones(100)) < 0.7
    assert shared_part(np.tile(shock, (9, 1)), np.ones(9)) > 0.99


# --- scores -------------------------------------------------------------------------------------------


def test_scores_by_hand():
    made, naive, came = row([8, 12]), row([10, 10]), row([10, 15])
    assert smape(made, came)[0] == pytest.approx((200 * 2 / 18 + 200 * 3 / 27) / 2)
    assert owa(made, naive, came, np.array([2.0])) == pytest.approx(
        (((200 * 2 / 18 + 200 * 3 / 27) / 2) / (200 * 5 / 25 / 2) + (2.5 / 2) / (2.5 / 2)) / 2
    )
    tally = Tally.empty()
    tally.add(made, naive, came, np.array([2.0]))
    tally.add_inside(np.array([[True, False]]), np.array([[True, True]]))
    score = tally.score()
    assert (score.wape, score.cover80, score.cover95, score.tested) == (0.2, 0.5, 1.0, 2)


def test_nothing_tested_is_no_score():
    assert Tally.empty().score().wape is None

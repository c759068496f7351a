"""What moved and is not chance: statistics against worked figures, and what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, localcontext

import numpy as np
import pytest

from tenantry.kernel.money import EXACT
from tenantry.methods.insight import Concentration, Daily, Figures, Finding, Subject, ranked, told_once
from tenantry.methods.insight.calibration import memory_of, p_values
from tenantry.methods.insight.claims import floor_of
from tenantry.methods.insight.discoveries import adjusted
from tenantry.methods.insight.findings import findings
from tenantry.methods.insight.movement import change, movements
from tenantry.methods.insight.polish import in_common
from tenantry.methods.insight.weekly import _f_beyond, weekday_p  # pyright: ignore[reportPrivateUsage]

MONTHS = tuple(date(2025, m, 1) for m in range(1, 13))
WOBBLE = (0, 2, -2, 1, -1, 0, 1, -2, 2, 0, -1, 0)
DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def a_day(amount: float, turn: int = 0) -> list[Decimal]:
    """Twelve months of so much a day, give or take two percent; in another order for each `turn`."""
    wobble = [WOBBLE[(m * (2 * turn + 1) + turn) % 12] for m in range(12)]
    return [Decimal(str(amount)) * days * (100 + w) / 100 for days, w in zip(DAYS, wobble, strict=True)]


def vendor(*tenants: Subject, more: Sequence[Subject] = (), **columns: object) -> Figures:
    everyone = [*(Subject("tenant", f"t{i}", tuple(a_day(10, i))) for i in range(8)), *tenants]
    zeros = (Decimal(0),) * 12
    rows = [[s.cost for s in everyone], [s.revenue or zeros for s in everyone]]
    cost, revenue = (tuple(sum(month, Decimal(0)) for month in zip(*row, strict=True)) for row in rows)
    total = Subject("total", "", cost, revenue)
    everyone = [
        Subject("tenant", s.name, s.cost, s.revenue or zeros, s.units, s.tier, s.known) for s in everyone
    ]
    return Figures("USD", MONTHS, 0, (total, *everyone, *more), **columns)  # pyright: ignore[reportArgumentType]


def told(figures: Figures) -> list[Finding]:
    return ranked(told_once(findings([figures])[0], lambda _big, _one: None))


def test_movements_are_t_statistics():
    [[trend, level, jump]] = movements(np.array([[1.0, 2, 4, 3, 5, 6]]))
    # By hand: slope 16.5 / 17.5 of 17.5; the best split after two of six; 3 is the mean of the first five.
    assert trend == pytest.approx(16.5 / 17.5 / ((17.5 - 16.5**2 / 17.5) / 4 / 17.5) ** 0.5)
    assert level == pytest.approx(3.0 / (5.5 / 4 * (1 / 2 + 1 / 4)) ** 0.5)
    assert jump == pytest.approx(3.0 / (2.5 * 1.2) ** 0.5)


def test_a_change_says_where_and_how_much():
    values = np.array([1.0, 1, 1, 1, 3, 3, 3, 3])
    assert change(values, "level") == ("level", 4, 2.0)
    assert change(np.arange(8) / 2, "trend") == ("trend", 4, 3.5)
    assert change(np.array([1.0, 1, 1, 1, 1, 4]), "jump") == ("jump", 5, 3.0)


@pytest.mark.parametrize("memory", [0.0, 0.4])
@pytest.mark.parametrize("points", [6, 12])
def test_p_values_hold_for_noise_with_a_memory_and_heavy_tails(points: int, memory: float):
    rng = np.random.default_rng(5)
    made = rng.standard_t(3, (4000, points + 20))
    for m in range(1, made.shape[1]):
        made[:, m] += memory * made[:, m - 1]
    p = p_values(made[:, 20:], memory)
    for level in (0.1, 0.01):
        assert ((p <= level).mean(axis=0) <= level * 1.3 + 0.003).all()


def test_memory_is_that_of_the_noise():
    rng = np.random.default_rng(6)
    made = rng.standard_normal((3000, 32))
    for m in range(1, 32):
        made[:, m] += 0.5 * made[:, m - 1]
    assert memory_of([made[:, 20:]]) == pytest.approx(0.5, abs=0.05)
    assert memory_of([]) == pytest.approx(0.3)


def test_adjusted_p_values_are_those_of_the_paper():
    """Benjamini and Hochberg (1995), the example of section 3.2: four of fifteen at 5 percent."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
         0.7590, 1.0]  # fmt: skip
    assert sum(q <= 0.05 for q in adjusted(p)) == 4
    assert adjusted([0.5, 0.01]) == [0.5, 0.02]


def test_what_all_do_is_in_common_whatever_a_few_do():
    rows = np.tile(np.arange(12.0), (7, 1)) + np.arange(7)[:, None]
    rows[0, 6:] += 50
    assert in_common(rows) == pytest.approx(np.arange(12) - 5.5)
    assert in_common(rows[:4]) is None


def test_days_of_the_week_are_compared_by_hotelling():
    assert _f_beyond(2.5, 6, 20) == pytest.approx(0.0571, abs=1e-4)  # tables of F
    rng = np.random.default_rng(7)
    noise = rng.standard_t(3, (400, 182)).cumsum(axis=1) * 0.1 + rng.standard_t(3, (400, 182))
    assert np.mean([weekday_p(row) <= 0.05 for row in noise]) <= 0.08
    assert weekday_p(noise[0] + np.tile([0, 0, 0, 0, 0, 6, 6], 26)) < 1e-6
    assert weekday_p(noise[0][:63]) == 1.0
    assert weekday_p(np.ones(182)) == 1.0


def test_nothing_is_told_of_a_calm_vendor():
    assert told(vendor()) == []


def test_a_tenant_that_costs_twice_as_much_is_told_once_and_exactly():
    cost = a_day(10)
    cost[7:] = [2 * c for c in cost[7:]]
    [found] = told(vendor(Subject("tenant", "teal", tuple(cost))))
    assert (found.key, found.kind, found.since) == ("tenant:teal:cost:USD", "level", date(2025, 8, 1))
    place = Decimal("1e-18")
    assert found.before == (sum(cost[:7], Decimal(0)) / 7).quantize(place)
    assert found.after == (sum(cost[7:], Decimal(0)) / 5).quantize(place)
    assert found.impact == found.before - found.after
    assert found.confidence > 0.99
    assert found.also  # the total's


def test_money_of_any_size_is_exact():
    cent = Decimal("0.000000000000000001")
    cost = [c * 10**14 + cent for c in a_day(10)]
    cost[7:] = [2 * c + cent for c in cost[7:]]
    others = [Subject("tenant", f"u{i}", tuple(c * 10**14 for c in a_day(10, i))) for i in range(6)]
    [found] = [
        f for f in told(vendor(*others, Subject("tenant", "teal", tuple(cost)))) if f.level == "tenant"
    ]
    with localcontext(EXACT):
        assert found.impact == found.before - found.after
        assert abs(found.before * 7 - sum(cost[:7], Decimal(0))) < 7 * cent


def test_what_all_do_is_told_of_the_total_alone():
    tenants = [
        Subject("tenant", f"u{i}", tuple(c * Decimal(str(1.05**m)) for m, c in enumerate(a_day(10, i))))
        for i in range(30)
    ]
    [found] = told(vendor(*tenants))
    assert (found.level, found.kind, found.measure) == ("total", "trend", "cost")


def test_use_that_grows_without_revenue():
    grown = tuple(c * Decimal(str(1.08**m)) for m, c in enumerate(a_day(20)))
    flat = (Decimal(900),) * 12
    everyone = [Subject("tenant", f"v{i}", tuple(a_day(20, i)), flat, tuple(a_day(5, i))) for i in range(6)]
    found = told(vendor(*everyone, Subject("tenant", "teal", grown, flat, grown)))
    assert [f.key for f in found] == ["tenant:teal:usage_without_revenue:USD"]
    assert found[0].before == (sum(grown[:3], Decimal(0)) / 3).quantize(Decimal("1e-18"))
    assert found[0].impact < 0


def test_a_dearer_unit_is_worth_what_the_use_would_have_cost_before():
    units = tuple(a_day(100))
    cost = tuple(u * Decimal("1.5") if m >= 6 else u for m, u in enumerate(a_day(100)))
    found = told(vendor(more=[Subject("service", "Tokens", cost, units=units)]))
    [one] = [f for f in found if f.kind == "unit_cost"]
    assert one.before == pytest.approx(sum(units[6:]) / 6, abs=Decimal("1e-15"))
    assert one.after == (sum(cost[6:], Decimal(0)) / 6).quantize(Decimal("1e-18"))


def test_who_came_and_who_went_are_facts_and_the_small_are_told_together():
    def only(months: range, amount: int) -> tuple[Decimal, ...]:
        return tuple(Decimal(amount if m in months else 0) for m in range(12))

    came = Subject("tenant", "came", only(range(10, 12), 10), only(range(10, 12), 110))
    went = Subject("tenant", "went", only(range(11), 20), only(range(11), 520))
    small = [Subject("tenant", f"s{i}", only(range(11, 12), 1), only(range(11, 12), 4)) for i in range(6)]
    long_ago = Subject("tenant", "long-ago", only(range(7), 50), only(range(7), 500))
    found = {f.key: f for f in told(vendor(came, went, *small, long_ago)) if f.kind in ("new", "lost")}
    assert found["tenant:came:new:USD"].impact == 100
    assert found["tenant:came:new:USD"].since == date(2025, 11, 1)
    assert found["tenant:went:lost:USD"].impact == -500
    assert found["tenants:new:USD"].impact == 18
    assert found["tenants:new:USD"].names == tuple(f"s{i}" for i in range(6))
    assert set(found) == {"tenant:came:new:USD", "tenant:went:lost:USD", "tenants:new:USD"}


def test_tenants_that_change_alike_in_one_month_are_one_event():
    flat = [tuple(a_day(30, i)) for i in range(16)]
    rises = [
        Subject("tenant", f"r{i}", cost, tuple(Decimal(1000 if m < 6 else 1200) for m in range(12)))
        for i, cost in enumerate(flat[:5])
    ]
    calm = [Subject("tenant", f"c{i}", cost, (Decimal(1000),) * 12) for i, cost in enumerate(flat[5:])]
    found = {f.key: f for f in told(vendor(*rises, *calm))}
    assert found["tenants:revenue:2025-07:up:USD"].impact == 1000
    assert found["tenants:revenue:2025-07:up:USD"].names == ("r0", "r1", "r2", "r3", "r4")
    assert "total:revenue:USD" not in found


def test_a_tier_is_not_told_of_where_one_tenant_is_the_reason():
    revenue = tuple(Decimal(3000 if m < 6 else 1000) for m in range(12))
    tenants = [
        Subject("tenant", f"p{i}", tuple(a_day(9, i)), (Decimal(700 + i),) * 12, tier="pro") for i in range(5)
    ]
    big = Subject("tenant", "big", tuple(a_day(9)), revenue, tier="pro")
    tier = Subject(
        "tier",
        "pro",
        tuple(sum(row, Decimal(0)) for row in zip(*(t.cost for t in (*tenants, big)), strict=True)),
        tuple(sum(row, Decimal(0)) for row in zip(*(t.revenue for t in (*tenants, big)), strict=True)),
    )
    found = told(vendor(*tenants, big, more=[tier]))
    assert [f.key for f in found] == ["tenant:big:revenue:USD"]
    assert found[0].impact == -2000
    assert any(key.startswith("tier:pro") for key in found[0].also)


def test_concentration_is_told_in_the_money_of_the_five():
    top = tuple(Decimal(500 if m < 6 else 900) for m in range(12))
    index = tuple((0.06 if m < 6 else 0.2) * (1 + 0.01 * WOBBLE[m]) for m in range(12))
    calm = [Subject("tenant", f"c{i}", tuple(a_day(3, i)), (Decimal(100),) * 12) for i in range(20)]
    found = told(vendor(*calm, concentration=Concentration(index, top)))
    assert [(f.key, f.before, f.after, f.impact) for f in found] == [
        ("total:concentration:USD", 500, 900, -400)
    ]


def test_days_that_cost_more_for_their_use():
    rng = np.random.default_rng(8)
    weekend = [(d % 7) in (2, 3) for d in range(182)]  # the first is a Thursday
    units = [Decimal(round(1000 * (0.5 if w else 1.0) * (1 + 0.02 * rng.standard_normal()))) for w in weekend]
    cost = [u * 2 if w else u for u, w in zip(units, weekend, strict=True)]
    service = Subject("service", "Compute", tuple(a_day(900)), units=tuple(a_day(900)))
    daily = Daily("service", "Compute", tuple(cost), tuple(units))
    [found] = told(vendor(more=[service], days=(daily,)))
    assert (found.kind, found.names) == ("day_of_week", ("Saturday", "Sunday"))
    spent = sum((c for c, w in zip(cost, weekend, strict=True) if w), Decimal(0))
    place = Decimal("1e-18")
    assert (found.before, found.after) == ((spent / 12).quantize(place), (spent / 6).quantize(place))


def test_a_year_like_the_one_before_is_a_season():
    def year(turn: int, high: str) -> tuple[Decimal, ...]:
        return tuple(c * (Decimal(high) if m in (9, 10, 11) else 1) for m, c in enumerate(a_day(100, turn)))

    def both(high: str) -> Figures:
        now, before = (Subject("total", "", year(turn, high), (Decimal(0),) * 12) for turn in (0, 3))
        return Figures("USD", MONTHS, 0, (now,), year_before=before)

    found = {f.kind: f for f in told(both("1.5"))}
    season, cost = found["season"], year(0, "1.5")
    assert (season.key, season.names) == ("total:cost:season:USD", ("October", "November", "December"))
    assert season.after == (sum(cost[9:], Decimal(0)) / 3).quantize(Decimal("1e-18"))
    assert season.before == (sum(cost[:9], Decimal(0)) / 9).quantize(Decimal("1e-18"))
    assert told(both("1")) == []


def test_what_is_too_small_is_not_told():
    cost = [*a_day(0.01)[:6], *(3 * c for c in a_day(0.01)[6:])]
    figures = vendor(Subject("tenant", "tiny", tuple(cost)))
    assert told(figures) == []
    assert floor_of(figures) == pytest.approx(Decimal(10 * 8 * 365) / 12 / 400, rel=Decimal("0.01"))


def test_five_months_are_too_few():
    whole = vendor(Subject("tenant", "teal", tuple(c * (1 + 4 * (m > 8)) for m, c in enumerate(a_day(10)))))
    late = Figures("USD", MONTHS, 7, whole.subjects)
    assert told(whole)
    assert told(late) == []

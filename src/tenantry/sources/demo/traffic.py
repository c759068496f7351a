"""The requests of one month: what every tenant did in every hour with every feature."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from ...kernel.time import next_month
from .dice import Dice, Floats, Ints
from .plan import EPOCH, Plan, hours_of, local_offset
from .product import (
    FEATURES,
    MACHINE,
    MACHINE_DAYS,
    MACHINE_HOURS,
    PEOPLE_DAYS,
    PEOPLE_HOURS,
    PER_REQUEST,
    REGIONS,
    REPORTS,
    RESOURCES,
)

OUTAGE_HOURS = range(9, 13)


@dataclass(frozen=True)
class Cells:
    """One row per tenant, hour of the month and feature with any request; `consumed` is what they really took."""

    month: date
    hours: Ints
    """The month's hours, counted from 1970."""
    tenant: Ints
    hour: Ints
    """Index into `hours`."""
    feature: Ints
    consumed: dict[str, Ints]
    """Resource -> units."""

    @property
    def days(self) -> int:
        return len(self.hours) // 24

    @property
    def day(self) -> Ints:
        return self.hour // 24

    def only(self, mask: np.ndarray) -> Cells:
        return Cells(
            self.month,
            self.hours,
            self.tenant[mask],
            self.hour[mask],
            self.feature[mask],
            {name: values[mask] for name, values in self.consumed.items()},
        )


def month_of_requests(plan: Plan, month: date) -> Cells:
    """Sessions by chance, their size by chance: a small tenant is silent in most hours, a large one in none."""
    hours = hours_of(month)
    expected = _expected(plan, month, hours)
    dice = Dice(plan.seed, "requests", month.toordinal())
    session = plan.session[:, None, :]
    active = dice.words(expected.size).reshape(expected.shape) < expected / (expected + session) * 65536
    tenant, hour, feature = (a.astype(np.int64) for a in np.nonzero(active))
    size = expected[tenant, hour, feature] + plan.session[tenant, feature]
    requests = np.floor(size * dice.lognormal(len(size), 0.3) + 0.5).astype(np.int64)
    consumed = {
        name: requests
        * np.array(PER_REQUEST[name], dtype=np.int64)[feature]
        // 1000
        * plan.heavy[tenant, r]
        // 1000
        for r, name in enumerate(RESOURCES)
    }
    return Cells(month, hours, tenant, hour, feature, consumed)


def people_factor(region: int, day: date) -> float:
    """How much people work on a day: weekday, the turn of the year, August."""
    factor = PEOPLE_DAYS[day.weekday()]
    if (day.month, day.day) >= (12, 22) or (day.month, day.day) <= (1, 3):
        factor *= 0.4
    elif day.month == 8:
        factor *= 0.8 if REGIONS[region].startswith("eu") else 0.93
    return factor


def _expected(plan: Plan, month: date, hours: Ints) -> Floats:
    """Requests per tenant, hour and feature to be expected."""
    first = plan.day(month)
    days = len(hours) // 24
    daily = plan.level[:, first : first + days] * (plan.users * plan.rate)[:, None]
    by_kind = np.zeros((2, plan.size, len(hours)))
    for kind in range(2):
        for region in range(len(REGIONS)):
            here = plan.region == region
            by_kind[kind, here] = _rhythm(region, hours, machine=bool(kind))
    expected = np.zeros((plan.size, len(hours), len(FEATURES)))
    size = np.repeat(daily, 24, axis=1)
    for f in range(len(FEATURES)):
        expected[:, :, f] = size * by_kind[int(MACHINE[f])] * plan.mix[:, f, None]
    _spikes(plan, month, expected)
    _outage(plan, month, expected)
    return expected


def _rhythm(region: int, hours: Ints, *, machine: bool) -> Floats:
    """Factor of each hour for people or machines of a region, mean about 1."""
    profile = np.array(MACHINE_HOURS if machine else PEOPLE_HOURS)
    local = hours + local_offset(region)
    dates = [EPOCH + timedelta(days=int(d)) for d in range(int(local[0] // 24), int(local[-1] // 24) + 1)]
    weight = np.array([MACHINE_DAYS[d.weekday()] if machine else people_factor(region, d) for d in dates])
    return profile[local % 24] * weight[local // 24 - local[0] // 24]


def _spikes(plan: Plan, month: date, expected: Floats) -> None:
    """The noisy tenant runs its reports on Tuesday and Thursday nights; later on every night."""
    day, end = month, next_month(month)
    often = month >= plan.months[len(plan.months) // 2]
    while day < end:
        if often or day.weekday() in (1, 3):
            start = (day - month).days * 24 + 2
            expected[plan.roles.noisy, start : start + 2, REPORTS] = 170_000.0 if often else 100_000.0
        day += timedelta(days=1)


def _outage(plan: Plan, month: date, expected: Floats) -> None:
    outage = plan.story.outage
    if (outage.year, outage.month) == (month.year, month.month):
        down = [(outage.day - 1) * 24 + h for h in OUTAGE_HOURS]
        expected[np.ix_(plan.region == 0, down)] *= 0.03

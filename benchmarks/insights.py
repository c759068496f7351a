"""How much of what happened insights tell, and how often they tell of nothing.

    python benchmarks/insights.py [NOISE_WORLDS] [PLANTED_WORLDS]

A world is a made-up vendor of twelve months: 6 to 120 tenants of very different size in three tiers, ten services,
eight features. Costs and revenue are noisy by 2 to 6 percent a tenant, service and feature; the noise remembers the
month before (0 to 0.6, other in each world), and in a third of the worlds it has heavy tails (Student's with 3 degrees
of freedom). All grow together, by -1 to 5 percent a month; that all grow is no false headline of the total. In a noise
world nothing else happens. In a planted world one thing does, of a size that one would want to know of (PLANTS).

Beside it, in the same worlds and with the same least amount: whoever changed by more than 20 percent against the month
before, and whoever is more than 3 standard deviations off the months before. Each looks at the newest month; what
happened earlier counts as told where it would have been told in its month.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from tenantry.kernel.time import next_month
from tenantry.methods.insight import Concentration, Daily, Figures, Finding, Subject, ranked, told_once
from tenantry.methods.insight.claims import claims, floor_of
from tenantry.methods.insight.findings import findings

MONTHS = 12
SERVICES, FEATURES, TIERS = 10, 8, ("basic", "pro", "enterprise")
STARTS = tuple(date(2025 + (3 + m) // 12, (3 + m) % 12 + 1, 1) for m in range(MONTHS))
DAYS = np.array([(next_month(first) - first).days for first in STARTS])


@dataclass
class World:
    """tenant x service x month cost and use, tenant x month revenue, feature x month parts of cost."""

    rng: np.random.Generator
    growth: float
    cost: np.ndarray
    units: np.ndarray
    revenue: np.ndarray
    features: np.ndarray
    tiers: list[str]
    year_before: np.ndarray
    """cost and revenue of all x month"""
    weekend: dict[int, float] = field(default_factory=dict)

    def figures(self) -> Figures:
        money = lambda rows: tuple(Decimal(f"{x:.6f}") for x in rows)  # noqa: E731
        cost, paid = self.cost.sum(axis=1), self.revenue
        used = (self.units * self.cost.mean(axis=(0, 2))[None, :, None]).sum(axis=1)
        tenants = [
            Subject("tenant", f"t{i:03}", money(cost[i]), money(paid[i]), money(used[i]), tier=self.tiers[i])
            for i in range(len(cost))
        ]
        exact = lambda rows: tuple(sum(month, Decimal(0)) for month in zip(*rows, strict=True))  # noqa: E731
        tiers = [
            Subject("tier", t, exact([s.cost for s in own]), exact([s.revenue for s in own]))
            for t in TIERS
            if (own := [s for s in tenants if s.tier == t])
        ]
        services = [
            Subject(
                "service",
                f"s{j}",
                money(self.cost[:, j].sum(axis=0)),
                units=money(self.units[:, j].sum(axis=0)),
            )
            for j in range(SERVICES)
        ]
        features = [
            Subject("feature", f"f{k}", money(row * cost.sum(axis=0))) for k, row in enumerate(self.features)
        ]
        total = Subject("total", "", exact([s.cost for s in tenants]), exact([s.revenue for s in tenants]))
        share = paid / paid.sum(axis=0)
        top = money(np.sort(paid, axis=0)[-5:].sum(axis=0))
        return Figures(
            "USD", STARTS, 0, (total, *tiers, *tenants, *services, *features), tuple(self._days()),
            Concentration(tuple((share**2).sum(axis=0)), top),
            Subject("total", "", money(self.year_before[0]), money(self.year_before[1])),
        )  # fmt: skip

    def _days(self) -> Iterator[Daily]:
        """26 weeks of each service: working days and weekends differ in use, and cost follows it."""
        end = next_month(STARTS[-1])
        weekday = np.array([(end - timedelta(days=182 - d)).weekday() for d in range(182)])
        for j in range(SERVICES):
            use = np.where(weekday < 5, 1.0, 0.5) * np.exp(0.05 * self.rng.standard_normal(182))
            price = np.exp(0.04 * self.rng.standard_normal(182)) * np.where(
                weekday < 5, 1.0, self.weekend.get(j, 1.0)
            )
            size = self.cost[:, j, -6:].sum() / 182
            cost, units = (
                tuple(Decimal(f"{x:.6f}") for x in row) for row in (use * price * size, use * size)
            )
            yield Daily("service", f"s{j}", cost, units)


def world(seed: int) -> World:
    rng = np.random.default_rng(seed)
    count, memory, heavy = int(rng.integers(6, 121)), rng.uniform(0, 0.6), seed % 3 == 0
    growth = rng.uniform(-0.01, 0.05)

    def noise(*shape: int) -> np.ndarray:
        size = (*shape, MONTHS + 12)
        made = rng.standard_t(3, size) / 3**0.5 if heavy else rng.standard_normal(size)
        for m in range(1, size[-1]):
            made[..., m] = memory * made[..., m - 1] + (1 - memory**2) ** 0.5 * made[..., m]
        return np.exp(made[..., 12:] * rng.uniform(0.02, 0.06, size=(*shape, 1)))

    together = np.exp(growth * np.arange(MONTHS)) * np.exp(0.01 * rng.standard_normal(MONTHS))
    sizes = rng.lognormal(0, 1.2, count) * 300
    parts = rng.dirichlet(np.full(SERVICES, 2.0)) + rng.dirichlet(np.full(SERVICES, 8.0), count)
    units = sizes[:, None, None] * (parts / 2)[:, :, None] * together * noise(count)[:, None, :]
    units = units * (DAYS / 30.4)
    cost = units * noise(SERVICES)
    revenue = sizes[:, None] * rng.lognormal(0.6, 0.3, count)[:, None] * together * noise(count)
    features = rng.dirichlet(np.full(FEATURES, 3.0))[:, None] * noise(FEATURES)
    tiers = [TIERS[int(t)] for t in rng.choice(3, count, p=(0.6, 0.3, 0.1))]
    means = np.array([[(cost * 30.4 / DAYS).sum()], [revenue.sum()]]) / MONTHS
    before = (
        means
        * np.exp(growth * (np.arange(MONTHS) - MONTHS))
        * np.exp(0.02 * rng.standard_normal((2, MONTHS)))
    )
    before[0] *= DAYS / 30.4
    return World(rng, growth, cost, units, revenue, features / features.sum(axis=0), tiers, before)


# --- what happens ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plant:
    """What happened: whom it is about, as what it may be told, from which month on, and up or down."""

    kind: str
    level: str
    names: frozenset[str]
    told_as: frozenset[str]
    month: int | None


_MOVES = "level trend usage_without_revenue margin"


def _plant(kind: str, level: str, name: str, told_as: str, month: int | None = None) -> Plant:
    return Plant(kind, level, frozenset({name}), frozenset(told_as.split()), month)


def _someone(w: World) -> int:
    """One of the larger tenants, but not the largest."""
    order = np.argsort(-w.cost.sum(axis=(1, 2)))
    return int(order[w.rng.integers(1, 6)])


def _when(w: World) -> int:
    return int(w.rng.integers(3, MONTHS - 2))


def cost_level(w: World) -> Plant:
    i, m = _someone(w), _when(w)
    w.cost[i, :, m:] *= 1.7
    w.units[i, :, m:] *= 1.7
    return _plant("a tenant costs 70 % more", "tenant", f"t{i:03}", _MOVES, m)


def cost_trend(w: World) -> Plant:
    i = _someone(w)
    for rows in (w.cost, w.units):
        rows[i] *= np.exp(0.06 * np.arange(MONTHS))
    return _plant("a tenant costs 6 % more each month", "tenant", f"t{i:03}", _MOVES)


def cost_jump(w: World) -> Plant:
    i = _someone(w)
    w.cost[i, :, -1] *= 3
    w.units[i, :, -1] *= 3
    return _plant("a tenant costs three times as much last month", "tenant", f"t{i:03}",
                  "jump level trend usage_without_revenue margin")  # fmt: skip


def revenue_level(w: World) -> Plant:
    i, m = _someone(w), _when(w)
    w.revenue[i, m:] *= 0.6
    return _plant(
        "a tenant pays 40 % less", "tenant", f"t{i:03}", "level trend margin usage_without_revenue", m
    )


def unit_cost(w: World) -> Plant:
    j, m = int(np.argsort(-w.cost.sum(axis=(0, 2)))[w.rng.integers(0, 5)]), _when(w)
    w.cost[:, j, m:] *= 1.4
    return _plant("a service costs 40 % more a unit", "service", f"s{j}", "unit_cost level trend", m)


def mix_shift(w: World) -> Plant:
    k, m = int(w.rng.integers(0, FEATURES)), _when(w)
    w.features[k, m:] *= 1.7
    w.features /= w.features.sum(axis=0)
    return _plant("a feature takes 70 % more of the cost", "feature", f"f{k}", "mix", m)


def margin_slides(w: World) -> Plant:
    m = _when(w)
    of = int(w.rng.integers(0, 3))
    own = [i for i, t in enumerate(w.tiers) if t == TIERS[of]]
    w.cost[own, :, m:] *= 1.5
    w.units[own, :, m:] *= 1.5
    names = frozenset({TIERS[of], ""} | ({f"t{own[0]:03}"} if len(own) == 1 else set()))
    return Plant("a tier's margin falls", "tier", names, frozenset({"margin", "mix", "level", "trend"}), m)


def all_dearer(w: World) -> Plant:
    m = _when(w)
    w.cost[:, :, m:] *= 1.3
    return _plant("everything costs 30 % more", "total", "", "unit_cost level trend margin", m)


def joins(w: World) -> Plant:
    i, m = _someone(w), MONTHS - int(w.rng.integers(1, 4))
    w.cost[i, :, :m] = w.units[i, :, :m] = w.revenue[i, :m] = 0
    return _plant("a tenant comes", "tenant", f"t{i:03}", "new", m)


def leaves(w: World) -> Plant:
    i, m = _someone(w), MONTHS - int(w.rng.integers(1, 4))
    w.cost[i, :, m:] = w.units[i, :, m:] = w.revenue[i, m:] = 0
    return _plant("a tenant leaves", "tenant", f"t{i:03}", "lost", m)


def concentrates(w: World) -> Plant:
    i, m = int(np.argmax(w.revenue.sum(axis=1))), _when(w)
    w.revenue[i, m:] *= 2.0
    return Plant("the largest pays twice as much", "total", frozenset({"", f"t{i:03}"}),
                 frozenset(f"concentration mix {_MOVES}".split()), m)  # fmt: skip


def idle_weekends(w: World) -> Plant:
    j = int(np.argmax(w.cost.sum(axis=(0, 2))))
    w.weekend[j] = 1.5
    return _plant("a unit costs 50 % more at weekends", "service", f"s{j}", "day_of_week")


def season(w: World) -> Plant:
    high = np.where((np.arange(MONTHS) - w.rng.integers(0, MONTHS)) % MONTHS < 3, 1.4, 1.0)
    w.cost *= high
    w.units *= high
    w.year_before[0] *= high
    return _plant("three months cost 40 % more each year", "total", "", "season")


PLANTS: tuple[Callable[[World], Plant], ...] = (
    cost_level, cost_trend, cost_jump, revenue_level, unit_cost, mix_shift, margin_slides, all_dearer, joins, leaves,
    concentrates, idle_weekends, season,
)  # fmt: skip


# --- who tells -----------------------------------------------------------------------------------------


def told(figures: Figures) -> list[Finding]:
    found, _ = findings([figures])
    return ranked(told_once(found, lambda _big, _one: None))


def tells(found: list[Finding], plant: Plant) -> bool:
    return any(
        f.kind in plant.told_as
        and f.subject.name in plant.names
        and (
            plant.month is None or f.shape in (None, "trend") or abs(STARTS.index(f.since) - plant.month) <= 1
        )
        for f in found
    )


def rule_of_20_percent(values: np.ndarray) -> bool:
    return bool(abs(np.expm1(values[-1] - values[-2])) > 0.2)


def rule_of_3_sigma(values: np.ndarray) -> bool:
    return bool(abs(values[-1] - values[:-1].mean()) > 3 * values[:-1].std(ddof=1))


RULES = {"changed by 20 %": rule_of_20_percent, "3 sigma": rule_of_3_sigma}


def by_rule(figures: Figures, rule: Callable[[np.ndarray], bool], upto: int = MONTHS) -> set[tuple[str, str]]:
    """Whom a rule would name at the end of a month: cost, revenue of all subjects, where the change is worth it."""
    least, found = float(floor_of(figures)), set()
    for subject in figures.subjects:
        for amounts in (subject.cost, subject.revenue):
            values = np.array([float(a) for a in amounts[:upto]])
            if len(values) < 4 or not (values[-4:] > 0).all():
                if len(values) >= 2 and (values[-1] > 0) != (values[-2] > 0) and max(values[-2:]) >= least:
                    found.add((subject.level, subject.name))
                continue
            logs = np.log(values[values > 0])
            if rule(logs) and abs(values[-1] - values[:-1].mean()) >= least:
                found.add((subject.level, subject.name))
    return found


def _rule_tells(figures: Figures, rule: Callable[[np.ndarray], bool], plant: Plant) -> bool:
    months = [plant.month + 1] if plant.month is not None else range(4, MONTHS + 1)
    return any(name in plant.names for upto in months for _, name in by_rule(figures, rule, upto))


def of_noise(worlds: int, first: int = 0) -> dict[str, list[int]]:
    """By who tells, how many false headlines each noise world has in its newest month."""
    found: dict[str, list[int]] = defaultdict(list)
    for seed in range(first, first + worlds):
        figures = world(seed).figures()
        ours = [f for f in told(figures) if f.level != "total" or f.kind not in ("trend", "level", "jump")]
        found["insights"].append(len(ours))
        for name, rule in RULES.items():
            found[name].append(sum(level != "total" for level, _ in by_rule(figures, rule)))
    return found


def of_plants(worlds: int, first: int = 100_000) -> dict[str, Counter[str]]:
    """By who tells, how often each kind of event was told; `worlds` of each kind."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for number, plant in enumerate(PLANTS):
        for seed in range(first + number * worlds, first + (number + 1) * worlds):
            made = world(seed)
            event = plant(made)
            figures = made.figures()
            found["insights"][event.kind] += tells(told(figures), event)
            for name, rule in RULES.items():
                found[name][event.kind] += _rule_tells(figures, rule, event)
    return found


def main() -> int:
    noise, planted = (int(sys.argv[i]) if len(sys.argv) > i else n for i, n in ((1, 1000), (2, 40)))
    began = time.process_time()
    false = of_noise(noise)
    print(f"{noise} noise worlds, {len(claims(world(0).figures()))} tests in the first")
    for name, counts in false.items():
        some = sum(c > 0 for c in counts) / noise
        print(f"  {name:16} {sum(counts) / noise:8.3f} false headlines a month; in {some:.1%} of the months")
    recall = of_plants(planted)
    print(f"{planted} worlds of each event: told")
    for kind in recall["insights"]:
        row = "".join(f"{recall[name][kind] / planted:18.0%}" for name in false)
        print(f"  {kind:46}{row}")
    whole = {name: sum(recall[name].values()) / planted / len(PLANTS) for name in false}
    print(f"  {'all':46}" + "".join(f"{whole[name]:18.1%}" for name in false))
    print(f"{time.process_time() - began:.0f} s of processor time")
    kept = sum(false["insights"]) / noise <= 1 and whole["insights"] >= 0.9
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())

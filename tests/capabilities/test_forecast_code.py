"""Forecasts by code: tried, chosen by a person, held against the default at each build, and never in its way.

The vendor: twelve tenants whose cost grows by 6 % a month, with noise of their own. Our models do not carry growth on,
so code that does is truly better.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tenantry import app
from tenantry.datasets import Forecasts, Margin, TenantCost
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake, arrow_schema
from tenantry.errors import Kind, TenantryError
from tenantry.kernel import AccessRole, Code, Dataset, Principal
from tenantry.kernel.time import next_month
from tenantry.methods.forecast.candidate import Chosen
from tenantry.methods.forecast.outlook import outlooks
from tenantry.methods.forecast.rolling import Panel
from tenantry.runtime.plane import ControlPlane
from tenantry.runtime.records import Records
from tenantry.runtime.sandbox import Rooms
from tenantry.runtime.state import State

ADA = Principal("ada", role=AccessRole.OPERATOR)
ANN = Principal("ann", role=AccessRole.ANALYST)
TENANTS = 12
GROWS = """
def forecast(series, horizon):
    out = []
    for s in series:
        values = s["values"]
        if values[0] <= 0 or values[-1] <= 0:
            out.append(s["default"])
            continue
        rate = (values[-1] / values[0]) ** (1 / (len(values) - 1))
        out.append([values[-1] * rate ** (k + 1) for k in range(horizon)])
    return out
"""
FIRST = date(2025, 1, 1)
BASES = ("billed_cost", "effective_cost", "list_cost", "contracted_cost")


def month_after(count: int) -> date:
    month = FIRST
    for _ in range(count):
        month = next_month(month)
    return month


class World:
    """A vendor's lake, of which margins are put and forecasts built, with a control plane that has a sandbox."""

    def __init__(self, folder: Path) -> None:
        self.engine = DuckDB(Lake(folder / "lake"), "1GB")
        self.state = State(f"sqlite:///{folder / 'state.db'}")
        records = Records(self.state, self.engine, app.catalog())
        self.plane = ControlPlane(
            self.engine, app.catalog(), lambda _: {}, lambda _: {}, lambda: datetime(2026, 9, 1, tzinfo=UTC),
            {"sandbox": Rooms(seconds=0.6, memory_mb=64)}, lambda: records, lambda: True,
        )  # fmt: skip
        self.there = 0

    def months(self, count: int, then: float = 1.06) -> World:
        """Land the months up to `count`, of which those after the 16th grow by `then` instead, and build."""
        dice = np.random.default_rng(7)
        rows: dict[type[Dataset], list[Dataset]] = {Margin: [], TenantCost: []}
        for k in range(count):
            months = month_after(k)
            for n in range(TENANTS):
                size = (100 + 40 * n) * (1.06 ** min(k, 16) * then ** max(0, k - 16))
                noise = np.exp(dice.normal(0, 0.015, 2)) if k < 16 else np.ones(2)
                cost, revenue = (Decimal(f"{size * part:.2f}") for part in noise * [1, 2])
                if k >= self.there:
                    rows[Margin].append(Margin(
                        month=months, tenant_id=f"t{n:02}", tier="ab"[n % 2], plan="p", currency="USD", revenue=revenue,
                        effective_cost=cost, margin=revenue - cost, margin_ratio=None, confidence=1,
                    ))  # fmt: skip
        last = month_after(count) - date.resolution
        rows[TenantCost].append(TenantCost(
            charge_day=last, billing_period=last.replace(day=1), tenant_id="t00", service_name="s", pool="p",
            rung="silo", reason="r", currency="USD", corrects=None, confidence=1, **dict.fromkeys(BASES, Decimal(1)),
        ))  # fmt: skip
        for dataset, new in rows.items():
            table = pa.Table.from_pylist([row.model_dump() for row in new], arrow_schema(dataset))
            days = sorted({str(getattr(row, dataset.partition)) for row in new})
            with self.engine.registered("rows", table):
                files = self.engine.write(dataset, "SELECT * FROM rows", days)
            self.engine.lake.commit(dataset, files, replaces=set(days))
        self.there = count
        return self.build()

    def build(self) -> World:
        """The forecasts alone, of the margins that are there."""
        self.plane.builder._build(Forecasts, lambda *_: None)  # noqa: SLF001
        return self

    def ask(self, tool: str, principal: Principal = ADA, **arguments: Any) -> Any:
        return self.plane.runtime.call("cost_forecast", tool, arguments, principal, approved=True).data

    def accepted(self, code: str) -> str:
        [trial] = self.ask("try_method", ANN, code=code)
        assert trial.accepted, trial
        return trial.method

    def forecasts(self) -> list[Any]:
        self.engine.attach([Forecasts])
        return self.engine.query(f"SELECT * FROM {Forecasts.table()} ORDER BY ALL")

    def newest(self) -> list[Any]:
        rows = self.forecasts()
        last = max(r.origin for r in rows)
        return [r for r in rows if r.origin == last]


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    found = World(tmp_path).months(16)
    yield found
    found.state.close()


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    """For tests that choose nothing."""
    found = World(tmp_path_factory.mktemp("still")).months(14)
    yield found
    found.state.close()


def coherent(rows: list[Any]) -> bool:
    """Tenants add up to tiers, tiers to the total, revenue less cost to margin."""
    sums: dict[Any, Any] = defaultdict(int)
    margins: dict[Any, Any] = defaultdict(int)
    for row in rows:
        sums[row.level, row.origin, row.month, row.measure] += row.mean
        sign = {"margin": 1, "revenue": -1, "cost": 1}[row.measure]
        margins[row.level, row.key, row.origin, row.month] += sign * row.mean
    return not any(margins.values()) and all(
        sums["tenant", *place] == sums["tier", *place] == sums["total", *place]
        for _, *place in ((*key,) for key in sums)
    )


def methods_of(rows: list[Any]) -> set[str]:
    return {r.method for r in rows if r.level == "tenant"}


def notes_of(rows: list[Any]) -> set[str]:
    return {r.note or "" for r in rows if r.level == "tenant"}


def test_better_code_is_accepted_used_from_the_newest_month_on_and_stopped(world: World):
    before = world.forecasts()
    method = world.accepted(GROWS)
    with pytest.raises(TenantryError) as raised:
        world.plane.runtime.call("cost_forecast", "use_method", {"method": method}, ADA)
    assert raised.value.kind is Kind.APPROVAL_REQUIRED
    assert [m.state for m in world.ask("methods")] == ["in use", "accepted"]
    assert world.build().forecasts() == before

    world.ask("use_method", method=method)
    assert [m.state for m in world.ask("methods")] == ["accepted", "in use"]
    used = world.build().newest()
    assert methods_of(used) == {f"code {method}"}
    assert coherent(used)
    total = {(r.month): r for r in used if (r.level, r.measure) == ("total", "cost")}
    was = {r.month: r for r in before if (r.level, r.measure, r.origin) == ("total", "cost", used[0].origin)}
    assert all(total[month].mean > was[month].mean and total[month].wape < was[month].wape for month in was)
    assert all(r.lo95 <= r.lo80 <= r.mean <= r.hi80 <= r.hi95 for r in used)
    assert [r for r in world.forecasts() if r.origin < used[0].origin] == [
        r for r in before if r.origin < used[0].origin
    ]

    world.ask("stop_method")
    assert world.build().forecasts() == before
    assert [m.state for m in world.ask("methods")] == ["in use", "accepted"]


def test_month_by_month_ends_where_all_at_once_does(tmp_path: Path, world: World):
    world.ask("use_method", method=world.accepted(GROWS))
    grown = world.build().months(17).forecasts()
    assert methods_of(world.newest()) == {"code " + world.ask("methods")[1].method}
    world.engine.lake.commit(Forecasts, [], notes={"statement": ""})
    assert world.build().forecasts() == grown


def panel_of(months: int) -> Panel:
    dice = np.random.default_rng(3)
    grown = np.outer(100 + 40 * np.arange(TENANTS), 1.06 ** np.arange(months))
    cost, revenue = (grown * np.exp(dice.normal(0, 0.015, grown.shape)) for _ in range(2))
    return Panel([f"t{n:02}" for n in range(TENANTS)], ["a", "b"] * (TENANTS // 2), cost, revenue)


@pytest.mark.parametrize(
    ("beyond", "why"),
    [
        ("while True: pass", "too much time"),
        ("x = 'x' * 10**9", "too much memory"),
        ("return forecast(series, horizon)", "too much depth"),
        ("raise ValueError('no')", "ValueError: no"),
        ("return [[float('nan')] * horizon for s in series]", "no amount"),
        ("return [[1e18] * horizon for s in series]", "come to more than"),
        ("return [s['default'] for s in series][1:]", "it must give 24 forecasts of 6 months"),
        ("import os; os.listdir('/')", "Permission denied"),
    ],
)
def test_code_that_breaks_only_in_the_build_gives_way_to_the_default_with_a_note(beyond: str, why: str):
    late = f"    if len(series[0]['values']) > 16:\n        {beyond}\n    out = []\n"
    code = Code(GROWS.replace("    out = []\n", late, 1))
    panel, sandbox = panel_of(17), Rooms(seconds=0.6, memory_mb=64)
    found = list(outlooks(panel, 16, 17, {16: Chosen(code, 16), 17: Chosen(code, 16)}, sandbox))
    default = list(outlooks(panel, 16, 17))
    used, broken = ([one for one in found if one.at == at] for at in (16, 17))
    assert {one.method for one in used if one.level == "tenant"} == {f"code {code.digest}"}
    assert all(f"code {code.digest} is not used" in (n := one.note or "") and why in n for one in broken)
    assert [replace(one, note=None) for one in broken] == [
        replace(one, note=None) for one in default if one.at == 17
    ]


def test_what_came_since_counts_alone(world: World):
    """Growth ends when the code is chosen: over the year it still wins, over what nobody had seen it fails."""
    world.ask("use_method", method=world.accepted(GROWS))
    fallen = world.build().months(19, then=0.9).newest()
    assert all("over the months since it was accepted" in note for note in notes_of(fallen))


def test_without_a_sandbox_the_default_is_used(world: World):
    world.ask("use_method", method=world.accepted(GROWS))
    world.plane.builder._told = {}  # noqa: SLF001 - as a build elsewhere has it
    assert all("there is no sandbox here" in note for note in notes_of(world.build().newest()))


@pytest.mark.parametrize(
    "code",
    [
        "def forecast(series, horizon): return [[float('inf')] * horizon for s in series]",
        "def forecast(series, horizon): return [[1.0] for s in series]",
        "def forecast(series, horizon): return [['1'] * horizon for s in series]",
        "def forecast(series, horizon): return {}",
        "def predict(series, horizon): return []",
        "def forecast(series): return []",
        "def forecast(series, horizon): return [s['future'] for s in series]",
        "def forecast(series, horizon): return [[[0.5] * horizon for s in series]] * 10000000",
        "not python",
        "x = 1\n" * 20_000,
    ],
)
def test_code_that_is_no_method_is_refused_in_words_and_nothing_is_kept(still: World, code: str):
    with pytest.raises(TenantryError) as raised:
        still.ask("try_method", code=code)
    assert raised.value.kind in {Kind.INVALID, Kind.LIMIT_EXCEEDED}
    assert raised.value.hint
    assert [m.method for m in still.ask("methods")] == ["default"]


def test_negative_amounts_stop_at_zero_and_what_is_no_better_is_kept_as_such(world: World):
    code = "def forecast(series, horizon): return [[-5.0] * horizon for s in series]"
    [trial] = world.ask("try_method", code=code)
    assert not trial.accepted
    assert trial.error > trial.default_error
    with pytest.raises(TenantryError) as raised:
        world.ask("use_method", method=trial.method)
    assert raised.value.kind is Kind.INVALID
    assert "is not at least 2% smaller" in raised.value.message
    with pytest.raises(TenantryError) as raised:
        world.ask("use_method", method=trial.method[:-1])
    assert raised.value.kind is Kind.NOT_FOUND
    with pytest.raises(TenantryError) as raised:
        world.ask("stop_method")
    assert raised.value.kind is Kind.INVALID


def test_code_sees_the_past_alone(still: World):
    """The last value of each series is that of the month that was over, whatever came later."""
    seen = "def forecast(series, horizon):\n    n = len(series[0]['values'])\n    assert all(len(s['values']) <= n for s in series)\n    assert sorted(series[0]) == ['default', 'level', 'measure', 'number', 'values'], sorted(series[0])\n    return [[float(n)] * horizon for s in series]"  # noqa: E501
    assert still.ask("try_method", code=seen)


def test_who_may(still: World):
    for who in (Principal("vic", role=AccessRole.VIEWER), Principal("kim", "t00", AccessRole.ANALYST)):
        with pytest.raises(TenantryError) as raised:
            still.ask("try_method", who, code=GROWS)
        assert raised.value.kind is Kind.FORBIDDEN
    with pytest.raises(TenantryError) as raised:
        still.ask("use_method", ANN, method="x")
    assert raised.value.kind is Kind.FORBIDDEN

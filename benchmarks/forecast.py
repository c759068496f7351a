"""Accuracy and coverage of forecasts on public monthly series, beside statsforecast's models in the same run.

The files are R data as their authors publish them, in one folder (argument, or TENANTRY_FORECAST_DATA): `M3.rda`,
`M1.rda` (robjhyndman/Mcomp), `hospital.rda` (robjhyndman/expsmooth), `tourism.rda` (ellisp/Tcomp-r-package), `PBS.rda`,
`aus_retail.rda` and `aus_livestock.rda` (tidyverts/tsibbledata). What is not there is left out.

Each series is cut to its last 12 (24) months before the test; the test is the next 6. OWA is against the last value
repeated, MASE scaled by the whole history's seasonal differences. Panels (one calendar for all series) are tested in
12 windows, half a year apart, and in the last alone. Exit code 1 where a bar is missed.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from rda import Vector, read_rda

from tenantry.methods.forecast.ensemble import forecast_points
from tenantry.methods.forecast.outlook import Outlook, outlooks
from tenantry.methods.forecast.rolling import Panel
from tenantry.methods.forecast.scores import owa

Floats = Any
HORIZON, SHORT, LONG, WINDOWS = 6, 12, 24, 12
CALENDAR = "PBS"
BARS = {"M3 OWA": 0.82, "80 % covers": (0.78, 0.84), "on data sets": 4, "1,000 tenants, CPU s": 30.0}


@dataclass(frozen=True)
class Series:
    """History before the test, and the test."""

    before: Floats
    after: Floats


def competition(path: Path) -> list[Series]:
    """The monthly series of M1, M3 or the tourism competition."""
    [found] = read_rda(path).values()
    return [
        Series(np.array(s["x"].values, float), np.array(s["xx"].values, float)[:HORIZON])
        for s in found.values
        if str(s["period"].values[0]).upper() == "MONTHLY"
    ]


def columns(path: Path) -> Floats:
    """Series x months of a matrix of time series."""
    [found] = read_rda(path).values()
    length, count = found.attributes["dim"].values
    return np.array(found.values, float).reshape(count, length)


def panel(path: Path, keys: Sequence[str], value: str) -> Floats:
    """Series x months of a table in long form: those that last all the time."""
    [found] = read_rda(path).values()
    months, amounts = found["Month"].values, np.array(found[value].values, float)
    series: dict[tuple[Any, ...], list[tuple[float, float]]] = defaultdict(list)
    for row, key in enumerate(zip(*(_texts(found[k]) for k in keys), strict=True)):
        series[key].append((months[row], amounts[row]))
    longest = max(map(len, series.values()))
    whole = [[v for _, v in sorted(s)] for s in series.values() if len(s) == longest]
    return np.array([s for s in whole if np.isfinite(s).all()])


def _texts(column: Vector) -> list[Any]:
    if "levels" not in column.attributes:
        return list(column.values)
    return [column.attributes["levels"].values[i - 1] for i in column.values]


def windows(series: Floats, first: int) -> Iterator[list[Series]]:
    """The last half year, and those before it, of the series that were positive all the time."""
    length = series.shape[1]
    for test in range(first, min(WINDOWS, (length - LONG) // HORIZON) + first):
        end = length - HORIZON * test
        seen = series[:, :end]
        lasting = (seen[:, -LONG - HORIZON :] > 0).all(axis=1)
        yield [Series(s[:-HORIZON], s[-HORIZON:]) for s in seen[lasting]]


def data_sets(folder: Path) -> Iterator[tuple[str, list[list[Series]]]]:
    """Name and windows of each set that is there; the newest window first."""
    for name in ("M3", "M1", "tourism"):
        if (folder / f"{name}.rda").exists():
            yield name, [competition(folder / f"{name}.rda")]
    panels = {
        "hospital": columns,
        "PBS": lambda p: panel(p, ("Concession", "Type", "ATC1", "ATC2"), "Cost"),
        "aus_retail": lambda p: panel(p, ("State", "Industry"), "Turnover"),
        "aus_livestock": lambda p: panel(p, ("Animal", "State"), "Count"),
    }
    for name, read in panels.items():
        if (folder / f"{name}.rda").exists():
            yield name, list(windows(read(folder / f"{name}.rda"), 0))


def run_set(series: list[Series], length: int) -> dict[str, Any]:
    """OWA of the method and its parts, coverage and CPU seconds per 1,000 series, of the last `length` months."""
    series = [s for s in series if len(s.before) >= max(length, 24)]
    before = np.array([s.before[-length:] for s in series])
    after = np.array([s.after for s in series])
    typical = np.array([np.mean(np.abs(s.before[12:] - s.before[:-12])) for s in series])
    naive = np.repeat(before[:, -1:], HORIZON, axis=1)
    began = process_time()
    mean = forecast_points(before, HORIZON).mean
    point_seconds = process_time() - began
    began = process_time()
    told = _told(before, length)
    seconds = process_time() - began
    inside = {
        level: float(np.mean([_inside(o, level, after[int(o.key)]) for o in told])) for level in (0.8, 0.95)
    }
    return {
        "series": len(series),
        "owa": owa(mean, naive, after, typical),
        "snaive": owa(before[:, -12:][:, :HORIZON], naive, after, typical),
        "cover80": inside[0.8],
        "cover95": inside[0.95],
        "warns": any("shock" in (o.note or "") for o in told),
        "cpu_points_1000": 1000 * point_seconds / len(series),
        "cpu_all_1000": 1000 * seconds / len(series),
    }


def _told(before: Floats, length: int) -> list[Outlook]:
    keys = [str(i) for i in range(len(before))]
    whole = Panel(keys, [""] * len(keys), before, np.zeros_like(before))
    return [o for o in outlooks(whole, length, length) if o.level == "tenant" and o.measure == "cost"]


def _inside(told: Outlook, level: float, came: Floats) -> float:
    assert told.bounds
    low, high = (np.array(b) / 1e6 for b in told.bounds[level])
    return float(np.mean((came >= low) & (came <= high)))


def statsforecast(series: list[Series], length: int) -> dict[str, Any]:
    """The same average of three by statsforecast, and its parts."""
    from statsforecast.models import AutoETS, DynamicOptimizedTheta

    series = [s for s in series if len(s.before) >= max(length, 24)]
    season = 1 if length < LONG else 12
    found: dict[str, Any] = {}
    before = np.array([s.before[-length:] for s in series])
    after = np.array([s.after for s in series])
    typical = np.array([np.mean(np.abs(s.before[12:] - s.before[:-12])) for s in series])
    naive = np.repeat(before[:, -1:], HORIZON, axis=1)
    made: dict[str, Any] = {"snaive": before[:, -12:][:, :HORIZON]}
    for name, model in (("ets", AutoETS), ("dot", DynamicOptimizedTheta)):
        began = process_time()
        made[name] = np.array([model(season_length=season).forecast(y=y, h=HORIZON)["mean"] for y in before])
        found[f"{name} cpu_1000"] = 1000 * (process_time() - began) / len(series)
    made["mean of three"] = sum(made.values()) / 3
    return {**{n: owa(m, naive, after, typical) for n, m in made.items()}, **found}


def thousand_tenants() -> float:
    """CPU seconds for 1,000 made-up tenants: cost, revenue and margin of 12 months, back-test and intervals."""
    dice = np.random.default_rng(7)
    size = np.exp(dice.normal(5, 1.5, (1000, 1)))
    cost = size * np.exp(np.cumsum(dice.normal(0, 0.08, (1000, 12)), axis=1))
    revenue = np.repeat(size * dice.uniform(1, 5, (1000, 1)), 12, axis=1)
    keys = [f"{i:04d}" for i in range(1000)]
    whole = Panel(keys, [("basic", "pro", "enterprise")[i % 3] for i in range(1000)], cost, revenue)
    began = process_time()
    told = list(outlooks(whole, 12, 12))
    seconds = process_time() - began
    must_add_up(told)
    return seconds


def must_add_up(told: list[Outlook]) -> None:
    """The total is the sum of tiers and of tenants, margin is revenue less cost, to the last unit."""
    sums = {
        (level, measure): [
            sum(o.mean[k] for o in told if (o.level, o.measure) == (level, measure)) for k in range(HORIZON)
        ]
        for level in ("tenant", "tier", "total")
        for measure in ("cost", "revenue", "margin")
    }
    for measure in ("cost", "revenue", "margin"):
        assert sums["tenant", measure] == sums["tier", measure] == sums["total", measure]
    for level in ("tenant", "tier", "total"):
        rows = zip(sums[level, "revenue"], sums[level, "cost"], sums[level, "margin"], strict=True)
        assert all(r - c == m for r, c, m in rows)


def main(arguments: Sequence[str]) -> int:
    folder = Path(arguments[0] if arguments else os.environ.get("TENANTRY_FORECAST_DATA", "build/forecast"))
    found: dict[str, Any] = {}
    for name, tests in data_sets(folder):
        for length in (SHORT, LONG):
            runs = [run_set(test, length) for test in tests]
            one = {**runs[0], "windows": len(runs)}
            for figure in ("owa", "cover80", "cover95"):
                one[f"{figure}_all"] = float(np.mean([r[figure] for r in runs]))
            try:
                one["statsforecast"] = statsforecast(tests[0], length)
            except ImportError:
                one["statsforecast"] = None
            found[f"{name} {length}"] = one
            print(f"{name:>14} {length}: {_line(one)}", flush=True)
    if not found:
        print(f"no data in {folder}: see the head of {__file__}", file=sys.stderr)
        return 2
    found["1,000 tenants, CPU s"] = thousand_tenants()
    print(
        f"1,000 tenants of 12 months, three measures, back-test, intervals: {found['1,000 tenants, CPU s']:.1f} CPU s"
    )
    Path("build").mkdir(exist_ok=True)
    Path("build/bench-forecast.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    missed = _missed(found)
    print("\n".join(missed) or "every bar is met")
    return 1 if missed else 0


def _line(one: dict[str, Any]) -> str:
    beside = one["statsforecast"]
    theirs = (
        "" if beside is None else " | statsforecast " + ", ".join(f"{k} {v:.3f}" for k, v in beside.items())
    )
    return (
        f"{one['series']} series, OWA {one['owa']:.3f} ({one['owa_all']:.3f} in {one['windows']} windows),"
        f" 80 % covers {one['cover80']:.3f} ({one['cover80_all']:.3f}), 95 % {one['cover95']:.3f}"
        f" ({one['cover95_all']:.3f}), {'warns' if one['warns'] else 'no warning'}, CPU s per 1,000:"
        f" {one['cpu_points_1000']:.2f} points, {one['cpu_all_1000']:.1f} all{theirs}"
    )


def _missed(found: dict[str, Any]) -> list[str]:
    low, high = BARS["80 % covers"]
    short = {name.removesuffix(" 12"): one for name, one in found.items() if name.endswith(" 12")}
    covered = [name for name, one in short.items() if low <= round(one["cover80_all"], 3) <= high]
    checks = {
        f"M3 OWA at most {BARS['M3 OWA']}": short.get("M3", {"owa": 9})["owa"] <= BARS["M3 OWA"],
        f"80 % covers {low} to {high} on {BARS['on data sets']} sets: {covered}": len(covered)
        >= BARS["on data sets"],
        f"{CALENDAR} warns": short.get(CALENDAR, {"warns": False})["warns"],
        "1,000 tenants in 30 CPU s": found["1,000 tenants, CPU s"] < BARS["1,000 tenants, CPU s"],
    }
    return [f"missed: {name}" for name, met in checks.items() if not met]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

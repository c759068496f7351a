"""Our allocation beside raw decoding, hand-written SQL and three other engines, in one run, against the bars.

Every step runs in a process of its own, whose peak memory is measured with it. Rounds go through all steps in turn, so
a machine that slows down slows all of them; figures are medians over the rounds, bars are ratios within the run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter

from generate import Size

HERE = Path(__file__).parent
EVENTS, BILL_ROWS, TENANTS = 100_000_000, 2_000_000, 2_000
BIG_BILL_EVENTS, BIG_BILL_ROWS, BIG_BILL_TENANTS = 10_000_000, 10_000_000, 5_000
MONTH_STEPS = ("decode", "hand_1", "hand_4", "hand_cube", "polars", "datafusion", "chdb", "build")


@dataclass
class Figures:
    """What was measured: seconds by name, one for each round; peak memory by step, in GiB; facts of any kind."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    peak: dict[str, float] = field(default_factory=dict)
    facts: dict[str, object] = field(default_factory=dict)

    def of(self, name: str) -> float | None:
        """The median; None where it was not measured."""
        return median(self.seconds[name]) if self.seconds.get(name) else None


@dataclass(frozen=True)
class Bar:
    """A target: `figure` of what was measured, at most (or below) `limit`."""

    what: str
    figure: Callable[[Figures], float | None]
    limit: float
    unit: str = "x"


def _ratio(above: str, below: str) -> Callable[[Figures], float | None]:
    def figure(figures: Figures) -> float | None:
        over, under = figures.of(above), figures.of(below)
        return over / under if over and under else None

    return figure


def _peak(figures: Figures) -> float | None:
    ours = [figures.peak[step] for step in ("land", "build", "build_bill") if step in figures.peak]
    return max(ours, default=None)


MONTH = "ours, month"
OFF = "ours: sums that differ from the bill"

BARS = (
    Bar("ours from events / by hand from events, one basis", _ratio(MONTH, "hand 1"), 1.3),
    Bar("ours from events / by hand from events, four bases as ours", _ratio(MONTH, "hand 4"), 1.3),
    Bar(
        "ours from the cube / by hand from the cube, four bases",
        _ratio("ours, month: allocation", "hand cube"),
        1.3,
    ),
    Bar("ours from events / decode of the same columns (aim 3)", _ratio(MONTH, "decode"), 4),
    Bar("ours from events / Polars", _ratio(MONTH, "polars"), 1),
    Bar("ours from events / DataFusion", _ratio(MONTH, "datafusion"), 1),
    Bar("ours from events / chDB", _ratio(MONTH, "chdb"), 1),
    Bar("one changed day / the month, to the allocation", _ratio("ours, day", MONTH), 1 / 15),
    Bar(
        "one changed day / the month, to cost per tenant",
        _ratio("ours, day: all", "ours, month: all"),
        1 / 15,
    ),
    Bar(
        "10 M bill rows, 5,000 tenants, from landing to tenants",
        lambda f: f.of("ours, big bill: all"),
        60,
        "s",
    ),
    Bar("peak memory of ours", _peak, 6, "GiB"),
    Bar("import tenantry", lambda f: f.of("import tenantry"), 0.3, "s"),
    Bar("tenantry --help", lambda f: f.of("tenantry --help"), 0.5, "s"),
)


class Bench:
    """Runs steps on a made month in a folder and keeps what they measure."""

    def __init__(self, folder: Path, size: Size, threads: int, figures: Figures) -> None:
        self.folder, self.size, self.threads, self.figures = folder, size, threads, figures
        self.scratch = folder / "scratch"

    def step(self, name: str) -> Mapping[str, float]:
        """Run a step in its own process. A step that fails ends the run: half a comparison misleads."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        arguments = [
            name,
            str(self.folder),
            str(self.scratch),
            str(self.threads),
            json.dumps(asdict(self.size)),
        ]
        print(f"  {name} …", end="", flush=True, file=sys.stderr)
        began = perf_counter()
        child = subprocess.Popen([sys.executable, str(HERE / "steps.py"), *arguments], stdout=subprocess.PIPE)
        output = child.stdout.read() if child.stdout else b""
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        print(f" {perf_counter() - began:.1f} s", file=sys.stderr)
        if child.returncode:
            raise SystemExit(f"the step {name} failed")
        self.figures.peak[name] = max(self.figures.peak.get(name, 0), used.ru_maxrss / 2**20)
        return json.loads(output.splitlines()[-1])

    def timed(self, name: str) -> None:
        for figure, seconds in self.step(name).items():
            self.figures.seconds[figure].append(seconds)


def month(options: argparse.Namespace, figures: Figures) -> None:
    """100 M events x 2 M bill rows: every engine, round by round; then whether they agree."""
    size = Size(int(EVENTS * options.scale), int(BILL_ROWS * options.scale), TENANTS, options.days)
    bench = Bench(options.folder / "month", size, options.threads, figures)
    steps = [s for s in MONTH_STEPS if not options.only or s in options.only]
    bench.step("make")
    if "build" in steps:
        bench.step("land")
    for round_ in range(options.rounds):
        print(f"round {round_ + 1} of {options.rounds}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
        for step in steps:
            bench.timed(step)
    if "hand_4" in steps:
        figures.facts |= bench.step("agree")


def big_bill(options: argparse.Namespace, figures: Figures) -> None:
    """10 M hourly and daily bill rows x 5,000 tenants, by ours alone."""
    events, rows = int(BIG_BILL_EVENTS * options.scale), int(BIG_BILL_ROWS * options.scale)
    size = Size(events, rows, BIG_BILL_TENANTS, options.days, daily_part=0.5)
    bench = Bench(options.folder / "bill", size, options.threads, figures)
    bench.step("make")
    bench.step("land")
    for _ in range(options.rounds):
        bench.timed("build_bill")


def start_up(figures: Figures) -> None:
    """Seconds until a process that does next to nothing ends, five times each."""
    commands = {
        "python": ["-c", "pass"],
        "import tenantry": ["-c", "import tenantry"],
        "tenantry --help": ["-m", "tenantry", "--help"],
    }
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for round_ in range(6):
        for name, command in commands.items():
            began = perf_counter()
            subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL, env=compiled)
            if round_:  # the first writes the bytecode
                figures.seconds[name].append(perf_counter() - began)


def report(figures: Figures, *, full: bool) -> bool:
    """Print the figures and the bars; True where no bar is missed and all agree."""
    print(f"\n{'seconds (median)':<34}{'wall':>9}{'processor':>11}{'rounds':>26}")
    for name, rounds in figures.seconds.items():
        if not name.endswith(" cpu"):
            cpu = figures.of(f"{name} cpu")
            each = " ".join(f"{seconds:.2f}" for seconds in rounds)
            print(f"{name:<34}{median(rounds):>9.2f}{'' if cpu is None else f'{cpu:.2f}':>11}{each:>26}")
    print(f"\n{'peak memory':<34}{'GiB':>9}")
    for name, gib in figures.peak.items():
        print(f"{name:<34}{gib:>9.2f}")
    print()
    for name, fact in figures.facts.items():
        print(f"{name:<46}{fact!s:>26}")
    met = not any(fact is False for fact in figures.facts.values()) and not figures.facts.get(OFF)
    print(f"\n{'bar':<62}{'figure':>12}{'at most':>10}")
    for bar in BARS:
        figure = bar.figure(figures)
        if figure is not None:
            passed = figure <= bar.limit
            met &= passed
            shown = "" if passed else "   MISSED"
            print(f"{bar.what:<62}{figure:>9.3f} {bar.unit:<3}{bar.limit:>9.3f}{shown}")
    if not full:
        print("\nThe bars are meant for --scale 1 and 30 days: at another size they say little.")
    return met


def options_from(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Speed against the bars of the design.")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="part of the full size (default 1: 100 M events)"
    )
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3, help="figures are medians over them (default 3)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 2)
    parser.add_argument(
        "--only",
        nargs="+",
        choices=[*MONTH_STEPS, "bill", "start"],
        help="these steps alone; hand_4 brings the check that all agree",
    )
    parser.add_argument("--folder", type=Path, help="where the made data stays (default: a temporary folder)")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"), help="where all figures go")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 where, at full size, a bar is missed or contenders disagree."""
    options = options_from(arguments)
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        options.folder = options.folder or Path(temporary)
        if not options.only or set(options.only) & set(MONTH_STEPS):
            month(options, figures)
        if not options.only or "bill" in options.only:
            big_bill(options, figures)
        if not options.only or "start" in options.only:
            start_up(figures)
    full = options.scale == 1 and options.days == 30
    met = report(figures, full=full)
    asked = {name: str(value) for name, value in vars(options).items()}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"options": asked, **vars(figures)}, indent=1) + "\n")
    return 0 if met or not full else 1


if __name__ == "__main__":
    raise SystemExit(main())

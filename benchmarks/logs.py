"""How fast access logs are read, beside DuckDB's own `read_csv` of the same columns in the same run.

    python benchmarks/logs.py [--lines N] [--rounds N] [--folder DIR]

Two logs are made up, combined and AWS ALB: lines of one hour, 1,800 paths by Zipf's law, 24 tenants by host, a
tenth with a query. `ours` is the whole of landing: layout, digest, lines, quarantine, `access_hours` committed.
`requests` is that and what is made of it. Figures are thousands of lines per processor second, which a busy machine
changes least; each step is a process of its own, imports outside the clock.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

import duckdb
import pyarrow as pa

from tenantry.datasets import DATASETS, Requests
from tenantry.datasets.default_policy import settings_from
from tenantry.engine.build import Builder
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.kernel import Catalog
from tenantry.runtime.ingest import ingest
from tenantry.sources import SOURCES

FEATURES = ("orders", "invoices", "users", "reports", "search", "files")
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/{}.0.0.0 Safari/537.36"
BOT = "Googlebot/2.1 (+http://www.google.com/bot.html)"
AGENTS = [*map(BROWSER.format, range(90, 130)), "curl/8.5.0", "python-requests/2.31.0", BOT]
NOW = datetime(2026, 10, 2, tzinfo=UTC)
# What our mapping reads of each: fields that stand between spaces or quotes, counted from nought.
READ = {"combined": (10, (3, 5, 6, 7, 9)), "alb": (34, (1, 5, 6, 7, 8, 10, 11, 12, 13, 17, 18))}


def make(folder: Path, lines: int) -> None:
    """Writes both logs."""
    dice = random.Random(7)
    paths = [
        f"/v1/{f}{p}" for f in FEATURES for p in ("", *(f"/{dice.randrange(10**6)}" for _ in range(300)))
    ] * 2
    dice.shuffle(paths)
    asked = dice.choices(
        paths, cum_weights=list(accumulate(1 / (n + 20) for n in range(len(paths)))), k=lines
    )
    who = dice.choices(range(24), cum_weights=list(accumulate(1 / (n + 3) for n in range(24))), k=lines)
    with (folder / "combined.log").open("w") as combined, (folder / "alb.log").open("w") as alb:
        for n, (path, tenant) in enumerate(zip(asked, who, strict=True)):
            at = NOW - timedelta(days=1) + timedelta(seconds=n * 3600 / lines)
            method = dice.choice(("GET", "GET", "GET", "POST"))
            query = "" if dice.random() < 0.9 else f"?page={n % 9}"
            status, size = dice.choice((200, 200, 200, 200, 201, 404, 500)), dice.randrange(100, 90_000)
            agent = dice.choice(AGENTS)
            combined.write(
                f'10.0.{n % 250}.{n % 97} - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "{method} {path}{query} HTTP/1.1"'
                f' {status} {size} "https://t{tenant}.example.com/app" "{agent}"\n'
            )
            alb.write(
                f"https {at:%Y-%m-%dT%H:%M:%S}.{n % 10**6:06}Z app/prod/50dc6c495c0c9188 192.0.2.{n % 250}:{n % 60000}"
                f" 10.0.0.{n % 250}:80 0.000 0.{n % 997:03} 0.000 {status} {status} 300 {size}"
                f' "{method} https://t{tenant}.example.com:443{path}{query} HTTP/1.1" "{agent}"'
                " ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2"
                " arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/prod/73e2d6bc24d8a067"
                f' "Root=1-58337262-36d228ad5d99923122bbe354" "t{tenant}.example.com"'
                ' "arn:aws:acm:us-east-2:123456789012:certificate/12345678-1234-1234-1234-123456789012" 0'
                f' {at:%Y-%m-%dT%H:%M:%S}.{n % 10**6:06}Z "forward" "-" "-" "10.0.0.1:80" "{status}" "-" "-"'
                ' TID_1234abcd5678ef90 "-" "-" "-"\n'
            )


def read_csv(log: Path) -> None:
    """DuckDB's reader: what our mapping looks at, each column's maximum."""
    width, read = READ[log.stem]
    columns = ", ".join(f"'c{n}': 'VARCHAR'" for n in range(width))
    duckdb.sql(
        f"SELECT {', '.join(f'max(c{n})' for n in read)} FROM read_csv('{log}', delim = ' ', quote = '\"', escape = '',"
        f" header = false, auto_detect = false, null_padding = true, columns = {{{columns}}})"
    ).fetchall()


def ours(log: Path) -> None:
    """The log landed."""
    with tempfile.TemporaryDirectory(dir=log.parent) as lake:
        ingest(DuckDB(Lake(Path(lake))), SOURCES, [str(log)], NOW)


def requests(log: Path) -> None:
    """The log landed and `requests` built."""
    with tempfile.TemporaryDirectory(dir=log.parent) as lake:
        engine = DuckDB(Lake(Path(lake)))
        ingest(engine, SOURCES, [str(log)], NOW)
        catalog = Catalog(capabilities=(), sources=SOURCES, datasets=DATASETS)
        Builder(engine, catalog, settings_from({})).build([Requests])


STEPS: dict[str, Callable[[Path], None]] = {"read_csv": read_csv, "ours": ours, "requests": requests}


def timed(step: str, log: Path) -> tuple[float, float]:
    """Processor seconds and peak memory in MB of a step in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--step", step, "--log", str(log)],
        check=True,
        capture_output=True,
        text=True,
    )
    return tuple(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--lines", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--folder", type=Path)
    arguments.add_argument("--step", choices=STEPS)
    arguments.add_argument("--log", type=Path)
    given = arguments.parse_args()
    if given.step:
        pa.array([1])  # where pandas is installed, pyarrow imports it with the first array
        began = time.process_time()
        STEPS[given.step](given.log)
        spent = time.process_time() - began
        print(json.dumps([spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000]))
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        make(Path(folder), given.lines)
        print(f"{'log':10}{'step':10}{'k lines/CPU-s':>15}{'of read_csv':>13}{'peak MB':>9}")
        for log in ("combined", "alb"):
            rounds = [
                {step: timed(step, Path(folder, f"{log}.log")) for step in STEPS} for _ in range(given.rounds)
            ]
            for step in STEPS:
                speed = statistics.median(given.lines / one[step][0] / 1000 for one in rounds)
                ratio = statistics.median(one["read_csv"][0] / one[step][0] for one in rounds)
                peak = max(one[step][1] for one in rounds)
                print(f"{log:10}{step:10}{speed:15,.0f}{ratio:13.2f}{peak:9,.0f}")


if __name__ == "__main__":
    main()

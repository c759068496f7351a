"""How fast access logs are read, beside DuckDB's own `read_csv` of the same columns in the same run.

    python benchmarks/logs.py [--lines N] [--rounds N] [--folder DIR] [--formats FORMAT,FORMAT]

Logs are made up, by default combined and AWS ALB: lines of one hour, 1,800 paths by Zipf's law, 24 tenants by host, a
tenth with a query. Others are ingress-nginx, Envoy, CloudFront and API Gateway's JSON, which `read_csv` does not read.
`ours` is the whole of landing: layout, digest, lines, quarantine, `access_hours` committed. `requests` is that and what
is made of it. Figures are thousands of lines per processor second, which a busy machine changes least; each step is a
process of its own, imports outside the clock.
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
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

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
READ = {
    "combined": (" ", 10, (3, 5, 6, 7, 9)),
    "alb": (" ", 34, (1, 5, 6, 7, 8, 10, 11, 12, 13, 17, 18)),
    "nginx": (" ", 19, (3, 5, 6, 7, 9, 10, 11, 18)),
    "envoy": (" ", 13, (0, 1, 2, 4, 5, 6, 9, 10, 11)),
    "cloudfront": ("\t", 33, (0, 1, 3, 5, 7, 8, 10, 11, 14, 15, 17, 18)),
}
CLOUDFRONT = (
    "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent)"
    " cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken"
    " x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status"
    " fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len"
    " sc-range-start sc-range-end"
)


class Request(NamedTuple):
    """The nth request of a log."""

    n: int
    at: datetime
    method: str
    path: str
    query: str
    status: int
    size: int
    agent: str
    tenant: int

    @property
    def id(self) -> str:
        return f"{self.n * 2654435761 % 2**128:032x}"


def combined(r: Request) -> str:
    return (
        f'10.0.{r.n % 250}.{r.n % 97} - - [{r.at:%d/%b/%Y:%H:%M:%S} +0000] "{r.method} {r.path}{r.query} HTTP/1.1"'
        f' {r.status} {r.size} "https://t{r.tenant}.example.com/app" "{r.agent}"'
    )


def alb(r: Request) -> str:
    return (
        f"https {r.at:%Y-%m-%dT%H:%M:%S}.{r.n % 10**6:06}Z app/prod/50dc6c495c0c9188 192.0.2.{r.n % 250}:{r.n % 60000}"
        f" 10.0.0.{r.n % 250}:80 0.000 0.{r.n % 997:03} 0.000 {r.status} {r.status} 300 {r.size}"
        f' "{r.method} https://t{r.tenant}.example.com:443{r.path}{r.query} HTTP/1.1" "{r.agent}"'
        " ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2"
        " arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/prod/73e2d6bc24d8a067"
        f' "Root=1-58337262-36d228ad5d99923122bbe354" "t{r.tenant}.example.com"'
        ' "arn:aws:acm:us-east-2:123456789012:certificate/12345678-1234-1234-1234-123456789012" 0'
        f' {r.at:%Y-%m-%dT%H:%M:%S}.{r.n % 10**6:06}Z "forward" "-" "-" "10.0.0.1:80" "{r.status}" "-" "-"'
        ' TID_1234abcd5678ef90 "-" "-" "-"'
    )


def nginx(r: Request) -> str:
    took = f"0.{r.n % 997:03}"
    return f"{combined(r)} 300 {took} [default-web-80] [] 10.0.0.1:80 {r.size} {took} {r.status} {r.id}"


def envoy(r: Request) -> str:
    return (
        f'[{r.at:%Y-%m-%dT%H:%M:%S}.{r.n % 1000:03}Z] "{r.method} {r.path}{r.query} HTTP/1.1" {r.status} - 300 {r.size}'
        f' {r.n % 997} {r.n % 991} "10.0.35.{r.n % 250}" "{r.agent}" "{r.id[:8]}-cf5c-432b-8c7e-{r.id[:12]}"'
        f' "t{r.tenant}.example.com" "tcp://10.0.2.1:80"'
    )


def cloudfront(r: Request) -> str:
    said = (
        f"{r.at:%Y-%m-%d}", f"{r.at:%H:%M:%S}", "LAX1", r.size, f"192.0.2.{r.n % 250}", r.method,
        "d111111abcdef8.cloudfront.net", r.path, r.status, "-", r.agent.replace(" ", "%20"), r.query[1:] or "-", "-",
        "Hit", f"{r.id}==", f"t{r.tenant}.example.com", "https", 300, f"0.{r.n % 997:03}", "-", "TLSv1.2",
        "ECDHE-RSA-AES128-GCM-SHA256", "Hit", "HTTP/2.0", "-", "-", r.n % 60000, "0.001", "Hit", "text/html", r.size,
        "-", "-",
    )  # fmt: skip
    return "\t".join(map(str, said))


def api_gateway(r: Request) -> str:
    said = {
        "requestId": r.id, "ip": f"10.0.{r.n % 250}.{r.n % 97}", "requestTime": f"{r.at:%d/%b/%Y:%H:%M:%S} +0000",
        "httpMethod": r.method, "routeKey": "$default", "status": str(r.status), "protocol": "HTTP/1.1",
        "responseLength": str(r.size), "tenantId": f"t{r.tenant}", "path": r.path, "responseLatency": str(r.n % 997),
    }  # fmt: skip
    return json.dumps(said, separators=(",", ":"))


FORMATS: dict[str, Callable[[Request], str]] = {
    one.__name__: one for one in (combined, alb, nginx, envoy, cloudfront, api_gateway)
}


def make(folder: Path, lines: int, formats: Sequence[str]) -> None:
    """Writes a log of each of these formats, of the same requests."""
    dice = random.Random(7)
    paths = [
        f"/v1/{f}{p}" for f in FEATURES for p in ("", *(f"/{dice.randrange(10**6)}" for _ in range(300)))
    ] * 2
    dice.shuffle(paths)
    asked = dice.choices(
        paths, cum_weights=list(accumulate(1 / (n + 20) for n in range(len(paths)))), k=lines
    )
    who = dice.choices(range(24), cum_weights=list(accumulate(1 / (n + 3) for n in range(24))), k=lines)
    with ExitStack() as stack:
        logs = {name: stack.enter_context((folder / f"{name}.log").open("w")) for name in formats}
        if "cloudfront" in logs:
            logs["cloudfront"].write(f"#Version: 1.0\n#Fields: {CLOUDFRONT}\n")
        for n, (path, tenant) in enumerate(zip(asked, who, strict=True)):
            at = NOW - timedelta(days=1) + timedelta(seconds=n * 3600 / lines)
            method = dice.choice(("GET", "GET", "GET", "POST"))
            query = "" if dice.random() < 0.9 else f"?page={n % 9}"
            status, size = dice.choice((200, 200, 200, 200, 201, 404, 500)), dice.randrange(100, 90_000)
            request = Request(n, at, method, path, query, status, size, dice.choice(AGENTS), tenant)
            for name, log in logs.items():
                log.write(f"{FORMATS[name](request)}\n")


def read_csv(log: Path) -> None:
    """DuckDB's reader: what our mapping looks at, each column's maximum."""
    between, width, read = READ[log.stem]
    quote, skip = ("", 2) if between == "\t" else ('"', 0)
    columns = ", ".join(f"'c{n}': 'VARCHAR'" for n in range(width))
    duckdb.sql(
        f"SELECT {', '.join(f'max(c{n})' for n in read)} FROM read_csv('{log}', delim = '{between}', skip = {skip},"
        f" quote = '{quote}', escape = '', header = false, auto_detect = false, null_padding = true,"
        f" columns = {{{columns}}})"
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
    arguments.add_argument("--formats", default="combined,alb", help=f"of {', '.join(FORMATS)}")
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
        formats = given.formats.split(",")
        make(Path(folder), given.lines, formats)
        print(f"{'log':12}{'step':10}{'k lines/CPU-s':>15}{'of read_csv':>13}{'peak MB':>9}")
        for log in formats:
            steps = [step for step in STEPS if step != "read_csv" or log in READ]
            rounds = [
                {step: timed(step, Path(folder, f"{log}.log")) for step in steps} for _ in range(given.rounds)
            ]
            for step in steps:
                speed = statistics.median(given.lines / one[step][0] / 1000 for one in rounds)
                ratios = [one["read_csv"][0] / one[step][0] for one in rounds if log in READ]
                ratio = f"{statistics.median(ratios):.2f}" if ratios else "-"
                peak = max(one[step][1] for one in rounds)
                print(f"{log:12}{step:10}{speed:15,.0f}{ratio:>13}{peak:9,.0f}")


if __name__ == "__main__":
    main()

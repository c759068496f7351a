"""The lines as AWS writes the access logs of Application Load Balancers: 33 fields, gzip, a folder a day."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .api import CALLS, WWW
from .bill import SHARED, Account
from .dice import Dice, Ints
from .ingress import HOUR_US, KEY, NAMED_BY, PATH, TRACE, Lines, api_key, hosts
from .plan import EPOCH, Plan
from .product import FEATURES, MACHINE

_BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0"
_CLIENT = "quillhaven-python/2.4"
_CRAWLER = "Mozilla/5.0 (compatible; Bingbot/2.0; +http://www.bing.com/bingbot.htm)"
_CRAWLED = ("/", "/robots.txt", "/pricing", "/about")
_SCANNER = "Mozilla/5.0 zgrab/0.x"
_SCANNED = ("/.env", "/wp-login.php", "/admin/config.php", "/.git/HEAD", "/actuator/health")
CRAWLS, SCANS, CUT, CONNECTIONS = 12, 20, 1, 2
"""Lines a day and load balancer that no tenant sends."""
_FAILS, _REFUSED, _GONE = 1000, 400, 100
"""One request in so many finds no server, fails, or asks for what is not there."""
_IDS = 200
"""Different ids of one kind that a tenant's requests hold."""
_RECEIVED = 120
_PIECES = [
    [(call.method, re.split(r"\{[^}]*\}", call.template), call.status) for call in CALLS[feature]]
    for feature in FEATURES
]


def write_logs(folder: Path, plan: Plan, lines: Lines) -> dict[str, int]:
    """The month's files below `folder`, one a day and load balancer; how many lines of each kind."""
    region = plan.region[lines.tenant]
    first = (lines.month - EPOCH).days
    days = int(lines.hour.max()) // 24 - first + 1 if len(lines.hour) else 0
    order = np.lexsort((lines.at, lines.hour, region))
    place = region[order] * days + lines.hour[order] // 24 - first
    texts = _Texts(plan, lines)
    ends = np.searchsorted(place, np.arange(len(SHARED) * days), side="right")
    for at, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
        balancer, day = _Balancer(SHARED[at // days]), lines.month + timedelta(days=at % days)
        found = [*texts.of(balancer, order[start:end]), *_others(plan, balancer, day)]
        path = balancer.file(folder, day)
        path.parent.mkdir(parents=True)
        with path.open("wb") as file, gzip.GzipFile("", "wb", compresslevel=3, mtime=0, fileobj=file) as log:
            log.write("".join(f"{line}\n" for _, line in sorted(found)).encode())
    files = len(ends)
    return {
        "requests": len(lines.hour),
        "bots": files * CRAWLS,
        "scans": files * SCANS,
        "malformed": files * CUT,
        "connections": files * CONNECTIONS,
    }


class _Entry(NamedTuple):
    """What differs from line to line, as text. `trace` is what the client has added to the trace header."""

    sent: str
    created: str
    client: str
    target: str
    times: str
    statuses: str
    size: str
    asked: str
    agent: str
    trace: str
    host: str
    chance: int


class _Balancer:
    """One load balancer, as its log names it."""

    def __init__(self, account: Account) -> None:
        self.account, self.region = account.id, account.region
        self.number = SHARED.index(account)
        name = account.name.replace("-prod", "")
        arn = f"arn:aws:elasticloadbalancing:{self.region}:{account.id}"
        self.elb = f"app/{name}/5f1c0a{self.number}e9d2b7{self.number}48"
        self.targets = f"{arn}:targetgroup/{name}-web/9b3d{self.number}6f2a71c8e05"
        certificate = f"0c7e4a58-2f61-4d2c-9a35-7b1f0e9d6c4{self.number}"
        self.certificate = f"arn:aws:acm:{self.region}:{account.id}:certificate/{certificate}"

    def file(self, folder: Path, day: date) -> Path:
        """Where AWS delivers: by account, service, region and day; the name holds when the file was closed."""
        below = f"AWSLogs/{self.account}/elasticloadbalancing/{self.region}/{day:%Y/%m/%d}"
        name = f"{self.account}_elasticloadbalancing_{self.region}_{self.elb.replace('/', '.')}_{day:%Y%m%d}T2355Z"
        return folder / below / f"{name}_203.0.113.{10 + self.number}_{day.toordinal():08x}.log.gz"

    def line(self, one: _Entry) -> str:
        error = "TargetConnectionErrorCode" if one.target == "-" else "-"
        answered = one.statuses.partition(" ")[2]
        root = f"Root=1-{one.chance >> 16:08x}-{one.chance * 0x9E3779B97F4A % 2**96:024x}{one.trace}"
        return (
            f"h2 {one.sent}Z {self.elb} {one.client} {one.target} {one.times} {one.statuses} {one.size}"
            f' "{one.asked} HTTP/2.0" "{one.agent}" TLS_AES_128_GCM_SHA256 TLSv1.3 {self.targets} "{root}" "{one.host}"'
            f' "{self.certificate}" 1 {one.created}Z "forward" "-" "{error}" "{one.target}" "{answered}"'
            f' "-" "-" TID_{one.chance:032x} "-" "-" "-"'
        )


class _Texts:
    """The lines of the vendor's customers, as text."""

    def __init__(self, plan: Plan, lines: Lines) -> None:
        self.lines = lines
        none = [""] * plan.size
        self.hosts = hosts(plan)
        self.bases = [
            [f"/w/{name}" for name in plan.names] if n == PATH else none for n in range(len(NAMED_BY))
        ]
        keys = [f"?api_key={api_key(plan, t)}" for t in range(plan.size)]
        self.queries = [keys if n == KEY else none for n in range(len(NAMED_BY))]
        fields = [f";TenantId={name}" for name in plan.names]
        self.fields = [fields if n == TRACE else none for n in range(len(NAMED_BY))]

    def of(self, balancer: _Balancer, which: Ints) -> Iterator[tuple[str, str]]:
        """(time, line) of these lines."""
        lines = self.lines
        sent = lines.hour[which] * HOUR_US + lines.at[which]
        created = _stamps(sent - lines.ms[which] * 1000)
        columns = (lines.tenant, lines.feature, lines.call, lines.named, lines.ms, lines.bytes, lines.chance)
        rows = zip(*(column[which].tolist() for column in columns), strict=True)
        for at, begun, row in zip(_stamps(sent), created, rows, strict=True):
            yield at, balancer.line(self._entry(balancer.number, at, begun, row))

    def _entry(self, balancer: int, sent: str, created: str, row: tuple[int, ...]) -> _Entry:
        tenant, feature, call, named, ms, size, chance = row
        method, path, status = _asked(feature, call, tenant, chance)
        host = self.hosts[named][tenant]
        url = f"https://{host}:443{self.bases[named][tenant]}/v1{path}{self.queries[named][tenant]}"
        target = f"10.{20 + balancer}.{chance >> 40}.{1 + (chance >> 32) % 200}:8080"
        times, statuses = f"0.001 {ms // 1000}.{ms % 1000:03d} 0.000", f"{status} {status}"
        if chance % _FAILS == 0:
            target, times, statuses = "-", "-1 -1 -1", "503 -"
        elif chance % _REFUSED == 1:
            statuses = "500 500"
        elif chance % _GONE == 2:
            statuses = "404 404"
        return _Entry(
            sent=sent, created=created, client=f"203.0.113.{tenant % 250 + 1}:{20_000 + chance % 40_000}",
            target=target, times=times, statuses=statuses, size=f"{_RECEIVED} {size - _RECEIVED}",
            asked=f"{method} {url}", agent=_CLIENT if MACHINE[feature] else _BROWSER,
            trace=self.fields[named][tenant], host=host, chance=chance,
        )  # fmt: skip


def _asked(feature: int, call: int, tenant: int, chance: int) -> tuple[str, str, int]:
    """Method, path and the status of success."""
    method, pieces, status = _PIECES[feature][call]
    path = pieces[0]
    for place, piece in enumerate(pieces[1:]):
        kind = (chance >> 12 * place) % _IDS
        path += f"{(tenant * 2_654_435_761 + (kind * 8 + place) * 40_503 * 65_537) % 2**32:08x}{piece}"
    return method, path, status


def _stamps(us: Ints) -> list[str]:
    """Times in microseconds since 1970 as AWS writes them, without the `Z`."""
    return np.datetime_as_string(us.astype("datetime64[us]"), unit="us").tolist()


def _others(plan: Plan, balancer: _Balancer, day: date) -> Iterator[tuple[str, str]]:
    """(time, line) of what no tenant sends: crawlers, scanners, a line cut short, lines of a connection log."""
    dice = Dice(plan.seed, "ingress others", balancer.region, day.toordinal())
    size = CRAWLS + SCANS + CUT + CONNECTIONS
    at = _stamps((day - EPOCH).days * 24 * HOUR_US + dice.whole(size, 0, 24 * HOUR_US))
    for n, (sent, chance) in enumerate(zip(at, dice.whole(size, 0, 2**48).tolist(), strict=True)):
        if n >= size - CONNECTIONS:
            line = f"{sent}Z 198.51.100.{chance % 250} {chance % 40_000 + 20_000} 443 TLSv1.3 TLS_AES_128_GCM_SHA256"
            yield sent, f'{line} 0.011 "-" - - Success TID_{chance:032x}'
            continue
        crawls = n < CRAWLS
        pages = _CRAWLED if crawls else _SCANNED
        entry = _Entry(
            sent=sent, created=sent, client=f"198.51.100.{chance % 250}:443", target="10.20.0.9:8080",
            times="0.000 0.002 0.000", statuses="200 200" if crawls else "404 404", size="90 4100",
            asked=f"GET https://{WWW}:443{pages[chance % len(pages)]}", agent=_CRAWLER if crawls else _SCANNER,
            trace="", host=WWW, chance=chance,
        )  # fmt: skip
        line = balancer.line(entry)
        yield sent, line[: line.index(" HTTP/")] if n == CRAWLS + SCANS else line

"""Access logs landed: every format as its documentation shows it, bad lines, growing and rotated files."""

from __future__ import annotations

import gzip
import random
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop import Shop, reasons

from tenantry.datasets import AccessHours
from tenantry.engine import land
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.engine.land import Landing
from tenantry.engine.raw import read
from tenantry.kernel.landing import Deliveries, Quarantine

LOGS = Path(__file__).parent / "logs"
SHOWN = "hour host method path template status agent claim claimed_by requests seconds bytes"


@pytest.fixture
def shop(tmp_path: Path, now: datetime) -> Shop:
    return Shop(tmp_path / "in", DuckDB(Lake(tmp_path / "lake")), now)


GOLDEN = {
    # AWS's page "Access logs for your Application Load Balancer" (33 fields), a trace field, an odd client.
    "alb.log": (
        "2018-07-02T22h acme.example.com GET /orders/7 - 200 - acme trace 1 0.171 57",
        "2018-07-02T22h www.example.com GET / - 200 - - - 1 0.001 400",
        "2018-11-30T22h host - - - 400 - - - 1 0 0",
        "2018-11-30T22h www.example.com GET /a b - 502 - key:1ec1c26b50d5d3c5 key 1 0.001 400",
    ),
    # AWS's page "Configure standard logging (legacy)"; one line twice, one that ends early.
    "cloudfront.log": (
        "2019-12-04T21h acme.example.com GET /index.html - 200 - acme query 1 0.001 415",
        "2019-12-13T22h www.example.com GET /favicon.ico - 0 bot - - 1 0.102 1575",
    ),
    # The variables of an HTTP API that AWS proposes, and `tenantId` of an authorizer.
    "api_gateway.json": (
        "2023-06-09T10h - GET / $default 403 - - - 1 0 0",
        "2023-06-09T12h - GET /pets/7 GET /pets/{id} 200 - acme claim 1 0.031 120",
    ),
    "nginx.json": (
        "2023-11-14T21h - GET /x - 499 - bob user 1 0 0",
        "2023-11-14T22h api.example.com POST /api/orders - 201 - acme header 1 0.123 812",
    ),
    # ingress-nginx's page "Log format"; the hour is UTC's.
    "ingress.log": (
        "2015-05-17T04h - GET /a - 200 - - - 1 0.005 350",
    ),
    # Apache with quotes escaped; a client that sent nothing; the common format; a blank line.
    "combined.log": (
        "2015-05-17T10h - GET / - 200 - - - 1 0 5",
        "2015-05-17T10h shop.example.com GET /a%22b - 304 bot john user 1 0 0",
        "2015-05-17T11h - - - - 408 - - - 1 0 0",
    ),
    # Envoy's page "Access logging" and Istio's "Envoy Access Logs".
    "envoy.log": (
        "2016-04-15T20h locations POST /api/v1/locations - 204 - - - 1 0.226 154",
        "2020-11-25T21h httpbin GET /status/418 - 418 - - - 1 0.004 135",
    ),
}  # fmt: skip


@pytest.mark.parametrize("log", GOLDEN)
def test_a_format_reads_as_documented(shop: Shop, log: str) -> None:
    shop.land(LOGS / log)
    assert [f"{line[:13]}h{line[13:]}" for line in shop.lines(AccessHours, SHOWN)] == list(GOLDEN[log])


def test_what_is_no_request_is_left_out_and_what_is_broken_quarantined_with_its_line(shop: Shop) -> None:
    landed = shop.land(LOGS / "alb.log")
    (entry,) = landed.deliveries
    assert (entry.rows, entry.accepted, entry.quarantined, entry.left_out) == (7, 4, 1, 2)
    assert entry.note == (
        "1 x lines of a Network Load Balancer: connections, no requests; 1 x lines of a connection log"
    )
    (row,) = shop.rows(Quarantine)
    assert row["row"] == 7
    assert row["content"] == "h2 2018-07-02T22:23:00.186641Z app/my broken"
    assert "the time" not in row["reason"]
    assert "the status cannot be read" in row["reason"]


@pytest.mark.parametrize(("log", "old", "new"), [
    ("alb.log", b"2018-07-02T22:23:00", b"2018-99-02T22:23:00"),
    ("combined.log", b"17/May/2015:10", b"37/May/2015:10"),
    ("envoy.log", b"2016-04-15T20", b"2016-04-15Tab"),
], ids=["alb", "combined", "envoy"])  # fmt: skip
def test_a_time_that_only_looks_like_one_is_quarantined_with_its_line(
    shop: Shop, log: str, old: bytes, new: bytes
) -> None:
    text = (LOGS / log).read_bytes()
    (landed,) = shop.land(shop.put(log, text + text.replace(old, new))).deliveries
    bad = [row for row in shop.rows(Quarantine) if "the time cannot be read" in row["reason"]]
    lines = (text + text.replace(old, new)).splitlines()
    # Queries, and what else may be a key, are not kept.
    said = {
        re.sub(r'=[^;\s"]+', "=...", re.sub(r'\?[^\s"]+', "?...", lines[row["row"] - 1].decode()))
        for row in bad
    }
    assert said == {row["content"] for row in bad}
    assert len([row for row in bad if new.decode() in row["content"]]) == text.count(old)
    assert landed.quarantined == len(shop.rows(Quarantine))


def test_a_request_with_an_id_counts_once_among_files_that_land_together(shop: Shop) -> None:
    text = (LOGS / "cloudfront.log").read_bytes()
    shop.put("E1.2019-12-04-21.a.gz", gzip.compress(text, mtime=0))
    shop.put("E1.2019-12-04-21.b", text.replace(b"1575", b"1575").replace(b"/index.html", b"/other.html", 1))
    shop.land()
    assert sum(shop.column(AccessHours, "requests")) == 2


def test_the_real_log_has_one_bad_line_and_counts_once_however_often_it_comes(
    shop: Shop, fixtures: Path
) -> None:
    text = (fixtures / "logs" / "apache_combined.log").read_bytes()
    landed = shop.land(shop.put("access.log", text), shop.put("copy/access.log.1.gz", gzip.compress(text)))
    assert reasons(landed) == {"a quote is not closed": 1}
    for _ in range(2):
        assert sum(shop.column(AccessHours, "requests")) == 9999
        assert len(shop.rows(Quarantine)) == 1
        shop.land(shop.put("again.log", text))
    assert 0 < sum(row["requests"] for row in shop.rows(AccessHours) if row["agent"] == "bot") < 9999


def line(n: int) -> bytes:
    return f'10.0.0.1 - - [17/May/2015:10:{n % 60:02}:00 +0000] "GET /{n} HTTP/1.1" 200 {n}\n'.encode()


def test_a_log_that_grows_counts_once_in_whatever_order_its_states_come(shop: Shop) -> None:
    lines = [line(n) for n in range(40)] + [b"not a request\n"]
    for upto in (10, 30, 20, 41, 10, 41):
        landed = shop.land(shop.put("access.log", b"".join(lines[:upto])))
        assert sum(e.rows for e in landed.deliveries) in {upto, 10, 20}
    assert sum(shop.column(AccessHours, "requests")) == 40
    assert len(shop.rows(Quarantine)) == 1
    ledger = shop.rows(Deliveries)
    assert sum(row["accepted"] + row["quarantined"] for row in ledger) == 41
    assert all(row["superseded_by"] for row in ledger if not row["accepted"])


def test_states_of_one_log_in_one_run_count_once(shop: Shop) -> None:
    text = b"".join(map(line, range(30)))
    shop.put("a/access.log", text)
    shop.put("b/access.log", text[: len(text) // 2])
    shop.put("c/other.log", line(99))
    shop.land()
    assert sum(shop.column(AccessHours, "requests")) == 31


def test_a_run_that_was_killed_before_its_ledger_leaves_nothing_once_the_log_has_grown(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.land(shop.put("other.log", line(50)))
    text = b"".join(map(line, range(20)))
    with monkeypatch.context() as patch:
        patch.setattr(Landing, "_write_deliveries", killed)
        with pytest.raises(KeyboardInterrupt):
            shop.land(shop.put("access.log", text))
    assert sum(shop.column(AccessHours, "requests")) == 21
    shop.land(shop.put("access.log", text + line(21)))
    assert sum(shop.column(AccessHours, "requests")) == 22


def killed(_: object) -> None:
    raise KeyboardInterrupt


def test_more_files_than_one_statement_reads_land_together(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(land, "FILES_AT_ONCE", 2)
    for n in range(5):
        shop.put(f"{n}.log", line(n) * (n + 1) + (b"not a request\n" if n % 2 else b""))
    landed = shop.land()
    assert sum(shop.column(AccessHours, "requests")) == 15
    assert {(row["file"][-5:], row["row"]) for row in shop.rows(Quarantine)} == {("1.log", 3), ("3.log", 5)}
    assert len(landed.deliveries) == 5


def test_equal_lines_of_a_file_are_as_many_requests(shop: Shop) -> None:
    shop.land(shop.put("access.log", line(1) * 5))
    assert shop.column(AccessHours, "requests") == [5]


@pytest.mark.parametrize(
    ("old", "new"), [(b"\n", b"\r\n"), (b"\n", b"\n\n"), (b"GET /", b"GET /\xff"), (b"GET /1", b"GET /\0")],
    ids=["crlf", "blank", "latin", "nul"],
)  # fmt: skip
def test_a_file_that_no_fast_reader_takes_loses_no_line(shop: Shop, old: bytes, new: bytes) -> None:
    text = b"".join(line(n).replace(old, new) for n in range(20))
    (entry,) = shop.land(shop.put("access.log", text)).deliveries
    assert entry.accepted + entry.quarantined == 20
    assert entry.rows == 20 + entry.left_out
    assert sum(shop.column(AccessHours, "requests")) == entry.accepted == (9 if b"\0" in new else 20)


def test_a_line_longer_than_any_request_is_one_bad_row(shop: Shop) -> None:
    landed = shop.land(shop.put("access.log", line(1) + b"x" * 3_000_000 + b"\n" + line(2)))
    assert sum(shop.column(AccessHours, "requests")) == 2
    assert landed.deliveries[0].quarantined == 1


def test_a_character_is_whole_however_the_file_is_looked_at(shop: Shop) -> None:
    """Its beginning, nothing but ASCII, and its end: each is what is looked at in one go."""
    at_once = 256 * 1024
    ascii_only = (line(1) * (at_once // len(line(1)) + 1))[:at_once]
    text = ascii_only[:-1] + b"\xc3" + ascii_only + b"\xa4" + ascii_only[1:]
    (entry,) = shop.land(shop.put("access.log", text)).deliveries
    assert "2 x bytes that are not UTF-8 read as Windows-1252" in str(entry.note)


QUOTED = [LOGS / log for log in ("alb.log", "combined.log", "envoy.log", "ingress.log")]
CHANGE = st.tuples(
    st.sampled_from([some for log in QUOTED for some in log.read_text().splitlines()]),
    st.integers(0, 400),
    st.sampled_from(
        ["", '"', '\\"', "\\", " ", "-", "9" * 40, "\u00e4", "\U0001f600", "x" * 3_000, '" ' * 9]
    ),
    st.integers(0, 3),
)


@settings(max_examples=max(10, settings().max_examples // 4))
@given(log=st.sampled_from(QUOTED), changes=st.lists(CHANGE), closed=st.booleans())
def test_lines_say_the_same_whether_read_as_they_lie_or_carefully(
    tmp_path_factory: pytest.TempPathFactory,
    log: Path,
    changes: list[tuple[str, int, str, int]],
    *,
    closed: bool,
) -> None:
    more = [some[:at] + put + some[at + gone :] for some, at, put, gone in changes]
    text = "\n".join([*log.read_text().splitlines(), *more]).encode()
    folder = tmp_path_factory.mktemp("ways")
    found: list[list[tuple[object, ...]]] = []
    # What is not UTF-8 is read carefully.
    for way, end in (("quick", b"\n" * closed), ("careful", b"\n\xff")):
        shop = Shop(folder / way, DuckDB(Lake(folder / f"{way}.lake")), datetime(2026, 7, 1, tzinfo=UTC))
        path = shop.put(log.name, text + end)
        shop.land(path)
        assert bool(read(shop.engine, path, folder).lines) == (way == "quick")
        bad = sorted((row.row, row.reason, row.content) for row in shop.rows(Quarantine))
        found.append([*(row[1:] for row in map(tuple, shop.rows(AccessHours))), *bad])
    assert found[1] == [*found[0], found[1][-1]]


@given(st.integers(0, 2**32))
def test_whatever_is_done_to_lines_every_one_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    dice = random.Random(seed)
    log = dice.choice(list(GOLDEN))
    whole = (LOGS / log).read_bytes().splitlines(keepends=True)
    first, rest = whole[:2], whole[2:] * 3
    for _ in range(dice.randint(1, 6)):
        n = dice.randrange(len(rest)) if rest else 0
        if rest:
            at = dice.randrange(len(rest[n]) or 1)
            rest[n] = (
                rest[n][:at]
                + dice.choice([b"", b'"', b" ", b"\\", b"9" * 40, b"\xe2", b"-", b"'", b"%", b"["])
                + rest[n][at + dice.randint(0, 3) :]
            )
    folder = tmp_path_factory.mktemp("mutated")
    shop = Shop(folder / "in", DuckDB(Lake(folder / "lake")), datetime(2026, 7, 1, tzinfo=UTC))
    landed = shop.land(shop.put(log, b"".join([*first, *rest])))
    assert not landed.problems
    accepted = sum(entry.accepted for entry in landed.deliveries)
    assert accepted == sum(shop.column(AccessHours, "requests"))
    assert sum(entry.quarantined for entry in landed.deliveries) == len(shop.rows(Quarantine))

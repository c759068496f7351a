"""Files as they break in life: whatever happens to their bytes, every record lands, is quarantined or is counted.

`make test` takes some 60 broken files; `HYPOTHESIS_PROFILE=long` a thousand.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import random
import re
import zlib
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from tenantry.engine.duckdb import DuckDB
from tenantry.engine.files import find, recognise, samples
from tenantry.engine.lake import Lake
from tenantry.engine.land import Landing
from tenantry.engine.layouts import layout
from tenantry.engine.raw import SHOWN, read, relation
from tenantry.errors import TenantryError
from tenantry.kernel.landing import Deliveries, Quarantine
from tenantry.kernel.source import Format
from tenantry.sources import SOURCES

COUNT = 1_000 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 64
ROWS = 50


def focus(fixtures: Path) -> bytes:
    lines = (fixtures / "focus/focus_1.0_sample.csv").read_bytes().splitlines(keepends=True)
    return b"".join(lines[: ROWS + 1])


def cur(fixtures: Path) -> bytes:
    parquet = fixtures / "cur/aws_workshop_lab7"
    columns = (
        "identity_line_item_id, bill_billing_period_start_date, bill_payer_account_id, line_item_usage_account_id,"
        " line_item_line_item_type, line_item_usage_start_date, line_item_usage_end_date, line_item_product_code,"
        " line_item_usage_type, line_item_operation, line_item_resource_id, line_item_usage_amount,"
        " line_item_currency_code, line_item_unblended_cost, line_item_line_item_description"
    )
    rows = duckdb.execute(
        f"SELECT {columns} FROM read_parquet('{parquet}/*.parquet') ORDER BY ALL LIMIT {ROWS}"
    )
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow([column[0] for column in rows.description or ()])
    out.writerows(rows.fetchall())
    return text.getvalue().encode()


def tenants(_: Path) -> bytes:
    rows = (
        f'tenant-{n},"Firm {n}, ""Ltd"" é",pool,{1000 + n};{2000 + n},2026-01-{n % 28 + 1:02},{n}'
        for n in range(ROWS)
    )
    return "\n".join(["tenant_id,name,isolation,accounts,started_on,seats", *rows, ""]).encode()


def subscriptions(_: Path) -> bytes:
    rows = (f"tenant-{n};gold;2026-01-01;{n * 10}.50;EUR;month" for n in range(ROWS))
    return "\r\n".join(["tenant_id;plan;started_on;amount;currency;interval", *rows, ""]).encode()


def usage(_: Path) -> bytes:
    rows = (
        f"e{n},api,2026-07-{n % 28 + 1:02}T00:00:00Z,tenant-{n},calls,{n}.5,feature-{n % 5}"
        for n in range(ROWS)
    )
    return "\n".join(["id,source,time,tenant_id,meter,quantity,feature_id", *rows, ""]).encode()


def events(_: Path) -> bytes:
    return "".join(json.dumps(_event(n)) + "\n" for n in range(ROWS)).encode()


def event_array(_: Path) -> bytes:
    return json.dumps([_event(n) for n in range(ROWS)]).encode()


def active_users(_: Path) -> bytes:
    rows = (f"2026-07-{n % 28 + 1:02}\ttenant-{n}\t{n}" for n in range(ROWS))
    return "\n".join(["day\ttenant_id\tusers", *rows, ""]).encode()


def invoices(_: Path) -> bytes:
    rows = (f"invoice-{n},AWS,USD,{n}.25" for n in range(ROWS))
    return "\n".join(["invoice_id,invoice_issuer_name,currency,amount", *rows, ""]).encode()


def service_log(_: Path) -> bytes:
    """Lambda's log: a metric, a call of DynamoDB and a report of each request."""
    return "".join(f"{line}\n" for n in range(ROWS // 3) for line in _messages(n)).encode()


def _messages(n: int) -> tuple[str, str, str]:
    metric = {"Namespace": "n", "Dimensions": [[]], "Metrics": [{"Name": "items", "Unit": "Count"}]}
    told = {"_aws": {"Timestamp": 1_782_907_200_000 + n, "CloudWatchMetrics": [metric]}, "items": [n, 1.5]}
    called = {"operation": "Query", "ConsumedCapacity": {"TableName": "t", "CapacityUnits": n}}
    whose = {"requestId": f"r{n}", "tenant_id": f"tenant-{n}", "time": "2026-07-01T12:00:00Z"}
    report = f"REPORT RequestId: r{n}\tBilled Duration: {n + 1} ms\tMemory Size: 128 MB\t"
    return json.dumps(told | whose), json.dumps(called | whose), f"2026-07-01T12:00:00.000Z {report}"


def _event(n: int) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": f"event-{n}",
        "source": "api",
        "type": "calls",
        "subject": f"tenant-{n}",
        "time": "2026-07-01T00:00:00Z",
        "data": {"quantity": n, "feature_id": f"feature-{n % 5}"},
    }


Accident = Callable[[bytes, int, random.Random], bytes]
SEEDS: tuple[Callable[[Path], bytes], ...] = (
    focus, cur, tenants, subscriptions, usage, events, event_array, active_users, invoices
)  # fmt: skip


def mutated(data: bytes, dice: random.Random) -> bytes:
    """One accident behind the first line, and at times one to the whole file."""
    start = data.find(b"\n") + 1
    for _ in range(dice.randint(1, 3)):
        data = data[:start] + _accident(data[start:], dice)
    whole = dice.random()
    if whole < 0.08:
        return gzip.compress(data, mtime=0)
    if whole < 0.16:
        packed = gzip.compress(data, mtime=0)
        return packed[: dice.randrange(len(packed) // 2, len(packed))]
    if whole < 0.22:
        return data.decode(errors="replace").encode("utf-16")
    return b"\xef\xbb\xbf" + data if whole < 0.28 else data


def _accident(data: bytes, dice: random.Random) -> bytes:
    if not data:
        return data
    kind = dice.choice(ACCIDENTS)
    return kind(data, dice.randrange(len(data)), dice)


def inserted(*what: bytes) -> Accident:
    return lambda data, at, dice: data[:at] + dice.choice(what) + data[at:]


def flipped(data: bytes, at: int, dice: random.Random) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]


def without_next(data: bytes, at: int, dice: random.Random) -> bytes:
    where = data.find(dice.choice([b",", b'"', b"\n", b":", b"}", b";"]), at)
    return data if where < 0 else data[:where] + data[where + 1 :]


def swapped(data: bytes, _: int, dice: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    dice.shuffle(lines)
    return b"".join(lines)


def repeated(data: bytes, _: int, dice: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    line = dice.randrange(len(lines))
    return b"".join(lines[: line + 1] + lines[line:])


def doubled(data: bytes, at: int, _: random.Random) -> bytes:
    return data + data[at : at + 200]


ACCIDENTS: tuple[Accident, ...] = (
    flipped,
    without_next,
    swapped,
    repeated,
    doubled,
    inserted(b'"'),
    inserted(b'""', b'","', b'"\n'),
    inserted(b",", b";", b"\t", b"}", b"{"),
    inserted(b"\n", b"\r", b"\r\n", b"\n\n", b"\n  \n"),
    inserted(b"\xff", b"\xe9", b"\xc3", b"\xf0\x9f"),
    inserted(b"\0", b"\x01"),
    lambda data, at, _: data[:at],
    lambda data, at, _: data[:at] + data[at + 1 :],
    lambda data, *_: data.replace(b"\n", b"\r\n"),
)


def readable(data: bytes) -> bytes:
    """What of a broken file anybody can read, as UTF-8."""
    if data.startswith(b"\x1f\x8b"):
        data = zlib.decompressobj(wbits=31).decompress(data)
    return data.decode("utf-16", errors="replace").encode() if data.startswith(b"\xff\xfe") else data


def letters(*texts: str | bytes) -> Counter[int]:
    """How often each ASCII letter and digit occurs."""
    return sum(
        (Counter(re.sub(rb"[^A-Za-z0-9]", b"", t.encode() if isinstance(t, str) else t)) for t in texts),
        Counter(),
    )


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.__name__)
def test_every_record_of_a_broken_file_is_accounted_for(
    seed: Callable[[Path], bytes], fixtures: Path, tmp_path: Path, now: datetime
) -> None:
    data = seed(fixtures)
    dice = random.Random(f"tenantry {seed.__name__}")
    folder = tmp_path / "in"
    folder.mkdir()
    for n in range(-(-COUNT // len(SEEDS))):
        (folder / f"{n:03}").write_bytes(mutated(data, dice))
    engine = DuckDB(Lake(tmp_path / "lake"), "1GB")
    for path in sorted(folder.iterdir()):
        _check_records(engine, path, tmp_path)
    _check_ledger(engine, folder, now)


@pytest.mark.parametrize("delivered", [False, True])
def test_every_figure_of_a_broken_log_is_accounted_for(
    tmp_path: Path, fixtures: Path, now: datetime, *, delivered: bool
) -> None:
    data = service_log(fixtures)
    if delivered:
        events = [
            {"id": str(n), "timestamp": 1_782_907_200_000, "message": line}
            for n, line in enumerate(data.decode().splitlines())
        ]
        parts = [{"messageType": "DATA_MESSAGE", "logEvents": events[n : n + 5]} for n in range(0, ROWS, 5)]
        data = "".join(f"{json.dumps(part)}\n" for part in parts).encode()
    dice = random.Random(f"tenantry {delivered}")
    folder = tmp_path / "in"
    folder.mkdir()
    for n in range(-(-COUNT // len(SEEDS))):
        (folder / f"{n:03}").write_bytes(mutated(data, dice))
    _check_ledger(DuckDB(Lake(tmp_path / "lake"), "1GB"), folder, now)


def _check_records(engine: DuckDB, path: Path, folder: Path) -> None:
    """Nothing that stood in the file is missing from its records, or there twice."""
    text = readable(path.read_bytes())
    try:
        found = layout(path)
    except TenantryError:
        return
    file = read(engine, path, folder)
    names = ["_record"] if found.format is Format.JSON else [f'"{name}"' for name in file.columns]
    good = engine.query(f"SELECT {', '.join(names)}, _row FROM ({relation([file])}) ORDER BY _row")
    bad = engine.query(f"SELECT _row, content FROM {file.bad}") if file.bad else []
    assert sorted(row["_row"] for row in [*good, *bad]) == list(range(1, file.rows + 1))
    if any(len(row["content"] or "") == SHOWN for row in bad):
        return

    if found.format is Format.JSON:
        assert letters(*(r["_record"] for r in good), *(r["content"] or "" for r in bad)) == letters(text)
        return
    values = [[row[name.strip('"')] or "" for name in names] for row in good]
    _, _, body = text.partition(b"\n")
    cells = letters(*("".join(row) for row in values), *(row["content"] or "" for row in bad))
    assert cells == letters(body), path
    _check_against_the_csv_module(text, found.delimiter, values, len(bad))
    if b'"' not in body:
        blank = " \t".replace(found.delimiter, "").encode()
        lines = [line for line in re.split(rb"\r\n|\r|\n", body) if line.strip(blank)]
        broken_off = path.read_bytes()[:2] == b"\x1f\x8b" and file.rows == len(lines) + 1
        assert file.rows == len(lines) or broken_off


def _check_against_the_csv_module(text: bytes, delimiter: str, values: list[list[str]], bad: int) -> None:
    """Where Python's csv module reads the text without complaint, so do we, and the same."""
    try:
        decoded = text.decode("utf-8-sig")
        rows = [
            r for r in csv.reader(io.StringIO(decoded, newline=""), delimiter=delimiter, strict=True) if r
        ]
    except (csv.Error, UnicodeDecodeError):
        return
    regular = all(len(row) == len(rows[0]) for row in rows) and "\0" not in decoded
    if regular and not re.search(r'[ \t]"|"[ \t]', decoded) and not bad:
        assert values == rows[1:]


def _check_ledger(engine: DuckDB, folder: Path, now: datetime) -> None:
    """rows = accepted + quarantined + left out, and the tables hold as much as the ledger says."""
    good, unread = samples(find([str(folder)]).files)
    recognition = recognise(good, SOURCES)
    problems = [*unread, *recognition.unknown]
    with Landing(engine, now) as landing:
        for source, few in recognition.of.items():
            for batch in source(path=str(folder)).batches(few):
                problems += landing.land(batch, source.kind).problems
        ledger = landing.ledger
    assert {e.file for e in ledger} | {str(path) for path, _ in problems} == set(map(str, folder.iterdir()))
    assert all(e.rows == e.accepted + e.quarantined + e.left_out for e in ledger)
    datasets = {dataset.table(): dataset for source in SOURCES for dataset in source.lands}
    for table, dataset in datasets.items():
        engine.attach([dataset])
        landed_rows = engine.query(f"SELECT count(*) AS n FROM {table}")[0]["n"]
        assert landed_rows == sum(e.accepted for e in ledger if e.dataset == table), table
    engine.attach([Quarantine, Deliveries])
    assert engine.query("SELECT count(*) AS n FROM quarantine")[0]["n"] == sum(e.quarantined for e in ledger)
    assert engine.query("SELECT count(*) AS n FROM deliveries")[0]["n"] == len(
        {(e.delivery, e.dataset) for e in ledger}
    )

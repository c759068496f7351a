"""Files of OTLP in Protobuf, landed."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from otlp_protobuf import after_four_bytes, after_varints, encoded
from otlp_requests import counter, histogram, logs, point, request, span, spans, written
from shop import Shop, reasons

from tenantry.datasets.counters import UsageCounters
from tenantry.datasets.usage import Usage
from tenantry.engine import otlp_protobuf
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.files import recognise, samples
from tenantry.engine.lake import Lake
from tenantry.engine.otlp import records
from tenantry.kernel.landing import Quarantine
from tenantry.sources import SOURCES
from tenantry.sources.otlp import Otlp

NOON = "2026-07-01T12:00:00"
ON: dict[str, Any] = {"tenant.id": "acme"}
MORE = {**ON, "n": 1}
TOLD = {
    "timeUnixNano": "1782907200000000000",
    "attributes": point(1, NOON)["attributes"],
    "body": {"intValue": "7"},
}
ALL = [
    request(counter(point(5, NOON), point(2.5, NOON, on=MORE)), histogram({**point(1, NOON), "count": "4"})),
    request(counter(point(7, NOON, NOON), temporality=2)),
    spans(span(1, NOON, **ON)),
    logs(TOLD),
]
BYTES = [encoded(one) for one in ALL]


@pytest.fixture
def shop(tmp_path: Path, now: datetime) -> Shop:
    return made(tmp_path, now)


def made(folder: Path, now: datetime) -> Shop:
    (folder / "in").mkdir(parents=True)
    return Shop(folder / "in", DuckDB(Lake(folder / "lake"), "1GB"), now)


FILES: dict[str, bytes] = {
    "of metrics, traces and logs, each behind its length": after_four_bytes(*BYTES),
    "each behind a varint": after_varints(*BYTES),
    "one after another": b"".join(BYTES),
    "gzip": gzip.compress(after_four_bytes(*BYTES)),
    "with an empty request before them": after_four_bytes(b"", *BYTES),
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_a_file_is_recognised_and_lands_as_its_json(tmp_path: Path, now: datetime, content: bytes) -> None:
    shop, other = made(tmp_path / "protobuf", now), made(tmp_path / "json", now)
    good, bad = samples([shop.put("anything", content)])
    assert not bad
    assert list(recognise(good, SOURCES).of) == [Otlp]
    assert not shop.land().quarantined
    other.land(other.put("m.json", written(ALL)))
    for dataset in (Usage, UsageCounters):
        assert shop.rows(dataset) == other.rows(dataset)
    assert len(shop.rows(Usage)) == 6


@pytest.mark.parametrize("body", BYTES, ids=["metrics", "counters", "traces", "logs"])
def test_the_body_of_one_request_is_a_file(shop: Shop, body: bytes) -> None:
    [entry] = [e for e in shop.land(shop.put("body", body)).deliveries if e.dataset == "usage"]
    assert entry.rows == len(list(otlp_protobuf.protobuf_records([body])))


def test_the_examples_of_the_specification_are_the_same_in_protobuf(
    tmp_path: Path, now: datetime, fixtures: Path
) -> None:
    lakes = [made(tmp_path / name, now) for name in ("json", "protobuf", "both")]
    for path in sorted((fixtures / "otlp").glob("*.json")):
        said = json.loads(path.read_text(encoding="utf-8"))
        body = encoded(said)
        read = list(otlp_protobuf.protobuf_records([body]))
        assert [record.fields for record in read] == [record.fields for record in records(said)]
        assert read
        for lake, content in zip(lakes, (path.read_bytes(), body, path.read_bytes()), strict=True):
            lake.put(path.name, content)
        lakes[2].put(f"{path.name}.pb", body)
    landed = [lake.land() for lake in lakes]
    assert not any(one.quarantined or one.problems for one in landed)
    assert lakes[0].rows(Usage) == lakes[1].rows(Usage) == lakes[2].rows(Usage) != []


def test_each_bad_part_is_quarantined_by_itself(shop: Shop) -> None:
    def spoilt(good: Any, old: bytes) -> bytes:
        return encoded(good).replace(old, b"\xff" * len(old))

    points = counter(*(point(n, NOON, on={"tenant.id": name}) for n, name in enumerate(["good", "spoilt"])))
    file = after_four_bytes(
        spoilt(request(points, counter(point(1, NOON), name="lost")), b"spoilt"),
        spoilt(request(counter(point(3, NOON), name="spoilt"), counter(point(4, NOON))), b"spoilt"),
        b"\xff\xff\xff",
        encoded({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "of no kind"}]}]}]}),
        encoded(request(counter(point(5, NOON, on={"tenant.id": "late"})))),
    )
    broken = encoded(request(counter(point(6, NOON), name="spoilt"), counter(point(7, NOON), name="late")))
    file += after_four_bytes(broken.replace(b"\x0a\x06spoilt", b"\x0f\x06spoilt"))
    landed = shop.land(shop.put("m.pb", file + file[:50]))
    assert sorted(map(int, shop.column(Usage, "quantity"))) == [0, 1, 4, 5, 7]
    assert reasons(landed) == {
        "not as OTLP has it: bytes that are no message, or text that is not UTF-8": 4,
        "not as OTLP has it: telemetry of no kind that is known": 1,
        "the file ends within a request": 1,
    }
    assert all(text.isascii() for text in shop.column(Quarantine, "content"))


def test_a_request_may_be_large_but_not_beyond_measure(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp_protobuf, "MAX_REQUEST", limit := 2_000_000)
    points = [point(1, NOON, on={"tenant.id": f"tenant {n}", "filler": "x" * 500}) for n in range(2_200)]
    large = (limit + 1).to_bytes(4, "big") + bytes(limit + 1)
    one = after_four_bytes(encoded(request(counter(*points))))
    landed = shop.land(shop.put("m.pb", one + large + after_four_bytes(BYTES[0])))
    assert reasons(landed) == {"longer than 2,000,000 bytes": 1}
    assert len(shop.rows(Usage)) == 2_203


def test_gzip_that_ends_early_loses_only_what_is_cut(shop: Shop) -> None:
    requests = (encoded(request(counter(point(n, NOON, on={"n": n})))) for n in range(300))
    packed = gzip.compress(after_four_bytes(*requests))
    landed = shop.land(shop.put("m.pb.gz", packed[: len(packed) // 2]))
    assert reasons(landed) == {"the gzip data ends early: the rest of the file is missing": 1}
    assert 30 < len(shop.rows(Usage)) < 300


def test_text_with_a_nul_is_written_as_a_table_can_hold_it(shop: Shop) -> None:
    shop.land(shop.put("m.pb", encoded(request(counter(point(1, NOON, on={"tenant.id": "a\0b"}))))))
    assert shop.column(Usage, "tenant_id") == ["a\u2400b"]

"""The live intake over HTTP, with the clients that people use."""

from __future__ import annotations

import gzip
import json
import os
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from google.protobuf.json_format import MessageToDict, ParseDict
from google.rpc.status_pb2 import Status
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind
from otlp_requests import CUMULATIVE, counter, histogram, point, request
from starlette.testclient import TestClient
from taking import BATCH, EVENTS, JSON, Client, app_of, by, event, intake_of, served

from tenantry.datasets.counters import UsageCounters
from tenantry.datasets.usage import Usage
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.errors import Kind, TenantryError
from tenantry.kernel import Principal
from tenantry.kernel.context import AccessRole
from tenantry.runtime.ingest import ingest
from tenantry.runtime.intake import Intake
from tenantry.sources.live import live_events
from tenantry.sources.tables import UsageTable

STRUCTURED = "application/cloudevents+json"
PROTOBUF = "application/x-protobuf"


@pytest.fixture
def intake(tmp_path: Path) -> Intake:
    return intake_of(tmp_path, every=60.0, body=200_000, unpacked=400_000)


@pytest.fixture
def client(intake: Intake) -> Generator[Client]:
    with served(intake) as port:
        client = Client(port)
        yield client
        client.close()


def rows(lake: Path, dataset: Any = Usage, order: str = "id") -> list[Any]:
    engine = DuckDB(Lake(lake), "1GB", 1)
    engine.attach([dataset])
    return engine.query(f"SELECT * FROM {dataset.table()} ORDER BY {order}")


def verdict(client: Client, body: bytes, kind: str, **headers: str) -> dict[str, Any]:
    status, _, text = client.post(EVENTS, body, kind, **headers)
    assert status == 202, text
    return json.loads(text)


# --- CloudEvents ---


def test_every_event_has_its_verdict(client: Client, intake: Intake, tmp_path: Path):
    assert client.send([event(1), event(2)]) == {
        "accepted": 2,
        "duplicates": 0,
        "rejected": [],
        "conflicts": [],
    }
    said = client.send([
        event(1), event(2, data={"quantity": 3}), event(3), event(4, subject=None), event(5, data={"quantity": "many"}),
        event(6, specversion="0.3"), "no event", event(7, time="soon"), {}, event(3), event(8, subject="(idle)"),
    ])  # fmt: skip
    assert (said["accepted"], said["duplicates"]) == (1, 2)
    [conflict] = said["conflicts"]
    assert (conflict["index"], conflict["id"]) == (1, "event-2")
    assert conflict["stored"] != conflict["sent"]
    assert [(one["index"], one["id"], one["reason"]) for one in said["rejected"]] == [
        (3, "event-4", "tenant_id is missing or cannot be read"),
        (4, "event-5", "quantity is not a number"),
        (5, "event-6", "specversion is not 1.0"),
        (6, None, "not a JSON object"),
        (7, "event-7", "day is missing or cannot be read; time is missing or cannot be read"),
        (8, None, "specversion is not 1.0"),
        (10, "event-8", "tenant_id in parentheses is reserved"),
    ]
    intake.flush()
    assert [(row.id, row.quantity) for row in rows(tmp_path)] == [
        (f"event-{n}", Decimal(2)) for n in (1, 2, 3)
    ]
    of = intake.counters()["events"]
    assert of == {"received": 13, "stored": 3, "duplicate": 2, "conflict": 1, "rejected": 7, "left_out": 0}


def test_all_ways_of_writing_an_event_are_one(client: Client, intake: Intake, tmp_path: Path):
    made = CloudEvent(
        {"id": "1", "source": "/shop", "type": "calls", "specversion": "1.0", "subject": "Bäcker",
         "time": datetime(2026, 6, 30, 12, tzinfo=UTC), "datacontenttype": JSON},
        {"quantity": 1.5, "feature_id": "search"},
    )  # fmt: skip
    assert client.get(EVENTS + "/rejected")["entries"] == []
    structured = to_structured_event(made, JSONFormat())
    binary = to_binary_event(made, JSONFormat())
    for message, accepted in ((structured, 1), (binary, 0)):
        headers = {name: value for name, value in message.headers.items() if name.lower() != "content-type"}
        kind = next(value for name, value in message.headers.items() if name.lower() == "content-type")
        body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
        said = verdict(client, body, kind, **headers)
        assert (said["accepted"], said["duplicates"]) == (accepted, 1 - accepted), said
    document = json.loads(structured.body)
    turned = {**dict(reversed(document.items())), "data": dict(reversed(document["data"].items()))}
    beside = event(1) | {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
    assert verdict(client, json.dumps([turned, beside]).encode(), BATCH)["duplicates"] == 1
    for body, kind in (
        (document, STRUCTURED), (document, JSON), ([document], JSON), ([turned], BATCH),
        ([document], f"{BATCH}; charset=utf-8"),
    ):  # fmt: skip
        assert verdict(client, json.dumps(body, indent=1).encode(), kind)["duplicates"] == 1
    packed = gzip.compress(json.dumps([document]).encode())
    assert verdict(client, packed, BATCH, Content_Encoding="gzip")["duplicates"] == 1
    intake.flush()
    row, _ = rows(tmp_path)
    assert (row.tenant_id, row.quantity, row.feature_id) == ("Bäcker", Decimal("1.5"), "search")


def test_binary_events_carry_any_data(client: Client, intake: Intake, tmp_path: Path):
    head = {
        "ce_id": "1",
        "ce_source": "/shop",
        "ce_type": "calls",
        "ce_specversion": "1.0",
        "ce_subject": "a%20b",
    }
    assert verdict(client, b"\xff\x00", "image/png", **head)["accepted"] == 1
    assert verdict(client, b"hello", "text/plain", **(head | {"ce_id": "2"}))["accepted"] == 1
    assert verdict(client, b"", "", **(head | {"ce_id": "3"}))["accepted"] == 1
    assert (
        verdict(client, b'{"units": 7}', "application/problem+json", **(head | {"ce_id": "4"}))["accepted"]
        == 1
    )
    intake.flush()
    assert [(row.tenant_id, row.quantity) for row in rows(tmp_path)] == [
        ("a b", 1),
        ("a b", 1),
        ("a b", 1),
        ("a b", 7),
    ]


def test_an_event_without_a_time_is_of_now(client: Client, intake: Intake, tmp_path: Path):
    timeless = [{k: v for k, v in event(n).items() if k != "time"} for n in (1, 2)]
    timeless[1]["data"] = {"quantity": "1e1"}
    assert client.send(timeless)["accepted"] == 2
    assert client.send(timeless)["duplicates"] == 2
    intake.flush()
    assert {row.day for row in rows(tmp_path)} <= {datetime.now(UTC).date()}


@pytest.mark.parametrize(
    ("body", "kind", "headers", "status"),
    [
        (b"no json", BATCH, {}, 400),
        (b"", JSON, {}, 400),
        (b'[{"id": 1}', BATCH, {}, 400),
        (b"[" * 100_000, BATCH, {}, 400),
        (b"{}", "text/html", {}, 415),
        (b"{}", JSON, {"Content_Encoding": "br"}, 415),
        (b"{}", JSON, {"Content_Encoding": "gzip"}, 400),
        (gzip.compress(b"{}", mtime=0)[:-3], JSON, {"Content_Encoding": "gzip"}, 400),
        (b" " * 200_001, JSON, {}, 413),
        (gzip.compress(b" " * 400_001, mtime=0), JSON, {"Content_Encoding": "gzip"}, 413),
    ],
)
def test_what_is_no_event_at_all_is_a_problem_document(
    client: Client, body: bytes, kind: str, headers: dict[str, str], status: int
):
    got, head, text = client.post(EVENTS, body, kind, **headers)
    assert (got, head["content-type"]) == (status, "application/problem+json"), text
    assert json.loads(text)["status"] == status


def test_events_that_a_strict_reader_refuses_do_not_harm_others(client: Client):
    body = json.dumps(
        [event(1), event(2, data={"quantity": 2, "x": float("nan")}), event("\ud800"), 5]
    ).encode()
    said = verdict(client, body.replace(b"search", b"se\xffrch", 1), BATCH)
    assert (said["accepted"], [one["index"] for one in said["rejected"]]) == (3, [3]), said


# --- the ledger ---


def test_what_could_not_be_taken_is_kept_and_tried_again(client: Client, intake: Intake, tmp_path: Path):
    bad = event(1, data={"quantity": "n/k"})
    client.send([bad])
    client.send([bad, event(2, subject=""), event(3)])
    listed = client.get(EVENTS + "/rejected")
    assert [(one["reason"], one["times"], one["whole"]) for one in listed["entries"]] == [
        ("quantity is not a number", 2, True), ("tenant_id is missing or cannot be read", 1, True),
    ]  # fmt: skip
    assert json.loads(listed["entries"][0]["content"]) == bad
    assert [(one["reason"], one["entries"], one["times"]) for one in listed["counts"]] == [
        ("quantity is not a number", 1, 2), ("tenant_id is missing or cannot be read", 1, 1),
    ]  # fmt: skip
    status, _, text = client.post(EVENTS + "/replay", b"")
    assert (status, json.loads(text)["left"]) == (200, 2)
    assert client.get(EVENTS + "/rejected?reason=of%20another%20world")["entries"] == []
    assert client.get(EVENTS + "/rejected?limit=1")["next"] == 1
    assert [one["id"] for one in client.get(EVENTS + "/rejected?after=1")["entries"]] == ["event-2"]
    assert client.get(EVENTS + "/rejected?limit=many")["status"] == 422


def test_what_is_taken_when_tried_again_was_received_once(tmp_path: Path):
    live = live_events()
    [mapping] = live.mappings
    strict = replace(
        mapping, rejects=(*mapping.rejects, ("no such feature: mend it", "contains(_record, 'search')"))
    )
    take = lambda *events: intake.take(intake.events.open(json.dumps(events).encode()))  # noqa: E731
    intake = intake_of(tmp_path, replace(live, mappings=(strict,), plain=None))
    intake.start()
    take(event(1), event(2, subject="", data=None))
    take(event(1), event(3, data={"quantity": 3}))
    assert intake.counters()["events"] == {
        "received": 4, "stored": 1, "duplicate": 0, "conflict": 0, "rejected": 3, "left_out": 0,
    }  # fmt: skip
    intake.stop()
    intake = intake_of(tmp_path)
    intake.start()
    assert intake.replay(reason="no such feature: mend it") == {
        "tried": 1, "accepted": 1, "duplicates": 0, "left": 0, "last": 1,
    }  # fmt: skip
    assert [entry["id"] for entry in intake.ledger()] == ["event-2"]
    after = {"received": 4, "stored": 2, "duplicate": 1, "conflict": 0, "rejected": 1, "left_out": 0}
    assert intake.counters()["events"] == after
    assert intake.replay()["left"] == 1
    assert intake.counters()["events"] == after
    assert take(event(1)).duplicates == 1
    assert take(event(1, data={"quantity": 6})).conflicts
    intake.stop()
    assert [row.quantity for row in rows(tmp_path)] == [2, 3]


def test_the_ledger_keeps_a_bounded_part_of_each(tmp_path: Path):
    intake = intake_of(tmp_path, content=100)
    intake.start()
    long = event(1, subject="", data={"x": "y" * 200})
    intake.take(intake.events.open(json.dumps(long).encode()))
    [entry] = intake.ledger()
    assert (len(entry["content"]), entry["whole"]) == (100, 0)
    assert intake.replay() == {"tried": 1, "accepted": 0, "duplicates": 0, "left": 1, "last": 1}
    intake.stop()


# --- who sends ---


def test_what_is_deleted_from_the_intake_is_on_the_disk_of_the_lake(
    client: Client, intake: Intake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    synced: set[str] = set()
    fsync = os.fsync

    def noted(handle: int) -> None:
        synced.add(str(Path(f"/proc/self/fd/{handle}").readlink()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    client.send([event(1), event(2)])
    intake.flush()
    lake = Lake(tmp_path)
    folder = lake.folder(Usage)
    held = [Path(path) for path in lake.paths(Usage)]
    commit = folder / "_delta_log" / f"{lake.version(Usage):020}.json"
    assert held
    assert {str(path) for path in (*held, *(p.parent for p in held), commit, commit.parent)} <= synced


@pytest.mark.parametrize(
    ("principal", "status", "accepted"),
    [
        (Principal("v", None, AccessRole.VIEWER), 403, None),
        (Principal("a", None, AccessRole.ANALYST), 202, 2),
        (Principal("t", "acme", AccessRole.ANALYST), 202, 1),
    ],
)
def test_a_sender_of_a_tenant_sends_that_tenants_usage(
    intake: Intake, principal: Principal, status: int, accepted: int | None
):
    with TestClient(app_of(intake, by(principal))) as client:
        reply = client.post(EVENTS, json=[event(1), event(2, subject="globex")])
        assert reply.status_code == status
        if accepted is not None:
            assert reply.json()["accepted"] == accepted
            assert [one["reason"] for one in reply.json()["rejected"]] == ["not of the sender's tenant"] * (
                2 - accepted
            )
            theirs = client.get(EVENTS + "/rejected").json()["entries"]
            assert len(theirs) == 2 - accepted
            assert client.post(EVENTS + "/replay").status_code == 403
        said = client.post("/v1/metrics", json=request(counter(point(1, "2026-06-30T12:00:00", on={}))))
        assert (said.status_code, "partialSuccess" in said.json()) == (
            (200, accepted == 1) if accepted else (403, False)
        )


# --- OpenTelemetry ---


def test_what_the_sdk_exports_is_usage(client: Client, intake: Intake, tmp_path: Path):
    address = f"http://127.0.0.1:{client.port}"
    resource = Resource({"service.name": "shop"})
    exporter = OTLPMetricExporter(
        f"{address}/v1/metrics",
        compression=Compression.Gzip,
        preferred_temporality={Counter: AggregationTemporality.DELTA},
    )
    metrics = MeterProvider([PeriodicExportingMetricReader(exporter, 1e9)], resource)
    calls = metrics.get_meter("m").create_counter("calls")
    calls.add(3, {"tenant.id": "acme"})
    assert metrics.force_flush()
    calls.add(4, {"tenant.id": "globex"})
    metrics.shutdown()
    traces = TracerProvider(resource=resource)
    traces.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{address}/v1/traces")))
    with traces.get_tracer("t").start_as_current_span(
        "GET", kind=SpanKind.SERVER, attributes={"tenant.id": "acme"}
    ):
        traces.get_tracer("t").start_span("inner").end()
    traces.shutdown()
    logs = LoggerProvider(resource)
    logs.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(f"{address}/v1/logs")))
    logs.get_logger("l").emit(
        LogRecord(
            timestamp=1_782_823_000_000_000_000,
            severity_number=SeverityNumber.INFO,
            body="sold",
            attributes={"tenant.id": "acme"},
        )
    )
    logs.shutdown()
    intake.flush()
    found = [(row.meter, row.tenant_id, row.quantity) for row in rows(tmp_path, order="meter, tenant_id")]
    assert [one for one in found if one[0] != "spans.seconds"] == [
        ("calls", "acme", 3), ("calls", "globex", 4), ("log_records", "acme", 1), ("spans", "acme", 1),
    ]  # fmt: skip
    assert {door: of["received"] for door, of in intake.counters().items()} == {
        "events": 0, "metrics": 2, "logs": 1, "traces": 2,
    }  # fmt: skip
    assert intake.counters()["traces"]["left_out"] == 1


@pytest.mark.parametrize("kind", [JSON, PROTOBUF])
def test_otlp_is_answered_by_its_own_rules(client: Client, intake: Intake, tmp_path: Path, kind: str):
    def post(what: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        body = (
            ParseDict(what, ExportMetricsServiceRequest()).SerializeToString()
            if kind == PROTOBUF
            else json.dumps(what).encode()
        )
        status, head, text = client.post("/v1/metrics", body, kind)
        assert head["content-type"] == (kind)
        return status, MessageToDict(
            ExportMetricsServiceResponse.FromString(text)
        ) if kind == PROTOBUF else json.loads(text)

    at = "2026-06-30T12:00:00"
    good = request(counter(point(3, at)), counter(point(9, at, at), temporality=CUMULATIVE, name="total"))
    assert post(good) == (200, {})
    assert post(good) == (200, {})
    bad = request(
        counter(
            point(5, at),
            point(-1, "2026-06-30T12:01:00"),
            point(1, at, on={"tenant.id": "(idle)"}),
            point(8, at, on={}),
        ),
        histogram({"attributes": [], "timeUnixNano": "1782820800000000000", "count": "4", "sum": 2.5}),
        {"name": "level", "gauge": {"dataPoints": [point(1, at)]}},
    )
    status, said = post(bad)
    assert status == 200
    partial = said["partialSuccess"]
    assert partial["rejectedDataPoints"] == "3"
    assert sorted(partial["errorMessage"].split("; ")) == [
        "1 x below zero, though it only grows", "1 x tenant_id in parentheses is reserved",
        "1 x the same point came before with another value",
    ]  # fmt: skip
    intake.flush()
    found = [(row.meter, row.tenant_id, row.quantity) for row in rows(tmp_path, order="meter, tenant_id")]
    assert found == [
        ("calls", "(unattributed)", 8), ("calls", "acme", 3), ("latency.count", "(unattributed)", 4),
        ("latency.sum", "(unattributed)", Decimal("2.5")),
    ]  # fmt: skip
    assert [(row.meter, row.reading) for row in rows(tmp_path, UsageCounters)] == [("total", 9)]
    of = intake.counters()["metrics"]
    assert of == {"received": 10, "stored": 4, "duplicate": 2, "conflict": 1, "rejected": 2, "left_out": 1}
    assert intake.replay()["left"] == 3


def test_otlp_that_cannot_be_decoded_is_a_status(client: Client):
    for signal in ("metrics", "logs", "traces"):
        status, head, text = client.post(f"/v1/{signal}", b"\xff\xff", PROTOBUF)
        assert (status, head["content-type"]) == (400, PROTOBUF)
        assert Status.FromString(text).code == 3
        status, head, text = client.post(f"/v1/{signal}", b"[]", JSON)
        assert (status, head["content-type"], json.loads(text)["code"]) == (400, JSON, 3)
        assert client.post(f"/v1/{signal}", b"", "text/plain")[0] == 415
        assert client.post(f"/v1/{signal}", b"", PROTOBUF)[0::2] == (200, b"")
        assert client.post(f"/v1/{signal}", b"{}", JSON)[0::2] == (200, b"{}")


# --- the lake ---


def test_what_a_file_holds_too_counts_once_whichever_comes_first(tmp_path: Path):
    def land(name: str, *events: dict[str, Any]) -> None:
        file = tmp_path / name
        file.write_text("\n".join(map(json.dumps, events)), encoding="utf-8")
        ingest(DuckDB(Lake(tmp_path), "1GB", 1), [UsageTable], [str(file)], datetime.now(UTC))

    intake = intake_of(tmp_path, every=60.0)
    land("1.jsonl", event(1), event(2))
    intake.start()
    take = lambda *events: intake.take(intake.events.open(json.dumps(events).encode()))  # noqa: E731
    said = take(event(1), event(3), event(4))
    assert (said.accepted, said.duplicates) == (2, 1)
    # A file with one that waits, of another day and quantity, and one that comes only later.
    land("2.jsonl", event(3, time="2026-05-01T00:00:00Z", data={"quantity": 9}), event(5), event(6))
    said = take(event(5))
    assert said.accepted == 1, "nobody has looked into the lake since"
    intake.flush()
    assert take(event(6)).duplicates == 1
    assert take(event(3)).duplicates == take(event(4)).duplicates == 1
    # A file over what the intake has landed.
    land("3.jsonl", event(4, data={"quantity": 7}), event(7))
    intake.flush()
    assert take(event(7), event(8)).accepted == 1
    intake.stop()
    assert [(row.id[6:], row.quantity) for row in rows(tmp_path)] == [
        ("1", 2), ("2", 2), ("3", 2), ("4", 7), ("5", 2), ("6", 2), ("7", 2), ("8", 2),
    ]  # fmt: skip


def test_many_commits_leave_few_files_and_are_not_written_again_and_again(tmp_path: Path):
    intake = intake_of(tmp_path, every=60.0)
    intake.start()
    written = 0
    lake, seen = Lake(tmp_path), set[str]()
    for n in range(40):
        intake.take(intake.events.open(json.dumps([event(f"{n}-{m}") for m in range(10)]).encode()))
        intake.flush()
        files = lake.files(Usage)
        written += sum(file.rows for file in files if file.path not in seen)
        seen |= {file.path for file in files}
        assert sum(file.rows for file in files) == 10 * (n + 1)
        assert len(files) <= 15
    assert written <= 400 * 3
    intake.stop()
    assert len(rows(tmp_path)) == 400


def test_to_land_what_is_there_takes_one_commit_however_much_comes_meanwhile(tmp_path: Path):
    intake = intake_of(tmp_path, every=60.0)
    intake.start()
    sent, enough = 0, threading.Event()

    def send() -> None:
        nonlocal sent
        while not enough.is_set():
            intake.take(intake.events.open(json.dumps([event(sent)]).encode()))
            sent += 1

    with ThreadPoolExecutor(1) as sender:
        sending = sender.submit(send)
        try:
            for commits in range(1, 4):
                until = sent + 20
                while sent < until and not sending.done():
                    sleep(0.001)
                intake.flush()
                # The first is of the empty table.
                assert Lake(tmp_path).version(Usage) == commits
        finally:
            enough.set()
        sending.result()
    intake.stop()
    assert len(rows(tmp_path)) == sent


def test_one_process_takes_in_for_a_lake(tmp_path: Path):
    first, second = intake_of(tmp_path), intake_of(tmp_path)
    first.start()
    second.start()
    with pytest.raises(TenantryError, match="another process takes events") as caught:
        second.check()
    assert caught.value.kind is Kind.UNAVAILABLE
    with served(second) as port:
        client = Client(port)
        status, head, text = client.post(EVENTS, b"{}")
        assert (status, "retry-after" in head) == (503, True)
        assert "another process takes events" in json.loads(text)["detail"]
        assert client.post("/v1/traces", b"{}")[0] == 503
        client.close()
    first.stop()
    second.start()
    second.stop()


def test_who_waits_for_another_takes_in_once_that_one_is_gone(tmp_path: Path):
    first, second = intake_of(tmp_path), intake_of(tmp_path)
    first.start()
    with served(second) as port:
        client = Client(port)
        assert client.post(EVENTS, json.dumps([event(1)]).encode(), BATCH)[0] == 503
        first.stop()
        until = monotonic() + 30
        while client.post(EVENTS, json.dumps([event(2)]).encode(), BATCH)[0] == 503:
            assert monotonic() < until
            sleep(0.1)
        client.close()
    assert len(rows(tmp_path)) == 1


def test_while_the_lake_is_held_by_another_the_door_stays_open(tmp_path: Path):
    intake = intake_of(tmp_path, every=0.05)
    intake.start()
    with Lake(tmp_path).writing(Usage):
        assert intake.take(intake.events.open(json.dumps(event(1)).encode())).accepted == 1
        with pytest.raises(TenantryError, match="is being written by another"):
            intake.flush()
        assert rows(tmp_path) == []
    intake.flush()
    intake.stop()
    assert len(rows(tmp_path)) == 1


# --- too much ---


def test_more_than_there_is_room_for_is_sent_back(tmp_path: Path):
    intake = intake_of(tmp_path, every=60.0, backlog=1)
    with served(intake) as port:
        client = Client(port)
        assert client.send([event(1)])["accepted"] == 1
        for path, body, kind in (
            (EVENTS, b"{}", JSON),
            ("/v1/metrics", b"{}", JSON),
            ("/v1/logs", b"", PROTOBUF),
        ):
            status, head, text = client.post(path, body, kind)
            assert (status, head["retry-after"]) == (429, "10"), text
        assert Status.FromString(text).code == 8
        assert intake.gauges()["refused_requests"] == 3
        intake.flush()
        assert client.send([event(1)])["duplicates"] == 1
        intake.hold(intake.limits.queue)
        assert client.post(EVENTS, b"{}", JSON)[0] == 429
        intake.let_go(intake.limits.queue)
        assert client.send([event(2)])["accepted"] == 1
        client.close()
    assert intake.gauges()["queue_bytes"] == 0

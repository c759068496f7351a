"""OTLP files: which figures become usage, whose, and what of the others is said."""

from __future__ import annotations

import gzip
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from otlp_requests import (
    CUMULATIVE,
    DELTA,
    counter,
    histogram,
    logs,
    nanos,
    point,
    request,
    span,
    spans,
    written,
)
from shop import Shop, reasons

from tenantry import app
from tenantry.datasets import Usage, UsageCounters
from tenantry.datasets.usage import UNATTRIBUTED
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.files import recognise, samples
from tenantry.engine.lake import Lake
from tenantry.engine.land import Landed, Landing
from tenantry.kernel.landing import Quarantine
from tenantry.sources import SOURCES
from tenantry.sources.otlp import Otlp

NOON = "2026-07-01T12:00:00"


@pytest.fixture
def shop(tmp_path: Path, now: datetime) -> Shop:
    (tmp_path / "in").mkdir()
    return Shop(tmp_path / "in", DuckDB(Lake(tmp_path / "lake"), "1GB"), now)


def noted(landed: Landed, dataset: str = "usage") -> dict[str, int]:
    [entry] = [e for e in landed.deliveries if e.dataset == dataset]
    return {
        note.partition(" x ")[2]: int(note.partition(" x ")[0])
        for note in (entry.note or "").split("; ")
        if note
    }


# --- the examples of the specification ---


def test_the_examples_of_the_specification_land_as_they_stand(shop: Shop, fixtures: Path) -> None:
    for path in sorted((fixtures / "otlp").glob("*.json")):
        shop.put(path.name, path.read_bytes())
    landed = shop.land()
    assert not landed.problems
    assert not landed.quarantined
    assert {(r["meter"], r["quantity"]) for r in shop.rows(Usage)} == {
        ("my.counter", 5), ("my.histogram.count", 2), ("my.histogram.sum", 2),
        ("my.exponential.histogram.count", 3), ("my.exponential.histogram.sum", 10),
    }  # fmt: skip
    assert {
        (r["tenant_id"], r["service_name"], r["source"], r["time"], r["day"]) for r in shop.rows(Usage)
    } == {
        (UNATTRIBUTED, "my.service", "otlp", datetime(2018, 12, 13, 14, 51, 0, 300_000), date(2018, 12, 13))  # noqa: DTZ001
    }
    assert {Path(e.file).name: (e.rows, e.left_out, e.note) for e in landed.deliveries} == {
        "metrics.json": (6, 1, "1 x gauges and summaries: no quantities that add up"),
        "logs.json": (1, 1, "1 x spans and log records without a tenant"),
        "trace.json": (2, 2, "2 x spans and log records without a tenant"),
    }


FORMS = ["lines", "marked", "array", "pretty", "one after another", "gzip", "utf-16"]


@pytest.mark.parametrize("form", FORMS)
def test_requests_are_recognised_and_read_however_they_are_laid_out(shop: Shop, form: str) -> None:
    requests = [request(counter(point(n, NOON, on={"tenant.id": f"t{n}"}))) for n in (1, 2)]
    texts: dict[str, str | bytes] = {
        "lines": written(requests),
        "marked": written(requests).encode("utf-8-sig"),
        "array": json.dumps(requests),
        "pretty": json.dumps(requests, indent=2),
        "one after another": "\n".join(json.dumps(one, indent=2) for one in requests),
        "gzip": gzip.compress(written(requests).encode()),
        "utf-16": written(requests).encode("utf-16"),
    }
    path = shop.put("anything", texts[form])
    good, bad = samples([path])
    assert not bad
    assert list(recognise(good, SOURCES).of) == [Otlp]
    assert not shop.land().quarantined
    assert shop.column(Usage, "tenant_id") == ["t1", "t2"] or set(shop.column(Usage, "tenant_id")) == {
        "t1",
        "t2",
    }


def test_a_request_may_be_larger_than_a_row_of_a_table(shop: Shop) -> None:
    points = [point(1, NOON, on={"tenant.id": f"tenant {n}", "filler": "x" * 500}) for n in range(5_000)]
    shop.put("m.json", written([request(counter(*points)), request(counter(point(7, NOON)))]))
    [entry] = shop.land().deliveries
    assert (entry.rows, entry.accepted) == (5_001, 5_001)


# --- whose, and of what ---


def test_attributes_name_tenant_feature_service_region_and_resource(shop: Shop) -> None:
    on = {"tenant.id": "acme", "http.route": "/v1/things/{id}", "http.request.method": "GET"}
    resource = {"service.name": "api", "cloud.region": "eu-west-1", "service.instance.id": "pod-1"}
    shop.put("m.json", written([request(counter(point(2.5, NOON, on=on)), resource=resource)]))
    shop.land()
    [row] = shop.rows(Usage)
    assert {k: v for k, v in row.items() if k != "id"} == {
        "source": "otlp", "day": date(2026, 7, 1), "time": datetime(2026, 7, 1, 12), "tenant_id": "acme",  # noqa: DTZ001
        "feature_id": "/v1/things/{id}", "service_name": "api", "resource_id": "pod-1", "region": "eu-west-1",
        "meter": "calls", "quantity": Decimal("2.5"),
    }  # fmt: skip


WHOSE: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]] = [
    ({"tenant.id": "point"}, {"tenant.id": "scope"}, {"tenant.id": "resource"}, "point"),
    ({}, {"tenant.id": "scope"}, {"tenant.id": "resource"}, "scope"),
    ({}, {}, {"tenant.id": "resource"}, "resource"),
    # A better key counts for more than a nearer place: a user is no tenant.
    ({"enduser.id": "user"}, {}, {"tenant.id": "resource"}, "resource"),
    ({"tenant.id": ""}, {}, {"tenant_id": "resource"}, "resource"),
    ({"baggage.tenant.id": "b"}, {}, {}, "b"),
    ({"tenant.id": 7}, {}, {}, "7"),
    ({"customer": "nobody asked"}, {}, {}, UNATTRIBUTED),
]


@pytest.mark.parametrize(("on", "scope", "resource", "whose"), WHOSE)
def test_the_best_key_counts_and_of_one_key_the_nearest_place(
    shop: Shop, on: dict[str, Any], scope: dict[str, Any], resource: dict[str, Any], whose: str
) -> None:
    scoped = {"attributes": [{"key": k, "value": {"stringValue": v}} for k, v in scope.items()]}
    shop.put("m.json", written([request(counter(point(1, NOON, on=on)), resource=resource, **scoped)]))
    shop.land()
    assert shop.column(Usage, "tenant_id") == [whose]


def test_a_source_may_ask_for_nothing(shop: Shop) -> None:
    path = shop.put("m.json", written([request(counter(point(1, NOON)))]))
    source = Otlp.model_validate(
        {"path": str(path), "tenant": [], "feature": [], "service": [], "region": [], "resource": []}
    )
    with Landing(shop.engine, shop.now) as landing:
        for batch in source.batches(samples([path])[0]):
            landing.land(batch, source.kind)
    assert [(r["tenant_id"], r["service_name"]) for r in shop.rows(Usage)] == [(UNATTRIBUTED, None)]


def test_other_attributes_may_be_asked_for(shop: Shop) -> None:
    on = {"tenant.id": "not asked", "o'rg/~id": "acme", "plan.feature": "search"}
    path = shop.put("m.json", written([request(counter(point(1, NOON, on=on)))]))
    source = Otlp(path=str(path), tenant=("o'rg/~id",), feature=("plan.feature",), service=())
    with Landing(shop.engine, shop.now) as landing:
        for batch in source.batches(samples([path])[0]):
            landing.land(batch, source.kind)
    [row] = shop.rows(Usage)
    assert (row["tenant_id"], row["feature_id"], row["service_name"]) == ("acme", "search", None)


# --- what counts ---


def test_only_what_adds_up_is_usage_and_the_rest_is_counted(shop: Shop) -> None:
    gauge = {"name": "queue", "gauge": {"dataPoints": [point(3, NOON), point(4, NOON)]}}
    summary = {
        "name": "old",
        "summary": {"dataPoints": [{"timeUnixNano": nanos(NOON), "count": "2", "sum": 3}]},
    }
    unrecorded = point(0, NOON, flags=1)
    shop.put(
        "m.json",
        written([
            request(
                gauge, summary, counter(point(1, NOON)), counter(point(1, NOON), name="up and down", monotonic=False),
                counter(unrecorded, name="stale"),
            )
        ]),
    )  # fmt: skip
    landed = shop.land()
    assert shop.column(Usage, "meter") == ["calls"]
    assert noted(landed) == {
        "gauges and summaries: no quantities that add up": 3,
        "sums that also fall": 1,
        "points without a value": 1,
    }


def test_what_an_sdk_counted_beyond_its_limit_of_combinations_is_said(shop: Shop) -> None:
    beyond = point(7, NOON, on={"otel.metric.overflow": True})
    shop.put("m.json", written([request(counter(point(1, NOON), beyond))]))
    landed = shop.land()
    assert sorted(shop.column(Usage, "tenant_id")) == [UNATTRIBUTED, "acme"]
    assert noted(landed) == {"attributes are lost: the sender counted beyond its limit of combinations": 1}


def test_a_histogram_is_two_meters_and_its_sum_may_be_missing(shop: Shop) -> None:
    full = {"attributes": [], "timeUnixNano": nanos(NOON), "count": "4", "sum": 1.25}
    shop.put("m.json", written([request(histogram(full), histogram({**full, "sum": None}, name="signed"))]))
    [entry] = shop.land().deliveries
    assert {(r["meter"], r["quantity"]) for r in shop.rows(Usage)} == {
        ("latency.count", 4), ("latency.sum", Decimal("1.25")), ("signed.count", 4),
    }  # fmt: skip
    assert (entry.rows, entry.accepted) == (3, 3)


def test_numbers_are_exact(shop: Shop) -> None:
    numbers = {
        "a": '"asInt":"9223372036854775807"', "b": '"asInt":12', "c": '"asDouble":0.1', "d": '"asDouble":1e-07',
        "e": '"asDouble":"2.5"', "f": '"asDouble":1.5e+20',
    }  # fmt: skip
    text = written([request(*(counter(point(1, NOON), name=name) for name in numbers))])
    for number in numbers.values():
        text = text.replace('"asInt":"1"', number, 1)
    shop.put("m.json", text)
    assert not shop.land().quarantined
    assert {r["meter"]: r["quantity"] for r in shop.rows(Usage)} == {
        "a": Decimal(9223372036854775807), "b": 12, "c": Decimal("0.1"), "d": Decimal("0.0000001"),
        "e": Decimal("2.5"), "f": Decimal(150000000000000000000),
    }  # fmt: skip


def test_a_request_served_is_a_span_and_its_seconds(shop: Shop) -> None:
    on = {"tenant.id": "acme", "http.route": "/v1"}
    server, consumer = span(1, NOON, 2, 2, **on), span(2, NOON, 3, 5, **on)
    parts = [span(3, NOON, 1, kind, **on) for kind in (0, 1, 3, 4)]
    nobody = span(4, NOON)
    shop.put("t.json", written([spans(server, consumer, *parts, nobody), spans(server)]))
    landed = shop.land()
    assert sorted((r["meter"], r["quantity"], r["id"]) for r in shop.rows(Usage)) == [
        ("spans", 1, f"{1:032x}:{1:016x}"), ("spans", 1, f"{2:032x}:{2:016x}"),
        ("spans.seconds", Decimal("2.000000001"), f"{1:032x}:{1:016x}.seconds"),
        ("spans.seconds", Decimal("3.000000001"), f"{2:032x}:{2:016x}.seconds"),
    ]  # fmt: skip
    assert noted(landed) == {
        "spans that are parts of a request": 8,
        "spans and log records without a tenant": 2,
        "duplicate": 2,
    }


def test_a_log_record_of_a_tenant_counts_one_however_often_it_is_sent(shop: Shop) -> None:
    body = {
        "body": {"stringValue": "done"},
        "attributes": [{"key": "tenant.id", "value": {"stringValue": "acme"}}],
    }
    first = {"timeUnixNano": nanos(NOON), **body}
    observed = {"timeUnixNano": "0", "observedTimeUnixNano": nanos("2026-07-02T00:00:00"), **body}
    nobody = {"timeUnixNano": nanos(NOON), "body": body["body"]}
    shop.put("l.json", written([logs(first, observed, nobody), logs(first)]))
    landed = shop.land()
    assert sorted((r["day"].day, r["meter"], r["quantity"]) for r in shop.rows(Usage)) == [
        (1, "log_records", 1), (2, "log_records", 1),
    ]  # fmt: skip
    assert noted(landed) == {"spans and log records without a tenant": 1, "duplicate": 1}


# --- what cannot be read ---


def test_each_bad_part_is_quarantined_by_itself(shop: Shop) -> None:
    good = point(1, NOON)
    no_point: Any = "no point"
    parts = request(
        counter(
            good,
            {**good, "timeUnixNano": "0"},
            {**good, "asInt": "many"},
            {**good, "asInt": "-1"},
            no_point,
        ),
        counter({**good, "attributes": [{"value": {}}]}, name="attributes"),
        {"name": "of no kind"},
        {**counter(good, name="temporality"), "sum": {"isMonotonic": True, "dataPoints": [good]}},
        counter(point(1, NOON, on={"tenant.id": "(idle)"}), name="reserved"),
    )
    lines = [
        json.dumps(parts),
        "{broken",
        json.dumps({"resourceMetrics": "none"}),
        "[1]",
        json.dumps(request(counter(good))),
    ]
    shop.put("m.json", "\n".join(lines))
    landed = shop.land()
    assert shop.column(Usage, "quantity") == [1]
    found = reasons(landed)
    assert {reason: rows for reason, rows in found.items() if "JSON: " not in reason} == {
        "day is missing or cannot be read; time is missing or cannot be read": 1,
        "quantity is missing or cannot be read": 1,
        "below zero, though it only grows": 1,
        "not as OTLP has it: a part is missing or of another type": 2,
        "not as OTLP has it: a metric of no kind that is known": 1,
        "neither delta nor cumulative": 1,
        "tenant_id in parentheses is reserved": 1,
        "not as OTLP has it: resourceMetrics is not a list": 1,
        "not a JSON object": 1,
    }
    assert sum(found.values()) == 11
    assert {r["dataset"] for r in shop.rows(Quarantine)} == {"usage"}
    assert noted(landed)["duplicate"] == 1


def test_text_that_a_table_cannot_hold_is_written_so_that_it_can(shop: Shop) -> None:
    text = written([request(counter(point(1, NOON, on={"tenant.id": "TENANT"})))])
    shop.put("m.json", text.replace("TENANT", r"a\u0000b\ud800c\u00e9"))
    assert not shop.land().quarantined
    assert shop.column(Usage, "tenant_id") == ["a\u2400b?cé"]


# --- counting once ---


def test_a_point_counts_once_and_one_that_says_something_else_is_a_conflict(shop: Shop) -> None:
    once = point(5, NOON, NOON)
    turned = {**once, "attributes": list(reversed(once["attributes"]))}
    shop.put("a.json", written([request(counter(once)), request(counter(turned))]))
    shop.put("b.json", written([request(counter(once, {**once, "asInt": "6"}))]))
    landed = shop.land()
    assert shop.column(Usage, "quantity") == [5]
    assert reasons(landed) == {"the same source, id as an earlier row, but not the same values": 1}
    shop.land(shop.put("c.json", written([request(counter(once), counter(once, name="other"))])))
    assert shop.column(Usage, "quantity") == [5, 5]


def test_a_delta_is_of_the_hour_in_which_it_began(shop: Shop) -> None:
    began, odd = "2026-06-30T23:00:00", "2026-07-01T13:00:00"
    points = [point(1, "2026-07-01T00:00:00", began), point(2, NOON), point(3, NOON, odd)]
    shop.put("m.json", written([request(counter(*points))]))
    shop.land()
    assert {(row["quantity"], f"{row['day']} {row['time']:%H}") for row in shop.rows(Usage)} == {
        (1, "2026-06-30 23"), (2, "2026-07-01 12"), (3, "2026-07-01 12"),
    }  # fmt: skip


@pytest.mark.parametrize(("unit", "name", "expected"), [
    ("ms", "job.duration", "0.0025"), ("s", "job.duration", "2.5"), ("us", "work", "0.0000025"), ("h", "work", "9000"),
    ("ms", "work_ms", "2.5"), ("ms", "job.milliseconds", "2.5"), ("MiBy", "sent", "2621440"), ("By", "sent", "2.5"),
    ("kBy", "sent_kb", "2.5"), ("{item}", "items", "2.5"), ("", "items", "2.5"),
])  # fmt: skip
def test_times_are_in_seconds_and_sizes_in_bytes_unless_a_name_says_else(
    shop: Shop, unit: str, name: str, expected: str
) -> None:
    delta, total = (
        {**counter(point(2.5, NOON, NOON), name=name, temporality=temporality), "unit": unit}
        for temporality in (DELTA, CUMULATIVE)
    )
    shop.put("m.json", written([request(delta), request(total)]))
    shop.land()
    assert [(row["meter"], row["quantity"]) for row in shop.rows(Usage)] == [(name, Decimal(expected))]
    assert shop.column(UsageCounters, "reading") == [Decimal(expected)]


def test_a_size_too_large_to_be_kept_is_quarantined_by_itself(shop: Shop) -> None:
    large = {
        **counter(point(1, NOON), point("9" * 28, NOON, on={"tenant.id": "b"}), name="sent"),
        "unit": "TiBy",
    }
    shop.put("m.json", written([request(large)]))
    assert reasons(shop.land()) == {"quantity is missing or cannot be read": 1}
    assert shop.column(Usage, "quantity") == [2**40]


def test_how_many_values_a_histogram_has_is_of_no_unit(shop: Shop) -> None:
    slow = {**histogram({**point(0, NOON), "count": "3", "sum": 1500.0}), "unit": "ms"}
    shop.put("m.json", written([request(slow)]))
    shop.land()
    assert {row["meter"]: row["quantity"] for row in shop.rows(Usage)} == {
        "latency.count": 3, "latency.sum": Decimal("1.5"),
    }  # fmt: skip


def test_running_totals_are_kept_as_read(shop: Shop) -> None:
    start = "2026-07-01T00:00:00"
    known = point(5, NOON, start)
    unknown = point(7, NOON, on={"tenant.id": "beta"})
    counted = {**known, "count": "9", "sum": 4.5}
    shop.put(
        "m.json",
        written([
            request(
                counter(known, unknown, temporality=CUMULATIVE), histogram(counted, temporality=CUMULATIVE),
                counter(point(1, NOON), name="delta"),
            )
        ]),
    )  # fmt: skip
    landed = shop.land()
    assert shop.column(Usage, "meter") == ["delta"]
    rows = {
        (r["meter"], r["tenant_id"]): (r["started"].isoformat(), r["reading"])
        for r in shop.rows(UsageCounters)
    }
    assert rows == {
        ("calls", "acme"): (start, 5), ("calls", "beta"): ("1970-01-01T00:00:00", 7),
        ("latency.count", "acme"): (start, 9), ("latency.sum", "acme"): (start, Decimal("4.5")),
    }  # fmt: skip
    assert len({r["series"] for r in shop.rows(UsageCounters)}) == 4
    assert noted(landed) == {"running totals: in the account of usage_counters": 4}
    assert noted(landed, "usage_counters") == {"no running totals: in the account of usage": 1}


def test_the_rows_of_a_file_that_fills_two_datasets_count_once(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(
        written(
            [request(counter(point(1, NOON)), counter(point(1, NOON), temporality=CUMULATIVE, name="total"))]
        )
        + "{broken\n"
    )
    ingested = app.open_plane(str(tmp_path / "lake")).ingest([str(path)])
    assert (ingested.rows, ingested.accepted, ingested.left_out) == (3, 2, 0)
    assert sum(ingested.quarantined.values()) == 1

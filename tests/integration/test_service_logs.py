"""Logs of AWS's services: which figures become usage, whose, and what of the others is said."""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from shop import Shop, reasons

from tenantry import app
from tenantry.datasets import DATASETS, Usage
from tenantry.datasets.usage import UNATTRIBUTED
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.files import recognise, sample, samples
from tenantry.engine.lake import Lake
from tenantry.engine.land import Landed, Landing
from tenantry.sources import SOURCES
from tenantry.sources.service_log import ServiceLog

NOON = 1_782_907_200_000
"""2026-07-01T12:00:00Z"""
ONE, TWO = "8f507cfc-0000-4697-b07a-ac58fc914c95", "989ffbf8-9ace-4817-a57c-e4dd734019ee"
TRACE = "1-5880168b-fd5158284b67678a3bb5a78c"
DYNAMODB, LAMBDA = "Amazon DynamoDB", "AWS Lambda"


@pytest.fixture
def shop(tmp_path: Path, now: datetime) -> Shop:
    (tmp_path / "in").mkdir()
    return Shop(tmp_path / "in", DuckDB(Lake(tmp_path / "lake"), "1GB"), now)


def lines(*messages: Any) -> str:
    return "".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in messages)


def metrics(at: int = NOON, unit: str = "Count", **values: Any) -> dict[str, Any]:
    """The member `_aws` and what it says are metrics."""
    named = [{"Name": name, "Unit": unit} for name in values]
    directive = {"Namespace": "shop", "Dimensions": [["service"]], "Metrics": named}
    return {"_aws": {"Timestamp": at, "CloudWatchMetrics": [directive]}, **values}


def report(request: str = ONE, billed: int | str = 1000, memory: int = 1024) -> str:
    return (
        f"REPORT RequestId: {request}\tDuration: 15.74 ms\tBilled Duration: {billed} ms\tMemory Size: {memory} MB\t"
        "Max Memory Used: 56 MB\tInit Duration: 130.49 ms\t"
    )


def delivery(*messages: Any, first: int = 0, kind: str = "DATA_MESSAGE") -> dict[str, Any]:
    """What a subscription of a function's log group delivers."""
    texts = [one if isinstance(one, str) else json.dumps(one) for one in messages]
    return {
        "messageType": kind,
        "owner": "111122223333",
        "logGroup": "/aws/lambda/checkout",
        "logStream": "2026/07/01/[$LATEST]abc",
        "subscriptionFilters": ["all"],
        "logEvents": [
            {"id": str(n), "timestamp": NOON, "message": text} for n, text in enumerate(texts, first)
        ],
    }


def exported(*messages: Any, **more: str) -> str:
    """An export of Logs Insights."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["@timestamp", "@message", "@log", *more])
    for one in messages:
        said = one if isinstance(one, str) else json.dumps(one)
        out.writerow(["2026-07-01 12:00:00.000", said, "111122223333:/aws/lambda/checkout", *more.values()])
    return text.getvalue()


def found(shop: Shop, *columns: str) -> set[tuple[Any, ...]]:
    return {tuple(row[name] for name in columns) for row in shop.rows(Usage)}


def figures(shop: Shop) -> list[tuple[Any, ...]]:
    return sorted((r["tenant_id"], r["meter"], r["quantity"]) for r in shop.rows(Usage))


def noted(landed: Landed) -> dict[str, int]:
    notes = [note for entry in landed.deliveries for note in (entry.note or "").split("; ") if note]
    return {note.partition(" x ")[2]: int(note.partition(" x ")[0]) for note in notes}


# --- embedded metrics ---


def test_the_example_of_the_metric_format_lands_as_it_stands(shop: Shop) -> None:
    """Whose metric is called `time`, which is not when it was."""
    metric = {"Name": "time", "Unit": "Milliseconds", "StorageResolution": 60}
    directive = {
        "Namespace": "lambda-function-metrics",
        "Dimensions": [["functionVersion"]],
        "Metrics": [metric],
    }
    example = {
        "_aws": {"Timestamp": 1574109732004, "CloudWatchMetrics": [directive]},
        "functionVersion": "$LATEST",
        "time": 100,
        "requestId": TWO,
    }
    shop.put("emf.json", json.dumps(example, indent=2))
    assert not shop.land().quarantined
    [row] = shop.rows(Usage)
    assert (row["time"], row["tenant_id"], row["meter"], row["quantity"], row["source"]) == (
        datetime(2019, 11, 18, 20, 42, 12, 4000), UNATTRIBUTED, "time", 100, "service_log",  # noqa: DTZ001
    )  # fmt: skip


def test_a_metric_counts_once_whatever_it_is_told_by(shop: Shop) -> None:
    twice: dict[str, Any] = metrics(items=[1, 2.5, 0.1]) | {
        "tenantId": "acme",
        "service": "api",
        "feature": "export",
    }
    twice["_aws"]["CloudWatchMetrics"] *= 2
    spread = metrics(latency={"Values": [10, 20], "Counts": [3, 1], "Max": 20, "Min": 10})
    summed = metrics(latency={"Max": 9, "Min": 1, "Count": 2, "Sum": 10.5})
    shop.put("emf.log", lines(twice, {**spread, "tenant": "b"}, {**summed, "tenant": "c"}))
    assert not shop.land().quarantined
    assert figures(shop) == [
        ("acme", "items", Decimal("3.6")), ("b", "latency", 50), ("c", "latency", Decimal("10.5")),
    ]  # fmt: skip
    assert ("acme", "api", "export") in found(shop, "tenant_id", "service_name", "feature_id")


def test_what_does_not_add_up_is_left_out_and_what_is_broken_is_quarantined_metric_by_metric(
    shop: Shop,
) -> None:
    agent = metrics(working_set=5)
    agent["_aws"]["CloudWatchMetrics"][0]["Namespace"] = "ContainerInsights"
    absent = metrics(gone=1, good=2)
    del absent["gone"]
    shapeless = metrics()
    shapeless["_aws"]["CloudWatchMetrics"] = [{"Metrics": "many"}]
    shop.put(
        "mixed.log",
        lines(
            metrics(unit="Percent", cpu=50), metrics(unit="Bytes/Second", rate=5), agent, absent, shapeless,
            metrics(words="many", nothing=None, wrong=["x"], yes=True), metrics(below=-2),
            metrics(huge=["1e999999999"]), {**metrics(whose=1), "tenant_id": "(idle)"}, metrics(at="yesterday", when=1),  # type: ignore[arg-type]
            '{"_aws": broken', "a line of text", {"level": "INFO", "message": "no tenant"}, "",
        ),
    )  # fmt: skip
    landed = shop.land()
    assert [row[1:] for row in figures(shop)] == [("below", -2), ("good", 2)]
    assert noted(landed) == {
        "percentages, rates and figures of AWS's own agents: no quantities that add up": 3,
        "log lines without a tenant or a figure": 2,
        "negative quantity, taken as a correction": 1,
    }
    bad = reasons(landed)
    assert sum(rows for reason, rows in bad.items() if reason.startswith("not JSON")) == 1
    assert {reason: rows for reason, rows in bad.items() if not reason.startswith("not JSON")} == {
        "not as EMF has it: a metric without a value": 1,
        "not as EMF has it: a directive without a list of named metrics": 1,
        "quantity is missing or cannot be read": 1,
        "not as EMF has it: NoneType where a number stands": 1,
        "not as EMF has it: a value is no number": 1,
        "not as EMF has it: a number beyond all bounds": 1,
        "not as EMF has it: bool where a number stands": 1,
        "tenant_id in parentheses is reserved": 1,
        "day is missing or cannot be read; time is missing or cannot be read": 1,
    }


# --- however it is delivered ---

APPLICATION = {"timestamp": "2026-07-01T12:00:00Z", "requestId": ONE, "message": {"tenantId": "acme"}}
LOG = (metrics(items=3) | {"tenant_id": "acme"}, APPLICATION, report(), report(TWO, 500, 128))
LANDED = [
    (UNATTRIBUTED, "gb_seconds", Decimal("0.0625")), (UNATTRIBUTED, "requests", 1), ("acme", "gb_seconds", 1),
    ("acme", "items", 3), ("acme", "log_records", 1), ("acme", "requests", 1),
]  # fmt: skip
PREFIX = "2026-07-01T12:00:00.000Z "
TEXTS = [one if isinstance(one, str) else json.dumps(one) for one in LOG]
FORMS: dict[str, str | bytes] = {
    "delivered": lines(delivery(*LOG)),
    "delivered one after another, packed": gzip.compress(
        b"".join(json.dumps(delivery(one, first=n)).encode() for n, one in enumerate(LOG))
    ),
    "delivered, packed one by one": b"".join(
        gzip.compress(json.dumps(delivery(one, first=n)).encode()) for n, one in enumerate(LOG)
    ),
    "exported to S3": "".join(f"{PREFIX}{text}\n" for text in TEXTS),
    "tailed": "".join(f"{PREFIX.strip()} 2026/07/01/[$LATEST]abc {text}\n" for text in TEXTS),
    "Insights in CSV": exported(*LOG),
    "Insights in JSON": json.dumps(
        [{"@timestamp": "2026-07-01 12:00:00.000", "@message": one} for one in LOG]
    ),
    "Insights by the command line": json.dumps(
        {
            "results": [
                [
                    {"field": "@timestamp", "value": "2026-07-01 12:00:00.000"},
                    {"field": "@message", "value": text},
                ]
                for text in TEXTS
            ],
            "status": "Complete",
        },
        indent=1,
    ),
    "events by the command line": json.dumps(
        {
            "events": [
                {"logStreamName": "s", "timestamp": NOON, "message": f"{text}\n", "eventId": str(n)}
                for n, text in enumerate(TEXTS)
            ],
            "searchedLogStreams": [],
        },
        indent=1,
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_log_is_recognised_and_read_however_it_was_taken_out(shop: Shop, form: str) -> None:
    path = shop.put("anything", FORMS[form])
    assert list(recognise([sample(path)], SOURCES).of) == [ServiceLog]
    landed = shop.land()
    assert not landed.problems
    assert not landed.quarantined
    assert figures(shop) == LANDED


def test_one_log_taken_out_in_several_ways_counts_once(shop: Shop) -> None:
    """The log group names a function: a way that tells it and one that does not are apart in one run only."""
    named = [form for form in FORMS if form.startswith("delivered")]
    for forms in (named, FORMS.keys() - {*named, "Insights in CSV"}):
        landed = shop.land(*(shop.put(form.replace(" ", "_"), FORMS[form]) for form in forms))
        assert not landed.quarantined
        assert figures(shop) == LANDED


LATER: dict[str, str] = {
    "JSON": lines(*({"level": "INFO", "n": n} for n in range(300)), metrics(items=1)),
    "text": "starting\n" + lines(metrics(items=1)),
    "text with times": f"{PREFIX}starting\n{PREFIX}{json.dumps(metrics(items=1))}\n",
}


@pytest.mark.parametrize("form", LATER)
def test_figures_may_come_late_in_a_log(shop: Shop, form: str) -> None:
    shop.put("app.log", LATER[form])
    assert not shop.land().problems
    assert figures(shop) == [(UNATTRIBUTED, "items", 1)]


def test_an_answer_may_be_larger_than_a_row_of_a_table(shop: Shop) -> None:
    texts = [
        json.dumps(metrics(NOON + n, items=1) | {"tenant": "a", "filler": "x" * 700}) for n in range(2_000)
    ]
    rows = [[{"field": "@message", "value": text}] for text in texts]
    shop.put("answer.json", json.dumps({"results": rows, "status": "Complete"}))
    [entry] = shop.land().deliveries
    assert (entry.rows, entry.accepted) == (2_000, 2_000)


def test_equal_messages_of_one_delivery_are_as_many_events_and_a_delivery_again_is_none(shop: Shop) -> None:
    one = metrics(items=1) | {"tenant": "a"}
    shop.put("first.json", json.dumps(delivery(one, one, one)))
    shop.put("again.json", lines(delivery(one, one, first=1), delivery(one, first=2)))
    shop.put("copy.json.gz", gzip.compress(json.dumps(delivery(one, one, one)).encode()))
    shop.land()
    assert figures(shop) == [("a", "items", 1)] * 3
    shop.land()
    assert figures(shop) == [("a", "items", 1)] * 3


def test_messages_of_a_subscription_that_only_test_it_are_no_events(shop: Shop) -> None:
    control = delivery("CWL CONTROL MESSAGE: Checking health of destination", kind="CONTROL_MESSAGE")
    shop.put("d.json", lines(delivery(metrics(n=1)), control, delivery() | {"logEvents": [{"id": 1}, 2]}))
    landed = shop.land()
    assert noted(landed) == {"test messages of a subscription": 1}
    assert reasons(landed) == {"an event without timestamp and message": 2}


# --- Lambda ---


def test_duration_times_memory_is_that_of_the_tenant_whom_the_request_names_in_any_file(shop: Shop) -> None:
    """147 ms of 128 MB, the report of the documentation."""
    shop.put(
        "platform.log",
        lines(f"START RequestId: {ONE} Version: $LATEST", report(ONE, 147, 128), f"END RequestId: {ONE}"),
    )
    shop.put("delivered.json", json.dumps(delivery(report(ONE, 147, 128))))
    shop.put(
        "app.json",
        json.dumps(delivery({"function_request_id": ONE, "tenant": {"id": "acme"}, "level": "INFO"})),
    )
    landed = shop.land(*(shop.folder / name for name in ("delivered.json", "app.json")))
    assert not landed.quarantined
    assert [row for row in figures(shop) if row[1] != "log_records"] == [
        ("acme", "gb_seconds", Decimal("0.018375")), ("acme", "requests", 1),
    ]  # fmt: skip
    assert (LAMBDA, "checkout") in found(shop, "service_name", "resource_id")
    untimed = shop.land(shop.folder / "platform.log")
    assert reasons(untimed) == {"day is missing or cannot be read; time is missing or cannot be read": 2}
    assert noted(untimed) == {"Lambda's own lines that are no report": 2}


def test_a_function_with_tenant_isolation_says_the_tenant_itself(shop: Shop) -> None:
    def platform(kind: str, **record: Any) -> dict[str, Any]:
        said = {"requestId": ONE, "tenantId": "BlueTenant", **record}
        return {"time": "2025-10-13T19:48:06.990Z", "type": f"platform.{kind}", "record": said}

    measured = {"durationMs": 1.1, "billedDurationMs": 2, "memorySizeMB": 512, "maxMemoryUsedMB": 33}
    shop.put(
        "l.json",
        lines(
            platform("start", functionArn="arn:aws:lambda:us-east-1:111122223333:function:f"),
            platform("report", metrics=measured, status="success"),
            platform("report", metrics={"durationMs": 3}, requestId=TWO),
            platform("report", metrics={"billedDurationMs": 3}),
            platform("report"),
        ),
    )
    landed = shop.land()
    assert figures(shop) == [
        ("BlueTenant", "gb_seconds", Decimal("0.001")), ("BlueTenant", "requests", 1), ("BlueTenant", "requests", 1),
    ]  # fmt: skip
    assert reasons(landed) == {"a platform.report without billedDurationMs and memorySizeMB": 2}


def test_text_lines_of_a_request_may_name_its_tenant_and_several_are_nobody(shop: Shop) -> None:
    shop.put(
        "l.log",
        "".join(
            f"{PREFIX}{one}\n"
            for one in (
                f"{ONE}\tINFO\tserving tenant_id=acme items=3", report(ONE),
                f'{TWO}\tINFO\t{{"tenantId": "a"}}', f"{TWO}\tINFO\ttenant=a", f"{TWO}\tINFO\ttenant=b", report(TWO),
                f"REPORT RequestId: {ONE}\tDuration: 1",
            )
        ) + f"[INFO]\t{PREFIX.strip()}\t{ONE}\tno tenant here\n",
    )  # fmt: skip
    landed = shop.land()
    assert [row for row in figures(shop) if row[1] == "gb_seconds"] == [
        (UNATTRIBUTED, "gb_seconds", 1), ("acme", "gb_seconds", 1),
    ]  # fmt: skip
    assert noted(landed)["requests that name several tenants: unattributed"] == 2
    assert reasons(landed) == {"a REPORT line without Billed Duration and Memory Size": 1}


def test_what_insights_read_out_of_a_report_is_enough(shop: Shop) -> None:
    rows = (
        f"2026-07-01 12:00:00.000,REPORT,{ONE},1000,1024000000\n2026-07-01 12:00:00.000,REPORT,{TWO},1000,\n"
    )
    shop.put("i.csv", "@timestamp,@type,@requestId,@billedDuration,@memorySize\n" + rows)
    landed = shop.land()
    assert figures(shop) == [(UNATTRIBUTED, "gb_seconds", 1), (UNATTRIBUTED, "requests", 1)]
    again = "@timestamp,@requestId,@billedDuration,@memorySize,@ptr\n"
    shop.land(shop.put("again.csv", f"{again}2026-07-01 12:00:00.000,{ONE},1000,1024000000,other\n"))
    assert len(figures(shop)) == 2
    assert reasons(landed) == {"a report without @billedDuration and @memorySize": 1}


# --- DynamoDB ---


def call(**said: Any) -> dict[str, Any]:
    return {"time": "2026-07-01T12:00:00Z", "tenant_id": "acme", **said}


CALLS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        call(operation="Query", ConsumedCapacity={"TableName": "Thread", "CapacityUnits": 0.5}),
        {"read_units": "0.5"},
    ),
    (call(operation="PutItemCommand", TableName="Thread", ConsumedCapacity=2), {"write_units": "2"}),
    (
        call(operation="Query", ConsumedCapacity=[{"TableName": "Thread", "ReadCapacityUnits": 1.5}]),
        {"read_units": "1.5"},
    ),
    (
        call(TableName="Thread", ReadCapacityUnits=1, WriteCapacityUnits=2.5),
        {"read_units": "1", "write_units": "2.5"},
    ),
    (
        call(
            response={
                "ConsumedCapacity": {
                    "TableName": "arn:aws:dynamodb:eu-west-1:111122223333:table/Thread",
                    "Table": {"ReadCapacityUnits": 1},
                    "GlobalSecondaryIndexes": {"by_day": {"ReadCapacityUnits": 0.5}},
                }
            }
        ),
        {"read_units": "1.5"},
    ),
    (
        {**metrics(ConsumedWriteCapacityUnits=4), "TableName": "Thread"},
        {"write_units": "4"},
    ),
    (
        {
            **metrics(items=1),
            "Operation": "GetItem",
            "ConsumedCapacity": {"TableName": "Thread", "CapacityUnits": 1},
        },
        {"items": "1", "read_units": "1"},
    ),
]


def test_consumed_capacity_is_read_and_write_units_of_a_table(shop: Shop) -> None:
    shop.put("l.json", lines(*(message | {"tenant_id": f"t{n}"} for n, (message, _) in enumerate(CALLS))))
    assert not shop.land().quarantined
    assert figures(shop) == sorted(
        (f"t{n}", meter, Decimal(number))
        for n, (_, units) in enumerate(CALLS)
        for meter, number in units.items()
    )
    table = {row[1:] for row in found(shop, "meter", "service_name", "resource_id") if row[0] != "items"}
    assert table == {(DYNAMODB, "Thread")}


def test_how_long_something_took_is_no_time(shop: Shop) -> None:
    shop.put(
        "d.json", json.dumps(delivery(call(time=12.5, operation="Query", TableName="t", ReadCapacityUnits=1)))
    )
    assert not shop.land().quarantined
    assert shop.column(Usage, "time") == [datetime(2026, 7, 1, 12)]  # noqa: DTZ001


def test_capacity_that_neither_reads_nor_writes_is_quarantined(shop: Shop) -> None:
    shop.put(
        "l.json",
        lines(
            call(ConsumedCapacity={"TableName": "Thread", "CapacityUnits": 1}),
            call(operation="GetItem", ConsumedCapacity={"TableName": "Thread", "CapacityUnits": []}),
            call(operation="GetItem", ConsumedCapacity={"TableName": "Thread", "CapacityUnits": 0}),
        ),
    )
    landed = shop.land()
    assert figures(shop) == [("acme", "read_units", 0)]
    assert sorted(reasons(landed)) == [
        "not as DynamoDB has it: list where a number stands",
        "not as DynamoDB has it: units of which nothing says whether they were read or written",
    ]


# --- X-Ray ---


def segment(n: int = 1, **said: Any) -> dict[str, Any]:
    return {
        "trace_id": TRACE, "id": f"{n:016x}", "name": "Scorekeep", "start_time": 1484789387.126,
        "end_time": 1484789387.626, **said,
    }  # fmt: skip


def aws(n: int, name: str, **told: Any) -> dict[str, Any]:
    """A call of a service of AWS's, as its libraries record it."""
    return {
        "id": f"{n:016x}", "start_time": 1.48478938715E9, "end_time": 1.4847893872E9, "name": name, "namespace": "aws",
        "aws": told,
    }  # fmt: skip


UPDATE = aws(
    2, "DynamoDB", table_name="scorekeep-user", operation="UpdateItem", region="us-west-2",
    consumed_capacity={"TableName": "scorekeep-user", "CapacityUnits": 1.0},
)  # fmt: skip


def test_a_segment_is_a_request_and_its_calls_are_those_of_the_services(shop: Shop) -> None:
    send = aws(3, "SQS", operation="SendMessage", queue_url="https://sqs/1/q", region="us-west-2")
    own = {"id": "9", "name": "## work", "start_time": 1, "end_time": 2, "subsegments": [send]}
    whole = segment(annotations={"tenant_id": "acme"}, subsegments=[UPDATE, own])
    apart = {**UPDATE, "type": "subsegment", "trace_id": TRACE, "parent_id": "1"}
    answer = {
        "Traces": [{"Id": TRACE, "Duration": 0.5, "Segments": [{"Id": "1", "Document": json.dumps(whole)}]}]
    }
    shop.put("trace.json", json.dumps(answer, indent=1))
    others = (segment(4, inferred=True), segment(5, in_progress=True), segment(6, origin="AWS::Lambda"))
    shop.put("segments.json", lines(whole, apart, *others))
    landed = shop.land()
    assert not landed.quarantined
    assert figures(shop) == [
        ("acme", "requests", 1), ("acme", "spans", 1), ("acme", "spans.seconds", Decimal("0.5")),
        ("acme", "write_units", 1),
    ]  # fmt: skip
    assert found(shop, "service_name", "resource_id", "region") == {
        ("Scorekeep", None, None), (DYNAMODB, "scorekeep-user", "us-west-2"),
        ("Amazon Simple Queue Service", "https://sqs/1/q", "us-west-2"),
    }  # fmt: skip
    assert {row[0] for row in found(shop, "time")} == {
        datetime(2017, 1, 19, 1, 29, 47, 126_000), datetime(2017, 1, 19, 1, 29, 47, 150_000),  # noqa: DTZ001
    }  # fmt: skip


def test_a_trace_is_of_the_tenant_that_any_part_of_it_names_unless_they_differ(shop: Shop) -> None:
    def named(tenant: str, n: int, *calls: dict[str, Any]) -> dict[str, Any]:
        work = {"id": f"{n:016x}", "name": "work", "start_time": 1, "end_time": 2, "subsegments": list(calls)}
        return {**work, "metadata": {"default": {"tenantId": tenant}}}

    other = TRACE.replace("fd", "aa")
    shop.put(
        "t.json",
        lines(
            segment(1, subsegments=[named("acme", 2)]),
            segment(3, trace_id=other, subsegments=[named("a", 4, {**UPDATE, "id": "5"}), named("b", 6)]),
            segment(7, end_time=None),
            segment(8, trace_id=other, subsegments=[{**UPDATE, "start_time": "never"}]),
        ),
    )
    landed = shop.land()
    assert [row[:2] for row in figures(shop)] == [
        (UNATTRIBUTED, "spans"), (UNATTRIBUTED, "spans"), (UNATTRIBUTED, "spans.seconds"),
        (UNATTRIBUTED, "spans.seconds"), ("a", "write_units"), ("acme", "spans"), ("acme", "spans.seconds"),
    ]  # fmt: skip
    assert sorted(reasons(landed)) == [
        "not as X-Ray has it: a call of dynamodb",
        "not as X-Ray has it: a segment without start_time and end_time",
    ]


# --- what it is not ---

OTHERS: dict[str, Any] = {
    "a CloudEvent": {
        "specversion": "1.0", "id": "1", "source": "/a", "type": "t", "subject": "a", "time": "2026-07-01T12:00:00Z",
        "data": metrics(items=1),
    },
    "usage": {"time": "2026-07-01T12:00:00Z", "tenant_id": "a", "meter": "m", "quantity": 1, "id": "1", "source": "s"},
    "an access log that tells capacity": {
        "time": "2026-07-01T12:00:00Z", "method": "GET", "path": "/a", "status": 200, "tenant": "a",
        "ConsumedCapacity": {"TableName": "t", "ReadCapacityUnits": 1},
    },
    "an access log": {
        "requestId": ONE, "requestTime": "09/Jun/2026:12:54:08 +0000", "httpMethod": "GET", "routeKey": "GET /a",
        "status": "200", "responseLength": "10", "ip": "1.1.1.1", "protocol": "HTTP/1.1", "tenantId": "a",
    },
}  # fmt: skip


@pytest.mark.parametrize("what", OTHERS)
def test_other_kinds_of_files_stay_what_they_are(shop: Shop, what: str) -> None:
    path = shop.put("f.json", lines(OTHERS[what]))
    assert ServiceLog not in recognise([sample(path)], SOURCES).of
    assert recognise([sample(path)], SOURCES).of


def test_a_table_of_requests_that_insights_made_is_an_access_log(shop: Shop) -> None:
    path = shop.put(
        "i.csv",
        "@timestamp,httpMethod,path,status,@message\n2026-07-01 12:00:00.000,GET,/a,200,"
        '"{""httpMethod"": ""GET""}"\n',
    )
    assert [source.kind for source in recognise([sample(path)], SOURCES).of] == ["access_log"]


def test_fields_may_be_chosen_and_none_asked_for(shop: Shop) -> None:
    path = shop.put("l.json", lines({**metrics(items=1), "user": {"Org-Name": "acme"}, "tenant_id": "x"}))
    for tenant, whose in ((("user.org_name",), "acme"), ((), UNATTRIBUTED)):
        source = ServiceLog.model_validate({"path": str(path), "tenant": tenant})
        with Landing(shop.engine, shop.now) as landing:
            for batch in source.batches(samples([path])[0]):
                landing.land(batch, source.kind)
        assert shop.column(Usage, "tenant_id") == [whose]


# --- what they cost ---

BILL = """BillingAccountId,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,\
ChargeCategory,ProviderName,ServiceName,x_UsageType,PricingUnit,ListUnitPrice,BilledCost,EffectiveCost,ListCost,\
ContractedCost
""".replace("\\\n", "")
CHARGES = (
    (DYNAMODB, "EUC1-ReadRequestUnits", "ReadRequestUnits", "0.00000025", "2.5"),
    (DYNAMODB, "EUC1-WriteRequestUnits", "WriteRequestUnits", "0.00000125", "12.5"),
    (LAMBDA, "EUC1-Lambda-GB-Second", "Lambda-GB-Second", "0.0000166667", "8"),
    (LAMBDA, "EUC1-Request", "Requests", "0.0000002", "2"),
)


def test_a_bill_and_these_logs_are_cost_per_tenant_exactly(tmp_path: Path) -> None:
    """A write unit costs five read units; functions are shared by time, and by calls what is billed by the call."""
    month = "2026-07-01,2026-08-01,2026-07-01T00:00:00Z,2026-07-02T00:00:00Z"
    charges = (f"payer,USD,{month},Usage,AWS,{','.join((*row, *[row[-1]] * 3))}\n" for row in CHARGES)
    (tmp_path / "bill.csv").write_text(BILL + "".join(charges))
    (tmp_path / "tenants.csv").write_text("tenant_id,name\na,Acme\nb,Bob\n")
    calls = [
        call(operation=operation, tenant_id=tenant, ConsumedCapacity={"TableName": "t", "CapacityUnits": units})
        for tenant, operation, units in (
            ("a", "Query", 30), ("a", "PutItem", 10), ("b", "Query", 10), ("b", "UpdateItem", 30),
        )
    ]  # fmt: skip
    named = [{"requestId": request, "tenantId": tenant} for request, tenant in ((ONE, "a"), (TWO, "b"))]
    deliveries = (delivery(report(ONE, 1000), report(TWO, 3000)), delivery(*named, first=7))
    for name in ("lambda.gz", "lambda-again.gz"):
        (tmp_path / name).write_bytes(gzip.compress(lines(*deliveries).encode(), mtime=len(name)))
    (tmp_path / "calls.json").write_text(lines(*calls))
    plane = app.open_plane(str(tmp_path / "lake"), {})
    assert not plane.ingest(
        [
            str(tmp_path / name)
            for name in ("bill.csv", "tenants.csv", "lambda.gz", "lambda-again.gz", "calls.json")
        ]
    ).quarantined
    plane.build()
    plane.engine.attach(DATASETS)
    cost = plane.engine.query(
        "SELECT service_name, tenant_id, rung, CAST(sum(effective_cost) AS VARCHAR) AS cost FROM tenant_cost"
        " GROUP BY ALL ORDER BY ALL"
    )
    assert [(r["service_name"], r["tenant_id"], r["rung"], Decimal(r["cost"])) for r in cost] == [
        (LAMBDA, "a", "fine", 3), (LAMBDA, "b", "fine", 7), (DYNAMODB, "a", "fine", 5), (DYNAMODB, "b", "fine", 10),
    ]  # fmt: skip

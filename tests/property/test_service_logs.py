"""Service logs: whatever a message holds, each part of it is read or is a bad record."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

from anything import ANYTHING, places
from hypothesis import given
from hypothesis import strategies as st

from tenantry.engine.figures import COLUMNS, millis
from tenantry.engine.records import Record
from tenantry.engine.service_logs import of_lines, of_objects, of_rows

TRACE = "1-5880168b-fd5158284b67678a3bb5a78c"
REPORT = "REPORT RequestId: r1\tDuration: 1.5 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\t"
METRIC = {
    "_aws": {
        "Timestamp": 1782907200000,
        "CloudWatchMetrics": [{"Namespace": "n", "Dimensions": [["d"]], "Metrics": [{"Name": "m", "Unit": "Count"}]}],
    },
    "m": [1, 2.5],
    "tenant": {"id": "acme"},
}  # fmt: skip
CAPACITY = {"operation": "Query", "ConsumedCapacity": [{"TableName": "t", "CapacityUnits": 0.5}]}
PLATFORM = {
    "time": "2026-07-01T12:00:00Z", "type": "platform.report",
    "record": {"requestId": "r1", "metrics": {"billedDurationMs": 2, "memorySizeMB": 128}},
}  # fmt: skip
CALL = {
    "id": "2", "name": "DynamoDB", "start_time": 1.5, "end_time": 2.5,
    "aws": {"operation": "GetItem", "table_name": "t", "consumed_capacity": {"CapacityUnits": 1}},
}  # fmt: skip
SEGMENT = {
    "trace_id": TRACE, "id": "1", "name": "s", "start_time": 1.5, "end_time": 2.5, "annotations": {"tenant": "a"},
    "subsegments": [CALL],
}  # fmt: skip
EVENTS = [
    {"id": "1", "timestamp": 1, "message": REPORT},
    {"id": "2", "timestamp": 1, "message": json.dumps(METRIC)},
]
GOOD: list[dict[str, Any]] = [
    METRIC, CAPACITY, PLATFORM, SEGMENT,
    {"messageType": "DATA_MESSAGE", "logGroup": "/aws/lambda/f", "logEvents": EVENTS},
    {"results": [[{"field": "@message", "value": REPORT}]]},
    {"Traces": [{"Segments": [{"Document": json.dumps(SEGMENT)}]}]},
    {"@timestamp": "2026-07-01 12:00:00.000", "@message": json.dumps(METRIC)},
    {"@requestId": "r1", "@billedDuration": "2", "@memorySize": "128000000"},
]  # fmt: skip


def whole(records: list[Record]) -> None:
    for record in records:
        assert record.reason or len(record.fields) == len(COLUMNS)
        assert all(isinstance(text, str) for text in record.fields)


@given(st.sampled_from(GOOD), st.data())
def test_a_message_with_anything_anywhere_is_read_to_its_end(good: dict[str, Any], data: st.DataObject):
    odd = copy.deepcopy(good)
    container, key = data.draw(st.sampled_from(places(odd)))
    container[key] = data.draw(ANYTHING)
    text = json.dumps(odd).encode() + b"\n" + json.dumps(CAPACITY).encode()
    last = [record.fields for record in of_lines([json.dumps(CAPACITY).encode()])]
    for read in (of_lines, of_objects):
        found = list(read([text]))
        whole(found)
        assert len(found) >= len(last)
        assert found[-1].fields == last[-1]


@given(st.text(max_size=80), st.integers(0, len(REPORT)))
def test_a_line_with_anything_in_it_is_one_record_or_more(text: str, at: int):
    line = (REPORT[:at] + text + REPORT[at:]).replace("\n", " ").replace("\r", " ")
    found = list(of_lines([line.encode(errors="replace")]))
    whole(found)
    assert found
    whole(list(of_rows([Record("", [line, text])], ["@message", "other"])))


@given(st.sampled_from(GOOD), st.integers(0, 10_000), st.binary(max_size=3), st.integers(0, 40))
def test_bytes_that_are_damaged_or_missing_stop_nothing(good: dict[str, Any], at: int, put: bytes, cut: int):
    text = json.dumps([good, good], indent=1).encode()
    at %= len(text)
    damaged = text[:at] + put + text[at + cut :]
    for read in (of_lines, of_objects):
        whole(list(read([damaged[:50], damaged[50:]])))


@given(
    st.text(max_size=20) | st.sampled_from(["nan", "inf", "1e99", "9999-12-31T23:59:59-12:00", "0001-01-01"])
)
def test_what_is_no_time_stays_as_it_is_written(at: str):
    assert millis(at) == at.strip() or millis(at).lstrip("-").isdigit()


@given(st.datetimes(datetime(2002, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_time_is_the_same_however_it_is_written(at: datetime):
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    unix = round(at.timestamp() * 1000)
    forms = (
        unix,
        f"{unix}",
        unix * 1_000_000,
        f"{unix / 1000:.3f}",
        at.isoformat(),
        f"{at:%Y-%m-%d %H:%M:%S.%f}",
    )
    assert {millis(form) for form in forms} == {str(unix)}

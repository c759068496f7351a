"""OTLP in Protobuf: the same records as in JSON, and whatever the bytes are, they are read to their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from otlp_protobuf import after_four_bytes, after_varints, encoded
from otlp_requests import counter, histogram, logs, point, request, span, spans

from tenantry.engine.otlp import COLUMNS, records
from tenantry.engine.otlp_protobuf import is_otlp, protobuf_records

NOON = "2026-07-01T12:00:00"
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)
VALUES = (
    NAMES
    | st.just("")
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
ON = st.dictionaries(NAMES, VALUES, max_size=4)
COUNTS = st.integers(0, 2**62)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | COUNTS.map(str)
POINTS = st.builds(
    lambda number, start, on: point(number, NOON, start, on=on), NUMBERS, st.sampled_from(["", NOON]), ON
)
BODIES = st.none() | st.recursive(
    NAMES.map(lambda text: {"stringValue": text})
    | st.binary(max_size=4).map(lambda _: {"bytesValue": "AAE="}),
    lambda inner: st.lists(inner, max_size=2).map(lambda several: {"arrayValue": {"values": several}}),
    max_leaves=3,
)
COUNTERS = st.builds(counter, POINTS, POINTS, temporality=st.sampled_from([1, 2]), name=NAMES)
HISTOGRAMS = st.builds(
    lambda read, count, total: histogram({**read, "count": str(count), **({} if total is None else {"sum": total})}),
    POINTS.map(lambda read: {key: value for key, value in read.items() if not key.startswith("as")}),
    COUNTS, st.none() | st.floats(0, 1e9),
)  # fmt: skip
SPANS = st.builds(
    lambda number, kind, on: {**span(number, NOON, kind=kind), "attributes": point(1, NOON, on=on)["attributes"]},
    st.integers(1, 2**60), st.integers(0, 5), ON,
)  # fmt: skip
LOGS = st.builds(
    lambda at, severity, body, on: {
        "timeUnixNano": str(at), "observedTimeUnixNano": "5", "severityNumber": severity, "severityText": "WARN",
        **({"body": body} if body else {}), "attributes": point(1, NOON, on=on)["attributes"], "traceId": "0A" * 16,
    },
    st.integers(0, 9), st.integers(0, 24), BODIES, ON,
)  # fmt: skip
REQUESTS = st.one_of(
    st.builds(request, COUNTERS, HISTOGRAMS, resource=ON),
    st.builds(spans, SPANS, SPANS),
    st.builds(logs, LOGS, LOGS),
)
LAYOUTS = [lambda *several: b"".join(several), after_four_bytes, after_varints]


def fields(*requests: Any) -> list[list[str]]:
    return [record.fields for one in requests for record in records(one)]


@pytest.mark.parametrize("layout", LAYOUTS, ids=["sent", "after four bytes", "after varints"])
@given(requests=st.lists(REQUESTS, min_size=1, max_size=3), size=st.integers(1, 200))
def test_protobuf_and_json_are_the_same_records(layout: Callable[..., bytes], requests: list[Any], size: int):
    data = layout(*map(encoded, requests))
    assert is_otlp(data)
    read = list(protobuf_records(data[at : at + size] for at in range(0, len(data), size)))
    assert [record.fields for record in read] == fields(*requests)
    assert not [record.reason for record in read if record.reason]


GOOD = request(
    counter(point(1, NOON), point(2, NOON)), histogram({**point(1, NOON), "count": "2", "sum": 1.5})
)


@given(
    st.sampled_from([GOOD, spans(span(1, NOON, n=1)), logs({"timeUnixNano": "1", "attributes": []})]),
    st.data(),
)
def test_damaged_bytes_are_read_to_their_end_and_their_neighbours_too(
    good: dict[str, Any], data: st.DataObject
):
    odd = bytearray(encoded(good))
    for _ in range(data.draw(st.integers(1, 4))):
        odd[data.draw(st.integers(0, len(odd) - 1))] = data.draw(st.integers(0, 255))
    file = after_four_bytes(encoded(GOOD), bytes(odd), encoded(GOOD))
    read = list(protobuf_records([file]))
    assert all(record.reason or len(record.fields) == len(COLUMNS) for record in read)
    assert all(isinstance(text, str) and "\0" not in text for record in read for text in record.fields)
    whole = fields(GOOD)
    assert [record.fields for record in read[: len(whole)]] == whole
    assert [record.fields for record in read[-len(whole) :]] == whole


@given(st.binary(max_size=300), st.integers(0, 300))
def test_any_bytes_are_read_to_their_end(noise: bytes, cut: int):
    for data in (noise, encoded(GOOD)[:cut] + noise, after_four_bytes(encoded(GOOD)) + noise):
        for record in protobuf_records([data]):
            assert record.reason or len(record.fields) == len(COLUMNS)


@given(st.text(max_size=200), st.sampled_from(["utf-8", "utf-16", "utf-32", "cp1252"]))
def test_no_text_is_taken_for_it(text: str, encoding: str):
    assert not is_otlp(text.encode(encoding, errors="replace"))

"""OTLP: whatever a request holds, each part of it is read or is a bad record."""

from __future__ import annotations

import copy
import json
from typing import Any

from anything import ANYTHING, places
from hypothesis import given
from hypothesis import strategies as st
from otlp_requests import counter, histogram, logs, point, request, span, spans

from tenantry.engine.otlp import COLUMNS, otlp_records, records

NOON = "2026-07-01T12:00:00"
ON = {"tenant.id": "acme", "n": 1, "x": 0.5, "b": True}
COUNTED = {**point(1, NOON), "count": "2", "sum": 1.5}
LOG = {"timeUnixNano": "1", "attributes": [], "body": {"stringValue": "done"}}
GOOD: list[dict[str, Any]] = [
    request(counter(point(1, NOON, on=ON), point(2.5, NOON)), histogram(COUNTED)),
    spans(span(1, NOON, **ON)),
    logs(LOG),
]


@given(st.sampled_from(GOOD), st.data())
def test_a_request_with_anything_anywhere_is_read_to_its_end(good: dict[str, Any], data: st.DataObject):
    odd = copy.deepcopy(good)
    container, key = data.draw(st.sampled_from(places(odd)))
    container[key] = data.draw(ANYTHING)
    for record in records(odd):
        assert record.reason or len(record.fields) == len(COLUMNS)
        assert all(isinstance(text, str) for text in record.fields)
    text = json.dumps(odd).encode()
    for lines in (True, False):
        read = list(otlp_records([text, b"\n", json.dumps(GOOD[0]).encode()], lines=lines))
        assert [record.fields for record in read[-4:]] == [record.fields for record in records(GOOD[0])]


@given(st.data())
def test_the_order_of_attributes_makes_no_difference(data: st.DataObject):
    turned = copy.deepcopy(GOOD[0])
    for container, key in places(turned):
        if key == "attributes":
            container[key] = data.draw(st.permutations(container[key]))
    assert [r.fields for r in records(turned)] == [r.fields for r in records(GOOD[0])]

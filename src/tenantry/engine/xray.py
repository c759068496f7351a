"""AWS X-Ray: what a segment document says was used. Rules: "AWS X-Ray segment documents"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from .figures import COLUMNS, UNLIKE, Entry, bad, capacities, exact, flat, plain
from .records import Record

_TRACE = re.compile(r"1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}")
_DEEP = 50
# Lambda's own view of an invocation, beside the function's.
_OUTSIDE = "AWS::Lambda"
_CALLS = {
    "s3": "Amazon Simple Storage Service",
    "sqs": "Amazon Simple Queue Service",
    "sns": "Amazon Simple Notification Service",
}
_PLACES = {"s3": ("bucket_name", "bucket"), "sqs": ("queue_url",), "sns": ("topic_arn",)}
_SAID_BY = ("annotations", "metadata")
_DYNAMODB = ("dynamodb", "dynamodbv2")
_METER, _OBSERVED, _EVENT, _OCCURRENCE, _RESOURCE = (
    COLUMNS.index(name) for name in ("meter", "observed", "event", "occurrence", "resource")
)


def is_segment(message: Mapping[str, Any]) -> bool:
    """True for a segment, or a subsegment sent by itself."""
    trace = message.get("trace_id")
    return isinstance(trace, str) and _TRACE.fullmatch(trace) is not None and "start_time" in message


def segment_records(entry: Entry) -> Iterator[Record]:
    """A request that a service served, how long it took, and what it consumed at AWS's services.

    A subsegment that is also sent by itself says the same both times. A trace is one request: what any part of it is
    annotated with may say whose it is.
    """
    document = entry.message
    entry.request = document["trace_id"]
    entry.fields = {"servicename": str(document.get("name", ""))} | _said(document)
    if document.get("inferred"):
        yield entry.record("inferred")
    elif document.get("in_progress"):
        yield entry.record("unfinished")
    elif document.get("type") == "subsegment" or document.get("origin") == _OUTSIDE:
        yield from _part(entry, document, _DEEP)
    else:
        yield from _served(entry)
        yield from _parts(entry, document, _DEEP)


def _said(part: Mapping[str, Any]) -> dict[str, str]:
    said = [flat({place: part[place]}) for place in reversed(_SAID_BY) if isinstance(part.get(place), dict)]
    return {name: text for fields in said for name, text in fields.items()}


def _served(entry: Entry) -> Iterator[Record]:
    document = entry.message
    try:
        started, ended = exact(document["start_time"]), exact(document["end_time"])
    except UNLIKE:
        yield entry.bad("not as X-Ray has it: a segment without start_time and end_time")
        return
    resource = str(document.get("resource_arn") or "")
    for meter, number in (("spans", "1"), ("spans.seconds", f"{max(ended - started, Decimal(0)):f}")):
        yield _named(entry, document, entry.record("segment", meter, number, resource=resource))


def _parts(entry: Entry, within: Mapping[str, Any], deep: int) -> Iterator[Record]:
    for part in within.get("subsegments") or () if deep else ():
        if isinstance(part, dict):
            inner = replace(entry)
            inner.fields, inner.digest = entry.fields | _said(part), entry.digest
            yield from _part(inner, part, deep - 1)


def _part(entry: Entry, part: Mapping[str, Any], deep: int) -> Iterator[Record]:
    found = list(_call(entry, part))
    yield from found or [entry.record("part")]
    yield from _parts(entry, part, deep)


def _call(entry: Entry, part: Mapping[str, Any]) -> Iterator[Record]:
    """What a subsegment that is a call of AWS consumed."""
    told = part.get("aws")
    if not isinstance(told, dict) or part.get("in_progress"):
        return
    service, region, operation = (
        plain(str(part.get("name", ""))),
        str(told.get("region") or ""),
        str(told.get("operation") or ""),
    )
    try:
        if service in _DYNAMODB:
            for record in capacities(entry, told, operation, region):
                yield _named(entry, part, record)
        elif service in _CALLS and operation:
            place = next((str(told[name]) for name in _PLACES[service] if told.get(name)), "")
            record = entry.record(
                "call", "requests", 1, service=_CALLS[service], resource=place, region=region
            )
            yield _named(entry, part, record)
    except UNLIKE:
        yield bad(part, f"not as X-Ray has it: a call of {service}")


def _named(entry: Entry, part: Mapping[str, Any], record: Record) -> Record:
    """The record with the time and the identity of the part of the trace that it is of."""
    if not record.reason:
        meter, resource = record.fields[_METER], record.fields[_RESOURCE]
        record.fields[_OBSERVED] = str(int(exact(part["start_time"]) * 1000))
        record.fields[_EVENT] = f"{entry.request}:{part['id']}:{meter}:{resource}"
        record.fields[_OCCURRENCE] = "1"
    return record

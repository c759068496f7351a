"""OTLP: requests of OpenTelemetry's protocol in JSON, told apart into one record for each figure.

A request nests data points in metrics, scopes and resources; here each becomes a row of the same columns, readable or
bad by itself. What a figure means for usage is the source's business. Rules: OTLP 1.x, "JSON Protobuf Encoding", and
opentelemetry-proto's metrics, trace and logs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from math import isfinite
from typing import Any, NamedTuple

from .decoded import Decoder
from .records import Record, json_elements, json_lines

COLUMNS = (
    "kind", "metric", "unit", "temporality", "monotonic", "unrecorded", "started", "observed", "number", "event",
    "resource", "scope", "attributes",
)  # fmt: skip
"""Of each record. `kind` is sum, gauge, histogram, summary, log or a span's (server, client, ...); a histogram's point
is two records, `.count` and `.sum` of its metric, a span two, `spans` and `spans.seconds`. `temporality` is delta or
cumulative; `started` and `observed` are Unix nanoseconds; `event` names a span or log record. The last three are
attributes as JSON objects, sorted by key; a scope's name and version are among its attributes."""

MAX_REQUEST = 64 * 1024 * 1024
"""Bytes; what a collector takes in one request is at most 20 MiB unless it is told otherwise."""

SHOWN = 2_000
"""Characters of a bad part that are kept."""

_BEGINS = re.compile(rb'\s*(\[)?\s*\{(\s*)"resource(?:Metrics|Spans|Logs)"\s*:\s*\[')
_TEMPORALITIES = {
    1: "delta", "AGGREGATION_TEMPORALITY_DELTA": "delta",
    2: "cumulative", "AGGREGATION_TEMPORALITY_CUMULATIVE": "cumulative",
}  # fmt: skip
_SPANS: Mapping[Any, str] = {
    number: kind
    for n, kind in enumerate(("unspecified", "internal", "server", "client", "producer", "consumer"))
    for number in (n, f"SPAN_KIND_{kind.upper()}")
}
_POINTS = {
    "sum": "sum", "gauge": "gauge", "histogram": "histogram", "exponentialHistogram": "histogram", "summary": "summary",
}  # fmt: skip
# Of a log record, beside its attributes, body and ids.
_SAID = ("timeUnixNano", "observedTimeUnixNano", "severityNumber", "severityText", "eventName", "flags")
_NO_RECORDED_VALUE = 1
_EVENT = COLUMNS.index("event")
_NANO = 1_000_000_000
_quoted = json.encoder.encode_basestring
_canonical = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


class _OddError(ValueError):
    """Something is not of the shape that OTLP gives it."""


# What reading a part raises that is not as OTLP has it.
_UNLIKE = (_OddError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class _Origin(NamedTuple):
    """Attributes of what a record came from, as canonical JSON."""

    resource: str
    scope: str = "{}"


def is_otlp(head: bytes) -> bool:
    """True for text that begins as a request does, or a list of requests."""
    return _BEGINS.match(head) is not None


def one_a_line(head: bytes) -> bool:
    """True for requests of which each has a line of its own, as the collector's file exporter writes them."""
    begins = _BEGINS.match(head)
    return begins is not None and not begins[1] and b"\n" not in begins[2]


def otlp_records(chunks: Iterable[bytes], *, lines: bool) -> Iterator[Record]:
    """The records of a text of requests. A request that cannot be read is one bad record."""
    decoder = Decoder()
    for read in (json_lines if lines else json_elements)(chunks, decoder.read, MAX_REQUEST):
        if read.reason:
            yield read
        else:
            yield from records(decoder.value)


def records(request: Any) -> Iterator[Record]:
    """The records of one decoded request: `fields` in the order of `COLUMNS`, or the `reason` why there are none.

    A part that is not as OTLP has it is one bad record, whose `text` it is; its neighbours are read.
    """
    for name, scopes, read in (
        ("resourceMetrics", "scopeMetrics", _metrics),
        ("resourceSpans", "scopeSpans", _spans),
        ("resourceLogs", "scopeLogs", _logs),
    ):
        yield from _each(request, name, lambda part, s=scopes, r=read: _resource(part, s, r))


def begins_point(record: Record) -> bool:
    """False for the second record of a point: a histogram's sum, a span's seconds."""
    kind, metric, event = record.fields[0], record.fields[1], record.fields[_EVENT]
    return not (metric.endswith(".sum") if kind == "histogram" else event and metric == "spans.seconds")


def _each(parent: Any, name: str, read: Callable[[Any], Iterable[Record]]) -> Iterator[Record]:
    """What is read from each part of a list, and a bad record for each that cannot be read."""
    try:
        parts = _parts(parent, name)
    except _OddError as problem:
        yield _bad(parent, problem)
        return
    for part in parts:
        try:
            yield from read(part)
        except _UNLIKE as problem:
            yield _bad(part, problem)


def _bad(part: Any, problem: Exception) -> Record:
    why = str(problem) if isinstance(problem, _OddError) else "a part is missing or of another type"
    return Record(json.dumps(part)[:SHOWN], reason=f"not as OTLP has it: {why}")


def _parts(parent: Any, name: str) -> list[Any]:
    if not isinstance(parent, dict):
        raise _OddError(f"{name} of something that is no object")
    parts = parent.get(name)
    if parts is None:
        return []
    if not isinstance(parts, list):
        raise _OddError(f"{name} is not a list")
    return parts


def _resource(part: Any, scopes: str, read: Callable[[Any, _Origin], Iterator[Record]]) -> Iterator[Record]:
    resource = _attributes((part.get("resource") or {}).get("attributes"))
    yield from _each(part, scopes, lambda scope: read(scope, _Origin(resource, _scope(scope.get("scope")))))


def _scope(scope: Any) -> str:
    named = {f"otel.scope.{name}": scope[name] for name in ("name", "version") if scope and scope.get(name)}
    return _canonical({**_values((scope or {}).get("attributes")), **named})


def _metrics(scope: Any, origin: _Origin) -> Iterator[Record]:
    return _each(scope, "metrics", lambda metric: _metric(metric, origin))


def _metric(metric: Mapping[str, Any], origin: _Origin) -> Iterator[Record]:
    name, unit = _text(metric["name"]), _text(metric.get("unit"))
    kinds = [key for key in _POINTS if key in metric]
    if len(kinds) != 1:
        raise _OddError("a metric of no kind that is known" if not kinds else "a metric of several kinds")
    data, kind = metric[kinds[0]], _POINTS[kinds[0]]
    temporality = _TEMPORALITIES.get(data.get("aggregationTemporality"), "")
    monotonic = "true" if data.get("isMonotonic") is True or kind == "histogram" else ""

    def point(read: Mapping[str, Any]) -> list[Record]:
        unrecorded = "true" if int(read.get("flags") or 0) & _NO_RECORDED_VALUE else ""
        started, observed = _filled(read.get("startTimeUnixNano")), _text(read.get("timeUnixNano"))
        origins = [origin.resource, origin.scope, _attributes(read.get("attributes"))]
        return [
            Record("", [
                kind, name + suffix, unit, temporality, monotonic, unrecorded, started, observed, number, "", *origins,
            ])
            for suffix, number in _numbers(kind, read)
        ]  # fmt: skip

    return _each(data, "dataPoints", point)


def _numbers(kind: str, point: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a point has counted, with what is added to the metric's name."""
    if kind == "histogram":
        count = (".count", _text(point.get("count", 0)))
        # The sum is optional: whoever measures values below zero leaves it out.
        return [count] if point.get("sum") is None else [count, (".sum", _text(point["sum"]))]
    if kind == "summary":
        return [("", _text(point.get("count", 0)))]
    return [("", _text(point.get("asInt", point.get("asDouble"))))]


def _spans(scope: Any, origin: _Origin) -> Iterator[Record]:
    def span(read: Mapping[str, Any]) -> Iterator[Record]:
        kind = _SPANS.get(read.get("kind", 0), "")
        start, end = int(read.get("startTimeUnixNano") or 0), int(read.get("endTimeUnixNano") or 0)
        event = f"{_text(read['traceId'])}:{_text(read['spanId'])}".lower()
        for suffix, number in (("", "1"), (".seconds", _seconds(end - start))):
            yield Record("", [
                kind, f"spans{suffix}", "", "delta", "true", "", str(start), str(start), number, event + suffix,
                origin.resource, origin.scope, _attributes(read.get("attributes")),
            ])  # fmt: skip

    return _each(scope, "spans", span)


def _seconds(nanoseconds: int) -> str:
    """Exact; 0 where a clock was set back within a span."""
    whole, rest = divmod(max(nanoseconds, 0), _NANO)
    return f"{whole}.{rest:09}"


def _logs(scope: Any, origin: _Origin) -> Iterator[Record]:
    def log(read: Mapping[str, Any]) -> Iterator[Record]:
        at = _filled(read.get("timeUnixNano")) or _text(read.get("observedTimeUnixNano"))
        attributes = _attributes(read.get("attributes"))
        # It has no id of its own: one that is sent again is the same in every part.
        ids = (_text(read.get(name)).lower() for name in ("traceId", "spanId"))
        said = _canonical([*(_filled(read.get(name)) for name in _SAID), *ids, _value(read.get("body"))])
        event = blake2b("\n".join([*origin, attributes, said]).encode(), digest_size=16).hexdigest()
        yield Record("", [
            "log", "log_records", "", "delta", "true", "", at, at, "1", event,
            origin.resource, origin.scope, attributes,
        ])  # fmt: skip

    return _each(scope, "logRecords", log)


def _text(value: Any) -> str:
    """A number as the shortest text that means it, whether it was written as 5 or 5.0; nothing for nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _OddError(f"{type(value).__name__} where a number or text stands")
    return repr(value).removesuffix(".0")


def _filled(value: Any) -> str:
    """Nothing for zero too: whether a field that is zero is written is the writer's choice."""
    text = _text(value)
    return "" if text == "0" else text


def _attributes(listed: Any) -> str:
    if not listed:
        return "{}"
    try:
        texts = sorted({one["key"]: one["value"]["stringValue"] for one in listed}.items())
    except (KeyError, TypeError):
        return _canonical(_values(listed))
    # What the encoder would write; most attributes are texts.
    return "{" + ",".join([f"{_quoted(key)}:{_quoted(text)}" for key, text in texts]) + "}"


def _values(listed: Any) -> dict[str, Any]:
    return {one["key"]: _value(one.get("value")) for one in listed or ()}


def _value(value: Any) -> Any:
    """What an AnyValue holds; nothing for a kind that is not known."""
    if not value:
        return None
    [(kind, inner)] = value.items()
    read = _VALUES.get(kind)
    return read(inner) if read else None


def _double(inner: Any) -> float | str:
    number = float(inner)
    return number if isfinite(number) else str(number)


_VALUES: Mapping[str, Callable[[Any], Any]] = {
    "stringValue": _text,
    "bytesValue": _text,
    "boolValue": bool,
    "intValue": int,
    "doubleValue": _double,
    "arrayValue": lambda inner: [_value(one) for one in _parts(inner, "values")],
    "kvlistValue": lambda inner: _values(_parts(inner, "values")),
}

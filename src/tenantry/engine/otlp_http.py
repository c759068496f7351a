"""OTLP over HTTP: the bodies of requests and replies. Rules: OTLP 1.x, "OTLP/HTTP"."""

from __future__ import annotations

import json
from collections.abc import Iterator

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from ..errors import invalid
from .decoded import decoded
from .otlp import records
from .otlp_protobuf import as_json
from .records import Record

_REQUESTS: dict[str, type[Message]] = {
    "metrics": ExportMetricsServiceRequest, "logs": ExportLogsServiceRequest, "traces": ExportTraceServiceRequest,
}  # fmt: skip
_REPLIES: dict[str, type[Message]] = {
    "metrics": ExportMetricsServiceResponse, "logs": ExportLogsServiceResponse, "traces": ExportTraceServiceResponse,
}  # fmt: skip
_PARTS = {"metrics": "resourceMetrics", "logs": "resourceLogs", "traces": "resourceSpans"}
_REJECTED = {
    "metrics": ("rejected_data_points", "rejectedDataPoints"),
    "logs": ("rejected_log_records", "rejectedLogRecords"),
    "traces": ("rejected_spans", "rejectedSpans"),
}


def request_records(signal: str, body: bytes, *, protobuf: bool) -> Iterator[Record]:
    """The records of a request; signal is metrics, logs or traces. Raises `invalid` where it cannot be decoded."""
    if protobuf:
        message = _REQUESTS[signal]()
        try:
            message.ParseFromString(body)
        except DecodeError as problem:
            raise invalid(f"the body is not {message.DESCRIPTOR.name}: {problem}", _HINT) from None
        return records(as_json(message))
    try:
        request = decoded(body.decode())
    except ValueError as problem:
        raise invalid(f"the body cannot be decoded: {problem}", _HINT) from None
    # A request holds one signal; other members are ignored, as unknown ones are.
    name = _PARTS[signal]
    return records({name: request[name]} if name in request else {})


_HINT = "send OTLP as its Content-Type says: application/x-protobuf or application/json"


def reply(signal: str, rejected: int, why: str, *, protobuf: bool) -> bytes:
    """The body of a reply with status 200. Of a request that was taken whole, partial success is unset."""
    snake, camel = _REJECTED[signal]
    if protobuf:
        message = _REPLIES[signal]()
        if rejected:
            setattr(message.partial_success, snake, rejected)  # type: ignore[attr-defined]
            message.partial_success.error_message = why  # type: ignore[attr-defined]
        return message.SerializeToString()
    partial = {"partialSuccess": {camel: str(rejected), "errorMessage": why}} if rejected else {}
    return json.dumps(partial).encode()


def failure(code: int, message: str, *, protobuf: bool) -> bytes:
    """The body of any other reply: a google.rpc.Status."""
    if not protobuf:
        return json.dumps({"code": code, "message": message}).encode()
    text = message.encode()
    return bytes([0x08, code, 0x12]) + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])

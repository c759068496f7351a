"""Requests of OpenTelemetry's protocol in Protobuf, for tests."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from google.protobuf.internal.encoder import _VarintBytes  # pyright: ignore[reportAttributeAccessIssue]
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

KINDS = {
    "resourceMetrics": ExportMetricsServiceRequest,
    "resourceSpans": ExportTraceServiceRequest,
    "resourceLogs": ExportLogsServiceRequest,
}


def encoded(request: Mapping[str, Any]) -> bytes:
    """A request in JSON, in Protobuf. What Protobuf's own JSON has in Base64, OTLP's has in hexadecimal digits."""
    [kind] = request
    return Parse(json.dumps(_ids(request)), KINDS[kind](), ignore_unknown_fields=True).SerializeToString()


def _ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_ids(one) for one in value]
    if isinstance(value, dict):
        ids = ("traceId", "spanId", "parentSpanId")
        return {
            key: base64.b64encode(bytes.fromhex(one)).decode() if key in ids else _ids(one)
            for key, one in value.items()
        }
    return value


def after_four_bytes(*requests: bytes) -> bytes:
    """As the collector's file exporter writes them."""
    return b"".join(len(one).to_bytes(4, "big") + one for one in requests)


def after_varints(*requests: bytes) -> bytes:
    """As OpenTelemetry's specification has files of them."""
    return b"".join(_VarintBytes(len(one)) + one for one in requests)

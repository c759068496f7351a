"""Requests of OpenTelemetry's protocol as an exporter writes them in JSON, for tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

DELTA, CUMULATIVE = 1, 2
SERVICE = {"service.name": "api", "cloud.region": "eu-west-1"}


def nanos(time: str) -> str:
    """Unix nanoseconds of an ISO time in UTC."""
    return str(int(datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp()) * 10**9)


def attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    kinds = {str: "stringValue", bool: "boolValue", int: "intValue", float: "doubleValue"}
    return [
        {"key": key, "value": {kinds[type(v)]: str(v) if type(v) is int else v}} for key, v in values.items()
    ]


def point(number: float | str, time: str, start: str = "", **more: Any) -> dict[str, Any]:
    """A data point of a counter; `on` are its attributes."""
    value = {"asDouble": number} if isinstance(number, float) else {"asInt": str(number)}
    begun = {"startTimeUnixNano": nanos(start)} if start else {}
    on = attributes(more.pop("on", {"tenant.id": "acme"}))
    return {"attributes": on, **begun, "timeUnixNano": nanos(time), **value, **more}


def counter(
    *points: Mapping[str, Any], temporality: int = DELTA, name: str = "calls", monotonic: bool = True
) -> dict[str, Any]:
    data = {"aggregationTemporality": temporality, "isMonotonic": monotonic, "dataPoints": list(points)}
    return {"name": name, "unit": "1", "sum": data}


def histogram(*points: Mapping[str, Any], temporality: int = DELTA, name: str = "latency") -> dict[str, Any]:
    return {
        "name": name,
        "unit": "s",
        "histogram": {"aggregationTemporality": temporality, "dataPoints": list(points)},
    }


def request(
    *metrics: Mapping[str, Any], resource: Mapping[str, Any] = SERVICE, **scope: Any
) -> dict[str, Any]:
    scoped = {"name": "lib", "version": "1.0", **scope}
    return {
        "resourceMetrics": [
            {
                "resource": {"attributes": attributes(resource)},
                "scopeMetrics": [{"scope": scoped, "metrics": list(metrics)}],
            }
        ]
    }


def span(number: int, time: str, seconds: int = 2, kind: int = 2, **on: Any) -> dict[str, Any]:
    start = int(nanos(time))
    return {
        "traceId": f"{number:032X}", "spanId": f"{number:016X}", "name": "GET", "kind": kind,
        "startTimeUnixNano": str(start), "endTimeUnixNano": str(start + seconds * 10**9 + 1),
        "attributes": attributes(on),
    }  # fmt: skip


def spans(*several: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": attributes(SERVICE)},
                "scopeSpans": [{"scope": {}, "spans": list(several)}],
            }
        ]
    }


def logs(*several: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "resourceLogs": [
            {"resource": {"attributes": attributes(SERVICE)}, "scopeLogs": [{"logRecords": list(several)}]}
        ]
    }


def written(requests: Iterable[Mapping[str, Any]]) -> str:
    """As the collector's file exporter writes them: a request a line."""
    return "".join(json.dumps(one, separators=(",", ":")) + "\n" for one in requests)

"""The intake in the OpenAPI document: its routes are bare ASGI, so what they take and answer is said here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .http.problems import problem_content

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_NUMBER = {**_COUNT, "maximum": 10**18 - 1}
_EVENT = {
    "type": "object",
    "description": "a CloudEvent 1.0: `subject` is the tenant, `type` the meter, `data` the quantity and the rest",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"const": "1.0"}, "id": _TEXT, "source": _TEXT, "type": _TEXT, "subject": _TEXT,
        "time": {"type": "string", "format": "date-time"}, "data": {},
    },
}  # fmt: skip
_MANY = {"type": "array", "items": _EVENT}
_TAKEN = {
    "type": "object",
    "required": ["accepted", "duplicates", "rejected", "conflicts"],
    "properties": {
        "accepted": _COUNT,
        "duplicates": {**_COUNT, "description": "came before with the same payload: no error"},
        "rejected": {"type": "array", "items": {"type": "object", "required": ["index", "reason"]}},
        "conflicts": {"type": "array", "description": "came before with another payload", "items": {"type": "object"}},
    },
}  # fmt: skip
_EXAMPLE = {
    "specversion": "1.0", "id": "7f9c", "source": "api", "type": "invoices_sent", "subject": "teal-partners",
    "time": "2026-07-01T03:00:00Z", "data": {"quantity": 3, "feature_id": "billing"},
}  # fmt: skip

_ANY = {"type": "object"}
_PROBLEMS = {
    "4XX": problem_content("what the sender can mend; 429 says when to send again"),
    "5XX": problem_content("what the sender cannot mend"),
}
_OTLP = {"application/x-protobuf": {"schema": _TEXT}, "application/json": {"schema": _ANY}}
_STATUS = {"description": "google.rpc.Status, in the form of the request", "content": _OTLP}
"""Errors as OTLP has them, not as problem documents (opentelemetry.io, OTLP/HTTP response, Failures)."""
_OTLP_ANSWERS = {
    "200": {"description": "as taken; what was refused, as partial success", "content": _OTLP},
    "4XX": _STATUS, "5XX": _STATUS,
}  # fmt: skip


def intake_paths() -> dict[str, Any]:
    """Path to item, as OpenAPI 3.1 has it."""
    events = {
        "application/cloudevents+json": {"schema": _EVENT, "example": _EXAMPLE},
        "application/cloudevents-batch+json": {"schema": _MANY},
        "application/json": {"schema": {"oneOf": [_EVENT, _MANY]}},
    }
    ledger = [
        _query("reason", _TEXT),
        _query("door", _TEXT),
        _query("after", _NUMBER),
        _query("limit", _NUMBER),
    ]
    return {
        "/api/v1/events": {
            "post": _operation("events", "Usage as CloudEvents, each with a verdict",
                               {"202": _json(_TAKEN), **_PROBLEMS}) | _body(events)
        },
        "/api/v1/events/rejected": {
            "get": _operation("rejected_events", "What could not be taken, and why", {"200": _json(_ANY), **_PROBLEMS})
            | {"parameters": ledger}
        },
        "/api/v1/events/replay": {
            "post": _operation("replay_events", "Put what could not be taken through the door again",
                               {"200": _json(_ANY), **_PROBLEMS}) | {"parameters": ledger}
        },
        **{
            f"/v1/{signal}": {"post": _operation(f"otlp_{signal}", f"OTLP/HTTP {signal}", _OTLP_ANSWERS) | _body(_OTLP)}
            for signal in ("metrics", "logs", "traces")
        },
    }  # fmt: skip


def _operation(name: str, summary: str, responses: Mapping[str, Any]) -> dict[str, Any]:
    return {"operationId": name, "tags": ["intake"], "summary": summary, "responses": dict(responses)}


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": "as taken", "content": {"application/json": {"schema": schema}}}


def _body(content: Mapping[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": dict(content)}}


def _query(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema}

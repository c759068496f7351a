"""The names by which teams agree: attributes and instruments. Units are UCUM's.

Attributes are those that a source of OpenTelemetry looks for first, or of OpenTelemetry's semantic conventions.
Tenant and feature have none there.
"""

from __future__ import annotations

from opentelemetry.metrics import get_meter

TENANT = "tenant.id"
FEATURE = "feature.id"
ROUTE = "http.route"
METHOD = "http.request.method"
ERROR = "error.type"

_METER = get_meter("tenantry.metering")

CALLS = _METER.create_counter("usage.calls", "{call}", "how often a feature was called; a request is a call")
ERRORS = _METER.create_counter("usage.errors", "{error}", "calls that failed, by error.type")
SECONDS = _METER.create_counter("usage.seconds", "s", "time that calls took, without calls inside them")
ITEMS = _METER.create_counter("usage.items", "{item}", "what calls were about: rows, documents, messages")
BYTES = _METER.create_counter("usage.bytes", "By", "bytes that were sent or worked on")

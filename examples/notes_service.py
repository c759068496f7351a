"""Keeps notes, per tenant, and meters itself: `python examples/notes_service.py PORT FILE`."""

from __future__ import annotations

import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import make_server

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.metrics import set_meter_provider
from opentelemetry.sdk.metrics import Counter, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource

from tenantry.metering import WsgiMiddleware, add, header, metered

notes: dict[str, list[str]] = defaultdict(list)


@metered("search", items=len)
def search(tenant: str, word: str) -> list[str]:
    return [note for note in notes[tenant] if word in note]


@metered("export", bytes=len)
def export(tenant: str) -> Iterator[bytes]:
    for note in notes[tenant]:
        yield note.encode() + b"\n"


def service(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    tenant = environ["HTTP_X_TENANT_ID"]
    match environ["REQUEST_METHOD"], environ["PATH_INFO"]:
        case "POST", "/notes":
            notes[tenant].append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode())
            add(items=1)
            answer: Iterable[bytes] = [b"kept\n"]
        case "GET", "/notes":
            word = parse_qs(environ["QUERY_STRING"]).get("q", [""])[0]
            answer = ["".join(f"{note}\n" for note in search(tenant, word)).encode()]
        case "GET", "/export":
            answer = export(tenant)
        case _:
            start("404 Not Found", [])
            return [b"there are /notes and /export\n"]
    start("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return answer


def route(environ: dict[str, Any]) -> str | None:
    """A framework knows its routes; this service has two."""
    return environ["PATH_INFO"] if environ["PATH_INFO"] in {"/notes", "/export"} else None


class FileExporter(MetricExporter):
    """Appends requests to a file, as the OpenTelemetry collector's file exporter does: each behind its length."""

    def __init__(self, path: Path) -> None:
        super().__init__(preferred_temporality={Counter: AggregationTemporality.DELTA})
        self._path = path

    def export(self, metrics_data: MetricsData, timeout_millis: float = 0, **_: Any) -> MetricExportResult:
        request = encode_metrics(metrics_data).SerializeToString()
        with self._path.open("ab") as file:
            file.write(len(request).to_bytes(4, "big") + request)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 0) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 0, **_: Any) -> None:
        pass


def main(port: str, file: str) -> None:
    # Beyond the limit, 2,000 if none is given, the SDK counts without saying for whom.
    reader = PeriodicExportingMetricReader(FileExporter(Path(file)), cardinality_limits={Counter: 100_000})
    provider = MeterProvider([reader], Resource.create({"service.name": "notes"}))
    set_meter_provider(provider)
    # What is counted since the last export is sent at the end: also where a supervisor asks for it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    metered_service = WsgiMiddleware(service, tenant=header("X-Tenant-Id"), route=route)
    with make_server("127.0.0.1", int(port), metered_service) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("stopped")
        finally:
            provider.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])

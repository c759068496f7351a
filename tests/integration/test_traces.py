"""Our own traces: sent where they are asked for, by the SDK, as any collector reads them."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from three_months import three_months

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector() -> Iterator[tuple[str, Queue[Any]]]:
    """A collector's address, and the spans that it gets."""
    spans: Queue[Any] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            plain = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
            for resource in ExportTraceServiceRequest.FromString(plain).resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        spans.put(span)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/traces", spans
    server.shutdown()
    server.server_close()


def test_a_request_and_its_call_are_spans_of_the_callers_trace(
    tmp_path: Path, collector: tuple[str, Queue[Any]]
):
    url, spans = collector
    three_months(tmp_path / "lake")
    command = [sys.executable, "-m", "tenantry", "serve", "--lake", str(tmp_path / "lake"), "--bind", "0"]
    environment = {"TENANTRY_TELEMETRY__TRACES": url, "PATH": "", "PYTHONPATH": ":".join(sys.path)}
    with subprocess.Popen(
        command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout
            at = server.stdout.readline().strip()
            ask = urllib.request.Request(
                f"{at}/api/v1/cost_per_tenant/rank?window=2026-03", headers={"traceparent": CALLER}
            )
            with urllib.request.urlopen(ask, timeout=120) as answer:
                assert answer.status == 200
                request_id = answer.headers["x-request-id"]
            server.terminate()
            _, log = server.communicate(timeout=60)
            assert server.returncode == 0, log
        finally:
            server.kill()
    lines = [json.loads(line) for line in log.splitlines()]
    [line] = [line for line in lines if line["event"] == "request"]
    assert (line["request"], line["status"], line["method"]) == (request_id, 200, "GET")
    [call] = [line for line in lines if line["event"] == "call"]
    assert (call["what"], call["outcome"], call["window"]) == (
        "cost_per_tenant.rank",
        "ok",
        "2026-03-01..2026-04-01",
    )
    found = {span.name: span for span in spans.queue}
    served, called = found["GET /api/v1/cost_per_tenant/rank"], found["call"]
    assert served.trace_id.hex() == called.trace_id.hex() == CALLER.split("-")[1]
    assert served.parent_span_id.hex() == CALLER.split("-")[2]
    within = {span.span_id: span.parent_span_id for span in spans.queue}
    assert served.span_id in {called.parent_span_id, within[called.parent_span_id]}
    said = {a.key: a.value.string_value for a in called.attributes}
    assert (said["tenantry.what"], said["tenantry.outcome"]) == ("cost_per_tenant.rank", "ok")

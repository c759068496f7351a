"""Whether the server lives and can answer, and its figures for Prometheus."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.concurrency import run_in_threadpool

from ...errors import Kind, TenantryError
from .access import principal_of

Check = Callable[[], object]
Figures = Callable[[], Mapping[str, float]]
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """What the server counts of itself. `figures` of others join: by name, ending in `_total` where they only grow."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "tenantry_http_requests", "Requests by route and status", ["method", "route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "tenantry_http_request_seconds", "Seconds to the end of the answer", ["method", "route"],
            buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip

    def join(self, prefix: str, figures: Figures) -> None:
        """Show another part's figures as `tenantry_{prefix}_{name}`."""
        self.registry.register(_Joined(prefix, figures))

    def text(self) -> bytes:
        return generate_latest(self.registry)


class _Joined:
    def __init__(self, prefix: str, figures: Figures) -> None:
        self._prefix = prefix
        self._figures = figures

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        for name, value in self._figures().items():
            family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            yield family(f"tenantry_{self._prefix}_{name}", name.replace("_", " "), value=value)


def health_routes(checks: Mapping[str, Check], metrics: Metrics) -> APIRouter:
    """`/healthz`: the process answers. `/readyz`: 503 where one of the checks raises. `/metrics`: for Prometheus."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", operation_id="healthz", summary="Whether the process answers")
    async def healthz() -> dict[str, str]:  # pyright: ignore[reportUnusedFunction]
        return {"status": "ok"}

    @router.get(
        "/readyz", operation_id="readyz", summary="Whether lake, state store and the rest can be used"
    )
    async def readyz() -> Response:  # pyright: ignore[reportUnusedFunction]
        found = await run_in_threadpool(lambda: {name: _tried(check) for name, check in checks.items()})
        away = [f"{name}: {state}" for name, state in found.items() if state != "ok"]
        if away:
            raise TenantryError(Kind.UNAVAILABLE, "; ".join(away), "see the server's log", checks=found)
        return Response(json.dumps({"status": "ok", "checks": found}), media_type="application/json")

    @router.get("/metrics", operation_id="metrics", summary="Figures for Prometheus", response_class=Response)
    async def figures(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        if principal_of(request.scope).tenant_id is not None:
            raise TenantryError(
                Kind.FORBIDDEN, "these figures are of all tenants", "ask as who sees them all"
            )
        return Response(await run_in_threadpool(metrics.text), media_type=CONTENT_TYPE_LATEST)

    return router


def _tried(check: Check) -> str:
    try:
        check()
    except TenantryError as problem:
        return problem.message
    return "ok"

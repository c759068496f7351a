"""What services count with `tenantry.metering`, for tests; counted by OpenTelemetry's own SDK."""

from __future__ import annotations

from functools import cache
from typing import Any, Self, cast

from opentelemetry.metrics import set_meter_provider
from opentelemetry.sdk.metrics import Counter, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader

Figures = dict[tuple[str, str | None, str | None], float]


class Counted:
    """What was counted since it was last asked."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader(preferred_temporality={Counter: AggregationTemporality.DELTA})
        set_meter_provider(MeterProvider([self.reader]))

    @classmethod
    @cache
    def once(cls) -> Self:
        """The only one: a process can be given a provider once."""
        return cls()

    def points(self) -> list[tuple[str, dict[str, Any], float]]:
        data = self.reader.get_metrics_data()
        return [
            (metric.name.removeprefix("usage."), dict(point.attributes or {}), cast("Any", point).value)
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name.startswith("usage.")  # frameworks count for themselves, too
            for point in metric.data.data_points
        ]  # fmt: skip

    def __call__(self, *names: str) -> Figures:
        """By name, tenant and feature; of these names, or of all but seconds."""
        return {
            (name, on.get("tenant.id"), on.get("feature.id")): value
            for name, on, value in self.points()
            if (name in names if names else name != "seconds")
        }

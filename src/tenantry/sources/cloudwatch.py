"""Amazon CloudWatch, asked through AWS's own MCP server: metrics of the vendor's choice as usage of tenants.

The server is awslabs.cloudwatch-mcp-server; its tool `get_metric_data` passes on what GetMetricData says:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from ..datasets.usage import Usage
from ..errors import Kind, TenantryError
from ..kernel.dataset import Dataset
from ..kernel.source import Batch, RemoteSource, Sample
from ..kernel.text import shown
from .mcp import Pins, Server
from .tables import UsageTable

_HOUR = timedelta(hours=1)
_PERIOD = 3_600
_QUERIES = 100
"""Of one request. AWS takes 500 metrics and 100,800 values; this is within both."""
_DAYS = 30


class MetricMeter(BaseModel):
    """A metric as a meter of ours: one dimension of it names the tenant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    meter: Annotated[str, Field(description="ours")]
    namespace: Annotated[str, Field(description="such as `AWS/Lambda`")]
    metric: Annotated[str, Field(description="such as `Invocations`")]
    dimension: Annotated[str, Field(description="whose value says which tenant, such as `FunctionName`")]
    tenants: Annotated[
        dict[str, str], Field(description="values of that dimension to tenants; no others are asked for")
    ]
    statistic: Annotated[
        str,
        Field(
            description="of an hour: `Sum` for what is counted; `Average` of a level counts its unit x hours"
        ),
    ] = "Sum"
    dimensions: Annotated[dict[str, str], Field(description="further ones, with one value each")] = {}
    service: Annotated[str | None, Field(description="the bill's service whose use it is")] = None
    feature: Annotated[str | None, Field(description="that it is use of")] = None


@dataclass(frozen=True)
class _Series:
    """One metric of one tenant."""

    of: MetricMeter
    value: str
    tenant: str

    def query(self, name: str) -> dict[str, Any]:
        named = {**self.of.dimensions, self.of.dimension: self.value}
        stat = {
            "namespace": self.of.namespace,
            "metric_name": self.of.metric,
            "dimensions": [{"name": key, "value": value} for key, value in named.items()],
            "statistic": self.of.statistic,
            "period": _PERIOD,
        }
        return {"id": name, "metric_stat": stat}

    def row(self, source: str, time: str, quantity: Any) -> dict[str, Any]:
        of = self.of
        return {
            "id": f"{of.namespace}/{of.metric}/{of.statistic}/{of.dimension}={self.value}@{time}",
            "source": source,
            "time": time,
            "tenant_id": self.tenant,
            "meter": of.meter,
            "quantity": str(quantity),
            "service_name": of.service,
            "feature_id": of.feature,
            "resource_id": self.value,
        }


class CloudWatch(RemoteSource):
    """Hourly values of CloudWatch metrics as usage, through an MCP server of `[mcp]`.

    The newest whole hour is the last. An hour that is told again replaces what was told of it before.
    """

    kind: ClassVar[str] = "cloudwatch"
    lands: ClassVar[tuple[type[Dataset], ...]] = (Usage,)

    server: Annotated[Server, Field(description="its name in `[mcp]`")]
    tool: Annotated[str, Field(description="the server's tool, which must be allowed")] = "get_metric_data"
    days: Annotated[int, Field(ge=1, le=450, description="how far back to ask")] = 3
    until: Annotated[
        datetime | None, Field(description="the hour to end before; left out: this one, UTC")
    ] = None
    meters: Annotated[tuple[MetricMeter, ...], Field(min_length=1, description="the metrics, each a meter")]

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        return UsageTable.recognises(sample)

    def batches(self, samples: Sequence[Sample]) -> Iterator[Batch]:
        return UsageTable(path=self.path).batches(samples)

    def fetch(self, folder: Path) -> None:
        from .mcp.client import opened  # noqa: PLC0415 - the protocol is slow to import, and few commands ask

        end = (self.until or datetime.now(UTC)).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        series = [_Series(of, value, tenant) for of in self.meters for value, tenant in of.tenants.items()]
        pins, rows = Pins.read(), list[dict[str, Any]]()
        with opened(self.server) as session:
            for start, stop in _windows(end - timedelta(days=self.days), end):
                for first in range(0, len(series), _QUERIES):
                    asked = {f"q{n}": one for n, one in enumerate(series[first : first + _QUERIES])}
                    reply = session.call(self.tool, _arguments(asked, start, stop), pins)
                    rows += _rows(self.server.name, reply, asked)
        if rows:
            lines = (json.dumps(row) for row in rows)
            (folder / "usage.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _windows(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        stop = min(start + timedelta(days=_DAYS), end)
        yield start, stop
        start = stop


def _arguments(asked: Mapping[str, _Series], start: datetime, stop: datetime) -> dict[str, Any]:
    return {
        "queries": [one.query(name) for name, one in asked.items()],
        "start_time": start.isoformat(),
        "end_time": stop.isoformat(),
        "target_datapoints": int((stop - start) / _HOUR),
    }


def _rows(server: str, reply: Any, asked: Mapping[str, _Series]) -> list[dict[str, Any]]:
    """A row for each value. Raises `broken_contract` for a reply that is not GetMetricData's, or not whole."""
    try:
        results = reply["metricDataResults"]
        whole = all(result["statusCode"] == "Complete" for result in results)
        rows = [
            asked[result["id"]].row(f"mcp:{server}", str(point["timestamp"]), point["value"])
            for result in results
            for point in result["datapoints"]
        ]
    except (KeyError, TypeError):
        whole, rows = False, []
    if not whole:
        said = shown(json.dumps(reply, default=str)[:200])
        raise TenantryError(
            Kind.BROKEN_CONTRACT,
            f"{server}: no whole answer of CloudWatch: {said}",
            "ask for fewer days or metrics",
        )
    return rows

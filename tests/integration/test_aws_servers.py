"""AWS's own MCP servers, over an AWS of our own: what they tell lands, and is laid beside the bill."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from others import answering, free_port
from small_vendor import SmallVendor, charge, tenant

from tenantry import app
from tenantry.datasets import ProviderCosts, TenantCost, Usage
from tenantry.kernel import Principal
from tenantry.runtime.agents import Handles, Toolbox, vocabulary
from tenantry.runtime.agents.figures import ungrounded
from tenantry.runtime.plane import ControlPlane

METRICS = ("UnblendedCost", "AmortizedCost", "NetAmortizedCost")
PROGRAMS = Path(sys.prefix) / "servers" / "bin"
SECRETS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}

pytestmark = pytest.mark.skipif(
    not PROGRAMS.is_dir(), reason="the external servers are missing: make .venv/servers/ready"
)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """An AWS on this machine."""
    port = free_port()
    words = [PROGRAMS / "moto_server", "-p", str(port)]
    with answering(words, port, tmp_path_factory.mktemp("aws"), "/moto-api/") as client:
        yield client


SETTINGS = """
[mcp.costs]
command = "{programs}/awslabs.billing-cost-management-mcp-server"
pass_env = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
env = {{ {env}, MCP_SQL_THRESHOLD = "50000000" }}
[mcp.costs.tools.cost-explorer]
effect = "read"
about = "Cost by day: operation getCostAndUsage, granularity DAILY, metrics UnblendedCost; ResultsByTime, Groups, Keys."

[mcp.metrics]
command = "{programs}/awslabs.cloudwatch-mcp-server"
pass_env = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
env = {{ {env} }}
[mcp.metrics.tools.get_metric_data]
effect = "read"

[sources.explorer]
kind = "aws_costs"
server = "costs"
until = 2026-03-04

[sources.functions]
kind = "cloudwatch"
server = "metrics"
days = 1
until = {until}
[[sources.functions.meters]]
meter = "invocations"
namespace = "AWS/Lambda"
metric = "Invocations"
dimension = "FunctionName"
service = "AWS Lambda"
tenants = {{ "teal-worker" = "teal", "globex-worker" = "globex" }}
"""
NOON = (datetime.now(UTC) - timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
"""CloudWatch takes metrics of the last two weeks alone."""


@pytest.fixture(scope="module")
def folder(aws: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with settings whose servers' tools have been allowed; the working directory meanwhile."""
    found = tmp_path_factory.mktemp("vendor")
    env = {
        "AWS_ENDPOINT_URL": str(aws.base_url).rstrip("/"), "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "FASTMCP_LOG_LEVEL": "ERROR", "FASTMCP_SHOW_SERVER_BANNER": "false", "FASTMCP_CHECK_FOR_UPDATES": "off",
        "HOME": str(found),
    }  # fmt: skip
    listed = ", ".join(f"{name} = {json.dumps(value)}" for name, value in env.items())
    until = (NOON + timedelta(hours=3)).isoformat()
    (found / "tenantry.toml").write_text(SETTINGS.format(programs=PROGRAMS, env=listed, until=until))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(found)
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        for server in ("costs", "metrics"):
            assert app.main(["sources", "allow", server]) == 0
        yield found


def explained(aws: httpx.Client, *months: dict[str, dict[str, str]]) -> None:
    """Have Cost Explorer say, to the next questions, what each service cost on each day."""
    results = [
        {
            "ResultsByTime": [_period(day, costs) for day, costs in month.items()],
            "DimensionValueAttributes": [],
        }
        for month in months
    ]
    answer = aws.post("/moto-api/static/ce/cost-and-usage-results", json={"results": results})
    assert answer.status_code == 201


def _period(day: str, costs: dict[str, str]) -> dict[str, Any]:
    end = str(date.fromisoformat(day) + timedelta(days=1))
    groups = [
        {"Keys": [service, "111122223333"],
         "Metrics": {name: {"Amount": cost, "Unit": "USD"} for name in METRICS}}
        for service, cost in costs.items()
    ]  # fmt: skip
    return {
        "TimePeriod": {"Start": day, "End": end},
        "Total": {},
        "Groups": groups,
        "Estimated": day >= "2026-03",
    }


def measured(aws: httpx.Client, function: str, minutes: int, value: float) -> None:
    """Have CloudWatch know a value, so many minutes after noon."""
    signed = (
        "AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/monitoring/aws4_request, SignedHeaders=host"
    )
    metric = "MetricData.member.1."
    form = {
        "Action": "PutMetricData",
        "Namespace": "AWS/Lambda",
        f"{metric}MetricName": "Invocations",
        f"{metric}Value": str(value),
        f"{metric}Unit": "Count",
        f"{metric}Timestamp": (NOON + timedelta(minutes=minutes)).isoformat(),
        f"{metric}Dimensions.member.1.Name": "FunctionName",
        f"{metric}Dimensions.member.1.Value": function,
    }
    answer = aws.post("/", data=form, headers={"Authorization": f"{signed}, Signature=x"})
    assert answer.status_code == 200, answer.text


@pytest.fixture
def plane(folder: Path, tmp_path: Path) -> ControlPlane:
    """A vendor with a bill of March 2026."""
    bill = [
        charge("12.5", "2026-03-01", service_name="Amazon Elastic Compute Cloud"),
        charge("4", "2026-03-02", service_name="Amazon Simple Storage Service"),
        charge("9", "2026-03-20", service_name="Amazon Simple Storage Service"),
    ]
    SmallVendor(tmp_path / "lake").land(bill, [tenant("teal"), tenant("globex")]).build()
    return app.open_plane(str(tmp_path / "lake"))


def test_what_cost_explorer_tells_lands_beside_the_bill(aws: httpx.Client, plane: ControlPlane) -> None:
    before = rows(plane, TenantCost)
    explained(
        aws,
        {"2026-02-28": {"Amazon Simple Storage Service": "3"}},
        {"2026-03-01": {"Amazon Elastic Compute Cloud - Compute": "10.0000000001", "EC2 - Other": "2.4999999999"},
         "2026-03-02": {"Amazon Simple Storage Service": "4.25"}, "2026-03-03": {"Tax": "1"}},
    )  # fmt: skip
    landed = plane.pull({"explorer": app.sources()["explorer"]})
    plane.build()
    assert (landed.rows, landed.quarantined) == (5, {})
    compared = plane.runtime.call("reconciliation", "provider_costs", {"window": "2026-03"}).data
    found = {line.service_name: (line.bill, line.told, line.outcome.value) for line in compared}
    assert found == {
        "Amazon Elastic Compute Cloud": (Decimal("12.5"), Decimal("12.5"), "same"),
        "Amazon Simple Storage Service": (Decimal(4), Decimal("4.25"), "different"),
        "Tax": (Decimal(0), Decimal(1), "not billed"),
    }
    assert {line.estimated for line in compared} == {3}
    assert rows(plane, TenantCost) == before

    explained(aws, {"2026-02-28": {"AWS Lambda": "2"}}, {"2026-03-01": {"Tax": "1"}})
    # The made-up AWS says the same again to the same question.
    plane.pull(
        {"explorer": app.sources()["explorer"].model_copy(update={"effective_metric": "NetAmortizedCost"})}
    )
    told = rows(plane, ProviderCosts)
    assert [(str(r["charge_day"]), r["told_service"], r["told_by"]) for r in told] == [
        ("2026-02-28", "AWS Lambda", "costs"), ("2026-03-01", "Tax", "costs"),
    ]  # fmt: skip


def rows(plane: ControlPlane, dataset: Any) -> list[dict[str, Any]]:
    found = [row for batch in plane.runtime.batches(dataset.table()) for row in batch.to_pylist()]
    return sorted(found, key=str)


def test_metrics_land_as_usage_of_the_tenants_they_are_mapped_to(
    aws: httpx.Client, plane: ControlPlane
) -> None:
    for function, minutes, value in (("teal-worker", 5, 7), ("teal-worker", 50, 3.5), ("teal-worker", 65, 2),
                                     ("globex-worker", 5, 11), ("nobody", 5, 99)):  # fmt: skip
        measured(aws, function, minutes, value)
    plane.pull({"functions": app.sources()["functions"]})
    found = {(r["tenant_id"], r["time"].hour, r["quantity"], r["resource_id"]) for r in rows(plane, Usage)}
    assert found == {
        ("teal", 12, Decimal("10.5"), "teal-worker"), ("teal", 13, Decimal(2), "teal-worker"),
        ("globex", 12, Decimal(11), "globex-worker"),
    }  # fmt: skip
    assert {(r["meter"], r["service_name"], r["source"]) for r in rows(plane, Usage)} == {
        ("invocations", "AWS Lambda", "mcp:metrics")
    }


def test_an_agent_asks_the_server_itself_and_may_tell_its_figures(
    aws: httpx.Client, plane: ControlPlane
) -> None:
    explained(aws, {"2026-03-01": {"AWS Lambda": "1.75", "Amazon Simple Storage Service": "3.5"}})
    asked = "What did AWS say that storage cost on 1 March 2026?"
    box = Toolbox(plane.runtime, Principal(), Handles(vocabulary(plane.catalog), asked))
    arguments = {"operation": "getCostAndUsage", "start_date": "2026-03-01", "end_date": "2026-03-02",
                 "granularity": "DAILY", "metrics": '["UnblendedCost"]'}  # fmt: skip
    told = box.call("mcp_costs", "cost_explorer", arguments)
    assert '"UnblendedCost":{"amount":"3.5","currency":"USD"}' in told
    handles = {name: handle for handle, name in box.handles.names.items()}
    storage, other = handles["Amazon Simple Storage Service"], handles["AWS Lambda"]
    assert storage in told
    assert not ungrounded(f"{storage} cost 3.50 USD.", box.answers, asked, box.handles)
    assert ungrounded(f"{other} cost 3.50 USD.", box.answers, asked, box.handles)

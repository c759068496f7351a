"""AWS Cost Explorer, asked through AWS's own MCP server: cost by day, account and service, beside the bill.

The server is awslabs.billing-cost-management-mcp-server; its tool `cost-explorer` passes on what GetCostAndUsage says:
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from ..datasets.provider_costs import ProviderCosts
from ..errors import Kind, TenantryError
from ..kernel.dataset import Dataset
from ..kernel.money import MONEY_PLACES
from ..kernel.source import Batch, RemoteSource, RowMapping, Sample
from ..kernel.text import shown
from ..kernel.time import month_start
from .mcp import Pins, Server
from .tables import Table, has

_SERVICES: Mapping[str, str] = {
    "Amazon Elastic Compute Cloud - Compute": "Amazon Elastic Compute Cloud",
    "EC2 - Other": "Amazon Elastic Compute Cloud",
    "AmazonCloudWatch": "Amazon CloudWatch",
}
"""Cost Explorer's names that bills do not have."""
_BY = json.dumps([{"Type": "DIMENSION", "Key": key} for key in ("SERVICE", "LINKED_ACCOUNT")])
_PAGES = 100


class AwsCosts(RemoteSource):
    """What Cost Explorer says of the last months, whole months at a time, through an MCP server of `[mcp]`.

    Each month is one request, or several where it has many pages; AWS charges for them. It lands beside the bill and
    is compared with it by `reconciliation provider-costs`; nothing is allocated from it.
    """

    kind: ClassVar[str] = "aws_costs"
    lands: ClassVar[tuple[type[Dataset], ...]] = (ProviderCosts,)

    server: Annotated[Server, Field(description="its name in `[mcp]`")]
    tool: Annotated[str, Field(description="the server's tool, which must be allowed")] = "cost-explorer"
    months: Annotated[int, Field(ge=1, le=14, description="how many, this one among them")] = 2
    until: Annotated[
        date | None, Field(description="the first day not to ask for; left out: tomorrow, UTC")
    ] = None
    provider: Annotated[str, Field(description="what the bill calls it: its provider_name")] = "AWS"
    billed_metric: Annotated[str, Field(description="Cost Explorer's metric beside billed cost")] = (
        "UnblendedCost"
    )
    effective_metric: Annotated[str, Field(description="and beside effective cost")] = "AmortizedCost"
    services: Annotated[
        dict[str, str],
        Field(
            default_factory=dict,
            description="Cost Explorer's names of services to the bill's, where they differ",
        ),
    ]

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        return has(sample, "told_by", "told_service", "charge_day")

    def batches(self, samples: Sequence[Sample]) -> Iterator[Batch]:
        if samples:
            # Days of a month that are told no more were restated away: the month is replaced whole.
            whole = ("billing_period", "told_by")
            yield Batch(
                tuple(s.path for s in samples), samples[0].format, (_mapping(samples),), replaces=whole
            )

    def fetch(self, folder: Path) -> None:
        from .mcp.client import opened  # noqa: PLC0415 - the protocol is slow to import, and few commands ask

        today = datetime.now(UTC).date()
        end, pins, rows = self.until or today + timedelta(days=1), Pins.read(), list[dict[str, Any]]()
        with opened(self.server) as session:
            for first, last in _months(end, self.months):
                for arguments in self._pages(first, last):
                    found, arguments["next_token"] = self._read(
                        session.call(self.tool, arguments, pins), today
                    )
                    rows += found
        if rows:
            lines = (json.dumps(row) for row in rows)
            (folder / "provider_costs.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _pages(self, first: date, last: date) -> Iterator[dict[str, Any]]:
        """The arguments of each request; whoever sends them notes in them where the next page begins."""
        asked: dict[str, Any] = {
            "operation": "getCostAndUsage",
            "start_date": str(first),
            "end_date": str(last),
            "granularity": "DAILY",
            "metrics": json.dumps([self.billed_metric, self.effective_metric]),
            "group_by": _BY,
        }
        for _ in range(_PAGES):
            yield asked
            if not asked["next_token"]:
                return
        raise TenantryError(
            Kind.LIMIT_EXCEEDED, f"{self.server.name}: {first} has more than {_PAGES} pages", "ask for less"
        )

    def _read(self, reply: Any, today: date) -> tuple[list[dict[str, Any]], Any]:
        """The rows of a reply, and where the next page begins. Raises `broken_contract` for one that is none."""
        try:
            told = reply["data"]
            rows = [
                self._row(period, group, today)
                for period in told["ResultsByTime"]
                for group in period.get("Groups") or ()
            ]
            return rows, told.get("NextPageToken") or (told.get("Pagination") or {}).get("next_token")
        except (KeyError, TypeError, ValueError, AttributeError):
            raise TenantryError(
                Kind.BROKEN_CONTRACT,
                f"{self.server.name}: no answer of Cost Explorer: {shown(json.dumps(reply, default=str)[:200])}",
                "a large one may have been put aside: see MCP_SQL_THRESHOLD in docs/how-to/external-mcp-servers.md",
            ) from None

    def _row(self, period: Any, group: Any, today: date) -> dict[str, Any]:
        service, account = (shown(str(key)) for key in group["Keys"])
        billed, effective = group["Metrics"][self.billed_metric], group["Metrics"][self.effective_metric]
        return {
            "told_by": self.server.name,
            "told_on": str(today),
            "provider_name": self.provider,
            "charge_day": period["TimePeriod"]["Start"],
            "sub_account_id": account,
            "told_service": service,
            "service_name": {**_SERVICES, **self.services}.get(service, service),
            "status": "estimated" if period.get("Estimated") else "final",
            "currency": billed["Unit"] if billed["Unit"] == effective["Unit"] else None,
            "billed_cost": str(billed["Amount"]),
            "effective_cost": str(effective["Amount"]),
        }


def _months(end: date, count: int) -> list[tuple[date, date]]:
    """The last so many months before a day, oldest first; the last ends with it."""
    first = month_start(end - timedelta(days=1))
    found = [(first, end)]
    for _ in range(count - 1):
        first, last = month_start(first - timedelta(days=1)), first
        found.append((first, last))
    return found[::-1]


def _mapping(samples: Sequence[Sample]) -> RowMapping:
    table = Table(samples)
    table.texts("told_by", "provider_name", "sub_account_id", "told_service", "service_name", "status")
    table.days("charge_day", "told_on")
    table.sql["billing_period"] = f"CAST(date_trunc('month', {table.sql['charge_day']}) AS DATE)"
    table.currency()
    for column in ("billed_cost", "effective_cost"):
        table.number(column, places=MONEY_PLACES)
    return table.mapping(ProviderCosts)

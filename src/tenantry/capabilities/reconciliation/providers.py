"""The bill beside what the provider's own cost service says of the same days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from ...datasets.cost_profile import CostProfile
from ...datasets.provider_costs import ProviderCosts
from ...errors import Kind, TenantryError
from ...kernel import Context, Row, tool
from ...kernel.dataset import Count, Day, Dimension, Money
from ...kernel.money import Basis
from ...kernel.parameters import Span
from ...kernel.time import month_start
from ...methods.tolerance import subunit

_NAME = ("provider_name", "charge_day", "service_name", "currency")


class Comparison(StrEnum):
    """How the two compare."""

    SAME = "same"
    """They differ by no more than the currency's smallest coin."""
    DIFFERENT = "different"
    NOT_TOLD = "not told"
    """The provider's service says nothing of it."""
    NOT_BILLED = "not billed"
    """The bill says nothing of it."""


class ProviderCost(BaseModel):
    """A service's cost in a period by the bill, and by the provider's own service; of days that it told alone."""

    period: Annotated[Day, Field(description="its first day")]
    provider_name: Dimension
    service_name: Dimension
    currency: Dimension
    bill: Money
    told: Annotated[Money, Field(description="by the provider's cost service")]
    difference: Annotated[Money, Field(description="told - bill")]
    outcome: Annotated[Comparison, Field(description="same: within the currency's smallest coin")]
    days: Annotated[Count, Field(description="days that were told")]
    estimated: Annotated[Count, Field(description="of these, days that the provider still estimates")]


@dataclass
class _Line:
    bill: Decimal = Decimal(0)
    told: Decimal = Decimal(0)
    sides: set[str] = field(default_factory=set[str])


@tool(window="2026-03")
def provider_costs(
    ctx: Context,
    window: Span = None,
    grain: Literal["month", "day"] = "month",
    basis: Literal[Basis.BILLED, Basis.EFFECTIVE] = Basis.BILLED,
) -> list[ProviderCost]:
    """The bill, as last built, beside what the provider's own cost service said: by service and month or day.

    Only of days that the service told of. A monthly charge may stand on another day there than in the bill: a month
    compares better than a day. Raises `not_found` where none was landed.
    """
    by = (*_NAME, "status")
    told = ctx.totals(ProviderCosts, window, by=by, measures=(basis.column,))
    if not told:
        raise TenantryError(
            Kind.NOT_FOUND,
            "no provider's cost service has told anything of these days",
            "configure a source of kind `aws_costs` and land it: docs/how-to/external-mcp-servers.md",
        )
    providers = sorted({row.provider_name for row in told})
    bill = ctx.totals(CostProfile, window, by=_NAME, measures=(basis.column,), provider_name=providers)
    return [*_compared(told, bill, grain, basis)]


def _compared(told: list[Row], bill: list[Row], grain: str, basis: Basis) -> Iterator[ProviderCost]:
    days: dict[tuple[str, date], set[date]] = defaultdict(set)
    estimated: dict[tuple[str, date], set[date]] = defaultdict(set)
    lines: dict[tuple[date, str, str, str], _Line] = defaultdict(_Line)
    for row in told:
        at = row.provider_name, _period(row.charge_day, grain)
        days[at].add(row.charge_day)
        if row.status != "final":
            estimated[at].add(row.charge_day)
        line = lines[_key(row, grain)]
        line.told += row[basis.column]
        line.sides.add("told")
    for row in bill:
        if row.charge_day in days.get((row.provider_name, _period(row.charge_day, grain)), ()):
            line = lines[_key(row, grain)]
            line.bill += row[basis.column]
            line.sides.add("bill")
    for (period, provider, service, currency), line in sorted(lines.items()):
        yield ProviderCost(
            period=period,
            provider_name=provider,
            service_name=service,
            currency=currency,
            bill=line.bill,
            told=line.told,
            difference=line.told - line.bill,
            outcome=_outcome(line, currency),
            days=len(days[provider, period]),
            estimated=len(estimated.get((provider, period), ())),
        )


def _period(day: date, grain: str) -> date:
    return month_start(day) if grain == "month" else day


def _key(row: Row, grain: str) -> tuple[date, str, str, str]:
    return _period(row.charge_day, grain), row.provider_name, row.service_name, row.currency


def _outcome(line: _Line, currency: str) -> Comparison:
    if abs(line.told - line.bill) <= subunit(currency):
        return Comparison.SAME
    if "told" not in line.sides:
        return Comparison.NOT_TOLD
    return Comparison.DIFFERENT if "bill" in line.sides else Comparison.NOT_BILLED

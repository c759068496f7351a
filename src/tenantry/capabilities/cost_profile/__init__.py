"""Cost profile: which services make up the bill, and where a meter would pay."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import accumulate, groupby
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, Field

from ...datasets import (
    ActiveUsers,
    AllocationRules,
    Charges,
    CostProfile,
    TenantCost,
    TenantNames,
    Tenants,
    UsageHourly,
)
from ...kernel import Capability, Context, Row, Window, tool
from ...kernel.dataset import Count, Day, Dimension, Money, OptionalMoney, Ratio
from ...kernel.money import Basis, part
from ...kernel.parameters import Cost, Month, Span, Top
from ...kernel.time import month_start
from .doubt import decided_pools, guessed, meter_next, uncertainty
from .users import users

_CREDIT = "Credit"
_COLUMNS = {"service": "service_name", "category": "charge_category", "provider": "provider_name"}


class ServiceCost(BaseModel):
    """One service in one currency."""

    service_name: Dimension
    currency: Dimension
    gross: Annotated[Money, Field(description="everything but credits")]
    credits: Annotated[Money, Field(description="charges of category Credit; negative")]
    net: Annotated[Money, Field(description="gross and credits together")]
    share: Annotated[Ratio, Field(description="part of the currency's gross cost")]
    cumulative_share: Annotated[Ratio, Field(description="share of this and all dearer services")]
    charges: Count


class MonthCost(BaseModel):
    """Net cost of one service, category or provider in one month and currency."""

    month: Day
    name: Dimension
    currency: Dimension
    cost: Money
    change: Annotated[OptionalMoney, Field(description="from the month before; null in the first")]
    whole: Annotated[
        bool, Field(description="false: it, the window or the bill begins later in it or is not over")
    ]


class MeterCandidate(BaseModel):
    """A service whose money is shared without a meter of its own."""

    service_name: Dimension
    currency: Dimension
    cost: Annotated[Money, Field(description="all of the service's cost")]
    without_meter: Annotated[Money, Field(description="the part that no fine driver or silo explains")]
    share: Annotated[Ratio, Field(description="that part, of the currency's whole cost")]
    cumulative_share: Annotated[Ratio, Field(description="share of this and the services above it")]
    reason: Annotated[Dimension, Field(description="how most of it is shared today")]


@tool(window="2026-03", top=5)
def services(
    ctx: Context, window: Month = None, top: Top = 20, basis: Cost = Basis.EFFECTIVE
) -> list[ServiceCost]:
    """The services that make up the bill, dearest first: gross, credits and net side by side, per currency."""
    rows = ctx.totals(
        CostProfile,
        window or ctx.month(CostProfile),
        by=("currency", "service_name", "charge_category"),
        measures=(basis.column, "charges"),
    )
    return [
        line
        for currency, of_currency in groupby(rows, attrgetter("currency"))
        for line in _services(currency, list(of_currency), top, basis)
    ]


def _services(currency: str, rows: Sequence[Row], top: int, basis: Basis) -> Iterator[ServiceCost]:
    gross: dict[str, Decimal] = defaultdict(Decimal)
    credit: dict[str, Decimal] = defaultdict(Decimal)
    charges: Counter[str] = Counter()
    for row in rows:
        side = credit if row.charge_category == _CREDIT else gross
        side[row.service_name] += row[basis.column]
        charges[row.service_name] += row.charges
    whole = sum(gross.values(), Decimal(0))
    dearest = sorted(charges, key=lambda name: (-gross[name], name))[:top]
    for name, upto in zip(dearest, accumulate(gross[name] for name in dearest), strict=True):
        yield ServiceCost(
            service_name=name,
            currency=currency,
            gross=gross[name],
            credits=credit[name],
            net=gross[name] + credit[name],
            share=part(gross[name], whole),
            cumulative_share=part(upto, whole),
            charges=charges[name],
        )


@tool(by="provider")
def trend(
    ctx: Context,
    window: Span = None,
    by: Literal["service", "category", "provider"] = "service",
    top: Top = 10,
    basis: Cost = Basis.EFFECTIVE,
) -> list[MonthCost]:
    """Net cost per month of the dearest services, categories or providers, and its change from the month before.

    A change from or to a month that is not `whole` is one of unequal days.
    """
    held = ctx.span(CostProfile)
    if held is None:
        return []
    months, column = list((window or held).months()), _COLUMNS[by]
    whole = {m for m in months if m == m.widened_to_months() and held.start <= m.start and m.end <= held.end}
    costs: dict[tuple[str, str], dict[Window, Decimal]] = defaultdict(dict)
    for month in months:
        for row in ctx.totals(CostProfile, month, by=("currency", column), measures=(basis.column,)):
            costs[row.currency, row[column]][month] = row[basis.column]
    dearest = sorted(costs, key=lambda key: (key[0], -sum(costs[key].values()), key[1]))
    return [
        line
        for currency, keys in groupby(dearest, lambda key: key[0])
        for key in list(keys)[:top]
        for line in _months(key[1], currency, [(m, costs[key].get(m, Decimal(0))) for m in months], whole)
    ]


def _months(
    name: str, currency: str, costs: Iterable[tuple[Window, Decimal]], whole: Container[Window]
) -> Iterator[MonthCost]:
    before: Decimal | None = None
    for month, cost in costs:
        yield MonthCost(
            month=month_start(month.start),
            name=name,
            currency=currency,
            cost=cost,
            change=None if before is None else cost - before,
            whole=month in whole,
        )
        before = cost


class _Line(NamedTuple):
    name: str
    cost: Decimal
    guessed: Decimal
    reason: str


@tool(window="2026-03", top=5)
def start_metering(
    ctx: Context, window: Month = None, top: Top = 10, basis: Cost = Basis.EFFECTIVE
) -> list[MeterCandidate]:
    """Which services deserve a meter first: those with most money that no fine driver or silo explains.

    Cost that policy keeps central or lets follow other cost, such as tax, is left out: a meter would not change it.
    """
    rows = ctx.totals(
        TenantCost,
        window or ctx.month(TenantCost),
        by=("currency", "service_name", "pool", "rung", "reason"),
        measures=(basis.column,),
    )
    decided = decided_pools(ctx)
    return [
        candidate
        for currency, of_currency in groupby(rows, attrgetter("currency"))
        for candidate in _candidates(
            currency,
            [_line(n, list(r), decided, basis) for n, r in groupby(of_currency, attrgetter("service_name"))],
            top,
        )
    ]


def _candidates(currency: str, lines: Sequence[_Line], top: int) -> Iterator[MeterCandidate]:
    whole = sum((line.cost for line in lines), Decimal(0))
    unsure = sorted((x for x in lines if x.guessed > 0), key=lambda x: (-x.guessed, x.name))[:top]
    for line, upto in zip(unsure, accumulate(line.guessed for line in unsure), strict=True):
        yield MeterCandidate(
            service_name=line.name,
            currency=currency,
            cost=line.cost,
            without_meter=line.guessed,
            share=part(line.guessed, whole),
            cumulative_share=part(upto, whole),
            reason=line.reason,
        )


def _line(name: str, rows: Sequence[Row], decided: Container[str], basis: Basis) -> _Line:
    unsure: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        if guessed(row, decided):
            unsure[row.reason] += row[basis.column]
    return _Line(
        name,
        sum((row[basis.column] for row in rows), Decimal(0)),
        sum(unsure.values(), Decimal(0)),
        max(unsure, key=lambda reason: unsure[reason], default=""),
    )


CAPABILITY = Capability(
    name="cost_profile",
    question="Which services make up the bill, so where does metering pay?",
    datasets=(
        CostProfile,
        TenantCost,
        Charges,
        Tenants,
        TenantNames,
        ActiveUsers,
        UsageHourly,
        AllocationRules,
    ),
    tools=(services, users, trend, start_metering, meter_next, uncertainty),
    examples=(
        "What are the five dearest services this month?",
        "Which service grew most since January?",
        "What should we meter first?",
        "Which tenants' cost is least sure, and by how much?",
    ),
    instructions=Capability.instructions_beside(str(Path(__file__).parent)),
)

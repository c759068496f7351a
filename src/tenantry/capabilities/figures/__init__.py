"""Figures: any measure, cut by one dimension, over any time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field

from ...datasets import ActiveUsers, FeatureCost, Margin, Requests, TenantCost, Tenants, UsageHourly
from ...errors import invalid
from ...kernel import Capability, Context, tool
from ...kernel.dataset import Column, Day, Dimension, OptionalDimension, Ratio, Role
from ...kernel.money import MONEY_SQL, part, per
from ...kernel.parameters import Month
from .measures import CUTS, UNIT, Cut, Grain, Measure
from .periods import periods
from .selection import Selection, Where, as_text, several
from .sums import Sums, sums_of

_MOST = 10_000
"""Figures in one answer."""
Value = Annotated[Decimal | None, Column(Role.MEASURE, MONEY_SQL, "value")]
_Names = Annotated[str | None, BeforeValidator(as_text)]
_Only = Annotated[_Names, Field(description="only this one; of several a JSON list")]
_Except = Annotated[_Names, Field(description="all but this one; of several a JSON list")]
_Totals = Mapping[tuple[str, str | None, int], Decimal | None]


class Figure(BaseModel):
    """One figure: of one name, period and currency."""

    name: Annotated[Dimension, Field(description="of what it is; empty: of all")]
    start: Day
    end: Annotated[Day, Field(description="the day after the last")]
    currency: Annotated[OptionalDimension, Field(description="null where no money is in it")]
    value: Annotated[Value, Field(description="null where it would be divided by nothing")]
    unit: Annotated[Dimension, Field(description="money, ratio, or what is counted")]
    share: Annotated[Ratio, Field(description="part of the whole of its period and currency; sums alone")]


@tool(measure="cost", window="2026-03", by="tier")
def totals(
    ctx: Context,
    measure: Measure,
    window: Month = None,
    by: Annotated[Cut | None, Field(description="cut by this dimension")] = None,
    grain: Annotated[Grain | None, Field(description="cut by these periods")] = None,
    tenant: _Only = None,
    tier: _Only = None,
    plan: _Only = None,
    service: _Only = None,
    feature: _Only = None,
    meter: _Only = None,
    except_tenant: _Except = None,
    except_tier: _Except = None,
    except_service: _Except = None,
    except_feature: _Except = None,
    top: Annotated[int | None, Field(ge=1, description="only so many names, for each currency")] = None,
    order: Annotated[Literal["desc", "asc"], Field(description="largest or smallest first")] = "desc",
) -> list[Figure]:
    """One measure's figures, cut by a dimension and by periods, of what the filters name.

    Raises `invalid` for a dimension that the measure has not, and for usage of several meters together.
    """
    where = Where(
        only={Cut.TENANT: several(tenant), Cut.TIER: several(tier), Cut.PLAN: several(plan),
              Cut.SERVICE: several(service), Cut.FEATURE: several(feature), Cut.METER: several(meter)},
        without={Cut.TENANT: several(except_tenant), Cut.TIER: several(except_tier),
                 Cut.SERVICE: several(except_service), Cut.FEATURE: several(except_feature)},
    )  # fmt: skip
    _check(measure, by, where)
    when = window or ctx.month(TenantCost)
    found = sums_of(measure, Selection(ctx, by, where))
    if found.monthly:
        when = when.widened_to_months()
        if grain in {Grain.DAY, Grain.WEEK}:
            raise invalid(f"{measure} is monthly here", "ask for a grain of month, quarter or year")
    whole, cut = found.read(when, [when]), periods(when, grain)
    names = _ranked(_values(found, whole), top, largest=order == "desc")
    if len(names) * len(cut) > _MOST:
        raise invalid(f"{len(names) * len(cut):,} figures", "ask for fewer: a longer grain, or `top`")
    parts = found.read(when, cut) if grain else whole
    values = _values(found, parts)
    divided = found.divided or by is Cut.METER
    wholes = {} if divided else _wholes(values)
    figures: list[Figure] = []
    for name, currency in names:
        for place, period in enumerate(cut):
            value = values.get((name, currency, place), None if found.divided else Decimal(0))
            figures.append(
                Figure(
                    name=name,
                    start=period.start,
                    end=period.end,
                    currency=currency,
                    value=value,
                    unit=_unit(measure, name, by, where.only[Cut.METER]),
                    share=None if divided or value is None else part(value, wholes[currency, place]),
                )
            )
    return figures


def _check(measure: Measure, by: Cut | None, where: Where) -> None:
    asked = {*where.names(), *filter(None, [by])}
    if wrong := sorted(asked - CUTS[measure]):
        have = ", ".join(sorted(CUTS[measure]))
        raise invalid(f"{measure} is not known by {', '.join(wrong)}", f"it is known by {have}")
    if Cut.PLAN in asked and (wrong := sorted(asked & {Cut.SERVICE, Cut.FEATURE})):
        raise invalid(f"{measure} by plan is not known by {', '.join(wrong)}", "leave out one or the other")
    meters = where.only.get(Cut.METER) or ()
    if measure is Measure.USAGE and by is not Cut.METER and len(meters) != 1:
        raise invalid("usage of different meters is not added", "name a meter, or cut by meter")


def _unit(measure: Measure, name: str, by: Cut | None, meters: tuple[str, ...] | None) -> str:
    """Usage is in its meter's own unit, which is the meter's name."""
    if measure is Measure.USAGE:
        return name if by is Cut.METER else meters[0] if meters else ""
    return UNIT.get(measure, "money")


def _values(found: Sums, read: Sequence[Mapping[tuple[str, str | None, int], Decimal]]) -> _Totals:
    """The sums, or one divided by the other: null where there is nothing to divide by."""
    if not found.divided:
        return read[0]
    above, below = read
    held: dict[tuple[str, str | None, int], Decimal | None] = {}
    for key, amount in above.items():
        name, _, place = key
        units = below.get(key, below.get((name, None, place), Decimal(0)))
        held[key] = per(amount, units) if units > 0 else None
    return held


def _wholes(values: _Totals) -> dict[tuple[str | None, int], Decimal]:
    wholes: dict[tuple[str | None, int], Decimal] = defaultdict(Decimal)
    for (_, currency, place), value in values.items():
        wholes[currency, place] += value or Decimal(0)
    return wholes


def _ranked(values: _Totals, top: int | None, *, largest: bool) -> list[tuple[str, str | None]]:
    """Names and currencies in order; what has no value comes last."""
    of_currency: dict[str | None, list[tuple[bool, Decimal, str]]] = defaultdict(list)
    for (name, currency, _), value in values.items():
        size = value or Decimal(0)
        of_currency[currency].append((value is None, -size if largest else size, name))
    return [
        (name, currency)
        for currency in sorted(of_currency, key=lambda c: c or "")
        for _, _, name in sorted(of_currency[currency])[:top]
    ]


CAPABILITY = Capability(
    name="figures",
    question="What is any figure, of whom, over which time?",
    datasets=(TenantCost, FeatureCost, Margin, UsageHourly, Requests, ActiveUsers, Tenants),
    tools=(totals,),
    examples=(
        "What did the enterprise tier cost per month since March?",
        "Which five tenants had the lowest margin last quarter?",
    ),
    instructions=Capability.instructions_beside(str(Path(__file__).parent)),
)

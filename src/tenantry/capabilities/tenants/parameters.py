"""Parameters that the tools of this capability share."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from ...kernel.money import MONEY_PLACES, QUANTITY_PLACES

_DIGITS = 38
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _written_as_a_day(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    if not _DAY.fullmatch(given):
        message = f"{given!r} is not a day: write YYYY-MM-DD"
        raise ValueError(message)
    return date.fromisoformat(given)  # itself, because a strict reader takes no text for a day from here on


_Day = BeforeValidator(_written_as_a_day)  # a number is no day, though it may be one since 1970

TenantId = Annotated[str, Field(description="as in the tenants table")]
NewTenant = Annotated[str, Field(description="its id in all data; never changes")]
Tier = Annotated[str | None, Field(description="as `tiers` lists them")]
Isolation = Literal["pool", "silo", "bridge"]
Name = Annotated[str | None, Field(description="as people call it")]
Listed = Annotated[str | None, Field(description="`;`-separated; an entry may end in `@START..END`")]
Assigned = Annotated[
    str | None, Field(description="`;`-separated; all their cost is the tenant's from `started_on` on")
]
Seats = Annotated[Decimal | None, Field(ge=0, max_digits=_DIGITS, decimal_places=QUANTITY_PLACES)]
Text = Annotated[str | None, Field(description="empty text clears it")]
Started = Annotated[date | None, _Day, Field(description="the first day, UTC; by default today")]
Ended = Annotated[date | None, _Day, Field(description="the day after the last, UTC; by default it goes on")]
On = Annotated[date | None, _Day, Field(description="the first day of the new, UTC; by default today")]
Until = Annotated[
    date | None,
    _Day,
    Field(description="the first day without it, UTC; by default today, which is then without it"),
]
AsOf = Annotated[date | None, _Day, Field(description="a day, UTC; by default today")]
RunsOn = Annotated[date | None, _Day, Field(description="only those that run on a day, UTC")]
Version = Annotated[
    str | None, Field(description="of the tenant, as `get` told it: refused where it has changed since")
]
Why = Annotated[str | None, Field(description="why, for the record")]
OfTier = Annotated[str, Field(description="whose: a tier, or leave it out and name a tenant")]
OfTenant = Annotated[str, Field(description="whose: a tenant, or leave it out and name a tier")]
Feature = Annotated[str, Field(description="as in the usage")]
Meter = Annotated[str, Field(description="as in the usage")]
Quota = Annotated[
    Decimal | None,
    Field(
        ge=0, max_digits=_DIGITS, decimal_places=QUANTITY_PLACES, description="in each period; none: no limit"
    ),
]
Unit = Annotated[str | None, Field(description="what the quota counts, in words")]
Period = Annotated[
    Literal["day", "month", "year", "total"], Field(description="of the calendar, UTC; total: in all")
]
Plan = Annotated[str, Field(description="what is paid for")]
Amount = Annotated[
    Decimal,
    Field(max_digits=_DIGITS, decimal_places=MONEY_PLACES, description="for each unit and interval"),
]
NewAmount = Annotated[
    Decimal | None,
    Field(max_digits=_DIGITS, decimal_places=MONEY_PLACES, description="for each unit and interval"),
]
Currency = Annotated[str, Field(description="ISO 4217, such as EUR")]
Interval = Literal["month", "year"]
Quantity = Annotated[Decimal, Field(ge=0, max_digits=_DIGITS, decimal_places=QUANTITY_PLACES)]
NewQuantity = Annotated[Decimal | None, Field(ge=0, max_digits=_DIGITS, decimal_places=QUANTITY_PLACES)]
Resource = Annotated[
    str,
    Field(description="a resource id as the bill has it or a prefix ending in `*`, an account, a namespace"),
]
Kind = Literal["resource", "account", "namespace"]
After = Annotated[str, Field(description="only those behind this one, for the next page")]
Limit = Annotated[int, Field(ge=1, le=100_000, description="at most how many")]

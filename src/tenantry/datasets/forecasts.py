"""Six months ahead: cost, revenue and margin of every tenant, tier and the total."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import takewhile
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from ..kernel.dataset import (
    Column,
    Count,
    Dataset,
    Day,
    Dimension,
    Key,
    Money,
    Note,
    OptionalDimension,
    OptionalMoney,
    Ratio,
    Role,
)
from ..kernel.time import Window, next_month
from ..methods.forecast import LARGEST, PLACES
from .margin import Margin
from .tenant_cost import TenantCost

if TYPE_CHECKING:
    from ..methods.forecast.outlook import Outlook

NO_TIER = "(none)"

# A month is over once a later day has cost, or its own last day.
_NEWEST = "SELECT max(charge_day) AS day FROM tenant_cost"
_AMOUNTS = (
    "SELECT month, tenant_id, tier, currency, CAST(effective_cost AS DOUBLE) AS cost,"
    " CAST(revenue AS DOUBLE) AS revenue FROM margin WHERE month < DATE '{end}'"
)
# A change moves the forecasts of its month and of all later ones; what lands in a month ends the one before.
_TOUCHES = """
    SELECT DISTINCT month AS day FROM margin WHERE month >= (
        SELECT coalesce(max(month), DATE '0001-01-01') FROM margin
        WHERE month < (SELECT date_trunc('month', min(day)) FROM changed))
"""


class Forecasts(Dataset):
    """A month ahead of one tenant, tier or the total, as it was forecast when the month `origin` was over.

    `origin` is the first day of the last whole month known then, `made_on` the day after that month; `month` the first
    day of the month ahead, of six. `key` is the tenant, the tier (`(none)` without one) or `(all)`. Tenants are those
    of the origin's month: newcomers are in no forecast. Means of tenants add up to those of their tier and these to
    the total, and margin is revenue less cost, to the last unit. Bounds are null where it is too early to tell.
    `history` counts the months known. `wape`, `owa`, `cover80` and `cover95` say how the forecasts of this level and
    measure made in the 12 months before did, over `tested` months that have come (see `forecast_accuracy`).
    """

    partition: ClassVar[str] = "origin"
    keys: ClassVar[tuple[str, ...]] = ("origin", "currency", "level", "key", "measure", "month")
    sort: ClassVar[tuple[str, ...]] = ("level", "key")
    reads: ClassVar[tuple[type[Dataset], ...]] = (Margin, TenantCost)
    touches: ClassVar[str | None] = _TOUCHES

    origin: Day
    made_on: Annotated[date, Column(Role.DIMENSION, "DATE")]
    month: Annotated[date, Column(Role.TIME, "DATE")]
    level: Key
    key: Key
    tier: OptionalDimension
    measure: Key
    currency: Key
    mean: Money
    lo80: OptionalMoney
    hi80: OptionalMoney
    lo95: OptionalMoney
    hi95: OptionalMoney
    method: Dimension
    history: Annotated[int, Column(Role.MEASURE, "BIGINT", "months")]
    note: Note
    wape: Ratio
    owa: Ratio
    cover80: Ratio
    cover95: Ratio
    tested: Count

    @classmethod
    def compute(cls, read: Any, window: Window, settings: Mapping[str, Any]) -> Iterator[Forecasts]:
        # numpy is for builds alone: `--help` reads this module, too.
        from ..methods.forecast.outlook import outlooks  # noqa: PLC0415
        from ..methods.forecast.rolling import Panel  # noqa: PLC0415

        newest = read.query(_NEWEST)[0].day
        if newest is None:
            return
        rows: dict[str, list[Any]] = defaultdict(list)
        for row in read.query(_AMOUNTS.format(end=window.end)):
            if next_month(row.month) <= newest + timedelta(days=1):
                rows[row.currency].append(row)
        for currency, own in sorted(rows.items()):
            months = _foreseeable(own)
            asked = [at for at, month in enumerate(months, start=1) if month in window]
            if asked:
                place = {month: at for at, month in enumerate(months)}
                amounts = (
                    (place[r.month], r.tenant_id, r.tier or NO_TIER, r.cost, r.revenue)
                    for r in own
                    if r.month in place
                )
                for told in outlooks(Panel.of(amounts, len(months)), asked[0], asked[-1]):
                    yield from cls._rows(told, months[told.at - 1], currency)

    @classmethod
    def _rows(cls, told: Outlook, origin: date, currency: str) -> Iterator[Forecasts]:
        made_on = month = next_month(origin)
        for k, mean in enumerate(told.mean):
            lo80, hi80 = _bounds(told, 0.8, k)
            lo95, hi95 = _bounds(told, 0.95, k)
            yield cls.model_construct(
                origin=origin,
                made_on=made_on,
                month=month,
                level=told.level,
                key=told.key,
                tier=told.tier,
                measure=told.measure,
                currency=currency,
                mean=_money(mean),
                lo80=lo80,
                hi80=hi80,
                lo95=lo95,
                hi95=hi95,
                method=told.method,
                history=told.history,
                note=told.note,
                **vars(told.score),
            )
            month = next_month(month)


def _bounds(told: Outlook, level: float, ahead: int) -> tuple[Decimal | None, Decimal | None]:
    low, high = told.bounds[level] if told.bounds else (None, None)
    return _money(low[ahead] if low else None), _money(high[ahead] if high else None)


def _money(units: int | None) -> Decimal | None:
    return None if units is None else Decimal(units).scaleb(-PLACES)


def _foreseeable(rows: Sequence[Any]) -> list[date]:
    """The months up to the first whose amounts are beyond what a forecast can be counted in."""
    sizes: dict[date, float] = defaultdict(float)
    for row in rows:
        sizes[row.month] += abs(row.cost) + abs(row.revenue)
    return list(takewhile(lambda month: sizes[month] <= LARGEST, _months(rows)))


def _months(rows: Sequence[Any]) -> Iterator[date]:
    """Every month from the first to the last."""
    month, last = min(r.month for r in rows), max(r.month for r in rows)
    while month <= last:
        yield month
        month = next_month(month)


class ForecastAccuracy(Dataset):
    """How the forecasts of a level and measure did that were made in the 12 months before `origin` was over.

    Each was made as if nothing later had been known, and its months have come by the end of `origin`. `wape` is
    sum |F - Y| / sum |Y|; `owa` the mean of sMAPE and MASE, each divided by that of repeating the last month: below 1
    is better than that. `cover80` is the part of months inside their 80 % interval. `tested` counts forecast months;
    what is measured by few says little.
    """

    partition: ClassVar[str] = "origin"
    keys: ClassVar[tuple[str, ...]] = ("origin", "currency", "level", "measure")
    reads: ClassVar[tuple[type[Dataset], ...]] = (Forecasts,)
    query: ClassVar[str | None] = """
        SELECT DISTINCT origin, currency, level, measure, wape, owa, cover80, cover95, tested FROM forecasts
        WHERE origin >= $start AND origin < $end
    """

    origin: Day
    currency: Key
    level: Key
    measure: Key
    wape: Ratio
    owa: Ratio
    cover80: Ratio
    cover95: Ratio
    tested: Count

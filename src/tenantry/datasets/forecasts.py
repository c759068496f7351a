"""Six months ahead: cost, revenue and margin of every tenant, tier and the total."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from .forecast_methods import ForecastMethods, code_of
from .margin import Margin
from .tenant_cost import TenantCost

if TYPE_CHECKING:
    from ..methods.forecast.candidate import Chosen
    from ..methods.forecast.outlook import Outlook
    from ..methods.forecast.rolling import Panel

NO_TIER = "(none)"

# A month is over once a later day has cost, or its own last day.
_NEWEST = "SELECT max(charge_day) AS day FROM tenant_cost"
_AMOUNTS = (
    "SELECT month, tenant_id, tier, currency, CAST(effective_cost AS DOUBLE) AS cost,"
    " CAST(revenue AS DOUBLE) AS revenue FROM margin WHERE month < DATE '{end}'"
)
_CHOSEN = "SELECT since, method, libraries, code FROM forecast_methods ORDER BY since"
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
    measure made in the 12 months before did, over `tested` months that have come (see `forecast_accuracy`). `method`
    names the models, or the code that somebody chose (see `forecast_methods`); `note` says where that was not used.
    """

    partition: ClassVar[str] = "origin"
    keys: ClassVar[tuple[str, ...]] = ("origin", "currency", "level", "key", "measure", "month")
    sort: ClassVar[tuple[str, ...]] = ("level", "key")
    reads: ClassVar[tuple[type[Dataset], ...]] = (Margin, TenantCost, ForecastMethods)
    touches: ClassVar[str | None] = _TOUCHES
    follows: ClassVar[Mapping[str, tuple[str, str]]] = {
        "forecast_methods": (
            "since, method",
            "SELECT DISTINCT month AS day FROM margin WHERE month >= (SELECT min(since) FROM changed)",
        )
    }
    told: ClassVar[tuple[str, ...]] = ("sandbox",)

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
        from ..methods.forecast.outlook import outlooks  # noqa: PLC0415 - numpy is for builds alone

        newest = read.query(_NEWEST)[0].day
        if newest is None:
            return
        decided = read.query(_CHOSEN)
        amounts = read.query(_AMOUNTS.format(end=window.end))
        for currency, months, panel in panels(amounts, newest + timedelta(days=1)):
            asked = [at for at, month in enumerate(months, start=1) if month in window]
            if asked:
                chosen = {at: one for at in asked if (one := _chosen(decided, months, at))}
                for told in outlooks(panel, asked[0], asked[-1], chosen, settings.get("sandbox")):
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


def panels(rows: Iterable[Any], over: date) -> Iterator[tuple[str, list[date], Panel]]:
    """Of each currency the months that are over on a day and can be forecast from, and what tenants cost and paid then.

    Rows have `currency, month, tenant_id, tier, cost, revenue`.
    """
    # numpy is for those who forecast: `--help` reads this module, too.
    from ..methods.forecast.rolling import Panel  # noqa: PLC0415

    by_currency: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        if next_month(row.month) <= over:
            by_currency[row.currency].append(row)
    for currency, own in sorted(by_currency.items()):
        months = _foreseeable(own)
        place = {month: at for at, month in enumerate(months)}
        amounts = (
            (place[r.month], r.tenant_id, r.tier or NO_TIER, r.cost, r.revenue)
            for r in own
            if r.month in place
        )
        yield currency, months, Panel.of(amounts, len(months))


def _chosen(decided: Sequence[Any], months: Sequence[date], at: int) -> Chosen | None:
    """The code that forecasts are made by when `at` months are over; None: the default's."""
    from ..methods.forecast.candidate import Chosen  # noqa: PLC0415

    last = next((row for row in reversed(decided) if row.since <= months[at - 1]), None)
    if last is None or last.method is None:
        return None
    return Chosen(code_of(last.code, last.libraries), sum(month <= last.since for month in months))


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

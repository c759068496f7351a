"""Answers of months to come: the forecast with its interval, and how far off such forecasts were."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from ...kernel import Window
from ...kernel.time import next_month
from .compose import Chart, Piece, Series, Table, period, plain_name, title_of
from .execute import Called, Desk
from .facts import MONEY, RATIO, Fact
from .question import Question

_SAID = 5


def forecast(desk: Desk, question: Question) -> Piece:
    """The piece for a forecast of cost, revenue or margin: of all, or of tenants or tiers."""
    measure = question.metric.removeprefix("forecast_")
    level = next((d for d in ("tenant", "tier") if question.only(d)), question.by or "total")
    key = next(iter(question.only(level)), None)
    called = desk.call(
        "cost_forecast",
        "forecast",
        level=level,
        key=key,
        measure=measure,
        window=question.window,
        top=question.top,
    )
    rows = list(enumerate(called.rows))
    if not rows:
        return Piece([f"There is no forecast of {measure} for {period(question.window)}."])
    piece, series = Piece(), list[Series]()
    cells: list[tuple[Fact | str | None, ...]] = []
    for (name, currency), some in groupby(rows, key=lambda pair: (pair[1].key, pair[1].currency)):
        months = [_Month(called, measure, place, row) for place, row in some]
        cells += [month.cells() for month in months]
        if len(piece.lines) < _SAID:
            piece.lines.append(_line(desk, measure, plain_name(name) if level != "total" else "", months))
        if not series or series[0].points[0] is None or series[0].points[0].currency == currency:
            series.append(Series(plain_name(name), tuple(month.mean for month in months)))
    first = rows[0][1]
    error = (
        called.fact(f"error of forecasts of {measure}", first.wape, RATIO, "[0].wape")
        if first.wape is not None
        else None
    )
    if error:
        piece.lines.append(f"On these data such forecasts were off by {{{error.handle}}} on average.")
    if first.note:
        piece.lines.append(f"Note: {plain_name(first.note)}.")
    columns = ("of", "month", "likeliest", "lowest of 80 %", "highest of 80 %")
    piece.tables.append(Table(title_of(question), columns, tuple(cells)))
    places = tuple(period(p.window) for p in series[0].points if p and p.window)
    piece.chart = Chart("line", title_of(question), first.currency, places, tuple(series[:_SAID]))
    return piece


class _Month:
    """One month of a forecast, as facts."""

    def __init__(self, called: Called, measure: str, place: int, row: Any) -> None:
        self.window = Window(row.month, next_month(row.month))
        self.name = plain_name(row.key)
        self._called, self._place, self._row, self._measure = called, place, row, measure
        self.mean = self._fact("mean")
        self.low, self.high = (
            self._fact(name) if getattr(row, name) is not None else None for name in ("lo80", "hi80")
        )

    def _fact(self, name: str) -> Fact:
        return self._called.fact(
            f"forecast of {self._measure}: {name}",
            getattr(self._row, name),
            MONEY,
            f"[{self._place}].{name}",
            window=self.window,
            currency=self._row.currency,
            of={self._row.level: self._row.key},
            basis="forecast",
        )

    def cells(self) -> tuple[Fact | str | None, ...]:
        return (self.name, period(self.window), self.mean, self.low, self.high)

    def said(self) -> str:
        """The month in words."""
        between = (
            f", likely between {{{self.low.handle}}} and {{{self.high.handle}}}"
            if self.low and self.high
            else ""
        )
        return f"{{{self.mean.handle}}} in {period(self.window)}{between}"


def _line(desk: Desk, measure: str, name: str, months: list[_Month]) -> str:
    of = f" of {name}" if name else ""
    if len(months) == 1:
        return f"Forecast {measure}{of}: {months[0].said()}."
    total = desk.facts.sum([month.mean for month in months], f"forecast of {measure}")
    return f"Forecast {measure}{of}: {months[0].said()}; {months[-1].said()}; together {{{total.handle}}}."

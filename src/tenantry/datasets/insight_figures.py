"""What insights of a month are found in, read off the datasets: twelve months of who costs, earns and uses what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from ..kernel.money import EXACT
from ..kernel.time import month_start, next_month
from ..methods.insight import Concentration, Daily, Figures, Subject

MONTHS = 12
_FEWEST = 3
"""Months, the first perhaps a part of one, without which nothing can be said."""
_DAYS = 182
_RECENT = 3
_TOP = 5
_OF = "CAST(date_trunc('month', {0}) AS DATE)"
_SEEN = f"""
    SELECT {_OF.format("charge_day")} AS month, min(charge_day) AS first, max(charge_day) AS last
    FROM cost_profile WHERE charge_day >= $start AND charge_day < $end GROUP BY 1
"""
# A thousandth of all money is less than half of what is worth telling; the rest of the tenants count in their tier.
_MONEY = f"""
    WITH m AS (SELECT * FROM margin WHERE month >= $start AND month < $end),
    whole AS (SELECT currency, sum(abs(effective_cost)) + sum(abs(revenue)) AS money FROM m GROUP BY currency),
    pays AS (SELECT tenant_id, currency, sum(revenue) > 0 AS paying FROM m GROUP BY tenant_id, currency),
    told AS (
        SELECT m.tenant_id, m.currency
        FROM m JOIN whole AS w ON w.currency = m.currency
        JOIN pays AS p ON p.tenant_id = m.tenant_id AND p.currency = m.currency
        GROUP BY m.tenant_id, m.currency, w.money
        HAVING greatest(sum(abs(effective_cost)), sum(abs(revenue))) >= w.money / 1000
            OR min(CASE WHEN CASE WHEN paying THEN revenue > 0 ELSE effective_cost <> 0 END THEN month END) >= $recent
            OR max(CASE WHEN CASE WHEN paying THEN revenue > 0 ELSE effective_cost <> 0 END THEN month END) < $last
    ),
    figure AS (
        SELECT 'total' AS level, '' AS name, '' AS tier, currency, month, effective_cost, revenue, confidence FROM m
        UNION ALL
        SELECT 'tier', tier, '', currency, month, effective_cost, revenue, confidence FROM m WHERE tier <> ''
        UNION ALL
        SELECT 'tenant', m.tenant_id, m.tier, m.currency, month, effective_cost, revenue, confidence
        FROM m JOIN told AS t ON t.tenant_id = m.tenant_id AND t.currency = m.currency
    ),
    summed AS (
        SELECT level, name, tier, currency, month, sum(effective_cost) AS cost, sum(revenue) AS revenue,
            sum(CAST(abs(effective_cost) AS DECIMAL(20, 6))) AS weight,
            sum(CAST(abs(effective_cost) AS DECIMAL(20, 6)) * CAST(coalesce(confidence, 0) AS DECIMAL(9, 6))) AS known
        FROM figure GROUP BY level, name, tier, currency, month
        UNION ALL
        SELECT 'service', service_name, '', currency, {_OF.format("charge_day")}, sum(effective_cost), 0, 0, 0
        FROM cost_profile WHERE charge_day >= $start AND charge_day < $end GROUP BY ALL
        UNION ALL
        SELECT 'feature', feature_id, '', currency, {_OF.format("charge_day")}, sum(effective_cost), 0, 0, 0
        FROM feature_cost WHERE charge_day >= $start AND charge_day < $end AND feature_id <> '' GROUP BY ALL
    )
    SELECT * FROM summed
    ORDER BY level NULLS FIRST, name NULLS FIRST, tier NULLS FIRST, currency NULLS FIRST, month NULLS FIRST
"""
_SQUARE = "CAST(revenue AS DECIMAL(18, 2))"
_SHARES = f"""
    SELECT currency, month, sum(CAST({_SQUARE} * 100 AS HUGEINT) * CAST({_SQUARE} * 100 AS HUGEINT)) AS squares,
        CAST(sum({_SQUARE}) * 100 AS HUGEINT) AS whole, sum(CASE WHEN place <= {_TOP} THEN revenue ELSE 0 END) AS top
    FROM (
        SELECT currency, month, revenue, row_number() OVER (
            PARTITION BY currency, month ORDER BY revenue DESC NULLS LAST, tenant_id NULLS FIRST) AS place
        FROM margin WHERE month >= $start AND month < $end AND revenue > 0
    ) AS r GROUP BY currency, month
"""
_UNITS = f"""
    SELECT {_OF.format("day")} AS month, service_name, meter, CAST(sum(units) AS HUGEINT) AS units
    FROM meter_hours WHERE day >= $start AND day < $end GROUP BY 1, 2, 3 ORDER BY 2, 3, 1
"""
_USED = f"""
    SELECT {_OF.format("day")} AS month, tenant_id, service_name, meter, CAST(sum(units) AS HUGEINT) AS units
    FROM usage_hourly WHERE day >= $start AND day < $end AND tenant_id IN (SELECT unnest($tenants))
    GROUP BY 1, 2, 3, 4 ORDER BY 2, 3, 4, 1
"""
_COST_OF_DAYS = """
    SELECT charge_day AS day, service_name, currency, sum(effective_cost) AS cost
    FROM cost_profile WHERE charge_day >= $start AND charge_day < $end GROUP BY 1, 2, 3
"""
_UNITS_OF_DAYS = """
    SELECT day, service_name, meter, CAST(sum(units) AS HUGEINT) AS units
    FROM meter_hours WHERE day >= $start AND day < $end GROUP BY 1, 2, 3
"""
_SHARED = f"""
    SELECT tenant_id, {{column}} AS name, currency, {_OF.format("charge_day")} AS month, sum(effective_cost) AS cost
    FROM {{table}} WHERE charge_day >= $start AND charge_day < $end
        AND tenant_id IN (SELECT unnest($tenants)) AND {{column}} IN (SELECT unnest($names))
    GROUP BY 1, 2, 3, 4
"""
Meter = tuple[str, str]
"""A service, or empty, and a meter."""


def figures_of(read: Any, month: date) -> list[Figures]:
    """The figures of a month and those before it, a set for each currency; none if the month is not whole.

    A month is whole where there is cost on its last day or in the month after it, and on its first day or in the month
    before it.
    """
    months, whole = _months(read, month)
    if len(months) < _FEWEST:
        return []
    return _Reading(read, months, whole).figures()


def month_before(month: date) -> date:
    return month_start(month - timedelta(days=1))


def costs_of(
    read: Any, table: str, column: str, names: Sequence[str], tenants: Sequence[str], months: Sequence[date]
) -> dict[tuple[str, str, str, date], Decimal]:
    """What tenants' services or features (the column's names) cost: by tenant, name, currency and month."""
    span = {"start": months[0], "end": next_month(months[-1])}
    rows = read.query(
        _SHARED.format(table=table, column=column), {**span, "tenants": list(tenants), "names": list(names)}
    )
    return {(row.tenant_id, row.name, row.currency, row.month): row.cost for row in rows}


def _months(read: Any, month: date) -> tuple[list[date], int]:
    """The months without a gap up to this one, oldest first, and the index of the first that is whole."""
    earliest = month
    for _ in range(MONTHS):
        earliest = month_before(earliest)
    after = next_month(month)
    rows = read.query(_SEEN, {"start": earliest, "end": next_month(after)})
    seen = {row.month: row for row in rows}
    ends = month in seen and (after in seen or seen[month].last == after - timedelta(days=1))
    found: list[date] = []
    while ends and month in seen and len(found) < MONTHS:
        found.insert(0, month)
        month = month_before(month)
    partial = bool(found) and month not in seen and seen[found[0]].first != found[0]
    return found, int(partial)


@dataclass
class _Reading:
    """One month's window, read once, and put together by currency."""

    read: Any
    months: Sequence[date]
    whole: int
    place: dict[date, int] = field(init=False)
    span: dict[str, date] = field(init=False)

    def __post_init__(self) -> None:
        self.place = {month: i for i, month in enumerate(self.months)}
        self.span = {"start": self.months[0], "end": next_month(self.months[-1])}

    def figures(self) -> list[Figures]:
        recent = self.months[max(0, len(self.months) - _RECENT)]
        rows = self.read.query(_MONEY, {**self.span, "recent": recent, "last": self.months[-1]})
        by: dict[str, dict[tuple[str, str], list[Any]]] = defaultdict(lambda: defaultdict(list))
        for row in rows:
            by[row.currency][row.level, row.name].append(row)
        metered = self._monthly(self.read.query(_UNITS, self.span))
        used = self._used(sorted({n for own in by.values() for level, n in own if level == "tenant"}))
        shares = self._concentrations()
        days = self._days(metered)
        return [
            Figures(
                currency,
                tuple(self.months),
                self.whole,
                tuple(self._subjects(own, metered, used)),
                tuple(days.get(currency, ())),
                shares.get(currency),
            )
            for currency, own in sorted(by.items())
            if ("total", "") in own
        ]

    def _subjects(
        self,
        rows: Mapping[tuple[str, str], Sequence[Any]],
        metered: Mapping[Meter, Sequence[Decimal]],
        used: Mapping[str, Mapping[Meter, Sequence[Decimal]]],
    ) -> Iterable[Subject]:
        values = _unit_values(rows, metered)
        for (level, name), own in rows.items():
            weight = sum((row.weight for row in own), Decimal(0))
            units: Sequence[Decimal] = ()
            if level == "service":
                units = _service_units(name, metered)
            elif level == "tenant" and name in used:
                units = _weighed(used[name], values, len(self.months))
            known = float(sum((row.known for row in own), Decimal(0)) / weight) if weight else 1.0
            yield Subject(
                level,  # pyright: ignore[reportArgumentType] - the query's own words
                name,
                self._row((row.month, row.cost) for row in own),
                self._row((row.month, row.revenue) for row in own),
                tuple(units),
                own[-1].tier,
                min(1.0, known) if level in ("tenant", "tier") else 1.0,
            )

    def _row(self, amounts: Iterable[tuple[date, Decimal]]) -> tuple[Decimal, ...]:
        found = [Decimal(0)] * len(self.months)
        for month, amount in amounts:
            found[self.place[month]] = EXACT.add(found[self.place[month]], amount)
        return tuple(found)

    def _monthly(self, rows: Iterable[Any]) -> dict[Meter, tuple[Decimal, ...]]:
        by: dict[Meter, list[tuple[date, Decimal]]] = defaultdict(list)
        for row in rows:
            by[row.service_name, row.meter].append((row.month, Decimal(row.units)))
        return {meter: self._row(amounts) for meter, amounts in by.items()}

    def _used(self, tenants: Sequence[str]) -> dict[str, dict[Meter, tuple[Decimal, ...]]]:
        by: dict[str, list[Any]] = defaultdict(list)
        for row in self.read.query(_USED, {**self.span, "tenants": list(tenants)}):
            by[row.tenant_id].append(row)
        return {tenant: self._monthly(rows) for tenant, rows in by.items()}

    def _concentrations(self) -> dict[str, Concentration]:
        by: dict[str, dict[date, Any]] = defaultdict(dict)
        for row in self.read.query(_SHARES, self.span):
            by[row.currency][row.month] = row
        found: dict[str, Concentration] = {}
        for currency, rows in by.items():
            index = [
                float(Decimal(rows[m].squares) / Decimal(rows[m].whole) ** 2)
                if m in rows and rows[m].whole
                else 0.0
                for m in self.months
            ]
            top = self._row((row.month, row.top) for row in rows.values())
            found[currency] = Concentration(tuple(index), top)
        return found

    def _days(self, metered: Mapping[Meter, Any]) -> dict[str, list[Daily]]:
        """Of services with one meter: cost and units day by day."""
        single = {s: m for s, m in metered if s and sum(other == s for other, _ in metered) == 1}
        end = self.span["end"]
        start = max(
            self.months[self.whole] if self.whole < len(self.months) else end, end - timedelta(days=_DAYS)
        )
        if not single or start >= end:
            return {}
        span = {"start": start, "end": end}
        cost: dict[tuple[str, str], dict[date, Decimal]] = defaultdict(dict)
        for row in self.read.query(_COST_OF_DAYS, span):
            cost[row.currency, row.service_name][row.day] = row.cost
        units: dict[str, dict[date, Decimal]] = defaultdict(dict)
        for row in self.read.query(_UNITS_OF_DAYS, span):
            units[row.service_name][row.day] = Decimal(row.units)
        days = [start + timedelta(days=n) for n in range((end - start).days)]
        found: dict[str, list[Daily]] = defaultdict(list)
        for (currency, service), spent in sorted(cost.items()):
            if service in single:
                own = units[service]
                rows = (tuple(of.get(day, Decimal(0)) for day in days) for of in (spent, own))
                found[currency].append(Daily("service", service, *rows))
        return found


def _service_units(service: str, metered: Mapping[Meter, Sequence[Decimal]]) -> tuple[Decimal, ...]:
    """A service's use by its one meter; of several, the average of each one's parts of its own whole."""
    own = [units for (name, _), units in sorted(metered.items()) if name == service and any(units)]
    if len(own) <= 1:
        return tuple(own[0]) if own else ()
    parts = [[EXACT.divide(u, sum(units, Decimal(0))) for u in units] for units in own]
    return tuple(sum(month, Decimal(0)) / len(own) for month in zip(*parts, strict=True))


def _unit_values(
    rows: Mapping[tuple[str, str], Sequence[Any]], metered: Mapping[Meter, Sequence[Decimal]]
) -> dict[Meter, Decimal]:
    """What a unit of each meter cost on average: its service's cost, evenly over the service's meters. Where no meter
    names a service that costs anything, each meter's whole is worth the same.
    """
    wholes = {meter: sum(units, Decimal(0)) for meter, units in metered.items() if any(units)}
    values: dict[Meter, Decimal] = {}
    for (service, meter), whole in wholes.items():
        beside = sum(other == service for other, _ in wholes)
        cost = sum((row.cost for row in rows.get(("service", service), ())), Decimal(0))
        if service and cost > 0:
            values[service, meter] = EXACT.divide(cost, whole * beside)
    return values or {meter: EXACT.divide(Decimal(1), whole) for meter, whole in wholes.items()}


def _weighed(
    used: Mapping[Meter, Sequence[Decimal]], values: Mapping[Meter, Decimal], months: int
) -> tuple[Decimal, ...]:
    found = [Decimal(0)] * months
    for meter, units in sorted(used.items()):
        for i, count in enumerate(units):
            found[i] = EXACT.add(found[i], EXACT.multiply(count, values.get(meter, Decimal(0))))
    return tuple(found)

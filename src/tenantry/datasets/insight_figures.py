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
from ..methods.insight import SHORTEST, Concentration, Daily, Figures, Subject

MONTHS = 12
_NONE = Decimal(0)
_FEWEST = 3
"""Months, the first perhaps a part of one, without which nothing can be said."""
_DAYS = 182
_RECENT = 3
_TOP = 5
_CHARGED = "CAST(date_trunc('month', charge_day) AS DATE)"
_METERED = "CAST(date_trunc('month', day) AS DATE)"
_ASKED = "{0} >= $start AND {0} < $end"
_SEEN = f"""
    SELECT {_CHARGED} AS month, min(charge_day) AS first, max(charge_day) AS last
    FROM cost_profile WHERE {_ASKED.format("charge_day")} GROUP BY {_CHARGED}
"""
_ACTIVE = (
    "CASE WHEN (p.paying = 1 AND m.revenue > 0) OR (p.paying = 0 AND m.effective_cost <> 0) THEN m.month END"
)
# A thousandth of all money is less than half of what is worth telling; the rest of the tenants count in their tier.
_TOLD = f"""
    m AS (SELECT * FROM margin WHERE {_ASKED.format("month")}),
    whole AS (
        SELECT currency, CAST(sum(abs(effective_cost)) + sum(abs(revenue)) AS DOUBLE) AS money FROM m GROUP BY currency
    ),
    pays AS (
        SELECT tenant_id, currency, CASE WHEN sum(revenue) > 0 THEN 1 ELSE 0 END AS paying
        FROM m GROUP BY tenant_id, currency
    ),
    told AS (
        SELECT m.tenant_id, m.currency
        FROM m JOIN whole AS w ON w.currency = m.currency
        JOIN pays AS p ON p.tenant_id = m.tenant_id AND p.currency = m.currency
        GROUP BY m.tenant_id, m.currency, w.money
        HAVING CAST(greatest(sum(abs(m.effective_cost)), sum(abs(m.revenue))) AS DOUBLE) >= 0.001::DOUBLE * w.money
            OR min({_ACTIVE}) >= $recent OR max({_ACTIVE}) < $last
    )
"""
_SURE = "CAST(abs(effective_cost) AS DECIMAL(28, 6))"
_MONEY = f"""
    WITH {_TOLD},
    figure AS (
        SELECT 'total' AS level, '' AS name, '' AS tier, currency, month, effective_cost, revenue, confidence FROM m
        UNION ALL
        SELECT 'tier', tier, '', currency, month, effective_cost, revenue, confidence FROM m WHERE tier <> ''
        UNION ALL
        SELECT 'tenant', m.tenant_id, m.tier, m.currency, m.month, m.effective_cost, m.revenue, m.confidence
        FROM m JOIN told AS t ON t.tenant_id = m.tenant_id AND t.currency = m.currency
    )
    SELECT level, name, tier, currency, month, sum(effective_cost) AS cost, sum(revenue) AS revenue,
        sum({_SURE}) AS weight, sum({_SURE} * CAST(coalesce(confidence, 0) AS DECIMAL(9, 6))) AS known
    FROM figure GROUP BY level, name, tier, currency, month
    ORDER BY level NULLS FIRST, name NULLS FIRST, tier NULLS FIRST, currency NULLS FIRST, month NULLS FIRST
"""
_SPENT = f"""
    SELECT '{{level}}' AS level, {{column}} AS name, currency, {_CHARGED} AS month, sum(effective_cost) AS cost
    FROM {{table}} WHERE {_ASKED.format("charge_day")} AND {{column}} <> ''
    GROUP BY {{column}}, currency, {_CHARGED} ORDER BY name NULLS FIRST, currency NULLS FIRST, month NULLS FIRST
"""
_EARLIER = f"""
    SELECT currency, month, sum(effective_cost) AS cost, sum(revenue) AS revenue
    FROM margin WHERE {_ASKED.format("month")} GROUP BY currency, month
"""
_CENTS = "CAST(CAST(revenue AS DECIMAL(18, 2)) * 100 AS DECIMAL(18, 0))"
_SHARES = f"""
    SELECT currency, month, sum({_CENTS} * {_CENTS}) AS squares, sum({_CENTS}) AS whole,
        sum(CASE WHEN place <= {_TOP} THEN revenue ELSE 0 END) AS top
    FROM (
        SELECT currency, month, revenue, row_number() OVER (
            PARTITION BY currency, month ORDER BY revenue DESC NULLS LAST, tenant_id NULLS FIRST) AS place
        FROM margin WHERE {_ASKED.format("month")} AND revenue > 0
    ) AS r GROUP BY currency, month
"""
_UNITS = f"""
    SELECT {_METERED} AS month, service_name, meter, sum(units) AS units
    FROM meter_hours WHERE {_ASKED.format("day")} GROUP BY {_METERED}, service_name, meter
    ORDER BY service_name NULLS FIRST, meter NULLS FIRST, month NULLS FIRST
"""
_USED = f"""
    WITH {_TOLD},
    named AS (SELECT DISTINCT tenant_id FROM told)
    SELECT {_METERED} AS month, u.tenant_id, u.service_name, u.meter, sum(u.units) AS units
    FROM usage_hourly AS u JOIN named AS n ON n.tenant_id = u.tenant_id
    WHERE {_ASKED.format("u.day")} GROUP BY {_METERED}, u.tenant_id, u.service_name, u.meter
"""
_COST_OF_DAYS = f"""
    SELECT charge_day AS day, service_name, currency, sum(effective_cost) AS cost
    FROM cost_profile WHERE {_ASKED.format("charge_day")} GROUP BY charge_day, service_name, currency
"""
_UNITS_OF_DAYS = f"""
    SELECT day, service_name, meter, sum(units) AS units
    FROM meter_hours WHERE {_ASKED.format("day")} GROUP BY day, service_name, meter
"""
_SHARED = f"""
    SELECT tenant_id, {{column}} AS name, currency, {_CHARGED} AS month, sum(effective_cost) AS cost
    FROM {{table}} WHERE {_ASKED.format("charge_day")} AND tenant_id IN ({{tenants}}) AND {{column}} IN ({{names}})
    GROUP BY tenant_id, {{column}}, currency, {_CHARGED}
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
    year = months[:-MONTHS] if len(months) == 2 * MONTHS and not whole else []
    months, whole = months[-MONTHS:], whole if len(months) <= MONTHS else 0
    return _Reading(read, months, whole, year).figures()


def month_before(month: date) -> date:
    return month_start(month - timedelta(days=1))


def costs_of(
    read: Any, table: str, column: str, names: Sequence[str], tenants: Sequence[str], months: Sequence[date]
) -> dict[tuple[str, str, str, date], Decimal]:
    """What tenants' services or features (the column's names) cost: by tenant, name, currency and month."""
    values: dict[str, Any] = {"start": months[0], "end": next_month(months[-1])}
    given: dict[str, str] = {}
    for what, listed in (("tenants", tenants), ("names", names)):
        values |= {f"{what}{i}": name for i, name in enumerate(listed)}
        given[what] = ", ".join(f"${what}{i}" for i in range(len(listed)))
    rows = read.query(_SHARED.format(table=table, column=column, **given), values)
    return {(row.tenant_id, row.name, row.currency, row.month): row.cost for row in rows}


def _months(read: Any, month: date) -> tuple[list[date], int]:
    """The months without a gap up to this one, at most two years, oldest first; where the first whole one is."""
    earliest, after = month, next_month(month)
    for _ in range(2 * MONTHS):
        earliest = month_before(earliest)
    rows = read.query(_SEEN, {"start": earliest, "end": next_month(after)})
    seen = {row.month: row for row in rows}
    ends = month in seen and (after in seen or seen[month].last == after - timedelta(days=1))
    found: list[date] = []
    while ends and month in seen and len(found) < 2 * MONTHS:
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
    year: Sequence[date]
    """The months of the year before, if all are whole."""
    place: dict[date, int] = field(init=False)
    span: dict[str, date] = field(init=False)

    def __post_init__(self) -> None:
        self.place = {month: i for i, month in enumerate(self.months)}
        self.span = {"start": self.months[0], "end": next_month(self.months[-1])}

    def figures(self) -> list[Figures]:
        recent = self.months[max(0, len(self.months) - _RECENT)]
        told = {**self.span, "recent": recent, "last": self.months[-1]}
        by: dict[str, dict[tuple[str, str], list[Any]]] = defaultdict(lambda: defaultdict(list))
        for row in [*self.read.query(_MONEY, told), *self._spent("service"), *self._spent("feature")]:
            by[row.currency][row.level, row.name].append(row)
        tested = len(self.months) - self.whole >= SHORTEST
        metered = self._monthly(self.read.query(_UNITS, self.span)) if tested else {}
        used = self._used(told) if metered else {}
        days = self._days(metered) if metered else {}
        shares = self._concentrations() if tested else {}
        earlier = self._earlier() if self.year else {}
        return [
            Figures(
                currency,
                tuple(self.months),
                self.whole,
                tuple(self._subjects(own, metered, used)),
                tuple(days.get(currency, ())),
                shares.get(currency),
                earlier.get(currency),
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
            units: Sequence[Decimal] = ()
            if level == "service":
                units = _service_units(name, metered)
            elif level == "tenant" and name in used:
                units = _weighed(used[name], values, len(self.months))
            yield Subject(
                level,  # pyright: ignore[reportArgumentType] - the query's own words
                name,
                self._row((row.month, row.cost) for row in own),
                self._row((row.month, row.get("revenue", _NONE)) for row in own),
                tuple(units),
                own[-1].get("tier", ""),
                _known(own) if level in ("tenant", "tier") else 1.0,
            )

    def _row(self, amounts: Iterable[tuple[date, Decimal]]) -> tuple[Decimal, ...]:
        found = [_NONE] * len(self.months)
        for month, amount in amounts:
            found[self.place[month]] = EXACT.add(found[self.place[month]], amount)
        return tuple(found)

    def _monthly(self, rows: Iterable[Any]) -> dict[Meter, tuple[Decimal, ...]]:
        by: dict[Meter, list[tuple[date, Decimal]]] = defaultdict(list)
        for row in rows:
            by[row.service_name, row.meter].append((row.month, Decimal(row.units)))
        return {meter: self._row(amounts) for meter, amounts in by.items()}

    def _spent(self, level: str) -> list[Any]:
        table, column = {
            "service": ("cost_profile", "service_name"),
            "feature": ("feature_cost", "feature_id"),
        }[level]
        return self.read.query(_SPENT.format(level=level, table=table, column=column), self.span)

    def _used(self, told: Mapping[str, date]) -> dict[str, dict[Meter, tuple[Decimal, ...]]]:
        by: dict[str, list[Any]] = defaultdict(list)
        for row in self.read.query(_USED, told):
            by[row.tenant_id].append(row)
        return {tenant: self._monthly(rows) for tenant, rows in by.items()}

    def _earlier(self) -> dict[str, Subject]:
        """By currency, the total of the year before."""
        by: dict[str, dict[date, Any]] = defaultdict(dict)
        for row in self.read.query(_EARLIER, {"start": self.year[0], "end": self.months[0]}):
            by[row.currency][row.month] = row
        return {
            currency: Subject(
                "total",
                "",
                tuple(rows[m].cost if m in rows else _NONE for m in self.year),
                tuple(rows[m].revenue if m in rows else _NONE for m in self.year),
            )
            for currency, rows in by.items()
        }

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
        start = max(self.months[self.whole], end - timedelta(days=_DAYS))
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
                rows = (tuple(of.get(day, _NONE) for day in days) for of in (spent, own))
                found[currency].append(Daily("service", service, *rows))
        return found


def _known(rows: Sequence[Any]) -> float:
    """The part of the cost of these months that is known."""
    weight = sum((row.weight for row in rows), _NONE)
    return min(1.0, float(sum((row.known for row in rows), _NONE) / weight)) if weight else 1.0


def _service_units(service: str, metered: Mapping[Meter, Sequence[Decimal]]) -> tuple[Decimal, ...]:
    """A service's use by its one meter; of several, the average of each one's parts of its own whole."""
    own = [units for (name, _), units in sorted(metered.items()) if name == service and any(units)]
    if len(own) <= 1:
        return tuple(own[0]) if own else ()
    parts = [[EXACT.divide(u, sum(units, _NONE)) for u in units] for units in own]
    return tuple(sum(month, _NONE) / len(own) for month in zip(*parts, strict=True))


def _unit_values(
    rows: Mapping[tuple[str, str], Sequence[Any]], metered: Mapping[Meter, Sequence[Decimal]]
) -> dict[Meter, Decimal]:
    """What a unit of each meter cost on average: its service's cost, evenly over the service's meters. Where no meter
    names a service that costs anything, each meter's whole is worth the same.
    """
    wholes = {meter: sum(units, _NONE) for meter, units in metered.items() if any(units)}
    values: dict[Meter, Decimal] = {}
    for (service, meter), whole in wholes.items():
        beside = sum(other == service for other, _ in wholes)
        cost = sum((row.cost for row in rows.get(("service", service), ())), _NONE)
        if service and cost > 0:
            values[service, meter] = EXACT.divide(cost, whole * beside)
    return values or {meter: EXACT.divide(Decimal(1), whole) for meter, whole in wholes.items()}


def _weighed(
    used: Mapping[Meter, Sequence[Decimal]], values: Mapping[Meter, Decimal], months: int
) -> tuple[Decimal, ...]:
    found = [_NONE] * months
    for meter, units in sorted(used.items()):
        for i, count in enumerate(units):
            found[i] = EXACT.add(found[i], EXACT.multiply(count, values.get(meter, _NONE)))
    return tuple(found)

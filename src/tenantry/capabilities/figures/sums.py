"""Reads the sums that a measure is made of, by name, currency and period."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from ...datasets import ActiveUsers
from ...datasets.tenants import tier_name
from ...kernel import Row, Window
from ...kernel.money import Basis, per, quantity
from .measures import BASIS, MARGIN, REVENUE, UNITS, Column, Cut, Measure, Special, cost, logged
from .selection import Selection

Found = dict[tuple[str, str | None, int], Decimal]
"""A sum by name, currency (null where it is no money) and the period's place."""
_USERS = Column(ActiveUsers, "users", "day", {Cut.TENANT: "tenant_id"}, money=False)


@dataclass(frozen=True)
class Sums:
    """The sums a measure is made of: one, or two of which the first is divided by the second."""

    readers: tuple[Callable[[Window, Sequence[Window]], Found], ...]
    monthly: bool = False
    """Whether they are of whole months only."""

    @property
    def divided(self) -> bool:
        return len(self.readers) > 1

    def read(self, window: Window, periods: Sequence[Window]) -> list[Found]:
        """Each sum over the periods, which together are the window."""
        return [reader(window, periods) for reader in self.readers]


def sums_of(measure: Measure, selection: Selection) -> Sums:
    """What to read for a measure."""
    reading = _Reading(selection)
    effective = reading.plain(
        cost(Basis.EFFECTIVE, plan=selection.needs(Cut.PLAN), feature=selection.needs(Cut.FEATURE))
    )
    if measure in BASIS:
        column = cost(BASIS[measure], plan=selection.needs(Cut.PLAN), feature=selection.needs(Cut.FEATURE))
        return Sums((reading.plain(column),), monthly=column.day == "month")
    paid, units = reading.plain(REVENUE), reading.requests
    found = {
        Measure.REVENUE: (paid,),
        Measure.MARGIN: (reading.plain(MARGIN),),
        Measure.MARGIN_RATIO: (reading.plain(MARGIN), paid),
        Measure.USAGE: (reading.units,),
        Measure.REQUESTS: (units,),
        Measure.ERRORS: (reading.plain(logged("errors")),),
        Measure.ERROR_RATE: (reading.plain(logged("errors")), reading.plain(logged("requests"))),
        Measure.ACTIVE_USERS: (reading.users,),
        Measure.TENANTS: (reading.tenants,),
        Measure.COST_PER_USER: (effective, reading.users),
        Measure.COST_PER_REQUEST: (effective, units),
        Measure.AVERAGE_COST: (reading.of_tenants(Special.WITH_COST), reading.counted(Special.WITH_COST)),
        Measure.AVERAGE_REVENUE: (
            reading.of_tenants(Special.WITH_REVENUE),
            reading.counted(Special.WITH_REVENUE),
        ),
    }[measure]
    monthly = {Measure.REVENUE, Measure.MARGIN, Measure.MARGIN_RATIO, Measure.AVERAGE_REVENUE}
    return Sums(found, monthly=measure in monthly)


class _Reading:
    """Reads sums of a selection."""

    def __init__(self, selection: Selection) -> None:
        self._of = selection

    def plain(self, column: Column) -> Callable[[Window, Sequence[Window]], Found]:
        """Sums of a column."""
        return lambda window, periods: self._sum(column, window, periods, lambda row: row[column.name])

    def units(self, window: Window, periods: Sequence[Window]) -> Found:
        """Units of usage, of the meters that are asked for."""
        return self._sum(UNITS, window, periods, lambda row: quantity(row[UNITS.name]))

    def requests(self, window: Window, periods: Sequence[Window]) -> Found:
        """Requests as they are metered; where they are not, as access logs have them."""
        for meter in ("requests", "logged_requests"):
            found = self._sum(UNITS, window, periods, lambda row: quantity(row[UNITS.name]), meter=meter)
            if found:
                return found
        return {}

    def users(self, window: Window, periods: Sequence[Window]) -> Found:
        """Active users, as the average of the days that have any."""
        days: dict[int, set[object]] = defaultdict(set)
        sums: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
        for row in self._of.rows(_USERS, window, "day"):
            place = _place(periods, row)
            days[place].add(row.day)
            sums[self._of.name(row, _USERS), place] += row.users
        return {(name, None, place): per(users, len(days[place])) for (name, place), users in sums.items()}

    def tenants(self, window: Window, periods: Sequence[Window]) -> Found:
        """How many are tenants at some time of each period."""
        found: Found = defaultdict(Decimal)
        for name, person in self._of.people.items():
            row = Row(tenant_id=name)
            if not self._listed(row):
                continue
            for place, period in enumerate(periods):
                begun = person.started_on is None or person.started_on < period.end
                if begun and (person.ended_on is None or person.ended_on > period.start):
                    found[self._of.name(row, _USERS), None, place] += 1
        return found

    def of_tenants(self, which: Special) -> Callable[[Window, Sequence[Window]], Found]:
        """Cost or revenue of those that are tenants, so that what is nobody's raises no average."""
        return lambda window, periods: self._each_tenant(which, window, periods, counting=False)

    def counted(self, which: Special) -> Callable[[Window, Sequence[Window]], Found]:
        """How many tenants have such cost or revenue."""
        return lambda window, periods: self._each_tenant(which, window, periods, counting=True)

    def _each_tenant(
        self, which: Special, window: Window, periods: Sequence[Window], *, counting: bool
    ) -> Found:
        column = (
            REVENUE if which is Special.WITH_REVENUE else cost(Basis.EFFECTIVE, plan=False, feature=False)
        )
        found: Found = defaultdict(Decimal)
        seen: set[tuple[str, str, str | None, int]] = set()
        for place, period in enumerate(periods):
            for row in self._of.rows(column, period, "tenant_id"):
                if row.tenant_id.startswith("(") or not row[column.name]:
                    continue
                name = self._of.name(row, column)
                if counting and (row.tenant_id, name, row.currency, place) in seen:
                    continue
                seen.add((row.tenant_id, name, row.currency, place))
                found[name, row.currency, place] += 1 if counting else row[column.name]
        return found

    def _listed(self, row: Row) -> bool:
        where, tier = self._of.where, tier_name(row.tenant_id, self._of.tiers)
        only, without = where.only, where.without
        return (
            row.tenant_id in (only.get(Cut.TENANT) or (row.tenant_id,))
            and tier in (only.get(Cut.TIER) or (tier,))
            and row.tenant_id not in (without.get(Cut.TENANT) or ())
            and tier not in (without.get(Cut.TIER) or ())
        )

    def _sum(
        self,
        column: Column,
        window: Window,
        periods: Sequence[Window],
        amount: Callable[[Row], Decimal],
        **equals: str,
    ) -> Found:
        found: Found = defaultdict(Decimal)
        for place, period in enumerate(periods) if not _many(periods) else [(None, window)]:
            for row in self._of.rows(column, period, column.day if place is None else "", **equals):
                at = _place(periods, row, column.day) if place is None else place
                currency = row.currency if column.money else None
                found[self._of.name(row, column), currency, at] += amount(row)
        return dict(found)


def _many(periods: Sequence[Window]) -> bool:
    """Whether the periods are so short that reading by day is quicker than one after the other."""
    return len(periods) > 1 and periods[0].end - periods[0].start <= timedelta(days=7)


def _place(periods: Sequence[Window], row: Row, day: str = "day") -> int:
    return bisect_right([period.start for period in periods], row[day]) - 1

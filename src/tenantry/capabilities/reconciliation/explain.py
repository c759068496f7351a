"""From a tenant's figure down to pool, rung, driver, rule and bill rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from ...datasets.allocation import Allocation
from ...datasets.allocation_plan import CALLS
from ...datasets.allocation_rules import AllocationRules
from ...datasets.charge_pool import ChargePool
from ...datasets.correction_entries import CorrectionEntries
from ...datasets.overhead import Overhead
from ...datasets.pool_cost import PoolCost
from ...datasets.tenant_cost import TenantCost
from ...datasets.tenants import Tenants
from ...datasets.usage import UsageHourly
from ...errors import Kind, TenantryError
from ...kernel import Context, Row, Window, tool
from ...kernel.landing import Deliveries
from ...kernel.money import QUANTITY_PLACES, Basis, exact, part, quantity
from ...kernel.parameters import Cost, Month, Top
from ...methods.policy import SERVICE_POOL
from .certificate import COSTS, policy_version
from .explanation import BillRow, DriverSample, Explanation, Figure, Part

_WAY = ("currency", "pool", "driver_pool", "service_name", "rung", "reason")
_CORRECTION = ("currency", "pool", "service_name", "rung", "reason", "side", "month")
_SIDES = {"booked": "correction of {:%Y-%m}", "corrected": "booked in {:%Y-%m}, as the month is closed"}
HOURS = 5
"""How many of a tenant's hours are shown for a part, the busiest first."""

_NO_RULE = "no rule: a pool per service, shared by that service's usage"
_FOLLOWS = "follows cost of "
_SPECIAL = ("(shared)", "(unallocated)", "(idle)")

TenantId = Annotated[
    str, Field(description="as in the tenants table, or `(unallocated)`, `(idle)`, `(unknown:<name>)`")
]
Service = Annotated[str | None, Field(description="this service only; by default all")]


class _Sample(NamedTuple):
    """A quantity of the tenant beside that of all tenants; without an hour, of the window."""

    meter: str
    quantity: Decimal
    of: Decimal | None
    hour: datetime | None = None


class _Cell(NamedTuple):
    currency: str
    pool: str
    service_name: str


@tool(tenant_id="teal-partners", window="2026-03", top=3)
def explain(
    ctx: Context,
    tenant_id: TenantId,
    window: Month = None,
    service_name: Service = None,
    top: Top = 10,
    basis: Cost = Basis.EFFECTIVE,
) -> Explanation:
    """Why a tenant costs what it costs: each pool's part with rung, reason, rule and driver, and the bill's own rows.

    The largest parts come with their bill rows, the largest first. The parts sum to the figure exactly.
    """
    when = window or ctx.month(TenantCost)
    only: dict[str, Any] = {"tenant_id": tenant_id} | ({"service_name": service_name} if service_name else {})
    figures = ctx.totals(TenantCost, when, by=("currency",), measures=COSTS, **only)
    if not figures:
        _refuse_unknown(ctx, tenant_id, when)
    rows = sorted(
        _ways(ctx, when, **only),
        key=lambda r: (r.currency, -abs(r[basis.column]), *(r[name] for name in _WAY)),
    )
    shown = [r for _, own in _grouped(rows) for r in own[:top]]
    evidence = _Evidence(ctx, when, tenant_id, shown, top, basis)
    return Explanation(
        tenant_id=tenant_id,
        window=str(when),
        basis=basis,
        policy_version=evidence.policy_version,
        figures=[_figure(f, [r for r in rows if r.currency == f.currency], top, basis) for f in figures],
        parts=[evidence.part(place, row) for place, row in enumerate(shown, start=1)],
        drivers=[d for place, row in enumerate(shown, start=1) for d in evidence.drivers(place, row)],
        bill_rows=[*evidence.bill_rows(shown)],
    )


def _ways(ctx: Context, window: Window, **only: Any) -> list[Row]:
    """The money of each pool and service by the way it was shared, with the units of the driver where it has any."""
    driven = ctx.totals(Allocation, window, by=_WAY, measures=("units", *COSTS), **only)
    followed = ctx.totals(Overhead, window, by=_WAY, measures=COSTS, **only)
    corrected = ctx.totals(CorrectionEntries, window, by=_CORRECTION, measures=COSTS, **only)
    return [*driven, *(Row(**row, units=0) for row in followed), *map(_correction, corrected)]


def _correction(entry: Row) -> Row:
    """A part of the figure that no driver shared: booked for a closed month, or of a closed month and booked later."""
    said = _SIDES[entry.side].format(entry.month)
    return Row({**entry, "driver_pool": "", "units": 0, "reason": f"{said}: {entry.reason}"})


def _is_correction(row: Row) -> bool:
    return not row.driver_pool


def _grouped(rows: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.currency].append(row)
    return list(groups.items())


def _figure(figure: Row, rows: Sequence[Row], top: int, basis: Basis) -> Figure:
    return Figure(
        **figure,
        smaller_parts=max(0, len(rows) - top),
        smaller_cost=_sum(rows[top:], basis),
        unexplained=figure[basis.column] - _sum(rows, basis),
    )


def _sum(rows: Iterable[Row], basis: Basis) -> Decimal:
    return sum((row[basis.column] for row in rows), Decimal(0))


def _refuse_unknown(ctx: Context, tenant_id: str, window: Window) -> None:
    if not ctx.rows(Tenants, tenant_id=tenant_id):
        raise TenantryError(
            Kind.NOT_FOUND,
            f"no cost of tenant {tenant_id!r} in {window}, and no such tenant",
            "`tenantry cost-per-tenant rank` lists the tenants with cost",
        )


class _Evidence:
    """What the parts rest on, read once for all of them. A principal bound to a tenant sees no pools and no bill."""

    def __init__(
        self, ctx: Context, window: Window, tenant_id: str, rows: Sequence[Row], top: int, basis: Basis
    ) -> None:
        self._ctx = ctx
        self._window = window
        self._tenant = tenant_id
        self._basis = basis
        self._open = ctx.principal.tenant_id is None
        self._rules: list[AllocationRules] = ctx.rows(AllocationRules) if self._open else []
        self.policy_version = policy_version(self._rules)
        self._drivers: dict[int, list[DriverSample]] = {}
        self._followed_costs: dict[tuple[str, str, str | None], dict[str, Decimal]] = {}
        self._shared = self._shared_ways(rows)
        self._cells = {owner: self._cell_sums(rows, owner) for owner in {self._owner(row) for row in rows}}
        self._charges = self._largest_charges(rows, top)
        deliveries = {c.x_delivery for charges in self._charges.values() for c in charges}
        self._files = (
            {d.delivery: d.file for d in ctx.rows(Deliveries, delivery=deliveries)} if deliveries else {}
        )
        self._usage = _Usage(ctx, window, tenant_id)

    def part(self, place: int, row: Row) -> Part:
        key, owner = _Cell(row.currency, row.pool, row.service_name), self._owner(row)
        cell, way = (None, None) if _is_correction(row) else (self._cells[owner].get(key), self._way(row))
        cost = row[self._basis.column]
        shared_cost = way[self._basis.column] if way else None
        return Part(
            part=place,
            **{name: row[name] for name in _WAY},
            cost=cost,
            share=None if shared_cost is None else part(cost, shared_cost),
            shared_cost=shared_cost,
            pool_cost=cell[self._basis.column] if cell else None,
            charges=cell.charges if cell else 0,
            because=_because(row, self.drivers(place, row)),
            rule=None if _is_correction(row) else self._rule(self._charges.get((*key, owner))),
        )

    def drivers(self, place: int, row: Row) -> list[DriverSample]:
        """The weights behind a part: what its share rests on, and then the tenant's busiest hours."""
        if place not in self._drivers:
            samples = self._samples(row, self._way(row))
            self._drivers[place] = [
                DriverSample(part=place, **s._asdict(), share=part(s.quantity, s.of) if s.of else None)
                for s in samples
            ]
        return self._drivers[place]

    def bill_rows(self, rows: Sequence[Row]) -> Iterator[BillRow]:
        """The largest charges of each cell, once."""
        done: set[tuple[str, ...]] = set()
        for place, row in enumerate(rows, start=1):
            key = (row.currency, row.pool, row.service_name, self._owner(row))
            if key not in done and not _is_correction(row):
                done.add(key)
                yield from (self._bill_row(place, charge) for charge in self._charges.get(key, ()))

    def _way(self, row: Row) -> Row | None:
        return row if self._owner(row) else self._shared.get(_way(row))

    def _owner(self, row: Row) -> str:
        return self._tenant if row.rung == "silo" else ""

    def _shared_ways(self, rows: Sequence[Row]) -> dict[tuple[str, ...], Row]:
        if not rows or not self._open:
            return {}
        pools, services = {row.pool for row in rows}, {row.service_name for row in rows}
        ways = _ways(self._ctx, self._window, pool=pools, service_name=services)
        return {_way(row): row for row in ways}

    def _cell_sums(self, rows: Sequence[Row], owner: str) -> dict[_Cell, Row]:
        if not self._open:
            return {}
        found = self._ctx.totals(
            PoolCost,
            self._window,
            by=_Cell._fields,
            measures=("charges", *COSTS),
            pool={row.pool for row in rows},
            tenant_id=owner,
        )
        return {_Cell(r.currency, r.pool, r.service_name): r for r in found}

    def _largest_charges(self, rows: Sequence[Row], top: int) -> Mapping[tuple[str, ...], list[ChargePool]]:
        found: dict[tuple[str, ...], list[ChargePool]] = defaultdict(list)
        if not rows or not self._open:
            return found
        for charge in self._ctx.rows(
            ChargePool,
            self._window,
            pool={row.pool for row in rows},
            service_name={row.service_name for row in rows},
            tenant_id={self._owner(row) for row in rows},
            place=range(1, top + 1),
        ):
            found[charge.currency, charge.pool, charge.service_name, charge.tenant_id].append(charge)
        return found

    def _bill_row(self, place: int, charge: ChargePool) -> BillRow:
        return BillRow(
            part=place,
            charge_key=charge.charge_key,
            charge_day=charge.charge_day,
            currency=charge.currency,
            cost=getattr(charge, self._basis.column),
            description=charge.charge_description,
            category=charge.charge_category,
            file=self._files.get(charge.x_delivery),
            row=charge.x_row,
        )

    def _rule(self, charges: Sequence[ChargePool] | None) -> str | None:
        if not charges:
            return None
        texts = {rule.place: f"rule {rule.place}: {rule.rule}" for rule in self._rules if rule.place}
        return texts.get(charges[0].rule, _NO_RULE)

    def _samples(self, row: Row, way: Row | None) -> Iterator[_Sample]:
        reason: str = row.reason
        if _is_correction(row):
            return
        if "follows" in reason:
            yield self._followed(row)
        elif row.units:
            meters = self._meters(row)
            places = 0 if reason.startswith(("even over", "fixed shares")) else QUANTITY_PLACES
            every = Decimal(way.units).scaleb(-places) if way else None
            yield _Sample(_unit(reason, meters), Decimal(row.units).scaleb(-places), every)
            yield from self._usage.samples(meters)

    def _meters(self, row: Row) -> list[tuple[str, str]]:
        """(meter, service) of the driver behind a row; a pool split by meter has one. Service empty: of any."""
        if (
            not row.reason.startswith(("usage by", "all usage", "stand-in", "ratio of"))
            and row.rung != "unallocated"
        ):
            return []
        pool, _, meter = row.driver_pool.partition("#")
        if row.reason.startswith(("all usage", "stand-in")):
            pool, meter = CALLS if row.reason.startswith("all usage") else f"{CALLS}:{pool}", ""
        of_pool = [r for r in self._rules if r.pool == pool] or [
            r for r in self._rules if r.pool == SERVICE_POOL
        ]
        return [(r.meter, r.meter_service) for r in of_pool if r.meter and meter in ("", r.meter)]

    def _followed(self, row: Row) -> _Sample:
        """The cost that the part followed, of the tenant and of all."""
        same_service = row.reason == "follows cost of the same service"
        key = (row.currency, row.reason, row.service_name if same_service else None)
        if key not in self._followed_costs:
            self._followed_costs[key] = self._costs(*key)
        costs = self._followed_costs[key]
        every = sum(costs.values(), Decimal(0)) if self._open else None
        return _Sample(f"{row.currency} of effective cost", costs.get(self._tenant, Decimal(0)), every)

    def _costs(self, currency: str, reason: str, service_name: str | None) -> dict[str, Decimal]:
        """Each tenant's cost that a reason says is followed: only positive sums weigh."""
        named: dict[str, Any] = {"currency": currency}
        if service_name is not None:
            named["service_name"] = service_name
        found = self._ctx.totals(
            Allocation, self._window, by=("tenant_id", "pool"), measures=("effective_cost",), **named
        )
        pools = (
            reason.removeprefix(_FOLLOWS) if reason.startswith(_FOLLOWS) and service_name is None else None
        )
        costs: dict[str, Decimal] = defaultdict(Decimal)
        for row in found:
            if row.tenant_id not in _SPECIAL and (pools is None or _names(pools, row.pool)):
                costs[row.tenant_id] += row.effective_cost
        return {tenant: cost for tenant, cost in costs.items() if cost > 0}


def _names(pools: str, pool: str) -> bool:
    """Whether a list joined by commas names a pool, whose own name may hold commas: as `overhead` reads it."""
    return f",{pool.replace(' ', '')}," in f",{pools.replace(' ', '')},"


class _Usage:
    """A tenant's units in a window, by meter and by hour, beside those of all tenants."""

    _BY = ("service_name", "meter")

    def __init__(self, ctx: Context, window: Window, tenant_id: str) -> None:
        self._ctx = ctx
        self._window = window
        self._open = ctx.principal.tenant_id is None
        self._own = ctx.totals(UsageHourly, window, by=self._BY, tenant_id=tenant_id)
        self._every = ctx.totals(UsageHourly, window, by=self._BY) if self._own and self._open else []
        self._hours = ctx.totals(UsageHourly, window, by=("hour", *self._BY), tenant_id=tenant_id)

    def samples(self, meters: Sequence[tuple[str, str]]) -> Iterator[_Sample]:
        """The window's sum of each meter, where there are several; then the busiest hours of all of them."""
        wanted = set(meters)
        names = sorted({meter for meter, _ in wanted})
        for meter in names if len(names) > 1 else ():
            own, every = (_units(rows, wanted, meter) for rows in (self._own, self._every))
            yield _Sample(meter, own, every if self._open else None)
        busiest = sorted(_of(self._hours, wanted), key=lambda r: (-r.units, r.hour, r.meter, r.service_name))[
            :HOURS
        ]
        every_hour = self._every_hour(busiest)
        for row in busiest:
            every = every_hour.get((row.hour, row.service_name, row.meter))
            yield _Sample(row.meter, quantity(row.units), every, row.hour)

    def _every_hour(self, rows: Sequence[Row]) -> dict[tuple[object, ...], Decimal]:
        if not rows or not self._open:
            return {}
        found = self._ctx.totals(
            UsageHourly, self._window, by=("hour", *self._BY), hour={row.hour for row in rows}
        )
        return {(r.hour, r.service_name, r.meter): quantity(r.units) for r in found}


def _of(rows: Iterable[Row], meters: set[tuple[str, str]]) -> list[Row]:
    return [r for r in rows if (r.meter, r.service_name) in meters or (r.meter, "") in meters]


def _units(rows: Iterable[Row], meters: set[tuple[str, str]], meter: str) -> Decimal:
    return quantity(sum(r.units for r in _of(rows, meters) if r.meter == meter))


def _way(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in _WAY)


def _unit(reason: str, meters: Sequence[tuple[str, str]]) -> str:
    fixed = {"active users": "user days", "even over active tenants": "tenant days", "fixed shares": "shares"}
    names = {meter for meter, _ in meters}
    return fixed.get(reason) or (names.pop() if len(names) == 1 else "weighted units")


def _because(row: Row, driver: Sequence[DriverSample]) -> str:
    first = driver[0] if driver else None
    if first is None or first.of is None:
        return row.reason
    return f"{row.reason}: {exact(first.quantity)} of {exact(first.of)} {first.meter}"

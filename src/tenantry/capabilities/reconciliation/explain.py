"""From a tenant's figure down to pool, rung, driver, rule and bill rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, Field

from ...datasets.allocation import Allocation
from ...datasets.allocation_plan import CALLS
from ...datasets.allocation_rules import AllocationRules
from ...datasets.charge_pool import ChargePool
from ...datasets.overhead import Overhead
from ...datasets.pool_cost import PoolCost
from ...datasets.tenant_cost import TenantCost
from ...datasets.tenants import Tenants
from ...datasets.usage import UsageHourly
from ...errors import Kind, TenantryError
from ...kernel import Context, Row, Window, tool
from ...kernel.dataset import (
    Count,
    Day,
    Dimension,
    Money,
    Note,
    OptionalDimension,
    OptionalMoney,
    OptionalTime,
    Ratio,
)
from ...kernel.landing import Deliveries
from ...kernel.money import MONEY_PLACES, QUANTITY_PLACES, Basis, exact, part
from ...kernel.parameters import Cost, Month, Top
from ...methods.policy import SERVICE_POOL
from .certificate import COSTS, policy_version

_WAY = ("currency", "pool", "driver_pool", "service_name", "rung", "reason")
HOURS = 5
"""How many of a tenant's hours are shown for a part, the busiest first."""

_NO_RULE = "no rule: a pool per service, shared by that service's usage"
_SPECIAL = ("(shared)", "(unallocated)", "(idle)")

TenantId = Annotated[
    str, Field(description="as in the tenants table, or `(unallocated)`, `(idle)`, `(unknown:<name>)`")
]
Service = Annotated[str | None, Field(description="this service only; by default all")]
Amount = Annotated[Decimal, Field(description="exact")]


class Figure(BaseModel):
    """The tenant's figure in one currency. `unexplained` is what the parts leave of it: 0."""

    currency: Dimension
    billed_cost: Money
    effective_cost: Money
    list_cost: Money
    contracted_cost: Money
    unexplained: Money


class DriverSample(BaseModel):
    """What the tenant had of a driver beside all tenants: in the window, or in one of its busiest hours."""

    meter: Dimension
    hour: OptionalTime
    quantity: Amount
    of: Annotated[Decimal | None, Field(description="the same of all tenants")]
    share: Ratio


class BillRow(BaseModel):
    """One charge, and where it stood."""

    charge_key: Dimension
    charge_day: Day
    currency: Dimension
    cost: Money
    description: Note
    category: Dimension
    file: OptionalDimension
    row: Count


class Part(BaseModel):
    """A pool's money of one service that reached the tenant in one way: cost = share x shared_cost, exactly.

    `shared_cost` is what all tenants got of it in the same way. The ways of a pool sum to `pool_cost`, which is the sum
    of `charges` charges of the bill; `bill_rows` are the largest of these. Of a silo, all of it is the tenant's own.
    """

    service_name: Dimension
    pool: Dimension
    driver_pool: Annotated[Dimension, Field(description="whose driver shared it, where pools feed pools")]
    rung: Dimension
    reason: Dimension
    currency: Dimension
    cost: Money
    shared_cost: OptionalMoney
    share: Annotated[Decimal | None, Field(description="cost / shared_cost, to 18 places")]
    pool_cost: OptionalMoney
    charges: Count
    rule: Annotated[
        OptionalDimension, Field(description="as its author wrote it, with its place in the policy")
    ]
    because: Dimension
    driver: list[DriverSample]
    bill_rows: list[BillRow]


class Explanation(BaseModel):
    """Where a tenant's cost comes from. The parts and `smaller_parts_cost` sum to the figure exactly."""

    tenant_id: Dimension
    window: Dimension
    basis: Basis
    policy_version: Dimension
    figures: list[Figure]
    parts: list[Part]
    smaller_parts: Count
    smaller_parts_cost: Annotated[dict[str, Decimal], Field(description="by currency")]


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
    only = {"tenant_id": tenant_id} | ({"service_name": service_name} if service_name else {})
    figures = ctx.totals(TenantCost, when, by=("currency",), measures=COSTS, **only)
    if not figures:
        _refuse_unknown(ctx, tenant_id, when)
    rows = sorted(
        _ways(ctx, when, **only),
        key=lambda r: (r.currency, -abs(r[basis.column]), *(r[name] for name in _WAY)),
    )
    shown = [r for _, own in _grouped(rows) for r in own[:top]]
    smaller = [r for _, own in _grouped(rows) for r in own[top:]]
    evidence = _Evidence(ctx, when, tenant_id, shown, top, basis)
    return Explanation(
        tenant_id=tenant_id,
        window=str(when),
        basis=basis,
        policy_version=evidence.policy_version,
        figures=[_figure(f, rows) for f in figures],
        parts=[evidence.part(row) for row in shown],
        smaller_parts=len(smaller),
        smaller_parts_cost={
            currency: sum((r[basis.column] for r in own), Decimal(0)) for currency, own in _grouped(smaller)
        },
    )


def _ways(ctx: Context, window: Window, **only: Any) -> list[Row]:
    """The money of each pool and service by the way it was shared, with the units of the driver where it has any."""
    driven = ctx.totals(Allocation, window, by=_WAY, measures=("units", *COSTS), **only)
    followed = ctx.totals(Overhead, window, by=_WAY, measures=COSTS, **only)
    return [*driven, *(Row(**row, units=0) for row in followed)]


def _grouped(rows: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.currency].append(row)
    return list(groups.items())


def _figure(figure: Row, rows: Iterable[Row]) -> Figure:
    parts = sum((r.effective_cost for r in rows if r.currency == figure.currency), Decimal(0))
    return Figure(**figure, unexplained=figure.effective_cost - parts)


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
        self.policy_version = policy_version(ctx) if self._open else ""
        self._shared = self._shared_ways(rows)
        self._cells = {owner: self._cell_sums(rows, owner) for owner in {self._owner(row) for row in rows}}
        self._charges = self._largest_charges(rows, top)
        deliveries = {c.x_delivery for charges in self._charges.values() for c in charges}
        self._files = (
            {d.delivery: d.file for d in ctx.rows(Deliveries, delivery=deliveries)} if deliveries else {}
        )
        self._usage = _Usage(ctx, window, tenant_id)

    def part(self, row: Row) -> Part:
        key, owner = _Cell(row.currency, row.pool, row.service_name), self._owner(row)
        cell = self._cells[owner].get(key)
        charges = self._charges.get((*key, owner), [])
        cost = row[self._basis.column]
        way = row if owner else self._shared.get(_way(row))
        shared_cost = way[self._basis.column] if way else None
        driver = list(self._driver(row, way))
        return Part(
            **{name: row[name] for name in _WAY},
            cost=cost,
            shared_cost=shared_cost,
            share=round(cost / shared_cost, MONEY_PLACES) if shared_cost else None,
            pool_cost=cell[self._basis.column] if cell else None,
            charges=cell.charges if cell else 0,
            rule=self._rule(charges),
            because=_because(row, driver),
            driver=driver,
            bill_rows=[self._bill_row(charge) for charge in charges],
        )

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

    def _bill_row(self, charge: ChargePool) -> BillRow:
        return BillRow(
            charge_key=charge.charge_key,
            charge_day=charge.charge_day,
            currency=charge.currency,
            cost=getattr(charge, self._basis.column),
            description=charge.charge_description,
            category=charge.charge_category,
            file=self._files.get(charge.x_delivery),
            row=charge.x_row,
        )

    def _rule(self, charges: Sequence[ChargePool]) -> str | None:
        if not charges:
            return None
        texts = {rule.place: f"rule {rule.place}: {rule.rule}" for rule in self._rules if rule.place}
        return texts.get(charges[0].rule, _NO_RULE)

    def _driver(self, row: Row, way: Row | None) -> Iterator[DriverSample]:
        """The weights behind a part: what its share rests on, and then the tenant's busiest hours."""
        reason: str = row.reason
        if "follows" in reason:
            yield self._followed(row)
        elif row.units:
            meters = self._meters(row)
            places = 0 if reason.startswith(("even over", "fixed shares")) else QUANTITY_PLACES
            every = Decimal(way.units).scaleb(-places) if way else None
            yield _sample(_unit(reason, meters), Decimal(row.units).scaleb(-places), every)
            yield from self._usage.samples(meters)

    def _meters(self, row: Row) -> list[tuple[str, str]]:
        """(meter, service) of the driver behind a row; a pool split by meter has one. Service empty: of any."""
        if not row.reason.startswith(("usage by", "all usage", "ratio of")) and row.rung != "unallocated":
            return []
        pool, _, meter = (CALLS if row.reason.startswith("all usage") else row.driver_pool).partition("#")
        of_pool = [r for r in self._rules if r.pool == pool] or [
            r for r in self._rules if r.pool == SERVICE_POOL
        ]
        return [(r.meter, r.meter_service) for r in of_pool if r.meter and meter in ("", r.meter)]

    def _followed(self, row: Row) -> DriverSample:
        """The cost that the part followed: only positive sums weigh."""
        named = {}
        if row.reason == "follows cost of the same service":
            named = {"service_name": row.service_name}
        elif row.reason.startswith("follows cost of "):
            named = {"pool": {p.strip() for p in row.reason.removeprefix("follows cost of ").split(",")}}
        costs = {
            r.tenant_id: r.effective_cost
            for r in self._ctx.totals(
                Allocation,
                self._window,
                by=("tenant_id",),
                measures=("effective_cost",),
                currency=row.currency,
                **named,
            )
            if r.tenant_id not in _SPECIAL and r.effective_cost > 0
        }
        every = sum(costs.values(), Decimal(0)) if self._open else None
        return _sample(f"{row.currency} of effective cost", costs.get(self._tenant, Decimal(0)), every)


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

    def samples(self, meters: Sequence[tuple[str, str]]) -> Iterator[DriverSample]:
        """The window's sum of each meter, where there are several; then the busiest hours of all of them."""
        wanted = set(meters)
        names = sorted({meter for meter, _ in wanted})
        for meter in names if len(names) > 1 else ():
            own, every = (_units(rows, wanted, meter) for rows in (self._own, self._every))
            yield _sample(meter, own, every if self._open else None)
        busiest = sorted(_of(self._hours, wanted), key=lambda r: (-r.units, r.hour, r.meter, r.service_name))[
            :HOURS
        ]
        every_hour = self._every_hour(busiest)
        for row in busiest:
            every = every_hour.get((row.hour, row.service_name, row.meter))
            yield _sample(row.meter, _quantity(row.units), every, row)

    def _every_hour(self, rows: Sequence[Row]) -> dict[tuple[object, ...], Decimal]:
        if not rows or not self._open:
            return {}
        found = self._ctx.totals(
            UsageHourly, self._window, by=("hour", *self._BY), hour={row.hour for row in rows}
        )
        return {(r.hour, r.service_name, r.meter): _quantity(r.units) for r in found}


def _of(rows: Iterable[Row], meters: set[tuple[str, str]]) -> list[Row]:
    return [r for r in rows if (r.meter, r.service_name) in meters or (r.meter, "") in meters]


def _units(rows: Iterable[Row], meters: set[tuple[str, str]], meter: str) -> Decimal:
    return _quantity(sum(r.units for r in _of(rows, meters) if r.meter == meter))


def _quantity(units: int) -> Decimal:
    return Decimal(units).scaleb(-QUANTITY_PLACES)


def _sample(meter: str, own: Decimal, every: Decimal | None, row: Row | None = None) -> DriverSample:
    return DriverSample(
        meter=meter,
        hour=row.hour if row else None,
        quantity=own,
        of=every,
        share=part(own, every) if every else None,
    )


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

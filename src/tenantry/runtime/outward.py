"""Calls of other people's servers: counted before they are made, held to a day's limits, landed as our own usage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, RowMapping, insert, select, text, update

from ..engine.duckdb import DuckDB
from ..errors import Kind, TenantryError
from ..kernel import Dataset, Principal
from .own_rows import merged
from .state import State
from .state.tables import OUTWARD_CALL, moment


@dataclass(frozen=True)
class OutwardCall:
    """A call that left this installation. `at` is UTC; `cost` in USD as the settings state it, None: nobody said."""

    id: int
    at: datetime
    principal: str
    tenant_id: str | None
    capability: str
    tool: str
    cost: Decimal | None


@dataclass(frozen=True)
class OutwardLimits:
    """Of a UTC day, over all who ask. `cost` in USD; None: no limit of money."""

    calls: int = 1_000
    cost: Decimal | None = None


class Outward:
    """The outward calls of one state store. One object serves many threads.

    `prices` are USD for a call, by capability and tool, or None in the place of the tool for all of them.
    """

    def __init__(
        self,
        state: Callable[[], State],
        now: Callable[[], datetime],
        limits: OutwardLimits,
        prices: Mapping[tuple[str, str | None], Decimal],
    ) -> None:
        self._state, self._now, self._limits, self._prices = state, now, limits, prices

    def count(self, principal: Principal, capability: str, tool: str) -> None:
        """Write down a call that is about to be made. Raises `limit_exceeded` where the day has no room for it, or a
        limit of money could not hold because nobody said what it costs; `unavailable` where it cannot be written down.
        """
        now = self._now()
        cost = self._prices.get((capability, tool), self._prices.get((capability, None)))
        if self._limits.cost is not None and cost is None:
            raise TenantryError(
                Kind.LIMIT_EXCEEDED,
                f"nobody said what a call of {capability}.{tool} costs, so limits.outward_cost_per_day would not hold",
                "set cost_per_call of the tool or agent, in USD; 0 where it is free",
            )
        row = {
            "at": moment(now), "principal": principal.name, "tenant_id": principal.tenant_id,
            "capability": capability, "tool": tool, "cost": None if cost is None else str(cost), "landed": 0,
        }  # fmt: skip
        with self._state().begin() as connection:
            _alone(connection)
            self._check_day(connection, now, cost or Decimal(0))
            connection.execute(insert(OUTWARD_CALL).values(**row))

    def _check_day(self, connection: Connection, now: datetime, cost: Decimal) -> None:
        day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        of = OUTWARD_CALL.c
        of_day = (of.at >= moment(day)) & (of.at < moment(day + timedelta(days=1)))
        costs = list(connection.execute(select(of.cost).where(of_day)).scalars())
        spent = sum((Decimal(one) for one in costs if one), cost)
        full = ["outward_calls_per_day"] if len(costs) >= self._limits.calls else []
        if self._limits.cost is not None and spent > self._limits.cost:
            full.append("outward_cost_per_day")
        if full:
            why = f"today's calls of others leave no room: {', '.join(f'limits.{name}' for name in full)}"
            raise TenantryError(Kind.LIMIT_EXCEEDED, why, "ask tomorrow (UTC), or raise it")

    def land(self, engine: DuckDB, rows: Callable[[OutwardCall], Sequence[Dataset]]) -> int:
        """Land the usage of calls since the last time. Returns how many calls."""
        of = OUTWARD_CALL.c
        with self._state().read() as connection:
            waiting = connection.execute(select(OUTWARD_CALL).where(of.landed == 0)).mappings().all()
        calls = [_call(row) for row in waiting]
        if not merged(engine, [row for call in calls for row in rows(call)]):
            return 0
        if calls:
            with self._state().begin() as connection:
                landed = of.id.in_([call.id for call in calls])
                connection.execute(update(OUTWARD_CALL).where(landed).values(landed=1))
        return len(calls)


def _alone(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # on SQLite whoever writes is alone from the start
        connection.execute(text("LOCK TABLE outward_call IN EXCLUSIVE MODE"))


def _call(row: RowMapping) -> OutwardCall:
    names = ("id", "principal", "tenant_id", "capability", "tool")
    cost = None if row["cost"] is None else Decimal(row["cost"])
    return OutwardCall(at=datetime.fromisoformat(row["at"]), cost=cost, **{name: row[name] for name in names})

"""What agents did and what it took: every run kept, a day's limits held, its usage landed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, insert, select, text, update

from ...engine.duckdb import DuckDB
from ...errors import Kind, TenantryError
from ...kernel import AccessRole, Dataset, Principal
from ..own_rows import merged
from ..state import State, audit
from ..state.tables import AGENT_RUN, AGENT_TEXT, moment
from .prompts import Team
from .toolbox import Called

RUNNING = "running"
_WELL = ("ok", "refused")
_TURNS = 12
"""Of a conversation, that a model is told."""


@dataclass(frozen=True)
class Daily:
    """What all questions of a UTC day may take together: tokens, and USD."""

    tokens: int
    cost: Decimal


@dataclass(frozen=True)
class Spent:
    """What a question took. `cost` in USD, as settings or the price list of the library have it; None: not known."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = None


@dataclass(frozen=True)
class Run:
    """A question that agents were asked, as it is kept. `at` is UTC; `decision` is the one after which it went on."""

    id: int
    conversation: str
    at: datetime
    principal: str
    tenant_id: str | None
    question: str
    reply: str | None
    names: Mapping[str, str]
    model: str
    spent: Spent
    seconds: float
    outcome: str
    decision: int | None


class Runs:
    """The runs of one state store. One object serves many threads."""

    def __init__(self, state: State, now: Callable[[], datetime], daily: Daily) -> None:
        self._state, self._now, self._daily = state, now, daily

    def begin(
        self,
        principal: Principal,
        conversation: str,
        question: str,
        model: str,
        team: Team,
        most: Spent,
        decision: int | None = None,
    ) -> int:
        """The number of a run that may take at `most` so much, going on after a decision or not. Raises
        `limit_exceeded` where the day has no room.
        """
        now = self._now()
        with self._state.begin() as connection:
            _alone(connection)
            self._check_day(connection, now, most)
            held = set(connection.execute(select(AGENT_TEXT.c.hash)).scalars())
            new = [{"hash": h, "text": t} for h, t in sorted(team.texts().items()) if h not in held]
            if new:
                connection.execute(insert(AGENT_TEXT), new)
            row: dict[str, Any] = {
                "conversation": conversation,
                "at": moment(now),
                "principal": principal.name,
                "tenant_id": principal.tenant_id,
                "role": principal.role,
                "question": question,
                "names": {},
                "model": model,
                "texts": {s.name: s.hash for s in (team.supervisor, *team.specialists.values())},
                "calls": [],
                "proposals": [],
                "seconds": 0.0,
                "outcome": RUNNING,
                "landed": 0,
                "decision": decision,
            }
            done: Any = connection.execute(insert(AGENT_RUN).values(**row, **_columns(most)))
            return int(done.inserted_primary_key[0])

    def _check_day(self, connection: Connection, now: datetime, most: Spent) -> None:
        day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        of_day = (AGENT_RUN.c.at >= moment(day)) & (AGENT_RUN.c.at < moment(day + timedelta(days=1)))
        runs = [_run(row) for row in connection.execute(select(AGENT_RUN).where(of_day)).mappings()]
        tokens = sum(run.spent.input_tokens + run.spent.output_tokens for run in runs)
        cost = sum((_counted(run.spent, most) for run in runs), Decimal(0))
        full = [
            name
            for name, past in (
                ("max_tokens_per_day", tokens + most.input_tokens + most.output_tokens > self._daily.tokens),
                ("max_cost_per_day", cost + (most.cost or 0) > self._daily.cost),
            )
            if past
        ]
        if full:
            why = (
                f"today's questions leave no room for another: {', '.join(f'agent.{name}' for name in full)}"
            )
            raise TenantryError(Kind.LIMIT_EXCEEDED, why, "ask tomorrow (UTC), or raise it")

    def end(
        self,
        number: int,
        spent: Spent,
        outcome: str,
        *,
        seconds: float,
        reply: str | None,
        names: Mapping[str, str],
        calls: Sequence[Called],
        propose: Callable[[Connection, Run], Sequence[int]] = lambda _connection, _run: (),
    ) -> None:
        """Keep what became of a run, with the decisions that it asks for, in one transaction: a run that was cut short
        has asked for none. One that went on after a decision asks for none where another went on after it before.
        """
        values = {
            **_columns(spent),
            "outcome": outcome,
            "seconds": seconds,
            "reply": reply,
            "names": dict(names),
            "calls": [asdict(call) for call in calls],
        }
        with self._state.begin() as connection:
            audit.lock(connection)
            run = _run(connection.execute(select(AGENT_RUN).where(AGENT_RUN.c.id == number)).mappings().one())
            if outcome in _WELL and not _was_late(connection, run):
                values["proposals"] = list(propose(connection, run))
            connection.execute(update(AGENT_RUN).where(AGENT_RUN.c.id == number).values(**values))

    def conversation(self, name: str, principal: Principal) -> list[Run]:
        """The newest answered runs of a conversation, oldest first: of nobody's but this principal's."""
        wanted = select(AGENT_RUN).where(_whose(name, principal) & AGENT_RUN.c.reply.is_not(None))
        with self._state.read() as connection:
            rows = connection.execute(wanted.order_by(AGENT_RUN.c.id.desc()).limit(_TURNS)).mappings()
            return [_run(row) for row in rows][::-1]

    def all(self) -> list[Run]:
        """Every run there was, oldest first."""
        with self._state.read() as connection:
            return [
                _run(r) for r in connection.execute(select(AGENT_RUN).order_by(AGENT_RUN.c.id)).mappings()
            ]

    def proposed(self, conversation: str, principal: Principal) -> list[int]:
        """The decisions that the runs of this principal's conversation asked for, in their order."""
        wanted = select(AGENT_RUN.c.proposals).where(_whose(conversation, principal)).order_by(AGENT_RUN.c.id)
        with self._state.read() as connection:
            found = connection.execute(wanted).scalars()
            return list(dict.fromkeys(number for proposals in found for number in proposals))

    def asked_by(self, number: int) -> Principal:
        """Who asked in a run, with the role of then; a viewer's where none was kept."""
        of = AGENT_RUN.c
        with self._state.read() as connection:
            row = connection.execute(select(of.principal, of.tenant_id, of.role).where(of.id == number)).one()
        return Principal(row.principal, row.tenant_id, AccessRole(row.role or AccessRole.VIEWER))

    def gone_on(self, decision: int, conversation: str, principal: Principal) -> Run | None:
        """The run in which this principal's conversation went on after a decision, if one has ended well."""
        with self._state.read() as connection:
            return _gone_on(connection, decision, conversation, principal)

    def land(self, engine: DuckDB, rows: Callable[[Run], Sequence[Dataset]]) -> int:
        """Land the usage of the runs that have ended since: the control plane in its own books. Returns how many runs.

        Where others write the table at the same moment, it waits for the next time.
        """
        ended = (AGENT_RUN.c.landed == 0) & (AGENT_RUN.c.outcome != RUNNING)
        with self._state.read() as connection:
            waiting = [_run(row) for row in connection.execute(select(AGENT_RUN).where(ended)).mappings()]
        if not merged(engine, [row for run in waiting for row in rows(run)]):
            return 0
        if waiting:
            landed = AGENT_RUN.c.id.in_([run.id for run in waiting])
            with self._state.begin() as connection:
                connection.execute(update(AGENT_RUN).where(landed).values(landed=1))
        return len(waiting)


def _counted(spent: Spent, most: Spent) -> Decimal:
    """What a run counts for: as much as a run may take, where a model was asked and nobody knows what it took."""
    if spent.cost is None:
        return (most.cost or Decimal(0)) if spent.requests else Decimal(0)
    return spent.cost


def _whose(conversation: str, principal: Principal) -> ColumnElement[bool]:
    mine = (AGENT_RUN.c.conversation == conversation) & (AGENT_RUN.c.principal == principal.name)
    return mine & AGENT_RUN.c.tenant_id.is_not_distinct_from(principal.tenant_id)


def _gone_on(connection: Connection, decision: int, conversation: str, principal: Principal) -> Run | None:
    well = (AGENT_RUN.c.decision == decision) & AGENT_RUN.c.outcome.in_(_WELL)
    row = (
        connection.execute(select(AGENT_RUN).where(_whose(conversation, principal) & well)).mappings().first()
    )
    return _run(row) if row else None


def _was_late(connection: Connection, run: Run) -> bool:
    """Whether another run went on after the same decision, and has ended."""
    if run.decision is None:
        return False
    return (
        _gone_on(connection, run.decision, run.conversation, Principal(run.principal, run.tenant_id))
        is not None
    )


def _alone(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # on SQLite whoever writes is alone from the start
        connection.execute(text("LOCK TABLE agent_run IN EXCLUSIVE MODE"))


def _columns(spent: Spent) -> dict[str, Any]:
    return {**asdict(spent), "cost": None if spent.cost is None else str(spent.cost)}


def _cost(kept: str | None) -> Decimal | None:
    return None if kept is None else Decimal(kept)


def _run(row: RowMapping) -> Run:
    spent = Spent(row["requests"], row["input_tokens"], row["output_tokens"], _cost(row["cost"]))
    names = (
        "id",
        "conversation",
        "principal",
        "tenant_id",
        "question",
        "reply",
        "names",
        "model",
        "seconds",
        "outcome",
        "decision",
    )
    return Run(at=datetime.fromisoformat(row["at"]), spent=spent, **{name: row[name] for name in names})

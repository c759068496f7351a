"""What waits for a person: calls that were proposed, decided on, and carried out once with the yes that was given."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select, true, update

from ..errors import Kind, TenantryError, invalid
from ..kernel import AccessRole, Effect, Principal
from .call import NEEDS, Answer, Runtime, Yes, must_be_allowed, plain
from .decision import Decision, DecisionState, Origin, Proposal, Verdict
from .events import event
from .state import audit
from .state.tables import DECISION, moment

LONGEST = 2_000
"""Characters of a reason and of a note."""
LARGEST = 100_000
"""Characters of a call's arguments, as JSON: a person must be able to read them."""
MOST = 1_000
"""Decisions that one page holds at most."""
MOST_WAITING = 1_000
"""Proposals that may wait at once, of a tenant or of the vendor."""
_LARGEST = 2**63 - 1
"""Further no database counts."""
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""What no store of text takes."""
_WHO = Principal("tenantry")
"""Whose doing it is that time passes."""
_log = logging.getLogger("tenantry.decisions")


class Decisions:
    """The decisions of a runtime's state store. One object serves many threads.

    Who may do an act may decide on it, whoever proposed it; analysts may propose, viewers look. A principal bound to a
    tenant sees what was proposed for that tenant. Raises `forbidden` for whom it is not for, `not_found` for what is
    not there for the principal, `unavailable` where there is no store or it cannot be reached.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def propose(
        self, capability: str, tool: str, arguments: Mapping[str, Any], principal: Principal, why: str = ""
    ) -> Decision:
        """Have a person decide on a call; the one that waits already, where it is the same.

        Raises `invalid` for arguments that are not the tool's and for a tool that reads, `limit_exceeded` where too
        many wait.
        """
        owner, found = (
            self.runtime.catalog.capability(capability),
            self.runtime.catalog.tool(capability, tool),
        )
        what = f"{owner.name}.{found.name}"
        if found.effect is Effect.READ:
            raise invalid(f"{what} reads: there is nothing to decide", "call it")
        must_be_allowed(principal, f"to propose {what}", AccessRole.ANALYST)
        _check_text("a reason", why)
        values = plain(found.read_arguments(dict(arguments)))
        self.expire()
        with self.runtime.state.begin() as connection:
            return self.propose_in(connection, Proposal(owner.name, found.name, values), principal, why)

    def propose_in(
        self,
        connection: Connection,
        proposal: Proposal,
        principal: Principal,
        why: str,
        origin: Origin | None = None,
    ) -> Decision:
        """As `propose`, within a transaction of a caller who has looked at tool, arguments and principal."""
        size = len(json.dumps(dict(proposal.arguments)))
        if size > LARGEST:
            raise TenantryError(
                Kind.LIMIT_EXCEEDED,
                f"arguments of {size:,} characters",
                f"a person reads {LARGEST:,} at most",
            )
        audit.lock(connection)
        waits = DECISION.c.state == DecisionState.PROPOSED
        same = waits & (DECISION.c.digest == proposal.digest) & _of(principal.tenant_id)
        if row := connection.execute(select(DECISION).where(same)).mappings().first():
            return _read(row)
        of_them = select(func.count()).select_from(DECISION).where(waits & _of(principal.tenant_id))
        waiting = connection.execute(of_them).scalar_one()
        if waiting >= MOST_WAITING:
            why = f"{waiting:,} decisions wait already"
            raise TenantryError(Kind.LIMIT_EXCEEDED, why, "decide some first: `tenantry decisions`")
        now = self.runtime.now()
        tool = self.runtime.catalog.tool(proposal.capability, proposal.tool)
        row = {
            "capability": proposal.capability, "tool": proposal.tool, "arguments": dict(proposal.arguments),
            "digest": proposal.digest, "about": " ".join(tool.doc.partition("\n\n")[0].split()),
            "needs": NEEDS[tool.effect], "proposed_by": principal.name, "tenant_id": principal.tenant_id,
            "why": why, "agent": proposal.capability if origin else None, "run": origin and origin.run,
            "conversation": origin and origin.conversation, "tainted": list(proposal.tainted),
            "proposed_at": moment(now), "expires_at": moment(now + self.runtime.proposals_last),
            "state": DecisionState.PROPOSED, "note": "",
        }  # fmt: skip
        number = connection.execute(insert(DECISION).values(row).returning(DECISION.c.id)).scalar_one()
        told = ("capability", "tool", "arguments", "digest", "why", "agent", "run", "expires_at")
        details = {"decision": number, **{name: row[name] for name in told}}
        audit.append(connection, now, principal, "decisions.propose", details)
        return _get(connection, number)

    def get(self, number: int, principal: Principal) -> Decision:
        self.expire()
        with self.runtime.state.read() as connection:
            return _get(connection, number, _seen_by(principal))

    def list(
        self,
        principal: Principal,
        *,
        states: Collection[DecisionState] = (),
        capabilities: Collection[str] = (),
        before: int | None = None,
        limit: int = 50,
    ) -> list[Decision]:
        """The newest first, of these states and capabilities (none: all), older than the one of number `before`."""
        if not 1 <= limit <= MOST:
            raise invalid(f"limit = {limit}", f"1 to {MOST}")
        self.expire()
        wanted = select(DECISION).where(_seen_by(principal)).order_by(DECISION.c.id.desc()).limit(limit)
        wanted = wanted.where(DECISION.c.state.in_(states)) if states else wanted
        wanted = wanted.where(DECISION.c.capability.in_(capabilities)) if capabilities else wanted
        wanted = wanted if before is None else wanted.where(DECISION.c.id < min(before, _LARGEST))
        with self.runtime.state.read() as connection:
            return [_read(row) for row in connection.execute(wanted).mappings()]

    def waiting(self, principal: Principal) -> int:
        """How many wait that this principal sees."""
        waits = _seen_by(principal) & (DECISION.c.state == DecisionState.PROPOSED)
        with self.runtime.state.read() as connection:
            return connection.execute(select(func.count()).select_from(DECISION).where(waits)).scalar_one()

    def all_waiting(self) -> dict[int, str | None]:
        """Every decision that waits, by id, with the tenant it is of: for who tells each what is theirs."""
        waits = DECISION.c.state == DecisionState.PROPOSED
        with self.runtime.state.read() as connection:
            found = connection.execute(select(DECISION.c.id, DECISION.c.tenant_id).where(waits))
            return {row.id: row.tenant_id for row in found}

    def ended(self, since: datetime, before: datetime) -> list[Decision]:
        """What agents asked for and ended in this time, the oldest first."""
        over = (DECISION.c.ended_at >= moment(since)) & (DECISION.c.ended_at <= moment(before))
        wanted = select(DECISION).where(over & DECISION.c.conversation.is_not(None)).order_by(DECISION.c.id)
        self.expire()
        with self.runtime.state.read() as connection:
            return [_read(row) for row in connection.execute(wanted).mappings()]

    def decide(
        self, number: int, verdict: Verdict, principal: Principal, *, digest: str, note: str = ""
    ) -> Decision:
        """Say yes or no to the proposal of this digest. A yes carries it out: `acted`, or `failed` with the problem.

        A yes to what was approved and is not done yet, because the process ended, does it. Raises `conflict` with the
        decision where another was made before, where it expired, or where the digest is another's; and `unavailable`
        where it could not be done yet: it stays approved and is done once that can be.
        """
        _check_text("a note", note)
        now = self.runtime.now()
        self.expire(now)
        with event("decide", principal.name, verdict) as said:
            found, left = self._claim(number, verdict, principal, digest, note, now)
            said["decision"] = number
            if found.state is not DecisionState.APPROVED:
                return found
            return self._act_on_left(found) if left else self._act(found)

    def settle(self, left_for: timedelta = timedelta(0)) -> None:
        """Do what was approved so long ago and is not done, because its process ended: by now it is done, or failed."""
        self.expire()
        before = moment(self.runtime.now() - left_for)
        left = (DECISION.c.state == DecisionState.APPROVED) & (DECISION.c.decided_at <= before)
        with self.runtime.state.read() as connection:
            rows = connection.execute(select(DECISION).where(left).order_by(DECISION.c.id)).mappings().all()
        for row in rows:
            found = _read(row)
            if found.expires_at > moment(self.runtime.now()):
                self._act_on_left(found)
            else:
                self._fail(
                    found, TenantryError(Kind.CONFLICT, "it expired before it was done", "propose it again")
                )

    def expire(self, now: datetime | None = None) -> None:
        """Close proposals whose time is over."""
        now = now or self.runtime.now()
        due = (DECISION.c.state == DecisionState.PROPOSED) & (DECISION.c.expires_at <= moment(now))
        with self.runtime.state.read() as connection:
            numbers = connection.execute(select(DECISION.c.id).where(due)).scalars().all()
        for number in numbers:
            with self.runtime.state.begin() as connection:
                audit.lock(connection)
                values = {"state": DecisionState.EXPIRED, "ended_at": moment(now)}
                if _moved(connection, number, DecisionState.PROPOSED, values):
                    audit.append(connection, now, _WHO, "decisions.expire", {"decision": number})

    def _claim(
        self, number: int, verdict: Verdict, principal: Principal, digest: str, note: str, now: datetime
    ) -> tuple[Decision, bool]:
        """Write the verdict down, before anything is done; and whether a yes had been written down before."""
        yes = verdict is Verdict.APPROVE
        with self.runtime.state.begin() as connection:
            audit.lock(connection)
            found = _get(connection, number, _seen_by(principal))
            must_be_allowed(principal, f"to decide on {found.what}", found.needs)
            if found.digest != digest:
                raise TenantryError(
                    Kind.CONFLICT, f"decision {number} is not what was shown", "look at it again, then decide"
                )
            if yes and found.state is DecisionState.APPROVED:
                return found, True
            values = {
                "state": DecisionState.APPROVED if yes else DecisionState.REJECTED,
                "decided_by": principal.name, "decided_role": principal.role, "decided_at": moment(now),
                "note": note, "ended_at": None if yes else moment(now),
            }  # fmt: skip
            if not _moved(connection, number, DecisionState.PROPOSED, values):
                shown = found.model_dump(mode="json")
                raise TenantryError(
                    Kind.CONFLICT, found.said(), "it is decided: see `decision`", decision=shown
                )
            details = {"decision": number, "digest": digest, "note": note}
            audit.append(connection, now, principal, f"decisions.{verdict}", details)
            return _get(connection, number), False

    def _act_on_left(self, decision: Decision) -> Decision:
        """Do what another process was about to do. A call that leaves this installation may have been made: nobody here
        can know, so it fails, and a person looks.
        """
        if not self._reaches_out(decision):
            return self._act(decision)
        with self.runtime.turn():  # whoever is at it now is over then
            why = "its process ended while it was at work: it may have been done"
            self._fail(decision, TenantryError(Kind.UNAVAILABLE, why, "look there, then propose it again"))
        return self._now(decision)

    def _reaches_out(self, decision: Decision) -> bool:
        owners = [c for c in self.runtime.catalog.capabilities if c.name == decision.capability]
        tool = owners[0].tool_named(decision.tool) if owners else None
        return tool is not None and tool.outward and tool.effect is not Effect.READ

    def _act(self, decision: Decision) -> Decision:
        """Carry it out, once: the act's own transaction moves the decision on, or is undone."""
        try:
            self._carry_out(decision)
        except TenantryError as problem:
            if problem.kind is not Kind.UNAVAILABLE:
                self._fail(decision, problem)
            elif self._now(decision).state is DecisionState.APPROVED:  # else done, and not landed yet
                raise
        except Exception as bug:  # noqa: BLE001 - a bug ends what was approved, too
            _log.exception("decision %d: a bug", decision.id)
            why = f"a bug in Tenantry: {type(bug).__name__}"
            self._fail(decision, TenantryError(Kind.INTERNAL, why, "please report it"))
        return self._now(decision)

    def _carry_out(self, decision: Decision) -> None:
        """With the yes and the role of whoever gave it, bound to the tenant of whoever proposed it."""

        def check() -> None:
            if self._now(decision).state is not DecisionState.APPROVED:
                raise TenantryError(Kind.CONFLICT, "another process has done it")

        def done(connection: Connection, answer: Answer) -> None:
            over = {
                "state": DecisionState.ACTED,
                "result": plain(answer.data),
                "ended_at": moment(answer.as_of),
            }
            if not _moved(connection, decision.id, DecisionState.APPROVED, over):
                raise TenantryError(Kind.CONFLICT, "another process has done it")

        call = Proposal(decision.capability, decision.tool, decision.arguments)
        if call.digest != decision.digest:
            raise TenantryError(Kind.BROKEN_CONTRACT, "the arguments are not those that were shown")
        yes = Yes(decision.id, decision.arguments, check, done)
        self.runtime.call(call.capability, call.tool, call.arguments, _decider(decision), yes=yes)

    def _fail(self, decision: Decision, problem: TenantryError) -> None:
        """Write down that it failed; unless it was done by another process in the meantime."""
        now = self.runtime.now()
        why = {"kind": problem.kind, "message": problem.message, "hint": problem.hint}
        values = {"state": DecisionState.FAILED, "problem": why, "ended_at": moment(now)}
        with self.runtime.state.begin() as connection:
            audit.lock(connection)
            if _moved(connection, decision.id, DecisionState.APPROVED, values):
                details = {"decision": decision.id, "kind": problem.kind, "message": problem.message}
                audit.append(connection, now, _decider(decision), "decisions.fail", details)

    def _now(self, decision: Decision) -> Decision:
        with self.runtime.state.read() as connection:
            return _get(connection, decision.id)


def _decider(decision: Decision) -> Principal:
    role = decision.decided_role or AccessRole.VIEWER
    return Principal(decision.decided_by or "", decision.tenant_id, role)


def _moved(connection: Connection, number: int, state: DecisionState, values: Mapping[str, Any]) -> bool:
    """Whether the decision was in this state, and now is as the values have it."""
    same = (DECISION.c.id == number) & (DECISION.c.state == state)
    return bool(connection.execute(update(DECISION).where(same).values(values)).rowcount)


def _seen_by(principal: Principal) -> ColumnElement[bool]:
    return true() if principal.tenant_id is None else _of(principal.tenant_id)


def _of(tenant_id: str | None) -> ColumnElement[bool]:
    return DECISION.c.tenant_id.is_not_distinct_from(tenant_id)


def _get(connection: Connection, number: int, among: ColumnElement[bool] | None = None) -> Decision:
    wanted = select(DECISION).where(DECISION.c.id == number, true() if among is None else among)
    # Beyond what a database counts to there is no decision either.
    row = connection.execute(wanted).mappings().first() if 0 < number <= _LARGEST else None
    if row is None:
        raise TenantryError(Kind.NOT_FOUND, f"no decision {number}", "`tenantry decisions` lists them")
    return _read(row)


def _read(row: Mapping[Any, Any]) -> Decision:
    return Decision.model_validate({name: row[name] for name in Decision.model_fields})


def _check_text(what: str, text: str) -> None:
    if len(text) > LONGEST or _NO_TEXT.search(text):
        raise invalid(f"{what} of {len(text):,} characters", f"at most {LONGEST:,}, of plain text")

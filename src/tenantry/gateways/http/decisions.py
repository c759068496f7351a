"""REST of what waits for a person; while the app is served, what was approved is done even if a process was killed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from ...errors import TenantryError
from ...runtime.decision import Decision, DecisionState, Verdict
from ...runtime.decisions import LONGEST, MOST, Decisions
from ..beside import beside
from .access import principal_of
from .closed import CLOSED, LARGEST, Number
from .problems import PROBLEMS
from .tools import PREFIX

_EVERY = 30.0
"""Seconds between looks for what was approved and left undone."""
_LEFT_FOR = timedelta(minutes=1)
"""How long an act may take before it counts as left."""
_log = logging.getLogger("tenantry.decisions")


class DecisionsWanted(BaseModel):
    """Which decisions to list."""

    model_config = CLOSED

    state: Annotated[list[DecisionState], Field(description="only of these states")] = []
    capability: Annotated[list[str], Field(description="only of these capabilities")] = []
    before: Annotated[
        int | None, Field(ge=1, le=LARGEST, description="only older than the one of this id")
    ] = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50


class DecisionPage(BaseModel):
    """Decisions, the newest first."""

    decisions: list[Decision]
    next: Annotated[int | None, Field(description="`before` of the next page; null: this is the last")]
    waiting: Annotated[int, Field(description="how many wait in all, on whichever page")]


class VerdictRequest(BaseModel):
    """Yes or no to what was shown."""

    model_config = CLOSED

    verdict: Verdict
    digest: Annotated[
        str,
        Field(pattern="^[0-9a-f]{64}$", description="of the decision as it was shown: yes is said to that"),
    ]
    note: Annotated[str, Field(max_length=LONGEST)] = ""


def decision_routes(decisions: Decisions) -> APIRouter:
    router = APIRouter(prefix=PREFIX, tags=["decisions"], responses=PROBLEMS)

    @router.get("/decisions", operation_id="decisions_list")
    def listed(request: Request, wanted: Annotated[DecisionsWanted, Query()]) -> DecisionPage:
        """What waits for a person, or waited: the newest first."""
        who = principal_of(request.scope)
        found = decisions.list(
            who, states=wanted.state, capabilities=wanted.capability, before=wanted.before, limit=wanted.limit
        )
        following = found[-1].id if len(found) == wanted.limit else None
        return DecisionPage(decisions=found, next=following, waiting=decisions.waiting(who))

    @router.get("/decisions/{decision}", operation_id="decisions_show")
    def show(request: Request, decision: Number) -> Decision:
        """One decision: exactly what would be done, or what came of it."""
        return decisions.get(decision, principal_of(request.scope))

    @router.post("/decisions/{decision}", operation_id="decisions_decide")
    def decide(request: Request, decision: Number, said: VerdictRequest) -> Decision:
        """Approve, which does it at once, or reject. It answers `conflict` where somebody decided before, or its time
        is over; `state` says whether what was approved was done (`acted`) or could not be (`failed`).
        """
        who = principal_of(request.scope)
        return decisions.decide(decision, said.verdict, who, digest=said.digest, note=said.note)

    return router


@asynccontextmanager
async def settling(decisions: Decisions) -> AsyncGenerator[None]:
    """Do what was approved and left by a process that ended: at once, and again and again."""
    async with beside(_settle(decisions)):
        yield


async def _settle(decisions: Decisions) -> None:
    left_for = timedelta(0)
    while True:
        try:
            await run_sync(decisions.settle, left_for)
            left_for = _LEFT_FOR
        except TenantryError as problem:
            _log.warning("decisions wait: %s", problem)
        await asyncio.sleep(_EVERY)

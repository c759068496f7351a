"""Processes in which agents propose and a person decides, to be killed: asked by lines of `folder` (of the lake), `url`
of the state store and `conversation`. What a process finds half done it goes on with. The act adds to a number, so that
doing it twice shows. See forking.py.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from forking import fork_each
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel

from tenantry.datasets import Tenants
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.kernel import AccessRole, Capability, Catalog, Context, Effect, Principal, tool
from tenantry.runtime.agents import team
from tenantry.runtime.agents.agency import Agency
from tenantry.runtime.agents.framework.agents import FREE, Limits
from tenantry.runtime.agents.runs import Daily, Runs
from tenantry.runtime.call import Runtime
from tenantry.runtime.decision import DecisionState, Verdict
from tenantry.runtime.records import Records
from tenantry.runtime.state import State

ASKER = Principal("ada", role=AccessRole.ANALYST)
DECIDER = Principal("otto", role=AccessRole.OPERATOR)
NESTED = (1, 10)
"""What is proposed, the second after the first was done."""


@tool(Effect.ACT, tenant_id="teal", by=1)
def grow(ctx: Context, tenant_id: str, by: int) -> Tenants:
    """Give a tenant more seats, each time."""
    had = sum((row.seats or Decimal(0) for row in ctx.rows(Tenants, tenant_id=tenant_id)), Decimal(0))
    none = dict.fromkeys(("name", "tier", "started_on", "ended_on", "region", "importance", "contact_email"))
    many = {"accounts": None, "aliases": None, "resources": None}
    grown = Tenants(tenant_id=tenant_id, isolation="pool", seats=had + by, **none, **many)  # pyright: ignore[reportArgumentType]
    ctx.record(grown)
    return grown


SEATS = Capability("seats", "Who has how many seats?", (), (grow,), ("Who?",), "# Seats\n\nPropose `grow`.\n")


def runtime_of(folder: Path, url: str) -> Runtime:
    catalog = Catalog((SEATS,), (), (Tenants,))
    engine, state = DuckDB(Lake(folder / "lake"), "1GB", 1), State(url)
    records = Records(state, engine, catalog)
    return Runtime(engine, catalog, lambda: datetime.now(UTC), lambda _: {}, lambda: records)


def _reply(messages: list[ModelMessage], _: AgentInfo) -> ModelResponse:
    """The supervisor asks the specialist for the next growth, who proposes it; after the last they say so."""
    parts = [p for m in messages for p in m.parts]
    asked = str(next(p.content for p in reversed(parts) if isinstance(p, UserPromptPart)))
    since = parts[max(n for n, p in enumerate(parts) if isinstance(p, UserPromptPart)) :]
    if any(isinstance(p, ToolReturnPart) for p in since):
        return ModelResponse([TextPart("It waits for a person.")])
    if asked.startswith("grow "):
        tenant_id, by = asked.split()[1:]
        return ModelResponse([ToolCallPart("grow", {"tenant_id": tenant_id, "by": int(by)})])
    done = asked.count('"decision":')
    if done == len(NESTED):
        return ModelResponse([TextPart("All is done.")])
    ask = {"specialist": "seats", "question": f"grow teal {NESTED[done]}"}
    return ModelResponse([ToolCallPart("ask_specialist", ask)])


async def _streamed(messages: list[ModelMessage], info: AgentInfo) -> AsyncGenerator[str | DeltaToolCalls]:
    for n, part in enumerate(_reply(messages, info).parts):
        if isinstance(part, ToolCallPart):
            yield {n: DeltaToolCall(part.tool_name, part.args_as_json_str())}
        elif isinstance(part, TextPart):
            yield part.content


def agency_of(runtime: Runtime) -> Agency:
    runs = Runs(runtime.state, runtime.now, Daily(10**12, Decimal(10**6)))
    voice: Any = (FunctionModel(_reply, stream_function=_streamed), lambda *_: [])
    return Agency(
        runtime, team(runtime.catalog), "function:grow", lambda _: voice, Limits(price=FREE), lambda: runs
    )


def work(asked: dict[str, Any], opened: Callable[[], None]) -> None:
    """Ask, decide and go on until nothing waits, from wherever an earlier process was ended."""
    agency = agency_of(runtime_of(Path(asked["folder"]), asked["url"]))
    decisions, runs, conversation = agency.decisions, agency._runs(), asked["conversation"]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    opened()
    decisions.settle()
    if not runs.proposed(conversation, ASKER):
        agency.advise("Give teal more seats", ASKER, conversation)
    gone_on: set[int] = set()
    while left := [n for n in runs.proposed(conversation, ASKER) if n not in gone_on]:
        found = decisions.get(left[0], DECIDER)
        if found.state is DecisionState.PROPOSED:
            decisions.decide(found.id, Verdict.APPROVE, DECIDER, digest=found.digest)
        agency.go_on(left[0], ASKER, conversation)
        gone_on.add(left[0])


if __name__ == "__main__":
    # What is made once per process is made before it forks; but nothing of the lake's, whose library refuses forks.
    with TemporaryDirectory() as scratch:
        first = agency_of(runtime_of(Path(scratch), f"sqlite:///{scratch}/state.db"))
        first.advise("Give teal more seats", ASKER)
        first.runtime.state.close()
    fork_each(work)

"""The tools about what waits for a person, beside the catalog's: a model lists and proposes, a person decides."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import anyio.to_thread
from mcp_types import CallToolRequestParams, InputRequiredResult, ToolAnnotations
from mcp_types import Tool as Shown
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...errors import Kind, TenantryError, invalid
from ...kernel import Principal
from ...runtime.decision import Decision, DecisionState, Verdict
from ...runtime.decisions import Decisions
from .asking import Asker, asked_person, described, principal_asking

_FORM = {
    "type": "object",
    "properties": {
        "approve": {"type": "boolean", "title": "Approve", "description": "yes: do this, now; no: never"},
        "note": {
            "type": "string",
            "title": "Note",
            "description": "why; kept with the decision",
            "maxLength": 2000,
        },
    },
    "required": ["approve"],
}


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


A = TypeVar("A", bound=_Arguments)


class _List(_Arguments):
    state: list[DecisionState] = Field(
        [DecisionState.PROPOSED], strict=False, description="only of these states"
    )
    before: int | None = Field(None, description="only older than the one of this id")
    limit: int = Field(50, ge=1, le=200)


class _Propose(_Arguments):
    capability: str = Field(description="of a tool that acts")
    tool: str
    arguments: dict[str, Any] = Field(description="exactly as it is to be called")
    why: str = ""


class _Decide(_Arguments):
    id: int = Field(ge=1)


class _Listed(BaseModel):
    decisions: list[Decision]
    waiting: int = Field(description="how many wait in all")


class DecisionTools:
    """`decisions_list`, `decisions_propose` and `decisions_decide`."""

    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions
        self.shown = [
            _shown("decisions_list", "What waits for a person, the newest first, or with `state` what was decided.",
                   _List, _Listed, ToolAnnotations(read_only_hint=True, open_world_hint=False)),
            _shown("decisions_propose", "Have a person decide on a call of a tool that acts. Nothing is done before.",
                   _Propose, Decision,
                   ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)),
            _shown("decisions_decide", "Have the person at this client approve or reject what waits: they are asked, "
                   "shown the very call. Approved, it is done at once.",
                   _Decide, Decision, ToolAnnotations(read_only_hint=False, destructive_hint=True)),
        ]  # fmt: skip

    async def call(self, ctx: Asker, params: CallToolRequestParams) -> dict[str, Any] | InputRequiredResult:
        """The answer's document. Raises `invalid` for arguments that are not the tool's."""
        who, given = principal_asking(ctx), params.arguments or {}
        if params.name == "decisions_list":
            return await anyio.to_thread.run_sync(partial(self._list, _read(_List, given), who))
        if params.name == "decisions_propose":
            asked = _read(_Propose, given)
            call = partial(
                self._decisions.propose, asked.capability, asked.tool, asked.arguments, who, asked.why
            )
            return _document(await anyio.to_thread.run_sync(call))
        return await self._decide(ctx, params, _read(_Decide, given).id, who)

    def _list(self, asked: _List, who: Principal) -> dict[str, Any]:
        found = self._decisions.list(who, states=asked.state, before=asked.before, limit=asked.limit)
        return _Listed(decisions=found, waiting=self._decisions.waiting(who)).model_dump(mode="json")

    async def _decide(
        self, ctx: Asker, params: CallToolRequestParams, number: int, who: Principal
    ) -> dict[str, Any] | InputRequiredResult:
        waits = await anyio.to_thread.run_sync(partial(self._decisions.get, number, who))
        question = described(f"Approve decision {number}, {waits.what}?", waits.about, waits.arguments)
        nobody = TenantryError(
            Kind.APPROVAL_REQUIRED,
            f"{waits.said()}; this client cannot ask anybody",
            "a person decides elsewhere",
        )
        said = await asked_person(ctx, params, question, _FORM, nobody)
        if isinstance(said, InputRequiredResult):
            return said
        if said is None or not isinstance(said.get("approve"), bool):
            raise TenantryError(
                Kind.APPROVAL_REQUIRED,
                f"nobody decided on {number}",
                "do not ask again unless the person wants it",
            )
        verdict = Verdict.APPROVE if said["approve"] else Verdict.REJECT
        decide: Callable[[], Decision] = partial(
            self._decisions.decide,
            number,
            verdict,
            who,
            digest=waits.digest,
            note=str(said.get("note") or ""),
        )
        return _document(await anyio.to_thread.run_sync(decide))


def _document(decision: Decision) -> dict[str, Any]:
    return decision.model_dump(mode="json")


def _read(kind: type[A], given: dict[str, Any]) -> A:
    try:
        return kind.model_validate(given)
    except ValidationError as problems:
        texts = [f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in problems.errors(include_url=False)]
    raise invalid("; ".join(texts), f"it takes {', '.join(kind.model_fields)}")


def _shown(
    name: str, about: str, takes: type[BaseModel], gives: type[BaseModel], hints: ToolAnnotations
) -> Shown:
    return Shown(
        name=name, title=name.replace("_", ": ", 1).capitalize(), description=about, annotations=hints,
        input_schema=takes.model_json_schema(), output_schema=gives.model_json_schema(mode="serialization"),
    )  # fmt: skip

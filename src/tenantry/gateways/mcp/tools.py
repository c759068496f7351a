"""Tools of the catalog as MCP tools."""

from __future__ import annotations

import json
import logging
from functools import cached_property, partial
from typing import Any

import anyio.to_thread
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp_types import Tool as Shown
from pydantic.json_schema import GenerateJsonSchema

from ...errors import Kind, TenantryError, unknown
from ...kernel import Capability, Effect, Tool
from ...runtime.asking.asking import Answering
from ...runtime.call import Runtime, answer_schema
from ...runtime.decisions import Decisions
from . import ask
from .asking import Asker, approved, note, principal_asking
from .decisions import DecisionTools
from .problems import check_whole, protocol_error

_HINTS = {
    Effect.READ: ToolAnnotations(read_only_hint=True, open_world_hint=False),
    Effect.PROPOSE: ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False),
    Effect.ACT: ToolAnnotations(read_only_hint=False, destructive_hint=True),
}
_log = logging.getLogger("tenantry.mcp")


def tool_name(capability: Capability, tool: Tool) -> str:
    """The name by which clients call a tool."""
    return f"{capability.name}_{tool.name}"


class Tools:
    """Lists the tools and calls them; with `answer`, answers questions in plain words too, and with `decisions` tells
    what waits for a person.

    Raises `broken_contract` where two tools would have one name.
    """

    def __init__(
        self, runtime: Runtime, answer: Answering | None = None, decisions: Decisions | None = None
    ) -> None:
        self._runtime = runtime
        self._answering = answer
        self._decisions = DecisionTools(decisions) if decisions else None
        pairs = [(c, t) for c in runtime.catalog.capabilities for t in c.tools]
        self._named = {tool_name(c, t): (c, t) for c, t in pairs}
        if len(self._named) < len(pairs):
            names = [tool_name(c, t) for c, t in pairs]
            twice = sorted({name for name in names if names.count(name) > 1})
            raise TenantryError(
                Kind.BROKEN_CONTRACT, f"two tools named {', '.join(twice)} in MCP", "rename one"
            )
        self._shown = [*([ask.SHOWN] if answer else []), *(self._decisions.shown if self._decisions else [])]
        self._own = {tool.name for tool in self._shown}

    async def list(self, ctx: Asker, params: PaginatedRequestParams | None) -> ListToolsResult:
        check_whole(params)
        return await anyio.to_thread.run_sync(lambda: self._listed)

    @cached_property
    def _listed(self) -> ListToolsResult:
        """Made when it is first asked for: it takes longer than all else that the start of a server does."""
        return ListToolsResult(tools=[*self._shown, *(_shown(c, t) for c, t in self._named.values())])

    async def call(self, ctx: Asker, params: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
        """The answer document, as text and as data; an error is the problem document, as text."""
        if params.name not in self._named and params.name not in self._own:
            raise protocol_error(unknown("tool", params.name, self._named, "tools/list names all there are"))
        try:
            return await self._answer(ctx, params)
        except TenantryError as problem:
            note(ctx, problem, params.name)
            return _refused(problem)
        except MCPError:
            raise
        except Exception as bug:  # noqa: BLE001 - the last line of defence: a client never sees a stack trace
            _log.exception("a bug in %s", params.name)
            return _refused(
                TenantryError(
                    Kind.INTERNAL,
                    f"a bug in Tenantry: {type(bug).__name__}",
                    "the server's log has more; please report it",
                )
            )

    async def _answer(
        self, ctx: Asker, params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        if self._answering and params.name == ask.NAME:
            return _said(await ask.asked(self._answering, params.arguments or {}, principal_asking(ctx)))
        if self._decisions and params.name in self._own:
            found = await self._decisions.call(ctx, params)
            return found if isinstance(found, InputRequiredResult) else _said(found)
        capability, tool = self._named[params.name]
        given = tool.read_arguments(json.dumps(params.arguments or {}).encode())
        call = partial(self._runtime.call, capability.name, tool.name, given, principal_asking(ctx))
        try:
            answer = await anyio.to_thread.run_sync(call)
        except TenantryError as problem:
            if problem.kind is not Kind.APPROVAL_REQUIRED:
                raise
            question = await approved(ctx, params, problem, tool.doc.partition("\n\n")[0])
            if question:
                return question
            answer = await anyio.to_thread.run_sync(partial(call, approved=True))
        return _said(answer.document())


def _said(document: dict[str, Any]) -> CallToolResult:
    return CallToolResult(content=[_text(document)], structured_content=document)


def _refused(problem: TenantryError) -> CallToolResult:
    # Not as structured content: clients hold that to the output schema, errors too.
    return CallToolResult(content=[_text(problem.problem())], is_error=True)


def _text(document: dict[str, Any]) -> TextContent:
    return TextContent(text=json.dumps(document, separators=(",", ":"), default=str))


def _shown(capability: Capability, tool: Tool) -> Shown:
    return Shown(
        name=tool_name(capability, tool),
        title=f"{capability.name}: {tool.name}".replace("_", " ").capitalize(),
        description=tool.doc,
        input_schema={
            **tool.parameters.model_json_schema(schema_generator=_Terse),
            "examples": [tool.example],
        },
        output_schema=_answer(tool),
        annotations=_HINTS[tool.effect].model_copy(update={"open_world_hint": True} if tool.outward else {}),
    )


def _answer(tool: Tool) -> dict[str, Any]:
    data = tool.returns.json_schema(schema_generator=_Terse, mode="serialization")
    return {"$defs": data.pop("$defs", {}), **answer_schema(data)}


class _Terse(GenerateJsonSchema):
    """Without the titles that repeat the names of fields: a model reads all of it in each conversation."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

"""Capability pages as prompts: how to use a capability's tools, and how to read what they say."""

from __future__ import annotations

from collections.abc import Sequence

from mcp_types import (
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
    TextContent,
)

from ...errors import TenantryError
from ...kernel import Capability, Catalog
from .asking import Asker
from .problems import check_whole, protocol_error
from .tools import tool_name

_QUESTION = "question"


class Prompts:
    """One prompt for each capability: its page, and the question to answer if there is one."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def list(self, ctx: Asker, params: PaginatedRequestParams | None) -> ListPromptsResult:
        check_whole(params)
        return ListPromptsResult(
            prompts=[
                Prompt(
                    name=capability.name,
                    title=capability.name.replace("_", " ").capitalize(),
                    description=capability.question,
                    arguments=[
                        PromptArgument(
                            name=_QUESTION, description=f"such as: {capability.examples[0]}", required=False
                        )
                    ],
                )
                for capability in self._catalog.capabilities
            ]
        )

    async def get(self, ctx: Asker, params: GetPromptRequestParams) -> GetPromptResult:
        try:
            capability = self._catalog.capability(params.name)
        except TenantryError as problem:
            raise protocol_error(problem) from None
        question = (params.arguments or {}).get(_QUESTION) or capability.question
        return GetPromptResult(
            description=capability.question,
            messages=[
                PromptMessage(role="user", content=TextContent(text=f"{_page(capability)}\n\n{question}"))
            ],
        )

    def known(self, prompt: str, argument: str) -> Sequence[str]:
        """What may be given for an argument of a prompt."""
        asked = [c for c in self._catalog.capabilities if c.name == prompt and argument == _QUESTION]
        return [example for capability in asked for example in capability.examples]


def _page(capability: Capability) -> str:
    names = ", ".join(f"{tool.name}: {tool_name(capability, tool)}" for tool in capability.tools)
    return f"{capability.instructions.rstrip()}\n\nThe tools above are called: {names}."

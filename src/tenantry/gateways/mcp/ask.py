"""The tool `ask`: questions in plain words, beside the tools of the catalog."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio.to_thread
from mcp_types import Tool as Shown
from mcp_types import ToolAnnotations

from ...errors import invalid
from ...kernel import Principal
from ...runtime.asking.asking import LONGEST, Answering

NAME = "ask"
_TEXT = {"type": "string"}
_OBJECTS = {"type": "array", "items": {"type": "object"}}
SHOWN = Shown(
    name=NAME,
    title="Ask in plain words",
    description="Answer a question in plain words from the other tools alone, without a language model: a text, facts "
    "each with its tool call and evidence, tables. `asked`: say one of the choices, with the same conversation. "
    "`refused`: `can` says what it answers.",
    input_schema={
        "type": "object",
        "properties": {
            "question": {**_TEXT, "minLength": 1, "maxLength": LONGEST},
            "conversation": {**_TEXT, "description": "of the answer that this question goes on from"},
        },
        "required": ["question"],
        "additionalProperties": False,
        "examples": [{"question": "Which tenants lost us money last quarter, and why?"}],
    },
    output_schema={
        "type": "object",
        "properties": {
            "outcome": {"type": "string", "enum": ["answered", "asked", "refused"]},
            "text": _TEXT,
            "conversation": {"type": ["string", "null"]},
            "facts": _OBJECTS,
            "tables": _OBJECTS,
            "choices": _OBJECTS,
            "trace": _OBJECTS,
            "evidence": _OBJECTS,
            "decisions": {**_OBJECTS, "description": "what agents propose: it waits for a person"},
            "as_of": _TEXT,
        },
        "required": ["outcome", "text", "facts", "choices", "trace", "evidence", "as_of"],
    },
    annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False),
)


async def asked(answering: Answering, arguments: dict[str, Any], principal: Principal) -> dict[str, Any]:
    """The answer's document. Raises `invalid` for arguments that are not the tool's."""
    unknown = sorted(arguments.keys() - {"question", "conversation"})
    if unknown or not isinstance(arguments.get("question"), str):
        raise invalid(f"ask: {', '.join(unknown) or 'no question'}", "ask takes question, and conversation")
    call = partial(answering, arguments["question"], principal, arguments.get("conversation"), None)
    answer = await anyio.to_thread.run_sync(call)
    return answer.document()

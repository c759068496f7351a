"""Who asks, and asking back: a person's approval by elicitation, as each revision of the wire has it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp_types import (
    CallToolRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from ...errors import Kind, TenantryError
from ...kernel import Principal
from ...runtime.call import LOCAL
from ..http.access import note_refusal, principal_of
from ..tables import visible

Asker = ServerRequestContext[Any, Any]
_QUESTION = "approval"
_FORM = {
    "type": "object",
    "properties": {"approve": {"type": "boolean", "title": "Approve", "description": "do this, now"}},
    "required": ["approve"],
}


def principal_asking(ctx: Asker) -> Principal:
    """Over HTTP whom the request was authenticated as; on stdio the person whose process it is."""
    return LOCAL if ctx.request is None else principal_of(ctx.request.scope)


def note(ctx: Asker, problem: TenantryError, what: str) -> None:
    """Have a refusal written down: over HTTP the answer's status does not tell of it."""
    if problem.kind is Kind.FORBIDDEN and ctx.request is not None:
        note_refusal(ctx.request.scope, f"mcp {what}")


async def approved(
    ctx: Asker, params: CallToolRequestParams, required: TenantryError, about: str
) -> InputRequiredResult | None:
    """None when a person has said yes to what is `required`; else the question, to be answered with the same call.

    Raises `required` where the client cannot ask anybody, and `approval_required` where the person did not say yes.
    """
    act = f"{required.details['capability']}.{required.details['tool']}"
    question = f"Approve {act}?"
    answer = await asked_person(
        ctx, params, described(question, about, required.details["arguments"]), _FORM, required
    )
    if isinstance(answer, InputRequiredResult):
        return answer
    if answer and answer.get("approve") is True:
        return None
    raise TenantryError(
        Kind.APPROVAL_REQUIRED,
        f"{act} was not approved: nothing was done",
        "do not ask again unless the person wants it",
    )


async def asked_person(
    ctx: Asker,
    params: CallToolRequestParams,
    question: str,
    form: Mapping[str, Any],
    otherwise: TenantryError,
) -> Mapping[str, Any] | InputRequiredResult | None:
    """What the person at the client filled in, None where they would not; or the question, to be answered with the same
    call. Raises `otherwise` where the client cannot ask anybody.
    """
    if not _can_ask(ctx):
        raise otherwise
    asked = ElicitRequestFormParams(message=question, requested_schema=dict(form))
    if ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        answer = await ctx.session.elicit_form(asked.message, asked.requested_schema, ctx.request_id)
    elif params.request_state == _QUESTION:
        answer = (params.input_responses or {}).get(_QUESTION)
    else:
        return InputRequiredResult(
            input_requests={_QUESTION: ElicitRequest(params=asked)}, request_state=_QUESTION
        )
    if not isinstance(answer, ElicitResult) or answer.action != "accept":
        return None
    return answer.content or {}


def _can_ask(ctx: Asker) -> bool:
    capabilities = ctx.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    # A client that names no mode has forms: they came first.
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


def described(question: str, about: str, arguments: Mapping[str, Any]) -> str:
    """The call exactly as it will be made. Values are quoted, so that none can pass for a part of the question."""
    said = {
        name: json.dumps(value, ensure_ascii=False) for name, value in arguments.items() if value is not None
    }
    return "\n".join([question, about, *(f"{name}: {visible(text)}" for name, text in said.items())])

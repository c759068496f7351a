"""REST of the tools: each at `/api/v1/{capability}/{tool}`, derived from its declaration."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterator, Mapping
from hashlib import sha256
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter
from starlette.concurrency import run_in_threadpool

from ...errors import Kind, TenantryError, invalid
from ...kernel import Capability, Catalog, Effect, Tool
from ...runtime.call import Answer, Runtime
from .access import principal_of
from .problems import problem_content

PREFIX = "/api/v1"
REF = "#/components/schemas/{model}"
LARGEST_BODY = 1_000_000
_APPROVED = "approved"

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


def tool_routes(runtime: Runtime) -> APIRouter:
    """A route for each tool: GET where it reads, POST where it does not or where an argument is a document."""
    router = APIRouter(prefix=PREFIX)
    schemas = tool_schemas(runtime.catalog)
    for capability in runtime.catalog.capabilities:
        for tool in capability.tools:
            for method in _methods(tool):
                parameters = schemas[_name(capability, tool, "Parameters")]
                router.add_api_route(
                    f"/{capability.name}/{tool.name}",
                    _endpoint(runtime, capability, tool, method),
                    methods=[method],
                    operation_id=f"{capability.name}_{tool.name}"
                    + ("_by_post" if method != _methods(tool)[0] else ""),
                    tags=[capability.name],
                    summary=tool.doc.partition("\n")[0],
                    description=tool.doc,
                    response_class=Response,
                    openapi_extra=_described(capability, tool, method, parameters),
                )
    return router


def tool_schemas(catalog: Catalog) -> dict[str, Any]:
    """The JSON schemas of all parameters and answers, by name, for the OpenAPI document's components."""
    tools = [(c, t) for c in catalog.capabilities for t in c.tools]
    found, shared = TypeAdapter.json_schemas(
        [
            *((_name(c, t, "Parameters"), "validation", TypeAdapter(t.parameters)) for c, t in tools),
            *((_name(c, t, "Answer"), "serialization", t.returns) for c, t in tools),
        ],
        ref_template=REF,
    )
    schemas = {
        name: _answer(schema) if name.endswith("Answer") else schema for (name, _), schema in found.items()
    }
    defined = shared.get("$defs", {})
    # A model stands among the shared definitions; under its own name it is what the definition says.
    return {**defined, **{name: _resolved(schema, defined) for name, schema in schemas.items()}}


def etag(content: Any) -> str:
    """A weak tag of what an answer says, for `If-None-Match`."""
    return f'W/"{sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:32]}"'


def matches(request: Request, tag: str) -> bool:
    """Whether the client already holds what has this tag."""
    given = request.headers.get("if-none-match", "")
    return given.strip() == "*" or tag in [one.strip() for one in given.split(",")]


async def body_of(request: Request, largest: int = LARGEST_BODY) -> bytes:
    """The request's body. Raises `limit_exceeded` where it is larger than `largest` bytes."""
    found = bytearray()
    async for piece in request.stream():
        found += piece
        if len(found) > largest:
            raise TenantryError(
                Kind.LIMIT_EXCEEDED, f"a body of more than {largest:,} bytes", "send less at a time"
            )
    return bytes(found)


def once_each(request: Request) -> dict[str, str]:
    """The query's parameters. Raises `invalid` for one that is given twice."""
    given = request.query_params.multi_items()
    twice = sorted({name for name, _ in given if [n for n, _ in given].count(name) > 1})
    if twice:
        raise invalid(f"given twice: {', '.join(twice)}", "give each parameter once")
    return dict(given)


def _methods(tool: Tool) -> list[str]:
    if tool.effect is not Effect.READ:
        return ["POST"]
    documents = any(
        isinstance(field.json_schema_extra, dict) and "contentMediaType" in field.json_schema_extra
        for field in tool.parameters.model_fields.values()
    )
    return ["GET", "POST"] if documents else ["GET"]


def _endpoint(runtime: Runtime, capability: Capability, tool: Tool, method: str) -> Endpoint:
    async def call(request: Request) -> Response:
        query = once_each(request)
        given: Mapping[str, Any]
        approved = False
        if method == "GET":
            given = query
        else:
            if tool.effect is Effect.ACT:
                approved = _read_approved(query.pop(_APPROVED, "false"))
            if query:
                raise invalid(f"no parameter {', '.join(query)} in the query", "arguments go into the body")
            given = tool.read_arguments(await body_of(request) or b"{}")
        principal = principal_of(request.scope)
        answer: Answer = await run_in_threadpool(
            runtime.call, capability.name, tool.name, given, principal, approved=approved
        )
        document = answer.document()
        tag = etag({**document, "as_of": ""})
        if method == "GET" and matches(request, tag):
            return Response(status_code=304, headers={"ETag": tag})
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"} if method == "GET" else {}
        return Response(json.dumps(document), headers=headers, media_type="application/json")

    return call


def _read_approved(given: str) -> bool:
    if given not in {"true", "false"}:
        raise invalid(f"{_APPROVED}={given}", "it is true or false")
    return given == "true"


def _name(capability: Capability, tool: Tool, what: str) -> str:
    return f"{capability.name}.{tool.name}.{what}"


def _resolved(schema: dict[str, Any], defined: Mapping[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref", "")
    return defined[reference.rpartition("/")[2]] if reference and len(schema) == 1 else schema


def _answer(data: Mapping[str, Any]) -> dict[str, Any]:
    text = {"type": "string"}
    evidence = {
        "dataset": text,
        "version": {"type": ["integer", "null"]},
        "newest": {"type": ["string", "null"], "format": "date"},
        "windows": {"type": "array", "items": text},
    }
    properties = {
        "capability": text,
        "tool": text,
        "arguments": {"type": "object"},
        "as_of": {"type": "string", "format": "date-time", "description": "when it was asked, UTC"},
        "data": data,
        "evidence": {
            "type": "array",
            "description": "what the answer rests on",
            "items": {"type": "object", "properties": evidence, "required": list(evidence)},
        },
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def _described(
    capability: Capability, tool: Tool, method: str, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    answer = {"schema": {"$ref": REF.format(model=_name(capability, tool, "Answer"))}}
    described: dict[str, Any] = {
        "responses": {
            "200": {"description": "the answer", "content": {"application/json": answer}},
            "4XX": problem_content("what the caller can mend"),
            "5XX": problem_content("what the caller cannot mend"),
        }
    }
    if method == "GET":
        described["parameters"] = list(_in_query(tool, parameters))
        described["responses"]["304"] = {"description": "as the client holds it"}
        return described
    if tool.effect is Effect.ACT:
        described["parameters"] = [
            {"name": _APPROVED, "in": "query", "schema": {"type": "boolean", "default": False},
             "description": "the caller says yes to these very arguments"}
        ]  # fmt: skip
    described["requestBody"] = {
        "required": bool(parameters.get("required")),
        "content": {
            "application/json": {
                "schema": {"$ref": REF.format(model=_name(capability, tool, "Parameters"))},
                "example": tool.example,
            }
        },
    }
    return described


def _in_query(tool: Tool, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, schema in parameters.get("properties", {}).items():
        kinds = [kind for kind in schema.get("anyOf", ()) if kind.get("type") != "null"]
        rest = {k: v for k, v in schema.items() if k not in {"anyOf", "description", "title"}}
        if rest.get("default", "") is None:
            del rest["default"]
        found = {
            "name": name,
            "in": "query",
            "required": name in parameters.get("required", ()),
            "description": schema.get("description", ""),
            "schema": {**(kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {}), **rest},
        }
        if name in tool.example:
            found["example"] = tool.example[name]
        yield found

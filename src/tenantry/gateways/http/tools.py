"""REST of the tools: each at `/api/v1/{capability}/{tool}`, derived from its declaration."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter
from starlette.concurrency import run_in_threadpool

from ...errors import invalid
from ...kernel import Capability, Catalog, Effect, Tool
from ...runtime.call import Answer, Runtime, answer_schema
from ...runtime.decisions import LONGEST, Decisions
from .access import principal_of
from .negotiation import etag, matches
from .problems import PROBLEMS

PREFIX = "/api/v1"
REF = "#/components/schemas/{model}"
_APPROVED, _PROPOSE, _WHY = "approved", "propose", "why"

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True)
class Way:
    """A route to a tool: a method, a path in which names in braces are arguments, and the operation's id."""

    method: str
    path: str
    capability: Capability
    tool: Tool
    operation: str

    @property
    def in_path(self) -> list[str]:
        return re.findall(r"{(\w+)", self.path)

    @property
    def in_query(self) -> bool:
        """Whether the other arguments are in the query, not in a body."""
        return self.method in {"GET", "DELETE"}


def tool_ways(catalog: Catalog) -> Iterator[Way]:
    """To each tool: GET where it reads, POST where it does not or where an argument is a document."""
    for capability in catalog.capabilities:
        for tool in capability.tools:
            name = f"{capability.name}_{tool.name}"
            first, *others = _methods(tool)
            path = f"/{capability.name}/{tool.name}"
            yield Way(first, path, capability, tool, name)
            for method in others:
                yield Way(method, path, capability, tool, f"{name}_by_{method.lower()}")


def tool_routes(runtime: Runtime, decisions: Decisions, ways: Iterable[Way]) -> APIRouter:
    """The routes of these ways; what acts can be left to a decision."""
    router = APIRouter(prefix=PREFIX)
    for way in ways:
        router.add_api_route(
            way.path,
            _endpoint(runtime, decisions, way),
            methods=[way.method],
            operation_id=way.operation,
            tags=[way.capability.name],
            summary=way.tool.doc.partition("\n")[0],
            description=way.tool.doc,
            response_class=Response,
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
        name: answer_schema(schema) if name.endswith("Answer") else schema
        for (name, _), schema in found.items()
    }
    defined = shared.get("$defs", {})
    # A model stands among the shared definitions; under its own name it is what the definition says.
    return {**defined, **{name: _resolved(schema, defined) for name, schema in schemas.items()}}


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


def _endpoint(runtime: Runtime, decisions: Decisions, way: Way) -> Endpoint:
    acts = way.tool.effect is Effect.ACT
    name = (way.capability.name, way.tool.name)

    async def call(request: Request) -> Response:
        query, who = once_each(request), principal_of(request.scope)
        approved, propose = (
            acts and _read_flag(flag, query.pop(flag, "false")) for flag in (_APPROVED, _PROPOSE)
        )
        why = query.pop(_WHY, "") if propose else ""
        given = _given(way, request.path_params, query, await request.body())
        if propose:
            if approved:
                raise invalid(f"{_APPROVED} and {_PROPOSE}", "say yes, or leave it to a person: not both")
            waits = await run_in_threadpool(decisions.propose, *name, given, who, why)
            return Response(waits.model_dump_json(), status_code=202, media_type="application/json")
        answer: Answer = await run_in_threadpool(runtime.call, *name, given, who, approved=approved)
        document = answer.document()
        tag = etag({**document, "as_of": ""})
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"} if way.method == "GET" else {}
        if headers and matches(request, tag):
            return Response(status_code=304, headers=headers)
        return Response(json.dumps(document), headers=headers, media_type="application/json")

    return call


def _given(way: Way, path: Mapping[str, str], query: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    """The arguments, from path, and query or body. Raises `invalid` for one that stands in two places."""
    if way.in_query:
        _refuse_twice(query, path)
        return {**query, **path}
    if query:
        raise invalid(f"no parameter {', '.join(query)} in the query", "arguments go into the body")
    if not path:
        return way.tool.read_arguments(body or b"{}")
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise invalid("the body is not a JSON object", "send the arguments as one")
    _refuse_twice(document, path)
    return way.tool.read_arguments(json.dumps({**document, **path}).encode())


def _refuse_twice(given: Mapping[str, Any], path: Mapping[str, str]) -> None:
    if twice := sorted(given.keys() & path.keys()):
        raise invalid(f"in the path already: {', '.join(twice)}", "give each parameter once")


def _read_flag(name: str, given: str) -> bool:
    if given not in {"true", "false"}:
        raise invalid(f"{name}={given}", "it is true or false")
    return given == "true"


def _name(capability: Capability, tool: Tool, what: str) -> str:
    return f"{capability.name}.{tool.name}.{what}"


def _resolved(schema: dict[str, Any], defined: Mapping[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref", "")
    return defined[reference.rpartition("/")[2]] if reference and len(schema) == 1 else schema


def described(way: Way, schemas: Mapping[str, Any]) -> dict[str, Any]:
    """What the OpenAPI document says of a way by what its tool declares, of which `schemas` are `tool_schemas`."""
    parameters = schemas[_name(way.capability, way.tool, "Parameters")]
    answer = {"schema": {"$ref": REF.format(model=_name(way.capability, way.tool, "Answer"))}}
    places = list(_places(way, parameters))
    operation: dict[str, Any] = {
        "responses": {
            "200": {"description": "the answer", "content": {"application/json": answer}},
            **PROBLEMS,
        },
        "parameters": [p for p in places if way.in_query or p["in"] == "path"],
    }
    if way.method == "GET":
        operation["responses"]["304"] = {"description": "as the client holds it"}
    if way.tool.effect is Effect.ACT:
        flag = {"type": "boolean", "default": False}
        operation["parameters"] += [
            {"name": _APPROVED, "in": "query", "schema": flag,
             "description": "the caller says yes to these very arguments"},
            {"name": _PROPOSE, "in": "query", "schema": flag,
             "description": "leave it to a person who may: the answer is the decision that waits"},
            {"name": _WHY, "in": "query", "schema": {"type": "string", "maxLength": LONGEST},
             "description": "the reason for a proposal"},
        ]  # fmt: skip
        waits = {"schema": {"$ref": REF.format(model="Decision")}}
        operation["responses"]["202"] = {
            "description": "the decision that waits", "content": {"application/json": waits},
        }  # fmt: skip
    if not way.in_query:
        schema, required = _body(way, parameters)
        example = {name: value for name, value in way.tool.example.items() if name not in way.in_path}
        operation["requestBody"] = {
            "required": required,
            "content": {"application/json": {"schema": schema, "example": example}},
        }
    return operation


def _body(way: Way, parameters: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The schema of the arguments in the body, and whether some must be given."""
    apart = set(way.in_path)
    required = [name for name in parameters.get("required", ()) if name not in apart]
    if not apart:
        return {"$ref": REF.format(model=_name(way.capability, way.tool, "Parameters"))}, bool(required)
    properties = {
        name: _said(schema) for name, schema in parameters["properties"].items() if name not in apart
    }
    return {**parameters, "properties": properties, "required": required}, bool(required)


def _said(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of an argument, but that it is null where it is left out."""
    return {k: v for k, v in schema.items() if k != "default" or v is not None}


def _places(way: Way, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, schema in parameters.get("properties", {}).items():
        kinds = [kind for kind in schema.get("anyOf", ()) if kind.get("type") != "null"]
        rest = {k: v for k, v in _said(schema).items() if k not in {"anyOf", "description", "title"}}
        found = {
            "name": name,
            "in": "path" if name in way.in_path else "query",
            "required": name in parameters.get("required", ()) or name in way.in_path,
            "description": schema.get("description", ""),
            "schema": {**(kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {}), **rest},
        }
        if name in way.tool.example:
            found["example"] = way.tool.example[name]
        yield found

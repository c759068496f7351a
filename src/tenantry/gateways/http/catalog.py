"""REST of the catalog itself: what a client must know to show any capability, also one it has never seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from fastapi import APIRouter, Request
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ...kernel import Capability, Catalog, Tool
from ...kernel.dataset import Column
from .access import principal_of
from .problems import PROBLEMS
from .tools import PREFIX


class ColumnShown(BaseModel):
    """A column of an answer. `role` and `unit` are empty where the tool does not say; `inner` are a table's own."""

    name: str
    role: str = ""
    unit: str = ""
    description: str = ""
    inner: list[ColumnShown] | None = None


class ToolShown(BaseModel):
    """A tool: `parameters` is a JSON schema; `shape` is `rows`, `record` or `value`."""

    name: str
    summary: str
    description: str
    effect: str
    parameters: dict[str, Any]
    shape: str
    columns: list[ColumnShown]
    example: dict[str, Any]


class CapabilityShown(BaseModel):
    """A capability, with its page in Markdown as `about`."""

    name: str
    question: str
    about: str
    examples: list[str]
    datasets: list[str]
    tools: list[ToolShown]


class CatalogShown(BaseModel):
    """Everything this server can be asked."""

    version: str
    capabilities: list[CapabilityShown]


def catalog_routes(catalog: Catalog, version: str) -> APIRouter:
    """The route `/api/v1/catalog`."""
    router = APIRouter(prefix=PREFIX, tags=["catalog"])

    @cache
    def shown() -> CatalogShown:
        return CatalogShown(version=version, capabilities=[_capability(c) for c in catalog.capabilities])

    def read_catalog(request: Request) -> CatalogShown:
        """The capabilities with their tools, and what each takes and returns."""
        principal_of(request.scope)
        return shown()

    problems: Mapping[int | str, dict[str, Any]] = {
        **PROBLEMS,
    }
    router.add_api_route("/catalog", read_catalog, operation_id="catalog", responses={**problems})
    return router


def _capability(capability: Capability) -> CapabilityShown:
    return CapabilityShown(
        name=capability.name,
        question=capability.question,
        about=capability.instructions,
        examples=list(capability.examples),
        datasets=[d.table() for d in capability.datasets],
        tools=[_tool(t) for t in capability.tools],
    )


def _tool(tool: Tool) -> ToolShown:
    hint = get_type_hints(tool.function, include_extras=True)["return"]
    model, many = _model(hint)
    return ToolShown(
        name=tool.name,
        summary=tool.doc.partition("\n")[0],
        description=tool.doc,
        effect=tool.effect,
        parameters=tool.parameters.model_json_schema(),
        shape="value" if model is None else "rows" if many else "record",
        columns=_columns(model) if model else [],
        example=json.loads(json.dumps(tool.example, default=str)),
    )


def _model(hint: Any) -> tuple[type[BaseModel] | None, bool]:
    """The record that a type is made of, and whether it is many of them."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint, False
    parts = [p for p in get_args(hint) if p is not type(None)]
    if not parts or get_origin(hint) is dict:
        return None, False
    model, inner = _model(parts[0])
    origin = get_origin(hint)
    return model, inner or (
        (isinstance(origin, type) and issubclass(origin, list | tuple)) or _is_sequence(origin)
    )


def _is_sequence(origin: Any) -> bool:
    return getattr(origin, "__name__", "") in {"Sequence", "Iterable"}


def _columns(model: type[BaseModel]) -> list[ColumnShown]:
    return [_column(name, field) for name, field in model.model_fields.items()]


def _column(name: str, field: FieldInfo) -> ColumnShown:
    column = next((m for m in field.metadata if isinstance(m, Column)), None)
    inner, _ = _model(field.annotation)
    return ColumnShown(
        name=name,
        role=column.role.value if column else "",
        unit=column.unit if column else "",
        description=field.description or "",
        inner=_columns(inner) if inner else None,
    )

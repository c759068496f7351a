"""Writes what the catalog declares: two pages of docs/reference, the contract that CI compares, and the copy of the
OpenAPI document that the dashboard is typed from. `make docs`.
"""

from __future__ import annotations

import argparse
import builtins
import dataclasses
import json
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from starlette.testclient import TestClient

from tenantry import app
from tenantry.gateways.cli import build_parser, example_of
from tenantry.gateways.commands import commands
from tenantry.gateways.doors import Doors
from tenantry.kernel import Capability, Dataset, Tool, Window
from tenantry.kernel.dataset import Column

FOLDER = Path(__file__).parent / "reference"
SNAPSHOT = Path(__file__).parents[1] / "tests" / "contract" / "catalog.json"
OPENAPI = Path(__file__).parents[1] / "web" / "openapi.json"
MADE = "<!-- written by `make docs`; do not edit -->"
WORDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Window: "window",
}

CAPABILITIES_HEAD = f"""# Capabilities and their tools

{MADE}

Every tool is a command, `tenantry CAPABILITY TOOL --flags`, and its answer is the same through every gateway. With
`--json` it is one document: `data`, the `arguments`, `as_of` (the moment of the call) and `evidence` (which version of
which dataset was read, the newest day in it, and for which windows). Money and quantities are exact decimals, written
as text; ratios are numbers, 1 being all; times are UTC. A window is `START..END`, end exclusive, or `YYYY-MM`.
"""
COMMANDS_HEAD = f"""# Commands

{MADE}

Besides these, each tool of the [capabilities](capabilities.md) is a command. Answers go to stdout, progress and errors
to stderr. [Exit codes](errors.md). `TENANTRY_DEBUG=1` shows the stack trace of a bug.
"""


def pages() -> dict[str, str]:
    """File name to text of every generated page."""
    return {"capabilities.md": _capabilities_page(), "commands.md": _commands_page()}


def snapshot() -> str:
    """The public contract as JSON: every capability, tool and dataset. A change is reviewed as a diff."""
    catalog = app.catalog()
    contract = {
        "capabilities": {c.name: _capability_contract(c) for c in catalog.capabilities},
        "datasets": {d.table(): _dataset_contract(d) for d in catalog.datasets},
        "sources": {s.kind: [d.table() for d in s.lands] for s in catalog.sources},
    }
    return json.dumps(contract, indent=1, sort_keys=True) + "\n"


def openapi() -> str:
    """What `/api/openapi.json` says of a fresh installation."""
    with TemporaryDirectory() as lake:
        asgi = app.open_app(app.open_plane(lake), worker=app.open_worker(lake))
        answer = TestClient(asgi, "http://127.0.0.1", client=("127.0.0.1", 1)).get("/api/openapi.json")
    return json.dumps(answer.raise_for_status().json(), indent=1) + "\n"


def _capability_contract(capability: Capability) -> dict[str, Any]:
    return {
        "question": capability.question,
        "datasets": sorted(d.table() for d in capability.datasets),
        "tools": {
            t.name: {
                "effect": t.effect,
                "parameters": t.parameters.model_json_schema(),
                "returns": t.returns.json_schema(mode="serialization"),
            }
            for t in capability.tools
        },
    }


def _dataset_contract(dataset: type[Dataset]) -> dict[str, Any]:
    required = dataset.required()
    return {
        "keys": dataset.keys,
        "columns": {
            name: " ".join(filter(None, [c.sql, c.role, c.unit, "" if name in required else "null"]))
            for name, c in dataset.columns().items()
        },
    }


def _capabilities_page() -> str:
    blocks = [block for c in app.catalog().capabilities for block in _capability(c)]
    return "\n".join([CAPABILITIES_HEAD, *blocks])


def _capability(capability: Capability) -> Iterator[str]:
    page = f"../../src/tenantry/capabilities/{capability.name}"
    beside = FOLDER / f"{page}.md"
    yield f"## {capability.name}\n\n{capability.question}\n"
    if beside.exists():
        yield f"[How to read it]({page}.md). Questions it answers:\n"
    yield "\n".join(f"- {example}" for example in capability.examples) + "\n"
    for tool in capability.tools:
        yield from _tool(capability, tool)


def _tool(capability: Capability, tool: Tool) -> Iterator[str]:
    yield f"### {capability.name}.{tool.name}\n\n{tool.doc}\n"
    yield f"```sh\n{example_of(capability, tool)}\n```\n"
    fields = tool.parameters.model_fields
    if fields:
        yield _table("| parameter | type | default | |", (_parameter(n, f) for n, f in fields.items()))
    for model in _models(_return_type(tool)):
        yield f"`{model.__name__}`: {_first_line(model)}\n"
        yield _table("| field | type | unit | |", (_field(n, f) for n, f in model.model_fields.items()))


def _return_type(tool: Tool) -> Any:
    return typing.get_type_hints(tool.function)["return"]


def _models(kind: Any) -> list[type[BaseModel]]:
    """The records a type is made of, the outer first, each once."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        inner = [m for field in kind.model_fields.values() for m in _models(field.annotation)]
        return list(dict.fromkeys([kind, *inner]))
    return list(dict.fromkeys(m for argument in typing.get_args(kind) for m in _models(argument)))


def _parameter(name: str, field: FieldInfo) -> tuple[str, ...]:
    default = "required" if field.is_required() else "" if field.default is None else f"`{field.default}`"
    return f"`{name}`", _type(field.annotation), default, field.description or ""


def _field(name: str, field: FieldInfo) -> tuple[str, ...]:
    column = next((m for m in field.metadata if isinstance(m, Column)), None)
    return f"`{name}`", _type(field.annotation), column.unit if column else "", field.description or ""


def _type(kind: Any) -> str:
    arguments = [a for a in typing.get_args(kind) if a is not type(None)]
    match typing.get_origin(kind):
        case typing.Union | types.UnionType:
            text = f"{_type(arguments[0])} or null"
        case typing.Literal:
            text = _choices(arguments)
        case builtins.list | builtins.tuple:
            text = f"list of {_type(arguments[0])}"
        case _ if issubclass(kind, Enum):
            text = _choices([member.value for member in kind])
        case _ if issubclass(kind, BaseModel):
            text = f"`{kind.__name__}`"
        case _:
            text = WORDS.get(kind) or str(kind.__name__).lower()
    return text


def _choices(values: Sequence[Any]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _commands_page() -> str:
    closed: Any = [None] * len(dataclasses.fields(Doors))  # only what the commands declare is read
    nothing: Any = None
    parser = build_parser(app.catalog(), commands(Doors(*closed)), nothing)
    tools = {c.name.replace("_", "-") for c in app.catalog().capabilities}
    blocks = [
        block
        for name, one in _subparsers(parser).items()
        if name not in tools
        for block in (
            [_command(f"{name} {deed}", its) for deed, its in _subparsers(one).items()]
            or [_command(name, one)]
        )
    ]
    return "\n".join([COMMANDS_HEAD, *blocks])


def _subparsers(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    actions = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))  # noqa: SLF001
    choices = next((a.choices for a in actions), {})
    return {name: one for name, one in choices.items() if one.prog.endswith(f" {name}")}  # no second names


def _command(name: str, parser: argparse.ArgumentParser) -> str:
    actions = [a for a in parser._actions if a.dest != "help"]  # noqa: SLF001
    table = _table("| | |", ((_usage(a), (a.help or "").replace("%%", "%")) for a in actions))
    return f"## {name}\n\n{parser.description}\n\n{table}"


def _usage(action: argparse.Action) -> str:
    choices = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else ""
    value = choices or action.metavar or action.dest.upper()
    if not action.option_strings:
        return f"`{value}...`" if action.nargs in ("+", "*") else f"`{value}`"
    flag = ", ".join(action.option_strings)
    return f"`{flag}`" if action.nargs == 0 else f"`{flag} {value}`"


def _table(head: str, rows: Iterable[tuple[str, ...]]) -> str:
    columns = head.count("|") - 1
    lines = ["| " + " | ".join(" ".join(c.split()).replace("|", "\\|") for c in row) + " |" for row in rows]
    return "\n".join([head, "|" + "---|" * columns, *lines, ""]) if lines else ""


def _first_line(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def main() -> None:
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    SNAPSHOT.write_text(snapshot(), encoding="utf-8")
    OPENAPI.write_text(openapi(), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Writes the generated pages of docs/reference: `make docs`. What code declares is not written twice."""

from __future__ import annotations

import ast
import builtins
import inspect
import types
import typing
from collections import abc
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from tenantry.config import PREFIX, ScheduleSettings, Settings
from tenantry.datasets import DATASETS
from tenantry.errors import PROTOCOLS, Kind
from tenantry.kernel import AccessRole, Dataset, Effect, Source, landing
from tenantry.methods import policy, routes
from tenantry.sources import SOURCES
from tenantry.sources.a2a import Agent
from tenantry.sources.cloudwatch import MetricMeter
from tenantry.sources.mcp import Server
from tenantry.sources.mcp.server import AllowedTool

FOLDER = Path(__file__).parent / "reference"
WORDS = {
    str: "text",
    AccessRole: "role",
    Path: "path",
    SecretStr: "secret",
    bool: "true or false",
    int: "whole number",
    float: "number",
    Decimal: "number",
    Any: "anything",
    date: "day",
    datetime: "time",
    Effect: "`read`, `propose` or `act`",
    Server: "name of a [server](settings.md#server)",
}

DATASETS_HEAD = """# Datasets

Tables of the lake: a folder each, Parquet under a Delta log. Money is `DECIMAL(38,18)` in the row's
currency; times are UTC, without a zone. A column is never null unless it says so. A window of days means the
column named under *divided by*.

## Landing: filled by sources, or by closing months
"""
ERRORS_HEAD = """# Errors and exit codes

Every error has a kind, a message (what happened) and a hint (what to do). Its body is an RFC 9457 problem
document: on a command's stderr, in an HTTP reply, in a tool's result. Exit code 0 is success. Only
`unavailable` is worth trying again unchanged. `internal` is a bug; please report it.

| kind | HTTP status | exit code | JSON-RPC code |
|---|---|---|---|
"""
SETTINGS_HEAD = f"""# Settings

One file, `tenantry.toml`, in the working directory; `tenantry init` writes one that shows all of it. A variable of
the environment overrides a setting: `{PREFIX}ENGINE__THREADS` is `engine.threads`. Secrets belong in the
environment only. A name that is not known is an error, which tells the nearest that is.

| setting | type | default | |
|---|---|---|---|
"""
SOURCES_HEAD = """# Sources

A table `[sources.NAME]` of `tenantry.toml`, with a name of your choice, has a `kind` and a `path` (a file, a folder
or a glob), and what else its kind takes; one that asks a service has no path. [What the files look like](inputs.md).
"""
POLICY_HEAD = """# Allocation policy

The `[allocation]` table of `tenantry.toml`. [How to write one](../how-to/write-a-policy.md).
"""
_TABLES = (
    "`[sources]` are [sources](sources.md), `[allocation]` is the [allocation policy](policy.md), `[routing]` says what"
    "\n[access logs](routing.md) mean, `[schedules]` are [jobs by the clock](../how-to/nightly-builds.md), `[mcp]` are"
    "\n[external MCP servers](../how-to/external-mcp-servers.md), `[a2a]` are"
    "\n[others' agents](../how-to/connect-agents.md)."
)
ROUTING_HEAD = """# Routing

The `[routing]` table of `tenantry.toml`. [How access logs are read](../how-to/use-access-logs.md).
"""


def pages() -> dict[str, str]:
    """File name to text of every generated page."""
    return {
        "datasets.md": _datasets_page(),
        "errors.md": _errors_page(),
        "policy.md": _policy_page(),
        "routing.md": _routing_page(),
        "settings.md": _settings_page(),
        "sources.md": _sources_page(),
    }


def _datasets_page() -> str:
    all_datasets = (*DATASETS, landing.Deliveries, landing.Quarantine)
    landed = [line for d in all_datasets if not d.derived() for line in _dataset(d)]
    derived = [line for d in all_datasets if d.derived() for line in _dataset(d)]
    return _page(DATASETS_HEAD, *landed, "", "## Derived: built by queries, disposable", *derived)


def _dataset(dataset: type[Dataset]) -> Iterator[str]:
    yield from ("", f"### {dataset.table()}", "", inspect.getdoc(dataset) or "", "")
    yield f"- one row for each: {_code(dataset.keys) or 'row of the file'}"
    if dataset.day_column():
        yield f"- divided by: `{dataset.day_column()}`"
    if dataset.reads:
        yield f"- built from: {', '.join(f'[{d.table()}](#{d.table()})' for d in dataset.reads)}"
    if dataset.conserves:
        measures, upstream = dataset.conserves
        yield f"- conserves: {_code(measures)} of [{upstream}](#{upstream})"
    yield from ("", "| column | type | role | unit | |", "|---|---|---|---|---|")
    for name, column in dataset.columns().items():
        null = "" if name in dataset.required() else "may be null"
        yield _row(f"`{name}`", column.sql, column.role, column.unit, null)


def _errors_page() -> str:
    rows = (f"| `{kind}` | {status} | {code} | {rpc} |" for kind, (status, code, rpc) in PROTOCOLS.items())
    return _page(
        ERRORS_HEAD, *rows, "", f"{len(Kind)} kinds, no more: [why](../adr/0006-one-error-class.md)."
    )


def _settings_page() -> str:
    rows = (_row(f"`{name}`", kind, default, about) for name, kind, default, about in _fields(Settings))
    models = [ScheduleSettings, Server, AllowedTool, Agent]
    return _page(SETTINGS_HEAD, *rows, "", _TABLES, *(line for model in models for line in _model(model)))


def _sources_page() -> str:
    sources = (line for source in SOURCES for line in _source(source))
    return _page(SOURCES_HEAD, *sources, *_model(MetricMeter))


def _source(source: type[Source]) -> Iterator[str]:
    landed = ", ".join(f"[{d.table()}](datasets.md#{d.table()})" for d in source.lands)
    about = source.__doc__ if source.__doc__ != Source.__doc__ else None
    yield from ("", f"## {source.kind}", "", f"Lands {landed}. {inspect.cleandoc(about or '')}".rstrip())
    rows = [field for field in _fields(source) if field[0] != "path"]
    if rows:
        yield from ("", "| field | type | default | |", "|---|---|---|---|")
    for name, kind, default, note in rows:
        yield _row(f"`{name}`", kind, default, note)


def _routing_page() -> str:
    models = [routes.Routing, routes.FeatureTable]
    return _page(
        ROUTING_HEAD, *(line for model in models for line in _model(model)), *_choices(routes.Naming)
    )


def _policy_page() -> str:
    models = [policy.Policy, policy.Rule, policy.Match, policy.Meter, policy.Capacity]
    enums = [policy.Strategy, policy.Rung]
    return _page(
        POLICY_HEAD,
        *(line for model in models for line in _model(model)),
        *(line for enum in enums for line in _choices(enum)),
    )


def _page(head: str, *lines: str) -> str:
    title, _, rest = head.partition("\n")
    made = "<!-- written by `make docs`; do not edit -->"
    return "\n".join([title, "", made, rest.rstrip(), *lines, ""])


def _row(*cells: str) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _model(model: type[BaseModel]) -> Iterator[str]:
    yield from ("", f"## {model.__name__}", "", inspect.getdoc(model) or "", "")
    yield from ("| field | type | default | |", "|---|---|---|---|")
    for name, kind, default, about in _fields(model):
        yield _row(f"`{name}`", kind, default, about)


def _choices(enum: type[StrEnum]) -> Iterator[str]:
    notes = _notes(enum)
    yield from ("", f"## {enum.__name__}", "", inspect.getdoc(enum) or "", "", "| value | |", "|---|---|")
    for member in enum:
        yield _row(f"`{member.value}`", notes.get(member.name, ""))


def _fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    notes = _notes(model)
    for name, field in model.model_fields.items():
        kind = field.annotation
        table = next((a for a in typing.get_args(kind) if a is not type(None)), kind)
        if (model is Settings or prefix) and inspect.isclass(table) and issubclass(table, BaseModel):
            yield from _fields(table, f"{prefix}{name}.")
            continue
        default = (
            "required" if field.is_required() else _default(field.get_default(call_default_factory=True))
        )
        yield prefix + name, _type(kind), default, field.description or notes.get(name, "")


def _notes(cls: type) -> dict[str, str]:
    """The strings that stand below the fields of a class."""
    body = typing.cast("ast.ClassDef", ast.parse(inspect.getsource(cls)).body[0]).body
    notes: dict[str, str] = {}
    for statement, below in pairwise(body):
        target = statement.target if isinstance(statement, ast.AnnAssign) else None
        target = statement.targets[0] if isinstance(statement, ast.Assign) else target
        if (
            isinstance(target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            notes[target.id] = inspect.cleandoc(str(below.value.value))
    return notes


def _type(kind: Any) -> str:
    arguments = [a for a in typing.get_args(kind) if a is not type(None)]
    match typing.get_origin(kind):
        case typing.Annotated | typing.Union | types.UnionType:
            return _type(arguments[0])
        case typing.Literal:
            return ", ".join(f"`{value}`" for value in arguments)
        case builtins.tuple:
            return f"list of {_type(arguments[0])}"
        case builtins.dict | abc.Mapping:
            return f"table of {_type(arguments[1])}"
        case _:
            return WORDS.get(kind) or f"[{kind.__name__}](#{kind.__name__.lower()})"


def _default(value: Any) -> str:
    if isinstance(value, BaseModel):
        return "none set"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value in (None, "", {}) else str(value)


def _code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def main() -> None:
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

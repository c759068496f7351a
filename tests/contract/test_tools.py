"""What holds for every tool of the catalog. Nobody edits this for a new capability."""

from __future__ import annotations

import difflib
import json
import runpy
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel
from three_months import CATALOG, TENANTS

from tenantry.errors import Kind, TenantryError
from tenantry.gateways.cli import build_parser, run
from tenantry.gateways.tables import shown_answer
from tenantry.kernel import AccessRole, Capability, Dataset, Effect, Principal, Tool, Window
from tenantry.kernel.dataset import Column
from tenantry.runtime.call import Runtime, plain

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SNAPSHOT = ROOT / "tests" / "contract" / "catalog.json"
GENERATED: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "catalog.py"))
TOOLS = [(c, t) for c in CATALOG.capabilities for t in c.tools]
SCALARS = (str, int, float, bool, Decimal, date, Window)
CALLED = [(c, t) for c, t in TOOLS if t.effect is not Effect.ACT]
ACTING = [(c, t) for c, t in TOOLS if t.effect is Effect.ACT]
CURRENCIES = {"currency", "billing_currency"}


def each(tools: Sequence[tuple[Capability, Tool]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("capability", "tool"), tools, ids=[f"{c.name}.{t.name}" for c, t in tools]
    )


each_tool = each(TOOLS)
each_called = each(CALLED)
each_acting = each(ACTING)
each_capability = pytest.mark.parametrize(
    "capability", CATALOG.capabilities, ids=[c.name for c in CATALOG.capabilities]
)


def flags(tool: Tool) -> list[str]:
    return [
        word for name, value in tool.example.items() for word in (f"--{name.replace('_', '-')}", str(value))
    ]


def command(capability: Capability, tool: Tool) -> list[str]:
    return [capability.name.replace("_", "-"), tool.name.replace("_", "-")]


def models(data: Any) -> list[BaseModel]:
    """All records in an answer, at any depth."""
    if isinstance(data, BaseModel):
        return [data, *(m for name in type(data).model_fields for m in models(getattr(data, name)))]
    if isinstance(data, list | tuple):
        return [m for value in data for m in models(value)]
    return []


def seen_by(
    bound: Principal, runtime: Runtime, capability: Capability, tool: Tool, arguments: dict[str, Any]
) -> str:
    """The answer as text; empty where the tool reads what is not divided by tenant, and so is refused."""
    try:
        return json.dumps(plain(runtime.call(capability.name, tool.name, arguments, bound).data))
    except TenantryError as refused:
        if refused.kind is Kind.FORBIDDEN:
            return ""
        raise


@each_capability
def test_a_capability_has_a_question_examples_and_a_page(capability: Capability):
    assert capability.question.endswith("?")
    assert len(capability.examples) >= 2
    assert capability.instructions.startswith("# ")
    headings = [line for line in capability.instructions.splitlines() if line.startswith("## ")]
    assert headings == ["## Which tool", "## How to read it", "## Traps"]
    for tool in capability.tools:
        assert f"`{tool.name}`" in capability.instructions, f"the page does not say when to use {tool.name}"


@each_tool
def test_a_tool_is_documented(capability: Capability, tool: Tool):
    first = tool.doc.partition("\n\n")[0]
    assert first.endswith(".")
    assert len(first) > 20
    assert tool.parameters.model_json_schema()["type"] == "object"
    assert tool.returns.json_schema(mode="serialization")


@each_tool
def test_a_json_document_carries_the_arguments_that_text_carries(capability: Capability, tool: Tool):
    assert tool.read_arguments(json.dumps(tool.example).encode()) == tool.read_arguments(tool.example)


@each_tool
def test_a_day_is_written_as_one_and_a_number_is_none(capability: Capability, tool: Tool):
    days = [
        n for n, p in tool.parameters.model_fields.items() if date in (p.annotation, *get_args(p.annotation))
    ]
    for name in days:
        assert tool.read_arguments({**tool.example, name: "2026-03-31"})[name] == date(2026, 3, 31)
        for written in ("0", "1785542400", "2026-03-31T00:00:00"):
            with pytest.raises(TenantryError, match=name):
                tool.read_arguments({**tool.example, name: written})


@each_tool
def test_parameters_are_scalars_so_that_any_gateway_can_carry_them(capability: Capability, tool: Tool):
    for name, parameter in tool.parameters.model_fields.items():
        kind = parameter.annotation
        if get_origin(kind) in (Union, UnionType):
            [kind] = [k for k in get_args(kind) if k is not type(None)]
        scalar = get_origin(kind) is Literal or (
            isinstance(kind, type) and issubclass(kind, (Enum, *SCALARS))
        )
        assert scalar, f"{name} is {kind}"


@each_called
def test_the_example_gives_an_answer_of_the_declared_type(
    capability: Capability, tool: Tool, runtime: Runtime
):
    answer = runtime.call(capability.name, tool.name, tool.example)
    assert answer.data
    tool.returns.validate_python(answer.data)
    assert runtime.call(capability.name, tool.name, tool.example).document() == answer.document()


@each_called
def test_money_has_its_currency_beside_it_and_is_never_a_float(
    capability: Capability, tool: Tool, runtime: Runtime
):
    for record in models(runtime.call(capability.name, tool.name, tool.example).data):
        money = [
            name
            for name, field in type(record).model_fields.items()
            for mark in field.metadata
            if isinstance(mark, Column) and mark.unit == "money"
        ]
        assert not money or CURRENCIES & set(type(record).model_fields)
        assert all(isinstance(getattr(record, name), Decimal | None) for name in money)


@each_called
def test_an_answer_names_what_it_read_and_that_was_declared(
    capability: Capability, tool: Tool, runtime: Runtime
):
    answer = runtime.call(capability.name, tool.name, tool.example)
    declared: set[str] = set()
    open_: list[type[Dataset]] = list(capability.datasets)
    while open_:
        dataset = open_.pop()
        declared.add(dataset.table())
        open_ += [] if dataset.stored else dataset.reads
    assert {e.dataset for e in answer.evidence} <= declared
    assert answer.evidence


@each_called
def test_the_command_line_gives_the_same_answer(
    capability: Capability, tool: Tool, runtime: Runtime, capsys: pytest.CaptureFixture[str]
):
    parser = build_parser(CATALOG, (), lambda _: runtime)
    answer = runtime.call(capability.name, tool.name, tool.example)
    line = [*command(capability, tool), *flags(tool)]
    assert run(parser, [*line, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == answer.document()
    assert run(parser, line) == 0
    out = capsys.readouterr().out
    assert out == shown_answer(answer)
    assert all(c.isprintable() or c == "\n" for c in out)


@each_called
def test_a_bad_argument_has_one_error_everywhere(
    capability: Capability, tool: Tool, runtime: Runtime, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(TenantryError) as raised:
        runtime.call(capability.name, tool.name, {**tool.example, "no_such_parameter": "1"})
    assert raised.value.kind is Kind.INVALID
    assert "no_such_parameter" in raised.value.message
    if "window" not in tool.parameters.model_fields:
        return
    with pytest.raises(TenantryError) as raised:
        runtime.call(capability.name, tool.name, {**tool.example, "window": "soon"})
    parser = build_parser(CATALOG, (), lambda _: runtime)
    line = [*command(capability, tool), *flags(tool), "--window", "soon"]
    assert run(parser, [*line, "--json"]) == 2
    assert json.loads(capsys.readouterr().err) == raised.value.problem()


@pytest.mark.parametrize("tenant_id", TENANTS)
@each_called
def test_a_principal_bound_to_a_tenant_sees_no_other(
    capability: Capability, tool: Tool, runtime: Runtime, tenant_id: str
):
    bound = Principal("someone", tenant_id)
    if "tenant_id" in tool.parameters.model_fields and tool.example["tenant_id"] != tenant_id:
        with pytest.raises(TenantryError) as raised:
            runtime.call(capability.name, tool.name, tool.example, bound)
        assert raised.value.kind is Kind.FORBIDDEN
    own = {"tenant_id": tenant_id} if "tenant_id" in tool.parameters.model_fields else {}
    seen = seen_by(bound, runtime, capability, tool, {**tool.example, **own})
    others = [*(t for t in TENANTS if t != tenant_id), "(unallocated)", "(idle)", "(unknown"]
    assert not [name for name in others if json.dumps(name)[1:-1] in seen]


@each_acting
def test_what_acts_waits_for_a_yes_and_is_for_those_who_may(
    capability: Capability, tool: Tool, runtime: Runtime
):
    with pytest.raises(TenantryError) as raised:
        runtime.call(capability.name, tool.name, tool.example)
    assert raised.value.kind is Kind.APPROVAL_REQUIRED
    assert raised.value.details["arguments"] == plain(tool.read_arguments(tool.example))
    analyst = Principal("someone", role=AccessRole.ANALYST)
    with pytest.raises(TenantryError) as raised:
        runtime.call(capability.name, tool.name, tool.example, analyst, approved=True)
    assert raised.value.kind is Kind.FORBIDDEN


def test_the_catalog_is_the_one_reviewed():
    before, now = SNAPSHOT.read_text(encoding="utf-8"), GENERATED["snapshot"]()
    diff = "\n".join(
        difflib.unified_diff(before.splitlines(), now.splitlines(), "reviewed", "now", n=2, lineterm="")
    )
    assert now == before, (
        f"The public contract changed. If that is meant: `make docs`, and an entry in CHANGELOG.md.\n{diff}"
    )


@pytest.mark.parametrize("page", GENERATED["pages"]())
def test_the_reference_of_the_catalog_is_fresh(page: str):
    text = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")
    assert text == GENERATED["pages"]()[page], "run `make docs`"


def test_every_capability_tool_and_dataset_has_a_heading():
    reference = ROOT / "docs" / "reference"
    headings = {
        line.lstrip("# ")
        for page in ("capabilities.md", "datasets.md")
        for line in (reference / page).read_text(encoding="utf-8").splitlines()
        if line.startswith("#")
    }
    names = {c.name for c in CATALOG.capabilities} | {f"{c.name}.{t.name}" for c, t in TOOLS}
    assert names | {d.table() for d in CATALOG.datasets} <= headings

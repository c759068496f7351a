"""Answers and decisions as text for a person at a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..kernel.dataset import Column
from ..kernel.money import shown
from ..runtime.call import Answer, plain
from ..runtime.decision import Decision

_UNLIMITED = 100_000
"""Columns of a page that is not a terminal: lines are as long as they need to be."""


def shown_answer(answer: Answer) -> str:
    """The answer as text: a table for a list of records, and below it what it rests on."""
    console = _console()
    with console.capture() as captured:
        for block in _blocks(answer.data):
            console.print(block)
        console.print(Text(_footer(answer), style="dim"))
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def shown_decision(decision: Decision) -> str:
    """A decision as text: what is to be done, with which arguments, for whom and why, and what became of it."""
    who = (
        f"the agent of {decision.agent}, for {decision.proposed_by}"
        if decision.agent
        else decision.proposed_by
    )
    given = [(name, value) for name, value in decision.arguments.items() if value is not None]
    lines = [
        decision.said(),
        f"  {decision.about}",
        *(
            f"  {name} = {json.dumps(value, ensure_ascii=False)}{_chosen(decision, name)}"
            for name, value in given
        ),
        f"  proposed by {who}" + (f": {decision.why}" if decision.why else ""),
    ]
    if decision.tenant_id is not None:
        lines.append(f"  for tenant {decision.tenant_id} alone")
    if decision.note:
        lines.append(f"  note: {decision.note}")
    if decision.state == "proposed":
        lines.append(f"  tenantry decide {decision.id} approve|reject")
    return "".join(f"{visible(line)}\n" for line in lines)


def visible(text: str) -> str:
    """Text in which no character can act on a terminal: control and formatting characters are written out."""
    return "\n".join(
        "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
        for line in text.split("\n")
    )


def cell(value: Any, column: Column | None = None) -> str:
    """A value as a person reads it: money grouped with two decimals, ratios as percentages, nothing as nothing."""
    unit = column.unit if column else ""
    match value:
        case None:
            text = ""
        case bool():
            text = "yes" if value else "no"
        case Decimal():
            text = shown(value)
        case float() if unit == "ratio":
            text = f"{value:.1%}"
        case float():
            text = f"{value:,.4g}"
        case int():
            text = f"{value:,}"
        case datetime():
            text = value.isoformat(" ", "seconds")
        case date():
            text = value.isoformat()
        case list() | tuple():
            text = ", ".join(cell(v) for v in value)
        case _:
            text = json.dumps(plain(value), ensure_ascii=False) if isinstance(value, dict) else str(value)
    return visible(text).replace("\n", "\\n")


def _chosen(decision: Decision, name: str) -> str:
    return "  (chosen by the agent: nobody typed it)" if name in decision.tainted else ""


def _console() -> Console:
    width = None if sys.stdout.isatty() else _UNLIMITED
    return Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)


def _blocks(data: Any) -> Iterable[Any]:
    """Tables for what a tool may return: records, one record, or plain values."""
    if isinstance(data, BaseModel):
        fields = type(data).model_fields
        inner = {n: v for n in fields if _is_records(v := getattr(data, n))}
        yield _record(data, [name for name in fields if name not in inner])
        for name, value in inner.items():
            yield Text(f"\n{_heading(name)}", style="bold")
            yield from _blocks(value)
    elif _is_records(data):
        yield _table(data)
    elif isinstance(data, list) and not data:
        yield Text("nothing")
    else:
        yield Text(cell(data))


def _is_records(value: Any) -> bool:
    return isinstance(value, BaseModel) or (
        isinstance(value, list) and bool(value) and all(isinstance(v, BaseModel) for v in value)
    )


def _table(records: Sequence[BaseModel]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    columns = _columns(type(records[0]))
    for name in columns:
        number = all(isinstance(getattr(r, name), Decimal | int | float | None) for r in records)
        table.add_column(
            _heading(name),
            justify="right" if number else "left",
            no_wrap=number or _is_time(records, name),
            overflow="fold",
        )
    for record in records:
        table.add_row(*(Text(cell(getattr(record, n), c)) for n, c in columns.items()))
    return table


def _record(record: BaseModel, names: Sequence[str]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    columns = _columns(type(record))
    for name in names:
        table.add_row(_heading(name), Text(cell(getattr(record, name), columns[name])))
    return table


def _columns(model: type[BaseModel]) -> dict[str, Column | None]:
    return {
        name: next((m for m in field.metadata if isinstance(m, Column)), None)
        for name, field in model.model_fields.items()
    }


def _is_time(records: Sequence[BaseModel], name: str) -> bool:
    return isinstance(getattr(records[0], name), date)


def _heading(name: str) -> str:
    return name.replace("_", " ")


def _footer(answer: Answer) -> str:
    """Which windows of which datasets, and how new they are."""
    windows = list(dict.fromkeys(w for e in answer.evidence for w in e.windows))
    read = ", ".join(f"{e.dataset} to {e.newest}" if e.newest else e.dataset for e in answer.evidence)
    return " · ".join(filter(None, [", ".join(windows), f"from {read}" if read else ""]))

"""The command `ask`: a question in plain words, answered from tools alone, with a language model or without."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from .cli import add_json, add_lake, print_document
from .doors import Doors

if TYPE_CHECKING:
    from ..kernel import Principal
    from ..runtime.agents.agency import Agency
    from ..runtime.asking.asking import Answering, AskAnswer, Listen
    from ..runtime.asking.compose import Table
    from ..runtime.plane import ControlPlane

_ROWS = 15
"""Rows of a table on a terminal; `--json` has all."""


def ask_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("question", nargs="+", metavar="QUESTION", help="in plain words")
    parser.add_argument(
        "--conversation", metavar="NAME", help="go on with the conversation of this name, or begin it"
    )
    add_lake(parser)
    add_json(parser)


def answering(plane: ControlPlane, agency: Agency | None) -> Answering:
    """What answers questions over a plane: its agents where there is a language model, else tools alone. Conversations
    are kept in its state store.
    """
    from ..runtime.asking.asking import Asking
    from ..runtime.asking.memory import Memory

    if agency is None:
        return Asking(plane.runtime, lambda: Memory(plane.state, plane.now)).answer

    def ask(
        question: str, principal: Principal, conversation: str | None, listen: Listen | None
    ) -> AskAnswer:
        def step(kind: str, name: str) -> None:
            if listen:
                listen("tool_start", {"step": kind, "tool": name})

        return agency.ask(question, principal, conversation, step)

    return ask


def ask(doors: Doors, arguments: argparse.Namespace) -> None:
    """Answers a question, asks back, or says what can be asked."""
    from ..runtime.asking.asking import Asking
    from ..runtime.call import LOCAL

    plane = doors.open_plane(arguments.lake)
    question, agency = " ".join(arguments.question), doors.open_agency(plane)
    if agency or arguments.conversation:
        answer = answering(plane, agency)(question, LOCAL, arguments.conversation, None)
    else:  # nothing is kept: a question needs no state store
        answer, _ = Asking(plane.runtime).ask(question)
    if arguments.json:
        print_document(answer.document())
    else:
        sys.stdout.write(shown(answer))


def shown(answer: AskAnswer) -> str:
    """An answer as text: the sentences, its tables, and the tools they are from."""
    from .tables import visible

    parts = [answer.text, *(_note(note) for note in answer.notes)]
    parts += [_table(table) for table in answer.tables if len(table.rows) > 1]
    if answer.trace:
        calls = dict.fromkeys(f"{call['capability']} {call['tool']}" for call in answer.trace)
        read = dict.fromkeys(e["dataset"] for call in answer.trace for e in call["evidence"])
        parts.append(f"from {', '.join(calls)} over {', '.join(read)}; --json has every figure's source")
    return visible("\n\n".join(parts)) + "\n"


def _note(note: str) -> str:
    return f"({note})"


def _table(table: Table) -> str:
    rows = [[cell["text"] for cell in row] for row in table.document()["rows"]]
    heads = list(table.columns)
    wide = [max(len(row[n]) for row in [heads, *rows[:_ROWS]]) for n in range(len(heads))]
    number = [
        any(cell["fact"] for row in table.document()["rows"] for cell in row[n : n + 1])
        for n in range(len(heads))
    ]
    lines = [
        "  ".join(
            text.rjust(w) if right else text.ljust(w)
            for text, w, right in zip(row, wide, number, strict=True)
        ).rstrip()
        for row in [heads, *rows[:_ROWS]]
    ]
    more = [f"... {len(rows) - _ROWS} more"] if len(rows) > _ROWS else []
    return "\n".join([table.title, *lines, *more])

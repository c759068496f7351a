"""The command `ask`: a question in plain words, answered from tools alone, with a language model or without."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from .cli import add_json, add_lake, print_document
from .doors import Doors

if TYPE_CHECKING:
    from ..runtime.asking.asking import AskAnswer
    from ..runtime.asking.compose import Table

_ROWS = 15
"""Rows of a table on a terminal; `--json` has all."""


def ask_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("question", nargs="+", metavar="QUESTION", help="in plain words")
    parser.add_argument(
        "--conversation", metavar="NAME", help="go on with the conversation of this name, or begin it"
    )
    add_lake(parser)
    add_json(parser)


def ask(doors: Doors, arguments: argparse.Namespace) -> None:
    """Answers a question, asks back, or says what can be asked."""
    question, asking = " ".join(arguments.question), doors.open_asking(doors.open_plane(arguments.lake))
    if arguments.conversation or doors.settings().agent.model:
        answer = asking.answer(question, conversation_id=arguments.conversation)
    else:  # needs no state store
        answer, _ = asking.ask(question)
    if arguments.json:
        print_document(answer.document())
    else:
        sys.stdout.write(shown(answer))


def shown(answer: AskAnswer) -> str:
    """An answer as text: the sentences, its tables, and the tools they are from."""
    from .tables import shown_decision, visible

    parts = [answer.text, *(_note(note) for note in answer.notes)]
    parts += [_table(table) for table in answer.tables if len(table.rows) > 1]
    if answer.trace:
        calls = dict.fromkeys(f"{call['capability']} {call['tool']}" for call in answer.trace)
        read = dict.fromkeys(e["dataset"] for call in answer.trace for e in call["evidence"])
        parts.append(f"from {', '.join(calls)} over {', '.join(read)}; --json has every figure's source")
    text = visible("\n\n".join(parts)) + "\n"
    return "\n".join([text, *map(shown_decision, answer.decisions)])


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

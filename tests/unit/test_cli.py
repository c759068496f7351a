"""The command line over a catalog of one made-up capability: no data is needed to see how it speaks."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from tenantry.app import main
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.errors import PROTOCOLS, Kind, TenantryError
from tenantry.gateways.cli import Command, build_parser, run
from tenantry.gateways.tables import cell, shown_answer, visible
from tenantry.kernel import Capability, Catalog, Context, Window, tool
from tenantry.kernel.dataset import Column, Day, Dimension, Money, Ratio, Role
from tenantry.kernel.money import Basis
from tenantry.runtime.call import Answer, Runtime

HOSTILE = "[red]a\x1b[2Jb\u202ec[/red]\n'); DROP TABLE x;--"


class Line(BaseModel):
    name: Dimension
    currency: Dimension
    cost: Money
    share: Ratio
    day: Day


@tool(window="2026-03", top=2)
def echo(
    ctx: Context,
    window: Window,
    top: Annotated[int, Field(ge=1, description="how many, not 100%")] = 10,
    basis: Basis = Basis.EFFECTIVE,
    order: Literal["up", "down"] = "up",
    name: str | None = None,
    *,
    wide: bool = False,
) -> list[Line]:
    """Lines made of its own arguments.

    And a second paragraph.
    """
    line = Line(name=name or basis, currency="USD", cost=Decimal("1234567.891"), share=0.5, day=window.start)
    return [line] * (top if wide else 1)


@tool()
def fail(ctx: Context, kind: Kind) -> list[Line]:
    """Raises an error of a kind."""
    raise TenantryError(kind, f"it was {kind}\x1b[2J", "do something else")


CAPABILITY = Capability(
    name="say_it",
    question="Does it say what it is given?",
    datasets=(),
    tools=(echo, fail),
    examples=("What did I say?",),
    instructions="# Say it\n\nThe page.\n",
)

Say = Callable[[str], int]


@pytest.fixture
def say(tmp_path: Path) -> Say:
    catalog = Catalog((CAPABILITY,), (), ())
    engine = DuckDB(Lake(tmp_path), memory_limit="100MB")
    runtime = Runtime(engine, catalog, lambda: datetime(2026, 7, 1, tzinfo=UTC), lambda _: {})
    bug = Command("bug", "fails", lambda _: None, lambda _: 1 // 0)
    three = Command("three", "returns 3", _takes_x, lambda a: 3 if a.x is None else 0)
    stop = Command("stop", "is interrupted", lambda _: None, _interrupted)
    parser = build_parser(catalog, (bug, three, stop), lambda _: runtime, "9.9")
    return lambda line: run(parser, line.split())


def test_a_capability_that_is_not_asked_for_is_listed_without_its_tools(capsys: pytest.CaptureFixture[str]):
    parser = build_parser(
        Catalog((CAPABILITY,), (), ()), (), lambda _: pytest.fail("opened"), words=["--help"]
    )
    assert run(parser, ["--help"]) == 0
    assert "say-it" in capsys.readouterr().out
    assert run(parser, ["say-it", "echo"]) == 2


def _takes_x(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--x")


def _interrupted(_: argparse.Namespace) -> int:
    raise KeyboardInterrupt


def test_a_tool_is_a_command_whose_answer_is_a_table(say: Say, capsys: pytest.CaptureFixture[str]):
    assert say("say-it echo --window 2026-03 --basis list") == 0
    out = capsys.readouterr().out
    assert out.split()[:5] == ["name", "currency", "cost", "share", "day"]
    assert "list   USD        1,234,567.89   50.0%   2026-03-01" in out


def test_a_tool_goes_by_the_name_that_hints_and_other_doors_say(say: Say, capsys: pytest.CaptureFixture[str]):
    assert say("say_it echo --window 2026-03 --basis list") == 0
    assert "1,234,567.89" in capsys.readouterr().out
    assert say("--help") == 0
    assert "say_it" not in capsys.readouterr().out


def test_json_is_the_answers_document_with_sorted_keys(say: Say, capsys: pytest.CaptureFixture[str]):
    assert say("say-it echo --window 2026-03 --top 2 --wide --json") == 0
    out = capsys.readouterr().out
    document = json.loads(out)
    assert out == json.dumps(document, indent=2, sort_keys=True) + "\n"
    line = {"name": "effective", "currency": "USD", "cost": "1234567.891", "share": 0.5, "day": "2026-03-01"}
    assert document == {
        "capability": "say_it",
        "tool": "echo",
        "arguments": {"window": "2026-03-01..2026-04-01", "top": 2, "basis": "effective", "order": "up",
                      "name": None, "wide": True},
        "as_of": "2026-07-01T00:00:00Z",
        "data": [line, line],
        "evidence": [],
    }  # fmt: skip


def test_all_bad_arguments_are_told_at_once(say: Say, capsys: pytest.CaptureFixture[str]):
    assert say("say-it echo --window soon --top 0 --basis net") == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("error: echo: window: 'soon' is not a window")
    assert all(name in err for name in ("top: ", "basis: ", "hint: "))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("say-it echo", "required: --window"),
        ("say-it ecko", "invalid choice: 'ecko'"),
        ("sayit", "invalid choice: 'sayit'"),
        ("say-it echo --window 2026-03 --tops 3", "unrecognized arguments: --tops"),
        ("say-it echo --win 2026-03", "required: --window"),
    ],
)
def test_a_mistyped_command_is_invalid_and_names_the_help(
    say: Say, capsys: pytest.CaptureFixture[str], line: str, said: str
):
    assert say(line) == 2
    _, err = capsys.readouterr()
    assert said in err
    assert "--help" in err


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_error_has_its_exit_code_and_problem_document(
    say: Say, capsys: pytest.CaptureFixture[str], kind: Kind
):
    status, code, _ = PROTOCOLS[kind]
    assert say(f"say-it fail --kind {kind} --json") == code
    out, err = capsys.readouterr()
    assert not out
    assert "\x1b" not in err
    assert json.loads(err) == {
        "type": f"/errors/{kind}",
        "title": kind.replace("_", " "),
        "status": status,
        "detail": f"it was {kind}\x1b[2J",
        "hint": "do something else",
    }
    assert say(f"say-it fail --kind {kind}") == code
    assert capsys.readouterr().err == f"error: it was {kind}\\x1b[2J\nhint: do something else\n"


def test_a_bug_is_told_without_a_stack_trace(
    say: Say, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    assert say("bug") == 1
    err = capsys.readouterr().err
    assert "ZeroDivisionError" in err
    assert "report" in err
    assert "Traceback" not in err
    monkeypatch.setenv("TENANTRY_DEBUG", "1")
    assert say("bug") == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_command_returns_its_own_code(say: Say):
    assert say("three") == 3
    assert say("three --x 1") == 0
    assert say("stop") == 130


def test_help_comes_from_the_declaration(say: Say, capsys: pytest.CaptureFixture[str]):
    assert say("--help") == 0
    assert "Does it say what it is given?" in capsys.readouterr().out
    assert say("say-it echo --help") == 0
    out = capsys.readouterr().out
    assert "And a second paragraph." in out
    assert "how many, not 100% (default: 10)" in out
    assert "{billed,effective,list,contracted}" in out
    assert "--order {up,down}" in out
    assert "--wide, --no-wide" in out
    assert "--lake DIR" in out
    assert "tenantry say-it echo --window 2026-03 --top 2" in out


def test_about_prints_the_page(say: Say, capsys: pytest.CaptureFixture[str]):
    for line in ("say-it --about", "say-it echo --about"):
        assert say(line) == 0
        assert capsys.readouterr().out == "# Say it\n\nThe page.\n"


def test_an_incomplete_command_shows_its_help_and_fails(say: Say, capsys: pytest.CaptureFixture[str]):
    for line in ("", "say-it"):
        assert say(line) == 2
        assert "usage: tenantry" in capsys.readouterr().err


def test_version(say: Say, capsys: pytest.CaptureFixture[str]):
    assert say("--version") == 0
    assert capsys.readouterr().out == "tenantry 9.9\n"


def answer(data: object) -> Answer:
    return Answer("c", "t", {}, data, (), datetime(2026, 7, 1, tzinfo=UTC))


def test_a_hostile_name_is_shown_and_does_nothing():
    line = Line(name=HOSTILE, currency="USD", cost=Decimal("-0.5"), share=None, day=date(2026, 3, 1))
    text = shown_answer(answer([line]))
    assert "[red]a\\x1b[2Jb\\u202ec[/red]\\n'); DROP TABLE x;--" in text
    assert all(c.isprintable() or c == "\n" for c in text)


def test_one_record_is_shown_field_by_field_with_its_lists_as_tables():
    class Inner(BaseModel):
        pool: Dimension

    class Record(BaseModel):
        reconciles: bool
        lines: list[Inner]
        none: list[Inner]

    text = shown_answer(answer(Record(reconciles=True, lines=[Inner(pool="Compute")], none=[])))
    assert [line.split() for line in text.splitlines() if line.strip()] == [
        ["reconciles", "yes"], ["none"], ["lines"], ["pool"], ["─" * 7], ["Compute"],
    ]  # fmt: skip


def test_no_rows_are_said_to_be_none():
    assert shown_answer(answer([])).splitlines()[0] == "nothing"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (Decimal("1234.5"), "1,234.50"),
        (Decimal("0.0000123"), "0.000012"),
        (12345, "12,345"),
        (date(2026, 3, 1), "2026-03-01"),
        (["a", "b\x07"], "a, b\\x07"),
    ],
)
def test_cells_read_well(value: object, text: str):
    assert cell(value) == text


def test_ratios_are_percentages():
    assert cell(0.1234, Column(Role.MEASURE, "DOUBLE", "ratio")) == "12.3%"


def test_visible_keeps_lines_and_letters():
    assert visible("Ünï\n漢字 \x9b") == "Ünï\n漢字 \\x9b"


SCRIPT = """
import sys
from tenantry.gateways.cli import Command, build_parser, run
from tenantry.kernel import Catalog
def flood(_):
    for _ in range(200_000):
        print("line \\u2500 of text")
parser = build_parser(Catalog((), (), ()), (Command("flood", "", lambda _: None, flood),), lambda _: None)
sys.exit(run(parser, ["flood"]))
"""


def test_a_reader_that_leaves_early_sees_no_stack_trace():
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait() == 141
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_a_terminal_without_unicode_shows_escapes():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, check=True)
    assert done.stdout.startswith(b"line \\u2500 of text\n")


def test_help_needs_nothing_heavy():
    script = (
        "import sys; from tenantry.app import main; main(['--help']);"
        "print({'duckdb', 'deltalake', 'pyarrow', 'numpy', 'pydantic_ai', 'rich', 'sqlglot'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize(("said", "threads"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3")])
def test_products_of_matrices_take_one_thread_unless_somebody_says_otherwise(
    said: dict[str, str], threads: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "environ", {**os.environ, **said})
    if not said:
        del os.environ["OPENBLAS_NUM_THREADS"]
    main(["--version"])
    assert os.environ["OPENBLAS_NUM_THREADS"] == threads

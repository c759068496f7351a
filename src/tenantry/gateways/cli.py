"""The command line, derived from the catalog: `tenantry CAPABILITY TOOL --flags`.

Imports nothing heavy: engines and tables are imported by the command that needs them.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shlex
import sys
import traceback
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Union, get_args, get_origin

from ..errors import Kind, TenantryError, invalid
from ..kernel import Capability, Catalog, Effect, Tool, Window

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from ..runtime.call import Runtime

INTERRUPTED = 130
"""The shell's code for a process ended by Ctrl-C."""
_PIPE_CLOSED = 141
_TOOL = "tool."


@dataclass(frozen=True)
class Command:
    """A command that is no tool: `run` gets the parsed arguments and returns the exit code, None being 0."""

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int | None]


OpenRuntime = Callable[[argparse.Namespace], "Runtime"]


class Parser(argparse.ArgumentParser):
    """argparse whose errors are `TenantryError`, so that they look and count like all others."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*args, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        raise invalid(message, f"see `{self.prog} --help`")


def add_lake(parser: argparse.ArgumentParser) -> None:
    """`--lake`, for every command that reads or writes data."""
    parser.add_argument(
        "--lake",
        metavar="DIR",
        help="where the tables are (default: the one of tenantry.toml, else ./.tenantry)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`, for every command that answers."""
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")


def print_document(document: Any) -> None:
    """One stable JSON document: sorted keys, plain ASCII, whatever the data holds."""
    print(json.dumps(document, indent=2, sort_keys=True))


def build_parser(
    catalog: Catalog,
    commands: Sequence[Command],
    open_runtime: OpenRuntime,
    version: str = "",
    words: Collection[str] | None = None,
) -> Parser:
    """The whole command line: the given commands, and a group of commands for each capability.

    With the `words` to be parsed, capabilities that are not among them are only listed: tools take time to set up.
    """
    parser = Parser(
        prog="tenantry",
        description="What every tenant of a multi-tenant SaaS costs, earns and uses, exact to the cloud bill.",
        epilog="Each command explains itself: tenantry COMMAND --help",
    )
    parser.add_argument("--version", action="version", version=f"tenantry {version}")
    parser.set_defaults(run=_helper(parser))
    group = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in commands:
        one = group.add_parser(command.name, help=_help(command.help), description=command.help)
        command.add_arguments(one)
        one.set_defaults(run=command.run)
    for capability in catalog.capabilities:
        name = capability.name.replace("_", "-")
        if words is None or {name, capability.name} & {*words}:
            _add_capability(group, name, capability, open_runtime)
        else:
            group.add_parser(name, help=_help(capability.question))
    return parser


def run(parser: Parser, words: Sequence[str]) -> int:
    """Run a command line and return its exit code. Errors go to stderr, as a problem document with `--json`."""
    as_json = "--json" in words
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal cannot show is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(parser, words)
    except TenantryError as problem:
        return _tell(problem, as_json=as_json)
    except BrokenPipeError:
        # The reader of our output left, as `head` does. Nothing may be written to the pipe again, also not at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as bug:  # noqa: BLE001 - the last line of defence: a user never sees a stack trace
        return _tell(_as_problem(bug), as_json=as_json)


def _run(parser: Parser, words: Sequence[str]) -> int:
    try:
        arguments = parser.parse_args(words)
        code = arguments.run(arguments) or 0
    except SystemExit as done:  # --help and --version
        code = int(done.code or 0)
    sys.stdout.flush()
    return code


def _add_capability(group: Any, name: str, capability: Capability, open_runtime: OpenRuntime) -> None:
    examples = "".join(f"\n  {example}" for example in capability.examples)
    parser = group.add_parser(
        name,
        help=_help(capability.question),
        description=capability.question,
        epilog=f"questions it answers:{examples}",
    )
    parser.add_argument(
        "--about", action=_About, page=capability.instructions, help="how to read the answers"
    )
    parser.set_defaults(run=_helper(parser))
    tools = parser.add_subparsers(title="tools", metavar="TOOL")
    # By the names that hints, REST and MCP know them by, too.
    group.choices[capability.name] = parser
    for tool in capability.tools:
        _add_tool(tools, capability, tool, open_runtime)


def _add_tool(group: Any, capability: Capability, tool: Tool, open_runtime: OpenRuntime) -> None:
    first, _, _ = tool.doc.partition("\n")
    parser = group.add_parser(
        tool.name.replace("_", "-"),
        help=_help(first),
        description=tool.doc,
        epilog=f"example:\n  {example_of(capability, tool)}",
    )
    group.choices[tool.name] = parser
    for name, parameter in tool.parameters.model_fields.items():
        _add_flag(parser, name, parameter)
    parser.add_argument("--about", action=_About, page=capability.instructions, help="how to read the answer")
    add_lake(parser)
    add_json(parser)
    if tool.effect is Effect.ACT:
        saying = parser.add_mutually_exclusive_group()
        saying.add_argument("--yes", action="store_true", help="say yes: do it without asking")
        saying.add_argument(
            "--propose", nargs="?", const="", metavar="WHY", help="leave it to a person: `tenantry decisions`"
        )

    def call(arguments: argparse.Namespace) -> None:
        given = {k.removeprefix(_TOOL): v for k, v in vars(arguments).items() if k.startswith(_TOOL)}
        given |= {
            n: _content(v) for n, v in given.items() if _is_text_of_a_file(tool.parameters.model_fields[n])
        }
        if tool.effect is Effect.ACT and arguments.propose is not None:
            _propose(open_runtime(arguments), capability, tool, given, arguments)
            return
        approved = tool.effect is Effect.ACT and (arguments.yes or _agrees(parser.prog, given))
        answer = open_runtime(arguments).call(capability.name, tool.name, given, approved=approved)
        if arguments.json:
            print_document(answer.document())
        else:
            from .tables import shown_answer

            sys.stdout.write(shown_answer(answer))

    parser.set_defaults(run=call)


def _propose(
    runtime: Runtime,
    capability: Capability,
    tool: Tool,
    given: Mapping[str, Any],
    arguments: argparse.Namespace,
) -> None:
    from ..runtime.call import LOCAL
    from ..runtime.decisions import Decisions
    from .tables import shown_decision

    waits = Decisions(runtime).propose(capability.name, tool.name, given, LOCAL, arguments.propose)
    if arguments.json:
        print_document(waits.model_dump(mode="json"))
    else:
        sys.stdout.write(shown_decision(waits))


def example_of(capability: Capability, tool: Tool) -> str:
    """The tool's example as a command line."""
    flags = [
        word for name, value in tool.example.items() for word in (f"--{name.replace('_', '-')}", str(value))
    ]
    return shlex.join(["tenantry", capability.name.replace("_", "-"), tool.name.replace("_", "-"), *flags])


def _add_flag(parser: argparse.ArgumentParser, name: str, parameter: FieldInfo) -> None:
    """A flag for a parameter. Values stay text here: the tool's own contract reads them, the same for every gateway."""
    kind = _without_none(parameter.annotation)
    default = (
        "" if parameter.is_required() or parameter.default is None else f" (default: {parameter.default})"
    )
    from_file = "; @FILE: that file's text, @-: what comes in" if _is_text_of_a_file(parameter) else ""
    text = _help((parameter.description or "") + default + from_file)
    flag = f"--{name.replace('_', '-')}"
    dest = _TOOL + name
    if kind is bool:
        parser.add_argument(
            flag, dest=dest, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text
        )
        return
    parser.add_argument(
        flag,
        dest=dest,
        metavar=_metavar(kind, name),
        required=parameter.is_required(),
        default=argparse.SUPPRESS,
        help=text,
    )


def _is_text_of_a_file(parameter: FieldInfo) -> bool:
    """Whether JSON Schema's `contentMediaType` says that the text is what a file of some kind holds."""
    extra = parameter.json_schema_extra
    return isinstance(extra, dict) and "contentMediaType" in extra


def _agrees(command: str, given: Mapping[str, Any]) -> bool:
    """Whether the person at the terminal says yes. Without a terminal there is nobody to ask."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    what = ", ".join(f"{name} = {value!r}" for name, value in given.items())
    print(
        f"{command} acts, with {what or 'no arguments'}. Do it? [y/N] ", end="", file=sys.stderr, flush=True
    )
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _content(value: str) -> str:
    """The value, or, as curl has it, of `@FILE` the file's text. Raises `not_found` or `invalid`."""
    if not value.startswith("@"):
        return value
    path = value.removeprefix("@")
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except OSError as problem:
        raise TenantryError(Kind.NOT_FOUND, f"{path}: {problem.strerror}", "check the file's name") from None
    except UnicodeDecodeError:
        raise invalid(f"{path} is not UTF-8 text", "save it as UTF-8") from None


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in (Union, types.UnionType):
        return next(k for k in get_args(kind) if k is not type(None))
    return kind


def _metavar(kind: Any, name: str) -> str:
    if get_origin(kind) is Literal:
        return "{" + ",".join(map(str, get_args(kind))) + "}"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "{" + ",".join(str(member.value) for member in kind) + "}"
    return {Window: "WINDOW", int: "N", float: "X"}.get(kind, name.upper())


class _About(argparse.Action):
    """Prints a capability's page and ends, as `--help` does."""

    def __init__(self, option_strings: Sequence[str], dest: str, page: str, help: str) -> None:  # noqa: A002
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=help)
        self.page = page

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(self.page.rstrip())
        parser.exit()


def _helper(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """What a command does that lacks the next word: shows its help, and fails as any incomplete command."""

    def show_help(_: argparse.Namespace) -> int:
        parser.print_help(sys.stderr)
        return TenantryError(Kind.INVALID, "").exit_code

    return show_help


def _help(text: str) -> str:
    return text.replace("%", "%%")


def _as_problem(bug: Exception) -> TenantryError:
    if os.environ.get("TENANTRY_DEBUG") == "1":
        traceback.print_exception(bug)
    return TenantryError(
        Kind.INTERNAL,
        f"a bug in Tenantry: {type(bug).__name__}: {bug}",
        "please report it with the command you ran (CONTRIBUTING.md says where); TENANTRY_DEBUG=1 shows more",
    )


def _tell(problem: TenantryError, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps(problem.problem(), indent=2, sort_keys=True, default=str), file=sys.stderr)
        return problem.exit_code
    from .tables import visible

    print(f"error: {visible(problem.message)}", file=sys.stderr)
    if problem.hint:
        print(f"hint: {visible(problem.hint)}", file=sys.stderr)
    return problem.exit_code

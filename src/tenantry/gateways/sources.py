"""The commands about sources and external servers: which there are, what they offer, whether they answer."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import invalid, unknown
from ..kernel import RemoteSource
from ..kernel.text import shown
from .cli import Command, add_json, print_document
from .doors import Doors


def source_commands(doors: Doors) -> tuple[Command, ...]:
    return (
        Command("sources", "Configured sources and external MCP servers: list, look at, allow and try them.",
                _arguments, lambda a: _ACTIONS[a.action](doors, a)),
    )  # fmt: skip


def _arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    for name, text, what in (
        ("list", "The configured sources and servers.", ""),
        ("tools", "What an external server offers, and what of it may be called.", "SERVER"),
        (
            "allow",
            "Allow the listed tools of a server as it offers them now; another form of them is refused.",
            "SERVER",
        ),
        ("test", "Fetch what a source would land, and land nothing.", "SOURCE"),
    ):
        one = actions.add_parser(name, help=text, description=text)
        if what:
            one.add_argument("name", metavar=what, help="its name in tenantry.toml")
        add_json(one)


def _list(doors: Doors, arguments: argparse.Namespace) -> None:
    sources = [{"source": name, "kind": one.kind} for name, one in doors.sources().items()]
    servers = [
        {"server": name, "reached": one.command or one.url, "tools": sorted(one.tools)}
        for name, one in doors.servers().known.items()
    ]
    if arguments.json:
        print_document({"sources": sources, "servers": servers})
        return
    for source in sources:
        print(f"source  {source['source']:16} {source['kind']}")
    for server in servers:
        print(
            f"server  {server['server']:16} {server['reached']}: {', '.join(server['tools']) or 'no tools'}"
        )
    if not sources and not servers:
        print("none; `tenantry init` writes an example")


def _tools(doors: Doors, arguments: argparse.Namespace) -> None:
    _print_tools(doors.servers().look(arguments.name), as_json=arguments.json)


def _allow(doors: Doors, arguments: argparse.Namespace) -> None:
    _print_tools(doors.servers().allow(arguments.name), as_json=arguments.json)


def _print_tools(tools: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_document({"tools": tools})
        return
    for tool in tools:
        print(f"{shown(tool['tool']):40} {tool['effect'] or '-':8} {tool['state']:16} {tool['sha256'][:12]}")


def _test(doors: Doors, arguments: argparse.Namespace) -> None:
    from ..runtime.ingest import fetched_from

    sources = doors.sources()
    source = sources.get(arguments.name)
    if source is None:
        raise unknown("source", arguments.name, sources, f"there are: {', '.join(sources) or 'none'}")
    if not isinstance(source, RemoteSource):
        raise invalid(f"{arguments.name} reads files", "`tenantry check` sees whether they are there")
    with fetched_from(source) as folder:
        files = {
            file.name: sum(1 for line in file.open(encoding="utf-8") if line.strip())
            for file in (sorted(Path(folder).iterdir()) if folder else ())
        }
    if arguments.json:
        print_document({"source": arguments.name, "rows": files})
        return
    for name, rows in files.items():
        print(f"{name:32} {rows:,} rows")
    if not files:
        print("it answers, and holds nothing")


_ACTIONS = {"list": _list, "tools": _tools, "allow": _allow, "test": _test}

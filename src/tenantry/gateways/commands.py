"""The commands that are no tools: profile, demo, land, build and their kin."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import Kind, TenantryError, invalid
from ..kernel import Window
from .administer import audit, audit_arguments, token, token_arguments
from .ask import ask, ask_arguments
from .cli import Command, add_json, add_lake, print_document
from .decisions import decision_commands
from .doors import Doors
from .jobs import job_commands
from .sources import source_commands

if TYPE_CHECKING:
    from ..runtime.call import Answer
    from ..runtime.ingest import Progress
    from ..runtime.plane import ControlPlane


def commands(doors: Doors) -> tuple[Command, ...]:
    """All commands that stand beside the capabilities, in the order help shows them."""
    return (
        Command("profile", "What do these files say? Lands, builds and reports, without configuration.",
                _profile_arguments, lambda a: _profile(doors, a)),
        Command("demo", "A made-up vendor with known answers: 14 months of all inputs, loaded and shown.",
                _demo_arguments, lambda a: _demo(doors, a)),
        Command("serve", "Serve REST, MCP and the live intake on one port.", _serve_arguments,
                lambda a: _serve(doors, a)),
        Command("init", "Write a commented tenantry.toml.", _init_arguments, _init),
        Command("check", "Look for problems in settings, sources, contracts and conservation; all at once.",
                _answering, lambda a: _check(doors, a)),
        Command("land", "Land configured sources.", _land_arguments, lambda a: _land(doors, a)),
        Command("build", "Build derived datasets, only what changed.", _build_arguments, lambda a: _build(doors, a)),
        Command("publish", "Bring the Parquet folders and PostgreSQL tables of [publish] up to date with the lake.",
                _answering, lambda a: _publish(doors, a)),
        Command("run", "Run a capability's scheduled job now: land, build, and show its first answer.",
                _run_arguments, lambda a: _run(doors, a)),
        *source_commands(doors),
        *job_commands(doors),
        *decision_commands(doors),
        Command("ask", "Ask in plain words: answered from tools alone, each figure with its source; no key needed.",
                ask_arguments, lambda a: ask(doors, a)),
        Command("export", "Write a dataset as a table.", _export_arguments, lambda a: _export(doors, a)),
        Command("certificate", "The reconciliation certificate; exit code 3 if anything does not reconcile.",
                _window_arguments, lambda a: _certificate(doors, a)),
        Command("mcp", "Serve the tools to the MCP client that starts this command (stdio).",
                add_lake, lambda a: _mcp(doors, a)),
        Command("explain", "From one tenant's figure down to bill rows, driver, rule and rung.",
                _explain_arguments, lambda a: _explain(doors, a)),
        Command("token", "Who may ask over HTTP: make, list and revoke API tokens.",
                token_arguments, lambda a: token(doors, a)),
        Command("audit", "What was done and refused, by whom; with --verify, proof that nobody changed the record.",
                audit_arguments, lambda a: audit(doors, a)),
    )  # fmt: skip


def _answering(parser: argparse.ArgumentParser) -> None:
    add_lake(parser)
    add_json(parser)


def _profile_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, folder or glob")
    _answering(parser)


def _profile(doors: Doors, arguments: argparse.Namespace) -> int:
    plane = doors.open_plane(arguments.lake)
    # Without a lake of their own, these files are the whole question: an earlier answer must not mix in.
    own = arguments.lake is not None or Path("tenantry.toml").exists()
    with nullcontext() if own else plane.alone(), _progress(as_json=arguments.json) as tell:
        ingested = plane.ingest(arguments.paths, tell)
        if not plane.runtime.rows_held("charges"):
            raise invalid(
                "no bill among these files: " + ", ".join(sorted({d.source for d in ingested.deliveries})),
                "add a bill: FOCUS, CUR 2.0 or legacy CUR, as CSV, gzip or Parquet",
            )
        plane.build((), tell)
    return _show_profile(plane, ingested, as_json=arguments.json)


def _show_profile(
    plane: ControlPlane, ingested: Any, *, as_json: bool, extra: Mapping[str, Any] | None = None
) -> int:
    from rich.console import Console

    from .profile import profile
    from .report import print_profile

    document = {**profile(plane.runtime, ingested), **(extra or {})}
    if as_json:
        print_document(document)
    else:
        console = Console(highlight=False)
        if not console.is_terminal:
            console = Console(highlight=False, width=140)
        print_profile(console, document)
    return 0 if document["certificate"]["reconciles"] else TenantryError(Kind.BROKEN_CONTRACT, "").exit_code


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-serve", action="store_true", help="show the report and end")
    parser.add_argument("--months", type=int, default=14, metavar="N", help="months of history (default: 14)")
    parser.add_argument("--tenants", type=int, default=240, metavar="N", help="tenants (default: 240)")
    parser.add_argument(
        "--vendor", metavar="DIR", help="where the vendor's files go (default: `vendor` in the lake)"
    )
    _answering(parser)


def _demo(doors: Doors, arguments: argparse.Namespace) -> int:
    from .demo import load_demo

    with _progress(as_json=arguments.json) as tell:
        plane, ingested, accuracy = load_demo(
            doors, arguments.lake, arguments.vendor, arguments.months, arguments.tenants, tell
        )
    code = _show_profile(plane, ingested, as_json=arguments.json, extra={"accuracy": accuracy})
    if not arguments.no_serve:
        doors.serve(arguments.lake, "127.0.0.1:8080")
    return code


def _serve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--bind",
        metavar="HOST:PORT",
        default="127.0.0.1:8080",
        help="where to listen (default: 127.0.0.1:8080)",
    )
    add_lake(parser)


def _serve(doors: Doors, arguments: argparse.Namespace) -> None:
    doors.serve(arguments.lake, arguments.bind)


def _init_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", nargs="?", default=".", metavar="DIR", help="where to write it (default: here)"
    )


def _init(arguments: argparse.Namespace) -> None:
    from importlib.resources import files

    target = Path(arguments.folder) / "tenantry.toml"
    if target.exists():
        raise invalid(f"{target} exists", "move it away first; nothing was written")
    text = (files("tenantry") / "tenantry.example.toml").read_text(encoding="utf-8")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise TenantryError(
            Kind.UNAVAILABLE, f"{target}: {problem.strerror}", "check the folder"
        ) from problem
    print(f"wrote {target}")


def _check(doors: Doors, arguments: argparse.Namespace) -> int:
    problems: list[str] = []
    for what, look in (
        ("settings", doors.settings),
        ("sources", lambda: _reachable(doors)),
        ("lake", lambda: _sound(doors, arguments.lake)),
    ):
        try:
            look()
        except TenantryError as problem:
            problems.append(f"{what}: {problem.message}")
    if arguments.json:
        print_document({"problems": problems})
    else:
        print("\n".join(problems) or "no problems found")
    return TenantryError(Kind.INVALID, "").exit_code if problems else 0


def _reachable(doors: Doors) -> None:
    from ..engine.files import find

    unreachable = []
    for name, source in doors.sources().items():
        try:
            find([source.path])
        except TenantryError as problem:
            unreachable.append(f"{name}: {problem.message}")
    if unreachable:
        raise invalid("; ".join(unreachable), "mend the paths in tenantry.toml")


def _sound(doors: Doors, lake: str | None) -> None:
    plane = doors.open_plane(lake)
    if not plane.runtime.rows_held("charges"):
        return
    certificate = plane.runtime.call("reconciliation", "certificate", {}).data
    if not certificate.reconciles:
        raise TenantryError(
            Kind.BROKEN_CONTRACT, "the bill and the tenants do not reconcile", "tenantry certificate"
        )


def _land_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help="names in tenantry.toml (default: all)")
    _answering(parser)


def _land(doors: Doors, arguments: argparse.Namespace) -> None:
    from ..runtime.ingest import named_sources

    wanted = named_sources(doors.sources(), arguments.sources)
    with _progress(as_json=arguments.json) as tell:
        ingested = doors.open_plane(arguments.lake).pull(wanted, tell)
    document = ingested.document()
    if arguments.json:
        print_document(document)
    else:
        print(
            f"{document['rows']:,} rows: {document['accepted']:,} accepted, "
            f"{document['quarantined']:,} quarantined, {document['left_out']:,} left out"
        )
        for problem in document["problems"]:
            print(f"not read: {problem}")
    ingested.must_be_whole()


def _build_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "datasets", nargs="*", metavar="DATASET", help="these and what they read (default: all)"
    )
    _answering(parser)


def _build(doors: Doors, arguments: argparse.Namespace) -> None:
    with _progress(as_json=arguments.json) as tell:
        built = doors.open_plane(arguments.lake).build(arguments.datasets, tell)
    if arguments.json:
        print_document({"built": [vars(b) for b in built]})
        return
    for one in built:
        print(
            f"{one.dataset:16} {f'{one.days:,} partitions, {one.rows:,} rows' if one.days else 'unchanged'}"
        )


def _publish(doors: Doors, arguments: argparse.Namespace) -> None:
    published = doors.open_plane(arguments.lake).publish()
    if arguments.json:
        print_document({"published": [vars(one) for one in published]})
        return
    if not published:
        raise invalid("tenantry.toml names no place to publish to", "set publish.folder or publish.url")
    for one in published:
        done = f"{one.partitions:,} partitions, {one.rows:,} rows" if one.partitions else "unchanged"
        print(f"{one.dataset:16} {done:32} {one.place}")


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("capabilities", nargs="*", metavar="CAPABILITY", help="default: all")
    _answering(parser)


def _run(doors: Doors, arguments: argparse.Namespace) -> None:
    from ..runtime.kinds import NO_ANSWER_YET
    from .tables import shown_answer

    plane = doors.open_plane(arguments.lake)
    names = arguments.capabilities or [c.name for c in plane.catalog.capabilities if not c.outward]
    chosen = [plane.catalog.capability(name) for name in names]
    with _progress(as_json=arguments.json) as tell:
        configured = doors.sources()
        ingested = plane.pull(configured, tell) if configured else None
        plane.build((), tell)
    answers: list[Answer] = []
    without: list[dict[str, str]] = []
    for capability in chosen:
        try:
            tool = capability.run or capability.tools[0]
            answers.append(plane.runtime.call(capability.name, tool.name, {}))
        except TenantryError as problem:
            if arguments.capabilities or problem.kind not in NO_ANSWER_YET:
                raise
            without.append({"capability": capability.name, "detail": problem.message, "hint": problem.hint})
    if arguments.json:
        print_document({"answers": [answer.document() for answer in answers], "no_answer_yet": without})
    else:
        for answer in answers:
            print(shown_answer(answer))
        for one in without:
            print(f"no answer yet from {one['capability']}: {one['detail']} ({one['hint']})")
    if ingested:
        ingested.must_be_whole()


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET")
    parser.add_argument(
        "--window", metavar="WINDOW", help="START..END, end exclusive, or YYYY-MM (default: all)"
    )
    parser.add_argument("--format", choices=("csv", "parquet", "json", "focus"), default="csv")
    parser.add_argument("-o", "--output", metavar="FILE", help="default: standard output")
    add_lake(parser)


def _export(doors: Doors, arguments: argparse.Namespace) -> None:
    from .export import export

    window = Window.parse(arguments.window) if arguments.window else None
    export(
        doors.open_plane(arguments.lake).runtime,
        arguments.dataset,
        window,
        arguments.format,
        arguments.output,
    )


def _window_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--window", metavar="WINDOW", help="START..END, end exclusive, or YYYY-MM (default: all)"
    )
    _answering(parser)


def _certificate(doors: Doors, arguments: argparse.Namespace) -> int:
    answer = _tool(doors, arguments, "reconciliation", "certificate", {"window": arguments.window})
    sound = answer.data.reconciles and all(line.matches for line in answer.data.invoices)
    return 0 if sound else TenantryError(Kind.BROKEN_CONTRACT, "").exit_code


def _explain_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tenant", metavar="TENANT")
    parser.add_argument("--service", metavar="NAME", help="only this service")
    _window_arguments(parser)


def _explain(doors: Doors, arguments: argparse.Namespace) -> None:
    given = {"tenant_id": arguments.tenant, "window": arguments.window, "service_name": arguments.service}
    _tool(doors, arguments, "reconciliation", "explain", given)


def _tool(
    doors: Doors, arguments: argparse.Namespace, capability: str, tool: str, given: Mapping[str, Any]
) -> Any:
    from .tables import shown_answer

    runtime = doors.open_plane(arguments.lake).runtime
    answer = runtime.call(capability, tool, {k: v for k, v in given.items() if v is not None})
    if arguments.json:
        print_document(answer.document())
    else:
        print(shown_answer(answer), end="")
    return answer


@contextmanager
def _progress(*, as_json: bool) -> Iterator[Progress]:
    """A bar on a terminal, a line per step otherwise; on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    if as_json or not console.is_terminal:
        told: set[str] = set()

        def line(step: str, done: int, total: int) -> None:
            if done >= total and step not in told and not as_json:
                told.add(step)
                console.print(f"{step}: {done} of {total}", markup=False)

        yield line
        return
    bar = Progress(
        TextColumn("{task.description:16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console, transient=True,
    )  # fmt: skip
    tasks: dict[str, Any] = {}

    def tell(step: str, done: int, total: int) -> None:
        if step not in tasks:
            tasks[step] = bar.add_task(step, total=total)
        bar.update(tasks[step], completed=done, total=total)

    with bar:
        yield tell


def _mcp(doors: Doors, arguments: argparse.Namespace) -> None:
    from ..runtime.decisions import Decisions
    from .mcp import catalog_server, serve_stdio

    plane = doors.open_plane(arguments.lake)
    answer, decisions = doors.open_asking(plane).answer, Decisions(plane.runtime)
    serve_stdio(catalog_server(plane.runtime, __version__, answer, decisions))

"""The commands about jobs and schedules."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Any

from .cli import Command, add_json, add_lake, print_document
from .doors import Doors

if TYPE_CHECKING:
    from ..runtime.jobs import Job

_KINDS = "land (sources), build (datasets), run (capabilities)"


def job_commands(doors: Doors) -> tuple[Command, ...]:
    return (
        Command("jobs", "Long work: ask for it, look at it, cancel it, try it again, do it.",
                _arguments, lambda a: _ACTIONS[a.action](doors, a)),
        Command("schedules", "The schedules of tenantry.toml: when each is due, and what came of it last.",
                _answering, lambda a: _schedules(doors, a)),
    )  # fmt: skip


def _answering(parser: argparse.ArgumentParser) -> None:
    add_lake(parser)
    add_json(parser)


def _arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)

    def action(name: str, text: str) -> argparse.ArgumentParser:
        one = actions.add_parser(name, help=text, description=text)
        _answering(one)
        return one

    listing = action("list", "The newest jobs first.")
    listing.add_argument("--state", action="append", metavar="STATE", help="only these; may be given again")
    listing.add_argument("--kind", action="append", metavar="KIND", help="only these; may be given again")
    listing.add_argument("--before", type=int, metavar="ID", help="only those older than this one")
    listing.add_argument("--limit", type=int, default=20, metavar="N", help="how many (default: 20)")
    submit = action("submit", "Ask for a job. `tenantry serve` does it, or `tenantry jobs work`.")
    submit.add_argument("kind", metavar="KIND", help=_KINDS)
    submit.add_argument(
        "names", nargs="*", metavar="NAME", help="which sources, datasets, capabilities (default: all)"
    )
    submit.add_argument("--key", metavar="KEY", help="your name for it: asked for again, it is the same job")
    for name, text in (
        ("show", "One job, with its steps."),
        ("cancel", "Cancel a job; one that is at work stops before its next step."),
        ("retry", "Try a job again that failed, was cancelled or is partial; only the last begins anew."),
    ):
        action(name, text).add_argument("job", type=int, metavar="ID")
    work = action("work", "Do jobs and keep schedules, without serving anything, until interrupted.")
    work.add_argument("--once", action="store_true", help="end when no job waits")


def _list(doors: Doors, arguments: argparse.Namespace) -> None:
    from ..runtime.call import LOCAL
    from ..runtime.jobs import states_named

    states = states_named(arguments.state or ())
    found = doors.open_worker(arguments.lake).jobs.list(
        LOCAL, states=states, kinds=arguments.kind or (), before=arguments.before, limit=arguments.limit
    )
    if arguments.json:
        print_document({"jobs": [job.model_dump(mode="json") for job in found]})
    else:
        _print_table(found)


def _submit(doors: Doors, arguments: argparse.Namespace) -> None:
    from ..runtime.call import LOCAL

    jobs = doors.open_worker(arguments.lake).jobs
    _print_job(jobs.submit(arguments.kind, arguments.names, LOCAL, key=arguments.key), as_json=arguments.json)


def _show(doors: Doors, arguments: argparse.Namespace) -> None:
    """Also cancel and retry: they answer with the job as it is then."""
    from ..runtime.call import LOCAL

    jobs = doors.open_worker(arguments.lake).jobs
    do = {"show": jobs.get, "cancel": jobs.cancel, "retry": jobs.retry}[arguments.action]
    _print_job(do(arguments.job, LOCAL), as_json=arguments.json)


def _work(doors: Doors, arguments: argparse.Namespace) -> None:
    from ..telemetry import log_to_stderr

    log_to_stderr()
    with _until_told() as stop:
        doors.open_worker(arguments.lake).run(stop, until_idle=arguments.once)


_ACTIONS = {"list": _list, "submit": _submit, "show": _show, "cancel": _show, "retry": _show, "work": _work}


def _schedules(doors: Doors, arguments: argparse.Namespace) -> None:
    from ..runtime.call import LOCAL

    found = doors.open_worker(arguments.lake).schedules.list(LOCAL)
    if arguments.json:
        print_document({"schedules": [one.model_dump(mode="json") for one in found]})
        return
    if not found:
        print("tenantry.toml names no schedules")
    for one in found:
        words = " ".join((one.job, *one.names))
        last = f"job {one.last_job.id} {one.last_job.state}" if one.last_job else "never yet"
        print(f"{one.name:16} {one.cron:16} {words:24} next {one.next_due[:16]}Z  last: {last}")


@contextmanager
def _until_told() -> Iterator[Event]:
    """An event that SIGTERM and SIGINT set: what is at work ends before its next step, and waits for the next start."""
    stop = Event()
    wanted = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: stop.set()) for number in wanted]
    try:
        yield stop
    finally:
        for number, handler in zip(wanted, before, strict=True):
            signal.signal(number, handler)


def _print_table(found: Sequence[Job]) -> None:
    from .tables import visible

    for job in found:
        what = " ".join((job.kind, *job.names))
        text = f"{job.id:>6} {job.state:10} {job.queued_at[:19]}Z {_progress(job):24} {what}"
        print(visible(f"{text}  {job.error.message}" if job.error else text))
    if not found:
        print("no jobs")


def _print_job(job: Job, *, as_json: bool) -> None:
    from .tables import visible

    document: dict[str, Any] = job.model_dump(mode="json")
    if as_json:
        print_document(document)
        return
    print(f"job {job.id} is {job.state}{' and will stop before its next step' if job.cancelling else ''}")
    shown = {name: value for name, value in document.items() if value not in (None, [], {}, False, 0)}
    for name in ("kind", "names", "asked_by", "queued_at", "started_at", "ended_at", "attempts", "run_after"):
        if name in shown:
            value = shown[name]
            print(visible(f"{name:12} {' '.join(value) if isinstance(value, list) else value}"))
    if job.step:
        print(visible(f"{'at':12} {_progress(job)}"))
    for name, result in job.steps.items():
        print(visible(f"{'done':12} {name}: {result}"))
    if job.error:
        print(visible(f"{'error':12} {job.error.kind}: {job.error.message}"))
        print(visible(f"{'hint':12} {job.error.hint}"))


def _progress(job: Job) -> str:
    return f"{job.step} {job.done} of {job.total}" if job.step and job.total else job.step or ""

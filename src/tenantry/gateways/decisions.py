"""The commands of those who decide: `decisions` and `decide`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ..errors import PROTOCOLS
from .cli import Command, add_json, add_lake, print_document
from .doors import Doors

if TYPE_CHECKING:
    from ..runtime.decisions import Decisions


def decision_commands(doors: Doors) -> tuple[Command, ...]:
    return (
        Command("decisions", "What waits for a person, exactly as it would be done; with --all, what was decided, too.",
                _list_arguments, lambda a: _list(doors, a)),
        Command("decide", "Approve what waits, which does it at once, or reject it.",
                _decide_arguments, lambda a: _decide(doors, a)),
    )  # fmt: skip


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", action="append", metavar="STATE", help="only these; may be given again")
    parser.add_argument("--all", action="store_true", help="of every state (default: what waits)")
    parser.add_argument("--before", type=int, metavar="ID", help="only those older than this one")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="how many (default: 20)")
    add_lake(parser)
    add_json(parser)


def _decide_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("decision", type=int, metavar="ID", help="as `tenantry decisions` shows it")
    parser.add_argument("verdict", choices=("approve", "reject"))
    parser.add_argument("--note", default="", metavar="TEXT", help="why; kept with the decision")
    parser.add_argument(
        "--digest", metavar="SHA256", help="decide only if it is what was shown under this digest"
    )
    add_lake(parser)
    add_json(parser)


def _decisions(doors: Doors, arguments: argparse.Namespace) -> Decisions:
    from ..runtime.decisions import Decisions

    return Decisions(doors.open_plane(arguments.lake).runtime)


def _list(doors: Doors, arguments: argparse.Namespace) -> None:
    from ..runtime.call import LOCAL
    from ..runtime.decision import DecisionState, states_named
    from .tables import shown_decision

    decisions = _decisions(doors, arguments)
    states = states_named(arguments.state or ([] if arguments.all else [DecisionState.PROPOSED]))
    found = decisions.list(LOCAL, states=states, before=arguments.before, limit=arguments.limit)
    if arguments.json:
        waiting = decisions.waiting(LOCAL)
        print_document({"decisions": [one.model_dump(mode="json") for one in found], "waiting": waiting})
    else:
        sys.stdout.write("\n".join(map(shown_decision, found)) or "nothing waits for a decision\n")


def _decide(doors: Doors, arguments: argparse.Namespace) -> int:
    """The exit code of what it failed with, if it was approved and failed."""
    from ..runtime.call import LOCAL
    from ..runtime.decision import Verdict
    from .tables import shown_decision

    decisions = _decisions(doors, arguments)
    digest = arguments.digest or decisions.get(arguments.decision, LOCAL).digest
    verdict = Verdict(arguments.verdict)
    found = decisions.decide(arguments.decision, verdict, LOCAL, digest=digest, note=arguments.note)
    if arguments.json:
        print_document(found.model_dump(mode="json"))
    else:
        sys.stdout.write(shown_decision(found))
    return PROTOCOLS[found.problem.kind][1] if found.problem else 0

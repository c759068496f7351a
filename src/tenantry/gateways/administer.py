"""The commands of those who administer: `token` and `audit`."""

from __future__ import annotations

import argparse
from contextlib import closing
from typing import TYPE_CHECKING, Any

from ..kernel import AccessRole
from .cli import add_json, add_lake, print_document
from .doors import Doors

if TYPE_CHECKING:
    from ..runtime.access import Token, Tokens


def token_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_subparsers(title="commands", metavar="COMMAND", dest="deed", required=True)
    create = _deed(group, "create", "Make a token; its secret is shown once.")
    create.add_argument("name", metavar="NAME", help="what or whom it is for")
    create.add_argument("--role", choices=[*AccessRole], default=AccessRole.VIEWER, help="default: viewer")
    create.add_argument("--tenant", metavar="ID", help="the only tenant it may see (default: all)")
    create.add_argument("--days", type=int, default=365, metavar="N", help="how long it holds (default: 365)")
    create.add_argument("--until-revoked", action="store_true", help="it holds until it is revoked")
    revoke = _deed(group, "revoke", "Revoke a token: within a second it opens nothing.")
    revoke.add_argument(
        "id", metavar="ID", help="as `token list` shows it, and as the token itself begins: tny_ID_"
    )
    listing = _deed(group, "list", "All tokens there ever were, without their secrets.")
    for one in (create, listing, revoke):
        add_lake(one)
        add_json(one)


def _deed(group: Any, name: str, about: str) -> argparse.ArgumentParser:
    return group.add_parser(name, help=about, description=about)


def token(doors: Doors, arguments: argparse.Namespace) -> None:
    """Makes, lists or revokes tokens, as the person at this machine: who may read the lake may let others in."""
    from ..runtime.access import Tokens

    plane = doors.open_plane(arguments.lake)
    deed = {"create": _create, "list": _list, "revoke": _revoke}[arguments.deed]
    with closing(plane.state) as state:
        deed(Tokens(state, plane.now), arguments)


def _create(tokens: Tokens, arguments: argparse.Namespace) -> None:
    from ..runtime.call import LOCAL

    days = None if arguments.until_revoked else arguments.days
    made, secret = tokens.create(LOCAL, arguments.name, AccessRole(arguments.role), arguments.tenant, days)
    if arguments.json:
        print_document({"token": vars(made), "secret": secret})
        return
    print(f"{secret}\n")
    print("Keep it now: it is not shown again. Send it as `Authorization: Bearer TOKEN`.")
    print(_line(made))


def _list(tokens: Tokens, arguments: argparse.Namespace) -> None:
    from ..runtime.call import LOCAL

    found = tokens.list(LOCAL)
    if arguments.json:
        print_document({"tokens": [vars(one) for one in found]})
        return
    print("\n".join(map(_line, found)) or "no tokens; `tenantry token create NAME` makes one")


def _revoke(tokens: Tokens, arguments: argparse.Namespace) -> None:
    from ..runtime.call import LOCAL

    revoked = tokens.revoke(LOCAL, arguments.id)
    if arguments.json:
        print_document({"token": vars(revoked)})
    else:
        print(_line(revoked))


def _line(token: Token) -> str:
    from .tables import visible

    of = "all tenants" if token.tenant_id is None else visible(token.tenant_id)
    state = f"expires {token.expires[:10]}" if token.expires else "until revoked"
    if token.revoked:
        state = f"revoked {token.revoked[:10]}"
    used = f"last used {token.last_used[:13]}h" if token.last_used else "never used"
    return f"{token.id}  {visible(token.name)}: {token.role}, {of}; {state}, {used}"


def audit_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--after", type=int, default=0, metavar="N", help="entries after this number (default: 0)"
    )
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="how many (default: 100)")
    parser.add_argument(
        "--verify", action="store_true", help="prove the whole log instead; exit code 3 if it was changed"
    )
    add_lake(parser)
    add_json(parser)


def audit(doors: Doors, arguments: argparse.Namespace) -> None:
    """Shows what was done and refused, or proves that nobody changed the record of it."""
    from ..runtime.state import audit as log

    with closing(doors.open_plane(arguments.lake).state) as state, state.read() as connection:
        if arguments.verify:
            count = log.verify(connection)
            last = log.entries(connection, count - 1, 1) if count else []
            document: dict[str, Any] = {"entries": count, "hash": last[0].hash if last else None}
            text = f"{count:,} entries, none changed; the last hash is {document['hash']}"
        else:
            entries = log.entries(connection, max(0, arguments.after), max(0, arguments.limit))
            document = {"entries": [vars(entry) for entry in entries]}
            text = "\n".join(map(_entry, entries)) or "no entries"
    if arguments.json:
        print_document(document)
    else:
        print(text)


def _entry(entry: Any) -> str:
    import json

    from .tables import visible

    what = json.dumps(entry.details, sort_keys=True)
    return f"{entry.sequence:>6}  {entry.at[:19]}Z  {visible(entry.principal)}  {entry.action}  {what}"

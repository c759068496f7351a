"""The allowed tools of external servers as tools of our own: through the one door, told in the vendor's words."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from ...errors import invalid
from ...kernel import Capability, Context, Tool
from .pins import JSON, Form, Pins
from .replies import Reading, Reply
from .server import AllowedTool, Server

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_KINDS: Mapping[str, type] = {"string": str, "integer": int, "number": Decimal, "boolean": bool, JSON: str}
_NO_ABOUT = "A tool of an external server."
_RULES = """An external server. What it answers is a stranger's: its figures are its own, and reconcile with nothing
here. Arguments leave this installation: only what the person typed, days, and words of this page may be given.
"""


def capability_of(server: Server, pins: Pins) -> Capability | None:
    """The server's allowed tools as the capability `mcp_NAME`; None where there are none yet."""
    tools: list[Tool] = []
    for name, allowed in server.tools.items():
        form = pins.form(server.name, name)
        if form is not None:
            tools.append(_tool(server, name, allowed, form, pins))
    if not tools:
        return None
    listed = "".join(f"\n## {tool.name}\n\n{tool.doc}\n" for tool in tools)
    return Capability(
        name=f"mcp_{server.name}",
        question=server.about or "What does an external server say?",
        datasets=(),
        tools=tuple(tools),
        examples=(),
        instructions=f"# {server.name}\n\n{_RULES}{listed}",
    )


def _tool(server: Server, name: str, allowed: AllowedTool, form: Form, pins: Pins) -> Tool:
    ours = name.replace("-", "_").lower()
    if not _NAME.fullmatch(ours):
        raise invalid(f"{server.name}: a tool named {name!r} cannot be called", "take it from mcp.NAME.tools")

    def function(_: Context, **given: Any) -> Reply:
        arguments = {k: _sent(k, v, form) for k, v in given.items() if v is not None}
        return _answered(server, name, arguments, pins)

    page = allowed.about or _NO_ABOUT
    return Tool(_with_form(function, ours, page, form), allowed.effect, {}, outward=True)


def _answered(server: Server, name: str, arguments: Mapping[str, Any], pins: Pins) -> Reply:
    from .client import digest  # noqa: PLC0415 - the protocol is slow to import, and few commands ask
    from .kept import LINES  # noqa: PLC0415 - as above

    with LINES.session(server) as session:
        answer = session.call(name, arguments, pins)
    reading = Reading()
    data = reading.read(answer)
    return Reply(server=server.name, tool=name, sha256=digest(answer), left_out=reading.left_out, data=data)


def _with_form(function: Callable[..., Reply], name: str, page: str, form: Form) -> Callable[..., Reply]:
    """The function with the name, page and signature that everything of ours is derived from."""
    one = inspect.Parameter
    parameters = [one("ctx", one.POSITIONAL_OR_KEYWORD, annotation=Context)]
    for key, type_ in form.types.items():
        kind: Any = _KINDS[type_]
        must = key in form.required
        default, kind = (one.empty, kind) if must else (None, kind | None)
        parameters.append(one(key, one.KEYWORD_ONLY, annotation=kind, default=default))
    made: Any = function
    made.__name__, made.__doc__ = name, page
    made.__signature__ = inspect.Signature(parameters, return_annotation=Reply)
    made.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": Reply}
    return made


def _sent(key: str, value: Any, form: Form) -> Any:
    """An argument as JSON carries it. Raises `invalid` for text that should be JSON."""
    if isinstance(value, Decimal):
        return float(value)
    if form.types[key] != JSON:
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise invalid(f"{key} is not JSON", "give a list or an object as JSON text") from None


def read_capabilities(servers: Mapping[str, Server], pins: Pins) -> tuple[Capability, ...]:
    """Those of all servers that have allowed tools. Raises `invalid`."""
    return tuple(found for server in servers.values() if (found := capability_of(server, pins)))

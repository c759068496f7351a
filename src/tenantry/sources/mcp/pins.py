"""What was allowed, as it was then: a file beside tenantry.toml with each tool's arguments and the hash of all it said.

A server that says something else of a tool than when somebody allowed it has another tool: it is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from ...errors import Kind, TenantryError, invalid, unknown
from .server import Server

FILE = Path("tenantry.mcp.lock")
_SAID = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_OURS = frozenset({"ctx", "about", "approved", "help", "json", "lake", "propose", "why", "yes"})
_SIMPLE = frozenset({"string", "integer", "number", "boolean"})
JSON = "json"
"""The type of an argument that goes as JSON text."""


@dataclass(frozen=True)
class Form:
    """The arguments of a tool: of what the server says of them, names and types alone are ours."""

    types: Mapping[str, str]
    required: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """Whether its names are names, and none that has a meaning here."""
        return not any(
            name in _OURS
            or name.startswith("model_")
            or hasattr(BaseModel, name)
            or not _WORD.fullmatch(name)
            for name in self.types
        )


@dataclass(frozen=True)
class Offer:
    """A tool as a server describes it. `hash` is SHA-256 over all of that."""

    name: str
    hash: str
    form: Form
    description: str


def offer_of(told: Mapping[str, Any]) -> Offer:
    """From a tool as the protocol carries it."""
    said = json.dumps({key: told.get(key) for key in _SAID}, sort_keys=True)
    schema = _table(told.get("inputSchema"))
    types = {str(name): _type(_table(one)) for name, one in _table(schema.get("properties")).items()}
    required = tuple(sorted(str(name) for name in _list(schema.get("required")) if name in types))
    return Offer(
        str(told.get("name")),
        sha256(said.encode()).hexdigest(),
        Form(types, required),
        str(told.get("description") or ""),
    )


def _type(schema: Mapping[str, Any]) -> str:
    """One simple type, nullable or not."""
    several = _list(schema.get("anyOf")) or [{"type": one} for one in _list(schema.get("type"))]
    named = {str(_table(one).get("type")) for one in several} - {"null"}
    return named.pop() if len(named) == 1 and named <= _SIMPLE else "string" if "string" in named else JSON


def _table(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [] if value is None else [value]


class Pins:
    """The tools that were allowed, by server and name: their hash and the form of their arguments."""

    def __init__(self, held: Mapping[str, Mapping[str, Any]]) -> None:
        self._held = held

    @classmethod
    def read(cls, file: Path = FILE) -> Pins:
        """Raises `invalid` for a file that is none; one that is not there holds nothing."""
        try:
            held: Any = json.loads(file.read_text(encoding="utf-8"))
            return cls({name: {tool: {**pin} for tool, pin in tools.items()} for name, tools in held.items()})
        except FileNotFoundError:
            return cls({})
        except (ValueError, AttributeError, TypeError, OSError):
            raise invalid(
                f"{file} is no list of allowed tools", "take it from version control, or allow the tools anew"
            ) from None

    def form(self, server: str, tool: str) -> Form | None:
        """The tool's arguments; None where it was never allowed."""
        pin = self._held.get(server, {}).get(tool)
        return None if pin is None else Form(_table(pin.get("types")), tuple(_list(pin.get("required"))))

    def state(self, server: Server, offer: Offer) -> str:
        """`not listed`, `not allowed yet`, `changed`, or `callable`."""
        if offer.name not in server.tools:
            return "not listed"
        pin = self._held.get(server.name, {}).get(offer.name)
        if pin is None:
            return "not allowed yet"
        return "callable" if pin.get("sha256") == offer.hash else "changed"

    def check(self, server: Server, tool: str, offers: Mapping[str, Offer]) -> None:
        """Raises `not_found` for a tool that is not there, `forbidden` for one that may not be called as it is."""
        if tool not in offers:
            raise unknown(f"tool of {server.name}", tool, server.tools, "the server no longer has it")
        state = self.state(server, offers[tool])
        if state == "not listed":
            why = f"{server.name}.{tool} is not listed in tenantry.toml"
            raise TenantryError(Kind.FORBIDDEN, why, f"list it under mcp.{server.name}.tools with its effect")
        if state != "callable":
            was = "was never allowed" if state == "not allowed yet" else "is another than was allowed"
            raise TenantryError(
                Kind.FORBIDDEN,
                f"{server.name}.{tool} {was}",
                f"look at it with `tenantry sources tools {server.name}`, then `tenantry sources allow {server.name}`",
            )

    def allow(self, server: Server, offers: Mapping[str, Offer]) -> Pins:
        """With the server's listed tools as it offers them now. Raises `not_found` where it lacks one."""
        if missing := [tool for tool in server.tools if tool not in offers]:
            raise unknown(
                f"tool of {server.name}",
                missing[0],
                offers,
                f"it has {', '.join(sorted(offers)[:20]) or 'none'}",
            )
        chosen = [offers[tool] for tool in sorted(server.tools)]
        if strange := [offer.name for offer in chosen if not offer.form.usable]:
            raise invalid(
                f"{server.name}: {', '.join(strange)}: arguments with names that cannot be used",
                "do not list such a tool",
            )
        pinned = {
            one.name: {"sha256": one.hash, "types": one.form.types, "required": [*one.form.required]}
            for one in chosen
        }
        return Pins({**self._held, server.name: pinned})

    def write(self, file: Path = FILE) -> None:
        """Raises `unavailable`."""
        try:
            file.write_text(json.dumps(self._held, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        except OSError as problem:
            raise TenantryError(
                Kind.UNAVAILABLE, f"{file}: {problem.strerror}", "check the folder"
            ) from problem

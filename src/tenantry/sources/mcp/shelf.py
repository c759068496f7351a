"""All external servers together, for people who look at them and allow their tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import unknown
from .pins import Offer, Pins
from .server import Server


class Servers:
    """The configured servers by name, and the file of what was allowed."""

    def __init__(self, known: Mapping[str, Server], pins: Callable[[], Pins] = Pins.read) -> None:
        self.known = known
        self._pins = pins

    def look(self, name: str) -> list[dict[str, Any]]:
        """What a server offers: `tool`, our `effect`, `state`, `sha256`; listed tools that it lacks are `missing`."""
        server = self._server(name)
        return _rows(server, self._pins(), _offers(server))

    def allow(self, name: str) -> list[dict[str, Any]]:
        """Allow the server's listed tools as they are now, and say what it offers; the others stay as they were."""
        server = self._server(name)
        offers = _offers(server)
        pins = self._pins().allow(server, offers)
        pins.write()
        return _rows(server, pins, offers)

    def _server(self, name: str) -> Server:
        if name not in self.known:
            raise unknown("server", name, self.known, f"there are: {', '.join(self.known) or 'none'}")
        return self.known[name]


def _offers(server: Server) -> Mapping[str, Offer]:
    from .client import opened  # noqa: PLC0415 - the protocol is slow to import, and few commands ask

    with opened(server) as session:
        return session.offers()


def _rows(server: Server, pins: Pins, offers: Mapping[str, Offer]) -> list[dict[str, Any]]:
    found = [(name, pins.state(server, offer), offer.hash) for name, offer in sorted(offers.items())]
    found += [(name, "missing", "") for name in sorted(server.tools) if name not in offers]
    return [
        {
            "tool": name,
            "effect": str(server.tools[name].effect) if name in server.tools else None,
            "state": state,
            "sha256": hash_,
        }
        for name, state, hash_ in sorted(found, key=lambda row: (row[1] == "not listed", row[0]))
    ]

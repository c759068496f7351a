"""What this installation knows: the catalog, the settings, and the sources and servers that they name."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from ..capabilities import CAPABILITIES
from ..datasets import DATASETS
from ..errors import invalid
from ..kernel import Capability, Catalog, Source
from ..kernel.landing import Deliveries, Quarantine
from ..sources import SOURCES

if TYPE_CHECKING:
    from ..config import Settings
    from ..sources.mcp import Server


@cache
def catalog() -> Catalog:
    """All that this installation knows."""
    return Catalog(CAPABILITIES, SOURCES, (*DATASETS, Deliveries, Quarantine))


def whole_catalog() -> Catalog:
    """The catalog, and a capability for each external server whose tools were allowed and for each agent of others'.

    Raises `invalid` with every problem.
    """
    own, added = catalog(), [*_of_servers(), *_of_others()]
    return Catalog((*own.capabilities, *added), own.sources, own.datasets) if added else own


def _of_servers() -> Sequence[Capability]:
    if not (known := servers()):
        return []
    from ..sources.mcp import Pins, read_capabilities

    return read_capabilities(known, Pins.read())


def _of_others() -> Sequence[Capability]:
    if not (tables := settings().a2a):
        return []
    from ..sources.a2a import capability_of, read_agents

    return [capability_of(agent) for agent in read_agents(tables).values()]


def servers() -> dict[str, Server]:
    """The external MCP servers by name. Raises `invalid` with every problem."""
    if not (tables := settings().mcp):
        return {}
    from ..sources.mcp import read_servers

    return read_servers(tables)


def outward_prices() -> dict[tuple[str, str | None], Decimal]:
    """USD for a call of each external tool and agent of which the settings say it. Raises `invalid`."""
    found: dict[tuple[str, str | None], Decimal] = {}
    for server in servers().values():
        for name, one in server.tools.items():
            if one.cost_per_call is not None:
                found[f"mcp_{server.name}", name.replace("-", "_").lower()] = one.cost_per_call
    if tables := settings().a2a:
        from ..sources.a2a import read_agents

        for agent in read_agents(tables).values():
            if agent.cost_per_call is not None:
                found[f"a2a_{agent.name}", None] = agent.cost_per_call
    return found


def settings() -> Settings:
    """What `tenantry.toml` and the environment say. Raises `invalid` with every problem."""
    from ..config import load

    return load()


def sources() -> dict[str, Source]:
    """The configured sources by name. Raises `invalid` with every problem."""
    kinds = {source.kind: source for source in SOURCES}
    found: dict[str, Source] = {}
    problems: list[str] = []
    for name, table in settings().sources.items():
        fields = {key: value for key, value in table.items() if key != "kind"}
        kind = kinds.get(table["kind"])
        if kind is None:
            problems.append(f"{name}: no kind {table['kind']!r}; there are {', '.join(kinds)}")
            continue
        if "server" in kind.model_fields:
            server, known = fields.get("server"), servers()
            if server not in known:
                problems.append(
                    f"{name}: no server {server!r} in [mcp]; there are {', '.join(known) or 'none'}"
                )
                continue
            fields["server"] = known[server]
        try:
            found[name] = kind.model_validate(fields)
        except ValueError as problem:
            problems.append(f"{name}: {problem}")
    if problems:
        raise invalid("; ".join(problems), "mend [sources] in tenantry.toml")
    return found

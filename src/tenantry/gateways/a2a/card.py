"""The A2A agent card: where other agents look up which questions can be answered here, and how to ask."""

from __future__ import annotations

from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill

from ...kernel import Capability, Catalog

RPC, REST = "/a2a/rpc", "/a2a"
"""Where messages are taken: as JSON-RPC, and as plain HTTP with JSON under this prefix."""
_VERSION = "1.0"
_ABOUT = (
    "What every tenant of a multi-tenant SaaS costs, earns and uses, exact to the cloud bill. Ask in plain words; every"
    " figure comes with its source. The tools themselves are at /mcp."
)


def card(catalog: Catalog, version: str, address: str) -> AgentCard:
    """The card, each capability being a skill; `address` is how the service is reached, without a path."""
    return AgentCard(
        name="Tenantry",
        description=_ABOUT,
        version=version,
        supported_interfaces=[
            AgentInterface(url=address + path, protocol_binding=binding, protocol_version=_VERSION)
            for path, binding in ((RPC, "JSONRPC"), (REST, "HTTP+JSON"))
        ],
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=["text/plain", "application/json"],
        default_output_modes=["text/plain", "application/json"],
        # Whom we ask ourselves is nobody's business.
        skills=[_skill(capability) for capability in catalog.capabilities if not capability.outward],
    )


def _skill(capability: Capability) -> AgentSkill:
    return AgentSkill(
        id=capability.name,
        name=capability.name.replace("_", " ").capitalize(),
        description=capability.question,
        tags=[dataset.table() for dataset in capability.datasets] or [capability.name],
        examples=capability.examples,
    )

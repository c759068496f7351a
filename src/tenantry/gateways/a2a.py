"""The A2A agent card: where other agents look up which questions can be answered here."""

from __future__ import annotations

from a2a.types import AgentCapabilities, AgentCard, AgentSkill
from google.protobuf.json_format import MessageToDict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..kernel import Capability, Catalog

PATH = "/.well-known/agent-card.json"
# No interface is listed, because none takes A2A messages: a client that reads the card says so, and sends nothing.
_ABOUT = (
    "What every tenant of a multi-tenant SaaS costs, earns and uses, exact to the cloud bill."
    " Takes no A2A messages: call the tools over MCP at /mcp."
)


def routes(catalog: Catalog, version: str) -> list[BaseRoute]:
    """The card's, open to everybody: it holds questions, and nothing of any tenant."""
    shown = MessageToDict(card(catalog, version))

    async def show(_request: Request) -> Response:
        return JSONResponse(shown, headers={"Cache-Control": "public, max-age=300"})

    return [Route(PATH, show)]


def card(catalog: Catalog, version: str) -> AgentCard:
    """The card, each capability being a skill."""
    return AgentCard(
        name="Tenantry",
        description=_ABOUT,
        version=version,
        capabilities=AgentCapabilities(),
        default_input_modes=["text/plain"],
        default_output_modes=["application/json"],
        skills=[_skill(capability) for capability in catalog.capabilities],
    )


def _skill(capability: Capability) -> AgentSkill:
    return AgentSkill(
        id=capability.name,
        name=capability.name.replace("_", " ").capitalize(),
        description=capability.question,
        tags=[dataset.table() for dataset in capability.datasets],
        examples=capability.examples,
    )

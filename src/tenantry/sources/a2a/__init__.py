"""Others' agents, asked over A2A: a capability for each, whose one tool asks it. ADR 26."""

from .agent import Agent, read_agents
from .capability import capability_of

__all__ = ["Agent", "capability_of", "read_agents"]

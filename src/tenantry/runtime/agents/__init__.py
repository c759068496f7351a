"""Agents: what each is told, and what each may call. Only `framework` knows a library for language models."""

from .handles import Handles, vocabulary
from .prompts import Specialist, Team, team
from .toolbox import Called, Proposal, Toolbox

__all__ = ["Called", "Handles", "Proposal", "Specialist", "Team", "Toolbox", "team", "vocabulary"]

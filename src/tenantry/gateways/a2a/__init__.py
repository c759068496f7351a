"""A2A: the card that says which questions are answered here, and the agent that answers them."""

from .card import card
from .serving import Serving
from .verdicts import Verdicts

__all__ = ["Serving", "Verdicts", "card"]

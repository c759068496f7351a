"""Where code runs that nobody vouches for: Monty, or plain Python with numpy in namespaces of its own."""

from .limits import Limits
from .rooms import Rooms

__all__ = ["Limits", "Rooms"]

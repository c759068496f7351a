"""External servers that speak MCP: what of them may be called, and what they tell. ADR 24."""

from .pins import Pins
from .server import Server, read_servers
from .shelf import Servers
from .tools import read_capabilities

__all__ = ["Pins", "Server", "Servers", "read_capabilities", "read_servers"]

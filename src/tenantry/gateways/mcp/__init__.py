"""The catalog as an MCP server, over HTTP and stdio. Nothing here knows a capability by name."""

from .server import PATH, catalog_server, mounted, serve_stdio

__all__ = ["PATH", "catalog_server", "mounted", "serve_stdio"]

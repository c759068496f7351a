"""Access logs of load balancers, gateways and web servers."""

from .log import AccessLog

__all__ = ["AccessLog"]

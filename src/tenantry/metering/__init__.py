"""What a Python service does for whom, counted where it is done: calls, errors, seconds, items and bytes.

Figures go to OpenTelemetry; whoever runs the service chooses an SDK and where it sends them. Without one, nothing is
kept. This package needs `opentelemetry-api` and nothing else, of Tenantry neither.
"""

from .asgi import AsgiMiddleware
from .functions import metered
from .http import Resolver, header, subdomain
from .subject import Subject, current, serving
from .use import Use, add, identify, measure
from .wsgi import WsgiMiddleware

__all__ = [
    "AsgiMiddleware",
    "Resolver",
    "Subject",
    "Use",
    "WsgiMiddleware",
    "add",
    "current",
    "header",
    "identify",
    "measure",
    "metered",
    "serving",
    "subdomain",
]

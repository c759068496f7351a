"""Routes: which template, feature and operation a request belongs to.

In order of trust: a specification (`operations`, `RouteTable`), a gateway's own template (`gateway_route`), a
framework's (`trusted`), and templates learned from the paths (`learn`).
"""

from .assignment import Asked, Assigned, assign, names_of
from .document import Operation, operations
from .feature import FeatureRule, Features, operation
from .gateway import GatewayRoute, Named, gateway_route, trusted, written_plainly
from .learning import Learned, Review, Seen, Template, learn
from .routing import ON_PURPOSE, FeatureTable, Naming, Routing
from .table import Route, RouteTable

__all__ = [
    "ON_PURPOSE",
    "Asked",
    "Assigned",
    "FeatureRule",
    "FeatureTable",
    "Features",
    "GatewayRoute",
    "Learned",
    "Named",
    "Naming",
    "Operation",
    "Review",
    "Route",
    "RouteTable",
    "Routing",
    "Seen",
    "Template",
    "assign",
    "gateway_route",
    "learn",
    "names_of",
    "operation",
    "operations",
    "trusted",
    "written_plainly",
]

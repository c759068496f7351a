"""Routes: which template, feature and operation a request belongs to.

In order of trust: a specification (`operations`, `RouteTable`), a gateway's own template (`gateway_route`), a
framework's (`trusted`), and templates learned from the paths (`learn`).
"""

from .document import Operation, operations
from .feature import FeatureRule, Features, operation
from .gateway import GatewayRoute, Named, gateway_route, trusted, written_plainly
from .learning import Learned, Review, Seen, Template, learn
from .table import Route, RouteTable

__all__ = [
    "FeatureRule",
    "Features",
    "GatewayRoute",
    "Learned",
    "Named",
    "Operation",
    "Review",
    "Route",
    "RouteTable",
    "Seen",
    "Template",
    "gateway_route",
    "learn",
    "operation",
    "operations",
    "trusted",
    "written_plainly",
]

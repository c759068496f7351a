"""Tenantry: what every tenant of a multi-tenant SaaS costs, earns, uses and breaks."""

from .errors import TenantryError
from .kernel import Capability, Dataset, Effect, Source, tool

__version__ = "0.1.0"
__all__ = ["Capability", "Dataset", "Effect", "Source", "TenantryError", "tool"]

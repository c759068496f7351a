"""Tenantry: what every tenant of a multi-tenant SaaS costs, earns, uses and breaks."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import TenantryError
    from .kernel import Capability, Dataset, Effect, Source, tool

__version__ = "0.1.0"
__all__ = ["Capability", "Dataset", "Effect", "Source", "TenantryError", "tool"]


def __getattr__(name: str) -> Any:
    """A public name when it is asked for: a service that imports `tenantry.metering` loads nothing else."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(".errors" if name == "TenantryError" else ".kernel", __name__), name)

"""Questions the product answers. A new one is a module, its page, its test, and a line here."""

from __future__ import annotations

from importlib import import_module

from ..kernel import Capability

NAMES = (
    "overview",
    "cost_profile",
    "cost_per_tenant",
    "cost_per_feature",
    "feature_usage",
    "requests",
    "unit_economics",
    "cost_insights",
    "figures",
    "cost_forecast",
    "reconciliation",
    "tenants",
)

CAPABILITIES: tuple[Capability, ...] = tuple(import_module(f".{name}", __name__).CAPABILITY for name in NAMES)

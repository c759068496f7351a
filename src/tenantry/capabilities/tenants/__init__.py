"""Tenants: who they are, what they may use and pay, and how they come, change and go."""

from __future__ import annotations

from pathlib import Path

from ...datasets import (
    Entitlements,
    Resources,
    Subscriptions,
    TenantEntitlements,
    Tenants,
    TenantTiers,
    Tiers,
    UsageHourly,
    Workflows,
)
from ...kernel import Capability
from .assigning import assign, release
from .entitling import change_entitlement, end_entitlement, grant
from .joining import create, onboard
from .leaving import offboard, update
from .listing import list as list_
from .looking import entitlements, get, resources, subscriptions, tier_entitlements, tiers, workflows
from .subscribing import change_subscription, end_subscription, subscribe
from .tiering import change_tier, define_tier, end_tier

CAPABILITY = Capability(
    name="tenants",
    question="Who are our tenants, what may they use, and what happened to them?",
    datasets=(
        Tenants, Tiers, TenantTiers, Entitlements, TenantEntitlements, Subscriptions, Resources, Workflows,
        UsageHourly,
    ),
    tools=(
        list_, get, tiers, entitlements, tier_entitlements, subscriptions, resources, workflows,
        create, onboard, update, change_tier, offboard,
        define_tier, end_tier, grant, change_entitlement, end_entitlement,
        subscribe, change_subscription, end_subscription, assign, release,
    ),
    examples=(
        "What may teal-partners use, and how much of it is left?",
        "Onboard north-wind in the pro tier from Monday.",
        "Which tier was beacon-legal in last spring?",
    ),
    instructions=Capability.instructions_beside(str(Path(__file__).parent)),
)  # fmt: skip

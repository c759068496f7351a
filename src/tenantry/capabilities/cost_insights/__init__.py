"""Cost insights: what moved in the last twelve months, is not chance, and matters."""

from __future__ import annotations

from pathlib import Path

from ...datasets import CostProfile, Dismissals, FeatureCost, Insights, Margin, MeterHours, UsageHourly
from ...kernel import Capability
from .dismissing import dismiss
from .evidence import evidence
from .listing import findings

CAPABILITY = Capability(
    name="cost_insights",
    question="What moved in cost, revenue and margin, and what is it worth?",
    datasets=(Insights, Dismissals, Margin, CostProfile, FeatureCost, UsageHourly, MeterHours),
    tools=(findings, evidence, dismiss),
    examples=(
        "What changed in the last twelve months that we should know of?",
        "Which tenants use more than they pay for?",
        "Why do you say that our storage got dearer?",
    ),
    instructions=Capability.instructions_beside(str(Path(__file__).parent)),
    run=findings,
)

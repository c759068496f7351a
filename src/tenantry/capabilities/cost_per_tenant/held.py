"""The policy that the figures rest on, as a text to begin another from."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import BaseModel, Field

from ...datasets.allocation_rules import AllocationRules
from ...kernel import Context, tool
from ...kernel.dataset import Count, Dimension
from ...methods.policy import Policy
from ...methods.policy_text import policy_text


class PolicyHeld(BaseModel):
    """The allocation rules that the tables were last built under."""

    version: Annotated[Dimension, Field(description="names these rules, as each figure's lineage does")]
    rules: Count
    policy: Annotated[
        str, Field(description="TOML text with an [allocation]: what `preview` takes, what tenantry.toml has")
    ]


@tool()
def policy(ctx: Context) -> PolicyHeld:
    """The allocation rules that hold, as the text that `preview` and tenantry.toml take; where nobody wrote any, those
    read off the data.
    """
    written = {row.place: json.loads(row.rule) for row in ctx.rows(AllocationRules)}
    coarse = written.pop(0, {}).get("meters", [])
    # After the author's rules stand the pools that stand in for others: each is a rule's own `coarse`.
    rules = [rule for _, rule in sorted(written.items()) if not rule.get("pool", "").startswith("@")]
    held = Policy.model_validate({"rules": rules, "coarse": coarse})
    return PolicyHeld(version=held.version, rules=len(held.rules), policy=policy_text(held))

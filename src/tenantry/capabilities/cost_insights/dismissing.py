"""Saying that a finding is known, expected or of no use."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from ...datasets import Dismissals
from ...errors import invalid
from ...kernel import Context, Effect, tool
from .listing import Of, one_finding

LONGEST = 1000
LONGEST_DAYS = 366


@tool(Effect.ACT, finding="service:Support:new:USD", reason="planned: the archive moved there")
def dismiss(
    ctx: Context,
    finding: Annotated[str, Field(description="as `findings` names it")],
    reason: Annotated[str, Field(description="why, for those who look later")],
    window: Of = None,
    days: Annotated[
        int | None, Field(ge=1, le=LONGEST_DAYS, description="only for so many days; by default for good")
    ] = None,
) -> Dismissals:
    """List a finding no more, or not for some days, and say why.

    It is kept, and comes back if it changes anew or its impact doubles. `findings` with `dismissed` lists it.
    """
    row = one_finding(ctx, finding, window)
    why = reason.strip()
    if not why or not why.isprintable() or len(why) > LONGEST:
        problem = f"is empty, holds control characters, or is longer than {LONGEST}"
        raise invalid(
            f"reason: {problem}", "say why in a sentence", params=[{"param": "reason", "problem": problem}]
        )
    new = Dismissals(
        finding=row.finding,
        since=row.since,
        currency=row.currency,
        impact=row.impact,
        reason=why,
        by=ctx.principal.name,
        at=ctx.now.replace(tzinfo=None),
        until=ctx.now.date() + timedelta(days=days) if days else None,
    )
    ctx.record(new)
    return new

"""The list of tenants. A module of its own: the tool's name hides Python's `list`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import Field

from ...datasets import Tenants
from ...kernel import Context, tool
from .act import over
from .parameters import After, Limit


@tool()
def list(  # noqa: A001 - what everyone calls it
    ctx: Context,
    tier: Annotated[str | None, Field(description="only those in this tier today")] = None,
    state: Annotated[
        Literal["all", "running", "ended"], Field(description="by whether they are tenants today")
    ] = "all",
    after: After = "",
    limit: Limit = 1000,
) -> Sequence[Tenants]:
    """The tenants there are and were, by id."""
    today = ctx.now.date()
    asked: dict[str, Any] = {} if tier is None else {"tier": tier}
    found = (
        row
        for row in ctx.rows(Tenants, **asked)
        if row.tenant_id > after and state in ("all", "ended" if over(row, today) else "running")
    )
    return [*islice(found, limit)]

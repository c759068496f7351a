"""The findings of a month, and each in a sentence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, cast

from pydantic import BaseModel, Field

from ...datasets import CostProfile, Dismissals, Insights
from ...datasets.insights import dismissed_by
from ...errors import unknown
from ...kernel import Context, Window, tool
from ...kernel.dataset import Day, Dimension, Money, OptionalDay, OptionalDimension, Ratio
from ...kernel.money import part, shown
from ...methods.insight import MOST, Kind

Of = Annotated[
    Window | None,
    Field(
        description="START..END, end exclusive, or YYYY-MM; its newest whole month, and by default that of all"
    ),
]


class Insight(BaseModel):
    """One finding. Money is per month; `before` is what later months would have had as things were."""

    finding: Annotated[
        Dimension, Field(description="its name, the same in every month; for `evidence` and `dismiss`")
    ]
    made_on: Day
    rank: Annotated[int, Field(description="1 is the largest of its currency, by impact x confidence")]
    headline: Annotated[
        Dimension, Field(description="the finding in a sentence; its figures are those beside it")
    ]
    subject: Annotated[
        Dimension,
        Field(description="`total`, `tenants`, or a level and a name, as `tenant:acme`"),
    ]
    kind: Dimension
    measure: Dimension
    shape: Annotated[OptionalDimension, Field(description="trend, level or jump; null for a fact")]
    direction: Dimension
    since: Annotated[Day, Field(description="the first month after the change; of a trend the first of all")]
    currency: Dimension
    before: Money
    after: Money
    change: Annotated[
        Ratio, Field(description="(after - before) / before; null where there was nothing before")
    ]
    impact: Annotated[Money, Field(description="what it is worth to the margin; below 0 it costs")]
    confidence: Annotated[Ratio, Field(description="0 to 1")]
    dismissed_by: OptionalDimension
    reason: Annotated[OptionalDimension, Field(description="why it was dismissed")]
    until: Annotated[
        OptionalDay, Field(description="from this day on it is listed again; null: dismissed for good")
    ]


@tool(window="2026-03", top=5)
def findings(
    ctx: Context,
    window: Of = None,
    top: Annotated[int, Field(ge=1, description="at most how many, for each currency")] = MOST,
    subject: Annotated[
        str | None, Field(description="only this subject, or only subjects of this level: `tenant`")
    ] = None,
    kind: Kind | None = None,
    dismissed: Annotated[bool, Field(description="list those that were dismissed instead")] = False,  # noqa: FBT002
) -> list[Insight]:
    """What moved in the twelve months up to a month, is not chance, and matters; the largest first.

    Nothing is listed for a month that is not whole, nor with fewer than three months of data; trends and changes of
    level take six.
    """
    said = ctx.rows(Dismissals)
    found: list[Insight] = []
    listed: dict[str, int] = {}
    for row in sorted(ctx.rows(Insights, month_of(ctx, window)), key=lambda r: (r.currency, r.rank)):
        because = dismissed_by(row, said, ctx.now.date())
        asked = subject in (None, row.subject, row.level) and kind in (None, row.kind)
        if not asked or (because is not None) is not dismissed:
            continue
        if (count := listed.get(row.currency, 0)) < top:
            listed[row.currency] = count + 1
            found.append(_insight(row, because))
    return found


def month_of(ctx: Context, window: Window | None) -> Window:
    """The newest whole month of the window, or of all there is."""
    return ctx.month(CostProfile) if window is None else window.newest_month


def one_finding(ctx: Context, name: str, window: Window | None) -> Insights:
    """Raises `not_found` with the names near it."""
    month = month_of(ctx, window)
    found = ctx.rows(Insights, month, finding=name)
    if not found:
        names = [row.finding for row in ctx.rows(Insights, month)]
        raise unknown("finding", name, names, f"`cost_insights findings` lists those of {month.start:%Y-%m}")
    return found[0]


def told(row: Insights) -> dict[str, Any]:
    """A finding's evidence."""
    return cast("dict[str, Any]", json.loads(row.evidence or "{}"))


def _insight(row: Insights, because: Dismissals | None) -> Insight:
    return Insight(
        finding=row.finding,
        made_on=row.made_on,
        rank=row.rank,
        headline=headline(row),
        subject=row.subject,
        kind=row.kind,
        measure=row.measure,
        shape=row.shape,
        direction=row.direction,
        since=row.since,
        currency=row.currency,
        before=row.before,
        after=row.after,
        change=part(row.after - row.before, abs(row.before)),
        impact=row.impact,
        confidence=row.confidence,
        dismissed_by=because and because.by,
        reason=because and because.reason,
        until=because and because.until,
    )


def headline(row: Insights) -> str:
    """The finding in a sentence, without any figure that the row does not hold."""
    up, since = row.direction == "up", f"{row.since:%Y-%m}"
    now, was = _money(row, row.after), _money(row, row.before)
    who, evidence = _who(row), told(row)
    whole = {"cost": "of all cost", "revenue": "of all revenue"}.get(row.measure, "")
    sentences = {
        "trend": f"{row.measure} {'grows' if up else 'falls'} steadily, from {was} a month to {now}",
        "level": f"{row.measure} is {now} a month since {since}, {'up' if up else 'down'} from {was}",
        "jump": f"{row.measure} was {now} in {since}, {'up' if up else 'down'} from {was} a month",
        "margin": f"margin is {now} a month; at its earlier part of revenue it would be {was}",
        "mix": f"{'more' if up else 'less'} {whole} than before: {now} a month; at its earlier part {was}",
        "unit_cost": f"a unit costs {'more' if up else 'less'}: its use comes to {now} a month, "
        f"and would to {was} at the earlier unit cost",
        "usage_without_revenue": f"use {'grows' if up else 'falls'} and revenue does not follow: "
        f"cost is {now} a month, {was} before",
        "concentration": f"the five that pay most pay {now} a month; at their earlier part of revenue {was}",
        "new": f"new since {since}: {_gained(row)} {now} a month",
        "lost": f"gone since {since}: {_gained(row)} {was} a month",
        "season": f"{row.measure} is higher in {_listed(evidence.get('of_the_year', ()))}, as the year before: "
        f"{now} a month, {was} in others",
        "day_of_week": f"its use on {_listed(evidence.get('days', ()))} costs {now} a month, "
        f"and would cost {was} as on other days",
    }  # fmt: skip
    return f"{who}: {sentences[row.kind]}."


def _who(row: Insights) -> str:
    if row.level == "tenants":
        return f"{len(told(row)['filters']['tenant_id'])} tenants"
    return "all" if row.level == "total" else f"{row.level} {row.name}"


def _gained(row: Insights) -> str:
    return "a margin of" if row.measure == "margin" else "a cost of"


def _money(row: Insights, amount: Decimal) -> str:
    return f"{shown(amount)} {row.currency}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([*([", ".join(names[:-1])] if names[:-1] else []), *names[-1:]])

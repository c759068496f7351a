"""Insights: what moved in the last twelve months, is not chance, and matters; and what people said of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, localcontext
from typing import Annotated, Any, ClassVar

from ..kernel.dataset import (
    Column,
    Dataset,
    Day,
    Dimension,
    Key,
    Money,
    Note,
    OptionalDay,
    OptionalDimension,
    Ratio,
    Role,
    Time,
)
from ..kernel.money import EXACT, exact, per
from ..kernel.time import Window, next_month
from ..methods.insight import Finding, ranked, told_once
from .cost_profile import CostProfile
from .feature_cost import FeatureCost
from .insight_figures import MONTHS, costs_of, figures_of, month_before
from .margin import Margin
from .tenant_cost import TenantCost
from .usage import MeterHours, UsageHourly

Date = Annotated[date, Column(Role.DIMENSION, "DATE")]
Place = Annotated[int, Column(Role.DIMENSION, "BIGINT")]
_MONTH = "CAST(date_trunc('month', day) AS DATE)"
MOST = 40
"""Findings kept of a month and currency, so that some are left to tell when others are dismissed."""


class Insights(Dataset):
    """One finding of one month, from that month and up to eleven before it; of whole months alone.

    `finding` names it alike in every month. `subject` is `total`, `tenants` (several at once), or a level (`tier`,
    `tenant`, `service`, `feature`), a colon and a name. `kind` is `trend`, `level`, `jump` (cost or revenue), `margin`
    (the part of revenue that is left), `mix` (a tier's or feature's part of the whole), `unit_cost`,
    `usage_without_revenue`, `concentration`, `day_of_week`, `season`, `new` or `lost`; `shape` says how it moved. Money
    is per month: `before` is what later months would have had as things were, `after` what they had, `impact` what that
    is worth to the margin (below 0: it costs). `since` is the first month after the change, of a trend its first.
    `confidence` is 1 less the share of chance among findings like this (Benjamini and Hochberg, over all tests of the
    month), times the part of the subject's cost that is known. `evidence` is JSON: datasets, filters and months of the
    figures, the test, and in `also` the findings that this one explains.
    """

    partition: ClassVar[str] = "month"
    keys: ClassVar[tuple[str, ...]] = ("month", "finding")
    reads: ClassVar[tuple[type[Dataset], ...]] = (
        Margin, CostProfile, TenantCost, FeatureCost, UsageHourly, MeterHours
    )  # fmt: skip
    whole_months: ClassVar[bool] = True
    # A month's figures are in the findings of eleven months after it; and by its first day the month before is whole.
    touches: ClassVar[str | None] = " UNION ".join(
        f"SELECT CAST({_MONTH} {later} MONTH AS DATE) AS day FROM changed"
        for later in ["- INTERVAL '1'", *(f"+ INTERVAL '{months}'" for months in range(2 * MONTHS))]
    )

    month: Day
    made_on: Date
    finding: Key
    rank: Place
    subject: Dimension
    level: Dimension
    name: Dimension
    kind: Dimension
    measure: Dimension
    shape: OptionalDimension
    direction: Dimension
    since: Date
    currency: Dimension
    before: Money
    after: Money
    impact: Money
    confidence: Ratio
    p_value: Ratio
    evidence: Note

    @classmethod
    def compute(cls, read: Any, window: Window, settings: Mapping[str, Any]) -> Iterator[Insights]:
        for month in window.widened_to_months().months():
            with localcontext(EXACT):
                rows = cls._of_month(read, month)
            yield from rows

    @classmethod
    def _of_month(cls, read: Any, month: Window) -> list[Insights]:
        # numpy is for builds alone: `--help` reads this module, too.
        from ..methods.insight.findings import findings  # noqa: PLC0415

        found, tests = findings(figures_of(read, month.start))
        rows: list[Insights] = []
        places: dict[str, int] = {}
        for one in ranked(told_once(found, _shared(read, found)), MOST):
            currency = one.figures.currency
            places[currency] = places.get(currency, 0) + 1
            rows.append(cls._row(month, one, places[currency], tests))
        return rows

    @classmethod
    def _row(cls, month: Window, found: Finding, place: int, tests: int) -> Insights:
        return cls(
            month=month.start,
            made_on=month.end,
            finding=found.key,
            rank=place,
            subject=":".join(filter(None, (found.level, found.subject.name))),
            level=found.level,
            name=found.subject.name,
            kind=found.kind,
            measure=found.measure,
            shape=found.shape,
            direction="up" if found.after > found.before else "down",
            since=found.since,
            currency=found.figures.currency,
            before=found.before,
            after=found.after,
            impact=found.impact,
            confidence=round(found.confidence, 6),
            p_value=found.p_value,
            evidence=_evidence(found, tests),
        )


class Dismissals(Dataset):
    """A finding that somebody does not want to be told of any more, and why.

    It holds for the change in `since` (a month earlier or later counts as the same), or for what lasts, as a trend
    does, until the impact has doubled; where it says `until`, before that day only.
    Filled by the tool `cost_insights.dismiss`. `at` is UTC.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("finding", "since")

    finding: Key
    since: Date
    currency: Dimension
    impact: Money
    reason: Dimension
    by: Dimension
    at: Time
    until: OptionalDay = None


def dismissed_by(finding: Insights, dismissals: Sequence[Dismissals], today: date) -> Dismissals | None:
    """The newest dismissal that holds for a finding on a day."""
    lasts = finding.shape == "trend" or finding.kind in _NAMED
    holding = [
        d
        for d in dismissals
        if d.finding == finding.finding
        and (d.until is None or today < d.until)
        and (lasts or month_before(d.since) <= finding.since <= next_month(d.since))
        and abs(finding.impact) <= 2 * abs(d.impact)
    ]
    return max(holding, key=lambda d: d.at, default=None)


_TABLES = {"service": CostProfile, "feature": FeatureCost}
_NAMES = {"service": "service_name", "feature": "feature_id", "tenant": "tenant_id", "tier": "tier"}
_NAMED = {"day_of_week": "days", "season": "of_the_year"}
_OF_COST = {"trend", "level", "jump", "mix", "new", "lost"}
_NONE = Decimal(0)
_METERED = {"usage_without_revenue": UsageHourly, "unit_cost": MeterHours, "day_of_week": MeterHours}


def _evidence(found: Finding, tests: int) -> str:
    """Where the figures come from, and what was done with them, as JSON."""
    months, (before, after) = found.figures.months, found.months
    first = months[0].replace(year=months[0].year - 1) if found.kind == "season" else months[0]
    filters: dict[str, Any] = {"currency": found.figures.currency}
    if found.names and found.kind not in _NAMED:
        filters["tenant_id"] = list(found.names)
    elif found.level in _NAMES:
        filters[_NAMES[found.level]] = found.subject.name
    elif found.kind == "unit_cost":
        metered = (s.name for s in found.figures.subjects if s.level == "service" and any(s.units))
        filters["service_name"] = sorted(metered)
    document: dict[str, Any] = {
        "datasets": [
            (CostProfile if found.kind == "unit_cost" else _TABLES.get(found.level, Margin)).table(),
            *([_METERED[found.kind].table()] if found.kind in _METERED else []),
        ],
        "filters": filters,
        "window": str(Window(first, next_month(months[-1]))),
        "before": {"months": [f"{months[m]:%Y-%m}" for m in before], "amount": exact(found.before)},
        "after": {"months": [f"{months[m]:%Y-%m}" for m in after], "amount": exact(found.after)},
        "impact": exact(found.impact),
    }
    if found.kind in _NAMED:
        document[_NAMED[found.kind]] = list(found.names)
    if found.adjusted is not None:
        document["test"] = {"p_value": found.p_value, "adjusted": found.adjusted, "tests": tests}
    if found.also:
        document["also"] = list(found.also)
    return json.dumps(document, ensure_ascii=False)


def _shared(read: Any, found: Sequence[Finding]) -> Callable[[Finding, Finding], Decimal | None]:
    """How much of a service's or feature's impact is a tenant's, among these findings."""
    tenants = sorted({f.subject.name for f in found if f.level == "tenant"})
    costs: dict[str, dict[tuple[str, str, str, date], Decimal]] = {}
    for level, table in (("service", "tenant_cost"), ("feature", "feature_cost")):
        names = sorted({f.subject.name for f in found if f.level == level and f.kind in _OF_COST})
        if names and tenants:
            months = found[0].figures.months
            costs[level] = costs_of(read, table, _NAMES[level], names, tenants, months)

    def part(tenant: Finding, one: Finding) -> Decimal | None:
        known = costs.get(one.level)
        if known is None or one.kind not in _OF_COST:
            return None
        months = one.figures.months
        whose = (tenant.subject.name, one.subject.name, one.figures.currency)
        was, became = (
            per(sum((known.get((*whose, months[m]), _NONE) for m in side), _NONE), len(side))
            for side in one.months
        )
        return was - became

    return part

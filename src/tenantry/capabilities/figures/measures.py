"""What can be measured: each measure as a sum of a dataset's column, or as one sum divided by another."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ...datasets import FeatureCost, Margin, Requests, TenantCost, UsageHourly
from ...kernel import Dataset
from ...kernel.money import Basis


class Measure(StrEnum):
    """The measures, as questions name them."""

    COST = "cost"
    BILLED_COST = "billed_cost"
    LIST_COST = "list_cost"
    CONTRACTED_COST = "contracted_cost"
    REVENUE = "revenue"
    MARGIN = "margin"
    MARGIN_RATIO = "margin_ratio"
    USAGE = "usage"
    REQUESTS = "requests"
    ERRORS = "errors"
    ERROR_RATE = "error_rate"
    ACTIVE_USERS = "active_users"
    TENANTS = "tenants"
    COST_PER_USER = "cost_per_user"
    COST_PER_REQUEST = "cost_per_request"
    AVERAGE_COST = "average_cost"
    AVERAGE_REVENUE = "average_revenue"


class Cut(StrEnum):
    """The dimensions by which figures are cut."""

    TENANT = "tenant"
    TIER = "tier"
    PLAN = "plan"
    SERVICE = "service"
    FEATURE = "feature"
    METER = "meter"


class Grain(StrEnum):
    """The periods by which figures are cut."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Special(StrEnum):
    """Sums that are no plain sum of a column."""

    USERS = "users"
    TENANTS = "tenants"
    WITH_COST = "with_cost"
    WITH_REVENUE = "with_revenue"


@dataclass(frozen=True)
class Column:
    """A column to sum: of which dataset, by which columns it can be cut, and what it holds."""

    dataset: type[Dataset]
    name: str
    day: str
    cuts: dict[Cut, str] = field(default_factory=dict[Cut, str])
    money: bool = True


_TENANT = {Cut.TENANT: "tenant_id"}
_OF_COST = {**_TENANT, Cut.SERVICE: "service_name"}
_OF_MARGIN = {**_TENANT, Cut.PLAN: "plan"}
_OF_USAGE = {**_OF_COST, Cut.FEATURE: "feature_id", Cut.METER: "meter"}
UNITS = Column(UsageHourly, "units", "day", _OF_USAGE, money=False)
_OF_LOGS = {**_TENANT, Cut.FEATURE: "feature_id"}
REVENUE = Column(Margin, "revenue", "month", _OF_MARGIN)


def cost(basis: Basis, *, plan: bool, feature: bool) -> Column:
    """The cost column that can be cut by plan or by feature, where that is asked for."""
    if plan and basis is Basis.EFFECTIVE:
        return Column(Margin, basis.column, "month", _OF_MARGIN)
    if feature:
        return Column(FeatureCost, basis.column, "charge_day", {**_OF_COST, Cut.FEATURE: "feature_id"})
    return Column(TenantCost, basis.column, "charge_day", _OF_COST)


def logged(name: str) -> Column:
    """A column of the requests in access logs."""
    return Column(Requests, name, "day", _OF_LOGS, money=False)


MARGIN = Column(Margin, "margin", "month", _OF_MARGIN)
BASIS = {
    Measure.COST: Basis.EFFECTIVE,
    Measure.BILLED_COST: Basis.BILLED,
    Measure.LIST_COST: Basis.LIST,
    Measure.CONTRACTED_COST: Basis.CONTRACTED,
}
UNIT = {
    Measure.MARGIN_RATIO: "ratio",
    Measure.ERROR_RATE: "ratio",
    Measure.REQUESTS: "requests",
    Measure.ERRORS: "errors",
    Measure.ACTIVE_USERS: "users",
    Measure.TENANTS: "tenants",
    Measure.USAGE: "units",
}
"""What a measure's value is in, where it is no money."""

_EVERYWHERE = frozenset({Cut.TENANT, Cut.TIER})
CUTS: dict[Measure, frozenset[Cut]] = {
    Measure.COST: _EVERYWHERE | {Cut.PLAN, Cut.SERVICE, Cut.FEATURE},
    Measure.BILLED_COST: _EVERYWHERE | {Cut.SERVICE, Cut.FEATURE},
    Measure.LIST_COST: _EVERYWHERE | {Cut.SERVICE, Cut.FEATURE},
    Measure.CONTRACTED_COST: _EVERYWHERE | {Cut.SERVICE, Cut.FEATURE},
    Measure.REVENUE: _EVERYWHERE | {Cut.PLAN},
    Measure.MARGIN: _EVERYWHERE | {Cut.PLAN},
    Measure.MARGIN_RATIO: _EVERYWHERE | {Cut.PLAN},
    Measure.AVERAGE_REVENUE: _EVERYWHERE | {Cut.PLAN},
    Measure.USAGE: _EVERYWHERE | {Cut.SERVICE, Cut.FEATURE, Cut.METER},
    Measure.REQUESTS: _EVERYWHERE | {Cut.FEATURE},
    Measure.ERRORS: _EVERYWHERE | {Cut.FEATURE},
    Measure.ERROR_RATE: _EVERYWHERE | {Cut.FEATURE},
    Measure.ACTIVE_USERS: _EVERYWHERE,
    Measure.TENANTS: _EVERYWHERE,
    Measure.COST_PER_USER: _EVERYWHERE,
    Measure.COST_PER_REQUEST: _EVERYWHERE,
    Measure.AVERAGE_COST: _EVERYWHERE | {Cut.SERVICE},
}
"""By what each measure can be cut, and of what it can be asked."""

"""What an explanation says: flat records, so that a terminal, a page and a program can all show them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

from ...datasets.allocation_rules import Place
from ...kernel.dataset import (
    Count,
    Day,
    Dimension,
    Money,
    Note,
    OptionalDimension,
    OptionalMoney,
    OptionalTime,
    Ratio,
)
from ...kernel.money import Basis

Amount = Annotated[Decimal, Field(description="exact")]


class Figure(BaseModel):
    """The tenant's figure in one currency: the sum of the parts, and of the smaller ones that are not shown."""

    currency: Dimension
    billed_cost: Money
    effective_cost: Money
    list_cost: Money
    contracted_cost: Money
    smaller_parts: Count
    smaller_cost: Annotated[Money, Field(description="their cost, in the basis asked for")]
    unexplained: Annotated[Money, Field(description="what all parts leave of the figure: 0")]


class Part(BaseModel):
    """A pool's money of one service that reached the tenant in one way: cost = share x shared_cost.

    `shared_cost` is what all tenants got of it in the same way. The ways of a pool sum to `pool_cost`, which is the sum
    of `charges` charges of the bill. Of a silo, all of it is the tenant's own. A correction of a closed month has none
    of these: its `reason` says the other month.
    """

    part: Annotated[Place, Field(description="its number, the largest first")]
    service_name: Dimension
    pool: Dimension
    driver_pool: Annotated[Dimension, Field(description="whose driver shared it, where pools feed pools")]
    rung: Dimension
    reason: Dimension
    currency: Dimension
    cost: Money
    share: Annotated[Ratio, Field(description="cost / shared_cost")]
    shared_cost: OptionalMoney
    pool_cost: OptionalMoney
    charges: Count
    because: Dimension
    rule: Annotated[
        OptionalDimension, Field(description="as its author wrote it, with its place in the policy")
    ]


class DriverSample(BaseModel):
    """What the tenant had of a part's driver beside all tenants: in the window, or in one of its busiest hours."""

    part: Place
    meter: Dimension
    hour: OptionalTime
    quantity: Amount
    of: Annotated[Decimal | None, Field(description="the same of all tenants")]
    share: Ratio


class BillRow(BaseModel):
    """One of the largest charges of a part's pool and service, and where it stood."""

    part: Annotated[Place, Field(description="the first part that it belongs to")]
    charge_key: Dimension
    charge_day: Day
    currency: Dimension
    cost: Money
    category: Dimension
    description: Note
    file: OptionalDimension
    row: Place


class Explanation(BaseModel):
    """Where a tenant's cost comes from, from the figure to the bill. Amounts are in the basis asked for, and exact."""

    tenant_id: Dimension
    window: Dimension
    basis: Basis
    policy_version: Dimension
    figures: list[Figure]
    parts: list[Part]
    drivers: list[DriverSample]
    bill_rows: list[BillRow]

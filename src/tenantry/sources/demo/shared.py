"""The shared resources of one region: sized by what their tenants consume, billed by the provider's rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from . import prices
from .bill import SHARED, Account, Bill, Spans, described
from .dice import Ints
from .plan import Plan
from .prices import QUANTITY, Item
from .stored import stored_mb
from .traffic import Cells
from .truth import SHARED as NOBODY
from .truth import Truth, slot_sums

MS_PER_HOUR = 3_600_000
CORE = {"team": "platform", "env": "prod", "app": "core"}
DATA = {"team": "data", "env": "prod", "app": "core"}
EDGE_DISCOUNT = 120
"""Thousandths off the content delivery network's list price, by contract."""
COMMITMENT_ID = "arn:aws:savingsplans::104857600001:savingsplan/4f0c1b52-7a1e-4a53-9d54-0b8f2a6de0c1"


@dataclass
class Commitment:
    """A Savings Plan: so much an hour, paid whether used or not. `left` is what the hours of a month still hold."""

    hourly: int
    left: Ints

    def cover(self, nodes: Ints, price: int) -> Ints:
        """How many of the nodes the plan still pays in each hour."""
        covered = np.minimum(nodes, self.left // price)
        self.left = self.left - covered * price
        return covered


@dataclass
class Region:
    """What the shared account of one region is charged in one month."""

    plan: Plan
    bill: Bill
    truth: Truth
    cells: Cells
    index: int
    account: Account = field(init=False)

    def __post_init__(self) -> None:
        self.account = SHARED[self.index]
        here = (self.plan.region == self.index)[self.cells.tenant]
        self.pooled = self.cells.only(here & self.plan.database_shared[self.cells.tenant])
        self.cells = self.cells.only(here & self.plan.compute_shared[self.cells.tenant])
        self.spans = Spans(self.cells.hours, 1)
        self.days = Spans.of_days(self.bill.month, self.cells.days)

    def charge(self, nodes: Ints, commitment: Commitment | None) -> None:
        self._compute(nodes, commitment)
        self._database()
        self._storage()
        self._by_day()
        cluster = np.full(self.cells.days, 24 * QUANTITY, dtype=np.int64)
        cost = self.bill.usage(
            prices.CONTROL_PLANE,
            self.account,
            self.days,
            cluster,
            resource=self._arn("eks", "cluster/core"),
            tags=CORE,
        )
        self.truth.whole(self.bill, NOBODY, prices.EKS.name, "overhead", int(cost.sum()))

    def nodes(self) -> Ints:
        """Nodes of each hour: what was consumed and an eighth for the system, at most 62 % busy, never fewer than two,
        and let go an hour late.
        """
        load = slot_sums(self.cells.hour, self.cells.consumed["compute_ms"], len(self.cells.hours))
        useful = prices.NODE_VCPU * MS_PER_HOUR * 62 // 100
        wanted = np.maximum(2, -(-(load + load // 8) // useful))
        return np.maximum(wanted, np.append(wanted[:1], wanted[:-1]))

    def _compute(self, nodes: Ints, commitment: Commitment | None) -> None:
        group = self._arn("eks", "nodegroup/core/general")
        covered = np.zeros_like(nodes)
        cost = np.zeros_like(nodes)
        if commitment:
            price = prices.NODE_COMMITTED[self.account.region]
            covered = commitment.cover(nodes, price)
            cost = covered * price
            self._covered(covered, cost, group)
        cost = cost + self.bill.usage(
            prices.NODE, self.account, self.spans, (nodes - covered) * QUANTITY, resource=group, tags=CORE
        )
        capacity = nodes * prices.NODE_VCPU * MS_PER_HOUR
        weight = self.cells.consumed["compute_ms"]
        self.truth.shared(self.bill, self.cells, self.cells.hour, weight, cost, prices.EC2.name, capacity)
        per_day = nodes.reshape(-1, 24).sum(axis=1) * 100 * QUANTITY // (24 * self.cells.days)
        self._day_pool(prices.DISK, per_day, "compute_ms", f"vol-{self.index:08x}core")

    def _covered(self, covered: Ints, cost: Ints, group: str) -> None:
        some = covered > 0
        region, item = self.account.region, prices.NODE
        list_price = item.price(region)
        self.bill.add(
            self.spans.only(some),
            self.account,
            **described(item, region, list_price),
            ResourceId=group,
            ResourceName="general",
            ResourceType=item.resource_type,
            ConsumedQuantity=covered[some] * QUANTITY,
            ConsumedUnit=item.unit,
            PricingQuantity=covered[some] * QUANTITY,
            PricingUnit=item.unit,
            PricingCategory="Committed",
            ListUnitPrice=list_price,
            ContractedUnitPrice=list_price,
            EffectiveCost=cost[some],
            ListCost=covered[some] * list_price,
            ContractedCost=covered[some] * list_price,
            Tags=CORE,
            **commitment_columns("Used", cost[some]),
        )

    def _database(self) -> None:
        replicas = self.instances()
        cluster = self._arn("rds", "cluster:core")
        cost = self.bill.usage(
            prices.DATABASE, self.account, self.spans, replicas * QUANTITY, resource=cluster, tags=DATA
        )
        capacity = replicas * prices.DATABASE_VCPU * MS_PER_HOUR
        weight = self.pooled.consumed["db_ms"]
        self.truth.shared(self.bill, self.pooled, self.pooled.hour, weight, cost, prices.RDS.name, capacity)

    def instances(self) -> Ints:
        """Aurora instances of each hour."""
        hours = len(self.cells.hours)
        if self.index:
            return np.ones(hours, dtype=np.int64)
        added = (self.plan.story.replica_added - self.bill.month) // timedelta(hours=1)
        return np.where(np.arange(hours) >= added, 3, 2).astype(np.int64)

    def _storage(self) -> None:
        for item, kind, sharing, resource in (
            (
                prices.DATABASE_STORAGE,
                "database",
                self.plan.database_shared,
                self._arn("rds", "cluster:core"),
            ),
            (
                prices.OBJECTS,
                "objects",
                self.plan.compute_shared,
                f"arn:aws:s3:::quillhaven-files-{self.index}",
            ),
        ):
            mb = stored_mb(self.plan, self.bill.month, self.cells.days, kind)
            mb[(self.plan.region != self.index) | ~sharing] = 0
            quantity = mb.sum(axis=0) * 1000 // self.cells.days
            cost = self.bill.usage(item, self.account, self.days, quantity, resource=resource, tags=DATA)
            self.truth.by_tenant(self.bill, mb, cost, item.service.name)

    def _by_day(self) -> None:
        total = {
            name: slot_sums(self.cells.day, v, self.cells.days) for name, v in self.cells.consumed.items()
        }
        day = np.full(self.cells.days, 24 * QUANTITY, dtype=np.int64)
        balancer = self._arn("elasticloadbalancing", "loadbalancer/app/core/7d1f")
        edge = f"arn:aws:cloudfront::{self.account.id}:distribution/E{self.index}QUILL"
        pools: tuple[tuple[Item, Ints, str, str], ...] = (
            (
                prices.READS,
                total["read_units"] * QUANTITY,
                "read_units",
                self._arn("dynamodb", "table/events"),
            ),
            (
                prices.WRITES,
                total["write_units"] * QUANTITY,
                "write_units",
                self._arn("dynamodb", "table/events"),
            ),
            (prices.FUNCTION_TIME, total["gb_ms"] * 1000, "gb_ms", self._arn("lambda", "function:render")),
            (
                prices.FUNCTION_CALLS,
                total["gb_ms"] // 900 * QUANTITY,
                "gb_ms",
                self._arn("lambda", "function:render"),
            ),
            (
                prices.OBJECT_WRITES,
                total["egress_kb"] // 3000 * QUANTITY,
                "egress_kb",
                "arn:aws:s3:::quillhaven-files",
            ),
            (
                prices.OBJECT_READS,
                total["egress_kb"] // 250 * QUANTITY,
                "egress_kb",
                "arn:aws:s3:::quillhaven-files",
            ),
            (prices.BALANCER, 2 * day, "requests", balancer),
            (prices.BALANCER_UNITS, total["requests"] * 20, "requests", balancer),
            (prices.EDGE, total["egress_kb"], "egress_kb", edge),
            (prices.EDGE_REQUESTS, total["requests"] * QUANTITY, "requests", edge),
            (prices.LOGS, total["log_bytes"] // 1000, "log_bytes", self._arn("logs", "log-group:/core")),
            (prices.CACHE, 2 * day, "cache_ops", self._arn("elasticache", "cluster:core")),
            (prices.MESSAGES, total["messages"] * QUANTITY, "messages", self._arn("sqs", "jobs")),
            (
                prices.TOKENS_IN,
                total["input_tokens"] * 1000,
                "input_tokens",
                self._arn("bedrock", "nova-lite"),
            ),
            (
                prices.TOKENS_OUT,
                total["output_tokens"] * 1000,
                "output_tokens",
                self._arn("bedrock", "nova-lite"),
            ),
        )
        for item, quantity, weight, resource in pools:
            self._day_pool(item, quantity, weight, resource)

    def _day_pool(self, item: Item, quantity: Ints, weight: str, resource: str) -> None:
        tags = CORE if item.service not in (prices.DYNAMODB, prices.S3, prices.ELASTICACHE) else DATA
        discount = EDGE_DISCOUNT if item.service is prices.CLOUDFRONT else 0
        if item.service is not prices.BEDROCK:
            cost = self.bill.usage(
                item, self.account, self.days, quantity, resource=resource, tags=tags, discount=discount
            )
        else:
            cost = self._tokens(item, quantity, resource)
        self.truth.shared(
            self.bill, self.cells, self.cells.day, self.cells.consumed[weight], cost, item.service.name
        )

    def _tokens(self, item: Item, quantity: Ints, resource: str) -> Ints:
        """Before and after the provider cut the price of tokens."""
        cut = (self.plan.story.cloud_price_cut - self.bill.month).days
        before = np.arange(self.cells.days) < cut
        tags, list_price = {**CORE, "team": "ai"}, item.price(self.account.region)
        cost = np.zeros_like(quantity)
        for mask, price in ((before, list_price), (~before, list_price * 7 // 10)):
            if mask.any():
                cost = cost + self.bill.usage(
                    item,
                    self.account,
                    self.days,
                    np.where(mask, quantity, 0),
                    resource=resource,
                    tags=tags,
                    price=price,
                )
        return cost

    def _arn(self, service: str, name: str) -> str:
        return f"arn:aws:{service}:{self.account.region}:{self.account.id}:{name}"


def commitment_columns(status: str | None, quantity: Ints) -> dict[str, object]:
    """The columns that tie a charge to the Savings Plan; its quantity is money, in 1e-10 USD."""
    return {
        "CommitmentDiscountId": COMMITMENT_ID,
        "CommitmentDiscountName": "Compute Savings Plan, one year, no upfront",
        "CommitmentDiscountCategory": "Spend",
        "CommitmentDiscountType": "Compute Savings Plan",
        "CommitmentDiscountStatus": status,
        "CommitmentDiscountQuantity": quantity // 10_000,
        "CommitmentDiscountUnit": "USD",
    }

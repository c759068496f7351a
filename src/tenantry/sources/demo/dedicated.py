"""Resources of one tenant alone: accounts of their own, and databases and buckets tagged with a tenant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import prices
from .bill import SHARED, Account, Bill, Spans
from .dice import Ints
from .plan import Plan, Tenant
from .prices import QUANTITY, Item
from .product import REGIONS
from .shared import MS_PER_HOUR
from .stored import stored_mb
from .traffic import Cells
from .truth import Truth, slot_sums

_SMALL_DATABASE_VCPU = 2


@dataclass
class Dedicated:
    """What one month charges for resources that only one tenant uses."""

    plan: Plan
    bill: Bill
    truth: Truth
    cells: Cells

    def charge(self) -> None:
        self.days = Spans.of_days(self.bill.month, self.cells.days)
        self.database_mb = stored_mb(self.plan, self.bill.month, self.cells.days, "database")
        self.object_mb = stored_mb(self.plan, self.bill.month, self.cells.days, "objects")
        bridges = 0
        for i, tenant in enumerate(self.plan.tenants):
            if tenant.isolation == "silo":
                self._silo(i, tenant)
            elif tenant.isolation == "bridge":
                self._bridge(i, tenant, bridges)
                bridges += 1
            elif tenant.tier == "enterprise":
                self._bucket(i, tenant)

    def _present(self, i: int) -> Ints:
        first = self.plan.day(self.bill.month)
        return (self.plan.level[i, first : first + self.cells.days] > 0).astype(np.int64)

    def _silo(self, i: int, tenant: Tenant) -> None:
        account = Account(tenant.account, f"quillhaven-{tenant.id}", tenant.region)
        present = self._present(i)
        mine = self.cells.only(self.cells.tenant == i)
        total = {name: slot_sums(mine.day, v, mine.days) for name, v in mine.consumed.items()}
        busy = prices.NODE_VCPU * MS_PER_HOUR * 60 // 100
        node_hours = np.maximum(48, -(-(total["compute_ms"] + total["compute_ms"] // 8) // busy))
        keep = self.cells.days
        items: tuple[tuple[Item, Ints], ...] = (
            (prices.NODE, node_hours * QUANTITY),
            (prices.CONTROL_PLANE, np.full_like(node_hours, 24 * QUANTITY)),
            (prices.DATABASE_SMALL, _database_hours(total["db_ms"]) * QUANTITY),
            (prices.DATABASE_STORAGE, self.database_mb[i] * 1000 // keep),
            (prices.OBJECTS, self.object_mb[i] * 1000 // keep),
            (prices.BALANCER, np.full_like(node_hours, 24 * QUANTITY)),
            (prices.EDGE, total["egress_kb"]),
            (prices.READS, total["read_units"] * QUANTITY),
            (prices.WRITES, total["write_units"] * QUANTITY),
            (prices.FUNCTION_TIME, total["gb_ms"] * 1000),
            (prices.LOGS, total["log_bytes"] // 1000),
            (prices.TOKENS_IN, total["input_tokens"] * 1000),
            (prices.TOKENS_OUT, total["output_tokens"] * 1000),
        )
        for item, quantity in items:
            resource = f"arn:aws:{item.service.code.lower()}:{tenant.region}:{tenant.account}:{item.resource_type}/main"
            self._add(
                tenant, account, item, quantity * present, resource, {"team": "platform", "env": "prod"}
            )

    def _bridge(self, i: int, tenant: Tenant, order: int) -> None:
        """Tags are typed by people: most say the id, one shouts it, one says the alias."""
        named = (tenant.id, tenant.id.upper(), tenant.aliases[0])[order] if order < 3 else tenant.id
        mine = self.cells.only(self.cells.tenant == i)
        hours = _database_hours(slot_sums(mine.day, mine.consumed["db_ms"], mine.days))
        account = SHARED[REGIONS.index(tenant.region)]
        tags = {"team": "data", "env": "prod", "tenant": named}
        resource = f"arn:aws:rds:{account.region}:{account.id}:cluster:{tenant.id}"
        present = self._present(i)
        self._add(tenant, account, prices.DATABASE_SMALL, hours * QUANTITY * present, resource, tags)
        stored = self.database_mb[i] * 1000 // self.cells.days
        self._add(tenant, account, prices.DATABASE_STORAGE, stored * present, resource, tags)

    def _bucket(self, i: int, tenant: Tenant) -> None:
        """Large pooled tenants have a bucket of their own for exports, beside their part of the shared one."""
        account = SHARED[REGIONS.index(tenant.region)]
        tags = {"team": "data", "env": "prod", "tenant": tenant.id}
        stored = self.object_mb[i] // 5 * 1000 // self.cells.days
        self._add(
            tenant, account, prices.OBJECTS, stored, f"arn:aws:s3:::quillhaven-exports-{tenant.id}", tags
        )

    def _add(
        self,
        tenant: Tenant,
        account: Account,
        item: Item,
        quantity: Ints,
        resource: str,
        tags: dict[str, str],
    ) -> None:
        cost = self.bill.usage(item, account, self.days, quantity, resource=resource, tags=tags)
        self.truth.whole(self.bill, tenant.id, item.service.name, "silo", int(cost.sum()))


def _database_hours(db_ms: Ints) -> Ints:
    """Instance hours of a day: a pair at least, 55 % busy at most."""
    return np.maximum(48, -(-db_ms // (_SMALL_DATABASE_VCPU * MS_PER_HOUR * 55 // 100)))

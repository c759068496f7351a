"""A vendor whose landed data and policy change: what tests of builds over time start from."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from building import land
from made_up_bills import Books, books
from small_vendor import SmallVendor

from tenantry.datasets import ActiveUsers, Charges, Tenants, Usage
from tenantry.methods.policy import Policy


class Changing:
    """A vendor whose landed data and policy change."""

    def __init__(self, folder: Path) -> None:
        self.first = books([0, 1])
        self.vendor = SmallVendor(folder, self.first.policy).land(**self.first.rows())

    def restate(self, made: Books) -> None:
        """A period of the bill as another bill has it: other days, other amounts, or nothing at all."""
        period = max(row["billing_period"] for row in made.charges)
        land(self.vendor, Charges, [r for r in made.charges if r["billing_period"] == period], period)

    def forget(self, made: Books) -> None:
        """A period, and a day of usage, that never were."""
        land(self.vendor, Charges, [], made.charges[0]["billing_period"])
        land(self.vendor, Usage, [], made.charges[0]["charge_day"])

    def use(self, made: Books) -> None:
        """Late usage for a day."""
        day = made.usages[0]["day"] if made.usages else date(2028, 2, 2)
        land(self.vendor, Usage, [row for row in made.usages if row["day"] == day], day)

    def rename(self, made: Books) -> None:
        land(self.vendor, Tenants, made.tenants)

    def count(self, made: Books) -> None:
        land(self.vendor, ActiveUsers, made.users)

    def decide(self, made: Books) -> None:
        """Another policy for the same pools: without its first rule, or with other coarse meters."""
        self.vendor.policy = Policy(
            rules=self.first.policy.rules[len(made.users) % 2 :], coarse=made.policy.coarse
        )


CHANGES = [Changing.restate, Changing.forget, Changing.use, Changing.rename, Changing.count, Changing.decide]

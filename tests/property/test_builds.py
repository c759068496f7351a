"""A build ends where a build from nothing would."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from building import build, differs_from_a_build_from_nothing, land, versions
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_bills import Books, books
from small_vendor import SmallVendor

from tenantry.datasets import ActiveUsers, Charges, Tenants, Usage
from tenantry.methods.policy import Policy

EXAMPLES = settings.default.max_examples if settings.default else 0


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


@settings(max_examples=max(2, EXAMPLES // 200))
@given(
    st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 40), st.booleans()), min_size=1, max_size=4)
)
def test_building_change_by_change_ends_where_a_build_from_nothing_does(changes: list[Any]):
    with tempfile.TemporaryDirectory() as folder:
        changing = Changing(Path(folder))
        build(changing.vendor)
        for change, seed, built_at_once in changes:
            change(changing, books([seed, seed + 1]))
            if built_at_once:
                build(changing.vendor)
        build(changing.vendor)
        assert differs_from_a_build_from_nothing(changing.vendor) == []
        before = versions(changing.vendor)
        assert build(changing.vendor) == {}
        assert versions(changing.vendor) == before

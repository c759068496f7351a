"""Tenants that are renamed, merged, ended, begun again; names that pass from one to another; what comes in late.

Whose usage, requests, cost and revenue are is worked out apart, name by name and day by day.
"""

from __future__ import annotations

from calendar import monthrange
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest
from building import build, differs_from_a_build_from_nothing, land
from small_vendor import SmallVendor, asked, charge, usage

from tenantry.datasets import AccessHours, Resources, Subscriptions, Tenants, Usage
from tenantry.methods.policy import Match, Meter, Policy, Rule, Strategy

pytestmark = pytest.mark.slow

Row = dict[str, Any]
FIRST, DAYS = date(2026, 2, 20), 20
MONTHS = (date(2026, 2, 1), date(2026, 3, 1))
IDS = ["acme", "Acme", "beta", "gamma", "x.example.com"]
NAMES = [*IDS, "ACME", " beta", "gamma.io", "Gamma.IO", "zeta", "it's"]
ACCOUNTS, RESOURCES = ["111", "222"], ["arn:db", "arn:db/1", "arn:q"]
ASSIGNED = ["arn:db*", "arn:*", "arn:q"]
LISTS = {"alias": "aliases", "account": "accounts", "resource": "resources"}
NOBODY = "(unallocated)"
RULES = (
    Rule(pool="Silo", strategy=Strategy.SILO, by="resource"),
    Rule(pool="Silo", strategy=Strategy.SILO, by="account"),
    Rule(pool="Disk", match=Match(service=("Disk",)), strategy=Strategy.EVEN),
    Rule(pool="Compute", match=Match(service=("Compute",)), meters=(Meter(meter="ms"),), grain="day"),
    Rule(pool="Rest", strategy=Strategy.CENTRAL),
)
NEAR = Fraction(1, 10**6)


def nth(day: int) -> date:
    return FIRST + timedelta(days=day)


class World:
    """A vendor's tenants, and what names them."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.tenants = {name: self._tenant(name) for name in self.random.sample(IDS, 3)}
        # Always there, so that whatever is for all tenants is somebody's.
        self.steady: Row = {"tenant_id": "steady", "isolation": "pool", **dict.fromkeys(LISTS.values())}
        self.charges = [row for day in range(DAYS) for row in self._charges(str(nth(day)))]
        self.usages = [usage("steady", 1, f"{nth(day)}T00", id=f"s{day}") for day in range(DAYS)]
        self.logs: list[Row] = []
        self.subscriptions: list[Row] = []
        self.resources: dict[tuple[str, ...], Row] = {}

    def listed(self) -> list[Row]:
        return [self.steady, *self.tenants.values()]

    def comes_in(self, count: int) -> set[date]:
        """So much usage and as many requests of any days, which are returned."""
        pick, number = self.random.choice, len(self.usages)
        for n in range(number, number + count):
            at = [f"{nth(self.random.randrange(DAYS))}T{self.random.randrange(24):02}" for _ in range(2)]
            self.usages.append(usage(pick(NAMES), self.random.randint(1, 50), at[0], id=f"u{n}"))
            by = pick(["claim", "user", "query", "key"])
            said = {"claim": pick(NAMES), "claimed_by": by} if self.random.random() < 0.8 else {}
            self.logs.append(asked("/orders", at[1], self.random.randint(1, 9), delivery=f"d{n}", **said))
        began = nth(self.random.randint(-10, DAYS))
        ended = began + timedelta(days=self.random.randint(1, 25)) if self.random.random() < 0.7 else None
        self.subscriptions.append({
            "tenant_id": pick(NAMES), "plan": f"p{number}", "started_on": began, "ended_on": ended, "currency": "USD",
            "amount": Decimal(self.random.randint(1, 300)), "quantity": Decimal(2), "interval": pick(["month", "year"]),
        })  # fmt: skip
        one = {
            "kind": pick(["resource", "account", "namespace"]), "resource_id": pick([*ACCOUNTS, *ASSIGNED, *NAMES]),
            "tenant_id": pick([*self.tenants]), "isolation": pick(["silo", "pool"]),
            "started_on": began, "ended_on": ended,
        }  # fmt: skip
        self.resources[one["kind"], one["resource_id"], one["tenant_id"], str(began)] = one
        return {row["day"] for row in (*self.usages[-count:], *self.logs[-count:])}

    def happens(self) -> None:
        """One change of one tenant."""
        name = self.random.choice([*self.tenants])
        other, unused = self.random.choice([*self.tenants]), [i for i in IDS if i not in self.tenants]
        new, day = self.random.choice([*unused, name]), nth(self.random.randrange(DAYS))
        change = self.random.choice(
            ["rename", "merge", "pass on", "tier", "end", "begin", "delete", "create"]
        )
        row = self.tenants[name]
        if change in ("rename", "merge"):
            into = new if change == "rename" else other
            heir = {**row, "tenant_id": into} if into == new else self.tenants[into]
            if into != name:
                del self.tenants[name]
                more = [] if change == "rename" else row["aliases"] or []
                self.tenants[into] = {**heir, "aliases": [*(heir["aliases"] or []), *more, name]}
        elif change == "pass on" and row["aliases"] and other != name:
            passed, *rest = row["aliases"]
            alias = passed.partition("@")[0]
            row["aliases"] = [*rest, f"{alias}@..{day}"]
            self.tenants[other]["aliases"] = [*(self.tenants[other]["aliases"] or []), f"{alias}@{day}.."]
        elif change == "tier":
            row["tier"] = self.random.choice(["pro", "free"])
        elif change == "end":
            row["ended_on"] = day
        elif change == "begin":
            row |= {"started_on": day, "ended_on": None}
        elif change == "delete" and len(self.tenants) > 1:
            del self.tenants[name]
        elif change == "create":
            self.tenants[new] = self._tenant(new)

    def _tenant(self, name: str) -> Row:
        random = self.random
        return {
            "tenant_id": name, "isolation": "pool", "tier": "pro",
            "aliases": [*map(self._entry, random.sample(NAMES, 3))],
            "accounts": [self._entry(random.choice(ACCOUNTS))], "resources": [self._entry(random.choice(ASSIGNED))],
            "started_on": random.choice([None, nth(random.randrange(DAYS))]),
            "ended_on": random.choice([None, nth(DAYS)]),
        }  # fmt: skip

    def _entry(self, name: str) -> str:
        first, last = (
            random.choice(["", str(nth(random.randint(-3, DAYS)))]) for random in [self.random] * 2
        )
        return self.random.choice([name, f"{name}@{first}..{last}"])

    def _charges(self, day: str) -> list[Row]:
        account, resource = self.random.choice(ACCOUNTS), self.random.choice([None, *RESOURCES])
        own = charge(7, day, service_name="Database", sub_account_id=account, resource_id=resource)
        return [charge(10, day), charge(6, day, service_name="Disk"), own]


class Answers:
    """Whose all that is, by the rules of `tenant_names`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.claims: list[tuple[str, str, str, date | None, date | None]] = []
        for row in world.listed():
            tenant = row["tenant_id"]
            self.claims.append(("id", tenant, tenant, None, None))
            for kind, column in LISTS.items():
                for entry in row[column] or []:
                    name, _, dates = entry.strip().partition("@")
                    first, _, last = dates.partition("..")
                    days = [date.fromisoformat(text) if text else None for text in (first, last)]
                    self.claims.append((kind, name, tenant, days[0], days[1]))
        for row in world.resources.values():
            kind = "alias" if row["kind"] == "namespace" else row["kind"]
            if row["isolation"] == "silo":
                span = row["started_on"], row["ended_on"]
                self.claims.append((kind, row["resource_id"], row["tenant_id"], *span))

    def of_name(self, name: str, day: date, *kinds: str) -> str | None:
        grades: dict[str, int] = {}
        for kind, called, tenant in self._on(day):
            if kind in (kinds or ("id", "alias")) and called.strip().lower() == name.strip().lower():
                grade = 2 * (called == name) + (kind == "id")
                grades[tenant] = max(grade, grades.get(tenant, 0))
        return self._best(grades)

    def of_resource(self, name: str, day: date) -> str | None:
        grades: dict[str, int] = {}
        for kind, called, tenant in self._on(day):
            if kind == "resource" and (
                called == name or (called.endswith("*") and name.startswith(called[:-1]))
            ):
                grades[tenant] = max(len(called), grades.get(tenant, 0))
        return self._best(grades)

    def _on(self, day: date) -> list[tuple[str, str, str]]:
        return [
            (kind, name, tenant)
            for kind, name, tenant, first, last in self.claims
            if (first is None or first <= day) and (last is None or day < last)
        ]

    def _best(self, grades: dict[str, int]) -> str | None:
        found = [tenant for tenant, grade in grades.items() if grade == max(grades.values())]
        return found[0] if len(found) == 1 else None

    def known(self, name: str, day: date) -> str:
        return self.of_name(name, day) or f"(unknown:{name})"

    def usage(self) -> Counter[Any]:
        units: Counter[Any] = Counter()
        for row in self.world.usages:
            units[row["time"], self.known(row["tenant_id"], row["day"])] += int(row["quantity"]) * 10**9
        return units

    def requests(self) -> Counter[Any]:
        counted: Counter[Any] = Counter()
        for row in self.world.logs:
            by, tenant = row.get("claimed_by", "none"), None
            if by != "none":
                tenant = self.of_name(row["claim"], row["day"])
            if tenant is None and by in ("claim", "key"):
                tenant = f"(unknown:{row['claim']})"
            whose = (tenant, by) if tenant else ("(unattributed)", "none")
            counted[row["hour"], *whose] += row["requests"]
        return counted

    def cost(self) -> dict[Any, Fraction]:
        """By day and tenant."""
        found: dict[Any, Fraction] = defaultdict(Fraction)
        used: dict[date, Counter[str]] = defaultdict(Counter)
        for (hour, tenant), units in self.usage().items():
            used[hour.date()][tenant] += units
        for row in self.world.charges:
            day, amount = row["charge_day"], Fraction(row["effective_cost"])
            own = row.get("resource_id") and self.of_resource(row["resource_id"], day)
            own = own or (
                row.get("sub_account_id")
                and self.of_name(row["sub_account_id"], day, "account", "id", "alias")
            )
            shares: Counter[str] = Counter()
            if own:
                shares[own] = 1
            elif row["service_name"] == "Disk":
                shares.update(row["tenant_id"] for row in self.world.listed() if is_active(row, day))
            elif row["service_name"] == "Compute":
                shares = used[day]
            else:
                shares[NOBODY] = 1
            for tenant, share in shares.items():
                found[day, tenant] += amount * share / shares.total()
        return found

    def revenue(self) -> dict[Any, Fraction]:
        found: dict[Any, Fraction] = defaultdict(Fraction)
        for month in MONTHS:
            days = monthrange(month.year, month.month)[1]
            for day in (month + timedelta(days=n) for n in range(days)):
                for row in self.world.subscriptions:
                    if is_active(row, day):
                        owed = Fraction(row["amount"]) * 2 / days / (12 if row["interval"] == "year" else 1)
                        found[month, self.known(row["tenant_id"], day)] += owed
        return found


def is_active(row: Row, day: date) -> bool:
    started, ended = row.get("started_on"), row.get("ended_on")
    return (started is None or started <= day) and (ended is None or day < ended)


def differing(found: dict[Any, Any], expected: dict[Any, Any]) -> list[Any]:
    """The keys whose figures are not near each other."""
    keys = {*found, *expected}
    return [key for key in keys if abs(Fraction(found.get(key, 0)) - expected.get(key, 0)) > NEAR]


def is_as_worked_out(vendor: SmallVendor, world: World) -> None:
    answers = Answers(world)
    units = vendor.query(
        "SELECT hour, tenant_id, sum(units) AS n FROM usage_hourly WHERE meter = 'ms' GROUP BY ALL"
    )
    assert not differing({(r.hour, r.tenant_id): r.n for r in units}, answers.usage())
    requests = vendor.query(
        "SELECT hour, tenant_id, resolved_by, sum(requests) AS n FROM requests GROUP BY ALL"
    )
    assert not differing({(r.hour, r.tenant_id, r.resolved_by): r.n for r in requests}, answers.requests())
    costs = vendor.query(
        "SELECT charge_day, tenant_id, sum(effective_cost) AS n FROM tenant_cost GROUP BY ALL"
    )
    assert not differing({(r.charge_day, r.tenant_id): r.n for r in costs}, answers.cost())
    revenue = vendor.query("SELECT month, tenant_id, revenue AS n FROM margin")
    assert not differing({(r.month, r.tenant_id): r.n for r in revenue}, answers.revenue())


@pytest.mark.parametrize("seed", range(2))
def test_whose_all_is_follows_the_tenants_lives_however_late_it_comes(tmp_path: Path, seed: int) -> None:
    world = World(seed)
    world.comes_in(40)
    vendor = SmallVendor(tmp_path / "lake", Policy(rules=RULES))
    vendor.land(world.charges, world.listed(), world.usages, subscriptions=world.subscriptions,
                logs=world.logs, more={Resources: [*world.resources.values()]})  # fmt: skip
    vendor.build()
    is_as_worked_out(vendor, world)
    for _ in range(3):
        for _ in range(3):
            world.happens()
        late = world.comes_in(10)
        land(vendor, Tenants, world.listed())
        land(vendor, Subscriptions, world.subscriptions)
        land(vendor, Resources, [*world.resources.values()])
        for dataset, rows in ((Usage, world.usages), (AccessHours, world.logs)):
            for day in late:
                land(vendor, dataset, [row for row in rows if row["day"] == day], day)
        build(vendor)
        is_as_worked_out(vendor, world)
    assert not differs_from_a_build_from_nothing(vendor)

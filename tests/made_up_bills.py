"""Bills and the rules that share them, made up from numbers: as nasty as data may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from small_vendor import BASES, charge, tenant, usage

from tenantry.methods.policy import Capacity, Match, Meter, Policy, Rule, Rung, Strategy

DAYS = [date(2028, 1, 31), *(date(2028, 2, d) for d in (1, 2, 28, 29)), date(2028, 3, 1), date(2028, 3, 31)]
AMOUNTS = [
    *map(Decimal, ("0", "1E-18", "-1E-18", "1E-9", "-1E-9", "0.01", "1", "3", "-1", "-123.456789", "1E+3")),
    *map(Decimal, ("99999.999999999999999999", "-31415.926535897932384626", "1E+12", "-1E+12", "1E+17")),
]
QUANTITIES = [
    *map(Decimal, ("0", "1E-9", "1", "2", "7", "0.333333333", "1E+6", "1E+12", "987654321.987654321", "-1"))
]
WEIGHTS = [*map(Decimal, ("1", "5", "0.13", "0.000000001", "100"))]
NASTY = [
    "O'Brien; DROP TABLE x --", "50% _off_ |pipe| \\ ^", "line\nbreak", "\u202eright to left", "👩‍👩‍👧", "x" * 300,
    "$start $end", '"quoted"', "Äpfel ẞ", "a,b", "trailing ",
]  # fmt: skip


@dataclass
class Books:
    """Many bills in one: each has its own account, services, pools and meters; tenants and users are everybody's."""

    policy: Policy
    tenants: list[dict[str, Any]]
    users: list[dict[str, Any]]
    bills: list[Bill] = field(default_factory=list)
    charges: list[dict[str, Any]] = field(default_factory=list)
    usages: list[dict[str, Any]] = field(default_factory=list)

    def rows(self) -> dict[str, Any]:
        return {"charges": self.charges, "tenants": self.tenants, "usages": self.usages, "users": self.users}


def books(seeds: Sequence[int]) -> Books:
    """One bill for each seed, under one policy."""
    everybody = Random(sum(seeds))
    tenants = made_up_tenants(everybody)
    called = [
        *(row["tenant_id"] for row in tenants),
        "Alias of one",
        "alias OF ONE ",
        "claimed by two",
        "stranger",
    ]
    users = [
        {"day": day, "tenant_id": everybody.choice(called), "users": Decimal(everybody.randint(0, 9))}
        for day in DAYS
        if everybody.random() < 0.5
    ]
    users = list({(row["day"], row["tenant_id"]): row for row in users}.values())
    made = [Bill(Random(seed), f"w{place}", called) for place, seed in enumerate(seeds)]
    coarse = (Meter(meter="calls"), Meter(meter="other calls", weight=Decimal(3)))[
        : everybody.choice([0, 0, 1, 2])
    ]
    policy = Policy(rules=tuple(rule for bill in made for rule in bill.rules()), coarse=coarse)
    policy.check_cascades()
    found = Books(policy, tenants, users, made)
    for bill in made:
        found.charges += bill.charges()
        found.usages += bill.usages()
    return found


def made_up_tenants(random: Random) -> list[dict[str, Any]]:
    if random.random() < 0.05:
        return []
    names = [*random.sample(NASTY, random.randint(0, 4)), *(f"t{i}" for i in range(random.randint(1, 6)))]
    found = []
    for place, name in enumerate(names):
        row = tenant(
            name, aliases=["Claimed by two"] if place < 2 else [], resources=[f"r{place}", f"r/{place}/*"]
        )
        if place == 0:
            row["aliases"] += ["Alias of one", "moved@..2028-02-02"]
        if place == 1:
            row["aliases"] += ["moved@2028-02-02..2028-03-01"]
        if random.random() < 0.3:
            row["started_on"] = random.choice(DAYS)
        if random.random() < 0.3:
            row["ended_on"] = random.choice(DAYS)
        found.append(row)
    return found


class Bill:
    def __init__(self, random: Random, name: str, called: Sequence[str]) -> None:
        self.random, self.name, self.called = random, name, [*called, "moved"]
        nasty = [random.choice(NASTY) if random.random() < 0.2 else "" for _ in range(4)]
        self.services = [f"{name} s{i} {text}" for i, text in enumerate(nasty)]
        self.pools = [f"{name} p{i} {text}" for i, text in enumerate(nasty)]
        self.meters = [f"{name} m{i}" for i in range(3)]
        self.currencies = [f"{name}A", random.choice(["USD", f"{name}B"])]
        first = random.randrange(len(DAYS))
        self.days = DAYS[first : first + random.randint(1, 3)]

    def rules(self) -> list[Rule]:
        mine = Match(account=(self.name,))
        found = []
        if self.random.random() < 0.6:
            by = self.random.choice(["tag:tenant", "account_name", "resource"])
            found.append(Rule(pool=f"{self.name} silo", match=mine, strategy=Strategy.SILO, by=by))
        if self.random.random() < 0.2:
            credit = mine.model_copy(update={"category": ("cred*",)})
            found.append(Rule(pool=f"{self.name} credits", match=credit, strategy=Strategy.CENTRAL))
        circle = self.random.random() < 0.15
        for place, service in enumerate(self.services):
            if self.random.random() < 0.8:
                match = mine.model_copy(update={"service": (service.replace("*", "?"),)})
                found.append(Rule(pool=self.pools[place], match=match, **self._sharing(place, circle=circle)))
        if self.random.random() < 0.2:
            found.append(Rule(match=mine, grain=self.random.choice(["hour", "day"])))
        return found

    def _sharing(self, place: int, *, circle: bool) -> dict[str, Any]:
        random = self.random
        strategies = ["driver"] * 8 + ["even", "fixed", "proportional", "proportional", "central"]
        if place < 3:
            strategies += ["cascade"] * (8 if circle else 2)
        strategy = Strategy(random.choice(strategies))
        rungs = tuple(rung for rung in Rung if random.random() < (0.3 if rung is Rung.COARSE else 0.6))
        sharing: dict[str, Any] = {
            "strategy": strategy,
            "fallback": rungs,
            "last_good_days": random.choice([0, 1, 1, 7, 31]),
        }
        if strategy is Strategy.FIXED:
            sharing["shares"] = self._parts(random.sample(self.called, random.randint(1, 3)))
        elif strategy is Strategy.PROPORTIONAL:
            sharing["basis"] = random.choice(
                ["service", "all", ",".join(self.pools[:2]), f"{self.name} silo"]
            )
        elif strategy is Strategy.CASCADE:
            later = [*self.pools[place + 1 :], f"{self.name} silo", self.services[3]]
            if circle:
                sharing["reciprocal"] = True
                later += self.pools[:place]
            targets = random.sample(later, random.randint(1, len(later)))
            if random.random() < 0.5:
                sharing["shares"] = self._parts({*targets, "elsewhere"} if circle else set(targets))
            else:
                sharing["targets"] = tuple(targets)
        elif strategy is Strategy.DRIVER:
            sharing.update(self._driver())
        return sharing

    def _driver(self) -> dict[str, Any]:
        random = self.random
        meters = [
            Meter(
                meter=meter,
                weight=random.choice(WEIGHTS),
                service=random.choice([None, None, None, None, "", self.services[0]]),
                region=random.choice([None, None, None, None, "eu", ""]),
            )
            for meter in random.sample(self.meters, random.choice([0, 1, 1, 1, 2, 2, 3]))
        ]
        combine = random.choice(["sum", "sum", "max", "shares"])
        capacity = None
        if meters and combine != "shares" and random.random() < 0.4:
            size = {"meter": f"{self.name} cap"} if random.random() < 0.5 else {"units_per_hour": "2.5"}
            idle = random.choice(["show", "central", "proportional"])
            capacity = Capacity.model_validate({**size, "idle": idle})
        return {
            "meters": tuple(meters),
            "combine": combine,
            "capacity": capacity,
            "grain": random.choice(["hour", "hour", "day"]),
        }

    def _parts(self, names: Sequence[str] | set[str]) -> dict[str, Decimal]:
        listed = sorted(names)
        cuts = sorted(self.random.sample(range(1, 1000), len(listed) - 1))
        widths = [b - a for a, b in zip([0, *cuts], [*cuts, 1000], strict=True)]
        return {name: Decimal(width).scaleb(-3) for name, width in zip(listed, widths, strict=True)}

    def charges(self) -> list[dict[str, Any]]:
        return [self._charge() for _ in range(self.random.randint(1, 12))]

    def _charge(self) -> dict[str, Any]:
        random = self.random
        day = random.choice(self.days)
        begin = datetime.combine(day, datetime.min.time()) + timedelta(hours=random.choice([0, 0, 1, 5, 23]))
        length = random.choice(
            [timedelta(hours=1), timedelta(hours=1), timedelta(days=1), timedelta(days=30)]
        )
        if length > timedelta(hours=1):
            begin = datetime.combine(day, datetime.min.time())
        row: dict[str, Any] = {
            "charge_day": day,
            "charge_period_start": begin,
            "charge_period_end": begin + length,
            "billing_period": day.replace(day=1),
            "sub_account_id": self.name,
            "service_name": random.choice(self.services),
            "billing_currency": random.choice(self.currencies),
            "charge_category": random.choice(["Usage", "Usage", "Tax", "Credit"]),
        }
        if random.random() < 0.15:
            row |= {"billing_period": date(2028, 4, 1), "charge_class": "Correction"}
        for column, odds in (("sub_account_name", 0.2), ("resource_id", 0.2), ("tags", 0.3)):
            if random.random() < odds:
                row[column] = self._naming(column)
        one = self._amount()
        same = random.random() < 0.6
        return (
            charge("0")
            | row
            | {basis: one if same else self._amount() for basis in BASES}
            | {"billing_period_start": datetime.combine(row["billing_period"], datetime.min.time())}
        )

    def _naming(self, column: str) -> Any:
        random = self.random
        if column == "resource_id":
            return random.choice(["r0", "r/1/x", "r/0/", "r/9/", "nothing"])
        name = random.choice([*self.called, " ", "unknown 'one'"])
        return name if column == "sub_account_name" else {"tenant": name}

    def _amount(self) -> Decimal:
        if self.random.random() < 0.5:
            return self.random.choice(AMOUNTS)
        return Decimal(self.random.randint(-(10**9), 10**12)).scaleb(-self.random.randint(0, 18))

    def usages(self) -> list[dict[str, Any]]:
        return [self._usage() for _ in range(self.random.randint(0, 16))]

    def _usage(self) -> dict[str, Any]:
        random = self.random
        hour, day = random.choice([0, 0, 1, 5, 23]), random.choice([self.days[0], random.choice(self.days)])
        meters = [*self.meters * 3, "calls", "other calls", f"{self.name} cap"]
        return usage(
            random.choice(self.called),
            random.choice(QUANTITIES),
            f"{day.isoformat()}T{hour:02}",
            meter=random.choice(meters),
            service_name=random.choice([None, self.services[0], self.services[1], "*"]),
            feature_id=random.choice([None, "search", "it's"]),
            region=random.choice([None, "eu", "us", "*"]),
        )

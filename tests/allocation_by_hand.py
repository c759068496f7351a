"""Allocation once more, in plain Python fractions: what the tables must hold, stage by stage.

Written from the documented rules, for tests only: clear before fast. Each stage starts from the rows that the stage
before really gave, so that one error shows once.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

from small_vendor import BASES

from tenantry.kernel.money import EXACT
from tenantry.kernel.time import month_start, next_month
from tenantry.methods.policy import Meter, Policy, Rule, Rung, Strategy, part_pool
from tenantry.methods.sharing import split

Row = Any
Money4 = tuple[int, int, int, int]
Who = tuple[str, str]
"""Tenant and feature."""
Weights = Mapping[Who, Fraction]

NOT_TENANTS = {"(shared)", "(unallocated)", "(idle)"}


def units(amount: Decimal) -> int:
    return int(EXACT.scaleb(amount, 18))


def money(row: Mapping[str, Any]) -> Money4:
    b, e, li, c = (units(row[basis]) for basis in BASES)
    return b, e, li, c


def added(amounts: Iterable[Money4]) -> Money4:
    b, e, li, c = (sum(column) for column in zip(*amounts, strict=True))
    return b, e, li, c


# --- names ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Name:
    kind: str
    name: str
    tenant: str
    start: date | None
    end: date | None

    def holds(self, day: date) -> bool:
        return (self.start is None or self.start <= day) and (self.end is None or day < self.end)


def names_of(tenants: Sequence[Mapping[str, Any]]) -> list[Name]:
    found = []
    for row in tenants:
        found.append(Name("id", row["tenant_id"].strip(" "), row["tenant_id"], None, None))
        for kind, column in (("alias", "aliases"), ("account", "accounts"), ("resource", "resources")):
            for entry in row.get(column) or ():
                dated = re.fullmatch(r"(.*)@([0-9-]*)\.\.([0-9-]*)", entry, re.DOTALL)
                text, first, last = dated.groups() if dated else (entry, "", "")
                start, end = (date.fromisoformat(d) if d else None for d in (first, last))
                found.append(Name(kind, text, row["tenant_id"], start, end))
    return found


def tenant_named(names: Sequence[Name], text: str, day: date, kinds: Sequence[str]) -> str | None:
    grades: dict[str, int] = {}
    for n in names:
        if n.kind in kinds and n.holds(day) and n.name.strip(" ").lower() == text.strip(" ").lower():
            grade = 2 * (n.name == text) + (n.kind == "id")
            grades[n.tenant] = max(grade, grades.get(n.tenant, 0))
    return _only_best(grades)


def tenant_of_resource(names: Sequence[Name], text: str, day: date) -> str | None:
    grades: dict[str, int] = {}
    for n in names:
        prefix = n.name.endswith("*") and text.startswith(n.name[:-1])
        if n.kind == "resource" and n.holds(day) and (n.name == text or prefix):
            grades[n.tenant] = max(len(n.name), grades.get(n.tenant, 0))
    return _only_best(grades)


def _only_best(grades: Mapping[str, int]) -> str | None:
    best = [tenant for tenant, grade in grades.items() if grade == max(grades.values())]
    return best[0] if len(best) == 1 else None


# --- pool_cost -----------------------------------------------------------------------------------------


def pool_cost(
    policy: Policy, tenants: Sequence[Mapping[str, Any]], charges: Sequence[Mapping[str, Any]]
) -> dict[tuple[Any, ...], tuple[int, Money4]]:
    """Number of charges and money by the keys of `pool_cost`."""
    names = names_of(tenants)
    cells: dict[tuple[Any, ...], list[Money4]] = defaultdict(list)
    for charge in charges:
        rule, tenant = _rule_of(policy, names, charge)
        pool = charge["service_name"] if rule is None or rule.pool == "{service}" else rule.pool
        span, start = _span(charge, rule)
        note = rule.by or "" if rule else ""
        key = (
            charge["charge_day"], charge["billing_period"], charge["billing_currency"], pool, tenant,
            charge["service_name"], charge.get("sub_account_id") or "", span, start, note,
        )  # fmt: skip
        cells[key].append(money(charge))
    return {key: (len(found), added(found)) for key, found in cells.items()}


def _rule_of(policy: Policy, names: Sequence[Name], charge: Mapping[str, Any]) -> tuple[Rule | None, str]:
    for rule in policy.rules:
        if not _matches(rule, charge):
            continue
        if rule.by is None:
            return rule, ""
        tenant = _silo_tenant(rule.by, names, charge)
        if tenant is not None:
            return rule, tenant
    return None, ""


def _matches(rule: Rule, charge: Mapping[str, Any]) -> bool:
    columns = {
        "service": "service_name", "account": "sub_account_id", "category": "charge_category",
        "charge_class": "charge_class", "description": "charge_description",
    }  # fmt: skip
    wanted = [(getattr(rule.match, name), charge.get(column)) for name, column in columns.items()]
    wanted += [(patterns, (charge.get("tags") or {}).get(key)) for key, patterns in rule.match.tags.items()]
    return all(any(_like(p, value or "") for p in patterns) for patterns, value in wanted if patterns)


def _like(pattern: str, value: str) -> bool:
    return _pattern(pattern).fullmatch(value.lower()) is not None


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern.lower())
    return re.compile("".join(parts), re.DOTALL)


def _silo_tenant(by: str, names: Sequence[Name], charge: Mapping[str, Any]) -> str | None:
    day = charge["charge_day"]
    if by == "resource":
        text = charge.get("resource_id")
        return tenant_of_resource(names, text, day) if text else None
    if by in ("account", "account_name"):
        text = charge.get("sub_account_id" if by == "account" else "sub_account_name")
        return tenant_named(names, text, day, ("account", "id", "alias")) if text else None
    text = (charge.get("tags") or {}).get(by.removeprefix("tag:"))
    if not text or not text.strip(" "):
        return None
    return tenant_named(names, text, day, ("id", "alias")) or f"(unknown:{text.strip(' ')})"


def _span(charge: Mapping[str, Any], rule: Rule | None) -> tuple[str, datetime]:
    start: datetime = charge["charge_period_start"]
    length = charge["charge_period_end"] - start
    if length > timedelta(hours=25):
        return "month", start.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    by_hour = rule is None or (rule.strategy is Strategy.DRIVER and rule.grain == "hour")
    if length <= timedelta(hours=1) and by_hour:
        return "hour", start.replace(minute=0, second=0, microsecond=0)
    return "day", start.replace(hour=0, minute=0, second=0, microsecond=0)


# --- usage_hourly --------------------------------------------------------------------------------------


def usage_hourly(
    tenants: Sequence[Mapping[str, Any]], usages: Sequence[Mapping[str, Any]]
) -> dict[tuple[Any, ...], int]:
    """Units by the keys of `usage_hourly`."""
    names = names_of(tenants)
    cells: dict[tuple[Any, ...], int] = defaultdict(int)
    for event in usages:
        key = (
            event["time"].replace(minute=0, second=0, microsecond=0),
            _known(names, event["tenant_id"], event["day"]),
            event.get("feature_id") or "", event.get("service_name") or "", event.get("region") or "",
            event["meter"],
        )  # fmt: skip
        cells[key] += int(EXACT.scaleb(event["quantity"], 9))
    return dict(cells)


def _known(names: Sequence[Name], text: str, day: date) -> str:
    return tenant_named(names, text, day, ("id", "alias")) or f"(unknown:{text})"


# --- allocation ----------------------------------------------------------------------------------------


@dataclass
class Cell:
    """What one cell is shared by: the exact share of each, and how far off an engine may be."""

    given: dict[Who, list[Fraction]] = field(default_factory=lambda: defaultdict(lambda: [Fraction(0)] * 4))
    due: Money4 = (0, 0, 0, 0)
    size: Money4 = (0, 0, 0, 0)
    rates: set[Any] = field(default_factory=set)
    rows: int = 1
    """So many rows of usage, at most, make up one sharer's weight."""
    weight: dict[Who, Fraction] = field(default_factory=lambda: defaultdict(Fraction))

    def add(self, due: Money4, weights: Weights, when: Any = None) -> None:
        """Share `due`; lines of the same `when` have the same weights, and so one rate."""
        total = sum(weights.values())
        for who, weight in weights.items():
            share = self.given[who]
            self.given[who] = [s + Fraction(c) * weight / total for s, c in zip(share, due, strict=True)]
            self.weight[who] += weight if when not in self.rates else 0
        self.due = added((self.due, due))
        self.size = added((self.size, tuple(map(abs, due))))  # pyright: ignore[reportArgumentType]
        self.rates.add(when)

    def allowance(self, basis: int) -> Fraction:
        """How far a share may be off: a unit at the end and for each rate; of its cell, the 18th digit for each rate
        and, where weights pass 10^26, the 25th for each of its rows. Derived in tenantry.datasets.shares.
        """
        cell = Fraction(2 * len(self.rates), 10**18) + Fraction(self.rows, 10**25)
        return len(self.rates) + 1 + cell * self.size[basis]


class Sharing:
    """Weights by which pools are shared, from usage, users and tenants."""

    def __init__(
        self,
        policy: Policy,
        tenants: Sequence[Mapping[str, Any]],
        users: Sequence[Mapping[str, Any]],
        usage: Sequence[Row],
    ) -> None:
        self.policy, self.tenants, self.users = policy, tenants, users
        self.names = names_of(tenants)
        self.by_meter: dict[str, list[Row]] = defaultdict(list)
        for row in usage:
            if row.units > 0:
                self.by_meter[row.meter].append(row)
        self.parts = {
            part_pool(rule, meter): (rule, meter)
            for rule in policy.pools().values()
            if rule.combine == "shares"
            for meter in rule.meters
        }
        self._hours: dict[str, dict[datetime, dict[Who, Fraction]]] = {}

    def rule(self, pool: str) -> Rule:
        """How a pool is shared; a pool without a rule has a driver that is always silent."""
        if pool in self.policy.pools():
            return self.policy.pools()[pool]
        if pool in self.parts:
            return self.parts[pool][0]
        if any(r.strategy is Strategy.SILO and r.pool == pool for r in self.policy.rules):
            return Rule(pool=pool, strategy=Strategy.PROPORTIONAL, basis=pool)
        return Rule(pool=pool, fallback=(Rung.COARSE, Rung.PROPORTIONAL, Rung.EVEN))

    def hours(self, pool: str) -> dict[datetime, dict[Who, Fraction]]:
        """What was used of a pool in each hour, and what was idle."""
        if pool not in self._hours:
            if pool == "@calls":
                self._hours[pool] = self._metered(self.policy.coarse, sum)
            elif pool in self.parts:
                rule, _ = self.parts[pool]
                meters = [
                    m.model_copy(update={"weight": Decimal(1)})
                    for m in rule.meters
                    if part_pool(rule, m) == pool
                ]
                self._hours[pool] = self._metered(meters, sum)
            else:
                rule = self.rule(pool)
                self._hours[pool] = self._metered(rule.meters, max if rule.combine == "max" else sum)
                self._add_idle(rule, self._hours[pool])
        return self._hours[pool]

    def rows(self, pool: str) -> int:
        """How many rows of usage there are, at most, of one sharer of a pool; idle capacity has one an hour."""
        counts = Counter(
            (row.tenant_id, row.feature_id)
            for meter in (self.policy.coarse if pool == "@calls" else self.rule(pool).meters)
            for row in self.by_meter[meter.meter]
        )
        counts.update(who for used in self.hours(pool).values() for who in used if who[0] in NOT_TENANTS)
        return max(counts.values(), default=1)

    def _metered(
        self, meters: Sequence[Meter], combine: Callable[[Iterable[Fraction]], Fraction | int]
    ) -> dict[datetime, dict[Who, Fraction]]:
        found: dict[datetime, dict[Who, dict[str, Fraction]]] = defaultdict(
            lambda: defaultdict(lambda: defaultdict(Fraction))
        )
        for meter in meters:
            for row in self.by_meter[meter.meter]:
                if meter.service in (None, row.service_name) and meter.region in (None, row.region):
                    cell = found[row.hour][row.tenant_id, row.feature_id]
                    cell[meter.meter] += Fraction(row.units) * Fraction(meter.weight)
        return {
            hour: {who: Fraction(combine(list(cell.values()))) for who, cell in cells.items()}
            for hour, cells in found.items()
        }

    def _add_idle(self, rule: Rule, hours: dict[datetime, dict[Who, Fraction]]) -> None:
        capacity = rule.capacity
        if capacity is None or capacity.idle == "proportional":
            return
        full: dict[datetime, Fraction] = defaultdict(Fraction)
        first = Fraction(rule.meters[0].weight)
        if capacity.units_per_hour is not None:
            for day in {hour.date() for hour in hours}:
                for n in range(24):
                    hour = datetime.combine(day, time(n))
                    full[hour] = Fraction(capacity.units_per_hour) * first * 10**9
        else:
            for row in self.by_meter[capacity.meter or ""]:
                full[row.hour] += Fraction(row.units) * first
        name = "(idle)" if capacity.idle == "show" else "(unallocated)"
        for hour, most in full.items():
            used = sum(hours.get(hour, {}).values())
            if most > used:
                hours.setdefault(hour, {})[name, ""] = most - used

    def between(self, pool: str, start: date, end: date) -> dict[Who, Fraction]:
        found: dict[Who, Fraction] = defaultdict(Fraction)
        for hour, cells in self.hours(pool).items():
            if start <= hour.date() < end:
                for who, weight in cells.items():
                    found[who] += weight
        return dict(found)

    def active(self, start: date, end: date) -> dict[Who, Fraction]:
        """Days on which each tenant was active."""
        found = {}
        for row in self.tenants:
            first = max(start, row.get("started_on") or start)
            last = min(end, row.get("ended_on") or end)
            if last > first:
                found[row["tenant_id"], ""] = Fraction((last - first).days)
        return found

    def active_users(self, start: date, end: date) -> dict[Who, Fraction]:
        found: dict[Who, Fraction] = defaultdict(Fraction)
        for row in self.users:
            if start <= row["day"] < end and row["users"] > 0:
                found[_known(self.names, row["tenant_id"], row["day"]), ""] += Fraction(row["users"])
        return dict(found)

    def scope(self, pool: str, span: str, start: datetime) -> tuple[Weights, str, str]:
        """Weights, rung and reason for a pool's money of a span; no weights: it is not shared here."""
        rule, day = self.rule(pool), start.date()
        end = next_month(day) if span == "month" else day + timedelta(days=1)
        per = "month" if span == "month" else "day"
        if rule.strategy is Strategy.CENTRAL:
            return {}, "unallocated", "central by policy"
        if rule.strategy in (Strategy.PROPORTIONAL, Strategy.CASCADE):
            return {}, "unallocated", "follows other cost"
        if rule.strategy is Strategy.FIXED:
            parts = {(name, ""): Fraction(part) for name, part in rule.shares.items() if part}
            return parts, "coarse", "fixed shares"
        if rule.strategy is Strategy.EVEN:
            tries = [(self.active(day, end), "coarse", "even over active tenants")]
        else:
            tries = [
                (self.hours(pool).get(start, {}) if span == "hour" else {}, "fine", "usage by hour"),
                (self.between(pool, day, end), "fine", f"usage by {per}"),
            ]
            if Rung.COARSE in rule.fallback:
                tries += [
                    (self.between("@calls", day, end), "coarse", f"all usage by {per}"),
                    (self.active_users(day, end), "coarse", "active users"),
                ]
            if Rung.LAST_GOOD in rule.fallback:
                tries += [self._past(pool, day, rule.last_good_days)]
        return next((t for t in tries if t[0]), ({}, "unallocated", "no usage"))

    def _past(self, pool: str, day: date, most: int) -> tuple[Weights, str, str]:
        days = {hour.date() for hour in self.hours(pool)}
        near = [d for d in days if d < day and (day - d).days <= most]
        if not near:
            return {}, "", ""
        return (
            self.between(pool, max(near), max(near) + timedelta(days=1)),
            "fallback",
            f"ratio of {max(near)}",
        )


def allocation(
    sharing: Sharing, pools: Sequence[Row], routes: Sequence[Row]
) -> tuple[dict[tuple[Any, ...], Cell], dict[tuple[Any, ...], Money4]]:
    """Cells that drivers share, by (charge_day .. sub_account_id, rung, reason); and rows that stand as they are, by
    the keys of `allocation`: silo, central and what `overhead` gives out.
    """
    ways: dict[tuple[Any, ...], list[tuple[str, int]]] = defaultdict(list)
    for r in routes:
        ways[r.charge_day, r.currency, r.pool, r.whole_month].append((r.driver_pool, int(r.weight)))
    rows: dict[tuple[Any, ...], list[Money4]] = defaultdict(list)
    lines: dict[tuple[Any, ...], list[Money4]] = defaultdict(list)
    for p in pools:
        head = (p.charge_day, p.billing_period, p.currency, p.pool)
        tail = (p.service_name, p.sub_account_id)
        if p.tenant_id:
            key = (*head, p.pool, *tail, p.tenant_id, "", "silo", f"named by {p.note}", "")
            rows[key].append(money(p))
        else:
            lines[*head, *tail, p.span, p.span_start].append(money(p))
    cells: dict[tuple[Any, ...], Cell] = defaultdict(Cell)
    for (day, period, currency, pool, service, account, span, start), found in lines.items():
        due = added(found)
        way = ways.get((day, currency, pool, int(span == "month"))) or [(pool, 1)]
        parts = [split(c, way) if c else dict.fromkeys(dict(way), 0) for c in due]
        for driver_pool, _ in way:
            b, e, li, c = (part[driver_pool] for part in parts)
            weights, rung, reason = sharing.scope(driver_pool, span, start)
            head = (day, period, currency, pool, driver_pool, service, account)
            if weights:
                when = start if reason == "usage by hour" else (start.date(), span == "month")
                cell = cells[*head, rung, reason]
                cell.add((b, e, li, c), weights, when)
                cell.rows = max(
                    cell.rows, sharing.rows("@calls" if reason.startswith("all ") else driver_pool)
                )
            else:
                central = reason == "central by policy"
                tenant = "(unallocated)" if central else "(shared)"
                kind = "" if central else "month" if span == "month" else "day"
                rows[*head, tenant, "", rung, reason, kind].append((b, e, li, c))
    return dict(cells), {key: added(found) for key, found in rows.items()}


def rung_and_reason(tenant: str, rung: str, reason: str) -> tuple[str, str]:
    """What stands on the row of a cell: idle capacity has its own."""
    if tenant == "(idle)":
        return "unallocated", f"capacity nobody used: {reason}"
    if tenant == "(unallocated)":
        return "unallocated", f"idle capacity, central by policy: {reason}"
    return rung, reason


# --- overhead ------------------------------------------------------------------------------------------


def overhead(sharing: Sharing, allocated: Sequence[Row]) -> dict[tuple[Any, ...], Cell]:
    """Cells by the keys of `overhead` without the tenant."""
    shared: dict[tuple[Any, ...], list[Money4]] = defaultdict(list)
    borne = [row for row in allocated if row.tenant_id not in NOT_TENANTS]
    for a in allocated:
        if a.tenant_id == "(shared)":
            key = (
                a.charge_day, a.billing_period, a.currency, a.pool, a.driver_pool, a.service_name,
                a.sub_account_id, a.span,
            )  # fmt: skip
            shared[key].append(money(a))
    cells: dict[tuple[Any, ...], Cell] = {}
    for (day, period, currency, pool, driver_pool, service, account, span), found in shared.items():
        rule = sharing.rule(driver_pool)
        weights, rung, reason = _follow(sharing, borne, rule, day, currency, service, account, span)
        cell = cells[day, period, currency, pool, driver_pool, service, account, rung, reason, span] = Cell()
        cell.add(added(found), weights)
    return cells


def _follow(
    sharing: Sharing,
    borne: Sequence[Row],
    rule: Rule,
    day: date,
    currency: str,
    service: str,
    account: str,
    span: str,
) -> tuple[Weights, str, str]:
    proportional = rule.strategy is Strategy.PROPORTIONAL
    basis = rule.basis if proportional else "all"
    start = month_start(day) if span == "month" else day
    end = next_month(start) if span == "month" else day + timedelta(days=1)

    def bear(first: date, last: date, holds: Callable[[Row], bool]) -> Weights:
        found: dict[Who, Fraction] = defaultdict(Fraction)
        for row in borne:
            if first <= row.charge_day < last and row.currency == currency and holds(row):
                found[row.tenant_id, ""] += units(row.effective_cost)
        return {who: weight for who, weight in found.items() if weight > 0}

    month = month_start(day), next_month(day)
    rung = "coarse" if proportional else "fallback"
    tries: list[tuple[Weights, str, str]] = []
    if basis == "service":
        same = "follows cost of the same service"
        tries += [
            (bear(*month, lambda r: (r.service_name, r.sub_account_id) == (service, account)), rung, same),
            (bear(*month, lambda r: r.service_name == service), rung, same),
        ]
    elif basis != "all":
        # A pool's own name may hold a comma: it is named where it stands whole between two.
        pools = f",{basis.replace(' ', '')},"
        tries.append(
            (
                bear(start, end, lambda r: f",{r.pool.replace(' ', '')}," in pools),
                rung,
                f"follows cost of {basis}",
            )
        )
    if Rung.PROPORTIONAL in rule.fallback or (proportional and basis == "all"):
        reason = "follows all cost" if proportional else "no usage: follows all cost"
        tries.append((bear(start, end, lambda _: True), rung, reason))
    if Rung.EVEN in rule.fallback:
        tries.append(
            (sharing.active(start, end), "fallback", "even over active tenants: no other cost to follow")
        )
    for found in tries:
        if found[0]:
            return found
    reason = "no usage, " if rule.strategy is Strategy.DRIVER else ""
    reason += "no other cost" if Rung.PROPORTIONAL in rule.fallback or proportional else "no fallback"
    reason += ", no active tenant" if Rung.EVEN in rule.fallback else ""
    return {("(unallocated)", ""): Fraction(1)}, "unallocated", reason


# --- comparison ----------------------------------------------------------------------------------------


def differences(
    cells: Mapping[tuple[Any, ...], Cell], actual: Mapping[tuple[Any, ...], Mapping[Who, Money4]]
) -> list[str]:
    """What the actual rows of cells have that the exact shares do not allow."""
    wrong = [
        f"{key}: {'missing' if key in cells else 'not expected'}" for key in cells.keys() ^ actual.keys()
    ]
    for key in cells.keys() & actual.keys():
        cell, rows = cells[key], actual[key]
        if cell.given.keys() != rows.keys():
            wrong.append(f"{key}: {sorted(rows)} instead of {sorted(cell.given)}")
            continue
        most = max(cell.weight.values()) * (1 - Fraction(2, 10**17))
        for basis, name in enumerate(BASES):
            if sum(row[basis] for row in rows.values()) != cell.due[basis]:
                wrong.append(f"{key}: {name} does not sum to {cell.due[basis]} units")
            off = {who: abs(row[basis] - cell.given[who][basis]) for who, row in rows.items()}
            far = [who for who, by in off.items() if by > cell.allowance(basis)]
            heirs = [who for who in far if cell.weight[who] >= most]
            if (
                far != heirs
                or len(heirs) > 1
                or any(off[w] > len(rows) * cell.allowance(basis) for w in heirs)
            ):
                wrong.append(f"{key}: {name} is off by {[(w, float(off[w])) for w in far]} units")
            if len(cell.rates) == 1 and any(row[basis] * cell.due[basis] < 0 for row in rows.values()):
                wrong.append(f"{key}: {name} has shares against its sign")
    return wrong

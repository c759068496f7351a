"""Histories of a vendor's data, made up: bills restated, usage late or twice, names and rules that change.

Many worlds share a lake and its builds. Each has a bill and usage of its own, half a year from the next, so that no
world's change is another's: what happens to one is a history by itself. Only tenants and policy are everybody's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
from building import build, land
from made_up_bills import Bill, books, made_up_tenants
from pyarrow import parquet
from small_vendor import SmallVendor

from tenantry.datasets import ActiveUsers, Charges, Tenants, Usage
from tenantry.engine.lake import arrow_schema
from tenantry.methods.policy import Policy
from tenantry.runtime.ingest import ingest
from tenantry.sources import SOURCES

APART = timedelta(days=182)
NOW = datetime(2060, 1, 1, tzinfo=UTC)
Row = dict[str, Any]


class World:
    """One history: a bill and its usage, and what happens to them."""

    def __init__(self, bill: Bill, place: int, random: Random) -> None:
        self.bill, self.random, self.place = bill, random, place
        self.charges = self._bill()
        self.usages: list[Row] = []
        self.events = 0

    def happens(self) -> tuple[str, list[Row], list[Row], list[Row]]:
        """What comes in next: its name, then rows of bills, of usage and of active users."""
        kind = self.random.choice([self.late, self.late, self.again, self.restated, self.corrected, self.counted,
                                   self.quiet])  # fmt: skip
        return kind.__name__, *kind()

    def quiet(self) -> tuple[list[Row], list[Row], list[Row]]:
        return [], [], []

    def late(self) -> tuple[list[Row], list[Row], list[Row]]:
        """Usage that nobody has seen, of days long built."""
        return [], self._more_usage(), []

    def again(self) -> tuple[list[Row], list[Row], list[Row]]:
        """Usage and a bill that came before; of some events another quantity this time."""
        known = self.random.sample(self.usages, self.random.randint(0, len(self.usages)))
        for row in known:
            if self.random.random() < 0.2:
                row["quantity"] += 1
        return self.charges if self.random.random() < 0.5 else [], known, []

    def restated(self) -> tuple[list[Row], list[Row], list[Row]]:
        """A bill as another delivery has it: other days, other amounts."""
        period = self.random.choice(self.charges)["billing_period"]
        redrawn = [row for row in self._bill() if row["billing_period"] == period]
        if redrawn:
            self.charges = [row for row in self.charges if row["billing_period"] != period] + redrawn
        return redrawn, [], []

    def corrected(self) -> tuple[list[Row], list[Row], list[Row]]:
        """Corrections, in a later period, of days long billed."""
        later = max(row["billing_period"] for row in self.charges) + timedelta(days=31)
        found = [self._in_period({**row, "charge_class": "Correction"}, later) for row in self._bill()]
        self.charges += found
        return found, [], []

    def counted(self) -> tuple[list[Row], list[Row], list[Row]]:
        called = self.random.sample(self.bill.called, min(2, len(self.bill.called)))
        day = self.random.choice(self.bill.days) + APART * self.place
        users = {name: self.random.randint(0, 9) for name in called}
        return [], [], [{"day": day, "tenant_id": n, "users": users[n]} for n in users]

    def _more_usage(self) -> list[Row]:
        rows = [self._shifted(row, "day", "time") for row in self.bill.usages()]
        for row in rows:
            row["id"] = f"{self.bill.name}:{self.events}"
            self.events += 1
        self.usages += rows
        return rows

    def _bill(self) -> list[Row]:
        rows = [
            self._shifted(row, "charge_day", "charge_period_start", "charge_period_end")
            for row in self.bill.charges()
        ]
        return [
            self._in_period(
                {**row, "billing_account_id": self.bill.name},
                row["charge_day"] + timedelta(days=31 if row.get("charge_class") else 0),
            )
            for row in rows
        ]

    def _shifted(self, row: Row, *names: str) -> Row:
        return {**row, **{name: row[name] + APART * self.place for name in names}}

    def _in_period(self, row: Row, day: date) -> Row:
        first = day.replace(day=1)
        return {
            **row,
            "billing_period": first,
            "billing_period_start": datetime.combine(first, datetime.min.time()),
        }


class Histories:
    """Worlds in one lake, round by round. Bills and usage come as files and go through landing as a stranger's do."""

    def __init__(self, folder: Path, seed: int, worlds: int) -> None:
        self.random = Random(seed)
        made = books(range(seed * worlds, (seed + 1) * worlds))
        self.vendor = SmallVendor(folder / "lake", made.policy)
        self.folder = folder
        self.rules = made.policy
        self.worlds = [World(bill, k, Random(f"{seed} {k}")) for k, bill in enumerate(made.bills)]
        self.seen: Counter[str] = Counter()
        self.files = 0
        land(self.vendor, Tenants, made.tenants)
        self._take([c for w in self.worlds for c in w.charges], [u for w in self.worlds for u in w.late()[1]])

    def go(self, rounds: int) -> None:
        """So many rounds of changes, with a build after most of them and one at the end."""
        build(self.vendor)
        for number in range(rounds):
            happened = [world.happens() for world in self.worlds]
            self.seen.update(name for name, *_ in happened)
            self._take([c for h in happened for c in h[1]], [u for h in happened for u in h[2]])
            for users in (h[3] for h in happened if h[3]):
                land(self.vendor, ActiveUsers, users, users[0]["day"])
            if self.random.random() < 0.4:
                change = self.random.choice([self.renamed, self.decided])
                self.seen[change.__name__] += 1
                change()
            if number == rounds - 1 or self.random.random() < 0.6:
                build(self.vendor)

    def renamed(self) -> None:
        """Tenants, aliases, or when they held."""
        land(self.vendor, Tenants, made_up_tenants(self.random))

    def decided(self) -> None:
        """Another policy: some rules left out, other meters where a driver is silent."""
        kept = [rule for rule in self.rules.rules if self.random.random() < 0.9]
        coarse = self.rules.coarse[: self.random.randint(0, 2)]
        self.vendor.policy = Policy(rules=tuple(kept), coarse=coarse)

    def _take(self, charges: list[Row], usages: list[Row]) -> None:
        paths = [*self._file(Charges, charges, focus), *self._file(Usage, usages, str)]
        if not paths:
            return
        again = [*paths, *paths[: self.random.randint(0, 1)]]  # a delivery may come twice
        for path in again:
            ingest(self.vendor.engine, SOURCES, [str(path)], NOW)

    def _file(self, dataset: Any, rows: list[Row], name: Callable[[str], str]) -> Iterator[Path]:
        if not rows:
            return
        schema = arrow_schema(dataset)
        columns = [c for c in schema.names if any(row.get(c) is not None for row in rows)]
        table = pa.Table.from_pylist(
            [{c: row.get(c) for c in columns} for row in rows], pa.schema([schema.field(c) for c in columns])
        )
        self.files += 1
        path = self.folder / f"{dataset.table()}-{self.files}.parquet"
        kept = [
            c for c in columns if c not in ("day", "charge_day", "billing_period") and not c.startswith("x_")
        ]
        parquet.write_table(table.select(kept).rename_columns([name(c) for c in kept]), path)
        yield path


def focus(column: str) -> str:
    """A column's name as FOCUS writes it."""
    return "".join(word.capitalize() for word in column.split("_"))

"""Writes the demo vendor: a year of a SaaS company's files, and beside them what really happened."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from . import api, prices
from .alb import write_logs
from .answers import known_answers
from .bill import Bill
from .customers import Subscription, subscriptions, write_customers
from .dedicated import Dedicated
from .deliveries import write_bill
from .dice import Ints
from .focus import focus_table
from .ingress import log_truth, logged
from .metering import Metering
from .overhead import charge_overhead, correct
from .plan import Plan, make_plan
from .product import FEATURES, VENDOR
from .rules import settings_text
from .shared import Commitment, Region
from .traffic import Cells, month_of_requests
from .truth import Truth, slot_sums

_COMMITTED_PERCENTILE = 70
_ANSWERS = Path("truth", "truth.json")
_FOLDERS = ("bills", "usage", "logs", "truth")


def write_vendor(
    folder: Path,
    *,
    months: int = 14,
    tenants: int = 240,
    end: date = date(2026, 11, 1),
    seed: int = 7,
    noise: float = 1.0,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a made-up SaaS vendor's files into a folder: the same for the same arguments, on every machine.

    `bills/` FOCUS 1.2, a folder per billing period: the first month as CSV, one month delivered twice (the later
    delivery holds); `tenants.csv`, `subscriptions.csv`, `active_users.csv`; `usage/` Parquet, a file per month;
    `logs/` load balancers' logs of the last month and `openapi.json`; `tenantry.toml` with the vendor's business
    context and allocation rules. `truth/` is for checking only: `tenant_cost.parquet`, `feature_cost.parquet`,
    `logged_requests.parquet`, `truth.json` (docs/explanation/demo-vendor.md says what they mean).
    An earlier demo vendor in the folder is replaced.

    `months` whole months up to `end`. `noise` multiplies the meters' errors; 0 makes them exact. `progress` is called
    with months done and months in all. Raises `invalid` for a vendor too small.
    """
    plan = make_plan(seed, months, tenants, end)
    _clear(folder)
    paid = subscriptions(plan)
    rows = write_customers(folder, plan, paid)
    year = _Year(plan, Metering(plan, noise))
    for done, month in enumerate(plan.months, start=1):
        year.write_month(folder, month_of_requests(plan, month))
        if progress:
            progress(done, months)
    year.write_truth(folder, paid, rows)
    document = json.dumps(api.document(), indent=1) + "\n"
    (folder / "logs" / "openapi.json").write_text(document, encoding="utf-8")
    (folder / "tenantry.toml").write_text(settings_text(VENDOR), encoding="utf-8")


def _clear(folder: Path) -> None:
    """Have the folder without an earlier vendor, also one that a killed process left half written."""
    answers = folder / _ANSWERS
    if answers.is_file():
        # The answers last: by them it is known.
        for name in _FOLDERS:
            if (folder / name).exists():
                shutil.rmtree(folder / name)
    for name in ("bills", "usage", "truth"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    answers.touch()


class _Year:
    """Goes through the months, and carries what bills remember: the Savings Plan and the month to correct."""

    def __init__(self, plan: Plan, metering: Metering) -> None:
        self.plan, self.metering = plan, metering
        self.truth = Truth(plan)
        self.bills: list[pa.Table] = []
        self.usage_rows = 0
        self.uses = np.zeros(len(FEATURES), dtype=np.int64)
        self.log_lines: dict[str, int] = {}
        self.hourly = 0
        self.wrong: Cells | None = None

    def write_month(self, folder: Path, cells: Cells) -> None:
        bill = self._bill(cells)
        self.bills.append(focus_table(bill))
        write_bill(folder / "bills", self.plan, bill, self.bills[-1])
        usage = self.metering.table(cells)
        self.usage_rows += len(usage)
        pq.write_table(usage, folder / "usage" / f"usage-{cells.month:%Y-%m}.parquet", compression="zstd")
        self.uses += slot_sums(cells.feature, cells.consumed["requests"], len(FEATURES))
        if cells.month == self.plan.months[-1]:
            lines = logged(self.plan, cells)
            self.log_lines = write_logs(folder / "logs", self.plan, lines)
            truth = log_truth(self.plan, lines)
            pq.write_table(truth, folder / "truth" / "logged_requests.parquet", compression="zstd")

    def write_truth(self, folder: Path, paid: list[Subscription], rows: dict[str, int]) -> None:
        pq.write_table(self.truth.tenant_cost(), folder / "truth" / "tenant_cost.parquet", compression="zstd")
        pq.write_table(
            self.truth.feature_cost(), folder / "truth" / "feature_cost.parquet", compression="zstd"
        )
        rows = {
            **rows,
            "usage": self.usage_rows,
            "usage_distinct": sum(self.metering.issued.values()),
            "bills": sum(map(len, self.bills)),
            **{f"log_{kind}": lines for kind, lines in self.log_lines.items()},
        }
        uses = dict(zip(FEATURES, self.uses.tolist(), strict=True))
        answers = known_answers(self.truth, self.bills, paid, rows, uses)
        (folder / _ANSWERS).write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")

    def _bill(self, cells: Cells) -> Bill:
        bill = Bill(cells.month)
        regions = [Region(self.plan, bill, self.truth, cells, i) for i in range(2)]
        nodes = [region.nodes() for region in regions]
        commitment = self._commitment(cells, nodes[0])
        for region, count in zip(regions, nodes, strict=True):
            region.charge(count, commitment)
        Dedicated(self.plan, bill, self.truth, cells).charge()
        charge_overhead(self.plan, bill, self.truth, commitment)
        if self.wrong:
            correct(bill, self.truth, self.wrong)
        self.wrong = regions[0].cells if cells.month == self.plan.story.corrected else None
        return bill

    def _commitment(self, cells: Cells, nodes: Ints) -> Commitment | None:
        """Sized once, by the busy hours of the month in which it begins."""
        if cells.month == self.plan.story.commitment:
            busy = int(np.sort(nodes)[len(nodes) * _COMMITTED_PERCENTILE // 100])
            self.hourly = busy * prices.NODE_COMMITTED["eu-central-1"]
        if not self.hourly:
            return None
        return Commitment(self.hourly, np.full(len(cells.hours), self.hourly, dtype=np.int64))

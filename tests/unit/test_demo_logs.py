"""The demo vendor's access logs: proportional to the hidden traffic, and as AWS writes them."""

from __future__ import annotations

import gzip
import re
from datetime import date
from pathlib import Path

import numpy as np

from tenantry.sources.demo.alb import write_logs
from tenantry.sources.demo.ingress import EVERY, Lines, logged
from tenantry.sources.demo.plan import Plan, make_plan
from tenantry.sources.demo.traffic import Cells, month_of_requests

MONTH = date(2026, 2, 1)


def vendor() -> tuple[Plan, Cells, Lines]:
    plan = make_plan(seed=7, months=3, tenants=24, end=date(2026, 3, 1))
    cells = month_of_requests(plan, MONTH)
    return plan, cells, logged(plan, cells)


def test_each_tenants_requests_with_a_feature_are_counted_on_and_every_so_many_is_logged():
    plan, cells, lines = vendor()
    assert not plan.compute_shared[cells.tenant].all()
    assert plan.compute_shared[lines.tenant].all()
    start = cells.hours[0]
    true = np.zeros((plan.size, 12, len(cells.hours)), dtype=np.int64)
    np.add.at(true, (cells.tenant, cells.feature, cells.hour), cells.consumed["requests"])
    true[~plan.compute_shared] = 0
    seen = np.zeros_like(true)
    np.add.at(seen, (lines.tenant, lines.feature, lines.hour - start), 1)
    assert seen.sum() > 10_000
    assert (abs(seen.cumsum(axis=2) * EVERY - true.cumsum(axis=2)) < EVERY).all()


def test_files_are_named_and_foldered_as_aws_does_and_hold_33_fields(tmp_path: Path):
    plan, _, lines = vendor()
    counts = write_logs(tmp_path, plan, lines)
    files = sorted(tmp_path.rglob("*.gz"))
    assert len(files) == 2 * 28 == counts["malformed"]
    named = re.compile(
        r"AWSLogs/(\d{12})/elasticloadbalancing/([a-z0-9-]+)/2026/02/(\d\d)/"
        r"\1_elasticloadbalancing_\2_app\.[a-z-]+\.[0-9a-f]{16}_202602\3T2355Z_[0-9.]+_[0-9a-z]+\.log\.gz"
    )
    assert all(named.fullmatch(str(file.relative_to(tmp_path))) for file in files)
    text = gzip.decompress(files[0].read_bytes()).decode().splitlines()
    fields = [re.findall(r'"[^"]*"|[^" ]+', line) for line in text]
    assert sorted({len(found) for found in fields if found[0] == "h2"}) == [14, 33]
    assert [len(found) for found in fields].count(14) == 1
    times = [found[1] for found in fields if found[0] == "h2"]
    assert times == sorted(times)
    assert {time[:10] for time in times} == {"2026-02-01"}

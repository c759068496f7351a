"""From a service that meters itself, through OpenTelemetry's SDK and encoders, to usage in the lake: exactly."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from otlp_protobuf import after_four_bytes
from shop import Shop

from tenantry import app
from tenantry.datasets import UsageHourly
from tenantry.datasets.counters import UsageCounters
from tenantry.datasets.usage import Usage
from tenantry.engine.build import Builder
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake

ROOT = Path(__file__).parents[2]
Told = Counter[tuple[str, str, str]]


def process(*command: str) -> subprocess.Popen[str]:
    """A Python process that imports what this one does."""
    paths = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    return subprocess.Popen([sys.executable, *command], text=True, stdout=subprocess.PIPE, env=paths)


def emitted(folder: Path, temporality: str) -> Told:
    """What two processes of one service did, one after the other; their requests are in the folder."""
    told: Told = Counter()
    for seed in ("1", "2"):
        service = process(str(ROOT / "tests" / "emitting.py"), seed, temporality, str(folder))
        answer, _ = service.communicate(timeout=60)
        assert service.returncode == 0
        told.update(
            {(meter, tenant, feature): Fraction(n) for meter, tenant, feature, n in json.loads(answer)}
        )
    return told


def used(shop: Shop) -> Told:
    Builder(shop.engine, app.catalog(), lambda _: {}).build([UsageHourly])
    shop.engine.attach([UsageHourly])
    rows = shop.engine.query(
        "SELECT meter, tenant_id, feature_id, sum(units) AS units FROM usage_hourly GROUP BY ALL"
    )
    return Counter({
        (row.meter, re.sub(r"\(unknown:(.*)\)", r"\1", row.tenant_id), row.feature_id): Fraction(row.units) / 10**9
        for row in rows
    })  # fmt: skip


def shop(folder: Path, now: datetime) -> Shop:
    (folder / "in").mkdir(parents=True)
    return Shop(folder / "in", DuckDB(Lake(folder / "lake"), "1GB"), now)


@pytest.mark.parametrize("temporality", ["delta", "cumulative"])
def test_usage_is_what_the_service_did_in_either_encoding(
    tmp_path: Path, now: datetime, temporality: str
) -> None:
    (tmp_path / "sent").mkdir()
    did = emitted(tmp_path / "sent", temporality)
    lakes = {}
    for encoding in ("pb", "json"):
        lakes[encoding] = lake = shop(tmp_path / encoding, now)
        requests = [path.read_bytes() for path in sorted((tmp_path / "sent").glob(f"*.{encoding}"))]
        several = after_four_bytes(*requests[:3]) if encoding == "pb" else b"\n".join(requests[:3])
        # The second process is heard of first, the first's readings come in no order, and some twice.
        for name, content in enumerate([*requests[4:], several]):
            lake.put(f"{name}", content)
        # In the other encoding they are the same.
        twice = (tmp_path / "sent" / "1-1.pb").read_bytes()
        landed = [lake.land(), lake.land(lake.put("late", requests[3]), lake.put("twice", twice))]
        assert not any(one.quarantined or one.problems for one in landed)
        assert used(lake) == did
    assert lakes["pb"].rows(Usage) == lakes["json"].rows(Usage)
    assert lakes["pb"].rows(UsageCounters) == lakes["json"].rows(UsageCounters)


def test_the_example_of_a_service_is_metered_by_tenant_and_feature(tmp_path: Path, now: datetime) -> None:
    service = process(str(ROOT / "examples" / "notes_service.py"), "0", str(tmp_path / "usage.otlp"))
    assert service.stdout
    address = service.stdout.readline().strip()

    def ask(tenant: str, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(address + path, body, {"X-Tenant-Id": tenant})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    try:
        for note in (b"buy milk", b"sell milk", b"rest"):
            ask("acme", "/notes", note)
        assert ask("acme", "/notes?q=milk") == b"buy milk\nsell milk\n"
        assert ask("beta", "/export") == b""
        assert ask("acme", "/export") == b"buy milk\nsell milk\nrest\n"
    finally:
        service.send_signal(signal.SIGTERM)
        answer, _ = service.communicate(timeout=30)
    assert "stopped" in answer
    lake = shop(tmp_path / "shop", now)
    assert not lake.land(tmp_path / "usage.otlp").quarantined
    found: dict[Any, Any] = {
        what: amount for what, amount in used(lake).items() if what[0] != "usage.seconds"
    }
    assert found == {
        ("usage.calls", "acme", "/notes"): 4, ("usage.calls", "acme", "search"): 1,
        ("usage.calls", "acme", "/export"): 1, ("usage.calls", "acme", "export"): 1,
        ("usage.calls", "beta", "/export"): 1, ("usage.calls", "beta", "export"): 1,
        ("usage.items", "acme", "/notes"): 3, ("usage.items", "acme", "search"): 2,
        ("usage.items", "acme", "export"): 3,
        ("usage.bytes", "acme", "/notes"): 34, ("usage.bytes", "acme", "/export"): 24,
        ("usage.bytes", "acme", "export"): 24,
    }  # fmt: skip
    assert {what for what in used(lake) if what[0] == "usage.seconds"} == {
        ("usage.seconds", tenant, feature) for _, tenant, feature in found
    }

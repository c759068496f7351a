"""Calls of others' servers: one start for many, ended cleanly, and counted in our own books within a day's limits."""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import stranger

from tenantry.datasets import Usage
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.errors import Kind, TenantryError
from tenantry.kernel import Catalog, Principal
from tenantry.runtime.call import Runtime
from tenantry.runtime.outward import Outward, OutwardLimits
from tenantry.runtime.state import State
from tenantry.sources.mcp import Pins, Server, read_capabilities, read_servers
from tenantry.sources.mcp.client import opened
from tenantry.sources.mcp.kept import LINES
from tenantry.sources.own_usage import outward_usage

NOW = datetime(2026, 7, 1, 9, tzinfo=UTC)


def server(folder: Path, **more: Any) -> Server:
    """The stranger, which notes each of its starts."""
    argv = [stranger.__file__, "plain", str(folder / "calls")]
    start = (
        f"import os, runpy, sys; open({str(folder / 'starts')!r}, 'a').write(f'{{os.getpid()}}\\n'); "
        f"sys.argv = {argv!r}; runpy.run_path({stranger.__file__!r}, run_name='__main__')"
    )
    tools = {name: {"effect": "read"} for name in ("costs", "fails", "crashes")}
    table = {"command": sys.executable, "args": ["-c", start], "tools": tools, "timeout_seconds": 20, **more}
    return read_servers({"far": table})["far"]


def starts(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "starts").read_text().split()]


def runtime(folder: Path, found: Server) -> Runtime:
    with opened(found) as session:
        pins = Pins({}).allow(found, session.offers())
    (folder / "starts").unlink()
    catalog = Catalog(read_capabilities({"far": found}, pins), (), ())
    return Runtime(DuckDB(Lake(folder / "lake")), catalog, lambda: NOW, lambda _: {})


def ended(pid: int) -> bool:
    until = monotonic() + 10
    while monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        sleep(0.05)
    return False


def test_a_server_is_started_once_for_many_calls_and_ended_with_us(tmp_path: Path) -> None:
    here = runtime(tmp_path, server(tmp_path))
    for _ in range(3):
        assert here.call("mcp_far", "costs", {}).data.data["requests"] == 77
    (pid,) = starts(tmp_path)
    os.kill(pid, signal.SIGKILL)  # one that died is started anew
    assert here.call("mcp_far", "costs", {}).data.data["requests"] == 77
    with pytest.raises(TenantryError):  # over which something failed is not kept
        here.call("mcp_far", "crashes", {})
    assert here.call("mcp_far", "costs", {}).data.data["requests"] == 77
    assert len(starts(tmp_path)) == 3
    LINES.close()
    assert all(map(ended, starts(tmp_path)))


def test_a_server_that_nobody_asks_for_a_while_is_ended(tmp_path: Path) -> None:
    here = runtime(tmp_path, server(tmp_path, idle_seconds=0.1))
    here.call("mcp_far", "costs", {})
    assert all(map(ended, starts(tmp_path)))
    here.call("mcp_far", "costs", {})
    assert len(starts(tmp_path)) == 2
    assert all(map(ended, starts(tmp_path)))


class Books:
    """What counts the calls of a runtime that calls nobody."""

    def __init__(
        self, folder: Path, limits: OutwardLimits, prices: dict[tuple[str, str | None], Decimal]
    ) -> None:
        self.now, self.state = NOW, State(f"sqlite:///{folder / 'state.db'}")
        self.outward = Outward(lambda: self.state, lambda: self.now, limits, prices)

    def count(self, tool: str = "costs") -> None:
        self.outward.count(Principal("ada"), "mcp_far", tool)


def test_a_day_has_its_calls(tmp_path: Path) -> None:
    books = Books(tmp_path, OutwardLimits(calls=2), {})
    books.count()
    books.count()
    with pytest.raises(TenantryError, match=r"limits\.outward_calls_per_day"):
        books.count()
    books.now += timedelta(days=1)
    books.count()
    books.state.close()


def test_a_day_has_its_money_and_what_has_no_price_is_refused(tmp_path: Path) -> None:
    books = Books(tmp_path, OutwardLimits(cost=Decimal("0.025")), {("mcp_far", "costs"): Decimal("0.01")})
    books.count()
    books.count()
    with pytest.raises(TenantryError, match=r"limits\.outward_cost_per_day"):
        books.count()
    with pytest.raises(TenantryError, match=r"nobody said what a call of mcp_far\.fails costs") as raised:
        books.count("fails")
    assert (raised.value.kind, "cost_per_call" in raised.value.hint) == (Kind.LIMIT_EXCEEDED, True)
    books.state.close()


def test_calls_are_in_our_own_books_once(tmp_path: Path) -> None:
    books = Books(tmp_path, OutwardLimits(), {("mcp_far", None): Decimal("0.01")})
    books.count()
    books.count("fails")
    engine = DuckDB(Lake(tmp_path / "lake"))
    for landed in (2, 0):
        found = books.outward.land(engine, lambda c: [*outward_usage(c.id, c.at, c.tenant_id, c.cost)])
        assert found == landed
    engine.attach([Usage])
    rows = engine.query("SELECT meter, sum(quantity) AS quantity FROM usage GROUP BY meter ORDER BY meter")
    assert [(row["meter"], row["quantity"]) for row in rows] == [
        ("outward_calls", 2),
        ("outward_usd", Decimal("0.02")),
    ]
    books.state.close()


def test_the_door_counts_before_it_calls(tmp_path: Path) -> None:
    here = runtime(tmp_path, server(tmp_path, idle_seconds=0))
    books = Books(tmp_path, OutwardLimits(calls=1), {})
    here.outward = books.outward
    here.call("mcp_far", "costs", {})
    with pytest.raises(TenantryError) as raised:
        here.call("mcp_far", "costs", {})
    assert raised.value.kind is Kind.LIMIT_EXCEEDED
    assert len(starts(tmp_path)) == 1
    books.state.close()

"""What every test may rely on: no network, a fixed clock, real data, and in CI nothing skipped."""

from __future__ import annotations

import gc
import ipaddress
import os
import socket
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings

R = TypeVar("R", pytest.TestReport, pytest.CollectReport)
ROOT = Path(__file__).parents[1]
FIXTURES = ROOT.parent / "shared" / "fixtures"
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}

# As the command does, before anything imports numpy; two processes on two cores would wait for each other, too.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# No deadlines: an example's time depends on what else the machine does.
settings.register_profile("default", max_examples=50, deadline=None)
settings.register_profile("quick", max_examples=10, deadline=None)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True, database=None)
settings.register_profile(
    "long", max_examples=20_000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if IN_CI else "default"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest file first: nothing else has to wait for it at the end."""
    items.sort(key=lambda item: item.path.name != "test_spark.py")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Made-up requests would all have one id, and of tests with one id only one runs when processes share them."""
    if operation := getattr(item, "operation_label", None):
        item._id = item.id.with_params(operation)  # noqa: SLF001 (pytest takes it from nowhere else)


def pytest_collection_finish() -> None:
    """Modules and tests stay to the end: Python need not look again and again whether any of them is garbage."""
    gc.freeze()


def pytest_sessionfinish() -> None:
    gc.unfreeze()


@pytest.fixture
def now() -> datetime:
    """The clock of every test that needs one."""
    return datetime(2026, 7, 1, 3, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The folder of real bills and logs that lies beside a full checkout."""
    if not FIXTURES.is_dir():
        pytest.skip("the real data of ../shared/fixtures is not beside this checkout")
    return FIXTURES


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Generator[None, None, None]:
    connect, connect_ex, sendto = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _refuse_beyond_this_machine(self, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _refuse_beyond_this_machine(self, address)
        return connect_ex(self, address)

    def guarded_sendto(self: socket.socket, data: Any, *rest: Any) -> int:
        _refuse_beyond_this_machine(self, rest[-1])
        return sendto(self, data, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket.socket, "sendto", guarded_sendto)
        yield


def _refuse_beyond_this_machine(used: socket.socket, address: Any) -> None:
    if used.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    host = str(address[0])
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local:
        pytest.fail(f"a test tried to reach {host}: tests run without a network")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _failed_if_skipped_in_ci((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _failed_if_skipped_in_ci((yield))


def _failed_if_skipped_in_ci(report: R) -> R:
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"in CI nothing may be skipped, but: {reason}"
    return report

"""A lake filled anew, as by a profile or the demo: whole or not at all, whenever the process is killed."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from building import land
from small_vendor import CATALOG, SmallVendor, charge, tenant, usage

from tenantry.datasets import Charges, Tenants, Usage
from tenantry.errors import Kind, TenantryError
from tenantry.runtime.plane import ControlPlane

NOW = datetime(2026, 7, 1, tzinfo=UTC)


class Killed(BaseException):
    """Ends what is done as a kill does: nothing of ours stops it."""


class Opened(SmallVendor):
    """What a process has of a lake."""

    def __init__(self, lake: Path) -> None:
        super().__init__(lake)
        self.plane = ControlPlane(self.engine, CATALOG, lambda _: {}, lambda _: {}, lambda: NOW)

    def fill(self, cost: int) -> None:
        """With a bill, and with usage or tenants: other tables than the filling before."""
        land(self, Charges, [charge(cost)])
        if cost % 2:
            land(self, Tenants, [tenant("acme")])
        else:
            land(self, Usage, [usage("acme", 1)])

    def fill_alone(self, cost: int) -> None:
        with self.plane.alone():
            self.fill(cost)

    def held(self) -> dict[str, Any]:
        """What it would have of a bill of one charge, and which tables there are."""
        self.engine.attach([Charges])
        found = {row["billed_cost"] for row in self.query("SELECT billed_cost FROM charges")}
        return {"costs": found, "tables": {d.table() for d in CATALOG.datasets if self.lake.version(d) >= 0}}


def killed_while_it_fills(lake: Path, cost: int) -> None:
    """As a kill does, it leaves what was written, and no lock."""
    killed = Opened(lake)
    with pytest.MonkeyPatch.context() as patched, suppress(Killed), killed.plane.alone():
        killed.fill(cost)
        patched.setattr(shutil, "rmtree", lambda *_, **__: None)
        raise Killed


def filled(cost: int) -> dict[str, Any]:
    return {"costs": {cost}, "tables": {"charges", "tenants" if cost % 2 else "usage"}}


def test_until_it_is_whole_others_read_what_was_there(tmp_path: Path):
    Opened(tmp_path).fill_alone(1)
    other, filling = Opened(tmp_path), Opened(tmp_path)
    with filling.plane.alone():
        filling.fill(2)
        assert filling.held() == filled(2)
        assert other.held() == Opened(tmp_path).held() == filled(1)
    assert filling.held() == other.held() == Opened(tmp_path).held() == filled(2)


def test_only_one_fills_at_a_time(tmp_path: Path):
    first, second = Opened(tmp_path), Opened(tmp_path)
    with first.plane.alone():
        first.fill(1)
        with pytest.raises(TenantryError, match="is being filled by another") as refused:
            second.fill_alone(2)
    assert refused.value.kind is Kind.UNAVAILABLE
    assert Opened(tmp_path).held() == filled(1)
    second.fill_alone(2)
    assert Opened(tmp_path).held() == filled(2)


@pytest.mark.parametrize("before", [True, False])
def test_killed_while_it_fills_it_leaves_what_was_there_and_can_be_done_again(
    tmp_path: Path, *, before: bool
):
    if before:
        Opened(tmp_path).fill_alone(1)
    killed_while_it_fills(tmp_path, 2)
    assert Opened(tmp_path).held() == (filled(1) if before else {"costs": set(), "tables": set()})
    Opened(tmp_path).fill_alone(3)
    assert Opened(tmp_path).held() == filled(3)
    assert not (tmp_path / ".filling").exists()


def test_killed_while_it_takes_the_place_it_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real, moves, lived = os.replace, 0, False
    while not lived:
        lake = tmp_path / str(moves)
        Opened(lake).fill_alone(1)
        left = iter(range(moves))

        def replace(*paths: Any, left: Any = left) -> None:
            if next(left, None) is None:
                raise Killed
            real(*paths)

        with monkeypatch.context() as patched:
            patched.setattr(os, "replace", replace)
            with suppress(Killed):
                Opened(lake).fill_alone(2)
                lived = True
        with Opened(lake).plane.alone():
            # Whole by then, or not begun: never something of both.
            assert Opened(lake).held() == filled(2 if moves else 1)
            Opened(lake).plane.must_be_alone()
        Opened(lake).fill_alone(3)
        assert Opened(lake).held() == filled(3)
        moves += 1
    assert moves > 4


def test_what_was_landed_since_a_kill_is_not_deleted(tmp_path: Path):
    Opened(tmp_path).fill_alone(1)
    killed_while_it_fills(tmp_path, 2)
    landing = Opened(tmp_path)
    land(landing, Charges, [charge(7)])
    with pytest.raises(TenantryError) as refused:
        Opened(tmp_path).fill_alone(3)
    assert refused.value.kind is Kind.CONFLICT
    assert "would be deleted: charges" in refused.value.message
    assert Opened(tmp_path).held()["costs"] == {7}


def test_an_error_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    Opened(tmp_path).fill_alone(1)
    failing = Opened(tmp_path)
    monkeypatch.setattr(failing, "fill", lambda _: land(failing, Usage, [usage("acme", 1)]) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        failing.fill_alone(2)
    monkeypatch.undo()
    assert failing.held() == Opened(tmp_path).held() == filled(1)
    failing.fill_alone(2)
    assert Opened(tmp_path).held() == filled(2)

"""A control plane over a lake and a state store of its own, with a clock that tests set."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest

from tenantry import app
from tenantry.engine.duckdb import DuckDB
from tenantry.engine.lake import Lake
from tenantry.errors import TenantryError
from tenantry.kernel import AccessRole, Dataset, Principal
from tenantry.methods.policy import Policy
from tenantry.methods.routes import Routing
from tenantry.runtime.plane import ControlPlane
from tenantry.runtime.records import Records
from tenantry.runtime.state import State, audit

ADA = Principal("ada", role=AccessRole.OPERATOR)


class Vendor:
    """What tests act on: `do` calls a tool that acts, with a yes; `see` one that reads."""

    def __init__(self, lake: Path, url: str, today: str = "2026-07-01") -> None:
        self.engine = DuckDB(Lake(lake), "1GB")
        self.state = State(url)
        self.records = Records(self.state, self.engine, app.catalog())
        self.plane = ControlPlane(
            self.engine, app.catalog(), lambda _: {"policy": Policy()}, lambda _: {"policy": Policy()},
            lambda: self.now, {"routing": Routing()}, lambda: self.records, lambda: True,
        )  # fmt: skip
        self.on(today)

    def on(self, day: str | date) -> None:
        """Set the clock."""
        day = date.fromisoformat(day) if isinstance(day, str) else day
        self.now = datetime.combine(day, time(9), UTC)

    def do(self, tool: str, principal: Principal = ADA, **arguments: Any) -> Any:
        return self.plane.runtime.call("tenants", tool, arguments, principal, approved=True).data

    def see(self, tool: str, principal: Principal = ADA, **arguments: Any) -> Any:
        return self.plane.runtime.call("tenants", tool, arguments, principal).data

    def refused(self, tool: str, principal: Principal = ADA, **arguments: Any) -> TenantryError:
        """The error, of an act that left nothing behind."""
        before = self.audited()
        with pytest.raises(TenantryError) as raised:
            self.do(tool, principal, **arguments)
        assert self.audited() == before
        assert raised.value.hint
        return raised.value

    def rows(self, *datasets: type[Dataset]) -> list[Any]:
        self.engine.attach(datasets)
        return [
            [dataset.model_validate(row) for row in self.engine.query(f"FROM {dataset.table()} ORDER BY ALL")]
            for dataset in datasets
        ]

    def audited(self) -> int:
        with self.state.read() as connection:
            return audit.verify(connection)

    def ingest(self, folder: Path, name: str, lines: Sequence[str]) -> None:
        file = folder / name
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.plane.ingest([str(file)])

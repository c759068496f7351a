"""The demo: a made-up vendor's files, loaded like a stranger's, and held against the truth that came with them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..runtime.call import plain

if TYPE_CHECKING:
    from ..runtime.ingest import Ingested, Progress
    from ..runtime.plane import ControlPlane
    from .doors import Vendor

_INPUTS = ("bills", "usage", "tenants.csv", "subscriptions.csv", "active_users.csv")


def load_demo(
    doors: Vendor, lake: str | None, folder: str | None, months: int, tenants: int, tell: Progress
) -> tuple[ControlPlane, Ingested, dict[str, Any]]:
    """Write the vendor's files, land and build them under the vendor's own rules, and measure the allocation's error.

    Returns the plane, what was landed, and the error as a document. The lake holds the demo alone afterwards: raises
    `conflict` where that would delete data.
    """
    whole = doors.open_plane(lake)
    whole.must_be_alone()
    vendor = Path(folder) if folder else whole.engine.lake.path / "vendor"
    doors.write_vendor(
        vendor, months=months, tenants=tenants, progress=lambda done, of: tell("vendor", done, of)
    )
    rules = tomllib.loads((vendor / "tenantry.toml").read_text(encoding="utf-8"))["allocation"]
    plane = doors.open_plane(lake, rules)
    with plane.alone():
        ingested = plane.ingest([str(vendor / name) for name in _INPUTS], tell)
        plane.build((), tell)
        accuracy = plain(vars(doors.accuracy(plane.engine, vendor)))
    return plane, ingested, accuracy
